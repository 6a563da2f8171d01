/*
 * unbound.c: the resolver on libunbound, one context per loop. The library resolves in a thread of
 * its own (its only alternative is a process) and tells by a descriptor that answers are there; the
 * loop watches it. What the records mean is mx.c's. Tests: tests/unit/test_dns_mx.c with a fake.
 */
#include <pthread.h>
#include <stdio.h>
#include <unbound.h>

#include "base/codec.h"
#include "base/list.h"
#include "base/mem.h"
#include "dns/resolver.h"

enum { DNS_CLASS_IN = 1, RECORDS_MAX = 100, RCODE_NXDOMAIN = 3, NAME_SIZE = 256, WHY_SIZE = 400 };

struct unbound {
    struct resolver resolver;
    struct ub_ctx *context;
    struct watch *watch;
    struct list queries;
};

struct resolver_query {
    struct list_node node;
    struct unbound *unbound;
    char *name;
    int id; /* libunbound's */
    dns_fn *on_answer;
    void *owner;
};

static void free_query(struct resolver_query *query)
{
    list_remove(&query->node);
    mem_free(query->name);
    mem_free(query);
}

/* The last name of a chain of CNAMEs, as the library writes it: with a final dot, odd bytes behind
 * backslashes. What is no host name is of no use to anybody. */
static const char *canonical_of(const struct resolver_query *query, const struct ub_result *result,
                                char name_out[NAME_SIZE])
{
    struct span name = span_of(result->canonname == NULL ? "" : result->canonname);
    struct span asked = span_of(query->name);
    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    if (asked.len > 0 && asked.ptr[asked.len - 1] == '.')
        asked.len--;
    if (name.len == 0 || name.len >= NAME_SIZE || span_equal_nocase(name, asked))
        return NULL;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7F || name.ptr[i] == '\\')
            return NULL;
    }
    memcpy(name_out, name.ptr, name.len);
    name_out[name.len] = '\0';
    return name_out;
}

/* The library's words hold names that come from the network. */
static const char *tell_bogus(const struct ub_result *result, char why_out[WHY_SIZE])
{
    char reason[WHY_SIZE / 2];
    codec_escape(span_of(result->why_bogus != NULL ? result->why_bogus : "no reason given"), reason,
                 sizeof reason);
    (void)snprintf(why_out, WHY_SIZE,
                   "DNSSEC validation failed, so the answer may be forged; if this happens with "
                   "every domain, relay.resolver hides DNSSEC from us: %s",
                   reason);
    return why_out;
}

/* Sets what the result means; the caller fills in the records. */
static void judge(int error, const struct ub_result *result, struct dns_answer *answer)
{
    if (error != 0) {
        answer->err = ERR_AGAIN;
        answer->why = ub_strerror(error);
    } else if (result->bogus) {
        answer->err = ERR_CORRUPT;
        answer->why = "DNSSEC says it is forged";
    } else if (result->nxdomain || result->rcode == RCODE_NXDOMAIN) {
        answer->err = ERR_NOT_FOUND;
        answer->why = "the name does not exist";
    } else if (result->rcode != 0) {
        answer->err = ERR_AGAIN;
        answer->why = "the name servers could not answer";
    } else if (!result->havedata) {
        answer->err = ERR_NOT_FOUND;
        answer->why = "the name has no such record";
    }
}

static void on_result(void *data, int error, struct ub_result *result)
{
    struct resolver_query *query = data;
    struct span records[RECORDS_MAX];
    char canonical[NAME_SIZE], why[WHY_SIZE];
    struct dns_answer answer = {.records = records};
    judge(error, result, &answer);
    if (answer.err == ERR_CORRUPT)
        answer.why = tell_bogus(result, why);
    if (answer.err == 0 || answer.err == ERR_NOT_FOUND) {
        answer.is_secure = result->secure != 0;
        answer.canonical = canonical_of(query, result, canonical);
    }
    if (answer.err == 0) {
        while (answer.count < RECORDS_MAX && result->data[answer.count] != NULL) {
            size_t i = answer.count++;
            records[i] = span_make(result->data[i], (size_t)result->len[i]);
        }
    }
    dns_fn *on_answer = query->on_answer;
    void *owner = query->owner;
    free_query(query);
    on_answer(owner, &answer);
    ub_resolve_free(result);
}

static struct resolver_query *unbound_ask(struct resolver *resolver, const char *name,
                                          enum dns_type type, dns_fn *on_answer, void *owner)
{
    struct unbound *unbound = (struct unbound *)resolver;
    struct resolver_query *query = mem_new(struct resolver_query);
    query->unbound = unbound;
    query->on_answer = on_answer;
    query->owner = owner;
    query->name = mem_strdup(name);
    list_append(&unbound->queries, &query->node);
    int error = ub_resolve_async(unbound->context, name, (int)type, DNS_CLASS_IN, query, on_result,
                                 &query->id);
    if (error == 0)
        return query;
    /* Only a name that is no name or a library without memory ends here; there is no answer to wait
     * for, so none may be promised. */
    free_query(query);
    return NULL;
}

