/*
 * user.c: postern user add|passwd|delete|list. Passwords become verifiers here: they never travel.
 */
#include <stdio.h>

#include "auth/auth.h"
#include "cli/cli.h"
#include "crypto/random.h"

static const char help[] =
    "postern user - the people who have a mailbox\n"
    "\n"
    "  postern user add NAME[:PASSWORD]      a new user with INBOX, Drafts, Sent, Trash, Junk\n"
    "  postern user passwd NAME[:PASSWORD]   a new password\n"
    "  postern user delete NAME              removes the user and all mail\n"
    "  postern user list\n"
    "\n"
    "NAME is an address; without a domain it belongs to the first domain of the configuration.\n"
    "Without :PASSWORD it is asked for on a terminal, or read as one line from standard input;\n"
    "when that is empty, a password is made and printed.\n"
    "\n"
    "Works while the server runs and when it does not.\n"
    "\n"
    "Example: postern user add alice@example.org\n";

static int make_verifier(const struct settings *settings, const char *name, const char *given,
                         char verifier_out[STORE_VERIFIER_SIZE])
{
    char password[CLI_PASSWORD_SIZE];
    int err = cli_password(name, given, password);
    if (err != 0)
        return err;
    err = auth_make_verifier(span_of(password), settings->auth.iteration_count, &random_system,
                             verifier_out);
    explicit_bzero(password, sizeof password);
    if (err != 0)
        cli_complain("the password for %s cannot be used: it must be 1 to %d bytes of UTF-8", name,
                     AUTH_PASSWORD_MAX);
    return err;
}

static int call(const struct settings *settings, const char *verb, char *name)
{
    char verifier[STORE_VERIFIER_SIZE] = "";
    bool has_password = span_is(span_of(verb), "add") || span_is(span_of(verb), "passwd");
    char *given = has_password ? cli_cut_password(name) : NULL;
    struct buf key;
    buf_init(&key, 0);
    int status = CLI_COULD_NOT;
    const struct settings_server *server = &settings->server;
    bool is_new = span_is(span_of(verb), "add");
    if (cli_address(name, server->domains[0], &key) == 0 &&
        (!is_new || cli_is_kept(buf_span(&key), settings)) &&
        (!has_password || make_verifier(settings, name, given, verifier) == 0)) {
        const struct span words[] = {span_of("user"), span_of(verb), buf_span(&key),
                                     span_of(verifier)};
        status = cli_call(settings, words, has_password ? 4 : 3);
    }
    explicit_bzero(verifier, sizeof verifier);
    if (given != NULL)
        explicit_bzero(given, strlen(given)); /* ps(1) shows arguments */
    buf_release(&key);
    return status;
}

int cli_user(int argc, char **argv)
{
    struct cli_common common;
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    struct span verb = common.word_count > 0 ? span_of(common.words[0]) : span_of("");
    bool is_list = span_is(verb, "list");
    if (!is_list && !span_is(verb, "add") && !span_is(verb, "passwd") && !span_is(verb, "delete"))
        return cli_usage("user", "expected add, passwd, delete or list");
    if (common.word_count != (is_list ? 1 : 2))
        return cli_usage("user", is_list ? "list takes no name" : "expected one NAME");

    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    if (is_list) {
        const struct span words[] = {span_of("user"), span_of("list")};
        status = cli_call(settings, words, 2);
    } else {
        status = call(settings, common.words[0], common.words[1]);
    }
    conf_unref(&settings);
    return status;
}
