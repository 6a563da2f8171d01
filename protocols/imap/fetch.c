/*
 * fetch: FETCH and UID FETCH (RFC 3501 6.4.5, 7.4.2). Rows come from the store in slices that grow
 * while the peer keeps up; a slice without sections is answered at once, one with sections message
 * by message as the output drains (body.h). The implicit \Seen is one change at the end.
 * Tests: tests/dialogue/imap/fetch.dlg; grammar in fetch_args.c.
 */
#include "base/err.h"
#include "base/mem.h"
#include "mail/date.h"
#include "mail/mime.h"
#include "net/out.h"
#include "protocols/imap/body.h"
#include "protocols/imap/message_set.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/update.h"

/* Bytes of rows asked for at once: little for the first, so that it is there soon. */
enum { SLICE_FIRST = 16 * 1024, SLICE_MAX = 256 * 1024, PIECE_SIZE = 16 * 1024 };

struct fetch {
    struct imap *imap;
    struct imap_uid_set set;
    struct imap_fetch_args wanted;
    unsigned what; /* of enum store_fetch_what */
    uint32_t next_uid;
    size_t slice_size;
    size_t first_range; /* ranges before it are done */

    /* Only with sections: the slice's rows, and the section under way. */
    struct arena row_memory;
    struct store_row *rows;
    size_t row_count, row_at;
    bool is_row_open;
    bool has_items; /* of the response under way */
    const struct imap_section *section;
    struct imap_body body;
    bool is_body_open;

    struct uid_range *unseen; /* to be marked \Seen at the end; owned */
    size_t unseen_count, unseen_room;
    bool marks_seen; /* a section is not a PEEK */
    bool has_failed; /* a body could not be read */
};

static void fetch_free(void *work)
{
    struct fetch *fetch = work;
    if (fetch->is_body_open)
        imap_body_deinit(&fetch->body);
    arena_reset(&fetch->row_memory);
    mem_free(fetch->unseen);
    mem_free(fetch);
}

static struct verdict want_slice(struct fetch *fetch);
static struct verdict run_rows(struct fetch *fetch);

/* The first item opens the list, the others follow a space. */
static void put_item(struct fetch *fetch, const char *name)
{
    struct buf *out = &fetch->imap->scratch;
    buf_put_byte(out, fetch->has_items ? ' ' : '(');
    buf_puts(out, name);
    fetch->has_items = true;
}

static void put_date(struct buf *out, int64_t seconds)
{
    char text[DATE_TEXT_SIZE];
    date_imap(seconds, text);
    buf_put_byte(out, '"');
    buf_puts(out, text);
    buf_put_byte(out, '"');
}

/* What a message that was never scanned still answers. */
static struct span or_default(struct span text, const char *otherwise)
{
    return text.len > 0 ? text : span_of(otherwise);
}

static const char no_envelope[] = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
static const char no_structure[] =
    "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)";

static void put_renderings(struct fetch *fetch, const struct store_row *row)
{
    struct buf *out = &fetch->imap->scratch;
    unsigned items = fetch->wanted.items;
    struct span structure = or_default(row->structure, no_structure);
    if ((items & IMAP_FETCH_ENVELOPE) != 0) {
        put_item(fetch, "ENVELOPE ");
        buf_put(out, or_default(row->envelope, no_envelope));
    }
    if ((items & IMAP_FETCH_BODYSTRUCTURE) != 0) {
        put_item(fetch, "BODYSTRUCTURE ");
        buf_put(out, structure);
    }
    if ((items & IMAP_FETCH_BODY) != 0) {
        put_item(fetch, "BODY ");
        mime_body_from_structure(structure, out);
    }
}

/* "* 5 FETCH (UID 7 FLAGS (...)" without the end; false when the message is not in the view. */
static bool put_row(struct fetch *fetch, const struct store_row *row)
{
    const struct imap_selected *selected = fetch->imap->selected;
    struct buf *out = &fetch->imap->scratch;
    unsigned items = fetch->wanted.items;
    uint32_t seq = store_view_seq(selected->view, row->uid);
    if (seq == 0)
        return false;

    fetch->has_items = false;
    buf_puts(out, "* ");
    imap_put_number(out, seq);
    buf_puts(out, " FETCH ");
    if ((items & IMAP_FETCH_UID) != 0) {
        put_item(fetch, "UID ");
        imap_put_number(out, row->uid);
    }
    if ((items & IMAP_FETCH_FLAGS) != 0) {
        put_item(fetch, "FLAGS (");
        imap_put_flags(out, row->flags, row->uid >= selected->recent_from, selected->keywords,
                       selected->keyword_count);
        buf_put_byte(out, ')');
    }
    if ((items & IMAP_FETCH_INTERNALDATE) != 0) {
        put_item(fetch, "INTERNALDATE ");
        put_date(out, row->saved_s);
    }
    if ((items & IMAP_FETCH_SIZE) != 0) {
        put_item(fetch, "RFC822.SIZE ");
        imap_put_number(out, row->size);
    }
    put_renderings(fetch, row);
    return true;
}

