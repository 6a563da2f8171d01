/*
 * cert_check.c: postern cert check: everything that is wrong with a certificate file, and what to
 * do. Tests: tests/clients/test_cert_check.py.
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cert.h"
#include "cli/cert_live.h"
#include "cli/cert_print.h"
#include "pki/chain_file.h"
#include "pki/portrait.h"
#include "pki/trust.h"

enum { STAPLE_SIZE_MAX = 64 * 1024 };

static const char help[] =
    "postern cert check - says what is wrong with a certificate, and what to do\n"
    "\n"
    "  postern cert check FILE [--key FILE] [--host NAME] [--purpose server|client]\n"
    "                     [--ca FILE] [--crl FILE] [--staple FILE]\n"
    "  postern cert check HOST:PORT [--starttls smtp|imap|pop3|lmtp] [--name NAME]\n"
    "                     [--ca FILE] [--crl FILE]\n"
    "\n"
    "  --starttls WORD  the live server's port begins in plaintext of that protocol; without it\n"
    "                   the usual ports are known, others speak TLS from the first byte\n"
    "  --name NAME      what to ask the live server for, and to find (default: HOST)\n"
    "  --key FILE       its private key: whether the two belong together\n"
    "  --host NAME      a name or address that clients use: whether the certificate has it\n"
    "  --purpose WORD   what it is for (default: server)\n"
    "  --ca FILE        the authorities to trust, PEM (default: the system's)\n"
    "  --crl FILE       revocation lists, PEM\n"
    "  --staple FILE    an OCSP response for it, DER\n"
    "  -h, --help       prints this text\n"
    "\n"
    "Each check is made whatever the others say. Exit status 0: nothing is wrong.\n"
    "\n"
    "Example: postern cert check server.pem --key server-key.pem --host mail.example.org\n"
    "         postern cert check mail.example.org:587\n";

struct check {
    const char *file, *key, *host, *ca, *crl, *staple_file, *starttls;
    enum pki_purpose purpose;
    struct pki_chain_file *chain;
    struct pki_trust *trust;
    char *staple;
    size_t staple_len;
};

static int take_purpose(struct check *check, const char *word)
{
    if (strcmp(word, "server") == 0)
        check->purpose = PKI_SERVER;
    else if (strcmp(word, "client") == 0)
        check->purpose = PKI_CLIENT;
    else
        return cli_usage("cert check", "--purpose wants server or client");
    return CLI_OK;
}

/* False: the option does not take text. */
static bool take_text(struct check *check, int option, const char *text)
{
    const struct {
        int option;
        const char **value;
    } texts[] = {{'k', &check->key}, {'n', &check->host},        {'a', &check->ca},
                 {'r', &check->crl}, {'s', &check->staple_file}, {'t', &check->starttls}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].option == option) {
            *texts[i].value = text;
            return true;
        }
    }
    return false;
}

/* CLI_OK to go on; else exit with *status_out. */
static int take_options(int argc, char **argv, struct check *check, int *status_out)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},      {"host", required_argument, NULL, 'n'},
        {"purpose", required_argument, NULL, 'p'},  {"ca", required_argument, NULL, 'a'},
        {"crl", required_argument, NULL, 'r'},      {"staple", required_argument, NULL, 's'},
        {"starttls", required_argument, NULL, 't'}, {"name", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},           {0}};
    int option, status = CLI_OK;

    optind = 1;
    while (status == CLI_OK && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'p')
            status = take_purpose(check, optarg);
        else if (!take_text(check, option, optarg)) {
            (void)fputs(option == 'h' ? help : "try: postern cert check --help\n",
                        option == 'h' ? stdout : stderr);
            *status_out = option == 'h' ? CLI_OK : CLI_USAGE;
            return CLI_USAGE;
        }
    }
    if (status == CLI_OK && optind != argc - 1)
        status = cli_usage("cert check", "cert check wants one certificate file or HOST:PORT");
    *status_out = status;
    check->file = argv[argc > optind ? optind : 0];
    return status;
}

