/*
 * Any text is either accepted or complained of, never both and never neither.
 */
#include "base/require.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets its string under way at a syntax error: some bytes a failed load. */
const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\n";
}

static void on_complaint(void *owner, const char *file, int line, const char *sentence)
{
    unsigned *count = owner;

    (void)file;
    require(line >= 0 && sentence[0] != '\0');
    ++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span text = span_make((const char *)bytes, size);
    unsigned count = 0;

    if (span_find(text, span_of("@include")) >= 0)
        return 0; /* would read files of this machine */
    const struct settings *settings = conf_parse(text, "/fuzz/postern.conf", on_complaint, &count);
    require((settings == NULL) == (count > 0));
    conf_unref(&settings);
    return 0;
}
