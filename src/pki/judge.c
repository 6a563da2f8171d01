/*
 * judge: has every step made and says which is worst. The steps are in judge_*.c, the way that they
 * follow is found in judge_way.c. Tests: test_pki_judge.c.
 */
#include "pki/judge.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/require.h"
#include "pki/judge_internal.h"

static const char *const step_names[] = {
#define PKI_STEP_NAME_OF(name, text) [name] = (text),
    PKI_STEP_LIST(PKI_STEP_NAME_OF)
#undef PKI_STEP_NAME_OF
};

static void (*const judges[PKI_STEP_COUNT])(const struct pki_judged *judged,
                                            struct pki_finding *out) = {
    [PKI_STEP_DANE] = NULL, /* judge_dane.c's, above all others */
    [PKI_STEP_CHAIN] = pki_judge_chain,
    [PKI_STEP_DATES] = pki_judge_dates,
    [PKI_STEP_STRENGTH] = pki_judge_strength,
    [PKI_STEP_NAME] = pki_judge_name,
    [PKI_STEP_PURPOSE] = pki_judge_purpose,
    [PKI_STEP_REVOCATION] = pki_judge_revocation,
};

const char *pki_step_name(enum pki_step step)
{
    require(step < PKI_STEP_COUNT);
    return step_names[step];
}

static void tell_way(const struct pki_judged *judged, struct pki_findings *findings)
{
    char authority[PKI_TEXT_SIZE];

    findings->is_out_of_order = !pki_judged_is_in_order(judged);
    findings->way_len = judged->way_len;
    for (size_t i = 0; i < judged->way_len; i++)
        findings->way[i] = (unsigned char)judged->way_index[i];
    gnutls_x509_crt_t last = judged->way[judged->way_len - 1];
    if (judged->anchor != NULL && gnutls_x509_crt_equals(judged->anchor, last) == 0)
        (void)snprintf(findings->authority, sizeof findings->authority, "%s",
                       pki_text_dn(gnutls_x509_crt_get_dn, judged->anchor, authority));
}

void pki_judge_steps(const struct pki_trust *trust, const struct pki_case *of,
                     struct pki_findings *findings)
{
    struct pki_judged judged;

    if (pki_judged_init(&judged, trust, of, &findings->steps[PKI_STEP_CHAIN]) == 0) {
        for (int i = 0; i < PKI_STEP_COUNT; i++)
            if (judges[i] != NULL)
                judges[i](&judged, &findings->steps[i]);
        tell_way(&judged, findings);
    }
    pki_judged_deinit(&judged);
}

void pki_judge(const struct pki_trust *trust, const struct pki_case *of,
               struct pki_findings *findings_out)
{
    *findings_out = (struct pki_findings){.is_out_of_order = false};
    if (of->dane != NULL)
        pki_judge_dane(trust, of, findings_out);
    else
        pki_judge_steps(trust, of, findings_out);
}

bool pki_step_is_told(enum pki_step step, const struct pki_finding *finding)
{
    return step != PKI_STEP_DANE || finding->verdict != PKI_CHECK_NOT_DONE;
}

static bool is_bad(enum pki_check verdict)
{
    return verdict != PKI_CHECK_GOOD && verdict != PKI_CHECK_NOT_DONE;
}

enum pki_step pki_findings_worst(const struct pki_findings *findings)
{
    int i = 0;

    while (i < PKI_STEP_COUNT && !is_bad(findings->steps[i].verdict))
        i++;
    return (enum pki_step)i;
}

void pki_finding_set(struct pki_finding *finding, enum pki_check verdict, const char *format, ...)
{
    va_list args;

    finding->verdict = verdict;
    va_start(args, format);
    (void)vsnprintf(finding->detail, sizeof finding->detail, format, args);
    va_end(args);
}

void pki_finding_sentence(const struct pki_finding *finding, char out[PKI_SENTENCE_SIZE])
{
    bool has_detail = finding->detail[0] != '\0';

    if (has_detail && !is_bad(finding->verdict))
        (void)snprintf(out, PKI_SENTENCE_SIZE, "%s", finding->detail);
    else
        (void)snprintf(out, PKI_SENTENCE_SIZE, "%s%s%s", pki_check_sentence(finding->verdict),
                       has_detail ? ": " : "", finding->detail);
}
