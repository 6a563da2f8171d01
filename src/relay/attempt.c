/*
 * attempt.c: one connection to a destination: which address is tried, which transactions it gets,
 * what the peer said. It is the owner that protocols/smtp/client.h speaks of; the outcome of each
 * entry goes to outcome.c. Tests: tests/unit/test_relay.c.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/dial.h"
#include "relay/relay_internal.h"

static bool try_address(struct attempt *attempt);

static void free_transaction(struct attempt *attempt)
{
    mem_free(attempt->recipients);
    mem_free(attempt->entries);
    attempt->recipients = NULL;
    attempt->entries = NULL;
    attempt->entry_count = 0;
}

static void free_attempt(struct attempt *attempt)
{
    free_transaction(attempt);
    mem_free(attempt);
}

static void set_reason(struct attempt *attempt, struct span text)
{
    char address[ENDPOINT_TEXT_SIZE] = "";
    endpoint_text(&attempt->target.addresses[attempt->address], address);
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
    const struct relay_outcome outcome = {
        .verdict = verdict_of(reply),
        .status = reply->status,
        .text = describe(reply, sentence, text, sizeof text),
        .host = attempt->target.name,
        .tls = attempt->tls_text,
    };
    relay_settle(attempt->relay, entry, &outcome);
}

/* ---- What the client session asks and tells ------------------------------------------------- */

static void on_unusable(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                        const char *sentence)
{
    (void)step;
    struct attempt *attempt = owner;
    char text[RELAY_REASON_SIZE];
    set_reason(attempt, describe(reply, sentence, text, sizeof text));
}

/* The first entry in line and all others of the same message (one transaction, many recipients). */
static void take_entries(struct attempt *attempt)
{
    struct destination *destination = attempt->destination;
    attempt->entries = mem_zalloc(RELAY_RECIPIENTS_MAX, sizeof(struct entry *));
    attempt->recipients = mem_zalloc(RELAY_RECIPIENTS_MAX, sizeof *attempt->recipients);
    list_each (node, &destination->ready) {
        struct entry *entry = list_entry(node, struct entry, node);
        /* Rows of one message were written together, so they stand together. */
        bool is_same =
            attempt->entry_count == 0 || entry->row.message == attempt->entries[0]->row.message;
        if (!is_same || attempt->entry_count == RELAY_RECIPIENTS_MAX)
            break;
        list_remove(node);
        destination->ready_count--;
        attempt->recipients[attempt->entry_count] = (struct smtp_transaction_recipient){
            entry->row.recipient, entry->row.original, entry->row.notify};
        attempt->entries[attempt->entry_count++] = entry;
    }
}

