/* Tests of base/map.h and base/list.h. */
#include "base/list.h"
#include "base/map.h"
#include "tests/unit/check.h"

enum { COUNT = 5000 };

TEST(test_map_against_an_array)
{
    static char present[COUNT];
    static int values[COUNT];
    struct map map;
    map_init(&map);
    memset(present, 0, sizeof present);
    uint32_t random = 1;
    for (int step = 0; step < 40000; step++) {
        random = random * 1664525U + 1013904223U;
        uint64_t key = (random >> 8) % COUNT;
        if ((random & 3) == 0) {
            void *was = map_remove_u64(&map, key);
            check((was != NULL) == (present[key] != 0));
            present[key] = 0;
        } else {
            void *was = map_set_u64(&map, key, &values[key]);
            check(was == (present[key] ? &values[key] : NULL));
            present[key] = 1;
        }
    }
    size_t count = 0;
    for (uint64_t key = 0; key < COUNT; key++) {
        check(map_get_u64(&map, key) == (present[key] ? &values[key] : NULL));
        count += (size_t)present[key];
    }
    check(map.count == count);

    size_t position = 0, walked = 0;
    struct span key;
    void *value;
    while (map_next(&map, &position, &key, &value))
        walked++;
    check(walked == count);
    map_deinit(&map);
}

TEST(test_map_of_texts)
{
    struct map map;
    int one = 1, two = 2;
    map_init(&map);
    check(map_get(&map, span_of("a")) == NULL);
    check(map_remove(&map, span_of("a")) == NULL);
    check(map_set(&map, span_of("a"), &one) == NULL);
    check(map_set(&map, span_of("a"), &two) == &one);
    check(map_get(&map, span_of("a")) == &two);
    check(map_set(&map, span_of(""), &one) == NULL);
    check(map_get(&map, span_of("")) == &one);
    map_deinit(&map);
}

TEST(test_list_moves_and_removes)
{
    struct item {
        struct list_node node;
        int number;
    } items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list first, second;
    list_init(&first);
    list_init(&second);
    for (int i = 0; i < 4; i++)
        list_append(i < 2 ? &first : &second, &items[i].node);
    list_remove(&items[0].node);
    list_remove(&items[0].node);
    check(!list_has(&items[0].node));
    list_move_all(&first, &second);
    check(list_is_empty(&first));
    int sum = 0, last = 0;
    list_each (node, &second) {
        last = list_entry(node, struct item, node)->number;
        sum = sum * 10 + last;
        list_remove(node);
    }
    check_int(sum, 231);
    check(list_is_empty(&second));
}

CHECK_MAIN({"test_map_against_an_array", test_map_against_an_array},
           {"test_map_of_texts", test_map_of_texts},
           {"test_list_moves_and_removes", test_list_moves_and_removes})
