/* The key log of an outbound session: labels, client random and secrets, and only where asked for.
 */
#include <gnutls/gnutls.h>

#include "base/buf.h"
#include "base/codec.h"
#include "check.h"
#include "tests/fake/tls_lab.h"
#include "tls/tls_internal.h"

static void on_line(void *owner, const char *line)
{
    struct buf *lines = owner;

    buf_puts(lines, line);
    buf_puts(lines, "\n");
}

static const struct keylog_case {
    const char *profile, *labels;
    size_t secret_len;
} cases[] = {
    {"modern",
     "CLIENT_HANDSHAKE_TRAFFIC_SECRET SERVER_HANDSHAKE_TRAFFIC_SECRET EXPORTER_SECRET "
     "CLIENT_TRAFFIC_SECRET_0 SERVER_TRAFFIC_SECRET_0",
     32},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:-CIPHER-ALL:+AES-128-GCM", "CLIENT_RANDOM",
     48},
};

/* Every label once, each with this session's client random and a secret of the right length. */
static void check_lines(const struct keylog_case *row, struct span lines, gnutls_session_t gnutls)
{
    struct span labels = span_of(row->labels);
    gnutls_datum_t client, server;
    char random[65];
    unsigned found = 0, wanted = 0, count = 0;

    gnutls_session_get_random(gnutls, &client, &server);
    codec_hex_encode(span_make((const char *)client.data, client.size), random);
    for (size_t i = 0; i < lines.len; i++)
        count += lines.ptr[i] == '\n';
    while (labels.len > 0) {
        struct span label = span_cut(&labels, ' '), rest = lines;
        wanted++;
        while (rest.len > 0) {
            struct span line = span_cut(&rest, '\n');
            if (!span_equal(span_cut(&line, ' '), label))
                continue;
            found++;
            check_span(span_cut(&line, ' '), random);
            check_int(line.len, 2 * row->secret_len);
        }
    }
    check_int(found, wanted);
    check_int(count, wanted);
}

static void run_case(const struct keylog_case *row, struct buf *lines)
{
    struct tls_lab lab;
    struct tls_pair pair;
    struct fault fault;
    struct tls_client_policy policy = {.server_name = "mx.example.org"};

    if (lines != NULL)
        policy.keylog = (struct tls_keylog){on_line, lines};
    tls_lab_init(&lab);
    lab.settings.trusted = lab.ca_file;
    lab.settings.client_profile = row->profile;
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    check(manager != NULL);
    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &policy);
    tls_pair_run(&pair);
    check_int(pair.client.progress, TLS_DONE);
    if (lines != NULL)
        check_lines(row, buf_span(lines), pair.client.session->gnutls);
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
    tls_lab_deinit(&lab);
}

TEST(test_keylog_has_every_secret_of_the_session)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf lines = {0};
        check_case = cases[i].profile;
        run_case(&cases[i], &lines);
        check(lines.len > 0);
        buf_wipe(&lines);
        run_case(&cases[i], NULL);
    }
}

CHECK_MAIN({"test_keylog_has_every_secret_of_the_session",
            test_keylog_has_every_secret_of_the_session})
