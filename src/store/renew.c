/*
 * renew: SQLite's log written anew, as it is, before it is opened. A commit whose sync did not work
 * is refused, but its frames lie in the log; when the process dies before it writes over them, the
 * next one finds them whole and takes them for committed. The machine does not: after an error it
 * holds the pages for clean and never writes them, so that all that is committed behind them would
 * go with the next loss of power. The same bytes in the same places harm nothing wherever this
 * ends.
 *
 * Tests: tests/unit/test_store_ghost.c, scripts/simulate.
 */
#include <fcntl.h>

#include "base/mem.h"
#include "store/store_internal.h"

enum { RENEW_STEP = 256 * 1024 };

static int renew(const struct file_ops *files, int fd)
{
    char *bytes = mem_alloc(RENEW_STEP);
    int64_t offset = 0, len;
    int err = 0;
    while (err == 0 && (len = files->pread(fd, bytes, RENEW_STEP, offset)) != 0) {
        const struct iovec part = {bytes, len < 0 ? 0 : (size_t)len};
        err = len < 0 ? (int)len : files->pwritev(fd, &part, 1, offset);
        offset += len;
    }
    mem_free(bytes);
    return err == 0 && offset > 0 ? files->fdatasync(fd) : err;
}

int store_renew_log(struct store *store, struct fault *fault)
{
    const struct file_ops *files = store->files;
    int fd;
    int err = files->open(store->dir_fd, "store.db-wal", O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0, &fd);
    if (err == ERR_NOT_FOUND)
        return 0;
    if (err == 0) {
        err = renew(files, fd);
        (void)files->close(fd); /* it was synced */
    }
    if (err == 0)
        return 0;
    return fault_set(fault, err,
                     "could not write the store's log store.db-wal anew: %s; check the disk",
                     err_text(err));
}
