/*
 * The property of the upgrade, for every protocol session of the program, server and client: no
 * byte that came before the handshake reaches a handler behind it. What is injected carries a
 * marker; the spies know who was shown it. All places and all pairs of cuts, none sampled where
 * plaintext is spoken. The engine's own tests are in test_net_upgrade.c.
 */
#include "base/log.h"
#include "check.h"
#include "tests/fake/upgrade_stage.h"

static bool has_marker(const struct buf *seen)
{
    return span_find(buf_span(seen), span_of("marker")) >= 0;
}

static struct span join(struct buf *buf, const char *a, const char *b, const char *c)
{
    buf_clear(buf);
    buf_printf(buf, "%s%s%s", a, b, c);
    return buf_span(buf);
}

/* Behind the command nothing is a command, on neither side, wherever the network cuts. */
TEST(test_a_server_runs_nothing_behind_the_command_however_it_is_cut)
{
    struct buf text;
    buf_init(&text, 0);
    for (size_t row = 0; row < STAGE_SERVER_COUNT; row++) {
        const struct stage_server_row *server = &stage_servers[row];
        const struct spy *spy = stage_server_spy(row);
        struct span bytes = join(&text, server->before, server->command, server->injected);
        size_t command_end = strlen(server->before) + strlen(server->command);
        check_case = server->name;
        for (size_t a = 1; a <= bytes.len; a++) {
            for (size_t b = a; b <= bytes.len; b++) {
                stage_raw_client(row, bytes, (const size_t[STAGE_CUTS_MAX]){a, b});
                if (has_marker(&spy->plain) || spy->secure.len > 0 || spy->secure_count > 0)
                    CHECK_FAILED("cut at %zu and %zu: \"%.*s\"", a, b, (int)spy->plain.len,
                                 spy->plain.data);
            }
        }
        /* The command itself arrives: the test would see what followed it. */
        check_int(spy->plain.len + 2, command_end);
    }
    buf_release(&text);
}

TEST(test_a_client_takes_nothing_behind_the_go_ahead_however_it_is_cut)
{
    struct buf text;
    buf_init(&text, 0);
    for (size_t row = 0; row < STAGE_CLIENT_COUNT; row++) {
        const struct stage_client_row *client = &stage_clients[row];
        const struct spy *spy = stage_client_spy(row);
        struct span bytes = join(&text, client->go_ahead, client->injected, "");
        check_case = client->name;
        for (size_t a = 1; a <= bytes.len; a++) {
            for (size_t b = a; b <= bytes.len; b++) {
                stage_raw_server(row, bytes, (const size_t[STAGE_CUTS_MAX]){a, b});
                if (has_marker(&spy->plain) || spy->secure.len > 0 || spy->secure_count > 0)
                    CHECK_FAILED("cut at %zu and %zu: \"%.*s\"", a, b, (int)spy->plain.len,
                                 spy->plain.data);
            }
        }
    }
    buf_release(&text);
}

/* Everything at once, before it was asked for: the client takes it for answers, up to the go-ahead.
 */
TEST(test_a_server_that_says_all_in_advance_is_given_up)
{
    struct buf text;
    buf_init(&text, 0);
    for (size_t row = 0; row < STAGE_CLIENT_COUNT; row++) {
        const struct stage_client_row *client = &stage_clients[row];
        const struct spy *spy = stage_client_spy(row);
        struct span bytes = join(&text, client->offers, client->go_ahead, client->injected);
        check_case = client->name;
        for (size_t a = 1; a <= bytes.len; a++) {
            stage_raw_server(row, bytes, (const size_t[STAGE_CUTS_MAX]){a, bytes.len});
            check(!has_marker(&spy->secure) && spy->secure_count == 0);
        }
    }
    buf_release(&text);
}

/* --- somebody on the way, and both ends are ours --- */

struct seen {
    struct buf server, client; /* what was fed on the secure side where nobody interferes */
};

static void learn(size_t row, struct seen *seen)
{
    const struct spy *server = stage_server_spy(stage_clients[row].server);
    const struct spy *client = stage_client_spy(row);
    buf_init(&seen->server, 0);
    buf_init(&seen->client, 0);
    stage_pair(row, SPOIL_OUT, 0, span_of(""), SIM_WHOLE);
    check(server->secure_count == 1 && client->secure_count == 1);
    check(server->secure.len > 0 && client->secure.len > 0);
    buf_put(&seen->server, buf_span(&server->secure));
    buf_put(&seen->client, buf_span(&client->secure));
}

static bool is_beginning_of(const struct buf *part, const struct buf *whole)
{
    return span_starts(buf_span(whole), buf_span(part));
}

static void inject(size_t row, enum spoil_way way, uint64_t at, const struct seen *seen)
{
    static const enum sim_cut cuts[] = {SIM_WHOLE, SIM_CUTS, SIM_BYTES};
    const struct stage_client_row *client = &stage_clients[row];
    const char *text = way == SPOIL_OUT ? stage_servers[client->server].injected : client->injected;
    stage_pair(row, way, at, span_of(text), cuts[at % 3]);
    if (!is_beginning_of(&stage_server_spy(client->server)->secure, &seen->server) ||
        !is_beginning_of(&stage_client_spy(row)->secure, &seen->client))
        CHECK_FAILED("%s at %llu", way == SPOIL_OUT ? "to the server" : "to the client",
                     (unsigned long long)at);
}

/* All plaintext and the first record of the handshake at every byte, the rest in steps. */
TEST(test_nothing_injected_on_the_way_is_seen_behind_the_handshake)
{
    enum { OUT_EACH = 420, OUT_END = 800, IN_EACH = 420, IN_END = 2400, STEP = 5 };
    for (size_t row = 0; row < STAGE_CLIENT_COUNT; row++) {
        struct seen seen;
        check_case = stage_clients[row].name;
        learn(row, &seen);
        for (uint64_t at = 0; at < OUT_END; at += at < OUT_EACH ? 1 : STEP)
            inject(row, SPOIL_OUT, at, &seen);
        for (uint64_t at = 0; at < IN_END; at += at < IN_EACH ? 1 : STEP)
            inject(row, SPOIL_IN, at, &seen);
        buf_release(&seen.server);
        buf_release(&seen.client);
    }
}

#define ROW(name)                                                                                  \
    {                                                                                              \
#name, name                                                                                \
    }

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        ROW(test_a_server_runs_nothing_behind_the_command_however_it_is_cut),
        ROW(test_a_client_takes_nothing_behind_the_go_ahead_however_it_is_cut),
        ROW(test_a_server_that_says_all_in_advance_is_given_up),
        ROW(test_nothing_injected_on_the_way_is_seen_behind_the_handshake),
    };
    log_set_level(LOG_NONE);
    stage_begin();
    int failed = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    stage_end();
    return failed;
}
