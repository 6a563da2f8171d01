/*
 * Housekeeping: the grace, bodies and segments that die, relocation, reuse, and orphaned files.
 */
#include <dirent.h>
#include <fcntl.h>

#include "store_fixture.h"

static char filler[30000];

static void append_big(struct fixture *fixture, int number)
{
    char *text = mem_printf("Subject: %d\r\n\r\n%s", number, filler);
    (void)fixture_append(fixture, "INBOX", text, 0);
    mem_free(text);
}

static void expunge(struct fixture *fixture, uint32_t first, uint32_t last)
{
    struct fixture_session inbox = fixture_select(fixture, "INBOX");
    struct uid_range range = {first, last};
    fixture_do(fixture,
               store_expunge_create(fixture->store, inbox.mailbox, &range, 1, STORE_EXPUNGE_ANY,
                                    inbox.modseq, inbox.uidnext),
               0);
    store_view_unref(&inbox.view);
}

/* Until nothing is left to be done at once. */
static void reap(struct fixture *fixture)
{
    bool has_more = true;
    for (int i = 0; i < 1000 && has_more; i++) {
        struct store_reap *job = store_reap_create(fixture->store);
        fixture_run(fixture, &job->job);
        check_int(job->status, 0);
        has_more = job->has_more;
        job->job.free(&job->job);
    }
    check(!has_more);
}

static void pass_grace(struct fixture *fixture)
{
    fixture->clock.wall_us += (fixture->settings.expunge_grace_ms + 1000) * 1000;
}

