/*
 * route.c: where an entry goes next: by the configuration's routes, else to the smarthost, else to
 * the domain's mail servers. Tests: tests/unit/test_relay.c, test_relay_routes.c.
 */
#include "mail/address.h"
#include "queue/routes.h"
#include "relay/relay_internal.h"

static enum tls_verify verify_of(const char *text)
{
    if (span_is(span_of(text), "off"))
        return TLS_VERIFY_OFF;
    return span_is(span_of(text), "opportunistic") ? TLS_VERIFY_OPPORTUNISTIC : TLS_VERIFY_REQUIRED;
}

static enum relay_tls tls_of(const char *text)
{
    if (span_is(span_of(text), "off"))
        return RELAY_TLS_OFF;
    return span_is(span_of(text), "starttls") ? RELAY_TLS_STARTTLS : RELAY_TLS_MAY;
}

/* What must be verified must be there: whoever hides the offer of STARTTLS gets nothing. */
static void demand_tls(struct route *route)
{
    if (route->verify == TLS_VERIFY_REQUIRED && route->tls == RELAY_TLS_MAY)
        route->tls = RELAY_TLS_STARTTLS;
}

/* RFC 8689: what the message asks for goes beyond the keys, in both directions. Each wish is a
 * destination of its own, for a connection has one policy. */
static void require_tls(struct route *route, struct buf *key)
{
    route->requires_tls = true;
    route->verify = TLS_VERIFY_REQUIRED;
    if (route->tls != RELAY_TLS_IMPLICIT)
        route->tls = RELAY_TLS_STARTTLS;
    buf_puts(key, " requiretls");
}

static void waive_tls(const struct settings_relay *settings, struct route *route, struct buf *key)
{
    bool is_demanded = route->verify == TLS_VERIFY_REQUIRED || route->tls == RELAY_TLS_STARTTLS;
    bool may_be_demanded = is_demanded || settings->dane || settings->mta_sts; /* by the domain */
    if (route->tls == RELAY_TLS_OFF || (!may_be_demanded && settings->plaintext_fallback))
        return;
    route->waives_tls = true;
    route->verify = TLS_VERIFY_OPPORTUNISTIC;
    route->tls = RELAY_TLS_MAY;
    buf_puts(key, " tls-optional");
}

/* A unix socket does not leave the machine, and no certificate could name it. */
static void take_smarthost(const struct settings_relay *settings, struct route *out)
{
    bool is_path = settings->smarthost[0] == '/';
    *out = (struct route){
        .row = ROUTE_DEFAULT,
        .has_host = true,
        .protocol = settings->smarthost_protocol,
        .port = settings->smarthost_port,
        .tls = is_path ? RELAY_TLS_OFF : settings->smarthost_tls,
        .verify = is_path ? TLS_VERIFY_OFF : verify_of(settings->smarthost_verify),
    };
}

/* By default TLS is taken where offered between servers that do not know each other; the
 * certificate is looked at and told, not demanded (RFC 7435). */
static void take_mx(const struct settings_relay *settings, struct route *out)
{
    *out = (struct route){
        .row = ROUTE_DEFAULT,
        .port = settings->mx_port,
        .tls = tls_of(settings->mx_tls),
        .verify = verify_of(settings->mx_verify),
    };
}

static void take_row(const struct settings_relay *settings, const struct settings_route *row,
                     struct route *out)
{
    *out = (struct route){
        .row = (size_t)(row - settings->routes),
        .has_host = row->via == RELAY_VIA_HOST || row->via == RELAY_VIA_LMTP,
        .is_refused = row->via == RELAY_VIA_REFUSE,
        .protocol = row->via == RELAY_VIA_LMTP ? RELAY_PROTOCOL_LMTP : RELAY_PROTOCOL_SMTP,
        .port = row->port != 0 ? row->port : settings->mx_port,
        .tls = row->tls,
        .verify = verify_of(row->verify),
    };
}

/* Of what comes after the last '@' of the key form; nothing for an address that is none. */
static void put_domain(struct span recipient, struct buf *out)
{
    struct address address;
    const char *reason;
    if (address_parse(recipient, &address, &reason) != 0)
        return;
    struct buf key;
    buf_init(&key, 0);
    address_key(&address, &key);
    struct span whole = buf_span(&key);
    buf_put(out, span_from(whole, whole.len - address.domain.len));
    buf_release(&key);
}

