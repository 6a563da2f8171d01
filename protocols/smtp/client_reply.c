/*
 * client_reply: code, separator, enhanced status, text. Lines of one reply must bear one code. It
 * leaves what a code means to the client's steps. Tests: tests/unit/test_smtp_reply.c,
 * tests/fuzz/fuzz_smtp_reply.c.
 */
#include "protocols/smtp/client_reply.h"

void smtp_reply_parser_init(struct smtp_reply_parser *parser)
{
    *parser = (struct smtp_reply_parser){0};
    buf_init(&parser->text, SMTP_REPLY_MAX);
}

void smtp_reply_parser_deinit(struct smtp_reply_parser *parser)
{
    buf_release(&parser->text);
}

void smtp_reply_parser_reset(struct smtp_reply_parser *parser)
{
    parser->code = 0;
    parser->line_count = 0;
    parser->status[0] = '\0';
    buf_clear(&parser->text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 0: not a reply code. RFC 5321 4.2: 2xx to 5xx; x0x to x5x, and servers that go up to x9x. */
static unsigned line_code(struct span line)
{
    if (line.len < 3 || !is_digit(line.ptr[0]) || !is_digit(line.ptr[1]) || !is_digit(line.ptr[2]))
        return 0;
    unsigned code = (unsigned)(line.ptr[0] - '0') * 100 + (unsigned)(line.ptr[1] - '0') * 10 +
                    (unsigned)(line.ptr[2] - '0');
    return code >= 200 && code < 600 ? code : 0;
}

/* Length of digits at text's start, at most three. */
static size_t digits_len(struct span text)
{
    size_t len = 0;

    while (len < text.len && len < 3 && is_digit(text.ptr[len]))
        len++;
    return len;
}

/* Length of an enhanced status "c.sss.ddd" of the code's class at the start (RFC 2034 4); 0: none.
 */
static size_t status_len(struct span text, unsigned code)
{
    if (text.len < 5 || text.ptr[0] != (char)('0' + code / 100) || text.ptr[1] != '.')
        return 0;
    size_t subject = digits_len(span_from(text, 2));
    if (subject == 0 || text.len < subject + 4 || text.ptr[subject + 2] != '.')
        return 0;
    size_t detail = digits_len(span_from(text, subject + 3));
    size_t len = subject + 3 + detail;
    if (detail == 0 || (len < text.len && text.ptr[len] != ' '))
        return 0;
    return len;
}

static void keep_byte(struct buf *text, char byte)
{
    if (text->len < SMTP_REPLY_MAX)
        buf_put_byte(text, byte);
}

/* What is over the maximum is cut off; the reply stays valid. */
static void keep_text(struct smtp_reply_parser *parser, struct span text)
{
    size_t len = status_len(text, parser->code);

    if (len > 0 && parser->line_count == 0) {
        memcpy(parser->status, text.ptr, len);
        parser->status[len] = '\0';
    }
    if (len > 0 && span_is(span_first(text, len), parser->status))
        text = span_trim(span_from(text, len));
    if (parser->line_count > 0)
        keep_byte(&parser->text, '\n');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        keep_byte(&parser->text, c < ' ' || c == 127 ? '?' : text.ptr[i]);
    }
}

enum smtp_reply_progress smtp_reply_feed(struct smtp_reply_parser *parser, struct span line,
                                         struct smtp_reply *reply_out)
{
    unsigned code = line_code(line);
    char separator = line.len > 3 ? line.ptr[3] : ' ';

    if (code == 0 || (separator != ' ' && separator != '-'))
        return SMTP_REPLY_BAD;
    if (parser->line_count > 0 && code != parser->code)
        return SMTP_REPLY_BAD;
    parser->code = code;
    keep_text(parser, span_from(line, 4));
    if (++parser->line_count > SMTP_REPLY_LINES_MAX)
        return SMTP_REPLY_BAD;
    if (separator == '-')
        return SMTP_REPLY_MORE;
    *reply_out = (struct smtp_reply){
        .code = code, .status = span_of(parser->status), .text = buf_span(&parser->text)};
    return SMTP_REPLY_DONE;
}
