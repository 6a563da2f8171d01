/*
 * fetch_args: the items of a FETCH command (RFC 3501 6.4.5).
 */
#ifndef POSTERN_PROTOCOLS_IMAP_FETCH_ARGS_H
#define POSTERN_PROTOCOLS_IMAP_FETCH_ARGS_H

#include "protocols/imap/args.h"

enum imap_fetch_item {
    IMAP_FETCH_UID = 1,
    IMAP_FETCH_FLAGS = 2,
    IMAP_FETCH_INTERNALDATE = 4,
    IMAP_FETCH_SIZE = 8,
    IMAP_FETCH_ENVELOPE = 16,
    IMAP_FETCH_BODYSTRUCTURE = 32,
    IMAP_FETCH_BODY = 64
};

enum imap_section_text {
    IMAP_TEXT_ALL, /* the message, or the body of the part */
    IMAP_TEXT_HEADER,
    IMAP_TEXT_FIELDS,
    IMAP_TEXT_FIELDS_NOT,
    IMAP_TEXT_TEXT,
    IMAP_TEXT_MIME
};

/* One BODY[...] or RFC822... item. */
struct imap_section {
    struct imap_section *next;
    struct span label; /* as it is answered: "BODY[HEADER.FIELDS (DATE)]<0>" */
    struct span part;  /* "1.2"; empty: the message itself */
    enum imap_section_text text;
    struct span *fields;
    size_t field_count;
    bool is_partial;
    uint32_t first, count; /* of a partial */
    bool marks_seen;
};

struct imap_fetch_args {
    unsigned items; /* of enum imap_fetch_item */
    struct imap_section *sections;
};

/* More sections in one command, or fields in one section, are refused: each is sent per message. */
enum { IMAP_SECTIONS_MAX = 100, IMAP_FIELDS_MAX = 1000, IMAP_PART_MAX = 500 };

/* Reads the items up to the end of the command; in args->arena. False with args->error set. */
bool imap_fetch_args_read(struct imap_args *args, struct imap_fetch_args *out);

#endif
