/*
 * Signing requests: what is asked for is read back, and what must not be signed is refused.
 */
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "base/mem.h"
#include "check.h"
#include "pki/certificate.h"
#include "pki/csr.h"
#include "pki/pki.h"

static const char *const some_names[] = {"mx.example.org", "*.example.org", "127.0.0.1", "::1",
                                         "alice@example.org"};

TEST(test_what_is_asked_for_is_read)
{
    const struct pki_csr_wish wish = {"mx.example.org", some_names, 5, true};
    struct fault fault;

    for (int type = 0; type < PKI_KEY_TYPE_COUNT; type++) {
        check_case = pki_key_type_word((enum pki_key_type)type);
        struct pki_key *key = pki_key_create((enum pki_key_type)type, &fault);
        char *pem = pki_csr_make(key, &wish, &fault);
        struct pki_csr *csr = pki_csr_parse(span_of(pem), "a.csr", &fault);
        size_t count = 0;
        check(csr != NULL);
        const char *const *names = pki_csr_names(csr, &count);
        check_int(count, 5);
        for (size_t i = 0; i < count; i++)
            check_text(names[i], some_names[i]);
        check(pki_csr_has_must_staple(csr));
        check_int(pki_csr_skipped_count(csr), 0);
        pki_csr_free(&csr);
        pki_key_free(&key);
        mem_free(pem);
    }
}

/* ---- Requests as others make them ----------------------------------------------------------- */

struct odd {
    gnutls_x509_crq_t crq;
    gnutls_x509_privkey_t key;
};

static void odd_init(struct odd *odd, gnutls_pk_algorithm_t algorithm, unsigned bits)
{
    check_int(gnutls_x509_privkey_init(&odd->key), 0);
    check_int(gnutls_x509_privkey_generate(odd->key, algorithm, bits, 0), 0);
    check_int(gnutls_x509_crq_init(&odd->crq), 0);
    check_int(gnutls_x509_crq_set_version(odd->crq, 1), 0);
    check_int(gnutls_x509_crq_set_key(odd->crq, odd->key), 0);
}

static void odd_add(struct odd *odd, gnutls_x509_subject_alt_name_t type, struct span name)
{
    check_int(gnutls_x509_crq_set_subject_alt_name(odd->crq, type, name.ptr, (unsigned)name.len,
                                                   GNUTLS_FSAN_APPEND),
              0);
}

/* Signs it, reads it and frees the rest. */
static struct pki_csr *odd_read(struct odd *odd, struct fault *fault)
{
    gnutls_datum_t pem = {NULL, 0};

    check_int(gnutls_x509_crq_sign2(odd->crq, odd->key, GNUTLS_DIG_SHA256, 0), 0);
    check_int(gnutls_x509_crq_export2(odd->crq, GNUTLS_X509_FMT_PEM, &pem), 0);
    fault_clear(fault);
    struct pki_csr *csr =
        pki_csr_parse(span_make((const char *)pem.data, pem.size), "odd.csr", fault);
    gnutls_free(pem.data);
    gnutls_x509_crq_deinit(odd->crq);
    gnutls_x509_privkey_deinit(odd->key);
    return csr;
}

static void refuse(const char *name, struct odd *odd, const char *reason)
{
    struct fault fault;

    check_case = name;
    struct pki_csr *csr = odd_read(odd, &fault);
    check(csr == NULL);
    if (strstr(fault.text, reason) == NULL)
        CHECK_FAILED("wanted \"%s\" in \"%s\"", reason, fault.text);
    pki_csr_free(&csr);
}

static const unsigned p256 = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);

TEST(test_weak_keys_are_refused)
{
    struct odd odd;

    odd_init(&odd, GNUTLS_PK_RSA, 1024);
    odd_add(&odd, GNUTLS_SAN_DNSNAME, span_of("mx.example.org"));
    refuse("RSA 1024", &odd, "RSA, 1024 bits");
    odd_init(&odd, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP224R1));
    odd_add(&odd, GNUTLS_SAN_DNSNAME, span_of("mx.example.org"));
    refuse("P-224", &odd, "224 bits");
}

TEST(test_odd_names_are_refused)
{
    static const struct {
        const char *name;
        struct span san;
        gnutls_x509_subject_alt_name_t type;
        const char *reason;
    } rows[] = {
        {"underscore", {"a_b.example.org", 15}, GNUTLS_SAN_DNSNAME, "write a host name"},
        {"trailing dot", {"mx.example.org.", 15}, GNUTLS_SAN_DNSNAME, "leave the dot"},
        {"no local part", {"@example.org", 12}, GNUTLS_SAN_RFC822NAME, "1 to 64 characters"},
        {"only a URI", {"https://example.org/", 20}, GNUTLS_SAN_URI, "asks for no name"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct odd odd;
        odd_init(&odd, GNUTLS_PK_ECDSA, p256);
        odd_add(&odd, rows[i].type, rows[i].san);
        refuse(rows[i].name, &odd, rows[i].reason);
    }
}

TEST(test_a_nul_does_not_shorten_a_name)
{
    /* GnuTLS's own setter would cut there; an attacker's does not. */
    static const char san[] = "\x30\x15\x82\x13mx.example.org\0evil";
    struct odd odd;

    odd_init(&odd, GNUTLS_PK_ECDSA, p256);
    check_int(gnutls_x509_crq_set_extension_by_oid(odd.crq, "2.5.29.17", san, sizeof san - 1, 0),
              0);
    refuse("NUL", &odd, "\"mx.example.org\\x5cx00evil\" cannot be");
}

/* PKI_CSR_NAMES_MAX names and extra ones. */
static struct odd odd_with_names(unsigned count)
{
    struct odd odd;

    odd_init(&odd, GNUTLS_PK_ECDSA, p256);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "host%u.example.org", i);
        odd_add(&odd, GNUTLS_SAN_DNSNAME, span_of(name));
    }
    return odd;
}

