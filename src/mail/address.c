/*
 * address: paths of SMTP commands and mailboxes of the configuration. Owns their grammar and the
 * key under which addresses are compared; address lists of header fields, which are far looser,
 * are header_address.c's. Tests: tests/unit/test_mail_address.c, tests/fuzz/fuzz_mail_address.c.
 */
#include "mail/address.h"

#include "base/err.h"
#include "base/utf8.h"
#include "mail/lex_internal.h"

#include <arpa/inet.h>

enum { LABEL_MAX = 63 /* RFC 1035 2.3.4 */ };

static int refuse(const char **reason_out, const char *reason)
{
    *reason_out = reason;
    return ERR_SYNTAX;
}

/* The length of the Dot-string (RFC 5321 4.1.2) at the start of text; 0 when there is none. */
static size_t dot_string_len(struct span text)
{
    size_t len = 0;

    while (len < text.len && lex_is_atext(text.ptr[len])) {
        while (len < text.len && lex_is_atext(text.ptr[len]))
            len++;
        if (len + 1 >= text.len || text.ptr[len] != '.' || !lex_is_atext(text.ptr[len + 1]))
            return len;
        len++;
    }
    return len;
}

/* The length of the Quoted-string at the start of text, quotes included; 0 when it is faulty.
 * Controls are refused even behind a backslash: they have no business in a log or a header. */
static size_t quoted_string_len(struct span text)
{
    for (size_t i = 1; i < text.len; i++) {
        unsigned char code = (unsigned char)text.ptr[i];
        if (code == '"')
            return i + 1;
        if (code == '\\') {
            if (++i == text.len)
                return 0;
            code = (unsigned char)text.ptr[i];
            if (code >= 127)
                return 0;
        }
        if (code < ' ' || code == 127)
            return 0;
    }
    return 0;
}

