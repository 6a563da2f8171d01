/*
 * mime_parts: the `parts` bytes that the store keeps beside a message, and how a section number
 * finds its part in them. One format byte, then a record for each part in order of its header:
 * flags, level, header offset, header length, body length, charset; numbers as base-128 with the
 * low bits first. What the bytes say is not believed: a damaged row finds nothing. Tests:
 * tests/unit/test_mail_mime_parts.c.
 */
#include "mail/mime_internal.h"

enum { FORMAT = 1 };
enum { FLAG_MESSAGE = 1, FLAG_MULTIPART = 2, FLAG_TEXT = 4, ENCODING_SHIFT = 3 };
enum { NUMBER_SIZE_MAX = 10, RECORD_SIZE_MAX = 2 + 4 * NUMBER_SIZE_MAX + 32 };

static char *put_number(uint64_t number, char *at)
{
    for (; number >= 128; number >>= 7)
        *at++ = (char)(unsigned char)(number | 128);
    *at++ = (char)(unsigned char)number;
    return at;
}

static char *put_record(const struct mime_record *record, char *at)
{
    unsigned flags = (unsigned)record->encoding << ENCODING_SHIFT;
    size_t charset_len = strnlen(record->charset, sizeof record->charset - 1);

    flags |= record->kind == MIME_MESSAGE ? FLAG_MESSAGE : 0;
    flags |= record->kind == MIME_MULTIPART ? FLAG_MULTIPART : 0;
    flags |= record->is_text ? FLAG_TEXT : 0;
    *at++ = (char)flags;
    at = put_number(record->level, at);
    at = put_number(record->header_offset, at);
    at = put_number(record->header_len, at);
    at = put_number(record->body_len, at);
    *at++ = (char)charset_len;
    memcpy(at, record->charset, charset_len);
    return at + charset_len;
}

void mime_parts_encode(const struct mime_record *records, size_t count, struct buf *out)
{
    char bytes[RECORD_SIZE_MAX];

    buf_put_byte(out, FORMAT);
    for (size_t i = 0; i < count; i++)
        buf_put(out, span_make(bytes, (size_t)(put_record(&records[i], bytes) - bytes)));
}

static bool take_byte(struct span *rest, unsigned *out)
{
    if (rest->len == 0)
        return false;
    *out = (unsigned char)rest->ptr[0];
    *rest = span_from(*rest, 1);
    return true;
}

static bool take_number(struct span *rest, uint64_t *out)
{
    unsigned byte = 128;

    *out = 0;
    for (unsigned shift = 0; byte >= 128; shift += 7) {
        if (shift > 63 || !take_byte(rest, &byte))
            return false;
        *out |= (uint64_t)(byte & 127) << shift;
    }
    return true;
}

struct place {
    struct mime_part part;
    uint64_t level;
};

/* The record at *position; moves on behind it. */
static bool read_place(struct span parts, size_t *position, struct place *out)
{
    struct span rest = span_from(parts, *position);
    struct mime_part *part = &out->part;
    unsigned flags, charset_len;

    *out = (struct place){0};
    if (*position == 0 && (!take_byte(&rest, &flags) || flags != FORMAT))
        return false;
    if (!take_byte(&rest, &flags) || !take_number(&rest, &out->level) ||
        !take_number(&rest, &part->header_offset) || !take_number(&rest, &part->header_len) ||
        !take_number(&rest, &part->body_len) || !take_byte(&rest, &charset_len))
        return false;
    if (charset_len >= sizeof part->charset || charset_len > rest.len ||
        flags >> ENCODING_SHIFT > MIME_UNKNOWN)
        return false;

    part->body_offset = part->header_offset + part->header_len;
    part->encoding = (enum mime_encoding)(flags >> ENCODING_SHIFT);
    part->is_message = (flags & FLAG_MESSAGE) != 0;
    part->is_multipart = (flags & FLAG_MULTIPART) != 0;
    part->is_text = (flags & FLAG_TEXT) != 0;
    memcpy(part->charset, rest.ptr, charset_len);
    rest = span_from(rest, charset_len);
    *position = parts.len - rest.len;
    return true;
}

/* Moves from the container in *place, which ends at *position, to its number-th child. */
static bool find_child(struct span parts, size_t *position, uint64_t number, struct place *place)
{
    uint64_t level = place->level + 1;

    while (read_place(parts, position, place) && place->level >= level) {
        if (place->level == level && --number == 0)
            return true;
    }
    return false;
}

/* "2." off the front of *section; false when it does not begin with an nz-number (RFC 3501 9). */
static bool take_section(struct span *section, uint64_t *number_out)
{
    ptrdiff_t dot = span_find_byte(*section, 0, '.');
    struct span digits = dot < 0 ? *section : span_first(*section, (size_t)dot);

    if (digits.len == 0 || digits.ptr[0] == '0' || !span_to_u64(digits, UINT32_MAX, number_out))
        return false;
    if (dot >= 0 && (size_t)dot + 1 == section->len)
        return false;
    *section = span_from(*section, dot < 0 ? section->len : (size_t)dot + 1);
    return true;
}

/* A message, the outer or an enclosed one, that is no multipart has one part: its body is part 1
 * (RFC 3501 6.4.5). *is_whole tells the message from that part. Moves from the part in *place to
 * its number-th one. */
static bool descend(struct span parts, size_t *position, uint64_t number, struct place *place,
                    bool *is_whole)
{
    if (!*is_whole && place->part.is_message) {
        if (!find_child(parts, position, 1, place))
            return false;
        *is_whole = true;
    }
    bool was_whole = *is_whole;
    *is_whole = false;
    if (place->part.is_multipart)
        return find_child(parts, position, number, place);
    return was_whole && number == 1;
}

bool mime_part_find(struct span parts, struct span section, bool is_inner, struct mime_part *out)
{
    size_t position = 0;
    struct place place;
    bool is_whole = true;

    if (!read_place(parts, &position, &place))
        return false;
    if (section.len == 0)
        is_inner = false; /* the message's own HEADER and TEXT are those of the whole */

    while (section.len > 0) {
        uint64_t number;
        if (!take_section(&section, &number) ||
            !descend(parts, &position, number, &place, &is_whole))
            return false;
    }
    if (is_inner && (!place.part.is_message || !find_child(parts, &position, 1, &place)))
        return false;
    *out = place.part;
    return true;
}

bool mime_part_next(struct span parts, size_t *position, struct mime_part *out)
{
    struct place place;

    if (!read_place(parts, position, &place))
        return false;
    *out = place.part;
    return true;
}
