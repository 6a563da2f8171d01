/*
 * update: the session's view of its mailbox and the untagged responses that keep the client's in
 * step: FETCH (FLAGS), EXPUNGE, EXISTS, RECENT. What is told leaves in pieces as the output drains,
 * so a change of a million messages needs no more output memory than one.
 * Tests: tests/dialogue/imap (two sessions).
 */
#include "protocols/imap/update.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/out.h"
#include "protocols/imap/reply.h"

/* scratch goes out at this size, so that its growth is bounded. */
enum { PIECE_SIZE = 16 * 1024 };

static void on_mailbox_change(void *owner)
{
    struct imap *imap = owner;
    imap->selected->is_dirty = true;
    if (imap->is_idling)
        host_wake(imap->host);
}

static void take_keywords(struct imap_selected *selected, const struct store_delta *delta)
{
    size_t count = delta->keyword_count;
    selected->keywords = mem_realloc(selected->keywords, (count + 1) * sizeof(char *));
    for (size_t i = selected->keyword_count; i < count; i++)
        selected->keywords[i] = mem_strdup(delta->keywords[i]);
    selected->keyword_count = count;
}

void imap_select_mailbox(struct imap *imap, struct store_select *select, bool is_read_only)
{
    imap_deselect(imap);
    struct imap_selected *selected = mem_new(struct imap_selected);
    selected->id = select->mailbox.id;
    selected->is_read_only = is_read_only;
    selected->view = store_view_ref(select->delta.view);
    selected->newest = store_view_ref(select->delta.view);
    selected->modseq = select->delta.modseq;
    selected->uidnext = select->delta.uidnext;
    selected->recent_from = select->recent_from;
    take_keywords(selected, &select->delta);
    imap->selected = selected;
    imap->state = IMAP_SELECTED;
    selected->watch = store_watch_create(imap->service->store, imap->host->port, selected->id,
                                         on_mailbox_change, imap);
    /* What was committed between the select and the watch has rung no bell. */
    selected->is_dirty = true;
}

static void drop_update(struct imap_update *update)
{
    mem_free(update->rows);
    mem_free(update->vanished);
    *update = (struct imap_update){.then = update->then};
}

void imap_deselect(struct imap *imap)
{
    struct imap_selected *selected = imap->selected;
    if (selected == NULL)
        return;
    drop_update(&imap->update);
    store_watch_free(&selected->watch);
    store_view_unref(&selected->view);
    store_view_unref(&selected->newest);
    for (size_t i = 0; i < selected->keyword_count; i++)
        mem_free(selected->keywords[i]);
    mem_free(selected->keywords);
    mem_free(selected);
    imap->selected = NULL;
    imap->state = IMAP_AUTHENTICATED;
}

void imap_put_flag_lists(struct imap *imap)
{
    const struct imap_selected *selected = imap->selected;
    struct buf *out = &imap->scratch;
    uint64_t all = UINT64_MAX;

    buf_puts(out, "* FLAGS (");
    imap_put_flags(out, all, false, selected->keywords, selected->keyword_count);
    buf_puts(out, ")\r\n* OK [PERMANENTFLAGS (");
    if (!selected->is_read_only) {
        imap_put_flags(out, all, false, selected->keywords, selected->keyword_count);
        if (selected->keyword_count < store_keywords_max(imap->service->store))
            buf_puts(out, " \\*");
    }
    buf_puts(out, selected->is_read_only ? ")] Read-only\r\n" : ")] Kept\r\n");
}

uint32_t imap_recent_count(const struct imap_selected *selected)
{
    if (selected->recent_from == 0)
        return 0;
    return store_view_count(selected->view) -
           store_view_rank(selected->view, selected->recent_from - 1);
}

static bool is_in_ranges(uint32_t uid, const struct uid_range *ranges, size_t count, size_t *at)
{
    while (*at < count && ranges[*at].last < uid)
        (*at)++;
    return *at < count && ranges[*at].first <= uid;
}

/* Appends the rows that are to be told to those that wait. Both ascend, so one walk is enough. */
static void keep_rows(struct imap_update *update, const struct store_delta *delta,
                      const struct uid_range *silent, size_t silent_count)
{
    if (update->row_at == update->row_count)
        update->row_at = update->row_count = 0;
    size_t room = update->row_count + delta->changed_count, at = 0;
    update->rows = mem_realloc(update->rows, (room + 1) * sizeof *update->rows);
    for (size_t i = 0; i < delta->changed_count; i++) {
        if (!is_in_ranges(delta->changed[i].uid, silent, silent_count, &at))
            update->rows[update->row_count++] = delta->changed[i];
    }
}

static void put_flags_row(struct imap *imap, const struct store_flags_row *row)
{
    const struct imap_selected *selected = imap->selected;
    struct buf *out = &imap->scratch;
    uint32_t seq = store_view_seq(selected->view, row->uid);
    if (seq == 0)
        return;
    buf_puts(out, "* ");
    imap_put_number(out, seq);
    buf_puts(out, " FETCH (");
    if (imap_is_by_uid(imap)) {
        buf_puts(out, "UID ");
        imap_put_number(out, row->uid);
        buf_put_byte(out, ' ');
    }
    buf_puts(out, "FLAGS (");
    imap_put_flags(out, row->flags, row->uid >= selected->recent_from, selected->keywords,
                   selected->keyword_count);
    buf_puts(out, "))\r\n");
}

/* Each tell_... returns false when the output is full and there is more. */
static bool tell_rows(struct imap *imap)
{
    struct imap_update *update = &imap->update;
    while (update->row_at < update->row_count) {
        if (out_is_full(imap->host->out))
            return false;
        while (update->row_at < update->row_count && imap->scratch.len < PIECE_SIZE)
            put_flags_row(imap, &update->rows[update->row_at++]);
        imap_flush(imap);
    }
    mem_free(update->rows);
    update->rows = NULL;
    update->row_at = update->row_count = 0;
    return true;
}

