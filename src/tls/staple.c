/*
 * staple: OCSP responses (RFC 6960) from files that others refresh, served with our certificates
 * (RFC 6066 8). Whether one is good is for pki/judge.h to say, when it is read; whether it still is
 * fresh is seen at each handshake. One that is not good is never served: a client that gets none
 * asks the authority, one that gets a wrong one gives up. Tests: test_tls_staple.c.
 */
#include <gnutls/ocsp.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "pki/judge.h"
#include "tls/own_internal.h"

enum {
    STAPLE_SIZE_MAX = 64 * 1024, /* one has some 2 KiB, with a responder's certificate */
    FEATURE_STATUS_REQUEST = 5,  /* RFC 7633 6 */
    FEATURES_MAX = 16
};

static bool must_staple(gnutls_x509_crt_t leaf)
{
    gnutls_x509_tlsfeatures_t features = NULL;
    unsigned feature = 0;
    bool is_found = false;

    if (gnutls_x509_tlsfeatures_init(&features) != GNUTLS_E_SUCCESS)
        return false;
    if (gnutls_x509_crt_get_tlsfeatures(leaf, features, 0, NULL) == GNUTLS_E_SUCCESS)
        for (unsigned i = 0; i < FEATURES_MAX && !is_found; i++)
            is_found = gnutls_x509_tlsfeatures_get(features, i, &feature) == GNUTLS_E_SUCCESS &&
                       feature == FEATURE_STATUS_REQUEST;
    gnutls_x509_tlsfeatures_deinit(features);
    return is_found;
}

static void remark(const struct tls_own_order *order, enum log_level level, const char *file,
                   const char *why)
{
    const struct tls_remark said = {.level = level, .event = "staple", .file = file, .why = why};

    tls_remark(order->remarks, &said);
}

/* --- whose it is --- */

/* The issuer's certificate: the next in the chain, or, where the chain is the leaf alone, the
 * authority among the trusted ones. Owned datum, empty when it is not known. */
static void issuer_find(const struct tls_own *own, const struct settings_tls *settings,
                        gnutls_datum_t *der_out)
{
    const char *file = settings->trusted[0] != '\0' ? settings->trusted : PKI_SYSTEM_AUTHORITIES;
    gnutls_x509_trust_list_t list = NULL;
    gnutls_x509_crt_t issuer = NULL;

    *der_out = (gnutls_datum_t){NULL, 0};
    if (own->count > 1) {
        (void)gnutls_x509_crt_export2(own->crts[1], GNUTLS_X509_FMT_DER, der_out);
        return;
    }
    if (gnutls_x509_trust_list_init(&list, 0) != GNUTLS_E_SUCCESS)
        return;
    if (gnutls_x509_trust_list_add_trust_file(list, file, NULL, GNUTLS_X509_FMT_PEM, 0, 0) > 0 &&
        gnutls_x509_trust_list_get_issuer(list, own->crts[0], &issuer, 0) == GNUTLS_E_SUCCESS)
        (void)gnutls_x509_crt_export2(issuer, GNUTLS_X509_FMT_DER, der_out);
    gnutls_x509_trust_list_deinit(list, 1);
}

static struct span der_span(const gnutls_datum_t *der)
{
    return span_make((const char *)der->data, der->size);
}

/* --- whether it is good --- */

/* 0, or the level at which why is to be told. */
static enum log_level judge(struct tls_own *own, const struct tls_own_order *order,
                            struct span response, char why[FAULT_TEXT_MAX])
{
    gnutls_datum_t leaf = {NULL, 0}, issuer = {NULL, 0};
    char detail[PKI_DETAIL_SIZE] = "";
    enum pki_check check = PKI_CHECK_OTHER;

