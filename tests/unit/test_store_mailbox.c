/*
 * Mailboxes by name, their limits, keywords, fetch in slices, and two sessions seeing each other.
 */
#include "store_fixture.h"

static int change(struct fixture *fixture, enum store_mailbox_action action, const char *name,
                  const char *new_name)
{
    struct store_change_mailbox *job = store_change_mailbox_create(
        fixture->store, fixture->account, action, span_of(name), span_of(new_name), 0);
    fixture_run(fixture, &job->job);
    int status = job->status;
    check((status == 0) == (job->fault.text[0] == '\0'));
    job->job.free(&job->job);
    return status;
}

/* "name[!][+] ..." of all: '!' has no mailbox, '+' subscribed; INBOX and special use left out. */
static void check_list(struct fixture *fixture, const char *wanted)
{
    char text[1024] = "";
    struct store_list *list = store_list_create(fixture->store, fixture->account);
    fixture_run(fixture, &list->job);
    check_int(list->status, 0);
    for (size_t i = 0; i < list->count; i++) {
        const struct store_mailbox *mailbox = &list->mailboxes[i];
        const unsigned special = STORE_MAILBOX_DRAFTS | STORE_MAILBOX_SENT | STORE_MAILBOX_TRASH |
                                 STORE_MAILBOX_JUNK | STORE_MAILBOX_ARCHIVE;
        check((i == 0) == span_is(mailbox->name, "INBOX"));
        check((mailbox->id == 0) == ((mailbox->attributes & STORE_MAILBOX_NOSELECT) != 0));
        if (i == 0 || (mailbox->attributes & special) != 0)
            continue;
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%.*s%s%s ", (int)mailbox->name.len,
                       mailbox->name.ptr, mailbox->id == 0 ? "!" : "",
                       (mailbox->attributes & STORE_MAILBOX_SUBSCRIBED) != 0 ? "+" : "");
    }
    check_text(text, wanted);
    list->job.free(&list->job);
}

TEST(names_are_made_renamed_and_deleted)
{
    struct fixture fixture;
    fixture_make(&fixture);
    check_list(&fixture, "");
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "a/b/c", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "a/b/c", ""), ERR_EXISTS);
    check_list(&fixture, "a! a/b! a/b/c ");
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "a", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "ab", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "a", "x/y"), 0);
    check_list(&fixture, "ab x! x/y x/y/b! x/y/b/c ");
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "x/y", "x/y/z"), ERR_REFUSED);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "ab", "x/y"), ERR_EXISTS);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "none", "some"), ERR_NOT_FOUND);
    check_int(change(&fixture, STORE_MAILBOX_DELETE, "x/y", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_DELETE, "x/y", ""), ERR_NOT_FOUND);
    check_int(change(&fixture, STORE_MAILBOX_DELETE, "INBOX", ""), ERR_REFUSED);
    check_int(change(&fixture, STORE_MAILBOX_SUBSCRIBE, "ab", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_SUBSCRIBE, "ab", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_SUBSCRIBE, "later", ""), 0);
    fixture_reopen(&fixture);
    check_list(&fixture, "ab+ later!+ x! x/y! x/y/b! x/y/b/c ");
    check_int(change(&fixture, STORE_MAILBOX_UNSUBSCRIBE, "later", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_DELETE, "x/y/b/c", ""), 0);
    check_list(&fixture, "ab+ ");
    fixture_free(&fixture);
}

TEST(name_that_comes_back_has_a_higher_uidvalidity)
{
    struct fixture fixture;
    fixture_make(&fixture);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "a", ""), 0);
    struct fixture_session first = fixture_select(&fixture, "a");
    check_int(change(&fixture, STORE_MAILBOX_DELETE, "a", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "a", ""), 0);
    struct fixture_session second = fixture_select(&fixture, "a");
    check(second.uidvalidity > first.uidvalidity);
    check(second.mailbox != first.mailbox);
    struct store_changes *changes =
        store_changes_create(fixture.store, first.mailbox, first.modseq, first.uidnext);
    fixture_run(&fixture, &changes->job);
    check_int(changes->status, 0);
    check(changes->delta.is_gone);
    changes->job.free(&changes->job);
    store_view_unref(&first.view);
    store_view_unref(&second.view);
    fixture_free(&fixture);
}