static size_t fetch_count(struct fixture *fixture, uint64_t mailbox, bool is_read)
{
    struct uid_range all = {1, UINT32_MAX};
    struct store_fetch *fetch =
        store_fetch_create(fixture->store, mailbox, &all, 1, 0, STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(fixture, &fetch->job);
    size_t count = fetch->count;
    for (size_t i = 0; i < fetch->count && is_read; i++) {
        struct span bytes = fixture_read(fixture, &fetch->rows[i].blob);
        int number = fixture_number(bytes);
        check_int(number, (int)fetch->rows[i].uid);
        mem_free((void *)(uintptr_t)bytes.ptr);
    }
    fetch->job.free(&fetch->job);
    return count;
}

static size_t file_count(struct fixture *fixture, const char *name)
{
    char *path = mem_printf("%s/%s", fixture->dir, name);
    DIR *dir = opendir(path);
    mem_free(path);
    size_t count = 0;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

static uint64_t inbox_id(struct fixture *fixture)
{
    struct fixture_session inbox = fixture_select(fixture, "INBOX");
    store_view_unref(&inbox.view);
    return inbox.mailbox;
}

TEST(expunged_entries_stay_for_the_grace_and_then_go)
{
    struct fixture fixture;
    fixture_make(&fixture);
    for (int i = 1; i <= 5; i++)
        append_big(&fixture, i);
    uint64_t inbox = inbox_id(&fixture);
    expunge(&fixture, 2, 4);
    reap(&fixture);
    check_int(fetch_count(&fixture, inbox, true), 5);
    pass_grace(&fixture);
    reap(&fixture);
    check_int(fetch_count(&fixture, inbox, true), 2);
    fixture_free(&fixture);
}

TEST(a_later_expunge_inside_a_widened_range_has_its_own_grace)
{
    struct fixture fixture;
    fixture_make(&fixture);
    for (int i = 1; i <= 400; i++)
        (void)fixture_append(&fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    struct uid_range even[200];
    for (uint32_t i = 0; i < 200; i++)
        even[i] = (struct uid_range){2 * i + 2, 2 * i + 2};
    fixture_do(&fixture,
               store_expunge_create(fixture.store, inbox.mailbox, even, 200, STORE_EXPUNGE_ANY,
                                    inbox.modseq, inbox.uidnext),
               0);
    fixture.clock.wall_us += fixture.settings.expunge_grace_ms * 900;
    expunge(&fixture, 3, 3);
    fixture.clock.wall_us += fixture.settings.expunge_grace_ms * 200;
    reap(&fixture);
    check_int(fetch_count(&fixture, inbox.mailbox, false), 200);
    pass_grace(&fixture);
    reap(&fixture);
    check_int(fetch_count(&fixture, inbox.mailbox, false), 199);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(a_copied_body_lives_until_its_last_entry_goes)
{
    struct fixture fixture;
    fixture_make(&fixture);
    fixture.settings.body_memory_max = 1000; /* a file of its own */
    fixture_reopen(&fixture);
    append_big(&fixture, 1);
    check_int(file_count(&fixture, "bodies"), 1);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    struct uid_range all = {1, 1};
    fixture_do(&fixture,
               store_copy_create(fixture.store, inbox.mailbox, &all, 1, fixture.account,
                                 span_of("Trash"), STORE_MOVE, inbox.modseq, inbox.uidnext),
               0);
    pass_grace(&fixture);
    reap(&fixture);
    check_int(fetch_count(&fixture, inbox.mailbox, true), 0);
    struct fixture_session trash = fixture_select(&fixture, "Trash");
    check_int(fetch_count(&fixture, trash.mailbox, true), 1);
    check_int(file_count(&fixture, "bodies"), 1);
    fixture_do(&fixture,
               store_expunge_create(fixture.store, trash.mailbox, NULL, 0, STORE_EXPUNGE_ANY,
                                    trash.modseq, trash.uidnext),
               0);
    pass_grace(&fixture);
    reap(&fixture);
    check_int(file_count(&fixture, "bodies"), 0);
    store_view_unref(&inbox.view);
    store_view_unref(&trash.view);
    fixture_free(&fixture);
}

TEST(half_dead_segments_are_emptied_and_dead_ones_reused)
{
    struct fixture fixture;
    fixture_make(&fixture);
    const int count = 600; /* 18 MB: four segments and some */
    for (int i = 1; i <= count; i++)
        append_big(&fixture, i);
    size_t before = file_count(&fixture, "segments");
    check(before >= 4);
    for (int i = 0; i < count / 10; i++) /* leaves every tenth */
        expunge(&fixture, (uint32_t)i * 10 + 1, (uint32_t)i * 10 + 9);
    uint64_t inbox = inbox_id(&fixture);
    check_int(fetch_count(&fixture, inbox, true), count);
    pass_grace(&fixture);
    reap(&fixture);
    check_int(fetch_count(&fixture, inbox, true), count / 10);
    pass_grace(&fixture);
    reap(&fixture);
    check_int(fetch_count(&fixture, inbox, true), count / 10);
    check(file_count(&fixture, "segments") < before);
    /* Spares become segments again, under new names. */
    for (int i = count + 1; i <= count + 300; i++)
        append_big(&fixture, i);
    check_int(fetch_count(&fixture, inbox, true), count / 10 + 300);
    check(file_count(&fixture, "segments") <= before);
    fixture_reopen(&fixture);
    check_int(fetch_count(&fixture, inbox, true), count / 10 + 300);
    fixture_free(&fixture);
}

TEST(an_old_place_is_found_again_after_its_body_moved)
{
    struct fixture fixture;
    fixture_make(&fixture);
    for (int i = 1; i <= 200; i++)
        append_big(&fixture, i);
    uint64_t inbox = inbox_id(&fixture);
    struct uid_range first = {1, 1};
    struct store_fetch *old =
        store_fetch_create(fixture.store, inbox, &first, 1, 0, STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(&fixture, &old->job);
    check_int(old->count, 1);
    expunge(&fixture, 2, 150);
    for (int i = 0; i < 3; i++) {
        pass_grace(&fixture);
        reap(&fixture);
    }
    struct store_blob blob = old->rows[0].blob;
    old->job.free(&old->job);
    struct store_fetch *new =
        store_fetch_create(fixture.store, inbox, &first, 1, 0, STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(&fixture, &new->job);
    check(new->count == 1 && new->rows[0].blob.segment != blob.segment);
    new->job.free(&new->job);
    struct span bytes = fixture_read(&fixture, &blob);
    check(span_starts(bytes, span_of("Subject: 1\r\n")));
    mem_free((void *)(uintptr_t)bytes.ptr);
    fixture_free(&fixture);
}

TEST(a_deleted_mailbox_goes_after_the_grace)
{
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_do(&fixture,
               store_change_mailbox_create(fixture.store, fixture.account, STORE_MAILBOX_MAKE,
                                           span_of("a"), span_of(""), 0),
               0);
    for (int i = 1; i <= 3; i++)
        (void)fixture_append(&fixture, "a", "Subject: 1\r\n\r\n", 0);
    struct fixture_session a = fixture_select(&fixture, "a");
    fixture_do(&fixture,
               store_change_mailbox_create(fixture.store, fixture.account, STORE_MAILBOX_DELETE,
                                           span_of("a"), span_of(""), 0),
               0);
    check_int(fetch_count(&fixture, a.mailbox, false), 3);
    pass_grace(&fixture);
    reap(&fixture);
    check_int(fetch_count(&fixture, a.mailbox, false), 0);
    store_view_unref(&a.view);
    fixture_free(&fixture);
}

static void put_file(struct fixture *fixture, const char *name)
{
    char *path = mem_printf("%s/%s", fixture->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0);
    (void)close(fd);
    mem_free(path);
}

TEST(files_without_a_row_are_unlinked_at_the_start)
{
    struct fixture fixture;
    fixture_make(&fixture);
    append_big(&fixture, 1);
    size_t segments = file_count(&fixture, "segments");
    put_file(&fixture, "bodies/00000000000000aa");
    put_file(&fixture, "segments/00000000000000aa");
    put_file(&fixture, "bodies/not-ours");
    fixture_reopen(&fixture);
    check_int(file_count(&fixture, "bodies"), 1);
    check_int(file_count(&fixture, "segments"), segments);
    fixture_free(&fixture);
}

TEST(a_damaged_body_is_named_not_returned)
{
    struct fixture fixture;
    fixture_make(&fixture);
    append_big(&fixture, 1);
    char *path = mem_printf("%s/segments/%016x", fixture.dir, 1U);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    mem_free(path);
    check(fd >= 0 && pwrite(fd, "X", 1, 5000) == 1);
    (void)close(fd);
    struct uid_range all = {1, 1};
    struct store_fetch *fetch = store_fetch_create(fixture.store, inbox_id(&fixture), &all, 1, 0,
                                                   STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(&fixture, &fetch->job);
    fixture_do(&fixture, store_read_create(fixture.store, &fetch->rows[0].blob, 0, 100),
               ERR_CORRUPT);
    fetch->job.free(&fetch->job);
    fixture_free(&fixture);
}

static void set_up(void)
{
    memset(filler, 'x', sizeof filler - 1);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"expunged_entries_stay_for_the_grace_and_then_go",
         expunged_entries_stay_for_the_grace_and_then_go},
        {"a_later_expunge_inside_a_widened_range_has_its_own_grace",
         a_later_expunge_inside_a_widened_range_has_its_own_grace},
        {"a_copied_body_lives_until_its_last_entry_goes",
         a_copied_body_lives_until_its_last_entry_goes},
        {"half_dead_segments_are_emptied_and_dead_ones_reused",
         half_dead_segments_are_emptied_and_dead_ones_reused},
        {"an_old_place_is_found_again_after_its_body_moved",
         an_old_place_is_found_again_after_its_body_moved},
        {"a_deleted_mailbox_goes_after_the_grace", a_deleted_mailbox_goes_after_the_grace},
        {"files_without_a_row_are_unlinked_at_the_start",
         files_without_a_row_are_unlinked_at_the_start},
        {"a_damaged_body_is_named_not_returned", a_damaged_body_is_named_not_returned},
    };
    set_up();
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
