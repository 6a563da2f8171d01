/*
 * STORE and EXPUNGE of many messages: done in slices, some to a batch (which has one modseq), and
 * answered once with all of it.
 */
#include "store_fixture.h"

enum { MANY = 16384, BATCHES = 3 /* of 8, 8 and 1 slices, with nobody else there */ };

/* Doubles what is there until there are so many. */
static struct fixture_session fill(struct fixture *fixture)
{
    (void)fixture_append(fixture, "INBOX", "Subject: x\r\n\r\nbody\r\n", 0);
    const struct uid_range all = {1, UINT32_MAX};
    struct fixture_session inbox = fixture_select(fixture, "INBOX");
    for (unsigned count = 1; count < MANY; count *= 2)
        fixture_do(fixture,
                   store_copy_create(fixture->store, inbox.mailbox, &all, 1, fixture->account,
                                     span_of("INBOX"), STORE_COPY, 1, 1),
                   0);
    store_view_unref(&inbox.view);
    return fixture_select(fixture, "INBOX");
}

static struct store_change_flags *store_flag(struct fixture *fixture,
                                             const struct fixture_session *inbox,
                                             const struct uid_range *ranges, size_t count)
{
    struct store_change_flags *flags =
        store_change_flags_create(fixture->store, inbox->mailbox, ranges, count, STORE_FLAGS_ADD,
                                  STORE_FLAGGED, NULL, 0, inbox->modseq, inbox->uidnext);
    fixture_run(fixture, &flags->job);
    check_int(flags->status, 0);
    return flags;
}

TEST(flags_change_in_slices)
{
    struct fixture fixture;
    fixture_make(&fixture);
    struct fixture_session inbox = fill(&fixture);
    check_int(store_view_count(inbox.view), MANY);
    const struct uid_range all = {1, UINT32_MAX};
    struct store_change_flags *flags = store_flag(&fixture, &inbox, &all, 1);
    check_int(flags->delta.changed_count, MANY);
    check_int(flags->delta.modseq, inbox.modseq + BATCHES);
    for (size_t i = 0; i < flags->delta.changed_count; i++) {
        check_int(flags->delta.changed[i].uid, i + 1);
        check_int(flags->delta.changed[i].flags, STORE_FLAGGED);
    }
    flags->job.free(&flags->job);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(a_slice_ends_at_and_between_ranges)
{
    static const struct uid_range ranges[] = {{1, 999}, {1001, 1001}, {1003, 2002}, {4000, 4000}};
    struct fixture fixture;
    fixture_make(&fixture);
    struct fixture_session inbox = fill(&fixture);
    struct store_change_flags *flags = store_flag(&fixture, &inbox, ranges, 4);
    check_int(flags->delta.changed_count, 999 + 1 + 1000 + 1);
    check_int(flags->delta.modseq, inbox.modseq + 1);
    check_int(flags->delta.changed[999].uid, 1001);
    check_int(flags->delta.changed[2000].uid, 4000);
    flags->job.free(&flags->job);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(expunge_goes_in_slices)
{
    struct fixture fixture;
    fixture_make(&fixture);
    struct fixture_session inbox = fill(&fixture);
    struct store_expunge *expunge = store_expunge_create(
        fixture.store, inbox.mailbox, NULL, 0, STORE_EXPUNGE_ANY, inbox.modseq, inbox.uidnext);
    fixture_run(&fixture, &expunge->job);
    check_int(expunge->status, 0);
    check_int(store_view_count(expunge->delta.view), 0);
    check_int(expunge->delta.modseq, inbox.modseq + BATCHES);
    expunge->job.free(&expunge->job);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

CHECK_MAIN({"flags_change_in_slices", flags_change_in_slices},
           {"a_slice_ends_at_and_between_ranges", a_slice_ends_at_and_between_ranges},
           {"expunge_goes_in_slices", expunge_goes_in_slices})
