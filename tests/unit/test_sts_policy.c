/* MTA-STS as text: policies, patterns of hosts, TXT records. */
#include "relay/sts_policy.h"
#include "tests/unit/check.h"

#include "base/mem.h"

#define GOOD   "version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n"
#define HEAD   "version: STSv1\nmode: enforce\nmax_age: 86400\n"
#define LABEL7 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 63 */

/* What is read is shown as it is written again; NULL: it is refused. */
static const struct policy_case {
    const char *text, *wanted;
} policy_cases[] = {
    {GOOD, GOOD},
    {"version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 86400\r\n", GOOD},
    {"version: STSv1\r\nmode: enforce\nmx: mx.a.test\r\nmax_age: 86400", GOOD},
    {"max_age:86400 \t\nmx:\t mx.A.test \nmode:enforce\nversion:STSv1", GOOD},
    {GOOD "\r\n\r\n", GOOD},
    {"\n" GOOD, GOOD},
    {GOOD "other: \xc3\xa9 : all\nX-1_2.3-: x\n", GOOD},
    {GOOD "mode: none\nversion: STSv2\nmax_age: -\n", GOOD}, /* the first counts */
    {HEAD "mx: *.a.test\nmx: b.test\n",
     "version: STSv1\nmode: enforce\nmx: *.a.test\nmx: b.test\nmax_age: 86400\n"},
    {"version: STSv1\nmode: none\nmax_age: 0\n", "version: STSv1\nmode: none\nmax_age: 0\n"},
    {"version: STSv1\nmode: testing\nmx: a\nmax_age: 31557600\n",
     "version: STSv1\nmode: testing\nmx: a\nmax_age: 31557600\n"},
    {"version: STSv1\nmode: testing\nmx: a\nmax_age: 31557601\n",
     "version: STSv1\nmode: testing\nmx: a\nmax_age: 31557600\n"},
    {"version: STSv1\nmode: testing\nmx: a\nmax_age: 9999999999\n",
     "version: STSv1\nmode: testing\nmx: a\nmax_age: 31557600\n"},
    {"version: STSv1\nmode: testing\nmx: a\nmax_age: 00000000001\n", NULL},
    {"version: STSv1\nmode: testing\nmx: a\nmax_age: 1e3\n", NULL},
    {"version: STSv1\nmode: testing\nmx: a\nmax_age: -1\n", NULL},
    {"", NULL},
    {"\n", NULL},
    {HEAD, NULL}, /* no mx */
    {"mode: enforce\nmx: a\nmax_age: 1\n", NULL},
    {"version: STSv1\nmx: a\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: enforce\nmx: a\n", NULL},
    {"version: STSv2\nmode: enforce\nmx: a\nmax_age: 1\n", NULL},
    {"version: stsv1\nmode: enforce\nmx: a\nmax_age: 1\n", NULL},
    {"version: STSv1\nmode: Enforce\nmx: a\nmax_age: 1\n", NULL},
    {"version: STSv1\nMode: enforce\nmx: a\nmax_age: 1\n", NULL},
    {GOOD "no colon\n", NULL},
    {GOOD ": x\n", NULL},
    {GOOD "empty:\n", NULL},
    {GOOD " mx: b\n", NULL},
    {GOOD "mx : b\n", NULL},
    {GOOD "a\rb: c\n", NULL},
    {GOOD "a: b\rc\n", NULL},
    {GOOD "a: b\r\r\n", NULL},
    {GOOD "a: \x01\n", NULL},
    {GOOD "abcdefghijabcdefghijabcdefghijab: 32\n", GOOD},
    {GOOD "abcdefghijabcdefghijabcdefghijabc: 33\n", NULL},
    {GOOD "-a: x\n", NULL},
    {HEAD "mx: *\n", NULL},
    {HEAD "mx: *.\n", NULL},
    {HEAD "mx: a.*.test\n", NULL},
    {HEAD "mx: *.*.test\n", NULL},
    {HEAD "mx: .a.test\n", NULL},
    {HEAD "mx: a.test.\n", NULL},
    {HEAD "mx: a..test\n", NULL},
    {HEAD "mx: -a.test\n", NULL},
    {HEAD "mx: a-.test\n", NULL},
    {HEAD "mx: a_b.test\n", NULL},
    {HEAD "mx: a b\n", NULL},
    {HEAD "mx: \xc3\xa9.test\n", NULL},
    {HEAD "mx: " LABEL7 ".test\n",
     "version: STSv1\nmode: enforce\nmx: " LABEL7 ".test\nmax_age: 86400\n"},
    {HEAD "mx: a" LABEL7 ".test\n", NULL},
    {HEAD "mx: " LABEL7 "." LABEL7 "." LABEL7 "." LABEL7 "\n", NULL}, /* 255 */
    {HEAD "mx: <script>\n", NULL},
};

