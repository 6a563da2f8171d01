/*
 * reply: the list of reply.h as a table, and how a line is made of a row. Replies that are lists
 * (EHLO, HELP) are written where they are made, in cmd_hello.c. Tests: the dialogues.
 */
#include "protocols/smtp/reply.h"

#include <inttypes.h>

#include "base/require.h"

struct reply_row {
    unsigned code;
    const char *status, *text;
};

static const struct reply_row reply_table[] = {{0, "", ""},
#define REPLY_ROW(name, code, status, text) {code, status, text},
                                               SMTP_REPLY_LIST(REPLY_ROW)
#undef REPLY_ROW
};

static const struct reply_row *reply_row(enum smtp_server_reply reply)
{
    require(reply != REPLY_NONE && (size_t)reply < sizeof reply_table / sizeof *reply_table);
    return &reply_table[reply];
}

void smtp_reply_put(struct out *out, enum smtp_server_reply reply)
{
    const struct reply_row *row = reply_row(reply);

    out_printf(out, "%u %s%s%s\r\n", row->code, row->status, row->status[0] != '\0' ? " " : "",
               row->text);
}

void smtp_reply_put_detail(struct out *out, enum smtp_server_reply reply, const char *detail)
{
    const struct reply_row *row = reply_row(reply);

    out_printf(out, "%u %s %s: %s\r\n", row->code, row->status, row->text, detail);
}

void smtp_reply_put_id(struct out *out, enum smtp_server_reply reply, uint64_t id)
{
    const struct reply_row *row = reply_row(reply);

    out_printf(out, "%u %s %s %016" PRIx64 "\r\n", row->code, row->status, row->text, id);
}

unsigned smtp_reply_code(enum smtp_server_reply reply)
{
    return reply_row(reply)->code;
}

const char *smtp_reply_text(enum smtp_server_reply reply)
{
    return reply_row(reply)->text;
}
