/*
 * connect_run.c: runs one look: resolves the name, dials its addresses one after another until one
 * takes the connection, and feeds the record from the tap (TLS and connection) and from the probe
 * (lines, which the tap does not show under TLS). Tests: tests/clients/test_connect.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/connect.h"
#include "crypto/random.h"
#include "net/dial.h"
#include "net/job.h"
#include "net/uv_run.h"
#include "tls/manager.h"
#include "tls/session.h"

enum { ADDRESSES_MAX = 16, OUTPUT_MARK = 65536, CLOSE_MS = 500 };

struct look {
    struct probe_service service; /* first: what the session is given */
    struct tap tap;
    struct connect_record *record;
    const struct connect_options *options;
    struct settings_net settings;
    struct conn_env env;
    struct loop *loop;
    struct jobs *jobs;
    struct conn *conn;
    struct tls_client_policy policy;
    struct endpoint addresses[ADDRESSES_MAX];
    size_t address_count, address;
    uint64_t conn_id;
    int keylog_fd; /* -1: none */
};

static int64_t now_us(void)
{
    return clock_wall_us(&clock_system);
}

/* ---- What the connection shows -------------------------------------------------------------- */

/* Lines come from the probe, with their secrets taken out. */
static void on_event(struct tap *tap, const struct tap_event *event)
{
    struct look *look = list_entry(tap, struct look, tap);

    look->conn_id = event->conn_id;
    if (event->kind != TAP_LINE && event->kind != TAP_DATA)
        connect_record_event(look->record, event, look->record->has_facts);
}

static void on_line(void *owner, const struct probe_line *line)
{
    struct look *look = owner;
    const struct tap_field fields[] = {
        {"security", span_of(line->is_secure ? "tls" : "plaintext")},
        {"step", span_of(probe_step_name(line->step))},
    };
    const struct tap_event event = {.kind = TAP_LINE,
                                    .way = line->is_heard ? TAP_IN : TAP_OUT,
                                    .conn_id = look->conn_id,
                                    .at_us = now_us(),
                                    .size = line->size,
                                    .detail = line->text,
                                    .fields = fields,
                                    .field_count = sizeof fields / sizeof *fields};

    connect_record_event(look->record, &event, line->is_secure);
}

static void on_offers(void *owner, bool is_secure, struct span offers)
{
    struct look *look = owner;
    const char *text = connect_record_text(look->record, offers);

    if (is_secure)
        look->record->offers_secure = text;
    else
        look->record->offers_plain = text;
}

static void on_login(void *owner, const char *mechanism)
{
    struct look *look = owner;

    look->record->mechanism = mechanism;
}

static void on_result(void *owner, enum probe_result result, enum probe_step step,
                      struct span words)
{
    struct connect_record *record = ((struct look *)owner)->record;

    record->has_result = true;
    record->result = result;
    record->step = step;
    record->words = connect_record_text(record, words);
}

static const struct probe_owner probe_owner = {
    .on_line = on_line, .on_offers = on_offers, .on_login = on_login, .on_result = on_result};

static void on_key_line(void *owner, const char *line)
{
    const struct look *look = owner;

    (void)dprintf(look->keylog_fd, "%s\n", line);
}

/* ---- Dialling ------------------------------------------------------------------------------- */

static void on_secure(void *owner, const struct tls_facts *facts)
{
    struct look *look = owner;
    struct connect_record *record = look->record;

    record->facts = *facts;
    record->has_facts = true;
    record->secure_us = now_us();
    conn_traffic(look->conn, &record->secure_bytes_in, &record->secure_bytes_out);
    if (look->options->is_handshake_only)
        conn_end(look->conn, ENDING_SHUTDOWN);
}

static void dial_next(struct look *look);

static void on_gone(void *owner, enum conn_phase phase, const struct fault *fault)
{
    struct look *look = owner;
    struct connect_record *record = look->record;

    record->phase = phase;
    record->fault = *fault;
    record->ended_us = now_us();
    conn_traffic(look->conn, &record->bytes_in, &record->bytes_out);
    look->conn = NULL;
    if (phase == CONN_PHASE_CONNECT) {
        if (fault->text[0] != '\0')
            buf_printf(&record->misses, "%s\n", fault->text);
        else
            buf_printf(&record->misses, "%s did not answer in time\n", record->address);
        if (++look->address < look->address_count) {
            dial_next(look);
            return;
        }
    }
    uv_run_stop(look->loop);
}

static const struct conn_owner_events conn_events = {.on_secure = on_secure, .on_gone = on_gone};

static void dial_next(struct look *look)
{
    const struct connect_options *options = look->options;
    const struct dial dial = {.to = look->addresses[look->address],
                              .security = options->security,
                              .tls = &look->policy,
                              .connect_timeout_ms = options->timeout_ms,
                              .type = &probe_type,
                              .owner = look,
                              .events = &conn_events};

    look->record->began_us = now_us();
    endpoint_text(&dial.to, look->record->address);
    look->conn = dial_start(&look->env, &dial);
}

/* ---- Preparations --------------------------------------------------------------------------- */

