/*
 * dialing.c: the connection of an attempt: which address is tried, with which TLS, which comes
 * next, and the attempt's end when none is left. What is said on it is attempt.c's. Tests:
 * tests/unit/test_relay.c.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/dial.h"
#include "pki/judge.h"
#include "relay/attempt_internal.h"

/* Only where the settings say so: a handshake with TLS_VERIFY_REQUIRED would have ended. */
static void log_unverified(const struct attempt *attempt, const struct tls_facts *facts)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "tls", "unverified");
    log_hex(&line, "conn", conn_id(attempt->conn));
    log_text(&line, "host", attempt->target.name);
    log_text(&line, "check", pki_check_name(facts->check));
    log_text(&line, "why",
             facts->check_detail[0] != '\0' ? facts->check_detail
                                            : pki_check_sentence(facts->check));
    log_end(&line);
}

/* Our own verdict stands; it is kept, also when it ends the handshake. */
static int note_check(void *owner, struct span certificate_der, enum pki_check *check)
{
    struct attempt *attempt = owner;
    (void)certificate_der;
    attempt->seen_check = *check;
    return 0;
}

/* A line "what word sentence". What others wrote of themselves is in it. */
static void note(struct attempt *attempt, const char *what, const char *word, const char *sentence)
{
    size_t used = strlen(attempt->checks), room = sizeof attempt->checks - used;
    char *line = attempt->checks + used;
    int len = snprintf(line, room, "%s %s %s", what, word, sentence);
    if (len < 0 || (size_t)len + 1 >= room) {
        line[0] = '\0'; /* whole lines only */
        return;
    }
    for (int i = 0; i < len; i++) {
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' ';
    }
    line[len] = '\n';
    line[len + 1] = '\0';
}

static void note_findings(void *owner, const struct pki_findings *findings)
{
    char sentence[PKI_SENTENCE_SIZE];
    for (int i = 0; i < PKI_STEP_COUNT; i++) {
        const struct pki_finding *finding = &findings->steps[i];
        if (!pki_step_is_told((enum pki_step)i, finding))
            continue;
        pki_finding_sentence(finding, sentence);
        note(owner, pki_step_name((enum pki_step)i), pki_check_name(finding->verdict), sentence);
    }
}

static void on_secure(void *owner, const struct tls_facts *facts)
{
    struct attempt *attempt = owner;
    relay_attempt_see_peer(attempt);
    relay_attempt_note_secure(attempt);
    if (facts->check != PKI_CHECK_GOOD)
        log_unverified(attempt, facts);
    (void)snprintf(attempt->tls_version, sizeof attempt->tls_version, "%s", facts->version);
    (void)snprintf(attempt->tls_suite, sizeof attempt->tls_suite, "%s", facts->cipher);
    attempt->check = pki_check_name(facts->check);
    (void)snprintf(attempt->check_text, sizeof attempt->check_text, "%s",
                   facts->check_detail[0] != '\0' ? facts->check_detail
                                                  : pki_check_sentence(facts->check));
    (void)snprintf(attempt->tls_text, sizeof attempt->tls_text, "%s %s %s", facts->version,
                   facts->cipher, pki_check_name(facts->check));
}

/* ---- What comes next ------------------------------------------------------------------------ */

/* A defect of the peer's, or somebody between us: worth a look, each time. */
static void log_fallback(const struct attempt *attempt)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "relay", "plaintext");
    log_text(&line, "destination", attempt->destination->key);
    log_text(&line, "host", attempt->target.name);
    log_text(&line, "why", attempt->reason);
    log_end(&line);
}

/* RFC 7435 3: where TLS is taken only because it is there, a handshake that does not work must not
 * keep the mail, unless the settings say so: an attacker could have hidden the offer anyway. Once
 * an address: without TLS there is no further handshake. */
static bool may_go_without_tls(struct attempt *attempt, enum conn_phase phase)
{
    const struct relay_security *security = &attempt->security;
    if (phase != CONN_PHASE_HANDSHAKE || security->tls != RELAY_TLS_MAY ||
        security->verify == TLS_VERIFY_REQUIRED ||
        (!attempt->relay->settings->plaintext_fallback && !attempt->destination->route.waives_tls))
        return false;
    attempt->is_without_tls = true;
    log_fallback(attempt);
    return true;
}

void relay_attempt_take_host(struct attempt *attempt, size_t host)
{
    const struct relay_host *taken = &attempt->destination->hosts[host];
    attempt->host = host;
    attempt->hosts_ms = attempt->destination->hosts_ms;
    attempt->target = taken->mx;
    relay_security_release(&attempt->security);
    attempt->security = relay_security_copy(&taken->security);
}

