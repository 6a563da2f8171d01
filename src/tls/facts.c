/*
 * facts: names and sentences of the verdicts in facts.h. What fills a struct tls_facts is
 * session.c (the connection) and verify.c (the peer's certificate). Tests: test_tls_verify.c.
 */
#include "tls/facts.h"

#include "base/require.h"

struct check_row {
    const char *name, *sentence;
};

static const struct check_row check_rows[] = {
#define TLS_CHECK_ROW(name, text, sentence) [name] = {text, sentence},
    TLS_CHECK_LIST(TLS_CHECK_ROW)
#undef TLS_CHECK_ROW
};

const char *tls_check_name(enum tls_check check)
{
    require((size_t)check < sizeof check_rows / sizeof *check_rows);
    return check_rows[check].name;
}

const char *tls_check_sentence(enum tls_check check)
{
    require((size_t)check < sizeof check_rows / sizeof *check_rows);
    return check_rows[check].sentence;
}
