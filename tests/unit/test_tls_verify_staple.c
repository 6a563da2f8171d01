/* Revocation as a client session sees it, in TLS 1.2 and 1.3: staples that a foreign server sends,
 * lists that the settings name; and that each step of the check is told. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "check.h"
#include "pki/certificate.h"
#include "pki/judge.h"
#include "pki/revocation.h"
#include "tests/fake/judge_lab.h"
#include "tests/fake/ocsp_mint.h"
#include "tests/fake/tap_book.h"
#include "tests/fake/tls_foreign.h"
#include "tests/fake/tls_lab.h"

enum { HOUR_S = 3600, NO_STAPLE = 0, STAPLE_HERE = 1, STAPLE_OF_OTHER = 2, STAPLE_GARBAGE = 3 };

static struct tls_lab lab;
static char *chain, *other_chain, *authority, *authority_key;

static const char *const profiles[] = {
    "modern", "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+AEAD:+COMP-NULL:+CTYPE-X509:"
              "+GROUP-X25519:+SIGN-ECDSA-SHA256:%PROFILE_MEDIUM"};

static const struct staple_case {
    const char *what;
    int staple;
    enum ocsp_says says;
    int said_h; /* when it was made, from now */
    bool must_staple;
    enum pki_check wanted;
} cases[] = {
    {"no staple", NO_STAPLE, OCSP_GOOD, 0, false, PKI_CHECK_GOOD},
    {"no staple, demanded", NO_STAPLE, OCSP_GOOD, 0, true, PKI_CHECK_MISSING_STAPLE},
    {"good", STAPLE_HERE, OCSP_GOOD, 0, false, PKI_CHECK_GOOD},
    {"good, demanded", STAPLE_HERE, OCSP_GOOD, 0, true, PKI_CHECK_GOOD},
    {"revoked", STAPLE_HERE, OCSP_REVOKED, 0, false, PKI_CHECK_REVOKED},
    {"unknown", STAPLE_HERE, OCSP_UNKNOWN, 0, false, PKI_CHECK_BAD_STAPLE},
    {"stale by our clock", STAPLE_HERE, OCSP_GOOD, -48, false, PKI_CHECK_BAD_STAPLE},
    {"of the future", STAPLE_HERE, OCSP_GOOD, 48, false, PKI_CHECK_BAD_STAPLE},
    {"another one's", STAPLE_OF_OTHER, OCSP_GOOD, 0, false, PKI_CHECK_BAD_STAPLE},
    {"garbage", STAPLE_GARBAGE, OCSP_GOOD, 0, true, PKI_CHECK_BAD_STAPLE},
};

static char *text_of(const char *file)
{
    char *text = NULL;
    size_t len = 0;
    struct fault fault;

    check_int(file_read_all(file, 1 << 20, &text, &len, &fault), 0);
    return text;
}

static void mint(bool must_staple)
{
    struct pki_request request = tls_lab_request();

    request.must_staple = must_staple;
    mem_free(chain);
    tls_lab_mint(&lab, NULL, &request);
    chain = text_of(lab.chain_file);
}

static int on_status_request(gnutls_session_t gnutls, void *ptr, gnutls_datum_t *out)
{
    const struct buf *staple = ptr;
    struct span bytes = buf_span(staple);

    (void)gnutls;
    if (bytes.len == 0)
        return GNUTLS_E_NO_CERTIFICATE_STATUS;
    out->data = gnutls_malloc(bytes.len);
    memcpy(out->data, bytes.ptr, bytes.len);
    out->size = (unsigned)bytes.len;
    return 0;
}

static void put_staple(const struct staple_case *row, struct buf *out)
{
    const struct ocsp_pem pem = {row->staple == STAPLE_OF_OTHER ? other_chain : chain, authority,
                                 authority_key};
    int64_t said_s = TLS_LAB_NOW_S + row->said_h * (int64_t)HOUR_S;

    if (row->staple == STAPLE_GARBAGE)
        buf_puts(out, "garbage");
    else if (row->staple != NO_STAPLE)
        ocsp_mint_pem(&pem, row->says, said_s, out);
}

