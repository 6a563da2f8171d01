/*
 * server_reload.c: new settings on SIGHUP, and new certificates when their files change. Reading
 * and checking is a job; its result takes effect on the main loop, or is refused with one clear
 * line while what there is goes on. One reload at a time. Tests: tests/clients/test_tls_reload.py.
 *
 * Files are looked at through a stamp (tls_files_stamp). A stamp that is new must be seen twice: a
 * certificate and its key are rarely written at once, so they are left to settle for an interval.
 * One that was refused is not tried again until it changes.
 */
#include <string.h>

#include "auth/auth.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/job.h"
#include "net/quota.h"
#include "server_internal.h"
#include "server_reload_internal.h"
#include "tls/manager.h"

enum { LOOK_MS = 3600 * 1000 /* for ends of certificates, where the files are not watched */ };

enum reload_kind { RELOAD_ALL, RELOAD_FILES };

struct stamp {
    unsigned char bytes[TLS_STAMP_SIZE];
};

/* Main thread only. */
struct server_reload {
    struct server *server;
    struct timer *timer;
    struct job *under_way; /* NULL: none */
    bool is_wanted;        /* SIGHUP came while one was under way */
    struct stamp loaded;   /* of the files in use */
    struct stamp seen;     /* when last looked */
    struct stamp refused;  /* of those that could not be used; zeroes: none */
};

/* Sees nothing but what it holds: it runs in a lane. What is borrowed outlives the lanes. */
struct reload_job {
    struct job job; /* first */
    enum reload_kind kind;
    const char *conf_file;        /* borrowed */
    struct tls_manager *tls;      /* borrowed */
    const struct settings *old;   /* a reference */
    const struct settings *fresh; /* a reference; NULL: could not be loaded, or not asked for */
    struct stamp loaded, seen, refused;
    struct stamp now;
    struct tls_generation *generation; /* owned; NULL: none was asked for, or err */
    int err;
    struct fault fault;
};

static const struct stamp no_stamp = {{0}};

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void server_conf_report(void *owner, const char *file, int line, const char *sentence)
{
    (void)owner;
    struct log_line log;
    log_begin(&log, LOG_ERROR, "conf", "bad");
    log_text(&log, "file", file);
    log_int(&log, "line", line);
    log_text(&log, "why", sentence);
    log_end(&log);
}

/* --- in the lane --- */

static int load_all(struct reload_job *reload)
{
    reload->fresh = conf_load(reload->conf_file, server_conf_report, NULL);
    if (reload->fresh == NULL)
        return fault_set(&reload->fault, ERR_CONFIG, "%s cannot be used", reload->conf_file);
    const char *key = conf_needs_restart(reload->old, reload->fresh);
    if (key != NULL)
        return fault_set(&reload->fault, ERR_CONFIG, "%s was changed: that needs a restart", key);
    /* Before the files are read: what changes meanwhile is seen at the next look. */
    tls_files_stamp(&reload->fresh->tls, reload->now.bytes);
    return tls_manager_prepare(reload->tls, &reload->fresh->tls, &reload->generation,
                               &reload->fault);
}

static int load_files(struct reload_job *reload)
{
    tls_files_stamp(&reload->old->tls, reload->now.bytes);
    bool is_quiet = stamp_equal(&reload->now, &reload->seen);
    if (!is_quiet || stamp_equal(&reload->now, &reload->loaded) ||
        stamp_equal(&reload->now, &reload->refused))
        return 0;
    return tls_manager_prepare(reload->tls, &reload->old->tls, &reload->generation, &reload->fault);
}

static void on_run(struct job *job)
{
    struct reload_job *reload = (struct reload_job *)(void *)job;

    fault_clear(&reload->fault);
    reload->err = reload->kind == RELOAD_ALL ? load_all(reload) : load_files(reload);
}

static void on_free(struct job *job)
{
    struct reload_job *reload = (struct reload_job *)(void *)job;

    tls_manager_discard(&reload->generation);
    conf_unref(&reload->fresh);
    conf_unref(&reload->old);
    mem_free(reload);
}

/* --- on the main loop --- */

static void schedule(struct server_reload *owner)
{
    int64_t watch_ms = owner->server->current->settings->tls.watch_ms;

    loop_timer_start(owner->timer, watch_ms != 0 ? watch_ms : LOOK_MS);
}

