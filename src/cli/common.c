/*
 * common.c: what the subcommands share: options, configuration, names and passwords.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "crypto/random.h"
#include "mail/address.h"

static const char *find_conf_file(void)
{
    static const char *const places[] = {"postern.conf", "postern-data/postern.conf",
                                         "/etc/postern/postern.conf"};
    const char *named = getenv("POSTERN_CONF"); /* read before any thread exists */
    if (named != NULL && named[0] != '\0')
        return named;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (access(places[i], F_OK) == 0)
            return places[i];
    }
    return places[1];
}

static const char common_help[] =
    "\n"
    "  -c, --config FILE   the configuration (default: what POSTERN_CONF names, else the first\n"
    "                      there is of ./postern.conf, ./postern-data/postern.conf and\n"
    "                      /etc/postern/postern.conf)\n"
    "  -h, --help          prints this text\n";

int cli_common(int argc, char **argv, const char *help, struct cli_common *out, int *status_out)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    *out = (struct cli_common){0};
    optind = 1;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'c') {
            out->conf_file = optarg;
            continue;
        }
        if (option == 'h')
            (void)printf("%s%s", help, common_help);
        else
            (void)fprintf(stderr, "try: postern %s --help\n", argv[0]);
        *status_out = option == 'h' ? CLI_OK : CLI_USAGE;
        return CLI_USAGE;
    }
    if (out->conf_file == NULL)
        out->conf_file = find_conf_file();
    out->words = argv + optind;
    out->word_count = argc - optind;
    return CLI_OK;
}

static void print_complaint(void *owner, const char *file, int line, const char *sentence)
{
    (void)owner;
    if (line > 0)
        (void)fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
    else
        (void)fprintf(stderr, "%s: %s\n", file, sentence);
}

const struct settings *cli_load(const char *conf_file)
{
    return conf_load(conf_file, print_complaint, NULL);
}

void cli_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("postern: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputs("\n", stderr);
    va_end(arguments);
}

int cli_usage(const char *command, const char *what)
{
    cli_complain("%s; try: postern %s --help", what, command);
    return CLI_USAGE;
}

int cli_address(const char *name, const char *first_domain, struct buf *key_out)
{
    struct buf text;
    buf_init(&text, 0);
    buf_puts(&text, name);
    if (strchr(name, '@') == NULL)
        buf_printf(&text, "@%s", first_domain);

    struct address address;
    const char *reason = NULL;
    int err = address_parse(buf_span(&text), &address, &reason);
    if (err == 0)
        address_key(&address, key_out);
    else
        cli_complain("\"%s\" is not an address: %s; write it like alice@example.org", name, reason);
    buf_release(&text);
    return err;
}

int cli_alias_address(const char *name, const char *first_domain, struct buf *key_out)
{
    struct span domain = span_of(name);
    if (name[0] != '@')
        return cli_address(name, first_domain, key_out);
    domain = span_from(domain, 1);
    if (!address_is_domain(domain) || domain.ptr[0] == '[') {
        cli_complain("\"%s\" is no domain's catch-all; write it like @example.org", name);
        return ERR_SYNTAX;
    }
    const struct address address = {.domain = domain};
    address_key(&address, key_out);
    return 0;
}

/* A quoted local part may hold an '@': the domain is behind the last one. */
static struct span domain_of(struct span key)
{
    struct span rest = key;
    for (ptrdiff_t at = span_find_byte(rest, 0, '@'); at >= 0; at = span_find_byte(rest, 0, '@'))
        rest = span_from(rest, (size_t)at + 1);
    return rest;
}

static bool is_among(struct span domain, const char *const *domains, size_t domain_count)
{
    for (size_t i = 0; i < domain_count; i++) {
        if (span_is_nocase(domain, domains[i]))
            return true;
    }
    return false;
}

bool cli_is_local(struct span key, const char *const *domains, size_t domain_count)
{
    struct span domain = domain_of(key);
    if (is_among(domain, domains, domain_count))
        return true;
    cli_complain(
        "%.*s is not one of the domains that are kept here: write it into `domains` of the "
        "configuration first",
        (int)domain.len, domain.ptr);
    return false;
}

bool cli_is_kept(struct span key, const struct settings *settings)
{
    struct span domain = domain_of(key);
    const struct span words[] = {span_of("domain"), span_of("find"), domain};
    return is_among(domain, settings->server.domains, settings->server.domain_count) ||
           cli_call(settings, words, 3) == CLI_OK;
}

char *cli_cut_password(char *name)
{
    char *colon = strchr(name, ':');
    if (colon == NULL)
        return NULL;
    *colon = '\0';
    return colon + 1;
}

/* One line without its end; an empty one at the end of input. */
static void read_line(char *text_out)
{
    if (fgets(text_out, CLI_PASSWORD_SIZE, stdin) == NULL)
        text_out[0] = '\0';
    text_out[strcspn(text_out, "\r\n")] = '\0';
}

static int ask_twice(const char *name, char *password_out)
{
    char again[CLI_PASSWORD_SIZE];
    struct termios before, silent;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return ERR_IO;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    (void)fprintf(stderr, "Password for %s: ", name);
    read_line(password_out);
    (void)fputs("\nOnce more: ", stderr);
    read_line(again);
    (void)fputs("\n", stderr);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    bool is_same = strcmp(password_out, again) == 0;
    explicit_bzero(again, sizeof again);
    if (is_same)
        return 0;
    cli_complain("the two passwords differ; nothing was changed");
    return ERR_INVALID;
}

int cli_given_password(const char *name, char password_out[CLI_PASSWORD_SIZE])
{
    if (isatty(STDIN_FILENO))
        return ask_twice(name, password_out);
    return cli_read_password(name, stdin, password_out);
}

int cli_read_password(const char *name, FILE *file, char password_out[CLI_PASSWORD_SIZE])
{
    enum { LEN_MAX = CLI_PASSWORD_SIZE - 2 }; /* one more shows that the line goes on */

    if (fgets(password_out, CLI_PASSWORD_SIZE, file) == NULL)
        password_out[0] = '\0';
    password_out[strcspn(password_out, "\r\n")] = '\0';
    size_t len = strlen(password_out);
    if (len > LEN_MAX)
        cli_complain("the password for %s is too long: at most %d bytes", name, LEN_MAX);
    else if (len == 0)
        cli_complain("the password for %s is to be the first line of %s, which is empty", name,
                     file == stdin ? "standard input" : "its file");
    return len > LEN_MAX ? ERR_LIMIT : len == 0 ? ERR_INVALID : 0;
}

void cli_made_password(const char *name, char password_out[CLI_PASSWORD_SIZE])
{
    char made[RANDOM_PASSWORD_SIZE];
    random_password(&random_system, made);
    (void)stpcpy(password_out, made);
    (void)printf("password for %s: %s\n", name, made);
    explicit_bzero(made, sizeof made);
}

int cli_password(const char *name, const char *given, char password_out[CLI_PASSWORD_SIZE])
{
    if (given != NULL) {
        if (strlen(given) >= CLI_PASSWORD_SIZE) {
            cli_complain("the password for %s is too long: at most 256 bytes", name);
            return ERR_LIMIT;
        }
        (void)stpcpy(password_out, given);
        return 0;
    }
    if (isatty(STDIN_FILENO))
        return ask_twice(name, password_out);

    read_line(password_out);
    if (password_out[0] == '\0')
        cli_made_password(name, password_out);
    return 0;
}
