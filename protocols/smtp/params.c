/*
 * params: one loop over "keyword[=value]" words and a table of keywords for each of MAIL and RCPT.
 * It leaves to cmd_mail.c what a value means for the transaction. Tests:
 * tests/unit/test_smtp_params.c, tests/fuzz/fuzz_smtp_command.c.
 */
#include "protocols/smtp/params.h"

#include "base/utf8.h"
#include "store/accept.h"

enum value_kind { VALUE_NONE, VALUE_NEEDED };

struct param {
    const char *keyword;
    enum value_kind value;
    enum smtp_params_fault (*take)(void *out, struct span value);
};

static enum smtp_params_fault mail_size(void *out, struct span value);
static enum smtp_params_fault mail_body(void *out, struct span value);
static enum smtp_params_fault mail_utf8(void *out, struct span value);
static enum smtp_params_fault mail_requiretls(void *out, struct span value);
static enum smtp_params_fault mail_auth(void *out, struct span value);
static enum smtp_params_fault mail_ret(void *out, struct span value);
static enum smtp_params_fault mail_envid(void *out, struct span value);
static enum smtp_params_fault rcpt_notify(void *out, struct span value);
static enum smtp_params_fault rcpt_orcpt(void *out, struct span value);

static const struct param mail_table[] = {
    {"SIZE", VALUE_NEEDED, mail_size},           {"BODY", VALUE_NEEDED, mail_body},
    {"SMTPUTF8", VALUE_NONE, mail_utf8},         {"AUTH", VALUE_NEEDED, mail_auth},
    {"REQUIRETLS", VALUE_NONE, mail_requiretls}, {"RET", VALUE_NEEDED, mail_ret},
    {"ENVID", VALUE_NEEDED, mail_envid},
};

static const struct param rcpt_table[] = {
    {"NOTIFY", VALUE_NEEDED, rcpt_notify},
    {"ORCPT", VALUE_NEEDED, rcpt_orcpt},
};

/* esmtp-keyword: letters, digits and hyphens, not a hyphen first. */
static bool is_keyword(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && (c != '-' || i == 0))
            return false;
    }
    return text.len > 0;
}

/* esmtp-value: no control, space or '='; what a keyword allows is narrower still. ORCPT and ENVID
 * of UTF-8 mail may hold bytes above 127 (RFC 6533). */
static bool is_value(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 127 || c == '=')
            return false;
    }
    return text.len > 0;
}

static enum smtp_params_fault take_word(struct span word, const struct param *table, size_t count,
                                        unsigned *seen, void *out)
{
    ptrdiff_t equals = span_find_byte(word, 0, '=');
    struct span keyword = equals < 0 ? word : span_first(word, (size_t)equals);
    struct span value =
        equals < 0 ? span_from(word, word.len) : span_from(word, (size_t)equals + 1);

    if (!is_keyword(keyword) || (equals >= 0 && !is_value(value)))
        return SMTP_PARAMS_SYNTAX;
    for (size_t i = 0; i < count; i++) {
        if (!span_is_nocase(keyword, table[i].keyword))
            continue;
        if ((*seen & 1U << i) != 0 || (equals >= 0) != (table[i].value == VALUE_NEEDED))
            return SMTP_PARAMS_SYNTAX;
        *seen |= 1U << i;
        return table[i].take(out, value);
    }
    return SMTP_PARAMS_UNKNOWN;
}

static enum smtp_params_fault take_all(struct span text, const struct param *table, size_t count,
                                       void *out)
{
    unsigned seen = 0;

    if (text.len > 0 && text.ptr[0] != ' ')
        return SMTP_PARAMS_SYNTAX;
    while (text.len > 0) {
        struct span word = span_cut(&text, ' ');
        if (word.len == 0) /* several spaces, or one at the end: harmless and frequent */
            continue;
        enum smtp_params_fault fault = take_word(word, table, count, &seen, out);
        if (fault != SMTP_PARAMS_OK)
            return fault;
    }
    return SMTP_PARAMS_OK;
}

enum smtp_params_fault smtp_params_mail(struct span text, struct smtp_mail_params *out)
{
    *out = (struct smtp_mail_params){0};
    return take_all(text, mail_table, sizeof mail_table / sizeof *mail_table, out);
}

static enum smtp_params_fault mail_size(void *out, struct span value)
{
    struct smtp_mail_params *params = out;
    enum { SIZE_DIGITS_MAX = 20 }; /* RFC 1870 4 */

    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return SMTP_PARAMS_SYNTAX;
    if (value.len > SIZE_DIGITS_MAX)
        return SMTP_PARAMS_SYNTAX;
    if (!span_to_u64(value, UINT64_MAX, &params->size))
        params->size = UINT64_MAX;
    params->has_size = true;
    return SMTP_PARAMS_OK;
}

static enum smtp_params_fault mail_body(void *out, struct span value)
{
    struct smtp_mail_params *params = out;

