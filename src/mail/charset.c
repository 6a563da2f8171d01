/*
 * charset: see charset.h. Owns the list of charsets and the loop round iconv(3); ASCII, UTF-8 and
 * ISO-8859-1 are done here, so that most mail never opens a converter. Tests:
 * tests/unit/test_mail_header.c, through encoded words.
 */
#include "mail/charset.h"

#include "base/utf8.h"
#include "mail/lex_internal.h"

#include <errno.h>
#include <iconv.h>

enum { STEP_SIZE = 512, NAME_MAX_LEN = 32 };

/* What mail calls it, and what iconv does. Supersets where mail commonly means them: windows-1252
 * for ISO-8859-1 is not among them, as it would make controls into letters. */
static const struct {
    const char *name, *iconv_name;
} charsets[] = {
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-3", "ISO-8859-3"},
    {"iso-8859-4", "ISO-8859-4"},
    {"iso-8859-5", "ISO-8859-5"},
    {"iso-8859-6", "ISO-8859-6"},
    {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-8", "ISO-8859-8"},
    {"iso-8859-8-i", "ISO-8859-8"},
    {"iso-8859-9", "ISO-8859-9"},
    {"iso-8859-10", "ISO-8859-10"},
    {"iso-8859-11", "ISO-8859-11"},
    {"iso-8859-13", "ISO-8859-13"},
    {"iso-8859-14", "ISO-8859-14"},
    {"iso-8859-15", "ISO-8859-15"},
    {"iso-8859-16", "ISO-8859-16"},
    {"windows-1250", "CP1250"},
    {"windows-1251", "CP1251"},
    {"windows-1252", "CP1252"},
    {"windows-1253", "CP1253"},
    {"windows-1254", "CP1254"},
    {"windows-1255", "CP1255"},
    {"windows-1256", "CP1256"},
    {"windows-1257", "CP1257"},
    {"windows-1258", "CP1258"},
    {"cp1250", "CP1250"},
    {"cp1251", "CP1251"},
    {"cp1252", "CP1252"},
    {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},
    {"gb2312", "GBK"},
    {"gbk", "GBK"},
    {"gb18030", "GB18030"},
    {"big5", "BIG5"},
    {"shift_jis", "SHIFT_JIS"},
    {"iso-2022-jp", "ISO-2022-JP"},
    {"euc-jp", "EUC-JP"},
    {"euc-kr", "EUC-KR"},
    {"ks_c_5601-1987", "CP949"},
    {"utf-16", "UTF-16"},
    {"utf-16le", "UTF-16LE"},
    {"utf-16be", "UTF-16BE"},
    {"windows-874", "CP874"},
    {"tis-620", "TIS-620"},
    {"macintosh", "MACINTOSH"},
};

enum kind { KIND_UNKNOWN, KIND_UTF8, KIND_LATIN1, KIND_ICONV };

static enum kind find_charset(struct span charset, const char **iconv_name_out)
{
    ptrdiff_t star = span_find_byte(charset, 0, '*');
    if (star >= 0)
        charset.len = (size_t)star;

    if (charset.len == 0 || span_is_nocase(charset, "us-ascii") ||
        span_is_nocase(charset, "utf-8") || span_is_nocase(charset, "ascii") ||
        span_is_nocase(charset, "utf8"))
        return KIND_UTF8;
    if (span_is_nocase(charset, "iso-8859-1") || span_is_nocase(charset, "latin1"))
        return KIND_LATIN1;
    for (size_t i = 0; charset.len <= NAME_MAX_LEN && i < sizeof charsets / sizeof *charsets; i++) {
        if (span_is_nocase(charset, charsets[i].name)) {
            *iconv_name_out = charsets[i].iconv_name;
            return KIND_ICONV;
        }
    }
    return KIND_UNKNOWN;
}

bool charset_is_known(struct span charset)
{
    const char *iconv_name;
    return find_charset(charset, &iconv_name) != KIND_UNKNOWN;
}

static void put_code_point(uint32_t code_point, struct buf *out)
{
    char bytes[4];
    struct buf text = {.data = bytes, .capacity = sizeof bytes, .max = sizeof bytes};

    utf8_put(&text, code_point);
    lex_put(out, buf_span(&text));
}

static void put_utf8(struct span text, struct buf *out)
{
    if (utf8_is_valid(text)) {
        lex_put(out, text);
        return;
    }
    for (size_t offset = 0; offset < text.len;)
        put_code_point(utf8_next(text, &offset), out);
}

static void put_latin1(struct span text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        put_code_point((unsigned char)text.ptr[i], out);
}

/* Every turn takes input or fills out, so the loop ends; out's maximum ends it early. */
static void put_converted(iconv_t converter, struct span text, struct buf *out)
{
    char step[STEP_SIZE];
    char *in;
    size_t in_left = text.len;

    memcpy(&in, &text.ptr, sizeof in); /* iconv does not write there, whatever its type says */
    while (in_left > 0) {
        char *end = step;
        size_t room = sizeof step;
        size_t result = iconv(converter, &in, &in_left, &end, &room);
        int error = errno;
        if (buf_append(out, span_make(step, sizeof step - room)) != 0)
            return;
        if (result != (size_t)-1 || error == E2BIG)
            continue;
        put_code_point(0xFFFD, out);
        if (error == EINVAL) /* a character cut short by the end */
            return;
        in++;
        in_left--;
    }
}

bool charset_to_utf8(struct span charset, struct span text, struct buf *out)
{
    const char *iconv_name = NULL;
    enum kind kind = find_charset(charset, &iconv_name);

    if (kind == KIND_UNKNOWN)
        return false;
    if (kind == KIND_UTF8) {
        put_utf8(text, out);
        return true;
    }
    if (kind == KIND_LATIN1) {
        put_latin1(text, out);
        return true;
    }

    iconv_t converter = iconv_open("UTF-8", iconv_name);
    if (converter == (iconv_t)-1) /* NOLINT: iconv's own way to say no */
        return false;
    put_converted(converter, text, out);
    (void)iconv_close(converter);
    return true;
}