/* A file that exists is meant, whatever it is called. */
static bool is_live(const struct check *check)
{
    return check->starttls != NULL ||
           (strchr(check->file, ':') != NULL && access(check->file, F_OK) != 0);
}

static int load(struct check *check, struct fault *fault)
{
    bool is_empty = false;

    if (!is_live(check) && (check->chain = pki_chain_file_load(check->file, fault)) == NULL)
        return ERR_CONFIG;
    check->trust = pki_trust_create(check->ca, check->crl, &is_empty, fault);
    if (check->trust == NULL)
        return ERR_CONFIG;
    if (is_empty)
        cli_complain("there is no %s: nothing is trusted; name authorities with --ca FILE",
                     PKI_SYSTEM_AUTHORITIES);
    if (check->staple_file == NULL)
        return 0;
    return file_read_all(check->staple_file, STAPLE_SIZE_MAX, &check->staple, &check->staple_len,
                         fault);
}

static void unload(struct check *check)
{
    pki_chain_file_free(&check->chain);
    pki_trust_free(&check->trust);
    mem_free(check->staple);
}

/* Without a name to look for, that there is none at all still shows. */
static void print_names(struct cert_print *print, const struct check *check)
{
    struct pki_portrait *portrait = pki_portrait_create(check->chain->ders[0]);

    if (check->host == NULL && check->purpose == PKI_SERVER && portrait != NULL &&
        portrait->name_count == 0)
        cert_print_line(print, PKI_CHECK_NO_SAN, "names", pki_check_sentence(PKI_CHECK_NO_SAN),
                        NULL);
    pki_portrait_free(&portrait);
}

static void print_key(struct cert_print *print, const struct check *check)
{
    struct fault fault;

    if (check->key == NULL)
        cert_print_line(print, PKI_CHECK_NOT_DONE, "key", "no key was named (--key FILE)", NULL);
    else if (pki_chain_file_check_key(check->key, check->chain->ders[0], &fault) == 0)
        cert_print_line(print, PKI_CHECK_GOOD, "key", "the private key is the certificate's", NULL);
    else
        cert_print_line(print, PKI_CHECK_OTHER, "key", fault.text,
                        fault.err == ERR_INVALID
                            ? "name the pair that was made together; if the key is lost, make a "
                              "new one and get a new certificate"
                            : "name a readable PEM file with one private key");
}

static int run(struct check *check)
{
    int64_t now_s = clock_wall_s(&clock_system);
    const struct pki_case of = {
        .chain = check->chain->ders,
        .chain_count = check->chain->count,
        .name = check->host,
        .purpose = check->purpose,
        .staple = span_make(check->staple != NULL ? check->staple : "", check->staple_len),
        .had_staple_chance = check->staple_file != NULL,
        .now_s = now_s};
    struct pki_findings findings;
    struct cert_print print;

    pki_judge(check->trust, &of, &findings);
    cert_print_init(&print, stdout, now_s);
    cert_print_chain(&print, check->chain->ders, check->chain->count, &findings);
    cert_print_findings(&print, &findings);
    print_names(&print, check);
    print_key(&print, check);
    return print.is_all_well ? CLI_OK : CLI_COULD_NOT;
}

static int run_live(const struct check *check)
{
    const struct cert_live live = {.target = check->file,
                                   .starttls = check->starttls,
                                   .name = check->host,
                                   .authorities = check->ca,
                                   .revocations = check->crl,
                                   .trust = check->trust};

    if (check->key != NULL || check->staple_file != NULL || check->purpose != PKI_SERVER)
        return cli_usage("cert check", "--key, --staple and --purpose are for files");
    return cert_live_check(&live);
}

int cli_cert_check(int argc, char **argv)
{
    struct check check = {.ca = "", .crl = "", .purpose = PKI_SERVER};
    struct fault fault;
    int status = CLI_OK;

    if (take_options(argc, argv, &check, &status) != CLI_OK)
        return status;
    if (load(&check, &fault) == 0) {
        status = is_live(&check) ? run_live(&check) : run(&check);
    } else {
        cli_complain("%s", fault.text);
        status = CLI_COULD_NOT;
    }
    unload(&check);
    return status;
}
