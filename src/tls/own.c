/*
 * own: reads one of our own certificate chains and checks it before anybody sees it: in order, the
 * key that of the leaf, strong enough, in date, with names. Keys are the signer's; which client is
 * shown which certificate is identity.c. Tests: test_tls_own.c, test_tls_manager.c.
 */
#include "tls/own_internal.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <time.h>

#include "base/codec.h"
#include "base/file.h"
#include "base/mem.h"
#include "crypto/digest.h"

enum {
    PEM_SIZE_MAX = 256 * 1024, /* a chain is some 10 KiB */
    RSA_BITS_MIN = 2048,       /* below, GnuTLS and OpenSSL clients refuse it */
    CURVE_BITS_MIN = 256,      /* P-256, Ed25519 */
    HASH_SIZE_MIN = 32         /* SHA-256 */
};

const char *tls_own_subject(gnutls_x509_crt_t crt, char out[128])
{
    char name[256];
    size_t len = sizeof name;

    if (gnutls_x509_crt_get_dn(crt, name, &len) != GNUTLS_E_SUCCESS || len == 0)
        return "without a subject";
    codec_escape(span_make(name, strnlen(name, len)), out, 128);
    return out;
}

static void remark(const struct tls_own_order *order, enum log_level level, const char *event,
                   const char *why)
{
    const struct tls_remark said = {
        .level = level, .event = event, .file = order->pair->certificate, .why = why};

    tls_remark(order->remarks, &said);
}

static int own_read(struct tls_own *own, const struct tls_own_order *order, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;
    int err = file_read_all(own->file, PEM_SIZE_MAX, &pem, &len, fault);

    if (err != 0)
        return fault_wrap(fault, "%s", order->setting);
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    own->count = OWN_CHAIN_MAX;
    int ret = gnutls_x509_crt_list_import(own->crts, &own->count, &datum, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    mem_free(pem);
    if (ret > 0)
        return 0;
    own->count = 0;
    return fault_set(fault, ERR_CONFIG,
                     "could not read certificates from %s: %s; it must hold the certificate "
                     "first, then its intermediates, in PEM",
                     own->file, ret == 0 ? "there is none in it" : gnutls_strerror(ret));
}

static int own_fingerprint(struct tls_own *own, struct fault *fault)
{
    gnutls_datum_t der = {NULL, 0};
    int ret = gnutls_x509_crt_export2(own->crts[0], GNUTLS_X509_FMT_DER, &der);

    if (ret != GNUTLS_E_SUCCESS)
        return fault_set(fault, ERR_CONFIG, "could not use the certificate in %s: %s; replace it",
                         own->file, gnutls_strerror(ret));
    digest_sha256(span_make((const char *)der.data, der.size), own->fingerprint);
    gnutls_free(der.data);
    return 0;
}

/* --- what is refused --- */

static int check_order(const struct tls_own *own, struct fault *fault)
{
    char subject[128], issuer[128];

    for (unsigned i = 1; i < own->count; i++)
        if (gnutls_x509_crt_check_issuer(own->crts[i - 1], own->crts[i]) == 0)
            return fault_set(fault, ERR_CONFIG,
                             "%s is not in order: certificate %u (%s) did not issue certificate "
                             "%u (%s); put the server's certificate first, each issuer behind it",
                             own->file, i + 1, tls_own_subject(own->crts[i], issuer), i,
                             tls_own_subject(own->crts[i - 1], subject));
    return 0;
}

static int check_key(const struct tls_own *own, const struct tls_own_order *order,
                     struct fault *fault)
{
    unsigned char of_crt[TLS_KEY_ID_SIZE];
    size_t len = sizeof of_crt;

    if (gnutls_x509_crt_get_key_id(own->crts[0], GNUTLS_KEYID_USE_SHA256, of_crt, &len) == 0 &&
        len == sizeof order->key->key_id && memcmp(of_crt, order->key->key_id, len) == 0)
        return 0;
    return fault_set(fault, ERR_CONFIG,
                     "%s is not the key of the first certificate in %s; name the pair that was "
                     "issued together",
                     order->pair->key, own->file);
}

static int check_key_strength(const struct tls_own *own, unsigned index, struct fault *fault)
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(own->crts[index], &bits);
    bool is_rsa = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS;
    bool is_curve = algorithm == GNUTLS_PK_ECDSA || algorithm == GNUTLS_PK_EDDSA_ED25519 ||
                    algorithm == GNUTLS_PK_EDDSA_ED448;
    unsigned bits_min = is_rsa ? RSA_BITS_MIN : CURVE_BITS_MIN;
    char subject[128];

    if ((is_rsa || is_curve) && bits >= bits_min)
        return 0;
    return fault_set(fault, ERR_CONFIG,
                     "certificate %u in %s (%s) has a key of %u bits (%s), which clients refuse; "
                     "have one issued for an ECDSA P-256 key, or RSA of %d bits",
                     index + 1, own->file, tls_own_subject(own->crts[index], subject), bits,
                     algorithm < 0 ? "unknown"
                                   : gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm),
                     RSA_BITS_MIN);
}

