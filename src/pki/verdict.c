/*
 * verdict: names and sentences of the verdicts in verdict.h, one list. Who comes to a verdict is
 * judge.c. Tests: test_tls_verify.c.
 */
#include "pki/verdict.h"

#include <stddef.h>

#include "base/require.h"

struct check_row {
    const char *name, *sentence, *advice;
};

static const struct check_row check_rows[] = {
#define PKI_CHECK_ROW(name, text, sentence, advice) [name] = {text, sentence, advice},
    PKI_CHECK_LIST(PKI_CHECK_ROW)
#undef PKI_CHECK_ROW
};

const char *pki_check_name(enum pki_check check)
{
    require((size_t)check < sizeof check_rows / sizeof *check_rows);
    return check_rows[check].name;
}

const char *pki_check_sentence(enum pki_check check)
{
    require((size_t)check < sizeof check_rows / sizeof *check_rows);
    return check_rows[check].sentence;
}

const char *pki_check_advice(enum pki_check check)
{
    require((size_t)check < sizeof check_rows / sizeof *check_rows);
    return check_rows[check].advice;
}
