/*
 * route_test.c: postern route test: the aliases and the routes that the server would follow for an
 * address, each step in a line. Asks no DNS and connects to nobody.
 */
#include <stdio.h>

#include "admin/admin.h"
#include "cli/cli.h"
#include "cli/route.h"
#include "mail/address.h"
#include "queue/routes.h"

/* ---- One way in words ----------------------------------------------------------------------- */

static const char *tls_words(enum relay_tls tls)
{
    static const char *const words[] = {
        [RELAY_TLS_STARTTLS] = "STARTTLS demanded",
        [RELAY_TLS_IMPLICIT] = "TLS from the first byte",
        [RELAY_TLS_MAY] = "TLS where it is offered",
        [RELAY_TLS_OFF] = "none, it goes in plaintext",
    };
    return words[tls];
}

static const char *verify_words(const char *verify)
{
    if (strcmp(verify, "required") == 0)
        return ", the certificate must be good";
    return strcmp(verify, "opportunistic") == 0 ? ", the certificate is looked at, not demanded"
                                                : "";
}

static void tell_security(enum relay_tls tls, const char *verify, const char *user)
{
    (void)printf("    TLS: %s%s%s%s\n", tls_words(tls),
                 tls == RELAY_TLS_OFF ? "" : verify_words(verify),
                 user[0] == '\0' ? "" : "; login: ", user);
}

static void tell_row(const struct settings_relay *relay, const struct settings_route *route,
                     struct span domain)
{
    unsigned port = route->port != 0 ? route->port : relay->mx_port;
    if (route->via == RELAY_VIA_REFUSE) {
        (void)printf("    refused: 550 5.7.1 %s\n", route->text);
        return;
    }
    if (route->via == RELAY_VIA_MX)
        (void)printf("    goes to the servers that the MX records of %.*s name, port %u\n",
                     (int)domain.len, domain.ptr, port);
    else if (route->host[0] == '/')
        (void)printf("    goes to the socket %s by %s\n", route->host,
                     route->via == RELAY_VIA_LMTP ? "LMTP" : "SMTP");
    else
        (void)printf("    goes to %s, port %u, by %s\n", route->host, port,
                     route->via == RELAY_VIA_LMTP ? "LMTP" : "SMTP");
    tell_security(route->tls, route->verify, route->user);
}

static void tell_default(const struct settings_relay *relay, struct span domain)
{
    if (relay->smarthost[0] != '\0') {
        (void)printf("  no route names it: relay.smarthost\n    goes to %s, port %u\n",
                     relay->smarthost, relay->smarthost_port);
        tell_security(relay->smarthost[0] == '/' ? RELAY_TLS_OFF : relay->smarthost_tls,
                      relay->smarthost_verify, relay->smarthost_user);
        return;
    }
    (void)printf("  no route names it, and there is no relay.smarthost\n"
                 "    goes to the servers that the MX records of %.*s name, port %u\n"
                 "    TLS: relay.mx_tls is \"%s\", relay.mx_verify \"%s\"\n",
                 (int)domain.len, domain.ptr, relay->mx_port, relay->mx_tls, relay->mx_verify);
}

/* ---- The steps ------------------------------------------------------------------------------ */

struct route_test {
    const struct settings *settings;
    const struct settings_relay *relay; /* with the store's routes */
};

/* By which of the row's names it was found: the longest that fits (queue/routes.h). */
static const char *row_name(const struct settings_relay *relay, const struct settings_route *route,
                            struct span domain)
{
    const char *best = "*";
    for (size_t i = 0; i < relay->route_domain_count; i++) {
        const struct settings_route_domain *at = &relay->route_domains[i];
        struct span name = span_of(at->domain);
        bool is_end = name.len < domain.len && name.ptr[0] == '.' &&
                      span_is_nocase(span_from(domain, domain.len - name.len), at->domain);
        bool fits = is_end || span_is_nocase(domain, at->domain);
        if (&relay->routes[at->route] == route && fits && name.len >= strlen(best))
            best = at->domain;
    }
    return best;
}

static void tell_remote(const struct route_test *test, struct span address)
{
    struct span domain = address;
    for (ptrdiff_t at = span_find_byte(domain, 0, '@'); at >= 0;
         at = span_find_byte(domain, 0, '@'))
        domain = span_from(domain, (size_t)at + 1);
    const struct settings_route *route = routes_find(test->relay, domain);
    (void)printf("%.*s\n", (int)address.len, address.ptr);
    if (route == NULL) {
        tell_default(test->relay, domain);
        return;
    }
    bool is_configured = route < test->relay->routes + test->settings->relay.route_count;
    (void)printf("  route \"%s\" of the %s\n", row_name(test->relay, route, domain),
                 is_configured ? "configuration" : "store");
    tell_row(test->relay, route, domain);
}

