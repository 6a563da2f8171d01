/*
 * trace_internal: what the trace's files share: a note, which collects the decoded fields of one
 * message, and the decoders. They know no GnuTLS session: any bytes may be given to them as any
 * message. Nothing here is used where no tap is set.
 */
#ifndef POSTERN_TLS_TRACE_INTERNAL_H
#define POSTERN_TLS_TRACE_INTERNAL_H

#include "base/tap.h"
#include "tls/cursor.h"

enum {
    TRACE_FIELDS_MAX = 48,
    TRACE_TEXT_MAX = 16384, /* of all values of a message; what is beyond is left out, and told */
    TRACE_VALUE_MAX = 2048, /* of one value */
    TRACE_LIST_MAX = 128,   /* entries of one list that are named; the others are counted */
    TRACE_CERTS_MAX = 10,   /* certificates of a chain that are described */
    TRACE_HIDDEN_MAX = 4
};

/* Extensions that are looked into (IANA), beside those of hello.h. */
enum {
    TRACE_EXT_MAX_FRAGMENT_LENGTH = 1,
    TRACE_EXT_STATUS_REQUEST = 5,
    TRACE_EXT_RECORD_SIZE_LIMIT = 28,
    TRACE_EXT_SESSION_TICKET = 35,
    TRACE_EXT_PSK = 41,
    TRACE_EXT_EARLY_DATA = 42,
    TRACE_EXT_COOKIE = 44,
    TRACE_EXT_PSK_MODES = 45,
    TRACE_EXT_AUTHORITIES = 47,
    TRACE_EXT_SIGNATURES_CERT = 50
};

/* Kinds of names. */
enum trace_names { TRACE_SUITE, TRACE_GROUP, TRACE_SIGNATURE, TRACE_VERSION, TRACE_EXTENSION };

struct trace_note {
    struct tap_field fields[TRACE_FIELDS_MAX]; /* values lie in text */
    size_t field_count;
    size_t text_len;
    bool is_cut;       /* something did not fit */
    bool is_malformed; /* the message breaks its grammar */
    /* Runs of the body that open a session again: tickets and identities of PSKs. */
    struct span hidden[TRACE_HIDDEN_MAX];
    size_t hidden_count;
    char text[TRACE_TEXT_MAX];
};

/* What later messages are read by. */
struct trace_state {
    unsigned version; /* 0: no ServerHello yet */
    unsigned suite;
    unsigned group;
    unsigned signature; /* of the server's CertificateVerify or ServerKeyExchange */
};

/* --- trace_note.c --- */

void trace_note_reset(struct trace_note *note);
/* Begins a field; what is put next is its value. name: a literal. */
void trace_field(struct trace_note *note, const char *name);
void trace_put(struct trace_note *note, const char *text);
void trace_printf(struct trace_note *note, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A peer's bytes: escaped. */
void trace_put_escaped(struct trace_note *note, struct span bytes);
/* A whole field. */
void trace_say(struct trace_note *note, const char *name, const char *text);
/* Separates entries: nothing before the first of a field. */
void trace_next(struct trace_note *note);
/* A list of numbers of width 1 or 2, as names. */
void trace_put_list(struct trace_note *note, enum trace_names kind, struct span numbers);
void trace_put_name(struct trace_note *note, enum trace_names kind, unsigned number);
void trace_hide(struct trace_note *note, struct span bytes);
/* A field that tells what is missing, if anything is. */
void trace_note_finish(struct trace_note *note);

/* --- trace_names.c: IANA's names; NULL: not known --- */

const char *trace_name(enum trace_names kind, unsigned number);
const char *trace_alert_name(unsigned number);
/* What a record's content type is called. */
const char *trace_record_name(unsigned type);

/* --- decoders: fill the note from a message's body --- */

/* trace_message.c: any message; returns its name. type: IANA's number. */
const char *trace_decode(struct trace_note *note, struct trace_state *state, unsigned type,
                         struct span body);

/* trace_hello.c */
void trace_client_hello(struct trace_note *note, struct span body);
void trace_server_hello(struct trace_note *note, struct trace_state *state, struct span body);
bool trace_is_retry(struct span body);
/* where: for what the extensions' bodies mean. */
enum trace_where { TRACE_IN_CLIENT_HELLO, TRACE_IN_SERVER_HELLO, TRACE_IN_RETRY, TRACE_IN_OTHER };
void trace_extensions(struct trace_note *note, struct span extensions, enum trace_where where);
/* The first extension of that type in a list. */
bool trace_find_extension(struct span extensions, unsigned type, struct span *body_out);

/* trace_cert.c */
void trace_certificate(struct trace_note *note, const struct trace_state *state, struct span body);
void trace_certificate_request(struct trace_note *note, const struct trace_state *state,
                               struct span body);
void trace_certificate_status(struct trace_note *note, struct span body);
void trace_authorities(struct trace_note *note, struct span list);

#endif
