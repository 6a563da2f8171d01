/*
 * disk_node: the bytes of a file: the newest ones, and of each page that no sync has brought down
 * what is on the platter. Names are disk_names.c's.
 */
#include "base/mem.h"
#include "base/require.h"
#include "tests/fake/disk_internal.h"

struct disk_node *node_create(struct disk *disk, bool is_dir)
{
    struct disk_node *node = mem_new(struct disk_node);
    node->disk = disk;
    node->is_dir = is_dir;
    node->refs = 1;
    map_init(&node->undo_of);
    list_append(&disk->nodes, &node->node);
    return node;
}

void node_ref(struct disk_node *node)
{
    node->refs++;
}

static void undo_clear(struct disk_node *node)
{
    for (size_t i = 0; i < node->undo_count; i++)
        mem_free(node->undo[i]);
    node->undo_count = 0;
    map_deinit(&node->undo_of);
    map_init(&node->undo_of);
}

void node_unref(struct disk_node *node)
{
    if (--node->refs > 0)
        return;
    require(node->handles == 0 && node->names == 0 && node->shared.count == 0);
    undo_clear(node);
    map_deinit(&node->undo_of);
    mem_free(node->undo);
    mem_free(node->bytes);
    list_remove(&node->node);
    mem_free(node);
}

static bool node_takes_room(const struct disk_node *node)
{
    return node->names > 0 || node->handles > 0;
}

void node_count(struct disk_node *node, int names, int handles)
{
    bool took = node_takes_room(node);
    node->names = (unsigned)((int)node->names + names);
    node->handles = (unsigned)((int)node->handles + handles);
    if (took && !node_takes_room(node))
        node->disk->used -= node->size;
    else if (!took && node_takes_room(node))
        node->disk->used += node->size;
}

static void node_resize(struct disk_node *node, size_t size)
{
    if (size > node->capacity) {
        size_t capacity = node->capacity < DISK_PAGE ? DISK_PAGE : node->capacity;
        while (capacity < size)
            capacity *= 2;
        node->bytes = mem_realloc(node->bytes, capacity);
        memset(node->bytes + node->capacity, 0, capacity - node->capacity);
        node->capacity = capacity;
    }
    if (size < node->size)
        memset(node->bytes + size, 0, node->size - size);
    if (node_takes_room(node))
        node->disk->used = node->disk->used - node->size + size;
    node->size = size;
}

static struct disk_undo *undo_add(struct disk_node *node, size_t page)
{
    struct disk_undo *undo = mem_new(struct disk_undo);
    undo->page = page;
    if (node->undo_count == node->undo_capacity) {
        node->undo_capacity = node->undo_capacity * 2 + 8;
        node->undo = mem_realloc(node->undo, node->undo_capacity * sizeof(struct disk_undo *));
    }
    node->undo[node->undo_count++] = undo;
    (void)map_set_u64(&node->undo_of, page, undo);
    return undo;
}

/* Keeps what is on the platter of the pages from `start` to `end`, before they are changed. */
static void node_remember(struct disk_node *node, size_t start, size_t end)
{
    for (size_t page = start / DISK_PAGE; page * DISK_PAGE < end; page++) {
        struct disk_undo *undo = map_get_u64(&node->undo_of, page);
        if (undo != NULL)
            undo->is_lost = false; /* whole pages are written back: this one is new again */
        if (undo != NULL || page * DISK_PAGE >= node->durable_size)
            continue;
        undo = undo_add(node, page);
        (void)node_read(node, undo->bytes, DISK_PAGE, page * DISK_PAGE);
    }
}

/* How many of `len` bytes at `offset` find room. */
static size_t node_room(const struct disk_node *node, size_t len, size_t offset)
{
    const struct disk *disk = node->disk;
    size_t left = disk->used < disk->size_max ? disk->size_max - disk->used : 0;
    size_t end = left > SIZE_MAX / 2 ? SIZE_MAX / 2 : node->size + left;
    if (offset >= end)
        return 0;
    return len < end - offset ? len : end - offset;
}

