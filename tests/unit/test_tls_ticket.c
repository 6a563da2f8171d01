/*
 * Tickets: sessions are resumed in TLS 1.2 and 1.3 by every server that has the key, across
 * reloads, and by no other; a resumed one says so. Our own client keeps no tickets, so the clients
 * are GnuTLS's.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "tests/fake/tls_lab.h"

enum { ROUNDS_MAX = 32 };

static struct tls_lab lab;
static char key_file[128];
static const char *const profiles[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.2",
                                       "NORMAL:-VERS-ALL:+VERS-TLS1.3"};
enum { PROFILES = 2 };

/* --- a client that keeps its session --- */

static ssize_t on_push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
    struct tls_end *server = ptr;

    buf_put(&server->in, span_make(bytes, len));
    return (ssize_t)len;
}

static ssize_t on_pull(gnutls_transport_ptr_t ptr, void *bytes, size_t size)
{
    struct tls_end *server = ptr;
    struct span have = span_first(buf_span(&server->out), size);

    if (have.len == 0) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(bytes, have.ptr, have.len);
    buf_consume(&server->out, have.len);
    return (ssize_t)have.len;
}

static void converse(gnutls_session_t client, struct tls_end *server)
{
    char byte;
    int ret = GNUTLS_E_AGAIN;

    for (int i = 0; i < ROUNDS_MAX && ret == GNUTLS_E_AGAIN; i++) {
        ret = gnutls_handshake(client);
        tls_end_react(server);
    }
    check_int(ret, 0);
    check_int(server->progress, TLS_DONE);
    (void)gnutls_record_recv(client, &byte, 1); /* the tickets of TLS 1.3 */
}

/* A session with the server, resuming *kept if there is one, which is then replaced. Whether it was
 * resumed. */
static bool visit(struct tls_manager *manager, const char *profile, gnutls_datum_t *kept)
{
    gnutls_certificate_credentials_t cred;
    gnutls_session_t client;
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, NULL, NULL);
    check_int(gnutls_certificate_allocate_credentials(&cred), 0);
    check_int(gnutls_init(&client, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
    check_int(gnutls_priority_set_direct(client, profile, NULL), 0);
    check_int(gnutls_credentials_set(client, GNUTLS_CRD_CERTIFICATE, cred), 0);
    gnutls_transport_set_ptr(client, &pair.server);
    gnutls_transport_set_push_function(client, on_push);
    gnutls_transport_set_pull_function(client, on_pull);
    if (kept->data != NULL)
        check_int(gnutls_session_set_data(client, kept->data, kept->size), 0);
    converse(client, &pair.server);
    bool is_resumed = gnutls_session_is_resumed(client) != 0;
    if (pair.server.progress == TLS_DONE)
        check_int(tls_session_facts(pair.server.session)->is_resumed, is_resumed);
    gnutls_free(kept->data);
    check_int(gnutls_session_get_data2(client, kept), 0);
    gnutls_deinit(client);
    gnutls_certificate_free_credentials(cred);
    tls_pair_deinit(&pair);
    return is_resumed;
}

static struct tls_manager *manager_with(const char *ticket_key)
{
    struct settings_tls settings = lab.settings;
    struct fault fault;

    settings.ticket_key = ticket_key;
    struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
    check(manager != NULL);
    return manager;
}

TEST(test_a_session_is_resumed_also_behind_a_reload)
{
    for (size_t i = 0; i < PROFILES; i++) {
        struct tls_manager *manager = manager_with(""), *other = manager_with("");
        gnutls_datum_t kept = {NULL, 0};
        struct fault fault;
        check_case = profiles[i];
        check(!visit(manager, profiles[i], &kept));
        check(visit(manager, profiles[i], &kept));
        check_int(tls_manager_reload(manager, &lab.settings, &fault), 0);
        check(visit(manager, profiles[i], &kept));
        check(!visit(other, profiles[i], &kept)); /* its key is its own */
        gnutls_free(kept.data);
        tls_manager_free(&manager);
        tls_manager_free(&other);
    }
}

TEST(test_servers_that_share_a_file_resume_each_others_sessions)
{
    for (size_t i = 0; i < PROFILES; i++) {
        struct settings_tls settings = lab.settings;
        gnutls_datum_t kept = {NULL, 0};
        struct fault fault;
        check_case = profiles[i];
        tls_lab_write(key_file, "0123456789abcdef0123456789abcdef");
        struct tls_manager *one = manager_with(key_file), *two = manager_with(key_file);
        check(!visit(one, profiles[i], &kept));
        check(visit(two, profiles[i], &kept));
        check(visit(one, profiles[i], &kept));
        /* another key from a reload on: a full handshake, and no error */
        tls_lab_write(key_file, "fedcba9876543210fedcba9876543210");
        settings.ticket_key = key_file;
        check_int(tls_manager_reload(two, &settings, &fault), 0);
        check(!visit(two, profiles[i], &kept));
        check(visit(two, profiles[i], &kept));
        check(!visit(one, profiles[i], &kept));
        gnutls_free(kept.data);
        tls_manager_free(&one);
        tls_manager_free(&two);
    }
}

TEST(test_a_key_file_must_have_32_bytes)
{
    for (size_t len = 31; len <= 33; len++) {
        struct settings_tls settings = lab.settings;
        struct fault fault;
        char *text = mem_strndup("0123456789abcdef0123456789abcdef0", len);
        tls_lab_write(key_file, text);
        settings.ticket_key = key_file;
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        check((manager != NULL) == (len >= 32));
        check(manager != NULL || strstr(fault.text, "must have at least 32 random ones") != NULL);
        check(manager != NULL || strstr(fault.text, text) == NULL);
        tls_manager_free(&manager);
        mem_free(text);
    }
    (void)unlink(key_file);
    struct settings_tls settings = lab.settings;
    struct fault fault;
    settings.ticket_key = key_file;
    check(tls_manager_create(&settings, &lab.clock.clock, NULL, &fault) == NULL);
    check(strstr(fault.text, "tls.ticket_key") != NULL);
}

/* GnuTLS's own clock, for the age of tickets. */
static time_t gnutls_now;

static time_t on_time(time_t *out)
{
    if (out != NULL)
        *out = gnutls_now;
    return gnutls_now;
}

TEST(test_a_ticket_grows_too_old)
{
    gnutls_now = TLS_LAB_NOW_S;
    gnutls_global_set_time_function(on_time);
    for (size_t i = 0; i < PROFILES; i++) {
        struct settings_tls settings = lab.settings;
        gnutls_datum_t kept = {NULL, 0};
        struct fault fault;
        check_case = profiles[i];
        settings.ticket_time_ms = 600000;
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        check(!visit(manager, profiles[i], &kept));
        gnutls_now += 500;
        check(visit(manager, profiles[i], &kept));
        gnutls_now += 2400;
        check(!visit(manager, profiles[i], &kept));
        gnutls_free(kept.data);
        tls_manager_free(&manager);
    }
    gnutls_global_set_time_function(time);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_a_session_is_resumed_also_behind_a_reload",
         test_a_session_is_resumed_also_behind_a_reload},
        {"test_servers_that_share_a_file",
         test_servers_that_share_a_file_resume_each_others_sessions},
        {"test_a_key_file_must_have_32_bytes", test_a_key_file_must_have_32_bytes},
        {"test_a_ticket_grows_too_old", test_a_ticket_grows_too_old},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    tls_lab_init(&lab);
    (void)snprintf(key_file, sizeof key_file, "%s/tickets", lab.dir);
    int status = run_all(argc, argv);
    (void)unlink(key_file);
    tls_lab_deinit(&lab);
    return status;
}
