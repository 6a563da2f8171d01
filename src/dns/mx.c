/*
 * mx.c: the mail servers of a domain. Owns order, null MX, the implicit MX and address literals;
 * the asking is the resolver's, the trying the relay's. Tests: tests/unit/test_dns_mx.c.
 */
#include "dns/mx.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { QUERIES_MAX = MX_HOSTS_MAX * 2 + 1, FIXED_PORT = 25 };

struct mx_query {
    struct mx_lookup *lookup;
    struct resolver_query *query; /* NULL: none under way */
    size_t host;
    enum dns_type type;
};

struct mx_lookup {
    struct post post; /* for answers that are known at once */
    struct resolver *resolver;
    const struct entropy *entropy;
    mx_fn *on_result;
    void *owner;
    char domain[MX_NAME_SIZE];
    struct mx_host hosts[MX_HOSTS_MAX];
    size_t count;
    struct mx_query queries[QUERIES_MAX];
    size_t query_count, pending;
    struct mx_result result;
    bool had_temporary;                                        /* some answer may come later */
    bool has_insecure[MX_HOSTS_MAX], has_forged[MX_HOSTS_MAX]; /* of each host */
    char forged_why[500];
    bool is_posted, is_cancelled;
};

static dns_fn on_mx, on_address;

static void free_lookup(struct mx_lookup *lookup)
{
    for (size_t i = 0; i < lookup->query_count; i++)
        resolver_cancel(lookup->resolver, &lookup->queries[i].query);
    mem_free(lookup);
}

static void finish(struct mx_lookup *lookup)
{
    lookup->result.hosts = lookup->hosts;
    lookup->result.count = lookup->result.err == 0 ? lookup->count : 0;
    mx_fn *on_result = lookup->on_result;
    void *owner = lookup->owner;
    struct mx_result result = lookup->result;
    on_result(owner, &result);
    free_lookup(lookup);
}

static void on_post(struct post *post)
{
    struct mx_lookup *lookup = list_entry(post, struct mx_lookup, post);
    if (lookup->is_cancelled)
        free_lookup(lookup);
    else
        finish(lookup);
}

static void finish_soon(struct mx_lookup *lookup, struct loop *loop)
{
    lookup->is_posted = true;
    lookup->post.run = on_post;
    loop_post(loop, &lookup->post);
}

static void fail(struct mx_lookup *lookup, int err, const char *why)
{
    lookup->result.err = err;
    (void)snprintf(lookup->result.why, sizeof lookup->result.why, "%s: %s", lookup->domain, why);
}

/* 0, or ERR_INVALID when the name could not even be asked for. */
static int ask(struct mx_lookup *lookup, const char *name, enum dns_type type, size_t host)
{
    struct mx_query *query = &lookup->queries[lookup->query_count];
    *query = (struct mx_query){.lookup = lookup, .host = host, .type = type};
    query->query =
        resolver_ask(lookup->resolver, name, type, type == DNS_MX ? on_mx : on_address, query);
    if (query->query == NULL)
        return ERR_INVALID;
    lookup->query_count++;
    lookup->pending++;
    return 0;
}

/* ---- Addresses ------------------------------------------------------------------------------ */

/* IPv6 and IPv4 in turn, as long as there are both (RFC 8305 4): one family may be dead. */
static void interleave(struct mx_host *host)
{
    struct endpoint rows[2][MX_ADDRESSES_MAX];
    size_t counts[2] = {0, 0}, at[2] = {0, 0};

    for (size_t i = 0; i < host->address_count; i++) {
        int row = host->addresses[i].address.ss_family != AF_INET6;
        rows[row][counts[row]++] = host->addresses[i];
    }
    for (size_t n = 0; n < host->address_count; n++) {
        int row = at[0] > at[1] || at[0] == counts[0];
        if (at[row] == counts[row])
            row = !row;
        host->addresses[n] = rows[row][at[row]++];
    }
}

/* Hosts without an address are of no use; what is left keeps its order. */
static void drop_unreachable(struct mx_lookup *lookup)
{
    size_t kept = 0;
    for (size_t i = 0; i < lookup->count; i++) {
        if (lookup->hosts[i].address_count == 0) {
            lookup->result.has_left_out = lookup->had_temporary;
            continue;
        }
        interleave(&lookup->hosts[i]);
        lookup->hosts[kept++] = lookup->hosts[i];
    }
    lookup->count = kept;
    if (kept > 0)
        return;
    if (lookup->forged_why[0] != '\0')
        fail(lookup, ERR_AGAIN, lookup->forged_why);
    else if (lookup->had_temporary)
        fail(lookup, ERR_AGAIN, "its mail servers' addresses could not be looked up right now");
    else
        fail(lookup, ERR_NOT_FOUND, "none of its mail servers has an address");
}

