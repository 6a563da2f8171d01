/* Tests of base/codec.h and base/utf8.h. */
#include "base/codec.h"
#include "base/err.h"
#include "base/utf8.h"
#include "tests/unit/check.h"

static void check_encoded(const char *plain, const char *encoded)
{
    struct buf buf;
    check_case = encoded;
    buf_init(&buf, 0);
    check_int(codec_base64_encode(span_of(plain), &buf), 0);
    check_span(buf_span(&buf), encoded);
    buf_clear(&buf);
    check_int(codec_base64_decode(span_of(encoded), &buf), 0);
    check_span(buf_span(&buf), plain);
    buf_release(&buf);
}

TEST(test_base64_vectors_of_rfc_4648)
{
    check_encoded("", "");
    check_encoded("f", "Zg==");
    check_encoded("fo", "Zm8=");
    check_encoded("foo", "Zm9v");
    check_encoded("foob", "Zm9vYg==");
    check_encoded("fooba", "Zm9vYmE=");
    check_encoded("foobar", "Zm9vYmFy");
}

TEST(test_base64_is_strict)
{
    static const char *const bad[] = {"Zg",       "Zg=",  "Zh==",     "Zm9=", "Z===",   "====",
                                      "Zg==Zg==", "Zm 9", "Zm9v\r\n", "=Zg=", "Zm9\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf buf;
        check_case = bad[i];
        buf_init(&buf, 0);
        check_int(codec_base64_decode(span_of(bad[i]), &buf), ERR_SYNTAX);
        buf_release(&buf);
    }
}

TEST(test_base64_loose_skips_what_is_foreign)
{
    struct buf buf;
    buf_init(&buf, 0);
    check_int(codec_base64_decode_loose(span_of("Zm9v\r\nYm!Fy=garbage"), &buf), 0);
    check_span(buf_span(&buf), "foobar");
    buf_release(&buf);
}

TEST(test_quoted_printable)
{
    static const struct {
        const char *text, *plain;
    } cases[] = {{"a=3Db", "a=b"},
                 {"a=\r\nb", "ab"},
                 {"a= \t\r\nb", "ab"},
                 {"a=\nb", "ab"},
                 {"=C3=a4", "\xC3\xA4"},
                 {"100=", "100="},
                 {"a=zz", "a=zz"},
                 {"=4", "=4"},
                 {"", ""},
                 {"line\r\n", "line\r\n"},
                 {"=41", "A"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf buf;
        check_case = cases[i].text;
        buf_init(&buf, 0);
        check_int(codec_qp_decode(span_of(cases[i].text), &buf), 0);
        check_span(buf_span(&buf), cases[i].plain);
        buf_release(&buf);
    }
}

TEST(test_hexadecimal)
{
    char text[9];
    unsigned char bytes[4];
    codec_hex_encode(span_make("\x00\xff\x10\xab", 4), text);
    check_text(text, "00ff10ab");
    check_int(codec_hex_decode(span_of("00FF10ab"), bytes), 0);
    check(memcmp(bytes, "\x00\xff\x10\xab", 4) == 0);
    check_int(codec_hex_decode(span_of("0"), bytes), ERR_SYNTAX);
    check_int(codec_hex_decode(span_of("0g"), bytes), ERR_SYNTAX);
}

TEST(test_crc32c_check_value_and_continuation)
{
    check(codec_crc32c(0, span_of("123456789")) == 0xE3069283U);
    uint32_t first = codec_crc32c(0, span_of("1234"));
    check(codec_crc32c(first, span_of("56789")) == 0xE3069283U);
    check(codec_crc32c(0, span_of("")) == 0);
}

TEST(test_utf8_validity)
{
    static const struct {
        const char *text;
        bool is_valid;
    } cases[] = {{"", true},
                 {"abc", true},
                 {"\xC3\xA4", true},
                 {"\xE2\x82\xAC", true},
                 {"\xF0\x9F\x98\x80", true},
                 {"\xF4\x8F\xBF\xBF", true},
                 {"\xC0\x80", false},
                 {"\xC3", false},
                 {"\xE0\x80\x80", false},
                 {"\xED\xA0\x80", false},
                 {"\xF4\x90\x80\x80", false},
                 {"\xF5\x80\x80\x80", false},
                 {"\x80", false},
                 {"a\xE2\x82", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].text;
        check_int(utf8_is_valid(span_of(cases[i].text)), cases[i].is_valid);
    }
}

TEST(test_utf8_folding)
{
    struct buf buf;
    buf_init(&buf, 0);
    check_int(utf8_fold(span_of("Gr\xC3\xBC\xC3\x9F"
                                "e \xCE\xB1"),
                        &buf),
              0);
    check_span(buf_span(&buf), "GR\xC3\x9C\xC3\x9F"
                               "E \xCE\x91");
    buf_release(&buf);
}

CHECK_MAIN({"test_base64_vectors_of_rfc_4648", test_base64_vectors_of_rfc_4648},
           {"test_base64_is_strict", test_base64_is_strict},
           {"test_base64_loose_skips_what_is_foreign", test_base64_loose_skips_what_is_foreign},
           {"test_quoted_printable", test_quoted_printable}, {"test_hexadecimal", test_hexadecimal},
           {"test_crc32c_check_value_and_continuation", test_crc32c_check_value_and_continuation},
           {"test_utf8_validity", test_utf8_validity}, {"test_utf8_folding", test_utf8_folding})
