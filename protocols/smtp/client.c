/*
 * client: the life of an outbound SMTP session: greeting, EHLO, STARTTLS, EHLO again, login, then
 * transactions until the owner has none; idle and QUIT. What is known from plaintext is forgotten
 * at the upgrade because the session is (RFC 3207 4.2). It leaves transactions to client_mail.c,
 * logins to client_auth.c. Tests: tests/unit/test_smtp_seam.c, tests/unit/test_smtp_client.c.
 */
#include "protocols/smtp/client.h"

#include "auth/scram_client.h"
#include "base/mem.h"
#include "protocols/shown.h"
#include "protocols/smtp/client_internal.h"

enum { QUIT_TIMEOUT_MS = 10000 };

static const struct smtp_client_manner manners[] = {
    [SMTP_CLIENT_SMTP] = {"EHLO", true, false},
    [SMTP_CLIENT_LMTP] = {"LHLO", false, true}, /* RFC 2033 4.1: neither EHLO nor HELO is known */
};

const struct smtp_client_manner *smtp_client_manner(const struct smtp_client *client)
{
    return &manners[client->service->role];
}

static smtp_client_reply_fn on_greeting, on_ehlo, on_helo, on_starttls, on_idle_reply, on_quit;

static void *client_open(void *service, struct host *host, enum session_start start)
{
    struct smtp_client *client = mem_new(struct smtp_client);

    client->host = host;
    client->service = service;
    client->is_upgraded = start == SESSION_UPGRADED;
    smtp_reply_parser_init(&client->parser);
    return client;
}

static void client_free(void *arg)
{
    struct smtp_client *client = arg;

    smtp_reply_parser_deinit(&client->parser);
    scram_client_free(&client->scram);
    mem_free(client->taken);
    mem_free(client);
}

static struct verdict say_helo(struct smtp_client *client)
{
    out_printf(client->host->out, "HELO %s\r\n", client->service->hostname);
    return smtp_client_expect(client, SMTP_STEP_EHLO, client->service->reply_timeout_ms, on_helo);
}

static struct verdict say_ehlo(struct smtp_client *client)
{
    out_printf(client->host->out, "%s %s\r\n", smtp_client_manner(client)->hello,
               client->service->hostname);
    return smtp_client_expect(client, SMTP_STEP_EHLO, client->service->reply_timeout_ms, on_ehlo);
}

static struct verdict client_start(void *arg)
{
    struct smtp_client *client = arg;

    if (client->is_upgraded)
        return say_ehlo(client);
    return smtp_client_expect(client, SMTP_STEP_GREETING, client->service->reply_timeout_ms,
                              on_greeting);
}

static session_line_fn client_line;

/* The rest of the reply under way. Its lines share one deadline, or a server that drips them would
 * hold the connection for hours. */
static struct verdict wait_on(struct smtp_client *client)
{
    int64_t left_ms = client->reply_deadline_ms - clock_monotonic_ms(client->host->clock);

    return want_line(SMTP_REPLY_LINE_MAX, left_ms > 1 ? left_ms : 1, client_line);
}

static struct verdict client_wake(void *arg)
{
    struct smtp_client *client = arg;

    if (client->is_ready && client->step == SMTP_STEP_IDLE && !client->is_quitting)
        return smtp_client_next(client);
    return wait_on(client);
}

static const char *ending_text(enum ending why)
{
    static const char *const texts[] = {
#define ENDING_TEXT(name, text) [name] = text,
        ENDING_LIST(ENDING_TEXT)
#undef ENDING_TEXT
    };

    return texts[why];
}

static void client_ending(void *arg, enum ending why)
{
    static const struct smtp_reply none = {0};
    struct smtp_client *client = arg;
    bool is_idle = client->is_ready && client->step == SMTP_STEP_IDLE;

    if (client->is_quitting)
        return;
    smtp_client_result(client, client->step, &none, ending_text(why));
    if (is_idle && why != ENDING_CLEAN && why != ENDING_CUT)
        out_puts(client->host->out, "QUIT\r\n");
    client->service->owner->on_ending(client->service->owner_arg, why);
}

const struct session_type smtp_client_type = {
    .name = "smtp-client",
    .open = client_open,
    .start = client_start,
    .wake = client_wake,
    .ending = client_ending,
    .free = client_free,
    .shown = shown_all,
};

