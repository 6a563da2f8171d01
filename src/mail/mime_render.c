/*
 * mime_render: the texts that FETCH sends (RFC 3501 7.4.2): strings, ENVELOPE, and what stands
 * round the numbers of a BODYSTRUCTURE. The numbers and the order of parts are mime.c's. Tests:
 * tests/unit/test_mail_mime.c.
 */
#include "mail/mime_internal.h"

#include "mail/lex_internal.h"

void mime_render_number(uint64_t number, struct buf *out)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_put(out, span_make(digits + at, sizeof digits - at));
}

static bool is_7bit(struct span text)
{
    unsigned char all = 0;

    for (size_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.ptr[i];
    return all < 128;
}

/* CR and LF of folding are left out; NUL, which no string may hold, is shown as '?'. With is_quoted
 * in the form that stands between quotes. at has room for twice the text. */
static size_t copy_unfolded(struct span text, bool is_quoted, char *at)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '\r' || byte == '\n')
            continue;
        if (is_quoted && (byte == '"' || byte == '\\'))
            at[len++] = '\\';
        at[len++] = (char)(byte == '\0' ? '?' : byte);
    }
    return len;
}

static void put_literal(struct span text, struct buf *out)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] != '\r' && text.ptr[i] != '\n';
    buf_put_byte(out, '{');
    mime_render_number(count, out);
    buf_put(out, span_of("}\r\n"));
    char *room = buf_reserve(out, text.len);
    if (room != NULL)
        buf_add_len(out, copy_unfolded(text, false, room));
}

void mime_render_nstring(struct span raw, struct buf *out)
{
    if (raw.ptr == NULL) {
        buf_put(out, span_of("NIL"));
        return;
    }
    struct span text = lex_trim(raw);
    if (!is_7bit(text)) {
        put_literal(text, out);
        return;
    }
    char *room = buf_reserve(out, text.len * 2 + 2);
    if (room == NULL)
        return;
    room[0] = '"';
    size_t len = 1 + copy_unfolded(text, true, room + 1);
    room[len] = '"';
    buf_add_len(out, len + 1);
}

/* Names and tokens, which compare without case: one spelling for all. */
static void put_lower(struct span token, struct buf *out)
{
    size_t before = out->len;

    mime_render_nstring(token, out);
    char *text = out->data + out->start;
    for (size_t i = before; i < out->len; i++)
        text[i] = lex_lower(text[i]);
}

static void put_address(const struct header_address *address, struct buf *out)
{
    buf_put_byte(out, '(');
    mime_render_nstring(address->display_name.len > 0 ? address->display_name : (struct span){0},
                        out);
    buf_put(out, span_of(" NIL "));
    if (address->kind == HEADER_GROUP_END)
        buf_put(out, span_of("NIL"));
    else
        mime_render_nstring(address->local, out);
    buf_put_byte(out, ' ');
    /* No host means a group, so an address without one has the empty host. */
    if (address->kind == HEADER_MAILBOX)
        mime_render_nstring(address->domain, out);
    else
        buf_put(out, span_of("NIL"));
    buf_put_byte(out, ')');
}

static void put_list(struct span value, struct header_address_iter *iter, struct buf *out)
{
    struct header_address address;

    header_address_begin(iter, value);
    while (header_address_next(iter, &address))
        put_address(&address, out);
}

static void put_addresses(const struct mime_fields *fields, enum mime_field_id id,
                          struct header_address_iter *iter, struct buf *out)
{
    size_t before = out->len;

    if (fields->count[id] > 0) {
        buf_put_byte(out, '(');
        put_list(fields->value[id], iter, out);
        for (unsigned i = 0; i < fields->repeat_count; i++) {
            if (fields->repeat[i].id == id)
                put_list(fields->repeat[i].value, iter, out);
        }
    }
    if (out->len > before + 1) {
        buf_put_byte(out, ')');
    } else {
        buf_truncate(out, before);
        buf_put(out, span_of("NIL"));
    }
}

/* Sender and Reply-To default to From: its text, len bytes at offset, again. */
static void put_again(size_t offset, size_t len, struct buf *out)
{
    char *room = buf_reserve(out, len);
    if (room == NULL)
        return;
    memcpy(room, out->data + out->start + offset, len);
    buf_add_len(out, len);
}

void mime_render_envelope(const struct mime_fields *fields, struct header_address_iter *iter,
                          struct buf *out)
{
    static const enum mime_field_id defaulted[] = {FIELD_SENDER, FIELD_REPLY_TO};
    static const enum mime_field_id lists[] = {FIELD_TO, FIELD_CC, FIELD_BCC};

