/* Tests of relay/lease.c: no row is in two hands, and a look never brings back what it missed. */
#include "check.h"
#include "relay/lease_internal.h"

enum { LOOPS = 3 };

TEST(test_row_in_hand_is_not_given_again)
{
    struct relay_leases *leases = relay_leases_create(LOOPS);
    relay_look_begin(leases, 0);
    relay_look_begin(leases, 1);
    check(relay_lease_take(leases, 0, 7));
    check(!relay_lease_take(leases, 0, 7));
    check(!relay_lease_take(leases, 1, 7));
    check(relay_lease_take(leases, 1, 8));
    relay_look_end(leases, 0);
    relay_look_end(leases, 1);
    relay_look_begin(leases, 2);
    check(!relay_lease_take(leases, 2, 7));
    relay_leases_free(&leases);
}

/* The look may show the row as it was before it was settled. */
TEST(test_row_that_was_given_back_during_the_look_is_stale)
{
    struct relay_leases *leases = relay_leases_create(LOOPS);
    relay_look_begin(leases, 0);
    check(relay_lease_take(leases, 0, 7));
    relay_look_end(leases, 0);

    relay_look_begin(leases, 0);
    relay_look_begin(leases, 1);
    relay_lease_end(leases, 7);
    check(!relay_lease_take(leases, 0, 7));
    check(!relay_lease_take(leases, 1, 7));
    relay_look_end(leases, 0);
    relay_look_begin(leases, 0);
    check(!relay_lease_take(leases, 1, 7)); /* its look is still the old one */
    check(relay_lease_take(leases, 0, 7));  /* this one began later */
    relay_look_end(leases, 0);
    relay_look_end(leases, 1);
    relay_leases_free(&leases);
}

TEST(test_many_ends_are_forgotten_when_no_look_needs_them)
{
    struct relay_leases *leases = relay_leases_create(LOOPS);
    relay_look_begin(leases, 0);
    for (uint64_t id = 1; id <= 1000; id++)
        check(relay_lease_take(leases, 0, id));
    relay_look_end(leases, 0);
    relay_look_begin(leases, 1);
    for (uint64_t id = 1; id <= 1000; id++)
        relay_lease_end(leases, id);
    for (uint64_t id = 1; id <= 1000; id++)
        check(!relay_lease_take(leases, 1, id));
    relay_look_end(leases, 1);
    relay_look_begin(leases, 2);
    for (uint64_t id = 1; id <= 1000; id++)
        check(relay_lease_take(leases, 2, id));
    relay_leases_free(&leases);
}

TEST(test_revoked_row_is_known_until_it_is_taken_anew)
{
    struct relay_leases *leases = relay_leases_create(LOOPS);
    relay_look_begin(leases, 0);
    check(relay_lease_take(leases, 0, 7));
    check(!relay_lease_is_revoked(leases, 7));
    relay_leases_revoke(leases, 7);
    relay_leases_revoke(leases, 8); /* nobody has it */
    check(relay_lease_is_revoked(leases, 7));
    check(!relay_lease_is_revoked(leases, 8));
    relay_lease_end(leases, 7);
    relay_lease_end(leases, 7); /* twice does nothing */
    relay_look_end(leases, 0);
    relay_look_begin(leases, 0);
    check(relay_lease_take(leases, 0, 7));
    check(!relay_lease_is_revoked(leases, 7));
    relay_leases_free(&leases);
}

CHECK_MAIN({"test_row_in_hand_is_not_given_again", test_row_in_hand_is_not_given_again},
           {"test_row_that_was_given_back_during_the_look_is_stale",
            test_row_that_was_given_back_during_the_look_is_stale},
           {"test_many_ends_are_forgotten_when_no_look_needs_them",
            test_many_ends_are_forgotten_when_no_look_needs_them},
           {"test_revoked_row_is_known_until_it_is_taken_anew",
            test_revoked_row_is_known_until_it_is_taken_anew})