static bool is_label(struct span label)
{
    if (label.len == 0 || label.len > LABEL_MAX)
        return false;
    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;

    for (size_t i = 0; i < label.len; i++) {
        unsigned char code = (unsigned char)label.ptr[i];
        bool is_ldh = (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') ||
                      (code >= 'A' && code <= 'Z') || code == '-' || code >= 128;
        if (!is_ldh)
            return false;
    }
    return true;
}

static bool is_host_name(struct span text)
{
    if (text.len == 0 || text.len > ADDRESS_DOMAIN_MAX || text.ptr[text.len - 1] == '.')
        return false;
    if (!utf8_is_valid(text))
        return false;

    for (struct span rest = text; rest.len > 0;) {
        if (!is_label(span_cut(&rest, '.')))
            return false;
    }
    return true;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3); other tags are not known to anybody. */
static bool is_literal(struct span text)
{
    char bare[INET6_ADDRSTRLEN];
    unsigned char binary[sizeof(struct in6_addr)];
    int family = AF_INET;

    if (text.len < 2 || text.ptr[0] != '[' || text.ptr[text.len - 1] != ']')
        return false;
    struct span inner = span_make(text.ptr + 1, text.len - 2);
    if (span_starts_nocase(inner, span_of("IPv6:"))) {
        family = AF_INET6;
        inner = span_from(inner, 5);
    }
    if (inner.len == 0 || inner.len >= sizeof bare || span_has_nul(inner))
        return false;

    memcpy(bare, inner.ptr, inner.len);
    bare[inner.len] = '\0';
    return inet_pton(family, bare, binary) == 1;
}

bool address_is_domain(struct span text)
{
    return text.len > 0 && text.ptr[0] == '[' ? is_literal(text) : is_host_name(text);
}

/* Takes the local part off the front of *rest. */
static int take_local(struct span *rest, struct address *out, const char **reason_out)
{
    size_t len;

    if (rest->len > 0 && rest->ptr[0] == '@')
        return refuse(reason_out, "source routes are not accepted; give the address alone");
    if (rest->len > 0 && rest->ptr[0] == '"') {
        len = quoted_string_len(*rest);
        out->is_quoted = true;
    } else {
        len = dot_string_len(*rest);
    }
    if (len == 0)
        return refuse(reason_out, "local part is missing or malformed");
    if (len > ADDRESS_LOCAL_MAX)
        return refuse(reason_out, "local part is longer than 64 octets");

    out->local = span_first(*rest, len);
    lex_advance(rest, len);
    if (!utf8_is_valid(out->local))
        return refuse(reason_out, "local part is not valid UTF-8");
    out->is_utf8 = !utf8_is_ascii(out->local);
    return 0;
}

/* Takes "@domain" off the front of *rest. */
static int take_domain(struct span *rest, struct address *out, const char **reason_out)
{
    lex_advance(rest, 1);
    ptrdiff_t end = span_find_byte(*rest, 0, rest->len > 0 && rest->ptr[0] == '[' ? ']' : '>');
    size_t len = end < 0 ? rest->len : (size_t)end;
    if (end >= 0 && rest->ptr[end] == ']')
        len++;

    out->domain = span_first(*rest, len);
    out->is_literal = len > 0 && rest->ptr[0] == '[';
    if (len == 0)
        return refuse(reason_out, "domain is missing");
    if (len > ADDRESS_DOMAIN_MAX)
        return refuse(reason_out, "domain is longer than 255 octets");
    if (out->is_literal && !is_literal(out->domain))
        return refuse(reason_out, "address literal is malformed; use [192.0.2.1] or "
                                  "[IPv6:2001:db8::1]");
    if (!out->is_literal && !is_host_name(out->domain))
        return refuse(reason_out, "domain is malformed");
    if (out->local.len + 1 + len > ADDRESS_MAX)
        return refuse(reason_out, "address is longer than 254 octets");

    lex_advance(rest, len);
    out->is_utf8 = out->is_utf8 || !utf8_is_ascii(out->domain);
    return 0;
}

/* A mailbox at the start of *rest, which is left behind it. */
static int take_mailbox(struct span *rest, struct address *out, const char **reason_out)
{
    int status = take_local(rest, out, reason_out);
    if (status != 0)
        return status;
    if (rest->len > 0 && rest->ptr[0] == '@')
        return take_domain(rest, out, reason_out);
    return 0;
}

int address_parse_path(struct span text, enum address_kind kind, struct address *out,
                       struct span *rest_out, const char **reason_out)
{
    struct span rest = text;

    *out = (struct address){.local = {"", 0}, .domain = {"", 0}};
    *rest_out = text;
    *reason_out = "";
    if (rest.len == 0 || rest.ptr[0] != '<')
        return refuse(reason_out, "address must stand between < and >");
    lex_advance(&rest, 1);
    if (rest.len > 0 && rest.ptr[0] == '>') {
        if (kind == ADDRESS_FORWARD)
            return refuse(reason_out, "the null address is no recipient");
        *rest_out = span_from(rest, 1);
        return 0;
    }

    int status = take_mailbox(&rest, out, reason_out);
    if (status != 0)
        return status;
    if (rest.len == 0 || rest.ptr[0] != '>')
        return refuse(reason_out, "address has something other than > behind it");
    if (out->domain.len == 0 &&
        !(kind == ADDRESS_FORWARD && span_is_nocase(out->local, "postmaster")))
        return refuse(reason_out, "domain is missing");

    *rest_out = span_from(rest, 1);
    return 0;
}

int address_parse(struct span text, struct address *out, const char **reason_out)
{
    struct span rest = text;

    *out = (struct address){.local = {"", 0}, .domain = {"", 0}};
    *reason_out = "";
    int status = take_mailbox(&rest, out, reason_out);
    if (status != 0)
        return status;
    if (rest.len > 0)
        return refuse(reason_out, "address has something behind it");
    if (out->domain.len == 0)
        return refuse(reason_out, "domain is missing");
    return 0;
}

static void put_lower(struct span text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_byte(out, lex_lower(text.ptr[i]));
}

/* The content of a quoted local part: bare when it is a Dot-string, else with the escapes that it
 * needs and no others. */
static void put_unquoted(struct span local, struct buf *out)
{
    char text[ADDRESS_LOCAL_MAX];
    struct span content = {text, 0};

    content.len = lex_unescape(span_first(span_from(local, 1), local.len - 2), text);
    if (content.len > 0 && dot_string_len(content) == content.len) {
        put_lower(content, out);
        return;
    }
    buf_put_byte(out, '"');
    for (size_t i = 0; i < content.len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            buf_put_byte(out, '\\');
        buf_put_byte(out, lex_lower(text[i]));
    }
    buf_put_byte(out, '"');
}

void address_key(const struct address *address, struct buf *out)
{
    if (address->is_quoted && address->local.len >= 2 && address->local.len <= ADDRESS_LOCAL_MAX)
        put_unquoted(address->local, out);
    else
        put_lower(address->local, out);
    if (address->domain.len == 0)
        return;
    buf_put_byte(out, '@');
    put_lower(address->domain, out);
}
