/*
 * An authority's directory: what it holds, who may read it, what it remembers, and what it refuses.
 */
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "pki/authority_dir.h"
#include "pki/pki.h"

enum { NOW_S = 1800000000, DAY_S = 86400 };

static const char *const file_names[] = {
    "root.pem",  "root-key.pem", "intermediate.pem", "intermediate-key.pem",
    "chain.pem", "crl.pem",      "crl-number",       "index"};
enum { FILE_COUNT = sizeof file_names / sizeof *file_names };

static char dir_path[64];

static char *path_of(const char *name)
{
    return mem_printf("%s/%s", dir_path, name);
}

static void begin(void)
{
    const struct pki_authority_plan plan = {.organization = "Example Org",
                                            .now_s = NOW_S,
                                            .not_before_s = NOW_S,
                                            .root_not_after_s = NOW_S + 100 * DAY_S,
                                            .intermediate_not_after_s = NOW_S + 50 * DAY_S,
                                            .next_update_s = NOW_S + 30 * DAY_S};
    struct fault fault;

    (void)stpcpy(dir_path, "/tmp/postern-ca-XXXXXX");
    check(mkdtemp(dir_path) != NULL);
    check_int(pki_authority_dir_make(dir_path, &plan, &fault), 0);
}

static void end(void)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        char *path = path_of(file_names[i]);
        (void)unlink(path);
        mem_free(path);
    }
    check_int(rmdir(dir_path), 0); /* nothing else was left there */
}

static void overwrite(const char *name, const char *text)
{
    char *path = path_of(name);
    check_int(file_write_all(path, text, strlen(text), 0600, NULL), 0);
    mem_free(path);
}

static char *read_text(const char *name)
{
    char *path = path_of(name), *text = NULL;
    size_t len = 0;
    check_int(file_read_all(path, 1 << 20, &text, &len, NULL), 0);
    mem_free(path);
    return text;
}

TEST(test_files_and_modes)
{
    begin();
    for (size_t i = 0; i < FILE_COUNT; i++) {
        char *path = path_of(file_names[i]);
        struct stat status;
        check_case = file_names[i];
        check_int(stat(path, &status), 0);
        check_int(status.st_mode & 0777, strstr(path, "-key") != NULL ? 0600 : 0644);
        mem_free(path);
    }
    char *root = path_of("root.pem"), *middle = path_of("intermediate.pem");
    struct fault fault;
    struct pki_certificate *of_root = pki_certificate_load(root, &fault);
    struct pki_certificate *of_middle = pki_certificate_load(middle, &fault);
    check_text(pki_certificate_facts(of_root)->subject, "O=Example Org,CN=Example Org Root");
    check(pki_certificate_facts(of_root)->is_self_signed);
    check(pki_certificate_facts(of_middle)->is_authority);
    check(!pki_certificate_facts(of_middle)->is_self_signed);
    pki_certificate_free(&of_root);
    pki_certificate_free(&of_middle);
    mem_free(root);
    mem_free(middle);
    end();
}

/* A leaf by the directory's intermediate; its certificate, owned. */
static struct pki_certificate *sign(struct pki_authority_dir *dir)
{
    static const char *const names[] = {"mx.example.org"};
    const struct pki_request request = {.common_name = names[0],
                                        .dns_names = names,
                                        .dns_name_count = 1,
                                        .purposes = PKI_SERVER,
                                        .not_before_s = NOW_S,
                                        .not_after_s = NOW_S + DAY_S};
    struct fault fault;
    char *chain = NULL, *key = NULL;

    check_int(pki_mint(pki_authority_dir_signer(dir), &request, &chain, &key, &fault), 0);
    struct pki_certificate *leaf = pki_certificate_parse(chain, &fault);
    check_int(pki_authority_dir_record(dir, pki_certificate_facts(leaf), &fault), 0);
    mem_free(chain);
    pki_key_pem_free(key);
    return leaf;
}

static struct pki_authority_dir *open_dir(void)
{
    struct fault fault = {0};
    struct pki_authority_dir *dir = pki_authority_dir_open(dir_path, &fault);
    if (dir == NULL)
        CHECK_FAILED("%s", fault.text);
    return dir;
}

/* What crl.pem says: its number, and whether serial is on it. */
static void check_list(unsigned number, unsigned count, const struct pki_certificate *leaf)
{
    char *pem = read_text("crl.pem");
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)strlen(pem)};
    gnutls_x509_crl_t crl;
    unsigned char bytes[32], serial[32];
    size_t len = sizeof bytes;

    check_int(gnutls_x509_crl_init(&crl), 0);
    check_int(gnutls_x509_crl_import(crl, &datum, GNUTLS_X509_FMT_PEM), 0);
    check_int(gnutls_x509_crl_get_number(crl, bytes, &len, NULL), 0);
    check_int(bytes[len - 1] + 256U * (len > 1 ? bytes[len - 2] : 0), number);
    check(bytes[0] < 0x80);
    check_int(gnutls_x509_crl_get_crt_count(crl), count);
    if (leaf != NULL) {
        char text[PKI_SERIAL_SIZE] = "";
        size_t serial_len = sizeof serial;
        check_int(gnutls_x509_crl_get_crt_serial(crl, 0, serial, &serial_len, NULL), 0);
        for (size_t i = 0; i < serial_len; i++)
            (void)snprintf(text + 2 * i, 3, "%02x", serial[i]);
        check_text(text, pki_certificate_facts(leaf)->serial);
    }
    gnutls_x509_crl_deinit(crl);
    mem_free(pem);
}

