/* sql: every statement that the store runs, by name. Texts: sql_list.h. */
#ifndef POSTERN_STORE_SQL_H
#define POSTERN_STORE_SQL_H

#include "store/sql_list.h"

enum sql {
#define SQL_ENUM(name, text) name,
    SQL_LIST(SQL_ENUM)
#undef SQL_ENUM
        SQL_COUNT
};

const char *sql_text(enum sql sql);

#endif
