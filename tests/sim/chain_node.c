/*
 * chain_node: a real server in a world, as src/server.c makes one: a store on a disk, SMTP
 * sessions, a relay. It crashes as processes do: what it had not written down is gone, what was on
 * its way to others arrives or not.
 *
 * A crash is the death of the process, or the loss of power with all or a part of what was not
 * durable. It comes between two steps of the world, or at an operation of the disk.
 */
#include <stdio.h>

#include "base/require.h"
#include "store/account.h"
#include "store/body_internal.h"
#include "store/request_internal.h"
#include "store/store_internal.h"
#include "store/writer_internal.h"
#include "tests/sim/chain_internal.h"

enum {
    KEEPER_PACE = 600,
    DOWN_MAX_MS = 120000,
    HEAD_SIZE = 2000,
    PLAN_MAX = 40,     /* operations until one fails */
    ROOM_MAX = 200000, /* bytes left on a disk that fills up */
    TROUBLE_MAX_MS = 900000
};

/* ---- What it took --------------------------------------------------------------------------- */

/* The beginning of a body, in memory or in its file. */
static struct span head_of(const struct chain_node *node, const struct store_body *body,
                           char head[HEAD_SIZE])
{
    char path[STORE_PATH_SIZE], whole[STORE_PATH_SIZE + 8];
    if (!body->is_file)
        return span_first(buf_span(&body->bytes), HEAD_SIZE);
    store_body_path(body->id, path);
    (void)snprintf(whole, sizeof whole, "bodies/%s", path);
    return span_make(head, disk_peek(node->disk, whole, head, HEAD_SIZE));
}

static void note_accept(struct chain_node *node, const struct store_accept *accept,
                        struct span head)
{
    struct chain *chain = node->chain;
    struct chain_message *message = chain_message_of_text(&chain->model, head);
    struct chain_link *link = chain_link_of_text(chain, head);
    if (message == NULL)
        return;
    const char *what = accept->status == 0 ? "kept it" : "could not keep it";
    bool is_report = span_find(head, span_of("multipart/report")) >= 0;
    if (link != NULL) { /* who gives more has read the answer before */
        chain_acked(&chain->model, link);
        link->to = (int)node->index;
    }
    bool is_old = span_find(head, span_of(" with SMTP")) >= 0;
    if (link == NULL && accept->status != 0)
        message->ghost_of = chain->model.crashes + 1;
    for (size_t i = 0; i < accept->recipient_count; i++) {
        struct span address = accept->recipients[i].address;
        struct chain_pair *pair = is_report ? &message->reports : chain_pair_of(message, address);
        chain_note(message, "%s %s%s for %.*s", node->hostname,
                   node->is_off ? "crashed as it kept it" : what, is_report ? ", a report," : "",
                   (int)address.len, address.ptr);
        if (pair == NULL || link == NULL)
            continue;
        chain_confirmed(pair, link, chain->nodes[link->from].failed_batches);
        pair->is_without_wishes = pair->is_without_wishes || is_old;
        if (accept->status != 0 && !node->is_off)
            pair->confirms->ghost_of = chain->model.crashes + 1;
    }
}

/* ---- The disk ------------------------------------------------------------------------------- */

static void power_off(struct chain_node *node)
{
    struct chain *chain = node->chain;
    node->is_off = true;
    disk_power_off(node->disk);
    sim_unlisten(chain->sim, &node->listen);
    sim_sever_loop(chain->sim, node->env.loop, (enum sim_sever)sim_random(chain->sim, 2));
}

static void power_on(struct chain_node *node)
{
    static const char *const texts[] = {[DISK_KEEPS_ALL] = "all that was written is there",
                                        [DISK_DROPS_ALL] = "what was not durable is gone",
                                        [DISK_KEEPS_A_PART] = "a part of it is there"};
    struct chain *chain = node->chain;
    enum disk_survival survival = (enum disk_survival)sim_random(chain->sim, 3);
    chain_event(&chain->model, node->hostname, " crashed%s%s: %s",
                disk_was_reached(node->disk) ? " at or after " : "",
                disk_was_reached(node->disk) ? disk_reached_text(node->disk) : "", texts[survival]);
    disk_power_on(node->disk, survival);
}

