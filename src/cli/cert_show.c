/*
 * cert_show.c: postern cert show: what certificate files say. Tests:
 * tests/clients/test_cert_check.py.
 */
#include <stdio.h>

#include "base/clock.h"
#include "cli/cert.h"
#include "cli/cert_print.h"
#include "pki/chain_file.h"

static const char help[] = "postern cert show - says what certificate files hold\n"
                           "\n"
                           "  postern cert show FILE...\n"
                           "\n"
                           "For each certificate: its names, issuer, dates, key, purposes and "
                           "fingerprints. Whether it is\n"
                           "good, postern cert check tells.\n"
                           "\n"
                           "Example: postern cert show /etc/postern/tls/server.pem\n";

static int show(const char *file, bool is_one_of_many)
{
    struct cert_print print;
    struct fault fault;
    struct pki_chain_file *chain = pki_chain_file_load(file, &fault);

    if (chain == NULL) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    if (is_one_of_many)
        (void)printf("%s\n", file);
    cert_print_init(&print, stdout, clock_wall_s(&clock_system));
    cert_print_chain(&print, chain->ders, chain->count, NULL);
    pki_chain_file_free(&chain);
    return CLI_OK;
}

int cli_cert_show(int argc, char **argv)
{
    int status = CLI_OK;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)fputs(help, stdout);
        return CLI_OK;
    }
    if (argc < 2)
        return cli_usage("cert show", "cert show wants a certificate file");
    if (argv[1][0] == '-' && argv[1][1] != '\0')
        return cli_usage("cert show", "cert show takes no options");
    for (int i = 1; i < argc; i++)
        if (show(argv[i], argc > 2) != CLI_OK)
            status = CLI_COULD_NOT;
    return status;
}
