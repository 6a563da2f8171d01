/* judge_lab: for tests of pki/judge.h: cases of minted certificates, and what they should be. */
#ifndef POSTERN_TESTS_FAKE_JUDGE_LAB_H
#define POSTERN_TESTS_FAKE_JUDGE_LAB_H

#include "pki/judge.h"
#include "pki/trust.h"
#include "tests/fake/cert_mint.h"

struct judge_lab_asked {
    const char *name;
    enum pki_purpose purpose;
    int64_t now_s;
};

/* Trusts one authority, and lists of revocations in PEM ("": none). Owned. */
struct pki_trust *judge_lab_trust(const struct cert_mint *authority, const char *lists);
struct pki_findings judge_lab_judge(const struct pki_trust *trust,
                                    const struct cert_mint *const *sent, size_t count,
                                    const struct judge_lab_asked *asked);
/* One leaf with what was stapled; no name, as a server's, now. */
struct pki_findings judge_lab_staple(const struct pki_trust *trust, const struct cert_mint *leaf,
                                     struct span staple, bool had_chance);
/* Whether the step says that, with detail as part of its own, and no byte in it that a terminal
 * takes for a command; prints what it says when not. */
bool judge_lab_is(const struct pki_findings *findings, enum pki_step step, enum pki_check wanted,
                  const char *detail);
/* And all other steps are good or not done. */
bool judge_lab_is_only(const struct pki_findings *findings, enum pki_step step,
                       enum pki_check wanted, const char *detail);
/* A file of its own with this text; path: at least 64 bytes. The caller unlinks it. */
void judge_lab_file(const char *text, char path_out[64]);

#endif