/* One handshake with the foreign server, told to book. */
static void run(struct tls_manager *manager, const struct buf *staple, enum tls_verify verify,
                struct tls_pair *pair, struct tap_book *book)
{
    const struct tls_client_policy policy = {.server_name = "mx.example.org", .verify = verify};
    struct tls_foreign foreign;

    tls_pair_init(pair, 0);
    const struct tls_wire wire = tls_end_wire(&pair->client);
    pair->client.session = tls_session_connect(manager, &wire, &policy, &book->tap, 2);
    tls_foreign_init(&foreign, pair, lab.chain_file, lab.key_file, NULL);
    gnutls_certificate_set_ocsp_status_request_function(foreign.cred, on_status_request,
                                                        (void *)(uintptr_t)staple);
    tls_foreign_run(&foreign);
    tls_foreign_deinit(&foreign);
}

static void check_verdict(const struct staple_case *row, enum tls_verify verify,
                          const struct tls_pair *pair, const struct tap_book *book)
{
    const struct tls_facts *facts = tls_session_facts(pair->client.session);
    const struct tap_event *event = tap_book_find(book, TAP_CHECK, TAP_NO_WAY, "revocation", 0);
    bool is_refused = row->wanted != PKI_CHECK_GOOD && verify == TLS_VERIFY_REQUIRED;

    check_int(facts->check, row->wanted);
    check_int(pair->client.progress, is_refused ? TLS_FAILED : TLS_DONE);
    if (is_refused)
        check(strstr(pair->client.fault.text, pki_check_sentence(row->wanted)) != NULL);
    check(event != NULL);
    if (event != NULL && row->staple != NO_STAPLE)
        check_int(event->code, row->wanted);
    for (int i = 0; i < PKI_STEP_COUNT; i++) {
        const char *step = pki_step_name((enum pki_step)i);
        bool is_told = tap_book_find(book, TAP_CHECK, TAP_NO_WAY, step, 0) != NULL;
        check(is_told == (i != PKI_STEP_DANE)); /* that is with TLSA records only */
        check(tap_book_find(book, TAP_CHECK, TAP_NO_WAY, step, 1) == NULL);
    }
}

TEST(test_each_staple_in_both_versions)
{
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        const struct staple_case *row = &cases[i / 2];
        struct settings_tls settings = lab.settings;
        struct fault fault;
        struct buf staple;
        check_case = row->what;
        settings.client_profile = profiles[i % 2];
        mint(row->must_staple);
        buf_init(&staple, 0);
        put_staple(row, &staple);
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        for (int verify = TLS_VERIFY_REQUIRED; verify <= TLS_VERIFY_OPPORTUNISTIC; verify++) {
            struct tls_pair pair;
            struct tap_book book;
            tap_book_init(&book);
            run(manager, &staple, (enum tls_verify)verify, &pair, &book);
            check_verdict(row, (enum tls_verify)verify, &pair, &book);
            tls_pair_deinit(&pair);
            tap_book_deinit(&book);
        }
        tls_manager_free(&manager);
        buf_release(&staple);
    }
}

static char *list_of(bool is_leaf_in_it)
{
    struct fault fault;
    struct pki_certificate *leaf = pki_certificate_parse(chain, &fault);
    const struct pki_crl_entry entry = {pki_certificate_facts(leaf)->serial, TLS_LAB_NOW_S};
    const struct pki_crl_request request = {.entries = &entry,
                                            .entry_count = is_leaf_in_it,
                                            .number = 1,
                                            .this_update_s = TLS_LAB_NOW_S - HOUR_S,
                                            .next_update_s = TLS_LAB_NOW_S + HOUR_S};
    char *list = pki_crl_make(lab.authority, &request, &fault);

    check(list != NULL);
    pki_certificate_free(&leaf);
    return list;
}

