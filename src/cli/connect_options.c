/*
 * connect_options.c: the command line of `postern connect`: what is given, what is usual, what does
 * not go together. Tests: tests/clients/test_connect.py.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/connect.h"
#include "conf/value.h"

enum { TIMEOUT_DEFAULT_MS = 10000, TIMEOUT_MAX_MS = 600000 };

/* Like the profile "intermediate", without TLS 1.3. */
#define ONLY_TLS12                                                                                 \
    "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:"      \
    "+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"    \
    "+GROUP-SECP384R1:%PROFILE_MEDIUM"

static const char help[] =
    "postern connect HOST[:PORT] - looks at a mail server and tells every step of its TLS\n"
    "\n"
    "  --protocol smtp|imap|pop3|lmtp   default: the port's (25, 587, 465; 143, 993; 110, 995; "
    "24)\n"
    "  --starttls | --implicit   TLS by an upgrade, or from the first byte; default: the port's "
    "way\n"
    "  --compare[=PORT]          both ways, side by side; PORT: of the other way\n"
    "  --name NAME               what to ask for and to find in the certificate; default: HOST\n"
    "  --ca FILE                 the authorities to trust (PEM); default: the system's\n"
    "  --crl FILE                revocation lists (PEM)\n"
    "  --cert FILE --key FILE    a certificate of our own, if the server asks for one (PEM)\n"
    "  --user NAME --password-file FILE   logs in; the password goes out under TLS only, and only\n"
    "                            when every check is good\n"
    "  --insecure                lets the password go although a check is not good\n"
    "  --tls 1.2|1.3|PRIORITY    what to offer; a GnuTLS priority string may name more\n"
    "  --show steps|fields|bytes how much of the handshake is told; default: steps\n"
    "  --json                    one JSON object a line: every event, a summary at the end\n"
    "  --keylog FILE             appends the session's secrets for Wireshark. Whoever has this "
    "file\n"
    "                            and a recording can read the whole session, the password too\n"
    "  --timeout TIME            for each answer: \"5s\", \"500ms\"; default: 10s\n"
    "  -h, --help                prints this text\n"
    "\n"
    "Nothing is sent but greeting, questions, login where wanted, and goodbye. Exit status: 0 all "
    "is\n"
    "good; 1 no secure connection, or something was refused; 2 called wrongly; 3 connected, and a\n"
    "check is not good.\n"
    "\n"
    "  postern connect mail.example.org:587\n"
    "  postern connect mail.example.org --protocol imap --implicit --show fields\n"
    "  postern connect localhost:10025 --protocol smtp --ca postern-data/tls/ca.pem "
    "--compare=10465\n";

static const struct usual_port {
    uint16_t port;
    enum probe_protocol protocol;
    enum conn_security security;
} usual_ports[] = {
    /* The first of a protocol and style is its default. */
    {25, PROBE_SMTP, CONN_PLAIN},     {465, PROBE_SMTP, CONN_IMPLICIT},
    {587, PROBE_SMTP, CONN_PLAIN},    {143, PROBE_IMAP, CONN_PLAIN},
    {993, PROBE_IMAP, CONN_IMPLICIT}, {110, PROBE_POP3, CONN_PLAIN},
    {995, PROBE_POP3, CONN_IMPLICIT}, {24, PROBE_LMTP, CONN_PLAIN},
};

uint16_t connect_usual_port(enum probe_protocol protocol, enum conn_security security)
{
    for (size_t i = 0; i < sizeof usual_ports / sizeof *usual_ports; i++)
        if (usual_ports[i].protocol == protocol && usual_ports[i].security == security)
            return usual_ports[i].port;
    return 0;
}

bool connect_is_usual_port(uint16_t port)
{
    for (size_t i = 0; i < sizeof usual_ports / sizeof *usual_ports; i++)
        if (usual_ports[i].port == port)
            return true;
    return false;
}

const char *connect_style_text(enum conn_security security)
{
    return security == CONN_IMPLICIT ? "implicit TLS" : "STARTTLS";
}

static int complain(const char *command, const char *what)
{
    (void)cli_usage(command, what);
    return ERR_INVALID;
}

static int parse_port(const char *text, uint16_t *port_out)
{
    uint64_t port = 0;

    if (!span_to_u64(span_of(text), UINT16_MAX, &port) || port == 0) {
        cli_complain("\"%s\" is not a port: write a number from 1 to 65535", text);
        return ERR_SYNTAX;
    }
    *port_out = (uint16_t)port;
    return 0;
}

