/*
 * pki: mints keys and certificates: the private authority and server certificate of `postern init`,
 * the lab's and the tests'. Telling humans what a file holds is describe.c; loading what the server
 * itself uses is creds.c. Tests: test_pki.c.
 */
#include "pki/pki.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>

#include "base/file.h"
#include "base/mem.h"
#include "crypto/random.h"

enum {
    SERIAL_SIZE = 16, /* RFC 5280 4.1.2.2: at most 20, positive; 120 random bits and more */
    KEY_ID_SIZE = 20,
    COMMON_NAME_MAX = 64, /* RFC 5280 appendix A, ub-common-name */
    PEM_SIZE_MAX = 64 * 1024,
    WEAK_KEY_BITS = 1024
};

struct pki_authority {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
    char *chain_pem; /* of an intermediate: itself and those above it but the root; "": a root */
};

/* What signs: an authority, or a certificate's own key. */
struct signer {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

static int could_not(struct fault *fault, const char *what, int ret)
{
    return fault_set(fault, ERR_TLS, "could not make %s: %s", what, gnutls_strerror(ret));
}

static int key_generate(unsigned quirks, gnutls_x509_privkey_t *key_out)
{
    int ret = gnutls_x509_privkey_init(key_out);

    if (ret != GNUTLS_E_SUCCESS)
        return ret;
    if ((quirks & PKI_WEAK_KEY) != 0)
        return gnutls_x509_privkey_generate(*key_out, GNUTLS_PK_RSA, WEAK_KEY_BITS, 0);
    return gnutls_x509_privkey_generate(*key_out, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
}

/* What every certificate has: version, serial, dates, name, key and its identifier. */
static int crt_begin(gnutls_x509_privkey_t key, const char *common_name, int64_t not_before_s,
                     int64_t not_after_s, gnutls_x509_crt_t *crt_out)
{
    unsigned char serial[SERIAL_SIZE], key_id[KEY_ID_SIZE];
    size_t key_id_len = sizeof key_id;
    int ret = gnutls_x509_crt_init(crt_out);

    if (ret != GNUTLS_E_SUCCESS)
        return ret;
    gnutls_x509_crt_t crt = *crt_out;
    entropy_fill(&random_system, serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, of full length */
    size_t name_len = strlen(common_name);
    if (name_len > 0 && name_len <= COMMON_NAME_MAX)
        ret = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                            (unsigned)name_len);
    if (ret == 0)
        ret = gnutls_x509_crt_set_version(crt, 3);
    if (ret == 0)
        ret = gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
    if (ret == 0)
        ret = gnutls_x509_crt_set_activation_time(crt, (time_t)not_before_s);
    if (ret == 0)
        ret = gnutls_x509_crt_set_expiration_time(crt, (time_t)not_after_s);
    if (ret == 0)
        ret = gnutls_x509_crt_set_key(crt, key);
    if (ret == 0)
        ret = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, key_id, &key_id_len);
    if (ret == 0)
        ret = gnutls_x509_crt_set_subject_key_id(crt, key_id, key_id_len);
    return ret;
}

/* Signs crt, naming the signer's key. */
static int crt_sign(gnutls_x509_crt_t crt, const struct signer *signer)
{
    unsigned char key_id[KEY_ID_SIZE];
    size_t key_id_len = sizeof key_id;
    int ret = gnutls_x509_crt_get_subject_key_id(signer->crt, key_id, &key_id_len, NULL);

    if (ret == GNUTLS_E_SUCCESS)
        ret = gnutls_x509_crt_set_authority_key_id(crt, key_id, key_id_len);
    else if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        ret = 0; /* an authority from elsewhere may have none */
    if (ret == 0)
        ret = gnutls_x509_crt_sign2(crt, signer->crt, signer->key, GNUTLS_DIG_SHA256, 0);
    return ret;
}

static char *datum_text(gnutls_datum_t *datum)
{
    char *text = mem_strndup((const char *)datum->data, datum->size);

    mem_wipe(datum->data, datum->size);
    gnutls_free(datum->data);
    return text;
}

static char *crt_pem(gnutls_x509_crt_t crt)
{
    gnutls_datum_t pem = {NULL, 0};

    return gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0 ? datum_text(&pem)
                                                                        : mem_strdup("");
}

static char *key_pem(gnutls_x509_privkey_t key)
{
    gnutls_datum_t pem = {NULL, 0};

    return gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                             &pem) == 0
               ? datum_text(&pem)
               : mem_strdup("");
}

/* --- authorities --- */

