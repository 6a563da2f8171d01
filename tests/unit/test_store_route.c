/* Routes in the store: from memory, over a restart, with their limits. Who is told of a change:
 * test_store_watch.c. */
#include "store/route.h"
#include "store_fixture.h"

static void change(struct fixture *fixture, enum store_route_action action, const char *domain,
                   const char *words, int wanted)
{
    check_case = domain;
    fixture_do(fixture,
               store_change_route_create(fixture->store, action, span_of(domain), span_of(words)),
               wanted);
    check_case = "";
}

static void put(void *owner, struct span domain, struct span words)
{
    char *text = owner;
    size_t len = strlen(text);
    (void)snprintf(text + len, 300 - len, "%.*s:%.*s; ", (int)domain.len, domain.ptr,
                   (int)words.len, words.ptr);
}

static const char *found(struct fixture *fixture, struct arena *arena, const char *domain)
{
    struct span words;
    return store_find_route(fixture->store, span_of(domain), arena, &words)
               ? arena_text(arena, words)
               : "none";
}

TEST(routes_are_added_found_and_deleted)
{
    struct fixture fixture;
    struct arena arena;
    char text[300] = "";
    arena_init(&arena);
    fixture_make(&fixture);
    check_text(found(&fixture, &arena, "b.example"), "none");
    change(&fixture, STORE_ROUTE_ADD, "b.example", "via=host\nhost=h", 0);
    change(&fixture, STORE_ROUTE_ADD, ".a.example", "via=mx", 0);
    change(&fixture, STORE_ROUTE_ADD, ".a.example", "via=refuse", ERR_EXISTS);
    check_text(found(&fixture, &arena, ".a.example"), "via=mx");
    fixture_reopen(&fixture);
    store_each_route(fixture.store, put, text);
    check_text(text, ".a.example:via=mx; b.example:via=host\nhost=h; ");
    check_text(found(&fixture, &arena, "b.example"), "via=host\nhost=h");
    check_text(found(&fixture, &arena, "a.example"), "none");
    check_text(found(&fixture, &arena, ""), "none");
    change(&fixture, STORE_ROUTE_DELETE, "b.example", "", 0);
    change(&fixture, STORE_ROUTE_DELETE, "b.example", "", ERR_NOT_FOUND);
    check_text(found(&fixture, &arena, "b.example"), "none");
    arena_reset(&arena);
    fixture_free(&fixture);
}

TEST(a_route_has_its_limits)
{
    struct fixture fixture;
    char domain[STORE_ROUTE_SIZE + 1], words[STORE_ROUTE_WORDS_MAX + 2];
    fixture_make(&fixture);
    memset(domain, 'a', sizeof domain);
    memset(words, 'b', sizeof words);
    domain[STORE_ROUTE_SIZE] = '\0';
    words[STORE_ROUTE_WORDS_MAX + 1] = '\0';
    change(&fixture, STORE_ROUTE_ADD, "", "via=mx", ERR_LIMIT);
    change(&fixture, STORE_ROUTE_ADD, domain, "via=mx", ERR_LIMIT);
    change(&fixture, STORE_ROUTE_ADD, "a.example", words, ERR_LIMIT);
    domain[STORE_ROUTE_SIZE - 1] = '\0';
    words[STORE_ROUTE_WORDS_MAX] = '\0';
    change(&fixture, STORE_ROUTE_ADD, domain, words, 0);
    fixture_free(&fixture);
}

CHECK_MAIN({"routes_are_added_found_and_deleted", routes_are_added_found_and_deleted},
           {"a_route_has_its_limits", a_route_has_its_limits})
