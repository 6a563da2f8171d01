/* Verifiers: the text form, the vector of RFC 7677 3, invented ones. */
#include "auth/auth.h"
#include "auth/password.h"
#include "base/codec.h"
#include "base/err.h"
#include "check.h"

static void fill_counting(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)i;
}

static const struct entropy counting = {.fill = fill_counting};

TEST(test_verifier_survives_its_text)
{
    char text[STORE_VERIFIER_SIZE];
    struct password_verifier verifier;
    check_int(auth_make_verifier(span_of("wonderland"), 4096, &counting, text), 0);
    check(strncmp(text, "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$", 44) == 0);
    check_int(password_parse_verifier(span_of(text), &verifier), 0);
    check_int(verifier.iteration_count, 4096);
    check_int(verifier.salt_len, PASSWORD_SALT_SIZE);
    check(password_matches(&verifier, span_of("wonderland")));
    check(!password_matches(&verifier, span_of("wonderlanD")));
    check(!password_matches(&verifier, span_of("")));
}

TEST(test_make_verifier_refuses_what_cannot_be_typed)
{
    static const struct {
        const char *text;
        size_t len, repeat;
        int wanted;
    } cases[] = {
        {"", 0, 0, ERR_INVALID},
        {"a\0b", 3, 1, ERR_INVALID},
        {"\xff\xfe", 2, 1, ERR_INVALID},
        {"\xc3\xa9t\xc3\xa9", 5, 1, 0},
        {"x", 1, AUTH_PASSWORD_MAX - 1, 0},
        {"x", 1, AUTH_PASSWORD_MAX, 0},
        {"x", 1, AUTH_PASSWORD_MAX + 1, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char verifier[STORE_VERIFIER_SIZE];
        struct buf password;
        buf_init(&password, 0);
        for (size_t n = 0; n < cases[i].repeat; n++)
            buf_put(&password, span_make(cases[i].text, cases[i].len));
        check_case = cases[i].text;
        check_int(auth_make_verifier(buf_span(&password), 4096, &counting, verifier),
                  cases[i].wanted);
        buf_release(&password);
    }
    char verifier[STORE_VERIFIER_SIZE];
    check_int(auth_make_verifier(span_of("x"), 4095, &counting, verifier), ERR_INVALID);
}

#define KEY "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

TEST(test_parse_refuses_damaged_verifiers)
{
    static const struct {
        const char *text;
        int wanted;
    } cases[] = {
        {"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" KEY ":" KEY, 0},
        {"", ERR_SYNTAX},
        {"$y$j9T$abc", ERR_SYNTAX},
        {"SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" KEY ":" KEY, ERR_SYNTAX},
        {"SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$" KEY ":" KEY, ERR_SYNTAX},
        {"SCRAM-SHA-256$10000000:W22ZaJ0SNY7soEsUEjb6gQ==$" KEY ":" KEY, 0},
        {"SCRAM-SHA-256$10000001:W22ZaJ0SNY7soEsUEjb6gQ==$" KEY ":" KEY, ERR_SYNTAX},
        {"SCRAM-SHA-256$4096:$" KEY ":" KEY, ERR_SYNTAX},
        {"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" KEY, ERR_SYNTAX},
        {"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:" KEY, ERR_SYNTAX},
        {"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" KEY ":" KEY "x", ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct password_verifier verifier;
        check_case = cases[i].text;
        check_int(password_parse_verifier(span_of(cases[i].text), &verifier), cases[i].wanted);
    }
}

TEST(test_invented_verifiers_are_stable_and_differ_by_name_and_secret)
{
    struct password_verifier a, again, b, other;
    password_invent(span_of("secret"), span_of("alice"), 4096, &a);
    password_invent(span_of("secret"), span_of("alice"), 4096, &again);
    password_invent(span_of("secret"), span_of("bob"), 4096, &b);
    password_invent(span_of("Secret"), span_of("alice"), 4096, &other);
    check_int(again.iteration_count, a.iteration_count);
    check_int(again.salt_len, a.salt_len);
    check(memcmp(a.salt, again.salt, a.salt_len) == 0);
    check(memcmp(a.stored_key, again.stored_key, sizeof a.stored_key) == 0);
    check(memcmp(a.server_key, again.server_key, sizeof a.server_key) == 0);
    check(memcmp(a.salt, b.salt, PASSWORD_SALT_SIZE) != 0);
    check(memcmp(a.salt, other.salt, PASSWORD_SALT_SIZE) != 0);
    check_int(a.salt_len, PASSWORD_SALT_SIZE);
}

CHECK_MAIN({"test_verifier_survives_its_text", test_verifier_survives_its_text},
           {"test_make_verifier_refuses_what_cannot_be_typed",
            test_make_verifier_refuses_what_cannot_be_typed},
           {"test_parse_refuses_damaged_verifiers", test_parse_refuses_damaged_verifiers},
           {"test_invented_verifiers_are_stable_and_differ_by_name_and_secret",
            test_invented_verifiers_are_stable_and_differ_by_name_and_secret})
