/*
 * authority: makes, loads and describes certificates that sign others, and what all certificates
 * have in common. Leaves are leaf.c, lists of revoked ones revocation.c. Tests: test_pki_make.c.
 */
#include "base/file.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "pki/pki_internal.h"

enum {
    SERIAL_SIZE = 16, /* RFC 5280 4.1.2.2: at most 20, positive; 120 random bits and more */
    KEY_ID_SIZE = 20,
    SUBJECT_PART_SIZE = 256
};

static int set_key(gnutls_x509_crt_t crt, struct pki_crt_key key)
{
    unsigned char key_id[KEY_ID_SIZE];
    size_t key_id_len = sizeof key_id;
    int ret = key.own != NULL ? gnutls_x509_crt_set_key(crt, key.own)
                              : gnutls_x509_crt_set_pubkey(crt, key.public_half);

    if (ret == 0)
        ret = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, key_id, &key_id_len);
    if (ret == 0)
        ret = gnutls_x509_crt_set_subject_key_id(crt, key_id, key_id_len);
    return ret;
}

static int set_subject(gnutls_x509_crt_t crt, const struct pki_crt_request *request)
{
    size_t name_len = request->common_name != NULL ? strlen(request->common_name) : 0;
    int ret = 0;

    if (request->organization != NULL)
        ret = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
                                            request->organization,
                                            (unsigned)strlen(request->organization));
    if (ret == 0 && name_len > 0 && name_len <= PKI_COMMON_NAME_MAX)
        ret = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
                                            request->common_name, (unsigned)name_len);
    return ret;
}

