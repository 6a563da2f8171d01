/*
 * dns_judge.c: what an answer of DNS means for a row of the plan: there, missing, different, and
 * why in a sentence. Tests: tests/clients/test_dns.py.
 */
#include <stdio.h>

#include "cli/dns.h"
#include "dns/rdata.h"
#include "relay/sts_policy.h"
#include "relay/tlsrpt_record.h"

const char *dns_state_name(enum dns_state state)
{
    static const char *const names[] = {
#define DNS_STATE_NAME(name, text) text,
        DNS_STATE_LIST(DNS_STATE_NAME)
#undef DNS_STATE_NAME
    };
    return names[state];
}

static void set(struct dns_row *row, enum dns_state state, const char *why)
{
    row->state = state;
    row->why = arena_text(&row->plan->arena, span_of(why));
}

/* ---- One answer ----------------------------------------------------------------------------- */

static void keep_found(struct dns_row *row, const struct dns_answer *answer)
{
    struct arena *arena = &row->plan->arena;
    row->found = arena_alloc(arena, (answer->count + 1) * sizeof *row->found);
    for (size_t i = 0; i < answer->count; i++) {
        struct buf text;
        buf_init(&text, 0);
        if (dns_rdata_text(row->type, answer->records[i], &text) != 0) {
            buf_clear(&text);
            buf_puts(&text, "(data that is no such record)");
        }
        row->found[row->found_count++] = arena_copy(arena, buf_span(&text));
        buf_release(&text);
    }
}

void dns_judge(struct dns_row *row, const struct dns_answer *answer)
{
    row->has_answer = true;
    row->is_secure = answer->is_secure;
    if (answer->err == ERR_NOT_FOUND) {
        set(row, DNS_MISSING, "");
    } else if (answer->err != 0) {
        set(row, DNS_UNKNOWN, answer->why != NULL ? answer->why : err_text(answer->err));
    } else {
        keep_found(row, answer);
        row->judge(row, answer);
    }
}

/* Whether a found text is the wanted one, or ends in it behind a blank ("10 " before a host). */
static bool names_host(struct span found, const char *host)
{
    struct span name = found;
    if (name.len > 1 && name.ptr[name.len - 1] == '.')
        name.len--;
    size_t len = strlen(host);
    struct span tail = span_from(name, name.len > len ? name.len - len : 0);
    bool is_whole = tail.len == name.len || tail.ptr[-1] == ' ';
    return is_whole && span_is_nocase(tail, host);
}

static bool any_names_host(const struct dns_row *row)
{
    for (size_t i = 0; i < row->found_count; i++) {
        if (names_host(row->found[i], row->value))
            return true;
    }
    return false;
}

void dns_judge_mx(struct dns_row *row, const struct dns_answer *answer)
{
    (void)answer;
    if (any_names_host(row))
        set(row, DNS_THERE, "");
    else
        set(row, DNS_DIFFERENT, "mail goes to other servers: none of them is this one");
}

void dns_judge_address(struct dns_row *row, const struct dns_answer *answer)
{
    (void)answer;
    set(row, DNS_THERE, "");
}

void dns_judge_ptr(struct dns_row *row, const struct dns_answer *answer)
{
    (void)answer;
    if (any_names_host(row))
        set(row, DNS_THERE, "");
    else
        set(row, DNS_DIFFERENT,
            "the address has another name; whoever runs the network (the provider) sets it");
}

void dns_judge_tlsa(struct dns_row *row, const struct dns_answer *answer)
{
    (void)answer;
    for (size_t i = 0; i < row->found_count; i++) {
        if (!span_is_nocase(row->found[i], row->value))
            continue;
        set(row, DNS_THERE,
            row->is_secure ? "" : "it is not signed by DNSSEC, so nobody believes it");
        return;
    }
    set(row, DNS_DIFFERENT,
        row->is_secure ? "none is of the certificate that is configured: whoever checks DANE sends "
                         "nothing"
                       : "none is of the certificate that is configured");
}

void dns_judge_srv(struct dns_row *row, const struct dns_answer *answer)
{
    char port[16];
    (void)answer;
    (void)snprintf(port, sizeof port, " %u ", row->port);
    for (size_t i = 0; i < row->found_count; i++) {
        bool has_port = span_find(row->found[i], span_of(port)) > 0;
        if (has_port && names_host(row->found[i], row->value)) {
            set(row, DNS_THERE, "");
            return;
        }
    }
    set(row, DNS_DIFFERENT, "mail programs are led to another server or port");
}

void dns_judge_no_srv(struct dns_row *row, const struct dns_answer *answer)
{
    (void)answer;
    for (size_t i = 0; i < row->found_count; i++) {
        if (!span_ends_nocase(row->found[i], span_of(" ."))) {
            set(row, DNS_DIFFERENT,
                "mail programs are led to it, but this server does not serve it");
            return;
        }
    }
    set(row, DNS_THERE, "");
}

/* ---- Texts ---------------------------------------------------------------------------------- */

