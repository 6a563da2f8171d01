/*
 * reader.c: lines and chunks out of bytes, see reader.h. Owns the decision where a line ends and
 * what is wrong with it; what to answer is the session's. Linear time: each byte is looked at by
 * memchr a fixed number of times however it arrives. Tests: tests/unit/test_net_reader.c,
 * tests/fuzz/fuzz_net_reader.c.
 */
#include "net/reader.h"

#include "base/err.h"
#include "base/require.h"

/* What find_line() saw at the beginning of some bytes. */
enum found { FOUND_NOTHING, FOUND_CRLF, FOUND_LF, FOUND_TOO_LONG };

void reader_init(struct reader *reader)
{
    *reader = (struct reader){.fresh = {"", 0}};
    buf_init(&reader->kept, READER_KEEP_MAX);
    buf_init(&reader->cut, READER_CUT_MAX);
}

void reader_deinit(struct reader *reader)
{
    buf_wipe(&reader->kept);
    buf_wipe(&reader->cut);
    reader_init(reader);
}

void reader_feed(struct reader *reader, struct span fresh)
{
    require(reader->fresh.len == 0);
    reader->fresh = fresh;
}

int reader_keep(struct reader *reader)
{
    int err = buf_append(&reader->kept, reader->fresh);
    reader->fresh = span_make("", 0);
    return err;
}

void reader_relax(struct reader *reader)
{
    if (reader->kept.len == 0 && reader->kept.data != NULL)
        buf_wipe(&reader->kept);
    if (!reader->is_skipping && reader->cut.data != NULL)
        buf_wipe(&reader->cut);
}

static void take_kept(struct reader *reader, size_t len)
{
    buf_consume(&reader->kept, len);
    reader->scanned = reader->scanned > len ? reader->scanned - len : 0;
}

/* Of kept first, of fresh only when nothing is kept: so bytes that were shown stay where they are
 * until the next call. */
static void take(struct reader *reader, size_t len)
{
    if (reader->kept.len > 0)
        take_kept(reader, len);
    else
        reader->fresh = span_from(reader->fresh, len);
}

/* Looks at most max + 2 bytes far: content, CR and LF. The verdict "too long" is a matter of the
 * content's length alone, so it does not depend on cuts: max + 1 bytes may still be content and
 * the CR of its end. */
static enum found find_line(struct span bytes, size_t scanned, size_t max, size_t *len_out)
{
    struct span window = span_first(bytes, max + 2);
    ptrdiff_t lf = span_find_byte(window, scanned, '\n');
    if (lf >= 0) {
        size_t end = (size_t)lf;
        bool has_cr = end > 0 && window.ptr[end - 1] == '\r';
        *len_out = has_cr ? end - 1 : end;
        if (*len_out <= max)
            return has_cr ? FOUND_CRLF : FOUND_LF;
        return FOUND_TOO_LONG;
    }
    if (window.len == max + 2 || (window.len == max + 1 && window.ptr[max] != '\r'))
        return FOUND_TOO_LONG;
    return FOUND_NOTHING;
}

/* Drops bytes up to and including the next CRLF: true when it came. */
static bool skip_in(struct reader *reader, struct span bytes, size_t *dropped_out)
{
    ptrdiff_t lf = span_find_byte(bytes, 0, '\n');
    while (lf >= 0) {
        bool has_cr = lf > 0 ? bytes.ptr[lf - 1] == '\r' : reader->has_skipped_cr;
        if (has_cr) {
            *dropped_out = (size_t)lf + 1;
            return true;
        }
        lf = span_find_byte(bytes, (size_t)lf + 1, '\n');
    }
    if (bytes.len > 0)
        reader->has_skipped_cr = bytes.ptr[bytes.len - 1] == '\r';
    *dropped_out = bytes.len;
    return false;
}

