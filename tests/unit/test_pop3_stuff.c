/* Byte-stuffing and TOP, whole and cut at every place. */
#include "check.h"
#include "protocols/pop3/stuff.h"

enum { WHOLE = -1 };

static const struct {
    const char *text;
    int lines; /* of TOP; WHOLE: RETR */
    const char *wanted;
} cases[] = {
    {"", WHOLE, ".\r\n"},
    {"a\r\n", WHOLE, "a\r\n.\r\n"},
    {"a", WHOLE, "a\r\n.\r\n"},
    {"a\r", WHOLE, "a\r\r\n.\r\n"},
    {"a\n", WHOLE, "a\n\r\n.\r\n"},
    {"\n", WHOLE, "\n\r\n.\r\n"},
    {"\r\n", WHOLE, "\r\n.\r\n"},
    {".", WHOLE, "..\r\n.\r\n"},
    {".\r\n", WHOLE, "..\r\n.\r\n"},
    {"..\r\n", WHOLE, "...\r\n.\r\n"},
    {"a\r\n.\r\nb\r\n", WHOLE, "a\r\n..\r\nb\r\n.\r\n"},
    {"a\r\n.b\r\n.c\r\n", WHOLE, "a\r\n..b\r\n..c\r\n.\r\n"},
    {"a.b\r\nc.\r\n", WHOLE, "a.b\r\nc.\r\n.\r\n"},
    {"a\n.\r\nb\r\n", WHOLE, "a\n..\r\nb\r\n.\r\n"},
    {"a\r.\r\n", WHOLE, "a\r.\r\n.\r\n"},
    {"A: b\r\n\r\none\r\ntwo\r\n", 0, "A: b\r\n\r\n.\r\n"},
    {"A: b\r\n\r\none\r\ntwo\r\n", 1, "A: b\r\n\r\none\r\n.\r\n"},
    {"A: b\r\n\r\none\r\ntwo\r\n", 2, "A: b\r\n\r\none\r\ntwo\r\n.\r\n"},
    {"A: b\r\n\r\none\r\ntwo\r\n", 3, "A: b\r\n\r\none\r\ntwo\r\n.\r\n"},
    {"A: b\r\n\r\none\r\ntwo", 2, "A: b\r\n\r\none\r\ntwo\r\n.\r\n"},
    {"A: b\r\n", 0, "A: b\r\n.\r\n"},
    {"A: b", 5, "A: b\r\n.\r\n"},
    {"\r\nbody\r\n", 0, "\r\n.\r\n"},
    {"\r\nbody\r\n", 1, "\r\nbody\r\n.\r\n"},
    {"A: b\r\n\r\n\r\n\r\nx\r\n", 2, "A: b\r\n\r\n\r\n\r\n.\r\n"},
    {"A: b\r\n\r\n.one\r\ntwo\r\n", 1, "A: b\r\n\r\n..one\r\n.\r\n"},
    {"A: b\n\none\ntwo\n", 1, "A: b\n\none\n\r\n.\r\n"},
    {"A: b\r\n \r\n\r\none\r\n", 0, "A: b\r\n \r\n\r\n.\r\n"},
    {"A: b\r\n\r\n", 0, "A: b\r\n\r\n.\r\n"},
    {"", 0, ".\r\n"},
};

/* Puts text in pieces of piece_len bytes and compares what comes out. */
static void try_case(size_t i, size_t piece_len)
{
    struct pop3_stuffer stuffer;
    struct out out;
    out_init(&out, 1 << 20);
    if (cases[i].lines == WHOLE)
        pop3_stuffer_init(&stuffer);
    else
        pop3_stuffer_init_top(&stuffer, (uint64_t)cases[i].lines);
    struct span rest = span_of(cases[i].text);
    while (rest.len > 0) {
        struct span piece = span_first(rest, piece_len);
        pop3_stuffer_put(&stuffer, piece, &out);
        rest = span_from(rest, piece.len);
    }
    pop3_stuffer_finish(&stuffer, &out);

    char got[256];
    size_t len = 0;
    while (out.len > 0) {
        struct span part;
        size_t count = out_peek(&out, &part, 1, sizeof got - len);
        check_int(count, 1);
        memcpy(got + len, part.ptr, part.len);
        len += part.len;
        out_consume(&out, part.len);
    }
    check_span(span_make(got, len), cases[i].wanted);
    out_deinit(&out);
}

TEST(test_stuffing_is_the_same_however_it_is_cut)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].text;
        for (size_t piece_len = 1; piece_len <= 32; piece_len++)
            try_case(i, piece_len);
    }
}

CHECK_MAIN({"test_stuffing_is_the_same_however_it_is_cut",
            test_stuffing_is_the_same_however_it_is_cut})
