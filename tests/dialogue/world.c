/*
 * world: builds and tears down what dialogues (and the sessions' fuzzers) run in. Certificates and
 * password verifiers are made once a process: they are what would be slow. Opening and settings are
 * here, looking into the store is in world_look.c.
 */
#include "tests/dialogue/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/require.h"
#include "store/account.h"
#include "store/route.h"

static const struct settings_smtp smtp_settings = {.message_size_max = 1 << 20,
                                                   .recipients_max = 100,
                                                   .errors_max = 10,
                                                   .idle_commands_max = 100,
                                                   .login_timeout_ms = 300000,
                                                   .hops_max = 100,
                                                   .command_line_max = 2048,
                                                   .subaddress_separator = "+",
                                                   .command_timeout_ms = 300000,
                                                   .data_timeout_ms = 180000};
static const struct settings_imap imap_settings = {.command_line_max = 8192,
                                                   .command_size_max = 65536,
                                                   .nesting_max = 32,
                                                   .errors_max = 10,
                                                   .login_timeout_ms = 60000,
                                                   .idle_timeout_ms = 1800000};
static const struct settings_pop3 pop3_settings = {
    .errors_max = 10, .login_timeout_ms = 60000, .idle_timeout_ms = 600000};
static const struct settings_auth auth_settings = {.iteration_count = 4096,
                                                   .failures_max = 3,
                                                   .throttle_count = 10,
                                                   .throttle_ms = 60000,
                                                   .cache_ms = 60000,
                                                   .hash_threads = 1};
static const struct settings_store store_settings = {.body_memory_max = 262144,
                                                     .body_memory_total = 64 << 20,
                                                     .segment_size = 4 << 20,
                                                     .expunge_grace_ms = 600000,
                                                     .message_parts_max = 1000,
                                                     .mailboxes_max = 1000,
                                                     .keywords_max = 50,
                                                     .read_threads = 1};
static const struct settings_net net_settings = {.connections_max = 100,
                                                 .connections_per_address_max = 100,
                                                 .output_mark = 65536,
                                                 .handshake_timeout_ms = 30000,
                                                 .session_timeout_ms = 300000,
                                                 .last_words_timeout_ms = 30000,
                                                 .close_timeout_ms = 1000,
                                                 .drain_timeout_ms = 5000,
                                                 .backlog = 10};

enum { DOMAINS_GIVEN = 2 };

struct setting {
    const char *name;
    size_t offset, size;
};

#define SETTING(text, part, field)                                                                 \
    {                                                                                              \
        text "." #field, offsetof(struct world, part.field),                                       \
            sizeof(((struct world *)NULL)->part.field)                                             \
    }

static const struct setting settings_table[] = {
    SETTING("smtp", smtp, message_size_max),
    SETTING("smtp", smtp, recipients_max),
    SETTING("smtp", smtp, errors_max),
    SETTING("smtp", smtp, idle_commands_max),
    SETTING("smtp", smtp, login_timeout_ms),
    SETTING("smtp", smtp, messages_per_login_hour),
    SETTING("smtp", smtp, recipients_per_login_hour),
    SETTING("smtp", smtp, hops_max),
    SETTING("smtp", smtp, command_line_max),
    SETTING("smtp", smtp, auth_without_tls),
    SETTING("smtp", smtp, sender_check),
    SETTING("smtp", smtp, command_timeout_ms),
    SETTING("smtp", smtp, data_timeout_ms),
    SETTING("imap", imap, command_line_max),
    SETTING("imap", imap, command_size_max),
    SETTING("imap", imap, nesting_max),
    SETTING("imap", imap, errors_max),
    SETTING("imap", imap, login_timeout_ms),
    SETTING("imap", imap, idle_timeout_ms),
    SETTING("pop3", pop3, errors_max),
    SETTING("pop3", pop3, login_timeout_ms),
    SETTING("pop3", pop3, idle_timeout_ms),
    SETTING("auth", auth_settings, failures_max),
    SETTING("auth", auth_settings, throttle_count),
    SETTING("auth", auth_settings, throttle_ms),
    SETTING("auth", auth_settings, cache_ms),
    SETTING("store", store_settings, body_memory_max),
    SETTING("store", store_settings, body_memory_total),
    SETTING("store", store_settings, segment_size),
    SETTING("store", store_settings, expunge_grace_ms),
    SETTING("store", store_settings, message_parts_max),
    SETTING("store", store_settings, mailboxes_max),
    SETTING("store", store_settings, keywords_max),
    SETTING("net", net, output_mark),
    SETTING("net", net, close_timeout_ms),
    SETTING("net", net, handshake_timeout_ms),
};

