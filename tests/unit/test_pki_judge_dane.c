/* Chains held against TLSA records: each usage, selector and matching type, records that cannot be
 * used, and what an attacker or a careless administrator makes of them. */
#include "base/mem.h"
#include "check.h"
#include "pki/dane.h"
#include "tests/fake/judge_lab.h"
#include "tests/fake/tlsa_mint.h"

enum { RECORDS_MAX = 4, SENT_MAX = 3 };

static struct cert_mint root, middle, leaf, late, misnamed, of_domain, lonely, stranger;

/* Whose data a record has, and what is wrong with it. */
enum fault_of { SOUND, SHORT, LONG, FLIPPED, EMPTY };
struct record {
    const struct cert_mint *of; /* NULL: no further record */
    unsigned usage, selector, matching;
    enum fault_of fault;
};

static const struct dane_case {
    const char *name;
    const struct cert_mint *sent[SENT_MAX];
    struct record records[RECORDS_MAX];
    enum pki_step step; /* the worst one; PKI_STEP_COUNT: all is well */
    enum pki_check wanted;
    const char *detail; /* in that step, or in the step DANE */
} cases[] = {
    {"3 1 1", {&leaf, &middle}, {{&leaf, 3, 1, 1, SOUND}}, PKI_STEP_COUNT, 0, "TLSA 3 1 1 fits"},
    {"3 1 2", {&leaf, &middle}, {{&leaf, 3, 1, 2, SOUND}}, PKI_STEP_COUNT, 0, "the server's key"},
    {"3 1 0", {&leaf}, {{&leaf, 3, 1, 0, SOUND}}, PKI_STEP_COUNT, 0, "3 1 0"},
    {"3 0 0", {&leaf}, {{&leaf, 3, 0, 0, SOUND}}, PKI_STEP_COUNT, 0, "the server's certificate"},
    {"3 0 1", {&leaf}, {{&leaf, 3, 0, 1, SOUND}}, PKI_STEP_COUNT, 0, "3 0 1"},
    {"3 0 2", {&leaf}, {{&leaf, 3, 0, 2, SOUND}}, PKI_STEP_COUNT, 0, "3 0 2"},
    {"3: expired does not matter", {&late}, {{&late, 3, 1, 1, SOUND}}, PKI_STEP_COUNT, 0, "fits"},
    {"3: the name does not matter",
     {&misnamed},
     {{&misnamed, 3, 1, 1, SOUND}},
     PKI_STEP_COUNT,
     0,
     "fits"},
    {"3: self-signed", {&lonely}, {{&lonely, 3, 1, 1, SOUND}}, PKI_STEP_COUNT, 0, "fits"},
    {"3: another key",
     {&leaf, &middle},
     {{&stranger, 3, 1, 1, SOUND}},
     PKI_STEP_DANE,
     PKI_CHECK_DANE_MISMATCH,
     "its key is 3 1 1 "},
    {"3: an authority's key is not the server's",
     {&leaf, &middle},
     {{&middle, 3, 1, 1, SOUND}},
     PKI_STEP_DANE,
     PKI_CHECK_DANE_MISMATCH,
     "1 of them"},
    {"3: one bit",
     {&leaf},
     {{&leaf, 3, 1, 1, FLIPPED}},
     PKI_STEP_DANE,
     PKI_CHECK_DANE_MISMATCH,
     ""},
    {"3: the second record is for the next key",
     {&leaf},
     {{&stranger, 3, 1, 1, SOUND}, {&leaf, 3, 1, 1, SOUND}},
     PKI_STEP_COUNT,
     0,
     "fits"},
    {"3: a key's digest is not a certificate's",
     {&leaf},
     {{&leaf, 3, 1, 1, SOUND}, {&stranger, 3, 0, 1, SOUND}},
     PKI_STEP_COUNT,
     0,
     "3 1 1"},
    {"2 0 1, sent", {&leaf, &middle, &root}, {{&root, 2, 0, 1, SOUND}}, PKI_STEP_COUNT, 0, "2 0 1"},
    {"2 1 1",
     {&leaf, &middle, &root},
     {{&root, 2, 1, 1, SOUND}},
     PKI_STEP_COUNT,
     0,
     "an authority"},
    {"2 1 2, of the intermediate",
     {&leaf, &middle},
     {{&middle, 2, 1, 2, SOUND}},
     PKI_STEP_COUNT,
     0,
     "2 1 2"},
    {"2 1 0, sent", {&leaf, &middle}, {{&middle, 2, 1, 0, SOUND}}, PKI_STEP_COUNT, 0, "2 1 0"},
    {"2 0 0, not sent", {&leaf, &middle}, {{&root, 2, 0, 0, SOUND}}, PKI_STEP_COUNT, 0, "2 0 0"},
    {"2 0 0, sent too: twice the same",
     {&leaf, &middle, &root},
     {{&root, 2, 0, 0, SOUND}},
     PKI_STEP_COUNT,
     0,
     "2 0 0"},
    {"2: by the domain of the mail",
     {&of_domain, &middle},
     {{&middle, 2, 1, 1, SOUND}},
     PKI_STEP_COUNT,
     0,
     "fits"},
    {"2 0 1, not sent",
     {&leaf, &middle},
     {{&root, 2, 0, 1, SOUND}},
     PKI_STEP_DANE,
     PKI_CHECK_DANE_MISMATCH,
     "2 0 1"},
    {"2: the leaf is no authority",
     {&leaf, &middle},
     {{&leaf, 2, 1, 1, SOUND}},
     PKI_STEP_DANE,
     PKI_CHECK_DANE_MISMATCH,
     ""},
    {"2: an authority that issued something else",
     {&leaf, &stranger},
     {{&stranger, 2, 1, 1, SOUND}},
     PKI_STEP_CHAIN,
     PKI_CHECK_UNKNOWN_AUTHORITY,
     "issued by"},
    {"2: the wrong name",
     {&misnamed, &middle},
     {{&middle, 2, 1, 1, SOUND}},
     PKI_STEP_NAME,
     PKI_CHECK_WRONG_NAME,
     "other.example"},
    {"2: expired",
     {&late, &middle},
     {{&middle, 2, 1, 1, SOUND}},
     PKI_STEP_DATES,
     PKI_CHECK_EXPIRED,
     "valid until"},
    {"2 fails, 3 fits",
     {&late, &middle},
     {{&middle, 2, 1, 1, SOUND}, {&late, 3, 1, 1, SOUND}},
     PKI_STEP_COUNT,
     0,
     "3 1 1"},
    /* RFC 7671 9. */
    {"the stronger digest counts",
     {&leaf},
     {{&leaf, 3, 1, 1, SOUND}, {&stranger, 3, 1, 2, SOUND}},
     PKI_STEP_DANE,
     PKI_CHECK_DANE_MISMATCH,
     ""},
    {"but not one that cannot be used",
     {&leaf},
     {{&leaf, 3, 1, 1, SOUND}, {&stranger, 3, 1, 2, SHORT}},
     PKI_STEP_COUNT,
     0,
     "3 1 1"},
    {"nor one of another kind",
     {&leaf},
     {{&leaf, 3, 1, 1, SOUND}, {&stranger, 3, 0, 2, SOUND}, {&stranger, 2, 1, 2, SOUND}},
     PKI_STEP_COUNT,
     0,
     "3 1 1"},
    {"a whole key stands beside the strongest digest",
     {&leaf},
     {{&leaf, 3, 1, 0, SOUND}, {&stranger, 3, 1, 2, SOUND}},
     PKI_STEP_COUNT,
     0,
     "3 1 0"},
};

