/*
 * encword: encoded words of header fields (RFC 2047). Owns their grammar and the rule for adjacent
 * ones; converting a charset is charset.c's. Words of one charset that follow each other are
 * decoded as one text, because mailers cut characters in two between them. Linear: each try to read
 * a word ends at the fourth '?'. Tests: tests/unit/test_mail_header.c,
 * tests/fuzz/fuzz_mail_header.c.
 */
#include "base/codec.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/lex_internal.h"

struct encoded_word {
    struct span charset, text;
    bool is_base64;
    size_t len; /* of all of it */
};

/* Takes what stands before the next '?' off the front; false when there is none. */
static bool take_field(struct span *rest, struct span *out)
{
    size_t len = 0;

    while (len < rest->len && rest->ptr[len] != '?' && rest->ptr[len] != '\r' &&
           rest->ptr[len] != '\n')
        len++;
    if (len == rest->len || rest->ptr[len] != '?')
        return false;
    *out = span_first(*rest, len);
    lex_advance(rest, len + 1);
    return true;
}

/* An encoded word at the start of text. Spaces in the encoded text, which RFC 2047 forbids and
 * mailers write, are taken. */
static bool parse_word(struct span text, struct encoded_word *out)
{
    struct span rest = text, encoding;

    if (text.len < 2 || text.ptr[0] != '=' || text.ptr[1] != '?')
        return false;
    lex_advance(&rest, 2);
    if (!take_field(&rest, &out->charset) || !take_field(&rest, &encoding) ||
        !take_field(&rest, &out->text))
        return false;
    if (rest.len == 0 || rest.ptr[0] != '=' || out->charset.len == 0)
        return false;

    out->is_base64 = span_is_nocase(encoding, "b");
    out->len = text.len - rest.len + 1;
    return (out->is_base64 || span_is_nocase(encoding, "q")) && charset_is_known(out->charset);
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = lex_lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The "Q" encoding (RFC 2047 4.2): unlike quoted-printable in bodies '_' is a space. */
static void decode_q(struct span text, struct buf *out)
{
    char *at = buf_reserve(out, text.len + 1);
    size_t len = 0;

    if (at == NULL)
        return;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        if (text.ptr[i] == '=' && i + 2 < text.len) {
            high = hex_digit(text.ptr[i + 1]);
            low = hex_digit(text.ptr[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            at[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            at[len++] = (char)(text.ptr[i] == '_' ? ' ' : text.ptr[i]);
        }
    }
    buf_add_len(out, len);
}

static void decode_word(const struct encoded_word *word, struct buf *out)
{
    if (word->is_base64)
        (void)!codec_base64_decode_loose(word->text, out);
    else
        decode_q(word->text, out);
}

/* Decodes the encoded words at the start of *rest as long as they share a charset and only white
 * space is between them; leaves *rest behind the last. */
static void take_words(struct span *rest, struct encoded_word first, struct buf *out)
{
    struct buf bytes;
    struct encoded_word word = first;

    buf_init(&bytes, 0);
    for (;;) {
        decode_word(&word, &bytes);
        lex_advance(rest, word.len);
        struct span next = *rest;
        while (next.len > 0 && lex_is_space(next.ptr[0]))
            lex_advance(&next, 1);
        if (!parse_word(next, &word))
            break;
        /* White space between two encoded words is not shown (RFC 2047 6.2). */
        *rest = next;
        if (!span_equal_nocase(word.charset, first.charset))
            break;
    }
    (void)charset_to_utf8(first.charset, buf_span(&bytes), out);
    buf_release(&bytes);
}

void header_decode(struct span value, struct buf *out)
{
    struct buf unfolded;
    struct encoded_word word;

    buf_init(&unfolded, 0);
    header_unfold(value, &unfolded);
    struct span rest = buf_span(&unfolded);
    while (rest.len > 0) {
        ptrdiff_t start = span_find(rest, span_of("=?"));
        size_t plain = start < 0 ? rest.len : (size_t)start;
        /* Raw bytes are UTF-8 (RFC 6532) or nothing that anybody could know. */
        (void)charset_to_utf8(span_of("utf-8"), span_first(rest, plain), out);
        lex_advance(&rest, plain);
        if (rest.len == 0)
            break;
        if (parse_word(rest, &word)) {
            take_words(&rest, word, out);
        } else {
            lex_put(out, span_first(rest, 2));
            lex_advance(&rest, 2);
        }
    }
    buf_release(&unfolded);
}
