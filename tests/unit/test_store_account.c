/*
 * Users and aliases from memory: resolving, loops, reserved names, and what a restart keeps.
 */
#include "store_fixture.h"

static void alias(struct fixture *fixture, const char *name, const char *target, int wanted)
{
    fixture_do(
        fixture,
        store_change_alias_create(fixture->store, STORE_ALIAS_ADD, span_of(name), span_of(target)),
        wanted);
}

/* "address address": remote ones with '>' before them. */
static void check_resolved(struct fixture *fixture, const char *address, const char *wanted)
{
    struct arena arena;
    struct store_target targets[STORE_TARGETS_MAX];
    char text[512] = "";
    arena_init(&arena);
    size_t count = store_resolve(fixture->store, span_of(address), &arena, targets);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%s%s%.*s", i > 0 ? " " : "",
                       targets[i].account == 0 ? ">" : "", (int)targets[i].address.len,
                       targets[i].address.ptr);
    }
    check_case = address;
    check_text(text, wanted);
    check_case = "";
    arena_reset(&arena);
}

TEST(addresses_resolve_through_aliases)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)fixture_add_account(&fixture, "bob@example.org");
    alias(&fixture, "team@example.org", "alice@example.org", 0);
    alias(&fixture, "team@example.org", "bob@example.org", 0);
    alias(&fixture, "team@example.org", "bob@example.org", ERR_EXISTS);
    alias(&fixture, "team@example.org", "carol@elsewhere.example", 0);
    alias(&fixture, "all@example.org", "team@example.org", 0);
    alias(&fixture, "all@example.org", "alice@example.org", 0);
    alias(&fixture, "loop@example.org", "pool@example.org", 0);
    alias(&fixture, "pool@example.org", "loop@example.org", 0);
    alias(&fixture, "bob@example.org", "bob@example.org", 0);
    alias(&fixture, "bob@example.org", "copy@elsewhere.example", 0);
    alias(&fixture, "dead@example.org", "nobody@example.org", 0);
    static const char *const cases[][2] = {
        {"alice@example.org", "alice@example.org"},
        {"team@example.org",
         "alice@example.org bob@example.org >carol@elsewhere.example >copy@elsewhere.example"},
        {"bob@example.org", "bob@example.org >copy@elsewhere.example"},
        {"loop@example.org", ""},
        {"dead@example.org", ""},
        {"nobody@example.org", ""},
        {"alice@elsewhere.example", ""},
        {"postmaster@example.org", "alice@example.org"},
        {"abuse@example.org", "alice@example.org"},
        {"postmaster@elsewhere.example", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_resolved(&fixture, cases[i][0], cases[i][1]);
    fixture_reopen(&fixture);
    check_resolved(&fixture, "bob@example.org", "bob@example.org >copy@elsewhere.example");
    fixture_do(&fixture,
               store_change_alias_create(fixture.store, STORE_ALIAS_DELETE,
                                         span_of("bob@example.org"), span_of("")),
               0);
    fixture_do(&fixture,
               store_change_alias_create(fixture.store, STORE_ALIAS_DELETE,
                                         span_of("bob@example.org"), span_of("")),
               ERR_NOT_FOUND);
    check_resolved(&fixture, "bob@example.org", "bob@example.org");
    fixture_free(&fixture);
}

TEST(users_are_added_changed_and_deleted)
{
    struct fixture fixture;
    struct store_account before, after;
    fixture_make(&fixture);
    struct span alice = span_of("alice@example.org");
    fixture_do(&fixture,
               store_change_account_create(fixture.store, STORE_ACCOUNT_ADD, alice, span_of("x")),
               ERR_EXISTS);
    check_int(store_find_account(fixture.store, alice, &before), 0);
    fixture_do(
        &fixture,
        store_change_account_create(fixture.store, STORE_ACCOUNT_PASSWORD, alice, span_of("new")),
        0);
    check_int(store_find_account(fixture.store, alice, &after), 0);
    check(before.generation != after.generation && before.id == after.id);
    check_text(after.verifier, "new");
    (void)fixture_append(&fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    fixture_do(&fixture,
               store_change_account_create(fixture.store, STORE_ACCOUNT_DELETE, alice, span_of("")),
               0);
    check_int(store_find_account(fixture.store, alice, &after), ERR_NOT_FOUND);
    fixture_do(&fixture,
               store_change_account_create(fixture.store, STORE_ACCOUNT_DELETE, alice, span_of("")),
               ERR_NOT_FOUND);
    uint64_t again = fixture_add_account(&fixture, "alice@example.org");
    check(again != before.id);
    fixture.account = again;
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    check_int(store_view_count(inbox.view), 0);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(a_second_process_is_told_that_the_store_is_in_use)
{
    struct fixture fixture;
    struct fault fault;
    fixture_make(&fixture);
    struct store_options options = {.dir = fixture.dir,
                                    .settings = &fixture.settings,
                                    .jobs = fixture.jobs,
                                    .clock = &fixture.clock.clock,
                                    .entropy = &random_system};
    check(store_open(&options, &fault) == NULL);
    check_int(fault.err, ERR_EXISTS);
    check_int(store_make(fixture.dir, &fault), ERR_EXISTS);
    fixture_free(&fixture);
}

CHECK_MAIN({"addresses_resolve_through_aliases", addresses_resolve_through_aliases},
           {"users_are_added_changed_and_deleted", users_are_added_changed_and_deleted},
           {"a_second_process_is_told_that_the_store_is_in_use",
            a_second_process_is_told_that_the_store_is_in_use})
