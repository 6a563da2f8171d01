/* Records' data as text: what zone files have, and what is no such record. */
#include "check.h"
#include "dns/rdata.h"

#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct rdata_case {
    enum dns_type type;
    struct span rdata;
    const char *text; /* NULL: ERR_SYNTAX */
} cases[] = {
    {DNS_A, S("\xc0\x00\x02\x01"), "192.0.2.1"},
    {DNS_A, S("\xc0\x00\x02"), NULL},
    {DNS_A, S("\xc0\x00\x02\x01\x01"), NULL},
    {DNS_AAAA, S("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"), "2001:db8::1"},
    {DNS_AAAA, S("\x20\x01"), NULL},
    {DNS_MX, S("\x01\x02\2mx\4test\0"), "258 mx.test."},
    {DNS_MX, S("\0\0\0"), "0 ."},
    {DNS_MX, S("\0\x0a\2mx\4test"), NULL},     /* no end */
    {DNS_MX, S("\0\x0a\2mx\4test\0x"), NULL},  /* something behind it */
    {DNS_MX, S("\0\x0a\x09mx\4test\0"), NULL}, /* lying length */
    {DNS_MX, S("\0\x0a\xc0\x0c"), NULL},       /* compressed */
    {DNS_MX, S("\0"), NULL},
    {DNS_PTR, S("\1a\1b\0"), "a.b."},
    {DNS_CNAME, S("\0"), "."},
    {DNS_SRV, S("\0\1\0\2\x02\x4b\1a\0"), "1 2 587 a."},
    {DNS_SRV, S("\0\0\0\0\0\0\0"), "0 0 0 ."},
    {DNS_SRV, S("\0\0\0\0\0"), NULL},
    {DNS_TXT, S("\3one\3two"), "\"onetwo\""},
    {DNS_TXT, S(""), "\"\""},
    {DNS_TXT, S("\4one"), NULL},
    {DNS_TLSA, S("\3\1\1\xab\xcd"), "3 1 1 abcd"},
    {DNS_TLSA, S("\3\1\1"), "3 1 1 "},
    {DNS_TLSA, S("\3\1"), NULL},
};

TEST(data_is_written_as_in_zone_files)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text;
        buf_init(&text, 0);
        check_case = dns_type_name(cases[i].type);
        check_int(dns_rdata_text(cases[i].type, cases[i].rdata, &text),
                  cases[i].text == NULL ? ERR_SYNTAX : 0);
        if (cases[i].text != NULL)
            check_span(buf_span(&text), cases[i].text);
        buf_release(&text);
    }
}

/* RFC 1035 3.1: 63 octets a label, 255 a name. */
TEST(names_have_their_bounds)
{
    for (size_t labels = 127; labels <= 128; labels++) {
        char rdata[2 * 128 + 1];
        struct buf text;
        size_t len = 0;
        for (size_t i = 0; i < labels; i++) {
            rdata[len++] = 1;
            rdata[len++] = 'a';
        }
        rdata[len++] = 0;
        buf_init(&text, 0);
        check_int(dns_rdata_text(DNS_PTR, span_make(rdata, len), &text),
                  labels == 127 ? 0 : ERR_SYNTAX);
        buf_release(&text);
    }
    char label[66] = {63};
    for (char len = 63; len <= 64; len++) {
        struct buf text;
        buf_init(&text, 0);
        memset(label, 'a', sizeof label);
        label[0] = len;
        label[len + 1] = 0;
        check_int(dns_rdata_text(DNS_PTR, span_make(label, (size_t)len + 2), &text),
                  len == 63 ? 0 : ERR_SYNTAX);
        buf_release(&text);
    }
}

CHECK_MAIN({"data_is_written_as_in_zone_files", data_is_written_as_in_zone_files},
           {"names_have_their_bounds", names_have_their_bounds})
