/*
 * cmd_mailbox: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE and STATUS (RFC 3501 6.3,
 * RFC 2342, CREATE-SPECIAL-USE of RFC 6154, STATUS APPENDLIMIT of RFC 7889). The store changes
 * mailboxes; listing them is cmd_list.c's. Tests: tests/dialogue/imap/mailbox.dlg, status.dlg.
 */
#include "base/err.h"
#include "net/out.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/mailbox_name.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/update.h"

static bool read_name(struct imap *imap, enum imap_name_use use, struct span *out)
{
    struct imap_args *args = &imap->args;
    struct span text;
    const char *error = NULL;
    if (!imap_args_space(args) || !imap_args_astring(args, &text))
        return false;
    const char *code = use == IMAP_NAME_MAKE ? "CANNOT" : "NONEXISTENT";
    return imap_name_parse(text, use, &imap->arena, out, &error) ||
           imap_args_refuse(args, code, error);
}

static struct verdict on_changed(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_change_mailbox *change =
        (const struct store_change_mailbox *)(const void *)job;
    if (change->status != 0)
        return imap_no_status(imap, change->status, &change->fault, "change the mailbox");
    return imap_ok(imap, NULL, "Done");
}

static struct verdict on_deleted(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_change_mailbox *change =
        (const struct store_change_mailbox *)(const void *)job;
    if (change->status == 0 && imap->selected != NULL) {
        imap->selected->is_own_delete = true;
        imap->selected->is_dirty = true;
    }
    return on_changed(session, job);
}

static struct verdict change(struct imap *imap, enum store_mailbox_action action, struct span name,
                             struct span new_name, unsigned attributes)
{
    if (!imap_args_end(&imap->args))
        return imap_bad_args(imap);
    struct store_change_mailbox *job = store_change_mailbox_create(
        imap->service->store, imap->account, action, name, new_name, attributes);
    return want_answer(&job->job, action == STORE_MAILBOX_DELETE ? on_deleted : on_changed);
}

static const struct {
    const char *name;
    unsigned attribute;
} special_uses[] = {
    {"\\Drafts", STORE_MAILBOX_DRAFTS},   {"\\Sent", STORE_MAILBOX_SENT},
    {"\\Trash", STORE_MAILBOX_TRASH},     {"\\Junk", STORE_MAILBOX_JUNK},
    {"\\Archive", STORE_MAILBOX_ARCHIVE},
};

struct uses {
    unsigned attributes;
    bool has_unknown;
};

static bool each_use(void *owner, struct imap_args *args, struct span flag)
{
    (void)args;
    struct uses *uses = owner;
    unsigned attribute = 0;
    for (size_t i = 0; i < sizeof special_uses / sizeof *special_uses; i++) {
        if (span_is_nocase(flag, special_uses[i].name))
            attribute = special_uses[i].attribute;
    }
    uses->attributes |= attribute;
    uses->has_unknown = uses->has_unknown || attribute == 0;
    return true;
}

/* SP "(" "USE" SP "(" uses ")" ")" */
static bool read_uses(struct imap_args *args, struct uses *out)
{
    struct span word;
    if (imap_args_at_end(args))
        return true;
    if (!imap_args_space(args) || !imap_args_open(args) || !imap_args_word(args, &word))
        return false;
    if (!span_is_nocase(word, "USE"))
        return imap_args_fail(args, "USE is expected");
    return imap_args_space(args) && imap_args_flags(args, true, each_use, out) &&
           imap_args_close(args);
}

struct verdict imap_cmd_create(struct imap *imap)
{
    struct span name;
    struct uses uses = {0};
    if (!read_name(imap, IMAP_NAME_MAKE, &name) || !read_uses(&imap->args, &uses))
        return imap_bad_args(imap);
    if (uses.has_unknown)
        return imap_no(imap, "USEATTR", "That special use is not supported");
    return change(imap, STORE_MAILBOX_MAKE, name, (struct span){0}, uses.attributes);
}

static struct verdict change_name(struct imap *imap, enum store_mailbox_action action)
{
    struct span name;
    if (!read_name(imap, IMAP_NAME_LOOKUP, &name))
        return imap_bad_args(imap);
    return change(imap, action, name, (struct span){0}, 0);
}

struct verdict imap_cmd_delete(struct imap *imap)
{
    return change_name(imap, STORE_MAILBOX_DELETE);
}

