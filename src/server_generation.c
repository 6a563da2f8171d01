/*
 * server_generation.c: turns a generation of settings into the services of its listeners. Owns
 * their lifetime; when a new generation is made is server.c's decision.
 */
#include "base/mem.h"
#include "base/require.h"
#include "server_internal.h"

/* As many as there are texts; NULL with fault. */
static struct network *parse_networks(const char *key, const char *const *texts, size_t count,
                                      struct fault *fault)
{
    struct network *networks = mem_zalloc(count + 1, sizeof *networks);
    for (size_t i = 0; i < count; i++) {
        if (network_parse(span_of(texts[i]), &networks[i]) == 0)
            continue;
        (void)fault_set(fault, ERR_CONFIG,
                        "%s: \"%s\" is not a network; write it as \"192.0.2.0/24\" or "
                        "\"2001:db8::/32\"",
                        key, texts[i]);
        mem_free(networks);
        return NULL;
    }
    return networks;
}

static int parse_lists(struct generation *generation, struct fault *fault)
{
    const struct settings_smtp *smtp = &generation->settings->smtp;
    generation->dns_lists = mem_zalloc(smtp->dns_list_count + 1, sizeof *generation->dns_lists);
    for (size_t i = 0; i < smtp->dns_list_count; i++)
        if (!dns_list_rule_parse(span_of(smtp->dns_lists[i]), &generation->dns_lists[i]))
            return fault_set(fault, ERR_CONFIG, "smtp.dns_lists: \"%s\" is no DNS list",
                             smtp->dns_lists[i]);
    return 0;
}

static int parse_all_networks(struct generation *generation, struct fault *fault)
{
    const struct settings_smtp *smtp = &generation->settings->smtp;
    const struct settings_net *net = &generation->settings->net;
    generation->relay_network_count = smtp->relay_network_count;
    generation->proxy_network_count = net->proxy_network_count;
    generation->relay_networks = parse_networks("smtp.relay_networks", smtp->relay_networks,
                                                smtp->relay_network_count, fault);
    if (generation->relay_networks == NULL)
        return fault->err;
    generation->proxy_networks =
        parse_networks("net.proxy_networks", net->proxy_networks, net->proxy_network_count, fault);
    if (generation->proxy_networks == NULL)
        return fault->err;
    generation->trusted_network_count = net->trusted_network_count;
    generation->trusted_networks = parse_networks("net.trusted_networks", net->trusted_networks,
                                                  net->trusted_network_count, fault);
    return generation->trusted_networks == NULL ? fault->err : 0;
}

static void serve_smtp(struct server *server, struct generation *generation,
                       const struct settings_listener *row, struct served *served)
{
    static const struct {
        enum smtp_role role;
        const struct session_type *type;
    } roles[] = {
        [LISTENER_SMTP] = {SMTP_MX, &smtp_session_type},
        [LISTENER_SUBMISSION] = {SMTP_SUBMISSION, &smtp_session_type},
        [LISTENER_LMTP] = {SMTP_LMTP, &lmtp_session_type},
    };
    const struct settings *settings = generation->settings;
    served->type = roles[row->protocol].type;
    served->as.smtp = (struct smtp_service){
        .role = roles[row->protocol].role,
        .offers_starttls = row->tls == LISTENER_STARTTLS,
        .settings = &settings->smtp,
        .relay_networks = generation->relay_networks,
        .relay_network_count = generation->relay_network_count,
        .hostname = settings->server.hostname,
        .domains = settings->server.domains,
        .domain_count = settings->server.domain_count,
        .relay = &settings->relay,
        .store = server->store,
        .auth = server->auth,
        .pace = server->smtp_pace,
        .auth_failures_max = settings->auth.failures_max,
    };
}

static void serve_imap(struct server *server, struct generation *generation,
                       const struct settings_listener *row, struct served *served)
{
    const struct settings *settings = generation->settings;
    served->type = &imap_session_type;
    served->as.imap = (struct imap_service){
        .offers_starttls = row->tls == LISTENER_STARTTLS,
        .auth_without_tls = settings->smtp.auth_without_tls,
        .settings = &settings->imap,
        .append_size_max = settings->smtp.message_size_max,
        .hostname = settings->server.hostname,
        .store = server->store,
        .auth = server->auth,
        .auth_failures_max = settings->auth.failures_max,
    };
}

static void serve_pop3(struct server *server, struct generation *generation,
                       const struct settings_listener *row, struct served *served)
{
    const struct settings *settings = generation->settings;
    served->type = &pop3_session_type;
    served->as.pop3 = (struct pop3_service){
        .offers_stls = row->tls == LISTENER_STARTTLS,
        .auth_without_tls = settings->smtp.auth_without_tls,
        .settings = &settings->pop3,
        .hostname = settings->server.hostname,
        .store = server->store,
        .auth = server->auth,
        .locks = server->pop3_locks,
        .auth_failures_max = settings->auth.failures_max,
    };
}

static void serve(struct server *server, struct generation *generation, size_t index)
{
    const struct settings_listener *row = &generation->settings->listeners[index];
    struct served *served = &generation->served[index];
    served->generation = generation;
    switch (row->protocol) {
    case LISTENER_SMTP:
    case LISTENER_SUBMISSION:
    case LISTENER_LMTP:
        serve_smtp(server, generation, row, served);
        break;
    case LISTENER_IMAP:
        serve_imap(server, generation, row, served);
        break;
    case LISTENER_POP3:
        serve_pop3(server, generation, row, served);
        break;
    }
}

struct generation *server_generation_create(struct server *server, const struct settings *settings,
                                            struct fault *fault)
{
    struct generation *generation = mem_new(struct generation);
    atomic_init(&generation->references, 1);
    generation->settings = settings;
    generation->served = mem_zalloc(settings->listener_count, sizeof *generation->served);
    if (parse_all_networks(generation, fault) != 0 || parse_lists(generation, fault) != 0) {
        server_generation_unref(&generation);
        return NULL;
    }
    for (size_t i = 0; i < settings->listener_count; i++)
        serve(server, generation, i);
    return generation;
}

struct generation *server_generation_ref(struct generation *generation)
{
    (void)atomic_fetch_add_explicit(&generation->references, 1, memory_order_relaxed);
    return generation;
}

void server_generation_unref(struct generation **generation)
{
    struct generation *old = *generation;
    *generation = NULL;
    if (old == NULL || atomic_fetch_sub(&old->references, 1) != 1)
        return;
    conf_unref(&old->settings);
    mem_free(old->relay_networks);
    mem_free(old->proxy_networks);
    mem_free(old->trusted_networks);
    mem_free(old->dns_lists);
    mem_free(old->served);
    mem_free(old);
}

void *server_served_ref(void *service)
{
    struct served *served = service;
    (void)server_generation_ref(served->generation);
    return service;
}

void server_served_unref(void *service)
{
    struct served *served = service;
    struct generation *generation = served->generation;
    server_generation_unref(&generation);
}
