/* OCSP responses: every reason for which one is not believed. */
#include <stdio.h>

#include "base/mem.h"
#include "check.h"
#include "pki/judge.h"
#include "tests/fake/cert_mint.h"
#include "tests/fake/ocsp_mint.h"

enum { HOUR_S = 3600, WEEK_H = 7 * 24, NOW_S = CERT_MINT_NOW_S };

static struct cert_mint root, leaf, other, responder, idle, late, foreign, stranger;

enum signer { BY_ISSUER, BY_RESPONDER, BY_IDLE, BY_LATE, BY_FOREIGN, BY_STRANGER, BY_LEAF };

static const struct cert_mint *const signers[] = {NULL,     &responder, &idle, &late,
                                                  &foreign, &stranger,  &leaf};

static const struct staple_case {
    const char *name;
    enum signer signer;
    enum ocsp_says says;
    int from_h, until_h; /* until 0: not told */
    enum pki_check wanted;
    const char *detail;
    bool is_of_other, is_left_out, is_excuse;
} cases[] = {
    {"good", BY_ISSUER, OCSP_GOOD, -1, 24, PKI_CHECK_GOOD, "not revoked", 0, 0, 0},
    {"good, by a responder", BY_RESPONDER, OCSP_GOOD, -1, 24, PKI_CHECK_GOOD, "", 0, 0, 0},
    {"good, a clock a little ahead", BY_ISSUER, OCSP_GOOD, 0, 24, PKI_CHECK_GOOD, "", 0, 0, 0},
    {"good, undated, six days old", BY_ISSUER, OCSP_GOOD, -144, 0, PKI_CHECK_GOOD, "", 0, 0, 0},
    {"undated, eight days old", BY_ISSUER, OCSP_GOOD, -192, 0, PKI_CHECK_BAD_STAPLE,
     "out of date since 2027-01-14 08:00:00 UTC", 0, 0, 0},
    {"stale", BY_ISSUER, OCSP_GOOD, -48, -1, PKI_CHECK_BAD_STAPLE, "out of date since", 0, 0, 0},
    {"of tomorrow", BY_ISSUER, OCSP_GOOD, 24, 48, PKI_CHECK_BAD_STAPLE, "not valid before", 0, 0,
     0},
    {"revoked", BY_ISSUER, OCSP_REVOKED, -1, 24, PKI_CHECK_REVOKED, "since 2027-01-15", 0, 0, 0},
    {"revoked, by a responder", BY_RESPONDER, OCSP_REVOKED, -1, 24, PKI_CHECK_REVOKED, "", 0, 0, 0},
    {"unknown", BY_ISSUER, OCSP_UNKNOWN, -1, 24, PKI_CHECK_BAD_STAPLE, "does not know", 0, 0, 0},
    {"another certificate's", BY_ISSUER, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE,
     "about another certificate", true, 0, 0},
    {"an excuse", BY_ISSUER, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE, "excuse", 0, 0, true},
    {"responder not charged", BY_IDLE, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE, "not signed", 0, 0,
     0},
    {"responder expired", BY_LATE, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE, "not signed", 0, 0, 0},
    {"another authority's responder", BY_FOREIGN, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE,
     "not signed", 0, 0, 0},
    {"another authority", BY_STRANGER, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE, "not signed", 0, 0,
     0},
    {"the leaf itself", BY_LEAF, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE, "not signed", 0, 0, 0},
    {"responder not shown", BY_RESPONDER, OCSP_GOOD, -1, 24, PKI_CHECK_BAD_STAPLE, "not signed", 0,
     true, 0},
};

static void mint(const struct staple_case *row, struct buf *out)
{
    const struct cert_mint *signer = signers[row->signer];
    const struct ocsp_wish wish = {
        .leaf = row->is_of_other ? other.crt : leaf.crt,
        .issuer = root.crt,
        .responder = signer != NULL ? signer->crt : NULL,
        .key = signer != NULL ? signer->key : root.key,
        .says = row->says,
        .this_update_s = NOW_S + row->from_h * (int64_t)HOUR_S,
        .next_update_s = row->until_h != 0 ? NOW_S + row->until_h * (int64_t)HOUR_S : 0,
        .is_excuse = row->is_excuse,
        .is_responder_left_out = row->is_left_out};
    ocsp_mint(&wish, out);
}

static enum pki_check judge(struct span staple, int64_t *until_s_out, char *detail_out)
{
    const struct pki_stapled stapled = {staple, cert_mint_der(&leaf), cert_mint_der(&root)};

