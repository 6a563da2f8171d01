/*
 * disk_names: the names of a disk, and the changes of them that are not durable yet, in order: a
 * power cut undoes all of them or, as a journal does, the newest ones.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/fake/disk_internal.h"

struct disk_node *names_find(struct disk *disk, const char *path)
{
    return map_get(&disk->names, span_of(path));
}

/* In memory only. */
static struct disk_node *names_put(struct disk *disk, const char *path, struct disk_node *node)
{
    struct disk_node *before;
    if (node != NULL) {
        node_ref(node);
        node_count(node, 1, 0);
        before = map_set(&disk->names, span_of(path), node);
    } else {
        before = map_remove(&disk->names, span_of(path));
    }
    if (before != NULL)
        node_count(before, -1, 0);
    return before; /* with the name's reference */
}

static struct disk_name_undo *log_add(struct disk *disk, const char *path)
{
    if (disk->log_count == disk->log_capacity) {
        disk->log_capacity = disk->log_capacity * 2 + 16;
        disk->log = mem_realloc(disk->log, disk->log_capacity * sizeof *disk->log);
    }
    struct disk_name_undo *undo = &disk->log[disk->log_count++];
    *undo = (struct disk_name_undo){.path = mem_strdup(path)};
    return undo;
}

void names_set(struct disk *disk, const char *path, struct disk_node *node)
{
    struct disk_node *before = names_put(disk, path, node);
    log_add(disk, path)->before = before;
}

void names_rename(struct disk *disk, const char *from, const char *to)
{
    struct disk_node *node = names_put(disk, from, NULL);
    require(node != NULL);
    struct disk_node *replaced = names_put(disk, to, node);
    struct disk_name_undo *undo = log_add(disk, from);
    undo->path2 = mem_strdup(to);
    undo->before = node;
    undo->before2 = replaced;
}

void names_dir_of(const char *path, char dir_out[DISK_PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    require(len < DISK_PATH_SIZE);
    memcpy(dir_out, path, len);
    dir_out[len] = '\0';
}

static void log_release(struct disk_name_undo *undo)
{
    if (undo->before != NULL)
        node_unref(undo->before);
    if (undo->before2 != NULL)
        node_unref(undo->before2);
    mem_free(undo->path);
    mem_free(undo->path2);
}

void names_sync(struct disk *disk, const char *dir)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->log_count; i++) {
        char of[DISK_PATH_SIZE];
        names_dir_of(disk->log[i].path, of);
        if (strcmp(of, dir) == 0)
            log_release(&disk->log[i]);
        else
            disk->log[kept++] = disk->log[i];
    }
    disk->log_count = kept;
}

static void names_put_back(struct disk *disk, const char *path, struct disk_node *before)
{
    struct disk_node *after = names_put(disk, path, before);
    if (after != NULL)
        node_unref(after);
}

void names_survive(struct disk *disk, enum disk_survival survival)
{
    if (survival == DISK_KEEPS_ALL)
        return;
    size_t kept = 0;
    if (survival == DISK_KEEPS_A_PART)
        kept = (size_t)(disk_random(disk) % (disk->log_count + 1));
    for (size_t i = disk->log_count; i > kept; i--) {
        const struct disk_name_undo *undo = &disk->log[i - 1];
        if (undo->path2 != NULL)
            names_put_back(disk, undo->path2, undo->before2);
        names_put_back(disk, undo->path, undo->before);
    }
    for (size_t i = 0; i < disk->log_count; i++)
        log_release(&disk->log[i]);
    disk->log_count = 0;
}

static int name_compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* In order: the map's own is another one in each process. */
char **names_list(struct disk *disk, const char *dir, size_t *count_out)
{
    char **names = mem_zalloc(disk->names.count + 1, sizeof *names);
    size_t position = 0;
    struct span key;
    void *value;
    *count_out = 0;
    while (map_next(&disk->names, &position, &key, &value)) {
        char *path = mem_strndup(key.ptr, key.len);
        char of[DISK_PATH_SIZE];
        names_dir_of(path, of);
        if (key.len > 0 && strcmp(of, dir) == 0)
            names[(*count_out)++] = mem_strdup(path + (*of == '\0' ? 0 : strlen(of) + 1));
        mem_free(path);
    }
    qsort(names, *count_out, sizeof *names, name_compare);
    return names;
}

void names_free(struct disk *disk)
{
    for (size_t i = 0; i < disk->log_count; i++)
        log_release(&disk->log[i]);
    mem_free(disk->log);
    disk->log = NULL;
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&disk->names, &position, &key, &value)) {
        node_count(value, -1, 0);
        node_unref(value);
    }
    map_deinit(&disk->names);
}
