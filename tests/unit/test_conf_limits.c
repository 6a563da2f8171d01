/* docs/LIMITS.md: every number of the groups that clients meet is in it, with its default. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "check.h"
#include "conf/conf_internal.h"

static const char *const groups[] = {"net", "smtp", "imap", "pop3", "auth"};

static bool is_limit(const struct conf_row *row)
{
    if (row->type != CONF_COUNT && row->type != CONF_SIZE && row->type != CONF_TIME)
        return false;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (strcmp(groups[i], row->group) == 0)
            return true;
    return false;
}

static void read_page(struct buf *page)
{
    char bytes[4096];
    size_t len;
    FILE *file = fopen("docs/LIMITS.md", "r");
    buf_init(page, 0);
    check(file != NULL);
    while (file != NULL && (len = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_put(page, span_make(bytes, len));
    if (file != NULL)
        (void)fclose(file);
}

TEST(test_the_page_has_every_limit_and_its_default)
{
    struct buf page;
    char wanted[160], path[80], other[100];
    unsigned count = 0;
    read_page(&page);
    for (size_t i = 0; i < conf_row_count; i++) {
        const struct conf_row *row = &conf_rows[i];
        if (!is_limit(row))
            continue;
        check_case = conf_row_path(row, path);
        (void)snprintf(wanted, sizeof wanted, "| `%s` | %s |", path, row->initial);
        (void)snprintf(other, sizeof other, "`%s`", path);
        bool has_line = span_find(buf_span(&page), span_of(wanted)) >= 0;
        bool is_row = span_find(buf_span(&page), span_of("| `")) >= 0;
        bool is_told = span_find(buf_span(&page), span_of(other)) >= 0;
        check(is_row && (has_line || (is_told && strcmp(row->group, "auth") == 0)));
        count += has_line;
    }
    check(count > 35);
    buf_release(&page);
}

CHECK_MAIN({"page", test_the_page_has_every_limit_and_its_default})