    if (span_is_nocase(value, "7BIT"))
        params->body = SMTP_BODY_7BIT;
    else if (span_is_nocase(value, "8BITMIME"))
        params->body = SMTP_BODY_8BITMIME;
    else if (span_is_nocase(value, "BINARYMIME"))
        params->body = SMTP_BODY_BINARYMIME;
    else
        return SMTP_PARAMS_VALUE;
    return SMTP_PARAMS_OK;
}

static enum smtp_params_fault mail_utf8(void *out, struct span value)
{
    struct smtp_mail_params *params = out;

    (void)value;
    params->is_utf8 = true;
    return SMTP_PARAMS_OK;
}

static enum smtp_params_fault mail_requiretls(void *out, struct span value)
{
    struct smtp_mail_params *params = out;

    (void)value;
    params->requires_tls = true;
    return SMTP_PARAMS_OK;
}

static enum smtp_params_fault mail_auth(void *out, struct span value)
{
    struct smtp_mail_params *params = out;

    if (!span_is(value, "<>") && !smtp_params_is_xtext(value))
        return SMTP_PARAMS_SYNTAX;
    params->auth = value;
    return SMTP_PARAMS_OK;
}

static enum smtp_params_fault mail_ret(void *out, struct span value)
{
    struct smtp_mail_params *params = out;

    if (span_is_nocase(value, "FULL"))
        params->return_kind = span_of("FULL");
    else if (span_is_nocase(value, "HDRS"))
        params->return_kind = span_of("HDRS");
    else
        return SMTP_PARAMS_SYNTAX;
    return SMTP_PARAMS_OK;
}

static enum smtp_params_fault mail_envid(void *out, struct span value)
{
    struct smtp_mail_params *params = out;

    if (value.len > SMTP_ENVID_MAX || !smtp_params_is_xtext(value))
        return SMTP_PARAMS_SYNTAX;
    params->envelope_id = value;
    return SMTP_PARAMS_OK;
}

enum smtp_params_fault smtp_params_rcpt(struct span text, struct smtp_rcpt_params *out)
{
    *out = (struct smtp_rcpt_params){0};
    return take_all(text, rcpt_table, sizeof rcpt_table / sizeof *rcpt_table, out);
}

/* NEVER stands alone (RFC 3461 4.1). */
static enum smtp_params_fault rcpt_notify(void *out, struct span value)
{
    static const struct {
        const char *name;
        unsigned bit;
    } kinds[] = {{"NEVER", STORE_NOTIFY_NEVER},
                 {"SUCCESS", STORE_NOTIFY_SUCCESS},
                 {"FAILURE", STORE_NOTIFY_FAILURE},
                 {"DELAY", STORE_NOTIFY_DELAY}};
    struct smtp_rcpt_params *params = out;

    if (value.ptr[value.len - 1] == ',')
        return SMTP_PARAMS_SYNTAX;
    while (value.len > 0) {
        struct span name = span_cut(&value, ',');
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            bit |= span_is_nocase(name, kinds[i].name) ? kinds[i].bit : 0;
        if (bit == 0 || (params->notify & bit) != 0)
            return SMTP_PARAMS_SYNTAX;
        params->notify |= bit;
    }
    if ((params->notify & STORE_NOTIFY_NEVER) != 0 && params->notify != STORE_NOTIFY_NEVER)
        return SMTP_PARAMS_SYNTAX;
    return SMTP_PARAMS_OK;
}

static enum smtp_params_fault rcpt_orcpt(void *out, struct span value)
{
    struct smtp_rcpt_params *params = out;
    ptrdiff_t semicolon = span_find_byte(value, 0, ';');

    if (value.len > SMTP_ORCPT_MAX || semicolon <= 0)
        return SMTP_PARAMS_SYNTAX;
    struct span address = span_from(value, (size_t)semicolon + 1);
    if (!is_keyword(span_first(value, (size_t)semicolon)) || address.len == 0)
        return SMTP_PARAMS_SYNTAX;
    bool is_utf8_kind = span_is_nocase(span_first(value, (size_t)semicolon), "utf-8");
    if (is_utf8_kind ? !utf8_is_valid(address) : !smtp_params_is_xtext(address))
        return SMTP_PARAMS_SYNTAX;
    params->original = value;
    return SMTP_PARAMS_OK;
}

static bool is_upper_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

bool smtp_params_is_xtext(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < '!' || c > '~' || c == '=')
            return false;
        if (c != '+')
            continue;
        if (text.len - i < 3 || !is_upper_hex(text.ptr[i + 1]) || !is_upper_hex(text.ptr[i + 2]))
            return false;
        i += 2;
    }
    return text.len > 0;
}

void smtp_params_put_xtext(struct span bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (c < '!' || c > '~' || c == '+' || c == '=')
            buf_printf(out, "+%02X", (unsigned)(unsigned char)c);
        else
            buf_put_byte(out, c);
    }
}
