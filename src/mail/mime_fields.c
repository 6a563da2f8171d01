/*
 * mime_fields: the fields of a header that ENVELOPE and BODYSTRUCTURE need, found in one pass, and
 * what they say about the part. Tests: tests/unit/test_mail_mime.c.
 */
#include "mail/mime_internal.h"

#include "mail/lex_internal.h"

static const struct {
    const char *name;
    size_t len;
} field_names[FIELD_COUNT] = {
#define MIME_FIELD_ROW(id, name) {name, sizeof(name) - 1},
    MIME_FIELD_LIST(MIME_FIELD_ROW)
#undef MIME_FIELD_ROW
};

/* Runs for each field of each mail: the length sorts most out before a byte is compared. */
static enum mime_field_id find_field(struct span name)
{
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (field_names[i].len == name.len && lex_lower(name.ptr[0]) == field_names[i].name[0] &&
            span_equal_nocase(name, span_make(field_names[i].name, name.len)))
            return (enum mime_field_id)i;
    }
    return FIELD_COUNT;
}

void mime_fields_collect(struct span header, struct mime_fields *out)
{
    struct header_field field;
    size_t offset = 0;

    *out = (struct mime_fields){0};
    while (header_next(header, &offset, &field)) {
        enum mime_field_id id = find_field(field.name);
        if (id == FIELD_COUNT)
            continue;
        if (out->count[id]++ == 0)
            out->value[id] = field.value;
        else if (id >= FIELD_FROM && id <= FIELD_BCC && out->repeat_count < MIME_REPEAT_MAX)
            out->repeat[out->repeat_count++] = (struct mime_repeat){id, field.value};
    }
}

static void set_type(struct mime_value *type, const char *main_type, const char *subtype)
{
    type->type = span_of(main_type);
    type->subtype = span_of(subtype);
    type->param_count = 0;
}

/* What RFC 2045 5.2 says that a part is when nothing else is known. */
static void set_plain(struct mime_value *type)
{
    set_type(type, "text", "plain");
    type->params[0] = (struct mime_param){span_of("charset"), span_of("us-ascii")};
    type->param_count = 1;
}

static enum mime_encoding encoding_of(struct span name)
{
    static const struct {
        const char *name;
        enum mime_encoding encoding;
    } rows[] = {{"7bit", MIME_7BIT},
                {"8bit", MIME_8BIT},
                {"binary", MIME_BINARY},
                {"quoted-printable", MIME_QP},
                {"base64", MIME_BASE64}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (span_is_nocase(name, rows[i].name))
            return rows[i].encoding;
    }
    return MIME_UNKNOWN;
}

/* The first word of Content-Transfer-Encoding, comments left out. */
static struct span encoding_name(struct span value)
{
    size_t len = 0;

    lex_skip_cfws(&value);
    while (len < value.len && !lex_is_space(value.ptr[len]) && value.ptr[len] != ';' &&
           value.ptr[len] != '(')
        len++;
    return len == 0 ? span_of("7bit") : span_first(value, len);
}

static void decide_kind(struct mime_entity *entity)
{
    struct mime_value *type = &entity->type;

    if (span_is_nocase(type->type, "multipart")) {
        entity->boundary = lex_trim(mime_value_param(type, "boundary"));
        entity->is_digest = span_is_nocase(type->subtype, "digest");
        if (entity->boundary.len > 0 && entity->boundary.len <= MIME_BOUNDARY_MAX)
            entity->kind = MIME_MULTIPART;
        else /* Nothing can be found in it; as text a human can still read it. */
            set_plain(type);
    } else if (span_is_nocase(type->type, "message") && span_is_nocase(type->subtype, "rfc822")) {
        /* Base64 is forbidden here (RFC 2046 5.2.1); where it stands, no header can be read. */
        if (entity->encoding == MIME_BASE64)
            entity->is_opaque = true;
        else
            entity->kind = MIME_MESSAGE;
    }
    entity->is_text =
        !entity->is_opaque && entity->kind == MIME_LEAF && span_is_nocase(type->type, "text");
}

void mime_entity_parse(const struct mime_fields *fields, bool is_in_digest, struct arena *arena,
                       struct mime_entity *out)
{
    struct span value = fields->value[FIELD_CONTENT_TYPE];

    out->kind = MIME_LEAF;
    out->is_text = out->is_digest = out->is_opaque = false;
    out->boundary = span_make("", 0);
    out->encoding_name = encoding_name(fields->value[FIELD_ENCODING]);
    out->encoding = encoding_of(out->encoding_name);
    out->type.param_count = 0;
    out->type.type = out->type.subtype = span_make("", 0);
    if (value.ptr != NULL)
        mime_value_parse(value, arena, &out->type);
    if (out->type.type.len == 0 || out->type.subtype.len == 0) {
        if (is_in_digest)
            set_type(&out->type, "message", "rfc822");
        else
            set_plain(&out->type);
    }
    decide_kind(out);
}
