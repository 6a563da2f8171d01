/*
 * Owns the grammar of RFC 5802 7 and its key arithmetic. Leaves base64 framing to the protocols and
 * the choice of verifier to sasl.c. Tests: tests/unit/test_auth_scram.c (the vector of RFC 7677 3),
 * tests/fuzz/fuzz_auth_sasl.c.
 */
#include "auth/scram.h"

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

void scram_init(struct scram *scram)
{
    buf_init(&scram->gs2_header, SCRAM_MESSAGE_MAX);
    buf_init(&scram->first_bare, SCRAM_MESSAGE_MAX);
    buf_init(&scram->nonce, SCRAM_MESSAGE_MAX);
    buf_init(&scram->server_first, SCRAM_MESSAGE_MAX);
    buf_init(&scram->name, SCRAM_NAME_MAX);
    buf_init(&scram->authzid, SCRAM_NAME_MAX);
}

void scram_deinit(struct scram *scram)
{
    buf_release(&scram->gs2_header);
    buf_release(&scram->first_bare);
    buf_release(&scram->nonce);
    buf_release(&scram->server_first);
    buf_release(&scram->name);
    buf_release(&scram->authzid);
}

/* saslname: "=2C" and "=3D" stand for comma and equals sign, no other '=' may be there. */
static int decode_name(struct span text, struct buf *out)
{
    if (span_is_empty(text))
        return ERR_SYNTAX;
    while (text.len > 0) {
        ptrdiff_t at = span_find_byte(text, 0, '=');
        struct span plain = at < 0 ? text : span_first(text, (size_t)at);
        if (buf_append(out, plain) != 0)
            return ERR_SYNTAX;
        text = span_from(text, plain.len);
        if (at < 0)
            break;
        struct span escape = span_first(text, 3);
        if (!span_is(escape, "=2C") && !span_is(escape, "=3D"))
            return ERR_SYNTAX;
        if (buf_append(out, span_of(escape.ptr[1] == '2' ? "," : "=")) != 0)
            return ERR_SYNTAX;
        text = span_from(text, escape.len);
    }
    return 0;
}

/* printable: %x21-2B / %x2D-7E, at least one. */
static bool is_nonce(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e || text.ptr[i] == ',')
            return false;
    }
    return text.len > 0;
}

