/* A whole server session on the real pump: the first byte chooses role and cut,
 * the rest is what the client says. Nothing may crash, hang, or reach the queue
 * without a login. */
#include "base/log.h"
#include "base/require.h"
#include "protocols/smtp/smtp.h"
#include "tests/dialogue/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world world;

static struct smtp_service service_of(enum smtp_role role)
{
    return (struct smtp_service){.role = role,
                                 .offers_starttls = true,
                                 .settings = &world.smtp,
                                 .hostname = world.hostname,
                                 .domains = world.domains,
                                 .domain_count = world.domain_count,
                                 .store = world.store,
                                 .auth = world.auth,
                                 .auth_failures_max = 3};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct world_role mx = {"mx", "smtp", &smtp_session_type, NULL, NULL};
    static const struct world_role lmtp = {"lmtp", "lmtp", &lmtp_session_type, NULL, NULL};
    struct peer peer;

    if (world.store == NULL) {
        log_set_level(LOG_NONE);
        world_init(&world, 1);
        world_start(&world);
    }
    if (size == 0)
        return 0;
    bool is_lmtp = (data[0] & 8) != 0;
    struct smtp_service service = service_of(is_lmtp              ? SMTP_LMTP
                                             : (data[0] & 4) != 0 ? SMTP_SUBMISSION
                                                                  : SMTP_MX);
    require(
        peer_connect(&peer, &world, is_lmtp ? &lmtp : &mx, &service, (enum sim_cut)(data[0] % 3)));
    peer_send(&peer, span_make((const char *)data + 1, size - 1));
    sim_run(world.sim);
    peer_deinit(&peer);
    sim_advance_ms(world.sim, 2000);
    require(world.env.conn_count == 0);

    struct buf message;
    buf_init(&message, 0);
    require(world_read_queue(&world, &message) == 0);
    return 0;
}
