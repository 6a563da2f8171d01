/*
 * domain_change: adding and deleting domains. What memory knows of them follows after the commit
 * and before the answer (account.c).
 *
 * Tests: tests/unit/test_store_domain.c.
 */
#include "store/domain.h"
#include "store/writer_internal.h"

struct domain_request {
    struct request base;
    struct store_change_domain pub;
    enum store_domain_action action;
    struct span domain;
};
REQUEST_LAYOUT(domain_request);

static int count_rows(struct writer *writer, enum sql sql, struct span domain, int64_t *count_out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, sql, DB_ARGS(db_text(domain), db_text(domain)), &rows);
    if (found <= 0)
        return found == 0 ? ERR_NOT_FOUND : found;
    *count_out = db_int_at(&rows, 0);
    db_done(&rows);
    return 0;
}

/* Its users and aliases would stay without mail, and come back with the domain by surprise. */
static int domain_apply(struct request *base, struct writer *writer)
{
    struct domain_request *request = (struct domain_request *)(void *)base;
    struct span domain = request->domain;
    bool is_added = request->action == STORE_DOMAIN_ADD;
    int64_t rows = 0, users = 0;
    if (domain.len >= STORE_DOMAIN_SIZE || domain.len == 0)
        return ERR_LIMIT;
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_ACCOUNTS});
    int err = count_rows(writer, SQL_DOMAIN_FIND, domain, &rows);
    if (err == 0 && !is_added)
        err = count_rows(writer, SQL_DOMAIN_USERS, domain, &users);
    if (err != 0)
        return err;
    if (is_added)
        return rows > 0 ? ERR_EXISTS
                        : db_exec(writer->db, SQL_DOMAIN_ADD, DB_ARGS(db_text(domain)));
    if (rows == 0)
        return ERR_NOT_FOUND;
    return users > 0 ? ERR_REFUSED
                     : db_exec(writer->db, SQL_DOMAIN_DELETE, DB_ARGS(db_text(domain)));
}

static const struct request_kind domain_kind = {
    .what = "change the domain",
    .lane = JOB_WRITE,
    .apply = domain_apply,
};

struct store_change_domain *
store_change_domain_create(struct store *store, enum store_domain_action action, struct span domain)
{
    struct domain_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &domain_kind, store, &request->pub.status, &request->pub.fault);
    request->action = action;
    request->domain = arena_copy(&request->base.arena, domain);
    return &request->pub;
}