TEST(policies_are_read_strictly)
{
    for (size_t i = 0; i < sizeof policy_cases / sizeof *policy_cases; i++) {
        const struct policy_case *one = &policy_cases[i];
        struct sts_policy *policy;
        struct fault fault = {0};
        struct buf text;
        check_case = one->text;
        buf_init(&text, 0);
        int err = sts_policy_parse(span_of(one->text), &policy, &fault);
        check((err == 0) == (policy != NULL) && (err == 0) == (fault.text[0] == '\0'));
        if (policy != NULL)
            sts_policy_write(policy, &text);
        check_span(buf_span(&text), one->wanted == NULL ? "" : one->wanted);
        sts_policy_unref(&policy);
        buf_release(&text);
    }
}

TEST(a_policy_is_refused_in_words_with_its_line)
{
    struct sts_policy *policy;
    struct fault fault = {0};
    const struct span nul = {HEAD "mx: a\0b\n", sizeof(HEAD "mx: a\0b\n") - 1};
    check_int(sts_policy_parse(span_of(HEAD "mx: a\r\nmx: b!\r\n"), &policy, &fault), ERR_SYNTAX);
    check_text(fault.text,
               "the policy's line 5 has an mx that is neither a host name nor \"*.\" and "
               "a domain");
    check_int(sts_policy_parse(nul, &policy, &fault), ERR_SYNTAX);
    check_int(sts_policy_parse(span_of("mode: enforce"), &policy, &fault), ERR_SYNTAX);
    check_text(fault.text, "the policy has no line \"version\"");
}

/* A policy of `patterns` lines of mx, filled to `size` bytes with an unknown key (0: not). */
static int parse_large(size_t patterns, size_t size)
{
    struct buf text;
    struct sts_policy *policy;
    buf_init(&text, 0);
    buf_puts(&text, HEAD);
    for (size_t i = 0; i < patterns; i++)
        buf_puts(&text, "mx: a\n");
    if (size > 0)
        buf_puts(&text, "x: ");
    while (text.len < size)
        buf_put_byte(&text, 'x');
    int err = sts_policy_parse(buf_span(&text), &policy, NULL);
    check(policy == NULL || policy->mx_count == patterns);
    sts_policy_unref(&policy);
    buf_release(&text);
    return err;
}

TEST(policies_have_limits)
{
    check_int(parse_large(STS_PATTERNS_MAX - 1, 0), 0);
    check_int(parse_large(STS_PATTERNS_MAX, 0), 0);
    check_int(parse_large(STS_PATTERNS_MAX + 1, 0), ERR_LIMIT);
    check_int(parse_large(1, STS_TEXT_MAX - 1), 0);
    check_int(parse_large(1, STS_TEXT_MAX), 0);
    check_int(parse_large(1, STS_TEXT_MAX + 1), ERR_LIMIT);
}

TEST(patterns_cover_one_label)
{
    static const struct {
        const char *host;
        bool wanted;
    } cases[] = {
        {"mx.a.test", true},
        {"MX.A.Test", true},
        {"mx.b.test", false},
        {"x.mx.a.test", false},
        {"one.wild.test", true},
        {"ONE.Wild.Test", true},
        {"wild.test", false},
        {"a.one.wild.test", false},
        {".wild.test", false},
        {"xwild.test", false},
        {"*.wild.test", true},
        {"a.test", false},
        {"", false},
        {".", false},
        {"one", false},
        {"mx.a.tes", false},
        {"mx.a.testx", false},
    };
    struct sts_policy *policy, *copy;
    check_int(sts_policy_parse(span_of(HEAD "mx: *.wild.test\nmx: MX.a.test\n"), &policy, NULL), 0);
    copy = sts_policy_ref(policy);
    sts_policy_unref(&policy);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].host;
        check_int(sts_policy_allows(copy, span_of(cases[i].host)), cases[i].wanted);
    }
    sts_policy_unref(&copy);
}