static struct verdict on_slice_drained(void *session)
{
    struct imap *imap = session;
    return want_slice(imap->work);
}

static struct verdict on_seen(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_change_flags *done = (const struct store_change_flags *)(const void *)job;
    if (done->status != 0)
        return imap_no_status(imap, done->status, &done->fault, "mark the messages as seen");
    imap_take_delta(imap, &done->delta, NULL, 0);
    return imap_ok(imap, NULL, "Fetched");
}

static struct verdict finish(struct fetch *fetch)
{
    struct imap *imap = fetch->imap;
    const struct imap_selected *selected = imap->selected;
    imap->is_streaming = false;
    if (fetch->has_failed)
        return imap_no(imap, "UNAVAILABLE", "Could not read some of the messages");
    if (fetch->unseen_count == 0)
        return imap_ok(imap, NULL, "Fetched");
    struct store_change_flags *job = store_change_flags_create(
        imap->service->store, selected->id, fetch->unseen, fetch->unseen_count, STORE_FLAGS_ADD,
        STORE_SEEN, NULL, 0, selected->modseq, selected->uidnext);
    return want_answer(&job->job, on_seen);
}

/* The slice is told: the next one, when the output has room. */
static struct verdict end_slice(struct fetch *fetch)
{
    if (fetch->next_uid == 0)
        return finish(fetch);
    if (out_is_full(fetch->imap->host->out)) {
        fetch->slice_size = SLICE_FIRST;
        return want_drain(on_slice_drained);
    }
    if (fetch->slice_size < SLICE_MAX)
        fetch->slice_size *= 2;
    return want_slice(fetch);
}

static struct verdict put_slice(struct fetch *fetch, const struct store_fetch *slice)
{
    struct imap *imap = fetch->imap;
    for (size_t i = 0; i < slice->count; i++) {
        if (put_row(fetch, &slice->rows[i]))
            buf_puts(&imap->scratch, ")\r\n");
        if (imap->scratch.len >= PIECE_SIZE)
            imap_flush(imap);
    }
    imap_flush(imap);
    return end_slice(fetch);
}

/* The job goes when its answer was taken, the rows are needed until their bodies are sent. */
static void keep_rows(struct fetch *fetch, const struct store_fetch *slice)
{
    arena_reset(&fetch->row_memory);
    fetch->rows = arena_alloc(&fetch->row_memory, (slice->count + 1) * sizeof *fetch->rows);
    fetch->row_count = slice->count;
    fetch->row_at = 0;
    for (size_t i = 0; i < slice->count; i++) {
        struct store_row *row = &fetch->rows[i];
        *row = slice->rows[i];
        row->envelope = arena_copy(&fetch->row_memory, row->envelope);
        row->structure = arena_copy(&fetch->row_memory, row->structure);
        row->parts = arena_copy(&fetch->row_memory, row->parts);
    }
}

static struct verdict on_slice(void *session, struct job *job)
{
    struct imap *imap = session;
    struct fetch *fetch = imap->work;
    const struct store_fetch *slice = (const struct store_fetch *)(const void *)job;
    if (slice->status != 0)
        return imap_no_status(imap, slice->status, &slice->fault, "read the messages");
    fetch->next_uid = slice->next_uid;
    if (fetch->wanted.sections == NULL)
        return put_slice(fetch, slice);
    keep_rows(fetch, slice);
    return run_rows(fetch);
}

static struct verdict want_slice(struct fetch *fetch)
{
    /* Ranges behind us are not given again, so a set of many ranges costs no square. */
    while (fetch->first_range + 1 < fetch->set.count &&
           fetch->set.ranges[fetch->first_range].last < fetch->next_uid)
        fetch->first_range++;
    struct imap *imap = fetch->imap;
    struct store_fetch *job = store_fetch_create(
        imap->service->store, imap->selected->id, fetch->set.ranges + fetch->first_range,
        fetch->set.count - fetch->first_range, fetch->next_uid, fetch->what, fetch->slice_size);
    return want_answer(&job->job, on_slice);
}

static void note_unseen(struct fetch *fetch, uint32_t uid)
{
    if (fetch->unseen_count > 0 && fetch->unseen[fetch->unseen_count - 1].last + 1 == uid) {
        fetch->unseen[fetch->unseen_count - 1].last = uid;
        return;
    }
    if (fetch->unseen_count == fetch->unseen_room) {
        fetch->unseen_room = fetch->unseen_room * 2 + 16;
        fetch->unseen = mem_realloc(fetch->unseen, fetch->unseen_room * sizeof *fetch->unseen);
    }
    fetch->unseen[fetch->unseen_count++] = (struct uid_range){uid, uid};
}

