/*
 * watch: who wants to know that a mailbox or the queue changed. Each port (loop) has a registry;
 * after a commit the writer marks what is watched there and posts once per loop and batch. A watch
 * is told on its own loop's thread and only asked to ask.
 *
 * Tests: tests/unit/test_store_watch.c.
 */
#include "base/mem.h"
#include "base/require.h"
#include "store/store_internal.h"

/* All watches of one mailbox on one port. */
struct watch_group {
    uint64_t mailbox;
    struct list watches;           /* loop thread, and the writer never looks */
    struct list_node pending_node; /* in port->pending; under ports_lock */
};

struct store_port {
    struct post post; /* must stay alive while it is under way */
    struct list_node node;
    struct store *store;
    struct job_port *port;
    struct map groups;   /* mailbox -> struct watch_group; changed under ports_lock */
    struct list pending; /* groups that changed; under ports_lock */
    struct list due;     /* watches to be told; loop thread */
    bool is_posted;      /* under ports_lock */
    bool is_detached;
    struct keeper *keeper; /* of the first port only */
};

struct store_watch {
    struct list_node node;     /* in the group */
    struct list_node due_node; /* in port->due */
    struct store_port *port;
    struct watch_group *group;
    void (*on_change)(void *owner);
    void *owner;
};

static void port_run(struct post *post);

static struct store_port *port_find(struct store *store, struct job_port *port)
{
    struct store_port *found = NULL;
    (void)pthread_mutex_lock(&store->ports_lock);
    list_each (node, &store->ports) {
        struct store_port *candidate = list_entry(node, struct store_port, node);
        if (candidate->port == port)
            found = candidate;
    }
    (void)pthread_mutex_unlock(&store->ports_lock);
    return found;
}

void store_attach(struct store *store, struct job_port *job_port)
{
    struct store_port *port = mem_new(struct store_port);
    port->store = store;
    port->port = job_port;
    port->post.run = port_run;
    map_init(&port->groups);
    list_init(&port->pending);
    list_init(&port->due);
    (void)pthread_mutex_lock(&store->ports_lock);
    bool is_first = list_is_empty(&store->ports);
    list_append(&store->ports, &port->node);
    (void)pthread_mutex_unlock(&store->ports_lock);
    if (is_first)
        port->keeper = keeper_create(store, job_port);
}

static void port_free(struct store_port *port)
{
    map_deinit(&port->groups);
    mem_free(port);
}

void store_detach(struct store *store, struct job_port *job_port)
{
    struct store_port *port = port_find(store, job_port);
    if (port == NULL)
        return;
    require(port->groups.count == 0); /* every watch was freed */
    keeper_free(&port->keeper);
    (void)pthread_mutex_lock(&store->ports_lock);
    list_remove(&port->node);
    port->is_detached = true;
    bool is_posted = port->is_posted;
    (void)pthread_mutex_unlock(&store->ports_lock);
    if (!is_posted)
        port_free(port);
}

static struct watch_group *group_get(struct store_port *port, uint64_t mailbox)
{
    struct watch_group *group = map_get_u64(&port->groups, mailbox);
    if (group != NULL)
        return group;
    group = mem_new(struct watch_group);
    group->mailbox = mailbox;
    list_init(&group->watches);
    (void)map_set_u64(&port->groups, mailbox, group);
    return group;
}

struct store_watch *store_watch_create(struct store *store, struct job_port *job_port,
                                       uint64_t mailbox, void (*on_change)(void *owner),
                                       void *owner)
{
    struct store_watch *watch = mem_new(struct store_watch);
    watch->port = port_find(store, job_port);
    watch->on_change = on_change;
    watch->owner = owner;
    (void)pthread_mutex_lock(&store->ports_lock);
    watch->group = group_get(watch->port, mailbox);
    list_append(&watch->group->watches, &watch->node);
    (void)pthread_mutex_unlock(&store->ports_lock);
    return watch;
}

void store_watch_free(struct store_watch **watch_ref)
{
    struct store_watch *watch = *watch_ref;
    *watch_ref = NULL;
    if (watch == NULL)
        return;
    struct store_port *port = watch->port;
    struct watch_group *group = watch->group;
    list_remove(&watch->due_node);
    (void)pthread_mutex_lock(&port->store->ports_lock);
    list_remove(&watch->node);
    if (list_is_empty(&group->watches)) {
        list_remove(&group->pending_node);
        (void)map_remove_u64(&port->groups, group->mailbox);
        mem_free(group);
    }
    (void)pthread_mutex_unlock(&port->store->ports_lock);
    mem_free(watch);
}

/* Under ports_lock. */
static void port_mark(struct store_port *port, const uint64_t *mailboxes, size_t count)
{
    for (size_t i = 0; i < count && port->groups.count > 0; i++) {
        struct watch_group *group = map_get_u64(&port->groups, mailboxes[i]);
        if (group != NULL && !list_has(&group->pending_node))
            list_append(&port->pending, &group->pending_node);
    }
    if (list_is_empty(&port->pending) || port->is_posted)
        return;
    port->is_posted = true;
    loop_post(job_port_loop(port->port), &port->post);
}

void watches_notify(struct store *store, const uint64_t *mailboxes, size_t count)
{
    (void)pthread_mutex_lock(&store->ports_lock);
    list_each (node, &store->ports)
        port_mark(list_entry(node, struct store_port, node), mailboxes, count);
    (void)pthread_mutex_unlock(&store->ports_lock);
}

/* A callback may free any watch or make new ones: so first all that are due are listed, then each
 * is taken off the list before it is called. */
static void port_run(struct post *post)
{
    struct store_port *port = list_entry(post, struct store_port, post);
    if (port->is_detached) {
        port_free(port);
        return;
    }
    (void)pthread_mutex_lock(&port->store->ports_lock);
    port->is_posted = false;
    struct list_node *node;
    while ((node = list_first(&port->pending)) != NULL) {
        struct watch_group *group = list_entry(node, struct watch_group, pending_node);
        list_remove(node);
        list_each (watch_node, &group->watches) {
            struct store_watch *watch = list_entry(watch_node, struct store_watch, node);
            if (!list_has(&watch->due_node))
                list_append(&port->due, &watch->due_node);
        }
    }
    (void)pthread_mutex_unlock(&port->store->ports_lock);

    while ((node = list_first(&port->due)) != NULL) {
        struct store_watch *watch = list_entry(node, struct store_watch, due_node);
        list_remove(node);
        watch->on_change(watch->owner);
    }
}