#define STRING(length, text) length text

TEST(one_txt_record_counts)
{
    static const struct {
        const char *a, *b; /* RDATA; NULL: none */
        const char *id;    /* NULL: none */
    } cases[] = {
        {STRING("\x11", "v=STSv1; id=20260"), NULL, "20260"},
        {STRING("\x0b", "v=STSv1;id="), STRING("\x01", "x"), NULL},
        {STRING("\x0b", "v=STSv1;id=") STRING("\x03", "abc"), NULL, "abc"},
        {STRING("\x0d", "v=STSv1;id=a;"), NULL, "a"},
        {STRING("\x11", "v=STSv1; \tid=a ; "), NULL, "a"},
        {STRING("\x11", "v=STSv1;id=a;id=b"), NULL, "a"},
        {STRING("\x12", "v=STSv1;x=1;id=a;"), STRING("\x04", "spf1"), NULL}, /* length lies */
        {STRING("\x11", "v=STSv1;x=1;id=a;"), STRING("\x04", "spf1"), "a"},
        {STRING("\x0c", "v=STSv1;id=a"), STRING("\x0c", "v=STSv1;id=a"), NULL},
        {STRING("\x0c", "v=STSv1;id=a"), STRING("\x08", "v=STSv1;"), NULL},
        {STRING("\x0c", "v=STSv1;id=a"), STRING("\x0c", "v=STSv2;id=b"), "a"},
        {STRING("\x0c", "v=STSv1;id=-"), NULL, NULL},
        {STRING("\x0c", "v=STSv1 id=a"), NULL, NULL},
        {STRING("\x0c", "V=STSv1;id=a"), NULL, NULL},
        {STRING("\x0c", "v=STSv1;ID=a"), NULL, NULL},
        {STRING("\x0d", " v=STSv1;id=a"), NULL, NULL},
        {STRING("\x08", "v=STSv1;"), NULL, NULL},
        {STRING("\x0d", "v=STSv1;;id=a"), NULL, NULL},
        {STRING("\x0f", "v=STSv1;id=a;;b"), NULL, NULL},
        {STRING("\x10", "v=STSv1;id=a;b=="), NULL, NULL},
        {STRING("\x0e", "v=STSv1;id=a;b"), NULL, NULL},
        {STRING("\x2b", "v=STSv1;id=abcdefghijabcdefghijabcdefghijab"), NULL,
         "abcdefghijabcdefghijabcdefghijab"},
        {STRING("\x2c", "v=STSv1;id=abcdefghijabcdefghijabcdefghijabc"), NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[STS_ID_SIZE];
        struct fault fault = {0};
        struct span records[2] = {span_of(cases[i].a), {NULL, 0}};
        check_case = cases[i].a;
        if (cases[i].b != NULL)
            records[1] = span_of(cases[i].b);
        int err = sts_txt_find(records, cases[i].b != NULL ? 2 : 1, id, &fault);
        check_int(err == 0, cases[i].id != NULL);
        check(err != ERR_SYNTAX || fault.text[0] != '\0');
        check_text(id, cases[i].id == NULL ? "" : cases[i].id);
    }
    char id[STS_ID_SIZE];
    check_int(sts_txt_find(NULL, 0, id, NULL), ERR_NOT_FOUND);
}

CHECK_MAIN({"policies_are_read_strictly", policies_are_read_strictly},
           {"a_policy_is_refused_in_words_with_its_line",
            a_policy_is_refused_in_words_with_its_line},
           {"policies_have_limits", policies_have_limits},
           {"patterns_cover_one_label", patterns_cover_one_label},
           {"one_txt_record_counts", one_txt_record_counts})
