/* Tests of base/buf.h and base/arena.h. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/check.h"

TEST(test_maximum_is_exact)
{
    struct buf buf;
    buf_init(&buf, 4);
    check_int(buf_append(&buf, span_of("abc")), 0);
    check_int(buf_append(&buf, span_of("de")), ERR_LIMIT);
    check_span(buf_span(&buf), "abc");
    check_int(buf_append(&buf, span_of("d")), 0);
    check_int(buf_append(&buf, span_of("")), 0);
    check_int(buf_append(&buf, span_of("e")), ERR_LIMIT);
    buf_release(&buf);
    check_int(buf_append(&buf, span_of("abcde")), ERR_LIMIT);
}

TEST(test_a_stream_through_the_buffer_keeps_its_order)
{
    struct buf buf;
    buf_init(&buf, 0);
    unsigned put = 0, taken = 0;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < round % 7; i++)
            buf_put_byte(&buf, (char)(put++ & 127));
        unsigned take = round % 5 < buf.len ? round % 5 : (unsigned)buf.len;
        for (unsigned i = 0; i < take; i++)
            check(buf_span(&buf).ptr[i] == (char)(taken++ & 127));
        buf_consume(&buf, take);
    }
    check(buf.capacity <= (size_t)128 * 1024);
    buf_release(&buf);
}

TEST(test_printf_longer_than_its_scratch_space)
{
    struct buf buf;
    buf_init(&buf, 0);
    buf_printf(&buf, "%1000d|", 7);
    check_int((long long)buf.len, 1001);
    check_span(span_from(buf_span(&buf), 998), " 7|");
    buf_release(&buf);
}

TEST(test_arena_memory_is_zero_and_apart)
{
    struct arena arena;
    arena_init(&arena);
    char *last = NULL;
    for (size_t size = 1; size < 3000; size += 7) {
        char *now = arena_alloc(&arena, size);
        for (size_t i = 0; i < size; i++)
            check(now[i] == 0);
        memset(now, 0xAA, size);
        check(now != last);
        last = now;
    }
    check_text(arena_printf(&arena, "%d-%s", 4, "x"), "4-x");
    check_text(arena_text(&arena, span_of("abc")), "abc");
    arena_reset(&arena);
    check_int((long long)arena.used, 0);
    check_span(arena_copy(&arena, span_of("again")), "again");
    arena_reset(&arena);
}

CHECK_MAIN({"test_maximum_is_exact", test_maximum_is_exact},
           {"test_a_stream_through_the_buffer_keeps_its_order",
            test_a_stream_through_the_buffer_keeps_its_order},
           {"test_printf_longer_than_its_scratch_space", test_printf_longer_than_its_scratch_space},
           {"test_arena_memory_is_zero_and_apart", test_arena_memory_is_zero_and_apart})
