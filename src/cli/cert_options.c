/*
 * cert_options.c: the options of the makers among the words of postern cert: one table, of which
 * each word takes what it names. Tests: tests/clients/test_cert.py.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "cli/cert_make.h"
#include "pki/name.h"

enum { DAYS_MAX = 3650, YEARS_MAX = 30, URL_SIZE_MAX = 1000 };

static int take_name(struct cert_options *options, const char *value)
{
    struct fault fault;

    if (options->name_count == CERT_NAMES_MAX) {
        cli_complain("too many names: at most %d", CERT_NAMES_MAX);
        return CLI_USAGE;
    }
    if (pki_name_check(span_of(value), &fault) != 0) {
        cli_complain("%s", fault.text);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < options->name_count; i++) {
        if (span_equal_nocase(span_of(options->names[i]), span_of(value)))
            return CLI_OK; /* a certificate says a name once */
    }
    options->names[options->name_count++] = value;
    return CLI_OK;
}

static int take_organization(struct cert_options *options, const char *value)
{
    struct span name = span_of(value);
    bool is_good = name.len > 0 && name.len <= PKI_ORGANIZATION_MAX;

    for (size_t i = 0; is_good && i < name.len; i++)
        is_good = (unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != 0x7f;
    if (!is_good || !utf8_is_valid(name)) {
        cli_complain("--name wants the authority's name, 1 to %d bytes of text, like \"Example "
                     "Org\"",
                     PKI_ORGANIZATION_MAX);
        return CLI_USAGE;
    }
    options->organization = value;
    return CLI_OK;
}

static int take_key_type(struct cert_options *options, const char *value)
{
    options->key_type = pki_key_type_of(value);
    if (options->key_type != PKI_KEY_TYPE_COUNT)
        return CLI_OK;
    cli_complain("--key-type wants ecdsa, rsa, rsa-3072, rsa-4096 or ed25519, not \"%s\"", value);
    return CLI_USAGE;
}

static int take_purpose(struct cert_options *options, const char *value)
{
    if (strcmp(value, "server") == 0)
        options->purposes = PKI_SERVER;
    else if (strcmp(value, "client") == 0)
        options->purposes = PKI_CLIENT;
    else if (strcmp(value, "both") == 0)
        options->purposes = PKI_SERVER | PKI_CLIENT;
    else
        cli_complain("--purpose wants server, client or both, not \"%s\"", value);
    return options->purposes != 0 ? CLI_OK : CLI_USAGE;
}

static int take_number(const char *option, const char *value, unsigned max, unsigned *number_out)
{
    uint64_t number;

    if (!span_to_u64(span_of(value), max, &number) || number == 0) {
        cli_complain("%s wants a number from 1 to %u, not \"%s\"", option, max, value);
        return CLI_USAGE;
    }
    *number_out = (unsigned)number;
    return CLI_OK;
}

static int take_days(struct cert_options *options, const char *value)
{
    return take_number("--days", value, DAYS_MAX, &options->days);
}

static int take_years(struct cert_options *options, const char *value)
{
    return take_number("--years", value, YEARS_MAX, &options->years);
}

static int take_reason(struct cert_options *options, const char *value)
{
    options->reason = pki_reason_of(span_of(value));
    if (options->reason != PKI_REASON_COUNT)
        return CLI_OK;
    cli_complain("--reason wants one of the words that --help lists, not \"%s\"", value);
    return CLI_USAGE;
}

static int take_must_staple(struct cert_options *options, const char *value)
{
    (void)value;
    options->must_staple = true;
    return CLI_OK;
}

static int take_new_key(struct cert_options *options, const char *value)
{
    (void)value;
    options->new_key = true;
    return CLI_OK;
}

static int take_renew(struct cert_options *options, const char *value)
{
    (void)value;
    options->renew = true;
    return CLI_OK;
}

/* Where the text of an option that is taken as it is goes. */
#define AT(field) offsetof(struct cert_options, field)

static const struct row {
    const char *key; /* by which a word names it */
    const char *name;
    int has_value;
    int (*take)(struct cert_options *options, const char *value); /* NULL: taken as it is */
    size_t place;
    bool is_url;
} rows[] = {
    {"dir", "dir", required_argument, NULL, AT(dir), false},
    {"ca", "ca", required_argument, NULL, AT(ca), false},
    {"ca-key", "ca-key", required_argument, NULL, AT(ca_key), false},
    {"out", "out", required_argument, NULL, AT(out), false},
    {"out-key", "out-key", required_argument, NULL, AT(out_key), false},
    {"root-key", "root-key", required_argument, NULL, AT(root_key), false},
    {"key", "key", required_argument, NULL, AT(key), false},
    {"ocsp-url", "ocsp-url", required_argument, NULL, AT(ocsp_url), true},
    {"crl-url", "crl-url", required_argument, NULL, AT(crl_url), true},
    {"issuer-url", "issuer-url", required_argument, NULL, AT(issuer_url), true},
    {"name", "name", required_argument, take_name, 0, false},
    {"authority-name", "name", required_argument, take_organization, 0, false},
    {"key-type", "key-type", required_argument, take_key_type, 0, false},
    {"purpose", "purpose", required_argument, take_purpose, 0, false},
    {"days", "days", required_argument, take_days, 0, false},
    {"years", "years", required_argument, take_years, 0, false},
    {"reason", "reason", required_argument, take_reason, 0, false},
    {"must-staple", "must-staple", no_argument, take_must_staple, 0, false},
    {"renew", "renew", no_argument, take_renew, 0, false},
    {"new-key", "new-key", no_argument, take_new_key, 0, false},
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

static bool is_url(struct span url)
{
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f)
            return false;
    }
    return url.len <= URL_SIZE_MAX &&
           (span_starts(url, span_of("http://")) || span_starts(url, span_of("https://")));
}

