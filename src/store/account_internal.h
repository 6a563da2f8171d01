/* account_internal: the users and aliases in memory, swapped as a whole after a commit. */
#ifndef POSTERN_STORE_ACCOUNT_INTERNAL_H
#define POSTERN_STORE_ACCOUNT_INTERNAL_H

#include "store/account.h"
#include "store/db.h"

struct snapshot;

/* Reads all anew and makes it the store's. 0 or the engine's error, with the old one kept. */
int snapshot_load(struct store *store, struct db *db) __attribute__((warn_unused_result));
/* Accepts a pointer to NULL. */
void snapshot_free(struct snapshot **snapshot);

#endif
