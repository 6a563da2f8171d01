/* A whole IMAP session on the real pump and store: the first byte chooses the cut and how far the
 * client is already (connected, logged in, a mailbox open); the rest is what it says. Nothing may
 * crash, hang, or answer a command of the authenticated states without a login. */
#include "base/log.h"
#include "base/require.h"
#include "protocols/imap/imap.h"
#include "tests/dialogue/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world world;

static const char *const beginnings[] = {
    "",
    "a LOGIN alice wonderland\r\n",
    "a LOGIN alice wonderland\r\nb SELECT INBOX\r\n",
    "a LOGIN alice wonderland\r\nb APPEND INBOX {9+}\r\nA: b\r\n\r\nx\r\nc SELECT INBOX\r\n",
};

static struct imap_service service_of(bool may_login)
{
    return (struct imap_service){.offers_starttls = true,
                                 .auth_without_tls = may_login,
                                 .settings = &world.imap,
                                 .append_size_max = 100000,
                                 .hostname = world.hostname,
                                 .store = world.store,
                                 .auth = world.auth,
                                 .auth_failures_max = 3};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct world_role role = {"imap", "imap", &imap_session_type, NULL, NULL};
    struct peer peer;
    if (world.store == NULL) {
        log_set_level(LOG_NONE);
        world_init(&world, 1);
        world_start(&world);
    }
    if (size == 0)
        return 0;
    unsigned beginning = data[0] >> 2 & 3;
    struct imap_service service = service_of(beginning > 0);
    require(peer_connect(&peer, &world, &role, &service, (enum sim_cut)(data[0] % 3)));
    peer_send(&peer, span_of(beginnings[beginning]));
    peer_send(&peer, span_make((const char *)data + 1, size - 1));
    sim_run(world.sim);
    if (beginning == 0)
        require(span_find(buf_span(&peer.clear), span_of(" EXISTS\r\n")) < 0);
    peer_deinit(&peer);
    sim_advance_ms(world.sim, 2000);
    require(world.env.conn_count == 0);
    return 0;
}
