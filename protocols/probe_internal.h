/* What the files of the probe share. */
#ifndef POSTERN_PROTOCOLS_PROBE_INTERNAL_H
#define POSTERN_PROTOCOLS_PROBE_INTERNAL_H

#include "base/buf.h"
#include "protocols/probe.h"

struct probe;

/* What a line of the server means to the command under way. */
enum probe_reply {
    PROBE_REPLY_MORE, /* a line of several, or one that nobody asked for */
    PROBE_REPLY_GOOD, /* the last line: it worked */
    PROBE_REPLY_BAD,  /* the last line: it did not */
    PROBE_REPLY_ASK,  /* a challenge: the client is to go on */
    PROBE_REPLY_NONSENSE
};

/* words: what stands behind code, tag or indicator. */
typedef struct verdict probe_reply_fn(struct probe *probe, enum probe_reply reply,
                                      struct span words);

/* A protocol. */
struct probe_row {
    const char *alpn;                   /* RFC 7301 registry; NULL: none */
    const char *offers, *upgrade, *bye; /* commands */
    const char *upgrade_offer;          /* the capability that stands for it */
    const char *auth;                   /* SASL command */
    const char *auth_offer;             /* what mechanisms stand behind among the offers */
    bool is_tagged;                     /* commands bear a tag */
    bool says_name;                     /* behind the command for offers */
    bool may_lack_offers;               /* RFC 1939 knows no CAPA */
    unsigned greeting_code, offers_code, upgrade_code, auth_code, bye_code; /* SMTP's successes */
    enum probe_reply (*read)(struct probe *probe, struct span line, struct span *words_out);
    /* Takes what an inner or last line of the capability reply offers. 0 or ERR_LIMIT. */
    int (*take_offer)(struct probe *probe, enum probe_reply reply, struct span words);
};

struct probe {
    struct host *host;
    const struct probe_service *service;
    const struct probe_row *row;
    bool is_upgraded, is_told; /* told: the owner has heard the result */
    enum probe_step step;
    probe_reply_fn *on_reply;
    int64_t deadline_ms; /* of the whole reply under way */
    /* The reply under way. */
    unsigned line_count, wanted_code, code; /* SMTP; code 0: no line yet */
    bool is_list;                           /* POP3: lines up to a dot */
    bool is_preauth;                        /* IMAP's greeting said so */
    unsigned tag;                           /* IMAP: of the command under way */
    struct buf offers;                      /* joined by '\n' */
    /* The login. */
    bool is_secret; /* the login is under way: challenges are not shown */
    const char *mechanism;
    struct buf initial; /* response that waits for the server's "+"; wiped */
    struct scram_client *scram;
};

/* probe.c */
/* Sends a command (a tag is put before it) and waits for its reply. */
struct verdict probe_command(struct probe *probe, enum probe_step step, unsigned wanted_code,
                             const char *text, probe_reply_fn *on_reply);
/* The same; `secret` follows the text on the line and is never told. is_command: with a tag. */
struct verdict probe_secret(struct probe *probe, bool is_command, const char *text,
                            struct span secret, probe_reply_fn *on_reply);
/* Tells the result, says goodbye. */
struct verdict probe_stop(struct probe *probe, enum probe_result result, struct span words);
/* Tells the result, closes without a word: the server does not keep to the protocol. */
struct verdict probe_drop(struct probe *probe, enum probe_result result, struct span words);
/* Whether one of the offers has `name` as its first word; *rest_out: what stands behind it. */
bool probe_offers(const struct probe *probe, const char *name, struct span *rest_out);

/* probe_login.c */
struct verdict probe_login(struct probe *probe);
void probe_login_free(struct probe *probe);
/* Whether the line holds the password or its coded form. */
bool probe_is_secret(const struct probe *probe, struct span line);

/* probe_rows.c */
extern const struct probe_row probe_rows[PROBE_PROTOCOL_COUNT];

#endif
