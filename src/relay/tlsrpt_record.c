/*
 * tlsrpt_record.c: the record's grammar (RFC 8460 3) and that of its mailto: URIs (RFC 6068) as far
 * as an address goes. What is sent there is tlsrpt_send.c's. Tests:
 * tests/unit/test_relay_tlsrpt_record.c, tests/fuzz/fuzz_relay_tlsrpt.c.
 */
#include "relay/tlsrpt_record.h"

#include "base/codec.h"
#include "dns/txt.h"
#include "mail/address.h"

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* RFC 3986 2.1. False: not an escape, or too long. */
static bool unescape(struct span text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = (char)(high * 16 + low);
            i += 2;
        }
        if (len + 1 >= size)
            return false;
        out[len++] = byte;
    }
    out[len] = '\0';
    return span_equal(span_of(out), span_make(out, len)); /* no NUL in it */
}

/* It goes into a header field. */
static bool is_graphic(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text >= 127)
            return false;
    }
    return true;
}

/* One address; what stands behind a '?' (a subject and so on) is not for reports. */
static bool take_mailto(struct span uri, struct tlsrpt_place *out)
{
    struct span rest = span_from(uri, sizeof "mailto:" - 1);
    struct address address;
    const char *reason;
    out->kind = TLSRPT_MAILTO;
    return unescape(span_cut(&rest, '?'), out->text, sizeof out->text) && is_graphic(out->text) &&
           address_parse(span_of(out->text), &address, &reason) == 0 && address.domain.len > 0;
}

static bool take_https(struct span uri, struct tlsrpt_place *out)
{
    for (size_t i = 0; i < uri.len; i++) {
        if (uri.ptr[i] <= ' ' || uri.ptr[i] >= 127)
            return false;
    }
    if (uri.len <= sizeof "https://" - 1 || uri.len >= sizeof out->text)
        return false;
    out->kind = TLSRPT_HTTPS;
    memcpy(out->text, uri.ptr, uri.len);
    out->text[uri.len] = '\0';
    return true;
}

static void take_uri(struct span uri, struct tlsrpt_record *out)
{
    bool is_mailto = span_starts_nocase(uri, span_of("mailto:"));
    bool is_https = span_starts_nocase(uri, span_of("https://"));
    bool is_taken = false;
    if (out->place_count < TLSRPT_PLACES_MAX) {
        struct tlsrpt_place *place = &out->places[out->place_count];
        is_taken = (is_mailto && take_mailto(uri, place)) || (is_https && take_https(uri, place));
    }
    out->place_count += is_taken;
    out->left_out += !is_taken;
}

/* 1*(ALPHA / DIGIT / "_" / "-" / "."), up to 32. */
static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool is_other = (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
        if (!is_letter && !is_other)
            return false;
    }
    return name.len > 0 && name.len <= 32;
}

/* "name=value" between semicolons. Names that are not known are passed over: RFC 8460 3. */
static int take_field(struct span field, bool *has_rua, struct tlsrpt_record *out,
                      struct fault *fault)
{
    struct span value = field, name = span_trim(span_cut(&value, '='));
    if (value.ptr == NULL || !is_name(name)) {
        char shown[64];
        codec_escape(field, shown, sizeof shown);
        return fault_set(fault, ERR_SYNTAX, "\"%s\" is no field; write it like rua=mailto:ADDRESS",
                         shown);
    }
    if (!span_is(name, "rua"))
        return 0;
    if (*has_rua)
        return fault_set(fault, ERR_SYNTAX,
                         "rua is there twice; write all URIs into one, with "
                         "commas between");
    *has_rua = true;
    while (value.ptr != NULL)
        take_uri(span_trim(span_cut(&value, ',')), out);
    return 0;
}

int tlsrpt_record_parse(struct span text, struct tlsrpt_record *out, struct fault *fault)
{
    struct span rest = text;
    bool has_rua = false;
    *out = (struct tlsrpt_record){0};
    struct span version = span_cut(&rest, ';');
    while (version.len > 0 && is_blank(version.ptr[version.len - 1]))
        version.len--;
    if (!span_is(version, "v=TLSRPTv1") || rest.ptr == NULL)
        return fault_set(fault, ERR_NOT_FOUND, "the text does not begin with \"v=TLSRPTv1;\"");
    while (rest.ptr != NULL) {
        struct span field = span_trim(span_cut(&rest, ';'));
        int err = field.len == 0 && rest.ptr == NULL ? 0 : take_field(field, &has_rua, out, fault);
        if (err != 0)
            return err;
    }
    if (out->place_count == 0)
        return fault_set(fault, ERR_SYNTAX,
                         "no URI of it can be used; write it like rua=mailto:ADDRESS");
    return 0;
}

int tlsrpt_record_find(const struct span *records, size_t count, struct tlsrpt_record *out,
                       struct fault *fault)
{
    int found = ERR_NOT_FOUND;
    fault_clear(fault);
    for (size_t i = 0; i < count; i++) {
        struct buf text;
        struct tlsrpt_record record;
        struct fault why;
        fault_clear(&why);
        buf_init(&text, TLSRPT_RECORD_MAX);
        int err = dns_txt_join(records[i], &text) != 0
                      ? ERR_NOT_FOUND /* not even a TXT record */
                      : tlsrpt_record_parse(buf_span(&text), &record, &why);
        buf_release(&text);
        if (err == ERR_NOT_FOUND)
            continue;
        if (found != ERR_NOT_FOUND)
            return fault_set(fault, ERR_SYNTAX,
                             "there are several records; RFC 8460 takes that as "
                             "none: leave one");
        found = err;
        if (err == 0)
            *out = record;
        else
            *fault = why;
    }
    return found;
}
