/*
 * header_address: address lists of From, To and their like (RFC 5322 3.4 and the obsolete forms of
 * 4.4), read as tolerantly as IMAP's ENVELOPE wants: whatever stands there, each comma ends one
 * address and the reader only moves forward. Strict addresses are address.c's. Tests:
 * tests/unit/test_mail_header.c, tests/fuzz/fuzz_mail_header.c.
 */
#include "mail/header_internal.h"

#include "mail/lex_internal.h"

void header_address_begin(struct header_address_iter *iter, struct span value)
{
    iter->rest = value;
    iter->in_group = false;
}

void header_address_deinit(struct header_address_iter *iter)
{
    buf_release(&iter->name);
    buf_release(&iter->local);
    buf_release(&iter->domain);
    buf_release(&iter->comment);
}

static void put_unescaped(struct buf *buf, struct span raw)
{
    char *room = buf_reserve(buf, raw.len + 1);
    if (room != NULL)
        buf_add_len(buf, lex_unescape(raw, room));
}

/* What ends a word outside of quotes. */
static bool is_special(char byte)
{
    switch (byte) {
    case '(':
    case '"':
    case '<':
    case '>':
    case '@':
    case ',':
    case ':':
    case ';':
        return true;
    default:
        return lex_is_space(byte);
    }
}

/* A run of bytes that are no specials; at least one, whatever it is, so that callers move on. */
static struct span take_word(struct span *rest)
{
    size_t len = 1;

    while (len < rest->len && !is_special(rest->ptr[len]))
        len++;
    struct span word = span_first(*rest, len);
    lex_advance(rest, len);
    return word;
}

static void take_comment(struct header_address_iter *iter)
{
    struct span comment = lex_comment(&iter->rest);

    buf_clear(&iter->comment);
    put_unescaped(&iter->comment, lex_trim(comment));
}

/* *rest stands behind '<': fills local and domain up to '>'. A route in front (RFC 5322 4.4:
 * "@a,@b:") is dropped. */
static void take_angle(struct header_address_iter *iter)
{
    struct span *rest = &iter->rest;
    bool is_route, in_domain = false;

    buf_clear(&iter->local);
    buf_clear(&iter->domain);
    lex_skip_cfws(rest);
    is_route = rest->len > 0 && rest->ptr[0] == '@';
    while (rest->len > 0 && rest->ptr[0] != '>') {
        char byte = rest->ptr[0];
        struct buf *into = in_domain ? &iter->domain : &iter->local;
        if (lex_is_space(byte) || byte == '(') {
            lex_skip_cfws(rest);
        } else if (byte == '"') {
            put_unescaped(into, lex_quoted(rest));
        } else if (byte == ':' && is_route) {
            lex_advance(rest, 1);
            buf_clear(&iter->local);
            buf_clear(&iter->domain);
            is_route = in_domain = false;
        } else if (byte == '@' && !in_domain) {
            lex_advance(rest, 1);
            in_domain = true;
        } else {
            lex_put(into, take_word(rest));
        }
    }
    if (rest->len > 0)
        lex_advance(rest, 1);
}

/* Moves to the ',' or ';' that ends the address; a comment on the way may be its name. */
static void skip_to_separator(struct header_address_iter *iter)
{
    struct span *rest = &iter->rest;

    while (rest->len > 0 && rest->ptr[0] != ',' && rest->ptr[0] != ';') {
        if (rest->ptr[0] == '(')
            take_comment(iter);
        else if (rest->ptr[0] == '"')
            (void)lex_quoted(rest);
        else
            lex_advance(rest, 1);
    }
}

/* How the words in front of a special byte were read. */
struct phrase {
    bool has_gap;   /* white space since the last word */
    bool in_domain; /* an '@' was seen */
};

static void add_word(struct header_address_iter *iter, struct phrase *phrase, struct span raw,
                     bool is_quoted)
{
    struct buf *part = phrase->in_domain ? &iter->domain : &iter->local;

    if (phrase->has_gap && iter->name.len > 0)
        lex_put(&iter->name, span_of(" "));
    phrase->has_gap = false;
    if (is_quoted) {
        put_unescaped(&iter->name, raw);
        put_unescaped(part, raw);
    } else {
        lex_put(&iter->name, raw);
        lex_put(part, raw);
    }
}

