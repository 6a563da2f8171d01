/*
 * cmd_select: SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 6.3.1, 6.3.2, 6.4.2, RFC 3691) and IDLE
 * (RFC 2177). The view that SELECT opens is update.c's.
 * Tests: tests/dialogue/imap/select.dlg, idle.dlg.
 */
#include "net/out.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/mailbox_name.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/update.h"

struct select_work {
    enum store_select_mode mode;
};

static void put_line(struct buf *out, const char *before, uint64_t number, const char *behind)
{
    buf_puts(out, before);
    imap_put_number(out, number);
    buf_puts(out, behind);
}

static void put_mailbox(struct imap *imap, const struct store_select *select)
{
    const struct imap_selected *selected = imap->selected;
    struct buf *out = &imap->scratch;
    imap_put_flag_lists(imap);
    put_line(out, "* ", store_view_count(selected->view), " EXISTS\r\n");
    put_line(out, "* ", imap_recent_count(selected), " RECENT\r\n");
    uint32_t first_unseen = store_view_seq(selected->view, select->first_unseen_uid);
    if (first_unseen != 0)
        put_line(out, "* OK [UNSEEN ", first_unseen, "] First unseen\r\n");
    put_line(out, "* OK [UIDVALIDITY ", select->mailbox.uidvalidity, "] Valid\r\n");
    put_line(out, "* OK [UIDNEXT ", selected->uidnext, "] Next\r\n");
    imap_flush(imap);
}

static struct verdict on_select(void *session, struct job *job)
{
    struct imap *imap = session;
    struct store_select *select = (struct store_select *)(void *)job;
    const struct select_work *work = imap->work;
    if (select->status != 0)
        return imap_no_status(imap, select->status, &select->fault, "open the mailbox");

    bool is_read_only = work->mode == STORE_EXAMINE;
    imap_select_mailbox(imap, select, is_read_only);
    put_mailbox(imap, select);

    struct log_line line;
    imap_log_begin(imap, &line, LOG_DEBUG, "select");
    log_span(&line, "mailbox", select->mailbox.name);
    log_int(&line, "messages", store_view_count(imap->selected->view));
    log_end(&line);
    return imap_ok(imap, is_read_only ? "READ-ONLY" : "READ-WRITE", "Selected");
}

static struct verdict select_mailbox(struct imap *imap, enum store_select_mode mode)
{
    struct imap_args *args = &imap->args;
    struct span text, name;
    const char *error = NULL;
    if (!imap_args_space(args) || !imap_args_astring(args, &text) || !imap_args_end(args))
        return imap_bad_args(imap);

    /* Whatever becomes of it, the mailbox that was open is closed (RFC 3501 6.3.1). */
    if (imap->selected != NULL)
        out_puts(imap->host->out, "* OK [CLOSED] The previous mailbox is closed\r\n");
    imap_deselect(imap);
    if (!imap_name_parse(text, IMAP_NAME_LOOKUP, &imap->arena, &name, &error))
        return imap_no(imap, "NONEXISTENT", error);

    struct select_work *work = arena_new(&imap->arena, struct select_work);
    work->mode = mode;
    imap_set_work(imap, work, NULL);
    struct store_select *job = store_select_create(imap->service->store, imap->account, name, mode);
    return want_answer(&job->job, on_select);
}

struct verdict imap_cmd_select(struct imap *imap)
{
    return select_mailbox(imap, STORE_SELECT);
}

struct verdict imap_cmd_examine(struct imap *imap)
{
    return select_mailbox(imap, STORE_EXAMINE);
}

struct verdict imap_cmd_unselect(struct imap *imap)
{
    imap_deselect(imap);
    return imap_ok(imap, NULL, "Closed, nothing expunged");
}

static struct verdict on_close(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_expunge *expunge = (const struct store_expunge *)(const void *)job;
    int status = expunge->delta.is_gone ? 0 : expunge->status;
    imap_deselect(imap);
    if (status != 0)
        return imap_no_status(imap, status, &expunge->fault, "expunge; the mailbox is closed");
    return imap_ok(imap, NULL, "Closed");
}

struct verdict imap_cmd_close(struct imap *imap)
{
    struct imap_selected *selected = imap->selected;
    if (selected->is_read_only) {
        imap_deselect(imap);
        return imap_ok(imap, NULL, "Closed, nothing expunged");
    }
    struct store_expunge *job =
        store_expunge_create(imap->service->store, selected->id, NULL, 0, STORE_EXPUNGE_DELETED,
                             selected->modseq, selected->uidnext);
    return want_answer(&job->job, on_close);
}

static struct verdict on_done(void *session, enum line_fault fault, struct span line)
{
    struct imap *imap = session;
    imap->is_idling = false;
    if (fault != LINE_OK || !span_is_nocase(line, "DONE"))
        return imap_bad(imap, "DONE is expected");
    return imap_ok(imap, NULL, "Idle ended");
}

enum { DONE_LINE_MAX = 64 };

static struct verdict idle_wait(struct imap *imap)
{
    return imap_want_line(imap, DONE_LINE_MAX, on_done);
}

struct verdict imap_idle_update(struct imap *imap)
{
    return imap_tell(imap, idle_wait);
}

struct verdict imap_cmd_idle(struct imap *imap)
{
    out_puts(imap->host->out, "+ Idling\r\n");
    imap->is_idling = true;
    /* An idle connection holds no buffers. */
    imap_lexer_reset(&imap->lexer);
    arena_reset(&imap->arena);
    buf_release(&imap->scratch);
    if (imap->selected != NULL)
        imap->selected->is_dirty = true;
    return imap_idle_update(imap);
}
