/*
 * No secret in a trace: every way to give a password to SMTP, IMAP and POP3 in plaintext, right,
 * wrong and mistyped, whole and byte by byte; then all events are searched for it. And the other
 * side: what is not secret is shown, or the trace would be good for nothing.
 */
#include "base/mem.h"
#include "check.h"
#include "protocols/imap/imap.h"
#include "protocols/pop3/pop3.h"
#include "protocols/smtp/smtp.h"
#include "tests/dialogue/peer.h"
#include "tests/fake/tap_book.h"

#define PASSWORD   "Kn0blauch-9"
#define PLAIN      "AGFubkBleGFtcGxlLm9yZwBLbjBibGF1Y2gtOQ==" /* NUL ann@example.org NUL password */
#define CODED      "S24wYmxhdWNoLTk="                         /* the password alone */
#define CODED_USER "YW5uQGV4YW1wbGUub3Jn"
#define PROOF      "Yz1iaXdzLHI9eHkscD1oaWRkZW4tcHJvb2Y=" /* a SCRAM client's last message */
#define SCRAM      "bixuPWFubkBleGFtcGxlLm9yZyxyPXh5"     /* its first */

static void *make_submission(struct world *world)
{
    struct smtp_service *service = mem_new(struct smtp_service);
    *service = (struct smtp_service){.role = SMTP_SUBMISSION,
                                     .settings = &world->smtp,
                                     .hostname = world->hostname,
                                     .domains = world->domains,
                                     .domain_count = world->domain_count,
                                     .store = world->store,
                                     .auth = world->auth,
                                     .auth_failures_max = 10};
    return service;
}

static void *make_imap(struct world *world)
{
    struct imap_service *service = mem_new(struct imap_service);
    *service = (struct imap_service){.auth_without_tls = world->smtp.auth_without_tls,
                                     .settings = &world->imap,
                                     .append_size_max = world->smtp.message_size_max,
                                     .hostname = world->hostname,
                                     .store = world->store,
                                     .auth = world->auth,
                                     .auth_failures_max = 10};
    return service;
}

static void *make_pop3(struct world *world)
{
    struct pop3_service *service = mem_new(struct pop3_service);
    *service = (struct pop3_service){.auth_without_tls = world->smtp.auth_without_tls,
                                     .settings = &world->pop3,
                                     .hostname = world->hostname,
                                     .store = world->store,
                                     .auth = world->auth,
                                     .locks = pop3_locks_create(),
                                     .auth_failures_max = 10};
    return service;
}

static void free_pop3(void *arg)
{
    struct pop3_service *service = arg;
    pop3_locks_free(&service->locks);
    mem_free(service);
}

static const struct world_role smtp = {"submission", "smtp", &smtp_session_type, make_submission,
                                       mem_free};
static const struct world_role imap = {"imap", "imap", &imap_session_type, make_imap, mem_free};
static const struct world_role pop3 = {"pop3", "pop3", &pop3_session_type, make_pop3, free_pop3};

