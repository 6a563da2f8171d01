/*
 * db: the contract of the store's database engines. Blocking calls, for lanes only; a connection
 * is used by one thread at a time. Statements are rows of store/sql.h and are prepared once per
 * connection; parameters are always bound.
 *
 * exec returns no rows and an engine may send it later (a pipeline), so its error may show at the
 * next query or commit. query, next and commit wait. Engines: db_sqlite.c.
 */
#ifndef POSTERN_STORE_DB_H
#define POSTERN_STORE_DB_H

#include "base/err.h"
#include "base/span.h"
#include "store/sql.h"

struct db;

enum db_access {
    DB_WRITE, /* the one writer */
    DB_READ   /* sees the newest commit at each transaction's start; cannot change anything */
};
enum db_make { DB_OPEN, DB_MAKE };

/* NULL with the reason in fault. path: the database file. Owned. */
struct db *db_open(const char *path, enum db_access access, enum db_make make, struct fault *fault);
/* Accepts a pointer to NULL. */
void db_close(struct db **db);

/* A bound parameter. */
struct db_value {
    enum { DB_INT, DB_TEXT, DB_BYTES } kind;
    int64_t number;
    struct span bytes; /* borrowed during the call (query: until db_done) */
};

static inline struct db_value db_int(int64_t number)
{
    return (struct db_value){DB_INT, number, {NULL, 0}};
}
/* Bits and ids; above 2^63 never happens, by construction. */
static inline struct db_value db_u64(uint64_t number)
{
    return (struct db_value){DB_INT, (int64_t)number, {NULL, 0}};
}
static inline struct db_value db_text(struct span text)
{
    return (struct db_value){DB_TEXT, 0, text};
}
static inline struct db_value db_bytes(struct span bytes)
{
    return (struct db_value){DB_BYTES, 0, bytes};
}

/* The last two arguments of exec and query. */
#define DB_ARGS(...)                                                                               \
    (const struct db_value[]){__VA_ARGS__},                                                        \
        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

/* All return 0 or: ERR_EXISTS (a key is taken), ERR_FULL, ERR_IO, ERR_CORRUPT, ERR_AGAIN. */
int db_exec(struct db *db, enum sql sql, const struct db_value *args, size_t count)
    __attribute__((warn_unused_result));

/* Rows of one query; embedded by the caller. The same statement is not run twice at once. */
struct db_rows {
    struct db *db;
    enum sql sql;
};
int db_query(struct db *db, enum sql sql, const struct db_value *args, size_t count,
             struct db_rows *rows_out) __attribute__((warn_unused_result));
/* 1: there is a row; 0: that was all; negative: an error. After 0 or an error the rows are done. */
int db_next(struct db_rows *rows) __attribute__((warn_unused_result));
int64_t db_int_at(const struct db_rows *rows, int column);
uint64_t db_u64_at(const struct db_rows *rows, int column);
uint32_t db_u32_at(const struct db_rows *rows, int column);
/* Borrowed until the next db_next or db_done. */
struct span db_bytes_at(const struct db_rows *rows, int column);
/* Before the last row was seen; doing it twice does nothing. */
void db_done(struct db_rows *rows);
/* query, next, and done unless there is a row: for statements of at most one row. 1, 0 or error. */
int db_query_one(struct db *db, enum sql sql, const struct db_value *args, size_t count,
                 struct db_rows *rows_out) __attribute__((warn_unused_result));

int db_begin(struct db *db) __attribute__((warn_unused_result));
/* Durable when it returns 0. After an error everything since begin is undone. */
int db_commit(struct db *db) __attribute__((warn_unused_result));
void db_rollback(struct db *db);
/* Whether the transaction is still there: some errors (disk full) end it in the engine. */
bool db_has_transaction(const struct db *db);

/* One level: what was done since db_savepoint is kept (db_release) or undone. */
int db_savepoint(struct db *db) __attribute__((warn_unused_result));
int db_release(struct db *db) __attribute__((warn_unused_result));
int db_undo(struct db *db) __attribute__((warn_unused_result));

/* The code of the last error since begin or savepoint; 0: none. */
int db_last_error(const struct db *db);
/* Writes "could not WHAT: the engine's words" of the last error and returns its code. */
int db_fault(const struct db *db, struct fault *fault, const char *what);

/* For store/migrate.c: statements that are no rows of sql.h, and the schema's version. */
int db_run_script(struct db *db, const char *script) __attribute__((warn_unused_result));
int db_version(struct db *db, int64_t *version_out) __attribute__((warn_unused_result));

#endif
