/*
 * fetcher_table: a fetcher that answers from a table, after a time of the row's. What a row says is
 * read when its time has come, so a test may change it meanwhile.
 */
#ifndef POSTERN_TESTS_FAKE_FETCHER_TABLE_H
#define POSTERN_TESTS_FAKE_FETCHER_TABLE_H

#include "relay/fetch.h"

struct fetcher_row {
    const char *host;
    int err; /* 0, or what the fetch ends with */
    const char *body;
    int64_t delay_ms;
};

struct fetcher_table {
    struct fetcher fetcher;
    struct loop *loop;
    const struct fetcher_row *rows;
    size_t count;
    unsigned asked, cancelled;
    char last[400]; /* "https://HOST:PORT/PATH at ADDRESS:PORT trusting FILE" */
};

/* A host that is not in the table is not reached. rows is borrowed. */
void fetcher_table_init(struct fetcher_table *table, struct loop *loop,
                        const struct fetcher_row *rows, size_t count);

#endif
