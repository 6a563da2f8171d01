/* Revocation lists and staples as the check of a chain sees them, and the loading of what is
 * trusted. */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "tests/fake/judge_lab.h"
#include "tests/fake/ocsp_mint.h"

static struct cert_mint root, middle, leaf, stranger, must, plain;

static const struct judge_lab_asked asked = {NULL, PKI_SERVER, CERT_MINT_NOW_S};

static const struct list_case {
    const char *what;
    const struct cert_mint *issuer, *revoked;
    int next_days;
    enum pki_check wanted;
    const char *detail;
} list_cases[] = {
    {"the leaf", &middle, &leaf, 1, PKI_CHECK_REVOKED, "(CN=mx.example.org)"},
    {"the intermediate", &root, &middle, 1, PKI_CHECK_REVOKED, "(CN=Middle)"},
    {"another one", &middle, &must, 1, PKI_CHECK_GOOD, "not in the revocation lists"},
    {"nobody", &middle, NULL, 1, PKI_CHECK_GOOD, "not in the revocation lists"},
    {"the leaf, in a stale list", &middle, &leaf, -1, PKI_CHECK_REVOKED, ""},
    {"nobody, in a stale list", &middle, NULL, -1, PKI_CHECK_GOOD,
     "out of date since 2027-01-14 08:00:00 UTC"},
    {"the leaf, by who did not issue it", &root, &leaf, 1, PKI_CHECK_GOOD, ""},
    {"the leaf, by a stranger", &stranger, &leaf, 1, PKI_CHECK_NOT_DONE, "neither"},
};

static struct pki_findings judge_with(const char *lists)
{
    const struct cert_mint *const sent[] = {&leaf, &middle};
    struct pki_trust *trust = judge_lab_trust(&root, lists);
    struct pki_findings findings = judge_lab_judge(trust, sent, 2, &asked);

    pki_trust_free(&trust);
    return findings;
}

TEST(test_each_list)
{
    for (size_t i = 0; i < sizeof list_cases / sizeof *list_cases; i++) {
        const struct list_case *row = &list_cases[i];
        check_case = row->what;
        char *list =
            cert_mint_crl(row->issuer, &row->revoked, row->revoked != NULL, row->next_days);
        struct pki_findings findings = judge_with(list);
        check(judge_lab_is_only(&findings, PKI_STEP_REVOCATION, row->wanted, row->detail));
        mem_free(list);
    }
}

/* One who bears the intermediate's name cannot revoke its certificates. */
TEST(test_a_forged_list_does_not_count)
{
    struct cert_mint forger = cert_mint(
        &(struct cert_wish){.cn = "Middle", .is_authority = true, .has_no_key_ids = true});
    const struct cert_mint *const revoked[] = {&leaf};
    char *list = cert_mint_crl(&forger, revoked, 1, 1);
    struct pki_findings findings = judge_with(list);

    check(judge_lab_is_only(&findings, PKI_STEP_REVOCATION, PKI_CHECK_NOT_DONE, ""));
    mem_free(list);
    cert_mint_free(&forger);
}

TEST(test_a_serial_is_found_among_many)
{
    enum { COUNT = 300 };
    struct cert_mint others[COUNT];
    const struct cert_mint *revoked[COUNT + 1];

    for (size_t i = 0; i < COUNT; i++) {
        others[i] = cert_mint(&(struct cert_wish){.issuer = &middle});
        revoked[i] = &others[i];
    }
    revoked[COUNT] = &leaf;
    for (size_t with = 0; with < 2; with++) {
        char *list = cert_mint_crl(&middle, revoked, COUNT + with, 1);
        struct pki_findings findings = judge_with(list);
        check(judge_lab_is_only(&findings, PKI_STEP_REVOCATION,
                                with ? PKI_CHECK_REVOKED : PKI_CHECK_GOOD, ""));
        mem_free(list);
    }
    for (size_t i = 0; i < COUNT; i++)
        cert_mint_free(&others[i]);
}

/* --- staples --- */

static void staple_mint(const struct cert_mint *of, enum ocsp_says says, struct buf *out)
{
    const struct ocsp_wish wish = {.leaf = of->crt,
                                   .issuer = root.crt,
                                   .key = root.key,
                                   .says = says,
                                   .this_update_s = CERT_MINT_NOW_S - 3600,
                                   .next_update_s = CERT_MINT_NOW_S + 3600};
    ocsp_mint(&wish, out);
}

