/*
 * cert_renew.c: postern cert renew: the same certificate with new dates and another serial number,
 * in place of the old one.
 */
#include <stdio.h>

#include "base/mem.h"
#include "cli/cert.h"
#include "cli/cert_make.h"
#include "pki/certificate.h"
#include "pki/name.h"

static const char help[] =
    "postern cert renew - replaces a certificate by one with new dates\n"
    "\n"
    "  postern cert renew CERT [--key FILE [--new-key]] [--days N]\n"
    "                     [--dir DIR | --ca FILE --ca-key FILE]\n"
    "\n"
    "The new certificate has the names, purpose and key of the old one; it is signed by the\n"
    "authority, or by its own key when the old one was. CERT is replaced in one step, and what "
    "was\n"
    "there stays as CERT.old: a running server that watches its files takes the new one by "
    "itself.\n"
    "A revoked certificate is not renewed.\n"
    "\n"
    "  --key FILE           the certificate's key: needed when it is self-signed, and for "
    "--new-key\n"
    "  --new-key            makes a new key of the same type and puts it into that FILE first; "
    "the\n"
    "                       old one stays as FILE.old\n"
    "  --days N             how long it lasts (default: as long as the old one, within the limits\n"
    "                       that postern cert sign --help tells)\n"
    "  --dir DIR            the authority (default ./postern-ca)\n"
    "  --ca FILE, --ca-key FILE\n"
    "                       another authority's certificate and key\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern cert renew server.pem --key server-key.pem --new-key\n";

/* The old certificate, what is to come, and the keys on the way. */
struct renewal {
    const struct cert_options *options;
    struct cert_issuer issuer;
    struct pki_certificate *old;
    struct pki_key *key; /* the one to certify; NULL: the old certificate's, which is not here */
};

static int refuse(const struct fault *fault)
{
    cli_complain("%s", fault->text);
    return CLI_COULD_NOT;
}

static int open_issuer(struct renewal *renewal)
{
    const struct pki_certificate_facts *facts = pki_certificate_facts(renewal->old);
    int64_t revoked_s = 0;
    char date[PKI_DATE_SIZE];

    if (facts->is_self_signed)
        return CLI_OK;
    int status = cert_issuer_open(renewal->options, &renewal->issuer);
    if (status != CLI_OK)
        return status;
    if (!pki_authority_has_signed(renewal->issuer.signer, renewal->old)) {
        cli_complain("%s was not signed by this authority: name the one that did, with --dir or "
                     "--ca, or have it renewed where it was made",
                     renewal->options->word);
        return CLI_COULD_NOT;
    }
    if (renewal->issuer.dir == NULL)
        return CLI_OK;
    if (pki_authority_dir_look_up(renewal->issuer.dir, facts->serial, &revoked_s) == 0 &&
        revoked_s != 0) {
        cli_complain("%s was revoked on %s and is not renewed: make a new one with postern cert "
                     "sign",
                     renewal->options->word, pki_date_text(revoked_s, date));
        return CLI_COULD_NOT;
    }
    return CLI_OK;
}

static int take_key(struct renewal *renewal)
{
    const struct cert_options *options = renewal->options;
    struct fault fault;

    if (options->key == NULL)
        return CLI_OK;
    renewal->key = pki_key_load(options->key, &fault);
    if (renewal->key == NULL)
        return refuse(&fault);
    if (!pki_certificate_fits(renewal->old, renewal->key)) {
        cli_complain("%s is not the key of %s: name the one that is, so that a pair stays a pair",
                     options->key, options->word);
        return CLI_COULD_NOT;
    }
    if (!options->new_key)
        return CLI_OK;
    pki_key_free(&renewal->key);
    renewal->key = pki_key_create(pki_certificate_facts(renewal->old)->key_type, &fault);
    return renewal->key != NULL ? CLI_OK : refuse(&fault);
}

