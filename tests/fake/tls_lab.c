/*
 * tls_lab: see tls_lab.h. Certificates are minted anew by each test program; nothing is stored in
 * the repository that could expire.
 */
#include "tests/fake/tls_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/require.h"

static int64_t lab_wall_us(const struct clock *clock)
{
    const struct tls_lab_clock *lab = (const void *)clock;
    return lab->now_s * 1000000;
}

static int64_t lab_monotonic_ms(const struct clock *clock)
{
    const struct tls_lab_clock *lab = (const void *)clock;
    return lab->now_s * 1000;
}

struct pki_request tls_lab_request(void)
{
    static const char *const names[] = {"mx.example.org", "*.wild.example.org", "127.0.0.1"};

    return (struct pki_request){.common_name = "mx.example.org",
                                .dns_names = names,
                                .dns_name_count = sizeof names / sizeof *names,
                                .purposes = PKI_SERVER,
                                .not_before_s = TLS_LAB_NOW_S - TLS_LAB_DAY_S,
                                .not_after_s = TLS_LAB_NOW_S + TLS_LAB_DAY_S};
}

void tls_lab_write(const char *file, const char *text)
{
    struct fault fault;
    require(file_write_all(file, text, strlen(text), 0600, &fault) == 0);
}

void tls_lab_mint(struct tls_lab *lab, const struct pki_authority *authority,
                  const struct pki_request *request)
{
    char *chain = NULL, *key = NULL;
    struct fault fault;

    require(pki_mint(authority != NULL ? authority : lab->authority, request, &chain, &key,
                     &fault) == 0);
    tls_lab_write(lab->chain_file, chain);
    tls_lab_write(lab->key_file, key);
    mem_free(chain);
    mem_free(key);
}

void tls_lab_init(struct tls_lab *lab)
{
    const struct pki_request request = tls_lab_request();
    struct fault fault;

    *lab = (struct tls_lab){.dir = "/tmp/postern-tls-XXXXXX"};
    lab->clock.clock = (struct clock){.wall_us = lab_wall_us, .monotonic_ms = lab_monotonic_ms};
    lab->clock.now_s = TLS_LAB_NOW_S;
    require(mkdtemp(lab->dir) != NULL);
    (void)snprintf(lab->ca_file, sizeof lab->ca_file, "%s/ca.pem", lab->dir);
    (void)snprintf(lab->chain_file, sizeof lab->chain_file, "%s/server.pem", lab->dir);
    (void)snprintf(lab->key_file, sizeof lab->key_file, "%s/server-key.pem", lab->dir);
    lab->authority = pki_authority_create("Lab Authority", TLS_LAB_NOW_S - 9 * TLS_LAB_DAY_S,
                                          TLS_LAB_NOW_S + 9 * TLS_LAB_DAY_S, &fault);
    require(lab->authority != NULL);
    char *pem = pki_authority_certificate_pem(lab->authority);
    tls_lab_write(lab->ca_file, pem);
    mem_free(pem);
    tls_lab_mint(lab, NULL, &request);
    lab->settings = (struct settings_tls){.pairs = {{lab->chain_file, lab->key_file, ""}},
                                          .pair_count = 1,
                                          .trusted = lab->ca_file,
                                          .revocations = "",
                                          .client_certificate = "",
                                          .client_key = "",
                                          .ticket_key = "",
                                          .ticket_time_ms = 21600000,
                                          .server_profile = "intermediate",
                                          .client_profile = "intermediate"};
}

void tls_lab_deinit(struct tls_lab *lab)
{
    pki_authority_free(&lab->authority);
    (void)unlink(lab->ca_file);
    (void)unlink(lab->chain_file);
    (void)unlink(lab->key_file);
    (void)rmdir(lab->dir);
}

/* --- remarks --- */

static void on_remark(void *owner, const struct tls_remark *remark)
{
    struct tls_lab_ear *ear = owner;

    ear->count++;
    buf_printf(&ear->heard, "%s %s: %s\n", remark->level == LOG_ERROR ? "error" : "warn",
               remark->event, remark->why);
}

void tls_lab_ear_init(struct tls_lab_ear *ear)
{
    *ear = (struct tls_lab_ear){.remarks = {on_remark, ear}};
    buf_init(&ear->heard, 0);
}