static const struct staple_case {
    const char *what;
    const struct cert_mint *leaf, *staple_of; /* NULL: none came */
    enum ocsp_says says;
    bool had_chance, has_trust, is_listed;
    enum pki_check wanted;
    const char *detail;
} staple_cases[] = {
    {"none, not demanded", &plain, NULL, OCSP_GOOD, true, true, false, PKI_CHECK_NOT_DONE,
     "neither"},
    {"none, demanded", &must, NULL, OCSP_GOOD, true, true, false, PKI_CHECK_MISSING_STAPLE, ""},
    {"none, demanded, not asked for", &must, NULL, OCSP_GOOD, false, true, false,
     PKI_CHECK_NOT_DONE, ""},
    {"good, demanded", &must, &must, OCSP_GOOD, true, true, false, PKI_CHECK_GOOD,
     "says the response of 2027-01-15 07:00:00 UTC"},
    {"good, not demanded", &plain, &plain, OCSP_GOOD, true, true, false, PKI_CHECK_GOOD, ""},
    {"revoked", &plain, &plain, OCSP_REVOKED, true, true, false, PKI_CHECK_REVOKED, ""},
    {"unknown", &must, &must, OCSP_UNKNOWN, true, true, false, PKI_CHECK_BAD_STAPLE, ""},
    {"another one's", &plain, &must, OCSP_GOOD, true, true, false, PKI_CHECK_BAD_STAPLE, ""},
    {"good, but listed", &plain, &plain, OCSP_GOOD, true, true, true, PKI_CHECK_REVOKED, "lists"},
    {"nobody to vouch for it", &plain, &plain, OCSP_GOOD, true, false, false, PKI_CHECK_NOT_DONE,
     "not known"},
};

TEST(test_each_staple)
{
    for (size_t i = 0; i < sizeof staple_cases / sizeof *staple_cases; i++) {
        const struct staple_case *row = &staple_cases[i];
        char *list = row->is_listed ? cert_mint_crl(&root, &row->leaf, 1, 1) : mem_strdup("");
        struct pki_trust *trust = row->has_trust ? judge_lab_trust(&root, list) : NULL;
        struct buf staple;
        check_case = row->what;
        buf_init(&staple, 0);
        if (row->staple_of != NULL)
            staple_mint(row->staple_of, row->says, &staple);
        struct pki_findings findings =
            judge_lab_staple(trust, row->leaf, buf_span(&staple), row->had_chance);
        check(judge_lab_is(&findings, PKI_STEP_REVOCATION, row->wanted, row->detail));
        buf_release(&staple);
        pki_trust_free(&trust);
        mem_free(list);
    }
}

/* --- loading --- */

TEST(test_what_cannot_be_trusted)
{
    const struct cert_mint *const roots[] = {&root};
    char *good = cert_mint_pem(roots, 1), *list = cert_mint_crl(&root, NULL, 0, 1);
    char *cut = mem_strndup(good, strlen(good) / 2);
    const struct {
        const char *authorities, *lists, *wanted;
    } rows[] = {
        {"", "", "could not read authorities"},
        {"hello\n", "", "could not read authorities"},
        {list, "", "could not read authorities"},
        {cut, "", "could not read authorities"},
        {good, "hello\n", "could not read revocation lists"},
        {good, good, "could not read revocation lists"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char authorities[64], lists[64];
        bool is_empty = false;
        struct fault fault;
        judge_lab_file(rows[i].authorities, authorities);
        judge_lab_file(rows[i].lists, lists);
        fault_clear(&fault);
        struct pki_trust *trust =
            pki_trust_create(authorities, rows[i].lists[0] != '\0' ? lists : "", &is_empty, &fault);
        check(trust == NULL && !is_empty);
        check(strstr(fault.text, rows[i].wanted) != NULL);
        check(strstr(fault.text, "/tmp/postern-judge-") != NULL);
        pki_trust_free(&trust);
        (void)unlink(authorities);
        (void)unlink(lists);
    }
    mem_free(good);
    mem_free(cut);
    mem_free(list);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_each_list", test_each_list},
        {"test_a_forged_list_does_not_count", test_a_forged_list_does_not_count},
        {"test_a_serial_is_found_among_many", test_a_serial_is_found_among_many},
        {"test_each_staple", test_each_staple},
        {"test_what_cannot_be_trusted", test_what_cannot_be_trusted},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    root = cert_mint(&(struct cert_wish){.cn = "Root", .is_authority = true});
    stranger = cert_mint(&(struct cert_wish){.cn = "Stranger", .is_authority = true});
    middle = cert_mint(&(struct cert_wish){.cn = "Middle", .is_authority = true, .issuer = &root});
    leaf = cert_mint(&(struct cert_wish){.issuer = &middle});
    must = cert_mint(&(struct cert_wish){.issuer = &root, .must_staple = true});
    plain = cert_mint(&(struct cert_wish){.issuer = &root});
    int status = run_all(argc, argv);
    struct cert_mint *const all[] = {&root, &stranger, &middle, &leaf, &must, &plain, NULL};
    for (size_t i = 0; all[i] != NULL; i++)
        cert_mint_free(all[i]);
    return status;
}
