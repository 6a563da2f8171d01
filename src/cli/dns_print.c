/*
 * dns_print.c: the plan for people: each record with its state, then lines for the zone file of
 * what is not there. What DNS said is escaped. Tests: tests/clients/test_dns.py.
 */
#include "cli/dns.h"
#include "cli/ink.h"
#include "dns/rdata.h"

enum { COLUMN_NAME = 12, COLUMN_TEXT = 12 };

static void put_state(struct ink *ink, const struct dns_row *row)
{
    bool is_good = row->state == DNS_THERE;
    bool is_fine = is_good || row->is_optional;
    ink_put(ink, is_good ? INK_GOOD : is_fine ? INK_FAINT : INK_BAD, dns_state_name(row->state));
    ink_to(ink, COLUMN_NAME);
}

static void put_found(struct ink *ink, const struct dns_row *row)
{
    for (size_t i = 0; i < row->found_count; i++) {
        ink_put(ink, INK_PLAIN, row->state == DNS_DIFFERENT ? "  is" : "");
        ink_to(ink, COLUMN_TEXT);
        ink_bytes(ink, INK_PLAIN, row->found[i]);
        ink_end(ink);
    }
}

static void put_wanted(struct ink *ink, const struct dns_row *row)
{
    if (row->state == DNS_THERE)
        return;
    ink_put(ink, INK_PLAIN, row->state == DNS_DIFFERENT ? "  right" : "");
    ink_to(ink, COLUMN_TEXT);
    ink_put(ink, INK_STRONG,
            row->wanted[0] != '\0' ? row->wanted
                                   : "(an address of this machine that others reach)");
    ink_end(ink);
}

static void put_row(struct ink *ink, const struct dns_row *row)
{
    put_state(ink, row);
    ink_printf(ink, INK_STRONG, "%s %s", row->name, dns_type_name(row->type));
    if (row->has_answer && row->state != DNS_UNKNOWN)
        ink_printf(ink, INK_FAINT, "  (%ssigned by DNSSEC)", row->is_secure ? "" : "not ");
    ink_end(ink);
    ink_to(ink, COLUMN_TEXT);
    ink_put(ink, INK_FAINT, row->purpose);
    ink_end(ink);
    put_found(ink, row);
    put_wanted(ink, row);
    if (row->why[0] != '\0') {
        ink_to(ink, COLUMN_TEXT);
        ink_words(ink, INK_PLAIN, span_of(row->why), COLUMN_TEXT);
        ink_end(ink);
    }
}

/* A zone file's line; one for an address begins with ';', a comment, since it is not known. */
static void put_line(struct ink *ink, const struct dns_row *row)
{
    bool is_known = row->wanted[0] != '\0';
    ink_printf(ink, INK_PLAIN, "%s%s. 3600 IN %s %s", is_known ? "" : "; ", row->name,
               dns_type_name(row->type), is_known ? row->wanted : "ADDRESS");
    ink_end(ink);
}

static void put_lines(struct ink *ink, const struct dns_plan *plan)
{
    bool is_first = true;
    for (size_t i = 0; i < plan->count; i++) {
        const struct dns_row *row = plan->rows[i];
        if (row->state != DNS_MISSING && row->state != DNS_DIFFERENT)
            continue;
        if (is_first)
            ink_heading(ink, "For the zone file",
                        "what is missing, and what would be right in place of what differs");
        is_first = false;
        put_line(ink, row);
    }
}

static void put_policy(struct ink *ink, const struct dns_plan *plan)
{
    struct span rest = span_of(plan->policy_text);
    ink_heading(ink, "The MTA-STS policy",
                "a web server gives this text at the address below (not looked at here); change "
                "mode to enforce when the reports are good");
    ink_put(ink, INK_STRONG, plan->policy_url);
    ink_end(ink);
    while (rest.len > 0) {
        ink_bytes(ink, INK_PLAIN, span_cut(&rest, '\n'));
        ink_end(ink);
    }
}

void dns_print(struct ink *ink, const struct dns_plan *plan)
{
    size_t lacking = dns_count_lacking(plan);
    ink_printf(ink, INK_STRONG, "%s", plan->domain);
    ink_printf(ink, INK_PLAIN, ": mail by %s", plan->hostname);
    ink_end(ink);
    if (!plan->is_kept) {
        ink_words(ink, INK_PLAIN,
                  span_of("The domain is not among `domains` of the configuration; look whether "
                          "postern domain list has it, or mail for it is refused."),
                  0);
        ink_end(ink);
    }
    if (plan->trouble.text[0] != '\0') {
        ink_words(ink, INK_BAD, span_of(plan->trouble.text), 0);
        ink_end(ink);
    }
    ink_end(ink);
    for (size_t i = 0; i < plan->count; i++)
        put_row(ink, plan->rows[i]);
    put_lines(ink, plan);
    put_policy(ink, plan);
    ink_end(ink);
    if (lacking == 0)
        ink_put(ink, INK_GOOD, "All that is needed is there.");
    else
        ink_printf(ink, INK_BAD, "%zu of %zu records are not as they should be.", lacking,
                   plan->count);
    ink_end(ink);
}
