/* Any bytes as the body of a Certificate message: what is found lies inside it, in order. */
#include "base/require.h"
#include "cli/connect.h"

static bool lies_in(struct span part, struct span whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = span_make((const char *)data, size), staple, chain[CONNECT_CHAIN_MAX];
    size_t count = connect_chain_parse(body, chain, &staple);

    require(count <= CONNECT_CHAIN_MAX && lies_in(staple, body));
    for (size_t i = 0; i < count; i++) {
        require(lies_in(chain[i], body));
        require(i == 0 || chain[i].ptr >= chain[i - 1].ptr + chain[i - 1].len + 3);
    }
    return 0;
}
