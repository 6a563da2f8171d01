/*
 * unbinary: the converter's way through the bytes. Only CRLF ends a line here, and a line can be a
 * delimiter only where it begins with a dash, so a binary part costs one memchr for each CR in it.
 * The CRLF in front of a delimiter belongs to the delimiter: it is held back until the line behind
 * it is known. Tests: tests/unit/test_mail_unbinary.c, tests/fuzz/fuzz_mail_unbinary.c.
 */
#include "mail/unbinary_internal.h"

#include "base/codec.h"
#include "base/mem.h"
#include "mail/lex_internal.h"

enum { TEXT_MAX = 16 * 1024 }; /* of base64, then it is given on */

static const struct span crlf = {"\r\n", 2};

struct unbinary *unbinary_create(unbinary_sink_fn *sink, void *owner)
{
    struct unbinary *it = mem_new(struct unbinary);

    it->sink = sink;
    it->owner = owner;
    it->is_root = true;
    it->body = UNBINARY_IN_HEADER;
    buf_init(&it->header, UNBINARY_HEADER_MAX);
    return it;
}

void unbinary_free(struct unbinary **unbinary)
{
    struct unbinary *it = *unbinary;

    if (it == NULL)
        return;
    buf_release(&it->header);
    buf_release(&it->text);
    buf_release(&it->boundaries);
    arena_reset(&it->arena);
    mem_free(it);
    *unbinary = NULL;
}

bool unbinary_has_8bit(const struct unbinary *unbinary)
{
    return unbinary->has_8bit;
}

void unbinary_fail(struct unbinary *it, enum unbinary_fault fault)
{
    if (it->fault == UNBINARY_OK)
        it->fault = fault;
}

void unbinary_put(struct unbinary *it, struct span bytes)
{
    unsigned char all = 0;

    if (it->fault != UNBINARY_OK || bytes.len == 0)
        return;
    for (size_t i = 0; i < bytes.len; i++)
        all |= (unsigned char)bytes.ptr[i];
    it->has_8bit = it->has_8bit || all > 127;
    it->sink(it->owner, bytes);
}

/* ---- Bytes of a body ------------------------------------------------------------------------ */

static void give_text(struct unbinary *it)
{
    unbinary_put(it, buf_span(&it->text));
    buf_clear(&it->text);
}

static void encode_group(struct unbinary *it)
{
    codec_base64_put(span_make(it->group, it->group_len), &it->text);
    buf_put(&it->text, crlf);
    it->group_len = 0;
    if (it->text.len >= TEXT_MAX)
        give_text(it);
}

static void encode(struct unbinary *it, struct span bytes)
{
    while (bytes.len > 0) {
        struct span piece = span_first(bytes, UNBINARY_GROUP - it->group_len);
        memcpy(it->group + it->group_len, piece.ptr, piece.len);
        it->group_len += piece.len;
        lex_advance(&bytes, piece.len);
        if (it->group_len == UNBINARY_GROUP)
            encode_group(it);
    }
}

static void end_encoding(struct unbinary *it)
{
    if (it->group_len > 0)
        encode_group(it);
    give_text(it);
}

/* What is neither a CRLF nor a delimiter. */
static void put_data(struct unbinary *it, struct span bytes)
{
    if (it->body == UNBINARY_IN_BYTES) {
        encode(it, bytes);
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\r' || bytes.ptr[i] == '\n' || bytes.ptr[i] == '\0')
            unbinary_fail(it, UNBINARY_LINES);
    }
    unbinary_put(it, bytes);
}

/* The CRLF that was held back is the body's own. */
static void put_eol(struct unbinary *it)
{
    if (it->has_eol && it->body == UNBINARY_IN_BYTES)
        encode(it, crlf);
    else if (it->has_eol)
        unbinary_put(it, crlf);
    it->has_eol = false;
}

/* ---- Delimiters ----------------------------------------------------------------------------- */

/* The line is one of that level: all within it has ended. */
static void take_delimiter(struct unbinary *it, struct span line, unsigned index, bool is_close)
{
    if (it->body == UNBINARY_IN_BYTES)
        end_encoding(it);
    else if (it->has_eol)
        unbinary_put(it, crlf);
    it->has_eol = false;
    unbinary_put(it, line);
    unbinary_put(it, crlf);

    const struct unbinary_level *level = &it->levels[index];
    it->in_digest = level->is_digest;
    it->depth = index + (is_close ? 0 : 1);
    buf_truncate(&it->boundaries, level->boundary_start + (is_close ? 0 : level->boundary_len));
    it->body = is_close ? UNBINARY_IN_LINES : UNBINARY_IN_HEADER;
    it->place = UNBINARY_AT_LINE;
}

/* The line that began with a dash is none: it is text of the body. */
static void put_line(struct unbinary *it, size_t len)
{
    put_eol(it);
    put_data(it, span_make(it->line, len));
    it->line_len = 0;
}

/* The line is whole, with its CRLF. */
static void take_dash_line(struct unbinary *it)
{
    struct span line = span_make(it->line, it->line_len - 2);
    bool is_close;
    int index = unbinary_delimited(it, line, &is_close);

    it->line_len = 0;
    if (index >= 0) {
        take_delimiter(it, line, (unsigned)index, is_close);
        return;
    }
    put_line(it, line.len);
    it->has_eol = true;
    it->place = UNBINARY_AT_LINE;
}

