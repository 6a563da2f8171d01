/*
 * chain_node: a real server in a world, as src/server.c makes one: a store on a disk, SMTP
 * sessions, a relay. It crashes as processes do: what it had not written down is gone, what was on
 * its way to others arrives or not.
 *
 * A crash inside a batch of writes comes in two kinds: before it, so nothing of it is there, or
 * behind its commit, so all of it is there and nobody was told.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "store/account.h"
#include "store/body_internal.h"
#include "store/request_internal.h"
#include "store/store_internal.h"
#include "store/writer_internal.h"
#include "tests/sim/chain_internal.h"

enum { KEEPER_PACE = 600, DOWN_MAX_MS = 120000, HEAD_SIZE = 2000 };

/* ---- What it took --------------------------------------------------------------------------- */

/* The beginning of a body, or nothing when its file is gone. */
static struct span head_of(const struct chain_node *node, const struct store_body *body,
                           char head[HEAD_SIZE])
{
    char path[STORE_PATH_SIZE];
    const struct file_ops *files = node->store->files;
    int fd;
    if (body->bytes.len > 0)
        return span_first(buf_span(&body->bytes), HEAD_SIZE);
    store_body_path(body->id, path);
    if (files->open(node->store->bodies_fd, path, O_RDONLY | O_CLOEXEC, 0, &fd) != 0)
        return span_make("", 0);
    int64_t len = files->pread(fd, head, HEAD_SIZE, 0);
    (void)files->close(fd);
    return span_make(head, len < 0 ? 0 : (size_t)len);
}

static void note_accept(struct chain_node *node, const struct store_accept *accept,
                        struct span head)
{
    struct chain *chain = node->chain;
    struct chain_message *message = chain_message_of_text(&chain->model, head);
    struct chain_link *link = chain_link_of_text(chain, head);
    bool is_doubtful = accept->status != 0 && node->is_off;
    if (message == NULL || (accept->status != 0 && !is_doubtful))
        return;
    bool is_report = span_find(head, span_of("multipart/report")) >= 0;
    if (link != NULL) { /* who gives more has read the answer before */
        chain_acked(&chain->model, link);
        link->to = (int)node->index;
    }
    for (size_t i = 0; i < accept->recipient_count; i++) {
        struct span address = accept->recipients[i].address;
        struct chain_pair *pair = is_report ? &message->reports : chain_pair_of(message, address);
        chain_note(message, "%s %s%s for %.*s", node->hostname,
                   is_doubtful ? "crashed as it kept it" : "kept it",
                   is_report ? ", a report," : "", (int)address.len, address.ptr);
        if (pair != NULL && link != NULL)
            chain_confirmed(pair, link, chain->nodes[link->from].failed_batches);
    }
}

/* ---- The disk ------------------------------------------------------------------------------- */

static void fail_all(struct chain_node *node, struct list *jobs, int err)
{
    node->failed_batches++;
    node->chain->tally->failed_batches++;
    list_each (job, jobs)
        request_fail(request_of(list_entry(job, struct job, node)), err);
}

static void power_off(struct chain_node *node)
{
    struct chain *chain = node->chain;
    node->is_off = true;
    sim_unlisten(chain->sim, &node->listen);
    sim_sever_loop(chain->sim, node->env.loop, (enum sim_sever)sim_random(chain->sim, 2));
}

static void draw_disk_faults(struct chain_node *node)
{
    struct chain *chain = node->chain;
    int64_t now_ms = sim_now_ms(chain->sim);
    if (chain_dice(chain, chain->odds.fail_batch))
        node->fail_batches = 1 + (unsigned)sim_random(chain->sim, 3);
    if (now_ms >= node->full_until_ms && chain_dice(chain, chain->odds.full_disk)) {
        node->full_until_ms = now_ms + (int64_t)sim_random(chain->sim, 1200000);
        chain->tally->disks_filled++;
    }
}

static void run_batch(struct chain_node *node, struct list *jobs)
{
    struct chain *chain = node->chain;
    draw_disk_faults(node);
    bool is_crash = chain_dice(chain, chain->odds.crash_inside);
    if (is_crash && sim_random(chain->sim, 2) == 0) {
        chain->tally->crashes_inside++;
        power_off(node);
        fail_all(node, jobs, ERR_IO);
        return;
    }
    if (!chain->is_quiet && node->fail_batches > 0) {
        node->fail_batches--;
        fail_all(node, jobs, ERR_IO);
    } else if (!chain->is_quiet && sim_now_ms(chain->sim) < node->full_until_ms) {
        fail_all(node, jobs, ERR_FULL);
    } else {
        writer_batch(node->store->writer, jobs);
    }
    if (is_crash) {
        chain->tally->crashes_inside++;
        power_off(node);
    }
}

/* The write lane. */
static void batch(void *owner, struct list *jobs)
{
    struct chain_node *node = owner;
    char head[HEAD_SIZE];
    if (node->is_off)
        fail_all(node, jobs, ERR_IO);
    else
        run_batch(node, jobs);
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

static void open_store(struct chain_node *node)
{
    struct sim *sim = node->chain->sim;
    struct fault fault;
    const struct store_options options = {.dir = node->dir,
                                          .settings = &node->store_settings,
                                          .jobs = node->jobs,
                                          .clock = sim_clock(sim),
                                          .entropy = sim_entropy(sim)};
    node->store = store_open(&options, &fault);
    if (node->store == NULL)
        (void)fprintf(stderr, "chain: %s\n", fault.text);
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
    (void)snprintf(node->dir, sizeof node->dir, "%s/postern-chain-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(node->dir) != NULL && store_make(node->dir, &fault) == 0);
    node->jobs = jobs_create_inline();
    open_store(node);
    add_people(node);
    store_close(&node->store);
    jobs_free(&node->jobs);
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
    if (!node->is_off)
        power_off(node);
    tear_down(node);
    node->up_at_ms = sim_now_ms(chain->sim) + (int64_t)sim_random(chain->sim, DOWN_MAX_MS);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void chain_node_end(struct chain_node *node)
{
    tear_down(node);
    (void)nftw(node->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