void relay_attempt_see_peer(struct attempt *attempt)
{
    if (attempt->conn != NULL)
        attempt->to = *conn_peer(attempt->conn);
}

static bool is_same_host(const struct endpoint *a, const struct endpoint *b)
{
    char a_text[ENDPOINT_TEXT_SIZE], b_text[ENDPOINT_TEXT_SIZE];

    endpoint_host(a, a_text);
    endpoint_host(b, b_text);
    return strcmp(a_text, b_text) == 0;
}

/* The address that was connected will not do; the others of its host may. None will do where no
 * connection came about: all were dialled, but for a second try. */
static void drop_addresses(struct attempt *attempt, enum conn_phase phase)
{
    struct mx_host *target = &attempt->target;
    bool were_all_dialled = phase == CONN_PHASE_CONNECT && !attempt->is_without_tls;
    size_t kept = 0;

    for (size_t i = 0; i < target->address_count && !were_all_dialled; i++) {
        if (!is_same_host(&target->addresses[i], &attempt->to))
            target->addresses[kept++] = target->addresses[i];
    }
    target->address_count = kept;
}

/* Moves to the host's other addresses, then the next host; false when all have been tried. */
static bool step_on(struct attempt *attempt, enum conn_phase phase)
{
    const struct destination *destination = attempt->destination;
    drop_addresses(attempt, phase);
    attempt->is_without_tls = false;
    bool has_address = attempt->target.address_count > 0;
    if (!has_address && attempt->host + 1 >= destination->host_count)
        return false;
    if (attempt->tries >= RELAY_TRIES_MAX) {
        attempt->is_soft = true; /* who was not tried may work */
        return false;
    }
    if (has_address)
        return true;
    attempt->is_soft = attempt->is_soft || !attempt->is_host_hard;
    attempt->is_host_hard = false;
    relay_attempt_take_host(attempt, attempt->host + 1);
    return true;
}

/* Refused beside connections that are used: so many are what the peer bears. Without this it would
 * be dialled again at once, and again. */
static void note_limit(struct destination *destination, const struct attempt *attempt)
{
    if (!attempt->is_usable && destination->attempt_count > 0)
        destination->attempts_most = destination->attempt_count;
    else if (attempt->is_usable && destination->attempts_most != 0)
        destination->attempts_most++;
}

/* No address took a session: what waits is put off, and looked up anew when it is due. Mail that
 * requires TLS is given up when TLS was all that lacked, everywhere. */
static void give_up(struct destination *destination, const struct attempt *attempt)
{
    relay_hosts_forget(destination);
    if (!destination->route.requires_tls || attempt->is_soft || !attempt->is_host_hard ||
        destination->has_left_out) {
        relay_put_off(destination, attempt->told, attempt->told_host);
        return;
    }
    const struct relay_outcome outcome = {.verdict = RELAY_PERMANENT,
                                          .status = span_of(attempt->told_status),
                                          .text = span_of(attempt->told),
                                          .host = attempt->told_host};
    relay_destination_settle(destination, &outcome);
}

static void end_attempt(struct attempt *attempt)
{
    struct destination *destination = attempt->destination;
    struct relay *relay = attempt->relay;
    bool is_retired = destination->is_retired;
    list_remove(&attempt->node);
    destination->attempt_count--;
    relay->attempt_count--;
    note_limit(destination, attempt);
    if (!attempt->is_usable && destination->attempt_count == 0 && !relay->is_draining &&
        !is_retired)
        give_up(destination, attempt);
    relay_attempt_free(attempt);
    relay_destination_run(destination);
    if (is_retired)
        relay_run(relay); /* its entries may stand in another line now */
    relay_moved(relay);
}

static void log_unusable(const struct attempt *attempt)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "relay", "unusable");
    log_text(&line, "destination", attempt->destination->key);
    log_text(&line, "why", attempt->reason);
    log_int(&line, "without_tls_next", attempt->is_without_tls);
    log_end(&line);
}

static void keep_reason(struct attempt *attempt, enum conn_phase phase)
{
    if (attempt->told[0] != '\0' && phase < attempt->told_phase)
        return;
    bool is_demanded = attempt->hard_status != NULL && relay_security_is_policy(&attempt->security);
    (void)snprintf(attempt->told, sizeof attempt->told, "%.400s%s%.190s", attempt->reason,
                   is_demanded ? "; " : "", is_demanded ? attempt->security.why : "");
    memcpy(attempt->told_host, attempt->target.name, sizeof attempt->told_host);
    attempt->told_phase = phase;
}