/* Takes "k=" off the front of an attribute. */
static bool take_key(struct span *attribute, char key)
{
    if (attribute->len < 2 || attribute->ptr[0] != key || attribute->ptr[1] != '=')
        return false;
    *attribute = span_from(*attribute, 2);
    return true;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Optional extensions are skipped; a mandatory one ("m=") is refused, RFC 5802 5.1. */
static bool are_extensions(struct span rest)
{
    while (rest.ptr != NULL) {
        struct span attribute = span_cut(&rest, ',');
        if (attribute.len < 3 || attribute.ptr[1] != '=' || !is_letter(attribute.ptr[0]) ||
            attribute.ptr[0] == 'm')
            return false;
    }
    return true;
}

/* gs2-header: "n" and "y" go on without binding; "p=..." asks for one that was never offered. A "y"
 * says that the client saw no -PLUS, which is the truth. Leaves *message at the bare part. */
static int take_gs2_header(struct scram *scram, struct span *message)
{
    struct span whole = *message;
    struct span flag = span_cut(message, ',');
    if (message->ptr == NULL || (!span_is(flag, "n") && !span_is(flag, "y")))
        return ERR_SYNTAX;
    struct span authzid = span_cut(message, ',');
    if (message->ptr == NULL)
        return ERR_SYNTAX;
    if (!span_is_empty(authzid) &&
        (!take_key(&authzid, 'a') || decode_name(authzid, &scram->authzid) != 0))
        return ERR_SYNTAX;
    return buf_append(&scram->gs2_header, span_first(whole, (size_t)(message->ptr - whole.ptr)));
}

int scram_take_first(struct scram *scram, struct span message)
{
    if (message.len > SCRAM_MESSAGE_MAX || span_has_nul(message) || !utf8_is_valid(message))
        return ERR_SYNTAX;
    if (take_gs2_header(scram, &message) != 0)
        return ERR_SYNTAX;
    if (buf_append(&scram->first_bare, message) != 0)
        return ERR_SYNTAX;
    struct span name = span_cut(&message, ',');
    if (message.ptr == NULL)
        return ERR_SYNTAX;
    struct span nonce = span_cut(&message, ',');
    if (!take_key(&name, 'n') || !take_key(&nonce, 'r'))
        return ERR_SYNTAX;
    if (decode_name(name, &scram->name) != 0 || !is_nonce(nonce) || nonce.len > SCRAM_NONCE_MAX)
        return ERR_SYNTAX;
    if (!are_extensions(message))
        return ERR_SYNTAX;
    return buf_append(&scram->nonce, nonce);
}

void scram_challenge(struct scram *scram, const struct password_verifier *verifier,
                     struct span server_nonce, struct buf *challenge_out)
{
    buf_put(&scram->nonce, server_nonce);
    struct buf *text = &scram->server_first;
    buf_puts(text, "r=");
    buf_put(text, buf_span(&scram->nonce));
    buf_puts(text, ",s=");
    /* At most 256 + 64 bytes of nonce and 88 of salt: it fits. */
    codec_base64_put(span_make((const char *)verifier->salt, verifier->salt_len), text);
    buf_printf(text, ",i=%u", verifier->iteration_count);
    buf_put(challenge_out, buf_span(text));
}

struct final_message {
    struct span without_proof;
    struct span binding; /* base64 of the gs2 header */
    struct span nonce;
    unsigned char proof[DIGEST_SHA256_SIZE];
};

static int decode_proof(struct span text, unsigned char out[DIGEST_SHA256_SIZE])
{
    struct buf proof;
    buf_init(&proof, CODEC_BASE64_LEN((size_t)DIGEST_SHA256_SIZE)); /* room for whole groups */
    int err = codec_base64_decode(text, &proof);
    if (err == 0 && proof.len == DIGEST_SHA256_SIZE)
        memcpy(out, buf_span(&proof).ptr, DIGEST_SHA256_SIZE);
    else
        err = ERR_SYNTAX;
    buf_wipe(&proof);
    return err;
}

/* "c=...,r=...[,extensions],p=...": the proof is last. */
static int parse_final(struct span message, struct final_message *out)
{
    ptrdiff_t proof_at = span_find(message, span_of(",p="));
    if (proof_at < 0)
        return ERR_SYNTAX;
    out->without_proof = span_first(message, (size_t)proof_at);
    if (decode_proof(span_from(message, (size_t)proof_at + 3), out->proof) != 0)
        return ERR_SYNTAX;
    struct span rest = out->without_proof;
    out->binding = span_cut(&rest, ',');
    if (rest.ptr == NULL)
        return ERR_SYNTAX;
    out->nonce = span_cut(&rest, ',');
    if (!take_key(&out->binding, 'c') || !take_key(&out->nonce, 'r') || !are_extensions(rest))
        return ERR_SYNTAX;
    return 0;
}

/* The binding must repeat the header byte by byte and the nonce must be the whole one: what was
 * changed on the way, or belongs to another exchange, ends here. */
static bool is_of_this_exchange(const struct scram *scram, const struct final_message *final)
{
    struct buf header;
    buf_init(&header, SCRAM_MESSAGE_MAX);
    bool is_same = codec_base64_decode(final->binding, &header) == 0 &&
                   span_equal(buf_span(&header), buf_span(&scram->gs2_header)) &&
                   span_equal(final->nonce, buf_span(&scram->nonce));
    buf_release(&header);
    return is_same;
}

static struct span key_span(const unsigned char key[DIGEST_SHA256_SIZE])
{
    return span_make((const char *)key, DIGEST_SHA256_SIZE);
}

/* RFC 5802 3: StoredKey is the hash of ClientKey, and ClientKey is what the proof hides. */
static bool is_proof_right(const unsigned char proof[DIGEST_SHA256_SIZE],
                           const struct password_verifier *verifier, struct span auth_message)
{
    unsigned char client_key[DIGEST_SHA256_SIZE], hash[DIGEST_SHA256_SIZE];
    digest_hmac_sha256(key_span(verifier->stored_key), auth_message, client_key);
    for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++)
        client_key[i] ^= proof[i];
    digest_sha256(key_span(client_key), hash);
    bool is_right = digest_equal(key_span(hash), key_span(verifier->stored_key));
    mem_wipe(client_key, sizeof client_key);
    return is_right;
}

int scram_take_final(struct scram *scram, struct span message,
                     const struct password_verifier *verifier, struct buf *server_final_out)
{
    struct final_message final;
    if (message.len > SCRAM_MESSAGE_MAX || parse_final(message, &final) != 0 ||
        !is_of_this_exchange(scram, &final))
        return ERR_SYNTAX;

    struct buf auth_message;
    buf_init(&auth_message, 0);
    buf_put(&auth_message, buf_span(&scram->first_bare));
    buf_put_byte(&auth_message, ',');
    buf_put(&auth_message, buf_span(&scram->server_first));
    buf_put_byte(&auth_message, ',');
    buf_put(&auth_message, final.without_proof);
    bool is_right = is_proof_right(final.proof, verifier, buf_span(&auth_message));
    unsigned char signature[DIGEST_SHA256_SIZE];
    digest_hmac_sha256(key_span(verifier->server_key), buf_span(&auth_message), signature);
    buf_release(&auth_message);
    if (!is_right)
        return ERR_REFUSED;
    buf_puts(server_final_out, "v=");
    return codec_base64_encode(key_span(signature), server_final_out);
}