    issuer_find(own, order->settings, &issuer);
    if (issuer.size == 0)
        (void)snprintf(detail, sizeof detail,
                       "the issuer's certificate is neither in %s nor trusted: put it there behind "
                       "the certificate",
                       own->file);
    else if (gnutls_x509_crt_export2(own->crts[0], GNUTLS_X509_FMT_DER, &leaf) == 0)
        check =
            pki_judge_staple(&(struct pki_stapled){response, der_span(&leaf), der_span(&issuer)},
                             clock_wall_s(order->clock), &own->staple.good_until_s, detail);
    gnutls_free(leaf.data);
    gnutls_free(issuer.data);
    if (check == PKI_CHECK_GOOD)
        return LOG_NONE;
    (void)snprintf(why, FAULT_TEXT_MAX, "the OCSP response in %s is not served: %s%s%s",
                   own->staple_file, pki_check_sentence(check), detail[0] != '\0' ? ": " : "",
                   detail);
    return check == PKI_CHECK_REVOKED ? LOG_ERROR : LOG_WARN;
}

static bool load(struct tls_own *own, const struct tls_own_order *order)
{
    char *bytes = NULL, why[FAULT_TEXT_MAX];
    size_t len = 0;
    struct fault fault;

    if (own->staple_file[0] == '\0')
        return false;
    if (file_read_all(own->staple_file, STAPLE_SIZE_MAX, &bytes, &len, &fault) != 0) {
        remark(order, LOG_WARN, own->staple_file, fault.text);
        return false;
    }
    enum log_level level = judge(own, order, span_make(bytes, len), why);
    if (level == LOG_NONE) {
        own->staple.der = (gnutls_datum_t){(unsigned char *)bytes, (unsigned)len};
        return true;
    }
    mem_free(bytes);
    remark(order, level, own->staple_file, why);
    return false;
}

void tls_staple_load(struct tls_own *own, const struct tls_own_order *order)
{
    char why[FAULT_TEXT_MAX], subject[128];

    own->staple.file = own->staple_file;
    own->staple.clock = order->clock;
    if (load(own, order) || !must_staple(own->crts[0]))
        return;
    (void)snprintf(why, sizeof why,
                   "the certificate in %s (%s) must come with an OCSP response and there is no "
                   "good one: clients refuse it; fetch a fresh response into %s",
                   own->file, tls_own_subject(own->crts[0], subject),
                   own->staple_file[0] != '\0' ? own->staple_file : "a file and name it as staple");
    remark(order, LOG_ERROR, own->file, why);
}

void tls_staple_deinit(struct tls_staple *staple)
{
    mem_free(staple->der.data);
    staple->der = (gnutls_datum_t){NULL, 0};
}

/* --- serving --- */

static void tell_stale(const struct tls_staple *staple)
{
    time_t when = (time_t)staple->good_until_s;
    char why[FAULT_TEXT_MAX], date[32];
    struct tm tm;

    (void)gmtime_r(&when, &tm);
    (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
    (void)snprintf(why, sizeof why,
                   "the OCSP response in %s was good until %s and is not served any more; fetch a "
                   "fresh one",
                   staple->file, date);
    const struct tls_remarks to_log = {NULL, NULL};
    const struct tls_remark said = {
        .level = LOG_WARN, .event = "staple", .file = staple->file, .why = why};
    tls_remark(&to_log, &said);
}

/* GnuTLS frees what it gets. Loop threads of all sessions. */
static int on_status_request(gnutls_session_t gnutls, void *ptr, gnutls_datum_t *response_out)
{
    struct tls_staple *staple = ptr;

    (void)gnutls;
    if (clock_wall_s(staple->clock) > staple->good_until_s) {
        if (!atomic_exchange(&staple->is_told, true))
            tell_stale(staple);
        return GNUTLS_E_NO_CERTIFICATE_STATUS;
    }
    response_out->data = gnutls_malloc(staple->der.size);
    if (response_out->data == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    memcpy(response_out->data, staple->der.data, staple->der.size);
    response_out->size = staple->der.size;
    return GNUTLS_E_SUCCESS;
}

void tls_staple_attach(gnutls_certificate_credentials_t cred, unsigned index,
                       struct tls_staple *staple)
{
    if (staple->der.size > 0)
        (void)gnutls_certificate_set_ocsp_status_request_function2(cred, index, on_status_request,
                                                                   staple);
}
