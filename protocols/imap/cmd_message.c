/*
 * cmd_message: STORE, COPY, MOVE, EXPUNGE and their UID forms (RFC 3501 6.4, RFC 4315, RFC 6851).
 * The store answers each with the delta that update.c tells. Tests: tests/dialogue/imap/store.dlg,
 * copy.dlg (MOVE too), expunge.dlg.
 */
#include "base/err.h"
#include "net/out.h"
#include "protocols/imap/flag_args.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/mailbox_name.h"
#include "protocols/imap/message_set.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/update.h"

bool imap_message_set_read(struct imap *imap, struct imap_uid_set *out)
{
    struct imap_args *args = &imap->args;
    struct span text;
    struct imap_seqset set;
    if (!imap_args_sequence_set(args, &text))
        return false;
    if (!imap_seqset_parse(text, &imap->arena, &set))
        return imap_args_fail(args, "the sequence set is malformed");
    enum imap_seqset_kind kind = imap_is_by_uid(imap) ? IMAP_UIDS : IMAP_SEQUENCE_NUMBERS;
    return imap_seqset_resolve(&set, kind, imap->selected->view, &imap->arena, out) ||
           imap_args_fail(args, "the sequence set names messages that are not there");
}

/* One job changes at most so many messages: its delta stays small and others get their turn. */
enum { STORE_SLICE = 10000 };

struct store_work {
    struct imap_uid_set set;
    size_t at;             /* the range that comes next; its first moves on when it is split */
    struct uid_range *cut; /* the ranges of the slice under way */
    size_t cut_count;
    enum store_flags_action action;
    bool is_silent;
    struct imap_flag_args flags;
};

static struct verdict store_next(struct imap *imap);

static struct verdict on_store_drained(void *session)
{
    return store_next(session);
}

static struct verdict on_stored(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_work *work = imap->work;
    const struct store_change_flags *done = (const struct store_change_flags *)(const void *)job;
    if (done->status == ERR_LIMIT)
        return imap_no(imap, "LIMIT", "The mailbox has as many keywords as it may have");
    if (done->status != 0)
        return imap_no_status(imap, done->status, &done->fault, "change the flags");

    imap_take_delta(imap, &done->delta, work->is_silent ? work->cut : NULL,
                    work->is_silent ? work->cut_count : 0);
    if (imap->selected->is_gone)
        return imap_ok(imap, NULL, "Done"); /* the end of the command says BYE */
    return imap_has_untold(imap) ? want_drain(on_store_drained) : store_next(imap);
}

/* Moves up to STORE_SLICE messages from the set into cut. */
static void cut_slice(struct store_work *work)
{
    uint32_t room = STORE_SLICE;
    work->cut_count = 0;
    while (work->at < work->set.count && room > 0) {
        struct uid_range *range = &work->set.ranges[work->at];
        struct uid_range *part = &work->cut[work->cut_count++];
        *part = *range;
        if (range->last - range->first >= room) {
            part->last = range->first + room - 1;
            range->first = part->last + 1;
            return;
        }
        room -= range->last - range->first + 1;
        work->at++;
    }
}

static struct verdict store_next(struct imap *imap)
{
    struct store_work *work = imap->work;
    const struct imap_selected *selected = imap->selected;
    cut_slice(work);
    if (work->cut_count == 0)
        return imap_ok(imap, NULL, "Stored");
    struct store_change_flags *job =
        store_change_flags_create(imap->service->store, selected->id, work->cut, work->cut_count,
                                  work->action, work->flags.flags, work->flags.keywords,
                                  work->flags.keyword_count, selected->modseq, selected->uidnext);
    return want_answer(&job->job, on_stored);
}

/* ["+" / "-"] "FLAGS" [".SILENT"] */
static bool read_action(struct imap_args *args, struct store_work *work)
{
    work->action = STORE_FLAGS_SET;
    if (imap_args_skip(args, '+'))
        work->action = STORE_FLAGS_ADD;
    else if (imap_args_skip(args, '-'))
        work->action = STORE_FLAGS_REMOVE;

    struct span word;
    if (!imap_args_word(args, &word))
        return false;
    work->is_silent = span_is_nocase(word, "FLAGS.SILENT");
    return work->is_silent || span_is_nocase(word, "FLAGS") ||
           imap_args_fail(args, "FLAGS or FLAGS.SILENT is expected");
}

struct verdict imap_cmd_store(struct imap *imap)
{
    struct imap_args *args = &imap->args;
    struct store_work *work = arena_new(&imap->arena, struct store_work);
    if (!imap_args_space(args) || !imap_message_set_read(imap, &work->set) ||
        !imap_args_space(args) || !read_action(args, work) || !imap_args_space(args) ||
        !imap_flag_args_read(args, false, &work->flags) || !imap_args_end(args))
        return imap_bad_args(imap);

