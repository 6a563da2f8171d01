/* Any bytes as a mailbox name and as a pattern: what decodes encodes to a text that decodes to the
 * same; a name without wildcards matches itself. */
#include "base/err.h"
#include "base/require.h"
#include "protocols/imap/mailbox_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round(struct span name)
{
    struct buf wire, again;
    buf_init(&wire, 0);
    buf_init(&again, 0);
    imap_utf7_encode(name, &wire);
    require(imap_utf7_decode(buf_span(&wire), &again) == 0);
    require(span_equal(buf_span(&again), name));
    buf_release(&wire);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct arena arena;
    arena_init(&arena);
    struct span name;
    const char *error = NULL;
    bool is_name = imap_name_parse(text, IMAP_NAME_MAKE, &arena, &name, &error);
    require(is_name == (error == NULL));
    if (is_name) {
        check_round(name);
        struct buf wire;
        buf_init(&wire, 0);
        imap_utf7_encode(name, &wire);
        struct imap_pattern *same = imap_pattern_create(span_of(""), buf_span(&wire), &arena);
        require(same != NULL && imap_pattern_matches(same, name));
        buf_release(&wire);
    }
    struct imap_pattern *pattern = imap_pattern_create(span_of(""), text, &arena);
    if (pattern != NULL)
        (void)imap_pattern_matches(pattern, span_of("INBOX/a/b%*/c"));
    arena_reset(&arena);
    return 0;
}