/* Neither ':' nor a space is in a domain, so no domain can be taken for a named server. */
static void put_key(const struct relay *relay, const struct route *route, struct span domain,
                    struct buf *out)
{
    if (route->row == ROUTE_DEFAULT && route->has_host)
        buf_printf(out, "smarthost:%s", relay_hop(relay, route).host);
    else if (route->has_host || route->is_refused)
        buf_printf(out, "route %zu:%s", route->row + 1, relay_hop(relay, route).host);
    else
        buf_put(out, domain);
}

/* A smarthost is trusted with a password, and a route was written down: no header weakens their
 * keys. */
static void heed_wishes(const struct relay *relay, unsigned mail_flags, struct route *route,
                        struct buf *key)
{
    bool is_path = route->has_host && relay_hop(relay, route).host[0] == '/';
    bool is_plain_mx = route->row == ROUTE_DEFAULT && !route->has_host && key->len > 0;
    if ((mail_flags & STORE_MAIL_REQUIRETLS) != 0 && !is_path)
        require_tls(route, key);
    else if ((mail_flags & STORE_MAIL_TLS_OPTIONAL) != 0 && is_plain_mx)
        waive_tls(relay->settings, route, key);
}

void relay_route(const struct relay *relay, const struct store_queue_row *row, struct route *out,
                 struct buf *key_out)
{
    const struct settings_relay *settings = relay->settings;
    struct buf domain;
    buf_init(&domain, 0);
    put_domain(row->recipient, &domain);
    const struct settings_route *found = routes_find(settings, buf_span(&domain));
    if (found != NULL)
        take_row(settings, found, out);
    else if (settings->smarthost[0] != '\0')
        take_smarthost(settings, out);
    else
        take_mx(settings, out);
    demand_tls(out);
    put_key(relay, out, buf_span(&domain), key_out);
    buf_release(&domain);
    heed_wishes(relay, row->mail_flags, out, key_out);
}

struct hop_texts relay_hop(const struct relay *relay, const struct route *route)
{
    const struct settings_relay *settings = relay->settings;
    if (route->row == ROUTE_DEFAULT)
        return (struct hop_texts){.host = settings->smarthost,
                                  .user = route->has_host ? settings->smarthost_user : "",
                                  .password = settings->smarthost_password,
                                  .refusal = ""};
    const struct settings_route *row = &settings->routes[route->row];
    return (struct hop_texts){row->host, row->user, row->password, row->text};
}

static bool rows_differ(const struct settings_route *old, const struct settings_route *new)
{
    if (old->domain_count != new->domain_count || old->via != new->via || old->port != new->port ||
        old->tls != new->tls || strcmp(old->host, new->host) != 0 ||
        strcmp(old->verify, new->verify) != 0 || strcmp(old->user, new->user) != 0 ||
        strcmp(old->password, new->password) != 0 || strcmp(old->text, new->text) != 0)
        return true;
    for (size_t i = 0; i < old->domain_count; i++) {
        if (strcmp(old->domains[i], new->domains[i]) != 0)
            return true;
    }
    return false;
}

static bool lists_differ(const struct settings_relay *old, const struct settings_relay *new)
{
    if (old->route_count != new->route_count)
        return true;
    for (size_t i = 0; i < old->route_count; i++) {
        if (rows_differ(&old->routes[i], &new->routes[i]))
            return true;
    }
    return false;
}

bool relay_routes_differ(const struct settings_relay *old, const struct settings_relay *new)
{
    return lists_differ(old, new) || strcmp(old->smarthost, new->smarthost) != 0 ||
           strcmp(old->smarthost_verify, new->smarthost_verify) != 0 ||
           strcmp(old->smarthost_user, new->smarthost_user) != 0 ||
           strcmp(old->smarthost_password, new->smarthost_password) != 0 ||
           old->smarthost_protocol != new->smarthost_protocol ||
           old->smarthost_port != new->smarthost_port || old->smarthost_tls != new->smarthost_tls ||
           strcmp(old->mx_tls, new->mx_tls) != 0 || strcmp(old->mx_verify, new->mx_verify) != 0 ||
           old->mx_port != new->mx_port || old->dane != new->dane || old->mta_sts != new->mta_sts;
}
