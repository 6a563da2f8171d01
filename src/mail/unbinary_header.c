/*
 * unbinary_header: what a part's header says of its body, and the header as it is given on: the
 * same bytes but for the Content-Transfer-Encoding of what is changed. Tests:
 * tests/unit/test_mail_unbinary.c.
 */
#include "mail/unbinary_internal.h"

#include "mail/lex_internal.h"

static struct span boundary_of(const struct unbinary *it, const struct unbinary_level *level)
{
    return span_make(buf_span(&it->boundaries).ptr + level->boundary_start, level->boundary_len);
}

static int find_boundary(const struct unbinary *it, struct span boundary)
{
    for (int i = (int)it->depth - 1; i >= 0; i--) {
        if (span_equal(boundary, boundary_of(it, &it->levels[i])))
            return i;
    }
    return -1;
}

/* As mime.c has it, which reads what comes out of here: the whole line counts, but for white space
 * behind it. */
int unbinary_delimited(const struct unbinary *it, struct span line, bool *is_close_out)
{
    *is_close_out = false;
    if (line.len < 3 || memcmp(line.ptr, "--", 2) != 0 || lex_is_space(line.ptr[2]) ||
        span_find_byte(line, 0, '\r') >= 0) /* which no white space is here */
        return -1;
    struct span text = lex_trim(span_from(line, 2));
    int open = find_boundary(it, text), closing = -1;
    if (text.len > 2 && memcmp(text.ptr + text.len - 2, "--", 2) == 0)
        closing = find_boundary(it, span_first(text, text.len - 2));
    *is_close_out = closing > open;
    return closing > open ? closing : open;
}

static bool is_in_signed(const struct unbinary *it)
{
    return it->depth > 0 && it->levels[it->depth - 1].is_signed;
}

static void push(struct unbinary *it, const struct mime_entity *entity)
{
    if (it->depth == UNBINARY_DEPTH_MAX) {
        unbinary_fail(it, UNBINARY_DEPTH);
        return;
    }
    bool is_signed = is_in_signed(it) || span_is_nocase(entity->type.subtype, "signed");
    it->levels[it->depth++] = (struct unbinary_level){.boundary_start = it->boundaries.len,
                                                      .boundary_len = entity->boundary.len,
                                                      .is_digest = entity->is_digest,
                                                      .is_signed = is_signed};
    buf_put(&it->boundaries, entity->boundary);
}

/* A binary leaf of a type that has no other encoding than the identity (RFC 2045 6.4): a multipart
 * without a boundary cannot be read, a message/... is given on as it is, line by line. */
static bool is_composite(const struct mime_fields *fields, const char *type)
{
    struct span value = fields->value[FIELD_CONTENT_TYPE];

    return value.ptr != NULL && span_starts_nocase(lex_trim(value), span_of(type));
}

/* "base64" or "8bit" for a part that is said to be binary; NULL: its header stays as it is. */
static const char *new_encoding(const struct mime_entity *entity, const struct mime_fields *fields)
{
    if (entity->encoding != MIME_BINARY)
        return NULL;
    return entity->kind == MIME_LEAF && !is_composite(fields, "message/") ? "base64" : "8bit";
}

static void give_header(struct unbinary *it, const char *encoding, bool wants_version)
{
    struct span header = buf_span(&it->header);
    struct header_field field;

    if (wants_version && !header_find(header, "mime-version", &field))
        unbinary_put(it, span_of("MIME-Version: 1.0\r\n"));
    if (encoding == NULL || !header_find(header, "content-transfer-encoding", &field)) {
        unbinary_put(it, header);
        return;
    }
    size_t start = (size_t)(field.whole.ptr - header.ptr);
    unbinary_put(it, span_first(header, start));
    unbinary_put(it, span_of("Content-Transfer-Encoding: "));
    unbinary_put(it, span_of(encoding));
    unbinary_put(it, span_of("\r\n"));
    unbinary_put(it, span_from(header, start + field.whole.len));
}

/* Two fields about the encoding: whoever reads the part takes one of them, nobody knows which. */
static bool is_ambiguous(const struct mime_fields *fields)
{
    return fields->count[FIELD_ENCODING] > 1 || fields->count[FIELD_CONTENT_TYPE] > 1;
}

void unbinary_end_header(struct unbinary *it)
{
    struct mime_fields fields;
    struct mime_entity entity;

    mime_fields_collect(buf_span(&it->header), &fields);
    mime_entity_parse(&fields, it->in_digest, &it->arena, &entity);
    const char *encoding = new_encoding(&entity, &fields);
    bool is_container = entity.kind != MIME_LEAF;

    if (is_ambiguous(&fields) ||
        (encoding != NULL && !is_container && is_composite(&fields, "multipart/")))
        unbinary_fail(it, UNBINARY_HEADER);
    if (encoding != NULL && is_in_signed(it))
        unbinary_fail(it, UNBINARY_SIGNED);
    /* Without the version nobody decodes what is encoded here, or in a part (RFC 2045 4). */
    give_header(it, encoding, it->is_root && (encoding != NULL || is_container));

    it->is_root = it->in_digest = false;
    it->place = UNBINARY_AT_LINE;
    if (entity.kind == MIME_MULTIPART)
        push(it, &entity);
    if (entity.kind != MIME_MESSAGE)
        it->body = encoding != NULL && span_is(span_of(encoding), "base64") ? UNBINARY_IN_BYTES
                                                                            : UNBINARY_IN_LINES;
    buf_clear(&it->header);
    it->header_line = 0;
    if (it->arena.used > 0)
        arena_reset(&it->arena);
}
