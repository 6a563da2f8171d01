/*
 * place.c: new directories: whether a place is free, and taking back what was built beside it.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/cli.h"

bool cli_is_free_dir(const char *dir)
{
    DIR *stream = opendir(dir);
    if (stream == NULL) {
        if (errno == ENOENT)
            return true;
        cli_complain("could not look into %s: %s", dir, strerror(errno));
        return false;
    }
    bool has_entry = false;
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL)
        has_entry =
            has_entry || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0);
    (void)closedir(stream);
    if (has_entry)
        cli_complain("%s exists and is not empty: it is never overwritten; choose another --dir",
                     dir);
    return !has_entry;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void cli_remove_dir(const char *dir)
{
    (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void cli_cut_slashes(char *dir)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        dir[--len] = '\0';
}
