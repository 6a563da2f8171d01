/*
 * cert_csr.c: postern cert csr: a key and a signing request for it.
 */
#include <stdio.h>

#include "base/mem.h"
#include "cli/cert.h"
#include "cli/cert_make.h"
#include "pki/csr.h"

static const char help[] =
    "postern cert csr - makes a key and a signing request\n"
    "\n"
    "  postern cert csr --name NAME [--name NAME]... --out FILE --out-key FILE\n"
    "                   [--key-type TYPE] [--must-staple]\n"
    "\n"
    "The request goes to an authority, a public one or your own (postern cert sign); a "
    "certificate\n"
    "chain comes back. The key stays here: nobody but the server needs it. Files that exist are\n"
    "never overwritten.\n"
    "\n"
    "  --name NAME          a host name (mail.example.org, *.example.org), numeric address, or\n"
    "                       e-mail address for a person; may be repeated\n"
    "  --out FILE           where the request goes\n"
    "  --out-key FILE       where the key goes, readable by you alone\n"
    "  --key-type TYPE      ecdsa (default), rsa, rsa-3072, rsa-4096 or ed25519; public "
    "authorities\n"
    "                       take the first four\n"
    "  --must-staple        asks for a certificate that counts only with an OCSP response\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern cert csr --name mail.example.org --out mail.csr --out-key mail-key.pem\n";

static void tell(const struct cert_options *options)
{
    (void)printf("made %s, the key (%s): it stays here\n", options->out_key,
                 pki_key_type_text(options->key_type));
    (void)printf("made %s, the request for", options->out);
    for (size_t i = 0; i < options->name_count; i++)
        (void)printf("%s %s", i == 0 ? "" : ",", options->names[i]);
    (void)printf("\nnext: give %s to a public authority, or sign it with your own:\n"
                 "  postern cert sign %s --out server.pem\n"
                 "then look whether what came back fits:\n"
                 "  postern cert check server.pem --key %s\n",
                 options->out, options->out, options->out_key);
}

static int make(const struct cert_options *options)
{
    const struct pki_csr_wish wish = {options->names[0], options->names, options->name_count,
                                      options->must_staple};
    struct fault fault;
    char *request = NULL;
    int status = CLI_COULD_NOT;
    struct pki_key *key = pki_key_create(options->key_type, &fault);

    if (key != NULL)
        request = pki_csr_make(key, &wish, &fault);
    if (request != NULL) {
        char *pem = pki_key_pem(key);
        status = cert_write_pair(options->out_key, pem, options->out, request);
        pki_key_pem_free(pem);
    } else {
        cli_complain("%s", fault.text);
    }
    mem_free(request);
    pki_key_free(&key);
    return status;
}

int cli_cert_csr(int argc, char **argv)
{
    static const char *const taken[] = {"name", "out", "out-key", "key-type", "must-staple", NULL};
    static const struct cert_word word = {"cert csr", help, taken, NULL, false};
    struct cert_options options;
    int status;

    if (cert_options(argc, argv, &word, &options, &status) != CLI_OK)
        return status;
    if (options.name_count == 0 || options.out == NULL || options.out_key == NULL)
        return cli_usage("cert csr", "expected --name, --out and --out-key");
    if (cert_check_free(options.out_key) != CLI_OK || cert_check_free(options.out) != CLI_OK)
        return CLI_COULD_NOT;
    status = make(&options);
    if (status == CLI_OK)
        tell(&options);
    return status;
}
