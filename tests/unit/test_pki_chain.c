/* Whether a chain leads to a trusted authority: order, holes, strays, constraints, signatures. */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "tests/fake/judge_lab.h"

static const struct judge_lab_asked asked = {"mx.example.org", PKI_SERVER, CERT_MINT_NOW_S};

/* Everybody in the tests below. Root is trusted. */
static struct mints {
    struct cert_mint root, middle, low, leaf; /* leaf by low by middle by root */
    struct cert_mint by_root, by_middle;      /* leaves */
    struct cert_mint stranger, by_stranger, self;
    struct cert_mint next_middle, late_middle, by_late; /* of root */
    struct cert_mint twin, by_twin;                     /* root's name, another key */
    struct cert_mint no_authority, by_no_authority;     /* signed by a leaf */
    struct cert_mint short_root, short_middle, by_short;
    struct cert_mint tight, by_tight, by_tight_well; /* only names under example.net */
    struct cert_mint weak, by_weak, sha1, by_sha1;   /* intermediates that are weak */
    struct cert_mint client_middle, by_client_middle;
    struct cert_mint crossed, by_crossed, crossed_late, crossed_well; /* one key and name */
    struct cert_mint kin, by_url; /* the root's organisation; says where its issuer is */
} m;

static struct cert_mint authority(const char *cn, const struct cert_mint *issuer)
{
    return cert_mint(&(struct cert_wish){
        .cn = cn, .organisation = "Lab", .issuer = issuer, .is_authority = true});
}

static struct cert_mint leaf_of(const struct cert_mint *issuer)
{
    return cert_mint(&(struct cert_wish){.issuer = issuer});
}

static void mint_plain(void)
{
    m.root = authority("Root", NULL);
    m.middle = authority("Middle", &m.root);
    m.low = authority("Low", &m.middle);
    m.leaf = leaf_of(&m.low);
    m.by_root = leaf_of(&m.root);
    m.by_middle = leaf_of(&m.middle);
    m.self = leaf_of(NULL);
    m.next_middle = authority("Next Middle", &m.root);
    m.by_url = cert_mint(&(struct cert_wish){.issuer = &m.stranger, .issuer_url = "http://a/"});
}

