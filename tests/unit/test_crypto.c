/* Tests of crypto/digest.h and crypto/random.h against published vectors. */
#include "base/codec.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "tests/unit/check.h"

static void check_digest(const unsigned char digest[DIGEST_SHA256_SIZE], const char *wanted)
{
    char text[DIGEST_SHA256_SIZE * 2 + 1];
    codec_hex_encode(span_make((const char *)digest, DIGEST_SHA256_SIZE), text);
    check_text(text, wanted);
}

TEST(test_sha256_hmac_and_pbkdf2_vectors)
{
    unsigned char out[DIGEST_SHA256_SIZE];
    digest_sha256(span_of("abc"), out);
    check_digest(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_hmac_sha256(span_of("Jefe"), span_of("what do ya want for nothing?"), out);
    check_digest(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    digest_pbkdf2_sha256(span_of("password"), span_of("salt"), 4096, out);
    check_digest(out, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

TEST(test_comparison)
{
    check(digest_equal(span_of("abc"), span_of("abc")));
    check(!digest_equal(span_of("abc"), span_of("abd")));
    check(!digest_equal(span_of("abc"), span_of("ab")));
    check(digest_equal(span_of(""), span_of("")));
}

TEST(test_passwords_differ_and_are_readable)
{
    char one[RANDOM_PASSWORD_SIZE], two[RANDOM_PASSWORD_SIZE];
    random_password(&random_system, one);
    random_password(&random_system, two);
    check(strcmp(one, two) != 0);
    check_int((long long)strlen(one), 24);
    check(strpbrk(one, "il1o0 ") == NULL);
}

CHECK_MAIN({"test_sha256_hmac_and_pbkdf2_vectors", test_sha256_hmac_and_pbkdf2_vectors},
           {"test_comparison", test_comparison},
           {"test_passwords_differ_and_are_readable", test_passwords_differ_and_are_readable})
