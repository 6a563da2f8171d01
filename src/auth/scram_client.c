/*
 * scram_client: messages and keys of the client's side. It leaves when to use it to the SMTP
 * client. User names and passwords are sent as they are configured: what the server stores went
 * through its own preparation. Tests: tests/unit/test_auth_scram_client.c (RFC 7677 3's example).
 */
#include "auth/scram_client.h"

#include "base/codec.h"
#include "base/mem.h"
#include "crypto/digest.h"

enum { NONCE_BYTES = 18, SALT_MAX = 256, MESSAGE_MAX = 2048 };

struct scram_client {
    struct buf password;
    struct buf first_bare;   /* "n=...,r=..." */
    struct buf nonce;        /* ours */
    struct buf auth_message; /* grows: first-bare,server-first,final-without-proof */
    struct buf full_nonce;
    unsigned char server_signature[DIGEST_SHA256_SIZE];
};

struct salt_job {
    struct job job;
    struct buf password, salt;
    unsigned iteration_count;
    unsigned char salted[DIGEST_SHA256_SIZE];
};

struct scram_client *scram_client_create(struct span user, struct span password,
                                         const struct entropy *entropy)
{
    struct scram_client *client = mem_new(struct scram_client);
    char random[NONCE_BYTES];

    buf_put(&client->password, password);
    entropy_fill(entropy, random, sizeof random);
    codec_base64_put(span_make(random, sizeof random), &client->nonce);
    buf_puts(&client->first_bare, "n=");
    for (size_t i = 0; i < user.len; i++) { /* saslname, RFC 5802 5.1 */
        if (user.ptr[i] == ',' || user.ptr[i] == '=')
            buf_puts(&client->first_bare, user.ptr[i] == ',' ? "=2C" : "=3D");
        else
            buf_put_byte(&client->first_bare, user.ptr[i]);
    }
    buf_puts(&client->first_bare, ",r=");
    buf_put(&client->first_bare, buf_span(&client->nonce));
    return client;
}

void scram_client_free(struct scram_client **client)
{
    if (*client == NULL)
        return;
    buf_wipe(&(*client)->password);
    buf_release(&(*client)->first_bare);
    buf_release(&(*client)->nonce);
    buf_release(&(*client)->auth_message);
    buf_release(&(*client)->full_nonce);
    mem_wipe(*client, sizeof **client);
    mem_free(*client);
    *client = NULL;
}

void scram_client_first(struct scram_client *client, struct buf *out)
{
    buf_puts(out, "n,,");
    buf_put(out, buf_span(&client->first_bare));
}

static void salt_run(struct job *job)
{
    struct salt_job *salt = (struct salt_job *)(void *)job;

    digest_pbkdf2_sha256(buf_span(&salt->password), buf_span(&salt->salt), salt->iteration_count,
                         salt->salted);
}

static void salt_free(struct job *job)
{
    struct salt_job *salt = (struct salt_job *)(void *)job;

    buf_wipe(&salt->password);
    buf_release(&salt->salt);
    mem_wipe(salt, sizeof *salt);
    mem_free(salt);
}

/* "x=value" at the start of *rest, up to the next comma. */
static bool take_attribute(struct span *rest, char name, struct span *value_out)
{
    struct span part = span_cut(rest, ',');

    if (part.len < 2 || part.ptr[0] != name || part.ptr[1] != '=')
        return false;
    *value_out = span_from(part, 2);
    return true;
}

/* server-first: "r=...,s=...,i=...", extensions behind it are ignored (RFC 5802 5.1). */
static bool parse_first(const struct scram_client *client, struct span message,
                        struct span *nonce_out, struct buf *salt_out, unsigned *iterations_out)
{
    struct span rest = message, salt, digits;
    uint64_t count;

    if (message.len > MESSAGE_MAX || !take_attribute(&rest, 'r', nonce_out) ||
        !take_attribute(&rest, 's', &salt) || !take_attribute(&rest, 'i', &digits))
        return false;
    struct span ours = buf_span(&client->nonce);
    if (!span_starts(*nonce_out, ours) || nonce_out->len == ours.len)
        return false;
    if (!span_to_u64(digits, SCRAM_CLIENT_ITERATIONS_MAX, &count) ||
        count < SCRAM_CLIENT_ITERATIONS_MIN)
        return false;
    *iterations_out = (unsigned)count;
    return codec_base64_decode(salt, salt_out) == 0 && salt_out->len > 0;
}

struct job *scram_client_salt(struct scram_client *client, struct span server_first)
{
    struct salt_job *salt = mem_new(struct salt_job);
    struct span nonce;

    salt->job.lane = JOB_HASH;
    salt->job.run = salt_run;
    salt->job.free = salt_free;
    buf_init(&salt->salt, SALT_MAX);
    if (!parse_first(client, server_first, &nonce, &salt->salt, &salt->iteration_count)) {
        salt_free(&salt->job);
        return NULL;
    }
    buf_put(&salt->password, buf_span(&client->password));
    buf_clear(&client->full_nonce);
    buf_put(&client->full_nonce, nonce);
    buf_clear(&client->auth_message);
    buf_put(&client->auth_message, buf_span(&client->first_bare));
    buf_put_byte(&client->auth_message, ',');
    buf_put(&client->auth_message, server_first);
    buf_put_byte(&client->auth_message, ',');
    return &salt->job;
}

static struct span digest_span(const unsigned char *digest)
{
    return span_make((const char *)digest, DIGEST_SHA256_SIZE);
}

void scram_client_final(struct scram_client *client, const struct job *job, struct buf *out)
{
    const struct salt_job *salt = (const struct salt_job *)(const void *)job;
    unsigned char key[DIGEST_SHA256_SIZE], stored[DIGEST_SHA256_SIZE], proof[DIGEST_SHA256_SIZE];
    size_t start = client->auth_message.len;

    buf_puts(&client->auth_message, "c=biws,r="); /* base64 of "n,,": no channel binding */
    buf_put(&client->auth_message, buf_span(&client->full_nonce));
    struct span message = buf_span(&client->auth_message);
    digest_hmac_sha256(digest_span(salt->salted), span_of("Client Key"), key);
    digest_sha256(digest_span(key), stored);
    digest_hmac_sha256(digest_span(stored), message, proof);
    for (size_t i = 0; i < sizeof proof; i++)
        proof[i] ^= key[i];
    digest_hmac_sha256(digest_span(salt->salted), span_of("Server Key"), key);
    digest_hmac_sha256(digest_span(key), message, client->server_signature);
    buf_put(out, span_from(message, start));
    buf_puts(out, ",p=");
    codec_base64_put(digest_span(proof), out);
    mem_wipe(key, sizeof key);
    mem_wipe(stored, sizeof stored);
}

bool scram_client_is_proved(const struct scram_client *client, struct span server_final)
{
    struct span rest = server_final, value;
    struct buf signature;

    if (!take_attribute(&rest, 'v', &value))
        return false;
    buf_init(&signature, CODEC_BASE64_LEN((size_t)DIGEST_SHA256_SIZE)); /* while decoding */
    bool is_proved = codec_base64_decode(value, &signature) == 0 &&
                     digest_equal(buf_span(&signature), digest_span(client->server_signature));
    buf_release(&signature);
    return is_proved;
}
