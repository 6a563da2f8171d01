/*
 * lex: tokens of structured header fields. Owns white space, comments, quoted strings and folding;
 * what a field's tokens mean is left to address lists (header_address.c), parameters
 * (mime_params.c) and dates (date.c). Tests: through theirs, in tests/unit/test_mail_*.c.
 */
#include "mail/lex_internal.h"

enum {
    FOLD_COLUMN_MAX = 78, /* RFC 5322 2.1.1 */
    FOLD_WORD_MAX = 512   /* a longer word is cut in two: no line may pass 998 */
};

bool lex_is_atext(char byte)
{
    static const char specials[] = "!#$%&'*+-/=?^_`{|}~";
    unsigned char code = (unsigned char)byte;

    if (code >= 128)
        return true;
    if ((code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') ||
        (code >= 'A' && code <= 'Z'))
        return true;
    return code > ' ' && code < 127 && strchr(specials, byte) != NULL;
}

void lex_skip_cfws(struct span *rest)
{
    while (rest->len > 0) {
        if (lex_is_space(rest->ptr[0]))
            lex_advance(rest, 1);
        else if (rest->ptr[0] == '(')
            (void)lex_comment(rest);
        else
            return;
    }
}

struct span lex_comment(struct span *rest)
{
    const char *start = rest->ptr + 1, *end = rest->ptr + rest->len;
    size_t depth = 1;

    for (const char *at = start; at < end; at++) {
        if (*at == '\\')
            at++;
        else if (*at == '(')
            depth++;
        else if (*at == ')' && --depth == 0) {
            *rest = span_make(at + 1, (size_t)(end - at - 1));
            return span_make(start, (size_t)(at - start));
        }
    }
    *rest = span_make(end, 0);
    return span_make(start, (size_t)(end - start));
}

struct span lex_quoted(struct span *rest)
{
    const char *start = rest->ptr + 1, *end = rest->ptr + rest->len;

    for (const char *at = start; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            *rest = span_make(at + 1, (size_t)(end - at - 1));
            return span_make(start, (size_t)(at - start));
        }
    }
    *rest = span_make(end, 0);
    return span_make(start, (size_t)(end - start));
}

size_t lex_unescape(struct span raw, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < raw.len; i++) {
        char byte = raw.ptr[i];
        if (byte == '\\' && i + 1 < raw.len)
            byte = raw.ptr[++i];
        if (byte != '\r' && byte != '\n')
            out[len++] = byte;
    }
    return len;
}

struct span lex_trim(struct span text)
{
    while (text.len > 0 && lex_is_space(text.ptr[0]))
        lex_advance(&text, 1);
    while (text.len > 0 && lex_is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

void lex_fold_word(struct lex_fold *fold, struct span word)
{
    if (fold->column > 1 && fold->column + 1 + word.len > FOLD_COLUMN_MAX) {
        buf_puts(fold->out, "\r\n ");
        fold->column = 1;
    } else {
        buf_put_byte(fold->out, ' ');
        fold->column++;
    }
    buf_put(fold->out, word);
    fold->column += word.len;
}

void lex_fold_text(struct lex_fold *fold, const char *word)
{
    lex_fold_word(fold, span_of(word));
}

static bool is_word_byte(char byte)
{
    unsigned char code = (unsigned char)byte;
    return code > ' ' && code != 127;
}

void lex_fold_words(struct lex_fold *fold, struct span text)
{
    char word[FOLD_WORD_MAX];
    size_t at = 0;

    while (at < text.len) {
        size_t len = 0;
        while (at < text.len && !is_word_byte(text.ptr[at]))
            at++;
        for (; at < text.len && len < sizeof word && is_word_byte(text.ptr[at]); at++)
            word[len++] = (char)((unsigned char)text.ptr[at] < 128 ? text.ptr[at] : '?');
        if (len > 0)
            lex_fold_word(fold, span_make(word, len));
    }
}
