/*
 * sql: the table of the store's statements. The texts stand in sql_list.h, one row each.
 */
#include "store/sql.h"

#include "base/require.h"

/* Some rows are joined from pieces. NOLINTBEGIN(bugprone-suspicious-missing-comma) */
static const char *const texts[SQL_COUNT] = {
#define SQL_TEXT(name, text) [name] = text,
    SQL_LIST(SQL_TEXT)
#undef SQL_TEXT
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

const char *sql_text(enum sql sql)
{
    require(sql < SQL_COUNT);
    return texts[sql];
}
