/*
 * mime_params: a structured MIME value: type, subtype, parameters, RFC 2231 continuations. Takes
 * what real mailers write: unquoted values with specials in them, missing semicolons at the end.
 * Linear: the reader moves forward only; joining continuations looks at most MIME_PARAMS_MAX times
 * twice over at most as many parameters. Tests: tests/unit/test_mail_mime.c.
 */
#include "mail/mime_internal.h"

#include "mail/lex_internal.h"

/* Up to white space or one of stops. */
static struct span take_until(struct span *rest, const char *stops)
{
    size_t len = 0;

    while (len < rest->len && !lex_is_space(rest->ptr[len]) &&
           (rest->ptr[len] == '\0' || strchr(stops, rest->ptr[len]) == NULL))
        len++;
    struct span token = span_first(*rest, len);
    lex_advance(rest, len);
    return token;
}

static struct span take_value(struct span *rest, struct arena *arena)
{
    if (rest->len == 0 || rest->ptr[0] != '"')
        return take_until(rest, ";");

    struct span raw = lex_quoted(rest);
    bool is_plain = true;
    for (size_t i = 0; i < raw.len && is_plain; i++)
        is_plain = raw.ptr[i] != '\\' && raw.ptr[i] != '\r' && raw.ptr[i] != '\n';
    if (is_plain)
        return raw;
    char *text = arena_alloc(arena, raw.len);
    return span_make(text, lex_unescape(raw, text));
}

/* Moves to the next ';', over quoted strings and comments, and behind it; false at the end. */
static bool next_param(struct span *rest)
{
    while (rest->len > 0 && rest->ptr[0] != ';') {
        if (rest->ptr[0] == '"')
            (void)lex_quoted(rest);
        else if (rest->ptr[0] == '(')
            (void)lex_comment(rest);
        else
            lex_advance(rest, 1);
    }
    if (rest->len == 0)
        return false;
    lex_advance(rest, 1);
    lex_skip_cfws(rest);
    return true;
}

/* name*3 or name*3* (RFC 2231 3, 4.1): the name and the number. */
struct section {
    struct span name;
    int number; /* -1: no continuation */
    bool is_extended;
};

static struct section section_of(struct span name)
{
    struct section out = {name, -1, false};
    ptrdiff_t star = span_find_byte(name, 0, '*');
    uint64_t number;

    if (star <= 0)
        return out;
    struct span digits = span_from(name, (size_t)star + 1);
    if (digits.len > 0 && digits.ptr[digits.len - 1] == '*') {
        digits.len--;
        out.is_extended = true;
    }
    if (span_to_u64(digits, MIME_PARAMS_MAX, &number)) {
        out.number = (int)number;
        out.name = span_first(name, (size_t)star);
    }
    return out;
}

/* The sections 0, 1, ... of one name in order, as far as there are such. */
struct chain {
    struct mime_param *params[MIME_PARAMS_MAX];
    bool is_extended[MIME_PARAMS_MAX];
    unsigned count;
    bool has_extended;
    size_t size;
};

static bool chain_add(struct mime_value *value, struct span name, struct chain *chain)
{
    for (unsigned i = 0; i < value->param_count; i++) {
        struct mime_param *param = &value->params[i];
        struct section section = section_of(param->name);
        if (section.number != (int)chain->count || !span_equal_nocase(section.name, name))
            continue;
        chain->params[chain->count] = param;
        chain->is_extended[chain->count++] = section.is_extended;
        chain->has_extended = chain->has_extended || section.is_extended;
        chain->size += param->value.len;
        return true;
    }
    return false;
}

static size_t put_percent(struct span text, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char code = (unsigned char)text.ptr[i];
        if (lex_is_atext(text.ptr[i]) && code < 128 && strchr("*'%", text.ptr[i]) == NULL) {
            out[len++] = text.ptr[i];
            continue;
        }
        out[len++] = '%';
        out[len++] = hex[code >> 4];
        out[len++] = hex[code & 15];
    }
    return len;
}

/* Puts the joined value into the first section's parameter and empties the others' names. When one
 * section is extended, all are: plain ones get their bytes percent-encoded. */
static void chain_join(const struct chain *chain, struct span name, struct arena *arena)
{
    char *text = arena_alloc(arena, chain->has_extended ? chain->size * 3 + 2 : chain->size + 1);
    size_t len = 0;

    if (chain->has_extended && !chain->is_extended[0]) {
        text[len++] = '\''; /* neither charset */
        text[len++] = '\''; /* nor language */
    }
    for (unsigned i = 0; i < chain->count; i++) {
        struct span part = chain->params[i]->value;
        if (chain->has_extended && !chain->is_extended[i]) {
            len += put_percent(part, text + len);
        } else if (part.len > 0) {
            memcpy(text + len, part.ptr, part.len);
            len += part.len;
        }
        chain->params[i]->name = span_make("", 0);
    }

    if (chain->has_extended) {
        char *starred = arena_alloc(arena, name.len + 1);
        memcpy(starred, name.ptr, name.len);
        starred[name.len] = '*';
        name = span_make(starred, name.len + 1);
    }
    *chain->params[0] = (struct mime_param){name, span_make(text, len)};
}

static void join_continuations(struct mime_value *value, struct arena *arena)
{
    for (unsigned i = 0; i < value->param_count; i++) {
        struct section section = section_of(value->params[i].name);
        struct chain chain;
        if (section.number != 0)
            continue;
        chain.count = 0;
        chain.has_extended = false;
        chain.size = 0;
        while (chain.count < MIME_PARAMS_MAX && chain_add(value, section.name, &chain))
            ;
        if (chain.count > 0)
            chain_join(&chain, section.name, arena);
    }
}

void mime_value_parse(struct span value, struct arena *arena, struct mime_value *out)
{
    struct span rest = value;
    bool has_star = false;

    out->param_count = 0;
    out->subtype = span_make("", 0);
    lex_skip_cfws(&rest);
    out->type = take_until(&rest, "/;(\"=");
    lex_skip_cfws(&rest);
    if (rest.len > 0 && rest.ptr[0] == '/') {
        lex_advance(&rest, 1);
        lex_skip_cfws(&rest);
        out->subtype = take_until(&rest, "/;(\"=");
    }

    while (out->param_count < MIME_PARAMS_MAX && next_param(&rest)) {
        struct mime_param *param = &out->params[out->param_count];
        param->name = take_until(&rest, "=;(\"");
        lex_skip_cfws(&rest);
        if (param->name.len == 0 || rest.len == 0 || rest.ptr[0] != '=')
            continue;
        lex_advance(&rest, 1);
        lex_skip_cfws(&rest);
        param->value = take_value(&rest, arena);
        has_star = has_star || span_find_byte(param->name, 0, '*') >= 0;
        out->param_count++;
    }
    if (has_star)
        join_continuations(out, arena);
}

struct span mime_value_param(const struct mime_value *value, const char *name)
{
    for (unsigned i = 0; i < value->param_count; i++) {
        if (span_is_nocase(value->params[i].name, name))
            return value->params[i].value;
    }
    return span_make("", 0);
}
