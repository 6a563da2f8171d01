/* Any bytes as FETCH items; a label that was made is read back as an item again. */
#include "base/buf.h"
#include "base/require.h"
#include "protocols/imap/fetch_args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    struct imap_args args;
    struct imap_fetch_args got, again;
    imap_args_init(&args, span_make((const char *)data, size), &arena);
    bool is_good = imap_fetch_args_read(&args, &got);
    require(is_good == (args.error == NULL));
    for (struct imap_section *section = is_good ? got.sections : NULL; section;
         section = section->next) {
        require(section->part.len <= IMAP_PART_MAX && section->field_count <= IMAP_FIELDS_MAX);
        if (section->is_partial)
            continue; /* its answer names only the first byte */
        imap_args_init(&args, section->label, &arena);
        require(imap_fetch_args_read(&args, &again));
        require(again.sections->text == section->text);
    }
    arena_reset(&arena);
    return 0;
}