/* A root's signature of itself proves nothing, so its algorithm does not matter. */
static int check_signature_strength(const struct tls_own *own, unsigned index, struct fault *fault)
{
    gnutls_x509_crt_t crt = own->crts[index];
    int ret = gnutls_x509_crt_get_signature_algorithm(crt);
    gnutls_sign_algorithm_t sign = ret < 0 ? GNUTLS_SIGN_UNKNOWN : (gnutls_sign_algorithm_t)ret;
    gnutls_digest_algorithm_t hash = gnutls_sign_get_hash_algorithm(sign);
    bool is_edwards = sign == GNUTLS_SIGN_EDDSA_ED25519 || sign == GNUTLS_SIGN_EDDSA_ED448;
    char subject[128];

    if (is_edwards || gnutls_hash_get_len(hash) >= HASH_SIZE_MIN ||
        (index > 0 && gnutls_x509_crt_check_issuer(crt, crt) != 0))
        return 0;
    const char *name = gnutls_sign_get_name(sign);
    return fault_set(fault, ERR_CONFIG,
                     "certificate %u in %s (%s) is signed with %s, which clients refuse; have it "
                     "issued anew with SHA-256",
                     index + 1, own->file, tls_own_subject(crt, subject),
                     name != NULL ? name : "an unknown algorithm");
}

static int check_strength(const struct tls_own *own, struct fault *fault)
{
    int err = 0;

    for (unsigned i = 0; i < own->count && err == 0; i++) {
        err = check_key_strength(own, i, fault);
        if (err == 0)
            err = check_signature_strength(own, i, fault);
    }
    return err;
}

