/*
 * identity: which certificates a client is shown, by the name that it asks for (SNI). A fixed table
 * of the names in our certificates, sorted; what the client sends is looked up in it and used for
 * nothing else (THREATS 8). All certificates of a name are in one credentials object: there GnuTLS
 * picks the one whose signatures the client can verify. Tests: test_tls_identity.c.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "tls/own_internal.h"

enum { IDENTITIES_MAX = 20000 /* names in all certificates; some 100 bytes each */ };

struct identity {
    char *name; /* lower case; "*.example.org" stands for one label more */
    struct tls_pair_set pairs;
    gnutls_certificate_credentials_t cred; /* one of kinds */
};

/* Credentials for one set of certificates; many names share one. */
struct kind {
    struct tls_pair_set pairs;
    gnutls_certificate_credentials_t cred;
};

struct tls_identities {
    struct identity *rows; /* sorted by name */
    size_t count;
    struct kind *kinds;
    size_t kind_count;
    gnutls_certificate_credentials_t fallback; /* one of kinds */
};

/* --- sets of pairs --- */

static void set_add(struct tls_pair_set *set, size_t index)
{
    set->bits[index / 64] |= UINT64_C(1) << index % 64;
}

static void set_add_all(struct tls_pair_set *set, const struct tls_pair_set *more)
{
    for (size_t i = 0; i < TLS_PAIR_WORDS; i++)
        set->bits[i] |= more->bits[i];
}

static void set_keep(struct tls_pair_set *set, const struct tls_pair_set *those)
{
    for (size_t i = 0; i < TLS_PAIR_WORDS; i++)
        set->bits[i] &= those->bits[i];
}

static bool set_equal(const struct tls_pair_set *a, const struct tls_pair_set *b)
{
    return memcmp(a->bits, b->bits, sizeof a->bits) == 0;
}

/* --- the table of names --- */

