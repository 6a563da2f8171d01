/*
 * args: the pull parser over a collected command. Owns the lexical grammar of RFC 3501 section 9
 * (atoms, strings, numbers, lists of flags); leaves what the arguments mean to the commands, and
 * sets, FETCH items and SEARCH keys to their own files.
 * Tests: tests/unit/test_imap_lexer.c and the parsers above it; fuzzed through fuzz_imap_lexer.c.
 */
#include "protocols/imap/args.h"

bool imap_args_fail(struct imap_args *args, const char *error)
{
    if (args->error == NULL)
        args->error = error;
    return false;
}

bool imap_args_refuse(struct imap_args *args, const char *code, const char *error)
{
    if (args->error == NULL)
        args->refusal = code;
    return imap_args_fail(args, error);
}

bool imap_args_at_end(const struct imap_args *args)
{
    return args->at >= args->text.len;
}

char imap_args_peek(const struct imap_args *args)
{
    return imap_args_at_end(args) ? '\0' : args->text.ptr[args->at];
}

bool imap_args_skip(struct imap_args *args, char byte)
{
    if (imap_args_at_end(args) || args->text.ptr[args->at] != byte)
        return false;
    args->at++;
    return true;
}

bool imap_args_end(struct imap_args *args)
{
    return imap_args_at_end(args) || imap_args_fail(args, "unexpected text behind the arguments");
}

bool imap_args_space(struct imap_args *args)
{
    if (!imap_args_skip(args, ' '))
        return imap_args_fail(args, imap_args_at_end(args) ? "an argument is missing"
                                                           : "a space is expected");
    return true;
}

bool imap_args_open(struct imap_args *args)
{
    return imap_args_skip(args, '(') || imap_args_fail(args, "'(' is expected");
}

bool imap_args_close(struct imap_args *args)
{
    return imap_args_skip(args, ')') || imap_args_fail(args, "')' is expected");
}

/* The classes of RFC 3501 section 9 as bits, one byte a character. */
enum { ATOM = 1, ASTRING = 2, LIST_CHAR = 4, TAG = 8, SET = 16, WORD = 32 };

static unsigned char_class(char c)
{
    unsigned char byte = (unsigned char)c;
    if (byte <= ' ' || byte >= 127)
        return 0;
    switch (c) {
    case '(':
    case ')':
    case '{':
    case '"':
    case '\\':
        return 0;
    case '%':
        return LIST_CHAR;
    case '*':
        return LIST_CHAR | SET;
    case ']':
        return ASTRING | LIST_CHAR | TAG;
    case '[':
        return ATOM | ASTRING | LIST_CHAR | TAG;
    case '+':
        return ATOM | ASTRING | LIST_CHAR | WORD;
    case ':':
    case ',':
        return ATOM | ASTRING | LIST_CHAR | TAG | SET | WORD;
    default:
        break;
    }
    unsigned common = ATOM | ASTRING | LIST_CHAR | TAG | WORD;
    return c >= '0' && c <= '9' ? common | SET : common;
}

bool imap_is_atom_char(char c)
{
    return (char_class(c) & ATOM) != 0;
}

bool imap_is_tag_char(char c)
{
    return (char_class(c) & TAG) != 0;
}

/* A run of at least one character of the class. */
static bool take_run(struct imap_args *args, unsigned class, const char *error, struct span *out)
{
    size_t start = args->at;
    while (!imap_args_at_end(args) && (char_class(args->text.ptr[args->at]) & class) != 0)
        args->at++;
    if (args->at == start)
        return imap_args_fail(args, error);
    *out = span_make(args->text.ptr + start, args->at - start);
    return true;
}

bool imap_args_atom(struct imap_args *args, struct span *out)
{
    return take_run(args, ATOM, "an atom is expected", out);
}

bool imap_args_word(struct imap_args *args, struct span *out)
{
    return take_run(args, WORD, "a name is expected", out);
}

bool imap_args_sequence_set(struct imap_args *args, struct span *out)
{
    return take_run(args, SET, "a sequence set is expected", out);
}

/* Copies what stands between the quotes, without its backslashes. */
static struct span unescape(struct imap_args *args, struct span raw)
{
    char *copy = arena_alloc(args->arena, raw.len);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '\\')
            i++;
        copy[len++] = raw.ptr[i];
    }
    return span_make(copy, len);
}

