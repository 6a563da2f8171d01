/* The TXT record of TLS reports: what it may look like, and what anybody may write into it. */
#include "base/buf.h"
#include "check.h"
#include "dns/txt.h"
#include "relay/tlsrpt_record.h"

/* places: joined by a space; NULL: the text is not accepted, with err. */
static const struct record_case {
    const char *text;
    int err;
    const char *places;
    size_t left_out;
} cases[] = {
    {"v=TLSRPTv1; rua=mailto:r@a.test", 0, "r@a.test", 0},
    {"v=TLSRPTv1;rua=mailto:r@a.test;", 0, "r@a.test", 0},
    {"v=TLSRPTv1 ; \t rua=mailto:r@a.test ; x=y", 0, "r@a.test", 0},
    {"v=TLSRPTv1; x=y; rua=mailto:r@a.test", 0, "r@a.test", 0},
    {"v=TLSRPTv1; rua=mailto:a@a.test , https://a.test/x?y=1", 0, "a@a.test https://a.test/x?y=1",
     0},
    {"v=TLSRPTv1; rua=MAILTO:a@a.test,HTTPS://a.test/x", 0, "a@a.test HTTPS://a.test/x", 0},
    {"v=TLSRPTv1; rua=mailto:a%21b%2Cc@a.test", ERR_SYNTAX, NULL, 0}, /* no address after all */
    {"v=TLSRPTv1; rua=mailto:a%21b@a.test?subject=x", 0, "a!b@a.test", 0},
    {"v=TLSRPTv1; rua=http://a.test/,mailto:a@a.test,tel:1", 0, "a@a.test", 2},
    {"v=TLSRPTv1; rua=mailto:1@a.test,mailto:2@a.test,mailto:3@a.test,mailto:4@a.test", 0,
     "1@a.test 2@a.test 3@a.test 4@a.test", 0},
    {"v=TLSRPTv1; rua=mailto:1@a.test,mailto:2@a.test,mailto:3@a.test,mailto:4@a.test,"
     "mailto:5@a.test",
     0, "1@a.test 2@a.test 3@a.test 4@a.test", 1},
    {"v=TLSRPTv1", ERR_NOT_FOUND, NULL, 0},
    {"v=TLSRPTv2; rua=mailto:r@a.test", ERR_NOT_FOUND, NULL, 0},
    {"V=TLSRPTv1; rua=mailto:r@a.test", ERR_NOT_FOUND, NULL, 0},
    {" v=TLSRPTv1; rua=mailto:r@a.test", ERR_NOT_FOUND, NULL, 0},
    {"", ERR_NOT_FOUND, NULL, 0},
    {"v=TLSRPTv1;", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; ; rua=mailto:r@a.test", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=mailto:r@a.test; rua=mailto:r@b.test", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; r ua=mailto:r@a.test", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=mailto:postmaster", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=mailto:a%zz@a.test", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=mailto:a%4", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=mailto:a%00@a.test", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=mailto:%22a%0d%0aBcc: x%22@a.test", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=mailto:%22a b%22@a.test", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=https://", ERR_SYNTAX, NULL, 0},
    {"v=TLSRPTv1; rua=https://a.test/\x01", ERR_SYNTAX, NULL, 0},
};

static void join(const struct tlsrpt_record *record, struct buf *out)
{
    for (size_t i = 0; i < record->place_count; i++)
        buf_printf(out, "%s%s", i > 0 ? " " : "", record->places[i].text);
}

TEST(records_are_parsed)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tlsrpt_record record;
        struct fault fault;
        struct buf text;
        check_case = cases[i].text;
        fault_clear(&fault);
        buf_init(&text, 0);
        check_int(tlsrpt_record_parse(span_of(cases[i].text), &record, &fault), cases[i].err);
        check_int(fault.text[0] != '\0', cases[i].err != 0);
        if (cases[i].err == 0) {
            join(&record, &text);
            check_span(buf_span(&text), cases[i].places);
            check_int(record.left_out, cases[i].left_out);
        }
        buf_release(&text);
    }
}

TEST(a_uri_has_a_bound)
{
    char text[TLSRPT_PLACE_SIZE + 100] = "v=TLSRPTv1; rua=https://";
    size_t begin = strlen("v=TLSRPTv1; rua="), len = strlen(text);
    struct tlsrpt_record record;
    struct fault fault;
    while (len - begin < TLSRPT_PLACE_SIZE - 1)
        text[len++] = 'a';
    check_int(tlsrpt_record_parse(span_make(text, len), &record, &fault), 0);
    text[len++] = 'a';
    check_int(tlsrpt_record_parse(span_make(text, len), &record, &fault), ERR_SYNTAX);
}

#define RDATA(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* RFC 8460 3: strings are joined with nothing between; others' records do not count; two of ours
 * are none. */
TEST(exactly_one_of_the_name_s_records_counts)
{
    const struct span other = RDATA("\x06v=spf1"),
                      whole = RDATA("\x1fv=TLSRPTv1; rua=mailto:r@a.test");
    const struct span parts = RDATA("\x0cv=TLSRPTv1; \x13rua=mailto:r@a.test");
    const struct span broken = RDATA("\xffv=TLSRPTv1;"), bad = RDATA("\x0bv=TLSRPTv1;");
    const struct {
        const char *name;
        struct span records[2];
        size_t count;
        int err;
    } sets[] = {
        {"one", {whole}, 1, 0},
        {"parts", {parts}, 1, 0},
        {"beside another", {other, whole}, 2, 0},
        {"two", {whole, parts}, 2, ERR_SYNTAX},
        {"one and a broken one of ours", {whole, bad}, 2, ERR_SYNTAX},
        {"others only", {other}, 1, ERR_NOT_FOUND},
        {"none", {{0}}, 0, ERR_NOT_FOUND},
        {"lying length", {broken}, 1, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct tlsrpt_record record;
        struct fault fault;
        check_case = sets[i].name;
        check_int(tlsrpt_record_find(sets[i].records, sets[i].count, &record, &fault), sets[i].err);
        if (sets[i].err == 0)
            check_text(record.places[0].text, "r@a.test");
        else if (sets[i].err == ERR_SYNTAX)
            check(fault.text[0] != '\0');
    }
}

CHECK_MAIN({"records_are_parsed", records_are_parsed}, {"a_uri_has_a_bound", a_uri_has_a_bound},
           {"exactly_one_of_the_name_s_records_counts", exactly_one_of_the_name_s_records_counts})
