/*
 * Owns byte-stuffing and TOP's count of lines. A line ends with LF: stored mail has CRLF, but where
 * an IMAP client brought a bare LF, a dot behind it is doubled too, because clients that read by LF
 * would take it for the end and the rest of the message for replies. Tests:
 * tests/unit/test_pop3_stuff.c.
 */
#include "protocols/pop3/stuff.h"

void pop3_stuffer_init(struct pop3_stuffer *stuffer)
{
    *stuffer = (struct pop3_stuffer){.has_crlf = true};
}

void pop3_stuffer_init_top(struct pop3_stuffer *stuffer, uint64_t body_lines)
{
    *stuffer =
        (struct pop3_stuffer){.has_crlf = true, .is_limited = true, .lines_left = body_lines};
}

/* A line of line_len bytes has ended; was_cr: its last byte before LF was CR. */
static void count_line(struct pop3_stuffer *stuffer, bool was_cr)
{
    bool is_empty = stuffer->line_len == (was_cr ? 2 : 1);
    stuffer->line_len = 0;
    if (!stuffer->is_limited)
        return;
    if (stuffer->is_in_body)
        stuffer->lines_left--;
    else
        stuffer->is_in_body = is_empty;
    stuffer->is_done = stuffer->is_in_body && stuffer->lines_left == 0;
}

/* Whether CR stands before the LF at end, or at the end of bytes when there is no LF (end < 0). */
static bool ends_with_cr(const struct pop3_stuffer *stuffer, struct span bytes, ptrdiff_t end)
{
    if (end == 0)
        return stuffer->has_cr;
    return bytes.ptr[end < 0 ? bytes.len - 1 : (size_t)end - 1] == '\r';
}

void pop3_stuffer_put(struct pop3_stuffer *stuffer, struct span bytes, struct out *out)
{
    size_t done = 0; /* bytes before it are in out */
    size_t at = 0;
    while (at < bytes.len && !stuffer->is_done) {
        if (stuffer->line_len == 0 && bytes.ptr[at] == '.') {
            out_put(out, span_make(bytes.ptr + done, at - done));
            out_puts(out, ".");
            done = at;
        }
        ptrdiff_t end = span_find_byte(bytes, at, '\n');
        size_t next = end < 0 ? bytes.len : (size_t)end + 1;
        stuffer->line_len += next - at;
        bool is_cr = ends_with_cr(stuffer, bytes, end);
        stuffer->has_crlf = end >= 0 && is_cr;
        stuffer->has_cr = end < 0 && is_cr;
        if (end >= 0)
            count_line(stuffer, is_cr);
        at = next;
    }
    out_put(out, span_make(bytes.ptr + done, at - done));
}

void pop3_stuffer_finish(struct pop3_stuffer *stuffer, struct out *out)
{
    if (!stuffer->has_crlf)
        out_puts(out, "\r\n");
    out_puts(out, ".\r\n");
}
