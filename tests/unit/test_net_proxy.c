/* The PROXY header, both versions: what is taken, what is refused and why; whole, byte by byte. */
#include <stdio.h>

#include "base/codec.h"
#include "check.h"
#include "net/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define V4 "\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\0\x19" /* 192.0.2.7:40000 to 198.51.100.1:25 */
#define V6                                                                                         \
    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x9c\x40\0\x19"
#define Z27 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct proxy_case {
    const char *name;
    struct span bytes;
    const char *source; /* "": not announced; NULL: refused */
    const char *fault;
} cases[] = {
    {"TCP4", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n"), "192.0.2.7:40000", NULL},
    {"TCP6", BYTES("PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n"), "[2001:db8::7]:40000", NULL},
    {"port 0", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n"), "192.0.2.7:0", NULL},
    {"UNKNOWN", BYTES("PROXY UNKNOWN\r\n"), "", NULL},
    {"UNKNOWN and more", BYTES("PROXY UNKNOWN ffff::1 what 1 2\r\n"), "", NULL},
    {"no version", BYTES("EHLO x\r\n"), NULL, "is no PROXY header"},
    {"TLS", BYTES("\x16\x03\x01"), NULL, "is no PROXY header"},
    {"lower case", BYTES("proxy TCP4"), NULL, "is no PROXY header"},
    {"unknown kind", BYTES("PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n"), NULL, "no known kind"},
    {"UNKNOWNX", BYTES("PROXY UNKNOWNX\r\n"), NULL, "no known kind"},
    {"bare LF", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\n"), NULL, "CRLF"},
    {"nothing", BYTES("PROXY \r\n"), NULL, "no known kind"},
    {"two spaces", BYTES("PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n"), NULL, "bad addresses"},
    {"a space at the end", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n"), NULL, "bad addr"},
    {"a port short", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n"), NULL, "bad addresses"},
    {"a leading zero", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n"), NULL, "bad addresses"},
    {"port 65536", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n"), NULL, "bad addresses"},
    {"port -1", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n"), NULL, "bad addresses"},
    {"a name", BYTES("PROXY TCP4 localhost 198.51.100.1 1 2\r\n"), NULL, "bad addresses"},
    {"the wrong family", BYTES("PROXY TCP4 2001:db8::7 ::1 1 2\r\n"), NULL, "bad addresses"},
    {"mixed families", BYTES("PROXY TCP6 2001:db8::7 192.0.2.1 1 2\r\n"), NULL, "bad addresses"},
    {"a path", BYTES("PROXY TCP4 /run/x /run/y 1 2\r\n"), NULL, "bad addresses"},
    {"brackets", BYTES("PROXY TCP6 [::1] ::1 1 2\r\n"), NULL, "bad addresses"},
    {"a NUL", BYTES("PROXY TCP4 192.0.2.7\0 198.51.100.1 1 2\r\n"), NULL, "bad addresses"},
    {"v2 over IPv4", BYTES(SIGNATURE "\x21\x11\0\x0c" V4), "192.0.2.7:40000", NULL},
    {"v2 over IPv6", BYTES(SIGNATURE "\x21\x21\0\x24" V6), "[2001:db8::7]:40000", NULL},
    {"v2 LOCAL", BYTES(SIGNATURE "\x20\0\0\0"), "", NULL},
    {"v2 LOCAL with nonsense", BYTES(SIGNATURE "\x20\xff\0\3abc"), "", NULL},
    {"v2 UNSPEC", BYTES(SIGNATURE "\x21\0\0\0"), "", NULL},
    {"v2 unix", BYTES(SIGNATURE "\x21\x31\0\xd8" Z27 Z27 Z27 Z27 Z27 Z27 Z27 Z27), "", NULL},
    {"v2 unix, short", BYTES(SIGNATURE "\x21\x31\0\3abc"), NULL, "too short"},
    {"v2 over IPv4, short", BYTES(SIGNATURE "\x21\x11\0\x0b" V4), NULL, "too short"},
    {"v2 datagrams", BYTES(SIGNATURE "\x21\x12\0\x0c" V4), NULL, "datagrams"},
    {"v2 unknown family", BYTES(SIGNATURE "\x21\x41\0\x0c" V4), NULL, "unknown family"},
    {"v2 unknown transport", BYTES(SIGNATURE "\x21\x13\0\x0c" V4), NULL, "unknown family"},
    {"v2 unknown command", BYTES(SIGNATURE "\x22\x11\0\x0c" V4), NULL, "unknown command"},
    {"v2 that is v1", BYTES(SIGNATURE "\x11\x11\0\x0c" V4), NULL, "unknown version"},
    {"v2 too long", BYTES(SIGNATURE "\x21\x11\x0f\xf1"), NULL, "longer than 4096"},
    {"v2 with TLVs", BYTES(SIGNATURE "\x21\x11\0\x15" V4 "\1\0\1h\4\0\2\0\0"), "192.0.2.7:40000",
     NULL},
    {"v2 with a TLV beyond", BYTES(SIGNATURE "\x21\x11\0\x10" V4 "\1\0\2h"), NULL,
     "beyond its end"},
    {"v2 with half a TLV", BYTES(SIGNATURE "\x21\x11\0\x0e" V4 "\1\0"), NULL, "beyond its end"},
    {"v2 with a wrong checksum", BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\3\0\4\0\0\0\0"), NULL,
     "wrong checksum"},
    {"v2 with a short checksum", BYTES(SIGNATURE "\x21\x11\0\x11" V4 "\3\0\2\0\0"), NULL,
     "wrong checksum"},
};

static void check_outcome(const struct proxy_case *row, enum proxy_progress progress,
                          const struct proxy_header *header)
{
    char text[ENDPOINT_TEXT_SIZE];

    if (row->source == NULL) {
        check_int(progress, PROXY_BAD);
        check(progress == PROXY_BAD && span_find(span_of(header->fault), span_of(row->fault)) >= 0);
        return;
    }
    check_int(progress, PROXY_DONE);
    check_int(header->len, row->bytes.len);
    check_int(header->is_announced, row->source[0] != '\0');
    endpoint_text(&header->source, text);
    if (header->is_announced)
        check_text(text, row->source);
}

/* With each byte the answer may only change from "more" to the final one, and what lies behind is
 * never looked at. */
TEST(test_headers_whole_and_byte_by_byte)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct proxy_case *row = &cases[i];
        struct proxy_header header;
        enum proxy_progress progress = PROXY_MORE;
        char behind[512];
        check_case = row->name;
        check_outcome(row, proxy_parse(row->bytes, &header), &header);
        for (size_t len = 0; len <= row->bytes.len && progress == PROXY_MORE; len++)
            progress = proxy_parse(span_first(row->bytes, len), &header);
        check_outcome(row, progress, &header);
        memcpy(behind, row->bytes.ptr, row->bytes.len);
        memcpy(behind + row->bytes.len, "\r\nPROXY", 7);
        if (row->source != NULL)
            check_outcome(row, proxy_parse(span_make(behind, row->bytes.len + 7), &header),
                          &header);
    }
}

TEST(test_a_line_of_107_bytes_is_the_longest)
{
    for (size_t len = PROXY_V1_MAX - 1; len <= PROXY_V1_MAX + 1; len++) {
        struct proxy_header header;
        char line[PROXY_V1_MAX + 2];
        (void)memset(line, 'x', sizeof line);
        memcpy(line, "PROXY UNKNOWN ", 14);
        memcpy(line + len - 2, "\r\n", 2);
        check_int(proxy_parse(span_make(line, len), &header),
                  len <= PROXY_V1_MAX ? PROXY_DONE : PROXY_BAD);
        (void)memset(line + 14, 'x', sizeof line - 14);
        check_int(proxy_parse(span_make(line, len), &header),
                  len < PROXY_V1_MAX ? PROXY_MORE : PROXY_BAD);
    }
}

static void put_checksum(char *header, size_t len, size_t at)
{
    uint32_t crc;

    memset(header + at, 0, 4);
    crc = codec_crc32c(0, span_make(header, len));
    for (int i = 0; i < 4; i++)
        header[at + (size_t)i] = (char)(crc >> (24 - 8 * i));
}

TEST(test_a_checksum_is_looked_at)
{
    char bytes[] = SIGNATURE "\x21\x11\0\x17" V4 "\3\0\4\0\0\0\0\x20\0\1s";
    const size_t len = sizeof bytes - 1, at = 16 + 12 + 3;
    struct proxy_header header;

    put_checksum(bytes, len, at);
    check_int(proxy_parse(span_make(bytes, len), &header), PROXY_DONE);
    for (size_t i = 16; i < len; i++) {
        if (i == at - 3) /* its type: there is no checksum then */
            continue;
        bytes[i] ^= 1;
        check_int(proxy_parse(span_make(bytes, len), &header), PROXY_BAD);
        bytes[i] ^= 1;
    }
}

TEST(test_tlvs_are_counted)
{
    for (size_t count = PROXY_TLVS_MAX - 1; count <= PROXY_TLVS_MAX + 1; count++) {
        char bytes[16 + 12 + 3 * (PROXY_TLVS_MAX + 1)] = SIGNATURE "\x21\x11\0\0" V4;
        struct proxy_header header;
        size_t len = 16 + 12 + 3 * count;
        bytes[15] = (char)(len - 16);
        for (size_t i = 0; i < count; i++)
            bytes[16 + 12 + 3 * i] = 4; /* PP2_TYPE_NOOP */
        check_int(proxy_parse(span_make(bytes, len), &header),
                  count <= PROXY_TLVS_MAX ? PROXY_DONE : PROXY_BAD);
    }
}

CHECK_MAIN({"test_headers_whole_and_byte_by_byte", test_headers_whole_and_byte_by_byte},
           {"test_a_line_of_107_bytes_is_the_longest", test_a_line_of_107_bytes_is_the_longest},
           {"test_a_checksum_is_looked_at", test_a_checksum_is_looked_at},
           {"test_tlvs_are_counted", test_tlvs_are_counted})