static void node_reach(struct disk_node *node, size_t end)
{
    if (end > node->size)
        node_resize(node, end);
}

int node_write(struct disk_node *node, const void *bytes, size_t len, size_t offset)
{
    size_t fits = node_room(node, len, offset);
    if (fits > 0) {
        node_remember(node, offset, offset + fits);
        node_reach(node, offset + fits);
        memcpy(node->bytes + offset, bytes, fits);
    }
    return fits == len ? 0 : ERR_FULL;
}

int node_zero(struct disk_node *node, size_t offset, size_t len)
{
    size_t fits = node_room(node, len, offset);
    if (fits > 0) {
        node_remember(node, offset, offset + fits);
        node_reach(node, offset + fits);
        memset(node->bytes + offset, 0, fits);
    }
    return fits == len ? 0 : ERR_FULL;
}

size_t node_read(const struct disk_node *node, void *bytes, size_t len, size_t offset)
{
    if (offset >= node->size)
        return 0;
    size_t there = len < node->size - offset ? len : node->size - offset;
    memcpy(bytes, node->bytes + offset, there);
    return there;
}

void node_truncate(struct disk_node *node, size_t size)
{
    if (size < node->size)
        node_remember(node, size, node->size);
    node_resize(node, size);
}

void node_sync(struct disk_node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->undo_count; i++) {
        struct disk_undo *undo = node->undo[i];
        if (undo->is_lost) {
            node->undo[kept++] = undo;
            continue;
        }
        (void)map_remove_u64(&node->undo_of, undo->page);
        mem_free(undo);
    }
    node->undo_count = kept;
    node->durable_size = node->size;
}

static void undo_page(struct disk_node *node, const struct disk_undo *undo, size_t from, size_t len)
{
    size_t offset = undo->page * DISK_PAGE + from;
    if (offset >= node->size)
        return;
    if (len > node->size - offset)
        len = node->size - offset;
    memcpy(node->bytes + offset, undo->bytes + from, len);
}

/* Pages that were never on the platter are zeroes there. */
static void node_remember_new(struct disk_node *node)
{
    size_t page = (node->durable_size + DISK_PAGE - 1) / DISK_PAGE;
    for (; page * DISK_PAGE < node->size; page++) {
        if (map_get_u64(&node->undo_of, page) == NULL)
            (void)undo_add(node, page);
    }
}

void node_sync_failed(struct disk_node *node)
{
    bool is_gone_now = disk_random(node->disk) % 2 == 0;
    node->is_distrusted = true;
    node_remember_new(node);
    for (size_t i = 0; i < node->undo_count; i++) {
        node->undo[i]->is_lost = true;
        if (is_gone_now)
            undo_page(node, node->undo[i], 0, DISK_PAGE);
    }
}

/* Old or new, or each sector for itself. */
static void page_survive(struct disk_node *node, const struct disk_undo *undo)
{
    uint64_t choice = disk_random(node->disk);
    if (undo->is_lost || choice % 3 == 0) {
        undo_page(node, undo, 0, DISK_PAGE);
        return;
    }
    if (choice % 3 == 1)
        return;
    for (size_t sector = 0; sector < DISK_PAGE; sector += DISK_SECTOR) {
        choice /= 2;
        if (choice % 2 == 0)
            undo_page(node, undo, sector, DISK_SECTOR);
    }
}

void node_survive(struct disk_node *node, enum disk_survival survival)
{
    node->is_distrusted = false;
    if (survival == DISK_KEEPS_ALL)
        return;
    node_remember_new(node);
    bool keeps_size = survival == DISK_KEEPS_A_PART && disk_random(node->disk) % 2 == 0;
    node_resize(node, keeps_size ? node->size : node->durable_size);
    for (size_t i = 0; i < node->undo_count; i++) {
        if (survival == DISK_DROPS_ALL)
            undo_page(node, node->undo[i], 0, DISK_PAGE);
        else
            page_survive(node, node->undo[i]);
    }
    undo_clear(node);
    node->durable_size = node->size;
}
