/* What relay.mx_tls, mx_verify and their like of the smarthost let pass: mail, passwords, lines in
 * the log. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* --- the log, into memory --- */

static int log_open(void)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    check(fd >= 0);
    log_set_level(LOG_INFO);
    log_start(fd);
    return fd;
}

static void log_take(int fd, char *text_out, size_t size)
{
    log_stop();
    log_set_level(LOG_NONE);
    ssize_t len = pread(fd, text_out, size - 1, 0);
    text_out[len > 0 ? len : 0] = '\0';
    (void)close(fd);
}

/* --- by MX look-up --- */

/* one.test has a hop in plaintext (or one that offers STARTTLS and then speaks none), example.org
 * a good certificate, wrong.test one for another name, whose server then wants no mail for it. */
static const struct mx_case {
    const char *name, *tls, *verify, *to;
    bool offers_broken_tls;
    const char *last;       /* of the outcome; NULL: delivered */
    const char *unverified; /* in the log; NULL: no such line */
    bool has_no_fallback;
} mx_cases[] = {
    {"no TLS there, taken as it is", "may", "opportunistic", "r@one.test", false, NULL, NULL,
     false},
    {"no TLS there, demanded", "starttls", "opportunistic", "r@one.test", false,
     "does not offer STARTTLS", NULL, false},
    {"no TLS there, to be verified", "may", "required", "r@one.test", false,
     "does not offer STARTTLS", NULL, false},
    {"no TLS there, not wanted", "off", "opportunistic", "r@one.test", false, NULL, NULL, false},
    {"broken TLS, then without", "may", "opportunistic", "r@one.test", true, NULL, NULL, false},
    {"broken TLS, not without", "may", "opportunistic", "r@one.test", true, "TLS", NULL, true},
    {"no TLS there is no fallback", "may", "off", "r@one.test", false, NULL, NULL, true},
    {"broken TLS, demanded", "starttls", "off", "r@one.test", true, "TLS", NULL, false},
    {"broken TLS, to be verified", "may", "required", "r@one.test", true, "TLS", NULL, false},
    {"good", "may", "required", "bob@example.org", false, NULL, NULL, false},
    {"good, demanded", "starttls", "opportunistic", "bob@example.org", false, NULL, NULL, false},
    {"good, not looked at", "may", "off", "bob@example.org", false, NULL,
     "host=mx.example.org check=not-done", false},
    {"wrong name, looked at", "may", "opportunistic", "r@wrong.test", false, "550",
     "host=other.example.org check=wrong-name why=\"wanted other.example.org", false},
    {"wrong name, demanded", "may", "required", "r@wrong.test", false, "for another name", NULL,
     false},
};

static void run_mx(const struct mx_case *row)
{
    struct relay_lab lab;
    char log[16384];

    relay_lab_init(&lab);
    lab.settings.mx_tls = row->tls;
    lab.settings.mx_verify = row->verify;
    lab.server.offers_starttls = true;
    lab.settings.plaintext_fallback = !row->has_no_fallback;
    if (row->offers_broken_tls)
        lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop.test|250 STARTTLS"};
    int fd = log_open();
    relay_lab_mail(&lab, alice, row->to);
    relay_lab_run(&lab, 100000);
    log_take(fd, log, sizeof log);
    struct relay_lab_queue queue = relay_lab_queue(&lab);
    check_int(queue.count, row->last != NULL && strcmp(row->last, "550") != 0);
    check_int(lab.hops[0].messages, row->last == NULL && has(row->to, "one.test"));
    if (queue.count > 0 && !has(queue.last, row->last))
        CHECK_FAILED("last outcome: \"%s\"", queue.last);
    check_int(has(log, " relay plaintext "), row->offers_broken_tls && row->last == NULL);
    if (row->unverified == NULL ? has(log, "tls unverified")
                                : !has(log, "tls unverified") || !has(log, row->unverified))
        CHECK_FAILED("log: %s", log);
    relay_lab_deinit(&lab);
}

TEST(test_mx_delivery_by_its_keys)
{
    for (size_t i = 0; i < sizeof mx_cases / sizeof *mx_cases; i++) {
        check_case = mx_cases[i].name;
        run_mx(&mx_cases[i]);
    }
}

/* --- by a smarthost --- */

static const struct smarthost_case {
    const char *name, *host, *verify;
    enum relay_tls tls;
    bool offers_starttls, is_delivered, is_logged;
} smarthost_cases[] = {
    {"good", "mx.example.org", "required", RELAY_TLS_STARTTLS, true, true, false},
    {"wrong name, demanded", "other.example.org", "required", RELAY_TLS_STARTTLS, true, false,
     false},
    {"wrong name, looked at", "other.example.org", "opportunistic", RELAY_TLS_STARTTLS, true, true,
     true},
    {"wrong name, not looked at", "other.example.org", "off", RELAY_TLS_STARTTLS, true, true, true},
    {"offer hidden, to be verified", "mx.example.org", "required", RELAY_TLS_MAY, false, false,
     false},
    {"offer hidden, not demanded", "mx.example.org", "opportunistic", RELAY_TLS_MAY, false, true,
     false},
};

TEST(test_smarthost_by_its_keys)
{
    char log[16384];

    for (size_t i = 0; i < sizeof smarthost_cases / sizeof *smarthost_cases; i++) {
        const struct smarthost_case *row = &smarthost_cases[i];
        struct relay_lab lab;
        check_case = row->name;
        relay_lab_init(&lab);
        lab.settings.smarthost = row->host;
        lab.settings.smarthost_verify = row->verify;
        lab.settings.smarthost_tls = row->tls;
        lab.server.offers_starttls = row->offers_starttls;
        int fd = log_open();
        relay_lab_mail(&lab, alice, "bob@example.org");
        relay_lab_run(&lab, 100000);
        log_take(fd, log, sizeof log);
        check_int(relay_lab_inbox(&lab, "bob@example.org", NULL), row->is_delivered);
        check_int(relay_lab_queue(&lab).count, !row->is_delivered);
        check_int(has(log, "tls unverified"), row->is_logged);
        relay_lab_deinit(&lab);
    }
}

/* No password goes out before all is green, whatever else the settings say. */
TEST(test_no_login_before_the_check)
{
    static const char *const verify[] = {"required", "opportunistic"};
    char log[16384];

    for (size_t i = 0; i < sizeof verify / sizeof *verify; i++) {
        struct relay_lab lab;
        check_case = verify[i];
        relay_lab_init(&lab);
        lab.settings.smarthost = "other.example.org";
        lab.settings.smarthost_verify = verify[i];
        lab.settings.smarthost_user = "alice";
        lab.settings.smarthost_password = "wonderland";
        lab.server.role = SMTP_SUBMISSION;
        int fd = log_open();
        relay_lab_mail(&lab, alice, "bob@example.org");
        relay_lab_run(&lab, 100000);
        log_take(fd, log, sizeof log);
        /* The server's own line about the login: it was only tried where the check may be bad. */
        check_int(has(log, "smtp login "), i == 1);
        check(!has(log, "wonderland"));
        relay_lab_deinit(&lab);
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_mx_delivery_by_its_keys", test_mx_delivery_by_its_keys},
        {"test_smarthost_by_its_keys", test_smarthost_by_its_keys},
        {"test_no_login_before_the_check", test_no_login_before_the_check},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