int connect_options_target(struct connect_options *options, const char *target)
{
    const char *colon = strrchr(target, ':'), *end = strchr(target, ']');
    bool is_bracketed = target[0] == '[' && end != NULL;
    bool is_bare_ipv6 = !is_bracketed && colon != NULL && strchr(target, ':') != colon;
    bool has_port = colon != NULL && !is_bare_ipv6 && (!is_bracketed || colon == end + 1);
    struct span host = span_of(target);

    if (has_port)
        host.len = (size_t)(colon - target);
    if (is_bracketed)
        host = span_make(target + 1, (size_t)(end - target) - 1);
    options->host = span_dup(host);
    if (host.len == 0 || host.ptr[0] == '/') {
        cli_complain("\"%s\" names no host; write it like mail.example.org:587 or [::1]:587",
                     target);
        return ERR_SYNTAX;
    }
    return has_port ? parse_port(colon + 1, &options->port) : 0;
}

int connect_options_complete(struct connect_options *options, const char *command)
{
    for (size_t i = 0; i < sizeof usual_ports / sizeof *usual_ports; i++) {
        const struct usual_port *row = &usual_ports[i];
        if (row->port != options->port)
            continue;
        if (!options->has_protocol)
            options->protocol = row->protocol;
        if (!options->has_security)
            options->security = row->security;
        options->has_protocol = true;
    }
    if (!options->has_protocol)
        return complain(command, "which protocol? name one of the usual ports, or --protocol");
    if (options->port == 0)
        options->port = connect_usual_port(options->protocol, options->security);
    if (options->port == 0)
        return complain(command, "this protocol has no usual port of that kind: name one");
    if (options->name == NULL)
        options->name = options->host;
    return 0;
}

static int parse_time(const char *text, int64_t *ms_out)
{
    if (conf_parse_time(text, ms_out) == 0 && *ms_out > 0 && *ms_out <= TIMEOUT_MAX_MS)
        return 0;
    cli_complain("\"%s\" is not a time of up to 10 minutes; write it like 5s or 500ms", text);
    return ERR_SYNTAX;
}

static int parse_show(const char *text, enum lens_show *show_out)
{
    int index = conf_choice_index("steps|fields|bytes", text);

    if (index < 0)
        return complain("connect", "--show takes steps, fields or bytes");
    *show_out = (enum lens_show)index;
    return 0;
}

/* The first line. */
static int read_password(const char *file, char password_out[CONNECT_PASSWORD_MAX])
{
    char *text = NULL;
    size_t len = 0;
    struct fault fault;

    if (file_read_all(file, CONNECT_PASSWORD_MAX - 1, &text, &len, &fault) != 0) {
        cli_complain("%s", fault.text);
        return fault.err;
    }
    size_t line_len = strcspn(text, "\r\n");
    memcpy(password_out, text, line_len);
    password_out[line_len] = '\0';
    mem_wipe(text, len);
    mem_free(text);
    if (line_len > 0)
        return 0;
    cli_complain("the first line of %s is empty; it must hold the password", file);
    return ERR_INVALID;
}

enum {
    OPTION_PROTOCOL = 256,
    OPTION_STARTTLS,
    OPTION_IMPLICIT,
    OPTION_COMPARE,
    OPTION_NAME,
    OPTION_CA,
    OPTION_CRL,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_USER,
    OPTION_PASSWORD,
    OPTION_INSECURE,
    OPTION_TLS,
    OPTION_SHOW,
    OPTION_JSON,
    OPTION_KEYLOG,
    OPTION_TIMEOUT
};

static const struct option long_options[] = {
    {"protocol", required_argument, NULL, OPTION_PROTOCOL},
    {"starttls", no_argument, NULL, OPTION_STARTTLS},
    {"implicit", no_argument, NULL, OPTION_IMPLICIT},
    {"compare", optional_argument, NULL, OPTION_COMPARE},
    {"name", required_argument, NULL, OPTION_NAME},
    {"ca", required_argument, NULL, OPTION_CA},
    {"crl", required_argument, NULL, OPTION_CRL},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"user", required_argument, NULL, OPTION_USER},
    {"password-file", required_argument, NULL, OPTION_PASSWORD},
    {"insecure", no_argument, NULL, OPTION_INSECURE},
    {"tls", required_argument, NULL, OPTION_TLS},
    {"show", required_argument, NULL, OPTION_SHOW},
    {"json", no_argument, NULL, OPTION_JSON},
    {"keylog", required_argument, NULL, OPTION_KEYLOG},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"help", no_argument, NULL, 'h'},
    {0}};