static int by_name(const void *a, const void *b)
{
    const struct identity *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static void rows_add(struct tls_identities *table, size_t *room, const char *name, size_t pair)
{
    if (table->count == *room) {
        *room = *room == 0 ? 16 : 2 * *room;
        table->rows = mem_realloc(table->rows, *room * sizeof *table->rows);
    }
    struct identity *row = &table->rows[table->count++];
    *row = (struct identity){.name = mem_strdup(name)};
    set_add(&row->pairs, pair);
}

static int rows_collect(struct tls_identities *table, const struct tls_generation *generation,
                        struct fault *fault)
{
    char name[OWN_DNS_NAME_SIZE];
    size_t room = 0;

    for (size_t pair = 0; pair < generation->pair_count; pair++) {
        for (unsigned i = 0; tls_own_next_name(&generation->own[pair], &i, name);) {
            if (table->count == IDENTITIES_MAX)
                return fault_set(fault, ERR_CONFIG,
                                 "the certificates have more than %d names; take some of "
                                 "certificates out",
                                 IDENTITIES_MAX);
            rows_add(table, &room, name, pair);
        }
    }
    return 0;
}

/* Names that several certificates have become one row. */
static void rows_merge(struct tls_identities *table)
{
    size_t kept = 0;

    if (table->count > 0)
        qsort(table->rows, table->count, sizeof *table->rows, by_name);
    for (size_t i = 0; i < table->count; i++) {
        struct identity *row = &table->rows[i];
        if (kept > 0 && strcmp(table->rows[kept - 1].name, row->name) == 0) {
            set_add_all(&table->rows[kept - 1].pairs, &row->pairs);
            mem_free(row->name);
        } else
            table->rows[kept++] = *row;
    }
    table->count = kept;
}

static struct identity *row_find(const struct tls_identities *table, char *name)
{
    const struct identity key = {.name = name};

    if (table->count == 0)
        return NULL;
    return bsearch(&key, table->rows, table->count, sizeof *table->rows, by_name);
}

/* RFC 9525 6.3: "*" stands for the whole left-most label and nothing else. */
static struct identity *row_find_wildcard(const struct tls_identities *table, const char *name)
{
    char wildcard[OWN_DNS_NAME_SIZE];
    const char *dot = strchr(name, '.');
    size_t len = dot != NULL ? strlen(dot) : 0;

    if (dot == NULL || dot == name || len + 1 >= sizeof wildcard)
        return NULL;
    wildcard[0] = '*';
    memcpy(wildcard + 1, dot, len + 1);
    return row_find(table, wildcard);
}

/* A certificate for *.example.org serves mx.example.org too, beside one that says so in full. */
static void rows_join_wildcards(struct tls_identities *table)
{
    for (size_t i = 0; i < table->count; i++) {
        struct identity *row = &table->rows[i];
        const struct identity *wildcard =
            row->name[0] == '*' ? NULL : row_find_wildcard(table, row->name);
        if (wildcard != NULL)
            set_add_all(&row->pairs, &wildcard->pairs);
    }
}

/* --- credentials --- */

static int kind_of(struct tls_identities *table, const struct tls_generation *generation,
                   const struct tls_pair_set *pairs, gnutls_certificate_credentials_t *cred_out,
                   struct fault *fault)
{
    for (size_t i = 0; i < table->kind_count; i++)
        if (set_equal(&table->kinds[i].pairs, pairs)) {
            *cred_out = table->kinds[i].cred;
            return 0;
        }
    int err = tls_creds_create(generation, pairs, cred_out, fault);
    if (err != 0)
        return err;
    table->kinds = mem_realloc(table->kinds, (table->kind_count + 1) * sizeof *table->kinds);
    table->kinds[table->kind_count++] = (struct kind){*pairs, *cred_out};
    return 0;
}

/* The first pair is the default, with those that have all its names: the RSA certificate beside the
 * ECDSA one serves a client that sends no name as well. */
static struct tls_pair_set fallback_pairs(const struct tls_identities *table)
{
    struct tls_pair_set pairs = {{0}}, first = {{0}};
    bool is_begun = false;

    set_add(&first, 0);
    for (size_t i = 0; i < table->count; i++) {
        const struct tls_pair_set *row = &table->rows[i].pairs;
        if ((row->bits[0] & first.bits[0]) == 0)
            continue;
        if (is_begun)
            set_keep(&pairs, row);
        else
            pairs = *row;
        is_begun = true;
    }
    return is_begun ? pairs : first;
}

static int table_fill(struct tls_identities *table, const struct tls_generation *generation,
                      struct fault *fault)
{
    int err = rows_collect(table, generation, fault);

    if (err != 0)
        return err;
    rows_merge(table);
    rows_join_wildcards(table);
    const struct tls_pair_set fallback = fallback_pairs(table);
    err = kind_of(table, generation, &fallback, &table->fallback, fault);
    for (size_t i = 0; i < table->count && err == 0; i++)
        err = kind_of(table, generation, &table->rows[i].pairs, &table->rows[i].cred, fault);
    return err;
}

int tls_identities_create(const struct tls_generation *generation,
                          struct tls_identities **table_out, struct fault *fault)
{
    struct tls_identities *table = mem_new(struct tls_identities);
    int err = table_fill(table, generation, fault);

    if (err != 0)
        tls_identities_free(&table);
    *table_out = table;
    return err;
}

void tls_identities_free(struct tls_identities **table)
{
    struct tls_identities *gone = *table;

    *table = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < gone->count; i++)
        mem_free(gone->rows[i].name);
    for (size_t i = 0; i < gone->kind_count; i++)
        gnutls_certificate_free_credentials(gone->kinds[i].cred);
    mem_free(gone->rows);
    mem_free(gone->kinds);
    mem_free(gone);
}

/* --- looking up --- */

gnutls_certificate_credentials_t tls_identities_find(const struct tls_identities *table,
                                                     struct span asked)
{
    char name[OWN_DNS_NAME_SIZE];

    /* Longer, empty or with a NUL: no DNS name. A star is for our side only. */
    if (asked.len == 0 || asked.len >= sizeof name || span_has_nul(asked) || asked.ptr[0] == '*')
        return table->fallback;
    tls_own_name_lower(asked, name);
    const struct identity *row = row_find(table, name);
    if (row == NULL)
        row = row_find_wildcard(table, name);
    return row != NULL ? row->cred : table->fallback;
}

/* Between reading the hello and choosing suites, the place that GnuTLS has for it. */
static int on_client_hello(gnutls_session_t gnutls)
{
    struct tls_session *session = gnutls_session_get_ptr(gnutls);
    char name[OWN_DNS_NAME_SIZE];
    size_t len = sizeof name;
    unsigned type = 0;

    if (gnutls_server_name_get(gnutls, name, &len, &type, 0) != GNUTLS_E_SUCCESS ||
        type != GNUTLS_NAME_DNS)
        len = 0; /* none, or longer than any */
    return gnutls_credentials_set(
        gnutls, GNUTLS_CRD_CERTIFICATE,
        tls_identities_find(session->generation->identities, span_make(name, len)));
}

void tls_identities_attach(struct tls_session *session)
{
    const struct tls_identities *table = session->generation->identities;

    if (table == NULL)
        return;
    /* Until the hello is there; without any GnuTLS would offer no suites. */
    if (gnutls_credentials_set(session->gnutls, GNUTLS_CRD_CERTIFICATE, table->fallback) == 0)
        gnutls_handshake_set_post_client_hello_function(session->gnutls, on_client_hello);
}
