/* The PROXY header: whole and cut anywhere it comes to the same, and never takes more than came. */
#include "base/require.h"
#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_make((const char *)data, size);
    struct proxy_header whole, part;
    enum proxy_progress progress = proxy_parse(all, &whole);

    require((progress == PROXY_BAD) == (whole.fault != NULL));
    require(progress != PROXY_DONE || (whole.len > 0 && whole.len <= size));
    require(!whole.is_announced || whole.source.len > 0 || progress == PROXY_BAD);
    require(progress != PROXY_MORE || size < PROXY_HEADER_MAX);
    for (size_t len = 0; len < size; len++) {
        enum proxy_progress early = proxy_parse(span_first(all, len), &part);
        if (early == PROXY_MORE)
            continue;
        require(early == progress && part.len == whole.len);
        require(early == PROXY_BAD || part.is_announced == whole.is_announced);
        break;
    }
    return 0;
}