static bool skip_on(struct reader *reader, enum line_fault *fault_out, struct span *line_out)
{
    size_t dropped = 0;
    bool is_over = skip_in(reader, buf_span(&reader->kept), &dropped);
    take_kept(reader, dropped);
    reader->skipped += dropped;
    if (!is_over) {
        is_over = skip_in(reader, reader->fresh, &dropped);
        reader->fresh = span_from(reader->fresh, dropped);
        reader->skipped += dropped;
    }
    if (!is_over)
        return false;

    reader->is_skipping = false;
    reader->is_spoilt = false;
    *fault_out = LINE_TOO_LONG;
    *line_out = buf_span(&reader->cut);
    return true;
}

/* The first max bytes are content and hold no end of line: what matters of them is shown. */
static void begin_skipping(struct reader *reader, struct span bytes, size_t max)
{
    buf_clear(&reader->cut);
    buf_put(&reader->cut, span_first(bytes, max < READER_CUT_MAX ? max : READER_CUT_MAX));
    reader->is_skipping = true;
    reader->skipped = 0;
    reader->has_skipped_cr = false;
    take(reader, max);
}

static enum line_fault first_fault(struct span line)
{
    ptrdiff_t nul = span_find_byte(line, 0, '\0');
    ptrdiff_t cr = span_find_byte(line, 0, '\r');
    if (nul < 0 && cr < 0)
        return LINE_OK;
    if (nul < 0 || (cr >= 0 && cr < nul))
        return LINE_BARE_CR;
    return LINE_NUL;
}

/* A line that began in an earlier round: its rest joins it, and nothing of what follows. No more
 * is copied than it takes to know that the line is too long. */
static void join_line(struct reader *reader, size_t max)
{
    if (reader->kept.len == 0 || reader->kept.len >= max + 2 || reader->fresh.len == 0)
        return;
    if (span_find_byte(buf_span(&reader->kept), reader->scanned, '\n') >= 0)
        return;
    reader->scanned = reader->kept.len;
    struct span rest = span_first(reader->fresh, max + 2 - reader->kept.len);
    ptrdiff_t lf = span_find_byte(rest, 0, '\n');
    if (lf >= 0)
        rest.len = (size_t)lf + 1;
    buf_put(&reader->kept, rest);
    reader->fresh = span_from(reader->fresh, rest.len);
}

bool reader_line(struct reader *reader, size_t max, enum line_fault *fault_out,
                 struct span *line_out)
{
    require(max > 0 && max <= READER_LINE_MAX);
    if (reader->is_skipping)
        return skip_on(reader, fault_out, line_out);

    join_line(reader, max);
    bool is_kept = reader->kept.len > 0;
    struct span bytes = is_kept ? buf_span(&reader->kept) : reader->fresh;
    size_t len = 0;
    enum found found = find_line(bytes, is_kept ? reader->scanned : 0, max, &len);
    if (found == FOUND_NOTHING) {
        reader->scanned = is_kept ? reader->kept.len : 0;
        return false;
    }
    if (found == FOUND_TOO_LONG) {
        begin_skipping(reader, bytes, max);
        return skip_on(reader, fault_out, line_out);
    }

    *line_out = span_first(bytes, len);
    enum line_fault fault = reader->is_spoilt ? LINE_BARE_LF : first_fault(*line_out);
    reader->is_spoilt = found == FOUND_LF;
    if (found == FOUND_LF && fault == LINE_OK)
        fault = LINE_BARE_LF;
    *fault_out = fault;
    take(reader, len + (found == FOUND_CRLF ? 2 : 1));
    return true;
}

struct span reader_bytes(const struct reader *reader, size_t max)
{
    require(!reader->is_skipping);
    return span_first(reader->kept.len > 0 ? buf_span(&reader->kept) : reader->fresh, max);
}

/* Whoever takes bytes has left the line that a bare LF spoilt. */
void reader_take(struct reader *reader, size_t len)
{
    reader->is_spoilt = false;
    take(reader, len);
}