static void mint_odd(void)
{
    m.late_middle = cert_mint(&(struct cert_wish){
        .cn = "Late", .issuer = &m.root, .is_authority = true, .from_days = -9, .until_days = -1});
    m.by_late = leaf_of(&m.late_middle);
    m.twin = authority("Root", NULL);
    m.by_twin = leaf_of(&m.twin);
    m.no_authority = cert_mint(&(struct cert_wish){.cn = "Liar", .issuer = &m.root});
    m.by_no_authority = leaf_of(&m.no_authority);
    m.short_root = cert_mint(&(struct cert_wish){
        .cn = "Short", .issuer = &m.root, .is_authority = true, .path_len_and_1 = 1});
    m.short_middle = authority("Below", &m.short_root);
    m.by_short = leaf_of(&m.short_middle);
    m.tight = cert_mint(&(struct cert_wish){
        .cn = "Tight", .issuer = &m.root, .is_authority = true, .permitted = "example.net"});
    m.by_tight = leaf_of(&m.tight);
    m.by_tight_well = cert_mint(
        &(struct cert_wish){.cn = "mx.example.net", .issuer = &m.tight, .dns = "mx.example.net"});
    m.weak = cert_mint(&(struct cert_wish){
        .cn = "Weak", .issuer = &m.root, .is_authority = true, .pk = GNUTLS_PK_RSA, .bits = 1024});
    m.by_weak = leaf_of(&m.weak);
    m.sha1 = cert_mint(&(struct cert_wish){
        .cn = "Old", .issuer = &m.root, .is_authority = true, .hash = GNUTLS_DIG_SHA1});
    m.by_sha1 = leaf_of(&m.sha1);
    m.client_middle = cert_mint(&(struct cert_wish){.cn = "Clients",
                                                    .issuer = &m.root,
                                                    .is_authority = true,
                                                    .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
    m.by_client_middle = leaf_of(&m.client_middle);
    m.crossed = authority("Crossed", NULL);
    m.by_crossed = leaf_of(&m.crossed);
    m.crossed_late = cert_mint(&(struct cert_wish){.cn = "Crossed",
                                                   .organisation = "Lab",
                                                   .issuer = &m.root,
                                                   .is_authority = true,
                                                   .key_of = &m.crossed,
                                                   .from_days = -9,
                                                   .until_days = -1});
    m.crossed_well = cert_mint(&(struct cert_wish){.cn = "Crossed",
                                                   .organisation = "Lab",
                                                   .issuer = &m.root,
                                                   .is_authority = true,
                                                   .key_of = &m.crossed});
    m.kin = cert_mint(&(struct cert_wish){.cn = "Kin", .organisation = "Lab"});
}

enum { SENT_MAX = 4 };

static const struct chain_case {
    const char *what;
    const struct cert_mint *sent[SENT_MAX];
    enum pki_step step;
    enum pki_check wanted;
    const char *detail;
    bool is_out_of_order;
} cases[] = {
    {"the leaf of a root", {&m.by_root}, PKI_STEP_CHAIN, PKI_CHECK_GOOD, "leads to CN=Root", false},
    {"the root is sent too", {&m.by_root, &m.root}, PKI_STEP_CHAIN, PKI_CHECK_GOOD, "Root", false},
    {"two intermediates",
     {&m.leaf, &m.low, &m.middle},
     PKI_STEP_CHAIN,
     PKI_CHECK_GOOD,
     "through 2 intermediates",
     false},
    {"wrong order",
     {&m.leaf, &m.middle, &m.low},
     PKI_STEP_CHAIN,
     PKI_CHECK_GOOD,
     "sent in the wrong order",
     true},
    {"a stray behind",
     {&m.leaf, &m.low, &m.middle, &m.stranger},
     PKI_STEP_CHAIN,
     PKI_CHECK_GOOD,
     "2 intermediates",
     false},
    {"a stray between",
     {&m.leaf, &m.low, &m.next_middle, &m.middle},
     PKI_STEP_CHAIN,
     PKI_CHECK_GOOD,
     "wrong order",
     true},
    {"the leaf twice", {&m.by_root, &m.by_root}, PKI_STEP_CHAIN, PKI_CHECK_GOOD, "", false},
    {"a trusted root itself", {&m.root}, PKI_STEP_CHAIN, PKI_CHECK_GOOD, "itself trusted", false},
    {"self-signed", {&m.self}, PKI_STEP_CHAIN, PKI_CHECK_SELF_SIGNED, "CN=mx.example.org", false},
    {"unknown authority",
     {&m.by_stranger, &m.stranger},
     PKI_STEP_CHAIN,
     PKI_CHECK_UNKNOWN_AUTHORITY,
     "issued by CN=Stranger",
     false},
    {"unknown authority, not sent",
     {&m.by_stranger},
     PKI_STEP_CHAIN,
     PKI_CHECK_UNKNOWN_AUTHORITY,
     "issued by CN=Stranger",
     false},
    {"missing, by organisation",
     {&m.by_middle},
     PKI_STEP_CHAIN,
     PKI_CHECK_MISSING_INTERMEDIATE,
     "whose organisation",
     false},
    {"missing in the middle",
     {&m.leaf, &m.low},
     PKI_STEP_CHAIN,
     PKI_CHECK_MISSING_INTERMEDIATE,
     "issued by CN=Middle",
     false},
    {"missing, another was sent",
     {&m.by_stranger, &m.next_middle},
     PKI_STEP_CHAIN,
     PKI_CHECK_MISSING_INTERMEDIATE,
     "is another one",
     false},
    {"missing, by the address of its issuer",
     {&m.by_url},
     PKI_STEP_CHAIN,
     PKI_CHECK_MISSING_INTERMEDIATE,
     "",
     false},
    {"a trusted name with another key",
     {&m.by_twin},
     PKI_STEP_CHAIN,
     PKI_CHECK_UNKNOWN_AUTHORITY,
     "has another key",
     false},
    {"that authority is sent too",
     {&m.by_twin, &m.twin},
     PKI_STEP_CHAIN,
     PKI_CHECK_UNKNOWN_AUTHORITY,
     "",
     false},
    {"signed by a leaf",
     {&m.by_no_authority, &m.no_authority},
     PKI_STEP_CHAIN,
     PKI_CHECK_OTHER,
     "no authority",
     false},
    {"more authorities than allowed",
     {&m.by_short, &m.short_middle, &m.short_root},
     PKI_STEP_CHAIN,
     PKI_CHECK_OTHER,
     "constraints",
     false},
    {"a name that its authority may not give",
     {&m.by_tight, &m.tight},
     PKI_STEP_CHAIN,
     PKI_CHECK_OTHER,
     "constraints",
     false},
    {"an intermediate has expired",
     {&m.by_late, &m.late_middle},
     PKI_STEP_DATES,
     PKI_CHECK_EXPIRED,
     "(CN=Late)",
     false},
    {"an intermediate's key is weak",
     {&m.by_weak, &m.weak},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "RSA, 1024 bits (CN=Weak)",
     false},
    {"an intermediate's signature is weak",
     {&m.by_sha1, &m.sha1},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "SHA1 (CN=Old",
     false},
    {"an authority by itself and by the root",
     {&m.by_crossed, &m.crossed, &m.crossed_late, &m.crossed_well},
     PKI_STEP_CHAIN,
     PKI_CHECK_GOOD,
     "leads to CN=Root,O=Lab through 1 intermediate",
     true},
    {"an authority by itself and, expired, by the root",
     {&m.by_crossed, &m.crossed, &m.crossed_late},
     PKI_STEP_DATES,
     PKI_CHECK_EXPIRED,
     "(CN=Crossed",
     true},
    {"an intermediate is for clients",
     {&m.by_client_middle, &m.client_middle},
     PKI_STEP_PURPOSE,
     PKI_CHECK_WRONG_PURPOSE,
     "(CN=Clients)",
     false},
};

TEST(test_each_chain)
{
    struct pki_trust *trust = judge_lab_trust(&m.root, "");

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct chain_case *row = &cases[i];
        struct judge_lab_asked of = asked;
        size_t count = 0;
        check_case = row->what;
        while (count < SENT_MAX && row->sent[count] != NULL)
            count++;
        of.name = NULL;
        struct pki_findings findings = judge_lab_judge(trust, row->sent, count, &of);
        if (row->sent[0] == &m.root)
            check(judge_lab_is(&findings, row->step, row->wanted, row->detail));
        else
            check(judge_lab_is_only(&findings, row->step, row->wanted, row->detail));
        check_int(findings.is_out_of_order, row->is_out_of_order);
    }
    pki_trust_free(&trust);
}

TEST(test_a_permitted_name_passes_its_constraint)
{
    struct pki_trust *trust = judge_lab_trust(&m.root, "");
    struct judge_lab_asked of = asked;

    of.name = "mx.example.net";
    struct pki_findings findings = judge_lab_judge(
        trust, (const struct cert_mint *const[]){&m.by_tight_well, &m.tight}, 2, &of);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_GOOD, "1 intermediate"));
    pki_trust_free(&trust);
}