void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.sim = sim_create(seed),
                            .hostname = "mx.example.org",
                            .domains = {"example.org", "example.net"},
                            .domain_count = DOMAINS_GIVEN,
                            .offers_starttls = true,
                            .smtp = smtp_settings,
                            .imap = imap_settings,
                            .pop3 = pop3_settings,
                            .auth_settings = auth_settings,
                            .store_settings = store_settings,
                            .net = net_settings};
    require(endpoint_parse(span_of("192.0.2.1"), 40000, &world->client) == 0);
    require(endpoint_parse(span_of("198.51.100.1"), 25, &world->server) == 0);
}

bool world_set(struct world *world, struct span name, struct span value)
{
    uint64_t number = span_is(value, "true");

    if (number == 0 && !span_is(value, "false") && !span_to_u64(value, UINT64_MAX, &number))
        return false;
    for (size_t i = 0; i < sizeof settings_table / sizeof *settings_table; i++) {
        const struct setting *setting = &settings_table[i];
        if (!span_is(name, setting->name))
            continue;
        unsigned small = (unsigned)number;
        bool flag = number != 0;
        char *at = (char *)world + setting->offset;
        if (setting->size == sizeof number)
            memcpy(at, &number, sizeof number);
        else if (setting->size == sizeof small)
            memcpy(at, &small, sizeof small);
        else
            memcpy(at, &flag, sizeof flag);
        return true;
    }
    return false;
}

bool world_add_network(struct world *world, struct span text)
{
    return world->relay_network_count < WORLD_NETWORKS_MAX &&
           network_parse(text, &world->relay_networks[world->relay_network_count++]) == 0;
}

void world_refuse(struct world *world, struct span domain, struct span text)
{
    require(world->relay.route_count == 0);
    world->owned_texts[0] = span_dup(domain);
    world->owned_texts[1] = span_dup(text);
    world->route = (struct settings_route){.via = RELAY_VIA_REFUSE, .text = world->owned_texts[1]};
    world->route_domain = (struct settings_route_domain){.domain = world->owned_texts[0]};
    world->relay = (struct settings_relay){.routes = &world->route,
                                           .route_count = 1,
                                           .route_domains = &world->route_domain,
                                           .route_domain_count = 1};
}

void world_add_domain(struct world *world, struct span domain)
{
    require(world->domain_count < WORLD_DOMAINS_MAX);
    world->owned_domains[world->domain_count] = span_dup(domain);
    world->domains[world->domain_count] = world->owned_domains[world->domain_count];
    world->domain_count++;
}

static struct tls_lab lab;
static struct tls_manager *lab_manager;

struct tls_manager *world_tls_manager(void)
{
    struct fault fault;

    if (lab_manager == NULL) {
        fault_clear(&fault);
        tls_lab_init(&lab);
        lab_manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
        require(lab_manager != NULL);
    }
    return lab_manager;
}

const struct tls_lab *world_tls_lab(void)
{
    (void)world_tls_manager();
    return &lab;
}

void world_tls_release(void)
{
    if (lab_manager == NULL)
        return;
    tls_manager_free(&lab_manager);
    tls_lab_deinit(&lab);
}

