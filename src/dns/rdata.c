/* rdata.c: see the header. Tests: tests/unit/test_dns_rdata.c, tests/fuzz/fuzz_dns_rdata.c. */
#include "dns/rdata.h"

#include <arpa/inet.h>

#include "dns/txt.h"

enum { LABEL_MAX = 63, NAME_MAX_BYTES = 255 };

static const struct {
    enum dns_type type;
    const char *name;
} types[] = {{DNS_A, "A"},     {DNS_CNAME, "CNAME"}, {DNS_PTR, "PTR"}, {DNS_MX, "MX"},
             {DNS_TXT, "TXT"}, {DNS_AAAA, "AAAA"},   {DNS_SRV, "SRV"}, {DNS_TLSA, "TLSA"}};

const char *dns_type_name(enum dns_type type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type)
            return types[i].name;
    }
    return "?";
}

int dns_name_take(struct span *rest, struct buf *out)
{
    size_t total = 0;
    while (rest->len > 0) {
        size_t len = (unsigned char)rest->ptr[0];
        total += len + 1;
        if (len > LABEL_MAX || len + 1 > rest->len || total > NAME_MAX_BYTES)
            return ERR_SYNTAX;
        if (len > 0)
            buf_put(out, span_make(rest->ptr + 1, len));
        *rest = span_from(*rest, len + 1);
        if (len > 0 || total == 1)
            buf_put_byte(out, '.');
        if (len == 0)
            return 0;
    }
    return ERR_SYNTAX;
}

static int put_address(int family, size_t size, struct span rdata, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    if (rdata.len != size || inet_ntop(family, rdata.ptr, text, sizeof text) == NULL)
        return ERR_SYNTAX;
    buf_puts(out, text);
    return 0;
}

/* So many 16-bit numbers, then a name, and nothing behind it. */
static int put_name(struct span rdata, size_t numbers, struct buf *out)
{
    for (size_t i = 0; i < numbers; i++) {
        if (rdata.len < 2)
            return ERR_SYNTAX;
        buf_printf(out, "%u ",
                   (unsigned)(unsigned char)rdata.ptr[0] << 8 | (unsigned char)rdata.ptr[1]);
        rdata = span_from(rdata, 2);
    }
    int err = dns_name_take(&rdata, out);
    return err == 0 && rdata.len > 0 ? ERR_SYNTAX : err;
}

static int put_txt(struct span rdata, struct buf *out)
{
    buf_put_byte(out, '"');
    int err = dns_txt_join(rdata, out);
    buf_put_byte(out, '"');
    return err;
}

static int put_tlsa(struct span rdata, struct buf *out)
{
    if (rdata.len < 3)
        return ERR_SYNTAX;
    for (size_t i = 0; i < 3; i++)
        buf_printf(out, "%u ", (unsigned char)rdata.ptr[i]);
    for (size_t i = 3; i < rdata.len; i++)
        buf_printf(out, "%02x", (unsigned char)rdata.ptr[i]);
    return 0;
}

int dns_rdata_text(enum dns_type type, struct span rdata, struct buf *out)
{
    switch (type) {
    case DNS_A:
        return put_address(AF_INET, 4, rdata, out);
    case DNS_AAAA:
        return put_address(AF_INET6, 16, rdata, out);
    case DNS_MX:
        return put_name(rdata, 1, out);
    case DNS_SRV:
        return put_name(rdata, 3, out);
    case DNS_PTR:
    case DNS_CNAME:
        return put_name(rdata, 0, out);
    case DNS_TXT:
        return put_txt(rdata, out);
    case DNS_TLSA:
        return put_tlsa(rdata, out);
    }
    return ERR_SYNTAX;
}
