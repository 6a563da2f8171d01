/* Any bytes as lines and literals: the collector stays in its size, the arguments in the text. */
#include "base/require.h"
#include "protocols/imap/args.h"
#include "protocols/imap/flag_args.h"
#include "protocols/imap/lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_LIMIT = 4096 };

static void read_arguments(struct span text)
{
    struct arena arena;
    arena_init(&arena);
    struct imap_args args;
    imap_args_init(&args, text, &arena);
    struct span got;
    while (args.error == NULL && !imap_args_at_end(&args)) {
        struct imap_flag_args flags;
        char c = imap_args_peek(&args);
        if (imap_args_skip(&args, ' '))
            continue;
        if (c == '(')
            (void)imap_flag_args_read(&args, true, &flags);
        else if (!imap_args_astring(&args, &got))
            break;
        require(args.at <= text.len);
    }
    arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    struct imap_lexer lexer;
    struct imap_literal literal;
    imap_lexer_init(&lexer, SIZE_LIMIT);
    while (rest.len > 0) {
        struct span line = span_cut(&rest, '\n');
        if (rest.ptr == NULL)
            rest = span_of("");
        enum imap_lexed lexed = imap_lexer_line(&lexer, line, &literal);
        if (lexed == IMAP_LEXED_LITERAL && imap_lexer_accept(&lexer, literal.size) == 0) {
            rest = span_from(rest, imap_lexer_bytes(&lexer, rest));
            require(lexer.literal_left == 0 || rest.len == 0);
            if (lexer.literal_left == 0)
                continue;
        }
        require(lexer.command.len <= SIZE_LIMIT);
        read_arguments(imap_lexer_text(&lexer));
        imap_lexer_reset(&lexer);
    }
    imap_lexer_reset(&lexer);
    return 0;
}
