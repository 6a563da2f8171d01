/* migrate: makes the schema and brings an older one up to date. The version stands in the database
 * (user_version). See migrate.c for the tables. */
#ifndef POSTERN_STORE_MIGRATE_H
#define POSTERN_STORE_MIGRATE_H

#include "store/db.h"

/* From whatever version (0: empty) to the newest, in one transaction. A newer one than this
 * program knows is ERR_REFUSED. */
int migrate(struct db *db, struct fault *fault) __attribute__((warn_unused_result));

#endif
