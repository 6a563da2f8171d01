/*
 * chain_hop: mail servers that keep what they are given, and do at any step what the dice say: no
 * for now, no for good, silence, a cut, an endless reply; behind the final dot also the two that
 * nobody can tell from the outside: kept, and cut before or behind the answer.
 */
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/sim/chain_internal.h"

enum { LINE_MAX_LEN = 65536, TIMEOUT_MS = 3600 * 1000, ENDLESS_LINES = 2000, BYTES_MAX = 16384 };

enum step { STEP_CONNECT, STEP_HELLO, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_DOT, STEP_OTHER };

enum act {
    ACT_ANSWER,
    ACT_4XX,
    ACT_5XX,
    ACT_STALL,
    ACT_CUT,
    ACT_ENDLESS,
    ACT_KEEP_CUT,   /* at the dot: kept, no answer, gone */
    ACT_KEEP_STALL, /* kept, and silence */
    ACT_ANSWER_CUT  /* kept, answered, gone */
};

struct hop_session {
    struct chain_hop *hop;
    struct host *host;
    struct chain_link *link;
    bool is_in_data, is_stalled, is_last_chunk;
    size_t chunk_left;
    char sender[CHAIN_ADDRESS_SIZE];
    char taken[CHAIN_RECIPIENTS_MAX][CHAIN_ADDRESS_SIZE];
    unsigned taken_count;
    struct buf text;
};

static session_line_fn on_line;

static struct verdict next_line(void)
{
    return want_line(LINE_MAX_LEN, TIMEOUT_MS, on_line);
}

/* ---- What it says --------------------------------------------------------------------------- */

static const struct {
    const char *yes, *later, *no;
} replies[] = {
    [STEP_CONNECT] = {"220 hop.test", "421 4.3.2 not now", "554 5.3.2 go away"},
    [STEP_HELLO] = {NULL, "421 4.3.2 not now", "554 5.3.2 go away"},
    [STEP_MAIL] = {"250 2.1.0 sender", "450 4.1.8 wait", "550 5.1.8 not from you"},
    [STEP_RCPT] = {"250 2.1.5 recipient", "450 4.2.1 wait", "550 5.1.1 no such user"},
    [STEP_DATA] = {"354 go ahead", "451 4.3.0 wait", "554 5.6.0 no"},
    [STEP_DOT] = {"250 2.0.0 kept", "452 4.3.1 full", "554 5.7.1 not this"},
    [STEP_OTHER] = {"250 2.0.0 ok", "451 4.3.0 wait", "500 5.5.1 what"},
};

static enum act draw_act(struct hop_session *session, enum step step)
{
    static const enum act acts[] = {ACT_4XX, ACT_4XX, ACT_4XX,   ACT_5XX,    ACT_5XX,
                                    ACT_CUT, ACT_CUT, ACT_STALL, ACT_ENDLESS};
    static const enum act dot_acts[] = {ACT_4XX,      ACT_5XX,        ACT_CUT,
                                        ACT_KEEP_CUT, ACT_KEEP_STALL, ACT_ANSWER_CUT};
    struct chain *chain = session->hop->chain;
    bool is_dot = step == STEP_DOT;
    size_t count = is_dot ? sizeof dot_acts / sizeof *dot_acts : sizeof acts / sizeof *acts;
    if (step == STEP_OTHER || !chain_dice(chain, chain->odds.hop * (is_dot ? 3U : 1U)))
        return ACT_ANSWER;
    enum act act = (is_dot ? dot_acts : acts)[sim_random(chain->sim, count)];
    /* Who loses reports for good does not hear, and by his own will. */
    if (act == ACT_5XX && (session->hop->is_senders || (step == STEP_MAIL && !session->sender[0])))
        return ACT_4XX;
    return act;
}

static void count_act(struct chain_tally *tally, enum act act)
{
    tally->hop_4xx += act == ACT_4XX;
    tally->hop_5xx += act == ACT_5XX;
    tally->hop_stalls += act == ACT_STALL;
    tally->hop_cuts += act == ACT_CUT;
    tally->hop_endless += act == ACT_ENDLESS;
    tally->hop_dot_cuts += act == ACT_KEEP_CUT || act == ACT_KEEP_STALL;
    tally->hop_kept_cuts += act == ACT_ANSWER_CUT;
}

static void put_hello(struct hop_session *session)
{
    struct out *out = session->host->out;
    for (const char *const *offer = session->hop->offers; *offer != NULL; offer++)
        out_printf(out, "250-%s\r\n", *offer);
    out_puts(out, "250 hop.test\r\n");
}

/* ---- What becomes of mail ------------------------------------------------------------------- */

static void refuse_recipient(struct hop_session *session, struct span address)
{
    struct chain_model *model = &session->hop->chain->model;
    struct chain_message *message = chain_message_of_address(model, address);
    struct chain_pair *pair = message == NULL ? NULL : chain_pair_of(message, address);
    if (pair == NULL) {
        model->alias_failed = true;
        return;
    }
    chain_note(message, "hop %u says 5xx to %s", session->hop->index, pair->address);
    pair->may_fail = true;
}

