/*
 * client_reply: the parser of a server's replies (RFC 5321 4.2, RFC 2034), line by line, bounded:
 * what other servers say is as hostile as what clients say.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_CLIENT_REPLY_H
#define POSTERN_PROTOCOLS_SMTP_CLIENT_REPLY_H

#include "base/buf.h"
#include "protocols/smtp/client.h"

enum {
    SMTP_REPLY_LINE_MAX = 4096, /* RFC 5321 says 512; longer ones exist */
    SMTP_REPLY_LINES_MAX = 100  /* then the reply counts as endless */
};

struct smtp_reply_parser {
    unsigned code;
    unsigned line_count;
    struct buf text; /* lines joined by '\n', without codes, controls replaced */
    char status[12]; /* "5.123.123" */
};

enum smtp_reply_progress { SMTP_REPLY_MORE, SMTP_REPLY_DONE, SMTP_REPLY_BAD };

void smtp_reply_parser_init(struct smtp_reply_parser *parser);
void smtp_reply_parser_deinit(struct smtp_reply_parser *parser);
/* Begins a new reply. */
void smtp_reply_parser_reset(struct smtp_reply_parser *parser);
/* A line without its CRLF. After DONE reply_out is valid until the next call. */
enum smtp_reply_progress smtp_reply_feed(struct smtp_reply_parser *parser, struct span line,
                                         struct smtp_reply *reply_out);

#endif
