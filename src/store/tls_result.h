/*
 * tls_result: what is remembered of TLS on sessions to other domains, until it is reported (RFC
 * 8460): counters by UTC day, domain, policy and result, written by the relay (relay/tlsrpt.h).
 * What a report tells of goes in the transaction that puts the report into the queue. See store.h.
 */
#ifndef POSTERN_STORE_TLS_RESULT_H
#define POSTERN_STORE_TLS_RESULT_H

#include "store/accept.h"
#include "store/store.h"

enum {
    /* Different counters of one day; what is new over it is counted in left_out: a bound against
     * somebody who has mail sent to ever more domains of his. */
    STORE_TLS_RESULTS_MAX = 100000,
    STORE_TLS_REPORT_ROWS_MAX = 2000 /* of one domain and day that a report tells; the others go */
};

struct store_tls_result {
    int64_t day; /* since 1970-01-01, UTC */
    struct span domain;
    struct span policy_domain;
    struct span policy;      /* RFC 8460 "policy-type" */
    struct span policy_text; /* its lines, by '\n' */
    struct span mx_patterns; /* by '\n' */
    struct span result;      /* "result-type"; empty: a good session */
    struct span sending_ip, mx_host, receiving_ip, reason;
    uint64_t sessions;
};

struct store_tls_count {
    struct job job;
    int status;
    struct fault fault;
    size_t left_out; /* results that found the day full */
};
/* Adds each one's sessions to the counter that is the same in all else. Copies. */
struct store_tls_count *
store_tls_count_create(struct store *store, const struct store_tls_result *results, size_t count);

struct store_tls_next {
    struct job job;
    int status;
    struct fault fault;
    struct store_tls_result *results; /* all of one day and domain, by policy */
    size_t count;                     /* 0: there are none */
};
/* The first domain with results behind (after_day, after_domain), by day and domain, of days before
 * before_day. */
struct store_tls_next *store_tls_next_create(struct store *store, int64_t before_day,
                                             int64_t after_day, struct span after_domain);

struct store_tls_done {
    struct job job;
    int status; /* ERR_NOT_FOUND: nobody takes the report; nothing was changed */
    struct fault fault;
    uint64_t message; /* the report's; 0: none */
};
/* The report of a day and domain, if it is there to be sent: its results go, and it enters the
 * queue, together. Takes the body (NULL: they go without a report); copies all else. */
struct store_tls_report {
    int64_t day;
    struct span domain;
    struct store_body *body;
    struct span reverse_path;
    unsigned mail_flags;
    const struct store_recipient *recipients;
    size_t recipient_count;
};
struct store_tls_done *store_tls_done_create(struct store *store,
                                             const struct store_tls_report *report);

#endif