static struct pki_dane *mint_records(const struct record *records, size_t *count_out)
{
    struct buf bytes[RECORDS_MAX];
    struct span rdata[RECORDS_MAX];
    size_t count = 0;
    for (; count < RECORDS_MAX && records[count].of != NULL; count++) {
        const struct record *record = &records[count];
        struct buf *out = &bytes[count];
        buf_init(out, 0);
        tlsa_mint(record->of->crt, record->usage, record->selector, record->matching, out);
        if (record->fault == LONG)
            buf_puts(out, "x");
        if (record->fault == FLIPPED)
            out->data[out->start + out->len - 1] ^= 1;
        size_t len = record->fault == SHORT ? out->len - 1 : record->fault == EMPTY ? 3 : out->len;
        rdata[count] = span_first(buf_span(out), len);
    }
    struct pki_dane *dane = pki_dane_create(rdata, count);
    for (size_t i = 0; i < count; i++)
        buf_release(&bytes[i]);
    *count_out = count;
    return dane;
}

static struct pki_findings judge(struct pki_dane *dane, const struct cert_mint *const *sent)
{
    struct span chain[SENT_MAX];
    struct pki_findings findings;
    struct pki_case of = {.chain = chain,
                          .name = "mx.example.org",
                          .other_name = "example.net",
                          .dane = dane,
                          .purpose = PKI_SERVER,
                          .now_s = CERT_MINT_NOW_S};
    for (; of.chain_count < SENT_MAX && sent[of.chain_count] != NULL; of.chain_count++)
        chain[of.chain_count] = cert_mint_der(sent[of.chain_count]);
    pki_judge(NULL, &of, &findings);
    return findings;
}