static const struct secrecy_case {
    const struct world_role *role;
    const char *may_login; /* "true": passwords are taken in plaintext */
    const char *said;      /* by the client, all at once */
    const char *shown;     /* of one of its lines; NULL: none of interest */
    const char *heard;     /* the beginning of a line of the server's; NULL: of no interest */
} cases[] = {
    {&smtp, "true", "EHLO me\r\nAUTH PLAIN " PLAIN "\r\n", "AUTH PLAIN", "235"},
    {&smtp, "true", "EHLO me\r\nAUTH PLAIN\r\n" PLAIN "\r\n", "AUTH PLAIN", "235"},
    {&smtp, "true", "EHLO me\r\nAUTH LOGIN\r\n" CODED_USER "\r\n" CODED "\r\n", "AUTH LOGIN",
     "235"},
    {&smtp, "true", "EHLO me\r\nAUTH LOGIN " CODED_USER "\r\n" CODED "\r\n", "AUTH LOGIN", "235"},
    {&smtp, "true", "EHLO me\r\nAUTH SCRAM-SHA-256 " SCRAM "\r\n" PROOF "\r\n",
     "AUTH SCRAM-SHA-256", "5"},
    {&smtp, "false", "EHLO me\r\nAUTH PLAIN " PLAIN "\r\n", "AUTH PLAIN", "5"},
    {&smtp, "false", "EHLO me\r\nAUTH LOGIN\r\n" CODED_USER "\r\n" CODED "\r\n", "AUTH LOGIN", "5"},
    {&smtp, "true", "EHLO me\r\nAUHT PLAIN " PLAIN "\r\n", "EHLO me", "500"},
    {&smtp, "true", "EHLO me\r\n AUTH PLAIN " PLAIN "\r\n", "EHLO me", "5"},
    {&smtp, "true", "EHLO me\r\nAUTH " PLAIN "\r\n", "AUTH", "504"},
    {&smtp, "true", "EHLO me\r\nAUTH  PLAIN " PLAIN "\r\n", "EHLO me", NULL},
    {&smtp, "true", "EHLO me\r\nAUTH\tPLAIN " PLAIN "\r\n", "EHLO me", NULL},
    {&smtp, "true", "EHLO me\r\nAUTH PLAIN\r\n*\r\n" PLAIN "\r\n", "EHLO me", "5"},
    {&smtp, "true", "EHLO me\r\nAUTH PLAIN !" PLAIN "\r\n", "AUTH PLAIN", "501"},
    {&smtp, "true", "EHLO me\r\nAUTH PLAIN " PLAIN "\nNOOP\r\n", "EHLO me", NULL},
    {&smtp, "true", "EHLO me\r\nAUTH PLAIN " PLAIN "\rx\r\n", "EHLO me", NULL},
    {&smtp, "true", "EHLO me\r\nNOOP " PASSWORD "\r\nHELP " PASSWORD "\r\n", "NOOP", "250"},
    {&imap, "true", "a1 LOGIN ann@example.org " PASSWORD "\r\n", "a1 LOGIN", "a1 OK"},
    {&imap, "true", "a1 login \"ann@example.org\" \"" PASSWORD "\"\r\n", "a1 login", "a1 OK"},
    {&imap, "true", "a1 LOGIN {15+}\r\nann@example.org {11+}\r\n" PASSWORD "\r\n", "a1 LOGIN",
     "a1 OK"},
    {&imap, "true", "a1 LOGIN {15+}\r\nann@example.org " PASSWORD "\r\n", "a1 LOGIN", "a1 OK"},
    {&imap, "true", "a1 LOGN {15+}\r\nann@example.org " PASSWORD "\r\n", NULL, "... BAD"},
    {&imap, "true", "a1 AUTHENTICATE PLAIN " PLAIN "\r\n", "a1 AUTHENTICATE PLAIN", "a1 OK"},
    {&imap, "true", "a1 AUTHENTICATE PLAIN\r\n" PLAIN "\r\n", "a1 AUTHENTICATE PLAIN", "a1 OK"},
    {&imap, "true", "a1 AUTHENTICATE SCRAM-SHA-256 " SCRAM "\r\n" PROOF "\r\n",
     "a1 AUTHENTICATE SCRAM-SHA-256", "a1 NO"},
    {&imap, "false", "a1 LOGIN ann@example.org " PASSWORD "\r\n", "a1 LOGIN", "a1 NO"},
    {&imap, "false", "a1 LOGIN {15+}\r\nann@example.org {11+}\r\n" PASSWORD "\r\n", "a1 LOGIN",
     "a1 NO"},
    {&imap, "false", "a1 AUTHENTICATE PLAIN\r\n" PLAIN "\r\n", "a1 AUTHENTICATE PLAIN", "a1 NO"},
    {&imap, "true", "a1 LOGNI ann@example.org " PASSWORD "\r\na2 NOOP\r\n", "a2 NOOP", "... BAD"},
    {&imap, "true", "LOGIN ann@example.org " PASSWORD "\r\na2 NOOP\r\n", "a2 NOOP", NULL},
    {&imap, "true", PASSWORD " NOOPE\r\n", NULL, "... BAD"},
    {&imap, "true", "PASS " PASSWORD "\r\n", NULL, NULL},
    {&imap, "true", "a1 AUTHENTICATE " PLAIN "\r\n", "a1 AUTHENTICATE", NULL},
    {&imap, "true", "a1  LOGIN ann@example.org " PASSWORD "\r\na2 NOOP\r\n", "a2 NOOP", NULL},
    {&imap, "true", "a1 LOGIN ann@example.org " PASSWORD "\nx\r\n", NULL, NULL},
    {&pop3, "true", "USER ann@example.org\r\nPASS " PASSWORD "\r\n", "USER ann@example.org", "+OK"},
    {&pop3, "true", "USER ann@example.org\r\npass " PASSWORD "\r\n", "pass", "+OK"},
    {&pop3, "true", "AUTH PLAIN " PLAIN "\r\n", "AUTH PLAIN", "+OK"},
    {&pop3, "true", "AUTH PLAIN\r\n" PLAIN "\r\n", "AUTH PLAIN", "+OK"},
    {&pop3, "true", "AUTH SCRAM-SHA-256 " SCRAM "\r\n" PROOF "\r\n", "AUTH SCRAM-SHA-256", "-ERR"},
    {&pop3, "true", "APOP ann " PASSWORD "\r\n", "APOP", "-ERR"},
    {&pop3, "true", "USER ann@example.org\r\nPSAS " PASSWORD "\r\n", "USER ann@example.org",
     "-ERR"},
    {&pop3, "true", "PASS" PASSWORD "\r\n", NULL, "-ERR"},
    {&pop3, "true", PASSWORD "\r\n", NULL, "-ERR"},
    {&pop3, "false", "USER ann@example.org\r\nPASS " PASSWORD "\r\n", "PASS", "-ERR"},
    {&pop3, "false", "AUTH PLAIN\r\n" PLAIN "\r\n", "AUTH PLAIN", "-ERR"},
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

static bool has_line(const struct tap_book *book, enum tap_way way, const char *text, bool is_whole)
{
    const struct tap_event *event = NULL;
    for (size_t n = 0; (event = tap_book_find(book, TAP_LINE, way, NULL, n)) != NULL; n++) {
        if (is_whole ? span_is(event->detail, text) : span_starts(event->detail, span_of(text)))
            return true;
    }
    return false;
}

static void check_secrets(const struct tap_book *book)
{
    static const char *const secrets[] = {PASSWORD, PLAIN, CODED, PROOF, "nobl", "hidden-proof"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (tap_book_holds(book, span_of(secrets[i])))
            CHECK_FAILED("the trace holds \"%s\"", secrets[i]);
    }
}

static void run_case(const struct secrecy_case *one, enum sim_cut cut)
{
    struct world world;
    struct tap_book book;
    struct peer peer;

    check_case = one->said;
    world_init(&world, 1);
    check(world_set(&world, span_of("smtp.auth_without_tls"), span_of(one->may_login)));
    world_start(&world);
    world_add_user(&world, span_of("ann@example.org"), span_of(PASSWORD));
    tap_book_init(&book);
    world.env.tap = &book.tap;
    void *service = one->role->make_service(&world);
    check(peer_connect(&peer, &world, one->role, service, cut));
    peer_send(&peer, span_of(one->said));
    sim_run(world.sim);
    peer_end(&peer);
    sim_run(world.sim);

    check_secrets(&book);
    check(one->shown == NULL || has_line(&book, TAP_IN, one->shown, true));
    check(one->heard == NULL || has_line(&book, TAP_OUT, one->heard, false));
    peer_deinit(&peer);
    world_stop(&world);
    one->role->free_service(service);
    tap_book_deinit(&book);
}

TEST(test_no_event_holds_a_password_however_it_came)
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        run_case(&cases[i], SIM_WHOLE);
        run_case(&cases[i], SIM_BYTES);
        run_case(&cases[i], SIM_CUTS);
    }
}

