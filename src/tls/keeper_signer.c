/*
 * keeper_signer: the server's side of the channels: the signer that asks the keeper. A request
 * takes a free channel for as long as it runs, so a channel has one request under way at most. One
 * that is not answered in time leaves its channel owing that reply: nothing is sent there before it
 * has come and been thrown away, so a late answer is never taken for another's. Tests:
 * test_tls_keeper.c.
 */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "tls/keeper_internal.h"

enum { LOAD_TIMEOUT_MS = 10000 /* a hundred files from a slow disk */ };

static int64_t now_ms(void)
{
    return clock_monotonic_ms(&clock_system);
}

/* --- channels --- */

static uint64_t first_number(const struct tls_keyring *ring)
{
    return ring->count > 0 ? ring->keys[0].number : ring->client.number;
}

/* Under the mutex. */
static void remember_untold(struct keeper *keeper, uint64_t key_number)
{
    if (key_number != 0 && keeper->untold_count < KEEPER_UNTOLD_MAX)
        keeper->untold[keeper->untold_count++] = key_number;
}

/* Under the mutex. Keys that nobody waits for any more. */
static void disown(struct keeper *keeper, const struct keeper_reply *reply)
{
    struct tls_keyring ring;

    if (reply->kind == KEEPER_LOAD && reply->err == 0 && keeper_ring_parse(reply->body, &ring) == 0)
        remember_untold(keeper, first_number(&ring));
}

/* Under the mutex. Throws away what a channel owes; whether it can be used now. */
static bool channel_settle(struct keeper *keeper, struct keeper_channel *channel)
{
    unsigned char bytes[KEEPER_REPLY_MAX];
    struct keeper_reply reply;

    while (channel->owed != 0) {
        ssize_t len = recv(channel->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (len <= 0)
            return len < 0 && errno != EAGAIN && errno != EINTR; /* its next user sees the end */
        if (keeper_reply_parse(span_make((const char *)bytes, (size_t)len), &reply) == 0 &&
            reply.number == channel->owed) {
            channel->owed = 0;
            disown(keeper, &reply);
        }
    }
    return true;
}

/* Under the mutex: a channel that is free and owes nothing. *may_wait_out: one may soon be free. A
 * load takes its time also where the keeper hangs, so it is waited for only while all is well. */
static struct keeper_channel *channel_find(struct keeper *keeper, bool *may_wait_out)
{
    bool is_signing = false, is_loading = false, is_owing = false;

    for (unsigned i = 0; i < keeper->channel_count; i++) {
        struct keeper_channel *channel = &keeper->channels[i];
        if (channel->is_taken && channel->is_loading)
            is_loading = true;
        else if (channel->is_taken)
            is_signing = true;
        else if (channel_settle(keeper, channel))
            return channel;
        else
            is_owing = true;
    }
    *may_wait_out = is_signing || (is_loading && !is_owing);
    return NULL;
}

static struct timespec timespec_of(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
}

/* Gives the request its number. ERR_TIMEOUT at once when every channel owes a reply: the keeper
 * hangs, and each handshake would hold its loop for a second to find out again. */
static int channel_take(struct keeper *keeper, int64_t deadline_ms, struct keeper_request *request,
                        struct keeper_channel **channel_out)
{
    const struct timespec until = timespec_of(deadline_ms);
    struct keeper_channel *channel = NULL;
    bool may_wait = true;

    (void)pthread_mutex_lock(&keeper->mutex);
    while (!keeper->has_ended && (channel = channel_find(keeper, &may_wait)) == NULL && may_wait)
        may_wait = pthread_cond_timedwait(&keeper->on_free, &keeper->mutex, &until) == 0;
    bool has_ended = keeper->has_ended;
    if (channel != NULL) {
        channel->is_taken = true;
        channel->is_loading = request->kind == KEEPER_LOAD;
        request->number = ++keeper->last_number;
    }
    (void)pthread_mutex_unlock(&keeper->mutex);
    *channel_out = channel;
    return has_ended ? ERR_CLOSED : channel == NULL ? ERR_TIMEOUT : 0;
}

static void channel_give_back(struct keeper *keeper, struct keeper_channel *channel, uint64_t owed,
                              int err)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    channel->is_taken = false;
    channel->owed = owed;
    if (err == ERR_CLOSED) {
        keeper->has_ended = true;
        (void)pthread_cond_broadcast(&keeper->on_free);
    }
    (void)pthread_cond_signal(&keeper->on_free);
    (void)pthread_mutex_unlock(&keeper->mutex);
}

static int error_of(int error_number)
{
    return error_number == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
}

/* The socket's own timeout is KEEPER_SIGN_TIMEOUT_MS: a longer deadline takes several rounds. */
static int channel_receive(const struct keeper_channel *channel, int64_t deadline_ms,
                           unsigned char bytes_out[KEEPER_REPLY_MAX], size_t *len_out)
{
    for (;;) {
        ssize_t len = recv(channel->fd, bytes_out, KEEPER_REPLY_MAX, 0);
        if (len > 0) {
            *len_out = (size_t)len;
            return 0;
        }
        bool may_retry = len < 0 && (errno == EINTR || errno == EAGAIN);
        if (!may_retry)
            return ERR_CLOSED;
        if (now_ms() >= deadline_ms)
            return ERR_TIMEOUT;
    }
}

/* One request and its reply, which lies in bytes. A reply that makes no sense means that the
 * channel is never used again: it owes one that does. */
