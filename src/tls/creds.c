/*
 * creds: reads certificate and key files into GnuTLS credentials and checks them first: the
 * chain in order, the key that of the leaf, the dates. Who holds the result is manager.c; making
 * certificates is pki.c. Tests: test_tls_manager.c.
 */
#include <stdio.h>
#include <time.h>

#include "base/codec.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "tls/tls_internal.h"

enum {
    CHAIN_MAX = 16,           /* what GnuTLS's own verification follows */
    PEM_SIZE_MAX = 256 * 1024 /* a chain is some 10 KiB */
};

struct chain {
    gnutls_x509_crt_t crts[CHAIN_MAX];
    unsigned count;
};

static void chain_deinit(struct chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++)
        gnutls_x509_crt_deinit(chain->crts[i]);
    chain->count = 0;
}

static int chain_load(const char *setting, const char *file, struct chain *chain,
                      struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;
    int err = file_read_all(file, PEM_SIZE_MAX, &pem, &len, fault);

    if (err != 0)
        return fault_wrap(fault, "%s", setting);
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    chain->count = CHAIN_MAX;
    int ret = gnutls_x509_crt_list_import(chain->crts, &chain->count, &datum, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    mem_free(pem);
    if (ret > 0)
        return 0;
    chain->count = 0;
    return fault_set(fault, ERR_CONFIG,
                     "could not read certificates from %s: %s; it must hold the "
                     "certificate first, then its intermediates, in PEM",
                     file, ret == 0 ? "there is none in it" : gnutls_strerror(ret));
}

/* For faults: the subject, escaped and cut. */
static const char *subject_of(gnutls_x509_crt_t crt, char out[128])
{
    char name[256];
    size_t len = sizeof name;

    if (gnutls_x509_crt_get_dn(crt, name, &len) != GNUTLS_E_SUCCESS || len == 0)
        return "without a subject";
    codec_escape(span_make(name, strnlen(name, len)), out, 128);
    return out;
}

static int chain_check_order(const char *file, const struct chain *chain, struct fault *fault)
{
    char subject[128], issuer[128];

    for (unsigned i = 1; i < chain->count; i++)
        if (gnutls_x509_crt_check_issuer(chain->crts[i - 1], chain->crts[i]) == 0)
            return fault_set(fault, ERR_CONFIG,
                             "%s is not in order: certificate %u (%s) did not issue certificate "
                             "%u (%s); put the server's certificate first, each issuer behind it",
                             file, i + 1, subject_of(chain->crts[i], issuer), i,
                             subject_of(chain->crts[i - 1], subject));
    return 0;
}

static int chain_check_key(const struct settings_tls_pair *pair, const struct chain *chain,
                           const struct tls_key *key, struct fault *fault)
{
    unsigned char of_crt[TLS_KEY_ID_SIZE];
    size_t len = sizeof of_crt;

    if (gnutls_x509_crt_get_key_id(chain->crts[0], GNUTLS_KEYID_USE_SHA256, of_crt, &len) == 0 &&
        len == sizeof key->key_id && memcmp(of_crt, key->key_id, len) == 0)
        return 0;
    return fault_set(fault, ERR_CONFIG,
                     "%s is not the key of the first certificate in %s; name the pair that was "
                     "issued together",
                     pair->key, pair->certificate);
}

static int chain_check_dates(const char *file, const struct chain *chain, int64_t now_s,
                             struct fault *fault)
{
    for (unsigned i = 0; i < chain->count; i++) {
        time_t from = gnutls_x509_crt_get_activation_time(chain->crts[i]);
        time_t until = gnutls_x509_crt_get_expiration_time(chain->crts[i]);
        bool is_early = now_s < (int64_t)from;
        time_t when = is_early ? from : until;
        struct tm tm;
        char date[32], subject[128];

        if (!is_early && now_s <= (int64_t)until)
            continue;
        (void)gmtime_r(&when, &tm);
        (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
        return fault_set(fault, ERR_CONFIG, "certificate %u in %s (%s) %s %s; %s", i + 1, file,
                         subject_of(chain->crts[i], subject),
                         is_early ? "is not valid before" : "expired on", date,
                         is_early ? "check the machine's clock" : "renew it");
    }
    return 0;
}

static int chain_check_now(const char *file, const struct chain *chain, enum tls_dates dates,
                           const struct clock *clock, struct fault *fault)
{
    struct fault late;

    if (dates == TLS_DATES_STRICT)
        return chain_check_dates(file, chain, clock_wall_s(clock), fault);
    if (chain_check_dates(file, chain, clock_wall_s(clock), &late) != 0)
        log_event(LOG_ERROR, "tls", "certificate", "why", late.text);
    return 0;
}

/* The chain and its key into the credentials; returns their index there, or a GnuTLS code. */
static int cred_add(gnutls_certificate_credentials_t cred, const struct chain *chain,
                    struct tls_signer *signer, const struct tls_key *key)
{
    gnutls_pcert_st pcerts[CHAIN_MAX];
    gnutls_privkey_t privkey = NULL;
    unsigned count = 0;
    int ret = tls_key_import(signer, key, &privkey);

    while (ret == GNUTLS_E_SUCCESS && count < chain->count) {
        ret = gnutls_pcert_import_x509(&pcerts[count], chain->crts[count], 0);
        count += ret == GNUTLS_E_SUCCESS;
    }
    /* Takes the key and what the certificates hold. */
    if (ret == GNUTLS_E_SUCCESS)
        ret = gnutls_certificate_set_key(cred, NULL, 0, pcerts, (int)count, privkey);
    if (ret >= 0)
        return ret;
    while (count > 0)
        gnutls_pcert_deinit(&pcerts[--count]);
    gnutls_privkey_deinit(privkey);
    return ret;
}

static int cred_create(const struct settings_tls_pair *pair, const struct chain *chain,
                       const struct tls_generation *generation,
                       gnutls_certificate_credentials_t *cred_out, struct fault *fault)
{
    gnutls_certificate_credentials_t cred = NULL;
    int ret = gnutls_certificate_allocate_credentials(&cred);

    if (ret == GNUTLS_E_SUCCESS) {
        /* chain_check_key() has matched them; GnuTLS would sign something to find out. */
        gnutls_certificate_set_flags(cred, GNUTLS_CERTIFICATE_API_V2 |
                                               GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
        ret = cred_add(cred, chain, generation->signer, &generation->keyring.keys[0]);
    }
    if (ret >= 0) {
        *cred_out = cred;
        return 0;
    }
    if (cred != NULL)
        gnutls_certificate_free_credentials(cred);
    return fault_set(fault, ERR_CONFIG, "could not use the certificate in %s: %s; replace it",
                     pair->certificate, gnutls_strerror(ret));
}

/* Read and seen to be one certificate's chain and key. */
static int chain_load_whole(const char *setting, const struct settings_tls_pair *pair,
                            const struct tls_key *key, struct chain *chain, struct fault *fault)
{
    int err = chain_load(setting, pair->certificate, chain, fault);

    if (err == 0)
        err = chain_check_order(pair->certificate, chain, fault);
    if (err == 0)
        err = chain_check_key(pair, chain, key, fault);
    return err;
}

int tls_creds_load_server(const struct settings_tls *settings,
                          const struct tls_generation *generation, enum tls_dates dates,
                          gnutls_certificate_credentials_t *cred_out, struct fault *fault)
{
    const struct settings_tls_pair *pair = &settings->pairs[0];
    struct chain chain = {.count = 0};

    if (settings->pair_count == 0)
        return 0;
    int err =
        chain_load_whole("tls.certificate", pair, &generation->keyring.keys[0], &chain, fault);
    if (err == 0)
        err = chain_check_now(pair->certificate, &chain, dates, generation->clock, fault);
    if (err == 0)
        err = cred_create(pair, &chain, generation, cred_out, fault);
    chain_deinit(&chain);
    return err;
}

/* What is shown to servers that ask for a certificate. */
static int client_certificate_load(const struct settings_tls *settings,
                                   const struct tls_generation *generation,
                                   gnutls_certificate_credentials_t cred, struct fault *fault)
{
    const struct settings_tls_pair pair = {settings->client_certificate, settings->client_key, ""};
    struct chain chain = {.count = 0};

    if (settings->client_certificate[0] == '\0')
        return 0;
    int err = chain_load_whole("tls.client_certificate", &pair, &generation->keyring.client, &chain,
                               fault);
    if (err == 0) {
        int ret = cred_add(cred, &chain, generation->signer, &generation->keyring.client);
        if (ret < 0)
            err =
                fault_set(fault, ERR_CONFIG, "could not use the certificate in %s: %s; replace it",
                          pair.certificate, gnutls_strerror(ret));
    }
    chain_deinit(&chain);
    return err;
}

int tls_creds_load_client(const struct settings_tls *settings,
                          const struct tls_generation *generation,
                          gnutls_certificate_credentials_t *cred_out, struct fault *fault)
{
    gnutls_certificate_credentials_t cred = NULL;

    if (gnutls_certificate_allocate_credentials(&cred) != GNUTLS_E_SUCCESS)
        return fault_set(fault, ERR_TLS, "could not make TLS credentials; restart");
    gnutls_certificate_set_flags(cred, GNUTLS_CERTIFICATE_API_V2 |
                                           GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    int err = client_certificate_load(settings, generation, cred, fault);
    if (err != 0) {
        gnutls_certificate_free_credentials(cred);
        return err;
    }
    *cred_out = cred;
    return 0;
}
