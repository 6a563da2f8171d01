/* A disk without room: refused by name, nothing left behind, and well again once there is room. */
#include <dirent.h>

#include "tests/unit/store_fixture.h"

enum { REFUSALS = 20 };

static bool is_full;

static int zero_fill(int fd, int64_t offset, int64_t size)
{
    return is_full ? ERR_FULL : file_system.zero_fill(fd, offset, size);
}

static unsigned segment_files(const struct fixture *fixture)
{
    char path[128];
    unsigned count = 0;
    const struct dirent *entry;
    (void)snprintf(path, sizeof path, "%s/segments", fixture->dir);
    DIR *dir = opendir(path);
    if (dir == NULL)
        abort();
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static int append(struct fixture *fixture)
{
    struct store_body *body = store_body_create(fixture->store, STORE_BODY_SCAN);
    store_body_add(body, span_of("Subject: full\r\n\r\ntext\r\n"));
    struct store_append *job = store_append_create(fixture->store, fixture->account,
                                                   span_of("INBOX"), body, 0, NULL, 0, 0);
    fixture_run(fixture, &job->job);
    int status = job->status;
    job->job.free(&job->job);
    return status;
}

TEST(test_refused_mail_leaves_no_segments_behind)
{
    struct fixture fixture;
    struct file_ops ops = file_system;
    ops.zero_fill = zero_fill;
    is_full = false;
    fixture_make(&fixture);
    store_close(&fixture.store);
    fixture.files = &ops;
    fixture_open(&fixture);

    is_full = true;
    for (int i = 0; i < REFUSALS; i++)
        check_int(append(&fixture), ERR_FULL);
    check(segment_files(&fixture) <= 2);

    is_full = false;
    check_int(append(&fixture), 0);
    fixture_reopen(&fixture);
    check_int(append(&fixture), 0);
    fixture_free(&fixture);
}

/* What is zeroed already takes mail, however often the housekeeping finds no room to zero more. */
TEST(test_a_begun_segment_goes_on_where_no_more_can_be_zeroed)
{
    struct fixture fixture;
    struct file_ops ops = file_system;
    ops.zero_fill = zero_fill;
    is_full = false;
    fixture_make(&fixture);
    store_close(&fixture.store);
    fixture.files = &ops;
    fixture_open(&fixture);
    check_int(append(&fixture), 0);

    is_full = true;
    for (int i = 0; i < REFUSALS; i++) {
        fixture_do(&fixture, store_reap_create(fixture.store), 0);
        check_int(append(&fixture), 0);
    }
    check_int(segment_files(&fixture), 1);
    fixture_free(&fixture);
}

CHECK_MAIN({"test_refused_mail_leaves_no_segments_behind",
            test_refused_mail_leaves_no_segments_behind},
           {"test_a_begun_segment_goes_on_where_no_more_can_be_zeroed",
            test_a_begun_segment_goes_on_where_no_more_can_be_zeroed})