static struct verdict client_line(void *arg, enum line_fault fault, struct span line)
{
    struct smtp_client *client = arg;

    /* A line that is merely too long is used as far as it was kept. */
    if (fault != LINE_OK && fault != LINE_TOO_LONG)
        return smtp_client_give_up(client,
                                   "the server sent a bare CR, a bare LF or a NUL in a reply");
    switch (smtp_reply_feed(&client->parser, line, &client->reply)) {
    case SMTP_REPLY_MORE:
        return wait_on(client);
    case SMTP_REPLY_DONE:
        return client->on_reply(client, &client->reply);
    case SMTP_REPLY_BAD:
        break;
    }
    return smtp_client_give_up(client, "the server sent what is no SMTP reply");
}

struct verdict smtp_client_expect(struct smtp_client *client, enum smtp_client_step step,
                                  int64_t timeout_ms, smtp_client_reply_fn *on_reply)
{
    client->step = step;
    client->on_reply = on_reply;
    smtp_reply_parser_reset(&client->parser);
    client->reply_deadline_ms = clock_monotonic_ms(client->host->clock) + timeout_ms;
    return want_line(SMTP_REPLY_LINE_MAX, timeout_ms, client_line);
}

struct verdict smtp_client_give_up(struct smtp_client *client, const char *sentence)
{
    static const struct smtp_reply none = {0};
    const struct smtp_client_service *service = client->service;

    if (client->is_quitting)
        return want_close();
    if (!client->is_ready)
        service->owner->on_unusable(service->owner_arg, client->step, &none, sentence);
    else if (client->mail != NULL)
        smtp_client_result(client, client->step, &none, sentence);
    else
        service->owner->on_ending(service->owner_arg, ENDING_CLEAN);
    client->is_quitting = true;
    return want_close();
}

struct verdict smtp_client_unusable(struct smtp_client *client, enum smtp_client_step step,
                                    const struct smtp_reply *reply, const char *sentence)
{
    const struct smtp_client_service *service = client->service;

    service->owner->on_unusable(service->owner_arg, step, reply, sentence);
    client->is_quitting = true;
    out_puts(client->host->out, "QUIT\r\n");
    return want_close();
}

static struct verdict unusable_by_us(struct smtp_client *client, enum smtp_client_step step,
                                     const char *sentence)
{
    static const struct smtp_reply none = {0};

    return smtp_client_unusable(client, step, &none, sentence);
}

static struct verdict on_greeting(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (reply->code != 220)
        return smtp_client_unusable(client, SMTP_STEP_GREETING, reply, NULL);
    return say_ehlo(client);
}

/* The mechanisms behind AUTH; "AUTH=" is how old servers write it. */
static void take_mechanisms(struct smtp_client *client, struct span names)
{
    while (names.len > 0) {
        struct span name = span_cut(&names, ' ');
        if (span_is_nocase(name, "PLAIN"))
            client->offers |= SMTP_OFFER_AUTH_PLAIN;
        else if (span_is_nocase(name, "LOGIN"))
            client->offers |= SMTP_OFFER_AUTH_LOGIN;
        else if (span_is_nocase(name, "SCRAM-SHA-256"))
            client->offers |= SMTP_OFFER_AUTH_SCRAM;
    }
}

static void take_offer(struct smtp_client *client, struct span line)
{
    static const struct {
        const char *keyword;
        unsigned offer;
    } offers[] = {{"STARTTLS", SMTP_OFFER_STARTTLS}, {"PIPELINING", SMTP_OFFER_PIPELINING},
                  {"SIZE", SMTP_OFFER_SIZE},         {"8BITMIME", SMTP_OFFER_8BITMIME},
                  {"SMTPUTF8", SMTP_OFFER_SMTPUTF8}, {"DSN", SMTP_OFFER_DSN},
                  {"CHUNKING", SMTP_OFFER_CHUNKING}, {"REQUIRETLS", SMTP_OFFER_REQUIRETLS}};
    struct span rest = line;
    struct span keyword = span_cut(&rest, ' ');

    if (rest.ptr == NULL)
        rest = span_of("");
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
        if (span_is_nocase(keyword, offers[i].keyword))
            client->offers |= offers[i].offer;
    if (span_is_nocase(keyword, "SIZE"))
        (void)!span_to_u64(span_trim(rest), UINT64_MAX, &client->size_max);
    if (span_is_nocase(keyword, "AUTH"))
        take_mechanisms(client, rest);
    else if (span_starts_nocase(keyword, span_of("AUTH=")))
        take_mechanisms(client, span_from(line, strlen("AUTH=")));
}

