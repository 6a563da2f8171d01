/*
 * dns_json.c: the plan for programs: one JSON object, docs/man/postern.1 has its keys. What DNS
 * said is escaped. Tests: tests/clients/test_dns.py.
 */
#include "cli/dns.h"
#include "dns/rdata.h"
#include "lens/json.h"

static void put_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    lens_json_string(out, span_of(text));
    buf_put_byte(out, ',');
}

static void put_bool(struct buf *out, const char *key, bool value)
{
    buf_printf(out, "\"%s\":%s,", key, value ? "true" : "false");
}

static void put_row(struct buf *out, const struct dns_row *row)
{
    buf_put_byte(out, '{');
    put_text(out, "name", row->name);
    put_text(out, "type", dns_type_name(row->type));
    put_text(out, "purpose", row->purpose);
    put_text(out, "state", dns_state_name(row->state));
    put_bool(out, "optional", row->is_optional);
    put_bool(out, "secure", row->is_secure);
    put_text(out, "wanted", row->wanted);
    put_text(out, "why", row->why);
    buf_puts(out, "\"found\":[");
    for (size_t i = 0; i < row->found_count; i++) {
        buf_puts(out, i > 0 ? "," : "");
        lens_json_string(out, row->found[i]);
    }
    buf_puts(out, "]}");
}

void dns_json(struct buf *out, const struct dns_plan *plan)
{
    buf_put_byte(out, '{');
    put_text(out, "domain", plan->domain);
    put_text(out, "hostname", plan->hostname);
    put_bool(out, "configured", plan->is_kept);
    put_text(out, "trouble", plan->trouble.text);
    put_text(out, "policy_url", plan->policy_url);
    put_text(out, "policy_text", plan->policy_text);
    buf_printf(out, "\"lacking\":%zu,\"records\":[", dns_count_lacking(plan));
    for (size_t i = 0; i < plan->count; i++) {
        buf_puts(out, i > 0 ? "," : "");
        put_row(out, plan->rows[i]);
    }
    buf_puts(out, "]}\n");
}
