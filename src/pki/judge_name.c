/*
 * judge_name: whether one of the certificate's names is the one that was meant, by RFC 9525:
 * subject alternative names only, a wildcard for one whole label. Tests: test_pki_judge.c.
 */
#include <arpa/inet.h>

#include "base/codec.h"
#include "pki/judge_internal.h"

/* RFC 9525 6.3. */
static bool dns_name_matches(struct span san, struct span name)
{
    if (span_equal_nocase(san, name))
        return true;
    /* "*" only as the whole left-most label, standing for exactly one label, above at least two. */
    if (san.len < 3 || san.ptr[0] != '*' || san.ptr[1] != '.')
        return false;
    struct span rest = span_from(san, 2);
    ptrdiff_t dot = span_find_byte(name, 0, '.');
    return dot > 0 && span_find_byte(rest, 0, '.') > 0 &&
           span_equal_nocase(rest, span_from(name, (size_t)dot + 1));
}

/* The name to look for: a DNS name without its final dot, or an address as SAN bytes. */
struct wanted_name {
    struct span dns;
    unsigned char address[16];
    size_t address_len; /* 0: a DNS name */
};

static struct wanted_name wanted_name(const char *name)
{
    struct wanted_name wanted = {.dns = span_of(name)};

    if (inet_pton(AF_INET, name, wanted.address) == 1)
        wanted.address_len = 4;
    else if (inet_pton(AF_INET6, name, wanted.address) == 1)
        wanted.address_len = 16;
    else if (wanted.dns.len > 0 && wanted.dns.ptr[wanted.dns.len - 1] == '.')
        wanted.dns.len--;
    return wanted;
}

static bool san_matches(unsigned type, struct span san, const struct wanted_name *wanted)
{
    if (type == GNUTLS_SAN_IPADDRESS)
        return wanted->address_len != 0 && san.len == wanted->address_len &&
               memcmp(san.ptr, wanted->address, san.len) == 0;
    return type == GNUTLS_SAN_DNSNAME && wanted->address_len == 0 && wanted->dns.len > 0 &&
           dns_name_matches(san, wanted->dns);
}

bool pki_has_name(gnutls_x509_crt_t crt, const char *name, unsigned *name_count_out)
{
    const struct wanted_name wanted = wanted_name(name);

    *name_count_out = 0;
    for (unsigned i = 0; i < PKI_SANS_MAX; i++) {
        char san[512];
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, san, &len, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue; /* longer than any DNS name */
        if (type < 0)
            break;
        if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_IPADDRESS)
            ++*name_count_out;
        if (san_matches((unsigned)type, span_make(san, len), &wanted))
            return true;
    }
    return false;
}

static bool has_wanted_name(const struct pki_judged *judged, unsigned *count_out)
{
    const char *other = judged->of->other_name;
    return pki_has_name(judged->way[0], judged->of->name, count_out) ||
           (other != NULL && pki_has_name(judged->way[0], other, count_out));
}

void pki_judge_name(const struct pki_judged *judged, struct pki_finding *out)
{
    char names[PKI_TEXT_SIZE], wanted[80];
    unsigned count = 0;

    if (judged->of->name == NULL) {
        pki_finding_set(out, PKI_CHECK_NOT_DONE, "no name was asked for");
        return;
    }
    codec_escape(span_of(judged->of->name), wanted, sizeof wanted);
    if (has_wanted_name(judged, &count))
        pki_finding_set(out, PKI_CHECK_GOOD, "it names %s", wanted);
    else if (count == 0)
        pki_finding_set(out, PKI_CHECK_NO_SAN,
                        "it must name %s there; a common name alone does not count", wanted);
    else
        pki_finding_set(out, PKI_CHECK_WRONG_NAME, "wanted %s, it names %s", wanted,
                        pki_text_names(judged->way[0], names));
}
