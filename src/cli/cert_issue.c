/*
 * cert_issue.c: who signs, for how long, and what is told of it: common to cert sign, self-signed
 * and renew. Tests: tests/clients/test_cert.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/cert_make.h"
#include "pki/certificate.h"
#include "pki/name.h"

enum {
    SERVER_DAYS = 90,      /* short, as public authorities have it: renewal stays practised */
    SERVER_DAYS_MAX = 397, /* what browsers and mail clients accept at most */
    CLIENT_DAYS = 365,
    CLIENT_DAYS_MAX = 1095
};

int64_t cert_now_s(void)
{
    return clock_wall_s(&clock_system);
}

int cert_issuer_open(const struct cert_options *options, struct cert_issuer *out)
{
    struct fault fault;

    *out = (struct cert_issuer){0};
    if ((options->ca == NULL) != (options->ca_key == NULL)) {
        cli_complain("--ca FILE and --ca-key FILE go together");
        return CLI_USAGE;
    }
    if (options->ca != NULL) {
        out->loaded = pki_authority_load(options->ca, options->ca_key, &fault);
        out->signer = out->loaded;
    } else {
        out->dir = pki_authority_dir_open(options->dir, &fault);
        out->signer = out->dir != NULL ? pki_authority_dir_signer(out->dir) : NULL;
    }
    if (out->signer != NULL)
        return CLI_OK;
    cli_complain("%s", fault.text);
    return CLI_COULD_NOT;
}

void cert_issuer_close(struct cert_issuer *issuer)
{
    pki_authority_dir_close(&issuer->dir);
    pki_authority_free(&issuer->loaded);
    issuer->signer = NULL;
}

int cert_check_names(const char *const *names, size_t count, unsigned purposes)
{
    size_t host_count = 0;

    for (size_t i = 0; i < count; i++)
        host_count += pki_name_form(names[i]) != PKI_NAME_EMAIL;
    if (count == 0) {
        cli_complain("a certificate needs a name: give --name, as often as needed");
        return CLI_USAGE;
    }
    if ((purposes & PKI_SERVER) != 0 && host_count == 0) {
        cli_complain("a server's certificate needs a host name or numeric address; for a person: "
                     "--purpose client");
        return CLI_USAGE;
    }
    if (purposes == PKI_SERVER && host_count < count) {
        cli_complain("an e-mail address does not name a server: leave it out, or say --purpose "
                     "client or both");
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* Where the issuer ends; a certificate that is its own issuer has no such bound. */
static int check_issuer(const struct cert_issuer *issuer, int64_t now_s, int64_t *end_s_out)
{
    char date[PKI_DATE_SIZE];

    *end_s_out = issuer->signer != NULL ? pki_authority_not_after_s(issuer->signer) : INT64_MAX;
    if (*end_s_out > now_s)
        return CLI_OK;
    cli_complain(
        "the authority's certificate ended on %s: renew it with postern cert ca --renew, or "
        "make a new authority",
        pki_date_text(*end_s_out, date));
    return CLI_COULD_NOT;
}

int cert_set_dates(const struct cert_issuer *issuer, unsigned days, unsigned usual_days,
                   struct pki_request *request)
{
    bool is_client = request->purposes == PKI_CLIENT;
    unsigned days_max = is_client ? CLIENT_DAYS_MAX : SERVER_DAYS_MAX;
    int64_t now_s = cert_now_s(), issuer_end_s;
    char date[PKI_DATE_SIZE];
    int status = check_issuer(issuer, now_s, &issuer_end_s);

    if (status != CLI_OK)
        return status;
    if (days > days_max) {
        cli_complain("--days %u is too long: at most %u for a %s; renew it in time instead", days,
                     days_max, is_client ? "client" : "server");
        return CLI_USAGE;
    }
    if (usual_days == 0)
        usual_days = is_client ? CLIENT_DAYS : SERVER_DAYS;
    if (usual_days > days_max)
        usual_days = days_max;
    request->not_before_s = now_s - CERT_BACKDATE_S;
    request->not_after_s = now_s + (int64_t)(days != 0 ? days : usual_days) * CERT_DAY_S;
    if (request->not_after_s <= issuer_end_s)
        return CLI_OK;
    if (days != 0) {
        cli_complain("--days %u is longer than the authority's own certificate lasts: it ends on "
                     "%s; postern cert ca --renew gives it more time",
                     days, pki_date_text(issuer_end_s, date));
        return CLI_COULD_NOT;
    }
    request->not_after_s = issuer_end_s;
    (void)printf(
        "note: it ends with the authority's own certificate, on %s; postern cert ca --renew "
        "gives that more time\n",
        pki_date_text(issuer_end_s, date));
    return CLI_OK;
}

int cert_issue(const struct cert_issuer *issuer, struct pki_holder holder,
               const struct pki_request *request, char **chain_out,
               struct pki_certificate **certificate_out)
{
    struct fault fault;
    char *chain = NULL;
    struct pki_certificate *certificate = NULL;
    int err = pki_sign(issuer->signer, holder, request, &chain, &fault);

    if (err == 0) {
        certificate = pki_certificate_parse(chain, &fault);
        err = certificate != NULL ? 0 : ERR_TLS;
    }
    if (err == 0 && issuer->dir != NULL)
        err = pki_authority_dir_record(issuer->dir, pki_certificate_facts(certificate), &fault);
    if (err != 0) {
        cli_complain("%s", fault.text);
        mem_free(chain);
        pki_certificate_free(&certificate);
        return CLI_COULD_NOT;
    }
    *chain_out = chain;
    *certificate_out = certificate;
    return CLI_OK;
}

/* ---- Telling -------------------------------------------------------------------------------- */

static const char *purpose_text(unsigned purposes)
{
    if (purposes == (PKI_SERVER | PKI_CLIENT))
        return "server and client";
    return purposes == PKI_CLIENT ? "client" : "server";
}

void cert_tell(const struct pki_certificate *certificate)
{
    const struct pki_certificate_facts *facts = pki_certificate_facts(certificate);
    char from[PKI_DATE_SIZE], until[PKI_DATE_SIZE];

    (void)printf("  names    ");
    for (size_t i = 0; i < facts->name_count; i++)
        (void)printf("%s%s", i == 0 ? "" : ", ", facts->names[i]);
    (void)printf("\n  purpose  %s\n", purpose_text(facts->purposes));
    (void)printf("  valid    %s to %s\n", pki_date_text(facts->not_before_s, from),
                 pki_date_text(facts->not_after_s, until));
    (void)printf("  serial   %s\n", facts->serial);
    if (facts->must_staple)
        (void)printf("  staple   demanded: the server must send an OCSP response\n");
}

/* Where the file lies, for a configuration that lies elsewhere. */
static void tell_key(const char *name, const char *path)
{
    char *whole = realpath(path, NULL);

    (void)printf("      %s = \"%s\";\n", name, whole != NULL ? whole : path);
    free(whole);
}

void cert_tell_next(unsigned purposes, const char *certificate, const char *key)
{
    bool is_server = (purposes & PKI_SERVER) != 0;

    (void)printf("next: %s, in postern.conf:\n  tls = {\n",
                 is_server ? "let the server use it" : "let the client use it; for the relay");
    tell_key(is_server ? "certificate" : "client_certificate", certificate);
    if (key != NULL)
        tell_key(is_server ? "key" : "client_key", key);
    else
        (void)printf("      %s = the file of the key that the request was made with\n",
                     is_server ? "key" : "client_key");
    (void)printf("  };\nthen: postern check, and send a running server SIGHUP\n");
}
