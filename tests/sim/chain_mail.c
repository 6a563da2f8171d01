/* chain_mail: the messages of a world: senders, recipients, wishes and sizes, drawn by the seed. */
#include <stdio.h>

#include "store/accept.h"
#include "tests/sim/chain_internal.h"

static const char *const live_domains[] = {"one.test", "two.test", "three.test"};
static const char *const dead_domains[] = {"null.test", "gone.test", "circle.test", "dead.test"};

/* circle.test's mail server is a.test's, which would give it on to b.test for ever. */
static const char *dead_domain(struct chain *chain)
{
    const char *domain = dead_domains[sim_random(chain->sim, chain->has_dead_mail ? 4 : 3)];
    bool is_circle = strcmp(domain, "circle.test") == 0;
    return is_circle && chain->is_smarthosted ? "null.test" : domain;
}

static const char *own_domain(struct chain *chain)
{
    return sim_random(chain->sim, 2) == 0 ? "a.test" : "b.test";
}

static void draw_sender(struct chain *chain, struct chain_message *message)
{
    uint64_t kind = sim_random(chain->sim, 100);
    unsigned number = message->number;
    char *out = message->sender;
    message->hears = kind < 85;
    if (kind < 60)
        (void)snprintf(out, CHAIN_ADDRESS_SIZE, "u%u+s%u@%s",
                       (unsigned)sim_random(chain->sim, CHAIN_USERS), number, own_domain(chain));
    else if (kind < 85)
        (void)snprintf(out, CHAIN_ADDRESS_SIZE, "s%u@sender.test", number);
    else if (kind < 92)
        (void)snprintf(out, CHAIN_ADDRESS_SIZE, "nobody+s%u@%s", number, own_domain(chain));
    memcpy(message->reports.address, out, CHAIN_ADDRESS_SIZE);
}

static unsigned draw_notify(struct chain *chain)
{
    static const unsigned wishes[] = {STORE_NOTIFY_DEFAULT,
                                      STORE_NOTIFY_DEFAULT,
                                      STORE_NOTIFY_DEFAULT,
                                      STORE_NOTIFY_DEFAULT,
                                      STORE_NOTIFY_NEVER,
                                      STORE_NOTIFY_FAILURE,
                                      STORE_NOTIFY_SUCCESS,
                                      STORE_NOTIFY_SUCCESS | STORE_NOTIFY_FAILURE,
                                      STORE_NOTIFY_DELAY | STORE_NOTIFY_FAILURE,
                                      STORE_NOTIFY_DELAY};
    return wishes[sim_random(chain->sim, sizeof wishes / sizeof *wishes)];
}

/* user: a place among those of the message, so that no two of its recipients are one. */
static void draw_recipient(struct chain *chain, struct chain_message *message, unsigned user)
{
    struct chain_pair *pair = &message->pairs[message->pair_count];
    struct sim *sim = chain->sim;
    uint64_t kind = sim_random(sim, 100);
    unsigned number = message->number;
    char *out = pair->address;
    pair->message = message;
    pair->notify = draw_notify(chain);
    if (kind < 35) {
        (void)snprintf(out, CHAIN_ADDRESS_SIZE, "u%u+t%u@%s", user, number, own_domain(chain));
    } else if (kind < 85) {
        (void)snprintf(out, CHAIN_ADDRESS_SIZE, "to%u+r%u@%s", user, number,
                       live_domains[sim_random(sim, 3)]);
    } else if (kind < 94) {
        (void)snprintf(out, CHAIN_ADDRESS_SIZE, "to%u+r%u@%s", user, number, dead_domain(chain));
    } else {
        (void)snprintf(out, CHAIN_ADDRESS_SIZE, "nobody%u+t%u@%s", user, number, own_domain(chain));
        pair->may_fail = true;
    }
    message->pair_count++;
}

/* As chain_node.c makes it. */
static void write_to_team(struct chain *chain, struct chain_message *message)
{
    static const char *const targets[] = {"u0@a.test", "u0@b.test", "x@one.test"};
    static const unsigned wishes[] = {STORE_NOTIFY_DEFAULT, STORE_NOTIFY_NEVER,
                                      STORE_NOTIFY_FAILURE};
    unsigned notify = wishes[sim_random(chain->sim, 3)];
    const char *domain = chain->nodes[message->entry].domain;
    for (unsigned i = 0; i < 3; i++) {
        struct chain_pair *pair = &message->pairs[message->pair_count++];
        pair->message = message;
        pair->notify = notify;
        (void)snprintf(pair->address, sizeof pair->address, "%s", targets[i]);
        (void)snprintf(pair->alias, sizeof pair->alias, "team+t%u@%s", message->number, domain);
    }
}

static size_t draw_size(struct chain *chain)
{
    static const uint64_t most[] = {300, 300, 300, 300, 300, 3000, 3000, 3000, 3000, 40000};
    return (size_t)sim_random(chain->sim, most[sim_random(chain->sim, 10)]);
}

void chain_write_mail(struct chain *chain)
{
    for (unsigned i = 0; i < chain->model.count; i++) {
        struct chain_message *message = &chain->model.messages[i];
        message->entry = sim_random(chain->sim, 4) == 0;
        message->body_len = draw_size(chain);
        draw_sender(chain, message);
        if (message->sender[0] != '\0' && sim_random(chain->sim, 20) == 0) {
            write_to_team(chain, message);
            continue;
        }
        unsigned count = 1 + (unsigned)sim_random(chain->sim, CHAIN_RECIPIENTS_MAX - 1);
        for (unsigned user = 0; user < count; user++)
            draw_recipient(chain, message, user);
    }
}
