/*
 * db_sqlite: the embedded engine, SQLite in WAL mode with synchronous=FULL, and the only file that
 * knows sqlite3.h. Owns prepared statements and the translation of SQLite's codes. What the
 * statements say is sql.h's business, when they run is writer.c's and request.c's.
 *
 * Tests: all tests/unit/test_store_*.c, none of its own.
 */
#include "store/db.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"

enum {
    BUSY_TIMEOUT_MS = 10000, /* only recovery and checkpoints make anybody wait */
    OWN_BEGIN = 0,
    OWN_COMMIT,
    OWN_ROLLBACK,
    OWN_SAVEPOINT,
    OWN_RELEASE,
    OWN_UNDO,
    OWN_COUNT
};

static const char *const own_texts[OWN_COUNT] = {
    [OWN_BEGIN] = "BEGIN IMMEDIATE", [OWN_COMMIT] = "COMMIT",     [OWN_ROLLBACK] = "ROLLBACK",
    [OWN_SAVEPOINT] = "SAVEPOINT r", [OWN_RELEASE] = "RELEASE r", [OWN_UNDO] = "ROLLBACK TO r",
};

struct db {
    sqlite3 *handle;
    enum db_access access;
    sqlite3_stmt *statements[SQL_COUNT];
    sqlite3_stmt *own[OWN_COUNT];
    int err; /* of the last call that did not work */
    char text[256];
};

static int db_keep_error(struct db *db, int code);

static const char *const pragmas_write =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;"
    "PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF";
static const char *const pragmas_read =
    "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY; PRAGMA query_only=ON";

struct db *db_open(const char *path, enum db_access access, enum db_make make, struct fault *fault)
{
    struct db *db = mem_new(struct db);
    db->access = access;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (make == DB_MAKE)
        flags |= SQLITE_OPEN_CREATE;
    int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(db->handle, 1);
        (void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
        code = sqlite3_exec(db->handle, access == DB_WRITE ? pragmas_write : pragmas_read, NULL,
                            NULL, NULL);
    }
    if (code == SQLITE_OK)
        return db;

    (void)db_keep_error(db, code);
    (void)fault_set(fault, db->err, "could not open %s: %s; check that it belongs to this user",
                    path, db->text);
    db_close(&db);
    return NULL;
}

void db_close(struct db **db)
{
    if (*db == NULL)
        return;
    for (size_t i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_finalize((*db)->statements[i]);
    for (size_t i = 0; i < OWN_COUNT; i++)
        (void)sqlite3_finalize((*db)->own[i]);
    (void)sqlite3_close((*db)->handle);
    mem_free(*db);
    *db = NULL;
}

static int db_err_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_AGAIN;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}

static int db_keep_error(struct db *db, int code)
{
    db->err = db_err_of(code);
    const char *text = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    (void)snprintf(db->text, sizeof db->text, "%s", text);
    return db->err;
}

int db_last_error(const struct db *db)
{
    return db->err;
}

int db_fault(const struct db *db, struct fault *fault, const char *what)
{
    int err = db->err != 0 ? db->err : ERR_IO;
    return fault_set(fault, err, "could not %s: %s", what, db->text);
}

static int db_prepare(struct db *db, const char *text, sqlite3_stmt **statement)
{
    if (*statement != NULL)
        return 0;
    int code = sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return code == SQLITE_OK ? 0 : db_keep_error(db, code);
}

/* SQLite keeps no copy of what is bound (SQLITE_STATIC): the caller's spans live long enough. */
static int db_bind(sqlite3_stmt *statement, const struct db_value *args, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        const struct db_value *value = &args[i];
        int place = (int)i + 1;
        const char *bytes = value->bytes.ptr != NULL ? value->bytes.ptr : "";
        if (value->kind == DB_INT)
            code = sqlite3_bind_int64(statement, place, value->number);
        else if (value->kind == DB_TEXT)
            code = sqlite3_bind_text64(statement, place, bytes, value->bytes.len, SQLITE_STATIC,
                                       SQLITE_UTF8);
        else
            code = sqlite3_bind_blob64(statement, place, bytes, value->bytes.len, SQLITE_STATIC);
    }
    return code;
}

static int db_start(struct db *db, enum sql sql, const struct db_value *args, size_t count)
{
    int err = db_prepare(db, sql_text(sql), &db->statements[sql]);
    if (err != 0)
        return err;
    sqlite3_stmt *statement = db->statements[sql];
    require(!sqlite3_stmt_busy(statement));
    require(sqlite3_bind_parameter_count(statement) == (int)count);
    int code = db_bind(statement, args, count);
    return code == SQLITE_OK ? 0 : db_keep_error(db, code);
}

