/*
 * Keys of each type, certificates that say what was asked for, and whose key they are for.
 */

#include "base/mem.h"
#include "check.h"
#include "pki/certificate.h"
#include "pki/csr.h"
#include "pki/pki.h"

enum { NOW_S = 1800000000, DAY_S = 86400 };

static struct pki_authority *authority;

static struct pki_request request_for(const char *const *names, size_t count)
{
    return (struct pki_request){.common_name = names[0],
                                .dns_names = names,
                                .dns_name_count = count,
                                .purposes = PKI_SERVER,
                                .not_before_s = NOW_S,
                                .not_after_s = NOW_S + DAY_S};
}

TEST(test_each_key_type_signs_and_is_signed)
{
    static const char *const names[] = {"mx.example.org"};
    struct fault fault;

    for (int type = 0; type < PKI_KEY_TYPE_COUNT; type++) {
        struct pki_request request = request_for(names, 1);
        const struct pki_authority_request of_root = {.common_name = "Root",
                                                      .key_type = (enum pki_key_type)type,
                                                      .path_length = 0,
                                                      .not_before_s = NOW_S,
                                                      .not_after_s = NOW_S + DAY_S};
        char *chain = NULL, *key = NULL;
        check_case = pki_key_type_word((enum pki_key_type)type);
        check_int(pki_key_type_of(check_case), type);
        struct pki_authority *root = pki_authority_make(NULL, &of_root, &fault);
        check(root != NULL);
        request.key_type = (enum pki_key_type)type;
        check_int(pki_mint(root, &request, &chain, &key, &fault), 0);
        struct pki_certificate *leaf = pki_certificate_parse(chain, &fault);
        check(leaf != NULL);
        check_int(pki_certificate_facts(leaf)->key_type, type);
        check(pki_authority_has_signed(root, leaf));
        check(!pki_authority_has_signed(authority, leaf));
        check(strstr(key, "-----BEGIN PRIVATE KEY-----") != NULL);
        pki_certificate_free(&leaf);
        pki_authority_free(&root);
        mem_free(chain);
        pki_key_pem_free(key);
    }
    check_int(pki_key_type_of("dsa"), PKI_KEY_TYPE_COUNT);
}

static void check_facts(const struct pki_certificate_facts *facts, const char *const *names,
                        size_t count)
{
    check_int(facts->name_count, count);
    for (size_t i = 0; i < count && i < facts->name_count; i++)
        check_text(facts->names[i], names[i]);
    check_text(facts->ocsp_url, "http://ocsp.example.org");
    check_text(facts->issuer_url, "http://pki.example.org/ca.der");
    check_text(facts->crl_url, "http://pki.example.org/crl.pem");
    check_text(facts->subject, "CN=mx.example.org");
    check_int(facts->purposes, PKI_SERVER | PKI_CLIENT);
    check_int(facts->not_before_s, NOW_S);
    check_int(facts->not_after_s, NOW_S + DAY_S);
    check(facts->must_staple && !facts->is_authority && !facts->is_self_signed);
    check_int(strlen(facts->serial), 32);
}

TEST(test_a_certificate_says_what_was_asked_for)
{
    static const char *const names[] = {"mx.example.org", "*.example.org", "127.0.0.1",
                                        "2001:db8::1", "alice@example.org"};
    struct pki_request request = request_for(names, 5);
    struct fault fault;
    char *chain = NULL, *key = NULL;

    request.purposes = PKI_SERVER | PKI_CLIENT;
    request.must_staple = true;
    request.ocsp_url = "http://ocsp.example.org";
    request.issuer_url = "http://pki.example.org/ca.der";
    request.crl_url = "http://pki.example.org/crl.pem";
    check_int(pki_mint(authority, &request, &chain, &key, &fault), 0);
    struct pki_certificate *leaf = pki_certificate_parse(chain, &fault);
    check_facts(pki_certificate_facts(leaf), names, 5);
    pki_certificate_free(&leaf);
    mem_free(chain);
    pki_key_pem_free(key);

    request = request_for(names, 1);
    request.quirks = PKI_SELF_SIGNED;
    check_int(pki_mint(NULL, &request, &chain, &key, &fault), 0);
    leaf = pki_certificate_parse(chain, &fault);
    const struct pki_certificate_facts *facts = pki_certificate_facts(leaf);
    check(facts->is_self_signed && !facts->must_staple && !facts->is_authority);
    check(facts->ocsp_url == NULL && facts->issuer_url == NULL && facts->crl_url == NULL);
    check_int(facts->purposes, PKI_SERVER);
    pki_certificate_free(&leaf);
    mem_free(chain);
    pki_key_pem_free(key);
    check(pki_certificate_parse("nothing", &fault) == NULL);
    check(strstr(fault.text, "could not read a certificate") != NULL);
}