/* Quotes off. */
static struct span text_of(struct span found)
{
    return found.len < 2 ? found : span_make(found.ptr + 1, found.len - 2);
}

/* How many of the texts are a record of that kind, and the last of them. */
static size_t find_texts(const struct dns_row *row, const char *version, struct span *text_out)
{
    size_t count = 0;
    for (size_t i = 0; i < row->found_count; i++) {
        struct span text = text_of(row->found[i]);
        struct span rest = span_from(text, strlen(version));
        bool ends = rest.len == 0 || rest.ptr[0] == ' ' || rest.ptr[0] == ';';
        if (!span_starts_nocase(text, span_of(version)) || !ends)
            continue;
        *text_out = text;
        count++;
    }
    return count;
}

/* A mechanism that may stand for this server (RFC 7208 5). */
static bool may_name_us(struct span term, const char *host)
{
    static const char *const others[] = {"ip4:", "ip6:", "include:", "redirect=", "exists:"};
    struct span a = span_of("a:");
    if (term.len > 0 && term.ptr[0] == '+')
        term = span_from(term, 1);
    if (span_is_nocase(term, "mx") || span_is_nocase(term, "a"))
        return true;
    if (span_starts_nocase(term, a))
        return span_is_nocase(span_from(term, a.len), host);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (span_starts_nocase(term, span_of(others[i])))
            return true;
    }
    return false;
}

void dns_judge_spf(struct dns_row *row, const struct dns_answer *answer)
{
    struct span text;
    (void)answer;
    size_t count = find_texts(row, "v=spf1", &text);
    if (count != 1) {
        set(row, count == 0 ? DNS_MISSING : DNS_DIFFERENT,
            count == 0 ? ""
                       : "there are several, which counts as broken (RFC 7208 4.5): leave one");
        return;
    }
    for (struct span rest = text; rest.ptr != NULL;) {
        if (may_name_us(span_cut(&rest, ' '), row->plan->hostname)) {
            set(row, DNS_THERE, "");
            return;
        }
    }
    set(row, DNS_DIFFERENT, "nothing in it stands for this server: its mail is taken for forged");
}

/* A tag "p=..." among those between semicolons; "sp=" is another. */
static bool has_policy(struct span text)
{
    while (text.len > 0) {
        struct span value = span_cut(&text, ';');
        if (span_is(span_trim(span_cut(&value, '=')), "p") && span_trim(value).len > 0)
            return true;
    }
    return false;
}

void dns_judge_dmarc(struct dns_row *row, const struct dns_answer *answer)
{
    struct span text;
    (void)answer;
    size_t count = find_texts(row, "v=DMARC1", &text);
    if (count == 0)
        set(row, DNS_MISSING, "");
    else if (count > 1)
        set(row, DNS_DIFFERENT,
            "there are several, which counts as none (RFC 7489 6.6.3): leave one");
    else if (!has_policy(text))
        set(row, DNS_DIFFERENT, "it has no policy: write p=none, p=quarantine or p=reject");
    else
        set(row, DNS_THERE, "");
}

void dns_judge_sts(struct dns_row *row, const struct dns_answer *answer)
{
    char id[STS_ID_SIZE];
    struct fault fault;
    fault_clear(&fault);
    int err = sts_txt_find(answer->records, answer->count, id, &fault);
    if (err == ERR_NOT_FOUND)
        set(row, DNS_MISSING, "");
    else
        set(row, err == 0 ? DNS_THERE : DNS_DIFFERENT, err == 0 ? "" : fault.text);
}

void dns_judge_tlsrpt(struct dns_row *row, const struct dns_answer *answer)
{
    struct tlsrpt_record record;
    struct fault fault;
    int err = tlsrpt_record_find(answer->records, answer->count, &record, &fault);
    if (err == ERR_NOT_FOUND)
        set(row, DNS_MISSING, "");
    else
        set(row, err == 0 ? DNS_THERE : DNS_DIFFERENT, err == 0 ? "" : fault.text);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static bool has_address(const struct dns_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct dns_row *row = plan->rows[i];
        if (row->judge == dns_judge_address && row->state == DNS_THERE)
            return true;
    }
    return false;
}

void dns_judge_whole(struct dns_plan *plan)
{
    bool is_reached = has_address(plan);
    for (size_t i = 0; i < plan->count; i++) {
        struct dns_row *row = plan->rows[i];
        if (row->judge == dns_judge_address && is_reached && row->state == DNS_MISSING)
            row->is_optional = true; /* one kind is enough */
        /* RFC 7672 2.1: TLSA records count in signed zones only. */
        if (row->type == DNS_TLSA && row->state == DNS_MISSING && !row->is_secure) {
            row->is_optional = true;
            row->why = "of use once the zone of the server's name is signed by DNSSEC";
        }
    }
}

size_t dns_count_lacking(const struct dns_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan->rows[i]->state != DNS_THERE && !plan->rows[i]->is_optional;
    return count;
}
