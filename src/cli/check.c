/*
 * check.c: postern check: everything that can be found wrong without starting: the configuration's
 * text and values, and the certificates that it names.
 */
#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "privilege.h"
#include "tls/manager.h"

static const char help[] =
    "postern check - looks whether the configuration is usable\n"
    "\n"
    "  postern check [-c FILE]\n"
    "\n"
    "Every complaint is a line: file, line number, what is wrong, what would be right. Also loads\n"
    "the certificates, keys and OCSP responses as the server would, and warns of what is odd\n"
    "with them. Exit status 0: the server can start.\n"
    "\n"
    "Example: postern check -c /etc/postern/postern.conf\n";

/* Who is told what stops nothing. */
struct audience {
    const char *file;
    unsigned remark_count;
};

static void on_remark(void *owner, const struct tls_remark *remark)
{
    struct audience *audience = owner;

    audience->remark_count++;
    (void)fprintf(stderr, "%s: tls: %s: %s\n", audience->file,
                  remark->level == LOG_ERROR ? "error" : "warning", remark->why);
}

static int check_tls(const struct settings *settings, struct audience *audience)
{
    const struct tls_remarks remarks = {on_remark, audience};
    struct fault fault;
    fault_clear(&fault);
    int err = tls_manager_check(&settings->tls, &clock_system, &remarks, &fault);
    if (err != 0)
        (void)fprintf(stderr, "%s: tls: %s\n", settings->file, fault.text);
    return err == 0 ? CLI_OK : CLI_COULD_NOT;
}

static int check_user(const struct settings *settings)
{
    uid_t uid;
    gid_t gid;
    struct fault fault;
    fault_clear(&fault);
    if (settings->server.user[0] == '\0' ||
        privilege_find(settings->server.user, &uid, &gid, &fault) == 0)
        return CLI_OK;
    (void)fprintf(stderr, "%s: user: %s\n", settings->file, fault.text);
    return CLI_COULD_NOT;
}

int cli_check(int argc, char **argv)
{
    struct cli_common common;
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    if (common.word_count > 0)
        return cli_usage("check", "check takes no arguments");
    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    struct audience audience = {.file = settings->file};
    int tls_status = check_tls(settings, &audience);
    int user_status = check_user(settings);
    status = tls_status != CLI_OK ? tls_status : user_status;
    if (status == CLI_OK)
        (void)printf("%s: %s: %zu listeners\n", settings->file,
                     audience.remark_count == 0 ? "all is well" : "usable, but look above",
                     settings->listener_count);
    conf_unref(&settings);
    return status;
}
