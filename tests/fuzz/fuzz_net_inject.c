/*
 * Somebody on the way puts any bytes at any place into the stream between a client that upgrades
 * and the server: whichever place, the sessions behind the handshake hear only what the other end
 * sealed, in order, and nothing of what came before. The first three bytes choose direction, cuts
 * and place.
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
    static struct rig_client client;
    if (size < 4 || size > 4096)
        return 0;
    const struct spoil_row row = {.way = bytes[0] & 1 ? SPOIL_IN : SPOIL_OUT,
                                  .after = (uint64_t)(bytes[1] << 8 | bytes[2]) % 3000,
                                  .deed = SPOIL_INJECT,
                                  .bytes = {(const char *)bytes + 3, size - 3}};
    const struct spoil_plan plan = {"inject", &row, 1};
    rig_init_tls(&rig, bytes[0]);
    struct transport_maker *maker = fault_maker_create(rig.env.loop, rig.env.maker, &plan);
    rig.env.maker = maker;
    sim_set_policy(rig.sim, (struct sim_policy){(enum sim_cut)((bytes[0] >> 1) % 3), 3000});
    rig_client_init(&client, &rig, "echo 1\r\necho 2\r\nquit\r\n");
    rig_client_dial(&client);
    sim_advance_ms(rig.sim, 60000);
    if (rig.opened > 1)
        rig_require_only_sealed(buf_span(&rig.said), "echo 1|echo 2|quit|>");
    if (client.opened > 1)
        rig_require_only_sealed(buf_span(&client.said), "ok 1|ok 2|ok |");
    conn_env_close(&rig.env);
    sim_run(rig.sim);
    rig_client_deinit(&client);
    rig_deinit_tls(&rig);
    fault_maker_free(&maker);
    return 0;
}
