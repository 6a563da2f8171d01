/* Certificates and staple out of Certificate messages, good ones, cut ones and lies. */
#include "check.h"
#include "cli/connect.h"

#define TLS12                                                                                      \
    "\0\0\x0c\0\0\x03"                                                                             \
    "abc"                                                                                          \
    "\0\0\x03"                                                                                     \
    "def"
#define TLS13                                                                                      \
    "\0\0\0\x1a\0\0\x03"                                                                           \
    "abc"                                                                                          \
    "\0\x0a\0\x05\0\x06\x01\0\0\x02"                                                               \
    "st\0\0\x03"                                                                                   \
    "def"                                                                                          \
    "\0\0"

static const struct chain_case {
    const char *name, *body;
    size_t len, count;
    const char *staple;
} cases[] = {
    {"TLS 1.2", TLS12, sizeof TLS12 - 1, 2, ""},
    {"TLS 1.3", TLS13, sizeof TLS13 - 1, 2, "st"},
    {"none, TLS 1.2", "\0\0\0", 3, 0, ""},
    {"none, TLS 1.3", "\0\0\0\0", 4, 0, ""},
    {"empty", "", 0, 0, ""},
    {"a list that is longer than the message",
     "\0\0\x0d\0\0\x03"
     "abc"
     "\0\0\x03"
     "def",
     15, 0, ""},
    {"a certificate that is longer than the list",
     "\0\0\x06\0\0\x04"
     "abc",
     9, 0, ""},
    {"the second is",
     "\0\0\x0c\0\0\x03"
     "abc"
     "\0\0\x04"
     "def",
     15, 1, ""},
    {"a staple that is cut",
     "\0\0\0\x12\0\0\x03"
     "abc"
     "\0\x0a\0\x05\0\x06\x01\0\0\x09"
     "st",
     22, 1, ""},
    {"a staple of another kind",
     "\0\0\0\x12\0\0\x03"
     "abc"
     "\0\x0a\0\x05\0\x06\x02\0\0\x02"
     "st",
     22, 1, ""},
};

TEST(test_chains)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span chain[CONNECT_CHAIN_MAX], staple;
        check_case = cases[i].name;
        size_t count = connect_chain_parse(span_make(cases[i].body, cases[i].len), chain, &staple);
        check_int(count, cases[i].count);
        if (count > 0)
            check_span(chain[0], "abc");
        if (count > 1)
            check_span(chain[1], "def");
        check_span(staple, cases[i].staple);
    }
}

TEST(test_more_certificates_than_are_looked_at)
{
    char body[3 + 4 * (CONNECT_CHAIN_MAX + 5)] = {0};
    struct span chain[CONNECT_CHAIN_MAX], staple;

    body[2] = (char)(sizeof body - 3);
    for (size_t i = 0; i < CONNECT_CHAIN_MAX + 5; i++)
        body[3 + 4 * i + 2] = 1;
    check_int(connect_chain_parse(span_make(body, sizeof body), chain, &staple), CONNECT_CHAIN_MAX);
}

CHECK_MAIN({"test_chains", test_chains},
           {"test_more_certificates_than_are_looked_at", test_more_certificates_than_are_looked_at})
