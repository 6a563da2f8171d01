/*
 * cert_sign.c: postern cert sign and self-signed: new certificates, for a request that somebody
 * brings or for a key that is made along with it.
 */
#include <stdio.h>

#include "base/mem.h"
#include "cli/cert.h"
#include "cli/cert_make.h"
#include "pki/certificate.h"
#include "pki/csr.h"
#include "pki/name.h"

static const char sign_help[] =
    "postern cert sign - signs a request, or makes a key and its certificate at once\n"
    "\n"
    "  postern cert sign REQUEST --out FILE [--name NAME]... [OPTIONS]\n"
    "  postern cert sign --name NAME [--name NAME]... --out FILE --out-key FILE\n"
    "                    [--key-type TYPE] [OPTIONS]\n"
    "\n"
    "Writes the certificate with the intermediates that a server sends along. Of REQUEST, names "
    "and\n"
    "key are taken and nothing else: what the certificate may be used for is decided here. With\n"
    "--name it gets these names instead of those that it asks for. Files that exist are never\n"
    "overwritten.\n"
    "\n"
    "  --dir DIR            the authority (default ./postern-ca)\n"
    "  --ca FILE, --ca-key FILE\n"
    "                       another authority's certificate and key, as postern init makes them;\n"
    "                       there is no index then, and nothing can be revoked\n"
    "  --name NAME          a host name (mail.example.org, *.example.org), numeric address, or\n"
    "                       e-mail address for a person; may be repeated\n"
    "  --purpose PURPOSE    server, client or both (default: server; client when there are only\n"
    "                       e-mail addresses)\n"
    "  --days N             how long it lasts: at most 397 for a server (default 90), at most "
    "1095\n"
    "                       for a client (default 365)\n"
    "  --out FILE           where the certificate goes\n"
    "  --out-key FILE       where the key goes, readable by you alone\n"
    "  --key-type TYPE      ecdsa (default), rsa, rsa-3072, rsa-4096 or ed25519\n"
    "  --must-staple        it counts only with an OCSP response\n"
    "  --ocsp-url URL, --crl-url URL, --issuer-url URL\n"
    "                       where clients find OCSP responses, the list of revoked certificates\n"
    "                       and the intermediate; written into the certificate\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern cert sign mail.csr --out mail.pem\n"
    "Example: postern cert sign --name mail.example.org --out server.pem --out-key "
    "server-key.pem\n";

static const char self_signed_help[] =
    "postern cert self-signed - makes a key and a certificate without an authority\n"
    "\n"
    "  postern cert self-signed --name NAME [--name NAME]... --out FILE --out-key FILE\n"
    "                           [--key-type TYPE] [--purpose PURPOSE] [--days N]\n"
    "\n"
    "For tests, and where each client is told to trust this one certificate. Nobody can revoke "
    "it.\n"
    "For anything lasting, make an authority: postern cert ca. Files that exist are never\n"
    "overwritten.\n"
    "\n"
    "  --name NAME          a host name (mail.example.org, *.example.org), numeric address, or\n"
    "                       e-mail address for a person; may be repeated\n"
    "  --out FILE           where the certificate goes\n"
    "  --out-key FILE       where the key goes, readable by you alone\n"
    "  --key-type TYPE      ecdsa (default), rsa, rsa-3072, rsa-4096 or ed25519\n"
    "  --purpose PURPOSE    server, client or both (default: server; client when there are only\n"
    "                       e-mail addresses)\n"
    "  --days N             how long it lasts: at most 397 for a server (default 90), at most "
    "1095\n"
    "                       for a client (default 365)\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern cert self-signed --name localhost --out server.pem --out-key "
    "server-key.pem\n";

/* Unless the caller has said it: client when all names are people. */
static unsigned purposes_of(const struct cert_options *options, const char *const *names,
                            size_t count)
{
    if (options->purposes != 0)
        return options->purposes;
    for (size_t i = 0; i < count; i++) {
        if (pki_name_form(names[i]) != PKI_NAME_EMAIL)
            return PKI_SERVER;
    }
    return count > 0 ? PKI_CLIENT : PKI_SERVER;
}

static int fill_request(const struct cert_options *options, const struct cert_issuer *issuer,
                        const char *const *names, size_t count, struct pki_request *out)
{
    *out = (struct pki_request){.dns_names = names,
                                .dns_name_count = count,
                                .purposes = purposes_of(options, names, count),
                                .must_staple = options->must_staple,
                                .ocsp_url = options->ocsp_url,
                                .crl_url = options->crl_url,
                                .issuer_url = options->issuer_url};
    int status = cert_check_names(names, count, out->purposes);
    if (status != CLI_OK)
        return status;
    out->common_name = names[0];
    return cert_set_dates(issuer, options->days, 0, out);
}

static bool has_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal_nocase(span_of(names[i]), span_of(name)))
            return true;
    }
    return false;
}

