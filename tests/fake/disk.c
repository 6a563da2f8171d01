/*
 * disk: the list of disks and the plan of what fails. Bytes are disk_node.c's, names
 * disk_names.c's, the table of base/file.h is disk_files.c's, SQLite's side disk_vfs.c's.
 * Tests: tests/unit/test_fake_disk.c.
 */
#include "tests/fake/disk.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/fake/disk_internal.h"

pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    struct list disks;
    unsigned made;
} machine;

static const char *const operation_names[DISK_NUMBER_COUNT] = {
#define OPERATION_NAME(name) [DISK_NUMBER_##name] = #name,
    DISK_OPERATIONS(OPERATION_NAME)
#undef OPERATION_NAME
};

const char *disk_operation_name(enum disk_operation operation)
{
    return operation_names[__builtin_ctz((unsigned)operation)];
}

struct disk *disk_create(uint64_t seed)
{
    struct disk *disk = mem_new(struct disk);
    (void)pthread_mutex_lock(&disk_lock);
    if (machine.disks.head.next == NULL)
        list_init(&machine.disks);
    (void)snprintf(disk->dir, sizeof disk->dir, "/disk/%u", ++machine.made);
    disk->random = seed;
    disk->size_max = SIZE_MAX;
    map_init(&disk->names);
    list_init(&disk->nodes);
    struct disk_node *root = node_create(disk, true);
    names_set(disk, "", root);
    node_unref(root);
    names_sync(disk, "");
    list_append(&machine.disks, &disk->node);
    (void)pthread_mutex_unlock(&disk_lock);
    disk_make_vfs();
    return disk;
}

void disk_free(struct disk **disk_ref)
{
    struct disk *disk = *disk_ref;
    *disk_ref = NULL;
    if (disk == NULL)
        return;
    (void)pthread_mutex_lock(&disk_lock);
    list_remove(&disk->node);
    names_free(disk);
    require(list_is_empty(&disk->nodes)); /* else somebody has a file open */
    if (list_is_empty(&machine.disks))
        disk_forget_handles();
    (void)pthread_mutex_unlock(&disk_lock);
    mem_free(disk);
}

const char *disk_dir(const struct disk *disk)
{
    return disk->dir;
}

struct disk *disk_find(const char *path, const char **below_out)
{
    if (machine.disks.head.next == NULL)
        return NULL;
    list_each (node, &machine.disks) {
        struct disk *disk = list_entry(node, struct disk, node);
        size_t len = strlen(disk->dir);
        if (strncmp(path, disk->dir, len) != 0 || (path[len] != '/' && path[len] != '\0'))
            continue;
        *below_out = path + len + (path[len] == '/');
        return disk;
    }
    return NULL;
}

uint64_t disk_random(struct disk *disk)
{
    disk->random += 0x9e3779b97f4a7c15ULL; /* splitmix64 */
    uint64_t mixed = disk->random;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
    return mixed ^ mixed >> 31;
}

void disk_set_plan(struct disk *disk, const struct disk_plan *plan)
{
    (void)pthread_mutex_lock(&disk_lock);
    disk->plan = plan != NULL ? *plan : (struct disk_plan){0};
    disk->planned = 0;
    disk->was_reached = false;
    disk->reached_text[0] = '\0';
    memset(disk->counts, 0, sizeof disk->counts);
    (void)pthread_mutex_unlock(&disk_lock);
}

uint64_t disk_count(const struct disk *disk, unsigned operations)
{
    uint64_t count = 0;
    for (int i = 0; i < DISK_NUMBER_COUNT; i++)
        count += operations >> i & 1 ? disk->counts[i] : 0;
    return count;
}

bool disk_was_reached(const struct disk *disk)
{
    return disk->was_reached;
}

const char *disk_reached_text(const struct disk *disk)
{
    return disk->reached_text;
}

unsigned disk_distrusted_writes(const struct disk *disk)
{
    return disk->distrusted_writes;
}

void disk_set_size(struct disk *disk, size_t size)
{
    (void)pthread_mutex_lock(&disk_lock);
    disk->size_max = size;
    (void)pthread_mutex_unlock(&disk_lock);
}

size_t disk_used(const struct disk *disk)
{
    return disk->used;
}

bool disk_is_off(const struct disk *disk)
{
    return disk->is_off;
}

void disk_power_off(struct disk *disk)
{
    (void)pthread_mutex_lock(&disk_lock);
    disk->is_off = true;
    (void)pthread_mutex_unlock(&disk_lock);
}

void disk_power_on(struct disk *disk, enum disk_survival survival)
{
    (void)pthread_mutex_lock(&disk_lock);
    list_each (node, &disk->nodes)
        require(list_entry(node, struct disk_node, node)->handles == 0);
    /* Names last: what comes back by its old name has the bytes that survived. */
    list_each (node, &disk->nodes)
        node_survive(list_entry(node, struct disk_node, node), survival);
    names_survive(disk, survival);
    disk->is_off = false;
    (void)pthread_mutex_unlock(&disk_lock);
    disk_set_plan(disk, NULL);
}

int disk_damage(struct disk *disk, const char *path, int64_t offset)
{
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_node *node = names_find(disk, path);
    bool is_there = node != NULL && (size_t)offset < node->size;
    if (is_there)
        node->bytes[offset] ^= 0xff;
    (void)pthread_mutex_unlock(&disk_lock);
    return is_there ? 0 : ERR_NOT_FOUND;
}

size_t disk_peek(struct disk *disk, const char *path, void *bytes, size_t size)
{
    (void)pthread_mutex_lock(&disk_lock);
    const struct disk_node *node = names_find(disk, path);
    size_t len = node == NULL ? 0 : node->size < size ? node->size : size;
    if (len > 0)
        memcpy(bytes, node->bytes, len);
    (void)pthread_mutex_unlock(&disk_lock);
    return len;
}

int disk_step(struct disk *disk, enum disk_operation operation, const char *path, bool *is_last_out)
{
    *is_last_out = false;
    if (disk->is_off)
        return ERR_IO;
    disk->counts[__builtin_ctz((unsigned)operation)]++;
    if ((disk->plan.operations & operation) == 0)
        return 0;
    disk->planned++;
    bool is_the_one = disk->plan.at != 0 && disk->planned == disk->plan.at;
    bool is_behind = disk->was_reached && disk->plan.how == DISK_FAIL_ON;
    if (!is_the_one && !is_behind)
        return 0;
    if (is_the_one) {
        disk->was_reached = true;
        (void)snprintf(disk->reached_text, sizeof disk->reached_text, "%s %s",
                       disk_operation_name(operation), path);
    }
    if (disk->plan.how == DISK_POWER_OFF) {
        disk->is_off = *is_last_out = true;
        return ERR_IO;
    }
    return disk->plan.err;
}
