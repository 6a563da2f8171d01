/*
 * Minting and describing certificates, and that an authority comes back from its files.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "tests/fake/tls_lab.h"

static struct tls_lab lab;

static void check_holds(const char *text, const char *const *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text == NULL || strstr(text, wanted[i]) == NULL)
            CHECK_FAILED("wanted \"%s\" in \"%s\"", wanted[i], text != NULL ? text : "(nothing)");
}

TEST(test_a_leaf_is_described)
{
    static const char *const wanted[] = {"subject CN=mx.example.org\n",
                                         "names mx.example.org, *.wild.example.org, 127.0.0.1\n",
                                         "issuer CN=Lab Authority\n",
                                         "valid from 2027-01-14 08:00:00 UTC\n",
                                         "valid until 2027-01-16 08:00:00 UTC\n",
                                         "key EC/ECDSA, 256 bits\n",
                                         "SHA-256 "};
    struct fault fault;
    char *text = pki_describe(lab.chain_file, &fault);

    check_holds(text, wanted, sizeof wanted / sizeof *wanted);
    mem_free(text);
    check(pki_describe(lab.key_file, &fault) == NULL);
    check(strstr(fault.text, "could not read a certificate from") != NULL);
}

TEST(test_an_authority_comes_back_from_its_files)
{
    const struct pki_request request = tls_lab_request();
    char ca_key_file[160];
    struct fault fault;
    char *chain = NULL, *key = NULL;

    (void)snprintf(ca_key_file, sizeof ca_key_file, "%s/ca-key.pem", lab.dir);
    char *pem = pki_authority_key_pem(lab.authority);
    check(strstr(pem, "-----BEGIN PRIVATE KEY-----") != NULL);
    tls_lab_write(ca_key_file, pem);
    mem_free(pem);
    struct pki_authority *loaded = pki_authority_load(lab.ca_file, ca_key_file, &fault);
    check(loaded != NULL);
    check_int(pki_mint(loaded, &request, &chain, &key, &fault), 0);
    tls_lab_write(lab.chain_file, chain);
    tls_lab_write(lab.key_file, key);
    check_int(tls_manager_check(&lab.settings, &lab.clock.clock, &(struct tls_remarks){0}, &fault),
              0);
    mem_free(chain);
    mem_free(key);
    pki_authority_free(&loaded);
    check(pki_authority_load(lab.chain_file, lab.key_file, &fault) == NULL);
    check(strstr(fault.text, "is not an authority's certificate") != NULL);
    check(pki_authority_load(lab.ca_file, lab.key_file, &fault) == NULL);
    check(strstr(fault.text, "is not the key of") != NULL);
    (void)unlink(ca_key_file);
}

TEST(test_a_name_too_long_for_a_common_name_still_works)
{
    static const char long_name[] =
        "a-very-long-host-name-that-does-not-fit-a-common-name.of.the.example.org";
    static const char *const names[] = {long_name};
    static const char *const wanted[] = {long_name, "subject \n"};
    struct pki_request request = tls_lab_request();
    struct fault fault;

    request.common_name = long_name;
    request.dns_names = names;
    request.dns_name_count = 1;
    tls_lab_mint(&lab, NULL, &request);
    char *text = pki_describe(lab.chain_file, &fault);
    check_holds(text, wanted, 2);
    mem_free(text);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_a_leaf_is_described", test_a_leaf_is_described},
        {"test_an_authority_comes_back_from_its_files",
         test_an_authority_comes_back_from_its_files},
        {"test_a_name_too_long_for_a_common_name_still_works",
         test_a_name_too_long_for_a_common_name_still_works},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    tls_lab_init(&lab);
    int status = run_all(argc, argv);
    tls_lab_deinit(&lab);
    return status;
}
