/* The steps that look at single certificates, with one minted for every way to fail them; each time
 * the other steps find nothing. The way is test_pki_chain.c's, revocation test_pki_revocation.c's.
 */
#include "check.h"
#include "tests/fake/judge_lab.h"

/* --- a leaf under a root --- */

static struct cert_mint rsa_root; /* GnuTLS knows MD5 with RSA only */

static const struct leaf_case {
    const char *what;
    struct cert_wish wish;
    struct judge_lab_asked asked;
    enum pki_step step;
    enum pki_check wanted;
    const char *detail;
} leaf_cases[] = {
    {"good",
     {0},
     {"mx.example.org", PKI_SERVER, 0},
     PKI_STEP_CHAIN,
     PKI_CHECK_GOOD,
     "leads to CN=Root"},
    {"no name asked for", {0}, {NULL, PKI_SERVER, 0}, PKI_STEP_NAME, PKI_CHECK_NOT_DONE, "no name"},
    {"RSA 2048 is enough",
     {.pk = GNUTLS_PK_RSA, .bits = 2048},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_GOOD,
     "RSA, 2048 bits"},
    {"RSA 2047 is not",
     {.pk = GNUTLS_PK_RSA, .bits = 2047},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "RSA, 2047 bits"},
    {"RSA 1024",
     {.pk = GNUTLS_PK_RSA, .bits = 1024},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "the key is RSA, 1024 bits (CN=mx.example.org)"},
    {"EC 192",
     {.bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP192R1)},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "ECDSA, 192 bits"},
    {"EC 384",
     {.bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1)},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_GOOD,
     "ECDSA, 384 bits"},
    {"Ed25519",
     {.pk = GNUTLS_PK_EDDSA_ED25519, .bits = 256},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_GOOD,
     "Ed25519"},
    {"signed with SHA-1",
     {.hash = GNUTLS_DIG_SHA1},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "signed with ECDSA-SHA1"},
    {"signed with MD5",
     {.pk = GNUTLS_PK_RSA, .bits = 2048, .hash = GNUTLS_DIG_MD5, .issuer = &rsa_root},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "signed with RSA-MD5"},
    {"signed with SHA-224",
     {.hash = GNUTLS_DIG_SHA224},
     {0},
     PKI_STEP_STRENGTH,
     PKI_CHECK_WEAK,
     "SHA224"},
    {"expired",
     {.from_days = -9, .until_days = -2},
     {0},
     PKI_STEP_DATES,
     PKI_CHECK_EXPIRED,
     "valid until 2027-01-13 08:00:00 UTC (CN=mx.example.org)"},
    {"not yet valid",
     {.from_days = 2, .until_days = 9},
     {0},
     PKI_STEP_DATES,
     PKI_CHECK_NOT_YET_VALID,
     "valid from 2027-01-17"},
    {"its last second",
     {0},
     {NULL, 0, CERT_MINT_NOW_S + CERT_MINT_DAY_S},
     PKI_STEP_DATES,
     PKI_CHECK_GOOD,
     "0 days"},
    {"a second later",
     {0},
     {NULL, 0, CERT_MINT_NOW_S + CERT_MINT_DAY_S + 1},
     PKI_STEP_DATES,
     PKI_CHECK_EXPIRED,
     ""},
    {"its first second",
     {0},
     {NULL, 0, CERT_MINT_NOW_S - CERT_MINT_DAY_S},
     PKI_STEP_DATES,
     PKI_CHECK_GOOD,
     ""},
    {"a second earlier",
     {0},
     {NULL, 0, CERT_MINT_NOW_S - CERT_MINT_DAY_S - 1},
     PKI_STEP_DATES,
     PKI_CHECK_NOT_YET_VALID,
     ""},
    {"only a common name", {.dns = ""}, {0}, PKI_STEP_NAME, PKI_CHECK_NO_SAN, "common name"},
    {"another name",
     {.dns = "a.example"},
     {0},
     PKI_STEP_NAME,
     PKI_CHECK_WRONG_NAME,
     "wanted mx.example.org, it names a.example"},
    {"wildcard", {.dns = "*.example.org"}, {0}, PKI_STEP_NAME, PKI_CHECK_GOOD, ""},
    {"wildcard of a whole top",
     {.dns = "*.org"},
     {"example.org", 0, 0},
     PKI_STEP_NAME,
     PKI_CHECK_WRONG_NAME,
     ""},
    {"wildcard inside", {.dns = "m*.example.org"}, {0}, PKI_STEP_NAME, PKI_CHECK_WRONG_NAME, ""},
    {"address", {.address = "\x7f\0\0\1"}, {"127.0.0.1", 0, 0}, PKI_STEP_NAME, PKI_CHECK_GOOD, ""},
    {"address as a name",
     {.dns = "127.0.0.1"},
     {"127.0.0.1", 0, 0},
     PKI_STEP_NAME,
     PKI_CHECK_WRONG_NAME,
     ""},
    {"the thousandth name",
     {.name_count = 999},
     {"n998.example.org", 0, 0},
     PKI_STEP_NAME,
     PKI_CHECK_GOOD,
     ""},
    {"a name behind that",
     {.name_count = 1001},
     {"n1000.example.org", 0, 0},
     PKI_STEP_NAME,
     PKI_CHECK_WRONG_NAME,
     ""},
    {"hostile subject",
     {.cn = "a\r\nb\033[2J", .from_days = -9, .until_days = -2},
     {0},
     PKI_STEP_DATES,
     PKI_CHECK_EXPIRED,
     "[2J"},
    {"a client's",
     {.purpose = GNUTLS_KP_TLS_WWW_CLIENT},
     {0},
     PKI_STEP_PURPOSE,
     PKI_CHECK_WRONG_PURPOSE,
     "has not a TLS server"},
    {"a server's for a client",
     {0},
     {NULL, PKI_CLIENT, 0},
     PKI_STEP_PURPOSE,
     PKI_CHECK_WRONG_PURPOSE,
     "has not a TLS client"},
    {"both",
     {.purpose_2 = GNUTLS_KP_TLS_WWW_CLIENT},
     {NULL, PKI_CLIENT, 0},
     PKI_STEP_PURPOSE,
     PKI_CHECK_GOOD,
     ""},
    {"any purpose", {.purpose = GNUTLS_KP_ANY}, {0}, PKI_STEP_PURPOSE, PKI_CHECK_GOOD, ""},
    {"no purpose named", {.purpose = ""}, {0}, PKI_STEP_PURPOSE, PKI_CHECK_GOOD, ""},
    {"may not sign",
     {.usage = GNUTLS_KEY_KEY_AGREEMENT},
     {0},
     PKI_STEP_PURPOSE,
     PKI_CHECK_WRONG_PURPOSE,
     "digitalSignature"},
};