/* One of the next operations does not work, or is the last. */
static void plan_failure(struct chain_node *node, enum disk_how how)
{
    static const unsigned kinds[] = {DISK_CHANGING, DISK_SYNC | DISK_DB_SYNC, DISK_GROWING,
                                     DISK_ALL};
    struct chain *chain = node->chain;
    const struct disk_plan plan = {
        .operations = how == DISK_POWER_OFF ? DISK_CHANGING : kinds[sim_random(chain->sim, 4)],
        .at = 1 + sim_random(chain->sim, PLAN_MAX),
        .how = how,
        .err = sim_random(chain->sim, 2) == 0 ? ERR_IO : ERR_FULL};
    disk_set_plan(node->disk, &plan);
    chain_event(&chain->model, node->hostname, ": %s at operation %d of kinds %x",
                how == DISK_POWER_OFF ? "the power goes"
                                      : (how == DISK_FAIL_ON ? "fails from" : "fails once"),
                (int)plan.at, plan.operations);
    chain->tally->disks_failed += how != DISK_POWER_OFF;
}

static void draw_disk_faults(struct chain_node *node)
{
    struct chain *chain = node->chain;
    int64_t now_ms = sim_now_ms(chain->sim);
    if (now_ms < node->disk_until_ms)
        return;
    if (disk_was_reached(node->disk))
        chain_event(&chain->model, node->hostname, ": is mended, after %s",
                    disk_reached_text(node->disk));
    chain_node_mend_disk(node);
    if (chain_dice(chain, chain->odds.crash_inside)) {
        plan_failure(node, DISK_POWER_OFF);
    } else if (chain_dice(chain, chain->odds.fail_disk)) {
        plan_failure(node, sim_random(chain->sim, 3) > 0 ? DISK_FAIL_ONCE : DISK_FAIL_ON);
    } else if (chain_dice(chain, chain->odds.full_disk)) {
        chain->tally->disks_filled++;
        chain_event(&chain->model, node->hostname, ": its disk fills up");
        disk_set_size(node->disk, disk_used(node->disk) + (size_t)sim_random(chain->sim, ROOM_MAX));
    } else {
        return;
    }
    node->disk_until_ms = now_ms + (int64_t)sim_random(chain->sim, TROUBLE_MAX_MS);
}

void chain_node_mend_disk(struct chain_node *node)
{
    disk_set_plan(node->disk, NULL);
    disk_set_size(node->disk, SIZE_MAX);
}

static void count_failures(struct chain_node *node, struct list *jobs)
{
    bool is_failed = false;
    list_each (item, jobs) {
        int status = *request_of(list_entry(item, struct job, node))->status;
        is_failed = is_failed || (status < 0 && status != ERR_CANCELLED);
    }
    node->failed_batches += is_failed;
    if (is_failed)
        chain_event(&node->chain->model, node->hostname, ": a batch failed: %s",
                    disk_reached_text(node->disk));
    node->chain->tally->failed_batches += is_failed;
}