static const struct smtp_transaction *next(void *owner)
{
    struct attempt *attempt = owner;
    attempt->is_usable = true;
    attempt->is_resting = false;
    if (attempt->relay == NULL || attempt->relay->is_draining ||
        attempt->message_count >= attempt->relay->settings->messages_per_connection_max) {
        attempt->service.is_stopping = true;
        return NULL;
    }
    if (attempt->destination->ready_count == 0) {
        attempt->is_resting = true;
        return NULL;
    }
    free_transaction(attempt);
    take_entries(attempt);
    attempt->message_count++;
    const struct store_queue_row *row = &attempt->entries[0]->row;
    attempt->transaction = (struct smtp_transaction){
        .reverse_path = row->reverse_path,
        .envelope_id = row->envelope_id,
        .return_kind = row->return_kind,
        .mail_flags = row->mail_flags,
        .recipients = attempt->recipients,
        .recipient_count = attempt->entry_count,
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
    for (size_t i = 0; i < attempt->entry_count; i++)
        settle(attempt, i, &judged, sentence);
    free_transaction(attempt);
}

static void on_ending(void *owner, enum ending why)
{
    struct attempt *attempt = owner;
    static const char *const texts[] = {
#define ENDING_TEXT(name, text) text,
        ENDING_LIST(ENDING_TEXT)
#undef ENDING_TEXT
    };
    if (attempt->reason[0] == '\0')
        set_reason(attempt, span_of(texts[why]));
}

static const struct smtp_client_owner client_owner = {
    .on_unusable = on_unusable,
    .next = next,
    .on_recipient = on_recipient,
    .on_result = on_result,
    .on_ending = on_ending,
};

/* ---- The connection ------------------------------------------------------------------------- */

static void on_secure(void *owner, const struct tls_facts *facts)
{
    struct attempt *attempt = owner;
    (void)snprintf(attempt->tls_text, sizeof attempt->tls_text, "%s %s %s", facts->version,
                   facts->cipher, tls_check_name(facts->check));
}

/* Moves to the next address, then the next host; false when all have been tried. */
static bool step_on(struct attempt *attempt)
{
    const struct destination *destination = attempt->destination;
    if (attempt->address + 1 < attempt->target.address_count) {
        attempt->address++;
        return true;
    }
    if (attempt->host + 1 >= destination->host_count)
        return false;
    attempt->host++;
    attempt->address = 0;
    attempt->target = destination->hosts[attempt->host];
    return true;
}

static void end_attempt(struct attempt *attempt)
{
    struct destination *destination = attempt->destination;
    struct relay *relay = attempt->relay;
    list_remove(&attempt->node);
    destination->attempt_count--;
    relay->attempt_count--;
    bool is_last = destination->attempt_count == 0;
    /* No address took a session: what waits is put off, and looked up anew when it is due. */
    if (!attempt->is_usable && is_last && !relay->is_draining) {
        mem_free(destination->hosts);
        destination->hosts = NULL;
        destination->host_count = 0;
        relay_destination_defer(destination, attempt->reason, attempt->target.name);
    }
    free_attempt(attempt);
    relay_destination_run(destination);
    relay_moved(relay);
}

static void on_gone(void *owner, enum conn_phase phase, const struct fault *fault)
{
    struct attempt *attempt = owner;
    attempt->conn = NULL;
    attempt->is_resting = false;
    if (attempt->relay == NULL) {
        free_attempt(attempt);
        return;
    }
    bool has_fault = fault != NULL && fault->text[0] != '\0';
    if (!attempt->is_usable && has_fault &&
        (phase == CONN_PHASE_CONNECT || phase == CONN_PHASE_HANDSHAKE ||
         attempt->reason[0] == '\0'))
        set_reason(attempt, span_of(fault->text));
    if (!attempt->is_usable && attempt->reason[0] != '\0') {
        struct log_line line;
        log_begin(&line, LOG_INFO, "relay", "unusable");
        log_text(&line, "destination", attempt->destination->key);
        log_text(&line, "why", attempt->reason);
        log_end(&line);
    }
    if (!attempt->is_usable && !attempt->relay->is_draining && step_on(attempt) &&
        try_address(attempt))
        return;
    end_attempt(attempt);
}

static const struct conn_owner_events conn_events = {.on_secure = on_secure, .on_gone = on_gone};

static enum smtp_client_tls client_tls(enum relay_tls tls)
{
    switch (tls) {
    case RELAY_TLS_STARTTLS:
        return SMTP_CLIENT_TLS_DEMANDED;
    case RELAY_TLS_MAY:
        return SMTP_CLIENT_TLS_MAY;
    case RELAY_TLS_IMPLICIT:
    case RELAY_TLS_OFF:
        break;
    }
    return SMTP_CLIENT_TLS_OFF;
}

static void fill_service(struct attempt *attempt)
{
    const struct relay *relay = attempt->relay;
    const struct route *route = &attempt->destination->route;
    const struct settings_relay *settings = relay->settings;
    bool has_login = route->is_smarthost && settings->smarthost_user[0] != '\0';
    attempt->service = (struct smtp_client_service){
        .owner = &client_owner,
        .owner_arg = attempt,
        .hostname = relay->options.hostname,
        .tls = client_tls(route->tls),
        .user = has_login ? settings->smarthost_user : NULL,
        .password = has_login ? settings->smarthost_password : NULL,
        .store = relay->options.store,
        .reply_timeout_ms = settings->reply_timeout_ms,
        .data_reply_timeout_ms = settings->data_reply_timeout_ms,
        .keep_ms = settings->keep_ms,
    };
}

static bool try_address(struct attempt *attempt)
{
    const struct route *route = &attempt->destination->route;
    attempt->reason[0] = '\0';
    (void)snprintf(attempt->tls_text, sizeof attempt->tls_text, "none");
    attempt->tls_policy = (struct tls_client_policy){
        .server_name = attempt->target.name, .verify = route->verify, .alpn = NULL};
    struct endpoint to = attempt->target.addresses[attempt->address];
    endpoint_set_port(&to, route->port);
    const struct dial dial = {
        .to = to,
        .security = route->tls == RELAY_TLS_IMPLICIT ? CONN_IMPLICIT : CONN_PLAIN,
        .tls = &attempt->tls_policy,
        .connect_timeout_ms = attempt->relay->settings->connect_timeout_ms,
        .type = &smtp_client_type,
        .owner = attempt,
        .events = &conn_events,
    };
    attempt->conn = dial_start(attempt->relay->options.env, &dial);
    return true;
}

void relay_attempt_start(struct destination *destination)
{
    struct attempt *attempt = mem_new(struct attempt);
    attempt->relay = destination->relay;
    attempt->destination = destination;
    attempt->target = destination->hosts[0];
    list_append(&destination->attempts, &attempt->node);
    destination->attempt_count++;
    destination->relay->attempt_count++;
    fill_service(attempt);
    (void)try_address(attempt);
}

void relay_attempt_orphan(struct attempt *attempt)
{
    list_remove(&attempt->node);
    attempt->relay = NULL;
    attempt->destination = NULL;
    conn_end(attempt->conn, ENDING_SHUTDOWN);
}