TEST(test_each_fault_of_a_leaf)
{
    struct cert_mint root = cert_mint(&(struct cert_wish){.cn = "Root", .is_authority = true});
    rsa_root = cert_mint(&(struct cert_wish){
        .cn = "RSA Root", .is_authority = true, .pk = GNUTLS_PK_RSA, .bits = 2048});
    struct pki_trust *trust = judge_lab_trust(&root, ""), *rsa = judge_lab_trust(&rsa_root, "");

    for (size_t i = 0; i < sizeof leaf_cases / sizeof *leaf_cases; i++) {
        const struct leaf_case *row = &leaf_cases[i];
        struct cert_wish wish = row->wish;
        struct judge_lab_asked asked = row->asked;
        check_case = row->what;
        wish.issuer = wish.issuer != NULL ? wish.issuer : &root;
        if (asked.name == NULL && row->step == PKI_STEP_NAME && row->wanted != PKI_CHECK_NOT_DONE)
            asked.name = "mx.example.org";
        asked.purpose = asked.purpose != 0 ? asked.purpose : PKI_SERVER;
        asked.now_s = asked.now_s != 0 ? asked.now_s : CERT_MINT_NOW_S;
        struct cert_mint leaf = cert_mint(&wish);
        struct pki_findings findings =
            judge_lab_judge(wish.issuer == &root ? trust : rsa,
                            (const struct cert_mint *const[]){&leaf}, 1, &asked);
        if (row->wanted == PKI_CHECK_NOT_DONE)
            check(judge_lab_is(&findings, row->step, row->wanted, row->detail));
        else
            check(judge_lab_is_only(&findings, row->step, row->wanted, row->detail));
        cert_mint_free(&leaf);
    }
    pki_trust_free(&trust);
    pki_trust_free(&rsa);
    cert_mint_free(&root);
    cert_mint_free(&rsa_root);
}

/* All is told at once. */
TEST(test_every_step_is_made_whatever_the_others_say)
{
    struct cert_mint bad = cert_mint(&(struct cert_wish){.pk = GNUTLS_PK_RSA,
                                                         .bits = 1024,
                                                         .from_days = -9,
                                                         .until_days = -2,
                                                         .dns = "a.example",
                                                         .purpose = GNUTLS_KP_CODE_SIGNING});
    const struct judge_lab_asked asked = {"mx.example.org", PKI_SERVER, CERT_MINT_NOW_S};
    struct pki_findings findings =
        judge_lab_judge(NULL, (const struct cert_mint *const[]){&bad}, 1, &asked);

    check(judge_lab_is(&findings, PKI_STEP_CHAIN, PKI_CHECK_SELF_SIGNED, ""));
    check(judge_lab_is(&findings, PKI_STEP_DATES, PKI_CHECK_EXPIRED, ""));
    check(judge_lab_is(&findings, PKI_STEP_STRENGTH, PKI_CHECK_WEAK, ""));
    check(judge_lab_is(&findings, PKI_STEP_NAME, PKI_CHECK_WRONG_NAME, ""));
    check(judge_lab_is(&findings, PKI_STEP_PURPOSE, PKI_CHECK_WRONG_PURPOSE, ""));
    check(judge_lab_is(&findings, PKI_STEP_REVOCATION, PKI_CHECK_NOT_DONE, "neither"));
    check_int(pki_findings_worst(&findings), PKI_STEP_CHAIN);
    cert_mint_free(&bad);
}

TEST(test_sentences)
{
    char text[PKI_SENTENCE_SIZE];
    struct pki_finding finding = {PKI_CHECK_EXPIRED, "valid until then"};

    pki_finding_sentence(&finding, text);
    check_text(text, "the certificate has expired: valid until then");
    finding.detail[0] = '\0';
    pki_finding_sentence(&finding, text);
    check_text(text, "the certificate has expired");
    finding = (struct pki_finding){PKI_CHECK_GOOD, "valid until then"};
    pki_finding_sentence(&finding, text);
    check_text(text, "valid until then");
    for (int i = PKI_CHECK_NONE; i <= PKI_CHECK_OTHER; i++)
        check(pki_check_advice((enum pki_check)i)[0] != '\0');
    check_text(pki_check_advice(PKI_CHECK_GOOD), "");
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_each_fault_of_a_leaf", test_each_fault_of_a_leaf},
        {"test_every_step_is_made_whatever_the_others_say",
         test_every_step_is_made_whatever_the_others_say},
        {"test_sentences", test_sentences},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