/* Whether there is one more try; the address that did not work is blamed. */
static bool try_again(struct attempt *attempt, enum conn_phase phase, const struct fault *fault)
{
    bool has_fault = fault != NULL && fault->text[0] != '\0';
    bool is_below_smtp = phase == CONN_PHASE_CONNECT || phase == CONN_PHASE_HANDSHAKE;
    if (has_fault && (is_below_smtp || attempt->reason[0] == '\0'))
        relay_attempt_blame(attempt, span_of(fault->text));
    else if (attempt->reason[0] == '\0')
        relay_attempt_blame(attempt, span_of("the connection ended before mail could be sent"));
    relay_attempt_note_failure(attempt, phase);
    if (phase == CONN_PHASE_HANDSHAKE)
        attempt->hard_status = "5.7.10";
    keep_reason(attempt, phase);
    if (attempt->hard_status != NULL) {
        attempt->told_status = attempt->hard_status;
        attempt->is_host_hard = true;
    }
    if (attempt->relay->is_draining || attempt->destination->is_retired)
        return false;
    bool may_try = may_go_without_tls(attempt, phase);
    log_unusable(attempt);
    return may_try || step_on(attempt, phase);
}

static void on_gone(void *owner, enum conn_phase phase, const struct fault *fault)
{
    struct attempt *attempt = owner;
    bool is_unused = attempt->relay != NULL && !attempt->is_usable;
    bool has_next = is_unused && try_again(attempt, phase, fault);
    attempt->conn = NULL;
    attempt->is_resting = false;
    if (attempt->relay == NULL)
        relay_attempt_free(attempt);
    else if (has_next)
        relay_attempt_dial(attempt);
    else
        end_attempt(attempt);
}

/* ---- Dialling ------------------------------------------------------------------------------- */

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

/* All that are left of the host, the first one into attempt->to; how many others. An address that
 * is dialled anew, to be spoken to in another way, is alone. */
static size_t choose_addresses(struct attempt *attempt, struct endpoint also[MX_ADDRESSES_MAX])
{
    const struct mx_host *target = &attempt->target;
    uint16_t port = attempt->destination->route.port;

    if (attempt->is_without_tls)
        return 0;
    attempt->to = target->addresses[0];
    endpoint_set_port(&attempt->to, port);
    for (size_t i = 1; i < target->address_count; i++) {
        also[i - 1] = target->addresses[i];
        endpoint_set_port(&also[i - 1], port);
    }
    return target->address_count - 1;
}

void relay_attempt_dial(struct attempt *attempt)
{
    const struct relay_security *security = &attempt->security;
    attempt->tries++;
    attempt->reason[0] = '\0';
    attempt->hard_status = NULL;
    attempt->service.tls =
        attempt->is_without_tls ? SMTP_CLIENT_TLS_OFF : client_tls(security->tls);
    (void)snprintf(attempt->tls_text, sizeof attempt->tls_text, "none");
    attempt->tls_version[0] = attempt->tls_suite[0] = attempt->check_text[0] = '\0';
    attempt->check = NULL;
    attempt->seen_check = PKI_CHECK_NOT_DONE;
    attempt->is_starttls_missing = attempt->is_tls_noted = false;
    attempt->tls_policy = (struct tls_client_policy){
        .server_name = security->server_name,
        .other_name = security->other_name[0] != '\0' ? security->other_name : NULL,
        .dane = security->dane,
        .verify = security->verify,
        .alpn = NULL,
        .judge = {note_check, attempt, note_findings}};
    attempt->checks[0] = '\0';
    note(attempt, "policy", relay_security_name(security->source), security->why);
    struct endpoint also[MX_ADDRESSES_MAX];
    size_t also_count = choose_addresses(attempt, also);
    const struct dial dial = {
        .to = attempt->to,
        .also = also,
        .also_count = also_count,
        .stagger_ms = attempt->relay->settings->connect_stagger_ms,
        .security = security->tls == RELAY_TLS_IMPLICIT ? CONN_IMPLICIT : CONN_PLAIN,
        .tls = &attempt->tls_policy,
        .connect_timeout_ms = attempt->relay->settings->connect_timeout_ms,
        .handshake_timeout_ms = attempt->relay->settings->handshake_timeout_ms,
        .is_traced = attempt->relay->settings->trace,
        .type = &smtp_client_type,
        .owner = attempt,
        .events = &conn_events,
    };
    attempt->conn = dial_start(attempt->relay->options.env, &dial);
}

void relay_attempt_orphan(struct attempt *attempt)
{
    list_remove(&attempt->node);
    attempt->relay = NULL;
    attempt->destination = NULL;
    conn_end(attempt->conn, ENDING_SHUTDOWN);
}