/* A leaf for holder, and whether key is its key. */
static bool fits(struct pki_holder holder, const struct pki_key *key)
{
    static const char *const names[] = {"mx.example.org"};
    const struct pki_request request = request_for(names, 1);
    struct fault fault;
    char *chain = NULL;

    check_int(pki_sign(authority, holder, &request, &chain, &fault), 0);
    struct pki_certificate *leaf = pki_certificate_parse(chain, &fault);
    bool is_so = pki_certificate_fits(leaf, key);
    pki_certificate_free(&leaf);
    mem_free(chain);
    return is_so;
}

TEST(test_a_leaf_is_for_its_holders_key)
{
    static const char *const names[] = {"mx.example.org"};
    static const struct pki_csr_wish wish = {"mx.example.org", names, 1, false};
    const struct pki_request request = request_for(names, 1);
    struct fault fault;
    struct pki_key *key = pki_key_create(PKI_KEY_ECDSA, &fault);
    struct pki_key *other = pki_key_create(PKI_KEY_ED25519, &fault);
    char *chain = NULL, *pem = pki_csr_make(key, &wish, &fault);
    struct pki_csr *csr = pki_csr_parse(span_of(pem), "a.csr", &fault);

    check_int(pki_sign(NULL, (struct pki_holder){.key = key}, &request, &chain, &fault), 0);
    struct pki_certificate *own = pki_certificate_parse(chain, &fault);
    check(pki_certificate_facts(own)->is_self_signed);
    check(fits((struct pki_holder){.key = key}, key));
    check(fits((struct pki_holder){.csr = csr}, key));
    check(fits((struct pki_holder){.certificate = own}, key));
    check(!fits((struct pki_holder){.certificate = own}, other));
    check(!fits((struct pki_holder){.key = other}, key));
    pki_certificate_free(&own);
    pki_csr_free(&csr);
    pki_key_free(&key);
    pki_key_free(&other);
    mem_free(chain);
    mem_free(pem);
}

TEST(test_an_intermediate_stands_behind_its_leaf)
{
    static const char *const names[] = {"mx.example.org"};
    const struct pki_request request = request_for(names, 1);
    struct fault fault;
    char *chain = NULL, *key = NULL;
    struct pki_authority *middle =
        pki_authority_delegate(authority, "Middle", NOW_S, NOW_S + DAY_S, &fault);
    char *middle_pem = pki_authority_certificate_pem(middle);

    check_int(pki_authority_not_after_s(middle), NOW_S + DAY_S);
    check_int(pki_mint(middle, &request, &chain, &key, &fault), 0);
    const char *second = strstr(chain + 1, "-----BEGIN");
    check(second != NULL && strcmp(second, middle_pem) == 0);
    struct pki_certificate *of_middle = pki_certificate_parse(middle_pem, &fault);
    check(pki_certificate_facts(of_middle)->is_authority);
    check(pki_authority_has_signed(authority, of_middle));
    pki_certificate_free(&of_middle);
    mem_free(chain);
    pki_key_pem_free(key);
    mem_free(middle_pem);
    pki_authority_free(&middle);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_each_key_type_signs_and_is_signed", test_each_key_type_signs_and_is_signed},
        {"test_a_certificate_says_what_was_asked_for", test_a_certificate_says_what_was_asked_for},
        {"test_a_leaf_is_for_its_holders_key", test_a_leaf_is_for_its_holders_key},
        {"test_an_intermediate_stands_behind_its_leaf",
         test_an_intermediate_stands_behind_its_leaf},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    struct fault fault;

    authority = pki_authority_create("Lab Authority", NOW_S, NOW_S + 9 * DAY_S, &fault);
    int status = run_all(argc, argv);
    pki_authority_free(&authority);
    return status;
}