/* 5xx: to a sender, so for all that he sends here; to one recipient; to all that were taken. */
static void note_refusal(struct hop_session *session, enum step step, struct span address)
{
    struct chain_model *model = &session->hop->chain->model;
    struct chain_message *message = chain_message_of_address(model, span_of(session->sender));
    for (unsigned i = 0; step == STEP_MAIL && message != NULL && i < message->pair_count; i++)
        message->pairs[i].may_fail = true;
    if (step == STEP_RCPT)
        refuse_recipient(session, address);
    for (unsigned i = 0; (step == STEP_DATA || step == STEP_DOT) && i < session->taken_count; i++)
        refuse_recipient(session, span_of(session->taken[i]));
}

static void keep_for(struct hop_session *session, struct chain_message *message,
                     struct span address)
{
    struct chain *chain = session->hop->chain;
    struct chain_pair *pair = chain_pair_of(message, address);
    char where[16];
    (void)snprintf(where, sizeof where, "hop %u", session->hop->index);
    if (session->sender[0] == '\0' && pair == &message->reports)
        chain_seen_report(&chain->model, buf_span(&session->text), where);
    else
        chain_seen(message, address, buf_span(&session->text), where);
    if (pair == NULL || session->link == NULL)
        return;
    pair->is_dsn_hop = session->hop->offers_dsn;
    chain_confirmed(pair, session->link, chain->nodes[session->link->from].failed_batches);
}

static void keep(struct hop_session *session)
{
    struct chain_message *message =
        chain_message_of_text(&session->hop->chain->model, buf_span(&session->text));
    if (message == NULL)
        chain_unreadable(&session->hop->chain->model, "a hop");
    for (unsigned i = 0; i < session->taken_count && message != NULL; i++)
        keep_for(session, message, span_of(session->taken[i]));
}

/* ---- Acting --------------------------------------------------------------------------------- */

static struct verdict stall(struct hop_session *session)
{
    session->is_stalled = true;
    return next_line();
}

static struct verdict act_out(struct hop_session *session, enum step step, enum act act)
{
    struct out *out = session->host->out;
    const char *reply = act == ACT_4XX ? replies[step].later : replies[step].no;
    switch (act) {
    case ACT_4XX:
    case ACT_5XX:
        out_printf(out, "%s\r\n", reply);
        return strncmp(reply, "421", 3) == 0 ? want_close() : next_line();
    case ACT_ENDLESS:
        for (int i = 0; i < ENDLESS_LINES; i++)
            out_puts(out, "250-and then\r\n");
        return stall(session);
    case ACT_KEEP_CUT:
    case ACT_CUT:
        return want_close();
    case ACT_KEEP_STALL:
    case ACT_STALL:
        return stall(session);
    case ACT_ANSWER:
    case ACT_ANSWER_CUT:
        break;
    }
    if (step == STEP_HELLO)
        put_hello(session);
    else
        out_printf(out, "%s\r\n", replies[step].yes);
    return act == ACT_ANSWER_CUT ? want_close() : next_line();
}

static struct verdict answer(struct hop_session *session, enum step step, struct span address)
{
    enum act act = draw_act(session, step);
    bool is_kept = step == STEP_DOT && (act == ACT_ANSWER || act >= ACT_KEEP_CUT);
    count_act(session->hop->chain->tally, act);
    if (act == ACT_5XX)
        note_refusal(session, step, address);
    if (is_kept)
        keep(session);
    /* Nobody can know that it was kept. */
    if (session->link != NULL && (act == ACT_KEEP_CUT || act == ACT_KEEP_STALL))
        session->link->fired = true;
    if (step == STEP_RCPT && act == ACT_ANSWER) {
        require(session->taken_count < CHAIN_RECIPIENTS_MAX);
        (void)snprintf(session->taken[session->taken_count++], CHAIN_ADDRESS_SIZE, "%.*s",
                       (int)address.len, address.ptr);
    }
    if (step == STEP_DATA && act == ACT_ANSWER)
        session->is_in_data = true;
    if (step == STEP_DOT) {
        buf_release(&session->text);
        session->taken_count = 0;
    }
    return act_out(session, step, act);
}

static struct span address_in(struct span line)
{
    struct span rest = line;
    (void)span_cut(&rest, '<');
    return span_cut(&rest, '>');
}

static struct verdict begin_mail(struct hop_session *session, struct span line)
{
    struct span address = address_in(line);
    session->taken_count = 0;
    buf_release(&session->text);
    (void)snprintf(session->sender, sizeof session->sender, "%.*s", (int)address.len, address.ptr);
    return answer(session, STEP_MAIL, address);
}

/* ---- Input ---------------------------------------------------------------------------------- */