static bool take_quoted(struct imap_args *args, struct span *out)
{
    size_t start = ++args->at;
    bool has_escape = false;

    for (;; args->at++) {
        char c = imap_args_peek(args);
        if (c == '"')
            break;
        if (c == '\0' || c == '\r' || c == '\n')
            return imap_args_fail(args, "a quoted string is not closed");
        if (c != '\\')
            continue;
        has_escape = true;
        args->at++;
        c = imap_args_peek(args);
        if (c != '"' && c != '\\')
            return imap_args_fail(args, "a backslash may only stand before \" or \\");
    }
    struct span raw = {args->text.ptr + start, args->at - start};
    args->at++;
    *out = has_escape ? unescape(args, raw) : raw;
    return true;
}

/* "{5}" CRLF and five bytes. The size was checked when the literal was collected; it is read again
 * here, and a command that was cut in the middle fails. */
static bool take_literal(struct imap_args *args, struct span *out)
{
    struct span rest = span_from(args->text, args->at + 1);
    ptrdiff_t brace = span_find_byte(span_first(rest, 24), 0, '}');
    if (brace < 1)
        return imap_args_fail(args, "a literal is malformed");

    struct span digits = span_first(rest, (size_t)brace);
    if (digits.ptr[digits.len - 1] == '+')
        digits.len--;
    struct span behind = span_from(rest, (size_t)brace + 1);
    uint64_t size = 0;
    if (!span_to_u64(digits, UINT32_MAX, &size) || !span_starts(behind, span_of("\r\n")))
        return imap_args_fail(args, "a literal is malformed");
    behind = span_from(behind, 2);
    if (size > behind.len)
        return imap_args_fail(args, "a literal is incomplete");

    *out = span_first(behind, (size_t)size);
    args->at = (size_t)(behind.ptr - args->text.ptr) + (size_t)size;
    if (span_has_nul(*out))
        return imap_args_fail(args, "a literal holds a NUL");
    return true;
}

bool imap_args_string(struct imap_args *args, struct span *out)
{
    switch (imap_args_peek(args)) {
    case '"':
        return take_quoted(args, out);
    case '{':
        return take_literal(args, out);
    default:
        return imap_args_fail(args, "a string is expected");
    }
}

static bool is_string_next(const struct imap_args *args)
{
    char c = imap_args_peek(args);
    return c == '"' || c == '{';
}

bool imap_args_astring(struct imap_args *args, struct span *out)
{
    if (is_string_next(args))
        return imap_args_string(args, out);
    return take_run(args, ASTRING, "an atom or a string is expected", out);
}

bool imap_args_list_mailbox(struct imap_args *args, struct span *out)
{
    if (is_string_next(args))
        return imap_args_string(args, out);
    return take_run(args, LIST_CHAR, "a mailbox pattern is expected", out);
}

bool imap_args_nstring(struct imap_args *args, struct span *out)
{
    if (is_string_next(args))
        return imap_args_string(args, out);
    struct span atom;
    if (!imap_args_atom(args, &atom))
        return false;
    if (!span_is_nocase(atom, "NIL"))
        return imap_args_fail(args, "a string or NIL is expected");
    *out = (struct span){0};
    return true;
}

bool imap_args_number(struct imap_args *args, uint32_t *out)
{
    size_t start = args->at;
    while (imap_args_peek(args) >= '0' && imap_args_peek(args) <= '9')
        args->at++;
    uint64_t value = 0;
    if (!span_to_u64(span_make(args->text.ptr + start, args->at - start), UINT32_MAX, &value))
        return imap_args_fail(args, "a number is expected");
    *out = (uint32_t)value;
    return true;
}

bool imap_args_nonzero(struct imap_args *args, uint32_t *out)
{
    if (!imap_args_number(args, out))
        return false;
    return *out != 0 || imap_args_fail(args, "a number above zero is expected");
}

/* flag = "\" atom / atom */
static bool take_flag(struct imap_args *args, struct span *out)
{
    size_t start = args->at;
    (void)imap_args_skip(args, '\\');
    if (!take_run(args, ATOM, "a flag is expected", out))
        return false;
    *out = span_make(args->text.ptr + start, args->at - start);
    return true;
}

bool imap_args_flags(struct imap_args *args, bool is_list_needed,
                     bool (*each)(void *owner, struct imap_args *args, struct span flag),
                     void *owner)
{
    bool is_list = imap_args_skip(args, '(');
    if (is_list_needed && !is_list)
        return imap_args_fail(args, "a list of flags in parentheses is expected");
    if (is_list && imap_args_skip(args, ')'))
        return true;

    do {
        struct span flag;
        if (!take_flag(args, &flag) || !each(owner, args, flag))
            return false;
    } while (imap_args_skip(args, ' '));
    return !is_list || imap_args_close(args);
}