static void tell_taken(const struct route_test *test, struct span domain)
{
    const struct settings_route *route = routes_find(test->relay, domain);
    bool is_for_anyone = route != NULL && route->accept_from == RELAY_ACCEPT_ANYONE;
    (void)printf("  taken from: %s\n", is_for_anyone
                                           ? "anyone (accept_from), on listeners for SMTP"
                                           : "logins, and smtp.relay_networks on port 25");
}

static bool is_configured_domain(const struct settings *settings, struct span domain)
{
    for (size_t i = 0; i < settings->server.domain_count; i++)
        if (span_is_nocase(domain, settings->server.domains[i]))
            return true;
    return false;
}

/* The answer of `route resolve`: what aliases make of it. 1: nobody. */
static int tell_kept(const struct route_test *test, struct span key, struct span answer)
{
    int status = CLI_COULD_NOT;
    bool is_circle = span_is(answer, "circle\n") || span_is(answer, "kept\ncircle\n");
    (void)printf("%.*s\n  its domain is kept here\n", (int)key.len, key.ptr);
    while (answer.len > 0) {
        struct span line = span_cut(&answer, '\n');
        struct span kind = span_cut(&line, ' ');
        if (span_is(kind, "local"))
            (void)printf("  -> the mailbox of %.*s\n", (int)line.len, line.ptr);
        else if (span_is(kind, "remote"))
            (void)printf("  -> by an alias to %.*s\n", (int)line.len, line.ptr);
        else if (span_is(kind, "circle"))
            (void)printf("  refused: 550 5.4.6, its aliases lead in a circle\n");
        else if (span_is(kind, "far"))
            (void)printf("  put off: 450 4.2.4, its aliases lead too far, not all is shown\n");
        if (span_is(kind, "remote"))
            tell_remote(test, line);
        if (span_is(kind, "remote") || span_is(kind, "local"))
            status = CLI_OK;
        if (span_is(kind, "far"))
            return CLI_COULD_NOT;
    }
    if (status != CLI_OK && !is_circle)
        (void)printf("  nobody has it: refused\n");
    return status;
}

static int tell(const struct route_test *test, const struct address *address, struct span key,
                struct span answer)
{
    struct span domain = span_from(key, key.len - address->domain.len);
    if (is_configured_domain(test->settings, domain) ||
        span_starts_nocase(answer, span_of("kept\n")))
        return tell_kept(test, key, answer);
    const struct settings_route *route = routes_find(test->relay, domain);
    tell_remote(test, key);
    tell_taken(test, domain);
    return route != NULL && route->via == RELAY_VIA_REFUSE ? CLI_COULD_NOT : CLI_OK;
}

/* ---- Asking --------------------------------------------------------------------------------- */

static void add_row(struct routes_merged *merged, const struct admin_call *row)
{
    struct buf words;
    buf_init(&words, 0);
    for (size_t i = 1; i < row->word_count; i++) {
        buf_puts(&words, i > 1 ? "\n" : "");
        buf_put(&words, row->words[i]);
    }
    routes_merged_add(merged, row->words[0], buf_span(&words));
    buf_release(&words);
}

/* The store's routes from the answer of `route rows`. */
static void add_rows(struct routes_merged *merged, struct span answer)
{
    while (answer.len > 0) {
        struct span line = span_cut(&answer, '\n');
        struct admin_call row;
        admin_call_init(&row, NULL);
        if (admin_line_read(&row, line) == 0)
            add_row(merged, &row);
        admin_call_deinit(&row);
    }
    routes_merged_finish(merged);
}

static int ask_and_tell(const struct settings *settings, const struct address *address,
                        struct span key)
{
    const struct span rows[] = {span_of("route"), span_of("rows")};
    const struct span resolve[] = {span_of("route"), span_of("resolve"), key,
                                   span_of(settings->smtp.subaddress_separator)};
    struct cli_channel *channel = cli_channel_open(settings);
    if (channel == NULL)
        return CLI_COULD_NOT;
    struct buf text, answer;
    buf_init(&text, 0);
    buf_init(&answer, 0);
    struct routes_merged *merged = routes_merged_create(&settings->relay);
    int status = cli_channel_ask(channel, rows, 2, &text);
    if (status == CLI_OK)
        status = cli_channel_ask(channel, resolve, 4, &answer);
    if (status == CLI_OK) {
        add_rows(merged, buf_span(&text));
        const struct route_test test = {.settings = settings, .relay = &merged->settings};
        status = tell(&test, address, key, buf_span(&answer));
    }
    routes_merged_free(&merged);
    buf_release(&text);
    buf_release(&answer);
    cli_channel_close(&channel);
    return status;
}

int cli_route_test(const struct settings *settings, const char *name)
{
    struct address address;
    const char *reason;
    struct buf key;
    buf_init(&key, 0);
    int status = CLI_COULD_NOT;
    if (cli_address(name, settings->server.domains[0], &key) == 0 &&
        address_parse(buf_span(&key), &address, &reason) == 0)
        status = ask_and_tell(settings, &address, buf_span(&key));
    buf_release(&key);
    return status;
}
