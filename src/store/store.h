/*
 * store: mailboxes, messages, users and the queue, kept on disk. It speaks the domain; nothing
 * above it knows SQL or files.
 *
 * How it is called: what memory knows (users, aliases) is answered at once; everything else is a
 * job (net/job.h) that the ..._create functions make. A session returns it in want_answer(); the
 * relay submits it by job_submit(); a subcommand runs it by job_run_now(). Inputs are copied or
 * taken as said; outputs live in the job until it is freed. `status` is 0 or a code of err.h, and
 * `fault` says why in words.
 *
 * What it promises: accepting a message is one transaction, durable before the job is answered. A
 * request that fails takes only itself down. UIDs and modseqs only go forward.
 *
 * Headers: store.h (open, watch), account.h (users, aliases), body.h (bytes in and out), accept.h
 * (mail in), mailbox.h (names, select, changes), entry.h (fetch, flags, expunge, append, copy),
 * search.h, queue_rows.h, view.h, history.h, tls_result.h.
 *
 * Thread: create functions on any thread; one process owns a store (store_open takes its lock).
 */
#ifndef POSTERN_STORE_STORE_H
#define POSTERN_STORE_STORE_H

#include "base/clock.h"
#include "base/entropy.h"
#include "base/file.h"
#include "base/span.h"
#include "conf/settings/store.h"
#include "net/job.h"

struct store;

struct store_options {
    const char *dir; /* holds store.db, segments/, bodies/, lock */
    const struct settings_store *settings;
    struct jobs *jobs;
    const struct clock *clock;
    const struct entropy *entropy;
    const struct file_ops *files; /* NULL: the machine's */
};

/* Makes an empty store in an existing directory; ERR_EXISTS when there is one. files: NULL: the
 * machine's. */
int store_make(const char *dir, const struct file_ops *files, struct fault *fault)
    __attribute__((warn_unused_result));
/* NULL with the reason in fault; fault->err is ERR_EXISTS when another process holds the lock. */
struct store *store_open(const struct store_options *options, struct fault *fault);
/* All jobs done, all ports detached. */
void store_close(struct store **store);

/* Once per loop, on its thread, before its first watch. */
void store_attach(struct store *store, struct job_port *port);
void store_detach(struct store *store, struct job_port *port);

struct store_watch;
/* on_change(owner) is called on the port's loop after commits that touched the mailbox (0: the
 * queue, told of entries that are due earlier than before, not of outcomes). It only says "ask".
 * Owned; freed before its port is detached. */
struct store_watch *store_watch_create(struct store *store, struct job_port *port, uint64_t mailbox,
                                       void (*on_change)(void *owner), void *owner);
void store_watch_free(struct store_watch **watch);

#endif