    return pki_judge_staple(&stapled, NOW_S, until_s_out, detail_out);
}

TEST(test_each_reason_against_a_response)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct staple_case *row = &cases[i];
        char detail[PKI_DETAIL_SIZE] = "";
        int64_t until_s = -1;
        struct buf staple;
        check_case = row->name;
        buf_init(&staple, 0);
        mint(row, &staple);
        check_int(judge(buf_span(&staple), &until_s, detail), row->wanted);
        if (strstr(detail, row->detail) == NULL)
            CHECK_FAILED("detail: %s", detail);
        if (row->wanted == PKI_CHECK_GOOD)
            check_int(until_s,
                      NOW_S + HOUR_S * (int64_t)(row->until_h != 0 ? row->until_h
                                                                   : row->from_h + WEEK_H));
        buf_release(&staple);
    }
}

TEST(test_no_cut_and_no_changed_byte_is_believed)
{
    char detail[PKI_DETAIL_SIZE];
    int64_t until_s;
    struct buf staple;

    buf_init(&staple, 0);
    mint(&cases[0], &staple);
    for (size_t i = 0; i < staple.len; i++)
        check_int(judge(span_first(buf_span(&staple), i), &until_s, detail), PKI_CHECK_BAD_STAPLE);
    /* What is signed: from the answer about the leaf to the signature's algorithm. */
    ptrdiff_t begin = span_find(buf_span(&staple), span_of("\x2b\x0e\x03\x02\x1a"));
    ptrdiff_t end = span_find(buf_span(&staple), span_of("\x2a\x86\x48\xce\x3d\x04\x03\x02"));
    check(begin > 0 && end > begin + 60);
    for (ptrdiff_t i = begin; i < end; i++) {
        char *at = staple.data + staple.start + i;
        *at = (char)(*at ^ 0x55);
        if (judge(buf_span(&staple), &until_s, detail) == PKI_CHECK_GOOD)
            CHECK_FAILED("believed with byte %td changed", i);
        *at = (char)(*at ^ 0x55);
    }
    check_int(judge(buf_span(&staple), &until_s, detail), PKI_CHECK_GOOD);
    buf_release(&staple);
}

TEST(test_a_large_response_is_not_looked_at)
{
    char detail[PKI_DETAIL_SIZE];
    int64_t until_s;
    static const size_t size_max = 65536;
    char *large = mem_zalloc(1, size_max + 1);

    check_int(judge(span_make(large, size_max + 1), &until_s, detail), PKI_CHECK_BAD_STAPLE);
    check(strstr(detail, "larger than 64 KiB") != NULL);
    check_int(judge(span_make(large, size_max), &until_s, detail), PKI_CHECK_BAD_STAPLE);
    check(strstr(detail, "cannot be parsed") != NULL);
    mem_free(large);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_each_reason_against_a_response", test_each_reason_against_a_response},
        {"test_no_cut_and_no_changed_byte_is_believed",
         test_no_cut_and_no_changed_byte_is_believed},
        {"test_a_large_response_is_not_looked_at", test_a_large_response_is_not_looked_at},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    root = cert_mint(&(struct cert_wish){.cn = "Root", .is_authority = true});
    stranger = cert_mint(&(struct cert_wish){.cn = "Stranger", .is_authority = true});
    leaf = cert_mint(&(struct cert_wish){.issuer = &root});
    other = cert_mint(&(struct cert_wish){.issuer = &root});
    responder = cert_mint(
        &(struct cert_wish){.cn = "Responder", .issuer = &root, .purpose = GNUTLS_KP_OCSP_SIGNING});
    idle = cert_mint(&(struct cert_wish){.cn = "Idle", .issuer = &root});
    late = cert_mint(&(struct cert_wish){.cn = "Late",
                                         .issuer = &root,
                                         .purpose = GNUTLS_KP_OCSP_SIGNING,
                                         .from_days = -9,
                                         .until_days = -1});
    foreign = cert_mint(&(struct cert_wish){
        .cn = "Foreign", .issuer = &stranger, .purpose = GNUTLS_KP_OCSP_SIGNING});
    int status = run_all(argc, argv);
    struct cert_mint *const all[] = {&root, &stranger, &leaf,    &other, &responder,
                                     &idle, &late,     &foreign, NULL};
    for (size_t i = 0; all[i] != NULL; i++)
        cert_mint_free(all[i]);
    return status;
}
