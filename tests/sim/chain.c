/*
 * chain: the course of a world: faults while mail comes in, then quiet until the queues are empty,
 * then the judgement. Tests: tests/unit/test_chain.c; many worlds: scripts/simulate.
 */
#include "tests/sim/chain.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/require.h"
#include "tests/dialogue/world.h"
#include "tests/sim/chain_internal.h"

enum {
    HOUR_MS = 3600 * 1000,
    MINUTE_MS = 60 * 1000,
    LOOK_MS = 5 * MINUTE_MS,
    CLIENT_MESSAGES_MAX = 6,
    CLOSED_MAX_MS = 20 * MINUTE_MS,
    JUMP_MAX_MS = HOUR_MS,
    ODDS_ALL = 10000
};

static const struct settings_net net_settings = {.connections_max = 1000,
                                                 .connections_per_address_max = 1000,
                                                 .output_mark = 65536,
                                                 .handshake_timeout_ms = 30000,
                                                 .session_timeout_ms = 300000,
                                                 .last_words_timeout_ms = 30000,
                                                 .close_timeout_ms = 1000,
                                                 .drain_timeout_ms = 5000,
                                                 .backlog = 10};

bool chain_dice(struct chain *chain, unsigned odds)
{
    return !chain->is_quiet && odds > 0 && sim_random(chain->sim, ODDS_ALL) < odds;
}

/* ---- The world ------------------------------------------------------------------------------ */

/* Each fault is rare in some worlds, common in others, and now and then there is none. */
static unsigned draw_odds(struct chain *chain, unsigned most)
{
    return sim_random(chain->sim, 4) == 0 ? 0 : (unsigned)sim_random(chain->sim, most + 1U);
}

static void draw_world(struct chain *chain)
{
    static const int64_t expiries[] = {4, 4, 4, 4, 4, 4, 4, 24, 24, 120};
    struct sim *sim = chain->sim;
    chain->has_tls = sim_random(sim, 25) == 0;
    chain->is_smarthosted = sim_random(sim, 3) == 0;
    chain->fault_ms = MINUTE_MS + (int64_t)sim_random(sim, HOUR_MS);
    chain->expire_ms = HOUR_MS * expiries[sim_random(sim, 10)];
    chain->has_dead_mail = chain->expire_ms == (int64_t)4 * HOUR_MS || sim_random(sim, 4) == 0;
    chain->odds = (struct chain_odds){.crash_step = draw_odds(chain, 10),
                                      .crash_inside = draw_odds(chain, 60),
                                      .fail_disk = draw_odds(chain, 100),
                                      .full_disk = draw_odds(chain, 10),
                                      .dns = draw_odds(chain, 1500),
                                      .link = draw_odds(chain, 2000),
                                      .hop = draw_odds(chain, 400),
                                      .client = draw_odds(chain, 300),
                                      .hop_closed = draw_odds(chain, 300),
                                      .clock = draw_odds(chain, 100)};
    sim_set_policy(sim, (struct sim_policy){sim_random(sim, 4) == 0 ? SIM_CUTS : SIM_WHOLE,
                                            SIM_CAPACITY_DEFAULT});
}

static void make_env(struct chain *chain)
{
    struct loop *loop = sim_loop_at(chain->sim, LOOP_WORLD);
    chain->net = net_settings;
    chain->jobs = jobs_create_inline();
    chain->port = job_port_create(chain->jobs, loop);
    chain->env = (struct conn_env){.loop = loop,
                                   .port = chain->port,
                                   .tls = world_tls_manager(),
                                   .clock = sim_clock(chain->sim),
                                   .entropy = sim_entropy(chain->sim),
                                   .settings = &chain->net,
                                   .maker = sim_maker(chain->sim, loop)};
    conn_env_init(&chain->env);
}

