/*
 * init_files.c: writes what a new data directory holds. Where it lies and who owns it is init.c's.
 */
#include "cli/init_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "crypto/random.h"
#include "pki/pki.h"
#include "store/account.h"

/* Apple's systems refuse a server certificate that is valid for more than 825 days, also from a
 * private authority; with what it is backdated by, 824 days from now stay below that. */
enum { CA_DAYS = 3650, SERVER_DAYS = 824, DAY_S = 24 * 60 * 60, BACKDATE_S = 60 * 60 };

static const struct {
    const char *name, *protocol, *tls;
    unsigned port;
    const char *comment;
} listeners[] = {
    {"smtp", "smtp", "starttls", 25, "mail from other servers"},
    {"submission", "submission", "starttls", 587, "mail from your users, after a login"},
    {"submissions", "submission", "implicit", 465, "the same, TLS from the first byte"},
    {"imap", "imap", "starttls", 143, "reading mail"},
    {"imaps", "imap", "implicit", 993, NULL},
    {"pop3", "pop3", "starttls", 110, "fetching mail"},
    {"pop3s", "pop3", "implicit", 995, NULL},
};

static void put_listeners(const struct init_plan *plan, struct buf *text)
{
    size_t count = sizeof listeners / sizeof *listeners;
    buf_puts(text,
             "\n# Where the server listens. tls: \"starttls\" begins in plaintext and upgrades,\n"
             "# \"implicit\" is TLS from the first byte, \"none\" has no TLS.\n"
             "listeners = (\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(text, "    { name = \"%s\"; protocol = \"%s\"; tls = \"%s\"; port = %u;\n",
                   listeners[i].name, listeners[i].protocol, listeners[i].tls, listeners[i].port);
        if (plan->listen != NULL)
            buf_printf(text, "      addresses = [ \"%s\" ]; }", plan->listen);
        else
            buf_puts(text, "      addresses = [ \"0.0.0.0\", \"::\" ]; }");
        buf_puts(text, i + 1 < count ? "," : "");
        if (listeners[i].comment != NULL)
            buf_printf(text, " # %s", listeners[i].comment);
        buf_puts(text, "\n");
    }
    buf_puts(text, ");\n");
}

static void put_names(const struct init_plan *plan, struct buf *text)
{
    buf_printf(
        text,
        "# Postern's configuration. After a change: postern check, then send the server "
        "SIGHUP.\n"
        "# Every key, with its default, is in postern.conf(5). Relative paths begin here.\n"
        "\n"
        "# The name of this machine, as other mail servers and your certificate know it.\n"
        "hostname = \"%s\";\n"
        "\n"
        "# Mail for these domains is kept here. A login name without a domain is one of the\n"
        "# first.\n"
        "domains = [ ",
        plan->hostname);
    for (size_t i = 0; i < plan->domain_count; i++)
        buf_printf(text, "%s\"%s\"", i == 0 ? "" : ", ", plan->domains[i]);
    buf_puts(text, " ];\n\n");
    if (plan->owner_reason != NULL)
        buf_printf(text, "# %s\n", plan->owner_reason);
    buf_printf(text,
               "# The user that the server becomes once its ports are bound; \"\": it stays who it "
               "is.\n"
               "user = \"%s\";\n"
               "\n"
               "# Mailboxes, users and the queue.\n"
               "data_dir = \"data\";\n"
               "\n"
               "# debug, info, warn, error\n"
               "log_level = \"info\";\n"
               "\n"
               "# Added to every port below: 10000 makes 25 into 10025.\n"
               "port_offset = %u;\n",
               plan->owner, plan->port_offset);
}

static const char settings_text[] =
    "\n"
    "tls = {\n"
    "    certificate = \"tls/server.pem\"; # the server's chain, its own certificate first\n"
    "    key = \"tls/server-key.pem\";\n"
    "    # server_profile = \"intermediate\"; # TLS 1.2 and 1.3; \"modern\": 1.3 only\n"
    "    # trusted = \"\"; # authorities for checks of other servers; \"\": the system's\n"
    "};\n"
    "\n"
    "smtp = {\n"
    "    # message_size_max = \"50M\";\n"
    "    # relay_networks = [ \"192.0.2.0/24\" ]; # may send anywhere on port 25 without a login\n"
    "};\n"
    "\n"
    "# Mail for other domains. Without a smarthost it goes to the servers that DNS names.\n"
    "relay = {\n"
    "    # smarthost = \"mail.example.net\";\n"
    "    # smarthost_port = 587;\n"
    "    # smarthost_tls = \"starttls\"; # \"implicit\", \"may\", \"off\"\n"
    "    # smarthost_user = \"me\";\n"
    "    # smarthost_password = \"secret\";\n"
    "};\n";

int init_write_conf(const struct init_plan *plan, struct fault *fault)
{
    struct buf text;
    buf_init(&text, 0);
    put_names(plan, &text);
    put_listeners(plan, &text);
    buf_puts(&text, settings_text);
    char *path = mem_printf("%s/postern.conf", plan->work);
    /* It may come to hold the smarthost's password. */
    int err = file_write_all(path, buf_span(&text).ptr, text.len, 0600, fault);
    mem_free(path);
    buf_release(&text);
    return err;
}

static int make_dir(const char *parent, const char *name, mode_t mode, struct fault *fault)
{
    char *path = mem_printf("%s/%s", parent, name);
    int err = 0;
    if (mkdir(path, mode) != 0)
        err =
            fault_set(fault, err_from_errno(errno), "could not make %s: %s", path, strerror(errno));
    mem_free(path);
    return err;
}

