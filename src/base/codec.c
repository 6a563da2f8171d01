/*
 * codec.c: base64, quoted-printable, hexadecimal and CRC-32C. Pure functions.
 * Tests: tests/unit/test_base_codec.c.
 */
#include "base/codec.h"

#include "base/err.h"
#include "base/require.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int codec_base64_encode(struct span bytes, struct buf *text_out)
{
    size_t len = CODEC_BASE64_LEN(bytes.len);
    char *text = buf_reserve(text_out, len);
    if (text == NULL)
        return ERR_LIMIT;
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    size_t i = 0;
    for (; i + 3 <= bytes.len; i += 3) {
        *text++ = alphabet[in[i] >> 2];
        *text++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
        *text++ = alphabet[(in[i + 1] & 15) << 2 | in[i + 2] >> 6];
        *text++ = alphabet[in[i + 2] & 63];
    }
    if (i < bytes.len) {
        bool has_two = i + 2 == bytes.len;
        unsigned second = has_two ? in[i + 1] : 0;
        *text++ = alphabet[in[i] >> 2];
        *text++ = alphabet[(in[i] & 3U) << 4 | second >> 4];
        *text++ = has_two ? alphabet[(second & 15) << 2] : '=';
        *text++ = '=';
    }
    buf_add_len(text_out, len);
    return 0;
}

void codec_base64_put(struct span bytes, struct buf *text_out)
{
    int err = codec_base64_encode(bytes, text_out);
    require(err == 0);
}

static int sextet(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == '+')
        return 62;
    return byte == '/' ? 63 : -1;
}

int codec_base64_decode(struct span text, struct buf *bytes_out)
{
    if (text.len % 4 != 0)
        return ERR_SYNTAX;
    if (text.len == 0)
        return 0;
    size_t padding = 0;
    if (text.ptr[text.len - 1] == '=')
        padding = text.ptr[text.len - 2] == '=' ? 2 : 1;
    size_t len = text.len / 4 * 3 - padding;
    char *bytes = buf_reserve(bytes_out, len + 2);
    if (bytes == NULL)
        return ERR_LIMIT;

    uint32_t bits = 0;
    size_t written = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_padding = i >= text.len - padding;
        int value = is_padding ? 0 : sextet(text.ptr[i]);
        if (value < 0)
            return ERR_SYNTAX;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 3)
            continue;
        bytes[written] = (char)(bits >> 16 & 255);
        bytes[written + 1] = (char)(bits >> 8 & 255);
        bytes[written + 2] = (char)(bits & 255);
        written += 3;
    }
    /* Canonical: the bits that padding leaves over are zero (RFC 4648 3.5). */
    if ((padding == 1 && (bits & 255) != 0) || (padding == 2 && (bits & 65535) != 0))
        return ERR_SYNTAX;
    buf_add_len(bytes_out, len);
    return 0;
}

int codec_base64_decode_loose(struct span text, struct buf *bytes_out)
{
    char *bytes = buf_reserve(bytes_out, text.len / 4 * 3 + 3);
    if (bytes == NULL)
        return ERR_LIMIT;
    uint32_t bits = 0;
    unsigned count = 0;
    size_t written = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++) {
        int value = sextet(text.ptr[i]);
        if (value < 0)
            continue;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[written++] = (char)(bits >> count & 255);
        }
    }
    buf_add_len(bytes_out, written);
    return 0;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* How many bytes a soft line break takes at offset ("=" blanks CRLF or LF), 0: none. */
static size_t soft_break(struct span text, size_t offset)
{
    size_t i = offset + 1;
    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t'))
        i++;
    if (i < text.len && text.ptr[i] == '\r')
        i++;
    if (i < text.len && text.ptr[i] == '\n')
        return i + 1 - offset;
    return 0;
}

int codec_qp_decode(struct span text, struct buf *bytes_out)
{
    char *bytes = buf_reserve(bytes_out, text.len);
    if (bytes == NULL)
        return ERR_LIMIT;
    size_t written = 0, i = 0;
    while (i < text.len) {
        if (text.ptr[i] != '=') {
            bytes[written++] = text.ptr[i++];
            continue;
        }
        int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        if (low >= 0) {
            bytes[written++] = (char)(high << 4 | low);
            i += 3;
            continue;
        }
        size_t skipped = soft_break(text, i);
        if (skipped == 0)
            bytes[written++] = text.ptr[i++];
        i += skipped;
    }
    buf_add_len(bytes_out, written);
    return 0;
}

void codec_hex_encode(struct span bytes, char *text_out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        *text_out++ = digits[byte >> 4];
        *text_out++ = digits[byte & 15];
    }
    *text_out = '\0';
}

int codec_hex_decode(struct span text, unsigned char *bytes_out)
{
    if (text.len % 2 != 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return ERR_SYNTAX;
        *bytes_out++ = (unsigned char)(high << 4 | low);
    }
    return 0;
}

static uint32_t crc32c_table(uint32_t crc, struct span bytes)
{
    /* Nibble by nibble: small, and only used where the processor has no instruction for it. */
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                       0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                       0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned char)bytes.ptr[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_instruction(uint32_t crc,
                                                                     struct span bytes)
{
    uint64_t wide = crc;
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes.ptr + i, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; i < bytes.len; i++)
        crc = _mm_crc32_u8(crc, (unsigned char)bytes.ptr[i]);
    return crc;
}
#endif

uint32_t codec_crc32c(uint32_t crc, struct span bytes)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_instruction(crc, bytes);
#endif
    return ~crc32c_table(crc, bytes);
}

void codec_escape(struct span bytes, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '\\' && byte != '"';
        if (len + (is_plain ? 1 : 4) >= size)
            break;
        if (is_plain) {
            out[len++] = (char)byte;
            continue;
        }
        out[len++] = '\\';
        out[len++] = 'x';
        out[len++] = digits[byte >> 4];
        out[len++] = digits[byte & 15];
    }
    out[len] = '\0';
}
