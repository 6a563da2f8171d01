/*
 * Any bytes as TLSA records and as a chain that is held against them: every step comes to a
 * verdict, in words that a terminal can bear, and a record's text stays in its bounds. The input:
 * the number of records in a byte, then parts, each behind its length in two bytes: records,
 * certificates.
 */
#include "base/require.h"
#include "pki/dane.h"
#include "pki/judge.h"
#include "tests/fake/cert_mint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct span next_part(struct span *rest)
{
    size_t len = rest->len < 2 ? 0 : (size_t)(uint8_t)rest->ptr[0] << 8 | (uint8_t)rest->ptr[1];
    struct span part = span_first(span_from(*rest, 2), len);

    *rest = span_from(*rest, 2 + len);
    return part;
}

static void check_text(const char *text, size_t size)
{
    require(strnlen(text, size) < size);
    for (; *text != '\0'; text++)
        require((uint8_t)*text >= ' ' && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span rest = span_make((const char *)bytes, size), chain[PKI_CHAIN_MAX], rdata[256];
    size_t wanted = rest.len == 0 ? 0 : (uint8_t)rest.ptr[0], count = 0;
    struct pki_findings findings;
    struct pki_case of = {.chain = chain, .name = "mx.example.org", .purpose = PKI_SERVER};
    char text[PKI_DANE_TEXT_SIZE];

    rest = span_from(rest, 1);
    while (count < wanted && rest.len > 0)
        rdata[count++] = next_part(&rest);
    while (rest.len > 0 && of.chain_count < PKI_CHAIN_MAX)
        chain[of.chain_count++] = next_part(&rest);
    struct pki_dane *dane = pki_dane_create(rdata, count);
    require(pki_dane_usable_count(dane) <= pki_dane_count(dane));
    for (size_t i = 0; i < pki_dane_count(dane); i++)
        check_text(pki_dane_text(dane, i, text), sizeof text);
    of.other_name = "example.org";
    of.now_s = CERT_MINT_NOW_S;
    of.dane = pki_dane_usable_count(dane) > 0 ? dane : NULL;
    pki_judge(NULL, &of, &findings);
    for (int i = 0; i < PKI_STEP_COUNT; i++)
        check_text(findings.steps[i].detail, sizeof findings.steps[i].detail);
    pki_dane_unref(&dane);
    return 0;
}
