/*
 * watch: keeps the first bytes of the line under way and compares them when enough are there; the
 * rest of the line is skipped with memchr. Tests: tests/unit/test_smtp_dot.c, dialogues on hops and
 * on submission.
 */
#include "protocols/smtp/watch.h"

static bool watch_name_is(const struct smtp_watch *watch, const char *name)
{
    return watch->name_len == strlen(name) && memcmp(watch->name, name, watch->name_len) == 0;
}

/* At the colon. */
static void watch_field(struct smtp_watch *watch)
{
    if (watch_name_is(watch, "received"))
        watch->received_count++;
    else if (watch_name_is(watch, "date"))
        watch->has_date = true;
    else if (watch_name_is(watch, "message-id"))
        watch->has_message_id = true;
    else if (watch_name_is(watch, "tls-required"))
        watch->value_of = SMTP_WATCH_TLS_REQUIRED;
    else if (watch_name_is(watch, "delivered-to") && watch->on_delivered != NULL &&
             watch->delivered_count++ < SMTP_WATCH_DELIVERED_MAX)
        watch->value_of = SMTP_WATCH_DELIVERED;
}

/* One byte of the value, which is a single line. */
static void watch_value(struct smtp_watch *watch, char byte)
{
    bool is_leading = watch->value_len == 0 && (byte == ' ' || byte == '\t');

    if (!is_leading && byte != '\r' && watch->value_len < SMTP_WATCH_VALUE_MAX)
        watch->value[watch->value_len++] = byte;
}

static void watch_value_end(struct smtp_watch *watch)
{
    struct span value = span_trim(span_make(watch->value, watch->value_len));

    if (watch->value_of == SMTP_WATCH_DELIVERED)
        watch->on_delivered(watch->owner, value);
    else if (span_is_nocase(value, "no"))
        watch->is_tls_optional = true;
    watch->value_of = SMTP_WATCH_NO_VALUE;
    watch->value_len = 0;
}

/* One byte of a line's beginning. */
static void watch_byte(struct smtp_watch *watch, char byte)
{
    char lower = (byte >= 'A' && byte <= 'Z') ? (char)(byte + ('a' - 'A')) : byte;
    bool is_blank = byte == ' ' || byte == '\t';

    if (byte == ':')
        watch_field(watch);
    if (is_blank && watch->name_len > 0) /* "Date :" is a field too (RFC 5322 4.5) */
        watch->is_named = true;
    else if (byte == ':' || is_blank || watch->is_named || watch->name_len == SMTP_WATCH_NAME_MAX)
        watch->is_skipping = true;
    else
        watch->name[watch->name_len++] = lower;
}

/* At the LF. Only an empty line ends a header here: a line that is no field is left to readers. */
static void watch_line_end(struct smtp_watch *watch)
{
    if (watch->value_of != SMTP_WATCH_NO_VALUE)
        watch_value_end(watch);
    watch->is_over = !watch->is_skipping && (watch->name_len == 0 || watch_name_is(watch, "\r"));
    watch->is_skipping = watch->is_named = false;
    watch->name_len = 0;
}

size_t smtp_watch_feed(struct smtp_watch *watch, struct span bytes)
{
    size_t at = 0;

    while (at < bytes.len && !watch->is_over) {
        if (watch->is_skipping && watch->value_of == SMTP_WATCH_NO_VALUE) {
            const char *lf = memchr(bytes.ptr + at, '\n', bytes.len - at);
            if (lf == NULL)
                return bytes.len;
            at = (size_t)(lf - bytes.ptr);
        }
        if (bytes.ptr[at] == '\n')
            watch_line_end(watch);
        else if (watch->value_of != SMTP_WATCH_NO_VALUE)
            watch_value(watch, bytes.ptr[at]);
        else
            watch_byte(watch, bytes.ptr[at]);
        at++;
    }
    return at;
}
