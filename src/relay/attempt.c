/*
 * attempt.c: one connection to a destination: which transactions it gets, what the peer said. It is
 * the owner that protocols/smtp/client.h speaks of; which address is tried is dialing.c's, the
 * outcome of each entry outcome.c's. Tests: tests/unit/test_relay.c.
 */
#include <stdio.h>

#include "base/mem.h"
#include "relay/attempt_internal.h"
#include "relay/lease_internal.h"

static void free_transaction(struct attempt *attempt)
{
    mem_free(attempt->recipients);
    mem_free(attempt->entries);
    attempt->recipients = NULL;
    attempt->entries = NULL;
    attempt->entry_count = 0;
}

static void free_secret(char **text)
{
    if (*text != NULL)
        mem_wipe(*text, strlen(*text));
    mem_free(*text);
    *text = NULL;
}

void relay_attempt_free(struct attempt *attempt)
{
    free_transaction(attempt);
    relay_security_release(&attempt->security);
    mem_free(attempt->hostname);
    free_secret(&attempt->user);
    free_secret(&attempt->password);
    mem_free(attempt);
}

void relay_attempt_blame(struct attempt *attempt, struct span text)
{
    char address[ENDPOINT_TEXT_SIZE] = "";
    relay_attempt_see_peer(attempt);
    endpoint_text(&attempt->to, address);
    (void)snprintf(attempt->reason, sizeof attempt->reason, "%s (%s): %.*s", attempt->target.name,
                   address, (int)span_first(text, 400).len, text.ptr);
}

/* "550 5.1.1 no such user", as the peer said it, or our own sentence. */
static struct span describe(const struct smtp_reply *reply, const char *sentence, char *text,
                            size_t size)
{
    if (reply->code == 0)
        return span_of(sentence == NULL ? "the connection broke" : sentence);
    int len = snprintf(text, size, "%u %.*s%s%.*s", reply->code, (int)reply->status.len,
                       reply->status.ptr, reply->status.len > 0 ? " " : "",
                       (int)span_first(reply->text, 400).len, reply->text.ptr);
    size_t used = (size_t)len < size ? (size_t)len : size - 1;
    for (size_t i = 0; i < used; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            text[i] = ' ';
    }
    return span_make(text, used);
}

static enum relay_verdict verdict_of(const struct smtp_reply *reply)
{
    if (reply->code >= 200 && reply->code < 300)
        return RELAY_DELIVERED;
    /* Without a reply the status class is ours: what the peer cannot take stays that way. */
    bool is_permanent = reply->code == 0 ? reply->status.len > 0 && reply->status.ptr[0] == '5'
                                         : reply->code >= 500;
    return is_permanent ? RELAY_PERMANENT : RELAY_TEMPORARY;
}

static void settle(struct attempt *attempt, size_t index, const struct smtp_reply *reply,
                   const char *sentence)
{
    char text[RELAY_REASON_SIZE];
    struct entry *entry = attempt->entries[index];
    if (entry == NULL)
        return;
    attempt->entries[index] = NULL;
    char address[ENDPOINT_TEXT_SIZE] = "";
    endpoint_text(&attempt->to, address);
    const struct relay_tried tried = {
        .address = address,
        .tls_version = attempt->tls_version,
        .tls_suite = attempt->tls_suite,
        .check = attempt->check,
        .check_text = attempt->check_text,
        .checks = attempt->checks,
        .duration_us = (loop_now_ms(attempt->relay->options.env->loop) - attempt->began_ms) * 1000,
    };
    const struct relay_outcome outcome = {
        .tried = &tried,
        .route = attempt->destination->key,
        .verdict = verdict_of(reply),
        .status = reply->status,
        .text = describe(reply, sentence, text, sizeof text),
        .host = attempt->target.name,
        .tls = attempt->tls_text,
        .peer_notifies = attempt->service.peer_notifies,
        .is_final = attempt->service.role == SMTP_CLIENT_LMTP,
    };
    relay_settle(attempt->relay, entry, &outcome, &attempt->group);
}

/* ---- What the client session asks and tells ------------------------------------------------- */