static void unbound_cancel(struct resolver_query *query)
{
    (void)ub_cancel(query->unbound->context, query->id);
    free_query(query);
}

static void unbound_free(struct resolver *resolver)
{
    struct unbound *unbound = (struct unbound *)resolver;
    list_each (node, &unbound->queries) {
        unbound_cancel(list_entry(node, struct resolver_query, node));
    }
    loop_watch_free(&unbound->watch);
    ub_ctx_delete(unbound->context);
    mem_free(unbound);
}

static const struct resolver_ops ops = {unbound_ask, unbound_cancel, unbound_free};

static void on_readable(void *owner, unsigned events)
{
    struct unbound *unbound = owner;
    (void)events;
    (void)ub_process(unbound->context);
}

/* "192.0.2.53:5353" as libunbound writes it: "192.0.2.53@5353"; IPv6 in brackets before a port. */
static int forward_to(struct ub_ctx *context, const char *server)
{
    char text[128];
    struct span all = span_of(server);
    ptrdiff_t colon = span_find_byte(all, 0, ':');
    bool is_bracketed = all.len > 0 && server[0] == '[';
    ptrdiff_t close = span_find_byte(all, 0, ']');
    struct span host = all, port = {NULL, 0};
    if (is_bracketed && close > 0) {
        host = span_make(server + 1, (size_t)close - 1);
        port = span_from(all, (size_t)close + 2);
    } else if (colon > 0 && span_find_byte(all, (size_t)colon + 1, ':') < 0) {
        host = span_first(all, (size_t)colon);
        port = span_from(all, (size_t)colon + 1);
    }
    (void)snprintf(text, sizeof text, "%.*s%s%.*s", (int)host.len, host.ptr,
                   port.len > 0 ? "@" : "", (int)port.len, port.len > 0 ? port.ptr : "");
    return ub_ctx_set_fwd(context, text);
}

static int configure(struct ub_ctx *context, const char *server, const char *anchors)
{
    (void)ub_ctx_hosts(context, NULL); /* a machine without /etc/hosts is fine */
    /* A name server on this machine is what is named most often, in resolv.conf too. */
    int error = ub_ctx_set_option(context, "do-not-query-localhost:", "no");
    if (error == 0)
        error = server[0] != '\0' ? forward_to(context, server) : ub_ctx_resolvconf(context, NULL);
    if (error == 0 && anchors[0] != '\0')
        error = ub_ctx_add_ta_file(context, anchors);
    if (error == 0)
        error = ub_ctx_async(context, 1);
    /* The library answers for .test by itself (RFC 6761 6.2); a laboratory's server serves it. A
     * change of zones ends the setting of options: anchors that cannot be read are told now, not at
     * the first question. */
    return error == 0
               ? ub_ctx_zone_remove(context, server[0] != '\0' ? "test." : "postern.invalid.")
               : error;
}

/* The library makes the lock of its log at the first context, unguarded: of loops that start at the
 * same time one found a lock that another made anew, and glibc ended the process. NULL: there is no
 * memory; else *error_out is 0 or the library's. */
static struct ub_ctx *create_context(const char *server, const char *anchors, int *error_out)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&lock);
    struct ub_ctx *context = ub_ctx_create();
    *error_out = context != NULL ? configure(context, server, anchors) : 0;
    (void)pthread_mutex_unlock(&lock);
    return context;
}

struct resolver *resolver_create(struct loop *loop, const char *server, const char *anchors,
                                 struct fault *fault)
{
    int error;
    struct ub_ctx *context = create_context(server, anchors, &error);
    if (context == NULL) {
        (void)fault_set(fault, ERR_IO, "could not start the resolver library");
        return NULL;
    }
    if (error != 0) {
        (void)fault_set(fault, ERR_CONFIG,
                        "could not start the resolver with the name server \"%s\" and the trust "
                        "anchors \"%s\": %s; set relay.resolver to an address like "
                        "\"192.0.2.53\", relay.dnssec_anchors to a file of DS or DNSKEY records",
                        server, anchors, ub_strerror(error));
        ub_ctx_delete(context);
        return NULL;
    }
    struct unbound *unbound = mem_new(struct unbound);
    unbound->resolver.ops = &ops;
    unbound->context = context;
    list_init(&unbound->queries);
    unbound->watch = loop_watch_create(loop, ub_fd(context), WATCH_READ, on_readable, unbound);
    return &unbound->resolver;
}
