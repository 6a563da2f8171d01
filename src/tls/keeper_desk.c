/*
 * keeper_desk: where the keeper's requests are judged: load what the configuration names, drop it,
 * sign with a key that is loaded, in a way that fits the key, what TLS may want signed. Nothing
 * that the server says chooses a file, and no order of requests on several channels pulls a key
 * from under a signature: a ring in use goes when its last signature is made. Bytes are
 * keeper_wire.c's, keys signer_local.c's. Tests: test_tls_keeper.c, fuzz_tls_keeper.c.
 */
#include <gnutls/crypto.h>

#include "base/mem.h"
#include "base/require.h"
#include "tls/keeper_internal.h"

struct keeper_ring {
    struct tls_keyring ring;
    unsigned use_count; /* the desk's, and one for each signature under way */
};

/* RFC 8017 9.2: what stands before the hash in a PKCS #1 v1.5 signature. GnuTLS puts it there
 * itself and asks for a raw one, so it is looked at here: a raw RSA operation on any other bytes
 * would be more than a TLS signature. */
static const struct digest_info {
    const char *prefix;
    size_t prefix_len, hash_len;
} digest_infos[] = {
    {"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19, 32},
    {"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30", 19, 48},
    {"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40", 19, 64},
};

static bool is_digest_info(struct span input)
{
    for (size_t i = 0; i < sizeof digest_infos / sizeof *digest_infos; i++) {
        const struct digest_info *info = &digest_infos[i];
        if (input.len == info->prefix_len + info->hash_len &&
            memcmp(input.ptr, info->prefix, info->prefix_len) == 0)
            return true;
    }
    return false;
}

/* SHA-256, SHA-384 and SHA-512 only, whole. */
static bool is_hash_of(gnutls_digest_algorithm_t hash, size_t len)
{
    return (hash == GNUTLS_DIG_SHA256 || hash == GNUTLS_DIG_SHA384 || hash == GNUTLS_DIG_SHA512) &&
           (size_t)gnutls_hash_get_len(hash) == len;
}

static bool request_fits(const struct keeper_request *request, const struct tls_key *key)
{
    gnutls_pk_algorithm_t pk = (gnutls_pk_algorithm_t)key->algorithm;
    gnutls_sign_algorithm_t sign = (gnutls_sign_algorithm_t)request->algorithm;

    if (pk == GNUTLS_PK_EDDSA_ED25519)
        return sign == GNUTLS_SIGN_EDDSA_ED25519 && !request->is_hash;
    if (!request->is_hash)
        return false;
    if (sign == GNUTLS_SIGN_RSA_RAW)
        return pk == GNUTLS_PK_RSA && is_digest_info(request->input);
    return gnutls_sign_supports_pk_algorithm(sign, pk) != 0 &&
           is_hash_of(gnutls_sign_get_hash_algorithm(sign), request->input.len);
}

/* --- the rings --- */

void keeper_desk_init(struct keeper_desk *desk, const struct keeper_office *office)
{
    *desk = (struct keeper_desk){.signer = tls_signer_local_create(), .office = office};
    require(pthread_mutex_init(&desk->load_mutex, NULL) == 0);
    require(pthread_mutex_init(&desk->ring_mutex, NULL) == 0);
}

static void ring_free(struct keeper_desk *desk, struct keeper_ring *ring)
{
    desk->signer->ops->drop(desk->signer, &ring->ring);
    mem_free(ring);
}

/* Gives a use back; the last one frees. */
static void ring_leave(struct keeper_desk *desk, struct keeper_ring *ring)
{
    (void)pthread_mutex_lock(&desk->ring_mutex);
    bool is_last = --ring->use_count == 0;
    (void)pthread_mutex_unlock(&desk->ring_mutex);
    if (is_last)
        ring_free(desk, ring);
}

void keeper_desk_deinit(struct keeper_desk *desk)
{
    for (size_t i = 0; i < desk->ring_count; i++)
        ring_free(desk, desk->rings[i]);
    tls_signer_free(&desk->signer);
    (void)pthread_mutex_destroy(&desk->load_mutex);
    (void)pthread_mutex_destroy(&desk->ring_mutex);
}

static const struct tls_key *ring_find(const struct tls_keyring *ring, uint64_t number)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].number == number)
            return &ring->keys[i];
    return ring->client.number == number ? &ring->client : NULL;
}

/* Under ring_mutex: where the ring with that key is; ring_count: nowhere. The newest come first:
 * they are what new connections use. */
static size_t find_ring(const struct keeper_desk *desk, uint64_t key_number)
{
    for (size_t i = desk->ring_count; i-- > 0;)
        if (ring_find(&desk->rings[i]->ring, key_number) != NULL)
            return i;
    return desk->ring_count;
}

