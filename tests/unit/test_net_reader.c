/* Where lines end and what is wrong with them; the same for every way to cut the bytes. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "check.h"
#include "net/reader.h"

enum { MAX = 8 };

static uint64_t random_state;

/* splitmix64: repeats exactly. */
static size_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    return (size_t)(z ^ (z >> 29));
}

static const char fault_letters[] = {[LINE_OK] = '=',
                                     [LINE_TOO_LONG] = 'T',
                                     [LINE_BARE_CR] = 'C',
                                     [LINE_BARE_LF] = 'L',
                                     [LINE_NUL] = 'N'};

/* Lines as "=text;", with the fault's letter in front, NUL and CR as "0" and "r". */
static void read_lines(struct reader *reader, size_t max, struct buf *got)
{
    enum line_fault fault;
    struct span line;
    while (reader_line(reader, max, &fault, &line)) {
        buf_put_byte(got, fault_letters[fault]);
        for (size_t i = 0; i < line.len; i++)
            buf_put_byte(got, line.ptr[i] == '\0' ? '0' : line.ptr[i] == '\r' ? 'r' : line.ptr[i]);
        buf_put_byte(got, ';');
    }
}

/* cut 0: whole; else pieces of 1 to cut bytes. Each piece lies in memory of its own, so that a look
 * beyond it is seen. */
static void run(struct span bytes, size_t max, size_t cut, struct buf *got)
{
    struct reader reader;
    reader_init(&reader);
    while (bytes.len > 0) {
        size_t len = cut == 0 ? bytes.len : 1 + next_random() % cut;
        struct span piece = span_first(bytes, len);
        char *copy = span_dup(piece);
        reader_feed(&reader, span_make(copy, piece.len));
        read_lines(&reader, max, got);
        check_int(reader_keep(&reader), 0);
        check(reader.kept.len <= max + 2);
        memset(copy, '!', piece.len);
        mem_free(copy);
        reader_relax(&reader);
        bytes = span_from(bytes, piece.len);
    }
    buf_printf(got, "%zu", reader_waiting(&reader));
    reader_deinit(&reader);
}

static const struct line_case {
    const char *bytes;
    size_t len;         /* 0: strlen */
    const char *wanted; /* with how many bytes wait in the end */
} cases[] = {
    {"a\r\nb\r\n", 0, "=a;=b;0"},
    {"\r\n\r\n", 0, "=;=;0"},
    {"half", 0, "4"},
    {"half\r", 0, "5"},
    {"1234567\r\n", 0, "=1234567;0"},
    {"12345678\r\n", 0, "=12345678;0"},
    {"12345678\r", 0, "9"},
    {"123456789\r\n", 0, "T12345678;0"},
    {"1234567890\r\nnext\r\n", 0, "T12345678;=next;0"},
    {"12345678\rx\r\nnext\r\n", 0, "T12345678;=next;0"},
    {"123456789012345678901234567890\nQUIT\r\nnext\r\n", 0, "T12345678;=next;0"},
    {"123456789\r\r\nnext\r\n", 0, "T12345678;=next;0"},
    {"12345678\r\r\nnext\r\n", 0, "T12345678;=next;0"},
    {"12345678\nnext\r\nok\r\n", 0, "L12345678;Lnext;=ok;0"},
    {"123456789\nnext\r\nok\r\n", 0, "T12345678;=ok;0"},
    {"a\nb\r\nc\r\n", 0, "La;Lb;=c;0"},
    {"a\nb\nc\nd\r\ne\r\n", 0, "La;Lb;Lc;Ld;=e;0"},
    {"\n\r\nc\r\n", 0, "L;L;=c;0"},
    {"\n", 0, "L;0"},
    {"a\n123456789\r\nok\r\n", 0, "La;T12345678;=ok;0"},
    {"a\rb\r\nc\r\n", 0, "Carb;=c;0"},
    {"a\r\r\nc\r\n", 0, "Car;=c;0"},
    {"a\rb\nc\r\n", 0, "Carb;Lc;0"},
    {"a\0b\r\nc\r\n", 8, "Na0b;=c;0"},
    {"a\0\r\r\n", 5, "Na0r;0"},
    {"a\r\0\r\n", 5, "Car0;0"},
    {"a\0\nb\r\n", 6, "Na0;Lb;0"},
    {"123456789", 0, "1"},
};