TEST(renaming_inbox_moves_its_messages)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)fixture_append(&fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    (void)fixture_append(&fixture, "INBOX", "Subject: 2\r\n\r\n", STORE_SEEN);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "INBOX", "Old"), 0);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    struct fixture_session old = fixture_select(&fixture, "Old");
    check_int(store_view_count(inbox.view), 0);
    check_int(store_view_count(old.view), 2);
    check_int(fixture_append(&fixture, "INBOX", "Subject: 3\r\n\r\n", 0), 3);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "INBOX", "Old"), ERR_EXISTS);
    store_view_unref(&inbox.view);
    store_view_unref(&old.view);
    fixture_free(&fixture);
}

TEST(mailboxes_are_limited_per_account)
{
    struct fixture fixture;
    fixture_make(&fixture);
    char name[16];
    for (unsigned i = 6; i < fixture.settings.mailboxes_max; i++) {
        (void)snprintf(name, sizeof name, "m%u", i);
        check_int(change(&fixture, STORE_MAILBOX_MAKE, name, ""), 0);
    }
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "more", ""), ERR_LIMIT);
    check_int(change(&fixture, STORE_MAILBOX_DELETE, "m6", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "more", ""), 0);
    fixture_free(&fixture);
}

/* "x", then so many levels "/y", each of so many bytes. */
static const char *deep_name(char *out, size_t levels, size_t width)
{
    size_t len = 0;
    out[len++] = 'x';
    for (size_t i = 0; i < levels; i++) {
        out[len++] = '/';
        memset(out + len, 'y', width);
        len += width;
    }
    out[len] = '\0';
    return out;
}

TEST(names_are_limited_in_levels_and_length_also_by_rename)
{
    struct fixture fixture;
    char name[2048];
    fixture_make(&fixture);
    const size_t most = STORE_MAILBOX_LEVELS_MAX - 1;
    check_int(change(&fixture, STORE_MAILBOX_MAKE, deep_name(name, most, 1), ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, deep_name(name, most + 1, 1), ""), ERR_LIMIT);
    check_int(change(&fixture, STORE_MAILBOX_SUBSCRIBE, name, ""), ERR_LIMIT);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "x", "a/b"), ERR_LIMIT);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "x", "z"), 0);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "short/child", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "short", deep_name(name, 1, 992)), 0);
    check_int(change(&fixture, STORE_MAILBOX_MAKE, "other/child", ""), 0);
    check_int(change(&fixture, STORE_MAILBOX_RENAME, "other", deep_name(name, 1, 993)), ERR_LIMIT);
    fixture_free(&fixture);
}

static int set_keyword(struct fixture *fixture, const struct fixture_session *session,
                       const char *keyword, enum store_flags_action action,
                       struct store_change_flags **out)
{
    struct uid_range all = {1, UINT32_MAX};
    struct span name = span_of(keyword);
    *out = store_change_flags_create(fixture->store, session->mailbox, &all, 1, action, 0, &name, 1,
                                     session->modseq, session->uidnext);
    fixture_run(fixture, &(*out)->job);
    return (*out)->status;
}