static void make(struct chain *chain)
{
    draw_world(chain);
    chain->model.expire_us = chain->expire_ms * 1000;
    chain->tally->tls_worlds += chain->has_tls;
    make_env(chain);
    for (unsigned i = 0; i < CHAIN_NODES; i++)
        chain_node_make(&chain->nodes[i], chain, i);
    chain_write_mail(chain);
    for (unsigned i = 0; i < CHAIN_HOPS; i++)
        chain_hop_make(&chain->hops[i], chain, i);
    for (unsigned i = 0; i < CHAIN_NODES; i++)
        chain_node_start(&chain->nodes[i]);
}

static void end(struct chain *chain)
{
    for (unsigned i = 0; i < CHAIN_NODES; i++)
        chain_node_end(&chain->nodes[i]);
    conn_env_close(&chain->env);
    while (chain->env.conn_count > 0)
        require(sim_step(chain->sim, sim_now_ms(chain->sim) + MINUTE_MS));
    chain_clients_free(chain);
    job_port_free(&chain->port);
    jobs_free(&chain->jobs);
    sim_free(&chain->sim);
}

/* ---- Faults --------------------------------------------------------------------------------- */

static void note_wall(struct chain *chain)
{
    int64_t wall_us = clock_wall_us(sim_clock(chain->sim));
    if (wall_us > chain->model.wall_max_us)
        chain->model.wall_max_us = wall_us;
}

/* In all not so far ahead that reports of mail that failed expire before the faults stop. */
static void jump_clock(struct chain *chain)
{
    struct sim *sim = chain->sim;
    int64_t jump_ms = (int64_t)sim_random(sim, 2 * (uint64_t)JUMP_MAX_MS) - JUMP_MAX_MS;
    if (chain->clock_ahead_ms + jump_ms > JUMP_MAX_MS)
        return;
    note_wall(chain);
    chain->clock_ahead_ms += jump_ms;
    chain->tally->clock_jumps++;
    sim_set_wall_us(sim, clock_wall_us(sim_clock(sim)) + jump_ms * 1000);
    note_wall(chain);
}

static void each_minute(struct chain *chain)
{
    int64_t now_ms = sim_now_ms(chain->sim);
    for (unsigned i = 0; i < CHAIN_HOPS; i++) {
        struct chain_hop *hop = &chain->hops[i];
        if (hop->closed_until_ms != 0 && now_ms >= hop->closed_until_ms) {
            hop->closed_until_ms = 0;
            chain_hop_open(hop);
        } else if (hop->closed_until_ms == 0 && chain_dice(chain, chain->odds.hop_closed)) {
            chain->tally->connects_refused++;
            chain_hop_close(hop, (int64_t)sim_random(chain->sim, CLOSED_MAX_MS));
        }
    }
    if (chain_dice(chain, chain->odds.clock))
        jump_clock(chain);
}

static void restart(struct chain_node *node)
{
    chain_node_start(node);
    (void)chain_look_queue(node, true);
}

static void look_after_nodes(struct chain *chain)
{
    for (unsigned i = 0; i < CHAIN_NODES; i++) {
        struct chain_node *node = &chain->nodes[i];
        if (!node->is_up && sim_now_ms(chain->sim) >= node->up_at_ms)
            restart(node);
        else if (node->is_up &&
                 (disk_is_off(node->disk) || chain_dice(chain, chain->odds.crash_step)))
            chain_node_crash(node);
    }
}