TEST(test_a_spoilt_signature)
{
    struct pki_trust *trust = judge_lab_trust(&m.root, "");
    struct cert_mint leaf = leaf_of(&m.middle), middle = authority("Middle Two", &m.root);
    struct cert_mint below = leaf_of(&middle);

    cert_mint_spoil(&leaf);
    cert_mint_spoil(&middle);
    struct pki_findings findings =
        judge_lab_judge(trust, (const struct cert_mint *const[]){&leaf, &m.middle}, 2, &asked);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_OTHER, "signature"));
    findings =
        judge_lab_judge(trust, (const struct cert_mint *const[]){&below, &middle}, 2, &asked);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_OTHER, "signature"));
    cert_mint_free(&leaf);
    cert_mint_free(&below);
    cert_mint_free(&middle);
    pki_trust_free(&trust);
}

/* An intermediate or a leaf in the trusted file is believed by itself. */
TEST(test_what_is_trusted_itself)
{
    const struct cert_mint *const trusted[] = {&m.middle, &m.by_middle, &m.self};
    const struct cert_mint *const sent[] = {&m.by_middle, &m.by_middle, &m.self, NULL};

    for (size_t i = 0; sent[i] != NULL; i++) {
        struct pki_trust *trust = judge_lab_trust(trusted[i], "");
        struct pki_findings findings = judge_lab_judge(trust, &sent[i], 1, &asked);
        check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_GOOD, ""));
        check_text(findings.authority, i == 0 ? "CN=Middle,O=Lab" : "");
        pki_trust_free(&trust);
    }
}

