/*
 * connect_chain.c: the certificates out of a Certificate message (RFC 5246 7.4.2, RFC 8446 4.4.2)
 * and the staple that comes with them, as spans. Any bytes may be given.
 * Tests: tests/unit/test_connect_chain.c.
 */
#include "cli/connect.h"

enum {
    CERTIFICATE = 11, /* handshake message types */
    CERTIFICATE_STATUS = 22,
    STATUS_REQUEST = 5, /* extension, RFC 6066 8 */
    STATUS_OCSP = 1
};

/* A number of `width` bytes in front, then as many bytes; false: they are not there. */
static bool take_vector(struct span *rest, size_t width, struct span *vector_out)
{
    size_t len = 0;

    if (rest->len < width)
        return false;
    for (size_t i = 0; i < width; i++)
        len = len << 8 | (unsigned char)rest->ptr[i];
    if (rest->len - width < len)
        return false;
    *vector_out = span_make(rest->ptr + width, len);
    *rest = span_from(*rest, width + len);
    return true;
}

/* RFC 6066 8: CertificateStatus. */
static struct span staple_of(struct span status)
{
    struct span response = {"", 0};

    if (status.len == 0 || status.ptr[0] != STATUS_OCSP)
        return span_of("");
    status = span_from(status, 1);
    return take_vector(&status, 3, &response) ? response : span_of("");
}

/* Extensions of the first entry (TLS 1.3). */
static struct span staple_in(struct span extensions)
{
    while (extensions.len >= 2) {
        unsigned type =
            (unsigned)(unsigned char)extensions.ptr[0] << 8 | (unsigned char)extensions.ptr[1];
        struct span body;
        extensions = span_from(extensions, 2);
        if (!take_vector(&extensions, 2, &body))
            break;
        if (type == STATUS_REQUEST)
            return staple_of(body);
    }
    return span_of("");
}

/* TLS 1.2 begins with the list's length in three bytes and nothing behind the list; TLS 1.3 has a
 * context before it, which a server leaves empty. No message is both. */
static bool take_list(struct span body, struct span *list_out, bool *is_13_out)
{
    struct span rest = body, context;

    *is_13_out = false;
    if (take_vector(&rest, 3, list_out) && rest.len == 0)
        return true;
    rest = body;
    *is_13_out = true;
    return take_vector(&rest, 1, &context) && take_vector(&rest, 3, list_out) && rest.len == 0;
}

size_t connect_chain_parse(struct span body, struct span chain_out[CONNECT_CHAIN_MAX],
                           struct span *staple_out)
{
    struct span list, certificate, extensions;
    bool is_13 = false;
    size_t count = 0;

    *staple_out = span_of("");
    if (!take_list(body, &list, &is_13))
        return 0;
    while (count < CONNECT_CHAIN_MAX && take_vector(&list, 3, &certificate)) {
        if (is_13 && !take_vector(&list, 2, &extensions))
            break;
        if (is_13 && count == 0)
            *staple_out = staple_in(extensions);
        chain_out[count++] = certificate;
    }
    return count;
}

size_t connect_record_chain(const struct connect_record *record,
                            struct span chain_out[CONNECT_CHAIN_MAX], struct span *staple_out)
{
    size_t count = 0;

    *staple_out = span_of("");
    for (size_t i = 0; i < record->count; i++) {
        const struct tap_event *event = &record->events[i].event;
        if (event->kind != TAP_HANDSHAKE || event->way != TAP_IN)
            continue;
        if (event->code == CERTIFICATE)
            count = connect_chain_parse(event->bytes, chain_out, staple_out);
        else if (event->code == CERTIFICATE_STATUS)
            *staple_out = staple_of(event->bytes);
    }
    return count;
}