static int authority_fill(struct pki_authority *authority, const struct pki_authority *parent,
                          const char *common_name, int64_t not_before_s, int64_t not_after_s)
{
    int ret = key_generate(0, &authority->key);

    if (ret == 0)
        ret = crt_begin(authority->key, common_name, not_before_s, not_after_s, &authority->crt);
    if (ret == 0)
        ret = gnutls_x509_crt_set_basic_constraints(authority->crt, 1, -1);
    if (ret == 0)
        ret = gnutls_x509_crt_set_key_usage(authority->crt,
                                            GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    const struct signer signer = {parent != NULL ? parent->crt : authority->crt,
                                  parent != NULL ? parent->key : authority->key};
    return ret == 0 ? crt_sign(authority->crt, &signer) : ret;
}

static struct pki_authority *authority_create(const struct pki_authority *parent,
                                              const char *common_name, int64_t not_before_s,
                                              int64_t not_after_s, struct fault *fault)
{
    struct pki_authority *authority = mem_new(struct pki_authority);
    int ret = authority_fill(authority, parent, common_name, not_before_s, not_after_s);

    if (ret != 0) {
        (void)could_not(fault, "an authority", ret);
        pki_authority_free(&authority);
        return NULL;
    }
    if (parent == NULL) {
        authority->chain_pem = mem_strdup("");
        return authority;
    }
    char *own = crt_pem(authority->crt);
    authority->chain_pem = mem_printf("%s%s", own, parent->chain_pem);
    mem_free(own);
    return authority;
}

struct pki_authority *pki_authority_create(const char *common_name, int64_t not_before_s,
                                           int64_t not_after_s, struct fault *fault)
{
    return authority_create(NULL, common_name, not_before_s, not_after_s, fault);
}

struct pki_authority *pki_authority_delegate(const struct pki_authority *parent,
                                             const char *common_name, int64_t not_before_s,
                                             int64_t not_after_s, struct fault *fault)
{
    return authority_create(parent, common_name, not_before_s, not_after_s, fault);
}

static int load_certificate(const char *file, gnutls_x509_crt_t *crt_out, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;
    int err = file_read_all(file, PEM_SIZE_MAX, &pem, &len, fault);

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

static int load_key(const char *file, gnutls_x509_privkey_t *key_out, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;
    int err = file_read_all(file, PEM_SIZE_MAX, &pem, &len, fault);

    if (err != 0)
        return err;
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    int ret = gnutls_x509_privkey_init(key_out);
    if (ret == 0)
        ret = gnutls_x509_privkey_import2(*key_out, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    mem_wipe(pem, len);
    mem_free(pem);
    if (ret != 0)
        return fault_set(fault, ERR_CONFIG, "could not read a private key from %s: %s", file,
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
        gnutls_x509_privkey_get_key_id(authority->key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) !=
            0 ||
        !span_equal(span_make((char *)of_crt, crt_len), span_make((char *)of_key, key_len)))
        return fault_set(fault, ERR_CONFIG, "%s is not the key of %s", key_file, certificate_file);
    return 0;
}

struct pki_authority *pki_authority_load(const char *certificate_file, const char *key_file,
                                         struct fault *fault)
{
    struct pki_authority *authority = mem_new(struct pki_authority);
    int err = load_certificate(certificate_file, &authority->crt, fault);

    if (err == 0)
        err = load_key(key_file, &authority->key, fault);
    if (err == 0)
        err = authority_check(authority, certificate_file, key_file, fault);
    if (err != 0) {
        pki_authority_free(&authority);
        return NULL;
    }
    /* One that did not sign itself is an intermediate: its leaves are sent with it. */
    authority->chain_pem = gnutls_x509_crt_check_issuer(authority->crt, authority->crt) != 0
                               ? mem_strdup("")
                               : crt_pem(authority->crt);
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
    if (gone->key != NULL)
        gnutls_x509_privkey_deinit(gone->key);
    mem_free(gone->chain_pem);
    mem_free(gone);
}

char *pki_authority_certificate_pem(const struct pki_authority *authority)
{
    return crt_pem(authority->crt);
}

char *pki_authority_key_pem(const struct pki_authority *authority)
{
    return key_pem(authority->key);
}

/* --- leaves --- */

static int leaf_set_name(gnutls_x509_crt_t crt, const char *name)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4,
                                                    GNUTLS_FSAN_APPEND);
    if (inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 16,
                                                    GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int leaf_set_issuer_url(gnutls_x509_crt_t crt)
{
    char url[] = "http://authority.invalid/issuer.der";
    gnutls_datum_t datum = {(unsigned char *)url, sizeof url - 1};

    return gnutls_x509_crt_set_authority_info_access(crt, GNUTLS_IA_CAISSUERS_URI, &datum);
}

static int leaf_fill(gnutls_x509_crt_t crt, const struct pki_request *request)
{
    unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE;
    int ret = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);

    if (ret == 0)
        ret = gnutls_x509_crt_set_key_usage(crt, usage);
    if (ret == 0 && (request->purposes & PKI_SERVER) != 0)
        ret = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (ret == 0 && (request->purposes & PKI_CLIENT) != 0)
        ret = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    if (ret == 0 && (request->quirks & PKI_ISSUER_URL) != 0)
        ret = leaf_set_issuer_url(crt);
    if ((request->quirks & PKI_WITHOUT_SAN) != 0)
        return ret;
    for (size_t i = 0; ret == 0 && i < request->dns_name_count; i++)
        ret = leaf_set_name(crt, request->dns_names[i]);
    return ret;
}

int pki_mint(const struct pki_authority *authority, const struct pki_request *request,
             char **chain_pem_out, char **key_pem_out, struct fault *fault)
{
    bool is_self_signed = (request->quirks & PKI_SELF_SIGNED) != 0;
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t crt = NULL;

    int ret = key_generate(request->quirks, &key);
    if (ret == 0)
        ret =
            crt_begin(key, request->common_name, request->not_before_s, request->not_after_s, &crt);
    if (ret == 0)
        ret = leaf_fill(crt, request);
    const struct signer signer = {is_self_signed ? crt : authority->crt,
                                  is_self_signed ? key : authority->key};
    if (ret == 0)
        ret = crt_sign(crt, &signer);
    if (ret == 0) {
        bool is_alone = is_self_signed || (request->quirks & PKI_WITHOUT_INTERMEDIATE) != 0;
        char *own = crt_pem(crt);
        *chain_pem_out = mem_printf("%s%s", own, is_alone ? "" : authority->chain_pem);
        *key_pem_out = key_pem(key);
        mem_free(own);
    }
    if (crt != NULL)
        gnutls_x509_crt_deinit(crt);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    return ret == 0 ? 0 : could_not(fault, "a certificate", ret);
}