static int take(const struct row *row, const char *value, struct cert_options *options)
{
    if (row->take != NULL)
        return row->take(options, value);
    if (value[0] == '\0' || (row->is_url && !is_url(span_of(value)))) {
        cli_complain("--%s wants %s, not \"%s\"", row->name,
                     row->is_url ? "an address like http://pki.example.org/crl.pem" : "a file name",
                     value);
        return CLI_USAGE;
    }
    memcpy((char *)options + row->place, &value, sizeof value);
    return CLI_OK;
}

/* The table's rows that the word takes, --help behind them; val is the row's number. */
static void fill_options(const struct cert_word *word, struct option options_out[ROW_COUNT + 2])
{
    size_t count = 0;

    for (const char *const *key = word->options; *key != NULL; key++) {
        for (int i = 0; i < ROW_COUNT; i++) {
            if (strcmp(rows[i].key, *key) == 0)
                options_out[count++] = (struct option){rows[i].name, rows[i].has_value, NULL, i};
        }
    }
    options_out[count++] = (struct option){"help", no_argument, NULL, 'h'};
    options_out[count] = (struct option){0};
}

static int take_word(const struct cert_word *word, int argc, char **argv, struct cert_options *out)
{
    char *what = NULL;

    out->word = optind < argc ? argv[optind] : NULL;
    if (argc - optind > (word->word != NULL ? 1 : 0))
        return cli_usage(word->name, word->word != NULL ? "too many words" : "takes only options");
    if (word->needs_word && out->word == NULL) {
        what = mem_printf("expected %s", word->word);
        (void)cli_usage(word->name, what);
        mem_free(what);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int cert_options(int argc, char **argv, const struct cert_word *word, struct cert_options *out,
                 int *status_out)
{
    struct option options[ROW_COUNT + 2];
    int option;

    fill_options(word, options);
    *out = (struct cert_options){.dir = "postern-ca"};
    *status_out = CLI_USAGE;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(word->help, stdout);
            *status_out = CLI_OK;
            return CLI_USAGE;
        }
        if (option == '?') {
            (void)fprintf(stderr, "try: postern %s --help\n", word->name);
            return CLI_USAGE;
        }
        if (take(&rows[option], optarg, out) != CLI_OK)
            return CLI_USAGE;
    }
    return take_word(word, argc, argv, out);
}
