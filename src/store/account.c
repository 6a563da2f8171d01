/*
 * account: users and aliases in memory, as one immutable snapshot that every thread may look into;
 * the writer makes a new one after a commit that changed any (account_change.c). Addresses are in
 * key form, sorted, and found by binary search.
 *
 * Tests: tests/unit/test_store_account.c.
 */
#include "store/account.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/account_internal.h"
#include "store/domain.h"
#include "store/request_internal.h"
#include "store/route.h"
#include "store/store_internal.h"

struct user {
    uint64_t id, generation;
    struct span address, verifier;
};

struct alias {
    struct span alias, target;
};

struct route_row {
    struct span domain, words;
};

struct snapshot {
    atomic_uint refs;
    struct arena arena;
    struct user *users; /* by address */
    size_t user_count, user_capacity;
    struct alias *aliases; /* by alias, target */
    size_t alias_count, alias_capacity;
    struct span *stored; /* domains with a row, sorted */
    size_t stored_count, stored_capacity;
    struct span *domains; /* that are ours, sorted, each once */
    size_t domain_count;
    struct route_row *routes; /* by domain */
    size_t route_count, route_capacity;
    const struct user *oldest; /* takes what nobody else does: postmaster, abuse; NULL: no users */
};

static void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL ||
        atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
        return;
    mem_free(snapshot->users);
    mem_free(snapshot->aliases);
    mem_free(snapshot->stored);
    mem_free(snapshot->domains);
    mem_free(snapshot->routes);
    arena_reset(&snapshot->arena);
    mem_free(snapshot);
}

void snapshot_free(struct snapshot **snapshot)
{
    snapshot_unref(*snapshot);
    *snapshot = NULL;
}

static struct snapshot *snapshot_ref(struct store *store)
{
    (void)pthread_mutex_lock(&store->snapshot_lock);
    struct snapshot *snapshot = store->snapshot;
    (void)atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&store->snapshot_lock);
    return snapshot;
}

static struct span domain_of(struct span address)
{
    for (size_t i = address.len; i > 0; i--) {
        if (address.ptr[i - 1] == '@')
            return span_from(address, i);
    }
    return span_from(address, address.len);
}

