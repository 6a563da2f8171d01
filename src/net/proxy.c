/*
 * proxy.c: the two versions of the PROXY header. Each is looked at anew whenever bytes come, which
 * is cheap as long as it is bounded: text by PROXY_V1_MAX, and of the binary one nothing but its
 * first sixteen bytes before it is whole. Tests: tests/unit/test_net_proxy.c,
 * tests/fuzz/fuzz_net_proxy.c.
 */
#include "net/proxy.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/codec.h"

enum {
    V2_SIGNATURE_LEN = 12,
    V2_HEAD_LEN = 16,
    V2_VERSION = 0x20,
    V2_LOCAL = 0,
    V2_PROXY = 1,
    V2_STREAM = 1,
    V2_DATAGRAM = 2,
    TLV_HEAD_LEN = 3,
    TLV_CRC32C = 3,
    CRC_LEN = 4,
    PORT_DIGITS_MAX = 5
};

static const char v2_signature[V2_SIGNATURE_LEN] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_progress bad(struct proxy_header *out, const char *fault)
{
    out->fault = fault;
    return PROXY_BAD;
}

/* ---- Version 1 ------------------------------------------------------------------------------ */

/* Decimal without a leading zero, 0 to 65535. */
static bool parse_port(struct span text, uint16_t *port_out)
{
    uint64_t value;

    if (text.len == 0 || text.len > PORT_DIGITS_MAX || (text.len > 1 && text.ptr[0] == '0') ||
        !span_to_u64(text, UINT16_MAX, &value))
        return false;
    *port_out = (uint16_t)value;
    return true;
}

/* endpoint_parse() knows brackets and paths, too, which have no place here. */
static bool parse_address(struct span text, uint16_t port, int family, struct endpoint *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || strchr("0123456789abcdefABCDEF.:", text.ptr[i]) == NULL)
            return false;
    return endpoint_parse(text, port, out) == 0 && out->address.ss_family == family;
}

/* Behind "PROXY TCP4 ": source, destination, source port, destination port. The destination is
 * where the proxy listens, which is of no use to us but has to be there. */
static bool parse_tcp(struct span rest, int family, struct endpoint *source_out)
{
    struct endpoint destination;
    uint16_t source_port, destination_port;
    struct span source = span_cut(&rest, ' ');
    struct span target = rest.ptr != NULL ? span_cut(&rest, ' ') : span_of("");
    struct span first = rest.ptr != NULL ? span_cut(&rest, ' ') : span_of("");

    return rest.ptr != NULL && parse_port(first, &source_port) &&
           parse_port(rest, &destination_port) &&
           parse_address(source, source_port, family, source_out) &&
           parse_address(target, destination_port, family, &destination);
}

static enum proxy_progress parse_v1_line(struct span line, struct proxy_header *out)
{
    static const struct {
        const char *name;
        int family;
    } kinds[] = {{"PROXY TCP4 ", AF_INET}, {"PROXY TCP6 ", AF_INET6}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i].name);
        if (!span_starts(line, span_make(kinds[i].name, len)))
            continue;
        out->is_announced = parse_tcp(span_from(line, len), kinds[i].family, &out->source);
        return out->is_announced ? PROXY_DONE : bad(out, "has bad addresses or ports");
    }
    /* Whatever stands behind UNKNOWN is to be ignored. */
    if (span_is(line, "PROXY UNKNOWN") || span_starts(line, span_of("PROXY UNKNOWN ")))
        return PROXY_DONE;
    return bad(out, "is of no known kind: TCP4, TCP6 or UNKNOWN");
}

static enum proxy_progress parse_v1(struct span bytes, struct proxy_header *out)
{
    struct span line = span_first(bytes, PROXY_V1_MAX);
    ptrdiff_t lf = span_find_byte(line, 0, '\n');

    if (lf < 0)
        return line.len < PROXY_V1_MAX ? PROXY_MORE : bad(out, "is longer than 107 bytes");
    if (line.ptr[lf - 1] != '\r') /* "PROXY " stands before it */
        return bad(out, "does not end with CRLF");
    out->len = (size_t)lf + 1;
    return parse_v1_line(span_first(line, (size_t)lf - 1), out);
}

/* ---- Version 2 ------------------------------------------------------------------------------ */

static unsigned byte_at(struct span bytes, size_t at)
{
    return (unsigned char)bytes.ptr[at];
}