TEST(test_lines_and_faults_are_the_same_however_cut)
{
    static const size_t cuts[] = {0, 1, 2, 3, 5, 5, 5, 7, 7, 7};
    random_state = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = cases[i].len != 0 ? cases[i].len : strlen(cases[i].bytes);
        check_case = cases[i].wanted;
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
            struct buf got;
            buf_init(&got, 0);
            run(span_make(cases[i].bytes, len), MAX, cuts[c], &got);
            check_span(buf_span(&got), cases[i].wanted);
            buf_release(&got);
        }
    }
}

TEST(test_random_bytes_give_the_same_lines_however_cut)
{
    static const char alphabet[] = {'a', 'b', '\r', '\n', '\0', '\r', '\n'};
    random_state = 2;
    for (unsigned round = 0; round < 3000; round++) {
        char bytes[60];
        size_t len = next_random() % sizeof bytes, max = 1 + next_random() % 6;
        for (size_t i = 0; i < len; i++)
            bytes[i] = i > 0 && bytes[i - 1] == '\r' && next_random() % 2
                           ? '\n'
                           : alphabet[next_random() % sizeof alphabet];
        struct buf whole, cut;
        buf_init(&whole, 0);
        buf_init(&cut, 0);
        run(span_make(bytes, len), max, 0, &whole);
        run(span_make(bytes, len), max, 1 + round % 9, &cut);
        check(span_equal(buf_span(&whole), buf_span(&cut)));
        buf_release(&whole);
        buf_release(&cut);
    }
}

TEST(test_an_endless_line_needs_bounded_memory)
{
    static char piece[60000];
    struct reader reader;
    enum line_fault fault;
    struct span line;
    memset(piece, 'x', sizeof piece);
    reader_init(&reader);
    for (int i = 0; i < 200; i++) {
        reader_feed(&reader, span_make(piece, sizeof piece));
        check(!reader_line(&reader, 2000, &fault, &line));
        check_int(reader_keep(&reader), 0);
        reader_relax(&reader);
        check(reader.kept.capacity + reader.cut.capacity <= 8192);
        check(reader_waiting(&reader) > 0);
        check(reader_is_flooded(&reader) == ((i + 1) * 60000 - 2000 > READER_SKIP_MAX));
    }
    reader_feed(&reader, span_of("\r\nnext\r\n"));
    check(reader_line(&reader, 2000, &fault, &line) && fault == LINE_TOO_LONG);
    check_int(line.len, READER_CUT_MAX);
    check(!reader_is_flooded(&reader));
    check(reader_line(&reader, 2000, &fault, &line) && fault == LINE_OK);
    check_span(line, "next");
    reader_deinit(&reader);
}

TEST(test_bytes_and_lines_alternate)
{
    struct reader reader;
    enum line_fault fault;
    struct span line;
    reader_init(&reader);
    reader_feed(&reader, span_of("bdat 3\r\nabcnoop\r\nx"));
    check(reader_line(&reader, 80, &fault, &line));
    check_span(reader_bytes(&reader, 3), "abc");
    reader_take(&reader, 1);
    check_span(reader_bytes(&reader, 2), "bc");
    check_int(reader_keep(&reader), 0);
    reader_feed(&reader, span_of("y\r\nz"));
    check_span(reader_bytes(&reader, 2), "bc");
    reader_take(&reader, 2);
    check(reader_line(&reader, 80, &fault, &line));
    check_span(line, "noop");
    check(reader_line(&reader, 80, &fault, &line));
    check_span(line, "xy");
    check_span(reader_bytes(&reader, 100), "z");
    reader_take(&reader, 1);
    check_int(reader_waiting(&reader), 0);
    reader_relax(&reader);
    check(reader.kept.data == NULL && reader.cut.data == NULL);
    reader_deinit(&reader);
}

TEST(test_what_may_be_kept_has_an_end)
{
    static char piece[READER_KEEP_MAX / 2];
    struct reader reader;
    reader_init(&reader);
    for (int i = 0; i < 3; i++) {
        reader_feed(&reader, span_make(piece, sizeof piece));
        check_int(reader_keep(&reader), i < 2 ? 0 : ERR_LIMIT);
    }
    reader_deinit(&reader);
}

CHECK_MAIN({"test_lines_and_faults_are_the_same_however_cut",
            test_lines_and_faults_are_the_same_however_cut},
           {"test_random_bytes_give_the_same_lines_however_cut",
            test_random_bytes_give_the_same_lines_however_cut},
           {"test_an_endless_line_needs_bounded_memory", test_an_endless_line_needs_bounded_memory},
           {"test_bytes_and_lines_alternate", test_bytes_and_lines_alternate},
           {"test_what_may_be_kept_has_an_end", test_what_may_be_kept_has_an_end})
