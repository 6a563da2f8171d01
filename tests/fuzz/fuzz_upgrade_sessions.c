/*
 * The property of tests/unit/test_upgrade_cuts.c for any bytes: whatever is put at whatever place
 * into the stream between a client and a server of the program, the sessions behind the handshake
 * are fed a beginning of what they are fed where nobody interferes. The first four bytes choose
 * client, direction, cuts and place.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "tests/fake/upgrade_stage.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Per client: what its server and it are fed under TLS. */
static struct buf server_seen[STAGE_CLIENT_COUNT], client_seen[STAGE_CLIENT_COUNT];

static void clean_up(void)
{
    for (size_t i = 0; i < STAGE_CLIENT_COUNT; i++) {
        buf_release(&server_seen[i]);
        buf_release(&client_seen[i]);
    }
    stage_end();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_set_level(LOG_NONE);
    stage_begin();
    for (size_t i = 0; i < STAGE_CLIENT_COUNT; i++) {
        stage_pair(i, SPOIL_OUT, 0, span_of(""), SIM_WHOLE);
        buf_put(&server_seen[i], buf_span(&stage_server_spy(stage_clients[i].server)->secure));
        buf_put(&client_seen[i], buf_span(&stage_client_spy(i)->secure));
        require(server_seen[i].len > 0 && client_seen[i].len > 0);
    }
    require(atexit(clean_up) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 5 || size > 4096)
        return 0;
    size_t row = bytes[0] % STAGE_CLIENT_COUNT;
    enum spoil_way way = bytes[1] & 1 ? SPOIL_IN : SPOIL_OUT;
    stage_pair(row, way, (uint64_t)(bytes[2] << 8 | bytes[3]) % 2500,
               span_make((const char *)bytes + 4, size - 4), (enum sim_cut)((bytes[1] >> 1) % 3));
    const struct spy *server = stage_server_spy(stage_clients[row].server);
    require(span_starts(buf_span(&server_seen[row]), buf_span(&server->secure)));
    require(span_starts(buf_span(&client_seen[row]), buf_span(&stage_client_spy(row)->secure)));
    return 0;
}