static void mint(void)
{
    root = cert_mint(&(struct cert_wish){.cn = "Root", .is_authority = true});
    middle = cert_mint(&(struct cert_wish){.cn = "Middle", .is_authority = true, .issuer = &root});
    leaf = cert_mint(&(struct cert_wish){.issuer = &middle});
    late = cert_mint(&(struct cert_wish){.issuer = &middle, .from_days = -9, .until_days = -2});
    misnamed = cert_mint(&(struct cert_wish){.issuer = &middle, .dns = "other.example"});
    of_domain = cert_mint(&(struct cert_wish){.issuer = &middle, .dns = "example.net"});
    lonely = cert_mint(&(struct cert_wish){.cn = "lonely"});
    stranger = cert_mint(&(struct cert_wish){.cn = "Stranger", .is_authority = true});
}

static void unmint(void)
{
    struct cert_mint *all[] = {&root,     &middle,    &leaf,   &late,
                               &misnamed, &of_domain, &lonely, &stranger};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        cert_mint_free(all[i]);
}

TEST(test_each_kind_of_record)
{
    mint();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dane_case *row = &cases[i];
        size_t count;
        check_case = row->name;
        struct pki_dane *dane = mint_records(row->records, &count);
        struct pki_findings findings = judge(dane, row->sent);
        enum pki_step told = row->step == PKI_STEP_COUNT ? PKI_STEP_DANE : row->step;
        enum pki_check wanted = row->step == PKI_STEP_COUNT ? PKI_CHECK_GOOD : row->wanted;
        check_int(pki_findings_worst(&findings), row->step);
        check(judge_lab_is(&findings, told, wanted, row->detail));
        check_int(pki_dane_count(dane), count);
        pki_dane_unref(&dane);
    }
    unmint();
}

