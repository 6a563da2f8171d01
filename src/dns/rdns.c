/*
 * rdns.c: PTR, then A or AAAA of each name at once; the first that leads back wins. Tests:
 * tests/unit/test_dns_list.c.
 */
#include "dns/rdns.h"

#include <stdio.h>

#include "base/mem.h"
#include "dns/reverse.h"

enum { IPV4_LEN = 4 };

struct rdns_name {
    struct rdns *rdns;
    struct resolver_query *query;
    char text[REVERSE_NAME_SIZE];
};

struct rdns {
    struct resolver *resolver;
    struct resolver_query *query;
    rdns_fn *on_name;
    void *owner;
    char address[ENDPOINT_NETWORK_KEY_SIZE]; /* behind its first byte */
    size_t address_len;
    struct rdns_name names[RDNS_NAMES_MAX];
    size_t count, pending;
    bool had_temporary;
};

static dns_fn on_names, on_addresses;

struct rdns *rdns_ask(struct resolver *resolver, const struct endpoint *peer, rdns_fn *on_name,
                      void *owner)
{
    char name[REVERSE_NAME_SIZE];
    struct rdns *rdns = mem_new(struct rdns);

    rdns->resolver = resolver;
    rdns->on_name = on_name;
    rdns->owner = owner;
    if (reverse_make(peer, "", name)) {
        rdns->address_len = endpoint_network_key(peer, 32, 128, rdns->address) - 1;
        rdns->query = resolver_ask(resolver, name, DNS_PTR, on_names, rdns);
    }
    if (rdns->query == NULL)
        rdns_cancel(&rdns);
    return rdns;
}

void rdns_cancel(struct rdns **rdns)
{
    struct rdns *self = *rdns;

    *rdns = NULL;
    if (self == NULL)
        return;
    resolver_cancel(self->resolver, &self->query);
    for (size_t i = 0; i < self->count; i++)
        resolver_cancel(self->resolver, &self->names[i].query);
    mem_free(self);
}

static void finish(struct rdns *rdns, const char *name)
{
    int err = name != NULL ? 0 : rdns->had_temporary ? ERR_AGAIN : ERR_NOT_FOUND;

    rdns->on_name(rdns->owner, err, name);
    rdns_cancel(&rdns);
}

static void ask_for(struct rdns *rdns, struct span record)
{
    struct rdns_name *name = &rdns->names[rdns->count];

    if (!reverse_read(record, name->text))
        return;
    name->rdns = rdns;
    name->query =
        resolver_ask(rdns->resolver, name->text, rdns->address_len == IPV4_LEN ? DNS_A : DNS_AAAA,
                     on_addresses, name);
    if (name->query == NULL)
        return;
    rdns->count++;
    rdns->pending++;
}

static void on_names(void *owner, const struct dns_answer *answer)
{
    struct rdns *rdns = owner;

    rdns->query = NULL;
    rdns->had_temporary = answer->err != 0 && answer->err != ERR_NOT_FOUND;
    for (size_t i = 0; answer->err == 0 && i < answer->count && rdns->count < RDNS_NAMES_MAX; i++)
        ask_for(rdns, answer->records[i]);
    if (rdns->pending == 0)
        finish(rdns, NULL);
}

static void on_addresses(void *owner, const struct dns_answer *answer)
{
    struct rdns_name *name = owner;
    struct rdns *rdns = name->rdns;
    struct span wanted = span_make(rdns->address + 1, rdns->address_len);

    name->query = NULL;
    rdns->pending--;
    rdns->had_temporary = rdns->had_temporary || (answer->err != 0 && answer->err != ERR_NOT_FOUND);
    for (size_t i = 0; answer->err == 0 && i < answer->count; i++) {
        if (span_equal(answer->records[i], wanted)) {
            finish(rdns, name->text);
            return;
        }
    }
    if (rdns->pending == 0)
        finish(rdns, NULL);
}
