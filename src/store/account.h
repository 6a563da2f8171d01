/*
 * account: users and aliases, answered from memory; changed by jobs. See store.h.
 */
#ifndef POSTERN_STORE_ACCOUNT_H
#define POSTERN_STORE_ACCOUNT_H

#include "base/arena.h"
#include "store/store.h"

enum { STORE_ADDRESS_SIZE = 320, STORE_VERIFIER_SIZE = 256 };

struct store_account {
    uint64_t id;
    char address[STORE_ADDRESS_SIZE];   /* "alice@example.org", the key form of mail/address.h */
    char verifier[STORE_VERIFIER_SIZE]; /* as auth/password.h writes it; empty: no login */
    uint64_t generation;                /* changes with the password: caches compare it */
};

/* From memory, any thread. login: an address in key form. 0 or ERR_NOT_FOUND. */
int store_find_account(struct store *store, struct span address, struct store_account *out)
    __attribute__((warn_unused_result));

/* Where mail for an address goes. */
struct store_target {
    uint64_t account;    /* 0: relayed to address */
    struct span address; /* in the arena; the account's, or the remote one */
};
enum { STORE_TARGETS_MAX = 200, STORE_ALIAS_DEPTH_MAX = 10 };

/* From memory, any thread: follows aliases (loops and excess depth end silently), drops doubles.
 * An address is looked for as it is; then, as a sub-address (RFC 5233), without what stands behind
 * the first separator in its local part; then by its domain's catch-all, the alias "@example.org".
 * postmaster and abuse of any domain that is ours reach the oldest account when nothing else is
 * said. A domain is ours when it has an account, an alias or a row (domain.h).
 * address: key form; a bare "postmaster" is that of the first domain, which the caller completes.
 * separator: the byte between user and tag, or "": none. Returns how many targets, 0: unknown. */
size_t store_resolve(struct store *store, struct span address, const char *separator,
                     struct arena *arena, struct store_target *targets_out);

/* Whether the aliases of an address, followed as above, come to the sought one (both in key form):
 * to itself, it leads in a circle. An alias with a user's name that names itself is none. */
bool store_leads_to(struct store *store, struct span address, struct span sought,
                    const char *separator);

/* Whether they lead to more than STORE_TARGETS_MAX addresses, or over more than
 * STORE_ALIAS_DEPTH_MAX aliases: what store_resolve() gives is then not all. */
bool store_leads_too_far(struct store *store, struct span address, const char *separator);

enum store_account_action {
    STORE_ACCOUNT_ADD,      /* ERR_EXISTS; makes INBOX and the special-use mailboxes */
    STORE_ACCOUNT_PASSWORD, /* ERR_NOT_FOUND */
    STORE_ACCOUNT_DELETE    /* and all its mail */
};

struct store_change_account {
    struct job job;
    int status;
    struct fault fault;
};
struct store_change_account *store_change_account_create(struct store *store,
                                                         enum store_account_action action,
                                                         struct span address, struct span verifier);

enum store_alias_action { STORE_ALIAS_ADD, STORE_ALIAS_DELETE };

struct store_change_alias {
    struct job job;
    int status;
    struct fault fault;
};
/* One alias address may have several targets; deleting with an empty target deletes them all. alias
 * "@example.org" is that domain's catch-all. */
struct store_change_alias *store_change_alias_create(struct store *store,
                                                     enum store_alias_action action,
                                                     struct span alias, struct span target);

/* From memory: calls each() in order of address. */
void store_each_account(struct store *store,
                        void (*each)(void *owner, const struct store_account *account),
                        void *owner);
void store_each_alias(struct store *store,
                      void (*each)(void *owner, struct span alias, struct span target),
                      void *owner);

#endif