/* A line that may be a delimiter, as far as it is there. Returns how many bytes it took. */
static size_t take_dash(struct unbinary *it, struct span bytes)
{
    struct span piece = span_first(bytes, UNBINARY_LINE_MAX - it->line_len);
    ptrdiff_t lf = span_find_byte(piece, 0, '\n');
    size_t len = lf < 0 ? piece.len : (size_t)lf + 1;

    memcpy(it->line + it->line_len, piece.ptr, len);
    it->line_len += len;
    bool has_cr =
        it->line_len > (lf < 0 ? 0U : 1U) && it->line[it->line_len - (lf < 0 ? 1U : 2U)] == '\r';
    if (lf >= 0 && has_cr) {
        take_dash_line(it);
    } else if (lf >= 0 || it->line_len == UNBINARY_LINE_MAX) {
        it->place = has_cr ? UNBINARY_AT_CR : UNBINARY_AT_TEXT;
        put_line(it, it->line_len - has_cr);
    }
    return len;
}

/* ---- Bodies --------------------------------------------------------------------------------- */

static size_t take_text(struct unbinary *it, struct span bytes)
{
    ptrdiff_t cr = span_find_byte(bytes, 0, '\r');

    put_data(it, cr < 0 ? bytes : span_first(bytes, (size_t)cr));
    if (cr < 0)
        return bytes.len;
    it->place = UNBINARY_AT_CR;
    return (size_t)cr + 1;
}

static size_t take_body(struct unbinary *it, struct span bytes)
{
    switch (it->place) {
    case UNBINARY_AT_LINE:
        if (bytes.ptr[0] == '-' && it->depth > 0) {
            it->place = UNBINARY_AT_DASH;
            return 0;
        }
        put_eol(it);
        it->place = UNBINARY_AT_TEXT;
        return 0;
    case UNBINARY_AT_CR:
        it->has_eol = bytes.ptr[0] == '\n';
        if (!it->has_eol)
            put_data(it, span_first(crlf, 1));
        it->place = it->has_eol ? UNBINARY_AT_LINE : UNBINARY_AT_TEXT;
        return it->has_eol;
    case UNBINARY_AT_DASH:
        return take_dash(it, bytes);
    case UNBINARY_AT_TEXT:
        break;
    }
    return take_text(it, bytes);
}

/* ---- Headers -------------------------------------------------------------------------------- */

static bool is_clean(struct span line)
{
    return !span_has_nul(line) && span_find_byte(line, 0, '\r') < 0 &&
           span_find_byte(line, 0, '\n') < 0;
}

/* A delimiter ends a header that has no empty line. What ends there may be a message with a header
 * of its own, empty as well. */
static void cut_header(struct unbinary *it, struct span line, unsigned index, bool is_close)
{
    memcpy(it->line, line.ptr, line.len);
    buf_truncate(&it->header, it->header_line);
    while (it->body == UNBINARY_IN_HEADER && it->fault == UNBINARY_OK)
        unbinary_end_header(it);
    take_delimiter(it, span_make(it->line, line.len), index, is_close);
}

/* The header's last line is whole, with its line end. */
static void take_header_line(struct unbinary *it)
{
    struct span line = span_from(buf_span(&it->header), it->header_line);
    bool is_ended = line.len >= 2 && line.ptr[line.len - 2] == '\r';
    struct span text = span_first(line, line.len - (is_ended ? 2 : 1));
    bool is_close = false;
    int index = line.len <= UNBINARY_LINE_MAX ? unbinary_delimited(it, text, &is_close) : -1;

    if (!is_ended || !is_clean(text)) {
        unbinary_fail(it, UNBINARY_LINES);
    } else if (index >= 0) {
        cut_header(it, text, (unsigned)index, is_close);
    } else {
        it->header_line = it->header.len;
        if (text.len == 0)
            unbinary_end_header(it);
    }
}

static size_t take_header(struct unbinary *it, struct span bytes)
{
    ptrdiff_t lf = span_find_byte(bytes, 0, '\n');
    size_t len = lf < 0 ? bytes.len : (size_t)lf + 1;

    if (buf_append(&it->header, span_first(bytes, len)) != 0)
        unbinary_fail(it, UNBINARY_HEADER);
    else if (lf >= 0)
        take_header_line(it);
    return len;
}

enum unbinary_fault unbinary_feed(struct unbinary *unbinary, struct span bytes)
{
    while (bytes.len > 0 && unbinary->fault == UNBINARY_OK)
        lex_advance(&bytes, unbinary->body == UNBINARY_IN_HEADER ? take_header(unbinary, bytes)
                                                                 : take_body(unbinary, bytes));
    return unbinary->fault;
}

/* The last line may lack its CRLF: a header's is completed, a delimiter's as well, and in a binary
 * part a CR or a CRLF at the end is the part's. */
enum unbinary_fault unbinary_finish(struct unbinary *it)
{
    bool is_half_header = it->body == UNBINARY_IN_HEADER && it->header.len > it->header_line;
    bool is_close;

    if (is_half_header ||
        (it->body != UNBINARY_IN_HEADER && it->place == UNBINARY_AT_DASH &&
         unbinary_delimited(it, span_make(it->line, it->line_len), &is_close) >= 0))
        (void)unbinary_feed(it, crlf);
    while (it->body == UNBINARY_IN_HEADER && it->fault == UNBINARY_OK)
        unbinary_end_header(it);

    if (it->place == UNBINARY_AT_DASH)
        put_line(it, it->line_len);
    put_eol(it);
    if (it->place == UNBINARY_AT_CR)
        put_data(it, span_first(crlf, 1));
    it->place = UNBINARY_AT_LINE;
    if (it->body == UNBINARY_IN_BYTES)
        end_encoding(it);
    return it->fault;
}
