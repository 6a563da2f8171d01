/*
 * chain_dns: the names of a world, and a resolver for each server that is asked for them: it
 * answers in the next round, or late, not at all for now, bogus, or with a lie.
 *
 * There are no lies about where senders live: a report that a lie destroys cannot be told from one
 * that was lost. Each domain's place here is its place in chain_model's lied.
 */
#include <stdio.h>

#include "base/mem.h"
#include "tests/fake/resolver_table.h"
#include "tests/sim/chain_internal.h"

enum { RECORDS_MAX = 4, LATE_MAX_MS = 30000 };

/* What is done to domains; the truth about them is in rows. */
static const struct {
    const char *name;
    bool is_dead, may_be_lied_about;
} domains[CHAIN_DOMAINS] = {
    {"a.test", false, false},     {"b.test", false, false},    {"one.test", false, true},
    {"two.test", false, true},    {"three.test", false, true}, {"sender.test", false, false},
    {"null.test", true, false},   {"gone.test", true, false},  {"dead.test", true, false},
    {"circle.test", true, false},
};

static const struct resolver_row rows[] = {
    {"a.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\1a\4test")},
    {"b.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\1b\4test")},
    {"one.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\3one\3hop\4test")},
    {"two.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\3two\3hop\4test")},
    {"two.test", DNS_MX, 0, RESOLVER_MX("\x14", "\3one\3hop\4test")},
    {"three.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\5three\3hop\4test")},
    {"sender.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\6sender\3hop\4test")},
    {"null.test", DNS_MX, 0, RESOLVER_MX("\0", "")},
    {"dead.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\4dead\3hop\4test")},
    {"circle.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\1a\4test")},
    {"liar", DNS_MX, 0, RESOLVER_MX("\x0a", "\4liar\3hop\4test")},
    RESOLVER_ROW("mx.a.test", DNS_A, "\xc6\x33\x64\x01"),
    RESOLVER_ROW("mx.b.test", DNS_A, "\xc6\x33\x64\x02"),
    RESOLVER_ROW("one.hop.test", DNS_A, "\xcb\x00\x71\x01"),
    RESOLVER_ROW("two.hop.test", DNS_A, "\xcb\x00\x71\x02"),
    RESOLVER_ROW("three.hop.test", DNS_A, "\xcb\x00\x71\x03"),
    RESOLVER_ROW("sender.hop.test", DNS_A, "\xcb\x00\x71\x04"),
    RESOLVER_ROW("liar.hop.test", DNS_A, "\xcb\x00\x71\x05"),
    RESOLVER_ROW("dead.hop.test", DNS_A, "\xcb\x00\x71\x63"),
};

struct resolver_query {
    struct post post;    /* at once */
    struct timer *timer; /* late; or NULL */
    const char *name;    /* owned */
    enum dns_type type;
    int err;
    dns_fn *on_answer;
    void *owner;
    bool is_cancelled;
};

static int domain_place(struct span name)
{
    for (int i = 0; i < CHAIN_DOMAINS && domains[i].name != NULL; i++) {
        if (span_is_nocase(name, domains[i].name))
            return i;
    }
    return -1;
}

bool chain_dns_is_dead(struct span domain)
{
    int place = domain_place(domain);
    return place >= 0 && domains[place].is_dead;
}

bool chain_dns_lied(const struct chain_model *model, struct span domain)
{
    int place = domain_place(domain);
    return place >= 0 && model->lied[place];
}

static void free_query(struct resolver_query *query)
{
    loop_timer_free(&query->timer);
    mem_free((void *)(uintptr_t)query->name);
    mem_free(query);
}

static void answer(struct resolver_query *query)
{
    struct span records[RECORDS_MAX];
    struct dns_answer answer = {.err = ERR_NOT_FOUND, .records = records, .why = "no such name"};
    for (size_t i = 0; query->err == 0 && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, query->name) != 0 || rows[i].type != query->type)
            continue;
        answer.err = 0;
        answer.why = NULL;
        records[answer.count++] = span_make(rows[i].data, rows[i].len);
    }
    if (query->err != 0)
        answer.err = query->err;
    if (query->err == ERR_AGAIN || query->err == ERR_CORRUPT)
        answer.why = query->err == ERR_AGAIN ? "no server answers" : "bogus";
    if (!query->is_cancelled)
        query->on_answer(query->owner, &answer);
    free_query(query);
}

static void on_post(struct post *post)
{
    answer(list_entry(post, struct resolver_query, post));
}

static void on_timer(void *owner)
{
    answer(owner);
}

/* Of a mail server: another one, or that there is none. */
static bool lie(struct chain_dns *dns, struct resolver_query *query)
{
    struct chain *chain = dns->chain;
    int place = domain_place(span_of(query->name));
    if (query->type != DNS_MX || place < 0 || !domains[place].may_be_lied_about)
        return false;
    chain->model.lied[place] = true;
    chain->tally->dns_lies++;
    if (sim_random(chain->sim, 2) == 0) {
        query->err = ERR_NOT_FOUND;
        return true;
    }
    mem_free((void *)(uintptr_t)query->name);
    query->name = mem_strdup("liar");
    return true;
}

/* How many milliseconds it takes. */
static uint64_t spoil(struct chain_dns *dns, struct resolver_query *query)
{
    struct chain *chain = dns->chain;
    uint64_t kind = sim_random(chain->sim, 10);
    if (kind < 2 && lie(dns, query))
        return 0;
    if (kind < 4) {
        chain->tally->dns_bogus++;
        query->err = ERR_CORRUPT;
        return 0;
    }
    chain->tally->dns_failures++;
    if (kind < 9)
        query->err = ERR_AGAIN;
    return 1 + sim_random(chain->sim, LATE_MAX_MS);
}

static struct resolver_query *ask(struct resolver *resolver, const char *name, enum dns_type type,
                                  dns_fn *on_answer, void *owner)
{
    struct chain_dns *dns = (struct chain_dns *)(void *)resolver;
    struct resolver_query *query = mem_new(struct resolver_query);
    query->name = mem_strdup(name);
    query->type = type;
    query->on_answer = on_answer;
    query->owner = owner;
    query->post.run = on_post;
    uint64_t late_ms = chain_dice(dns->chain, dns->chain->odds.dns) ? spoil(dns, query) : 0;
    if (late_ms == 0) {
        loop_post(dns->loop, &query->post);
        return query;
    }
    query->timer = loop_timer_create(dns->loop, on_timer, query);
    loop_timer_start(query->timer, (int64_t)late_ms);
    return query;
}

static void cancel(struct resolver_query *query)
{
    query->is_cancelled = true;
    if (query->timer != NULL)
        free_query(query);
}

static void free_nothing(struct resolver *resolver)
{
    (void)resolver;
}

static const struct resolver_ops ops = {.ask = ask, .cancel = cancel, .free = free_nothing};

void chain_dns_init(struct chain_dns *dns, struct chain *chain, struct loop *loop)
{
    *dns = (struct chain_dns){.resolver = {&ops}, .chain = chain, .loop = loop};
}