static int check_dates(const struct tls_own *own, int64_t now_s, struct fault *fault)
{
    for (unsigned i = 0; i < own->count; i++) {
        time_t from = gnutls_x509_crt_get_activation_time(own->crts[i]);
        time_t until = gnutls_x509_crt_get_expiration_time(own->crts[i]);
        bool is_early = now_s < (int64_t)from;
        time_t when = is_early ? from : until;
        struct tm tm;
        char date[32], subject[128];

        if (!is_early && now_s <= (int64_t)until)
            continue;
        (void)gmtime_r(&when, &tm);
        (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
        return fault_set(fault, ERR_CONFIG, "certificate %u in %s (%s) %s %s; %s", i + 1, own->file,
                         tls_own_subject(own->crts[i], subject),
                         is_early ? "is not valid before" : "expired on", date,
                         is_early ? "check the machine's clock" : "renew it");
    }
    return 0;
}

/* A new certificate must be in date, or the old generation goes on. One that the old generation has
 * already is no reason to refuse what else is new: it serves no worse than before. */
static int check_now(const struct tls_own *own, const struct tls_own_order *order,
                     struct fault *fault)
{
    struct fault late;
    int err = check_dates(own, clock_wall_s(order->clock), &late);

    if (err == 0)
        return 0;
    if (order->old != NULL && tls_own_find(order->old, own->fingerprint) == NULL)
        return fault_set(fault, err, "%s", late.text);
    remark(order, LOG_ERROR, "certificate", late.text);
    return 0;
}

/* --- names and what is odd --- */

void tls_own_name_lower(struct span name, char *out)
{
    for (size_t i = 0; i < name.len; i++) { /* ASCII's letters alone: RFC 4343 */
        char byte = name.ptr[i];
        out[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    out[name.len] = '\0';
}

bool tls_own_next_name(const struct tls_own *own, unsigned *index_inout,
                       char name_out[OWN_DNS_NAME_SIZE])
{
    while (*index_inout < OWN_NAMES_MAX) {
        char san[OWN_DNS_NAME_SIZE];
        size_t len = sizeof san;
        int type =
            gnutls_x509_crt_get_subject_alt_name(own->crts[0], (*index_inout)++, san, &len, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue; /* longer than any DNS name */
        if (type < 0)
            return false;
        if (type != GNUTLS_SAN_DNSNAME || len == 0 || len >= sizeof san ||
            memchr(san, '\0', len) != NULL)
            continue;
        tls_own_name_lower(span_make(san, len), name_out);
        return true;
    }
    return false;
}

void tls_own_names_text(const struct tls_own *own, char *out, size_t size)
{
    char name[OWN_DNS_NAME_SIZE], text[OWN_DNS_NAME_SIZE];
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; tls_own_next_name(own, &i, name);) {
        codec_escape(span_of(name), text, sizeof text);
        int added = snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", text);
        if (added < 0 || (size_t)added >= size - used)
            break;
        used += (size_t)added;
    }
}

static void remark_oddities(const struct tls_own *own, const struct tls_own_order *order)
{
    char san[OWN_DNS_NAME_SIZE], subject[128], why[FAULT_TEXT_MAX];
    size_t len = sizeof san;
    gnutls_x509_crt_t leaf = own->crts[0];

    if (gnutls_x509_crt_get_subject_alt_name(leaf, 0, san, &len, NULL) ==
        GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
        (void)snprintf(why, sizeof why,
                       "the certificate in %s (%s) has no subject alternative name: clients refuse "
                       "it whatever its common name is; have it issued with DNS names",
                       own->file, tls_own_subject(leaf, subject));
        remark(order, LOG_WARN, "no-names", why);
    }
    if (gnutls_x509_crt_check_key_purpose(leaf, order->purpose, 0) == 0) {
        (void)snprintf(why, sizeof why,
                       "the certificate in %s (%s) is not for this purpose: peers refuse it; have "
                       "it issued with the extended key usage %s",
                       own->file, tls_own_subject(leaf, subject), order->purpose);
        remark(order, LOG_WARN, "wrong-purpose", why);
    }
}

const struct tls_own *tls_own_find(const struct tls_generation *generation,
                                   const unsigned char fingerprint[32])
{
    if (generation == NULL)
        return NULL;
    for (size_t i = 0; i < generation->own_count; i++)
        if (memcmp(generation->own[i].fingerprint, fingerprint, 32) == 0)
            return &generation->own[i];
    return NULL;
}

static void find_end(struct tls_own *own)
{
    for (unsigned i = 0; i < own->count; i++) {
        int64_t end = (int64_t)gnutls_x509_crt_get_expiration_time(own->crts[i]);
        if (i == 0 || end < own->ends_at_s)
            own->ends_at_s = end;
    }
}

int tls_own_load(struct tls_own *own, const struct tls_own_order *order, struct fault *fault)
{
    own->file = mem_strdup(order->pair->certificate);
    own->staple_file = mem_strdup(order->pair->staple);
    int err = own_read(own, order, fault);
    if (err == 0)
        err = own_fingerprint(own, fault);
    if (err == 0)
        err = check_order(own, fault);
    if (err == 0)
        err = check_key(own, order, fault);
    if (err == 0)
        err = check_strength(own, fault);
    if (err == 0)
        err = check_now(own, order, fault);
    if (err != 0)
        return err;
    find_end(own);
    remark_oddities(own, order);
    tls_staple_load(own, order);
    return 0;
}

void tls_own_deinit(struct tls_own *own)
{
    for (unsigned i = 0; i < own->count; i++)
        gnutls_x509_crt_deinit(own->crts[i]);
    tls_staple_deinit(&own->staple);
    mem_free(own->file);
    mem_free(own->staple_file);
}