/* RFC 7672 2.2, 3.1.3: what cannot be used is told apart from what does not fit. */
TEST(test_records_that_cannot_be_used)
{
    mint();
    const struct record records[] = {
        {&leaf, 0, 1, 1, SOUND},   {&leaf, 1, 1, 1, SOUND}, {&leaf, 4, 1, 1, SOUND},
        {&leaf, 255, 0, 1, SOUND}, {&leaf, 3, 2, 1, SOUND}, {&leaf, 3, 1, 3, SOUND},
        {&leaf, 3, 1, 1, SHORT},   {&leaf, 3, 1, 1, LONG},  {&leaf, 3, 1, 2, SHORT},
        {&leaf, 3, 1, 2, LONG},    {&leaf, 3, 1, 0, SHORT}, {&leaf, 3, 0, 0, SHORT},
        {&leaf, 2, 0, 0, SHORT},   {&leaf, 3, 1, 1, EMPTY}, {&leaf, 3, 0, 0, EMPTY},
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        const struct record one[RECORDS_MAX] = {records[i]};
        char text[PKI_DANE_TEXT_SIZE];
        size_t count;
        struct pki_dane *dane = mint_records(one, &count);
        check_case = pki_dane_text(dane, 0, text);
        check_int(pki_dane_count(dane), 1);
        check_int(pki_dane_usable_count(dane), 0);
        pki_dane_unref(&dane);
    }
    unmint();
}

TEST(test_torn_and_endless_records_are_passed_over)
{
    char *large = mem_zalloc(1, PKI_DANE_RECORD_SIZE + 1);
    const struct span rdata[] = {span_of(""), span_make("\3\1", 2), span_make("\3\1\1", 3),
                                 span_make(large, PKI_DANE_RECORD_SIZE),
                                 span_make(large, PKI_DANE_RECORD_SIZE + 1)};
    struct pki_dane *dane = pki_dane_create(rdata, 5);
    check_int(pki_dane_count(dane), 2);
    check_int(pki_dane_usable_count(dane), 0);
    char text[PKI_DANE_TEXT_SIZE];
    check_text(pki_dane_text(dane, 0, text), "3 1 1 ");
    check(strstr(pki_dane_text(dane, 1, text), "0 0 0 0000") == text);
    check(strstr(text, "...") != NULL);
    pki_dane_unref(&dane);
    mem_free(large);
}

TEST(test_no_more_records_than_the_limit_are_read)
{
    struct span rdata[PKI_DANE_RECORDS_MAX + 1];
    for (size_t n = PKI_DANE_RECORDS_MAX - 1; n <= PKI_DANE_RECORDS_MAX + 1; n++) {
        for (size_t i = 0; i < n; i++)
            rdata[i] = span_of("\3\1\1abcdefghijklmnopqrstuvwxyz012345");
        struct pki_dane *dane = pki_dane_create(rdata, n);
        size_t wanted = n < PKI_DANE_RECORDS_MAX ? n : PKI_DANE_RECORDS_MAX;
        check_int(pki_dane_usable_count(dane), wanted);
        struct pki_dane *same = pki_dane_ref(dane);
        pki_dane_unref(&dane);
        check_int(pki_dane_count(same), wanted);
        pki_dane_unref(&same);
    }
}

TEST(test_without_a_certificate_nothing_fits)
{
    mint();
    const struct record records[RECORDS_MAX] = {{&leaf, 3, 1, 1, SOUND}};
    const struct cert_mint *none[SENT_MAX] = {NULL};
    size_t count;
    struct pki_dane *dane = mint_records(records, &count);
    struct pki_findings findings = judge(dane, none);
    check_int(pki_findings_worst(&findings), PKI_STEP_CHAIN);
    check_int(findings.steps[PKI_STEP_CHAIN].verdict, PKI_CHECK_NONE);
    pki_dane_unref(&dane);
    unmint();
}

CHECK_MAIN({"test_each_kind_of_record", test_each_kind_of_record},
           {"test_records_that_cannot_be_used", test_records_that_cannot_be_used},
           {"test_torn_and_endless_records_are_passed_over",
            test_torn_and_endless_records_are_passed_over},
           {"test_no_more_records_than_the_limit_are_read",
            test_no_more_records_than_the_limit_are_read},
           {"test_without_a_certificate_nothing_fits", test_without_a_certificate_nothing_fits})
