/*
 * client_auth: the login at a smarthost (RFC 4954): SCRAM-SHA-256 where it is offered, which tells
 * the server no password and makes it prove that it knows one, else PLAIN, else LOGIN, which was
 * never standardised but is all that some smarthosts have. Never without TLS.
 * Tests: tests/unit/test_smtp_client.c, tests/unit/test_auth_scram_client.c.
 */
#include "auth/scram_client.h"
#include "base/codec.h"
#include "protocols/smtp/client_internal.h"

static smtp_client_reply_fn on_end, on_login_name, on_login_password;
static smtp_client_reply_fn on_scram_first, on_scram_final, on_scram_end;

static struct verdict ready(struct smtp_client *client)
{
    client->is_ready = true;
    return smtp_client_next(client);
}

static struct verdict auth_unusable(struct smtp_client *client, const char *sentence)
{
    static const struct smtp_reply none = {0};

    return smtp_client_unusable(client, SMTP_STEP_AUTH, &none, sentence);
}

static void put_base64(struct smtp_client *client, const char *before, struct span bytes)
{
    struct buf text;

    buf_init(&text, 0);
    codec_base64_put(bytes, &text);
    out_puts(client->host->out, before);
    out_set_kind(client->host->out, OUT_SECRET);
    out_put(client->host->out, buf_span(&text));
    out_set_kind(client->host->out, OUT_TEXT);
    out_puts(client->host->out, "\r\n");
    buf_wipe(&text);
}

static struct verdict auth_expect(struct smtp_client *client, smtp_client_reply_fn *on_reply)
{
    return smtp_client_expect(client, SMTP_STEP_AUTH, client->service->reply_timeout_ms, on_reply);
}

static struct verdict start_plain(struct smtp_client *client)
{
    struct buf bytes;

    buf_init(&bytes, 0);
    buf_put_byte(&bytes, '\0');
    buf_puts(&bytes, client->service->user);
    buf_put_byte(&bytes, '\0');
    buf_puts(&bytes, client->service->password);
    put_base64(client, "AUTH PLAIN ", buf_span(&bytes));
    buf_wipe(&bytes);
    return auth_expect(client, on_end);
}

static struct verdict start_login(struct smtp_client *client)
{
    out_puts(client->host->out, "AUTH LOGIN\r\n");
    return auth_expect(client, on_login_name);
}

static struct verdict start_scram(struct smtp_client *client)
{
    struct buf first;

    client->scram =
        scram_client_create(span_of(client->service->user), span_of(client->service->password),
                            client->service->entropy);
    buf_init(&first, 0);
    scram_client_first(client->scram, &first);
    put_base64(client, "AUTH SCRAM-SHA-256 ", buf_span(&first));
    buf_release(&first);
    return auth_expect(client, on_scram_first);
}

struct verdict smtp_client_login(struct smtp_client *client)
{
    const struct smtp_client_service *service = client->service;

    if (service->user == NULL)
        return ready(client);
    if (client->host->tls == NULL)
        return auth_unusable(client, "a login is demanded, and without TLS no password is sent");
    if ((client->offers & SMTP_OFFER_AUTH_SCRAM) != 0 && service->entropy != NULL)
        return start_scram(client);
    if ((client->offers & SMTP_OFFER_AUTH_PLAIN) != 0)
        return start_plain(client);
    if ((client->offers & SMTP_OFFER_AUTH_LOGIN) != 0)
        return start_login(client);
    return auth_unusable(client,
                         "the server offers none of SCRAM-SHA-256, PLAIN and LOGIN for the login");
}

static struct verdict on_end(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (reply->code != 235)
        return smtp_client_unusable(client, SMTP_STEP_AUTH, reply, NULL);
    return ready(client);
}

/* draft-murchison-sasl-login: the server asks for the name, then for the password. What its
 * questions say is not looked at: "Username:", "User Name" and empty ones exist. */
static struct verdict on_login_name(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (reply->code != 334)
        return smtp_client_unusable(client, SMTP_STEP_AUTH, reply, NULL);
    put_base64(client, "", span_of(client->service->user));
    return auth_expect(client, on_login_password);
}

static struct verdict on_login_password(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (reply->code != 334)
        return smtp_client_unusable(client, SMTP_STEP_AUTH, reply, NULL);
    put_base64(client, "", span_of(client->service->password));
    return auth_expect(client, on_end);
}

/* The salted password takes milliseconds: a job in the hash lane. */
static struct verdict on_salted(void *arg, struct job *job)
{
    struct smtp_client *client = arg;
    struct buf final;

    buf_init(&final, 0);
    scram_client_final(client->scram, job, &final);
    put_base64(client, "", buf_span(&final));
    buf_release(&final);
    return auth_expect(client, on_scram_final);
}

static struct verdict on_scram_first(struct smtp_client *client, const struct smtp_reply *reply)
{
    struct buf message;
    struct job *job = NULL;

    if (reply->code != 334)
        return smtp_client_unusable(client, SMTP_STEP_AUTH, reply, NULL);
    buf_init(&message, SMTP_REPLY_MAX);
    if (codec_base64_decode(reply->text, &message) == 0)
        job = scram_client_salt(client->scram, buf_span(&message));
    buf_release(&message);
    if (job == NULL)
        return auth_unusable(client, "the server's SCRAM challenge is not acceptable");
    return want_answer(job, on_salted);
}

static struct verdict on_scram_final(struct smtp_client *client, const struct smtp_reply *reply)
{
    struct buf message;

    if (reply->code >= 400)
        return smtp_client_unusable(client, SMTP_STEP_AUTH, reply, NULL);
    buf_init(&message, SMTP_REPLY_MAX);
    bool is_proved = reply->code == 334 && codec_base64_decode(reply->text, &message) == 0 &&
                     scram_client_is_proved(client->scram, buf_span(&message));
    buf_release(&message);
    if (!is_proved)
        return auth_unusable(client, "the server did not prove that it knows the password");
    out_puts(client->host->out, "\r\n");
    return auth_expect(client, on_scram_end);
}

static struct verdict on_scram_end(struct smtp_client *client, const struct smtp_reply *reply)
{
    scram_client_free(&client->scram);
    return on_end(client, reply);
}
