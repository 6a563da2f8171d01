/*
 * search_text: finding text in messages. ASCII is compared without case byte by byte and without a
 * copy; only a text with other letters needs the haystack folded. Headers are decoded (RFC 2047),
 * bodies by their transfer encoding; ISO-8859-1 becomes UTF-8, other charsets are searched as
 * bytes.
 *
 * Tests: tests/unit/test_store_search.c.
 */
#include "base/codec.h"
#include "base/require.h"
#include "base/utf8.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "store/search_internal.h"

static unsigned char ascii_upper(unsigned char byte)
{
    return byte >= 'a' && byte <= 'z' ? (unsigned char)(byte - ('a' - 'A')) : byte;
}

static unsigned char ascii_lower(unsigned char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + ('a' - 'A')) : byte;
}

void search_text_make(struct span text, struct buf *storage, struct search_text *out)
{
    out->is_ascii = utf8_is_ascii(text);
    buf_init(storage, 0);
    if (!out->is_ascii) {
        require(utf8_fold(text, storage) == 0); /* it has no maximum */
    } else {
        for (size_t i = 0; i < text.len; i++)
            buf_put_byte(storage, (char)ascii_upper((unsigned char)text.ptr[i]));
    }
    out->text = buf_span(storage);
}

static bool ascii_equal(struct span upper, const char *bytes)
{
    for (size_t i = 0; i < upper.len; i++) {
        if (ascii_upper((unsigned char)bytes[i]) != (unsigned char)upper.ptr[i])
            return false;
    }
    return true;
}

/* Offset of the next byte that is one of two, or the end. */
static size_t find_either(struct span haystack, size_t from, unsigned char a, unsigned char b)
{
    while (from < haystack.len && (unsigned char)haystack.ptr[from] != a &&
           (unsigned char)haystack.ptr[from] != b)
        from++;
    return from;
}

static bool ascii_is_in(struct span upper, struct span haystack)
{
    if (upper.len == 0)
        return true;
    if (upper.len > haystack.len)
        return false;
    unsigned char first = (unsigned char)upper.ptr[0];
    struct span starts = span_first(haystack, haystack.len - upper.len + 1);
    for (size_t i = 0;; i++) {
        i = find_either(starts, i, first, ascii_lower(first));
        if (i == starts.len)
            return false;
        if (ascii_equal(upper, haystack.ptr + i))
            return true;
    }
}

bool search_text_is_in(const struct search_text *text, struct span haystack, struct buf *folded)
{
    if (text->is_ascii)
        return ascii_is_in(text->text, haystack);
    if (utf8_is_ascii(haystack))
        return false;
    buf_clear(folded);
    require(utf8_fold(haystack, folded) == 0); /* it has no maximum */
    return span_find(buf_span(folded), text->text) >= 0;
}

/* The header with its empty line, from the start of the bytes. */
static struct span header_of(struct span bytes)
{
    static const struct span end = {"\r\n\r\n", 4};
    if (span_starts(bytes, span_make("\r\n", 2)))
        return span_first(bytes, 0);
    ptrdiff_t at = span_find(bytes, end);
    return at < 0 ? bytes : span_first(bytes, (size_t)at + 4);
}

bool search_header_has(struct search_message *message, struct span field,
                       const struct search_text *text)
{
    struct span header = header_of(message->bytes);
    struct header_field found;
    size_t offset = 0;
    while (header_next(header, &offset, &found)) {
        if (!span_equal_nocase(found.name, field))
            continue;
        if (text->text.len == 0)
            return true;
        buf_clear(&message->scratch);
        header_decode(found.value, &message->scratch);
        if (search_text_is_in(text, buf_span(&message->scratch), &message->folded))
            return true;
    }
    return false;
}

/* Names too: TEXT looks at the whole header (RFC 3501 6.4.4). */
static bool header_has(struct search_message *message, struct span header,
                       const struct search_text *text)
{
    if (text->is_ascii && search_text_is_in(text, header, &message->folded))
        return true;
    struct header_field field;
    size_t offset = 0;
    while (header_next(header, &offset, &field)) {
        buf_clear(&message->scratch);
        buf_put(&message->scratch, field.name);
        buf_puts(&message->scratch, ": ");
        header_decode(field.value, &message->scratch);
        if (search_text_is_in(text, buf_span(&message->scratch), &message->folded))
            return true;
    }
    return false;
}

/* UTF-8 is searched as it is; so is what no charset is known for. */
static bool needs_charset(struct span charset)
{
    return charset.len > 0 && !span_is(charset, "utf-8") && !span_is(charset, "us-ascii") &&
           charset_is_known(charset);
}

/* Searched where it lies when nothing is to be decoded. */
static struct span part_decode(struct search_message *message, const struct mime_part *part,
                               struct span body)
{
    struct span charset = span_of(part->charset), decoded = body;
    int err = 0;
    buf_clear(&message->scratch);
    if (part->encoding == MIME_BASE64)
        err = codec_base64_decode_loose(body, &message->scratch);
    else if (part->encoding == MIME_QP)
        err = codec_qp_decode(body, &message->scratch);
    if (err != 0)
        return body; /* not what it says it is: as it stands */
    if (part->encoding == MIME_BASE64 || part->encoding == MIME_QP)
        decoded = buf_span(&message->scratch);
    if (!needs_charset(charset))
        return decoded;
    buf_clear(&message->wide);
    (void)charset_to_utf8(charset, decoded, &message->wide); /* known, as was just asked */
    return buf_span(&message->wide);
}

/* Attachments between are never read. */
static struct span bytes_at(const struct search_message *message, uint64_t offset, uint64_t len)
{
    if (offset <= message->bytes.len && len <= message->bytes.len - offset)
        return span_first(span_from(message->bytes, (size_t)offset), (size_t)len);
    return message->load(message->owner, offset, len);
}

enum parts_scope { PARTS_BODIES, PARTS_AND_HEADERS };

static bool parts_have(struct search_message *message, const struct search_text *text,
                       enum parts_scope scope)
{
    struct mime_part part;
    size_t position = 0;
    while (mime_part_next(message->parts, &position, &part)) {
        bool is_inner = part.header_offset > 0; /* the main header is not looked at again */
        if (scope == PARTS_AND_HEADERS && is_inner &&
            header_has(message, bytes_at(message, part.header_offset, part.header_len), text))
            return true;
        if (!part.is_text)
            continue;
        struct span body = bytes_at(message, part.body_offset, part.body_len);
        if (search_text_is_in(text, part_decode(message, &part, body), &message->folded))
            return true;
    }
    return false;
}

bool search_body_has(struct search_message *message, const struct search_text *text)
{
    return text->text.len == 0 || parts_have(message, text, PARTS_BODIES);
}

bool search_all_has(struct search_message *message, const struct search_text *text)
{
    return header_has(message, header_of(message->bytes), text) ||
           parts_have(message, text, PARTS_AND_HEADERS);
}
