/*
 * migrate: the store's schema, step by step. A step is never edited once released; a change is a
 * new step at the end.
 *
 * entry is narrow and has no index but its key: an index on modseq makes STORE of 10,000 five to
 * ten times slower (measured). change answers "what changed since" instead: one row per range of
 * UIDs, none for deliveries. gone lists what the reaper deletes after the grace. A blob's refs
 * counts entries and queue rows. A deleted mailbox has account 0 until it is reaped.
 *
 * Tests: all tests/unit/test_store_*.c, from an empty store.
 */
#include "store/migrate.h"

#include <stdio.h>

static const char *const steps[] = {
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES('account', 0), ('mailbox', 0), ('uidvalidity', 0);"
    "CREATE TABLE account(id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE,"
    "  verifier TEXT NOT NULL, generation INTEGER NOT NULL, inbox INTEGER NOT NULL);"
    "CREATE TABLE alias(alias TEXT NOT NULL, target TEXT NOT NULL,"
    "  PRIMARY KEY(alias, target)) WITHOUT ROWID;"
    "CREATE TABLE mailbox(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, name TEXT NOT NULL,"
    "  attributes INTEGER NOT NULL, uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL,"
    "  modseq INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL,"
    "  deleted INTEGER NOT NULL, bytes INTEGER NOT NULL, change_floor INTEGER NOT NULL,"
    "  recent_from INTEGER NOT NULL, UNIQUE(account, name));"
    "CREATE TABLE subscription(account INTEGER NOT NULL, name TEXT NOT NULL,"
    "  PRIMARY KEY(account, name)) WITHOUT ROWID;"
    "CREATE TABLE keyword(mailbox INTEGER NOT NULL, bit INTEGER NOT NULL, name TEXT NOT NULL,"
    "  PRIMARY KEY(mailbox, bit)) WITHOUT ROWID;"
    "CREATE TABLE entry(mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, message INTEGER NOT NULL,"
    "  modseq INTEGER NOT NULL, flags INTEGER NOT NULL, saved INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, PRIMARY KEY(mailbox, uid)) WITHOUT ROWID;"
    "CREATE TABLE message(id INTEGER PRIMARY KEY, blob INTEGER NOT NULL,"
    "  received INTEGER NOT NULL, sent INTEGER NOT NULL, envelope BLOB NOT NULL,"
    "  structure BLOB NOT NULL, parts BLOB NOT NULL, render_version INTEGER NOT NULL);"
    "CREATE TABLE blob(id INTEGER PRIMARY KEY, segment INTEGER NOT NULL,"
    "  \"offset\" INTEGER NOT NULL, length INTEGER NOT NULL, crc INTEGER NOT NULL,"
    "  refs INTEGER NOT NULL);"
    "CREATE TABLE change(mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL,"
    "  uid_first INTEGER NOT NULL, uid_last INTEGER NOT NULL, kind INTEGER NOT NULL,"
    "  PRIMARY KEY(mailbox, modseq, uid_first, uid_last, kind)) WITHOUT ROWID;"
    "CREATE TABLE gone(id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL,"
    "  uid_first INTEGER NOT NULL, uid_last INTEGER NOT NULL, modseq INTEGER NOT NULL,"
    "  at INTEGER NOT NULL);"
    "CREATE TABLE segment(id INTEGER PRIMARY KEY, live INTEGER NOT NULL, used INTEGER NOT NULL,"
    "  blob_first INTEGER NOT NULL, blob_last INTEGER NOT NULL);"
    "CREATE TABLE queue(id INTEGER PRIMARY KEY, message INTEGER NOT NULL,"
    "  reverse_path TEXT NOT NULL, recipient TEXT NOT NULL, original TEXT NOT NULL,"
    "  envelope_id TEXT NOT NULL, return_kind TEXT NOT NULL, notify INTEGER NOT NULL,"
    "  mail_flags INTEGER NOT NULL, attempts INTEGER NOT NULL, created INTEGER NOT NULL,"
    "  due INTEGER NOT NULL, last_status TEXT NOT NULL, is_held INTEGER NOT NULL);"
    "CREATE INDEX queue_due ON queue(due, id);",
    "CREATE TABLE domain(name TEXT PRIMARY KEY) WITHOUT ROWID;",
    "CREATE TABLE received(message INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, reverse_path TEXT NOT NULL, client TEXT NOT NULL,"
    "  listener TEXT NOT NULL, tls_version TEXT NOT NULL, tls_suite TEXT NOT NULL,"
    "  login TEXT NOT NULL);"
    "CREATE TABLE attempt(message INTEGER NOT NULL, entry INTEGER NOT NULL,"
    "  number INTEGER NOT NULL, at INTEGER NOT NULL, duration INTEGER NOT NULL,"
    "  verdict TEXT NOT NULL, recipient TEXT NOT NULL, route TEXT NOT NULL, host TEXT NOT NULL,"
    "  address TEXT NOT NULL, tls_version TEXT NOT NULL, tls_suite TEXT NOT NULL,"
    "  verified TEXT NOT NULL, verified_text TEXT NOT NULL, reply TEXT NOT NULL,"
    "  due INTEGER NOT NULL, PRIMARY KEY(message, entry, number)) WITHOUT ROWID;",
    "CREATE TABLE tls_result(day INTEGER NOT NULL, domain TEXT NOT NULL,"
    "  policy_domain TEXT NOT NULL, policy TEXT NOT NULL,"
    "  policy_text TEXT NOT NULL, mx_patterns TEXT NOT NULL, result TEXT NOT NULL,"
    "  sending_ip TEXT NOT NULL, mx_host TEXT NOT NULL, receiving_ip TEXT NOT NULL,"
    "  reason TEXT NOT NULL, sessions INTEGER NOT NULL,"
    "  PRIMARY KEY(day, domain, policy_domain, policy, policy_text, mx_patterns, result,"
    "    sending_ip, mx_host, receiving_ip, reason)) WITHOUT ROWID;",
    "CREATE TABLE route(domain TEXT PRIMARY KEY, words TEXT NOT NULL) WITHOUT ROWID;"
    "ALTER TABLE queue ADD COLUMN forwarder TEXT NOT NULL DEFAULT '';",
    "CREATE TABLE sts_policy(domain TEXT PRIMARY KEY, id TEXT NOT NULL, policy TEXT NOT NULL,"
    "  fetched INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX sts_policy_expires ON sts_policy(expires);"
    "CREATE INDEX sts_policy_used ON sts_policy(used);",
    /* 24: STORE_MAIL_REQUIRETLS and STORE_MAIL_TLS_OPTIONAL. */
    "ALTER TABLE queue ADD COLUMN place TEXT NOT NULL DEFAULT '';"
    "UPDATE queue SET place = lower(substr(recipient, length(rtrim(recipient,"
    "  replace(recipient, '@', ''))) + 1)) || ' ' || (mail_flags & 24);"
    "DROP INDEX queue_due;"
    "CREATE INDEX queue_due ON queue(due, id, place, is_held);",
    "INSERT INTO meta VALUES('failed_commits', 0);",
    "ALTER TABLE attempt ADD COLUMN checks TEXT NOT NULL DEFAULT '';",
};
enum { STEP_COUNT = sizeof steps / sizeof *steps };

static int migrate_step(struct db *db, int64_t step)
{
    char version[64];
    (void)snprintf(version, sizeof version, "PRAGMA user_version=%d", (int)step + 1);
    int err = db_run_script(db, steps[step]);
    return err != 0 ? err : db_run_script(db, version);
}

int migrate(struct db *db, struct fault *fault)
{
    int64_t version = 0;
    if (db_version(db, &version) != 0)
        return db_fault(db, fault, "read the store's version");
    if (version > STEP_COUNT)
        return fault_set(fault, ERR_REFUSED,
                         "the store has version %d, this program knows versions up to %d; "
                         "use the newer program again",
                         (int)version, (int)STEP_COUNT);
    if (version == STEP_COUNT)
        return 0;
    if (db_begin(db) != 0)
        return db_fault(db, fault, "begin to bring the store up to date");

    for (int64_t step = version; step < STEP_COUNT; step++) {
        if (migrate_step(db, step) == 0)
            continue;
        (void)db_fault(db, fault, "bring the store up to date");
        db_rollback(db);
        return fault->err;
    }
    return db_commit(db) == 0 ? 0 : db_fault(db, fault, "bring the store up to date");
}