int db_exec(struct db *db, enum sql sql, const struct db_value *args, size_t count)
{
    int err = db_start(db, sql, args, count);
    if (err != 0)
        return err;
    int code = sqlite3_step(db->statements[sql]);
    require(code != SQLITE_ROW);
    if (code != SQLITE_DONE)
        err = db_keep_error(db, code);
    (void)sqlite3_reset(db->statements[sql]);
    return err;
}

int db_query(struct db *db, enum sql sql, const struct db_value *args, size_t count,
             struct db_rows *rows_out)
{
    *rows_out = (struct db_rows){.db = db, .sql = sql};
    int err = db_start(db, sql, args, count);
    if (err != 0)
        rows_out->db = NULL;
    return err;
}

int db_next(struct db_rows *rows)
{
    if (rows->db == NULL)
        return 0;
    int code = sqlite3_step(rows->db->statements[rows->sql]);
    if (code == SQLITE_ROW)
        return 1;
    int err = code == SQLITE_DONE ? 0 : db_keep_error(rows->db, code);
    db_done(rows);
    return err;
}

void db_done(struct db_rows *rows)
{
    if (rows->db != NULL)
        (void)sqlite3_reset(rows->db->statements[rows->sql]);
    rows->db = NULL;
}

int db_query_one(struct db *db, enum sql sql, const struct db_value *args, size_t count,
                 struct db_rows *rows_out)
{
    int err = db_query(db, sql, args, count, rows_out);
    return err != 0 ? err : db_next(rows_out);
}

int64_t db_int_at(const struct db_rows *rows, int column)
{
    return sqlite3_column_int64(rows->db->statements[rows->sql], column);
}

uint64_t db_u64_at(const struct db_rows *rows, int column)
{
    return (uint64_t)db_int_at(rows, column);
}

uint32_t db_u32_at(const struct db_rows *rows, int column)
{
    return (uint32_t)db_int_at(rows, column);
}

struct span db_bytes_at(const struct db_rows *rows, int column)
{
    sqlite3_stmt *statement = rows->db->statements[rows->sql];
    const char *bytes = sqlite3_column_blob(statement, column);
    int len = sqlite3_column_bytes(statement, column);
    return span_make(bytes != NULL ? bytes : "", bytes != NULL ? (size_t)len : 0);
}

static int db_own(struct db *db, int which)
{
    int err = db_prepare(db, own_texts[which], &db->own[which]);
    if (err != 0)
        return err;
    int code = sqlite3_step(db->own[which]);
    if (code != SQLITE_DONE)
        err = db_keep_error(db, code);
    (void)sqlite3_reset(db->own[which]);
    return err;
}

/* A reader takes no lock: its transaction starts with its first query. */
int db_begin(struct db *db)
{
    db->err = 0;
    db->text[0] = '\0';
    if (db->access == DB_WRITE)
        return db_own(db, OWN_BEGIN);
    int code = sqlite3_exec(db->handle, "BEGIN", NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : db_keep_error(db, code);
}

int db_commit(struct db *db)
{
    int err = db_own(db, OWN_COMMIT);
    if (err != 0)
        db_rollback(db);
    return err;
}

void db_rollback(struct db *db)
{
    if (db_has_transaction(db))
        (void)db_own(db, OWN_ROLLBACK); /* there is nothing left that could be done */
}

bool db_has_transaction(const struct db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

int db_savepoint(struct db *db)
{
    db->err = 0;
    return db_own(db, OWN_SAVEPOINT);
}

int db_release(struct db *db)
{
    return db_own(db, OWN_RELEASE);
}

int db_undo(struct db *db)
{
    int err = db_own(db, OWN_UNDO);
    return err != 0 ? err : db_own(db, OWN_RELEASE);
}

int db_run_script(struct db *db, const char *script)
{
    int code = sqlite3_exec(db->handle, script, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : db_keep_error(db, code);
}

int db_version(struct db *db, int64_t *version_out)
{
    sqlite3_stmt *statement = NULL;
    int err = db_prepare(db, "PRAGMA user_version", &statement);
    if (err != 0)
        return err;
    int code = sqlite3_step(statement);
    *version_out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement);
    return code == SQLITE_ROW ? 0 : db_keep_error(db, code);
}
