/*
 * line.c: how words travel over the control socket. Tests: tests/unit/test_admin.c.
 */
#include "admin/admin.h"
#include "base/err.h"

static const char digits[] = "0123456789ABCDEF";

static bool travels_as_it_is(char byte)
{
    return byte > ' ' && byte < 0x7F && byte != '%';
}

static int write_word(struct span word, struct buf *line_out)
{
    /* An empty word would look like a doubled space: it travels as a lone '%'. */
    if (word.len == 0)
        return buf_append(line_out, span_of("%"));
    for (size_t i = 0; i < word.len; i++) {
        unsigned char byte = (unsigned char)word.ptr[i];
        char escaped[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        bool is_plain = travels_as_it_is(word.ptr[i]);
        int err =
            buf_append(line_out, is_plain ? span_make(word.ptr + i, 1) : span_make(escaped, 3));
        if (err != 0)
            return err;
    }
    return 0;
}

int admin_line_write(const struct span *words, size_t count, struct buf *line_out)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && buf_append(line_out, span_of(" ")) != 0)
            return ERR_LIMIT;
        int err = write_word(words[i], line_out);
        if (err != 0)
            return err;
    }
    return 0;
}

static int digit_value(char byte)
{
    const char *at = byte == '\0' ? NULL : strchr(digits, byte);
    return at == NULL ? -1 : (int)(at - digits);
}

static int read_word(struct arena *arena, struct span text, struct span *word_out)
{
    char *word = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (span_is(text, "%"))
        text.len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            word[len++] = text.ptr[i];
            continue;
        }
        if (text.len - i < 3)
            return ERR_SYNTAX;
        int high = digit_value(text.ptr[i + 1]), low = digit_value(text.ptr[i + 2]);
        if (high < 0 || low < 0)
            return ERR_SYNTAX;
        word[len++] = (char)(high << 4 | low);
        i += 2;
    }
    *word_out = span_make(word, len);
    return 0;
}

int admin_line_read(struct admin_call *call, struct span line)
{
    call->word_count = 0;
    while (line.ptr != NULL) {
        struct span text = span_cut(&line, ' ');
        if (text.len == 0)
            return ERR_SYNTAX;
        if (call->word_count == ADMIN_WORDS_MAX)
            return ERR_LIMIT;
        int err = read_word(&call->arena, text, &call->words[call->word_count]);
        if (err != 0)
            return err;
        call->word_count++;
    }
    return 0;
}
