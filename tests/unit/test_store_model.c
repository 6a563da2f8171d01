/*
 * A seeded random history of mailbox operations against a plain array model: after each step a
 * session that asks for changes must arrive at what the model holds, whoever made the change.
 */
#include "store_fixture.h"

enum { MAILBOXES = 2, ENTRIES_MAX = 4000, STEPS = 3000 };

struct model_entry {
    uint32_t uid;
    uint64_t flags, tag; /* tag: which message it is */
    bool is_gone;
};

struct model_mailbox {
    struct model_entry entries[ENTRIES_MAX];
    size_t count;
    uint32_t uidnext;
};

/* What the session believes: a view and flags by UID. */
struct believer {
    struct fixture_session session;
    uint64_t flags[ENTRIES_MAX];
};

struct world {
    struct fixture fixture;
    struct model_mailbox boxes[MAILBOXES];
    struct believer believers[MAILBOXES];
    uint64_t random, tags;
};

static const char *const names[MAILBOXES] = {"INBOX", "Archive"};

static uint32_t roll(struct world *world, uint32_t below)
{
    world->random = world->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(world->random >> 33) % below;
}

static void model_add(struct model_mailbox *box, uint64_t flags, uint64_t tag)
{
    if (box->count < ENTRIES_MAX)
        box->entries[box->count++] = (struct model_entry){box->uidnext, flags, tag, false};
    box->uidnext++;
}

static struct uid_range random_range(struct world *world, const struct model_mailbox *box)
{
    uint32_t first = 1 + roll(world, box->uidnext + 2);
    return (struct uid_range){first, first + roll(world, 12)};
}

/* The delta, believed; checked against the model. */
static void believe(struct world *world, int place, const struct store_delta *delta)
{
    struct believer *believer = &world->believers[place];
    for (size_t i = 0; i < delta->changed_count; i++) {
        check(delta->changed[i].uid < believer->session.uidnext);
        believer->flags[delta->changed[i].uid] = delta->changed[i].flags;
    }
    uint32_t old_next = believer->session.uidnext;
    store_view_unref(&believer->session.view);
    believer->session.view = store_view_ref(delta->view);
    believer->session.modseq = delta->modseq;
    believer->session.uidnext = delta->uidnext;
    if (old_next == delta->uidnext)
        return;

    struct uid_range fresh = {old_next, delta->uidnext - 1};
    struct store_fetch *fetch = store_fetch_create(world->fixture.store, believer->session.mailbox,
                                                   &fresh, 1, 0, STORE_FETCH_FLAGS, SIZE_MAX);
    fixture_run(&world->fixture, &fetch->job);
    for (size_t i = 0; i < fetch->count; i++)
        believer->flags[fetch->rows[i].uid] = fetch->rows[i].flags;
    fetch->job.free(&fetch->job);
}

static void compare(struct world *world, int place)
{
    const struct model_mailbox *box = &world->boxes[place];
    const struct believer *believer = &world->believers[place];
    uint32_t seq = 0;
    for (size_t i = 0; i < box->count; i++) {
        const struct model_entry *entry = &box->entries[i];
        if (entry->is_gone) {
            check_int(store_view_seq(believer->session.view, entry->uid), 0);
            continue;
        }
        seq++;
        check_int(store_view_uid(believer->session.view, seq), entry->uid);
        check_int(store_view_seq(believer->session.view, entry->uid), seq);
        check_int(believer->flags[entry->uid], entry->flags);
    }
    check_int(store_view_count(believer->session.view), seq);
    check_int(believer->session.uidnext, box->uidnext);
}

static void ask(struct world *world, int place)
{
    const struct fixture_session *session = &world->believers[place].session;
    struct store_changes *changes = store_changes_create(world->fixture.store, session->mailbox,
                                                         session->modseq, session->uidnext);
    fixture_run(&world->fixture, &changes->job);
    check_int(changes->status, 0);
    believe(world, place, &changes->delta);
    changes->job.free(&changes->job);
}

