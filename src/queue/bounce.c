/*
 * bounce.c: the reports of queue entries as message bodies. Owns who gets which; the text is
 * mail/dsn.h's, sending it is the relay's. Tests: tests/unit/test_queue.c, test_relay_report.c.
 */
#include "queue/bounce.h"

#include <inttypes.h>
#include <stdio.h>

/* Of each action: the keyword of NOTIFY that asks for it, and whether silence does, too. */
static const struct {
    unsigned notify;
    bool is_default;
} wishes[] = {
    [DSN_FAILED] = {STORE_NOTIFY_FAILURE, true},     [DSN_DELAYED] = {STORE_NOTIFY_DELAY, true},
    [DSN_DELIVERED] = {STORE_NOTIFY_SUCCESS, false}, [DSN_RELAYED] = {STORE_NOTIFY_SUCCESS, false},
    [DSN_EXPANDED] = {STORE_NOTIFY_SUCCESS, false},
};

bool bounce_is_due(const struct store_queue_row *row, enum dsn_action action)
{
    enum { ASKED = STORE_NOTIFY_SUCCESS | STORE_NOTIFY_FAILURE | STORE_NOTIFY_DELAY };

    if (row->reverse_path.len == 0 || (row->notify & STORE_NOTIFY_NEVER) != 0)
        return false;
    if (action == DSN_DELAYED && (row->notify & STORE_NOTIFY_DELAY_TOLD) != 0)
        return false;
    if ((row->notify & ASKED) == STORE_NOTIFY_DEFAULT)
        return wishes[action].is_default;
    return (row->notify & wishes[action].notify) != 0;
}

enum dsn_action bounce_owed(const struct store_queue_row *row)
{
    if ((row->notify & STORE_OWES_RELAYED) != 0)
        return DSN_RELAYED;
    return (row->notify & STORE_OWES_EXPANDED) != 0 ? DSN_EXPANDED : DSN_DELIVERED;
}

struct store_body *bounce_create(struct store *store, const struct bounce *bounce,
                                 const struct clock *clock, enum store_body_scan scan)
{
    const struct store_queue_row *row = bounce->row;
    struct store_body *body = store_body_create(store, scan);

    char message_id[320];
    int len = snprintf(message_id, sizeof message_id, "%016" PRIx64 "@%.*s", store_body_id(body),
                       (int)span_first(bounce->hostname, 255).len, bounce->hostname.ptr);
    const struct dsn dsn = {
        .hostname = bounce->hostname,
        .to = row->reverse_path,
        .envelope_id = row->envelope_id,
        .message_id = span_make(message_id, (size_t)len),
        .arrival_s = row->created_us / 1000000,
        .now_s = clock_wall_s(clock),
        .recipients = bounce->recipients,
        .recipient_count = bounce->recipient_count,
        .original = bounce->original,
        .is_whole = bounce->is_whole,
        .is_utf8 = (row->mail_flags & STORE_MAIL_UTF8) != 0,
    };
    struct buf text;
    buf_init(&text, 0);
    if (scan == STORE_BODY_SCAN)
        buf_puts(&text, "Return-Path: <>\r\n"); /* final delivery: RFC 5321 4.4 */
    dsn_write(&dsn, &text);
    store_body_add(body, buf_span(&text));
    buf_release(&text);
    return body;
}