static int write_pem(const struct init_plan *plan, const char *name, const char *pem, mode_t mode,
                     struct fault *fault)
{
    char *path = mem_printf("%s/tls/%s", plan->work, name);
    int err = file_write_all(path, pem, strlen(pem), mode, fault);
    mem_free(path);
    return err;
}

static void free_key(char *pem)
{
    if (pem != NULL)
        mem_wipe(pem, strlen(pem));
    mem_free(pem);
}

static int write_authority(const struct init_plan *plan, const struct pki_authority *authority,
                           struct fault *fault)
{
    char *certificate = pki_authority_certificate_pem(authority);
    char *key = pki_authority_key_pem(authority);
    int err = write_pem(plan, "ca.pem", certificate, 0644, fault);
    if (err == 0)
        err = write_pem(plan, "ca-key.pem", key, 0600, fault);
    mem_free(certificate);
    free_key(key);
    return err;
}

/* The certificate is good for the host's name, for this machine as it calls itself, and for the
 * address that it listens on. */
static int write_server(const struct init_plan *plan, const struct pki_authority *authority,
                        int64_t now_s, struct fault *fault)
{
    const char *names[5] = {plan->hostname};
    size_t count = 1;
    if (strcmp(plan->hostname, "localhost") != 0)
        names[count++] = "localhost";
    names[count++] = "127.0.0.1";
    names[count++] = "::1";
    if (plan->listen != NULL && strcmp(plan->listen, "127.0.0.1") != 0 &&
        strcmp(plan->listen, "::1") != 0 && strcmp(plan->listen, "0.0.0.0") != 0 &&
        strcmp(plan->listen, "::") != 0)
        names[count++] = plan->listen;
    const struct pki_request request = {
        .common_name = plan->hostname,
        .dns_names = names,
        .dns_name_count = count,
        .purposes = PKI_SERVER,
        .not_before_s = now_s - BACKDATE_S,
        .not_after_s = now_s + (int64_t)SERVER_DAYS * DAY_S,
    };
    char *chain = NULL, *key = NULL;
    int err = pki_mint(authority, &request, &chain, &key, fault);
    if (err == 0)
        err = write_pem(plan, "server.pem", chain, 0644, fault);
    if (err == 0)
        err = write_pem(plan, "server-key.pem", key, 0600, fault);
    mem_free(chain);
    free_key(key);
    return err;
}

int init_write_certificates(const struct init_plan *plan, struct fault *fault)
{
    int err = make_dir(plan->work, "tls", 0755, fault);
    if (err != 0)
        return err;
    int64_t now_s = clock_wall_s(&clock_system);
    char *name = mem_printf("Postern CA of %s", plan->hostname);
    struct pki_authority *authority =
        pki_authority_create(name, now_s - BACKDATE_S, now_s + (int64_t)CA_DAYS * DAY_S, fault);
    mem_free(name);
    if (authority == NULL)
        return fault->err;
    err = write_authority(plan, authority, fault);
    if (err == 0)
        err = write_server(plan, authority, now_s, fault);
    pki_authority_free(&authority);
    return err;
}

/* Where users go while init runs. */
struct new_store {
    const struct settings *defaults;
    struct jobs *jobs;
    struct store *store;
};

static int add_user(const struct init_plan *plan, const struct new_store *new_store, char *user)
{
    const char *given = cli_cut_password(user);
    char password[CLI_PASSWORD_SIZE], verifier[STORE_VERIFIER_SIZE];
    struct buf key;
    buf_init(&key, 0);
    int err = cli_address(user, plan->domains[0], &key);
    if (err == 0 && !cli_is_local(buf_span(&key), plan->domains, plan->domain_count))
        err = ERR_INVALID;
    if (err == 0 && given == NULL)
        cli_made_password(user, password);
    else if (err == 0)
        err = cli_password(user, given, password);
    if (err == 0) {
        unsigned count = new_store->defaults->auth.iteration_count;
        err = auth_make_verifier(span_of(password), count, &random_system, verifier);
        if (err != 0)
            cli_complain("the password for %s cannot be used: it must be 1 to %d bytes of UTF-8",
                         user, AUTH_PASSWORD_MAX);
    }
    if (err == 0) {
        struct store_change_account *change = store_change_account_create(
            new_store->store, STORE_ACCOUNT_ADD, buf_span(&key), span_of(verifier));
        job_run_now(new_store->jobs, &change->job);
        err = change->status;
        if (err != 0)
            cli_complain("could not add user %s: %s", user, err_text(err));
        change->job.free(&change->job);
    }
    explicit_bzero(password, sizeof password);
    buf_release(&key);
    return err;
}

int init_make_store(const struct init_plan *plan, struct fault *fault)
{
    int err = make_dir(plan->work, "data", 0700, fault);
    if (err != 0)
        return err;
    char *dir = mem_printf("%s/data", plan->work);
    err = store_make(dir, NULL, fault);
    struct new_store new_store = {.defaults = conf_defaults(), .jobs = jobs_create_inline()};
    const struct store_options options = {
        .dir = dir,
        .settings = &new_store.defaults->store,
        .jobs = new_store.jobs,
        .clock = &clock_system,
        .entropy = &random_system,
    };
    if (err == 0) {
        new_store.store = store_open(&options, fault);
        err = new_store.store == NULL ? fault->err : 0;
    }
    for (size_t i = 0; err == 0 && i < plan->user_count; i++) {
        err = add_user(plan, &new_store, plan->users[i]);
        if (err != 0)
            (void)fault_set(fault, err, "not every user could be added");
    }
    store_close(&new_store.store);
    jobs_free(&new_store.jobs);
    conf_unref(&new_store.defaults);
    mem_free(dir);
    return err;
}