static struct verdict on_chunk(void *arg, struct span bytes, size_t *taken_out)
{
    struct hop_session *session = arg;
    struct span part = span_first(bytes, session->chunk_left);
    *taken_out = part.len;
    session->chunk_left -= part.len;
    buf_put(&session->text, part);
    if (session->chunk_left > 0)
        return want_bytes(BYTES_MAX, TIMEOUT_MS, on_chunk);
    return answer(session, session->is_last_chunk ? STEP_DOT : STEP_OTHER, span_make("", 0));
}

static struct verdict begin_chunk(struct hop_session *session, struct span line)
{
    uint64_t size = 0;
    struct span rest = line;
    (void)span_cut(&rest, ' ');
    struct span digits = span_cut(&rest, ' ');
    require(span_to_u64(digits, 1 << 24, &size) && size > 0);
    session->is_last_chunk = span_is(rest, "LAST");
    session->chunk_left = (size_t)size;
    return want_bytes(BYTES_MAX, TIMEOUT_MS, on_chunk);
}

static struct verdict take_data(struct hop_session *session, struct span line)
{
    if (span_is(line, ".")) {
        session->is_in_data = false;
        return answer(session, STEP_DOT, line);
    }
    buf_put(&session->text, line.len > 0 && line.ptr[0] == '.' ? span_from(line, 1) : line);
    buf_puts(&session->text, "\r\n");
    return next_line();
}

static struct verdict on_line(void *arg, enum line_fault fault, struct span line)
{
    struct hop_session *session = arg;
    require(fault == LINE_OK); /* our own servers never say such a thing */
    if (session->is_stalled)
        return next_line();
    if (session->is_in_data)
        return take_data(session, line);
    if (session->link != NULL)
        chain_acked(&session->hop->chain->model, session->link);
    if (span_starts(line, span_of("EHLO")) || span_starts(line, span_of("HELO")))
        return answer(session, STEP_HELLO, line);
    if (span_starts(line, span_of("MAIL")))
        return begin_mail(session, line);
    if (span_starts(line, span_of("RCPT")))
        return answer(session, STEP_RCPT, address_in(line));
    if (span_is(line, "DATA"))
        return answer(session, STEP_DATA, line);
    if (span_starts(line, span_of("BDAT")))
        return begin_chunk(session, line);
    if (!span_is(line, "QUIT"))
        return answer(session, STEP_OTHER, line);
    out_puts(session->host->out, "221 2.0.0 bye\r\n");
    return want_close();
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void *hop_open(void *service, struct host *host, enum session_start start)
{
    struct hop_session *session = mem_new(struct hop_session);
    (void)start;
    session->hop = service;
    session->host = host;
    session->link = chain_link_of(session->hop->chain, &host->peer);
    buf_init(&session->text, 0);
    return session;
}

static struct verdict hop_start(void *session)
{
    return answer(session, STEP_CONNECT, span_make("", 0));
}

static struct verdict hop_wake(void *session)
{
    (void)session;
    return next_line();
}

static void hop_ending(void *session, enum ending why)
{
    (void)session;
    (void)why;
}

static void hop_free(void *arg)
{
    struct hop_session *session = arg;
    buf_release(&session->text);
    mem_free(session);
}

static const struct session_type hop_type = {
    .name = "hop",
    .open = hop_open,
    .start = hop_start,
    .wake = hop_wake,
    .ending = hop_ending,
    .free = hop_free,
};

static void on_accept(void *owner, struct transport *transport)
{
    struct chain_hop *hop = owner;
    chain_link_accepted(hop->chain, transport);
    conn_accept(&hop->chain->env, &hop->role, transport);
}

void chain_hop_open(struct chain_hop *hop)
{
    sim_listen(hop->chain->sim, hop->chain->env.loop, &hop->listen, on_accept, hop);
}

void chain_hop_close(struct chain_hop *hop, int64_t ms)
{
    struct sim *sim = hop->chain->sim;
    hop->closed_until_ms = sim_now_ms(sim) + ms;
    if (sim_random(sim, 2) == 0)
        sim_unlisten(sim, &hop->listen);
    else
        sim_hang(sim, &hop->listen);
}

void chain_hop_make(struct chain_hop *hop, struct chain *chain, unsigned index)
{
    static const char *const none[] = {NULL};
    static const char *const usual[] = {"PIPELINING", "8BITMIME", "SIZE 1000000", NULL};
    static const char *const all[] = {"PIPELINING", "8BITMIME", "CHUNKING", "DSN", NULL};
    static const char *const *const offers[CHAIN_HOPS] = {usual, none, all, usual, usual};
    char address[32];
    *hop = (struct chain_hop){.chain = chain,
                              .index = index,
                              .offers = offers[index],
                              .offers_dsn = offers[index] == all,
                              .is_senders = index == 3};
    hop->role = (struct conn_role){.listener = "hop", .type = &hop_type, .service = hop};
    (void)snprintf(address, sizeof address, "203.0.113.%u", index + 1);
    require(endpoint_parse(span_of(address), 25, &hop->listen) == 0);
    chain_hop_open(hop);
}