static int resolve(struct look *look, struct fault *fault)
{
    const struct connect_options *options = look->options;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;

    if (endpoint_parse(span_of(options->host), options->port, &look->addresses[0]) == 0) {
        look->address_count = 1;
        return 0;
    }
    int err = getaddrinfo(options->host, NULL, &hints, &found);
    if (err != 0)
        return fault_set(fault, ERR_NOT_FOUND,
                         "could not find the address of %s: %s; look whether the name is right",
                         options->host, gai_strerror(err));
    for (struct addrinfo *at = found; at != NULL && look->address_count < ADDRESSES_MAX;
         at = at->ai_next) {
        struct endpoint *to = &look->addresses[look->address_count];
        if (at->ai_addrlen > sizeof to->address)
            continue;
        memcpy(&to->address, at->ai_addr, at->ai_addrlen);
        to->len = at->ai_addrlen;
        endpoint_set_port(to, options->port);
        look->address_count++;
    }
    freeaddrinfo(found);
    return 0;
}

/* It may have been there: with other rights, or as somebody else's, who could read it. 0 or errno.
 */
static int make_private(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return errno;
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid())
        return EPERM;
    return fchmod(fd, 0600) == 0 ? 0 : errno;
}

static int open_keylog(struct look *look, struct fault *fault)
{
    const char *file = look->options->keylog;
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

    look->keylog_fd = -1;
    if (file == NULL)
        return 0;
    look->keylog_fd = open(file, flags, 0600);
    int error = look->keylog_fd < 0 ? errno : make_private(look->keylog_fd);
    if (error == 0)
        return 0;
    return fault_set(fault, ERR_IO, "could not write the key log %s: %s; name a file of your own",
                     file, strerror(error));
}

static struct tls_manager *make_manager(const struct connect_options *options, struct fault *fault)
{
    const struct settings_tls settings = {
        .trusted = options->authorities != NULL ? options->authorities : "",
        .revocations = options->revocations != NULL ? options->revocations : "",
        .client_certificate = options->certificate != NULL ? options->certificate : "",
        .client_key = options->key != NULL ? options->key : "",
        .server_profile = "intermediate",
        .client_profile = options->profile,
        .ticket_key = ""};

    return tls_manager_create(&settings, &clock_system, NULL, fault);
}

static void prepare(struct look *look)
{
    const struct connect_options *options = look->options;

    look->settings = (struct settings_net){.output_mark = OUTPUT_MARK,
                                           .handshake_timeout_ms = options->timeout_ms,
                                           .session_timeout_ms = options->timeout_ms,
                                           .last_words_timeout_ms = options->timeout_ms,
                                           .close_timeout_ms = CLOSE_MS};
    look->tap.on_event = on_event;
    look->service = (struct probe_service){.owner = &probe_owner,
                                           .owner_arg = look,
                                           .protocol = options->protocol,
                                           .hostname = "postern-connect.invalid",
                                           .wants_upgrade = options->security == CONN_PLAIN,
                                           .user = options->user,
                                           .password = options->password,
                                           .may_login_unchecked = options->may_login_unchecked,
                                           .entropy = &random_system,
                                           .timeout_ms = options->timeout_ms};
    /* For looking: what is wrong is told, and the look goes on. The password's gate is the
     * probe's. */
    look->policy = (struct tls_client_policy){
        .server_name = options->name,
        .verify = TLS_VERIFY_OPPORTUNISTIC,
        .alpn = options->is_handshake_only ? NULL : probe_protocol_alpn(options->protocol)};
    if (look->keylog_fd >= 0)
        look->policy.keylog = (struct tls_keylog){on_key_line, look};
}

static void run(struct look *look, struct tls_manager *manager)
{
    look->loop = uv_run_create(0);
    look->jobs = jobs_create_inline();
    look->env = (struct conn_env){.loop = look->loop,
                                  .port = job_port_create(look->jobs, look->loop),
                                  .tls = manager,
                                  .clock = &clock_system,
                                  .entropy = &random_system,
                                  .settings = &look->settings,
                                  .maker = uv_run_maker(look->loop),
                                  .tap = &look->tap};
    conn_env_init(&look->env);
    dial_next(look);
    uv_run_loop(look->loop);
    struct job_port *port = look->env.port;
    job_port_free(&port);
    jobs_free(&look->jobs);
    uv_run_free(&look->loop);
}

int connect_run(const struct connect_options *options, struct connect_record *record,
                struct fault *fault)
{
    struct look *look = mem_new(struct look);
    struct tls_manager *manager = NULL;

    look->options = options;
    look->record = record;
    log_set_level(LOG_NONE); /* the report says it all */
    int err = open_keylog(look, fault);
    if (err == 0)
        err = resolve(look, fault);
    if (err == 0 && (manager = make_manager(options, fault)) == NULL)
        err = fault->err;
    if (err == 0) {
        prepare(look);
        run(look, manager);
    }
    tls_manager_free(&manager);
    if (look->keylog_fd >= 0)
        (void)close(look->keylog_fd);
    mem_free(look);
    return err;
}
