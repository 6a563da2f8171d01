/*
 * A route's words: read or complained of, never both and never neither; what was read shows no
 * password and fits a line.
 */
#include "base/require.h"
#include "conf/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void on_complaint(void *owner, const char *file, int line, const char *sentence)
{
    unsigned *count = owner;

    (void)file;
    require(line == 0 && sentence[0] != '\0');
    ++*count;
}

/* The domain is the first line. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span words = span_make((const char *)bytes, size), domain = span_cut(&words, '\n');
    unsigned count = 0;
    const struct conf_route_report report = {on_complaint, &count};
    struct settings_route route;
    struct arena arena;
    struct buf text;

    if (span_find_byte(domain, 0, '\0') >= 0)
        return 0; /* whoever calls has looked for it */
    if (words.ptr == NULL)
        words = span_of("");
    arena_init(&arena);
    buf_init(&text, 0);
    int err = conf_route_read(domain, words, &arena, &report, &route);
    require((err != 0) == (count > 0));
    if (err == 0) {
        conf_route_put(&route, &text);
        require(route.domain_count == 1 && route.host != NULL && route.text != NULL);
        require(route.password[0] == '\0' || span_find(buf_span(&text), span_of("(hidden)")) >= 0);
    }
    buf_release(&text);
    arena_reset(&arena);
    return 0;
}
