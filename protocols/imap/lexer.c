/*
 * lexer: the collector of commands. Owns the bytes of the command under way and their limit;
 * leaves the decision about each literal to server.c and all grammar to args.c.
 * Tests: tests/unit/test_imap_lexer.c, tests/fuzz/fuzz_imap_lexer.c, tests/dialogue/imap.
 */
#include "protocols/imap/lexer.h"

#include "base/err.h"
#include "base/require.h"

/* Longest run of digits that is looked at; RFC 3501's number has ten. */
enum { LITERAL_DIGITS_MAX = 20, CRLF_LEN = 2 };

void imap_lexer_init(struct imap_lexer *lexer, uint64_t size_max)
{
    *lexer = (struct imap_lexer){0};
    buf_init(&lexer->command, (size_t)size_max);
}

void imap_lexer_reset(struct imap_lexer *lexer)
{
    buf_wipe(&lexer->command);
    lexer->literal_left = 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool imap_literal_announced(struct span line, struct imap_literal *out)
{
    if (line.len < 3 || line.ptr[line.len - 1] != '}')
        return false;
    size_t end = line.len - 1;
    bool is_sync = line.ptr[end - 1] != '+';
    if (!is_sync)
        end--;

    size_t start = end;
    while (start > 0 && is_digit(line.ptr[start - 1]))
        start--;
    if (start == end || start == 0 || line.ptr[start - 1] != '{')
        return false;

    struct span digits = {line.ptr + start, end - start};
    uint64_t size = UINT64_MAX;
    if (digits.len <= LITERAL_DIGITS_MAX && !span_to_u64(digits, UINT64_MAX - 1, &size))
        size = UINT64_MAX;
    *out = (struct imap_literal){.size = size, .is_sync = is_sync};
    return true;
}

enum imap_lexed imap_lexer_line(struct imap_lexer *lexer, struct span line,
                                struct imap_literal *literal_out)
{
    require(lexer->literal_left == 0);
    bool has_literal = imap_literal_announced(line, literal_out);

    if (buf_append(&lexer->command, line) != 0)
        return IMAP_LEXED_TOO_BIG;
    return has_literal ? IMAP_LEXED_LITERAL : IMAP_LEXED_COMMAND;
}

int imap_lexer_accept(struct imap_lexer *lexer, uint64_t size)
{
    size_t room = lexer->command.max - lexer->command.len;
    if (room < CRLF_LEN || size > room - CRLF_LEN)
        return ERR_LIMIT;
    buf_puts(&lexer->command, "\r\n");
    lexer->literal_left = size;
    return 0;
}

size_t imap_lexer_bytes(struct imap_lexer *lexer, struct span bytes)
{
    struct span part = span_first(bytes, (size_t)lexer->literal_left);
    buf_put(&lexer->command, part);
    lexer->literal_left -= part.len;
    return part.len;
}