/* The write lane. */
static void batch(void *owner, struct list *jobs)
{
    struct chain_node *node = owner;
    char head[HEAD_SIZE];
    if (!node->is_off)
        draw_disk_faults(node);
    writer_batch(node->store->writer, jobs);
    if (!node->is_off && disk_is_off(node->disk)) {
        node->chain->tally->crashes_inside++;
        power_off(node);
    }
    count_failures(node, jobs);
    list_each (item, jobs) {
        struct job *job = list_entry(item, struct job, node);
        const struct request *request = request_of(job);
        if (strcmp(request->kind->what, "store the message") == 0)
            note_accept(node, (struct store_accept *)(void *)job,
                        head_of(node, request->body, head));
    }
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void on_accept(void *owner, struct transport *transport)
{
    struct chain_node *node = owner;
    chain_link_accepted(node->chain, transport);
    conn_accept(&node->env, &node->role, transport);
}

static struct store *try_open(struct chain_node *node, struct fault *fault)
{
    struct sim *sim = node->chain->sim;
    const struct store_options options = {.dir = disk_dir(node->disk),
                                          .settings = &node->store_settings,
                                          .jobs = node->jobs,
                                          .clock = sim_clock(sim),
                                          .entropy = sim_entropy(sim),
                                          .files = &disk_files};
    return store_open(&options, fault);
}

/* The power may go again while it is opened. */
static void open_store(struct chain_node *node)
{
    struct chain *chain = node->chain;
    struct fault fault;
    unsigned odds = node->is_made ? chain->odds.crash_inside * 10 : 0;
    while (chain_dice(chain, odds)) {
        plan_failure(node, DISK_POWER_OFF);
        node->store = try_open(node, &fault);
        store_close(&node->store);
        chain->tally->crashes_at_start += disk_is_off(node->disk);
        disk_power_off(node->disk);
        power_on(node);
    }
    node->store = try_open(node, &fault);
    if (node->store == NULL)
        (void)fprintf(stderr, "chain: could not open the store again: %s\n", fault.text);
    require(node->store != NULL);
}

static void add_people(struct chain_node *node)
{
    char address[CHAIN_ADDRESS_SIZE], alias[CHAIN_ADDRESS_SIZE];
    for (unsigned i = 0; i < CHAIN_USERS; i++) {
        (void)snprintf(address, sizeof address, "u%u@%s", i, node->domain);
        struct store_change_account *change = store_change_account_create(
            node->store, STORE_ACCOUNT_ADD, span_of(address), span_of("no login"));
        job_run_now(node->jobs, &change->job);
        require(change->status == 0);
        change->job.free(&change->job);
    }
    (void)snprintf(alias, sizeof alias, "team@%s", node->domain);
    const char *const targets[] = {"u0@a.test", "u0@b.test", "x@one.test"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct store_change_alias *change = store_change_alias_create(
            node->store, STORE_ALIAS_ADD, span_of(alias), span_of(targets[i]));
        job_run_now(node->jobs, &change->job);
        require(change->status == 0);
        change->job.free(&change->job);
    }
}

void chain_node_make(struct chain_node *node, struct chain *chain, unsigned index)
{
    struct fault fault;
    chain_node_fill(node, chain, index);
    node->disk = disk_create(sim_random(chain->sim, UINT64_MAX));
    require(store_make(disk_dir(node->disk), &disk_files, &fault) == 0);
    node->jobs = jobs_create_inline();
    open_store(node);
    add_people(node);
    store_close(&node->store);
    jobs_free(&node->jobs);
    node->is_made = true;
}

static void make_env(struct chain_node *node)
{
    struct chain *chain = node->chain;
    struct loop *loop = sim_loop_at(chain->sim, LOOP_NODES + node->index);
    loop->index = 0; /* it is its process's only one */
    node->maker = chain_link_maker();
    node->env = (struct conn_env){.loop = loop,
                                  .port = node->port,
                                  .tls = chain->env.tls,
                                  .clock = sim_clock(chain->sim),
                                  .entropy = sim_entropy(chain->sim),
                                  .settings = &chain->net,
                                  .maker = &node->maker};
    conn_env_init(&node->env);
    node->service.store = node->store;
    node->role =
        (struct conn_role){.listener = "mx", .type = &smtp_session_type, .service = &node->service};
}

void chain_node_start(struct chain_node *node)
{
    struct chain *chain = node->chain;
    struct loop *loop = sim_loop_at(chain->sim, LOOP_NODES + node->index);
    struct loop *keeper_loop = sim_loop_at(chain->sim, LOOP_KEEPERS + node->index);
    sim_set_pace(keeper_loop, KEEPER_PACE);
    node->is_off = false;
    node->jobs = jobs_create_inline();
    open_store(node);
    jobs_set_batch(node->jobs, JOB_WRITE, batch, node);
    node->port = job_port_create(node->jobs, loop);
    node->keeper_port = job_port_create(node->jobs, keeper_loop);
    store_attach(node->store, node->keeper_port); /* the first one's loop tidies up */
    store_attach(node->store, node->port);
    make_env(node);
    chain_dns_init(&node->dns, chain, loop);
    node->leases = relay_leases_create(1);
    node->options.env = &node->env;
    node->options.store = node->store;
    node->options.resolver = &node->dns.resolver;
    node->options.leases = node->leases;
    node->relay = relay_create(&node->options);
    sim_listen(chain->sim, loop, &node->listen, on_accept, node);
    node->is_up = true;
}

/* Gives back the memory; with the power off nothing of it reaches the disk or a peer. */
static void tear_down(struct chain_node *node)
{
    struct chain *chain = node->chain;
    sim_unlisten(chain->sim, &node->listen);
    relay_free(&node->relay);
    conn_env_close(&node->env);
    while (node->env.conn_count > 0)
        require(sim_step(chain->sim, sim_now_ms(chain->sim) + 60000));
    relay_leases_free(&node->leases);
    store_detach(node->store, node->port);
    store_detach(node->store, node->keeper_port);
    job_port_free(&node->port);
    job_port_free(&node->keeper_port);
    store_close(&node->store);
    jobs_free(&node->jobs);
    node->is_up = false;
}

void chain_node_crash(struct chain_node *node)
{
    struct chain *chain = node->chain;
    chain->tally->crashes++;
    chain->model.crashes++;
    if (!node->is_off)
        power_off(node);
    tear_down(node);
    power_on(node);
    node->disk_until_ms = 0;
    node->up_at_ms = sim_now_ms(chain->sim) + (int64_t)sim_random(chain->sim, DOWN_MAX_MS);
}

void chain_node_end(struct chain_node *node)
{
    tear_down(node);
    disk_free(&node->disk);
}