static int span_sort(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

/* Sorts them and drops doubles. */
static void snapshot_sort_domains(struct snapshot *snapshot, size_t count)
{
    if (count == 0)
        return;
    qsort(snapshot->domains, count, sizeof *snapshot->domains, span_sort);
    snapshot->domain_count = 1;
    for (size_t i = 1; i < count; i++) {
        if (!span_equal(snapshot->domains[i], snapshot->domains[snapshot->domain_count - 1]))
            snapshot->domains[snapshot->domain_count++] = snapshot->domains[i];
    }
}

/* A domain with nothing but aliases is ours too: mail for it must not leave to come back. */
static void snapshot_find_domains(struct snapshot *snapshot)
{
    size_t most = snapshot->user_count + snapshot->alias_count + snapshot->stored_count;
    size_t count = 0;

    snapshot->domains = mem_zalloc(most + 1, sizeof *snapshot->domains);
    for (size_t i = 0; i < snapshot->user_count; i++) {
        const struct user *user = &snapshot->users[i];
        snapshot->domains[count++] = domain_of(user->address);
        if (snapshot->oldest == NULL || user->id < snapshot->oldest->id)
            snapshot->oldest = user;
    }
    for (size_t i = 0; i < snapshot->alias_count; i++)
        snapshot->domains[count++] = domain_of(snapshot->aliases[i].alias);
    for (size_t i = 0; i < snapshot->stored_count; i++)
        snapshot->domains[count++] = snapshot->stored[i];
    snapshot_sort_domains(snapshot, count);
}

static int snapshot_read_routes(struct snapshot *snapshot, struct db *db)
{
    struct db_rows rows;
    int err = db_query(db, SQL_ROUTES, NULL, 0, &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        snapshot->routes = array_grow(snapshot->routes, snapshot->route_count,
                                      &snapshot->route_capacity, sizeof *snapshot->routes);
        snapshot->routes[snapshot->route_count++] = (struct route_row){
            .domain = arena_copy(&snapshot->arena, db_bytes_at(&rows, 0)),
            .words = arena_copy(&snapshot->arena, db_bytes_at(&rows, 1)),
        };
        err = 0;
    }
    return err;
}

static int snapshot_read(struct snapshot *snapshot, struct db *db)
{
    struct db_rows rows;
    int err = db_query(db, SQL_ACCOUNTS, NULL, 0, &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        snapshot->users = array_grow(snapshot->users, snapshot->user_count,
                                     &snapshot->user_capacity, sizeof *snapshot->users);
        snapshot->users[snapshot->user_count++] = (struct user){
            .id = db_u64_at(&rows, 0),
            .generation = db_u64_at(&rows, 3),
            .address = arena_copy(&snapshot->arena, db_bytes_at(&rows, 1)),
            .verifier = arena_copy(&snapshot->arena, db_bytes_at(&rows, 2)),
        };
        err = 0;
    }
    if (err == 0)
        err = db_query(db, SQL_ALIASES, NULL, 0, &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        snapshot->aliases = array_grow(snapshot->aliases, snapshot->alias_count,
                                       &snapshot->alias_capacity, sizeof *snapshot->aliases);
        snapshot->aliases[snapshot->alias_count++] = (struct alias){
            .alias = arena_copy(&snapshot->arena, db_bytes_at(&rows, 0)),
            .target = arena_copy(&snapshot->arena, db_bytes_at(&rows, 1)),
        };
        err = 0;
    }
    if (err == 0)
        err = db_query(db, SQL_DOMAINS, NULL, 0, &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        snapshot->stored = array_grow(snapshot->stored, snapshot->stored_count,
                                      &snapshot->stored_capacity, sizeof *snapshot->stored);
        snapshot->stored[snapshot->stored_count++] =
            arena_copy(&snapshot->arena, db_bytes_at(&rows, 0));
        err = 0;
    }
    return err != 0 ? err : snapshot_read_routes(snapshot, db);
}

int snapshot_load(struct store *store, struct db *db)
{
    struct snapshot *snapshot = mem_new(struct snapshot);
    atomic_init(&snapshot->refs, 1);
    arena_init(&snapshot->arena);
    int err = snapshot_read(snapshot, db);
    if (err != 0) {
        snapshot_unref(snapshot);
        return err;
    }
    snapshot_find_domains(snapshot);
    (void)pthread_mutex_lock(&store->snapshot_lock);
    struct snapshot *old = store->snapshot;
    store->snapshot = snapshot;
    (void)pthread_mutex_unlock(&store->snapshot_lock);
    snapshot_unref(old);
    return 0;
}

static int user_compare(const void *key, const void *item)
{
    return span_compare(*(const struct span *)key, ((const struct user *)item)->address);
}

static const struct user *snapshot_user(const struct snapshot *snapshot, struct span address)
{
    if (snapshot->user_count == 0)
        return NULL;
    return bsearch(&address, snapshot->users, snapshot->user_count, sizeof *snapshot->users,
                   user_compare);
}

static bool snapshot_has_domain(const struct snapshot *snapshot, struct span domain)
{
    return snapshot->domain_count > 0 && bsearch(&domain, snapshot->domains, snapshot->domain_count,
                                                 sizeof *snapshot->domains, span_sort) != NULL;
}

/* Place of the first row of the alias; alias_count when there is none. */
static size_t snapshot_alias(const struct snapshot *snapshot, struct span address)
{
    size_t low = 0, high = snapshot->alias_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_compare(snapshot->aliases[middle].alias, address) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there =
        low < snapshot->alias_count && span_equal(snapshot->aliases[low].alias, address);
    return is_there ? low : snapshot->alias_count;
}

static void user_copy(const struct user *user, struct store_account *out)
{
    out->id = user->id;
    out->generation = user->generation;
    (void)snprintf(out->address, sizeof out->address, "%.*s", (int)user->address.len,
                   user->address.ptr);
    (void)snprintf(out->verifier, sizeof out->verifier, "%.*s", (int)user->verifier.len,
                   user->verifier.ptr);
}

int store_find_account(struct store *store, struct span address, struct store_account *out)
{
    struct snapshot *snapshot = snapshot_ref(store);
    const struct user *user = snapshot_user(snapshot, address);
    if (user != NULL)
        user_copy(user, out);
    snapshot_unref(snapshot);
    return user != NULL ? 0 : ERR_NOT_FOUND;
}

enum { STORE_QUEUE_MAX = STORE_TARGETS_MAX + 1 /* the address itself, and what it leads to */ };

/* Addresses still to be followed, breadth first: no recursion, each address once. */
struct resolving {
    const struct snapshot *snapshot;
    struct {
        struct span address; /* in the snapshot, or the caller's */
        unsigned depth;
    } queue[STORE_QUEUE_MAX];
    size_t queued, followed;
    char separator;        /* between user and tag; '\0': none */
    struct span sought;    /* store_leads_to() */
    bool is_found, is_cut; /* is_cut: there was more than could be followed */
    struct arena *arena;
    struct store_target *targets;
    size_t target_count;
};

static void resolving_queue(struct resolving *resolving, struct span address, unsigned depth)
{
    resolving->is_found = resolving->is_found || span_equal(address, resolving->sought);
    for (size_t i = 0; i < resolving->queued; i++) {
        if (span_equal(resolving->queue[i].address, address))
            return;
    }
    if (resolving->queued == STORE_QUEUE_MAX || depth > STORE_ALIAS_DEPTH_MAX) {
        resolving->is_cut = true;
        return;
    }
    resolving->queue[resolving->queued].address = address;
    resolving->queue[resolving->queued++].depth = depth;
}

static void resolving_add(struct resolving *resolving, uint64_t account, struct span address)
{
    for (size_t i = 0; i < resolving->target_count && account != 0; i++) {
        if (resolving->targets[i].account == account)
            return;
    }
    if (resolving->target_count == STORE_TARGETS_MAX) {
        resolving->is_cut = true;
        return;
    }
    resolving->targets[resolving->target_count++] =
        (struct store_target){account, arena_copy(resolving->arena, address)};
}

/* RFC 5321 4.5.1 and RFC 2142: these two are always somebody's. */
static bool is_reserved(struct span address)
{
    struct span local = span_first(address, address.len - domain_of(address).len);
    return span_is_nocase(local, "postmaster@") || span_is_nocase(local, "abuse@");
}

/* An alias's targets, or the user of that name; false: there is neither. depth: of address. */
static bool resolving_take(struct resolving *resolving, struct span address, unsigned depth)
{
    const struct snapshot *snapshot = resolving->snapshot;
    const struct user *user = snapshot_user(snapshot, address);
    size_t alias = snapshot_alias(snapshot, address);
    bool is_alias = alias < snapshot->alias_count;
    for (; alias < snapshot->alias_count && span_equal(snapshot->aliases[alias].alias, address);
         alias++) {
        struct span target = snapshot->aliases[alias].target;
        /* An alias may name itself: a copy for others, and the mailbox. */
        if (user != NULL && span_equal(target, address))
            resolving_add(resolving, user->id, user->address);
        else
            resolving_queue(resolving, target, depth + 1);
    }
    if (!is_alias && user != NULL)
        resolving_add(resolving, user->id, user->address);
    return is_alias || user != NULL;
}

/* "user+tag@domain" to "user@domain". A quoted local part is nobody's sub-address: the quotes may
 * hold the separator for its own sake. */
static bool resolving_cut_tag(struct resolving *resolving, struct span address,
                              struct span *user_out)
{
    struct span domain = domain_of(address);
    struct span local = span_first(address, address.len - domain.len);
    if (resolving->separator == '\0' || local.len == 0 || local.ptr[0] == '"')
        return false;
    ptrdiff_t at = span_find_byte(local, 1, resolving->separator);
    if (at < 0)
        return false;
    char *text = arena_alloc(resolving->arena, (size_t)at + 1 + domain.len);
    memcpy(text, local.ptr, (size_t)at);
    text[at] = '@';
    memcpy(text + at + 1, domain.ptr, domain.len);
    *user_out = span_make(text, (size_t)at + 1 + domain.len);
    return true;
}

/* depth 0: the address that was asked for, which is never relayed by itself. */
static void resolving_follow(struct resolving *resolving, struct span address, unsigned depth)
{
    const struct snapshot *snapshot = resolving->snapshot;
    struct span domain = domain_of(address), user = address;
    if (resolving_take(resolving, address, depth))
        return;
    if (!snapshot_has_domain(snapshot, domain)) {
        if (depth > 0 && domain.len > 0)
            resolving_add(resolving, 0, address);
        return;
    }
    if (resolving_cut_tag(resolving, address, &user) && resolving_take(resolving, user, depth))
        return;
    if (resolving_take(resolving, span_from(address, address.len - domain.len - 1), depth))
        return;
    if (is_reserved(user) && snapshot->oldest != NULL)
        resolving_add(resolving, snapshot->oldest->id, snapshot->oldest->address);
}

static void resolving_run(struct resolving *resolving, struct store *store, struct span address)
{
    struct snapshot *snapshot = snapshot_ref(store);
    resolving->snapshot = snapshot;
    resolving->queued = resolving->followed = resolving->target_count = 0;
    resolving_queue(resolving, address, 0);
    resolving->is_cut = false;
    resolving->is_found = false; /* by what it leads to, not by itself */
    while (resolving->followed < resolving->queued) {
        size_t i = resolving->followed++;
        resolving_follow(resolving, resolving->queue[i].address, resolving->queue[i].depth);
    }
    snapshot_unref(snapshot);
}

size_t store_resolve(struct store *store, struct span address, const char *separator,
                     struct arena *arena, struct store_target *targets_out)
{
    struct resolving resolving;
    resolving.separator = separator[0];
    resolving.sought = span_of("");
    resolving.is_found = false;
    resolving.arena = arena;
    resolving.targets = targets_out;
    resolving_run(&resolving, store, address);
    return resolving.target_count;
}

struct findings {
    bool is_found, is_cut;
};

static struct findings probe(struct store *store, struct span address, struct span sought,
                             const char *separator)
{
    struct store_target targets[STORE_TARGETS_MAX];
    struct arena arena;
    struct resolving resolving = {
        .separator = separator[0], .sought = sought, .arena = &arena, .targets = targets};
    arena_init(&arena);
    resolving_run(&resolving, store, address);
    arena_reset(&arena);
    return (struct findings){resolving.is_found, resolving.is_cut};
}

bool store_leads_to(struct store *store, struct span address, struct span sought,
                    const char *separator)
{
    return probe(store, address, sought, separator).is_found;
}

bool store_leads_too_far(struct store *store, struct span address, const char *separator)
{
    return probe(store, address, span_of(""), separator).is_cut;
}

void store_each_account(struct store *store,
                        void (*each)(void *owner, const struct store_account *account), void *owner)
{
    struct snapshot *snapshot = snapshot_ref(store);
    for (size_t i = 0; i < snapshot->user_count; i++) {
        struct store_account account;
        user_copy(&snapshot->users[i], &account);
        each(owner, &account);
    }
    snapshot_unref(snapshot);
}

void store_each_alias(struct store *store,
                      void (*each)(void *owner, struct span alias, struct span target), void *owner)
{
    struct snapshot *snapshot = snapshot_ref(store);
    for (size_t i = 0; i < snapshot->alias_count; i++)
        each(owner, snapshot->aliases[i].alias, snapshot->aliases[i].target);
    snapshot_unref(snapshot);
}

bool store_has_domain(struct store *store, struct span domain)
{
    char lower[STORE_DOMAIN_SIZE];
    if (domain.len >= sizeof lower)
        return false;
    for (size_t i = 0; i < domain.len; i++)
        lower[i] = (char)(domain.ptr[i] >= 'A' && domain.ptr[i] <= 'Z' ? domain.ptr[i] | 32
                                                                       : domain.ptr[i]);
    struct span key = span_make(lower, domain.len);
    struct snapshot *snapshot = snapshot_ref(store);
    bool is_there =
        snapshot->stored_count > 0 && bsearch(&key, snapshot->stored, snapshot->stored_count,
                                              sizeof *snapshot->stored, span_sort) != NULL;
    snapshot_unref(snapshot);
    return is_there;
}

void store_each_domain(struct store *store, void (*each)(void *owner, struct span domain),
                       void *owner)
{
    struct snapshot *snapshot = snapshot_ref(store);
    for (size_t i = 0; i < snapshot->stored_count; i++)
        each(owner, snapshot->stored[i]);
    snapshot_unref(snapshot);
}

static int route_compare(const void *key, const void *item)
{
    return span_compare(*(const struct span *)key, ((const struct route_row *)item)->domain);
}

bool store_find_route(struct store *store, struct span domain, struct arena *arena,
                      struct span *words_out)
{
    struct snapshot *snapshot = snapshot_ref(store);
    const struct route_row *row = snapshot->route_count == 0
                                      ? NULL
                                      : bsearch(&domain, snapshot->routes, snapshot->route_count,
                                                sizeof *snapshot->routes, route_compare);
    if (row != NULL)
        *words_out = arena_copy(arena, row->words);
    snapshot_unref(snapshot);
    return row != NULL;
}

void store_each_route(struct store *store,
                      void (*each)(void *owner, struct span domain, struct span words), void *owner)
{
    struct snapshot *snapshot = snapshot_ref(store);
    for (size_t i = 0; i < snapshot->route_count; i++)
        each(owner, snapshot->routes[i].domain, snapshot->routes[i].words);
    snapshot_unref(snapshot);
}