/* What the request asks for and does not get, and what it gets unasked. */
static void tell_differences(const struct cert_options *options, const struct pki_csr *csr)
{
    size_t count;
    const char *const *names = pki_csr_names(csr, &count);

    for (size_t i = 0; options->name_count > 0 && i < count; i++) {
        if (!has_name(options->names, options->name_count, names[i]))
            (void)printf("  left out %s, which the request asks for\n", names[i]);
    }
    for (size_t i = 0; i < options->name_count; i++) {
        if (!has_name(names, count, options->names[i]))
            (void)printf("  added %s, which the request does not ask for\n", options->names[i]);
    }
    if (pki_csr_skipped_count(csr) > 0)
        (void)printf("  left out %zu names that are neither hosts, addresses nor e-mail\n",
                     pki_csr_skipped_count(csr));
    if (pki_csr_has_must_staple(csr) && !options->must_staple)
        (void)printf("  left out must-staple, which the request asks for: --must-staple grants "
                     "it\n");
}

static int sign_request(const struct cert_options *options, const struct cert_issuer *issuer,
                        const struct pki_csr *csr)
{
    size_t count;
    const char *const *names = pki_csr_names(csr, &count);
    const struct pki_holder holder = {.csr = csr};
    struct pki_certificate *certificate = NULL;
    struct pki_request request;
    char *chain = NULL;

    if (options->name_count > 0) {
        names = options->names;
        count = options->name_count;
    }
    int status = fill_request(options, issuer, names, count, &request);
    if (status == CLI_OK)
        status = cert_issue(issuer, holder, &request, &chain, &certificate);
    if (status == CLI_OK)
        status = cert_write_new(options->out, chain, 0644);
    if (status == CLI_OK) {
        (void)printf("signed %s (%s) and made %s, the certificate for it\n", options->word,
                     pki_csr_key_text(csr), options->out);
        cert_tell(certificate);
        tell_differences(options, csr);
        cert_tell_next(request.purposes, options->out, NULL);
    }
    mem_free(chain);
    pki_certificate_free(&certificate);
    return status;
}

static int make_pair(const struct cert_options *options, const struct cert_issuer *issuer)
{
    struct pki_certificate *certificate = NULL;
    struct pki_request request;
    struct fault fault;
    char *chain = NULL;
    int status = fill_request(options, issuer, options->names, options->name_count, &request);

    if (status != CLI_OK)
        return status;
    struct pki_key *key = pki_key_create(options->key_type, &fault);
    if (key == NULL) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    const struct pki_holder holder = {.key = key};
    status = cert_issue(issuer, holder, &request, &chain, &certificate);
    if (status == CLI_OK) {
        char *pem = pki_key_pem(key);
        status = cert_write_pair(options->out_key, pem, options->out, chain);
        pki_key_pem_free(pem);
    }
    if (status == CLI_OK) {
        (void)printf("made %s, the key (%s): readable by you alone\nmade %s, its certificate\n",
                     options->out_key, pki_key_type_text(options->key_type), options->out);
        cert_tell(certificate);
        cert_tell_next(request.purposes, options->out, options->out_key);
    }
    mem_free(chain);
    pki_certificate_free(&certificate);
    pki_key_free(&key);
    return status;
}

static int check_places(const struct cert_options *options)
{
    if (cert_check_free(options->out) != CLI_OK)
        return CLI_COULD_NOT;
    return options->out_key != NULL ? cert_check_free(options->out_key) : CLI_OK;
}

static int sign(const struct cert_options *options)
{
    struct cert_issuer issuer;
    struct fault fault;
    struct pki_csr *csr = NULL;

    if (options->word != NULL) {
        csr = pki_csr_load(options->word, &fault);
        if (csr == NULL) {
            cli_complain("%s", fault.text);
            return CLI_COULD_NOT;
        }
    }
    int status = cert_issuer_open(options, &issuer);
    if (status == CLI_OK)
        status = csr != NULL ? sign_request(options, &issuer, csr) : make_pair(options, &issuer);
    cert_issuer_close(&issuer);
    pki_csr_free(&csr);
    return status;
}

int cli_cert_sign(int argc, char **argv)
{
    static const char *const taken[] = {
        "dir",     "ca",       "ca-key",   "name",    "purpose",    "days",        "out",
        "out-key", "key-type", "ocsp-url", "crl-url", "issuer-url", "must-staple", NULL};
    static const struct cert_word word = {"cert sign", sign_help, taken, "REQUEST", false};
    struct cert_options options;
    int status;

    if (cert_options(argc, argv, &word, &options, &status) != CLI_OK)
        return status;
    if (options.out == NULL)
        return cli_usage("cert sign", "expected --out, where the certificate goes");
    if (options.word != NULL && options.out_key != NULL)
        return cli_usage("cert sign", "the key of a request is where it was made: leave --out-key "
                                      "out");
    if (options.word == NULL && (options.name_count == 0 || options.out_key == NULL))
        return cli_usage("cert sign", "expected a REQUEST, or --name and --out-key to make a key, "
                                      "too");
    return check_places(&options) == CLI_OK ? sign(&options) : CLI_COULD_NOT;
}

int cli_cert_self_signed(int argc, char **argv)
{
    static const char *const taken[] = {"name",    "purpose",  "days", "out",
                                        "out-key", "key-type", NULL};
    static const struct cert_word word = {"cert self-signed", self_signed_help, taken, NULL, false};
    const struct cert_issuer itself = {0};
    struct cert_options options;
    int status;

    if (cert_options(argc, argv, &word, &options, &status) != CLI_OK)
        return status;
    if (options.name_count == 0 || options.out == NULL || options.out_key == NULL)
        return cli_usage("cert self-signed", "expected --name, --out and --out-key");
    return check_places(&options) == CLI_OK ? make_pair(&options, &itself) : CLI_COULD_NOT;
}
