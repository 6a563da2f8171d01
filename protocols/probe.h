/*
 * probe: a client session that looks at a server and changes nothing: greeting, capabilities, the
 * upgrade, capabilities again on the secure side, a login where one is wanted, a polite end. Every
 * protocol is a row of a table. `postern connect` and `postern cert check HOST` run it.
 *
 * A password leaves only under TLS, and only when every check of the server's certificate is good.
 * What it tells never holds one: see struct probe_line.
 */
#ifndef POSTERN_PROTOCOLS_PROBE_H
#define POSTERN_PROTOCOLS_PROBE_H

#include "base/entropy.h"
#include "net/session.h"

enum {
    PROBE_LINE_MAX = 8192,   /* of a server's line: an IMAP server tells all it can in one */
    PROBE_LINES_MAX = 200,   /* of one reply; more: the server is given up */
    PROBE_OFFERS_MAX = 16384 /* bytes of all capabilities; more: the same */
};

/* name, text */
#define PROBE_PROTOCOL_LIST(X)                                                                     \
    X(PROBE_SMTP, "smtp")                                                                          \
    X(PROBE_LMTP, "lmtp")                                                                          \
    X(PROBE_IMAP, "imap")                                                                          \
    X(PROBE_POP3, "pop3")

enum probe_protocol {
#define PROBE_ENUM(name, text) name,
    PROBE_PROTOCOL_LIST(PROBE_ENUM)
#undef PROBE_ENUM
        PROBE_PROTOCOL_COUNT
};

/* name, text */
#define PROBE_STEP_LIST(X)                                                                         \
    X(PROBE_STEP_GREETING, "greeting")                                                             \
    X(PROBE_STEP_OFFERS, "capabilities")                                                           \
    X(PROBE_STEP_UPGRADE, "upgrade")                                                               \
    X(PROBE_STEP_LOGIN, "login")                                                                   \
    X(PROBE_STEP_BYE, "goodbye")

enum probe_step {
#define PROBE_ENUM(name, text) name,
    PROBE_STEP_LIST(PROBE_ENUM)
#undef PROBE_ENUM
};

/* name, text, sentence, what to do */
#define PROBE_RESULT_LIST(X)                                                                       \
    X(PROBE_DONE, "done", "everything was said and answered", "")                                  \
    X(PROBE_GREETING_REFUSED, "greeting-refused", "the server greets with a refusal",              \
      "read its words: it may be busy, or refuse this address")                                    \
    X(PROBE_OFFERS_REFUSED, "capabilities-refused", "the server does not tell its capabilities",   \
      "read its words: it may be busy, or refuse this client")                                     \
    X(PROBE_NOT_OFFERED, "starttls-not-offered", "the server does not offer STARTTLS here",        \
      "switch it on at the server; if it is on, somebody on the way strips the offer: use "        \
      "--implicit, which cannot be stripped")                                                      \
    X(PROBE_UPGRADE_REFUSED, "upgrade-refused", "the server offers STARTTLS and then refuses it",  \
      "look at its log: it may lack a certificate")                                                \
    X(PROBE_PREAUTH, "preauth",                                                                    \
      "the server calls us logged in before TLS (PREAUTH), which rules STARTTLS out",              \
      "do not use it: an attacker can say so to keep the connection in plaintext; use --implicit") \
    X(PROBE_NO_PROTOCOL, "not-the-protocol", "the server's words are not of this protocol",        \
      "look whether port and --protocol belong together")                                          \
    X(PROBE_ENDLESS, "endless", "the server's reply has no end", "it is broken or hostile")        \
    X(PROBE_LOGIN_UNSAFE, "login-unsafe",                                                          \
      "the password was kept back: the connection is not secure in every check",                   \
      "mend what is not good above; --insecure sends it nonetheless, under TLS")                   \
    X(PROBE_NO_MECHANISM, "no-mechanism", "the server offers no way to log in that is known here", \
      "it must offer SCRAM-SHA-256, PLAIN or LOGIN")                                               \
    X(PROBE_LOGIN_REFUSED, "login-refused", "the server refuses the login",                        \
      "look at --user and --password-file")                                                        \
    X(PROBE_NOT_PROVED, "server-not-proved",                                                       \
      "the server did not prove that it knows the password (SCRAM)", "do not trust it")            \
    X(PROBE_ENDED, "ended", "the server closed the connection", "look at its log")                 \
    X(PROBE_SILENT, "silent", "the server did not answer in time",                                 \
      "look whether the port is right; a port for TLS from the first byte says nothing: "          \
      "try --implicit, or give it more --timeout")

enum probe_result {
#define PROBE_ENUM(name, text, sentence, advice) name,
    PROBE_RESULT_LIST(PROBE_ENUM)
#undef PROBE_ENUM
};

const char *probe_protocol_name(enum probe_protocol protocol);
/* false: there is no such protocol; "submission" is smtp. */
bool probe_protocol_parse(struct span name, enum probe_protocol *protocol_out);
/* The registered ALPN name; NULL: the protocol has none. */
const char *probe_protocol_alpn(enum probe_protocol protocol);
const char *probe_step_name(enum probe_step step);
const char *probe_result_name(enum probe_result result);
const char *probe_result_sentence(enum probe_result result);
const char *probe_result_advice(enum probe_result result);

/* A line that was said or heard, without its CRLF. What is secret in it has been replaced by
 * "<not shown>"; else the bytes are as they came: escape them. */
struct probe_line {
    enum probe_step step;
    bool is_heard, is_secure;
    struct span text;
    size_t size; /* of the real line with its CRLF */
};

/* All borrowed until return. */
struct probe_owner {
    void (*on_line)(void *owner, const struct probe_line *line);
    /* After each capability command: names with their parameters, joined by '\n'. */
    void (*on_offers)(void *owner, bool is_secure, struct span offers);
    /* The login worked, with this mechanism ("SCRAM-SHA-256", "LOGIN"). */
    void (*on_login)(void *owner, const char *mechanism);
    /* Once, unless the connection dies below the session: what became of it, where, and the
     * server's own words where it refused. A goodbye may still be said. */
    void (*on_result)(void *owner, enum probe_result result, enum probe_step step,
                      struct span words);
};

/* What the session's service points to (first member of the owner's struct). */
struct probe_service {
    const struct probe_owner *owner;
    void *owner_arg;
    enum probe_protocol protocol;
    const char *hostname;        /* for EHLO and LHLO */
    bool wants_upgrade;          /* STARTTLS; else it stays as it is */
    const char *user, *password; /* NULL: no login; without line ends */
    bool may_login_unchecked;    /* although a check is not good; never in plaintext */
    const struct entropy *entropy;
    int64_t timeout_ms; /* of each reply as a whole */
};

/* service: struct probe_service. */
extern const struct session_type probe_type;

#endif
