/*
 * Owns the maildrop: lock, the list of messages as it was at the login, the removal of marked ones
 * at QUIT and only there (RFC 1939 6; a connection that breaks removes nothing). Tests:
 * tests/dialogue/pop3/lock.dlg, dele.dlg, drop_deletes_nothing.dlg.
 */
#include "base/err.h"
#include "base/mem.h"
#include "protocols/pop3/pop3_internal.h"

/* Rows of one slice: some thousand messages. */
enum { SLICE_SIZE = 256 * 1024 };

static session_answer_fn on_selected, on_slice, on_expunged;

void pop3_close_maildrop(struct pop3_session *session)
{
    struct pop3_maildrop *maildrop = &session->maildrop;
    if (maildrop->account != 0)
        pop3_locks_give_back(session->service->locks, maildrop->account);
    store_view_unref(&maildrop->view);
    mem_free(maildrop->messages);
    *maildrop = (struct pop3_maildrop){0};
}

/* The login was right but the maildrop is not to be had: another login may be tried. */
static struct verdict refuse_open(struct pop3_session *session, const char *text)
{
    pop3_close_maildrop(session);
    buf_clear(&session->login);
    return pop3_refuse(session, text);
}

static struct verdict refuse_open_fault(struct pop3_session *session, const struct fault *fault)
{
    struct log_line line;
    pop3_log_begin(session, &line, LOG_WARN, "maildrop");
    log_text(&line, "why", fault->text);
    log_end(&line);
    return refuse_open(session, "[SYS/TEMP] could not open the maildrop, try again later");
}

struct verdict pop3_open_maildrop(struct pop3_session *session, const struct store_account *account)
{
    if (!pop3_locks_take(session->service->locks, account->id)) {
        struct log_line line;
        pop3_log_begin(session, &line, LOG_INFO, "in-use");
        log_end(&line);
        return refuse_open(session, "[IN-USE] another session has this maildrop, try again later");
    }
    session->maildrop.account = account->id;
    struct store_select *request =
        store_select_create(session->service->store, account->id, span_of("INBOX"), STORE_EXAMINE);
    return want_answer(&request->job, on_selected);
}

/* The next rows from a UID on; 0: from the first that is shown. */
static struct verdict fetch_slice(struct pop3_session *session, uint32_t from_uid)
{
    const struct pop3_maildrop *maildrop = &session->maildrop;
    uint32_t count = store_view_count(maildrop->view);
    uint32_t first_seq = count > POP3_MESSAGES_MAX ? count - POP3_MESSAGES_MAX + 1 : 1;
    struct uid_range range = {.first = store_view_uid(maildrop->view, first_seq),
                              .last = store_view_last_uid(maildrop->view)};
    struct store_fetch *request =
        store_fetch_create(session->service->store, maildrop->mailbox, &range, 1, from_uid,
                           STORE_FETCH_FLAGS, SLICE_SIZE);
    return want_answer(&request->job, on_slice);
}

static struct verdict finish_open(struct pop3_session *session)
{
    store_view_unref(&session->maildrop.view);
    session->state = POP3_TRANSACTION;
    host_name(session->host, buf_span(&session->login));
    return pop3_ok(session, "%u messages, %llu octets", session->maildrop.count,
                   (unsigned long long)session->maildrop.size);
}

static struct verdict on_selected(void *arg, struct job *job)
{
    struct pop3_session *session = arg;
    struct pop3_maildrop *maildrop = &session->maildrop;
    const struct store_select *answer = list_entry(job, struct store_select, job);
    if (answer->status != 0)
        return refuse_open_fault(session, &answer->fault);
    maildrop->mailbox = answer->mailbox.id;
    maildrop->uidvalidity = answer->mailbox.uidvalidity;
    maildrop->uidnext = answer->delta.uidnext;
    maildrop->modseq = answer->delta.modseq;
    maildrop->view = store_view_ref(answer->delta.view);
    uint32_t count = store_view_count(maildrop->view);
    if (count == 0)
        return finish_open(session);
    maildrop->capacity = count < POP3_MESSAGES_MAX ? count : POP3_MESSAGES_MAX;
    maildrop->messages = mem_zalloc(maildrop->capacity, sizeof *maildrop->messages);
    return fetch_slice(session, 0);
}