static size_t u16_at(struct span bytes, size_t at)
{
    return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

/* The checksum is over the whole header with its own four bytes as zeroes. at: where they are. */
static bool is_crc_right(struct span header, size_t at)
{
    static const char zeroes[CRC_LEN] = {0};
    uint32_t told = (uint32_t)(u16_at(header, at) << 16 | u16_at(header, at + 2));
    uint32_t crc = codec_crc32c(0, span_first(header, at));

    crc = codec_crc32c(crc, span_make(zeroes, CRC_LEN));
    return codec_crc32c(crc, span_from(header, at + CRC_LEN)) == told;
}

/* All that stands behind the addresses, skipped but for the checksum. */
static const char *tlvs_fault(struct span header, size_t at)
{
    bool has_crc = false;

    for (unsigned count = 0; at < header.len; count++) {
        if (count == PROXY_TLVS_MAX)
            return "has more than 64 TLVs";
        if (header.len - at < TLV_HEAD_LEN ||
            u16_at(header, at + 1) > header.len - at - TLV_HEAD_LEN)
            return "has a TLV that goes beyond its end";
        size_t len = u16_at(header, at + 1);
        if (byte_at(header, at) == TLV_CRC32C) {
            if (has_crc || len != CRC_LEN || !is_crc_right(header, at + TLV_HEAD_LEN))
                return "has a wrong checksum";
            has_crc = true;
        }
        at += TLV_HEAD_LEN + len;
    }
    return NULL;
}

static void take_v4(struct span addresses, struct endpoint *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&out->address;

    in->sin_family = AF_INET;
    memcpy(&in->sin_addr, addresses.ptr, 4);
    memcpy(&in->sin_port, addresses.ptr + 8, 2);
    out->len = sizeof *in;
}

static void take_v6(struct span addresses, struct endpoint *out)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&out->address;

    in6->sin6_family = AF_INET6;
    memcpy(&in6->sin6_addr, addresses.ptr, 16);
    memcpy(&in6->sin6_port, addresses.ptr + 32, 2);
    out->len = sizeof *in6;
}

/* By the family's number; take NULL: nothing that we could make use of. */
static const struct v2_family {
    size_t addresses_len;
    void (*take)(struct span addresses, struct endpoint *out);
} families[] = {{0, NULL}, {12, take_v4}, {36, take_v6}, {216, NULL}};

static enum proxy_progress parse_v2_addresses(struct span header, struct proxy_header *out)
{
    size_t number = byte_at(header, 13) >> 4;
    unsigned transport = byte_at(header, 13) & 0xfU;

    if (number >= sizeof families / sizeof *families || transport > V2_DATAGRAM)
        return bad(out, "has an unknown family or transport");
    if (transport == V2_DATAGRAM)
        return bad(out, "announces datagrams");
    const struct v2_family *family = &families[number];
    if (header.len - V2_HEAD_LEN < family->addresses_len)
        return bad(out, "is too short for its addresses");
    const char *fault = tlvs_fault(header, V2_HEAD_LEN + family->addresses_len);
    if (fault != NULL)
        return bad(out, fault);
    out->is_announced = family->take != NULL && transport == V2_STREAM;
    if (out->is_announced)
        family->take(span_from(header, V2_HEAD_LEN), &out->source);
    return PROXY_DONE;
}

static enum proxy_progress parse_v2(struct span bytes, struct proxy_header *out)
{
    if (bytes.len < V2_HEAD_LEN)
        return PROXY_MORE;
    unsigned command = byte_at(bytes, 12) & 0xfU;
    if ((byte_at(bytes, 12) & 0xf0U) != V2_VERSION)
        return bad(out, "is of an unknown version");
    if (command != V2_LOCAL && command != V2_PROXY)
        return bad(out, "has an unknown command");
    size_t len = V2_HEAD_LEN + u16_at(bytes, 14);
    if (len > PROXY_HEADER_MAX)
        return bad(out, "is longer than 4096 bytes");
    if (bytes.len < len)
        return PROXY_MORE;
    out->len = len;
    /* LOCAL: the proxy speaks for itself, and the rest is to be ignored. */
    return command == V2_LOCAL ? PROXY_DONE : parse_v2_addresses(span_first(bytes, len), out);
}

/* ---- Both ----------------------------------------------------------------------------------- */

enum proxy_progress proxy_parse(struct span bytes, struct proxy_header *out)
{
    struct span v1 = span_of("PROXY "), v2 = span_make(v2_signature, sizeof v2_signature);

    *out = (struct proxy_header){0};
    if (span_starts(bytes, v1))
        return parse_v1(bytes, out);
    if (span_starts(bytes, v2))
        return parse_v2(bytes, out);
    return span_starts(v1, bytes) || span_starts(v2, bytes) ? PROXY_MORE
                                                            : bad(out, "is no PROXY header");
}
