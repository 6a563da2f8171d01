/*
 * keeper_wire: the messages between server and keeper as bytes, big-endian, fixed heads. A message
 * is whole or refused; nothing is guessed. Who may ask what is keeper_desk.c's. Tests:
 * test_tls_keeper_desk.c, fuzz_tls_keeper.c.
 *
 * request: number 8, key number 8, algorithm 4, input length 4, kind 4, is_hash 4, input
 * reply:   number 8, code 4 (negated), kind 4, body length 4, body
 * ring:    count 4, count + 1 keys (the last is the client's): number 8, id 32, algorithm 4, bits 4
 */
#include "base/require.h"
#include "tls/keeper_internal.h"

enum { CODE_MAX = 64 }; /* above every code of err.h */

struct writer {
    unsigned char *at;
};

static void put(struct writer *writer, uint64_t value, unsigned size)
{
    for (unsigned i = size; i > 0; i--)
        *writer->at++ = (unsigned char)(value >> (8 * (i - 1)));
}

static void put_bytes(struct writer *writer, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(writer->at, bytes, len);
    writer->at += len;
}

/* The caller has looked that there are as many. */
static uint64_t take(struct span *rest, unsigned size)
{
    uint64_t value = 0;

    require(rest->len >= size);
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | (unsigned char)rest->ptr[i];
    *rest = span_from(*rest, size);
    return value;
}

static bool is_kind(uint64_t kind)
{
    return kind == KEEPER_LOAD || kind == KEEPER_DROP || kind == KEEPER_SIGN;
}

size_t keeper_request_write(const struct keeper_request *request,
                            unsigned char bytes_out[KEEPER_REQUEST_MAX])
{
    struct writer writer = {bytes_out};

    require(request->input.len <= KEEPER_INPUT_MAX);
    put(&writer, request->number, 8);
    put(&writer, request->key_number, 8);
    put(&writer, request->algorithm, 4);
    put(&writer, request->input.len, 4);
    put(&writer, request->kind, 4);
    put(&writer, request->is_hash, 4);
    put_bytes(&writer, request->input.ptr, request->input.len);
    return (size_t)(writer.at - bytes_out);
}

static bool request_is_sound(const struct keeper_request *request)
{
    if (request->number == 0)
        return false;
    if (request->kind == KEEPER_SIGN)
        return request->key_number != 0 && request->algorithm != 0 && request->input.len > 0;
    return request->algorithm == 0 && !request->is_hash && request->input.len == 0 &&
           (request->key_number != 0) == (request->kind == KEEPER_DROP);
}

int keeper_request_parse(struct span bytes, struct keeper_request *request_out)
{
    if (bytes.len < KEEPER_REQUEST_HEAD || bytes.len > KEEPER_REQUEST_MAX)
        return ERR_SYNTAX;
    *request_out = (struct keeper_request){.number = take(&bytes, 8)};
    request_out->key_number = take(&bytes, 8);
    request_out->algorithm = (unsigned)take(&bytes, 4);
    uint64_t input_len = take(&bytes, 4), kind = take(&bytes, 4), is_hash = take(&bytes, 4);
    if (input_len != bytes.len || !is_kind(kind) || is_hash > 1)
        return ERR_SYNTAX;
    request_out->kind = (enum keeper_kind)kind;
    request_out->is_hash = is_hash != 0;
    request_out->input = bytes;
    return request_is_sound(request_out) ? 0 : ERR_SYNTAX;
}

size_t keeper_reply_write(const struct keeper_reply *reply,
                          unsigned char bytes_out[KEEPER_REPLY_MAX])
{
    struct writer writer = {bytes_out};

    require(reply->err <= 0 && reply->err > -CODE_MAX && reply->body.len <= KEEPER_RING_MAX);
    put(&writer, reply->number, 8);
    put(&writer, (uint64_t)-reply->err, 4);
    put(&writer, reply->kind, 4);
    put(&writer, reply->body.len, 4);
    put_bytes(&writer, reply->body.ptr, reply->body.len);
    return (size_t)(writer.at - bytes_out);
}

int keeper_reply_parse(struct span bytes, struct keeper_reply *reply_out)
{
    if (bytes.len < KEEPER_REPLY_HEAD || bytes.len > KEEPER_REPLY_MAX)
        return ERR_SYNTAX;
    *reply_out = (struct keeper_reply){.number = take(&bytes, 8)};
    uint64_t code = take(&bytes, 4), kind = take(&bytes, 4), body_len = take(&bytes, 4);
    if (code >= CODE_MAX || !is_kind(kind) || body_len != bytes.len)
        return ERR_SYNTAX;
    reply_out->err = -(int)code;
    reply_out->kind = (enum keeper_kind)kind;
    reply_out->body = bytes;
    return 0;
}

static void put_key(struct writer *writer, const struct tls_key *key)
{
    put(writer, key->number, 8);
    put_bytes(writer, key->key_id, sizeof key->key_id);
    put(writer, key->algorithm, 4);
    put(writer, key->bits, 4);
}

static struct tls_key take_key(struct span *rest)
{
    struct tls_key key = {.number = take(rest, 8)};

    memcpy(key.key_id, rest->ptr, sizeof key.key_id);
    *rest = span_from(*rest, sizeof key.key_id);
    key.algorithm = (unsigned)take(rest, 4);
    key.bits = (unsigned)take(rest, 4);
    return key;
}

size_t keeper_ring_write(const struct tls_keyring *ring, unsigned char bytes_out[KEEPER_RING_MAX])
{
    struct writer writer = {bytes_out};

    require(ring->count <= TLS_PAIRS_MAX);
    put(&writer, ring->count, 4);
    for (size_t i = 0; i < ring->count; i++)
        put_key(&writer, &ring->keys[i]);
    put_key(&writer, &ring->client);
    return (size_t)(writer.at - bytes_out);
}

int keeper_ring_parse(struct span bytes, struct tls_keyring *ring_out)
{
    *ring_out = (struct tls_keyring){.count = 0};
    if (bytes.len < 4 + KEEPER_KEY_SIZE || bytes.len > KEEPER_RING_MAX)
        return ERR_SYNTAX;
    uint64_t count = take(&bytes, 4);
    if (count > TLS_PAIRS_MAX || bytes.len != (count + 1) * KEEPER_KEY_SIZE)
        return ERR_SYNTAX;
    for (; ring_out->count < count; ring_out->count++)
        ring_out->keys[ring_out->count] = take_key(&bytes);
    ring_out->client = take_key(&bytes);
    return 0;
}
