/*
 * store_look: see store_look.h. Tests: tests/unit/test_store_look.c, by damage.
 */
#include "tests/fake/store_look.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/require.h"

enum { RULES_SIZE_MAX = 65536, PATH_SIZE = 256, BODY_SIZE_MAX = 64 * 1024 * 1024 };

static const char *const visible[] = {
    "SELECT 'account', * FROM account",
    "SELECT 'alias', * FROM alias",
    "SELECT 'domain', * FROM domain",
    "SELECT 'route', * FROM route",
    "SELECT 'mailbox', id, account, name, attributes, uidvalidity, uidnext, modseq, messages,"
    " unseen, deleted, bytes FROM mailbox WHERE account != 0",
    "SELECT 'subscription', * FROM subscription",
    "SELECT 'keyword', keyword.* FROM keyword JOIN mailbox ON mailbox = mailbox.id"
    " WHERE account != 0",
    "SELECT 'entry', mailbox, uid, entry.modseq, flags, saved, size, received, hex(envelope),"
    " length, crc FROM entry JOIN mailbox ON mailbox = mailbox.id"
    " JOIN message ON message = message.id JOIN blob ON blob = blob.id"
    " WHERE account != 0 AND flags & (1 << 62) = 0 ORDER BY mailbox, uid",
    "SELECT 'queue', queue.*, length, crc FROM queue JOIN message ON message = message.id"
    " JOIN blob ON blob = blob.id ORDER BY queue.id",
    "SELECT 'received', * FROM received",
    "SELECT 'attempt', * FROM attempt",
};

static sqlite3 *look_open(const char *dir)
{
    char path[PATH_SIZE];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/store.db", dir);
    require(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    return db;
}

static void put_row(struct buf *out, sqlite3_stmt *row)
{
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        const char *text = (const char *)sqlite3_column_text(row, i);
        buf_puts(out, i == 0 ? "" : "|");
        buf_puts(out, text != NULL ? text : "NULL");
    }
    buf_puts(out, "\n");
}

/* Before the rows, when there are any: the title. */
static void put_rows(struct buf *out, sqlite3 *db, const char *query, const char *title)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
    bool is_first = true;
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (is_first && title != NULL)
            buf_printf(out, "not so: %s:\n", title);
        is_first = false;
        put_row(out, statement);
        code = SQLITE_OK;
    }
    if (code != SQLITE_DONE)
        buf_printf(out, "could not look: %s: %s\n", query, sqlite3_errmsg(db));
    (void)sqlite3_finalize(statement);
}

static char *take_text(struct buf *buf)
{
    struct span bytes = buf_span(buf);
    char *text = mem_strndup(bytes.ptr != NULL ? bytes.ptr : "", bytes.len);
    buf_release(buf);
    return text;
}

char *look_visible(const char *dir)
{
    struct buf out;
    buf_init(&out, 0);
    sqlite3 *db = look_open(dir);
    for (size_t i = 0; i < sizeof visible / sizeof *visible; i++)
        put_rows(&out, db, visible[i], NULL);
    (void)sqlite3_close(db);
    return take_text(&out);
}

/* audit.sql: a comment right above a statement is its sentence. */
static void put_broken_rules(struct buf *out, sqlite3 *db)
{
    char *text;
    size_t len;
    struct fault fault;
    require(file_read_all("tests/crash/audit.sql", RULES_SIZE_MAX, &text, &len, &fault) == 0);
    unsigned count = 0;
    for (char *query = strstr(text, "\nSELECT"); query != NULL; query = strstr(query, "\nSELECT")) {
        *query++ = '\0';
        char *title = strrchr(text, '\n'); /* what is before was cut off */
        char *end = strchr(query, ';');
        require(title != NULL && strncmp(title, "\n-- ", 4) == 0 && end != NULL);
        *end = '\0';
        put_rows(out, db, query, title + 4);
        memset(text, ' ', (size_t)(end - text) + 1);
        query = end + 1;
        count++;
    }
    require(count >= 10);
    mem_free(text);
}

struct body_place {
    uint64_t id, segment, offset, length;
    uint32_t crc;
};

static void check_body(struct buf *out, const char *dir, const struct file_ops *files,
                       const struct body_place *place)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s/%016" PRIx64, dir,
                   place->segment != 0 ? "segments" : "bodies",
                   place->segment != 0 ? place->segment : place->id);
    int fd;
    int err = files->open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, &fd);
    if (err != 0) {
        buf_printf(out, "body %" PRIx64 ": could not open %s: %s\n", place->id, path,
                   err_text(err));
        return;
    }
    require(place->length < BODY_SIZE_MAX);
    char *bytes = mem_alloc((size_t)place->length + 1);
    int64_t got = files->pread(fd, bytes, (size_t)place->length, (int64_t)place->offset);
    if (got != (int64_t)place->length)
        buf_printf(out, "body %" PRIx64 " is cut off in %s\n", place->id, path);
    else if (codec_crc32c(0, span_make(bytes, (size_t)got)) != place->crc)
        buf_printf(out, "body %" PRIx64 " has a wrong checksum in %s\n", place->id, path);
    mem_free(bytes);
    (void)files->close(fd);
}

static void check_bodies(struct buf *out, sqlite3 *db, const char *dir,
                         const struct file_ops *files)
{
    sqlite3_stmt *row = NULL;
    require(sqlite3_prepare_v2(db,
                               "SELECT id, segment, \"offset\", length, crc FROM blob"
                               " WHERE length > 0",
                               -1, &row, NULL) == SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        struct body_place place = {
            (uint64_t)sqlite3_column_int64(row, 0), (uint64_t)sqlite3_column_int64(row, 1),
            (uint64_t)sqlite3_column_int64(row, 2), (uint64_t)sqlite3_column_int64(row, 3),
            (uint32_t)sqlite3_column_int64(row, 4)};
        check_body(out, dir, files, &place);
    }
    (void)sqlite3_finalize(row);
}

struct name_search {
    struct buf *out;
    sqlite3 *db;
    const char *folder, *query;
};

static int check_name(void *arg, const char *name)
{
    const struct name_search *search = arg;
    sqlite3_stmt *row = NULL;
    require(sqlite3_prepare_v2(search->db, search->query, -1, &row, NULL) == SQLITE_OK);
    (void)sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(row) != SQLITE_ROW)
        buf_printf(search->out, "%s/%s: no row knows it\n", search->folder, name);
    (void)sqlite3_finalize(row);
    return 0;
}

static void check_names(struct name_search *search, const char *dir, const struct file_ops *files)
{
    char path[PATH_SIZE];
    int fd;
    (void)snprintf(path, sizeof path, "%s/%s", dir, search->folder);
    require(files->open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &fd) == 0);
    require(files->list(fd, check_name, search) == 0);
    (void)files->close(fd);
}

char *look_audit(const char *dir, const struct file_ops *files, enum look_when when)
{
    struct buf out;
    buf_init(&out, 0);
    sqlite3 *db = look_open(dir);
    put_broken_rules(&out, db);
    check_bodies(&out, db, dir, files);
    if (when == LOOK_AFTER_START) {
        struct name_search bodies = {&out, db, "bodies",
                                     "SELECT 1 FROM blob WHERE segment = 0"
                                     " AND printf('%016x', id) = ?"};
        struct name_search segments = {&out, db, "segments",
                                       "SELECT 1 FROM segment WHERE printf('%016x', id) = ?"};
        check_names(&bodies, dir, files);
        check_names(&segments, dir, files);
    }
    (void)sqlite3_close(db);
    return take_text(&out);
}