/* Opens the body of the section that comes next. */
static void open_body(struct fetch *fetch)
{
    const struct store_row *row = &fetch->rows[fetch->row_at];
    imap_body_begin(&fetch->body, fetch->imap->service->store, fetch->section, row);
    fetch->body.separator = fetch->has_items ? " " : "(";
    fetch->has_items = true;
    fetch->is_body_open = true;
}

static void close_body(struct fetch *fetch)
{
    imap_body_deinit(&fetch->body);
    fetch->is_body_open = false;
    fetch->section = fetch->section->next;
}

static void open_row(struct fetch *fetch)
{
    const struct store_row *row = &fetch->rows[fetch->row_at];
    if (!put_row(fetch, row)) {
        fetch->row_at++;
        return;
    }
    imap_flush(fetch->imap);
    fetch->is_row_open = true;
    fetch->imap->is_streaming = true;
    fetch->section = fetch->wanted.sections;
    if (fetch->marks_seen && (row->flags & STORE_SEEN) == 0)
        note_unseen(fetch, row->uid);
}

static void close_row(struct fetch *fetch)
{
    out_puts(fetch->imap->host->out, ")\r\n");
    fetch->imap->is_streaming = false;
    fetch->is_row_open = false;
    fetch->row_at++;
}

static struct verdict on_body_drained(void *session)
{
    struct imap *imap = session;
    return run_rows(imap->work);
}

static struct verdict on_read(void *session, struct job *job)
{
    struct imap *imap = session;
    struct fetch *fetch = imap->work;
    struct store_read *read = (struct store_read *)(void *)job;
    int err = imap_body_take(&fetch->body, imap->host->out, read);
    if (err == 0)
        return run_rows(fetch);

    struct log_line line;
    imap_log_begin(imap, &line, LOG_ERROR, "store-failed");
    log_text(&line, "what", "read a message");
    log_int(&line, "uid", fetch->rows[fetch->row_at].uid);
    log_text(&line, "why", read->fault.text);
    log_end(&line);
    if (err == ERR_CLOSED)
        return want_close(); /* inside a literal there is no other way to say it */
    fetch->has_failed = true;
    close_body(fetch);
    return run_rows(fetch);
}

/* One message after the other, one section after the other, until something is to be waited for. */
static struct verdict run_rows(struct fetch *fetch)
{
    struct out *out = fetch->imap->host->out;
    struct store_read *read = NULL;
    while (fetch->row_at < fetch->row_count) {
        if (!fetch->is_row_open) {
            open_row(fetch);
            continue;
        }
        if (fetch->section == NULL) {
            close_row(fetch);
            continue;
        }
        if (!fetch->is_body_open)
            open_body(fetch);
        switch (imap_body_step(&fetch->body, out, &read)) {
        case IMAP_BODY_DONE:
            close_body(fetch);
            break;
        case IMAP_BODY_FULL:
            return want_drain(on_body_drained);
        case IMAP_BODY_READ:
            return want_answer(&read->job, on_read);
        }
    }
    return end_slice(fetch);
}

/* What the store must read, and whether reading marks. */
static void plan(struct fetch *fetch)
{
    const struct imap_fetch_args *wanted = &fetch->wanted;
    unsigned what = STORE_FETCH_FLAGS;
    bool marks_seen = false;
    if ((wanted->items & IMAP_FETCH_ENVELOPE) != 0)
        what |= STORE_FETCH_ENVELOPE;
    if ((wanted->items & (IMAP_FETCH_BODYSTRUCTURE | IMAP_FETCH_BODY)) != 0)
        what |= STORE_FETCH_STRUCTURE;
    for (const struct imap_section *section = wanted->sections; section; section = section->next) {
        what |= STORE_FETCH_BLOB;
        if (section->part.len > 0 || section->text != IMAP_TEXT_ALL)
            what |= STORE_FETCH_PARTS;
        marks_seen = marks_seen || section->marks_seen;
    }
    fetch->what = what;
    fetch->marks_seen = marks_seen && !fetch->imap->selected->is_read_only;
}

struct verdict imap_cmd_fetch(struct imap *imap)
{
    struct imap_args *args = &imap->args;
    struct imap_uid_set set;
    struct imap_fetch_args wanted;
    if (!imap_args_space(args) || !imap_message_set_read(imap, &set) || !imap_args_space(args) ||
        !imap_fetch_args_read(args, &wanted))
        return imap_bad_args(imap);
    if (set.count == 0)
        return imap_ok(imap, NULL, "No such messages");

    struct fetch *fetch = mem_new(struct fetch);
    fetch->imap = imap;
    fetch->set = set;
    fetch->wanted = wanted;
    if (imap_is_by_uid(imap))
        fetch->wanted.items |= IMAP_FETCH_UID;
    plan(fetch);
    fetch->slice_size = SLICE_FIRST;
    arena_init(&fetch->row_memory);
    imap_set_work(imap, fetch, fetch_free);
    return want_slice(fetch);
}
