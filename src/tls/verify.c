/*
 * verify: the peer's certificate in a client session: hands chain and staple to pki/judge.h, tells
 * each step, puts the worst into the facts and refuses where the policy demands it. GnuTLS's own
 * verification is not used. Tests: test_tls_verify.c.
 */
#include <gnutls/ocsp.h>
#include <stdio.h>

#include "base/log.h"
#include "crypto/digest.h"
#include "pki/judge.h"
#include "tls/tls_internal.h"

/* bad_certificate_status_response, RFC 6066 8, which GnuTLS has no name for. */
enum { ALERT_BAD_STATUS_RESPONSE = 113 };

int tls_trust_load(const struct settings_tls *settings, const struct tls_remarks *remarks,
                   struct pki_trust **trust_out, struct fault *fault)
{
    bool is_empty = false;

    *trust_out = pki_trust_create(settings->trusted, settings->revocations, &is_empty, fault);
    if (*trust_out == NULL)
        return fault_wrap(fault, "tls.trusted, tls.revocations");
    const struct tls_remark no_authorities = {
        .level = LOG_WARN,
        .event = "no-authorities",
        .file = PKI_SYSTEM_AUTHORITIES,
        .why = "no certificate of another server can be trusted; install ca-certificates or set "
               "tls.trusted"};
    if (is_empty)
        tls_remark(remarks, &no_authorities);
    return 0;
}

static struct span staple_of(gnutls_session_t gnutls)
{
    gnutls_datum_t staple = {NULL, 0};

    if (gnutls_ocsp_status_request_get2(gnutls, 0, &staple) != 0 || staple.data == NULL)
        return span_of("");
    return span_make((const char *)staple.data, staple.size);
}

static void tell(struct tls_session *session, const struct pki_findings *findings)
{
    char sentence[PKI_SENTENCE_SIZE];

    for (int i = 0; i < PKI_STEP_COUNT; i++) {
        const struct pki_finding *finding = &findings->steps[i];
        if (!pki_step_is_told((enum pki_step)i, finding))
            continue;
        pki_finding_sentence(finding, sentence);
        tls_trace_check(session, pki_step_name((enum pki_step)i), finding->verdict, sentence);
    }
}

static void conclude(struct tls_facts *facts, const struct pki_findings *findings)
{
    enum pki_step worst = pki_findings_worst(findings);

    facts->check = PKI_CHECK_GOOD;
    (void)snprintf(facts->check_detail, sizeof facts->check_detail, "%s",
                   findings->steps[PKI_STEP_DANE].detail);
    if (worst == PKI_STEP_COUNT)
        return;
    facts->check = findings->steps[worst].verdict;
    (void)snprintf(facts->check_detail, sizeof facts->check_detail, "%s",
                   findings->steps[worst].detail);
}

/* A peer without a certificate has its verdict too: PKI_CHECK_NONE. */
static void verify(struct tls_session *session, const gnutls_datum_t *ders, unsigned count)
{
    struct span chain[PKI_CHAIN_MAX];
    struct pki_case of = {.chain = chain,
                          .name = session->server_name,
                          .other_name = session->other_name,
                          .dane = session->dane,
                          .purpose = PKI_SERVER,
                          .staple = staple_of(session->gnutls),
                          .had_staple_chance = true,
                          .now_s = clock_wall_s(session->generation->clock)};
    struct pki_findings findings;

    session->has_verdict = true;
    for (unsigned i = 0; i < count && i < PKI_CHAIN_MAX; i++)
        chain[of.chain_count++] = span_make((const char *)ders[i].data, ders[i].size);
    if (count > 0) {
        digest_sha256(chain[0], session->facts.peer_fingerprint);
        session->facts.has_peer_fingerprint = true;
    }
    pki_judge(session->generation->trust, &of, &findings);
    tell(session, &findings);
    if (session->judge.on_findings != NULL)
        session->judge.on_findings(session->judge.owner, &findings);
    conclude(&session->facts, &findings);
}

/* Returning GNUTLS_E_AGAIN pauses the handshake; GnuTLS does not document it, so a test pins it. */
int tls_verify_on_certificate(gnutls_session_t gnutls)
{
    struct tls_session *session = gnutls_session_get_ptr(gnutls);
    unsigned count = 0;
    const gnutls_datum_t *ders = gnutls_certificate_get_peers(gnutls, &count);

    if (ders == NULL)
        count = 0;
    if (!session->has_verdict)
        verify(session, ders, count);
    session->is_waiting = false;
    if (session->judge.judge != NULL && count > 0) {
        struct span der = span_make((const char *)ders[0].data, ders[0].size);
        int err = session->judge.judge(session->judge.owner, der, &session->facts.check);
        session->is_waiting = err == ERR_AGAIN;
        if (err != 0)
            return session->is_waiting ? GNUTLS_E_AGAIN : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
    }
    if (session->verify == TLS_VERIFY_REQUIRED && session->facts.check != PKI_CHECK_GOOD)
        return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
    return 0;
}

/* RFC 8446 6.2. */
gnutls_alert_description_t tls_verify_alert(enum pki_check check)
{
    static const unsigned char alerts[] = {
        [PKI_CHECK_UNKNOWN_AUTHORITY] = GNUTLS_A_UNKNOWN_CA,
        [PKI_CHECK_MISSING_INTERMEDIATE] = GNUTLS_A_UNKNOWN_CA,
        [PKI_CHECK_SELF_SIGNED] = GNUTLS_A_UNKNOWN_CA,
        [PKI_CHECK_EXPIRED] = GNUTLS_A_CERTIFICATE_EXPIRED,
        [PKI_CHECK_NOT_YET_VALID] = GNUTLS_A_CERTIFICATE_EXPIRED,
        [PKI_CHECK_REVOKED] = GNUTLS_A_CERTIFICATE_REVOKED,
        [PKI_CHECK_WRONG_PURPOSE] = GNUTLS_A_UNSUPPORTED_CERTIFICATE,
        [PKI_CHECK_MISSING_STAPLE] = ALERT_BAD_STATUS_RESPONSE,
        [PKI_CHECK_BAD_STAPLE] = ALERT_BAD_STATUS_RESPONSE,
        [PKI_CHECK_OTHER] = 0,
    };
    unsigned char alert = (size_t)check < sizeof alerts ? alerts[check] : 0;

    return alert != 0 ? (gnutls_alert_description_t)alert : GNUTLS_A_BAD_CERTIFICATE;
}
