/*
 * OCSP responses with our certificates: good ones are served in TLS 1.2 and 1.3 as long as they are
 * fresh, others never, and each is told in words.
 */
#include <gnutls/ocsp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "check.h"
#include "tests/fake/ocsp_mint.h"
#include "tests/fake/tls_lab.h"
#include "tls/tls_internal.h"

static struct tls_lab lab;
static char staple_file[128];
static const char *const profiles[] = {
    "modern", "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+AEAD:+COMP-NULL:+CTYPE-X509:"
              "+GROUP-X25519:+SIGN-ECDSA-SHA256"};

static char *read_file(const char *file)
{
    char *text = NULL;
    size_t len = 0;
    check_int(file_read_all(file, 1 << 20, &text, &len, NULL), 0);
    return text;
}

/* Writes a response about the chain of the file, good or not, by the authority (NULL: the lab's).
 */
static void respond(const char *about, const struct pki_authority *authority, enum ocsp_says says,
                    int64_t now_s)
{
    const struct pki_authority *by = authority != NULL ? authority : lab.authority;
    char *chain = read_file(about);
    char *issuer = pki_authority_certificate_pem(by), *key = pki_authority_key_pem(by);
    struct fault fault;
    struct buf der;

    buf_init(&der, 0);
    ocsp_mint_pem(&(struct ocsp_pem){chain, issuer, key}, says, now_s, &der);
    check_int(file_write_all(staple_file, buf_span(&der).ptr, der.len, 0600, &fault), 0);
    buf_release(&der);
    mem_free(chain);
    mem_free(issuer);
    pki_key_pem_free(key);
}

static bool is_served(struct tls_manager *manager)
{
    const struct tls_client_policy policy = {.server_name = "mx.example.org",
                                             .verify = TLS_VERIFY_OPPORTUNISTIC};
    gnutls_datum_t staple = {NULL, 0};
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &policy);
    tls_pair_run(&pair);
    check_int(pair.client.progress, TLS_DONE);
    bool has = gnutls_ocsp_status_request_get2(pair.client.session->gnutls, 0, &staple) == 0 &&
               staple.size > 0;
    tls_pair_deinit(&pair);
    return has;
}

/* Whether new servers serve what is in the file, in both versions, and what they remark. */
static void serve(bool wanted, const char *remark)
{
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        struct settings_tls settings = lab.settings;
        struct tls_lab_ear ear;
        struct fault fault;
        settings.client_profile = profiles[i];
        tls_lab_ear_init(&ear);
        check_int(tls_manager_check(&settings, &lab.clock.clock, &ear.remarks, &fault), 0);
        check(remark == NULL || tls_lab_ear_has(&ear, remark));
        check(remark != NULL || span_find(buf_span(&ear.heard), span_of("staple")) < 0);
        tls_lab_ear_deinit(&ear);
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        check(is_served(manager) == wanted);
        tls_manager_free(&manager);
    }
}

TEST(test_only_good_responses_are_served)
{
    struct pki_request request = tls_lab_request();
    struct fault fault;

    tls_lab_mint(&lab, NULL, &request);
    serve(false, "warn staple:"); /* there is no file */
    respond(lab.chain_file, NULL, OCSP_GOOD, TLS_LAB_NOW_S);
    serve(true, NULL);
    respond(lab.chain_file, NULL, OCSP_REVOKED, TLS_LAB_NOW_S);
    serve(false, "error staple:");
    respond(lab.chain_file, NULL, OCSP_GOOD, TLS_LAB_NOW_S - 5 * TLS_LAB_DAY_S);
    serve(false, "is not served");
    respond(lab.chain_file, NULL, OCSP_GOOD, TLS_LAB_NOW_S + 5 * TLS_LAB_DAY_S);
    serve(false, "is not served");
    tls_lab_write(staple_file, "garbage");
    serve(false, "is not served");
    struct pki_authority *stranger = pki_authority_create("Stranger", TLS_LAB_NOW_S - TLS_LAB_DAY_S,
                                                          TLS_LAB_NOW_S + TLS_LAB_DAY_S, &fault);
    respond(lab.chain_file, stranger, OCSP_GOOD, TLS_LAB_NOW_S);
    serve(false, "is not served");
    pki_authority_free(&stranger);
    /* about the certificate that was there before */
    respond(lab.chain_file, NULL, OCSP_GOOD, TLS_LAB_NOW_S);
    tls_lab_mint(&lab, NULL, &request);
    serve(false, "is not served");
}