TEST(test_the_number_of_names_is_bounded)
{
    struct odd odd = odd_with_names(PKI_CSR_NAMES_MAX);
    struct fault fault;
    size_t count = 0;
    struct pki_csr *csr = odd_read(&odd, &fault);

    check(csr != NULL);
    (void)pki_csr_names(csr, &count);
    check_int(count, PKI_CSR_NAMES_MAX);
    pki_csr_free(&csr);
    odd = odd_with_names(PKI_CSR_NAMES_MAX + 1);
    refuse("one more", &odd, "more than 100 names");
}

TEST(test_a_common_name_stands_in_for_missing_names)
{
    struct odd odd;
    struct fault fault;
    size_t count = 0;

    odd_init(&odd, GNUTLS_PK_ECDSA, p256);
    check_int(gnutls_x509_crq_set_dn(odd.crq, "CN=mx.example.org", NULL), 0);
    odd_add(&odd, GNUTLS_SAN_URI, span_of("https://example.org/"));
    struct pki_csr *csr = odd_read(&odd, &fault);
    check(csr != NULL);
    check_text(pki_csr_names(csr, &count)[0], "mx.example.org");
    check_int(count, 1);
    check_int(pki_csr_skipped_count(csr), 1);
    pki_csr_free(&csr);
    odd_init(&odd, GNUTLS_PK_ECDSA, p256);
    check_int(gnutls_x509_crq_set_dn(odd.crq, "CN=Example Org", NULL), 0);
    refuse("no host name", &odd, "spaces or control");
}

TEST(test_extensions_that_are_asked_for_are_not_granted)
{
    struct odd odd;
    struct fault fault;
    char *chain = NULL;
    size_t count = 0;
    struct pki_authority *authority = pki_authority_create("A", 1800000000, 1900000000, &fault);

    odd_init(&odd, GNUTLS_PK_ECDSA, p256);
    odd_add(&odd, GNUTLS_SAN_DNSNAME, span_of("mx.example.org"));
    check_int(gnutls_x509_crq_set_basic_constraints(odd.crq, 1, -1), 0);
    check_int(gnutls_x509_crq_set_key_usage(odd.crq, GNUTLS_KEY_KEY_CERT_SIGN), 0);
    check_int(gnutls_x509_crq_set_key_purpose_oid(odd.crq, GNUTLS_KP_CODE_SIGNING, 0), 0);
    struct pki_csr *csr = odd_read(&odd, &fault);
    check(csr != NULL);
    struct pki_request request = {
        .purposes = PKI_CLIENT, .not_before_s = 1800000000, .not_after_s = 1800086400};
    request.dns_names = pki_csr_names(csr, &count);
    request.dns_name_count = count;
    check_int(pki_sign(authority, (struct pki_holder){.csr = csr}, &request, &chain, &fault), 0);
    struct pki_certificate *leaf = pki_certificate_parse(chain, &fault);
    check(!pki_certificate_facts(leaf)->is_authority);
    check_int(pki_certificate_facts(leaf)->purposes, PKI_CLIENT);
    check_int(pki_certificate_facts(leaf)->name_count, 1);
    pki_certificate_free(&leaf);
    mem_free(chain);
    pki_csr_free(&csr);
    pki_authority_free(&authority);
}

static const size_t large_size = 66560; /* 65 KiB */

TEST(test_what_was_changed_is_refused)
{
    const struct pki_csr_wish wish = {"mx.example.org", some_names, 1, false};
    struct fault fault;
    struct pki_key *key = pki_key_create(PKI_KEY_ECDSA, &fault);
    char *pem = pki_csr_make(key, &wish, &fault);
    unsigned taken = 0;

    /* Each character of the base64: nothing that was changed is taken for a request. */
    for (size_t i = 0; i < strlen(pem); i++) {
        char was = pem[i];
        if (was == '\n' || strstr(pem + i, "-----END") == NULL || i < 40)
            continue;
        pem[i] = was == 'A' ? 'B' : 'A';
        struct pki_csr *csr = pki_csr_parse(span_of(pem), "a.csr", &fault);
        taken += csr != NULL;
        pki_csr_free(&csr);
        pem[i] = was;
    }
    /* The last character before the padding may hold bits that count for nothing. */
    check(taken <= 1);
    check(pki_csr_parse(span_of(""), "a.csr", &fault) == NULL);
    check(strstr(fault.text, "could not read a signing request from a.csr") != NULL);
    char *large = mem_alloc(large_size);
    memset(large, 'A', large_size);
    check(pki_csr_parse(span_make(large, large_size), "a.csr", &fault) == NULL);
    check_int(fault.err, ERR_LIMIT);
    mem_free(large);
    pki_key_free(&key);
    mem_free(pem);
}

CHECK_MAIN({"test_what_is_asked_for_is_read", test_what_is_asked_for_is_read},
           {"test_weak_keys_are_refused", test_weak_keys_are_refused},
           {"test_odd_names_are_refused", test_odd_names_are_refused},
           {"test_a_nul_does_not_shorten_a_name", test_a_nul_does_not_shorten_a_name},
           {"test_the_number_of_names_is_bounded", test_the_number_of_names_is_bounded},
           {"test_a_common_name_stands_in_for_missing_names",
            test_a_common_name_stands_in_for_missing_names},
           {"test_extensions_that_are_asked_for_are_not_granted",
            test_extensions_that_are_asked_for_are_not_granted},
           {"test_what_was_changed_is_refused", test_what_was_changed_is_refused})