struct verdict imap_cmd_subscribe(struct imap *imap)
{
    return change_name(imap, STORE_MAILBOX_SUBSCRIBE);
}

struct verdict imap_cmd_unsubscribe(struct imap *imap)
{
    return change_name(imap, STORE_MAILBOX_UNSUBSCRIBE);
}

struct verdict imap_cmd_rename(struct imap *imap)
{
    struct span name, new_name;
    if (!read_name(imap, IMAP_NAME_LOOKUP, &name) || !read_name(imap, IMAP_NAME_MAKE, &new_name))
        return imap_bad_args(imap);
    return change(imap, STORE_MAILBOX_RENAME, name, new_name, 0);
}

struct verdict imap_cmd_namespace(struct imap *imap)
{
    out_puts(imap->host->out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    return imap_ok(imap, NULL, "One namespace, yours");
}

enum status_item {
    STATUS_MESSAGES = 1,
    STATUS_RECENT = 2,
    STATUS_UIDNEXT = 4,
    STATUS_UIDVALIDITY = 8,
    STATUS_UNSEEN = 16,
    STATUS_APPENDLIMIT = 32
};

static const struct {
    const char *name;
    unsigned item;
} status_items[] = {
    {"MESSAGES", STATUS_MESSAGES}, {"RECENT", STATUS_RECENT},
    {"UIDNEXT", STATUS_UIDNEXT},   {"UIDVALIDITY", STATUS_UIDVALIDITY},
    {"UNSEEN", STATUS_UNSEEN},     {"APPENDLIMIT", STATUS_APPENDLIMIT},
};
enum { STATUS_ITEM_COUNT = sizeof status_items / sizeof *status_items };

static bool read_item(struct imap_args *args, unsigned *items)
{
    struct span word;
    if (!imap_args_word(args, &word))
        return false;
    for (size_t i = 0; i < STATUS_ITEM_COUNT; i++) {
        if (!span_is_nocase(word, status_items[i].name))
            continue;
        *items |= status_items[i].item;
        return true;
    }
    return imap_args_fail(args, "there is no such status item");
}

static bool read_items(struct imap_args *args, unsigned *items)
{
    if (!imap_args_space(args) || !imap_args_open(args))
        return false;
    do {
        if (!read_item(args, items))
            return false;
    } while (imap_args_skip(args, ' '));
    return imap_args_close(args) && imap_args_end(args);
}

struct status_work {
    unsigned items;
};

static uint64_t status_value(const struct imap *imap, const struct store_mailbox *mailbox,
                             unsigned item)
{
    switch (item) {
    case STATUS_MESSAGES:
        return mailbox->messages;
    case STATUS_RECENT:
        return mailbox->recent;
    case STATUS_UIDNEXT:
        return mailbox->uidnext;
    case STATUS_UIDVALIDITY:
        return mailbox->uidvalidity;
    case STATUS_UNSEEN:
        return mailbox->unseen;
    default:
        return imap->service->append_size_max;
    }
}

static struct verdict on_status(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_status *status = (const struct store_status *)(const void *)job;
    if (status->status != 0)
        return imap_no_status(imap, status->status, &status->fault, "look at the mailbox");

    const struct status_work *work = imap->work;
    struct buf *out = &imap->scratch;
    buf_puts(out, "* STATUS ");
    imap_put_mailbox(out, status->mailbox.name);
    const char *separator = " (";
    for (size_t i = 0; i < STATUS_ITEM_COUNT; i++) {
        if ((work->items & status_items[i].item) == 0)
            continue;
        buf_puts(out, separator);
        buf_puts(out, status_items[i].name);
        buf_put_byte(out, ' ');
        imap_put_number(out, status_value(imap, &status->mailbox, status_items[i].item));
        separator = " ";
    }
    buf_puts(out, ")\r\n");
    imap_flush(imap);
    return imap_ok(imap, NULL, "Done");
}

struct verdict imap_cmd_status(struct imap *imap)
{
    struct span name;
    struct status_work *work = arena_new(&imap->arena, struct status_work);
    if (!read_name(imap, IMAP_NAME_LOOKUP, &name) || !read_items(&imap->args, &work->items))
        return imap_bad_args(imap);
    imap_set_work(imap, work, NULL);
    struct store_status *job = store_status_create(imap->service->store, imap->account, name);
    return want_answer(&job->job, on_status);
}
