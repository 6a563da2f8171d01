/*
 * Requests that a broken server sends to the keeper: any bytes get one sound reply, and a signature
 * is given for a loaded key only. The input is cut into requests by length bytes; the keeper can
 * load an ECDSA key, whose number is then 1.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/fake/tls_lab.h"
#include "tls/keeper_internal.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct tls_lab lab;

static const struct settings_tls *on_settings(void *owner, struct fault *fault)
{
    (void)fault;
    return owner;
}

static void clean_up(void)
{
    tls_lab_deinit(&lab);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    tls_lab_init(&lab);
    require(atexit(clean_up) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct keeper_office office = {.settings = on_settings, .owner = &lab.settings};
    struct span rest = span_make((const char *)bytes, size);
    struct keeper_desk *desk = mem_new(struct keeper_desk);
    unsigned char message[KEEPER_REPLY_MAX];
    struct keeper_reply reply;
    struct tls_keyring ring;

    keeper_desk_init(desk, &office);
    while (rest.len > 0) {
        size_t len = (unsigned char)rest.ptr[0];
        struct span request = span_first(span_from(rest, 1), len);
        rest = span_from(rest, 1 + request.len);
        size_t reply_len = keeper_desk_answer(desk, request, message);
        require(keeper_reply_parse(span_make((const char *)message, reply_len), &reply) == 0);
        require(reply.kind != KEEPER_LOAD || reply.err != 0 ||
                keeper_ring_parse(reply.body, &ring) == 0);
        require(reply.err == 0 || reply.kind == KEEPER_LOAD || reply.body.len == 0);
    }
    keeper_desk_deinit(desk);
    mem_free(desk);
    return 0;
}
