/*
 * init.c: postern init: a data directory that works, built beside its place and then renamed, so an
 * interrupted init leaves nothing half made. What it holds is written by init_files.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/init_files.h"
#include "mail/address.h"
#include "net/endpoint.h"
#include "privilege.h"

enum { PORT_OFFSET_MAX = 64000, HOSTNAME_SIZE = 256 };
static const char service_user[] = "postern";

static const char help[] =
    "postern init - makes a data directory\n"
    "\n"
    "  postern init [--dir DIR] [--hostname NAME] [--domain DOMAIN]... [--user "
    "NAME[:PASSWORD]]...\n"
    "               [--port-offset N] [--listen ADDRESS]\n"
    "\n"
    "Makes DIR with postern.conf, a certificate authority (tls/ca.pem, tls/ca-key.pem), a server\n"
    "certificate (tls/server.pem, tls/server-key.pem) and the store. A DIR that holds anything is\n"
    "never overwritten.\n"
    "\n"
    "  --dir DIR            where (default ./postern-data)\n"
    "  --hostname NAME      this machine's name (default: what the system says)\n"
    "  --domain DOMAIN      keeps mail for DOMAIN; may be repeated (default: the host name)\n"
    "  --user NAME[:PW]     a first user; may be repeated. A NAME without a domain belongs to the\n"
    "                       first DOMAIN. Without :PW one is made and printed\n"
    "  --port-offset N      added to every port: 10000 serves 25 on 10025 (default 0)\n"
    "  --listen ADDRESS     listens only there (default: all IPv4 and IPv6 addresses)\n"
    "  -h, --help           prints this text\n"
    "\n"
    "Example: postern init --domain example.org --user alice --port-offset 10000\n";

static const struct option options[] = {
    {"dir", required_argument, NULL, 'd'},    {"hostname", required_argument, NULL, 'n'},
    {"domain", required_argument, NULL, 'm'}, {"user", required_argument, NULL, 'u'},
    {"listen", required_argument, NULL, 'l'}, {"port-offset", required_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},         {0}};

static int take_name(const char **names, size_t *count, const char *name)
{
    if (*count == INIT_NAMES_MAX)
        return cli_usage("init", "too many names: at most 64; add the others later");
    names[(*count)++] = name;
    return CLI_OK;
}

static int take_option(struct init_plan *plan, int option, char *value)
{
    uint64_t offset;
    struct endpoint endpoint;
    switch (option) {
    case 'd':
        plan->dir = value;
        return CLI_OK;
    case 'n':
        plan->hostname = value;
        return CLI_OK;
    case 'm':
        return take_name(plan->domains, &plan->domain_count, value);
    case 'u':
        if (plan->user_count == INIT_NAMES_MAX)
            return cli_usage("init", "too many users: at most 64; add the others later");
        plan->users[plan->user_count++] = value;
        return CLI_OK;
    case 'l':
        plan->listen = value;
        return endpoint_parse(span_of(value), 25, &endpoint) == 0
                   ? CLI_OK
                   : cli_usage("init", "--listen wants a numeric address like 127.0.0.1 or ::1");
    case 'p':
        if (!span_to_u64(span_of(value), PORT_OFFSET_MAX, &offset))
            return cli_usage("init", "--port-offset wants a number from 0 to 64000");
        plan->port_offset = (unsigned)offset;
        return CLI_OK;
    default:
        return CLI_USAGE;
    }
}

static int check_names(const struct init_plan *plan)
{
    if (!address_is_domain(span_of(plan->hostname))) {
        cli_complain("\"%s\" is not a host name; write it like mail.example.org", plan->hostname);
        return CLI_COULD_NOT;
    }
    for (size_t i = 0; i < plan->domain_count; i++) {
        if (address_is_domain(span_of(plan->domains[i])) && plan->domains[i][0] != '[')
            continue;
        cli_complain("\"%s\" is not a domain; write it like example.org", plan->domains[i]);
        return CLI_COULD_NOT;
    }
    return CLI_OK;
}

/* ---- The place ------------------------------------------------------------------------------ */

/* nftw() passes its callback nothing of ours, so the new owner stands here. */
static uid_t owner_uid;
static gid_t owner_gid;

static int own_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return lchown(path, owner_uid, owner_gid);
}