int pki_crt_begin(const struct pki_crt_request *request, struct pki_crt_key key,
                  gnutls_x509_crt_t *crt_out)
{
    unsigned char serial[SERIAL_SIZE];
    int ret = gnutls_x509_crt_init(crt_out);

    if (ret != GNUTLS_E_SUCCESS)
        return ret;
    gnutls_x509_crt_t crt = *crt_out;
    entropy_fill(&random_system, serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, of full length */
    ret = set_subject(crt, request);
    if (ret == 0)
        ret = gnutls_x509_crt_set_version(crt, 3);
    if (ret == 0)
        ret = gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
    if (ret == 0)
        ret = gnutls_x509_crt_set_activation_time(crt, (time_t)request->not_before_s);
    if (ret == 0)
        ret = gnutls_x509_crt_set_expiration_time(crt, (time_t)request->not_after_s);
    return ret == 0 ? set_key(crt, key) : ret;
}

int pki_crt_sign(gnutls_x509_crt_t crt, gnutls_x509_crt_t signer, const struct pki_key *key)
{
    unsigned char key_id[KEY_ID_SIZE];
    size_t key_id_len = sizeof key_id;
    int ret = gnutls_x509_crt_get_subject_key_id(signer, key_id, &key_id_len, NULL);

    if (ret == GNUTLS_E_SUCCESS)
        ret = gnutls_x509_crt_set_authority_key_id(crt, key_id, key_id_len);
    else if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        ret = 0; /* an authority from elsewhere may have none */
    if (ret == 0)
        ret = gnutls_x509_crt_sign2(crt, signer, key->raw, pki_key_digest(key), 0);
    return ret;
}

char *pki_crt_pem(gnutls_x509_crt_t crt)
{
    gnutls_datum_t pem = {NULL, 0};

    return gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0 ? pki_datum_text(&pem)
                                                                        : mem_strdup("");
}

/* Reads back what was signed: a certificate that was only written has no names to compare. */
static int settle(gnutls_x509_crt_t *crt)
{
    gnutls_datum_t der = {NULL, 0};
    gnutls_x509_crt_t fresh = NULL;
    int ret = gnutls_x509_crt_export2(*crt, GNUTLS_X509_FMT_DER, &der);

    if (ret == 0)
        ret = gnutls_x509_crt_init(&fresh);
    if (ret == 0)
        ret = gnutls_x509_crt_import(fresh, &der, GNUTLS_X509_FMT_DER);
    gnutls_free(der.data);
    if (ret == 0) {
        gnutls_x509_crt_deinit(*crt);
        *crt = fresh;
    } else if (fresh != NULL) {
        gnutls_x509_crt_deinit(fresh);
    }
    return ret;
}

static int authority_fill(struct pki_authority *authority, const struct pki_authority *parent,
                          const struct pki_authority_request *request)
{
    const struct pki_crt_request begin = {request->common_name, request->organization,
                                          request->not_before_s, request->not_after_s};
    const struct pki_crt_key key = {authority->key->raw, NULL};
    int ret = pki_crt_begin(&begin, key, &authority->crt);

    if (ret == 0)
        ret = gnutls_x509_crt_set_basic_constraints(authority->crt, 1, request->path_length);
    if (ret == 0)
        ret = gnutls_x509_crt_set_key_usage(authority->crt,
                                            GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    const struct pki_authority *signer = parent != NULL ? parent : authority;
    if (ret == 0)
        ret = pki_crt_sign(authority->crt, signer->crt, signer->key);
    return ret == 0 ? settle(&authority->crt) : ret;
}

struct pki_authority *pki_authority_make(const struct pki_authority *parent,
                                         const struct pki_authority_request *request,
                                         struct fault *fault)
{
    struct pki_authority *authority = mem_new(struct pki_authority);

    authority->key = pki_key_create(request->key_type, fault);
    if (authority->key == NULL) {
        pki_authority_free(&authority);
        return NULL;
    }
    int ret = authority_fill(authority, parent, request);
    if (ret != 0) {
        (void)pki_could_not(fault, "an authority", ret);
        pki_authority_free(&authority);
        return NULL;
    }
    char *own = pki_crt_pem(authority->crt);
    authority->chain_pem =
        parent != NULL ? mem_printf("%s%s", own, parent->chain_pem) : mem_strdup("");
    mem_free(own);
    return authority;
}

struct pki_authority *pki_authority_create(const char *common_name, int64_t not_before_s,
                                           int64_t not_after_s, struct fault *fault)
{
    return pki_authority_delegate(NULL, common_name, not_before_s, not_after_s, fault);
}

struct pki_authority *pki_authority_delegate(const struct pki_authority *parent,
                                             const char *common_name, int64_t not_before_s,
                                             int64_t not_after_s, struct fault *fault)
{
    const struct pki_authority_request request = {.common_name = common_name,
                                                  .path_length = -1,
                                                  .not_before_s = not_before_s,
                                                  .not_after_s = not_after_s};

    return pki_authority_make(parent, &request, fault);
}

/* The first value of that kind in the subject; "" when there is none or it is too long. */
static void subject_part(gnutls_x509_crt_t crt, const char *oid, char text_out[SUBJECT_PART_SIZE])
{
    size_t len = SUBJECT_PART_SIZE - 1;

    if (gnutls_x509_crt_get_dn_by_oid(crt, oid, 0, 0, text_out, &len) != 0)
        len = 0;
    text_out[len] = '\0';
}

char *pki_authority_renew(const struct pki_authority *parent, const struct pki_authority *authority,
                          int64_t not_before_s, int64_t not_after_s, struct fault *fault)
{
    char name[SUBJECT_PART_SIZE], organization[SUBJECT_PART_SIZE];
    struct pki_authority fresh = {.key = authority->key};
    int path_length = -1;
    char *pem = NULL;

    subject_part(authority->crt, GNUTLS_OID_X520_COMMON_NAME, name);
    subject_part(authority->crt, GNUTLS_OID_X520_ORGANIZATION_NAME, organization);
    (void)gnutls_x509_crt_get_basic_constraints(authority->crt, NULL, NULL, &path_length);
    const struct pki_authority_request request = {.common_name = name,
                                                  .organization =
                                                      organization[0] != '\0' ? organization : NULL,
                                                  .path_length = path_length,
                                                  .not_before_s = not_before_s,
                                                  .not_after_s = not_after_s};
    int ret = authority_fill(&fresh, parent, &request);
    if (ret == 0)
        pem = pki_crt_pem(fresh.crt);
    else
        (void)pki_could_not(fault, "an authority's certificate", ret);
    if (fresh.crt != NULL)
        gnutls_x509_crt_deinit(fresh.crt);
    return pem;
}

static int load_certificate(const char *file, gnutls_x509_crt_t *crt_out, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;
    int err = file_read_all(file, PKI_PEM_SIZE_MAX, &pem, &len, fault);

    if (err != 0)
        return err;
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    int ret = gnutls_x509_crt_init(crt_out);
    if (ret == 0)
        ret = gnutls_x509_crt_import(*crt_out, &datum, GNUTLS_X509_FMT_PEM);
    mem_free(pem);
    if (ret != 0)
        return fault_set(fault, ERR_CONFIG, "could not read a certificate from %s: %s", file,
                         gnutls_strerror(ret));
    return 0;
}

static int authority_check(const struct pki_authority *authority, const char *certificate_file,
                           const char *key_file, struct fault *fault)
{
    unsigned char of_crt[64], of_key[64];
    size_t crt_len = sizeof of_crt, key_len = sizeof of_key;

    if (gnutls_x509_crt_get_ca_status(authority->crt, NULL) != 1)
        return fault_set(fault, ERR_CONFIG, "%s is not an authority's certificate (no CA:TRUE)",
                         certificate_file);
    if (gnutls_x509_crt_get_key_id(authority->crt, GNUTLS_KEYID_USE_SHA256, of_crt, &crt_len) !=
            0 ||
        gnutls_x509_privkey_get_key_id(authority->key->raw, GNUTLS_KEYID_USE_SHA256, of_key,
                                       &key_len) != 0 ||
        !span_equal(span_make((char *)of_crt, crt_len), span_make((char *)of_key, key_len)))
        return fault_set(fault, ERR_CONFIG, "%s is not the key of %s", key_file, certificate_file);
    return 0;
}

struct pki_authority *pki_authority_load(const char *certificate_file, const char *key_file,
                                         struct fault *fault)
{
    struct pki_authority *authority = mem_new(struct pki_authority);
    int err = load_certificate(certificate_file, &authority->crt, fault);

    if (err == 0) {
        authority->key = pki_key_load(key_file, fault);
        err = authority->key != NULL ? authority_check(authority, certificate_file, key_file, fault)
                                     : ERR_CONFIG;
    }
    if (err != 0) {
        pki_authority_free(&authority);
        return NULL;
    }
    /* One that did not sign itself is an intermediate: its leaves are sent with it. */
    authority->chain_pem = gnutls_x509_crt_check_issuer(authority->crt, authority->crt) != 0
                               ? mem_strdup("")
                               : pki_crt_pem(authority->crt);
    return authority;
}

void pki_authority_free(struct pki_authority **authority)
{
    struct pki_authority *gone = *authority;

    *authority = NULL;
    if (gone == NULL)
        return;
    if (gone->crt != NULL)
        gnutls_x509_crt_deinit(gone->crt);
    pki_key_free(&gone->key);
    mem_free(gone->chain_pem);
    mem_free(gone);
}

char *pki_authority_certificate_pem(const struct pki_authority *authority)
{
    return pki_crt_pem(authority->crt);
}

char *pki_authority_key_pem(const struct pki_authority *authority)
{
    return pki_key_pem(authority->key);
}

int64_t pki_authority_not_after_s(const struct pki_authority *authority)
{
    return gnutls_x509_crt_get_expiration_time(authority->crt);
}

bool pki_authority_has_signed(const struct pki_authority *authority,
                              const struct pki_certificate *certificate)
{
    unsigned status = 0;
    gnutls_x509_crt_t issuer = authority->crt;

    /* Dates are no question here: an expired leaf was signed, too. */
    int ret =
        gnutls_x509_crt_verify(pki_certificate_crt(certificate), &issuer, 1,
                               GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_SAME |
                                   GNUTLS_VERIFY_ALLOW_BROKEN,
                               &status);
    return ret == 0 && status == 0;
}