/* Pinned certificates of one name, as at a change of keys, by an authority that nobody trusts. */
TEST(test_trusted_ones_of_the_same_name)
{
    struct cert_mint now = leaf_of(&m.stranger), next = leaf_of(&m.stranger);
    const struct cert_mint *const both[] = {&now, &next, &m.by_middle};
    char *pem = cert_mint_pem(both, 2), file[64];
    bool is_empty = false;
    struct fault fault;

    judge_lab_file(pem, file);
    struct pki_trust *trust = pki_trust_create(file, "", &is_empty, &fault);
    for (size_t i = 0; i < 3; i++) {
        struct pki_findings findings = judge_lab_judge(trust, &both[i], 1, &asked);
        enum pki_check wanted = i < 2 ? PKI_CHECK_GOOD : PKI_CHECK_UNKNOWN_AUTHORITY;
        check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, wanted, i < 2 ? "itself trusted" : ""));
    }
    pki_trust_free(&trust);
    (void)unlink(file);
    mem_free(pem);
    cert_mint_free(&now), cert_mint_free(&next);
}

/* Two authorities that certify each other, and nobody else: the way ends. */
TEST(test_a_ring_has_an_end)
{
    struct cert_wish wish = {.cn = "A", .is_authority = true, .has_no_key_ids = true};
    struct cert_mint a = cert_mint(&wish), b;
    struct pki_trust *trust = judge_lab_trust(&m.root, "");

    wish =
        (struct cert_wish){.cn = "B", .is_authority = true, .has_no_key_ids = true, .issuer = &a};
    b = cert_mint(&wish);
    wish =
        (struct cert_wish){.cn = "A", .is_authority = true, .has_no_key_ids = true, .issuer = &b};
    struct cert_mint a_by_b = cert_mint(&wish);
    struct cert_mint leaf = cert_mint(&(struct cert_wish){.issuer = &a, .has_no_key_ids = true});
    const struct cert_mint *const sent[] = {&leaf, &a_by_b, &b, &a_by_b, &b};
    struct pki_findings findings = judge_lab_judge(trust, sent, 5, &asked);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_UNKNOWN_AUTHORITY, ""));
    check_int(findings.way_len, 5);
    cert_mint_free(&a), cert_mint_free(&b), cert_mint_free(&a_by_b), cert_mint_free(&leaf);
    pki_trust_free(&trust);
}