    buf_put_byte(out, '(');
    mime_render_nstring(fields->value[FIELD_DATE], out);
    buf_put_byte(out, ' ');
    mime_render_nstring(fields->value[FIELD_SUBJECT], out);
    buf_put_byte(out, ' ');
    size_t from = out->len;
    put_addresses(fields, FIELD_FROM, iter, out);
    size_t from_len = out->len - from;
    for (size_t i = 0; i < 2; i++) {
        buf_put_byte(out, ' ');
        size_t before = out->len;
        put_addresses(fields, defaulted[i], iter, out);
        if (out->len == before + 3) { /* NIL: every list is longer */
            buf_truncate(out, before);
            put_again(from, from_len, out);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        buf_put_byte(out, ' ');
        put_addresses(fields, lists[i], iter, out);
    }
    buf_put_byte(out, ' ');
    mime_render_nstring(fields->value[FIELD_IN_REPLY_TO], out);
    buf_put_byte(out, ' ');
    mime_render_nstring(fields->value[FIELD_MESSAGE_ID], out);
    buf_put_byte(out, ')');
}

static void put_params(const struct mime_value *value, struct buf *out)
{
    char separator = '(';

    for (unsigned i = 0; i < value->param_count; i++) {
        const struct mime_param *param = &value->params[i];
        if (param->name.len == 0)
            continue;
        buf_put_byte(out, separator);
        put_lower(param->name, out);
        buf_put_byte(out, ' ');
        mime_render_nstring(param->value, out);
        separator = ' ';
    }
    buf_put(out, span_of(separator == ' ' ? ")" : "NIL"));
}

static void put_disposition(struct span field, struct arena *arena, struct buf *out)
{
    struct mime_value value;

    if (field.ptr != NULL)
        mime_value_parse(field, arena, &value);
    if (field.ptr == NULL || value.type.len == 0) {
        buf_put(out, span_of("NIL"));
        return;
    }
    buf_put_byte(out, '(');
    put_lower(value.type, out);
    buf_put_byte(out, ' ');
    put_params(&value, out);
    buf_put_byte(out, ')');
}

/* "en, de" (RFC 3282) as a list. */
static void put_language(struct span field, struct buf *out)
{
    struct span rest = field;
    char separator = '(';

    lex_skip_cfws(&rest);
    while (rest.len > 0) {
        size_t len = 0;
        while (len < rest.len && !lex_is_space(rest.ptr[len]) && rest.ptr[len] != ',' &&
               rest.ptr[len] != '(')
            len++;
        if (len > 0) {
            buf_put_byte(out, separator);
            mime_render_nstring(span_first(rest, len), out);
            separator = ' ';
        }
        lex_advance(&rest, len);
        if (rest.len > 0 && rest.ptr[0] == ',')
            lex_advance(&rest, 1);
        lex_skip_cfws(&rest);
    }
    buf_put(out, span_of(separator == ' ' ? ")" : "NIL"));
}

/* Disposition, language and location: the end of every extension data. */
static void put_extension(const struct mime_fields *fields, struct arena *arena, struct buf *tail)
{
    buf_put_byte(tail, ' ');
    put_disposition(fields->value[FIELD_DISPOSITION], arena, tail);
    buf_put_byte(tail, ' ');
    put_language(fields->value[FIELD_LANGUAGE], tail);
    buf_put_byte(tail, ' ');
    mime_render_nstring(fields->value[FIELD_LOCATION], tail);
    buf_put_byte(tail, ')');
}

static void put_type(const struct mime_entity *entity, struct buf *out)
{
    if (entity->is_opaque) {
        buf_put(out, span_of("\"application\" \"octet-stream\""));
        return;
    }
    put_lower(entity->type.type, out);
    buf_put_byte(out, ' ');
    put_lower(entity->type.subtype, out);
}

void mime_render_open(const struct mime_entity *entity, const struct mime_fields *fields,
                      struct arena *arena, struct buf *out, struct buf *tail)
{
    buf_put_byte(out, '(');
    if (entity->kind == MIME_MULTIPART) {
        buf_put_byte(tail, ' ');
        put_lower(entity->type.subtype, tail);
        buf_put_byte(tail, ' ');
        put_params(&entity->type, tail);
        put_extension(fields, arena, tail);
        return;
    }

    put_type(entity, out);
    buf_put_byte(out, ' ');
    put_params(&entity->type, out);
    buf_put_byte(out, ' ');
    mime_render_nstring(fields->value[FIELD_ID], out);
    buf_put_byte(out, ' ');
    mime_render_nstring(fields->value[FIELD_DESCRIPTION], out);
    buf_put_byte(out, ' ');
    put_lower(entity->encoding_name, out);
    buf_put_byte(out, ' ');
    buf_put_byte(tail, ' ');
    mime_render_nstring(fields->value[FIELD_MD5], tail);
    put_extension(fields, arena, tail);
}