static void add_address(struct mx_host *host, enum dns_type type, struct span record)
{
    struct endpoint *endpoint = &host->addresses[host->address_count];
    *endpoint = (struct endpoint){0};
    if (type == DNS_A && record.len == 4) {
        struct sockaddr_in *address = (struct sockaddr_in *)&endpoint->address;
        address->sin_family = AF_INET;
        memcpy(&address->sin_addr, record.ptr, 4);
        endpoint->len = sizeof *address;
    } else if (type == DNS_AAAA && record.len == 16) {
        struct sockaddr_in6 *address = (struct sockaddr_in6 *)&endpoint->address;
        address->sin6_family = AF_INET6;
        memcpy(&address->sin6_addr, record.ptr, 16);
        endpoint->len = sizeof *address;
    } else {
        return;
    }
    host->address_count++;
}

/* One forged answer, and none of the host's addresses are believed (RFC 7672 2.1.1). */
static void note_trust(struct mx_lookup *lookup, struct mx_query *query,
                       const struct dns_answer *answer)
{
    struct mx_host *host = &lookup->hosts[query->host];
    bool is_answer = answer->err == 0 || answer->err == ERR_NOT_FOUND;
    lookup->had_temporary = lookup->had_temporary || !is_answer;
    if (is_answer && !answer->is_secure)
        lookup->has_insecure[query->host] = true;
    if (answer->err == ERR_CORRUPT) {
        lookup->has_forged[query->host] = true;
        (void)snprintf(lookup->forged_why, sizeof lookup->forged_why, "%s: %s", host->name,
                       answer->why);
    }
    if (answer->canonical != NULL)
        (void)snprintf(host->alias, sizeof host->alias, "%s", answer->canonical);
    host->addresses_secure = !lookup->has_insecure[query->host];
}

static void on_address(void *owner, const struct dns_answer *answer)
{
    struct mx_query *query = owner;
    struct mx_lookup *lookup = query->lookup;
    struct mx_host *host = &lookup->hosts[query->host];
    query->query = NULL;
    note_trust(lookup, query, answer);
    for (size_t i = 0; i < answer->count && host->address_count < MX_ADDRESSES_MAX; i++)
        add_address(host, query->type, answer->records[i]);
    if (lookup->has_forged[query->host])
        host->address_count = 0;
    if (--lookup->pending > 0)
        return;
    drop_unreachable(lookup);
    finish(lookup);
}

/* True when at least one question is under way. */
static bool ask_addresses(struct mx_lookup *lookup)
{
    for (size_t i = 0; i < lookup->count; i++) {
        (void)ask(lookup, lookup->hosts[i].name, DNS_A, i);
        (void)ask(lookup, lookup->hosts[i].name, DNS_AAAA, i);
    }
    return lookup->pending > 0;
}

/* ---- MX records ----------------------------------------------------------------------------- */

/* A name from RDATA as text without final dot; "" for the root. false: not a host name. */
static bool read_name(struct span record, char out[MX_NAME_SIZE])
{
    size_t at = 0, len = 0;
    while (at < record.len && record.ptr[at] != 0) {
        size_t label = (unsigned char)record.ptr[at++];
        if (label > 63 || at + label > record.len || len + label + 2 > MX_NAME_SIZE)
            return false;
        if (len > 0)
            out[len++] = '.';
        for (size_t i = 0; i < label; i++, at++) {
            unsigned char byte = (unsigned char)record.ptr[at];
            if (byte <= ' ' || byte >= 0x7F || byte == '.' || byte == '\\')
                return false;
            out[len++] = (char)byte;
        }
    }
    out[len] = '\0';
    return at < record.len;
}

/* Where a host of that preference goes: behind the others, or, when there are MX_HOSTS_MAX already,
 * over the least preferred one. NULL: it is less preferred than all of them. */
static struct mx_host *place_for(struct mx_lookup *lookup, unsigned preference)
{
    if (lookup->count < MX_HOSTS_MAX)
        return &lookup->hosts[lookup->count];
    struct mx_host *worst = &lookup->hosts[0];
    for (size_t i = 1; i < lookup->count; i++) {
        if (lookup->hosts[i].preference > worst->preference)
            worst = &lookup->hosts[i];
    }
    return preference < worst->preference ? worst : NULL;
}

static void add_host(struct mx_lookup *lookup, const struct dns_answer *answer, struct span record)
{
    struct mx_host host = {.is_secure = answer->is_secure};
    if (record.len < 3 || !read_name(span_from(record, 2), host.name))
        return;
    host.preference =
        (unsigned)(unsigned char)record.ptr[0] << 8 | (unsigned)(unsigned char)record.ptr[1];
    struct mx_host *place = place_for(lookup, host.preference);
    if (place == NULL)
        return;
    lookup->count += lookup->count < MX_HOSTS_MAX;
    *place = host;
}

/* By preference; hosts of one preference at random, so that load spreads (RFC 5321 5.1). */
static void order_hosts(struct mx_lookup *lookup)
{
    for (size_t i = lookup->count; i > 1; i--) {
        size_t j = (size_t)(entropy_u64(lookup->entropy) % i);
        struct mx_host swap = lookup->hosts[i - 1];
        lookup->hosts[i - 1] = lookup->hosts[j];
        lookup->hosts[j] = swap;
    }
    for (size_t i = 1; i < lookup->count; i++) {
        struct mx_host host = lookup->hosts[i];
        size_t at = i;
        for (; at > 0 && lookup->hosts[at - 1].preference > host.preference; at--)
            lookup->hosts[at] = lookup->hosts[at - 1];
        lookup->hosts[at] = host;
    }
}

