/*
 * Owns the text form of verifiers and the key derivation of RFC 5802 3. Which verifier belongs to
 * whom, and where PBKDF2 runs, is the business of auth.c and sasl.c. Tests:
 * tests/unit/test_auth_password.c (RFC 7677 3 has the vector).
 */
#include "auth/password.h"

#include "auth/auth.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

static struct span bytes_span(const unsigned char *bytes, size_t len)
{
    return span_make((const char *)bytes, len);
}

bool password_is_valid(struct span text)
{
    return text.len > 0 && text.len <= AUTH_PASSWORD_MAX && !span_has_nul(text) &&
           utf8_is_valid(text);
}

/* Decodes base64 of size_min to size_max bytes into bytes_out. */
static int decode_field(struct span text, size_t size_min, size_t size_max,
                        unsigned char *bytes_out, size_t *len_out)
{
    struct buf decoded;
    buf_init(&decoded, CODEC_BASE64_LEN(size_max)); /* room for whole groups */
    int err = codec_base64_decode(text, &decoded);
    if (err == 0 && (decoded.len < size_min || decoded.len > size_max))
        err = ERR_SYNTAX;
    if (err == 0) {
        memcpy(bytes_out, buf_span(&decoded).ptr, decoded.len);
        *len_out = decoded.len;
    }
    buf_wipe(&decoded);
    return err == 0 ? 0 : ERR_SYNTAX;
}

int password_parse_verifier(struct span text, struct password_verifier *out)
{
    *out = (struct password_verifier){0};
    struct span scheme = span_cut(&text, '$');
    struct span count = span_cut(&text, ':');
    struct span salt = span_cut(&text, '$');
    struct span stored = span_cut(&text, ':');
    uint64_t iteration_count;
    size_t key_len;
    if (!span_is(scheme, "SCRAM-SHA-256") ||
        !span_to_u64(count, PASSWORD_ITERATION_MAX, &iteration_count) || iteration_count == 0)
        return ERR_SYNTAX;
    out->iteration_count = (unsigned)iteration_count;
    if (decode_field(salt, 1, PASSWORD_SALT_MAX, out->salt, &out->salt_len) != 0 ||
        decode_field(stored, DIGEST_SHA256_SIZE, DIGEST_SHA256_SIZE, out->stored_key, &key_len) !=
            0 ||
        decode_field(text, DIGEST_SHA256_SIZE, DIGEST_SHA256_SIZE, out->server_key, &key_len) != 0)
        return ERR_SYNTAX;
    return 0;
}

/* RFC 5802 3: ClientKey, StoredKey and ServerKey from SaltedPassword. */
void password_derive(struct span password, struct span salt, unsigned iteration_count,
                     struct password_verifier *out)
{
    unsigned char salted[DIGEST_SHA256_SIZE], client_key[DIGEST_SHA256_SIZE];
    *out = (struct password_verifier){.iteration_count = iteration_count};
    out->salt_len = span_first(salt, PASSWORD_SALT_MAX).len;
    memcpy(out->salt, salt.ptr, out->salt_len);
    digest_pbkdf2_sha256(password, salt, iteration_count, salted);
    digest_hmac_sha256(bytes_span(salted, sizeof salted), span_of("Client Key"), client_key);
    digest_sha256(bytes_span(client_key, sizeof client_key), out->stored_key);
    digest_hmac_sha256(bytes_span(salted, sizeof salted), span_of("Server Key"), out->server_key);
    mem_wipe(salted, sizeof salted);
    mem_wipe(client_key, sizeof client_key);
}

void password_invent(struct span secret, struct span name, unsigned iteration_count,
                     struct password_verifier *out)
{
    unsigned char seed[DIGEST_SHA256_SIZE], salt[DIGEST_SHA256_SIZE];
    *out = (struct password_verifier){.iteration_count = iteration_count,
                                      .salt_len = PASSWORD_SALT_SIZE};
    digest_hmac_sha256(secret, name, seed);
    struct span seed_span = bytes_span(seed, sizeof seed);
    digest_hmac_sha256(seed_span, span_of("salt"), salt);
    memcpy(out->salt, salt, PASSWORD_SALT_SIZE);
    digest_hmac_sha256(seed_span, span_of("stored"), out->stored_key);
    digest_hmac_sha256(seed_span, span_of("server"), out->server_key);
    mem_wipe(seed, sizeof seed);
}

bool password_matches(const struct password_verifier *verifier, struct span password)
{
    struct password_verifier derived;
    password_derive(password, bytes_span(verifier->salt, verifier->salt_len),
                    verifier->iteration_count, &derived);
    bool is_match = digest_equal(bytes_span(derived.stored_key, DIGEST_SHA256_SIZE),
                                 bytes_span(verifier->stored_key, DIGEST_SHA256_SIZE));
    mem_wipe(&derived, sizeof derived);
    return is_match;
}

static void put_field(struct buf *text, const unsigned char *bytes, size_t len, const char *before)
{
    buf_puts(text, before);
    codec_base64_put(bytes_span(bytes, len), text);
}

int auth_make_verifier(struct span password, unsigned iteration_count,
                       const struct entropy *entropy, char verifier_out[STORE_VERIFIER_SIZE])
{
    if (!password_is_valid(password) || iteration_count < PASSWORD_ITERATION_MIN ||
        iteration_count > PASSWORD_ITERATION_MAX)
        return ERR_INVALID;
    unsigned char salt[PASSWORD_SALT_SIZE];
    entropy_fill(entropy, salt, sizeof salt);
    struct password_verifier verifier;
    password_derive(password, bytes_span(salt, sizeof salt), iteration_count, &verifier);

    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "SCRAM-SHA-256$%u", iteration_count);
    put_field(&text, verifier.salt, verifier.salt_len, ":");
    put_field(&text, verifier.stored_key, DIGEST_SHA256_SIZE, "$");
    put_field(&text, verifier.server_key, DIGEST_SHA256_SIZE, ":");
    struct span all = span_first(buf_span(&text), STORE_VERIFIER_SIZE - 1);
    memcpy(verifier_out, all.ptr, all.len);
    verifier_out[all.len] = '\0';
    buf_wipe(&text);
    mem_wipe(&verifier, sizeof verifier);
    return 0;
}