/* RFC 8689 4.2.1: what is offered in plaintext promises nothing. */
static bool keeps_tls(const struct smtp_client *client)
{
    return client->host->tls != NULL && (client->offers & SMTP_OFFER_REQUIRETLS) != 0;
}

/* TLS is there, or will not come. */
static struct verdict log_in(struct smtp_client *client)
{
    if (client->service->requires_tls && !keeps_tls(client)) {
        static const struct smtp_reply reply = {.status = {"5.7.30", 6}};
        return smtp_client_unusable(
            client, SMTP_STEP_EHLO, &reply,
            "the server does not offer REQUIRETLS, which the message needs");
    }
    return smtp_client_login(client);
}

/* What comes after EHLO: the upgrade, the login, or work. */
static struct verdict go_on(struct smtp_client *client)
{
    const struct smtp_client_service *service = client->service;

    client->service->peer_notifies = (client->offers & SMTP_OFFER_DSN) != 0;
    if (client->host->tls == NULL && service->tls != SMTP_CLIENT_TLS_OFF) {
        if ((client->offers & SMTP_OFFER_STARTTLS) != 0) {
            out_puts(client->host->out, "STARTTLS\r\n");
            return smtp_client_expect(client, SMTP_STEP_STARTTLS, service->reply_timeout_ms,
                                      on_starttls);
        }
        if (service->tls == SMTP_CLIENT_TLS_DEMANDED)
            return unusable_by_us(client, SMTP_STEP_STARTTLS,
                                  "the server does not offer STARTTLS, and TLS is demanded");
    }
    return log_in(client);
}

static struct verdict on_ehlo(struct smtp_client *client, const struct smtp_reply *reply)
{
    struct span rest = reply->text;

    if (reply->code >= 500 && !client->is_upgraded && smtp_client_manner(client)->has_helo) {
        /* RFC 5321 3.2: an old server. It can offer neither TLS nor a login. */
        return say_helo(client);
    }
    if (reply->code != 250)
        return smtp_client_unusable(client, SMTP_STEP_EHLO, reply, NULL);
    (void)span_cut(&rest, '\n'); /* its name */
    while (rest.len > 0)
        take_offer(client, span_trim(span_cut(&rest, '\n')));
    return go_on(client);
}

static struct verdict on_helo(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (reply->code != 250)
        return smtp_client_unusable(client, SMTP_STEP_EHLO, reply, NULL);
    return go_on(client);
}

/* With 220 this session ends; what lies behind it in the same segment is the upgrade's business
 * (net/upgrade.c gives the connection up, THREATS 3). */
static struct verdict on_starttls(struct smtp_client *client, const struct smtp_reply *reply)
{
    if (reply->code == 220)
        return want_upgrade(span_of(""), span_of(""), span_of(""));
    if (client->service->tls == SMTP_CLIENT_TLS_DEMANDED || reply->code == 421)
        return smtp_client_unusable(client, SMTP_STEP_STARTTLS, reply, NULL);
    return log_in(client);
}

struct verdict smtp_client_idle(struct smtp_client *client)
{
    return smtp_client_expect(client, SMTP_STEP_IDLE, client->service->keep_ms, on_idle_reply);
}

/* Nothing was asked: it is 421, or nonsense. */
static struct verdict on_idle_reply(struct smtp_client *client, const struct smtp_reply *reply)
{
    (void)reply;
    return smtp_client_give_up(client, "the server spoke unasked");
}

struct verdict smtp_client_quit(struct smtp_client *client)
{
    client->is_quitting = true;
    out_puts(client->host->out, "QUIT\r\n");
    return smtp_client_expect(client, SMTP_STEP_IDLE, QUIT_TIMEOUT_MS, on_quit);
}

static struct verdict on_quit(struct smtp_client *client, const struct smtp_reply *reply)
{
    (void)client;
    (void)reply;
    return want_close();
}
