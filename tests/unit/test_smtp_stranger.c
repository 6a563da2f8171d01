/* What is made of what DNS says about a peer: every fact under every setting, as a refusal, as its
 * detail and as a name. */
#include "check.h"
#include "dns/list_rule.h"
#include "protocols/smtp/stranger.h"

static const struct peer_facts unknown = {.naming = PEER_NAMING_OFF},
                               confirmed = {.naming = PEER_NAMING_CONFIRMED, .name = "a.example"},
                               nameless = {.naming = PEER_NAMING_NONE},
                               uncertain = {.naming = PEER_NAMING_UNCERTAIN},
                               listed = {.naming = PEER_NAMING_NONE, .list = "l.example"},
                               explained = {.naming = PEER_NAMING_CONFIRMED,
                                            .name = "a.example",
                                            .list = "l.example",
                                            .why = "see l.example"};

static const struct stranger_case {
    const char *name;
    const struct peer_facts *facts;
    enum smtp_role role;
    bool has_login;
    enum smtp_dns_lists_action action;
    enum smtp_reverse_dns reverse_dns;
    enum smtp_server_reply reply;
    const char *detail; /* NULL: none */
    const char *shown;
} cases[] = {
    {"not looked up", NULL, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE, SMTP_REVERSE_DNS_REQUIRED,
     REPLY_NONE, NULL, ""},
    {"on no list", &unknown, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE, SMTP_REVERSE_DNS_OFF,
     REPLY_NONE, NULL, ""},
    {"listed", &listed, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE, SMTP_REVERSE_DNS_OFF, REPLY_LISTED,
     "l.example", "unknown"},
    {"listed, in words", &explained, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE,
     SMTP_REVERSE_DNS_REQUIRED, REPLY_LISTED, "l.example: see l.example", "a.example"},
    {"put off", &explained, SMTP_MX, false, SMTP_DNS_LISTS_DEFER, SMTP_REVERSE_DNS_OFF,
     REPLY_LISTED_LATER, "l.example: see l.example", "a.example"},
    {"listed comes before nameless", &listed, SMTP_MX, false, SMTP_DNS_LISTS_DEFER,
     SMTP_REVERSE_DNS_REQUIRED, REPLY_LISTED_LATER, "l.example", "unknown"},
    {"listed, with a login", &listed, SMTP_MX, true, SMTP_DNS_LISTS_REFUSE,
     SMTP_REVERSE_DNS_REQUIRED, REPLY_NONE, NULL, "unknown"},
    {"listed, at submission", &listed, SMTP_SUBMISSION, false, SMTP_DNS_LISTS_REFUSE,
     SMTP_REVERSE_DNS_REQUIRED, REPLY_NONE, NULL, "unknown"},
    {"listed, by LMTP", &listed, SMTP_LMTP, false, SMTP_DNS_LISTS_REFUSE, SMTP_REVERSE_DNS_REQUIRED,
     REPLY_NONE, NULL, "unknown"},
    {"confirmed", &confirmed, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE, SMTP_REVERSE_DNS_REQUIRED,
     REPLY_NONE, NULL, "a.example"},
    {"no name", &nameless, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE, SMTP_REVERSE_DNS_REQUIRED,
     REPLY_NO_PEER_NAME, NULL, "unknown"},
    {"no name, none demanded", &nameless, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE,
     SMTP_REVERSE_DNS_LOOK, REPLY_NONE, NULL, "unknown"},
    {"no answer", &uncertain, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE, SMTP_REVERSE_DNS_REQUIRED,
     REPLY_PEER_NAME_LATER, NULL, "unknown"},
    {"no answer, none demanded", &uncertain, SMTP_MX, false, SMTP_DNS_LISTS_REFUSE,
     SMTP_REVERSE_DNS_LOOK, REPLY_NONE, NULL, "unknown"},
};

TEST(test_refusals_details_and_names)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct stranger_case *row = &cases[i];
        struct settings_smtp settings = {.dns_lists_action = row->action,
                                         .reverse_dns = row->reverse_dns};
        struct smtp_service service = {.role = row->role, .settings = &settings};
        struct host host = {.facts = row->facts};
        char login[] = "alice@example.org", detail[SMTP_STRANGER_DETAIL_SIZE];
        struct smtp_session session = {
            .host = &host, .service = &service, .login = row->has_login ? login : NULL};
        check_case = row->name;
        enum smtp_server_reply reply = smtp_stranger_refusal(&session);
        check_int(reply, row->reply);
        check_text(smtp_stranger_name(&session), row->shown);
        const char *text =
            row->facts != NULL ? smtp_stranger_detail(&session, reply, detail) : NULL;
        check((text == NULL) == (row->detail == NULL));
        if (text != NULL && row->detail != NULL)
            check_text(text, row->detail);
    }
}

/* RFC 5321 4.5.3.1.5: the longest list with the longest words still makes one line of 512 bytes. */
TEST(test_the_longest_refusal_fits_a_reply)
{
    struct peer_facts facts = {.naming = PEER_NAMING_OFF};
    struct settings_smtp settings = {.dns_lists_action = SMTP_DNS_LISTS_REFUSE};
    struct smtp_service service = {.role = SMTP_MX, .settings = &settings};
    struct host host = {.facts = &facts};
    struct smtp_session session = {.host = &host, .service = &service};
    char detail[SMTP_STRANGER_DETAIL_SIZE];
    struct out out;

    memset(facts.list, 'l', DNS_LIST_ZONE_SIZE - 1);
    memset(facts.why, 'w', PEER_WHY_SIZE - 1);
    check_int(smtp_stranger_refusal(&session), REPLY_LISTED);
    check(smtp_stranger_detail(&session, REPLY_LISTED, detail) == detail);
    check_int(strlen(detail), DNS_LIST_ZONE_SIZE - 1 + 2 + PEER_WHY_SIZE - 1);
    out_init(&out, 4096);
    smtp_reply_put_detail(&out, REPLY_LISTED, detail);
    check(out.len <= 512);
    out_deinit(&out);
}

CHECK_MAIN({"test_refusals_details_and_names", test_refusals_details_and_names},
           {"test_the_longest_refusal_fits_a_reply", test_the_longest_refusal_fits_a_reply})
