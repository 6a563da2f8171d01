/* Policies of MTA-STS in the store: over a restart, until they expire, and never too many. */
#include "store/sts.h"
#include "store_fixture.h"

static void keep(struct fixture *fixture, const char *domain, int64_t expires_us, int64_t used_us)
{
    fixture_do(fixture,
               store_sts_keep_create(fixture->store,
                                     &(struct store_sts){.domain = span_of(domain),
                                                         .id = span_of("id1"),
                                                         .policy = span_of("mode: enforce\n"),
                                                         .fetched_us = fixture->clock.wall_us,
                                                         .expires_us = expires_us,
                                                         .used_us = used_us}),
               0);
}

/* When it was last used; -1: it is not there. */
static int64_t used(struct fixture *fixture, const char *domain)
{
    struct store_sts_find *find = store_sts_find_create(fixture->store, span_of(domain));
    fixture_run(fixture, &find->job);
    int64_t result = find->status == 0 ? find->row.used_us : -1;
    check(find->status == 0 || find->status == ERR_NOT_FOUND);
    find->job.free(&find->job);
    return result;
}

TEST(a_policy_is_kept_over_a_restart_and_replaced)
{
    struct fixture fixture;
    fixture_make(&fixture);
    keep(&fixture, "a.test", INT64_MAX, 70);
    fixture_reopen(&fixture);
    struct store_sts_find *find = store_sts_find_create(fixture.store, span_of("a.test"));
    fixture_run(&fixture, &find->job);
    check_int(find->status, 0);
    check_span(find->row.domain, "a.test");
    check_span(find->row.id, "id1");
    check_span(find->row.policy, "mode: enforce\n");
    check_int(find->row.fetched_us, fixture.clock.wall_us);
    check_int(find->row.expires_us, INT64_MAX);
    find->job.free(&find->job);
    keep(&fixture, "a.test", INT64_MAX, 50);
    check_int(used(&fixture, "a.test"), 70); /* not back */
    fixture_do(&fixture, store_sts_use_create(fixture.store, span_of("a.test"), 90), 0);
    fixture_do(&fixture, store_sts_use_create(fixture.store, span_of("a.test"), 80), 0);
    check_int(used(&fixture, "a.test"), 90);
    fixture_do(&fixture, store_sts_use_create(fixture.store, span_of("b.test"), 80), 0);
    check_int(used(&fixture, "b.test"), -1);
    fixture_free(&fixture);
}

TEST(what_has_expired_goes_with_the_next_one)
{
    struct fixture fixture;
    fixture_make(&fixture);
    int64_t now_us = fixture.clock.wall_us;
    keep(&fixture, "a.test", now_us + 1000, 1);
    keep(&fixture, "b.test", now_us + 2000, 2);
    fixture.clock.wall_us += 1000;
    check_int(used(&fixture, "a.test"), 1); /* found still: the asker looks at the time */
    keep(&fixture, "c.test", now_us + 9000, 3);
    check_int(used(&fixture, "a.test"), -1);
    check_int(used(&fixture, "b.test"), 2);
    check_int(used(&fixture, "c.test"), 3);
    fixture_free(&fixture);
}

static size_t page(struct fixture *fixture, const char *after, int64_t fetched_us, char *names)
{
    struct store_sts_page *found = store_sts_page_create(fixture->store, span_of(after), fetched_us,
                                                         fixture->clock.wall_us, 2);
    fixture_run(fixture, &found->job);
    check_int(found->status, 0);
    names[0] = '\0';
    for (size_t i = 0; i < found->count; i++) {
        strncat(names, found->rows[i].domain.ptr, found->rows[i].domain.len);
        strcat(names, " ");
    }
    size_t count = found->count;
    found->job.free(&found->job);
    return count;
}

TEST(pages_go_by_domain_and_age)
{
    struct fixture fixture;
    char names[100];
    fixture_make(&fixture);
    int64_t old_us = fixture.clock.wall_us;
    check_int(page(&fixture, "", INT64_MAX, names), 0);
    keep(&fixture, "d.test", INT64_MAX, 1);
    keep(&fixture, "b.test", INT64_MAX, 1);
    keep(&fixture, "c.test", INT64_MAX, 1);
    fixture.clock.wall_us += 5;
    keep(&fixture, "a.test", INT64_MAX, 1);
    check_int(page(&fixture, "", old_us, names), 2);
    check_text(names, "b.test c.test ");
    check_int(page(&fixture, "c.test", old_us, names), 1);
    check_text(names, "d.test ");
    check_int(page(&fixture, "d.test", old_us, names), 0);
    check_int(page(&fixture, "", old_us - 1, names), 0);
    check_int(page(&fixture, "", old_us + 5, names), 2);
    check_text(names, "a.test b.test ");
    keep(&fixture, "e.test", fixture.clock.wall_us + 10, 1); /* half of its time: 5 */
    fixture.clock.wall_us += 4;
    check_int(page(&fixture, "d.test", old_us, names), 0);
    fixture.clock.wall_us += 1;
    check_int(page(&fixture, "d.test", old_us, names), 1);
    fixture_free(&fixture);
}

/* All in one batch would be faster, but each is to be one transaction of its own. */
TEST(the_one_that_is_not_used_goes_when_there_are_too_many)
{
    struct fixture fixture;
    fixture_make(&fixture);
    keep(&fixture, "oldest.test", INT64_MAX, 1);
    keep(&fixture, "second.test", INT64_MAX, 2);
    for (int64_t i = 2; i < STORE_STS_MAX; i++) {
        char domain[40];
        (void)snprintf(domain, sizeof domain, "d%" PRId64 ".test", i);
        keep(&fixture, domain, INT64_MAX, 10 + i);
    }
    check_int(used(&fixture, "oldest.test"), 1); /* as many as there may be */
    keep(&fixture, "new.test", INT64_MAX, 9);
    check_int(used(&fixture, "oldest.test"), -1);
    check_int(used(&fixture, "second.test"), 2);
    check_int(used(&fixture, "new.test"), 9);
    fixture_free(&fixture);
}

CHECK_MAIN({"a_policy_is_kept_over_a_restart_and_replaced",
            a_policy_is_kept_over_a_restart_and_replaced},
           {"what_has_expired_goes_with_the_next_one", what_has_expired_goes_with_the_next_one},
           {"pages_go_by_domain_and_age", pages_go_by_domain_and_age},
           {"the_one_that_is_not_used_goes_when_there_are_too_many",
            the_one_that_is_not_used_goes_when_there_are_too_many})
