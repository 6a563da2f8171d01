/*
 * bounce.c: the failure report of a queue entry as a message body. Owns who gets one; the text is
 * mail/dsn.h's, sending it is the relay's. Tests: tests/unit/test_queue.c.
 */
#include "queue/bounce.h"

#include <inttypes.h>
#include <stdio.h>

bool bounce_is_due(const struct store_queue_row *row)
{
    /* RFC 5321 4.5.5: no report about a report. RFC 3461 5.2: NOTIFY decides where it was said. */
    if (row->reverse_path.len == 0 || (row->notify & STORE_NOTIFY_NEVER) != 0)
        return false;
    return row->notify == STORE_NOTIFY_DEFAULT || (row->notify & STORE_NOTIFY_FAILURE) != 0;
}

struct store_body *bounce_create(struct store *store, const struct bounce *bounce,
                                 const struct clock *clock, enum store_body_scan scan)
{
    const struct store_queue_row *row = bounce->row;
    struct store_body *body = store_body_create(store, scan);
    int64_t now_s = clock_wall_s(clock);

    char message_id[320];
    int len = snprintf(message_id, sizeof message_id, "%016" PRIx64 "@%.*s", store_body_id(body),
                       (int)span_first(bounce->hostname, 255).len, bounce->hostname.ptr);
    const struct dsn_recipient recipient = {
        .final_recipient = row->recipient,
        .original_recipient = row->original,
        .action = DSN_FAILED,
        .status = bounce->status,
        .diagnostic = bounce->diagnostic,
        .remote_mta = bounce->remote_mta,
        .last_attempt_s = now_s,
    };
    const struct dsn dsn = {
        .hostname = bounce->hostname,
        .to = row->reverse_path,
        .envelope_id = row->envelope_id,
        .message_id = span_make(message_id, (size_t)len),
        .arrival_s = row->created_us / 1000000,
        .now_s = now_s,
        .recipients = &recipient,
        .recipient_count = 1,
        .original = bounce->original_header,
        .is_whole = false,
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
