/*
 * route.c: postern route add|delete|list|test. What a route may say is checked where it is added
 * (admin/route.c); where mail goes is told by the relay's own look-up (queue/routes.h).
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/route.h"
#include "conf/route.h"
#include "mail/address.h"
#include "queue/routes.h"

static const char help[] =
    "postern route - which way mail for a domain goes, beside `routes` of the configuration\n"
    "\n"
    "  postern route add DOMAIN KEY=VALUE...   the keys are those of `routes`: via, host, port,\n"
    "                                          tls, verify, user, text, accept_from\n"
    "  postern route delete DOMAIN\n"
    "  postern route list                      those of the configuration are marked\n"
    "  postern route test ADDRESS              where mail for it goes, and why\n"
    "\n"
    "DOMAIN is example.org, .example.org (all domains below it) or \"*\" (all others). The more\n"
    "exact one is taken; of the same one in both places the configuration's. A password for user=\n"
    "is asked for on a terminal, else read from the first line of standard input, or of a file:\n"
    "password_file=PATH. The store keeps it in clear, in files that only the server may read.\n"
    "\n"
    "Works while the server runs and when it does not. What waits goes the new way when it is\n"
    "tried next; now: postern queue flush.\n"
    "\n"
    "Example: postern route add example.net via=lmtp host=/run/dovecot/lmtp accept_from=anyone\n"
    "         postern route add \"*\" via=host host=smtp.example.com tls=implicit user=alice\n"
    "         postern route add .example.com via=refuse text=\"moved away\"\n";

/* ---- add, delete, list ---------------------------------------------------------------------- */

static const char *configured_at(const struct settings *settings, struct span domain)
{
    const struct settings_relay *relay = &settings->relay;
    for (size_t i = 0; i < settings->server.domain_count; i++)
        if (span_is_nocase(domain, settings->server.domains[i]))
            return "`domains`";
    for (size_t i = 0; i < relay->route_domain_count; i++)
        if (span_is(domain, relay->route_domains[i].domain))
            return "`routes`";
    return NULL;
}

/* What stands in the configuration is changed there: a row of the store would do nothing. */
static bool is_free(const struct settings *settings, struct span domain)
{
    const char *place = configured_at(settings, domain);
    if (place != NULL)
        cli_complain("%.*s stands in %s of the configuration, which wins: change it there, then "
                     "SIGHUP",
                     (int)domain.len, domain.ptr, place);
    return place == NULL;
}

/* The words as given, without password_file; a password is read when there is a user. */
struct added {
    struct span words[3 + CONF_ROUTE_WORDS_MAX + 1];
    size_t count;
    const char *user, *password_file;
    char password[CLI_PASSWORD_SIZE + 16]; /* "password=" and it */
};

static int read_password_file(const struct added *added, char password_out[CLI_PASSWORD_SIZE])
{
    FILE *file = fopen(added->password_file, "re");
    if (file == NULL) {
        cli_complain("could not read %s: write the password into its first line",
                     added->password_file);
        return ERR_IO;
    }
    int err = cli_read_password(added->user, file, password_out);
    (void)fclose(file);
    return err;
}

static int take_words(struct added *added, char **words, int count)
{
    for (int i = 0; i < count; i++) {
        struct span word = span_of(words[i]);
        if (span_starts_nocase(word, span_of("password="))) {
            cli_complain("a password among the arguments can be read by everybody (ps): give it on "
                         "standard input, or password_file=PATH");
            return CLI_USAGE;
        }
        if (span_starts_nocase(word, span_of("password_file="))) {
            added->password_file = words[i] + strlen("password_file=");
            continue;
        }
        if (span_starts_nocase(word, span_of("user=")) && word.len > strlen("user="))
            added->user = words[i] + strlen("user=");
        if (added->count == 3 + CONF_ROUTE_WORDS_MAX)
            return cli_usage("route", "there are more words than a route has keys");
        added->words[added->count++] = word;
    }
    if (added->password_file != NULL && added->user == NULL)
        return cli_usage("route", "password_file is given without user=NAME");
    return CLI_OK;
}