    work->cut = arena_alloc(&imap->arena, (work->set.count + 1) * sizeof *work->cut);
    imap_set_work(imap, work, NULL);
    /* .SILENT hides our own changes only: others' are told before they mix with ours. */
    return work->is_silent ? imap_tell(imap, store_next) : store_next(imap);
}

struct copy_work {
    enum store_copy_action action;
};

/* "COPYUID validity source target" */
static void put_copyuid(struct buf *code, const struct store_copy *copy)
{
    if (copy->source_count == 0)
        return;
    buf_puts(code, "COPYUID ");
    imap_put_number(code, copy->uidvalidity);
    buf_put_byte(code, ' ');
    imap_put_set(code, copy->source, copy->source_count);
    buf_put_byte(code, ' ');
    imap_put_set(code, copy->target, copy->target_count);
}

/* MOVE's COPYUID comes before its EXPUNGEs, in an untagged OK (RFC 6851 4.3). */
static struct verdict end_move(struct imap *imap, struct span code)
{
    if (code.len > 0) {
        buf_puts(&imap->scratch, "* OK [");
        buf_put(&imap->scratch, code);
        buf_puts(&imap->scratch, "] Moved\r\n");
        imap_flush(imap);
    }
    return imap_ok(imap, NULL, "Moved");
}

static struct verdict on_copied(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_copy *copy = (const struct store_copy *)(const void *)job;
    const struct copy_work *work = imap->work;
    if (copy->status == ERR_NOT_FOUND)
        return imap_no(imap, "TRYCREATE", "There is no such mailbox");
    if (copy->status == ERR_INVALID && work->action == STORE_COPY_ALL) {
        imap->selected->is_dirty = true; /* and now it is told which */
        return imap_no(imap, "EXPUNGEISSUED", "Nothing was copied: some of them were expunged");
    }
    if (copy->status != 0)
        return imap_no_status(imap, copy->status, &copy->fault, "copy the messages");

    enum store_copy_action action = work->action;
    struct buf code;
    buf_init(&code, 0);
    put_copyuid(&code, copy);
    struct verdict verdict;
    if (action == STORE_MOVE) {
        imap_take_delta(imap, &copy->delta, NULL, 0);
        verdict = end_move(imap, buf_span(&code));
    } else {
        /* The target may be the selected mailbox: its EXISTS comes before our OK. */
        imap->selected->is_dirty = true;
        verdict = imap_reply(imap, IMAP_OK, buf_span(&code), "Copied");
    }
    buf_release(&code);
    return verdict;
}

static struct verdict copy(struct imap *imap, enum store_copy_action action)
{
    struct imap_args *args = &imap->args;
    struct imap_uid_set set = {0};
    struct span text, name;
    const char *error = NULL;
    if (!imap_args_space(args) || !imap_message_set_read(imap, &set) || !imap_args_space(args) ||
        !imap_args_astring(args, &text) || !imap_args_end(args))
        return imap_bad_args(imap);
    if (!imap_name_parse(text, IMAP_NAME_LOOKUP, &imap->arena, &name, &error))
        return imap_no(imap, "NONEXISTENT", error);
    if (set.count == 0)
        return imap_ok(imap, NULL, "No such messages");

    struct copy_work *work = arena_new(&imap->arena, struct copy_work);
    work->action = action;
    imap_set_work(imap, work, NULL);
    const struct imap_selected *selected = imap->selected;
    struct store_copy *job =
        store_copy_create(imap->service->store, selected->id, set.ranges, set.count, imap->account,
                          name, action, selected->modseq, selected->uidnext);
    return want_answer(&job->job, on_copied);
}

struct verdict imap_cmd_copy(struct imap *imap)
{
    /* RFC 3501 6.4.7: all or nothing. UIDs that are not there are no error (6.4.8). */
    return copy(imap, imap_is_by_uid(imap) ? STORE_COPY : STORE_COPY_ALL);
}

struct verdict imap_cmd_move(struct imap *imap)
{
    return copy(imap, STORE_MOVE);
}

static struct verdict on_expunged(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_expunge *done = (const struct store_expunge *)(const void *)job;
    if (done->status != 0)
        return imap_no_status(imap, done->status, &done->fault, "expunge");
    imap_take_delta(imap, &done->delta, NULL, 0);
    return imap_ok(imap, NULL, "Expunged");
}

struct verdict imap_cmd_expunge(struct imap *imap)
{
    struct imap_args *args = &imap->args;
    struct imap_uid_set set = {0};
    bool is_uid = imap_is_by_uid(imap);
    if (is_uid &&
        (!imap_args_space(args) || !imap_message_set_read(imap, &set) || !imap_args_end(args)))
        return imap_bad_args(imap);
    if (is_uid && set.count == 0)
        return imap_ok(imap, NULL, "No such messages");

    const struct imap_selected *selected = imap->selected;
    struct store_expunge *job =
        store_expunge_create(imap->service->store, selected->id, set.ranges, set.count,
                             STORE_EXPUNGE_DELETED, selected->modseq, selected->uidnext);
    return want_answer(&job->job, on_expunged);
}
