/*
 * judge_text: names, dates and keys of certificates as sentences have them. Every byte that a
 * certificate brings is escaped, and cut where a line ends. Tests: test_pki_judge.c.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/codec.h"
#include "pki/judge_internal.h"

enum { NAMES_SHOWN_MAX = 4 };

const char *pki_text_dn(pki_dn_fn *get, gnutls_x509_crt_t crt, char out[PKI_TEXT_SIZE])
{
    char name[512];
    size_t len = sizeof name;
    int ret = get(crt, name, &len);

    if (ret == GNUTLS_E_SHORT_MEMORY_BUFFER)
        codec_escape(span_of("(a very long name)"), out, PKI_TEXT_SIZE);
    else if (ret != GNUTLS_E_SUCCESS || len == 0 || name[0] == '\0')
        codec_escape(span_of("(no name)"), out, PKI_TEXT_SIZE);
    else
        codec_escape(span_make(name, strnlen(name, len)), out, PKI_TEXT_SIZE);
    return out;
}

const char *pki_text_date(int64_t when_s, char out[32])
{
    time_t when = (time_t)when_s;
    struct tm tm;

    if (gmtime_r(&when, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        (void)snprintf(out, 32, "(no date)");
    return out;
}

const char *pki_text_key(gnutls_x509_crt_t crt, char out[PKI_TEXT_SIZE])
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
    const char *name = algorithm > 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm) : NULL;

    if (algorithm == GNUTLS_PK_ECDSA)
        name = "ECDSA"; /* the library says EC/ECDSA */

    (void)snprintf(out, PKI_TEXT_SIZE, "%s, %u bits", name != NULL ? name : "of an unknown kind",
                   bits);
    return out;
}

bool pki_text_san(unsigned type, struct span san, char *out, size_t size)
{
    char address[INET6_ADDRSTRLEN];
    bool is_address = type == GNUTLS_SAN_IPADDRESS && (san.len == 4 || san.len == 16);

    if (is_address &&
        inet_ntop(san.len == 4 ? AF_INET : AF_INET6, san.ptr, address, sizeof address) != NULL)
        codec_escape(span_of(address), out, size);
    else if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME || type == GNUTLS_SAN_URI)
        codec_escape(san, out, size);
    else
        return false;
    return true;
}

const char *pki_text_names(gnutls_x509_crt_t crt, char out[PKI_TEXT_SIZE])
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < NAMES_SHOWN_MAX; i++) {
        char san[256], text[100];
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, san, &len, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (type < 0 || !pki_text_san((unsigned)type, span_make(san, len), text, sizeof text))
            continue;
        int added = snprintf(out + used, PKI_TEXT_SIZE - used, "%s%s", used > 0 ? ", " : "", text);
        if (added < 0 || (size_t)added >= PKI_TEXT_SIZE - used)
            break;
        used += (size_t)added;
    }
    return out;
}