static void on_unusable(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                        const char *sentence)
{
    struct attempt *attempt = owner;
    char text[RELAY_REASON_SIZE];
    bool is_lasting = reply->code == 0 || reply->code >= 500;
    attempt->is_starttls_missing = step == SMTP_STEP_STARTTLS;
    if (reply->code == 0 && span_is(reply->status, "5.7.30"))
        attempt->hard_status = "5.7.30";
    else if (step == SMTP_STEP_STARTTLS && is_lasting)
        attempt->hard_status = "5.7.10";
    relay_attempt_blame(attempt, describe(reply, sentence, text, sizeof text));
}

/* The first entry in line and all others of the same message (one transaction, many recipients):
 * rows of one message were written together, so they stand together. One whose row was deleted
 * meanwhile goes away. */
static void take_entries(struct attempt *attempt)
{
    struct relay *relay = attempt->relay;
    struct destination *destination = attempt->destination;
    attempt->entries = mem_zalloc(RELAY_RECIPIENTS_MAX, sizeof(struct entry *));
    attempt->recipients = mem_zalloc(RELAY_RECIPIENTS_MAX, sizeof *attempt->recipients);
    list_each (node, &destination->ready) {
        struct entry *entry = list_entry(node, struct entry, node);
        const struct store_queue_row *row = &entry->row;
        const struct store_queue_row *first =
            attempt->entry_count == 0 ? row : &attempt->entries[0]->row;
        bool is_same =
            row->message == first->message && span_equal(row->forwarder, first->forwarder);
        if (!is_same || attempt->entry_count == RELAY_RECIPIENTS_MAX)
            break;
        list_remove(node);
        destination->ready_count--;
        if (relay_lease_is_revoked(relay->options.leases, entry->row.id)) {
            relay_entry_free(relay, entry);
            relay_look_whole(relay); /* it may have been held, and released since */
            continue;
        }
        attempt->recipients[attempt->entry_count] = (struct smtp_transaction_recipient){
            entry->row.recipient, entry->row.original, entry->row.notify};
        attempt->entries[attempt->entry_count++] = entry;
    }
    if (destination->has_more && relay_is_short(destination))
        relay_refill(destination);
}

static bool is_last_done(const struct attempt *attempt)
{
    const struct relay *relay = attempt->relay;
    return relay == NULL || relay->is_draining || attempt->destination->is_retired ||
           attempt->message_count >= relay->settings->messages_per_connection_max ||
           (attempt->message_count > 0 && relay_hosts_are_old(relay, attempt->hosts_ms));
}

static const struct smtp_transaction *next(void *owner)
{
    struct attempt *attempt = owner;
    attempt->is_usable = true;
    relay_attempt_see_peer(attempt);
    attempt->is_resting = false;
    relay_attempt_note_plain(attempt);
    free_transaction(attempt);
    if (is_last_done(attempt)) {
        attempt->service.is_stopping = true;
        return NULL;
    }
    relay_recover(attempt->destination);
    if (attempt->relay->owed_count == 0)
        take_entries(attempt);
    if (attempt->entry_count == 0) {
        attempt->is_resting = attempt->service.keep_ms > 0;
        attempt->service.is_stopping = !attempt->is_resting;
        relay_moved(attempt->relay); /* leases may have ended */
        return NULL;
    }
    if (attempt->message_count++ > 0) /* the first one's time is that of the way there too */
        attempt->began_ms = loop_now_ms(attempt->relay->options.env->loop);
    const struct store_queue_row *row = &attempt->entries[0]->row;
    attempt->transaction = (struct smtp_transaction){
        .reverse_path = row->reverse_path,
        .envelope_id = row->envelope_id,
        .return_kind = row->return_kind,
        .mail_flags = row->mail_flags,
        .recipients = attempt->recipients,
        .recipient_count = attempt->entry_count,
        .forwarder = row->forwarder,
        .blob = row->blob,
    };
    return &attempt->transaction;
}

static void on_recipient(void *owner, size_t index, const struct smtp_reply *reply)
{
    struct attempt *attempt = owner;
    bool is_refused = reply->code < 200 || reply->code >= 300;
    if (attempt->relay != NULL && is_refused && index < attempt->entry_count)
        settle(attempt, index, reply, NULL);
}