TEST(keywords_are_made_once_limited_and_follow_a_copy_by_name)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)fixture_append(&fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    char name[16];
    struct store_change_flags *job;
    for (unsigned i = 0; i < fixture.settings.keywords_max; i++) {
        (void)snprintf(name, sizeof name, "k%u", i);
        check_int(set_keyword(&fixture, &inbox, name, STORE_FLAGS_SET, &job), 0);
        check_int(job->delta.keyword_count, i + 1);
        check_int(job->delta.changed_count, 1);
        if (job->delta.changed_count == 1)
            check(job->delta.changed[0].flags == (uint64_t)1 << (STORE_KEYWORD_FIRST + i));
        job->job.free(&job->job);
    }
    check_int(set_keyword(&fixture, &inbox, "more", STORE_FLAGS_ADD, &job), ERR_LIMIT);
    job->job.free(&job->job);
    check_int(set_keyword(&fixture, &inbox, "K3", STORE_FLAGS_SET, &job), 0);
    check_int(job->delta.keyword_count, fixture.settings.keywords_max);
    job->job.free(&job->job);
    check_int(set_keyword(&fixture, &inbox, "unknown", STORE_FLAGS_REMOVE, &job), 0);
    job->job.free(&job->job);

    struct uid_range all = {1, UINT32_MAX};
    fixture_do(&fixture,
               store_copy_create(fixture.store, inbox.mailbox, &all, 1, fixture.account,
                                 span_of("Sent"), STORE_COPY, inbox.modseq, inbox.uidnext),
               0);
    struct store_select *sent =
        store_select_create(fixture.store, fixture.account, span_of("Sent"), STORE_EXAMINE);
    fixture_run(&fixture, &sent->job);
    check_int(sent->delta.keyword_count, 1);
    if (sent->delta.keyword_count == 1)
        check_text(sent->delta.keywords[0], "k3");
    sent->job.free(&sent->job);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(copy_into_a_missing_mailbox_changes_nothing)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)fixture_append(&fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    struct uid_range all = {1, UINT32_MAX};
    fixture_do(&fixture,
               store_copy_create(fixture.store, inbox.mailbox, &all, 1, fixture.account,
                                 span_of("none"), STORE_MOVE, inbox.modseq, inbox.uidnext),
               ERR_NOT_FOUND);
    struct fixture_session after = fixture_select(&fixture, "INBOX");
    check_int(store_view_count(after.view), 1);
    store_view_unref(&after.view);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(fetch_goes_in_slices_and_sees_the_expunged_in_grace)
{
    struct fixture fixture;
    fixture_make(&fixture);
    for (int i = 0; i < 50; i++)
        (void)fixture_append(&fixture, "INBOX", "Subject: x\r\n\r\nbody\r\n", 0);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    struct uid_range some[] = {{5, 9}, {20, 40}};
    fixture_do(&fixture,
               store_expunge_create(fixture.store, inbox.mailbox, some, 1, STORE_EXPUNGE_ANY,
                                    inbox.modseq, inbox.uidnext),
               0);
    uint32_t from = 0, last = 0;
    size_t rows = 0, slices = 0;
    do {
        struct store_fetch *fetch = store_fetch_create(fixture.store, inbox.mailbox, some, 2, from,
                                                       STORE_FETCH_ENVELOPE, 1000);
        fixture_run(&fixture, &fetch->job);
        check_int(fetch->status, 0);
        for (size_t i = 0; i < fetch->count; i++) {
            check(fetch->rows[i].uid > last);
            last = fetch->rows[i].uid;
        }
        rows += fetch->count;
        slices++;
        from = fetch->next_uid;
        fetch->job.free(&fetch->job);
    } while (from != 0 && slices < 100);
    check_int(rows, 26);
    check(slices > 2);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

TEST(recent_is_claimed_by_the_first_select)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)fixture_append(&fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    struct fixture_session first = fixture_select(&fixture, "INBOX");
    (void)fixture_append(&fixture, "INBOX", "Subject: 2\r\n\r\n", 0);
    struct fixture_session second = fixture_select(&fixture, "INBOX");
    check_int(first.recent_from, 1);
    check_int(second.recent_from, 2);
    fixture_do(&fixture, store_reap_create(fixture.store), 0);
    fixture_reopen(&fixture);
    struct fixture_session third = fixture_select(&fixture, "INBOX");
    check_int(third.recent_from, 3);
    store_view_unref(&first.view);
    store_view_unref(&second.view);
    store_view_unref(&third.view);
    fixture_free(&fixture);
}

CHECK_MAIN({"names_are_made_renamed_and_deleted", names_are_made_renamed_and_deleted},
           {"name_that_comes_back_has_a_higher_uidvalidity",
            name_that_comes_back_has_a_higher_uidvalidity},
           {"renaming_inbox_moves_its_messages", renaming_inbox_moves_its_messages},
           {"names_are_limited_in_levels_and_length_also_by_rename",
            names_are_limited_in_levels_and_length_also_by_rename},
           {"mailboxes_are_limited_per_account", mailboxes_are_limited_per_account},
           {"keywords_are_made_once_limited_and_follow_a_copy_by_name",
            keywords_are_made_once_limited_and_follow_a_copy_by_name},
           {"copy_into_a_missing_mailbox_changes_nothing",
            copy_into_a_missing_mailbox_changes_nothing},
           {"fetch_goes_in_slices_and_sees_the_expunged_in_grace",
            fetch_goes_in_slices_and_sees_the_expunged_in_grace},
           {"recent_is_claimed_by_the_first_select", recent_is_claimed_by_the_first_select})
