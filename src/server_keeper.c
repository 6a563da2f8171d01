/*
 * server_keeper.c: the keeper of private keys in a server's life: forked first, asked for keys and
 * signatures through the TLS manager, watched, ended last. What the keeper reads of the
 * configuration, and as whom, is here, too: both run in its own process. Without key isolation the
 * keys are in this process. Tests: tests/clients/test_keeper.py.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/loop.h"
#include "privilege.h"
#include "server_internal.h"
#include "tls/keeper.h"
#include "tls/signer_cap.h"

enum {
    CONF_SIZE_MAX = 1024 * 1024,
    /* Without a keeper no new TLS session can begin: commands under way may end, no more. */
    ENDED_DRAIN_MS = 1000
};

/* --- in the keeper's process --- */

/* What keeps it from using the configuration; the server's own log tells all of it. */
static void on_complaint(void *owner, const char *file, int line, const char *sentence)
{
    struct fault *fault = owner;

    if (fault->text[0] == '\0')
        (void)fault_set(fault, ERR_CONFIG, "%s:%d: %s", file, line, sentence);
}

/* Only the text is looked at: what else a configuration names, the keeper may not see. */
static int read_settings(struct server *server, struct fault *fault)
{
    char *text = NULL;
    size_t len = 0;

    conf_unref(&server->keeper_settings);
    fault_clear(fault);
    int err = file_read_all(server->conf_file, CONF_SIZE_MAX, &text, &len, fault);
    if (err != 0)
        return err;
    server->keeper_settings =
        conf_parse(span_make(text, len), server->conf_file, on_complaint, fault);
    mem_wipe(text, len);
    mem_free(text);
    return server->keeper_settings != NULL ? 0 : fault->err;
}

static const struct settings_tls *office_settings(void *owner, struct fault *fault)
{
    struct server *server = owner;

    return read_settings(server, fault) == 0 ? &server->keeper_settings->tls : NULL;
}

static int office_confine(void *owner, struct fault *fault)
{
    struct server *server = owner;
    int err = read_settings(server, fault);

    return err == 0 ? privilege_drop_to_reader(server->keeper_settings->server.user, fault) : err;
}

/* --- in the server's --- */

/* Signing is work for a core, so more channels than cores gain nothing; one more, so that a reload
 * holds up no signature. */
static unsigned channel_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 2 : cores > SERVER_LOOPS_MAX ? SERVER_LOOPS_MAX + 1 : (unsigned)cores + 1;
}

/* Whoever started us may have closed standard input or output: what is opened next would get those
 * numbers, and the keeper puts /dev/null there. */
static void occupy_standard_descriptors(void)
{
    int fd = 0;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

void server_keeper_start(struct server *server, struct fault *fault)
{
    const struct keeper_office office = {
        .settings = office_settings, .confine = office_confine, .owner = server};

    occupy_standard_descriptors();
    server->keeper = keeper_start(&office, channel_count(), fault);
}

int server_keeper_settle(struct server *server, const struct settings_tls *settings,
                         const struct fault *fault)
{
    if (settings->key_isolation && server->keeper == NULL)
        return fault->err;
    if (!settings->key_isolation)
        keeper_stop(&server->keeper);
    if (server->keeper == NULL)
        server->local_signer = tls_signer_local_create();
    server->signer = tls_signer_cap_create(server->keeper != NULL ? keeper_signer(server->keeper)
                                                                  : server->local_signer,
                                           &clock_system, settings->rsa_rate_max);
    return 0;
}

void server_keeper_adopt(struct server *server, const struct settings_tls *settings)
{
    tls_signer_cap_set(server->signer, settings->rsa_rate_max);
}

static void on_keeper_end(void *owner, unsigned events)
{
    struct server *server = owner;
    char why[64];
    struct log_line line;

    (void)events;
    loop_watch_free(&server->keeper_watch);
    keeper_why(server->keeper, why);
    log_begin(&line, LOG_ERROR, "keeper", "ended");
    log_int(&line, "pid", keeper_pid(server->keeper));
    log_text(&line, "how", why);
    log_text(&line, "why",
             "the process that holds the private keys is gone and the server ends: restart it; if "
             "nobody killed the keeper, look whether the machine ran out of memory");
    log_end(&line);
    server->has_failed = true;
    server_drain(server, ENDED_DRAIN_MS);
}

void server_keeper_watch(struct server *server)
{
    if (server->keeper != NULL)
        server->keeper_watch = loop_watch_create(server->loops[0].loop, keeper_fd(server->keeper),
                                                 WATCH_READ, on_keeper_end, server);
}

void server_keeper_stop(struct server *server)
{
    tls_signer_free(&server->signer);
    tls_signer_free(&server->local_signer);
    keeper_stop(&server->keeper);
}
