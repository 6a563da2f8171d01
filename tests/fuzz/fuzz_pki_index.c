/*
 * Any bytes as an authority's register: what is parsed is printed in a form that is parsed to the
 * same again.
 */
#include "base/require.h"
#include "pki/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct pki_index index, again;
    struct buf text, text_again;
    struct fault fault;

    if (pki_index_parse(span_make((const char *)bytes, size), &index, &fault) != 0)
        return 0;
    buf_init(&text, 0);
    buf_init(&text_again, 0);
    pki_index_print(&index, &text);
    require(pki_index_parse(buf_span(&text), &again, &fault) == 0);
    require(again.count == index.count);
    pki_index_print(&again, &text_again);
    require(span_equal(buf_span(&text), buf_span(&text_again)));
    buf_release(&text);
    buf_release(&text_again);
    pki_index_deinit(&index);
    pki_index_deinit(&again);
    return 0;
}
