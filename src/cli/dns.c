/*
 * dns.c: `postern dns DOMAIN`: the records that a domain needs for its mail, and which of them are
 * there. What is wanted is dns_plan.c's, the questions dns_look.c's, the words dns_print.c's.
 * Tests: tests/clients/test_dns.py.
 */
#include "cli/dns.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ink.h"
#include "conf/syntax.h"

static const char help[] =
    "postern dns - the DNS records that a domain needs for its mail, and which are there\n"
    "\n"
    "  postern dns DOMAIN [--json] [--resolver ADDRESS]\n"
    "\n"
    "  --json              one JSON object instead of words\n"
    "  --resolver ADDRESS  a DNS server, with an optional port (default: relay.resolver, else\n"
    "                      the system's)\n"
    "\n"
    "Names and ports come from the configuration, the key of TLSA records from its certificates.\n"
    "Lines for the zone file are printed for what is missing. DKIM is left out: Postern does not\n"
    "sign. Exit status 0: all is there; 1: something is missing or differs.\n"
    "\n"
    "Example: postern dns example.org --resolver 9.9.9.9\n";

struct words {
    const char *resolver; /* NULL: as configured */
    bool is_json;
};

/* Takes our options out of argv; what is left is for cli_common(). */
static int take_words(int *argc, char **argv, struct words *words)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        struct span word = span_of(argv[i]), prefix = span_of("--resolver=");
        if (span_is(word, "--json")) {
            words->is_json = true;
        } else if (span_is(word, "--resolver")) {
            if (++i == *argc)
                return cli_usage("dns", "--resolver wants an address");
            words->resolver = argv[i];
        } else if (span_starts(word, prefix)) {
            words->resolver = argv[i] + prefix.len;
        } else {
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    *argc = kept;
    const char *wrong = words->resolver == NULL ? NULL : conf_syntax_resolver(words->resolver);
    if (wrong == NULL)
        return CLI_OK;
    cli_complain("--resolver %s %s", words->resolver, wrong);
    return CLI_USAGE;
}

static void print(const struct dns_plan *plan, bool is_json)
{
    struct buf text;
    struct ink ink = {.out = &text, .has_colour = ink_wants_colour(STDOUT_FILENO)};
    buf_init(&text, 0);
    if (is_json)
        dns_json(&text, plan);
    else
        dns_print(&ink, plan);
    struct span bytes = buf_span(&text);
    (void)fwrite(bytes.ptr, 1, bytes.len, stdout);
    (void)fflush(stdout);
    buf_release(&text);
}

static int run(const struct settings *settings, const char *domain, const struct words *words)
{
    struct dns_plan plan;
    struct fault fault;
    const char *resolver = words->resolver != NULL ? words->resolver : settings->relay.resolver;
    int status = CLI_COULD_NOT;
    dns_plan_init(&plan, settings, domain);
    if (dns_look(&plan, resolver, &fault) != 0) {
        cli_complain("%s", fault.text);
    } else {
        print(&plan, words->is_json);
        status = dns_count_lacking(&plan) == 0 ? CLI_OK : CLI_COULD_NOT;
    }
    dns_plan_deinit(&plan);
    return status;
}

int cli_dns(int argc, char **argv)
{
    struct words words = {0};
    struct cli_common common;
    int status = take_words(&argc, argv, &words);
    if (status != CLI_OK || cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    if (common.word_count != 1)
        return cli_usage("dns", "dns wants one domain");
    char *domain = common.words[0];
    size_t len = strlen(domain);
    if (len > 1 && domain[len - 1] == '.')
        domain[len - 1] = '\0';
    const char *wrong = conf_syntax_hostname(domain);
    if (wrong != NULL) {
        cli_complain("\"%s\" %s", domain, wrong);
        return CLI_USAGE;
    }
    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    status = run(settings, domain, &words);
    conf_unref(&settings);
    return status;
}