static void start_store(struct world *world)
{
    struct fault fault;
    struct store_options options = {.dir = world->dir,
                                    .settings = &world->store_settings,
                                    .jobs = world->jobs,
                                    .clock = sim_clock(world->sim),
                                    .entropy = sim_entropy(world->sim)};

    fault_clear(&fault);
    (void)snprintf(world->dir, sizeof world->dir, "%s/postern-dlg-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(world->dir) != NULL);
    if (store_make(world->dir, NULL, &fault) == 0)
        world->store = store_open(&options, &fault);
    if (world->store == NULL)
        (void)fprintf(stderr, "world: %s\n", fault.text);
    require(world->store != NULL);
}

void world_start(struct world *world)
{
    world->jobs = jobs_create_inline();
    start_store(world);
    world->port = job_port_create(world->jobs, sim_loop(world->sim));
    store_attach(world->store, world->port);
    world->auth = auth_create(&world->auth_settings, world->store, span_of(world->domains[0]),
                              sim_clock(world->sim), sim_entropy(world->sim));
    world->tls = world_tls_manager();
    world->env = (struct conn_env){.loop = sim_loop(world->sim),
                                   .port = world->port,
                                   .tls = world->tls,
                                   .clock = sim_clock(world->sim),
                                   .entropy = sim_entropy(world->sim),
                                   .settings = &world->net,
                                   .maker = sim_maker(world->sim, sim_loop(world->sim))};
    conn_env_init(&world->env);
    world_add_user(world, span_of("alice@example.org"), span_of("wonderland"));
    world_add_user(world, span_of("bob@example.org"), span_of("builder"));
}

/* A verifier takes milliseconds: each password's is made once. */
static const char *verifier_of(struct world *world, struct span password)
{
    enum { KEPT_MAX = 16 };
    static struct {
        char password[64], verifier[STORE_VERIFIER_SIZE];
    } kept[KEPT_MAX];
    size_t i = 0;

    while (i < KEPT_MAX - 1 && kept[i].password[0] != '\0' && !span_is(password, kept[i].password))
        i++;
    if (!span_is(password, kept[i].password)) {
        require(password.len < sizeof kept[i].password);
        require(auth_make_verifier(password, world->auth_settings.iteration_count,
                                   sim_entropy(world->sim), kept[i].verifier) == 0);
        memcpy(kept[i].password, password.ptr, password.len);
        kept[i].password[password.len] = '\0';
    }
    return kept[i].verifier;
}

void world_add_user(struct world *world, struct span address, struct span password)
{
    struct store_change_account *change = store_change_account_create(
        world->store, STORE_ACCOUNT_ADD, address, span_of(verifier_of(world, password)));

    job_run_now(world->jobs, &change->job);
    require(change->status == 0);
    change->job.free(&change->job);
}

void world_add_alias(struct world *world, struct span alias, struct span target)
{
    struct store_change_alias *change =
        store_change_alias_create(world->store, STORE_ALIAS_ADD, alias, target);

    job_run_now(world->jobs, &change->job);
    require(change->status == 0);
    change->job.free(&change->job);
}

void world_add_route(struct world *world, struct span domain, struct span words)
{
    char *lines = mem_strndup(words.ptr, words.len);
    for (char *c = lines; *c != '\0'; c++)
        *c = *c == ' ' ? '\n' : *c;
    struct store_change_route *change =
        store_change_route_create(world->store, STORE_ROUTE_ADD, domain, span_of(lines));

    job_run_now(world->jobs, &change->job);
    require(change->status == 0);
    change->job.free(&change->job);
    mem_free(lines);
}

/* The store's folder: files, and folders of files. depth ends it.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void remove_dir(const char *dir, unsigned depth)
{
    DIR *entries = opendir(dir);
    const struct dirent *entry;

    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char *path = mem_printf("%s/%s", dir, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(path) != 0 && depth > 0)
            remove_dir(path, depth - 1);
        mem_free(path);
    }
    if (entries != NULL)
        (void)closedir(entries);
    (void)rmdir(dir);
}

static void stop_started(struct world *world)
{
    conn_env_close(&world->env);
    sim_advance_ms(world->sim, 60000);
    require(world->env.conn_count == 0);
    store_detach(world->store, world->port);
    job_port_free(&world->port);
    auth_free(&world->auth);
    store_close(&world->store);
    jobs_free(&world->jobs);
    remove_dir(world->dir, 3);
}

void world_stop(struct world *world)
{
    if (world->store != NULL)
        stop_started(world);
    sim_free(&world->sim);
    while (world->domain_count > DOMAINS_GIVEN)
        mem_free(world->owned_domains[--world->domain_count]);
    mem_free(world->owned_texts[0]);
    mem_free(world->owned_texts[1]);
}
