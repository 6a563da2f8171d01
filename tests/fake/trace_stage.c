/*
 * trace_stage: see trace_stage.h.
 */
#include "tests/fake/trace_stage.h"

#include "base/require.h"

void stage_open(struct stage *stage, const struct tls_lab *lab, const char *server_profile,
                const char *client_profile)
{
    struct settings_tls settings = lab->settings;
    struct fault fault;

    fault_clear(&fault);
    settings.server_profile = server_profile;
    settings.client_profile = client_profile;
    stage->manager = tls_manager_create(&settings, &lab->clock.clock, NULL, &fault);
    require(stage->manager != NULL);
    tls_pair_init(&stage->pair, 0);
    tap_book_init(&stage->server);
    tap_book_init(&stage->client);
}

void stage_accept(struct stage *stage, struct tls_manager *manager)
{
    const struct tls_wire wire = tls_end_wire(&stage->pair.server);
    stage->pair.server.session = tls_session_accept(manager, &wire, "smtp", &stage->server.tap, 7);
}

void stage_connect(struct stage *stage, const struct tls_client_policy *policy)
{
    const struct tls_wire wire = tls_end_wire(&stage->pair.client);
    stage->pair.client.session =
        tls_session_connect(stage->manager, &wire, policy, &stage->client.tap, 8);
}

void stage_start(struct stage *stage, const struct tls_client_policy *policy, size_t cut)
{
    stage->pair.cut = cut;
    stage_accept(stage, stage->manager);
    stage_connect(stage, policy);
    tls_pair_run(&stage->pair);
}

void stage_close(struct stage *stage)
{
    tls_pair_deinit(&stage->pair);
    tls_manager_free(&stage->manager);
    tap_book_deinit(&stage->server);
    tap_book_deinit(&stage->client);
}
