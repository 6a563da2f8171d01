/*
 * hop: a scripted SMTP server for the relay to talk to: it says yes to everything but what its
 * rules say otherwise, and counts what happens. Greeted by LHLO it speaks LMTP: "." is then
 * answered once for each recipient, so its nth is the recipient's.
 */
#ifndef POSTERN_TESTS_FAKE_HOP_H
#define POSTERN_TESTS_FAKE_HOP_H

#include "net/conn.h"
#include "tests/sim/sim.h"

/* What a rule may do instead of answering. */
#define HOP_CLOSE   "close"   /* ends the connection, saying nothing */
#define HOP_SILENT  "silent"  /* says nothing and waits */
#define HOP_ENDLESS "endless" /* a reply of ten thousand lines */
#define HOP_LONG    "long"    /* a reply line of 1 MiB */

/* verb: "CONNECT" (the greeting), a command's first word, or "." (the final dot). nth: only the
 * n-th time on a connection; 0: always. reply: without CRLF, '|' between lines. */
struct hop_rule {
    const char *verb;
    unsigned nth;
    const char *reply;
};

enum { HOP_RULES_MAX = 4 };

struct hop {
    struct hop_rule rules[HOP_RULES_MAX]; /* up to the first without verb */
    unsigned bears; /* so many connections at once, further ones hear 421; 0: any number */
    /* When a verb has come, before its answer; may be NULL. */
    void (*on_verb)(void *owner, const char *verb);
    void *owner;
    unsigned connections, messages, recipients, quits;
    unsigned most_at_once, at_once;
    char last_message[4096];
    char last_envelope[1024]; /* its MAIL and RCPT lines */
    /* The lab's. */
    struct conn_env *env;
    struct conn_role role;
};

/* Listens on endpoint; the connections live in env. The hop outlives them. */
void hop_listen(struct hop *hop, struct sim *sim, struct conn_env *env,
                const struct endpoint *endpoint);

#endif
