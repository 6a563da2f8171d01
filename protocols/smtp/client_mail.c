/*
 * client_mail: transactions of the SMTP client: checks what a message needs, sends MAIL and RCPT in
 * batches where the peer pipelines (RFC 2920), streams the body out of the store, tells the owner
 * each recipient's reply and exactly one result. It leaves what a reply means for the queue to the
 * owner. Tests: tests/unit/test_smtp_seam.c, tests/unit/test_smtp_client.c.
 */
#include "base/mem.h"
#include "base/require.h"
#include "base/utf8.h"
#include "protocols/smtp/client_internal.h"
#include "store/accept.h"

enum { BODY_PIECE = 16 * 1024 };

static smtp_client_reply_fn on_envelope, on_rset, on_data, on_message;
static struct verdict send_envelope(struct smtp_client *client);
static struct verdict send_chunk(struct smtp_client *client);
static struct verdict send_body(void *arg);

static bool is_success(const struct smtp_reply *reply)
{
    return reply->code >= 200 && reply->code < 300;
}

void smtp_client_result(struct smtp_client *client, enum smtp_client_step step,
                        const struct smtp_reply *reply, const char *sentence)
{
    if (client->mail == NULL)
        return;
    client->mail = NULL; /* first: the owner may give it up in its callback */
    mem_free(client->taken);
    client->taken = NULL;
    client->service->owner->on_result(client->service->owner_arg, step, reply, sentence);
}

/* A control byte would end the command early: such an address never came through our server. */
static bool is_sendable(struct span address)
{
    for (size_t i = 0; i < address.len; i++)
        if ((unsigned char)address.ptr[i] <= ' ' && address.ptr[i] != ' ')
            return false;
    return true;
}

/* What is a parameter's value; empty: there is none. */
static bool is_sendable_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] <= ' ')
            return false;
    return true;
}

static bool has_sendable_addresses(const struct smtp_transaction *mail)
{
    for (size_t i = 0; i < mail->recipient_count; i++)
        if (!is_sendable(mail->recipients[i].address) ||
            !is_sendable_value(mail->recipients[i].original))
            return false;
    return is_sendable(mail->reverse_path) && is_sendable(mail->forwarder) &&
           is_sendable_value(mail->envelope_id) && is_sendable_value(mail->return_kind);
}

/* RFC 9228: by this field we know the message if it comes back to the address whose alias leads it
 * to these recipients. It is theirs alone, so it is no part of the body that others get too. */
static const char forwarded_by[] = "Delivered-To: ";

static uint64_t message_len(const struct smtp_transaction *mail)
{
    return mail->blob.length +
           (mail->forwarder.len == 0 ? 0 : sizeof forwarded_by - 1 + mail->forwarder.len + 2);
}

/* An alias may lead mail of plain ASCII to an address that is none. */
static bool needs_utf8(const struct smtp_transaction *mail)
{
    bool is_ascii = utf8_is_ascii(mail->reverse_path) && utf8_is_ascii(mail->forwarder);

    for (size_t i = 0; i < mail->recipient_count; i++)
        is_ascii = is_ascii && utf8_is_ascii(mail->recipients[i].address) &&
                   utf8_is_ascii(mail->recipients[i].original);
    return !is_ascii || (mail->mail_flags & STORE_MAIL_UTF8) != 0;
}

/* What the message needs and the peer lacks: our sentence, with the reply that it amounts to. */
static const char *find_hindrance(const struct smtp_client *client, struct smtp_reply *reply_out)
{
    const struct smtp_transaction *mail = client->mail;

    reply_out->code = 550;
    if (!has_sendable_addresses(mail)) {
        reply_out->status = span_of("5.1.3");
        return "an address or a parameter has control characters";
    }
    if (needs_utf8(mail) && (client->offers & SMTP_OFFER_SMTPUTF8) == 0) {
        reply_out->status = span_of("5.6.7");
        return "the message needs SMTPUTF8, which the server does not offer";
    }
    if ((mail->mail_flags & STORE_MAIL_8BIT) != 0 && (client->offers & SMTP_OFFER_8BITMIME) == 0) {
        reply_out->status = span_of("5.6.3");
        return "the message needs 8BITMIME, which the server does not offer";
    }
    if (client->size_max != 0 && message_len(mail) > client->size_max) {
        reply_out->status = span_of("5.3.4");
        return "the message is larger than the server's SIZE";
    }
    return NULL;
}

struct verdict smtp_client_next(struct smtp_client *client)
{
    const struct smtp_client_service *service = client->service;
    const char *sentence;

