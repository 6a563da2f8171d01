/*
 * cert_files.c: how keys and certificates get to the disk: new ones never over something else, and
 * replaced ones in an order in which a server that watches them meets no half pair for long: it
 * checks a generation whole and keeps the old one while key and certificate do not fit. Tests:
 * tests/clients/test_cert.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cert_make.h"

int cert_check_free(const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0 && errno == ENOENT)
        return CLI_OK;
    cli_complain(
        "%s exists: it is never overwritten; choose another name, or replace a certificate "
        "by postern cert renew",
        path);
    return CLI_COULD_NOT;
}

void cert_sync_place(const char *path)
{
    char *dir = mem_strdup(path), *slash = strrchr(dir, '/');
    int fd;

    if (slash != NULL)
        slash[slash == dir] = '\0';
    fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    mem_free(dir);
}

int cert_write_new(const char *path, const char *text, mode_t mode)
{
    struct fault fault;
    char *whole = mem_printf("%s.made-%ld", path, (long)getpid());
    int status = CLI_OK;

    /* A link refuses what exists, which a rename would replace. */
    if (file_write_all(whole, text, strlen(text), mode, &fault) != 0) {
        cli_complain("%s", fault.text);
        status = CLI_COULD_NOT;
    } else if (link(whole, path) != 0) {
        status = CLI_COULD_NOT;
        if (errno == EEXIST)
            (void)cert_check_free(path);
        else
            cli_complain("could not write %s: %s", path, strerror(errno));
    }
    (void)unlink(whole);
    cert_sync_place(path);
    mem_free(whole);
    return status;
}

int cert_write_pair(const char *key_path, const char *key_pem, const char *path, const char *text)
{
    if (cert_write_new(key_path, key_pem, 0600) != CLI_OK)
        return CLI_COULD_NOT;
    if (cert_write_new(path, text, 0644) == CLI_OK)
        return CLI_OK;
    (void)unlink(key_path); /* it was ours a moment ago, and nobody has its other half */
    return CLI_COULD_NOT;
}

/* ---- Replacing ------------------------------------------------------------------------------ */

struct replacement {
    char *path; /* without symbolic links: what they lead to is replaced */
    char *fresh, *old;
};

static void replacement_deinit(struct replacement *it)
{
    if (it->fresh != NULL)
        (void)unlink(it->fresh); /* gone already when all went well */
    free(it->path);
    mem_free(it->fresh);
    mem_free(it->old);
}

/* Writes the new text beside its place, with the owner and mode of what is there. */
static int prepare(struct replacement *it, const char *path, const char *text, mode_t mode_mask)
{
    struct stat status;
    struct fault fault;

    *it = (struct replacement){.path = realpath(path, NULL)};
    if (it->path == NULL || stat(it->path, &status) != 0) {
        cli_complain("could not find %s: %s", path, strerror(errno));
        return CLI_COULD_NOT;
    }
    it->fresh = mem_printf("%s.fresh-%ld", it->path, (long)getpid());
    it->old = mem_printf("%s.old", it->path);
    if (file_write_all(it->fresh, text, strlen(text), status.st_mode & mode_mask, &fault) != 0) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    if (geteuid() == 0 && chown(it->fresh, status.st_uid, status.st_gid) != 0) {
        cli_complain("could not give %s to its owner: %s", path, strerror(errno));
        return CLI_COULD_NOT;
    }
    return CLI_OK;
}

/* A second name for what is there now, in place of what had that name before. */
static int keep_old(const struct replacement *it)
{
    char *link_path = mem_printf("%s-%ld", it->old, (long)getpid());
    int status = CLI_OK;

    if (link(it->path, link_path) != 0 || rename(link_path, it->old) != 0) {
        cli_complain("could not keep %s as %s: %s; nothing was replaced", it->path, it->old,
                     strerror(errno));
        (void)unlink(link_path);
        status = CLI_COULD_NOT;
    }
    mem_free(link_path);
    return status;
}

static int put(const struct replacement *it)
{
    if (rename(it->fresh, it->path) == 0)
        return CLI_OK;
    cli_complain("could not replace %s: %s", it->path, strerror(errno));
    return CLI_COULD_NOT;
}

static int put_both(const struct replacement *key, const struct replacement *certificate)
{
    if ((key != NULL && keep_old(key) != CLI_OK) || keep_old(certificate) != CLI_OK)
        return CLI_COULD_NOT;
    if (key != NULL && put(key) != CLI_OK)
        return CLI_COULD_NOT;
    if (put(certificate) == CLI_OK) {
        cert_sync_place(certificate->path);
        if (key != NULL)
            cert_sync_place(key->path);
        return CLI_OK;
    }
    /* The key that fits the certificate that stays. */
    if (key != NULL && rename(key->old, key->path) != 0)
        cli_complain("the key that fits is %s: move it back", key->old);
    return CLI_COULD_NOT;
}

int cert_replace_pair(const char *key_path, const char *key_pem, const char *path, const char *text)
{
    struct replacement key = {0}, certificate = {0};
    int status = prepare(&certificate, path, text, 0777);

    if (status == CLI_OK && key_path != NULL)
        status = prepare(&key, key_path, key_pem, 0770);
    if (status == CLI_OK)
        status = put_both(key_path != NULL ? &key : NULL, &certificate);
    replacement_deinit(&key);
    replacement_deinit(&certificate);
    return status;
}
