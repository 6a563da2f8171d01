/*
 * Any bytes into a POP3 session on the real connection, pump and store. The first byte chooses how
 * they are cut and whether a login stands before them; the world is made at the first run and time
 * goes on in it. Whatever was said: the connection is gone afterwards.
 */
#include "base/log.h"
#include "base/require.h"
#include "protocols/pop3/pop3.h"
#include "tests/dialogue/peer.h"

static struct world world;
static struct pop3_service service;
static const struct world_role role = {"pop3", "pop3", &pop3_session_type, NULL, NULL};

static void begin(void)
{
    log_set_level(LOG_NONE);
    world_init(&world, 1);
    world.auth_settings.throttle_count = 0;
    world.auth_settings.cache_ms = INT64_MAX / 4;
    world_start(&world);
    world_add_mail(&world, span_of("alice@example.org"), span_of("A: b\r\n\r\none\r\n.\r\n"));
    world_add_mail(&world, span_of("alice@example.org"), span_of("A: c\r\n\r\nno end"));
    service = (struct pop3_service){.offers_stls = true,
                                    .auth_without_tls = true,
                                    .settings = &world.pop3,
                                    .hostname = world.hostname,
                                    .store = world.store,
                                    .auth = world.auth,
                                    .locks = pop3_locks_create(),
                                    .auth_failures_max = 3};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer peer;

    if (service.locks == NULL)
        begin();
    if (size == 0)
        return 0;
    (void)peer_connect(&peer, &world, &role, &service, data[0] & 1 ? SIM_BYTES : SIM_WHOLE);
    if (data[0] & 2)
        peer_send(&peer, span_of("USER alice\r\nPASS wonderland\r\n"));
    peer_send(&peer, span_make((const char *)data + 1, size - 1));
    sim_run(world.sim);
    peer_end(&peer);
    sim_advance_ms(world.sim, 60000);
    peer_deinit(&peer);
    require(world.env.conn_count == 0);
    return 0;
}
