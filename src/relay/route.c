/*
 * route.c: where an entry goes next: the smarthost, or the domain's mail servers. Tests:
 * tests/unit/test_relay.c.
 */
#include "mail/address.h"
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

static void waive_tls(struct route *route, struct buf *key)
{
    if (route->verify != TLS_VERIFY_REQUIRED && route->tls != RELAY_TLS_STARTTLS)
        return;
    route->verify = TLS_VERIFY_OPPORTUNISTIC;
    route->tls = RELAY_TLS_MAY;
    buf_puts(key, " tls-optional");
}

void relay_route(const struct relay *relay, const struct store_queue_row *row, struct route *out,
                 struct buf *key_out)
{
    const struct settings_relay *settings = relay->settings;
    if (settings->smarthost[0] != '\0') {
        *out = (struct route){
            .is_smarthost = true,
            .port = settings->smarthost_port,
            .tls = settings->smarthost_tls,
            .verify = verify_of(settings->smarthost_verify),
        };
        out->protocol = settings->smarthost_protocol;
        /* A unix socket does not leave the machine, and no certificate could name it. */
        if (settings->smarthost[0] == '/') {
            out->tls = RELAY_TLS_OFF;
            out->verify = TLS_VERIFY_OFF;
        }
        demand_tls(out);
        buf_puts(key_out, "smarthost");
        /* A smarthost is trusted with a password, so no header weakens its keys. */
        if ((row->mail_flags & STORE_MAIL_REQUIRETLS) != 0 && settings->smarthost[0] != '/')
            require_tls(out, key_out);
        return;
    }
    /* By default TLS is taken where offered between servers that do not know each other; the
     * certificate is looked at and told, not demanded (RFC 7435). */
    *out = (struct route){.port = settings->mx_port,
                          .tls = tls_of(settings->mx_tls),
                          .verify = verify_of(settings->mx_verify)};
    demand_tls(out);
    struct address address;
    const char *reason;
    if (address_parse(row->recipient, &address, &reason) != 0)
        return;
    struct buf key;
    buf_init(&key, 0);
    address_key(&address, &key);
    struct span whole = buf_span(&key);
    buf_put(key_out, span_from(whole, whole.len - address.domain.len));
    buf_release(&key);
    if ((row->mail_flags & STORE_MAIL_REQUIRETLS) != 0)
        require_tls(out, key_out);
    else if ((row->mail_flags & STORE_MAIL_TLS_OPTIONAL) != 0)
        waive_tls(out, key_out);
}

bool relay_routes_differ(const struct settings_relay *old, const struct settings_relay *new)
{
    return strcmp(old->smarthost, new->smarthost) != 0 ||
           strcmp(old->smarthost_verify, new->smarthost_verify) != 0 ||
           strcmp(old->smarthost_user, new->smarthost_user) != 0 ||
           strcmp(old->smarthost_password, new->smarthost_password) != 0 ||
           old->smarthost_protocol != new->smarthost_protocol ||
           old->smarthost_port != new->smarthost_port || old->smarthost_tls != new->smarthost_tls ||
           strcmp(old->mx_tls, new->mx_tls) != 0 || strcmp(old->mx_verify, new->mx_verify) != 0 ||
           old->mx_port != new->mx_port;
}