/* Reads words until one of "<,;" or the ':' of a group or the end. What stands in front of '<' is a
 * name, even when it has an '@' in it, as much real mail has. */
static void take_phrase(struct header_address_iter *iter)
{
    struct phrase phrase = {0};
    struct span *rest = &iter->rest;

    while (rest->len > 0) {
        char byte = rest->ptr[0];
        if (byte == '<' || byte == ',' || byte == ';' ||
            (byte == ':' && !iter->in_group && !phrase.in_domain))
            return;
        if (lex_is_space(byte)) {
            phrase.has_gap = true;
            lex_advance(rest, 1);
        } else if (byte == '(') {
            phrase.has_gap = true;
            take_comment(iter);
        } else if (byte == '"') {
            add_word(iter, &phrase, lex_quoted(rest), true);
        } else if (byte == '@' && !phrase.in_domain) {
            lex_put(&iter->name, span_of("@"));
            lex_advance(rest, 1);
            phrase.in_domain = true;
        } else {
            add_word(iter, &phrase, take_word(rest), false);
        }
    }
}

static void fill(struct header_address_iter *iter, bool has_name, struct header_address *out)
{
    struct span name = has_name ? buf_span(&iter->name) : span_make("", 0);

    out->kind = HEADER_MAILBOX;
    out->display_name = name.len > 0 ? name : buf_span(&iter->comment);
    out->local = buf_span(&iter->local);
    out->domain = buf_span(&iter->domain);
}

/* One address or the start of a group; false when there was nothing but white space. */
static bool take_address(struct header_address_iter *iter, struct header_address *out)
{
    buf_clear(&iter->name);
    buf_clear(&iter->local);
    buf_clear(&iter->domain);
    buf_clear(&iter->comment);
    take_phrase(iter);

    char byte = (char)(iter->rest.len > 0 ? iter->rest.ptr[0] : ',');
    if (byte == '<') {
        lex_advance(&iter->rest, 1);
        take_angle(iter);
        skip_to_separator(iter);
        fill(iter, true, out);
        return true;
    }
    if (byte == ':') {
        lex_advance(&iter->rest, 1);
        iter->in_group = true;
        out->kind = HEADER_GROUP_START;
        out->display_name = out->domain = span_make("", 0);
        out->local = buf_span(&iter->name);
        return true;
    }
    fill(iter, false, out);
    return out->local.len > 0 || out->domain.len > 0;
}

/* *rest stands at ';' or the end: the end of the group that is open, if one is. */
static bool end_group(struct header_address_iter *iter, struct header_address *out)
{
    bool was_in_group = iter->in_group;

    if (iter->rest.len > 0)
        lex_advance(&iter->rest, 1);
    iter->in_group = false;
    out->kind = HEADER_GROUP_END;
    out->display_name = out->local = out->domain = span_make("", 0);
    return was_in_group;
}

bool header_address_next(struct header_address_iter *iter, struct header_address *out)
{
    struct span *rest = &iter->rest;

    for (;;) {
        while (rest->len > 0 && (lex_is_space(rest->ptr[0]) || rest->ptr[0] == ','))
            lex_advance(rest, 1);
        bool is_end = rest->len == 0;
        if (is_end || rest->ptr[0] == ';') {
            if (end_group(iter, out))
                return true;
        } else if (take_address(iter, out)) {
            return true;
        }
        if (is_end)
            return false;
    }
}

size_t header_addresses(struct span value, struct arena *arena, struct header_address *out,
                        size_t max)
{
    struct header_address_iter iter = {0};
    size_t count = 0;

    header_address_begin(&iter, value);
    while (count < max && header_address_next(&iter, &out[count])) {
        struct header_address *address = &out[count++];
        address->display_name = arena_copy(arena, address->display_name);
        address->local = arena_copy(arena, address->local);
        address->domain = arena_copy(arena, address->domain);
    }
    header_address_deinit(&iter);
    return count;
}
