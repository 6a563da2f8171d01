/*
 * dns_list.c: the two questions to a DNS list, one behind the other. How long to wait is the
 * owner's. Tests: tests/unit/test_dns_list.c.
 */
#include "dns/dns_list.h"

#include <stdio.h>

#include "base/mem.h"
#include "dns/reverse.h"

enum { IPV4_LEN = 4, LOOPBACK_NET = 127 };

static const uint32_t codes_first = 0x7fffff00; /* 127.255.255.0/24, where lists tell troubles */

struct dns_list_query {
    struct resolver *resolver;
    const struct dns_list_rule *rule;
    struct resolver_query *query;
    dns_list_fn *on_result;
    void *owner;
    char name[REVERSE_NAME_SIZE];
    struct dns_list_result result;
};

static dns_fn on_address, on_text;

struct dns_list_query *dns_list_ask(struct resolver *resolver, const struct dns_list_rule *rule,
                                    const struct endpoint *peer, dns_list_fn *on_result,
                                    void *owner)
{
    struct dns_list_query *self = mem_new(struct dns_list_query);

    self->resolver = resolver;
    self->rule = rule;
    self->on_result = on_result;
    self->owner = owner;
    if (reverse_make(peer, rule->zone, self->name))
        self->query = resolver_ask(resolver, self->name, DNS_A, on_address, self);
    if (self->query == NULL) {
        mem_free(self);
        return NULL;
    }
    return self;
}

bool dns_list_is_listed(const struct dns_list_query *query)
{
    return query->result.outcome == DNS_LIST_LISTED;
}

void dns_list_cancel(struct dns_list_query **query)
{
    if (*query == NULL)
        return;
    resolver_cancel((*query)->resolver, &(*query)->query);
    mem_free(*query);
    *query = NULL;
}

static void finish(struct dns_list_query *self)
{
    self->on_result(self->owner, &self->result);
    mem_free(self);
}

static void judge(struct dns_list_query *self, struct span record)
{
    const struct dns_list_rule *rule = self->rule;
    uint32_t answer = 0;

    if (record.len != IPV4_LEN || (unsigned char)record.ptr[0] != LOOPBACK_NET)
        return;
    for (size_t i = 0; i < IPV4_LEN; i++)
        answer = answer << 8 | (unsigned char)record.ptr[i];
    if (rule->last != 0 ? answer >= rule->first && answer <= rule->last : answer < codes_first) {
        self->result.outcome = DNS_LIST_LISTED;
        return;
    }
    if (answer < codes_first || self->result.outcome == DNS_LIST_LISTED)
        return;
    self->result.outcome = DNS_LIST_FAILED;
    (void)snprintf(self->result.why, sizeof self->result.why,
                   "it does not serve this resolver: its answer is 127.255.255.%u",
                   (unsigned)(answer & 0xffU));
}

static void on_address(void *owner, const struct dns_answer *answer)
{
    struct dns_list_query *self = owner;

    self->query = NULL;
    for (size_t i = 0; answer->err == 0 && i < answer->count; i++)
        judge(self, answer->records[i]);
    if (answer->err != 0 && answer->err != ERR_NOT_FOUND) {
        self->result.outcome = DNS_LIST_FAILED;
        (void)snprintf(self->result.why, sizeof self->result.why, "%s",
                       answer->why != NULL ? answer->why : "no answer");
    }
    if (self->result.outcome == DNS_LIST_LISTED) {
        self->result.why[0] = '\0';
        self->query = resolver_ask(self->resolver, self->name, DNS_TXT, on_text, self);
    }
    if (self->query == NULL)
        finish(self);
}

/* Character strings, each with its length before it (RFC 1035 3.3.14), as one text. */
static void take_text(struct span record, char out[DNS_LIST_WHY_SIZE])
{
    size_t len = 0;

    for (size_t at = 0; at < record.len;) {
        size_t left = (unsigned char)record.ptr[at++];
        for (; left > 0 && at < record.len && len < DNS_LIST_WHY_SIZE - 1; left--, at++) {
            char c = record.ptr[at];
            out[len++] = '?';
            if (c >= ' ' && c <= '~')
                out[len - 1] = c;
        }
        if (left > 0)
            break;
    }
    out[len] = '\0';
}

static void on_text(void *owner, const struct dns_answer *answer)
{
    struct dns_list_query *self = owner;

    self->query = NULL;
    if (answer->err == 0 && answer->count > 0)
        take_text(answer->records[0], self->result.why);
    finish(self);
}
