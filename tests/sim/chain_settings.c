/* chain_settings: what the servers of a world are told; partly drawn by the seed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "tests/sim/chain_internal.h"

static const struct {
    const char *hostname, *domain, *address;
} names[CHAIN_NODES] = {{"mx.a.test", "a.test", "198.51.100.1"},
                        {"mx.b.test", "b.test", "198.51.100.2"}};

static const struct settings_smtp smtp_settings = {.message_size_max = 1 << 20,
                                                   .recipients_max = 100,
                                                   .errors_max = 10,
                                                   .idle_commands_max = 100,
                                                   .login_timeout_ms = 300000,
                                                   .hops_max = 30,
                                                   .command_line_max = 2048,
                                                   .subaddress_separator = "+",
                                                   .command_timeout_ms = 300000,
                                                   .data_timeout_ms = 180000};

static const struct settings_store store_settings = {.body_memory_max = 262144,
                                                     .body_memory_total = 64 << 20,
                                                     .segment_size = 1 << 20,
                                                     .expunge_grace_ms = 600000,
                                                     .message_parts_max = 100,
                                                     .mailboxes_max = 100,
                                                     .keywords_max = 50,
                                                     .read_threads = 1};

static const struct settings_relay relay_settings = {.smarthost = "",
                                                     .smarthost_port = 25,
                                                     .smarthost_tls = RELAY_TLS_OFF,
                                                     .smarthost_verify = "off",
                                                     .smarthost_user = "",
                                                     .smarthost_password = "",
                                                     .mx_tls = "off",
                                                     .mx_verify = "opportunistic",
                                                     .mx_port = 25,
                                                     .plaintext_fallback = true,
                                                     .resolver = "",
                                                     .dnssec_anchors = "",
                                                     .retry_min_ms = 60000,
                                                     .retry_max_ms = 1800000,
                                                     .delay_report_ms = 3600000,
                                                     .report_original_max = 4096,
                                                     .concurrency_max = 3,
                                                     .messages_per_connection_max = 20,
                                                     .keep_ms = 5000,
                                                     .connect_timeout_ms = 30000,
                                                     .handshake_timeout_ms = 30000,
                                                     .reply_timeout_ms = 60000,
                                                     .data_reply_timeout_ms = 120000,
                                                     .chunking = true};

static void fill_relay(struct chain_node *node)
{
    struct chain *chain = node->chain;
    struct settings_relay *relay = &node->relay_settings;
    *relay = relay_settings;
    relay->expire_ms = chain->expire_ms;
    relay->messages_per_connection_max = 1 + (unsigned)sim_random(chain->sim, 20);
    relay->concurrency_max = 1 + (unsigned)sim_random(chain->sim, 5);
    relay->chunking = sim_random(chain->sim, 2) == 0;
    if (sim_random(chain->sim, 2) == 0)
        relay->keep_ms = 0;
    if (chain->has_tls)
        relay->mx_tls = "may";
    if (chain->is_smarthosted && node->index == 0)
        relay->smarthost = names[1].address;
    node->options = (struct relay_options){.settings = relay,
                                           .hostname = node->hostname,
                                           .domains = &node->domain,
                                           .domain_count = 1,
                                           .subaddress_separator = "+",
                                           .clock = sim_clock(chain->sim),
                                           .entropy = sim_entropy(chain->sim),
                                           .loop_count = 1};
}

void chain_node_fill(struct chain_node *node, struct chain *chain, unsigned index)
{
    static struct network networks[2];
    *node = (struct chain_node){.chain = chain,
                                .index = index,
                                .hostname = names[index].hostname,
                                .domain = names[index].domain,
                                .smtp = smtp_settings,
                                .store_settings = store_settings};
    require(network_parse(span_of("192.0.2.0/24"), &networks[0]) == 0);
    require(network_parse(span_of("10.0.0.0/8"), &networks[1]) == 0);
    require(endpoint_parse(span_of(names[index].address), 25, &node->listen) == 0);
    if (sim_random(chain->sim, 4) == 0) /* most bodies are files of their own */
        node->store_settings.body_memory_max = 512;
    if (sim_random(chain->sim, 2) == 0)
        node->store_settings.history_ms = (int64_t)10 * 86400 * 1000;
    fill_relay(node);
    node->service = (struct smtp_service){.role = SMTP_MX,
                                          .offers_starttls = chain->has_tls,
                                          .settings = &node->smtp,
                                          .relay_networks = networks,
                                          .relay_network_count = 2,
                                          .hostname = node->hostname,
                                          .domains = &node->domain,
                                          .domain_count = 1,
                                          .relay = &node->relay_settings,
                                          .auth_failures_max = 3};
}