static int take_password(struct added *added)
{
    char *at = stpcpy(added->password, "password=");
    if (added->user == NULL)
        return CLI_OK;
    int err = added->password_file != NULL ? read_password_file(added, at)
                                           : cli_given_password(added->user, at);
    if (err != 0)
        return CLI_COULD_NOT;
    added->words[added->count++] = span_of(added->password);
    return CLI_OK;
}

static int add(const struct settings *settings, struct span domain, char **words, int count)
{
    struct added added = {.words = {span_of("route"), span_of("add"), domain}, .count = 3};
    int status = take_words(&added, words, count);
    if (status == CLI_OK && !is_free(settings, domain))
        status = CLI_COULD_NOT;
    if (status == CLI_OK)
        status = take_password(&added);
    if (status == CLI_OK)
        status = cli_call(settings, added.words, added.count);
    explicit_bzero(added.password, sizeof added.password);
    return status;
}

static int delete_one(const struct settings *settings, struct span domain)
{
    const struct span words[] = {span_of("route"), span_of("delete"), domain};
    const char *place = configured_at(settings, domain);
    if (place != NULL)
        cli_complain("note: %.*s also stands in %s of the configuration", (int)domain.len,
                     domain.ptr, place);
    return cli_call(settings, words, 3);
}

static int list(const struct settings *settings)
{
    const struct span words[] = {span_of("route"), span_of("list")};
    const struct settings_relay *relay = &settings->relay;
    struct buf line;
    buf_init(&line, 0);
    for (size_t i = 0; i < relay->route_domain_count; i++) {
        const struct settings_route_domain *domain = &relay->route_domains[i];
        buf_puts(&line, domain->domain);
        conf_route_put(&relay->routes[domain->route], &line);
        buf_puts(&line, " (configuration)\n");
    }
    (void)fwrite(buf_span(&line).ptr, 1, line.len, stdout);
    (void)fflush(stdout);
    buf_release(&line);
    return cli_call(settings, words, 2);
}

/* ---- The command ---------------------------------------------------------------------------- */

/* DOMAIN in lower case, or NULL after a complaint. */
static const char *domain_of(char *name)
{
    const char *plain = name[0] == '.' ? name + 1 : name;
    bool is_domain = address_is_domain(span_of(plain)) && plain[0] != '[';
    if (!is_domain && strcmp(name, "*") != 0) {
        cli_complain("\"%s\" is no domain of a route; write it like example.org, .example.org (all "
                     "below it) or \"*\" (all others)",
                     name);
        return NULL;
    }
    for (char *c = name; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    return name;
}

static int run(const struct settings *settings, const struct cli_common *common)
{
    struct span verb = span_of(common->words[0]);
    if (span_is(verb, "list"))
        return list(settings);
    if (span_is(verb, "test"))
        return cli_route_test(settings, common->words[1]);
    const char *domain = domain_of(common->words[1]);
    if (domain == NULL)
        return CLI_COULD_NOT;
    return span_is(verb, "add")
               ? add(settings, span_of(domain), common->words + 2, common->word_count - 2)
               : delete_one(settings, span_of(domain));
}

int cli_route(int argc, char **argv)
{
    struct cli_common common;
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    struct span verb = common.word_count > 0 ? span_of(common.words[0]) : span_of("");
    bool is_list = span_is(verb, "list"), is_add = span_is(verb, "add");
    if (!is_list && !is_add && !span_is(verb, "delete") && !span_is(verb, "test"))
        return cli_usage("route", "expected add, delete, list or test");
    if (is_add && common.word_count < 3)
        return cli_usage("route", "add needs DOMAIN and at least via=...");
    if (!is_add && common.word_count != (is_list ? 1 : 2))
        return cli_usage("route", is_list ? "list takes no name" : "expected one name");

    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    status = run(settings, &common);
    conf_unref(&settings);
    return status;
}