/* The ring in use once more, and its key. */
static struct keeper_ring *ring_enter(struct keeper_desk *desk, uint64_t key_number,
                                      const struct tls_key **key_out)
{
    struct keeper_ring *ring = NULL;

    (void)pthread_mutex_lock(&desk->ring_mutex);
    size_t at = find_ring(desk, key_number);
    if (at < desk->ring_count) {
        ring = desk->rings[at];
        ring->use_count++;
        *key_out = ring_find(&ring->ring, key_number);
    }
    (void)pthread_mutex_unlock(&desk->ring_mutex);
    return ring;
}

/* --- the requests --- */

static int load_ring(struct keeper_desk *desk, struct keeper_ring *fresh, struct fault *fault)
{
    if (desk->confine_fault.err != 0) {
        *fault = desk->confine_fault;
        return fault->err;
    }
    (void)pthread_mutex_lock(&desk->ring_mutex);
    bool is_full = desk->ring_count == KEEPER_RINGS_MAX;
    (void)pthread_mutex_unlock(&desk->ring_mutex);
    if (is_full)
        return fault_set(fault, ERR_LIMIT,
                         "could not load private keys: connections still use those of %d earlier "
                         "reloads; reload when some of them have ended, or restart",
                         KEEPER_RINGS_MAX);
    const struct settings_tls *settings = desk->office->settings(desk->office->owner, fault);
    if (settings == NULL)
        return fault->err;
    return desk->signer->ops->load(desk->signer, settings, &fresh->ring, fault);
}

static int answer_load(struct keeper_desk *desk, unsigned char body_out[KEEPER_RING_MAX],
                       size_t *len_out, struct fault *fault)
{
    struct keeper_ring *fresh = mem_new(struct keeper_ring);

    fresh->use_count = 1;
    (void)pthread_mutex_lock(&desk->load_mutex);
    int err = load_ring(desk, fresh, fault);
    if (err == 0) {
        *len_out = keeper_ring_write(&fresh->ring, body_out);
        (void)pthread_mutex_lock(&desk->ring_mutex);
        desk->rings[desk->ring_count++] = fresh;
        (void)pthread_mutex_unlock(&desk->ring_mutex);
    } else {
        mem_free(fresh);
    }
    (void)pthread_mutex_unlock(&desk->load_mutex);
    return err;
}

static int drop_ring(struct keeper_desk *desk, uint64_t key_number)
{
    struct keeper_ring *ring = NULL;

    (void)pthread_mutex_lock(&desk->ring_mutex);
    size_t at = find_ring(desk, key_number);
    if (at < desk->ring_count) {
        ring = desk->rings[at];
        desk->ring_count--;
        memmove(&desk->rings[at], &desk->rings[at + 1],
                (desk->ring_count - at) * sizeof(struct keeper_ring *));
    }
    (void)pthread_mutex_unlock(&desk->ring_mutex);
    if (ring == NULL)
        return ERR_NOT_FOUND;
    ring_leave(desk, ring);
    return 0;
}

static int answer_sign(struct keeper_desk *desk, const struct keeper_request *request,
                       struct tls_signature *signature_out)
{
    const struct tls_signing signing = {.key_number = request->key_number,
                                        .algorithm = request->algorithm,
                                        .is_hash = request->is_hash,
                                        .input = request->input};
    const struct tls_key *key = NULL;
    struct keeper_ring *ring = ring_enter(desk, request->key_number, &key);

    if (ring == NULL || key == NULL)
        return ERR_NOT_FOUND;
    int err = request_fits(request, key)
                  ? desk->signer->ops->sign(desk->signer, &signing, signature_out)
                  : ERR_REFUSED;
    ring_leave(desk, ring);
    return err;
}

size_t keeper_desk_answer(struct keeper_desk *desk, struct span bytes,
                          unsigned char reply_out[KEEPER_REPLY_MAX])
{
    struct keeper_request request;
    struct keeper_reply reply = {.kind = KEEPER_SIGN, .err = ERR_SYNTAX};
    struct tls_signature signature = {.len = 0};
    unsigned char ring[KEEPER_RING_MAX];
    size_t ring_len = 0;
    struct fault fault;

    if (keeper_request_parse(bytes, &request) != 0)
        return keeper_reply_write(&reply, reply_out);
    fault_clear(&fault);
    reply.number = request.number;
    reply.kind = request.kind;
    if (request.kind == KEEPER_DROP) {
        reply.err = drop_ring(desk, request.key_number);
    } else if (request.kind == KEEPER_SIGN) {
        reply.err = answer_sign(desk, &request, &signature);
        reply.body = span_make((const char *)signature.bytes, reply.err == 0 ? signature.len : 0);
    } else {
        reply.err = answer_load(desk, ring, &ring_len, &fault);
        reply.body = reply.err == 0 ? span_make((const char *)ring, ring_len) : span_of(fault.text);
    }
    return keeper_reply_write(&reply, reply_out);
}