/* Everything the old one says, but for its dates. */
static int fill_request(const struct renewal *renewal, struct pki_request *out)
{
    const struct pki_certificate_facts *facts = pki_certificate_facts(renewal->old);
    struct fault fault;

    *out = (struct pki_request){.dns_names = (const char *const *)facts->names,
                                .dns_name_count = facts->name_count,
                                .purposes = facts->purposes,
                                .must_staple = facts->must_staple,
                                .ocsp_url = facts->ocsp_url,
                                .crl_url = facts->crl_url,
                                .issuer_url = facts->issuer_url};
    for (size_t i = 0; i < facts->name_count; i++) {
        if (pki_name_check(span_of(facts->names[i]), &fault) != 0)
            return refuse(&fault);
    }
    if (facts->is_authority || facts->name_count == 0) {
        cli_complain("%s %s: it is not renewed; make a new one with postern cert %s",
                     renewal->options->word,
                     facts->is_authority ? "is an authority's" : "has no names",
                     facts->is_authority ? "ca" : "sign");
        return CLI_COULD_NOT;
    }
    if (facts->has_other_names) {
        cli_complain("%s has more than %d names, or some that are neither hosts, addresses nor "
                     "e-mail, and would lose them: renew it where it was made",
                     renewal->options->word, PKI_CERTIFICATE_NAMES_MAX);
        return CLI_COULD_NOT;
    }
    out->common_name = facts->names[0];
    int64_t days = (facts->not_after_s - facts->not_before_s) / CERT_DAY_S;
    return cert_set_dates(&renewal->issuer, renewal->options->days,
                          days > 0 && days < INT32_MAX ? (unsigned)days : 1, out);
}

static void tell(const struct renewal *renewal, const struct pki_certificate *certificate)
{
    const struct cert_options *options = renewal->options;

    if (options->new_key)
        (void)printf("made a new key, %s; the old one is %s.old\n", options->key, options->key);
    (void)printf("renewed %s; the old one is %s.old\n", options->word, options->word);
    cert_tell(certificate);
    (void)printf("next: a running server that watches its files takes it by itself; else send it "
                 "SIGHUP\n");
    if (options->new_key && !pki_certificate_facts(renewal->old)->is_self_signed)
        (void)printf("if the old key was lost to others: postern cert revoke %s.old --reason "
                     "keyCompromise\n",
                     options->word);
}

static int replace(const struct renewal *renewal, const char *chain)
{
    const struct cert_options *options = renewal->options;

    if (!options->new_key)
        return cert_replace_pair(NULL, NULL, options->word, chain);
    char *pem = pki_key_pem(renewal->key);
    int status = cert_replace_pair(options->key, pem, options->word, chain);
    pki_key_pem_free(pem);
    return status;
}

static int renew(struct renewal *renewal)
{
    struct pki_certificate *certificate = NULL;
    struct pki_request request;
    char *chain = NULL;
    int status = open_issuer(renewal);

    if (status == CLI_OK)
        status = fill_request(renewal, &request);
    if (status == CLI_OK)
        status = take_key(renewal);
    const struct pki_holder holder = {.key = renewal->key, .certificate = renewal->old};
    if (status == CLI_OK)
        status = cert_issue(&renewal->issuer, holder, &request, &chain, &certificate);
    if (status == CLI_OK)
        status = replace(renewal, chain);
    if (status == CLI_OK)
        tell(renewal, certificate);
    mem_free(chain);
    pki_certificate_free(&certificate);
    return status;
}

int cli_cert_renew(int argc, char **argv)
{
    static const char *const taken[] = {"dir", "ca", "ca-key", "key", "new-key", "days", NULL};
    static const struct cert_word word = {"cert renew", help, taken, "CERT", true};
    struct cert_options options;
    struct fault fault;
    int status;

    if (cert_options(argc, argv, &word, &options, &status) != CLI_OK)
        return status;
    if (options.new_key && options.key == NULL)
        return cli_usage("cert renew", "--new-key needs --key FILE, the key that it replaces");
    struct renewal renewal = {.options = &options,
                              .old = pki_certificate_load(options.word, &fault)};
    if (renewal.old == NULL)
        return refuse(&fault);
    if (pki_certificate_facts(renewal.old)->is_self_signed && options.key == NULL)
        status = cli_usage("cert renew", "it is self-signed: --key FILE signs it again");
    else
        status = renew(&renewal);
    cert_issuer_close(&renewal.issuer);
    pki_key_free(&renewal.key);
    pki_certificate_free(&renewal.old);
    return status;
}