static void start_client(struct chain *chain)
{
    unsigned left = chain->model.count - chain->given;
    unsigned count = 1 + (unsigned)sim_random(chain->sim, CLIENT_MESSAGES_MAX);
    chain_client_start(chain, count < left ? count : left);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Until all mail was given, but for what clients try again. */
static void run_faults(struct chain *chain)
{
    struct sim *sim = chain->sim;
    int64_t end_ms = sim_now_ms(sim) + chain->fault_ms;
    int64_t pause_ms = 2 * chain->fault_ms * CLIENT_MESSAGES_MAX / 2 / chain->model.count;
    int64_t client_ms = sim_now_ms(sim), minute_ms = client_ms;
    while (sim_now_ms(sim) < end_ms) {
        int64_t until_ms = least(least(client_ms, minute_ms), end_ms);
        for (unsigned i = 0; i < CHAIN_NODES; i++) {
            if (!chain->nodes[i].is_up)
                until_ms = least(until_ms, chain->nodes[i].up_at_ms);
        }
        (void)sim_step(sim, until_ms);
        look_after_nodes(chain);
        if (sim_now_ms(sim) >= client_ms && chain->given < chain->model.count)
            start_client(chain);
        if (sim_now_ms(sim) >= client_ms)
            client_ms = sim_now_ms(sim) + 1 + (int64_t)sim_random(sim, (uint64_t)pause_ms + 1);
        if (sim_now_ms(sim) >= minute_ms) {
            each_minute(chain);
            minute_ms += MINUTE_MS;
        }
    }
}

/* ---- Quiet ---------------------------------------------------------------------------------- */

static bool is_over(struct chain *chain)
{
    size_t waiting = !list_is_empty(&chain->clients);
    for (unsigned i = 0; i < CHAIN_NODES; i++)
        waiting += chain_look_queue(&chain->nodes[i], false);
    return waiting == 0;
}

static void run_quietly(struct chain *chain)
{
    struct sim *sim = chain->sim;
    for (unsigned i = 0; i < CHAIN_NODES; i++) {
        if (chain->nodes[i].is_up && disk_is_off(chain->nodes[i].disk))
            chain_node_crash(&chain->nodes[i]);
        chain_node_mend_disk(&chain->nodes[i]);
        if (!chain->nodes[i].is_up)
            restart(&chain->nodes[i]);
    }
    for (unsigned i = 0; i < CHAIN_HOPS; i++)
        chain_hop_open(&chain->hops[i]);
    while (chain->given < chain->model.count)
        start_client(chain);
    int64_t end_ms = sim_now_ms(sim) + chain->expire_ms * 2 + (int64_t)24 * HOUR_MS;
    do {
        int64_t until_ms = sim_now_ms(sim) + LOOK_MS;
        while (sim_step(sim, until_ms))
            continue;
    } while (!is_over(chain) && sim_now_ms(sim) < end_ms);
    note_wall(chain);
}

static void judge(struct chain *chain)
{
    struct chain_model *model = &chain->model;
    for (unsigned i = 0; i < CHAIN_NODES; i++)
        chain_look_mailboxes(&chain->nodes[i]);
    if (!is_over(chain)) {
        model->wrong++;
        buf_printf(model->story,
                   "not all is done long after everything must have ended: clients %s, %zu and "
                   "%zu rows in the queues\n",
                   list_is_empty(&chain->clients) ? "are gone" : "still try",
                   chain_look_queue(&chain->nodes[0], false),
                   chain_look_queue(&chain->nodes[1], false));
    }
    chain_judge(model, chain->tally);
    if (model->wrong == 0)
        return;
    buf_printf(model->story, "%u things are wrong in all; what befell the servers:\n",
               model->wrong);
    buf_put(model->story, buf_span(&model->events));
}

bool chain_run(uint64_t seed, unsigned messages, struct chain_tally *tally, struct buf *story_out)
{
    struct chain chain = {.sim = sim_create(seed), .tally = tally};
    require(messages > 0 && messages <= CHAIN_MESSAGES_MAX);
    log_set_level(LOG_NONE);
    chain_model_init(&chain.model, messages);
    list_init(&chain.clients);
    chain.model.sim = chain.sim;
    chain.model.story = story_out;
    int64_t began_ms = sim_now_ms(chain.sim);
    make(&chain);
    run_faults(&chain);
    chain.is_quiet = true;
    run_quietly(&chain);
    judge(&chain);
    tally->virtual_hours += (uint64_t)(sim_now_ms(chain.sim) - began_ms) / HOUR_MS;
    bool is_right = chain.model.wrong == 0;
    end(&chain);
    chain_model_deinit(&chain.model);
    return is_right;
}