    do {
        struct smtp_reply reply = {0};
        client->mail = service->owner->next(service->owner_arg);
        if (client->mail == NULL)
            return service->is_stopping ? smtp_client_quit(client) : smtp_client_idle(client);
        require(client->mail->recipient_count > 0);
        sentence = find_hindrance(client, &reply);
        if (sentence != NULL)
            smtp_client_result(client, SMTP_STEP_MAIL, &reply, sentence);
    } while (sentence != NULL);
    client->sent = client->answered = client->accepted = client->told = 0;
    client->taken = mem_zalloc(client->mail->recipient_count, sizeof *client->taken);
    client->total = 1 + client->mail->recipient_count;
    if (!client->needs_rset)
        return send_envelope(client);
    out_puts(client->host->out, "RSET\r\n");
    return smtp_client_expect(client, SMTP_STEP_MAIL, service->reply_timeout_ms, on_rset);
}

/* Behind a result. 421 means that the peer closes (RFC 5321 3.8). */
static struct verdict after_result(struct smtp_client *client, unsigned code)
{
    if (code != 421)
        return smtp_client_next(client);
    client->is_quitting = true;
    return want_close();
}

static struct verdict on_rset(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (!is_success(reply)) {
        smtp_client_result(client, SMTP_STEP_MAIL, reply, NULL);
        return smtp_client_quit(client);
    }
    client->needs_rset = false;
    return send_envelope(client);
}

static void put_mail(struct smtp_client *client)
{
    const struct smtp_transaction *mail = client->mail;
    struct out *out = client->host->out;

    out_puts(out, "MAIL FROM:<");
    out_put(out, mail->reverse_path);
    out_puts(out, ">");
    if ((client->offers & SMTP_OFFER_SIZE) != 0)
        out_printf(out, " SIZE=%llu", (unsigned long long)message_len(mail));
    if ((mail->mail_flags & STORE_MAIL_8BIT) != 0)
        out_puts(out, " BODY=8BITMIME");
    if (needs_utf8(mail))
        out_puts(out, " SMTPUTF8");
    if (client->service->requires_tls)
        out_puts(out, " REQUIRETLS");
    if ((client->offers & SMTP_OFFER_DSN) != 0 && mail->return_kind.len > 0) {
        out_puts(out, " RET=");
        out_put(out, mail->return_kind);
    }
    if ((client->offers & SMTP_OFFER_DSN) != 0 && mail->envelope_id.len > 0) {
        out_puts(out, " ENVID=");
        out_put(out, mail->envelope_id);
    }
    out_puts(out, "\r\n");
}

static void put_notify(struct out *out, unsigned notify)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{STORE_NOTIFY_NEVER, "NEVER"},
                 {STORE_NOTIFY_SUCCESS, "SUCCESS"},
                 {STORE_NOTIFY_FAILURE, "FAILURE"},
                 {STORE_NOTIFY_DELAY, "DELAY"}};
    const char *separator = " NOTIFY=";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((notify & names[i].bit) == 0)
            continue;
        out_puts(out, separator);
        out_puts(out, names[i].name);
        separator = ",";
    }
}

static void put_rcpt(struct smtp_client *client, size_t index)
{
    const struct smtp_transaction_recipient *recipient = &client->mail->recipients[index];
    struct out *out = client->host->out;

    out_puts(out, "RCPT TO:<");
    out_put(out, recipient->address);
    out_puts(out, ">");
    if ((client->offers & SMTP_OFFER_DSN) != 0) {
        put_notify(out, recipient->notify);
        if (recipient->original.len > 0) {
            out_puts(out, " ORCPT=");
            out_put(out, recipient->original);
        }
    }
    out_puts(out, "\r\n");
}

static struct verdict expect_envelope(struct smtp_client *client)
{
    return smtp_client_expect(client, client->answered == 0 ? SMTP_STEP_MAIL : SMTP_STEP_RCPT,
                              client->service->reply_timeout_ms, on_envelope);
}

/* The next batch: SMTP_CLIENT_PIPELINE_MAX commands at most before all of them are answered, so
 * that neither side's buffers fill while both write (RFC 2920 3.1). */
static struct verdict send_envelope(struct smtp_client *client)
{
    size_t window = (client->offers & SMTP_OFFER_PIPELINING) != 0 ? SMTP_CLIENT_PIPELINE_MAX : 1;

    for (size_t i = 0; i < window && client->sent < client->total; i++) {
        if (client->sent == 0)
            put_mail(client);
        else
            put_rcpt(client, client->sent - 1);
        client->sent++;
    }
    return expect_envelope(client);
}

/* Takes one answer while the transaction lives. */
static void take_answer(struct smtp_client *client, size_t index, const struct smtp_reply *reply)
{
    const struct smtp_client_service *service = client->service;

    if (index == 0) {
        if (!is_success(reply))
            smtp_client_result(client, SMTP_STEP_MAIL, reply, NULL);
        else
            client->needs_rset = true; /* until the message's end */
        return;
    }
    service->owner->on_recipient(service->owner_arg, index - 1, reply);
    if (is_success(reply))
        client->taken[client->accepted++] = index - 1;
    if (reply->code == 421 || (client->answered == client->total && client->accepted == 0))
        smtp_client_result(client, SMTP_STEP_RCPT, reply, NULL);
}

