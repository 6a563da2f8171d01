/*
 * queue_filter.c: which entries a command is about. Tests: tests/unit/test_cli_queue.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/queue.h"
#include "conf/value.h"

static struct span domain_of(struct span address)
{
    struct span rest = address;
    /* A quoted local part may hold an '@': the domain is behind the last one. */
    for (ptrdiff_t at = span_find_byte(rest, 0, '@'); at >= 0; at = span_find_byte(rest, 0, '@'))
        rest = span_from(rest, (size_t)at + 1);
    return rest;
}

static const char *set(struct span *text, const char *value)
{
    if (text->len > 0)
        return "a filter is given twice: one at a time";
    *text = span_of(value);
    return value[0] == '\0' ? "a filter has nothing behind its '='" : NULL;
}

const char *queue_filter_add(struct queue_filter *filter, const char *word)
{
    const struct {
        const char *key;
        struct span *text;
    } keys[] = {
        {"message=", &filter->name},        {"sender=", &filter->sender},
        {"recipient=", &filter->recipient}, {"domain=", &filter->domain},
        {"host=", &filter->status},         {"status=", &filter->status},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t len = strlen(keys[i].key);
        if (strncmp(word, keys[i].key, len) != 0)
            continue;
        return set(keys[i].text, word + len);
    }
    if (strncmp(word, "older=", 6) == 0) {
        bool is_time = conf_parse_time(word + 6, &filter->older_ms) == 0 && filter->older_ms > 0;
        return is_time ? NULL : "older= needs a time with its unit, as older=1h";
    }
    if (strcmp(word, "held") == 0)
        filter->is_held = true;
    else if (strchr(word, '=') != NULL)
        return "no such filter: there are message=, sender=, recipient=, domain=, host=, status=, "
               "older= and held";
    else if (strchr(word, '.') != NULL)
        return set(&filter->domain, word);
    else
        return set(&filter->name, word);
    return NULL;
}

static bool is_named(struct span name, const struct admin_queue_row *row)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, row->id);
    return name.len == 0 || span_is(name, text) || span_equal_nocase(name, row->message);
}

static bool is_address(struct span wanted, struct span address)
{
    if (wanted.len == 0 || span_equal_nocase(wanted, address))
        return true;
    return span_is(wanted, "<>") && address.len == 0;
}

static bool holds(struct span text, struct span wanted)
{
    for (size_t i = 0; i + wanted.len <= text.len; i++) {
        if (span_starts_nocase(span_from(text, i), wanted))
            return true;
    }
    return false;
}

bool queue_filter_matches(const struct queue_filter *filter, const struct admin_queue_row *row,
                          int64_t now_us)
{
    if (!is_named(filter->name, row) || (filter->is_held && !row->is_held))
        return false;
    if (!is_address(filter->sender, row->reverse_path) ||
        !is_address(filter->recipient, row->recipient))
        return false;
    if (filter->domain.len > 0 && !span_equal_nocase(filter->domain, domain_of(row->recipient)))
        return false;
    if (filter->older_ms > 0 && now_us - row->created_us <= filter->older_ms * 1000)
        return false;
    return holds(row->last_status, filter->status);
}
