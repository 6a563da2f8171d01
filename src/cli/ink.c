/*
 * ink.c: columns, wrapping and colour for the reports. What they say is theirs.
 * Tests: tests/unit/test_cli_ink.c.
 */
#include "cli/ink.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

static const char *const sequences[] = {
    [INK_PLAIN] = "",         [INK_STRONG] = "\033[1m", [INK_GOOD] = "\033[32m",
    [INK_BAD] = "\033[1;31m", [INK_FAINT] = "\033[2m",  [INK_US] = "\033[36m",
    [INK_THEM] = "\033[35m",
};

bool ink_wants_colour(int fd)
{
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");

    return isatty(fd) != 0 && terminal != NULL && strcmp(terminal, "dumb") != 0 &&
           (no_colour == NULL || no_colour[0] == '\0');
}

static void begin(struct ink *ink, enum ink_colour colour)
{
    if (ink->has_colour)
        buf_puts(ink->out, sequences[colour]);
}

static void end(struct ink *ink, enum ink_colour colour)
{
    if (ink->has_colour && colour != INK_PLAIN)
        buf_puts(ink->out, "\033[0m");
}

void ink_put(struct ink *ink, enum ink_colour colour, const char *text)
{
    begin(ink, colour);
    buf_puts(ink->out, text);
    end(ink, colour);
    ink->column += strlen(text);
}

void ink_printf(struct ink *ink, enum ink_colour colour, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0)
        return;
    ink_put(ink, colour, text);
    free(text);
}

static void put_byte(struct ink *ink, unsigned char byte)
{
    if (byte >= 0x20 && byte < 0x7f) {
        buf_put_byte(ink->out, (char)byte);
        ink->column++;
    } else {
        buf_printf(ink->out, "\\x%02x", byte);
        ink->column += 4;
    }
}

static size_t shown_len(struct span bytes)
{
    size_t len = bytes.len;

    for (size_t i = 0; i < bytes.len; i++)
        len += (unsigned char)bytes.ptr[i] < 0x20 || (unsigned char)bytes.ptr[i] > 0x7e ? 3 : 0;
    return len;
}

void ink_bytes(struct ink *ink, enum ink_colour colour, struct span bytes)
{
    begin(ink, colour);
    for (size_t i = 0; i < bytes.len; i++)
        put_byte(ink, (unsigned char)bytes.ptr[i]);
    end(ink, colour);
}

void ink_words(struct ink *ink, enum ink_colour colour, struct span words, size_t indent)
{
    bool is_first = true;

    while (words.len > 0) {
        struct span word = span_cut(&words, ' ');
        if (word.len == 0)
            continue;
        if (!is_first && ink->column + 1 + shown_len(word) > INK_WIDTH) {
            ink_end(ink);
            ink_to(ink, indent);
        } else if (!is_first) {
            ink_put(ink, INK_PLAIN, " ");
        }
        ink_bytes(ink, colour, word);
        is_first = false;
    }
}

void ink_to(struct ink *ink, size_t column)
{
    do {
        buf_put_byte(ink->out, ' ');
        ink->column++;
    } while (ink->column < column);
}

void ink_end(struct ink *ink)
{
    buf_put_byte(ink->out, '\n');
    ink->column = 0;
}

void ink_heading(struct ink *ink, const char *heading, const char *meaning)
{
    ink_end(ink);
    ink_put(ink, INK_STRONG, heading);
    if (meaning[0] != '\0') {
        ink_put(ink, INK_FAINT, " - ");
        ink_words(ink, INK_FAINT, span_of(meaning), 2);
    }
    ink_end(ink);
}