static void step_append(struct world *world, int place)
{
    char text[64];
    uint64_t tag = ++world->tags, flags = roll(world, 32);
    (void)snprintf(text, sizeof text, "Subject: %" PRIu64 "\r\n\r\n", tag);
    uint32_t uid = fixture_append(&world->fixture, names[place], text, flags);
    check_int(uid, world->boxes[place].uidnext);
    model_add(&world->boxes[place], flags, tag);
}

static void step_flags(struct world *world, int place)
{
    struct model_mailbox *box = &world->boxes[place];
    const struct fixture_session *session = &world->believers[place].session;
    struct uid_range range = random_range(world, box);
    enum store_flags_action action = (enum store_flags_action)roll(world, 3);
    uint64_t flags = roll(world, 32);
    for (size_t i = 0; i < box->count; i++) {
        struct model_entry *entry = &box->entries[i];
        if (entry->is_gone || entry->uid < range.first || entry->uid > range.last)
            continue;
        if (action == STORE_FLAGS_SET)
            entry->flags = flags;
        else
            entry->flags = action == STORE_FLAGS_ADD ? entry->flags | flags : entry->flags & ~flags;
    }
    struct store_change_flags *change =
        store_change_flags_create(world->fixture.store, session->mailbox, &range, 1, action, flags,
                                  NULL, 0, session->modseq, session->uidnext);
    fixture_run(&world->fixture, &change->job);
    check_int(change->status, 0);
    believe(world, place, &change->delta);
    change->job.free(&change->job);
}

static void step_expunge(struct world *world, int place)
{
    struct model_mailbox *box = &world->boxes[place];
    const struct fixture_session *session = &world->believers[place].session;
    struct uid_range range = random_range(world, box);
    enum store_expunge_which which =
        roll(world, 2) == 0 ? STORE_EXPUNGE_DELETED : STORE_EXPUNGE_ANY;
    for (size_t i = 0; i < box->count; i++) {
        struct model_entry *entry = &box->entries[i];
        bool is_meant = entry->uid >= range.first && entry->uid <= range.last;
        if (is_meant && (which == STORE_EXPUNGE_ANY || (entry->flags & STORE_DELETED) != 0))
            entry->is_gone = true;
    }
    struct store_expunge *expunge =
        store_expunge_create(world->fixture.store, session->mailbox, &range, 1, which,
                             session->modseq, session->uidnext);
    fixture_run(&world->fixture, &expunge->job);
    check_int(expunge->status, 0);
    believe(world, place, &expunge->delta);
    expunge->job.free(&expunge->job);
}

static void step_copy(struct world *world, int place)
{
    int target = (int)roll(world, MAILBOXES);
    struct model_mailbox *from = &world->boxes[place], *to = &world->boxes[target];
    const struct fixture_session *session = &world->believers[place].session;
    struct uid_range range = random_range(world, from);
    enum store_copy_action action = roll(world, 2) == 0 ? STORE_COPY : STORE_MOVE;
    size_t count = from->count, copied = 0;
    uint32_t first_target = to->uidnext;
    for (size_t i = 0; i < count; i++) {
        struct model_entry *entry = &from->entries[i];
        if (entry->is_gone || entry->uid < range.first || entry->uid > range.last)
            continue;
        model_add(to, entry->flags, entry->tag);
        from->entries[i].is_gone = action == STORE_MOVE;
        copied++;
    }
    struct store_copy *copy =
        store_copy_create(world->fixture.store, session->mailbox, &range, 1, world->fixture.account,
                          span_of(names[target]), action, session->modseq, session->uidnext);
    fixture_run(&world->fixture, &copy->job);
    check_int(copy->status, 0);
    check_int(copy->target_count, copied > 0 ? 1 : 0);
    if (copied > 0 && copy->target_count == 1) {
        check_int(copy->target[0].first, first_target);
        check_int(copy->target[0].last - copy->target[0].first + 1, copied);
    }
    believe(world, place, &copy->delta);
    copy->job.free(&copy->job);
}

