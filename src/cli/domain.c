/*
 * domain.c: postern domain add|delete|list.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "mail/address.h"

static const char help[] =
    "postern domain - domains whose mail is kept here, beside those of the configuration\n"
    "\n"
    "  postern domain add DOMAIN        mail for it is taken from now on\n"
    "  postern domain delete DOMAIN     refused while it has users or aliases\n"
    "  postern domain list              those of the configuration are marked\n"
    "\n"
    "The first domain of the configuration stays the one that names without a domain belong to.\n"
    "Works while the server runs and when it does not.\n"
    "\n"
    "Example: postern domain add example.net\n"
    "         postern user add carol@example.net\n";

static int list(const struct settings *settings)
{
    const struct span words[] = {span_of("domain"), span_of("list")};
    for (size_t i = 0; i < settings->server.domain_count; i++)
        (void)printf("%s (configuration)\n", settings->server.domains[i]);
    (void)fflush(stdout);
    return cli_call(settings, words, 2);
}

static bool is_configured(const struct settings *settings, struct span domain)
{
    for (size_t i = 0; i < settings->server.domain_count; i++) {
        if (span_is_nocase(domain, settings->server.domains[i]))
            return true;
    }
    return false;
}

static int change(const struct settings *settings, const char *verb, const char *name)
{
    struct span domain = span_of(name);
    if (!address_is_domain(domain) || name[0] == '[') {
        cli_complain("\"%s\" is not a domain; write it like example.org", name);
        return CLI_COULD_NOT;
    }
    if (is_configured(settings, domain)) {
        cli_complain("%s stands in `domains` of the configuration: change it there, then SIGHUP",
                     name);
        return CLI_COULD_NOT;
    }
    struct buf key;
    buf_init(&key, 0);
    address_key(&(struct address){.domain = domain}, &key);
    const struct span words[] = {span_of("domain"), span_of(verb), span_from(buf_span(&key), 1)};
    int status = cli_call(settings, words, 3);
    buf_release(&key);
    return status;
}

int cli_domain(int argc, char **argv)
{
    struct cli_common common;
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    struct span verb = common.word_count > 0 ? span_of(common.words[0]) : span_of("");
    if (!span_is(verb, "list") && !span_is(verb, "add") && !span_is(verb, "delete"))
        return cli_usage("domain", "expected add, delete or list");
    if (common.word_count != (span_is(verb, "list") ? 1 : 2))
        return cli_usage("domain", "add and delete need one DOMAIN, list none");

    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    status =
        span_is(verb, "list") ? list(settings) : change(settings, common.words[0], common.words[1]);
    conf_unref(&settings);
    return status;
}
