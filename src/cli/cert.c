/*
 * cert.c: postern cert: finds the word behind it. What each word does is in its file cert_*.c.
 */
#include "cli/cert.h"

#include <stdio.h>

static int cli_cert_help(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"ca", cli_cert_ca, "makes a private authority: a root and an intermediate"},
    {"csr", cli_cert_csr, "makes a key and a signing request, for a public authority or ours"},
    {"sign", cli_cert_sign, "signs a request, or makes a key and its certificate at once"},
    {"self-signed", cli_cert_self_signed, "makes a key and a certificate without an authority"},
    {"renew", cli_cert_renew, "replaces a certificate by one with new dates"},
    {"revoke", cli_cert_revoke, "says that a certificate counts no more"},
    {"crl", cli_cert_crl, "makes the list of revoked certificates anew"},
    {"show", cli_cert_show, "says what certificate files hold"},
    {"check", cli_cert_check, "says what is wrong with a certificate, and what to do"},
    {"help", cli_cert_help, "prints this text"},
};

static void print_help(FILE *to)
{
    (void)fputs("postern cert - keys, certificates and a private authority\n"
                "\n"
                "  postern cert COMMAND [ARGUMENTS]\n"
                "\n",
                to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        (void)fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\npostern cert COMMAND --help tells more, with an example of each. To begin:\n"
                "\n"
                "  postern cert ca --name \"Example Org\"\n"
                "  postern cert sign --name mail.example.org --out server.pem --out-key "
                "server-key.pem\n",
                to);
}

static int cli_cert_help(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return cli_usage("cert", "help takes nothing behind it");
    print_help(stdout);
    return CLI_OK;
}

int cli_cert(int argc, char **argv)
{
    struct span name = argc > 1 ? span_of(argv[1]) : span_of("");
    if (span_is(name, "--help") || span_is(name, "-h"))
        return cli_cert_help(1, argv);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (span_is(name, commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        cli_complain("there is no command \"cert %s\"", argv[1]);
    print_help(stderr);
    return CLI_USAGE;
}
