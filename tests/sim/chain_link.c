/*
 * chain_link: the connections of a world. Each from one server to another or to a hop has a number,
 * which is its source address, so that who takes mail on it can be told from the Received field.
 * Some break at a byte of the seed's choice, seen from either end.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/require.h"
#include "tests/sim/chain_internal.h"

enum { SPOIL_SHORT = 700, SPOIL_LONG = 6000, LINKS_MAX = 1 << 24 };

static void set_source(struct endpoint *endpoint, size_t number)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&endpoint->address;
    require(number < LINKS_MAX);
    *endpoint = (struct endpoint){.len = sizeof *in};
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(10U << 24 | (uint32_t)number);
}

static struct chain_link *link_at(struct chain *chain, uint32_t address)
{
    size_t number = address & (LINKS_MAX - 1);
    bool is_link = address >> 24 == 10 && number < chain->model.link_count;
    return is_link ? chain->model.links[number] : NULL;
}

struct chain_link *chain_link_of(struct chain *chain, const struct endpoint *peer)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer->address;
    return in->sin_family == AF_INET ? link_at(chain, ntohl(in->sin_addr.s_addr)) : NULL;
}

struct chain_link *chain_link_of_text(struct chain *chain, struct span text)
{
    char address[INET_ADDRSTRLEN];
    struct in_addr in;
    ptrdiff_t open = span_find_byte(text, 0, '['), close = span_find_byte(text, 0, ']');
    if (open < 0 || close < open || close - open > (ptrdiff_t)sizeof address)
        return NULL;
    size_t len = (size_t)(close - open - 1);
    memcpy(address, text.ptr + open + 1, len);
    address[len] = '\0';
    return inet_pton(AF_INET, address, &in) == 1 ? link_at(chain, ntohl(in.s_addr)) : NULL;
}

static void spoil(struct chain *chain, struct transport *transport)
{
    struct sim *sim = chain->sim;
    uint64_t most = sim_random(sim, 3) == 0 ? SPOIL_LONG : SPOIL_SHORT;
    size_t len = 1 + (size_t)sim_random(sim, most);
    chain->tally->links_spoiled++;
    sim_spoil_after(transport, len, (enum sim_spoil)sim_random(sim, SIM_SILENCE + 1));
}

static struct transport *link_connect(struct transport_maker *maker, const struct endpoint *to,
                                      const struct endpoint *source,
                                      const struct transport_events *events, void *owner)
{
    struct chain_node *node = list_entry(maker, struct chain_node, maker);
    struct chain *chain = node->chain;
    struct transport_maker *real = sim_maker(chain->sim, node->env.loop);
    set_source(&chain->link_source, chain->model.link_count);
    struct chain_link *link = chain_link_create(&chain->model, node->index);
    (void)source;
    struct transport *transport = real->connect(real, to, &chain->link_source, events, owner);
    sim_mark_spoil(transport, &link->fired);
    if (chain_dice(chain, chain->odds.link))
        spoil(chain, transport);
    return transport;
}

struct transport_maker chain_link_maker(void)
{
    return (struct transport_maker){link_connect};
}

void chain_link_accepted(struct chain *chain, struct transport *transport)
{
    struct chain_link *link = chain_link_of(chain, &transport->peer);
    if (link != NULL)
        sim_mark_spoil(transport, &link->fired);
    if (chain_dice(chain, chain->odds.link))
        spoil(chain, transport);
}
