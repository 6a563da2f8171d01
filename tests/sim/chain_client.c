/*
 * chain_client: a mail program with a few messages for one of the servers: pipelined or step by
 * step, by DATA or BDAT. It keeps in mind what it heard of each. One that was given up before its
 * end was sent is tried once more on another connection; one whose answer never came is not, so
 * that what comes twice is the servers' doing.
 */
#include <stdio.h>

#include "base/mem.h"
#include "net/dial.h"
#include "store/accept.h"
#include "tests/sim/chain_internal.h"

enum { LINE_MAX_LEN = 4096, TIMEOUT_MS = 700 * 1000, RETRY_MAX_MS = 600000, CONNECT_MS = 30000 };

enum step { STEP_CONNECT, STEP_HELLO, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_DOT, STEP_QUIT };

struct chain_client {
    struct list_node node; /* in the chain's */
    struct chain *chain;
    struct host *host;
    struct conn *conn;
    struct timer *timer; /* until the next try */
    struct dial dial;
    struct endpoint source;
    unsigned number, end; /* messages from number on */
    enum step step;
    unsigned answered; /* RCPTs of them */
    bool is_pipelined, is_chunked;
};

static session_line_fn on_line;

static struct verdict next_line(void)
{
    return want_line(LINE_MAX_LEN, TIMEOUT_MS, on_line);
}

static bool has_message(const struct chain_client *client)
{
    return client->number < client->end;
}

static struct chain_message *message_of(const struct chain_client *client)
{
    return &client->chain->model.messages[client->number];
}

/* ---- What it says --------------------------------------------------------------------------- */

static void put_notify(struct out *out, unsigned notify)
{
    static const char *const names[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    const char *before = " NOTIFY=";
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if ((notify & 1U << i) == 0)
            continue;
        out_printf(out, "%s%s", before, names[i]);
        before = ",";
    }
}

/* What a client names: an alias once, for all of its targets. */
static bool is_named(const struct chain_message *message, unsigned index)
{
    const struct chain_pair *pair = &message->pairs[index];
    return pair->alias[0] == '\0' || index == 0 ||
           strcmp(message->pairs[index - 1].alias, pair->alias) != 0;
}

static void put_rcpt(struct chain_client *client, unsigned index)
{
    const struct chain_pair *pair = &message_of(client)->pairs[index];
    struct out *out = client->host->out;
    out_printf(out, "RCPT TO:<%s>", pair->alias[0] != '\0' ? pair->alias : pair->address);
    put_notify(out, pair->notify);
    out_puts(out, "\r\n");
}

/* The first at or behind index that is named, or pair_count. */
static unsigned next_named(const struct chain_message *message, unsigned index)
{
    while (index < message->pair_count && !is_named(message, index))
        index++;
    return index;
}

static struct verdict put_mail(struct chain_client *client)
{
    const struct chain_message *message = message_of(client);
    struct out *out = client->host->out;
    client->answered = 0;
    if (!has_message(client)) {
        client->step = STEP_QUIT;
        out_puts(out, "QUIT\r\n");
        return next_line();
    }
    client->step = STEP_MAIL;
    out_printf(out, "MAIL FROM:<%s>%s\r\n", message->sender,
               message->number % 5 == 0 ? " RET=FULL ENVID=e1" : "");
    for (unsigned i = 0; client->is_pipelined && i < message->pair_count; i++) {
        if (is_named(message, i))
            put_rcpt(client, i);
    }
    if (client->is_pipelined && !client->is_chunked)
        out_puts(out, "DATA\r\n");
    return next_line();
}

static void put_stuffed(struct out *out, struct span text)
{
    while (text.len > 0) {
        struct span line = span_cut(&text, '\n');
        if (line.len > 0 && line.ptr[0] == '.')
            out_puts(out, ".");
        out_put(out, line);
        out_puts(out, "\n");
    }
    out_puts(out, ".\r\n");
}

/* From here on the server may have it. */
static struct verdict put_message(struct chain_client *client)
{
    struct chain *chain = client->chain;
    struct chain_message *message = message_of(client);
    struct out *out = client->host->out;
    struct buf text;
    buf_init(&text, 0);
    chain_put_text(message, &text);
    if (client->is_chunked) {
        out_printf(out, "BDAT %zu LAST\r\n", text.len);
        out_put(out, buf_span(&text));
    } else {
        put_stuffed(out, buf_span(&text));
    }
    buf_release(&text);
    message->heard = HEARD_SENT;
    message->accepted_us = clock_wall_us(sim_clock(chain->sim));
    chain_note(message, "client sent the end");
    client->step = STEP_DOT;
    if (!chain_dice(chain, chain->odds.client))
        return next_line();
    chain->tally->client_cuts++;
    chain_note(message, "client went away");
    return want_close();
}

/* ---- What it hears -------------------------------------------------------------------------- */

static struct verdict next_message(struct chain_client *client)
{
    client->number++;
    return put_mail(client);
}

static struct verdict give_up_message(struct chain_client *client, unsigned code)
{
    struct chain_message *message = message_of(client);
    message->heard = HEARD_REFUSED;
    chain_note(message, "client heard %u", code);
    if (code == 421)
        return want_close();
    client->number++;
    out_puts(client->host->out, "RSET\r\n");
    client->step = STEP_HELLO; /* what was answered 250 then, too */
    return next_line();
}

static struct verdict after_recipients(struct chain_client *client, unsigned code)
{
    const struct chain_message *message = message_of(client);
    bool is_any_taken = false;
    for (unsigned i = 0; i < message->pair_count; i++)
        is_any_taken = is_any_taken || message->pairs[i].is_taken;
    if (client->is_chunked && is_any_taken)
        return put_message(client);
    if (client->is_chunked)
        return give_up_message(client, code);
    client->step = STEP_DATA;
    if (!client->is_pipelined)
        out_puts(client->host->out, "DATA\r\n");
    return next_line();
}

