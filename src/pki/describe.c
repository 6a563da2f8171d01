/*
 * describe: says in words what a certificate file holds, for `postern init`, `postern check` and
 * whoever learns TLS. Every byte of the certificate's texts is escaped. Tests: test_pki.c.
 */
#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <time.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/file.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "pki/pki.h"

enum { PEM_SIZE_MAX = 256 * 1024, NAMES_MAX = 100 };

static void put_subject(struct buf *text, const char *label, gnutls_x509_crt_t crt,
                        int (*get)(gnutls_x509_crt_t, char *, size_t *))
{
    char name[512], escaped[512];
    size_t len = sizeof name;

    if (get(crt, name, &len) != GNUTLS_E_SUCCESS)
        len = 0;
    codec_escape(span_make(name, strnlen(name, len)), escaped, sizeof escaped);
    buf_printf(text, "%s %s\n", label, escaped);
}

static void put_names(struct buf *text, gnutls_x509_crt_t crt)
{
    const char *separator = " ";

    buf_puts(text, "names");
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        char san[256], escaped[300];
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, san, &len, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (type == GNUTLS_SAN_DNSNAME)
            codec_escape(span_make(san, len), escaped, sizeof escaped);
        else if (type != GNUTLS_SAN_IPADDRESS ||
                 inet_ntop(len == 4 ? AF_INET : AF_INET6, san, escaped, sizeof escaped) == NULL)
            continue;
        buf_printf(text, "%s%s", separator, escaped);
        separator = ", ";
    }
    buf_puts(text, separator[0] == ',' ? "\n" : " none: no client can check it\n");
}

static void put_date(struct buf *text, const char *label, time_t when)
{
    struct tm tm;
    char date[32];

    (void)gmtime_r(&when, &tm);
    (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
    buf_printf(text, "%s %s\n", label, date);
}

static void put_key(struct buf *text, gnutls_x509_crt_t crt)
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);

    buf_printf(text, "key %s, %u bits\n",
               algorithm >= 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm) : "unknown",
               bits);
}

static void put_fingerprint(struct buf *text, gnutls_x509_crt_t crt)
{
    unsigned char hash[DIGEST_SHA256_SIZE];
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    gnutls_datum_t der = {NULL, 0};

    if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) != 0)
        return;
    digest_sha256(span_make((const char *)der.data, der.size), hash);
    gnutls_free(der.data);
    codec_hex_encode(span_make((const char *)hash, sizeof hash), hex);
    buf_printf(text, "SHA-256 %s\n", hex);
}

static char *describe(gnutls_x509_crt_t crt)
{
    struct buf text;

    buf_init(&text, 0);
    put_subject(&text, "subject", crt, gnutls_x509_crt_get_dn);
    put_names(&text, crt);
    put_subject(&text, "issuer", crt, gnutls_x509_crt_get_issuer_dn);
    put_date(&text, "valid from", gnutls_x509_crt_get_activation_time(crt));
    put_date(&text, "valid until", gnutls_x509_crt_get_expiration_time(crt));
    put_key(&text, crt);
    put_fingerprint(&text, crt);
    char *result = span_dup(buf_span(&text));
    buf_release(&text);
    return result;
}

char *pki_describe(const char *certificate_file, struct fault *fault)
{
    char *pem = NULL, *text = NULL;
    size_t len = 0;
    gnutls_x509_crt_t crt = NULL;

    if (file_read_all(certificate_file, PEM_SIZE_MAX, &pem, &len, fault) != 0)
        return NULL;
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    int ret = gnutls_x509_crt_init(&crt);
    if (ret == 0)
        ret = gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM);
    if (ret == 0)
        text = describe(crt);
    else
        (void)fault_set(fault, ERR_CONFIG, "could not read a certificate from %s: %s",
                        certificate_file, gnutls_strerror(ret));
    if (crt != NULL)
        gnutls_x509_crt_deinit(crt);
    mem_free(pem);
    return text;
}
