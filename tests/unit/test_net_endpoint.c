/* Addresses from text and back, literals, networks. */
#include "base/err.h"
#include "check.h"
#include "net/endpoint.h"

TEST(test_texts)
{
    static const struct {
        const char *input, *text, *host, *literal;
        int port;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:25", "192.0.2.1", "[192.0.2.1]", 25},
        {"::1", "[::1]:25", "::1", "[IPv6:::1]", 25},
        {"[2001:db8::1]", "[2001:db8::1]:25", "2001:db8::1", "[IPv6:2001:db8::1]", 25},
        {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:25", "::ffff:192.0.2.1", "[192.0.2.1]", 25},
        {"0.0.0.0", "0.0.0.0:25", "0.0.0.0", "[0.0.0.0]", 25},
        {"/run/x.sock", "unix:/run/x.sock", "/run/x.sock", "[/run/x.sock]", 0},
        {"unix:/run/x.sock", "unix:/run/x.sock", "/run/x.sock", "[/run/x.sock]", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].input;
        struct endpoint endpoint;
        char text[ENDPOINT_TEXT_SIZE];
        check_int(endpoint_parse(span_of(cases[i].input), 25, &endpoint), 0);
        endpoint_text(&endpoint, text);
        check_text(text, cases[i].text);
        endpoint_host(&endpoint, text);
        check_text(text, cases[i].host);
        endpoint_literal(&endpoint, text);
        check_text(text, cases[i].literal);
        check_int(endpoint_port(&endpoint), cases[i].port);
        endpoint_set_port(&endpoint, 587);
        check_int(endpoint_port(&endpoint), cases[i].port == 0 ? 0 : 587);
    }
}

TEST(test_what_is_no_address)
{
    static const char *const cases[] = {
        "",   "mail.example.org", "192.0.2",    "192.0.2.256",  "192.0.2.1:25", "1::2::3", "[::1",
        "[]", "192.0.2.1 ",       "relative/x", "fe80::1%eth0",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i];
        struct endpoint endpoint;
        check_int(endpoint_parse(span_of(cases[i]), 25, &endpoint), ERR_SYNTAX);
        check_int(endpoint.len, 0);
    }
    struct endpoint endpoint;
    check_int(endpoint_parse(span_make("::1\0x", 5), 25, &endpoint), ERR_SYNTAX);
    char path[110];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    check_int(endpoint_parse(span_make(path, 108), 25, &endpoint), ERR_SYNTAX);
    check_int(endpoint_parse(span_make(path, 107), 25, &endpoint), 0);
}

TEST(test_longest_unix_path)
{
    char path[] = "/0123456789012345678901234567890123456789012345678901234567890123456789"
                  "012345678901234567890123456789012345";
    struct endpoint endpoint;
    char text[ENDPOINT_TEXT_SIZE];
    check_int(strlen(path), 107);
    check_int(endpoint_parse(span_of(path), 0, &endpoint), 0);
    endpoint_host(&endpoint, text);
    check_text(text, path);
}

TEST(test_no_endpoint_has_texts_too)
{
    struct endpoint endpoint = {0};
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(&endpoint, text);
    check_text(text, "unknown");
    check_int(endpoint_port(&endpoint), 0);
    /* An accepted unix peer has a family and no path. */
    endpoint.address.ss_family = AF_UNIX;
    endpoint.len = sizeof(sa_family_t);
    endpoint_text(&endpoint, text);
    check_text(text, "unix:local");
}

TEST(test_networks)
{
    static const struct {
        const char *network, *address;
        bool has;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.9", "192.0.2.9", true},
        {"192.0.2.9/32", "192.0.2.8", false},
        {"0.0.0.0/0", "198.51.100.7", true},
        {"0.0.0.0/0", "::1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::1", "::1", true},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"127.0.0.0/8", "/run/x", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].network;
        struct network network;
        struct endpoint endpoint;
        check_int(network_parse(span_of(cases[i].network), &network), 0);
        check_int(endpoint_parse(span_of(cases[i].address), 25, &endpoint), 0);
        check_int(network_has(&network, &endpoint), cases[i].has);
    }
}

TEST(test_what_is_no_network)
{
    static const char *const cases[] = {"",       "/8",           "192.0.2.0/33",  "192.0.2.0/",
                                        "::/129", "192.0.2.0/-1", "192.0.2.0/8/8", "/run/x"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i];
        struct network network;
        check_int(network_parse(span_of(cases[i]), &network), ERR_SYNTAX);
    }
}

CHECK_MAIN({"texts", test_texts}, {"no_address", test_what_is_no_address},
           {"longest_path", test_longest_unix_path}, {"none", test_no_endpoint_has_texts_too},
           {"networks", test_networks}, {"no_network", test_what_is_no_network})
