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
static void check_resolved_by(struct fixture *fixture, const char *separator, const char *address,
                              const char *wanted)
{
    struct arena arena;
    struct store_target targets[STORE_TARGETS_MAX];
    char text[512] = "";
    arena_init(&arena);
    size_t count = store_resolve(fixture->store, span_of(address), separator, &arena, targets);
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

static void check_resolved(struct fixture *fixture, const char *address, const char *wanted)
{
    check_resolved_by(fixture, "+", address, wanted);
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

TEST(tags_are_cut_off_where_nobody_has_the_whole_name)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)fixture_add_account(&fixture, "bob+known@example.org");
    (void)fixture_add_account(&fixture, "a+b@example.org");
    alias(&fixture, "alice+list@example.org", "bob+known@example.org", 0);
    alias(&fixture, "team@example.org", "alice+team@example.org", 0);
    alias(&fixture, "far@example.org", "carol+tag@elsewhere.example", 0);
    alias(&fixture, "turn+x@example.org", "turn+y@example.org", 0);
    alias(&fixture, "turn@example.org", "turn+x@example.org", 0);
    static const char *const cases[][3] = {
        {"+", "alice+x@example.org", "alice@example.org"},
        {"+", "alice+@example.org", "alice@example.org"},
        {"+", "alice+x+y@example.org", "alice@example.org"},
        {"+", "alice+list@example.org", "bob+known@example.org"},
        {"+", "alice+list+x@example.org", "alice@example.org"},
        {"+", "bob+known@example.org", "bob+known@example.org"},
        {"+", "bob+other@example.org", ""},
        {"+", "a+b+c@example.org", ""},
        {"+", "+alice@example.org", ""},
        {"+", "team+x@example.org", "alice@example.org"},
        {"+", "far+x@example.org", ">carol+tag@elsewhere.example"},
        {"+", "turn+z@example.org", ""},
        {"+", "\"alice+x y\"@example.org", ""},
        {"+", "alice-x@example.org", ""},
        {"-", "alice-x@example.org", "alice@example.org"},
        {"-", "alice+x@example.org", ""},
        {"", "alice+x@example.org", ""},
        {"", "team@example.org", ""},
        {"+", "postmaster+x@example.org", "alice@example.org"},
        {"+", "alice+x@elsewhere.example", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_resolved_by(&fixture, cases[i][0], cases[i][1], cases[i][2]);
    fixture_free(&fixture);
}

TEST(a_catch_all_takes_what_nobody_else_does)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)fixture_add_account(&fixture, "bob@example.org");
    alias(&fixture, "@example.org", "bob@example.org", 0);
    alias(&fixture, "@example.org", "archive@elsewhere.example", 0);
    alias(&fixture, "sales@example.org", "alice@example.org", 0);
    alias(&fixture, "dead@example.org", "nobody@only.example", 0);
    alias(&fixture, "@aliases.example", "alice@example.org", 0);
    alias(&fixture, "x@only.example", "alice@example.org", 0);
    alias(&fixture, "@loop.example", "nobody@loop.example", 0);
    alias(&fixture, "@ping.example", "x@pong.example", 0);
    alias(&fixture, "@pong.example", "x@ping.example", 0);
    static const char *const cases[][2] = {
        {"alice@example.org", "alice@example.org"},
        {"alice+x@example.org", "alice@example.org"},
        {"sales@example.org", "alice@example.org"},
        {"whoever@example.org", ">archive@elsewhere.example bob@example.org"},
        {"whoever+x@example.org", ">archive@elsewhere.example bob@example.org"},
        {"postmaster@example.org", ">archive@elsewhere.example bob@example.org"},
        {"\"who ever\"@example.org", ">archive@elsewhere.example bob@example.org"},
        {"@example.org", ">archive@elsewhere.example bob@example.org"},
        {"whoever@aliases.example", "alice@example.org"},
        {"whoever@sub.example.org", ""},
        /* A domain of aliases only is ours too: nothing of it is relayed. */
        {"dead@example.org", ""},
        {"postmaster@only.example", "alice@example.org"},
        {"whoever@loop.example", ""},
        {"whoever@ping.example", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_resolved(&fixture, cases[i][0], cases[i][1]);
    fixture_reopen(&fixture);
    check_resolved(&fixture, "whoever@aliases.example", "alice@example.org");
    fixture_do(&fixture,
               store_change_alias_create(fixture.store, STORE_ALIAS_DELETE, span_of("@example.org"),
                                         span_of("")),
               0);
    check_resolved(&fixture, "whoever@example.org", "");
    fixture_free(&fixture);
}

/* A chain as long as is followed, then one longer by one. */
TEST(aliases_are_followed_to_a_bound)
{
    struct fixture fixture;
    fixture_make(&fixture);
    for (int i = 0; i <= STORE_ALIAS_DEPTH_MAX; i++) {
        char from[64], to[64];
        (void)snprintf(from, sizeof from, i == 0 ? "@deep.example" : "n%d@deep.example", i);
        (void)snprintf(to, sizeof to, "n%d@deep.example", i + 1);
        alias(&fixture, from, i == STORE_ALIAS_DEPTH_MAX ? "alice@example.org" : to, 0);
    }
    check_resolved(&fixture, "n1+tag@deep.example", "alice@example.org");
    check_resolved(&fixture, "whoever@deep.example", "");
    fixture_free(&fixture);
}

static size_t count_of(struct fixture *fixture, const char *address)
{
    struct store_target targets[STORE_TARGETS_MAX];
    struct arena arena;
    arena_init(&arena);
    size_t count = store_resolve(fixture->store, span_of(address), "+", &arena, targets);
    arena_reset(&arena);
    return count;
}

/* At n and n+1, of targets and of aliases one behind another: nobody is left out unheard. */
TEST(an_alias_that_leads_too_far_is_known)
{
    struct fixture fixture;
    char from[64], to[64];
    fixture_make(&fixture);
    for (int i = 0; i <= STORE_TARGETS_MAX; i++) {
        (void)snprintf(to, sizeof to, "n%d@elsewhere.example", i);
        check(!store_leads_too_far(fixture.store, span_of("all@example.org"), "+"));
        alias(&fixture, "all@example.org", to, 0);
    }
    check(store_leads_too_far(fixture.store, span_of("all@example.org"), "+"));
    check_int(count_of(&fixture, "all@example.org"), STORE_TARGETS_MAX);
    for (int i = 0; i <= STORE_ALIAS_DEPTH_MAX; i++) {
        (void)snprintf(from, sizeof from, "d%d@example.org", i);
        (void)snprintf(to, sizeof to, "d%d@example.org", i + 1);
        alias(&fixture, from, i == STORE_ALIAS_DEPTH_MAX ? "alice@example.org" : to, 0);
    }
    check(!store_leads_too_far(fixture.store, span_of("d1@example.org"), ""));
    check(store_leads_too_far(fixture.store, span_of("d0@example.org"), ""));
    check(!store_leads_too_far(fixture.store, span_of("nobody@example.org"), ""));
    alias(&fixture, "a@example.org", "b@example.org", 0);
    alias(&fixture, "b@example.org", "a@example.org", 0);
    check(!store_leads_too_far(fixture.store, span_of("a@example.org"), ""));
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
    check_int(store_make(fixture.dir, NULL, &fault), ERR_EXISTS);
    fixture_free(&fixture);
}

CHECK_MAIN({"tags_are_cut_off_where_nobody_has_the_whole_name",
            tags_are_cut_off_where_nobody_has_the_whole_name},
           {"a_catch_all_takes_what_nobody_else_does", a_catch_all_takes_what_nobody_else_does},
           {"aliases_are_followed_to_a_bound", aliases_are_followed_to_a_bound},
           {"an_alias_that_leads_too_far_is_known", an_alias_that_leads_too_far_is_known},
           {"addresses_resolve_through_aliases", addresses_resolve_through_aliases},
           {"users_are_added_changed_and_deleted", users_are_added_changed_and_deleted},
           {"a_second_process_is_told_that_the_store_is_in_use",
            a_second_process_is_told_that_the_store_is_in_use})