static struct verdict on_envelope(struct smtp_client *client, const struct smtp_reply *reply)
{
    size_t index = client->answered++;

    if (client->mail != NULL)
        take_answer(client, index, reply);
    if (reply->code == 421)
        return after_result(client, reply->code);
    if (client->answered < client->sent) /* also what a refused MAIL has behind it */
        return expect_envelope(client);
    if (client->mail == NULL)
        return after_result(client, reply->code);
    if (client->sent < client->total)
        return send_envelope(client);
    client->is_chunked = client->service->may_chunk && (client->offers & SMTP_OFFER_CHUNKING) != 0;
    if (client->is_chunked)
        return send_chunk(client);
    out_puts(client->host->out, "DATA\r\n");
    return smtp_client_expect(client, SMTP_STEP_DATA, client->service->reply_timeout_ms, on_data);
}

static void put_body(struct smtp_client *client, struct span piece)
{
    out_set_kind(client->host->out, OUT_DATA);
    if (client->is_chunked)
        out_put(client->host->out, piece);
    else
        smtp_stuff_put(&client->stuff, piece, client->host->out);
    out_set_kind(client->host->out, OUT_TEXT);
}

static struct verdict begin_body(struct smtp_client *client)
{
    const struct smtp_transaction *mail = client->mail;

    client->step = SMTP_STEP_MESSAGE;
    client->offset = 0;
    client->stuff = (struct smtp_stuff){0};
    if (mail->forwarder.len > 0) {
        put_body(client, span_of(forwarded_by));
        put_body(client, mail->forwarder);
        put_body(client, span_of("\r\n"));
    }
    return send_body(client);
}

/* All of it in one chunk, for its length is known (RFC 3030 2): a round trip less than DATA, and
 * nothing in the message can be taken for its end. */
static struct verdict send_chunk(struct smtp_client *client)
{
    out_printf(client->host->out, "BDAT %llu LAST\r\n",
               (unsigned long long)message_len(client->mail));
    return begin_body(client);
}

static struct verdict on_data(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (reply->code != 354) {
        if (is_success(reply))
            return smtp_client_give_up(client, "the server answered DATA with success");
        smtp_client_result(client, SMTP_STEP_DATA, reply, NULL);
        return after_result(client, reply->code);
    }
    return begin_body(client);
}

/* Without the final dot, or the rest of the chunk, the peer drops what it has: closing is the only
 * way out. */
static struct verdict body_unreadable(struct smtp_client *client)
{
    return smtp_client_give_up(client, "could not read the stored message");
}

static struct verdict on_body_read(void *arg, struct job *job)
{
    struct smtp_client *client = arg;
    const struct store_read *read = (const void *)job;

    if (read->status < 0 || read->len == 0)
        return body_unreadable(client);
    put_body(client, span_make(read->bytes, read->len));
    client->offset += read->len;
    return send_body(client);
}

static struct verdict send_body(void *arg)
{
    struct smtp_client *client = arg;
    const struct smtp_client_service *service = client->service;
    char piece[BODY_PIECE];

    while (client->offset < client->mail->blob.length) {
        uint64_t left = client->mail->blob.length - client->offset;
        size_t size = left < sizeof piece ? (size_t)left : sizeof piece;
        if (out_is_full(client->host->out))
            return want_drain(send_body);
        int64_t len =
            store_read_now(service->store, &client->mail->blob, client->offset, piece, size);
        if (len == ERR_AGAIN)
            return want_answer(
                &store_read_create(service->store, &client->mail->blob, client->offset, size)->job,
                on_body_read);
        if (len <= 0)
            return body_unreadable(client);
        put_body(client, span_make(piece, (size_t)len));
        client->offset += (uint64_t)len;
    }
    if (!client->is_chunked)
        smtp_stuff_finish(&client->stuff, client->host->out);
    return smtp_client_expect(client, SMTP_STEP_MESSAGE, service->data_reply_timeout_ms,
                              on_message);
}

/* RFC 2033 4.2: one reply for each recipient that RCPT took, in their order. False: it was the last
 * that comes. */
static bool take_delivery(struct smtp_client *client, const struct smtp_reply *reply)
{
    const struct smtp_client_service *service = client->service;

    service->owner->on_delivery(service->owner_arg, client->taken[client->told++], reply);
    return client->told < client->accepted && reply->code != 421;
}

static struct verdict on_message(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (smtp_client_manner(client)->is_told_each && take_delivery(client, reply))
        return smtp_client_expect(client, SMTP_STEP_MESSAGE, client->service->data_reply_timeout_ms,
                                  on_message);
    /* Whatever the answer to DATA: the peer's buffers are empty now (RFC 5321 4.1.1.4). What a
     * refused chunk leaves behind is not said. */
    client->needs_rset = client->is_chunked && !is_success(reply);
    smtp_client_result(client, SMTP_STEP_MESSAGE, reply, NULL);
    return after_result(client, reply->code);
}
