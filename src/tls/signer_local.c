/*
 * signer_local: the signer whose keys live in this process: for servers without key isolation, for
 * subcommands and tests, and inside the keeper. The only file of this directory that reads private
 * keys. Tests: test_tls_signer.c.
 *
 * A key is found by its number under the mutex and used outside it: whoever signs holds the
 * generation, and with it the keyring, so no key goes away under a signature. Sessions may outlive
 * the manager and the signer's owner, so the signer's memory is counted: the owner and each
 * keyring.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <pthread.h>

#include "base/file.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/require.h"
#include "tls/signer.h"

enum { KEY_FILE_SIZE_MAX = 256 * 1024 /* an RSA key of 16384 bits has 13 KiB */ };

struct local_key {
    struct list_node node;
    uint64_t number;
    gnutls_privkey_t privkey;
};

struct local_signer {
    struct tls_signer signer; /* first */
    pthread_mutex_t mutex;    /* of all below */
    struct list keys;
    uint64_t last_number;
    size_t holder_count; /* the owner and the keyrings that are not dropped */
};

static struct local_signer *local_of(struct tls_signer *signer)
{
    return (struct local_signer *)(void *)signer;
}

/* --- reading --- */

static int key_read(const char *setting, const char *file, gnutls_x509_privkey_t *x509_out,
                    struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;
    int err = file_read_all(file, KEY_FILE_SIZE_MAX, &pem, &len, fault);

    if (err != 0)
        return fault_wrap(fault, "%s", setting);
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    int ret = gnutls_x509_privkey_init(x509_out);
    if (ret == GNUTLS_E_SUCCESS)
        ret = gnutls_x509_privkey_import2(*x509_out, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    mem_wipe(pem, len);
    mem_free(pem);
    if (ret == GNUTLS_E_SUCCESS)
        return 0;
    return fault_set(fault, ERR_CONFIG,
                     "could not read a private key from %s: %s; it must hold one unencrypted "
                     "private key in PEM",
                     file, gnutls_strerror(ret));
}

/* Takes x509. */
static int key_describe(const char *file, gnutls_x509_privkey_t x509, struct tls_key *key_out,
                        gnutls_privkey_t *privkey_out, struct fault *fault)
{
    size_t id_len = sizeof key_out->key_id;
    unsigned bits = 0;
    int algorithm = gnutls_x509_privkey_get_pk_algorithm2(x509, &bits);
    int ret =
        gnutls_x509_privkey_get_key_id(x509, GNUTLS_KEYID_USE_SHA256, key_out->key_id, &id_len);

    if (ret == GNUTLS_E_SUCCESS && algorithm > 0)
        ret = gnutls_privkey_init(privkey_out);
    if (ret == GNUTLS_E_SUCCESS && algorithm > 0)
        ret = gnutls_privkey_import_x509(*privkey_out, x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
    if (ret == GNUTLS_E_SUCCESS && algorithm > 0) {
        key_out->algorithm = (unsigned)algorithm;
        key_out->bits = bits;
        return 0;
    }
    gnutls_x509_privkey_deinit(x509);
    return fault_set(fault, ERR_CONFIG,
                     "could not use the private key in %s: %s; take an ECDSA, Ed25519 or RSA key",
                     file, gnutls_strerror(ret));
}

static int key_load(const char *setting, const char *file, struct tls_key *key_out,
                    struct local_key **local_out, struct fault *fault)
{
    gnutls_x509_privkey_t x509 = NULL;
    gnutls_privkey_t privkey = NULL;
    int err = key_read(setting, file, &x509, fault);

    if (err != 0) {
        gnutls_x509_privkey_deinit(x509);
        return err;
    }
    err = key_describe(file, x509, key_out, &privkey, fault);
    if (err != 0) {
        gnutls_privkey_deinit(privkey);
        return err;
    }
    *local_out = mem_new(struct local_key);
    (*local_out)->privkey = privkey;
    return 0;
}

/* --- the operations --- */

static void local_enter(struct local_signer *local, struct local_key *key, struct tls_key *as)
{
    (void)pthread_mutex_lock(&local->mutex);
    key->number = as->number = ++local->last_number;
    list_prepend(&local->keys, &key->node);
    (void)pthread_mutex_unlock(&local->mutex);
}

static void local_remove(struct local_signer *local, uint64_t number)
{
    (void)pthread_mutex_lock(&local->mutex);
    list_each (node, &local->keys) {
        struct local_key *key = list_entry(node, struct local_key, node);
        if (key->number != number)
            continue;
        list_remove(&key->node);
        gnutls_privkey_deinit(key->privkey);
        mem_free(key);
        break;
    }
    (void)pthread_mutex_unlock(&local->mutex);
}

static void local_hold(struct local_signer *local)
{
    (void)pthread_mutex_lock(&local->mutex);
    local->holder_count++;
    (void)pthread_mutex_unlock(&local->mutex);
}

static void local_release(struct local_signer *local)
{
    (void)pthread_mutex_lock(&local->mutex);
    bool is_last = --local->holder_count == 0;
    (void)pthread_mutex_unlock(&local->mutex);
    if (!is_last)
        return;
    require(list_is_empty(&local->keys));
    (void)pthread_mutex_destroy(&local->mutex);
    mem_free(local);
}

static void on_drop(struct tls_signer *signer, const struct tls_keyring *keyring)
{
    struct local_signer *local = local_of(signer);

    for (size_t i = 0; i < keyring->count; i++)
        local_remove(local, keyring->keys[i].number);
    if (keyring->client.number != 0)
        local_remove(local, keyring->client.number);
    local_release(local);
}

static int on_load(struct tls_signer *signer, const struct settings_tls *settings,
                   struct tls_keyring *keyring_out, struct fault *fault)
{
    struct local_signer *local = local_of(signer);
    struct local_key *key = NULL;
    int err = 0;

    *keyring_out = (struct tls_keyring){0};
    local_hold(local);
    for (size_t i = 0; i < settings->pair_count && err == 0; i++) {
        struct tls_key *as = &keyring_out->keys[i];
        err = key_load(i == 0 ? "tls.key" : "certificates.key", settings->pairs[i].key, as, &key,
                       fault);
        if (err == 0)
            local_enter(local, key, as);
        keyring_out->count += err == 0;
    }
    if (err == 0 && settings->client_key[0] != '\0') {
        err = key_load("tls.client_key", settings->client_key, &keyring_out->client, &key, fault);
        if (err == 0)
            local_enter(local, key, &keyring_out->client);
    }
    if (err != 0)
        on_drop(signer, keyring_out);
    return err;
}

static gnutls_privkey_t local_find(struct local_signer *local, uint64_t number)
{
    gnutls_privkey_t found = NULL;

    (void)pthread_mutex_lock(&local->mutex);
    list_each (node, &local->keys) {
        const struct local_key *key = list_entry(node, struct local_key, node);
        if (key->number == number)
            found = key->privkey;
    }
    (void)pthread_mutex_unlock(&local->mutex);
    return found;
}

static int on_sign(struct tls_signer *signer, const struct tls_signing *signing,
                   struct tls_signature *signature_out)
{
    gnutls_privkey_t privkey = local_find(local_of(signer), signing->key_number);
    gnutls_sign_algorithm_t sign = (gnutls_sign_algorithm_t)signing->algorithm;
    gnutls_datum_t signature = {NULL, 0};

    if (privkey == NULL || signing->input.len > UINT32_MAX)
        return ERR_TLS;
    /* GnuTLS only reads it, but its type does not say so. */
    char *bytes = span_dup(signing->input);
    const gnutls_datum_t datum = {(unsigned char *)bytes, (unsigned)signing->input.len};
    int ret = signing->is_hash ? gnutls_privkey_sign_hash2(privkey, sign, 0, &datum, &signature)
                               : gnutls_privkey_sign_data2(privkey, sign, 0, &datum, &signature);
    mem_free(bytes);
    if (ret != GNUTLS_E_SUCCESS)
        return ERR_TLS;
    bool is_fit = signature.size <= TLS_SIGNATURE_MAX;
    if (is_fit) {
        memcpy(signature_out->bytes, signature.data, signature.size);
        signature_out->len = signature.size;
    }
    gnutls_free(signature.data);
    return is_fit ? 0 : ERR_TLS;
}

static void on_free(struct tls_signer *signer)
{
    local_release(local_of(signer));
}

struct tls_signer *tls_signer_local_create(void)
{
    static const struct tls_signer_ops ops = {
        .load = on_load, .drop = on_drop, .sign = on_sign, .free = on_free};
    struct local_signer *local = mem_new(struct local_signer);

    local->signer.ops = &ops;
    require(pthread_mutex_init(&local->mutex, NULL) == 0);
    list_init(&local->keys);
    local->holder_count = 1;
    return &local->signer;
}