static void on_delivery(void *owner, size_t index, const struct smtp_reply *reply)
{
    struct attempt *attempt = owner;
    if (attempt->relay != NULL && index < attempt->entry_count)
        settle(attempt, index, reply, NULL);
}

/* A kept connection that the peer has given up shows it only when it is used. Nothing was tried
 * then: the entries stand in line again. On a new connection it is an outcome like any other. */
static bool was_stale(const struct attempt *attempt, enum smtp_client_step step,
                      const struct smtp_reply *reply)
{
    return attempt->message_count > 1 && step == SMTP_STEP_MAIL &&
           (reply->code == 0 || reply->code == 421);
}

static void stand_in_line_again(struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->entry_count; i++) {
        if (attempt->entries[i] != NULL)
            relay_line_up(attempt->relay, attempt->entries[i]);
    }
    free_transaction(attempt);
}

static void on_result(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                      const char *sentence)
{
    struct attempt *attempt = owner;
    struct smtp_reply judged = *reply;
    /* A 2xx anywhere but behind the final dot delivers nothing. */
    if (step != SMTP_STEP_MESSAGE && reply->code >= 200 && reply->code < 300)
        judged = (struct smtp_reply){0};
    if (attempt->relay == NULL)
        return;
    if (was_stale(attempt, step, reply)) {
        stand_in_line_again(attempt);
        return;
    }
    for (size_t i = 0; i < attempt->entry_count; i++)
        settle(attempt, i, &judged, sentence);
    relay_settle_end(&attempt->group);
    free_transaction(attempt);
}

static void on_ending(void *owner, enum ending why)
{
    struct attempt *attempt = owner;
    attempt->is_resting = false;
    static const char *const texts[] = {
#define ENDING_TEXT(name, text) text,
        ENDING_LIST(ENDING_TEXT)
#undef ENDING_TEXT
    };
    if (attempt->reason[0] == '\0')
        relay_attempt_blame(attempt, span_of(texts[why]));
}

static const struct smtp_client_owner client_owner = {
    .on_unusable = on_unusable,
    .next = next,
    .on_recipient = on_recipient,
    .on_delivery = on_delivery,
    .on_result = on_result,
    .on_ending = on_ending,
};

/* ---- Life ----------------------------------------------------------------------------------- */

static void fill_service(struct attempt *attempt)
{
    const struct relay *relay = attempt->relay;
    const struct route *route = &attempt->destination->route;
    const struct settings_relay *settings = relay->settings;
    attempt->hostname = mem_strdup(relay->options.hostname);
    const struct hop_texts texts = relay_hop(relay, route);
    if (texts.user[0] != '\0') {
        attempt->user = mem_strdup(texts.user);
        attempt->password = mem_strdup(texts.password);
    }
    attempt->service = (struct smtp_client_service){
        .owner = &client_owner,
        .owner_arg = attempt,
        .hostname = attempt->hostname,
        .may_chunk = settings->chunking,
        .requires_tls = route->requires_tls,
        .role = route->protocol == RELAY_PROTOCOL_LMTP ? SMTP_CLIENT_LMTP : SMTP_CLIENT_SMTP,
        .user = attempt->user,
        .password = attempt->password,
        .entropy = relay->options.entropy,
        .store = relay->options.store,
        .reply_timeout_ms = settings->reply_timeout_ms,
        .data_reply_timeout_ms = settings->data_reply_timeout_ms,
        .keep_ms = settings->keep_ms,
    };
}

void relay_attempt_start(struct destination *destination)
{
    struct attempt *attempt = mem_new(struct attempt);
    attempt->relay = destination->relay;
    attempt->destination = destination;
    relay_attempt_take_host(attempt, 0);
    attempt->began_ms = loop_now_ms(destination->relay->options.env->loop);
    list_append(&destination->attempts, &attempt->node);
    destination->attempt_count++;
    destination->relay->attempt_count++;
    fill_service(attempt);
    relay_attempt_dial(attempt);
}

void relay_attempt_stop(struct attempt *attempt)
{
    attempt->service.is_stopping = true;
    if (attempt->is_resting)
        conn_wake(attempt->conn);
    else if (!attempt->is_usable)
        conn_end(attempt->conn, ENDING_SHUTDOWN);
}