static struct verdict on_rcpt(struct chain_client *client, unsigned code)
{
    struct chain_message *message = message_of(client);
    unsigned index = next_named(message, client->answered);
    client->answered = next_named(message, index + 1);
    for (unsigned i = index; i < client->answered; i++)
        message->pairs[i].is_taken = code == 250;
    if (code != 250)
        chain_note(message, "client heard %u for %s", code, message->pairs[index].address);
    if (client->answered >= message->pair_count)
        return after_recipients(client, code);
    if (!client->is_pipelined)
        put_rcpt(client, client->answered);
    return next_line();
}

/* Of a pipelined envelope the answers to the rest still come: nothing is told apart then. */
static struct verdict on_mail(struct chain_client *client, unsigned code)
{
    if (code != 250 && client->is_pipelined) {
        (void)give_up_message(client, code);
        return want_close();
    }
    if (code != 250)
        return give_up_message(client, code);
    client->step = STEP_RCPT;
    if (!client->is_pipelined)
        put_rcpt(client, 0);
    return next_line();
}

static struct verdict on_dot(struct chain_client *client, unsigned code)
{
    struct chain_message *message = message_of(client);
    if (code != 250)
        return give_up_message(client, code);
    message->heard = HEARD_ACCEPTED;
    chain_note(message, "client heard 250");
    return next_message(client);
}

static struct verdict on_reply(struct chain_client *client, unsigned code)
{
    switch (client->step) {
    case STEP_CONNECT:
        if (code != 220)
            return want_close();
        client->step = STEP_HELLO;
        out_puts(client->host->out, "EHLO client.test\r\n");
        return next_line();
    case STEP_HELLO:
        return code == 250 ? put_mail(client) : want_close();
    case STEP_MAIL:
        return on_mail(client, code);
    case STEP_RCPT:
        return on_rcpt(client, code);
    case STEP_DATA:
        return code == 354 ? put_message(client) : give_up_message(client, code);
    case STEP_DOT:
        return on_dot(client, code);
    case STEP_QUIT:
        break;
    }
    return want_close();
}

static struct verdict on_line(void *arg, enum line_fault fault, struct span line)
{
    struct chain_client *client = *(struct chain_client **)arg;
    uint64_t code;
    if (fault != LINE_OK || line.len < 3 || !span_to_u64(span_first(line, 3), 999, &code))
        return want_close();
    if (line.len > 3 && line.ptr[3] == '-')
        return next_line();
    return on_reply(client, (unsigned)code);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void *client_open(void *service, struct host *host, enum session_start start)
{
    struct chain_client **session = mem_new(struct chain_client *);
    (void)start;
    *session = service;
    (*session)->host = host;
    return session;
}

static struct verdict client_begin(void *session)
{
    (void)session;
    return next_line();
}

static struct verdict client_wake(void *session)
{
    (void)session;
    return next_line();
}

static void client_ending(void *session, enum ending why)
{
    (void)session;
    (void)why;
}

static void client_close(void *session)
{
    mem_free(session);
}

static const struct session_type client_type = {
    .name = "client",
    .open = client_open,
    .start = client_begin,
    .wake = client_wake,
    .ending = client_ending,
    .free = client_close,
};

static void dial(void *owner)
{
    struct chain_client *client = owner;
    struct chain *chain = client->chain;
    client->step = STEP_CONNECT;
    client->conn = dial_start(&chain->env, &client->dial);
}

static void free_client(struct chain_client *client)
{
    loop_timer_free(&client->timer);
    list_remove(&client->node);
    mem_free(client);
}

void chain_clients_free(struct chain *chain)
{
    list_each (node, &chain->clients)
        free_client(list_entry(node, struct chain_client, node));
}

/* What was sent to its end is settled, one way or the other; the rest is tried again. */
static void on_gone(void *owner, enum conn_phase phase, const struct fault *fault)
{
    struct chain_client *client = owner;
    struct chain *chain = client->chain;
    (void)phase;
    (void)fault;
    client->conn = NULL;
    while (has_message(client) && message_of(client)->heard != HEARD_NOTHING)
        client->number++;
    if (has_message(client)) {
        loop_timer_start(client->timer, 1 + (int64_t)sim_random(chain->sim, RETRY_MAX_MS));
        return;
    }
    free_client(client);
}

static const struct conn_owner_events events = {.on_gone = on_gone};

void chain_client_start(struct chain *chain, unsigned messages)
{
    struct sim *sim = chain->sim;
    struct chain_client *client = mem_new(struct chain_client);
    char address[32];
    (void)snprintf(address, sizeof address, "192.0.2.%u", 1 + chain->given % 200);
    if (endpoint_parse(span_of(address), 0, &client->source) != 0)
        client->source.len = 0;
    client->chain = chain;
    client->number = chain->given;
    client->end = chain->given + messages;
    for (unsigned i = client->number; i < client->end; i++)
        chain->model.messages[i].entry = chain->model.messages[client->number].entry;
    client->is_pipelined = sim_random(sim, 2) == 0;
    client->is_chunked = sim_random(sim, 3) == 0;
    client->timer = loop_timer_create(chain->env.loop, dial, client);
    chain->given += messages;
    list_append(&chain->clients, &client->node);
    client->dial = (struct dial){
        .to = chain->nodes[chain->model.messages[client->number].entry].listen,
        .source = &client->source,
        .security = CONN_PLAIN,
        .connect_timeout_ms = CONNECT_MS,
        .type = &client_type,
        .owner = client,
        .events = &events,
    };
    dial(client);
}