/* Whether the service user can get to the directory that DIR will lie in. Tried by becoming it. */
static bool may_enter(const char *dir)
{
    /* The server goes by the whole path; "." would pass over what lies above. */
    char *whole = realpath(dir, NULL);
    pid_t child = fork();
    if (child == 0) {
        struct fault fault;
        bool may =
            whole != NULL && privilege_drop(service_user, &fault) == 0 && access(whole, X_OK) == 0;
        _exit(may ? 0 : 1);
    }
    free(whole); /* realpath's, hence not mem_free() */
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* Root gives the data to the service user when there is one and it can get there. */
static void choose_owner(struct init_plan *plan, const char *parent)
{
    struct fault fault;
    plan->owner = "";
    if (geteuid() != 0)
        return;
    if (privilege_find(service_user, &owner_uid, &owner_gid, &fault) != 0)
        plan->owner_reason =
            "There was no user \"postern\" on this machine: the server stays root. "
            "Better: adduser\n# --system --group postern, give it this directory, "
            "and name it here.";
    else if (!may_enter(parent))
        plan->owner_reason =
            "The user \"postern\" may not enter this directory's parent: the server "
            "stays root. Better:\n# move the directory, give it to that user, and "
            "name it here.";
    else
        plan->owner = service_user;
}

static int build(const struct init_plan *plan, struct fault *fault)
{
    if (mkdir(plan->work, 0755) != 0)
        return fault_set(fault, ERR_IO, "could not make %s: %s", plan->work, strerror(errno));
    int err = init_write_certificates(plan, fault);
    if (err == 0)
        err = init_write_conf(plan, fault);
    if (err == 0)
        err = init_make_store(plan, fault);
    if (err == 0 && plan->owner[0] != '\0' && nftw(plan->work, own_entry, 16, FTW_PHYS) != 0)
        err = fault_set(fault, ERR_IO, "could not give %s to user %s: %s", plan->work, plan->owner,
                        strerror(errno));
    if (err == 0 && rename(plan->work, plan->dir) != 0)
        err = fault_set(fault, ERR_IO, "could not rename %s to %s: %s", plan->work, plan->dir,
                        strerror(errno));
    return err;
}

static void tell(const struct init_plan *plan)
{
    (void)printf("made %s for %s\n", plan->dir, plan->hostname);
    (void)printf("  configuration          %s/postern.conf\n", plan->dir);
    (void)printf("  certificate authority  %s/tls/ca.pem (give it to the mail clients)\n",
                 plan->dir);
    (void)printf("start the server: postern serve -c %s/postern.conf\n", plan->dir);
}

static int make(struct init_plan *plan)
{
    if (!cli_is_free_dir(plan->dir))
        return CLI_COULD_NOT;
    char *work = mem_printf("%s.new-%ld", plan->dir, (long)getpid());
    char *parent = mem_strdup(plan->dir);
    char *slash = strrchr(parent, '/');
    if (slash != NULL)
        slash[slash == parent] = '\0';
    choose_owner(plan, slash == NULL ? "." : parent);
    plan->work = work;

    struct fault fault;
    fault_clear(&fault);
    int err = build(plan, &fault);
    if (err != 0) {
        cli_complain("%s", fault.text);
        cli_remove_dir(work);
    } else {
        tell(plan);
    }
    mem_free(work);
    mem_free(parent);
    return err == 0 ? CLI_OK : CLI_COULD_NOT;
}

int cli_init(int argc, char **argv)
{
    char hostname[HOSTNAME_SIZE] = "localhost";
    char default_dir[] = "postern-data";
    struct init_plan plan = {.dir = default_dir};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return CLI_OK;
        }
        if (option == '?' || optarg == NULL)
            return cli_usage("init", "called wrongly");
        if (option == 'd')
            cli_cut_slashes(optarg);
        if (take_option(&plan, option, optarg) != CLI_OK)
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("init", "takes only options");
    if (plan.hostname == NULL) {
        (void)gethostname(hostname, sizeof hostname - 1);
        plan.hostname = hostname;
    }
    if (plan.domain_count == 0)
        plan.domains[plan.domain_count++] = plan.hostname;
    return check_names(&plan) == CLI_OK ? make(&plan) : CLI_COULD_NOT;
}
