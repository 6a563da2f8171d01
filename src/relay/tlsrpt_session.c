/*
 * tlsrpt_session.c: what a connection to an MX host means for the TLS report: which policy was
 * applied and which result of RFC 8460 4.3 came of it. Counting is tlsrpt.c's. Tests:
 * tests/unit/test_relay_tlsrpt.c.
 */
#include "base/log.h"
#include "pki/dane.h"
#include "relay/attempt_internal.h"
#include "relay/sts_policy.h"
#include "relay/tlsrpt.h"

/* RFC 8460 3: what is sent despite TLS trouble, as reports are, is not told of. A named server is
 * configuration, no policy of the recipients' domain; a try in plaintext behind a handshake that
 * did not work is the same session, which was counted. */
static bool is_counted(const struct attempt *attempt)
{
    const struct route *route = &attempt->destination->route;
    return !route->has_host && !route->waives_tls && route->protocol == RELAY_PROTOCOL_SMTP &&
           attempt->security.tls != RELAY_TLS_OFF && !attempt->is_without_tls &&
           !attempt->is_tls_noted;
}

static enum tlsrpt_policy policy_of(const struct attempt *attempt)
{
    switch (attempt->security.source) {
    case SECURITY_DANE:
        return TLSRPT_TLSA;
    case SECURITY_STS:
        return TLSRPT_STS;
    case SECURITY_OPPORTUNISTIC:
    case SECURITY_CONFIGURED:
        break;
    }
    /* One in testing demands nothing, but is the policy that was found. */
    return attempt->security.sts != NULL ? TLSRPT_STS : TLSRPT_NO_POLICY;
}

/* Appends what the host was held against, in lines. */
static void put_policy(const struct attempt *attempt, struct buf *out)
{
    if (policy_of(attempt) == TLSRPT_STS) {
        sts_policy_write(attempt->security.sts, out);
        buf_truncate(out, out->len - 1);
        return;
    }
    const struct pki_dane *dane = attempt->security.dane;
    char text[PKI_DANE_TEXT_SIZE];
    if (attempt->security.source != SECURITY_DANE || dane == NULL)
        return;
    for (size_t i = 0; i < pki_dane_count(dane); i++)
        buf_printf(out, "%s%s", i > 0 ? "\n" : "", pki_dane_text(dane, i, text));
}

static void note(struct attempt *attempt, enum tlsrpt_result result, struct span reason)
{
    char sending[ENDPOINT_TEXT_SIZE] = "", receiving[ENDPOINT_TEXT_SIZE] = "";
    /* The key may have the wishes of its mail behind a space. */
    struct span domain = span_of(attempt->destination->key);
    domain = span_cut(&domain, ' ');
    bool has_local = attempt->conn != NULL && conn_local(attempt->conn)->len > 0;
    if (has_local)
        endpoint_host(conn_local(attempt->conn), sending);
    endpoint_host(&attempt->to, receiving);
    struct buf policy_text;
    buf_init(&policy_text, 0);
    put_policy(attempt, &policy_text);
    enum tlsrpt_policy policy = policy_of(attempt);
    const struct tlsrpt_session session = {
        .domain = domain,
        .policy_domain = policy == TLSRPT_TLSA ? span_of(attempt->security.server_name) : domain,
        .policy = policy,
        .policy_text = buf_span(&policy_text),
        .mx_patterns = span_of(policy == TLSRPT_STS ? attempt->security.sts->mx : ""),
        .result = result,
        .sending_ip = span_of(sending),
        .mx_host = span_of(attempt->target.name),
        .receiving_ip = span_of(receiving),
        .reason = reason,
    };
    attempt->is_tls_noted = true;
    tlsrpt_note(attempt->relay, &session);
    buf_release(&policy_text);
}

