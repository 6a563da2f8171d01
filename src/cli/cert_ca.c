/*
 * cert_ca.c: postern cert ca: a private authority, built beside its place and then renamed, so an
 * interrupted one leaves nothing half made. What the directory holds is pki/authority_dir.h.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cert.h"
#include "cli/cert_make.h"

enum {
    ROOT_YEARS = 10,
    INTERMEDIATE_YEARS = 5, /* it signs every day, so it is changed more often */
    CRL_DAYS = 30,
    YEAR_DAYS = 365
};

static const char help[] =
    "postern cert ca - makes a private authority\n"
    "\n"
    "  postern cert ca --name NAME [--dir DIR] [--key-type TYPE] [--years N]\n"
    "  postern cert ca --renew [--dir DIR] [--root-key FILE] [--years N]\n"
    "\n"
    "Makes DIR with a root (root.pem, root-key.pem), which everybody trusts who should trust your\n"
    "certificates, and an intermediate (intermediate.pem, intermediate-key.pem), which the root\n"
    "signed and which signs all else. Once it is made, root-key.pem is not needed any more: take "
    "it\n"
    "offline. A DIR that holds anything is never overwritten.\n"
    "\n"
    "--renew gives the intermediate of DIR a new certificate before the old one ends; its key and\n"
    "name stay, and so does what it has signed. This one needs the root's key again.\n"
    "\n"
    "  --name NAME          whose authority it is, in words, at most 48 bytes\n"
    "  --dir DIR            where (default ./postern-ca)\n"
    "  --key-type TYPE      ecdsa (default), rsa, rsa-3072, rsa-4096 or ed25519\n"
    "  --years N            how long the root lasts, 1 to 30 (default 10); the intermediate lasts\n"
    "                       as long, but 5 years at most\n"
    "  --renew              see above; --years is then how long the intermediate lasts, up to 5\n"
    "  --root-key FILE      where the root's key is (default DIR/root-key.pem)\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern cert ca --name \"Example Org\"\n";

static int build(const char *work, const char *dir, const struct pki_authority_plan *plan)
{
    struct fault fault;

    if (mkdir(work, 0755) != 0) {
        cli_complain("could not make %s: %s", work, strerror(errno));
        return CLI_COULD_NOT;
    }
    if (pki_authority_dir_make(work, plan, &fault) != 0) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    if (rename(work, dir) != 0) {
        cli_complain("could not rename %s to %s: %s", work, dir, strerror(errno));
        return CLI_COULD_NOT;
    }
    cert_sync_place(dir);
    return CLI_OK;
}

static void tell(const char *dir, const struct pki_authority_plan *plan)
{
    char root[PKI_DATE_SIZE], intermediate[PKI_DATE_SIZE];

    (void)printf("made %s, the authority \"%s\" (%s)\n", dir, plan->organization,
                 pki_key_type_text(plan->key_type));
    (void)printf("  root.pem          valid until %s: give it to whoever should trust it\n",
                 pki_date_text(plan->root_not_after_s, root));
    (void)printf("  root-key.pem      is not needed from now on: move it to a medium that you lock "
                 "away\n");
    (void)printf("  intermediate.pem  valid until %s: signs your certificates\n",
                 pki_date_text(plan->intermediate_not_after_s, intermediate));
    (void)printf("  crl.pem           the list of revoked certificates, none yet\n");
    (void)printf("next: postern cert sign --dir %s --name mail.example.org --out server.pem "
                 "--out-key server-key.pem\n",
                 dir);
}

static int make_authority(const struct cert_options *options)
{
    unsigned years = options->years != 0 ? options->years : ROOT_YEARS;
    unsigned short_years = years < INTERMEDIATE_YEARS ? years : INTERMEDIATE_YEARS;
    int64_t now_s = cert_now_s(), year_s = (int64_t)YEAR_DAYS * CERT_DAY_S;
    const struct pki_authority_plan plan = {
        .organization = options->organization,
        .key_type = options->key_type,
        .now_s = now_s,
        .not_before_s = now_s - CERT_BACKDATE_S,
        .root_not_after_s = now_s + years * year_s,
        .intermediate_not_after_s = now_s + short_years * year_s,
        .next_update_s = now_s + (int64_t)CRL_DAYS * CERT_DAY_S,
    };
    char *dir = mem_strdup(options->dir);
    cli_cut_slashes(dir);
    char *work = mem_printf("%s.new-%ld", dir, (long)getpid());
    int status = cli_is_free_dir(dir) ? build(work, dir, &plan) : CLI_COULD_NOT;
    if (status == CLI_OK)
        tell(dir, &plan);
    else
        cli_remove_dir(work);
    mem_free(work);
    mem_free(dir);
    return status;
}

static int renew_intermediate(const struct cert_options *options)
{
    unsigned years = options->years != 0 ? options->years : INTERMEDIATE_YEARS;
    int64_t now_s = cert_now_s(), end_s = now_s + (int64_t)years * YEAR_DAYS * CERT_DAY_S;
    char date[PKI_DATE_SIZE];
    struct fault fault;

    if (years > INTERMEDIATE_YEARS)
        return cli_usage("cert ca", "an intermediate lasts at most 5 years: choose fewer --years");
    struct pki_authority_dir *dir = pki_authority_dir_open(options->dir, &fault);
    int err = dir != NULL ? pki_authority_dir_renew(dir, options->root_key, now_s - CERT_BACKDATE_S,
                                                    end_s, &fault)
                          : ERR_CONFIG;
    pki_authority_dir_close(&dir);
    if (err != 0) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    (void)printf("renewed %s/intermediate.pem: valid until %s\n", options->dir,
                 pki_date_text(end_s, date));
    (void)printf("next: take the root's key offline again, and have servers send the new "
                 "intermediate:\n  postern cert renew SERVER.pem --dir %s\n",
                 options->dir);
    return CLI_OK;
}

int cli_cert_ca(int argc, char **argv)
{
    static const char *const taken[] = {"authority-name", "dir",      "key-type", "years",
                                        "renew",          "root-key", NULL};
    static const struct cert_word word = {"cert ca", help, taken, NULL, false};
    struct cert_options options;
    int status;

    if (cert_options(argc, argv, &word, &options, &status) != CLI_OK)
        return status;
    if (options.renew && options.organization != NULL)
        return cli_usage("cert ca", "--renew keeps the name: leave --name out");
    if (options.renew)
        return renew_intermediate(&options);
    if (options.root_key != NULL)
        return cli_usage("cert ca", "--root-key goes with --renew");
    if (options.organization == NULL)
        return cli_usage("cert ca", "expected --name, whose authority it is");
    return make_authority(&options);
}
