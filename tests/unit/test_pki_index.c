/*
 * The authority's register: its lines come back as they were written, and a line that is none is
 * named.
 */
#include "base/mem.h"
#include "check.h"
#include "pki/index.h"

static char host_name[] = "mail.example.org", address_name[] = "127.0.0.1";
static char subject_text[] = "CN=mail.example.org,O=A \\x22B\\x22", no_text[] = "";

static void add(struct pki_index *index, const char *serial, size_t name_count, char *subject)
{
    char *names[] = {host_name, address_name};
    struct pki_certificate_facts facts = {
        .subject = subject, .names = names, .name_count = name_count, .not_after_s = 1800000000};

    (void)stpcpy(facts.serial, serial);
    pki_index_add(index, &facts);
}

TEST(test_what_was_printed_is_parsed)
{
    struct pki_index index = {0}, again;
    struct buf text, text_again;
    struct fault fault;

    add(&index, "4f00aa", 2, subject_text);
    add(&index, "5f", 0, no_text);
    struct pki_index_entry *revoked = pki_index_find(&index, "5f");
    check(revoked != NULL && pki_index_find(&index, "5e") == NULL);
    revoked->revoked_s = 1700000000;
    revoked->reason = PKI_REASON_KEY_COMPROMISE;
    buf_init(&text, 0), buf_init(&text_again, 0);
    pki_index_print(&index, &text);
    check_int(pki_index_parse(buf_span(&text), &again, &fault), 0);
    check_int(again.count, 2);
    check_text(again.entries[0].serial, "4f00aa");
    check_int(again.entries[0].not_after_s, 1800000000);
    check_int(again.entries[0].revoked_s, 0);
    check_text(again.entries[0].names, "mail.example.org,127.0.0.1");
    check_text(again.entries[0].subject, subject_text);
    check_int(again.entries[1].revoked_s, 1700000000);
    check_int(again.entries[1].reason, PKI_REASON_KEY_COMPROMISE);
    check_text(again.entries[1].names, "-");
    pki_index_print(&again, &text_again);
    check(span_equal(buf_span(&text), buf_span(&text_again)));
    pki_index_deinit(&index), pki_index_deinit(&again);
    buf_release(&text), buf_release(&text_again);
}

#define GOOD "4f good 2027-01-15T08:00:00Z - - mail.example.org \"CN=mail.example.org\"\n"

TEST(test_a_line_that_is_no_entry_is_named)
{
    static const struct {
        const char *text;
        int line; /* the one to be named; 0: all is well */
    } rows[] = {
        {"", 0},
        {"# only a comment\n\n", 0},
        {GOOD GOOD, 0},
        {"4f good 2027-01-15T08:00:00Z - - mail.example.org \"\"", 0},
        {"4f revoked 2027-01-15T08:00:00Z 2026-01-15T08:00:00Z Superseded - \"\"\n", 0},
        {GOOD "nonsense\n", 2},
        {"4g good 2027-01-15T08:00:00Z - - mail.example.org \"\"\n", 1},
        {"4f0 good 2027-01-15T08:00:00Z - - mail.example.org \"\"\n", 1},
        {"4f good 2027-01-15T08:00:00Z - - mail.example.org\n", 1},
        {"4f good 2027-01-15T08:00:00Z - - mail.example.org \"a\"b\"\n", 1},
        {"4f fine 2027-01-15T08:00:00Z - - mail.example.org \"\"\n", 1},
        {"4f good 2027-01-15 - - mail.example.org \"\"\n", 1},
        {"4f good 2027-01-15T08:00:00Zx - - mail.example.org \"\"\n", 1},
        {"4f good 2027-01-15T08:00:00Z 2026-01-15T08:00:00Z - - \"\"\n", 1},
        {"4f revoked 2027-01-15T08:00:00Z - superseded - \"\"\n", 1},
        {"4f revoked 2027-01-15T08:00:00Z 2026-01-15T08:00:00Z why - \"\"\n", 1},
        {"0123456789012345678901234567890123456789ab good 2027-01-15T08:00:00Z - - - \"\"\n", 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pki_index index;
        struct fault fault;
        char wanted[32] = "";
        check_case = rows[i].text;
        fault_clear(&fault);
        check_int(pki_index_parse(span_of(rows[i].text), &index, &fault),
                  rows[i].line == 0 ? 0 : ERR_CORRUPT);
        if (rows[i].line != 0)
            (void)snprintf(wanted, sizeof wanted, "line %d is not", rows[i].line);
        if (strstr(fault.text, wanted) == NULL)
            CHECK_FAILED("wanted \"%s\" in \"%s\"", wanted, fault.text);
        pki_index_deinit(&index);
    }
}

CHECK_MAIN({"test_what_was_printed_is_parsed", test_what_was_printed_is_parsed},
           {"test_a_line_that_is_no_entry_is_named", test_a_line_that_is_no_entry_is_named})
