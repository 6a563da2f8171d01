/*
 * cmd_list: LIST and LSUB (RFC 3501 6.3.8, 6.3.9) with the attributes of RFC 3348 and RFC 6154. The
 * store gives all names; levels that exist only as parents are added here. The answer, which may be
 * megabytes, leaves as the output drains. Tests: tests/dialogue/imap/list.dlg.
 */
#include <stdlib.h>

#include "base/map.h"
#include "net/out.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/mailbox_name.h"
#include "protocols/imap/reply.h"

struct entry {
    struct span name;
    unsigned attributes;
    bool has_children;
    bool is_parent_only;      /* no mailbox (LSUB: no subscription) of that name */
    bool has_unmatched_child; /* the pattern hides something below it */
    bool is_match;
};

struct list_work {
    bool is_lsub;
    const struct imap_pattern *pattern;
    struct entry *entries; /* in the command's arena */
    size_t count, room, at;
};

enum { PIECE_SIZE = 16 * 1024 };

static bool is_wanted(const struct list_work *work, const struct store_mailbox *mailbox)
{
    if (work->is_lsub)
        return (mailbox->attributes & STORE_MAILBOX_SUBSCRIBED) != 0;
    return (mailbox->attributes & STORE_MAILBOX_NOSELECT) == 0;
}

/* Marks all levels above an entry as parents and makes those that are not there. */
static void add_parents(struct list_work *work, size_t child, struct map *names)
{
    struct entry *entries = work->entries;
    struct span name = entries[child].name;
    for (ptrdiff_t at = span_find_byte(name, 0, '/'); at >= 0;
         at = span_find_byte(name, (size_t)at + 1, '/')) {
        struct span parent_name = span_first(name, (size_t)at);
        struct entry *parent = map_get(names, parent_name);
        if (parent == NULL && work->count == work->room)
            continue;
        if (parent == NULL) {
            parent = &entries[work->count++];
            *parent = (struct entry){
                .name = parent_name, .attributes = STORE_MAILBOX_NOSELECT, .is_parent_only = true};
            (void)map_set(names, parent_name, parent);
        }
        parent->has_children = true;
        parent->has_unmatched_child = parent->has_unmatched_child || !entries[child].is_match;
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    bool is_left_inbox = span_is(left->name, "INBOX");
    if (is_left_inbox || span_is(right->name, "INBOX"))
        return (int)!is_left_inbox - (int)!span_is(right->name, "INBOX");
    return span_compare(left->name, right->name);
}

static void make_entries(struct imap *imap, struct list_work *work, const struct store_list *list)
{
    struct map names;
    map_init(&names);
    size_t wanted = 0;
    for (size_t i = 0; i < list->count; i++)
        wanted += is_wanted(work, &list->mailboxes[i]);
    work->room = 2 * wanted + STORE_BARE_PARENTS_MAX;
    work->entries = arena_alloc(&imap->arena, work->room * sizeof(struct entry));
    for (size_t i = 0; i < list->count; i++) {
        const struct store_mailbox *mailbox = &list->mailboxes[i];
        if (!is_wanted(work, mailbox))
            continue;
        struct entry *entry = &work->entries[work->count++];
        *entry = (struct entry){.name = arena_copy(&imap->arena, mailbox->name),
                                .attributes = mailbox->attributes};
        entry->is_match = imap_pattern_matches(work->pattern, entry->name);
        (void)map_set(&names, entry->name, entry);
    }
    size_t own_count = work->count;
    for (size_t i = 0; i < own_count; i++)
        add_parents(work, i, &names);
    map_deinit(&names);
    for (size_t i = own_count; i < work->count; i++)
        work->entries[i].is_match = imap_pattern_matches(work->pattern, work->entries[i].name);
    qsort(work->entries, work->count, sizeof *work->entries, compare_entries);
}

static const struct {
    unsigned attribute;
    const char *text;
} list_attributes[] = {
    {STORE_MAILBOX_NOSELECT, " \\Noselect"}, {STORE_MAILBOX_DRAFTS, " \\Drafts"},
    {STORE_MAILBOX_SENT, " \\Sent"},         {STORE_MAILBOX_TRASH, " \\Trash"},
    {STORE_MAILBOX_JUNK, " \\Junk"},         {STORE_MAILBOX_ARCHIVE, " \\Archive"},
};

static void put_entry(struct buf *out, const struct list_work *work, const struct entry *entry)
{
    if (work->is_lsub) {
        /* RFC 3501 6.3.9: here it says that the name itself is not subscribed. */
        buf_puts(out, entry->is_parent_only ? "* LSUB (\\Noselect" : "* LSUB (");
    } else {
        buf_puts(out, entry->has_children ? "* LIST (\\HasChildren" : "* LIST (\\HasNoChildren");
        for (size_t i = 0; i < sizeof list_attributes / sizeof *list_attributes; i++) {
            if ((entry->attributes & list_attributes[i].attribute) != 0)
                buf_puts(out, list_attributes[i].text);
        }
    }
    buf_puts(out, ") \"/\" ");
    imap_put_mailbox(out, entry->name);
    buf_puts(out, "\r\n");
}

static struct verdict put_entries(struct imap *imap);

static struct verdict on_drained(void *session)
{
    return put_entries(session);
}

static struct verdict put_entries(struct imap *imap)
{
    struct list_work *work = imap->work;
    while (work->at < work->count) {
        const struct entry *entry = &work->entries[work->at++];
        /* RFC 3501 6.3.9: an unsubscribed parent is named only when '%' hides its children. */
        bool is_hidden = work->is_lsub && entry->is_parent_only && !entry->has_unmatched_child;
        if (entry->is_match && !is_hidden)
            put_entry(&imap->scratch, work, entry);
        if (imap->scratch.len < PIECE_SIZE)
            continue;
        imap_flush(imap);
        if (out_is_full(imap->host->out))
            return want_drain(on_drained);
    }
    imap_flush(imap);
    return imap_ok(imap, NULL, "Listed");
}

static struct verdict on_list(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_list *list = (const struct store_list *)(const void *)job;
    if (list->status != 0)
        return imap_no_status(imap, list->status, &list->fault, "list the mailboxes");
    make_entries(imap, imap->work, list);
    return put_entries(imap);
}

static struct verdict list(struct imap *imap, bool is_lsub)
{
    struct imap_args *args = &imap->args;
    struct span reference, pattern;
    if (!imap_args_space(args) || !imap_args_astring(args, &reference) || !imap_args_space(args) ||
        !imap_args_list_mailbox(args, &pattern) || !imap_args_end(args))
        return imap_bad_args(imap);

    if (pattern.len == 0 && !is_lsub) { /* asks for the separator only */
        out_puts(imap->host->out, "* LIST (\\Noselect) \"/\" \"\"\r\n");
        return imap_ok(imap, NULL, "Listed");
    }
    struct list_work *work = arena_new(&imap->arena, struct list_work);
    work->is_lsub = is_lsub;
    work->pattern = imap_pattern_create(reference, pattern, &imap->arena);
    if (work->pattern == NULL)
        return imap_bad(imap, "The pattern is too long or not valid modified UTF-7");
    imap_set_work(imap, work, NULL);
    struct store_list *job = store_list_create(imap->service->store, imap->account);
    return want_answer(&job->job, on_list);
}

struct verdict imap_cmd_list(struct imap *imap)
{
    return list(imap, false);
}

struct verdict imap_cmd_lsub(struct imap *imap)
{
    return list(imap, true);
}
