/*
 * reply: owns how data items are written in responses (RFC 3501 section 9). What is said and when
 * belongs to the commands and to update.c. Tests: tests/dialogue/imap.
 */
#include "protocols/imap/reply.h"

#include "protocols/imap/args.h"
#include "protocols/imap/mailbox_name.h"
#include "store/mailbox.h"

/* A longer quoted string is legal but strains clients' line buffers. */
enum { QUOTED_MAX = 1024 };

static bool is_quotable(struct span text)
{
    if (text.len > QUOTED_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == 0 || c == '\r' || c == '\n' || c > 126)
            return false;
    }
    return true;
}

void imap_put_string(struct buf *out, struct span text)
{
    if (!is_quotable(text)) {
        buf_put_byte(out, '{');
        imap_put_number(out, text.len);
        buf_puts(out, "}\r\n");
        buf_put(out, text);
        return;
    }
    buf_put_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            buf_put_byte(out, '\\');
        buf_put_byte(out, text.ptr[i]);
    }
    buf_put_byte(out, '"');
}

void imap_put_astring(struct buf *out, struct span text)
{
    bool is_atom = text.len > 0 && text.len <= QUOTED_MAX && !span_is_nocase(text, "NIL");
    for (size_t i = 0; i < text.len && is_atom; i++)
        is_atom = imap_is_atom_char(text.ptr[i]);
    if (is_atom)
        buf_put(out, text);
    else
        imap_put_string(out, text);
}

void imap_put_mailbox(struct buf *out, struct span name)
{
    struct buf wire;
    buf_init(&wire, 0);
    imap_utf7_encode(name, &wire);
    imap_put_astring(out, buf_span(&wire));
    buf_release(&wire);
}

void imap_put_number(struct buf *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_put(out, span_make(digits + at, sizeof digits - at));
}

void imap_put_set(struct buf *out, const struct uid_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put_byte(out, ',');
        imap_put_number(out, ranges[i].first);
        if (ranges[i].last == ranges[i].first)
            continue;
        buf_put_byte(out, ':');
        imap_put_number(out, ranges[i].last);
    }
}

static const struct {
    uint64_t bit;
    const char *name;
} system_flags[] = {
    {STORE_ANSWERED, "\\Answered"}, {STORE_FLAGGED, "\\Flagged"}, {STORE_DELETED, "\\Deleted"},
    {STORE_SEEN, "\\Seen"},         {STORE_DRAFT, "\\Draft"},
};
enum { SYSTEM_FLAG_COUNT = sizeof system_flags / sizeof *system_flags };

static void put_flag(struct buf *out, size_t *count, const char *name)
{
    if ((*count)++ > 0)
        buf_put_byte(out, ' ');
    buf_puts(out, name);
}

void imap_put_flags(struct buf *out, uint64_t flags, bool is_recent, char *const *keywords,
                    size_t keyword_count)
{
    size_t count = 0;
    for (size_t i = 0; i < SYSTEM_FLAG_COUNT; i++) {
        if ((flags & system_flags[i].bit) != 0)
            put_flag(out, &count, system_flags[i].name);
    }
    if (is_recent)
        put_flag(out, &count, "\\Recent");
    flags >>= STORE_KEYWORD_FIRST;
    for (size_t i = 0; i < keyword_count && flags != 0; i++, flags >>= 1) {
        if ((flags & 1) != 0)
            put_flag(out, &count, keywords[i]);
    }
}

uint64_t imap_flag_bits(struct span flag, char *const *keywords, size_t keyword_count)
{
    for (size_t i = 0; i < SYSTEM_FLAG_COUNT; i++) {
        if (span_is_nocase(flag, system_flags[i].name))
            return system_flags[i].bit;
    }
    for (size_t i = 0; i < keyword_count; i++) {
        if (span_is_nocase(flag, keywords[i]))
            return (uint64_t)1 << (STORE_KEYWORD_FIRST + i);
    }
    return 0;
}
