/*
 * Any lines from a server into a probe. The first byte chooses protocol, security and login. No
 * password is said unless the connection is secure, none is ever told, and it comes to an end.
 */
#include "base/clock.h"
#include "base/require.h"
#include "net/job.h"
#include "protocols/probe.h"
#include "tls/facts.h"

static bool is_told;

static void on_line(void *owner, const struct probe_line *line)
{
    (void)owner;
    require(span_find(line->text, span_of("pA55w0rd")) < 0);
}

static void on_offers(void *owner, bool is_secure, struct span offers)
{
    (void)owner;
    (void)is_secure;
    require(offers.len <= PROBE_OFFERS_MAX && span_find(offers, span_of("pA55w0rd")) < 0);
}

static void on_login(void *owner, const char *mechanism)
{
    (void)owner;
    require(mechanism[0] != '\0');
}

static void on_result(void *owner, enum probe_result result, enum probe_step step,
                      struct span words)
{
    (void)owner;
    (void)step;
    require(span_find(words, span_of("pA55w0rd")) < 0);
    require(!is_told && probe_result_sentence(result)[0] != '\0');
    is_told = true;
}

static const struct probe_owner owner = {on_line, on_offers, on_login, on_result};

static void fill(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    memset(bytes, 7, size);
}

static const struct entropy entropy = {fill};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    unsigned how = data[0];
    const struct probe_service service = {
        &owner,     NULL,           (enum probe_protocol)(how & 3),
        "us",       (how & 4) != 0, "alice",
        "pA55w0rd", false,          &entropy,
        1000};
    struct tls_facts facts = {.check = (how & 8) != 0 ? PKI_CHECK_GOOD : PKI_CHECK_EXPIRED};
    struct out out;
    struct host host = {
        .out = &out, .clock = &clock_system, .tls = (how & 16) != 0 ? &facts : NULL};
    struct span rest = span_make((const char *)data + 1, size - 1), part;

    is_told = false;
    out_init(&out, 65536);
    void *probe = probe_type.open((void *)(uintptr_t)&service, &host, SESSION_FRESH);
    struct verdict next = probe_type.start(probe);
    while (next.want == WANT_LINE && rest.len > 0)
        next = next.then.line(probe, LINE_OK, span_first(span_cut(&rest, '\n'), PROBE_LINE_MAX));
    if (next.want == WANT_ANSWER)
        next.job->free(next.job);
    bool may_say = host.tls != NULL && facts.check == PKI_CHECK_GOOD;
    for (; out_peek(&out, &part, 1, SIZE_MAX) == 1; out_consume(&out, part.len))
        require(may_say || span_find(part, span_of("pA55w0rd")) < 0);
    probe_type.free(probe);
    out_deinit(&out);
    return 0;
}
