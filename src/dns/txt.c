/* txt.c: see the header. Tests: tests/unit/test_relay_tlsrpt_record.c. */
#include "dns/txt.h"

#include "base/err.h"

int dns_txt_join(struct span rdata, struct buf *out)
{
    while (rdata.len > 0) {
        size_t len = (unsigned char)rdata.ptr[0];
        if (len > rdata.len - 1)
            return ERR_SYNTAX;
        int err = buf_append(out, span_make(rdata.ptr + 1, len));
        if (err != 0)
            return err;
        rdata = span_from(rdata, len + 1);
    }
    return 0;
}
