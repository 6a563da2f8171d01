/*
 * resolver_table: a resolver that answers from a table, in the loop's next round.
 */
#ifndef POSTERN_TESTS_FAKE_RESOLVER_TABLE_H
#define POSTERN_TESTS_FAKE_RESOLVER_TABLE_H

#include "dns/resolver.h"

struct resolver_row {
    const char *name;
    enum dns_type type;
    int err;          /* 0, or what the name's look-up ends with */
    const char *data; /* RDATA */
    size_t len;
};

/* RDATA as texts: name is labels with their lengths, "\3mx1\4test". */
#define RESOLVER_MX(preference, name) "\0" preference name, sizeof("\0" preference name)
#define RESOLVER_ROW(name, type, rdata)                                                            \
    {                                                                                              \
        name, type, 0, rdata, sizeof(rdata) - 1                                                    \
    }

struct resolver_table {
    struct resolver resolver;
    struct loop *loop;
    const struct resolver_row *rows;
    size_t count;
    unsigned asked;
    enum dns_type silent;         /* questions of this type wait for ever; 0: none does */
    unsigned pending;             /* that wait so */
    bool is_signed;               /* all answers are validated */
    const char *signed_zone;      /* answers for names that end so are, "that is not there" too */
    const char *alias, *alias_of; /* answers for one name come from another: a CNAME */
};

/* A name that is not in the table does not exist. rows is borrowed. */
void resolver_table_init(struct resolver_table *table, struct loop *loop,
                         const struct resolver_row *rows, size_t count);

#endif
