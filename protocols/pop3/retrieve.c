/*
 * Owns RETR and TOP (RFC 1939 5, 7): finds where a body lies and sends it piece by piece, as fast
 * as the peer takes it; at most a piece and what out holds is in memory. Stuffing is stuff.c's.
 * Tests: tests/dialogue/pop3/retr.dlg, top.dlg.
 */
#include "base/err.h"
#include "base/mem.h"
#include "protocols/pop3/pop3_internal.h"

enum {
    PIECE_NOW = 16 * 1024, /* from the page cache, on the stack */
    PIECE_READ = 64 * 1024 /* from the disk, in a job */
};

static session_answer_fn on_window, on_read;
static session_drain_fn send_pieces;

static bool has_window(const struct pop3_session *session)
{
    const struct pop3_window *window = &session->window;
    uint32_t index = session->transfer.index;
    return index >= window->first && index - window->first < window->count &&
           clock_monotonic_ms(session->host->clock) - window->as_of_ms < POP3_WINDOW_AGE_MS;
}

/* Asks where the bodies of this message and the next ones lie. */
static struct verdict fetch_window(struct pop3_session *session)
{
    const struct pop3_maildrop *maildrop = &session->maildrop;
    struct pop3_window *window = &session->window;
    struct uid_range ranges[POP3_WINDOW];
    *window = (struct pop3_window){.first = session->transfer.index};
    while (window->count < POP3_WINDOW && window->first + window->count < maildrop->count) {
        uint32_t uid = maildrop->messages[window->first + window->count].uid;
        ranges[window->count++] = (struct uid_range){uid, uid};
    }
    struct store_fetch *request =
        store_fetch_create(session->service->store, maildrop->mailbox, ranges, window->count, 0,
                           STORE_FETCH_BLOB, PIECE_READ);
    return want_answer(&request->job, on_window);
}

/* Before the first byte there is a reply for it; behind it only the end of the connection tells the
 * client that the message is not whole. */
static struct verdict give_up(struct pop3_session *session, const char *why)
{
    struct log_line line;
    pop3_log_begin(session, &line, LOG_ERROR, "not-readable");
    log_int(&line, "uid", session->maildrop.messages[session->transfer.index].uid);
    log_text(&line, "why", why);
    log_end(&line);
    session->window.count = 0;
    if (session->transfer.is_announced)
        return want_close();
    return pop3_refuse(session, "[SYS/TEMP] could not read that message, try again later");
}

static struct verdict on_window(void *arg, struct job *job)
{
    struct pop3_session *session = arg;
    struct pop3_window *window = &session->window;
    const struct store_fetch *answer = list_entry(job, struct store_fetch, job);
    if (answer->status != 0)
        return give_up(session, answer->fault.text);
    window->as_of_ms = clock_monotonic_ms(session->host->clock);
    uint32_t place = 0;
    for (size_t i = 0; i < answer->count; i++) {
        while (place < window->count &&
               session->maildrop.messages[window->first + place].uid < answer->rows[i].uid)
            place++;
        if (place == window->count)
            break;
        if (session->maildrop.messages[window->first + place].uid != answer->rows[i].uid)
            continue;
        window->is_there[place] = true;
        window->blobs[place] = answer->rows[i].blob;
    }
    if (!window->is_there[0])
        return give_up(session, "another session removed it");
    return send_pieces(session);
}

static void put_piece(struct pop3_session *session, struct span bytes)
{
    struct pop3_transfer *transfer = &session->transfer;
    struct out *out = session->host->out;
    if (!transfer->is_announced && transfer->stuffer.is_limited)
        out_puts(out, "+OK top of the message follows\r\n");
    else if (!transfer->is_announced)
        out_printf(out, "+OK %llu octets\r\n",
                   (unsigned long long)session->maildrop.messages[transfer->index].size);
    transfer->is_announced = session->is_busy = true;
    transfer->offset += bytes.len;
    out_set_kind(out, OUT_DATA);
    pop3_stuffer_put(&transfer->stuffer, bytes, out);
    out_set_kind(out, OUT_TEXT);
}

static struct verdict finish(struct pop3_session *session)
{
    put_piece(session, span_of("")); /* an empty message is announced too */
    pop3_stuffer_finish(&session->transfer.stuffer, session->host->out);
    if (!session->transfer.stuffer.is_limited) {
        session->retrieved_count++;
        session->retrieved_bytes += session->transfer.offset;
    }
    return pop3_next(session);
}

/* Where the body lies, when that is known and still right; NULL: ask. */
static const struct store_blob *find_blob(const struct pop3_session *session)
{
    if (!has_window(session))
        return NULL;
    uint32_t place = session->transfer.index - session->window.first;
    return session->window.is_there[place] ? &session->window.blobs[place] : NULL;
}

static struct verdict read_from_disk(struct pop3_session *session, const struct store_blob *blob)
{
    uint64_t offset = session->transfer.offset;
    uint64_t left = blob->length - offset;
    struct store_read *request = store_read_create(session->service->store, blob, offset,
                                                   left < PIECE_READ ? (size_t)left : PIECE_READ);
    return want_answer(&request->job, on_read);
}

static struct verdict send_pieces(void *arg)
{
    struct pop3_session *session = arg;
    const struct pop3_transfer *transfer = &session->transfer;
    const struct store_blob *blob = find_blob(session);
    if (blob == NULL)
        return fetch_window(session);
    while (!transfer->stuffer.is_done && transfer->offset < blob->length) {
        if (out_is_full(session->host->out))
            return want_drain(send_pieces);
        char piece[PIECE_NOW];
        uint64_t left = blob->length - transfer->offset;
        int64_t len = store_read_now(session->service->store, blob, transfer->offset, piece,
                                     left < sizeof piece ? (size_t)left : sizeof piece);
        if (len == ERR_AGAIN)
            return read_from_disk(session, blob);
        if (len <= 0)
            return give_up(session, len == 0 ? "it ends too early" : err_text((int)len));
        put_piece(session, span_make(piece, (size_t)len));
    }
    return finish(session);
}

static struct verdict on_read(void *arg, struct job *job)
{
    struct pop3_session *session = arg;
    const struct store_read *answer = list_entry(job, struct store_read, job);
    if (answer->status != 0)
        return give_up(session, answer->fault.text);
    if (answer->len == 0)
        return give_up(session, "it ends too early");
    put_piece(session, span_make(answer->bytes, answer->len));
    return send_pieces(session);
}

static struct verdict begin(struct pop3_session *session, uint32_t index)
{
    session->transfer.index = index;
    session->transfer.offset = 0;
    session->transfer.is_announced = false;
    return send_pieces(session);
}

struct verdict pop3_retr(struct pop3_session *session, struct span argument)
{
    uint32_t index;
    int err = pop3_find_message(session, span_trim(argument), &index);
    if (err != 0)
        return pop3_refuse_message(session, err);
    pop3_stuffer_init(&session->transfer.stuffer);
    return begin(session, index);
}

struct verdict pop3_top(struct pop3_session *session, struct span argument)
{
    struct span lines = span_trim(argument);
    struct span number = span_cut(&lines, ' ');
    uint32_t index;
    uint64_t line_count;
    int err = pop3_find_message(session, number, &index);
    if (err != 0)
        return pop3_refuse_message(session, err);
    if (!span_to_u64(span_trim(lines), UINT32_MAX, &line_count))
        return pop3_bad(session, "TOP needs a message number and a number of lines");
    pop3_stuffer_init_top(&session->transfer.stuffer, line_count);
    return begin(session, index);
}
