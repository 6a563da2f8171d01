/*
 * Accepting, appending and reading back: one transaction, one status per recipient.
 */
#include <sqlite3.h>

#include "store_fixture.h"

static const char message[] = "From: a@example.org\r\nSubject: hello\r\n\r\nBody.\r\n";

static struct store_accept *accept_text(struct fixture *fixture, struct span text,
                                        const struct store_recipient *recipients, size_t count)
{
    struct store_envelope envelope = {.reverse_path = span_of("sender@example.net"),
                                      .envelope_id = span_of("id"),
                                      .return_kind = span_of("HDRS"),
                                      .mail_flags = STORE_MAIL_8BIT};
    struct store_accept *accept = store_accept_create(fixture->store, fixture_body(fixture, text),
                                                      &envelope, recipients, count);
    fixture_run(fixture, &accept->job);
    return accept;
}

static uint32_t inbox_count(struct fixture *fixture)
{
    struct fixture_session session = fixture_select(fixture, "INBOX");
    uint32_t count = session.view != NULL ? store_view_count(session.view) : 0;
    store_view_unref(&session.view);
    return count;
}

TEST(accepted_message_is_in_the_inbox)
{
    struct fixture fixture;
    fixture_make_in(&fixture, "/tmp"); /* tmpfs knows no reading without waiting */
    struct store_recipient recipient = {.account = fixture.account};
    struct store_accept *accept = accept_text(&fixture, span_of(message), &recipient, 1);
    check_int(accept->status, 0);
    check_int(accept->recipients[0].status, 0);
    accept->job.free(&accept->job);

    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    check_int(store_view_count(inbox.view), 1);
    struct uid_range range = {1, UINT32_MAX};
    struct store_fetch *fetch = store_fetch_create(
        fixture.store, inbox.mailbox, &range, 1, 0,
        STORE_FETCH_ENVELOPE | STORE_FETCH_STRUCTURE | STORE_FETCH_PARTS | STORE_FETCH_BLOB, 65536);
    fixture_run(&fixture, &fetch->job);
    check_int(fetch->count, 1);
    if (fetch->count == 1) {
        check_int(fetch->rows[0].uid, 1);
        check_int(fetch->rows[0].size, strlen(message));
        check(span_find(fetch->rows[0].envelope, span_of("hello")) > 0);
        struct span bytes = fixture_read(&fixture, &fetch->rows[0].blob);
        check_span(bytes, message);
        mem_free((void *)(uintptr_t)bytes.ptr);
        char now[64];
        int64_t got = store_read_now(fixture.store, &fetch->rows[0].blob, 6, now, 5);
        check_int(got, 5);
        check_span(span_make(now, 5), "a@exa");
    }
    fetch->job.free(&fetch->job);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(accepted_message_survives_reopening)
{
    struct fixture fixture;
    fixture_make(&fixture);
    struct store_recipient recipient = {.account = fixture.account};
    for (int i = 0; i < 3; i++) {
        struct store_accept *accept = accept_text(&fixture, span_of(message), &recipient, 1);
        check_int(accept->status, 0);
        accept->job.free(&accept->job);
        fixture_reopen(&fixture);
        check_int(inbox_count(&fixture), (uint32_t)i + 1);
    }
    fixture_free(&fixture);
}

TEST(one_gone_recipient_takes_only_itself_down)
{
    struct fixture fixture;
    fixture_make(&fixture);
    uint64_t bob = fixture_add_account(&fixture, "bob@example.org");
    struct store_recipient recipients[] = {{.account = fixture.account},
                                           {.account = 999},
                                           {.account = bob},
                                           {.account = bob},
                                           {.account = 0, .address = span_of("x@example.net")}};
    struct store_accept *accept = accept_text(&fixture, span_of(message), recipients, 5);
    check_int(accept->status, 0);
    check_int(accept->recipients[0].status, 0);
    check_int(accept->recipients[1].status, ERR_NOT_FOUND);
    check_int(accept->recipients[3].status, 0);
    check_int(accept->recipients[4].status, 0);
    accept->job.free(&accept->job);
    check_int(inbox_count(&fixture), 1);
    fixture.account = bob;
    check_int(inbox_count(&fixture), 1); /* two recipients, one account, one copy */
    fixture_free(&fixture);
}

/* The mailbox has given out all its UIDs. */
static void use_up_uids(struct fixture *fixture)
{
    char path[128];
    sqlite3 *db = NULL;
    store_close(&fixture->store);
    (void)snprintf(path, sizeof path, "%s/store.db", fixture->dir);
    check_int(sqlite3_open(path, &db), SQLITE_OK);
    check_int(sqlite3_exec(db, "UPDATE mailbox SET uidnext = 4294967295 WHERE name = 'INBOX'", NULL,
                           NULL, NULL),
              SQLITE_OK);
    check_int(sqlite3_changes(db), 1);
    (void)sqlite3_close(db);
    fixture_open(fixture);
}

TEST(a_recipient_that_cannot_be_served_now_fails_the_whole_message)
{
    struct fixture fixture;
    fixture_make(&fixture);
    use_up_uids(&fixture);
    uint64_t bob = fixture_add_account(&fixture, "bob@example.org");
    struct store_recipient recipients[] = {{.account = bob},
                                           {.account = fixture.account},
                                           {.account = 0, .address = span_of("x@example.net")}};
    struct store_accept *accept = accept_text(&fixture, span_of(message), recipients, 3);
    check_int(accept->status, ERR_LIMIT);
    accept->job.free(&accept->job);
    fixture.account = bob;
    check_int(inbox_count(&fixture), 0);
    fixture_free(&fixture);
}

TEST(message_for_nobody_is_refused_and_leaves_nothing)
{
    struct fixture fixture;
    fixture_make(&fixture);
    struct store_recipient recipient = {.account = 999};
    struct store_accept *accept = accept_text(&fixture, span_of(message), &recipient, 1);
    check_int(accept->status, ERR_NOT_FOUND);
    check(accept->fault.text[0] != '\0');
    accept->job.free(&accept->job);
    fixture_reopen(&fixture);
    check_int(inbox_count(&fixture), 0);
    fixture_free(&fixture);
}

TEST(bodies_of_all_sizes_come_back_as_they_were)
{
    struct fixture fixture;
    fixture_make(&fixture);
    static const size_t sizes[] = {0, 1, 4095, 65535, 65536, 65537, 300000, 2000000, 5000000};
    struct store_recipient recipient = {.account = fixture.account};
    char *bytes = mem_alloc(5000000);
    for (size_t i = 0; i < 5000000; i++)
        bytes[i] = (char)(i % 61 == 60 ? '\n' : 'a' + (char)(i * 7 % 26));
    const size_t count = sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i < count; i++) {
        struct store_accept *accept =
            accept_text(&fixture, span_make(bytes, sizes[i]), &recipient, 1);
        check_int(accept->status, 0);
        accept->job.free(&accept->job);
    }
    fixture_reopen(&fixture);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    struct uid_range range = {1, UINT32_MAX};
    struct store_fetch *fetch =
        store_fetch_create(fixture.store, inbox.mailbox, &range, 1, 0, STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(&fixture, &fetch->job);
    check_int(fetch->count, count);
    for (size_t i = 0; i < fetch->count; i++) {
        check_int(fetch->rows[i].blob.length, sizes[i]);
        struct span got = fixture_read(&fixture, &fetch->rows[i].blob);
        check(span_equal(got, span_make(bytes, sizes[i])));
        mem_free((void *)(uintptr_t)got.ptr);
    }
    fetch->job.free(&fetch->job);
    store_view_unref(&inbox.view);
    mem_free(bytes);
    fixture_free(&fixture);
}

CHECK_MAIN({"accepted_message_is_in_the_inbox", accepted_message_is_in_the_inbox},
           {"accepted_message_survives_reopening", accepted_message_survives_reopening},
           {"one_gone_recipient_takes_only_itself_down", one_gone_recipient_takes_only_itself_down},
           {"a_recipient_that_cannot_be_served_now_fails_the_whole_message",
            a_recipient_that_cannot_be_served_now_fails_the_whole_message},
           {"message_for_nobody_is_refused_and_leaves_nothing",
            message_for_nobody_is_refused_and_leaves_nothing},
           {"bodies_of_all_sizes_come_back_as_they_were",
            bodies_of_all_sizes_come_back_as_they_were})
