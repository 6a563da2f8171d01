/*
 * fetch: the door to HTTPS: one document from one host, and nothing that a web client would do
 * besides: no redirect, no proxy, no cookie, no cache, no name look-up of its own. fetch.c is the
 * real one (libcurl in JOB_DIRECTORY, the only file that includes it); tests give one that answers
 * from a table. One fetcher a loop, on its thread.
 */
#ifndef POSTERN_RELAY_FETCH_H
#define POSTERN_RELAY_FETCH_H

#include "base/err.h"
#include "base/span.h"
#include "net/endpoint.h"
#include "net/job.h"

enum { FETCH_ADDRESSES_MAX = 8, FETCH_HOST_SIZE = 256 };

/* Copied by the call. */
struct fetch_request {
    const char *host; /* its certificate must be good for that name (WebPKI) */
    uint16_t port;
    const char *path;                 /* "/.well-known/mta-sts.txt" */
    const struct endpoint *addresses; /* of the host, the only ones that are connected to */
    size_t address_count;             /* at least 1, FETCH_ADDRESSES_MAX at most */
    const char *trusted;              /* PEM file of authorities; "": the system's */
    int64_t timeout_ms;               /* for all of it, once it has begun */
    size_t size_max;                  /* of the document */
};

struct fetch_answer {
    int err; /* 0: status 200, text/plain, body is all of it. ERR_TLS: the host has not proved to be
                itself. ERR_REFUSED: another status or type. ERR_LIMIT: too large. ERR_TIMEOUT,
                ERR_UNREACHABLE: the network's, or no HTTP. */
    char why[FAULT_TEXT_MAX]; /* in words when err is set */
    struct span body;         /* hostile */
};

typedef void fetch_fn(void *owner, const struct fetch_answer *answer); /* borrowed */

struct fetch;
struct fetcher;

struct fetcher_ops {
    struct fetch *(*start)(struct fetcher *fetcher, const struct fetch_request *request,
                           fetch_fn *on_answer, void *owner);
    void (*cancel)(struct fetch *fetch);
    void (*free)(struct fetcher *fetcher);
};

/* First member of every implementation. */
struct fetcher {
    const struct fetcher_ops *ops;
};

/* Owned; its fetches are cancelled before. The port outlives it. */
struct fetcher *fetcher_create(struct job_port *port);
/* Accepts a pointer to NULL. */
static inline void fetcher_free(struct fetcher **fetcher)
{
    if (*fetcher != NULL)
        (*fetcher)->ops->free(*fetcher);
    *fetcher = NULL;
}

/* on_answer is called exactly once, never inside this call, unless cancelled. */
static inline struct fetch *fetch_start(struct fetcher *fetcher,
                                        const struct fetch_request *request, fetch_fn *on_answer,
                                        void *owner)
{
    return fetcher->ops->start(fetcher, request, on_answer, owner);
}
static inline void fetch_cancel(struct fetcher *fetcher, struct fetch **fetch)
{
    if (*fetch != NULL)
        fetcher->ops->cancel(*fetch);
    *fetch = NULL;
}

#endif