static void step_reap(struct world *world)
{
    world->fixture.clock.wall_us += (int64_t)roll(world, 900) * 1000000;
    fixture_do(&world->fixture, store_reap_create(world->fixture.store), 0);
}

static void check_counters(struct world *world, int place)
{
    const struct model_mailbox *box = &world->boxes[place];
    uint32_t messages = 0, unseen = 0, deleted = 0;
    for (size_t i = 0; i < box->count; i++) {
        const struct model_entry *entry = &box->entries[i];
        messages += !entry->is_gone;
        unseen += !entry->is_gone && (entry->flags & STORE_SEEN) == 0;
        deleted += !entry->is_gone && (entry->flags & STORE_DELETED) != 0;
    }
    struct store_status *status =
        store_status_create(world->fixture.store, world->fixture.account, span_of(names[place]));
    fixture_run(&world->fixture, &status->job);
    check_int(status->mailbox.messages, messages);
    check_int(status->mailbox.unseen, unseen);
    check_int(status->deleted, deleted);
    status->job.free(&status->job);
}

static void check_bodies(struct world *world, int place)
{
    struct model_mailbox *box = &world->boxes[place];
    struct uid_range all = {1, UINT32_MAX};
    struct store_fetch *fetch =
        store_fetch_create(world->fixture.store, world->believers[place].session.mailbox, &all, 1,
                           0, STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(&world->fixture, &fetch->job);
    for (size_t i = 0; i < fetch->count; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "Subject: %" PRIu64 "\r\n\r\n",
                       box->entries[fetch->rows[i].uid - 1].tag);
        struct span bytes = fixture_read(&world->fixture, &fetch->rows[i].blob);
        check_span(bytes, text);
        mem_free((void *)(uintptr_t)bytes.ptr);
    }
    fetch->job.free(&fetch->job);
}

static void open_sessions(struct world *world)
{
    for (int i = 0; i < MAILBOXES; i++) {
        struct believer *believer = &world->believers[i];
        store_view_unref(&believer->session.view);
        believer->session = fixture_select(&world->fixture, names[i]);
    }
}

static void close_sessions(struct world *world)
{
    for (int i = 0; i < MAILBOXES; i++)
        store_view_unref(&world->believers[i].session.view);
}

static void step_by(struct world *world, int place, uint32_t what)
{
    if (what < 40)
        step_append(world, place);
    else if (what < 65)
        step_flags(world, place);
    else if (what < 80)
        step_expunge(world, place);
    else if (what < 90)
        step_copy(world, place);
    else if (what < 98)
        step_reap(world);
    else
        fixture_reopen(&world->fixture);
}

TEST(random_history_agrees_with_the_model)
{
    struct world *world = mem_new(struct world);
    world->random = 42;
    fixture_make(&world->fixture);
    for (int i = 0; i < MAILBOXES; i++)
        world->boxes[i].uidnext = 1;
    open_sessions(world);
    for (int step = 0; step < STEPS && check_failures == 0; step++) {
        int place = (int)roll(world, MAILBOXES);
        uint32_t what = roll(world, 100);
        if (world->boxes[0].count > ENTRIES_MAX - 20 || world->boxes[1].count > ENTRIES_MAX - 20)
            break;
        step_by(world, place, what);
        for (int i = 0; i < MAILBOXES; i++) {
            if (i == place || roll(world, 3) == 0)
                ask(world, i);
        }
        /* A believer that asked just now holds the truth. */
        compare(world, place);
        check_counters(world, place);
        if (check_failures > 0)
            (void)fprintf(stderr, "at step %d (%u)\n", step, what);
    }
    for (int i = 0; i < MAILBOXES; i++) {
        ask(world, i);
        compare(world, i);
        check_bodies(world, i);
    }
    close_sessions(world);
    fixture_free(&world->fixture);
    mem_free(world);
}

CHECK_MAIN({"random_history_agrees_with_the_model", random_history_agrees_with_the_model})
