/*
 * Any text is either accepted or complained of, never both and never neither.
 */
#include "base/require.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__asan_default_options(void);

/* libconfig forgets its string under way at a syntax error: some bytes for each load that does not
 * work. Its frames bear no names here, so the leak cannot be suppressed by name and leaks are not
 * looked for at all; those of our own reading are found by test_conf_load.c. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
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
