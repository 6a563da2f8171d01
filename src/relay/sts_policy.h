/*
 * sts_policy: what a domain says about TLS to its mail servers (MTA-STS, RFC 8461), as text: the
 * TXT record that names a policy, the policy itself, and the patterns of its MX hosts. Functions on
 * bytes that anybody may have written; they ask nobody and keep nothing. Who asks is sts.h.
 */
#ifndef POSTERN_RELAY_STS_POLICY_H
#define POSTERN_RELAY_STS_POLICY_H

#include "base/buf.h"
#include "base/err.h"

enum {
    STS_ID_SIZE = 33,            /* 1 to 32 letters and digits, and a NUL */
    STS_TEXT_MAX = 64 * 1024,    /* RFC 8461 3.2 suggests it; a longer one is not used */
    STS_PATTERNS_MAX = 100,      /* more make a policy invalid: the largest seen have some ten */
    STS_MAX_AGE_MAX_S = 31557600 /* a year, RFC 8461 3.2; what is above counts as this */
};

enum sts_mode {
    STS_MODE_NONE,    /* as if there were no policy */
    STS_MODE_TESTING, /* deliver all the same, but tell */
    STS_MODE_ENFORCE
};
/* "none", "testing", "enforce". */
const char *sts_mode_name(enum sts_mode mode);

/* Shared on one loop; read-only once it was read. */
struct sts_policy {
    unsigned refs;
    enum sts_mode mode;
    int64_t max_age_s;
    char id[STS_ID_SIZE]; /* of the TXT record it was fetched for; "": there was none */
    size_t mx_count;      /* at least 1 unless the mode is none */
    char *mx; /* the patterns in lower case, in the policy's order, with LF between; never NULL */
};

/* RFC 8461 3.2: lines "key: value" that end in CRLF or LF. Of a key that comes twice the first
 * counts, but for mx; unknown keys are passed over; id is left empty. ERR_SYNTAX or ERR_LIMIT with
 * a sentence that names the line. */
int sts_policy_parse(struct span text, struct sts_policy **policy_out, struct fault *fault)
    __attribute__((warn_unused_result));
/* The same policy as text that parses again, LF at each line's end, without unknown keys. */
void sts_policy_write(const struct sts_policy *policy, struct buf *out);
/* One more reference. Accepts NULL. */
struct sts_policy *sts_policy_ref(struct sts_policy *policy);
/* One less; the last frees. Accepts a pointer to NULL. */
void sts_policy_unref(struct sts_policy **policy);

/* Whether a policy of that domain could be asked for: letters, digits, hyphens and dots. */
bool sts_is_domain(struct span domain);
/* Whether mail may go to that host (RFC 8461 4.1): it is named, or has exactly one label more than
 * a pattern that begins with "*.". */
bool sts_policy_allows(const struct sts_policy *policy, struct span host);

/* RFC 8461 3.1: the TXT records of _mta-sts.DOMAIN, as raw RDATA. The id into id_out; ERR_NOT_FOUND
 * when none begins with "v=STSv1;", ERR_SYNTAX with a sentence when several do or the one is
 * broken: that is no policy then, either. */
int sts_txt_find(const struct span *records, size_t count, char id_out[STS_ID_SIZE],
                 struct fault *fault) __attribute__((warn_unused_result));

#endif
