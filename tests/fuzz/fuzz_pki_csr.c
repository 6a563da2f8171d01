/*
 * Any bytes as a signing request: what is accepted has names, and each of them may stand in a
 * certificate.
 */
#include "base/codec.h"
#include "base/require.h"
#include "pki/csr.h"
#include "pki/name.h"

enum { DER_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buf pem;
    struct fault fault;
    size_t count = 0;

    if (size > DER_MAX)
        return 0;
    buf_init(&pem, 0);
    buf_puts(&pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
    codec_base64_put(span_make((const char *)bytes, size), &pem);
    buf_puts(&pem, "\n-----END CERTIFICATE REQUEST-----\n");
    fault_clear(&fault);
    struct pki_csr *csr = pki_csr_parse(buf_span(&pem), "fuzzed", &fault);
    require((csr == NULL) == (fault.text[0] != '\0'));
    if (csr != NULL) {
        const char *const *names = pki_csr_names(csr, &count);
        require(count > 0 && count <= PKI_CSR_NAMES_MAX);
        for (size_t i = 0; i < count; i++)
            require(pki_name_check(span_of(names[i]), &fault) == 0);
    }
    pki_csr_free(&csr);
    buf_release(&pem);
    return 0;
}
