/*
 * Owns the commands on the list of messages: STAT, LIST, UIDL, DELE, RSET (RFC 1939 5, 7). Long
 * lists are sent as fast as the peer takes them. Tests: tests/dialogue/pop3/list.dlg, dele.dlg.
 */
#include "protocols/pop3/pop3_internal.h"

struct verdict pop3_stat(struct pop3_session *session, struct span argument)
{
    (void)argument;
    const struct pop3_maildrop *maildrop = &session->maildrop;
    return pop3_ok(session, "%u %llu", maildrop->count - maildrop->deleted_count,
                   (unsigned long long)(maildrop->size - maildrop->deleted_size));
}

static void put_row(struct pop3_session *session, const char *before, uint32_t index)
{
    const struct pop3_message *message = &session->maildrop.messages[index];
    struct out *out = session->host->out;
    if (session->listing == POP3_LIST)
        out_printf(out, "%s%u %llu\r\n", before, index + 1, (unsigned long long)message->size);
    else /* UIDs never come back under the same UIDVALIDITY, so the pair is unique for ever. */
        out_printf(out, "%s%u %u.%u\r\n", before, index + 1, session->maildrop.uidvalidity,
                   message->uid);
}

static struct verdict put_rows(void *arg)
{
    struct pop3_session *session = arg;
    for (; session->listing_index < session->maildrop.count; session->listing_index++) {
        if (out_is_full(session->host->out))
            return want_drain(put_rows);
        if (!session->maildrop.messages[session->listing_index].is_deleted)
            put_row(session, "", session->listing_index);
    }
    out_puts(session->host->out, ".\r\n");
    return pop3_next(session);
}

static struct verdict put_listing(struct pop3_session *session, struct span argument,
                                  enum pop3_listing listing)
{
    session->listing = listing;
    argument = span_trim(argument);
    if (!span_is_empty(argument)) {
        uint32_t index;
        int err = pop3_find_message(session, argument, &index);
        if (err != 0)
            return pop3_refuse_message(session, err);
        put_row(session, "+OK ", index);
        return pop3_next(session);
    }
    out_printf(session->host->out, "+OK %u messages\r\n",
               session->maildrop.count - session->maildrop.deleted_count);
    session->is_busy = true;
    session->listing_index = 0;
    return put_rows(session);
}

struct verdict pop3_list(struct pop3_session *session, struct span argument)
{
    return put_listing(session, argument, POP3_LIST);
}

struct verdict pop3_uidl(struct pop3_session *session, struct span argument)
{
    return put_listing(session, argument, POP3_UIDL);
}

struct verdict pop3_dele(struct pop3_session *session, struct span argument)
{
    uint32_t index;
    int err = pop3_find_message(session, span_trim(argument), &index);
    if (err != 0)
        return pop3_refuse_message(session, err);
    struct pop3_message *message = &session->maildrop.messages[index];
    message->is_deleted = true;
    session->maildrop.deleted_count++;
    session->maildrop.deleted_size += message->size;
    return pop3_ok(session, "message %u goes at QUIT", index + 1);
}

struct verdict pop3_rset(struct pop3_session *session, struct span argument)
{
    (void)argument;
    struct pop3_maildrop *maildrop = &session->maildrop;
    for (uint32_t i = 0; i < maildrop->count; i++)
        maildrop->messages[i].is_deleted = false;
    maildrop->deleted_count = 0;
    maildrop->deleted_size = 0;
    return pop3_ok(session, "%u messages", maildrop->count);
}