static int exchange(struct keeper *keeper, struct keeper_request *request, int64_t timeout_ms,
                    unsigned char bytes[KEEPER_REPLY_MAX], struct keeper_reply *reply_out)
{
    unsigned char message[KEEPER_REQUEST_MAX];
    int64_t deadline_ms = now_ms() + timeout_ms;
    struct keeper_channel *channel = NULL;
    size_t len = 0;
    int err = channel_take(keeper, deadline_ms, request, &channel);

    if (err != 0)
        return err;
    size_t message_len = keeper_request_write(request, message);
    bool is_sent = send(channel->fd, message, message_len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    err = is_sent ? channel_receive(channel, deadline_ms, bytes, &len) : error_of(errno);
    if (err == 0 && (keeper_reply_parse(span_make((const char *)bytes, len), reply_out) != 0 ||
                     reply_out->number != request->number || reply_out->kind != request->kind))
        err = ERR_TLS;
    bool is_owing = (err == ERR_TIMEOUT && is_sent) || err == ERR_TLS;
    channel_give_back(keeper, channel, is_owing ? request->number : 0, err);
    return err;
}

/* --- the signer --- */

static struct keeper *keeper_of(struct tls_signer *signer)
{
    return (struct keeper *)(void *)signer;
}

/* false: there was no answer in time, and it will have to be told again. Twice does no harm. */
static bool tell_drop(struct keeper *keeper, uint64_t key_number)
{
    unsigned char bytes[KEEPER_REPLY_MAX];
    struct keeper_request request = {.kind = KEEPER_DROP, .key_number = key_number};
    struct keeper_reply reply;

    if (exchange(keeper, &request, KEEPER_SIGN_TIMEOUT_MS, bytes, &reply) != ERR_TIMEOUT)
        return true;
    (void)pthread_mutex_lock(&keeper->mutex);
    remember_untold(keeper, key_number);
    (void)pthread_mutex_unlock(&keeper->mutex);
    return false;
}

static void tell_untold(struct keeper *keeper)
{
    for (;;) {
        uint64_t key_number = 0;
        (void)pthread_mutex_lock(&keeper->mutex);
        if (keeper->untold_count > 0)
            key_number = keeper->untold[--keeper->untold_count];
        (void)pthread_mutex_unlock(&keeper->mutex);
        if (key_number == 0 || !tell_drop(keeper, key_number))
            return;
    }
}

static void on_drop(struct tls_signer *signer, const struct tls_keyring *keyring)
{
    uint64_t number = first_number(keyring);

    if (number != 0)
        (void)tell_drop(keeper_of(signer), number);
}

static int load_fault(int err, struct fault *fault)
{
    if (err == ERR_CLOSED)
        return fault_set(fault, err,
                         "could not load private keys: the keeper process has ended; restart the "
                         "server");
    if (err == ERR_TIMEOUT)
        return fault_set(fault, err,
                         "could not load private keys: the keeper process did not answer within "
                         "%d seconds; look at the disk of the key files and reload",
                         LOAD_TIMEOUT_MS / 1000);
    return fault_set(fault, err,
                     "could not load private keys: the keeper process gave no sensible answer; "
                     "restart the server");
}

/* The keeper read the configuration at another moment than the server did. */
static int ring_check(const struct tls_keyring *ring, const struct settings_tls *settings,
                      struct fault *fault)
{
    if (ring->count == settings->pair_count &&
        (ring->client.number != 0) == (settings->client_key[0] != '\0'))
        return 0;
    return fault_set(fault, ERR_AGAIN,
                     "could not load private keys: the configuration was changed meanwhile; reload "
                     "again");
}

static int on_load(struct tls_signer *signer, const struct settings_tls *settings,
                   struct tls_keyring *keyring_out, struct fault *fault)
{
    struct keeper *keeper = keeper_of(signer);
    unsigned char bytes[KEEPER_REPLY_MAX];
    struct keeper_request request = {.kind = KEEPER_LOAD};
    struct keeper_reply reply;

    *keyring_out = (struct tls_keyring){.count = 0};
    tell_untold(keeper);
    int err = exchange(keeper, &request, LOAD_TIMEOUT_MS, bytes, &reply);
    if (err != 0)
        return load_fault(err, fault);
    if (reply.err != 0)
        return fault_set(fault, reply.err, "%.*s", (int)reply.body.len, reply.body.ptr);
    if (keeper_ring_parse(reply.body, keyring_out) != 0)
        return load_fault(ERR_TLS, fault);
    err = ring_check(keyring_out, settings, fault);
    if (err != 0)
        on_drop(signer, keyring_out);
    return err;
}

static int on_sign(struct tls_signer *signer, const struct tls_signing *signing,
                   struct tls_signature *signature_out)
{
    struct keeper *keeper = keeper_of(signer);
    unsigned char bytes[KEEPER_REPLY_MAX];
    struct keeper_request request = {.kind = KEEPER_SIGN,
                                     .key_number = signing->key_number,
                                     .algorithm = signing->algorithm,
                                     .is_hash = signing->is_hash,
                                     .input = signing->input};
    struct keeper_reply reply;

    if (signing->input.len > KEEPER_INPUT_MAX)
        return ERR_TLS;
    int err = exchange(keeper, &request, KEEPER_SIGN_TIMEOUT_MS, bytes, &reply);
    if (err != 0)
        return err;
    if (reply.err != 0 || reply.body.len == 0 || reply.body.len > TLS_SIGNATURE_MAX)
        return ERR_TLS;
    memcpy(signature_out->bytes, reply.body.ptr, reply.body.len);
    signature_out->len = reply.body.len;
    return 0;
}

/* The keeper's handle owns it. */
static void on_free(struct tls_signer *signer)
{
    (void)signer;
}

const struct tls_signer_ops keeper_signer_ops = {
    .load = on_load, .drop = on_drop, .sign = on_sign, .free = on_free};