static bool is_null_mx(const struct mx_lookup *lookup)
{
    return lookup->count == 1 && lookup->hosts[0].name[0] == '\0';
}

static void use_domain_itself(struct mx_lookup *lookup)
{
    lookup->count = 1;
    lookup->hosts[0] = (struct mx_host){0};
    (void)snprintf(lookup->hosts[0].name, MX_NAME_SIZE, "%s", lookup->domain);
}

static void on_mx(void *owner, const struct dns_answer *answer)
{
    struct mx_query *query = owner;
    struct mx_lookup *lookup = query->lookup;
    query->query = NULL;
    lookup->pending--;
    for (size_t i = 0; i < answer->count; i++)
        add_host(lookup, answer, answer->records[i]);

    if (answer->err != 0 && answer->err != ERR_NOT_FOUND)
        fail(lookup, ERR_AGAIN, answer->why);
    else if (is_null_mx(lookup))
        fail(lookup, ERR_REFUSED, "the domain accepts no mail (null MX)");
    else if (answer->err == ERR_NOT_FOUND)
        use_domain_itself(lookup);
    else if (lookup->count == 0)
        fail(lookup, ERR_NOT_FOUND, "its MX records name no host");

    if (lookup->result.err == 0) {
        order_hosts(lookup);
        if (ask_addresses(lookup))
            return;
        fail(lookup, ERR_NOT_FOUND, "its mail servers' names cannot be looked up");
    }
    finish(lookup);
}

/* ---- Beginning ------------------------------------------------------------------------------ */

static struct mx_lookup *create(const struct mx_asker *asker, struct span name, mx_fn *on_result,
                                void *owner)
{
    struct mx_lookup *lookup = mem_new(struct mx_lookup);
    lookup->resolver = asker->resolver;
    lookup->entropy = asker->entropy;
    lookup->on_result = on_result;
    lookup->owner = owner;
    (void)snprintf(lookup->domain, sizeof lookup->domain, "%.*s", (int)name.len, name.ptr);
    return lookup;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" and bare numeric addresses need no question. */
static bool take_numeric(struct mx_lookup *lookup, struct span name)
{
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
        name = span_make(name.ptr + 1, name.len - 2);
    if (span_starts_nocase(name, span_of("IPv6:")))
        name = span_from(name, 5);
    struct endpoint endpoint;
    if (name.len == 0 || name.ptr[0] == '/' || endpoint_parse(name, FIXED_PORT, &endpoint) != 0)
        return false;
    use_domain_itself(lookup);
    lookup->hosts[0].addresses[0] = endpoint;
    lookup->hosts[0].address_count = 1;
    return true;
}

struct mx_lookup *mx_lookup_start(const struct mx_asker *asker, struct span domain,
                                  mx_fn *on_result, void *owner)
{
    struct mx_lookup *lookup = create(asker, domain, on_result, owner);
    if (take_numeric(lookup, domain)) {
        finish_soon(lookup, asker->loop);
    } else if (domain.len >= MX_NAME_SIZE || ask(lookup, lookup->domain, DNS_MX, 0) != 0) {
        fail(lookup, ERR_NOT_FOUND, "this is not a domain name");
        finish_soon(lookup, asker->loop);
    }
    return lookup;
}

/* A unix socket's path. Only where the administrator wrote it: a domain of mail must never lead to
 * a socket of this machine. */
static bool take_path(struct mx_lookup *lookup, struct span path)
{
    struct endpoint endpoint;
    if (path.len == 0 || path.ptr[0] != '/' || endpoint_parse(path, 0, &endpoint) != 0)
        return false;
    use_domain_itself(lookup);
    lookup->hosts[0].addresses[0] = endpoint;
    lookup->hosts[0].address_count = 1;
    return true;
}

struct mx_lookup *mx_lookup_host(const struct mx_asker *asker, struct span host, mx_fn *on_result,
                                 void *owner)
{
    struct mx_lookup *lookup = create(asker, host, on_result, owner);
    if (take_numeric(lookup, host) || take_path(lookup, host)) {
        finish_soon(lookup, asker->loop);
        return lookup;
    }
    use_domain_itself(lookup);
    if (host.len >= MX_NAME_SIZE || !ask_addresses(lookup)) {
        fail(lookup, ERR_NOT_FOUND, "this is not a host name");
        finish_soon(lookup, asker->loop);
    }
    return lookup;
}

void mx_lookup_cancel(struct mx_lookup **lookup)
{
    struct mx_lookup *old = *lookup;
    *lookup = NULL;
    if (old == NULL)
        return;
    if (old->is_posted)
        old->is_cancelled = true;
    else
        free_lookup(old);
}
