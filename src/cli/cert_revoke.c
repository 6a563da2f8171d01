/*
 * cert_revoke.c: postern cert revoke and crl: what an authority takes back, and the list that tells
 * the world.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/mem.h"
#include "cli/cert.h"
#include "cli/cert_make.h"
#include "pki/certificate.h"

enum { CRL_DAYS = 30 };

static const char revoke_help[] =
    "postern cert revoke - says that a certificate counts no more\n"
    "\n"
    "  postern cert revoke CERT|SERIAL [--dir DIR] [--reason REASON] [--days N]\n"
    "\n"
    "Marks the certificate in the authority's index and makes the list of revoked certificates\n"
    "(crl.pem) anew. CERT is a file; SERIAL the number that stands in the index. This cannot be\n"
    "undone, and counts only where clients see the list.\n"
    "\n"
    "  --dir DIR            the authority (default ./postern-ca)\n"
    "  --reason REASON      unspecified (default), keyCompromise, affiliationChanged, superseded,\n"
    "                       cessationOfOperation or privilegeWithdrawn; kept in the index\n"
    "  --days N             until when the list is replaced at the latest (default 30)\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern cert revoke server.pem --reason keyCompromise\n";

static const char crl_help[] =
    "postern cert crl - makes the list of revoked certificates anew\n"
    "\n"
    "  postern cert crl [--dir DIR] [--days N]\n"
    "\n"
    "A list says until when the next one comes; clients may refuse one that is older. Run this "
    "more\n"
    "often than every N days, for example once a week, and put crl.pem where clients find it.\n"
    "\n"
    "  --dir DIR            the authority (default ./postern-ca)\n"
    "  --days N             until when the next list comes at the latest (default 30)\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern cert crl --dir postern-ca --days 30\n";

static int publish(const struct cert_options *options, struct pki_authority_dir *dir)
{
    int64_t now_s = cert_now_s();
    int64_t next_s = now_s + (int64_t)(options->days != 0 ? options->days : CRL_DAYS) * CERT_DAY_S;
    char date[PKI_DATE_SIZE];
    struct fault fault;
    size_t count = 0;

    if (pki_authority_dir_publish(dir, now_s, next_s, &count, &fault) != 0) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    (void)printf(
        "made %s/crl.pem, the list of revoked certificates: %zu on it, the next one is due "
        "by %s\n",
        options->dir, count, pki_date_text(next_s, date));
    (void)printf(
        "next: give it to whoever checks certificates of this authority; a server of yours "
        "takes it as tls.revocations in postern.conf\n");
    return CLI_OK;
}

/* A number as people copy it: in any case, perhaps with colons between bytes. */
static bool read_serial(const char *text, char serial_out[PKI_SERIAL_SIZE])
{
    unsigned char bytes[PKI_SERIAL_SIZE / 2];
    size_t len = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == ':')
            continue;
        if (len == PKI_SERIAL_SIZE - 1)
            return false;
        bool is_upper = *at >= 'A' && *at <= 'F';
        serial_out[len++] = is_upper ? (char)(*at - 'A' + 'a') : *at;
    }
    serial_out[len] = '\0';
    return len > 0 && codec_hex_decode(span_make(serial_out, len), bytes) == 0;
}

/* The serial number of what the word names. */
static int find_serial(const struct cert_options *options, const struct pki_authority_dir *dir,
                       char serial_out[PKI_SERIAL_SIZE])
{
    struct fault fault;

    if (access(options->word, F_OK) != 0) {
        if (read_serial(options->word, serial_out))
            return CLI_OK;
        cli_complain(
            "%s is neither a file nor a serial number: those are hexadecimal, as in %s/index",
            options->word, options->dir);
        return CLI_COULD_NOT;
    }
    struct pki_certificate *certificate = pki_certificate_load(options->word, &fault);
    if (certificate == NULL) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    bool is_ours = pki_authority_has_signed(pki_authority_dir_signer(dir), certificate);
    memcpy(serial_out, pki_certificate_facts(certificate)->serial, PKI_SERIAL_SIZE);
    pki_certificate_free(&certificate);
    if (is_ours)
        return CLI_OK;
    cli_complain("%s was not signed by the authority in %s: only the one that signed it can revoke "
                 "it",
                 options->word, options->dir);
    return CLI_COULD_NOT;
}

static int revoke_one(const struct cert_options *options, struct pki_authority_dir *dir)
{
    char serial[PKI_SERIAL_SIZE];
    struct fault fault;
    int status = find_serial(options, dir, serial);

    if (status != CLI_OK)
        return status;
    if (pki_authority_dir_revoke(dir, serial, options->reason, cert_now_s(), &fault) != 0) {
        cli_complain("%s: %s", options->word, fault.text);
        return CLI_COULD_NOT;
    }
    (void)printf("revoked %s (serial %s, %s)\n", options->word, serial,
                 pki_reason_word(options->reason));
    return publish(options, dir);
}

static int with_dir(const struct cert_options *options,
                    int (*act)(const struct cert_options *, struct pki_authority_dir *))
{
    struct fault fault;
    struct pki_authority_dir *dir = pki_authority_dir_open(options->dir, &fault);

    if (dir == NULL) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    int status = act(options, dir);
    pki_authority_dir_close(&dir);
    return status;
}

int cli_cert_revoke(int argc, char **argv)
{
    static const char *const taken[] = {"dir", "reason", "days", NULL};
    static const struct cert_word word = {"cert revoke", revoke_help, taken, "CERT or SERIAL",
                                          true};
    struct cert_options options;
    int status;

    if (cert_options(argc, argv, &word, &options, &status) != CLI_OK)
        return status;
    return with_dir(&options, revoke_one);
}

int cli_cert_crl(int argc, char **argv)
{
    static const char *const taken[] = {"dir", "days", NULL};
    static const struct cert_word word = {"cert crl", crl_help, taken, NULL, false};
    struct cert_options options;
    int status;

    if (cert_options(argc, argv, &word, &options, &status) != CLI_OK)
        return status;
    return with_dir(&options, publish);
}
