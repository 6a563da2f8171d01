/*
 * cert: the subcommands of postern cert, one function a word, as cli.h has it: argv[0] is the word
 * itself, what is returned is an exit status. A new one is declared here and gets a row in cert.c.
 */
#ifndef POSTERN_CLI_CERT_H
#define POSTERN_CLI_CERT_H

#include "cli/cli.h"

int cli_cert(int argc, char **argv);
int cli_cert_show(int argc, char **argv);
int cli_cert_check(int argc, char **argv);

int cli_cert_ca(int argc, char **argv);
int cli_cert_csr(int argc, char **argv);
int cli_cert_sign(int argc, char **argv);
int cli_cert_self_signed(int argc, char **argv);
int cli_cert_renew(int argc, char **argv);
int cli_cert_revoke(int argc, char **argv);
int cli_cert_crl(int argc, char **argv);

#endif
