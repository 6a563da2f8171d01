/*
 * Paths and bare addresses: what is accepted keeps its limits, has no control bytes, and its key
 * is a fixed point.
 */
#include "base/require.h"
#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const struct address *address)
{
    struct buf key, again;
    struct address parsed;
    const char *reason;

    buf_init(&key, 0);
    buf_init(&again, 0);
    address_key(address, &key);
    require(address_parse(buf_span(&key), &parsed, &reason) == 0);
    address_key(&parsed, &again);
    require(span_equal(buf_span(&key), buf_span(&again)));
    buf_release(&key);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size), rest;
    struct address address;
    const char *reason = NULL;

    if (address_parse_path(text, size & 1 ? ADDRESS_FORWARD : ADDRESS_REVERSE, &address, &rest,
                           &reason) != 0) {
        require(reason != NULL && reason[0] != '\0');
        (void)!address_parse(text, &address, &reason);
        (void)address_is_domain(text);
        return 0;
    }
    require(address.local.len <= ADDRESS_LOCAL_MAX && address.domain.len <= ADDRESS_DOMAIN_MAX);
    require(rest.len + address.local.len + address.domain.len + 2 <= size);
    for (size_t i = 0; i < address.local.len; i++)
        require((unsigned char)address.local.ptr[i] >= ' ');
    if (address.domain.len > 0)
        check_key(&address);
    return 0;
}