static void check_data(const struct tap_book *book, enum tap_way way, size_t wanted)
{
    const struct tap_event *event = NULL;
    size_t size = 0;
    for (size_t n = 0; (event = tap_book_find(book, TAP_DATA, way, NULL, n)) != NULL; n++)
        size += event->size;
    check_int(size, wanted);
}

/* What a message says is nobody's business either, and would drown the rest. */
TEST(test_messages_are_told_by_their_size)
{
    static const char message[] = "Subject: x\r\n\r\nvery private words\r\n";
    static const struct {
        const struct world_role *role;
        const char *said, *line;
    } fetches[] = {
        {&imap, "a1 LOGIN ann@example.org " PASSWORD "\r\na2 SELECT INBOX\r\na3 FETCH 1 BODY[]\r\n",
         "* 1 FETCH ("},
        {&pop3, "USER ann@example.org\r\nPASS " PASSWORD "\r\nRETR 1\r\n", "."},
    };
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        struct tap_book book;
        struct peer peer;
        check_case = fetches[i].said;
        world_init(&world, 1);
        check(world_set(&world, span_of("smtp.auth_without_tls"), span_of("true")));
        world_start(&world);
        world_add_user(&world, span_of("ann@example.org"), span_of(PASSWORD));
        world_add_mail(&world, span_of("ann@example.org"), span_of(message));
        tap_book_init(&book);
        world.env.tap = &book.tap;
        void *service = fetches[i].role->make_service(&world);
        check(peer_connect(&peer, &world, fetches[i].role, service, SIM_WHOLE));
        peer_send(&peer, span_of(fetches[i].said));
        sim_run(world.sim);
        check(!tap_book_holds(&book, span_of("private")));
        check(has_line(&book, TAP_OUT, fetches[i].line, false));
        check_data(&book, TAP_OUT, sizeof message - 1);
        check_secrets(&book);
        peer_deinit(&peer);
        world_stop(&world);
        fetches[i].role->free_service(service);
        tap_book_deinit(&book);
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_no_event_holds_a_password_however_it_came",
         test_no_event_holds_a_password_however_it_came},
        {"test_messages_are_told_by_their_size", test_messages_are_told_by_their_size},
    };
    int status = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    world_tls_release();
    return status;
}
