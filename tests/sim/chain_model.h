/*
 * chain_model: what must be true of the mail of a world: each message with its recipients, what the
 * client heard, where it was seen, what its sender was told. It knows no server and no queue.
 *
 * Every message has a number, which is in its header and, but for a few, in each of its addresses:
 * "u2+t17@a.test", "r17.3@one.test", senders "u1+s17@a.test" and "s17@sender.test".
 */
#ifndef POSTERN_TESTS_CHAIN_MODEL_H
#define POSTERN_TESTS_CHAIN_MODEL_H

#include "base/buf.h"
#include "tests/sim/chain.h"

enum { CHAIN_RECIPIENTS_MAX = 4, CHAIN_ADDRESS_SIZE = 48 };

/* What a client heard. */
enum chain_heard { HEARD_NOTHING, HEARD_SENT, HEARD_ACCEPTED, HEARD_REFUSED };

/* A connection from one server to another or to a hop. */
struct chain_link {
    unsigned from; /* node */
    int to;        /* node, or -1 */
    bool fired;    /* it broke */
    struct chain_confirm *unacked;
};

/* A server or hop took the message for a recipient. */
struct chain_confirm {
    struct chain_confirm *next;    /* of the pair */
    struct chain_confirm *unacked; /* the next one of the link */
    struct chain_link *link;       /* NULL: from a client */
    bool is_acked;                 /* the giver said more on the link: it has read the answer */
    int64_t acked_ms;
    unsigned failed_batches; /* of the giver, then */
    bool is_excused;         /* the giver crashed, and did not know it any more */
    unsigned ghost_of;       /* refused after a commit that failed, unless this crash found it */
};

struct chain_pair {
    struct chain_message *message;
    char address[CHAIN_ADDRESS_SIZE]; /* as given in RCPT, or an alias's target */
    char alias[CHAIN_ADDRESS_SIZE];   /* or empty */
    unsigned notify;                  /* enum store_notify */
    bool is_taken;                    /* RCPT was answered 250 */
    bool may_fail;                    /* somebody said no for good */
    bool is_dsn_hop;                  /* a hop that reports took it */
    bool is_without_wishes;           /* given on after HELO, which knows no NOTIFY */
    unsigned copies, failed, delayed, delivered, relayed;
    struct chain_confirm *confirms;
};

struct chain_message {
    struct chain_model *model;
    unsigned number, entry; /* entry: the node that the client gave it to */
    char sender[CHAIN_ADDRESS_SIZE];
    bool hears; /* the sender has a mailbox */
    size_t body_len;
    enum chain_heard heard;
    unsigned ghost_of;   /* the same of a client's message; 0: no commit failed */
    int64_t accepted_us; /* wall */
    struct chain_pair pairs[CHAIN_RECIPIENTS_MAX];
    unsigned pair_count;
    struct chain_pair reports; /* address: the sender's; copies are reports */
    struct buf history;
};

struct chain_model {
    struct sim *sim;
    struct chain_message *messages;
    unsigned count;
    struct chain_link **links;
    size_t link_count, link_capacity;
    int64_t wall_max_us, expire_us;
    bool lied[32]; /* by chain_dns: of a domain's mail servers; see chain_dns.c */
    unsigned crashes;
    bool alias_failed; /* somebody said no to an alias's target */
    unsigned wrong;    /* how many messages are not as they must be */
    struct buf *story;
    struct buf events; /* what befell the servers, for the story */
};

void chain_model_init(struct chain_model *model, unsigned count);
void chain_model_deinit(struct chain_model *model);

/* A line of the message's history: "  12.345 s  ...". */
void chain_note(struct chain_message *message, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A line of what befell a server. */
void chain_event(struct chain_model *model, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* By the number in an address, or in the message's own header; NULL: none. */
struct chain_message *chain_message_of_address(struct chain_model *model, struct span address);
struct chain_message *chain_message_of_text(struct chain_model *model, struct span text);
/* The recipient by its address, with or without what stands behind '+'; or the sender. */
struct chain_pair *chain_pair_of(struct chain_message *message, struct span address);
/* The message as clients send it, CRLF ended, not dot-stuffed. */
void chain_put_text(const struct chain_message *message, struct buf *out);

struct chain_link *chain_link_create(struct chain_model *model, unsigned from);

/* A server or hop has it. */
void chain_confirmed(struct chain_pair *pair, struct chain_link *link, unsigned failed_batches);
/* The giver says more on the link. */
void chain_acked(struct chain_model *model, struct chain_link *link);
/* Whether the giver cannot know that it was taken: it may give it again. */
bool chain_is_excused(const struct chain_model *model, const struct chain_confirm *confirm);
/* After a crash the giver's queue still has the row of an address: a recipient, an alias or, of a
 * report, the sender. */
struct chain_row {
    unsigned node, failed_batches;
    struct span address;
    bool is_report;
};
void chain_unsettled(struct chain_message *message, const struct chain_row *row);
/* At its final place: a mailbox or a hop; text is whole, or the story says so. */
void chain_seen(struct chain_message *message, struct span address, struct span text,
                const char *where);
/* A report to a sender, at its final place. */
void chain_seen_report(struct chain_model *model, struct span text, const char *where);
void chain_judge(struct chain_model *model, struct chain_tally *tally);
/* Something was found that cannot be any message. */
void chain_unreadable(struct chain_model *model, const char *where);
/* Something is wrong with the message: into the story, with its history. */
void chain_wrong(struct chain_message *message, const struct chain_pair *pair, const char *what);

#endif