static struct verdict on_slice(void *arg, struct job *job)
{
    struct pop3_session *session = arg;
    struct pop3_maildrop *maildrop = &session->maildrop;
    const struct store_fetch *answer = list_entry(job, struct store_fetch, job);
    if (answer->status != 0)
        return refuse_open_fault(session, &answer->fault);
    for (size_t i = 0; i < answer->count && maildrop->count < maildrop->capacity; i++) {
        const struct store_row *row = &answer->rows[i];
        /* Expunged ones in grace come too; the view says what is there. */
        if (store_view_seq(maildrop->view, row->uid) == 0)
            continue;
        maildrop->messages[maildrop->count++] =
            (struct pop3_message){.uid = row->uid, .size = row->size};
        maildrop->size += row->size;
    }
    return answer->next_uid != 0 ? fetch_slice(session, answer->next_uid) : finish_open(session);
}

int pop3_find_message(const struct pop3_session *session, struct span text, uint32_t *index_out)
{
    const struct pop3_maildrop *maildrop = &session->maildrop;
    uint64_t number;
    if (!span_to_u64(text, UINT32_MAX, &number))
        return ERR_SYNTAX;
    if (number == 0 || number > maildrop->count)
        return ERR_NOT_FOUND;
    *index_out = (uint32_t)number - 1;
    return maildrop->messages[*index_out].is_deleted ? ERR_REFUSED : 0;
}

struct verdict pop3_refuse_message(struct pop3_session *session, int err)
{
    if (err == ERR_SYNTAX)
        return pop3_bad(session, "a message number is wanted");
    return pop3_refuse(session, err == ERR_REFUSED ? "that message is marked as deleted"
                                                   : "there is no such message");
}

/* The marked UIDs as ranges. What lies between two neighbours was gone before the login, so a run
 * of marked messages is one range. Owned by the caller. */
static struct uid_range *marked_ranges(const struct pop3_maildrop *maildrop, size_t *count_out)
{
    struct uid_range *ranges = mem_zalloc(maildrop->deleted_count, sizeof *ranges);
    size_t count = 0;
    for (uint32_t i = 0; i < maildrop->count; i++) {
        const struct pop3_message *message = &maildrop->messages[i];
        if (!message->is_deleted)
            continue;
        if (i > 0 && message[-1].is_deleted)
            ranges[count - 1].last = message->uid;
        else
            ranges[count++] = (struct uid_range){message->uid, message->uid};
    }
    *count_out = count;
    return ranges;
}

struct verdict pop3_update(struct pop3_session *session)
{
    const struct pop3_maildrop *maildrop = &session->maildrop;
    size_t count;
    struct uid_range *ranges = marked_ranges(maildrop, &count);
    struct store_expunge *request =
        store_expunge_create(session->service->store, maildrop->mailbox, ranges, count,
                             STORE_EXPUNGE_ANY, maildrop->modseq, maildrop->uidnext);
    mem_free(ranges);
    return want_answer(&request->job, on_expunged);
}

static struct verdict on_expunged(void *arg, struct job *job)
{
    struct pop3_session *session = arg;
    const struct store_expunge *answer = list_entry(job, struct store_expunge, job);
    uint32_t deleted_count = session->maildrop.deleted_count;
    /* The lock goes first: a client may come back before this connection is closed. */
    pop3_close_maildrop(session);
    if (answer->status != 0) {
        struct log_line line;
        pop3_log_begin(session, &line, LOG_ERROR, "not-deleted");
        log_text(&line, "why", answer->fault.text);
        log_end(&line);
        (void)pop3_refuse(session, "[SYS/TEMP] could not delete the marked messages, try again");
        return want_close();
    }
    session->removed_count = deleted_count;
    (void)pop3_ok(session, "bye, %u deleted", deleted_count);
    return want_close();
}
