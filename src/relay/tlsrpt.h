/*
 * tlsrpt: SMTP TLS reporting, the sender's side (RFC 8460): counts how TLS came about on sessions
 * to other domains' MX hosts, per UTC day and policy, and tells each domain that asks for it, once
 * a day, by mail.
 *
 * Each loop counts in memory (its destinations are its own) and writes to the store about once a
 * minute and when it drains: a crash loses what was counted since. The relay of loop 0 sends: at a
 * random time within relay.tls_report_delay after midnight. A domain's results of a day go in the
 * same transaction in which its report enters the queue, so it is sent once, also over restarts;
 * those of a domain that asks for no reports are dropped then. Off unless relay.tls_reports.
 */
#ifndef POSTERN_RELAY_TLSRPT_H
#define POSTERN_RELAY_TLSRPT_H

#include "base/span.h"

struct relay;

/* RFC 8460 4.4 "policy-type"; name, text. */
#define TLSRPT_POLICY_LIST(X)                                                                      \
    X(TLSRPT_NO_POLICY, "no-policy-found")                                                         \
    X(TLSRPT_TLSA, "tlsa")                                                                         \
    X(TLSRPT_STS, "sts")

enum tlsrpt_policy {
#define TLSRPT_POLICY_ENUM(name, text) name,
    TLSRPT_POLICY_LIST(TLSRPT_POLICY_ENUM)
#undef TLSRPT_POLICY_ENUM
};

/* RFC 8460 4.3 "result-type"; name, text. What is no failure has no text. */
#define TLSRPT_RESULT_LIST(X)                                                                      \
    X(TLSRPT_GOOD, "")                                                                             \
    X(TLSRPT_STARTTLS_NOT_SUPPORTED, "starttls-not-supported")                                     \
    X(TLSRPT_CERTIFICATE_HOST_MISMATCH, "certificate-host-mismatch")                               \
    X(TLSRPT_CERTIFICATE_EXPIRED, "certificate-expired")                                           \
    X(TLSRPT_CERTIFICATE_NOT_TRUSTED, "certificate-not-trusted")                                   \
    X(TLSRPT_VALIDATION_FAILURE, "validation-failure")                                             \
    X(TLSRPT_TLSA_INVALID, "tlsa-invalid")                                                         \
    X(TLSRPT_DNSSEC_INVALID, "dnssec-invalid")                                                     \
    X(TLSRPT_DANE_REQUIRED, "dane-required")                                                       \
    X(TLSRPT_STS_POLICY_FETCH_ERROR, "sts-policy-fetch-error")                                     \
    X(TLSRPT_STS_POLICY_INVALID, "sts-policy-invalid")                                             \
    X(TLSRPT_STS_WEBPKI_INVALID, "sts-webpki-invalid")

enum tlsrpt_result {
#define TLSRPT_RESULT_ENUM(name, text) name,
    TLSRPT_RESULT_LIST(TLSRPT_RESULT_ENUM)
#undef TLSRPT_RESULT_ENUM
};

/* One session, or one that did not come about because of TLS or of a policy. A connection that was
 * not made at all (refused, timed out) is none (RFC 8460 4.3.4). Texts may be empty. */
struct tlsrpt_session {
    struct span domain; /* the recipients': what it says about reports counts */
    /* Whose policy it is: the TLSA base domain with TLSA records (RFC 8460 1.1); empty: domain. */
    struct span policy_domain;
    enum tlsrpt_policy policy;
    /* As applied, in lines by '\n': TLSA records in their text form ("3 1 1 ab01..."), or the lines
     * of the MTA-STS policy. */
    struct span policy_text;
    struct span mx_patterns; /* of MTA-STS, by '\n' */
    enum tlsrpt_result result;
    /* Of a failure. */
    struct span sending_ip;
    struct span mx_host, receiving_ip;
    struct span reason; /* "failure-reason-code": a word or a short sentence */
};

/* Counts it, on the relay's loop; nothing when reports are off. */
void tlsrpt_note(struct relay *relay, const struct tlsrpt_session *session);

#endif
