/*
 * name: checks the names that certificates are asked for. Comparing a name with a certificate is
 * judge.c's. Tests: test_pki_name.c.
 */
#include "pki/name.h"

#include <arpa/inet.h>

#include "base/codec.h"
#include "pki/pki_internal.h"

enum { DNS_MAX = 253, LABEL_MAX = 63, LOCAL_MAX = 64 };

static bool is_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_address(const char *name)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

enum pki_name_form pki_name_form(const char *name)
{
    if (strchr(name, '@') != NULL)
        return PKI_NAME_EMAIL;
    return is_address(name) ? PKI_NAME_ADDRESS : PKI_NAME_DNS;
}

static bool is_label(struct span label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_letter_or_digit(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    }
    return true;
}

/* NULL, or what would be right. */
static const char *why_not_dns(struct span name)
{
    static const char last_label[] = "its last label must not be a number";
    struct span rest = name, label = name;
    uint64_t number;

    if (name.len > DNS_MAX)
        return "it must have at most 253 characters";
    if (name.ptr[name.len - 1] == '.')
        return "leave the dot at its end out";
    if (span_starts(rest, span_of("*."))) {
        rest = span_from(rest, 2);
        if (span_find_byte(rest, 0, '.') < 0)
            return "a \"*\" needs at least two labels behind it, like *.example.org";
    }
    while (rest.len > 0) {
        label = span_cut(&rest, '.');
        if (!is_label(label))
            return "write a host name of letters, digits and hyphens, like mail.example.org, a "
                   "numeric address, or an e-mail address";
    }
    return span_to_u64(label, UINT64_MAX, &number) ? last_label : NULL;
}

static const char *why_not_email(struct span local, struct span domain)
{
    if (local.len == 0 || local.len > LOCAL_MAX)
        return "what stands before the @ must have 1 to 64 characters";
    for (size_t i = 0; i < local.len; i++) {
        if (!is_letter_or_digit(local.ptr[i]) &&
            strchr("!#$%&'*+-/=?^_`{|}~.", local.ptr[i]) == NULL)
            return "what stands before the @ must be letters, digits and !#$%&'*+-/=?^_`{|}~.";
    }
    if (domain.len == 0 || domain.ptr[0] == '*')
        return "write a domain behind the @, like alice@example.org";
    return why_not_dns(domain);
}

static const char *why_not(struct span name)
{
    char text[PKI_NAME_SIZE];

    if (name.len == 0)
        return "it is empty";
    if (name.len >= sizeof text)
        return "it must have at most 253 characters";
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] >= 0x80)
            return "a certificate holds the ASCII form: write each label as xn--..., as idn2 "
                   "NAME prints it";
        if (name.ptr[i] <= ' ' || name.ptr[i] == 0x7f)
            return "it must not hold spaces or control characters";
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    if (is_address(text))
        return NULL;
    ptrdiff_t at = span_find_byte(name, 0, '@');
    return at < 0 ? why_not_dns(name)
                  : why_not_email(span_first(name, (size_t)at), span_from(name, (size_t)at + 1));
}

int pki_name_check(struct span name, struct fault *fault)
{
    char escaped[PKI_NAME_SIZE];
    const char *reason = why_not(name);

    if (reason == NULL)
        return 0;
    codec_escape(name, escaped, sizeof escaped);
    return fault_set(fault, ERR_SYNTAX, "\"%s\" cannot be a certificate's name: %s", escaped,
                     reason);
}

bool pki_san_text(int type, const unsigned char *bytes, size_t len, char *text_out, size_t size)
{
    if (type == GNUTLS_SAN_IPADDRESS)
        return (len == 4 || len == 16) &&
               inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text_out, (socklen_t)size) != NULL;
    if ((type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_RFC822NAME) || len >= size)
        return false;
    /* A NUL inside would end the text early and make another name of it. */
    codec_escape(span_make((const char *)bytes, len), text_out, size);
    return true;
}
