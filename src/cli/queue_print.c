/*
 * queue_print.c: entries of the queue for a human, and for programs as JSON. Tests:
 * tests/unit/test_cli_queue.c.
 */
#include <inttypes.h>

#include "cli/queue.h"
#include "lens/json.h"
#include "mail/date.h"

/* What other servers and senders wrote may be meant for the administrator's terminal. */
void queue_put_safe(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        buf_put_byte(out, byte >= ' ' && byte < 0x7F ? byte : '?');
    }
}

void queue_put_span(struct buf *out, int64_t us)
{
    static const struct {
        int64_t seconds, part;
        char unit, part_unit;
    } units[] = {{86400, 3600, 'd', 'h'}, {3600, 60, 'h', 'm'}, {60, 1, 'm', 's'}};
    int64_t seconds = us < 0 ? 0 : us / 1000000;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (seconds < units[i].seconds)
            continue;
        buf_printf(out, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
        int64_t part = seconds % units[i].seconds / units[i].part;
        if (part > 0)
            buf_printf(out, "%" PRId64 "%c", part, units[i].part_unit);
        return;
    }
    buf_printf(out, "%" PRId64 "s", seconds);
}

static void put_size(struct buf *out, uint64_t bytes)
{
    static const char units[] = "KMGT";
    if (bytes < 1024) {
        buf_printf(out, "%" PRIu64, bytes);
        return;
    }
    double size = (double)bytes / 1024;
    size_t unit = 0;
    for (; size >= 1024 && unit + 2 < sizeof units; unit++)
        size /= 1024;
    buf_printf(out, "%.*f%c", size < 10 ? 1 : 0, size, units[unit]);
}

static void put_path(struct buf *out, const char *key, struct span path)
{
    buf_printf(out, "%s<", key);
    queue_put_safe(out, path);
    buf_puts(out, ">");
}

/* "held", "now", "in 3h" */
static void put_due(struct buf *out, const struct admin_queue_row *row, int64_t now_us,
                    const char *in)
{
    if (row->is_held) {
        buf_puts(out, "held");
    } else if (row->due_us <= now_us) {
        buf_puts(out, "now");
    } else {
        buf_puts(out, in);
        queue_put_span(out, row->due_us - now_us);
    }
}

void queue_put_line(struct buf *out, const struct admin_queue_row *row, int64_t now_us)
{
    buf_printf(out, "%" PRIu64 " ", row->id);
    queue_put_safe(out, row->message);
    buf_puts(out, " size=");
    put_size(out, row->size);
    buf_puts(out, " age=");
    queue_put_span(out, now_us - row->created_us);
    buf_printf(out, " attempts=%u due=", row->attempts);
    put_due(out, row, now_us, "");
    put_path(out, " from=", row->reverse_path);
    put_path(out, " to=", row->recipient);
    if (row->last_status.len > 0) {
        buf_puts(out, " last: ");
        queue_put_safe(out, row->last_status);
    }
    buf_puts(out, "\n");
}

void queue_put_block(struct buf *out, const struct admin_queue_row *row, int64_t now_us)
{
    char created[DATE_TEXT_SIZE], due[DATE_TEXT_SIZE];
    date_rfc3339(row->created_us / 1000000, created);
    date_rfc3339(row->due_us / 1000000, due);
    buf_printf(out, "entry         %" PRIu64 "\nmessage       ", row->id);
    queue_put_safe(out, row->message);
    put_path(out, "\nfrom          ", row->reverse_path);
    put_path(out, "\nto            ", row->recipient);
    buf_printf(out, "\nsize          %" PRIu64 " bytes\nreceived      %s (", row->size, created);
    queue_put_span(out, now_us - row->created_us);
    buf_printf(out, " ago)\nattempts      %u\nnext attempt  ", row->attempts);
    if (!row->is_held)
        buf_printf(out, "%s (", due);
    put_due(out, row, now_us, "in ");
    buf_puts(out, row->is_held ? "" : ")");
    buf_puts(out, "\nlast outcome  ");
    queue_put_safe(out, row->last_status.len == 0 ? span_of("none yet") : row->last_status);
    buf_puts(out, "\n");
}

static void put_text(struct buf *out, const char *key, struct span text)
{
    buf_printf(out, ",\"%s\":", key);
    lens_json_string(out, text);
}

static void put_time(struct buf *out, const char *key, int64_t us)
{
    char text[DATE_TEXT_SIZE];
    date_rfc3339(us / 1000000, text);
    put_text(out, key, span_of(text));
}

void queue_put_json(struct buf *out, const struct admin_queue_row *row)
{
    buf_printf(out, "{\"id\":%" PRIu64, row->id);
    put_text(out, "message", row->message);
    put_text(out, "from", row->reverse_path);
    put_text(out, "to", row->recipient);
    buf_printf(out, ",\"size\":%" PRIu64 ",\"attempts\":%u,\"held\":%s", row->size, row->attempts,
               row->is_held ? "true" : "false");
    put_time(out, "received", row->created_us);
    put_time(out, "due", row->due_us);
    put_text(out, "last", row->last_status);
    buf_puts(out, "}\n");
}

void queue_totals_add(struct queue_totals *totals, const struct admin_queue_row *row)
{
    totals->entries++;
    totals->bytes += row->size;
    totals->held += row->is_held;
    totals->tried += row->attempts > 0;
    if (totals->oldest_us == 0 || row->created_us < totals->oldest_us)
        totals->oldest_us = row->created_us;
}

void queue_put_totals(struct buf *out, const struct queue_totals *totals, int64_t now_us)
{
    buf_printf(out, "%" PRIu64 " in the queue", totals->entries);
    if (totals->entries > 0) {
        buf_puts(out, ", ");
        put_size(out, totals->bytes);
        buf_printf(out, ", %" PRIu64 " tried, %" PRIu64 " held, the oldest for ", totals->tried,
                   totals->held);
        queue_put_span(out, now_us - totals->oldest_us);
    }
    buf_puts(out, "\n");
}

/* Mail comes and goes meanwhile, so that there may be more done than there was. */
void queue_put_progress(struct buf *out, uint64_t done, uint64_t total, int64_t taken_us)
{
    enum { BAR_WIDTH = 40 };
    uint64_t seen = done < total ? done : total;
    size_t filled = total == 0 ? BAR_WIDTH : (size_t)((double)seen / (double)total * BAR_WIDTH);
    buf_puts(out, "[");
    for (size_t i = 0; i < BAR_WIDTH; i++)
        buf_put_byte(out, i < filled ? '#' : ' ');
    buf_printf(out, "] %" PRIu64 " of %" PRIu64, seen, total);
    if (seen > 0 && seen < total) {
        double left_us = (double)taken_us / (double)seen * (double)(total - seen);
        buf_puts(out, ", ");
        queue_put_span(out, (int64_t)left_us + 999999);
        buf_puts(out, " left");
    }
}
