/*
 * list_rule.c: reads what the configuration says of a DNS list. Tests: tests/unit/test_dns_list.c.
 */
#include "dns/list_rule.h"

enum { NUMBER_COUNT = 4, LABEL_MAX = 63 };

/* RFC 1123 2.1, and the underscores of private lists. */
static bool is_zone(struct span zone)
{
    size_t label = 0;

    if (zone.len == 0 || zone.len >= DNS_LIST_ZONE_SIZE)
        return false;
    for (size_t i = 0; i < zone.len; i++) {
        char c = zone.ptr[i];
        bool is_good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_';
        if (c == '.' ? label == 0 : !is_good || ++label > LABEL_MAX)
            return false;
        label = c == '.' ? 0 : label;
    }
    return label > 0;
}

/* "127.0.0.2" or "127.0.0.2-11". */
static bool read_answers(struct span text, struct dns_list_rule *out)
{
    struct span rest = text;
    uint32_t first = 0;
    uint64_t number = 0, last;

    for (int i = 0; i < NUMBER_COUNT - 1; i++) {
        if (!span_to_u64(span_cut(&rest, '.'), UINT8_MAX, &number) || rest.ptr == NULL)
            return false;
        first = first << 8 | (uint32_t)number;
    }
    if (!span_to_u64(span_cut(&rest, '-'), UINT8_MAX, &number))
        return false;
    last = number;
    if (rest.ptr != NULL && !span_to_u64(rest, UINT8_MAX, &last))
        return false;
    out->first = first << 8 | (uint32_t)number;
    out->last = first << 8 | (uint32_t)last;
    return first >> 16 == 127 && last >= number;
}

/* Behind the first space: "as NAME", or nothing. */
static bool read_shown(struct span text, struct span zone, struct span *shown_out)
{
    static const struct span as = {"as ", 3};

    *shown_out = text.ptr == NULL ? zone : span_from(text, span_starts(text, as) ? as.len : 0);
    return (text.ptr == NULL || span_starts(text, as)) && is_zone(*shown_out);
}

bool dns_list_rule_parse(struct span text, struct dns_list_rule *out)
{
    struct span tail = text;
    struct span rest = span_cut(&tail, ' ');
    struct span zone = span_cut(&rest, '='), shown;

    *out = (struct dns_list_rule){0};
    if (!is_zone(zone) || !read_shown(tail, zone, &shown))
        return false;
    memcpy(out->zone, zone.ptr, zone.len);
    memcpy(out->shown, shown.ptr, shown.len);
    return rest.ptr == NULL || read_answers(rest, out);
}
