/*
 * mime_internal: what the scanner's files share: fields of a header that IMAP asks for
 * (mime_fields.c), structured values and their parameters (mime_params.c), texts as IMAP sends
 * them (mime_render.c), the record of where each part lies (mime_parts.c).
 */
#ifndef POSTERN_MAIL_MIME_INTERNAL_H
#define POSTERN_MAIL_MIME_INTERNAL_H

#include "mail/header_internal.h"
#include "mail/mime.h"

/* id, name in lower case */
#define MIME_FIELD_LIST(X)                                                                         \
    X(FIELD_CONTENT_TYPE, "content-type")                                                          \
    X(FIELD_ENCODING, "content-transfer-encoding")                                                 \
    X(FIELD_ID, "content-id")                                                                      \
    X(FIELD_DESCRIPTION, "content-description")                                                    \
    X(FIELD_MD5, "content-md5")                                                                    \
    X(FIELD_DISPOSITION, "content-disposition")                                                    \
    X(FIELD_LANGUAGE, "content-language")                                                          \
    X(FIELD_LOCATION, "content-location")                                                          \
    X(FIELD_DATE, "date")                                                                          \
    X(FIELD_SUBJECT, "subject")                                                                    \
    X(FIELD_FROM, "from")                                                                          \
    X(FIELD_SENDER, "sender")                                                                      \
    X(FIELD_REPLY_TO, "reply-to")                                                                  \
    X(FIELD_TO, "to")                                                                              \
    X(FIELD_CC, "cc")                                                                              \
    X(FIELD_BCC, "bcc")                                                                            \
    X(FIELD_IN_REPLY_TO, "in-reply-to")                                                            \
    X(FIELD_MESSAGE_ID, "message-id")                                                              \
    X(FIELD_RECEIVED, "received")

enum mime_field_id {
#define MIME_FIELD_ENUM(id, name) id,
    MIME_FIELD_LIST(MIME_FIELD_ENUM)
#undef MIME_FIELD_ENUM
        FIELD_COUNT
};

/* Address fields that stand more than once, against RFC 5322 3.6: shown as one list. What comes
 * after so many is left out. */
enum { MIME_REPEAT_MAX = 16 };

struct mime_fields {
    struct span value[FIELD_COUNT]; /* of the first such field; ptr NULL: there is none */
    unsigned count[FIELD_COUNT];
    struct mime_repeat {
        enum mime_field_id id;
        struct span value;
    } repeat[MIME_REPEAT_MAX];
    unsigned repeat_count;
};

/* Spans into header. */
void mime_fields_collect(struct span header, struct mime_fields *out);

/* Parameters of one field; what comes after so many is left out. */
enum { MIME_PARAMS_MAX = 64 };

struct mime_param {
    struct span name, value; /* an empty name: taken up by another one */
};

struct mime_value {
    struct span type, subtype; /* subtype empty: there was no '/' */
    unsigned param_count;
    struct mime_param params[MIME_PARAMS_MAX];
};

/* Content-Type, Content-Disposition and their like (RFC 2045 5.1, 2183 2, 2231). Continuations are
 * joined: name*0, name*1 become name, or name* when one of them is in the extended form. Spans into
 * value or the arena. */
void mime_value_parse(struct span value, struct arena *arena, struct mime_value *out);
/* The value of that parameter; empty: there is none. */
struct span mime_value_param(const struct mime_value *value, const char *name);

/* What a part's header says the part is. */
enum mime_kind { MIME_LEAF, MIME_MULTIPART, MIME_MESSAGE };

struct mime_entity {
    enum mime_kind kind;
    bool is_text, is_digest;
    bool is_opaque; /* shown as application/octet-stream: nobody may look into it */
    enum mime_encoding encoding;
    struct span boundary;
    struct span encoding_name;
    struct mime_value type;
};

/* is_in_digest: of a multipart/digest, where the default is message/rfc822 (RFC 2046 5.1.5). */
void mime_entity_parse(const struct mime_fields *fields, bool is_in_digest, struct arena *arena,
                       struct mime_entity *out);

/* An nstring or string (RFC 3501 9), trimmed and unfolded; ptr NULL: NIL. */
void mime_render_nstring(struct span raw, struct buf *out);
void mime_render_number(uint64_t number, struct buf *out);
void mime_render_envelope(const struct mime_fields *fields, struct header_address_iter *iter,
                          struct buf *out);
/* Appends to out what stands in front of a part's octets (a leaf, a message) or children (a
 * multipart), and to tail what comes behind all that, with the closing parenthesis. */
void mime_render_open(const struct mime_entity *entity, const struct mime_fields *fields,
                      struct arena *arena, struct buf *out, struct buf *tail);

/* Where a part lies; in order of their headers. */
struct mime_record {
    uint64_t header_offset, header_len, body_len;
    unsigned level; /* containers round it */
    enum mime_kind kind;
    enum mime_encoding encoding;
    bool is_text;
    char charset[32];
};

void mime_parts_encode(const struct mime_record *records, size_t count, struct buf *out);

#endif
