/*
 * cert_live.c: postern cert check HOST:PORT: a handshake as postern connect makes it, no word more,
 * and the certificates that it brought. Tests: tests/clients/test_cert_live.py.
 */
#include "cli/cert_live.h"

#include <stdio.h>

#include "cli/cert_print.h"
#include "cli/cli.h"
#include "cli/connect.h"

enum { TIMEOUT_MS = 10000 };

/* 0, or complains. */
static int take_options(const struct cert_live *live, struct connect_options *options)
{
    *options = (struct connect_options){.name = live->name,
                                        .authorities = live->authorities,
                                        .revocations = live->revocations,
                                        .profile = "intermediate",
                                        .timeout_ms = TIMEOUT_MS,
                                        .security = CONN_IMPLICIT,
                                        .is_handshake_only = true};
    if (live->starttls != NULL) {
        options->security = CONN_PLAIN;
        options->has_security = options->has_protocol = true;
        if (!probe_protocol_parse(span_of(live->starttls), &options->protocol))
            return cli_usage("cert check", "--starttls takes smtp, imap, pop3 or lmtp");
    }
    int err = connect_options_target(options, live->target);
    if (err != 0)
        return err;
    if (options->port == 0 && live->starttls == NULL)
        return cli_usage("cert check", "name a port, or a protocol with --starttls");
    /* TLS from the first byte needs no protocol: none is spoken. */
    options->has_protocol = options->has_protocol || !connect_is_usual_port(options->port);
    return connect_options_complete(options, "cert check");
}

/* Why there is no chain to be judged. */
static void complain_of(const struct connect_record *record)
{
    const struct connect_options *options = record->options;
    bool is_refused = record->has_result && record->result != PROBE_DONE;

    if (is_refused)
        cli_complain("%s:%u showed no certificate: %s%s%s; %s", options->host, options->port,
                     probe_result_sentence(record->result), record->words[0] != '\0' ? ": " : "",
                     record->words, probe_result_advice(record->result));
    else if (record->opened_us == 0)
        cli_complain("could not connect to %s:%u: look whether the server runs, listens there, and "
                     "no firewall is between",
                     options->host, options->port);
    else
        cli_complain("%s:%u showed no certificate: %s; %s", options->host, options->port,
                     record->fault.text,
                     options->security == CONN_IMPLICIT
                         ? "if the port begins in plaintext, say --starttls PROTOCOL"
                         : "look at the server's log");
}

static int judge(const struct cert_live *live, const struct connect_record *record)
{
    const struct connect_options *options = record->options;
    struct span chain[CONNECT_CHAIN_MAX], staple;
    struct pki_findings findings;
    struct cert_print print;
    int64_t now_s = record->began_us / 1000000;

    size_t count = connect_record_chain(record, chain, &staple);
    if (count == 0) {
        complain_of(record);
        return CLI_COULD_NOT;
    }
    const struct pki_case of = {.chain = chain,
                                .chain_count = count,
                                .name = options->name,
                                .purpose = PKI_SERVER,
                                .staple = staple,
                                .had_staple_chance = true,
                                .now_s = now_s};
    pki_judge(live->trust, &of, &findings);
    (void)printf("%s:%u (%s), by %s:\n\n", options->host, options->port, record->address,
                 connect_style_text(options->security));
    cert_print_init(&print, stdout, now_s);
    cert_print_chain(&print, chain, count, &findings);
    cert_print_findings(&print, &findings);
    return print.is_all_well ? CLI_OK : CLI_COULD_NOT;
}

int cert_live_check(const struct cert_live *live)
{
    struct connect_options options;
    struct connect_record record;
    struct fault fault;
    int status = CLI_USAGE;

    if (take_options(live, &options) == 0) {
        connect_record_init(&record, &options);
        if (connect_run(&options, &record, &fault) == 0) {
            status = judge(live, &record);
        } else {
            cli_complain("%s", fault.text);
            status = CLI_COULD_NOT;
        }
        connect_record_deinit(&record);
    }
    connect_options_deinit(&options);
    return status;
}
