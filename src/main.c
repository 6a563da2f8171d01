/*
 * main.c: finds the subcommand. What each does is in its file under src/cli/.
 */
#include <stdio.h>

#include "cli/cert.h"
#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"init", cli_init, "makes a data directory: configuration, certificates, store, users"},
    {"serve", cli_serve, "runs the server in the foreground"},
    {"check", cli_check, "looks whether the configuration is usable"},
    {"user", cli_user, "add, passwd, delete, list: people who have a mailbox"},
    {"domain", cli_domain, "add, delete, list: domains whose mail is kept here"},
    {"alias", cli_alias, "add, delete, list: addresses that lead to others"},
    {"route", cli_route, "add, delete, list, test: which way mail for other domains goes"},
    {"message", cli_message, "the whole life of a message that went on"},
    {"queue", cli_queue, "list, show, retry, flush, hold, release, delete: mail on its way out"},
    {"cert", cli_cert, "keys, certificates and a private authority"},
    {"connect", cli_connect, "looks at a mail server and tells every step of its TLS"},
    {"dns", cli_dns, "the DNS records that a domain needs, and which are there"},
    {"version", cli_version, "prints the version"},
};

static void print_help(FILE *to)
{
    (void)fputs("postern - a mail server: SMTP, IMAP and POP3 with STARTTLS and implicit TLS\n"
                "\n"
                "  postern COMMAND [ARGUMENTS]\n"
                "\n",
                to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        (void)fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\n"
                "postern COMMAND --help tells more. To begin:\n"
                "\n"
                "  postern init --domain example.org --user alice\n"
                "  postern serve -c postern-data/postern.conf\n",
                to);
}

int main(int argc, char **argv)
{
    struct span name = argc > 1 ? span_of(argv[1]) : span_of("");
    if (span_is(name, "--help") || span_is(name, "-h") || span_is(name, "help")) {
        print_help(stdout);
        return CLI_OK;
    }
    if (span_is(name, "--version"))
        return cli_version(1, argv);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (span_is(name, commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        cli_complain("there is no command \"%s\"", argv[1]);
    print_help(stderr);
    return CLI_USAGE;
}