static int take_security(struct connect_options *options, enum conn_security security)
{
    if (options->has_security && options->security != security)
        return complain("connect", "--starttls and --implicit exclude each other; see --compare");
    options->security = security;
    options->has_security = true;
    return 0;
}

static int take_protocol(struct connect_options *options, const char *name)
{
    options->has_protocol = probe_protocol_parse(span_of(name), &options->protocol);
    if (!options->has_protocol)
        return complain("connect", "--protocol takes smtp, imap, pop3 or lmtp");
    if (strcmp(name, "submission") == 0 && options->port == 0)
        options->port = 587;
    return 0;
}

static const char *tls_profile(const char *name)
{
    if (strcmp(name, "1.3") == 0)
        return "modern";
    return strcmp(name, "1.2") == 0 ? ONLY_TLS12 : name;
}

/* Options with a value that is only kept. */
static const char **place_of(struct connect_options *options, int option)
{
    switch (option) {
    case OPTION_NAME:
        return &options->name;
    case OPTION_CA:
        return &options->authorities;
    case OPTION_CRL:
        return &options->revocations;
    case OPTION_CERT:
        return &options->certificate;
    case OPTION_KEY:
        return &options->key;
    case OPTION_USER:
        return &options->user;
    case OPTION_KEYLOG:
        return &options->keylog;
    default:
        return NULL;
    }
}

static int take_option(struct connect_options *options, int option)
{
    const char **place = place_of(options, option);

    if (place != NULL) {
        *place = optarg;
        return 0;
    }
    switch (option) {
    case OPTION_PROTOCOL:
        return take_protocol(options, optarg);
    case OPTION_STARTTLS:
    case OPTION_IMPLICIT:
        return take_security(options, option == OPTION_IMPLICIT ? CONN_IMPLICIT : CONN_PLAIN);
    case OPTION_COMPARE:
        options->is_compare = true;
        return optarg != NULL ? parse_port(optarg, &options->other_port) : 0;
    case OPTION_PASSWORD:
        return read_password(optarg, options->password);
    case OPTION_TLS:
        options->profile = tls_profile(optarg);
        return 0;
    case OPTION_SHOW:
        return parse_show(optarg, &options->show);
    case OPTION_TIMEOUT:
        return parse_time(optarg, &options->timeout_ms);
    default:
        options->is_json = options->is_json || option == OPTION_JSON;
        options->may_login_unchecked = options->may_login_unchecked || option == OPTION_INSECURE;
        return 0;
    }
}

static int check_together(const struct connect_options *options)
{
    if ((options->user != NULL) != (options->password[0] != '\0'))
        return complain("connect", "--user and --password-file belong together");
    if (options->user != NULL && strpbrk(options->user, "\r\n") != NULL)
        return complain("connect", "a user's name has no line ends");
    if ((options->certificate != NULL) != (options->key != NULL))
        return complain("connect", "--cert and --key belong together");
    return 0;
}

/* Which ports the two ways have: a usual one has its usual counterpart. */
static int complete_compare(struct connect_options *options)
{
    enum conn_security other = options->security == CONN_IMPLICIT ? CONN_PLAIN : CONN_IMPLICIT;

    if (!options->is_compare || options->other_port != 0)
        return 0;
    for (size_t i = 0; i < sizeof usual_ports / sizeof *usual_ports; i++)
        if (usual_ports[i].port == options->port)
            options->other_port = connect_usual_port(options->protocol, other);
    if (options->other_port == 0)
        return complain("connect", "--compare needs the other way's port: --compare=PORT");
    return 0;
}

int connect_options_parse(int argc, char **argv, struct connect_options *options, int *status_out)
{
    int option, err = 0;

    *options =
        (struct connect_options){.timeout_ms = TIMEOUT_DEFAULT_MS, .profile = "intermediate"};
    *status_out = CLI_USAGE;
    optind = 1;
    while (err == 0 && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            *status_out = CLI_OK;
            return CLI_USAGE;
        }
        if (option == '?')
            return complain("connect", "there is no such option") != 0 ? CLI_USAGE : CLI_OK;
        err = take_option(options, option);
    }
    if (err == 0 && optind + 1 != argc)
        err = complain("connect", "name one HOST[:PORT]");
    if (err == 0)
        err = connect_options_target(options, argv[optind]);
    if (err == 0)
        err = check_together(options);
    if (err == 0)
        err = connect_options_complete(options, "connect");
    if (err == 0)
        err = complete_compare(options);
    return err == 0 ? CLI_OK : CLI_USAGE;
}

void connect_options_deinit(struct connect_options *options)
{
    mem_free(options->host);
    options->host = NULL;
    mem_wipe(options->password, sizeof options->password);
}
