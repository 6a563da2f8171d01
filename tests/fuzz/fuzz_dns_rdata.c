/*
 * Records' data as text: the first byte chooses the type, the rest is the data. A name ends in a
 * dot, and the text of data that is bounded is bounded.
 */
#include "base/require.h"
#include "dns/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A,   DNS_AAAA, DNS_MX,  DNS_SRV,
                                          DNS_PTR, DNS_TXT,  DNS_TLSA};
    struct buf text;
    if (size == 0)
        return 0;
    enum dns_type type = types[data[0] % (sizeof types / sizeof *types)];
    struct span rdata = span_make((const char *)data + 1, size - 1);
    buf_init(&text, 0);
    int err = dns_rdata_text(type, rdata, &text);
    bool is_name = type == DNS_MX || type == DNS_SRV || type == DNS_PTR;
    if (err == 0 && is_name)
        require(span_ends_nocase(buf_span(&text), span_of(".")));
    require(text.len <= 2 * rdata.len + 40);
    buf_release(&text);
    return 0;
}