/* Takes the generation. */
static void adopt_all(struct server *server, struct generation *generation)
{
    const struct settings *settings = generation->settings;
    struct quota_limits connections, handshakes;

    server_set_log_level(settings->server.log_level);
    server_keeper_adopt(server, &settings->tls);
    auth_set_settings(server->auth, &settings->auth);
    server_limits(&settings->net, &connections, &handshakes);
    quota_set_limits(server->quota, &connections);
    quota_set_limits(server->handshakes, &handshakes);
    for (unsigned i = 0; i < server->loop_count; i++)
        server_loop_adopt(&server->loops[i], generation);
    server_generation_unref(&server->current);
    server->current = generation;
}

static void end_all(struct server_reload *owner, struct reload_job *reload)
{
    struct server *server = owner->server;
    struct generation *generation = NULL;

    if (reload->err == 0) {
        generation = server_generation_create(server, reload->fresh, &reload->fault);
        reload->fresh = NULL; /* taken, also when it failed */
    }
    if (generation == NULL) {
        if (!stamp_equal(&reload->now, &no_stamp)) /* it came as far as the files: told once */
            owner->refused = reload->now;
        log_event(LOG_ERROR, "server", "not-reloaded", "why", reload->fault.text);
        return;
    }
    tls_manager_adopt(server->tls, &reload->generation);
    adopt_all(server, generation);
    owner->loaded = owner->seen = reload->now;
    owner->refused = no_stamp;
    log_event(LOG_INFO, "server", "reloaded", "file", server->conf_file);
}

static void end_files(struct server_reload *owner, struct reload_job *reload)
{
    owner->seen = reload->now;
    if (reload->err != 0) {
        owner->refused = reload->now;
        log_event(LOG_ERROR, "tls", "not-reloaded", "why", reload->fault.text);
    } else if (reload->generation != NULL) {
        tls_manager_adopt(owner->server->tls, &reload->generation);
        owner->loaded = reload->now;
        owner->refused = no_stamp;
        log_event(LOG_INFO, "tls", "reloaded", "why", "files changed");
    }
}

static void on_done(struct job *job, void *ptr)
{
    struct reload_job *reload = (struct reload_job *)(void *)job;
    struct server_reload *owner = ptr;

    owner->under_way = NULL;
    if (owner->server->is_stopping)
        return;
    if (reload->kind == RELOAD_ALL)
        end_all(owner, reload);
    else
        end_files(owner, reload);
    if (owner->is_wanted)
        server_reload_request(owner);
    else
        schedule(owner);
}

static void begin(struct server_reload *owner, enum reload_kind kind)
{
    struct reload_job *reload = mem_new(struct reload_job);

    *reload = (struct reload_job){.job = {.lane = JOB_SLOW, .run = on_run, .free = on_free},
                                  .kind = kind,
                                  .conf_file = owner->server->conf_file,
                                  .tls = owner->server->tls,
                                  .old = conf_ref(owner->server->current->settings),
                                  .loaded = owner->loaded,
                                  .seen = owner->seen,
                                  .refused = owner->refused};
    owner->under_way = &reload->job;
    loop_timer_stop(owner->timer);
    job_submit(owner->server->loops[0].port, &reload->job, on_done, owner);
}

static void on_timer(void *ptr)
{
    struct server_reload *owner = ptr;

    tls_manager_look(owner->server->tls);
    if (owner->server->current->settings->tls.watch_ms == 0)
        schedule(owner);
    else
        begin(owner, RELOAD_FILES);
}

void server_reload_request(struct server_reload *owner)
{
    owner->is_wanted = owner->under_way != NULL;
    if (owner->under_way == NULL)
        begin(owner, RELOAD_ALL);
}

/* --- birth and death --- */

struct server_reload *server_reload_create(struct server *server)
{
    struct server_reload *owner = mem_new(struct server_reload);

    owner->server = server;
    tls_files_stamp(&server->first->settings->tls, owner->loaded.bytes);
    owner->seen = owner->loaded;
    return owner;
}

void server_reload_start(struct server_reload *owner)
{
    owner->timer = loop_timer_create(owner->server->loops[0].loop, on_timer, owner);
    schedule(owner);
}

void server_reload_stop(struct server_reload *owner)
{
    loop_timer_free(&owner->timer);
    if (owner->under_way != NULL)
        job_cancel(owner->under_way);
    owner->under_way = NULL;
}

void server_reload_free(struct server_reload **owner)
{
    mem_free(*owner);
    *owner = NULL;
}