/* RFC 8460 4.3.1; what has no word of its own is a validation-failure with its reason. */
static enum tlsrpt_result result_of(enum pki_check check)
{
    static const unsigned char results[] = {
        [PKI_CHECK_UNKNOWN_AUTHORITY] = TLSRPT_CERTIFICATE_NOT_TRUSTED,
        [PKI_CHECK_MISSING_INTERMEDIATE] = TLSRPT_CERTIFICATE_NOT_TRUSTED,
        [PKI_CHECK_SELF_SIGNED] = TLSRPT_CERTIFICATE_NOT_TRUSTED,
        [PKI_CHECK_REVOKED] = TLSRPT_CERTIFICATE_NOT_TRUSTED,
        [PKI_CHECK_EXPIRED] = TLSRPT_CERTIFICATE_EXPIRED,
        [PKI_CHECK_WRONG_NAME] = TLSRPT_CERTIFICATE_HOST_MISMATCH,
        [PKI_CHECK_NO_SAN] = TLSRPT_CERTIFICATE_HOST_MISMATCH,
    };
    enum tlsrpt_result result = TLSRPT_GOOD;
    if ((size_t)check < sizeof results)
        result = (enum tlsrpt_result)results[check];
    return result == TLSRPT_GOOD ? TLSRPT_VALIDATION_FAILURE : result;
}

static bool is_testing(const struct attempt *attempt)
{
    const struct sts_policy *policy = attempt->security.sts;
    return policy != NULL && policy->mode == STS_MODE_TESTING;
}

/* RFC 8461 5: mail goes all the same, but both sides hear what would have kept it. */
static void note_tested(struct attempt *attempt, enum tlsrpt_result result, const char *why)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "relay", "sts-testing");
    log_text(&line, "destination", attempt->destination->key);
    log_text(&line, "host", attempt->target.name);
    log_text(&line, "why", why);
    log_end(&line);
    note(attempt, result, span_of(why));
}

void relay_attempt_note_secure(struct attempt *attempt)
{
    if (attempt->relay == NULL || !is_counted(attempt))
        return;
    /* RFC 7672 2.2: TLS came about, but no record could be held against the certificate. */
    bool is_unproven = attempt->security.source == SECURITY_DANE && attempt->security.dane == NULL;
    bool is_named = !is_testing(attempt) ||
                    sts_policy_allows(attempt->security.sts, span_of(attempt->target.name));
    if (!is_named)
        note_tested(attempt, TLSRPT_VALIDATION_FAILURE, "the policy does not name the host");
    else if (is_testing(attempt) && attempt->seen_check != PKI_CHECK_GOOD)
        note_tested(attempt, result_of(attempt->seen_check), pki_check_name(attempt->seen_check));
    else
        note(attempt, is_unproven ? TLSRPT_TLSA_INVALID : TLSRPT_GOOD, span_of(""));
}

void relay_attempt_note_plain(struct attempt *attempt)
{
    bool is_plain = attempt->tls_version[0] == '\0';
    if (attempt->relay == NULL || !is_plain || !is_counted(attempt))
        return;
    if (is_testing(attempt))
        note_tested(attempt, TLSRPT_STARTTLS_NOT_SUPPORTED, "STARTTLS is not offered");
    else
        note(attempt, TLSRPT_STARTTLS_NOT_SUPPORTED, span_of(""));
}

void relay_attempt_note_failure(struct attempt *attempt, enum conn_phase phase)
{
    if (!is_counted(attempt))
        return;
    if (attempt->is_starttls_missing)
        note(attempt, TLSRPT_STARTTLS_NOT_SUPPORTED, span_of(attempt->reason));
    else if (phase != CONN_PHASE_HANDSHAKE)
        return; /* RFC 8460 4.3.4: trouble of the network is none of TLS */
    else if (attempt->seen_check != PKI_CHECK_NOT_DONE && attempt->seen_check != PKI_CHECK_GOOD)
        note(attempt, result_of(attempt->seen_check), span_of(pki_check_name(attempt->seen_check)));
    else
        note(attempt, TLSRPT_VALIDATION_FAILURE, span_of(attempt->reason));
}