TEST(test_the_issuer_may_come_with_the_chain)
{
    struct pki_request request = tls_lab_request();
    struct fault fault;
    struct pki_authority *middle =
        pki_authority_delegate(lab.authority, "Middle", TLS_LAB_NOW_S - TLS_LAB_DAY_S,
                               TLS_LAB_NOW_S + TLS_LAB_DAY_S, &fault);

    tls_lab_mint(&lab, middle, &request);
    respond(lab.chain_file, middle, OCSP_GOOD, TLS_LAB_NOW_S);
    serve(true, NULL);
    respond(lab.chain_file, NULL, OCSP_GOOD, TLS_LAB_NOW_S); /* the root may not speak for it */
    serve(false, "is not served");
    pki_authority_free(&middle);
}

TEST(test_a_certificate_that_demands_one)
{
    struct pki_request request = tls_lab_request();

    request.must_staple = true;
    tls_lab_mint(&lab, NULL, &request);
    (void)unlink(staple_file);
    serve(false, "error staple: the certificate in");
    respond(lab.chain_file, NULL, OCSP_REVOKED, TLS_LAB_NOW_S);
    serve(false, "must come with an OCSP response");
    respond(lab.chain_file, NULL, OCSP_GOOD, TLS_LAB_NOW_S);
    serve(true, NULL);
}

static size_t lines_with(const char *text, const char *what)
{
    size_t count = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what))
        count++;
    return count;
}

TEST(test_one_that_goes_stale_is_served_no_more_and_told_once)
{
    struct pki_request request = tls_lab_request();
    char log_file[] = "/tmp/postern-staple-XXXXXX";
    struct fault fault;
    int fd = mkstemp(log_file);

    request.not_after_s = TLS_LAB_NOW_S + 90 * TLS_LAB_DAY_S;
    tls_lab_mint(&lab, NULL, &request);
    respond(lab.chain_file, NULL, OCSP_GOOD, TLS_LAB_NOW_S);
    log_start(fd);
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        struct settings_tls settings = lab.settings;
        settings.client_profile = profiles[i];
        lab.clock.now_s = TLS_LAB_NOW_S;
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        lab.clock.now_s = TLS_LAB_NOW_S + TLS_LAB_DAY_S;
        check(is_served(manager)); /* its last second */
        lab.clock.now_s++;
        check(!is_served(manager));
        check(!is_served(manager));
        tls_manager_free(&manager);
    }
    log_stop();
    char *told = read_file(log_file);
    check_int(lines_with(told, "is not served any more; fetch a fresh one"),
              sizeof profiles / sizeof *profiles);
    mem_free(told);
    (void)close(fd);
    (void)unlink(log_file);
    lab.clock.now_s = TLS_LAB_NOW_S;
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_only_good_responses_are_served", test_only_good_responses_are_served},
        {"test_the_issuer_may_come_with_the_chain", test_the_issuer_may_come_with_the_chain},
        {"test_a_certificate_that_demands_one", test_a_certificate_that_demands_one},
        {"test_one_that_goes_stale", test_one_that_goes_stale_is_served_no_more_and_told_once},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    tls_lab_init(&lab);
    (void)snprintf(staple_file, sizeof staple_file, "%s/staple.der", lab.dir);
    lab.settings.pairs[0].staple = staple_file;
    int status = run_all(argc, argv);
    (void)unlink(staple_file);
    tls_lab_deinit(&lab);
    return status;
}