TEST(test_what_was_signed_can_be_revoked_once)
{
    struct fault fault;
    int64_t revoked_s = -1;
    size_t count = 9;

    begin();
    check_list(1, 0, NULL);
    struct pki_authority_dir *dir = open_dir();
    struct pki_certificate *leaf = sign(dir), *other = sign(dir);
    const char *serial = pki_certificate_facts(leaf)->serial;
    pki_authority_dir_close(&dir);

    dir = open_dir();
    check_int(pki_authority_dir_look_up(dir, serial, &revoked_s), 0);
    check_int(revoked_s, 0);
    check_int(pki_authority_dir_look_up(dir, "4f", &revoked_s), ERR_NOT_FOUND);
    check_int(pki_authority_dir_revoke(dir, "4f", 0, NOW_S, &fault), ERR_NOT_FOUND);
    check(strstr(fault.text, "only what this authority signed") != NULL);
    check_int(pki_authority_dir_revoke(dir, serial, PKI_REASON_SUPERSEDED, NOW_S, &fault), 0);
    check_int(pki_authority_dir_publish(dir, NOW_S, NOW_S + DAY_S, &count, &fault), 0);
    check_int(count, 1);
    pki_authority_dir_close(&dir);

    check_list(2, 1, leaf);
    dir = open_dir();
    check_int(pki_authority_dir_look_up(dir, serial, &revoked_s), 0);
    check_int(revoked_s, NOW_S);
    check_int(pki_authority_dir_revoke(dir, serial, 0, NOW_S + 1, &fault), ERR_EXISTS);
    check(strstr(fault.text, "2027-01-15 08:00:00 UTC (superseded)") != NULL);
    check_int(pki_authority_dir_publish(dir, NOW_S, NOW_S + DAY_S, &count, &fault), 0);
    check_list(3, 1, leaf);
    pki_authority_dir_close(&dir);
    pki_certificate_free(&leaf);
    pki_certificate_free(&other);
    end();
}

TEST(test_the_list_number_grows_over_byte_borders)
{
    static const unsigned numbers[] = {1, 127, 128, 255, 256, 32767, 32768};
    struct fault fault;
    size_t count;

    begin();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "%u\n", numbers[i] - 1);
        overwrite("crl-number", text);
        struct pki_authority_dir *dir = open_dir();
        check_int(pki_authority_dir_publish(dir, NOW_S, NOW_S + DAY_S, &count, &fault), 0);
        pki_authority_dir_close(&dir);
        check_list(numbers[i], 0, NULL);
    }
    end();
}

TEST(test_a_damaged_directory_is_refused)
{
    static const struct {
        const char *name, *text, *reason;
    } rows[] = {
        {"crl-number", "one\n", "does not hold a number"},
        {"crl-number", "", "does not hold a number"},
        {"index", "nonsense\n", "index: line 1 is not a certificate's entry"},
        {"intermediate.pem", "nonsense\n", "could not read a certificate from"},
        {"intermediate-key.pem", "nonsense\n", "could not read a private key from"},
    };
    struct fault fault;

    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *before = read_text(rows[i].name);
        check_case = rows[i].text;
        overwrite(rows[i].name, rows[i].text);
        check(pki_authority_dir_open(dir_path, &fault) == NULL);
        if (strstr(fault.text, rows[i].reason) == NULL)
            CHECK_FAILED("wanted \"%s\" in \"%s\"", rows[i].reason, fault.text);
        overwrite(rows[i].name, before);
        mem_free(before);
    }
    struct pki_authority_dir *dir = open_dir();
    pki_authority_dir_close(&dir);
    end();
    check(pki_authority_dir_open(dir_path, &fault) == NULL);
    check(strstr(fault.text, "postern cert ca makes one") != NULL);
}

TEST(test_the_root_key_is_not_needed)
{
    begin();
    char *path = path_of("root-key.pem");
    check_int(unlink(path), 0);
    mem_free(path);
    struct pki_authority_dir *dir = open_dir();
    struct pki_certificate *leaf = sign(dir);
    check(pki_authority_has_signed(pki_authority_dir_signer(dir), leaf));
    pki_certificate_free(&leaf);
    pki_authority_dir_close(&dir);
    end();
}

CHECK_MAIN({"test_files_and_modes", test_files_and_modes},
           {"test_what_was_signed_can_be_revoked_once", test_what_was_signed_can_be_revoked_once},
           {"test_the_list_number_grows_over_byte_borders",
            test_the_list_number_grows_over_byte_borders},
           {"test_a_damaged_directory_is_refused", test_a_damaged_directory_is_refused},
           {"test_the_root_key_is_not_needed", test_the_root_key_is_not_needed})