/* From the highest number down: then no number that is still to be told shifts. */
static bool tell_vanished(struct imap *imap)
{
    struct imap_update *update = &imap->update;
    struct buf *out = &imap->scratch;

    while (update->vanished_count > 0) {
        if (out_is_full(imap->host->out))
            return false;
        struct uid_range *range = &update->vanished[update->vanished_count - 1];
        uint32_t seq = store_view_seq(imap->selected->view, range->last);
        bool is_done = false;
        while (!is_done && out->len < PIECE_SIZE) {
            buf_puts(out, "* ");
            imap_put_number(out, seq--);
            buf_puts(out, " EXPUNGE\r\n");
            is_done = range->last == range->first;
            range->last -= !is_done;
        }
        update->vanished_count -= is_done;
        if (out->len >= PIECE_SIZE || update->vanished_count == 0)
            imap_flush(imap);
    }
    return true;
}

static void tell_exists(struct imap *imap)
{
    struct buf *out = &imap->scratch;
    buf_puts(out, "* ");
    imap_put_number(out, store_view_count(imap->selected->view));
    buf_puts(out, " EXISTS\r\n* ");
    imap_put_number(out, imap_recent_count(imap->selected));
    buf_puts(out, " RECENT\r\n");
    imap_flush(imap);
}

/* The view moves: to the newest where numbers may change, else only new mail is added to it. */
static void move_view(struct imap *imap, bool may_renumber)
{
    struct imap_selected *selected = imap->selected;
    bool has_new = store_view_last_uid(selected->newest) > store_view_last_uid(selected->view);
    struct store_view *next = NULL;
    if (may_renumber)
        next = store_view_ref(selected->newest);
    else if (has_new)
        next = store_view_extend(selected->view, selected->newest);
    if (next == NULL)
        return;

    store_view_unref(&selected->view);
    selected->view = next;
    if (!has_new)
        return;
    if (!selected->is_read_only)
        store_claim_recent(imap->service->store, selected->id, store_view_last_uid(next) + 1);
    tell_exists(imap);
}

/* RFC 3501 has no way to say that a mailbox was closed under a client but BYE (RFC 2180 3.3); who
 * deleted it himself knows. */
static struct verdict lose_mailbox(struct imap *imap)
{
    imap_handler_fn *then = imap->update.then;
    if (!imap->selected->is_own_delete)
        return imap_bye(imap, "The selected mailbox was deleted");
    imap_deselect(imap);
    out_puts(imap->host->out, "* OK [CLOSED] The mailbox is closed\r\n");
    return then(imap);
}

static struct verdict tell_all(struct imap *imap);

static struct verdict on_told(void *session)
{
    return tell_all(session);
}

static struct verdict tell_all(struct imap *imap)
{
    struct imap_selected *selected = imap->selected;
    struct imap_update *update = &imap->update;
    if (selected->is_gone)
        return lose_mailbox(imap);
    if (!tell_rows(imap))
        return want_drain(on_told);

    bool may_renumber = imap->command == NULL || (imap->command->traits & IMAP_KEEPS_NUMBERS) == 0;
    if (may_renumber && selected->view != selected->newest) {
        if (update->vanished == NULL)
            update->vanished =
                store_view_missing(selected->view, selected->newest, &update->vanished_count);
        if (!tell_vanished(imap))
            return want_drain(on_told);
        mem_free(update->vanished);
        update->vanished = NULL;
    }
    if (selected->view != selected->newest)
        move_view(imap, may_renumber);
    return update->then(imap);
}

void imap_take_delta(struct imap *imap, const struct store_delta *delta,
                     const struct uid_range *silent, size_t silent_count)
{
    struct imap_selected *selected = imap->selected;
    if (delta->is_gone) {
        selected->is_gone = true;
        return;
    }
    if (delta->keyword_count > selected->keyword_count) {
        take_keywords(selected, delta);
        imap_put_flag_lists(imap);
        imap_flush(imap);
    }
    selected->modseq = delta->modseq;
    selected->uidnext = delta->uidnext;
    struct store_view *newest = store_view_ref(delta->view);
    store_view_unref(&selected->newest);
    selected->newest = newest;
    keep_rows(&imap->update, delta, silent, silent_count);
    (void)tell_rows(imap); /* what does not fit now is told when the command ends */
}

bool imap_has_untold(const struct imap *imap)
{
    return imap->update.row_at < imap->update.row_count;
}

static struct verdict on_changes(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_changes *changes = (const struct store_changes *)(const void *)job;
    if (changes->status == 0) {
        imap_take_delta(imap, &changes->delta, NULL, 0);
        return tell_all(imap);
    }
    struct log_line line;
    imap_log_begin(imap, &line, LOG_ERROR, "store-failed");
    log_text(&line, "what", "ask for changes");
    log_text(&line, "why", changes->fault.text);
    log_end(&line);
    imap->selected->is_dirty = !imap->is_idling; /* no loop of failures while idling */
    return tell_all(imap);
}

struct verdict imap_tell(struct imap *imap, imap_handler_fn *then)
{
    struct imap_selected *selected = imap->selected;
    imap->update.then = then;
    if (selected == NULL)
        return then(imap);
    if (!selected->is_dirty || selected->is_gone)
        return tell_all(imap);
    selected->is_dirty = false;
    struct store_changes *changes = store_changes_create(imap->service->store, selected->id,
                                                         selected->modseq, selected->uidnext);
    return want_answer(&changes->job, on_changes);
}
