/*
 * key: generates, loads and writes private keys. How a running server holds its keys is the matter
 * of tls/signer.h. Tests: test_pki_make.c.
 */
#include "pki/key.h"

#include "base/file.h"
#include "base/mem.h"
#include "pki/pki_internal.h"

static const struct {
    const char *word, *text;
} types[PKI_KEY_TYPE_COUNT] = {
#define PKI_KEY_TYPE_TEXTS(name, word, text) [name] = {word, text},
    PKI_KEY_TYPE_LIST(PKI_KEY_TYPE_TEXTS)
#undef PKI_KEY_TYPE_TEXTS
};

/* What GnuTLS calls them. */
static const struct {
    gnutls_pk_algorithm_t algorithm;
    unsigned bits;
} makes[PKI_KEY_TYPE_COUNT] = {
    [PKI_KEY_ECDSA] = {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)},
    [PKI_KEY_RSA_2048] = {GNUTLS_PK_RSA, 2048},
    [PKI_KEY_RSA_3072] = {GNUTLS_PK_RSA, 3072},
    [PKI_KEY_RSA_4096] = {GNUTLS_PK_RSA, 4096},
    [PKI_KEY_ED25519] = {GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519)},
};

const char *pki_key_type_word(enum pki_key_type type)
{
    return types[type].word;
}

const char *pki_key_type_text(enum pki_key_type type)
{
    return types[type].text;
}

enum pki_key_type pki_key_type_of(const char *word)
{
    size_t type = 0;

    while (type < PKI_KEY_TYPE_COUNT && strcmp(word, types[type].word) != 0)
        type++;
    return (enum pki_key_type)type;
}

enum pki_key_type pki_key_type_near(gnutls_pk_algorithm_t algorithm, unsigned bits)
{
    if (algorithm == GNUTLS_PK_EDDSA_ED25519)
        return PKI_KEY_ED25519;
    if (algorithm != GNUTLS_PK_RSA && algorithm != GNUTLS_PK_RSA_PSS)
        return PKI_KEY_ECDSA;
    if (bits <= 2048)
        return PKI_KEY_RSA_2048;
    return bits <= 3072 ? PKI_KEY_RSA_3072 : PKI_KEY_RSA_4096;
}

int pki_could_not(struct fault *fault, const char *what, int ret)
{
    return fault_set(fault, ERR_TLS, "could not make %s: %s", what, gnutls_strerror(ret));
}

int pki_key_make(gnutls_pk_algorithm_t algorithm, unsigned bits, struct pki_key **key_out)
{
    struct pki_key *key = mem_new(struct pki_key);
    int ret = gnutls_x509_privkey_init(&key->raw);

    if (ret == 0)
        ret = gnutls_x509_privkey_generate(key->raw, algorithm, bits, 0);
    if (ret != 0)
        pki_key_free(&key);
    *key_out = key;
    return ret;
}

struct pki_key *pki_key_create(enum pki_key_type type, struct fault *fault)
{
    struct pki_key *key = NULL;
    int ret = pki_key_make(makes[type].algorithm, makes[type].bits, &key);

    if (ret != 0)
        (void)pki_could_not(fault, "a key", ret);
    return key;
}

struct pki_key *pki_key_load(const char *file, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;

    if (file_read_all(file, PKI_PEM_SIZE_MAX, &pem, &len, fault) != 0)
        return NULL;
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    struct pki_key *key = mem_new(struct pki_key);
    int ret = gnutls_x509_privkey_init(&key->raw);
    if (ret == 0)
        ret = gnutls_x509_privkey_import2(key->raw, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    mem_wipe(pem, len);
    mem_free(pem);
    if (ret != 0) {
        (void)fault_set(fault, ERR_CONFIG, "could not read a private key from %s: %s", file,
                        gnutls_strerror(ret));
        pki_key_free(&key);
    }
    return key;
}

void pki_key_free(struct pki_key **key)
{
    struct pki_key *gone = *key;

    *key = NULL;
    if (gone == NULL)
        return;
    if (gone->raw != NULL)
        gnutls_x509_privkey_deinit(gone->raw);
    mem_free(gone);
}

gnutls_digest_algorithm_t pki_key_digest(const struct pki_key *key)
{
    int algorithm = gnutls_x509_privkey_get_pk_algorithm(key->raw);

    /* RFC 8032: the hash is part of Ed25519 and cannot be chosen. */
    return algorithm == GNUTLS_PK_EDDSA_ED25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
}

char *pki_datum_text(gnutls_datum_t *datum)
{
    char *text = mem_strndup((const char *)datum->data, datum->size);

    mem_wipe(datum->data, datum->size);
    gnutls_free(datum->data);
    return text;
}

char *pki_key_pem(const struct pki_key *key)
{
    gnutls_datum_t pem = {NULL, 0};

    return gnutls_x509_privkey_export2_pkcs8(key->raw, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                             &pem) == 0
               ? pki_datum_text(&pem)
               : mem_strdup("");
}

void pki_key_pem_free(char *pem)
{
    if (pem != NULL)
        mem_wipe(pem, strlen(pem));
    mem_free(pem);
}
