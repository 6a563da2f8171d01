/*
 * A peer without TLS says anything to a server that offers STARTTLS, or has TLS from the first
 * byte: no session is ever opened on a secure side, and nothing outlives the connection. The first
 * byte chooses security, cuts and what the input is prefixed with.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "tests/fake/net_rig_client.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void clean_up(void)
{
    rig_lab_deinit();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_set_level(LOG_NONE);
    rig_lab_init();
    require(atexit(clean_up) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct rig rig;
    if (size == 0 || size > 4096)
        return 0;
    rig_init_tls(&rig, bytes[0]);
    rig.role.security = bytes[0] & 1 ? CONN_IMPLICIT : CONN_PLAIN;
    sim_set_policy(rig.sim, (struct sim_policy){(enum sim_cut)((bytes[0] >> 1) % 3), 3000});
    rig_connect(&rig);
    if (bytes[0] & 8)
        rig_send_bytes(&rig, span_of("starttls\r\n"));
    if (bytes[0] & 16)
        sim_run(rig.sim);
    rig_send_bytes(&rig, span_make((const char *)bytes + 1, size - 1));
    sim_run(rig.sim);
    require(rig.opened <= (rig.role.security == CONN_PLAIN ? 1U : 0U));
    sim_advance_ms(rig.sim, 700000);
    require(rig.env.conn_count == 0);
    rig_deinit_tls(&rig);
    require(rig.opened == rig.freed);
    return 0;
}