/* Eight times A by B and seven times B by A lead everywhere and nowhere: some 200 million ways. */
TEST(test_a_maze_is_given_up)
{
    struct pki_trust *trust = judge_lab_trust(&m.root, "");
    struct cert_wish wish = {.is_authority = true, .has_no_key_ids = true};
    struct cert_mint walls[PKI_CHAIN_MAX - 1], start[2];
    const struct cert_mint *sent[PKI_CHAIN_MAX];

    for (size_t i = 0; i < 2; i++) {
        wish.cn = i == 0 ? "A" : "B";
        start[i] = cert_mint(&wish);
    }
    struct cert_mint leaf =
        cert_mint(&(struct cert_wish){.issuer = &start[0], .has_no_key_ids = true});
    sent[0] = &leaf;
    for (size_t i = 0; i < PKI_CHAIN_MAX - 1; i++) {
        wish.cn = i % 2 == 0 ? "A" : "B";
        wish.issuer = &start[1 - i % 2];
        walls[i] = cert_mint(&wish);
        sent[i + 1] = &walls[i];
    }
    struct pki_findings findings = judge_lab_judge(trust, sent, PKI_CHAIN_MAX, &asked);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_UNKNOWN_AUTHORITY, ""));
    check_int(findings.way_len, PKI_CHAIN_MAX);
    for (size_t i = 0; i < PKI_CHAIN_MAX - 1; i++)
        cert_mint_free(&walls[i]);
    cert_mint_free(&leaf), cert_mint_free(&start[0]), cert_mint_free(&start[1]);
    pki_trust_free(&trust);
}

TEST(test_limits)
{
    struct pki_trust *trust = judge_lab_trust(&m.root, "");
    const struct cert_mint *sent[20];
    char *large = mem_zalloc(1, 64 * 1024 + 1);
    struct span odd[] = {{"", 0}, {"\x30\x82", 2}, {large, 64 * 1024 + 1}};
    static const char *const why[] = {"cannot be parsed", "cannot be parsed", "larger than 64 KiB"};
    struct pki_findings findings;

    for (size_t i = 0; i < 20; i++)
        sent[i] = &m.stranger;
    sent[0] = &m.by_middle;
    sent[15] = &m.middle; /* the sixteenth: still looked at */
    findings = judge_lab_judge(trust, sent, 20, &asked);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_GOOD, "wrong order"));
    sent[15] = &m.stranger;
    sent[16] = &m.middle;
    findings = judge_lab_judge(trust, sent, 20, &asked);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_MISSING_INTERMEDIATE, ""));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const struct pki_case of = {.chain = &odd[i], .chain_count = 1, .purpose = PKI_SERVER};
        pki_judge(trust, &of, &findings);
        check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_OTHER, why[i]));
        check_int(findings.steps[PKI_STEP_DATES].verdict, PKI_CHECK_NOT_DONE);
    }
    const struct pki_case none = {.chain_count = 0, .purpose = PKI_SERVER};
    pki_judge(NULL, &none, &findings);
    check(judge_lab_is_only(&findings, PKI_STEP_CHAIN, PKI_CHECK_NONE, ""));
    mem_free(large);
    pki_trust_free(&trust);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_each_chain", test_each_chain},
        {"test_a_permitted_name_passes_its_constraint",
         test_a_permitted_name_passes_its_constraint},
        {"test_a_spoilt_signature", test_a_spoilt_signature},
        {"test_what_is_trusted_itself", test_what_is_trusted_itself},
        {"test_trusted_ones_of_the_same_name", test_trusted_ones_of_the_same_name},
        {"test_a_ring_has_an_end", test_a_ring_has_an_end},
        {"test_a_maze_is_given_up", test_a_maze_is_given_up},
        {"test_limits", test_limits},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    m.stranger = cert_mint(&(struct cert_wish){.cn = "Stranger", .is_authority = true});
    m.by_stranger = leaf_of(&m.stranger);
    mint_plain();
    mint_odd();
    int status = run_all(argc, argv);
    /* The struct holds nothing else. */
    struct cert_mint *all = &m.root;
    for (size_t i = 0; i < sizeof m / sizeof *all; i++)
        cert_mint_free(&all[i]);
    return status;
}
