/*
 * Bytes that no key holder made, to a server and to a client session: the handshake never ends
 * well, nothing is opened, and a failure says why. The first byte chooses the role and the cut.
 */
#include <stdlib.h>

#include "base/require.h"
#include "tests/fake/tls_lab.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct tls_lab lab;
static struct tls_manager *manager;

static void clean_up(void)
{
    tls_manager_free(&manager);
    tls_lab_deinit(&lab);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct fault fault;

    (void)argc;
    (void)argv;
    tls_lab_init(&lab);
    manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    require(manager != NULL && atexit(clean_up) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct tls_client_policy policy = {.server_name = "mx.example.org",
                                             .verify = TLS_VERIFY_REQUIRED};
    struct tls_pair pair;

    if (size == 0)
        return 0;
    bool is_server = (bytes[0] & 1) != 0;
    tls_pair_init(&pair, (bytes[0] >> 1) % 3);
    tls_pair_start(&pair, is_server ? manager : NULL, is_server ? NULL : manager, &policy);
    struct tls_end *end = is_server ? &pair.server : &pair.client;
    buf_put(&end->peer->out, span_make((const char *)bytes + 1, size - 1));
    tls_pair_run(&pair);
    require(end->progress == TLS_MORE_INPUT || end->progress == TLS_FAILED);
    require(end->progress != TLS_FAILED || end->fault.text[0] != '\0');
    require(end->clear.len == 0);
    tls_pair_deinit(&pair);
    return 0;
}
