/*
 * security: what a connection outward must prove, decided for each host between the look-up of a
 * destination's hosts and the first dialling. Loop thread only. docs/RELAY.md tells it to
 * administrators. The order:
 *
 *   1. configuration: a named host or smarthost, or TLS switched off, is taken as written
 *   2. the message waives TLS (RFC 8689 4.2): no policy of the domain counts
 *   3. DANE (RFC 7672): the host has TLSA records that are signed
 *   4. MTA-STS (RFC 8461): the domain has a policy; never in place of a DANE policy that failed.
 *      Where the MX record is not signed, a host that the policy does not name is left out even if
 *      it has TLSA records.
 *   5. relay.mx_tls and mx_verify: demanded (configuration), or TLS taken where it is offered
 *
 * What the configuration demands of all (mx_verify = "required", REQUIRETLS) is the floor: 3 and 4
 * may prove a host in another way, they never ask for less.
 */
#ifndef POSTERN_RELAY_SECURITY_H
#define POSTERN_RELAY_SECURITY_H

#include "conf/settings/relay.h"
#include "dns/mx.h"
#include "tls/session.h"

struct destination;
struct pki_dane;
struct sts_policy;

enum { RELAY_SECURITY_WHY_SIZE = 400, RELAY_LEFT_OUT_SIZE = 700 };

/* name, word for logs and the history */
#define RELAY_SECURITY_LIST(X)                                                                     \
    X(SECURITY_OPPORTUNISTIC, "opportunistic")                                                     \
    X(SECURITY_CONFIGURED, "configured")                                                           \
    X(SECURITY_DANE, "dane")                                                                       \
    X(SECURITY_STS, "mta-sts")

enum relay_security_source {
#define RELAY_SECURITY_ENUM(name, text) name,
    RELAY_SECURITY_LIST(RELAY_SECURITY_ENUM)
#undef RELAY_SECURITY_ENUM
};
const char *relay_security_name(enum relay_security_source source);

/* What is demanded of one host. Copied by relay_security_copy(). */
struct relay_security {
    enum relay_security_source source;
    enum relay_tls tls; /* never MAY where a policy demands TLS: so never in plaintext */
    enum tls_verify verify;
    char server_name[MX_NAME_SIZE]; /* SNI, and the name to check */
    char other_name[MX_NAME_SIZE];  /* one that will do as well; "": none */
    struct pki_dane *dane;          /* a reference; NULL: no TLSA records to fit */
    bool is_named;                  /* by an MTA-STS policy that is enforced */
    /* A reference to the domain's MTA-STS policy where DANE has no say, also one in testing, which
     * demands nothing; NULL: none. */
    struct sts_policy *sts;
    char why[RELAY_SECURITY_WHY_SIZE]; /* where it comes from, a sentence for log and history */
};

struct relay_security relay_security_copy(const struct relay_security *security);
void relay_security_release(struct relay_security *security);
/* Whether the domain or host demands TLS, not we. */
static inline bool relay_security_is_policy(const struct relay_security *security)
{
    return security->source == SECURITY_DANE || security->source == SECURITY_STS;
}

/* A host that may be tried, and what is demanded of it. */
struct relay_host {
    struct mx_host mx;
    struct relay_security security;
};

/* Borrowed until return. */
struct security_result {
    const struct relay_host *hosts; /* in the order of the look-up */
    size_t count;
    /* Hosts that may not be tried now (TLSA records that cannot be had, an MTA-STS policy that does
     * not name them), and why the first of them: a failure that time may heal. */
    size_t left_out;
    char why[RELAY_LEFT_OUT_SIZE];
    bool has_doubt; /* whether the domain has an MTA-STS policy could not be learnt now */
};

typedef void security_fn(void *owner, const struct security_result *result);

/* The look-ups of one destination's policies. */
struct security_stage;

/* hosts: borrowed until return, at least one. on_result exactly once, never inside this call,
 * unless cancelled; the stage is gone after it. The destination outlives it. */
struct security_stage *relay_security_start(struct destination *destination, struct span domain,
                                            const struct mx_result *hosts, security_fn *on_result);
void relay_security_cancel(struct security_stage **stage);

#endif
