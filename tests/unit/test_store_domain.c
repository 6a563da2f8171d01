/* Domains in the store: from memory, over a restart, and who may not go. */
#include "store/domain.h"
#include "store_fixture.h"

static void change(struct fixture *fixture, enum store_domain_action action, const char *domain,
                   int wanted)
{
    check_case = domain;
    fixture_do(fixture, store_change_domain_create(fixture->store, action, span_of(domain)),
               wanted);
    check_case = "";
}

static void alias(struct fixture *fixture, enum store_alias_action action, const char *name,
                  const char *target)
{
    fixture_do(fixture,
               store_change_alias_create(fixture->store, action, span_of(name), span_of(target)),
               0);
}

static void put(void *owner, struct span domain)
{
    char *text = owner;
    size_t len = strlen(text);
    (void)snprintf(text + len, 200 - len, "%.*s ", (int)domain.len, domain.ptr);
}

TEST(domains_are_added_found_and_deleted)
{
    struct fixture fixture;
    char text[200] = "", endless[STORE_DOMAIN_SIZE + 1];
    fixture_make(&fixture);
    check(!store_has_domain(fixture.store, span_of("example.org"))); /* has users, but no row */
    change(&fixture, STORE_DOMAIN_ADD, "b.example", 0);
    change(&fixture, STORE_DOMAIN_ADD, "a.example", 0);
    change(&fixture, STORE_DOMAIN_ADD, "a.example", ERR_EXISTS);
    change(&fixture, STORE_DOMAIN_ADD, "", ERR_LIMIT);
    memset(endless, 'a', sizeof endless);
    endless[STORE_DOMAIN_SIZE] = '\0';
    change(&fixture, STORE_DOMAIN_ADD, endless, ERR_LIMIT);
    check(!store_has_domain(fixture.store, span_of(endless)));
    endless[STORE_DOMAIN_SIZE - 1] = '\0';
    change(&fixture, STORE_DOMAIN_ADD, endless, 0);
    check(store_has_domain(fixture.store, span_of(endless)));
    change(&fixture, STORE_DOMAIN_DELETE, endless, 0);
    fixture_reopen(&fixture);
    store_each_domain(fixture.store, put, text);
    check_text(text, "a.example b.example ");
    check(store_has_domain(fixture.store, span_of("A.Example")));
    check(!store_has_domain(fixture.store, span_of("sub.a.example")));
    check(!store_has_domain(fixture.store, span_of("")));
    change(&fixture, STORE_DOMAIN_DELETE, "a.example", 0);
    change(&fixture, STORE_DOMAIN_DELETE, "a.example", ERR_NOT_FOUND);
    check(!store_has_domain(fixture.store, span_of("a.example")));
    fixture_free(&fixture);
}

TEST(a_domain_with_users_or_aliases_stays)
{
    struct fixture fixture;
    fixture_make(&fixture);
    change(&fixture, STORE_DOMAIN_ADD, "b.example", 0);
    (void)fixture_add_account(&fixture, "carol@sub.b.example");
    (void)fixture_add_account(&fixture, "carol@xb.example");
    (void)fixture_add_account(&fixture, "carol@b.example");
    alias(&fixture, STORE_ALIAS_ADD, "@b.example", "alice@example.org");
    change(&fixture, STORE_DOMAIN_DELETE, "b.example", ERR_REFUSED);
    fixture_do(&fixture,
               store_change_account_create(fixture.store, STORE_ACCOUNT_DELETE,
                                           span_of("carol@b.example"), span_of("")),
               0);
    change(&fixture, STORE_DOMAIN_DELETE, "b.example", ERR_REFUSED);
    check(store_has_domain(fixture.store, span_of("b.example")));
    alias(&fixture, STORE_ALIAS_DELETE, "@b.example", "");
    /* Those of other domains do not count, nor does an alias that leads here. */
    alias(&fixture, STORE_ALIAS_ADD, "x@example.org", "y@b.example");
    change(&fixture, STORE_DOMAIN_DELETE, "b.example", 0);
    fixture_free(&fixture);
}

/* A domain of ours without anybody: nothing of it is relayed, and postmaster is somebody. */
TEST(a_domain_with_nobody_is_ours)
{
    struct fixture fixture;
    struct arena arena;
    struct store_target targets[STORE_TARGETS_MAX];
    arena_init(&arena);
    fixture_make(&fixture);
    alias(&fixture, STORE_ALIAS_ADD, "x@example.org", "y@b.example");
    check_int(store_resolve(fixture.store, span_of("x@example.org"), "+", &arena, targets), 1);
    check_int(targets[0].account, 0);
    change(&fixture, STORE_DOMAIN_ADD, "b.example", 0);
    check_int(store_resolve(fixture.store, span_of("x@example.org"), "+", &arena, targets), 0);
    check_int(store_resolve(fixture.store, span_of("postmaster@b.example"), "+", &arena, targets),
              1);
    check(targets[0].account != 0);
    arena_reset(&arena);
    fixture_free(&fixture);
}

CHECK_MAIN({"domains_are_added_found_and_deleted", domains_are_added_found_and_deleted},
           {"a_domain_with_users_or_aliases_stays", a_domain_with_users_or_aliases_stays},
           {"a_domain_with_nobody_is_ours", a_domain_with_nobody_is_ours})