/* tls.revocations, in both versions: the leaf, and nobody. */
TEST(test_lists_that_the_settings_name)
{
    struct staple_case row = {"", NO_STAPLE, OCSP_GOOD, 0, false, PKI_CHECK_GOOD};

    mint(false);
    for (int i = 0; i < 4; i++) {
        struct settings_tls settings = lab.settings;
        struct fault fault;
        struct buf none;
        struct tls_pair pair;
        struct tap_book book;
        char file[64], *list = list_of(i / 2 == 1);
        judge_lab_file(list, file);
        buf_init(&none, 0);
        tap_book_init(&book);
        settings.client_profile = profiles[i % 2];
        settings.revocations = file;
        row.wanted = i / 2 == 1 ? PKI_CHECK_REVOKED : PKI_CHECK_GOOD;
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        check(manager != NULL);
        run(manager, &none, TLS_VERIFY_REQUIRED, &pair, &book);
        check_verdict(&row, TLS_VERIFY_REQUIRED, &pair, &book);
        tls_pair_deinit(&pair);
        tap_book_deinit(&book);
        tls_manager_free(&manager);
        (void)unlink(file);
        mem_free(list);
    }
}

/* What our own maker does not make, in both versions: the handshake itself would go on. */
TEST(test_a_weak_signature_is_seen_in_both_versions)
{
    struct cert_mint root = cert_mint(&(struct cert_wish){.cn = "Root", .is_authority = true});
    struct cert_mint leaf =
        cert_mint(&(struct cert_wish){.issuer = &root, .hash = GNUTLS_DIG_SHA1});
    const struct cert_mint *const roots[] = {&root}, *const leaves[] = {&leaf};
    char *root_pem = cert_mint_pem(roots, 1), *leaf_pem = cert_mint_pem(leaves, 1);
    gnutls_datum_t key_pem = {NULL, 0};
    const struct staple_case row = {"SHA-1", NO_STAPLE, OCSP_GOOD, 0, false, PKI_CHECK_WEAK};
    char file[64];

    check_int(gnutls_x509_privkey_export2(leaf.key, GNUTLS_X509_FMT_PEM, &key_pem), 0);
    judge_lab_file(root_pem, file);
    tls_lab_write(lab.chain_file, leaf_pem);
    tls_lab_write(lab.key_file, (const char *)key_pem.data);
    for (size_t i = 0; i < 2; i++) {
        struct settings_tls settings = lab.settings;
        struct fault fault;
        struct tls_pair pair;
        struct tap_book book;
        struct buf none;
        buf_init(&none, 0);
        settings.pair_count = 0;
        settings.trusted = file;
        settings.client_profile = profiles[i];
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        check(manager != NULL);
        tap_book_init(&book);
        run(manager, &none, TLS_VERIFY_REQUIRED, &pair, &book);
        check_verdict(&row, TLS_VERIFY_REQUIRED, &pair, &book);
        tls_pair_deinit(&pair);
        tap_book_deinit(&book);
        tls_manager_free(&manager);
    }
    (void)unlink(file);
    gnutls_free(key_pem.data);
    mem_free(root_pem), mem_free(leaf_pem);
    cert_mint_free(&leaf), cert_mint_free(&root);
}

TEST(test_a_list_that_cannot_be_read_is_refused)
{
    struct settings_tls settings = lab.settings;
    struct fault fault;

    mint(false);
    settings.revocations = lab.chain_file;
    struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
    check(manager == NULL);
    check(strstr(fault.text, "could not read revocation lists from") != NULL);
    check(strstr(fault.text, "tls.revocations") != NULL);
    tls_manager_free(&manager);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_each_staple_in_both_versions", test_each_staple_in_both_versions},
        {"test_lists_that_the_settings_name", test_lists_that_the_settings_name},
        {"test_a_weak_signature_is_seen_in_both_versions",
         test_a_weak_signature_is_seen_in_both_versions},
        {"test_a_list_that_cannot_be_read_is_refused", test_a_list_that_cannot_be_read_is_refused},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    log_set_level(LOG_NONE);
    tls_lab_init(&lab);
    mint(false);
    other_chain = chain;
    chain = NULL;
    authority = pki_authority_certificate_pem(lab.authority);
    authority_key = pki_authority_key_pem(lab.authority);
    int status = run_all(argc, argv);
    mem_free(chain), mem_free(other_chain), mem_free(authority);
    pki_key_pem_free(authority_key);
    tls_lab_deinit(&lab);
    return status;
}
