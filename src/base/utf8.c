/*
 * utf8.c: UTF-8 validity, decoding and case folding. Pure functions. Folding uses the C library's
 * simple mapping in a C.UTF-8 locale object of our own, so the process's locale does not matter.
 * Tests: tests/unit/test_base_codec.c.
 */
#include "base/utf8.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "base/err.h"
#include "base/require.h"

enum { REPLACEMENT = 0xFFFD };

/* Length of the sequence that begins with this byte; 0: none does. */
static size_t sequence_len(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* Decodes at offset; 0 bytes when the sequence is not valid there. */
static size_t decode(struct span text, size_t offset, uint32_t *code_point_out)
{
    const unsigned char *in = (const unsigned char *)text.ptr + offset;
    size_t len = sequence_len(in[0]);
    if (len == 0 || len > text.len - offset)
        return 0;
    static const unsigned char first_mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = in[0] & first_mask[len];
    for (size_t i = 1; i < len; i++) {
        if ((in[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (in[i] & 0x3FU);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[len] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *code_point_out = value;
    return len;
}

bool utf8_is_valid(struct span text)
{
    uint32_t ignored;
    for (size_t i = 0; i < text.len;) {
        size_t len = decode(text, i, &ignored);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

bool utf8_is_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

uint32_t utf8_next(struct span text, size_t *offset)
{
    uint32_t value = REPLACEMENT;
    size_t len = decode(text, *offset, &value);
    *offset += len == 0 ? 1 : len;
    return value;
}

static size_t encode(uint32_t value, char out[4])
{
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    size_t len = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (value & 0x3F));
        value >>= 6;
    }
    out[0] = (char)(lead[len] | value);
    return len;
}

void utf8_put(struct buf *buf, uint32_t code_point)
{
    require(code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF));
    char bytes[4];
    size_t len = encode(code_point, bytes);
    buf_put(buf, span_make(bytes, len));
}

static locale_t fold_locale;
static pthread_once_t fold_once = PTHREAD_ONCE_INIT;

static void open_fold_locale(void)
{
    fold_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static uint32_t fold_one(uint32_t value)
{
    if (value < 0x80)
        return value >= 'a' && value <= 'z' ? value - ('a' - 'A') : value;
    if (fold_locale == (locale_t)0)
        return value;
    return (uint32_t)towupper_l((wint_t)value, fold_locale);
}

int utf8_fold(struct span text, struct buf *out)
{
    (void)pthread_once(&fold_once, open_fold_locale);
    for (size_t i = 0; i < text.len;) {
        char bytes[4];
        uint32_t value = fold_one(utf8_next(text, &i));
        size_t len = encode(value, bytes);
        if (buf_append(out, span_make(bytes, len)) != 0)
            return ERR_LIMIT;
    }
    return 0;
}
