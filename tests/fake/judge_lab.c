/* judge_lab: see the header. */
#include "tests/fake/judge_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/require.h"

enum { SENT_MAX = 20 };

void judge_lab_file(const char *text, char path_out[64])
{
    struct fault fault;

    (void)snprintf(path_out, 64, "/tmp/postern-judge-XXXXXX");
    int fd = mkstemp(path_out);
    require(fd >= 0);
    (void)close(fd);
    require(file_write_all(path_out, text, strlen(text), 0600, &fault) == 0);
}

struct pki_trust *judge_lab_trust(const struct cert_mint *authority, const char *lists)
{
    char *pem = cert_mint_pem(&authority, 1);
    char authorities_file[64], lists_file[64] = "";
    bool is_empty = true;
    struct fault fault;

    judge_lab_file(pem, authorities_file);
    if (lists[0] != '\0')
        judge_lab_file(lists, lists_file);
    struct pki_trust *trust = pki_trust_create(authorities_file, lists_file, &is_empty, &fault);
    require(trust != NULL && !is_empty);
    (void)unlink(authorities_file);
    if (lists[0] != '\0')
        (void)unlink(lists_file);
    mem_free(pem);
    return trust;
}

struct pki_findings judge_lab_judge(const struct pki_trust *trust,
                                    const struct cert_mint *const *sent, size_t count,
                                    const struct judge_lab_asked *asked)
{
    struct span chain[SENT_MAX];
    struct pki_findings findings;

    require(count <= SENT_MAX);
    for (size_t i = 0; i < count; i++)
        chain[i] = cert_mint_der(sent[i]);
    const struct pki_case of = {.chain = chain,
                                .chain_count = count,
                                .name = asked->name,
                                .purpose = asked->purpose,
                                .now_s = asked->now_s};
    pki_judge(trust, &of, &findings);
    return findings;
}

struct pki_findings judge_lab_staple(const struct pki_trust *trust, const struct cert_mint *leaf,
                                     struct span staple, bool had_chance)
{
    const struct span chain = cert_mint_der(leaf);
    const struct pki_case of = {.chain = &chain,
                                .chain_count = 1,
                                .purpose = PKI_SERVER,
                                .staple = staple,
                                .had_staple_chance = had_chance,
                                .now_s = CERT_MINT_NOW_S};
    struct pki_findings findings;

    pki_judge(trust, &of, &findings);
    return findings;
}

bool judge_lab_is(const struct pki_findings *findings, enum pki_step step, enum pki_check wanted,
                  const char *detail)
{
    const struct pki_finding *finding = &findings->steps[step];
    bool is_clean = true;

    for (const char *at = finding->detail; *at != '\0'; at++)
        is_clean = is_clean && (unsigned char)*at >= ' ' && *at != 0x7f;
    if (is_clean && finding->verdict == wanted && strstr(finding->detail, detail) != NULL)
        return true;
    (void)fprintf(stderr, "%s: %s (%s), wanted %s (%s)\n", pki_step_name(step),
                  pki_check_name(finding->verdict), finding->detail, pki_check_name(wanted),
                  detail);
    return false;
}

bool judge_lab_is_only(const struct pki_findings *findings, enum pki_step step,
                       enum pki_check wanted, const char *detail)
{
    bool is_good = wanted == PKI_CHECK_GOOD || wanted == PKI_CHECK_NOT_DONE, is_so = true;

    for (int i = 0; i < PKI_STEP_COUNT; i++) {
        if (i == (int)step)
            is_so = judge_lab_is(findings, step, wanted, detail) && is_so;
        else if (findings->steps[i].verdict != PKI_CHECK_NOT_DONE)
            is_so = judge_lab_is(findings, (enum pki_step)i, PKI_CHECK_GOOD, "") && is_so;
    }
    return is_so && pki_findings_worst(findings) == (is_good ? PKI_STEP_COUNT : step);
}
