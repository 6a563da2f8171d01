/*
 * Any bytes as a staple, a trusted authority and a chain: every step comes to a verdict, in words
 * that a terminal can bear. The input: parts, each behind its length in two bytes: the staple, the
 * authority, the chain's certificates.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/require.h"
#include "pki/judge.h"
#include "pki/trust.h"
#include "tests/fake/cert_mint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct span next_part(struct span *rest)
{
    size_t len = rest->len < 2 ? 0 : (size_t)(uint8_t)rest->ptr[0] << 8 | (uint8_t)rest->ptr[1];
    struct span part = span_first(span_from(*rest, 2), len);

    *rest = span_from(*rest, 2 + len);
    return part;
}

static struct pki_trust *trust_in(struct span der)
{
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)der.ptr, (unsigned)der.len};
    gnutls_datum_t pem = {NULL, 0};
    char path[32];
    bool is_empty;
    struct fault fault;
    int fd = memfd_create("authority", 0);

    if (gnutls_pem_base64_encode2("CERTIFICATE", &datum, &pem) == 0)
        require(write(fd, pem.data, pem.size) == (ssize_t)pem.size);
    gnutls_free(pem.data);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct pki_trust *trust = pki_trust_create(path, "", &is_empty, &fault);
    (void)close(fd);
    return trust;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span rest = span_make((const char *)bytes, size), chain[PKI_CHAIN_MAX];
    struct pki_findings findings;
    struct pki_case of = {.chain = chain, .name = "mx.example.org", .purpose = PKI_SERVER};

    of.now_s = CERT_MINT_NOW_S;
    of.had_staple_chance = true;
    of.staple = next_part(&rest);
    struct pki_trust *trust = trust_in(next_part(&rest));
    while (rest.len > 0 && of.chain_count < PKI_CHAIN_MAX)
        chain[of.chain_count++] = next_part(&rest);
    pki_judge(trust, &of, &findings);
    for (int i = 0; i < PKI_STEP_COUNT; i++)
        for (const char *at = findings.steps[i].detail; *at != '\0'; at++)
            require((uint8_t)*at >= ' ' && *at != 0x7f);
    pki_trust_free(&trust);
    return 0;
}