bool tls_lab_ear_has(const struct tls_lab_ear *ear, const char *text)
{
    struct span heard = buf_span(&ear->heard);

    if (span_find(heard, span_of(text)) >= 0)
        return true;
    (void)fprintf(stderr, "heard nothing of \"%s\" but:\n%.*s\n", text, (int)heard.len, heard.ptr);
    return false;
}

void tls_lab_ear_deinit(struct tls_lab_ear *ear)
{
    buf_release(&ear->heard);
}

/* --- two ends --- */

static void on_push(void *owner, const struct span *parts, size_t count)
{
    struct tls_end *end = owner;

    end->push_count++;
    for (size_t i = 0; i < count; i++)
        buf_put(&end->out, parts[i]);
}

struct tls_wire tls_end_wire(struct tls_end *end)
{
    return (struct tls_wire){.in = &end->in, .push = on_push, .owner = end};
}

static void end_init(struct tls_end *end, struct tls_end *peer)
{
    *end = (struct tls_end){.peer = peer, .progress = TLS_MORE_INPUT, .err = ERR_AGAIN};
    fault_clear(&end->fault);
    buf_init(&end->in, 0);
    buf_init(&end->out, 0);
    buf_init(&end->clear, 0);
}

static void end_deinit(struct tls_end *end)
{
    tls_session_free(&end->session);
    buf_release(&end->in);
    buf_release(&end->out);
    buf_release(&end->clear);
}

void tls_pair_init(struct tls_pair *pair, size_t cut)
{
    *pair = (struct tls_pair){.cut = cut, .seed = 1};
    end_init(&pair->server, &pair->client);
    end_init(&pair->client, &pair->server);
}

void tls_pair_deinit(struct tls_pair *pair)
{
    end_deinit(&pair->server);
    end_deinit(&pair->client);
}

void tls_pair_start(struct tls_pair *pair, struct tls_manager *server, struct tls_manager *client,
                    const struct tls_client_policy *policy)
{
    const struct tls_wire server_wire = tls_end_wire(&pair->server);
    const struct tls_wire client_wire = tls_end_wire(&pair->client);

    if (server != NULL)
        pair->server.session = tls_session_accept(server, &server_wire, "smtp", NULL, 1);
    if (client != NULL)
        pair->client.session = tls_session_connect(client, &client_wire, policy, NULL, 2);
}

void tls_end_react(struct tls_end *end)
{
    char bytes[4096];

    if (end->session == NULL || end->progress == TLS_FAILED)
        return;
    if (end->progress != TLS_DONE)
        end->progress = tls_session_handshake(end->session, &end->fault);
    while (end->progress == TLS_DONE && (end->err == ERR_AGAIN || end->err == 0)) {
        int64_t ret = tls_session_read(end->session, bytes, sizeof bytes, &end->fault);
        end->err = ret > 0 ? 0 : (int)ret;
        if (ret <= 0)
            break;
        buf_put(&end->clear, span_make(bytes, (size_t)ret));
    }
}

static size_t pair_cut(struct tls_pair *pair, size_t len)
{
    if (pair->cut == 0 || len == 0)
        return len;
    pair->seed = pair->seed * 1103515245U + 12345U;
    size_t cut = pair->cut == 1 ? 1 : 1 + (pair->seed >> 8) % pair->cut;
    return cut < len ? cut : len;
}

static bool deliver(struct tls_pair *pair, struct tls_end *from)
{
    size_t len = pair_cut(pair, from->out.len);

    if (len == 0)
        return false;
    buf_put(&from->peer->in, span_first(buf_span(&from->out), len));
    buf_consume(&from->out, len);
    tls_end_react(from->peer);
    return true;
}

void tls_pair_run(struct tls_pair *pair)
{
    bool is_moving = true;

    tls_end_react(&pair->client);
    tls_end_react(&pair->server);
    while (is_moving) {
        is_moving = deliver(pair, &pair->client);
        is_moving = deliver(pair, &pair->server) || is_moving;
    }
}

void tls_end_say(struct tls_end *end, const char *text)
{
    struct span rest = span_of(text);

    while (rest.len > 0) {
        int64_t taken = tls_session_write(end->session, &rest, 1);
        require(taken > 0);
        rest = span_from(rest, (size_t)taken);
    }
}
