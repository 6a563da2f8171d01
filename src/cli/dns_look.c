/*
 * dns_look.c: asks for every row of the plan at once, in a loop that ends with the last answer; an
 * address that comes adds the question for its name. Tests: tests/clients/test_dns.py.
 */
#include <unistd.h>

#include "base/log.h"
#include "cli/dns.h"
#include "net/uv_run.h"

struct look {
    struct dns_plan *plan;
    struct loop *loop;
    struct resolver *resolver;
    struct timer *timer;
    size_t pending;
};

/* A query's owner: the row, and whose look it is. */
struct question {
    struct look *look;
    struct dns_row *row;
};

static void ask(struct look *look, struct dns_row *row);

static void on_answer(void *owner, const struct dns_answer *answer)
{
    const struct question *question = owner;
    struct look *look = question->look;
    struct dns_row *row = question->row;
    row->query = NULL;
    dns_judge(row, answer);
    for (size_t i = 0; row->judge == dns_judge_address && i < answer->count; i++) {
        size_t size = row->type == DNS_A ? 4 : 16;
        if (answer->err == 0 && answer->records[i].len == size)
            ask(look, dns_plan_add_ptr(look->plan, row->type, answer->records[i]));
    }
    if (--look->pending == 0)
        uv_run_stop(look->loop);
}

static void ask(struct look *look, struct dns_row *row)
{
    struct question *question = arena_alloc(&look->plan->arena, sizeof *question);
    *question = (struct question){look, row};
    row->query = resolver_ask(look->resolver, row->name, row->type, on_answer, question);
    look->pending += row->query != NULL;
    if (row->query == NULL)
        row->why = "the name cannot be asked for";
}

static void on_timeout(void *owner)
{
    const struct look *look = owner;
    for (size_t i = 0; i < look->plan->count; i++) {
        struct dns_row *row = look->plan->rows[i];
        if (row->query != NULL)
            row->why = "no answer came in time";
        resolver_cancel(look->resolver, &row->query);
    }
    uv_run_stop(look->loop);
}

static void run(struct look *look)
{
    size_t count = look->plan->count; /* answers add to it */
    look->timer = loop_timer_create(look->loop, on_timeout, look);
    loop_timer_start(look->timer, DNS_LOOK_MS);
    for (size_t i = 0; i < count; i++)
        ask(look, look->plan->rows[i]);
    if (look->pending > 0)
        uv_run_loop(look->loop);
    loop_timer_free(&look->timer);
}

/* As the server does (server_loop.c): what cannot be read is told, and nothing is validated. */
static const char *find_anchors(struct dns_plan *plan)
{
    const char *anchors = plan->settings->relay.dnssec_anchors;
    if (anchors[0] == '\0' || access(anchors, R_OK) == 0)
        return anchors;
    if (plan->trouble.text[0] == '\0')
        (void)fault_set(&plan->trouble, ERR_CONFIG,
                        "The trust anchors in %s cannot be read, so nothing is validated by "
                        "DNSSEC: install dns-root-data, or set relay.dnssec_anchors.",
                        anchors);
    return "";
}

int dns_look(struct dns_plan *plan, const char *resolver, struct fault *fault)
{
    struct look look = {.plan = plan};
    log_set_level(LOG_NONE); /* the report says it all */
    fault_clear(fault);
    look.loop = uv_run_create(0);
    look.resolver = resolver_create(look.loop, resolver, find_anchors(plan), fault);
    if (look.resolver != NULL)
        run(&look);
    int err = look.resolver == NULL ? fault->err : 0;
    resolver_free(&look.resolver);
    uv_run_free(&look.loop);
    dns_judge_whole(plan);
    return err;
}
