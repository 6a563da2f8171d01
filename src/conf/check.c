/*
 * check: what no single key shows: keys that must agree, and, apart from that, the files and the
 * user that the settings name on this machine. Tests: test_conf_load.c.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/lists_internal.h"

const struct conf_node *conf_node_at(const struct conf_node *root, const char *group,
                                     const char *name)
{
    const struct conf_node *at = group[0] != '\0' ? conf_node_get(root, group) : root;
    const struct conf_node *node = at != NULL ? conf_node_get(at, name) : NULL;

    return node != NULL ? node : root;
}

/* --- keys that must agree --- */

/* Each row: the first field is at most the second. */
static const struct order_row {
    const char *group, *lesser, *greater;
} orders[] = {
    {"store", "body_memory_max", "body_memory_total"},
    {"relay", "retry_min", "retry_max"},
};

static const struct conf_row *row_of(const char *group, const char *name)
{
    for (size_t i = 0; i < conf_row_count; i++)
        if (strcmp(conf_rows[i].group, group) == 0 && strcmp(conf_rows[i].name, name) == 0)
            return &conf_rows[i];
    return NULL;
}

static int64_t number_of(const struct conf_row *row, const struct conf_draft *draft)
{
    const char *field = (const char *)draft + row->offset;

    return row->size == sizeof(unsigned) ? (int64_t) * (const unsigned *)(const void *)field
                                         : *(const int64_t *)(const void *)field;
}

static void check_orders(struct conf_load *load, const struct conf_node *root,
                         const struct conf_draft *draft)
{
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        const struct order_row *order = &orders[i];
        const struct conf_row *lesser = row_of(order->group, order->lesser);
        const struct conf_row *greater = row_of(order->group, order->greater);
        if (lesser == NULL || greater == NULL ||
            number_of(lesser, draft) <= number_of(greater, draft))
            continue;
        const struct conf_node *node = conf_node_at(root, order->group, order->lesser);
        if (node == root)
            node = conf_node_at(root, order->group, order->greater);
        conf_complain(load, node, "%s.%s is larger than %s.%s: must be at most as large",
                      order->group, order->lesser, order->group, order->greater);
    }
}

static void check_smarthost(struct conf_load *load, const struct conf_node *root,
                            const struct settings_relay *relay)
{
    bool has_user = relay->smarthost_user[0] != '\0';
    bool has_password = relay->smarthost_password[0] != '\0';
    const struct conf_node *user = conf_node_at(root, "relay", "smarthost_user");

    if (has_user && !has_password)
        conf_complain(load, user,
                      "relay.smarthost_user is set without relay.smarthost_password: "
                      "set both or none");
    if (has_password && !has_user)
        conf_complain(load, conf_node_at(root, "relay", "smarthost_password"),
                      "relay.smarthost_password is set without relay.smarthost_user: set both or "
                      "none");
    if (has_user && relay->smarthost[0] == '\0')
        conf_complain(load, user,
                      "relay.smarthost_user is set without relay.smarthost: name the "
                      "server that it is for");
    if (has_user &&
        (relay->smarthost_tls == RELAY_TLS_OFF || relay->smarthost_tls == RELAY_TLS_MAY))
        conf_complain(load, conf_node_at(root, "relay", "smarthost_tls"),
                      "relay.smarthost_tls would send the password in plaintext: must be "
                      "\"starttls\" or \"implicit\" with relay.smarthost_user");
}

/* RFC 2033 5: who finds LMTP on port 25 would take it for SMTP. A login is never sent without TLS,
 * which a unix socket has not. */
static void check_smarthost_way(struct conf_load *load, const struct conf_node *root,
                                const struct settings_relay *relay)
{
    bool is_path = relay->smarthost[0] == '/';

    if (relay->smarthost_protocol == RELAY_PROTOCOL_LMTP && !is_path && relay->smarthost_port == 25)
        conf_complain(load, conf_node_at(root, "relay", "smarthost_port"),
                      "relay.smarthost_port is 25, but relay.smarthost_protocol is \"lmtp\": must "
                      "be another port, such as 24");
    if (relay->smarthost_protocol == RELAY_PROTOCOL_LMTP && relay->smarthost[0] == '\0')
        conf_complain(load, conf_node_at(root, "relay", "smarthost_protocol"),
                      "relay.smarthost_protocol is \"lmtp\" without relay.smarthost: name the "
                      "server that it is for");
    if (is_path && relay->smarthost_user[0] != '\0')
        conf_complain(load, conf_node_at(root, "relay", "smarthost_user"),
                      "relay.smarthost_user is set, but relay.smarthost is a unix socket, which "
                      "has no TLS to send a password under: remove it");
}

/* Plaintext has no certificate. smarthost_verify says "required" by default, so there it is a
 * contradiction only when it is written down. */
static void check_verify(struct conf_load *load, const struct conf_node *root,
                         const struct settings_relay *relay)
{
    const struct conf_node *smarthost = conf_node_at(root, "relay", "smarthost_verify");

    if (strcmp(relay->mx_tls, "off") == 0 && strcmp(relay->mx_verify, "required") == 0)
        conf_complain(load, conf_node_at(root, "relay", "mx_verify"),
                      "relay.mx_verify is \"required\", but relay.mx_tls is \"off\": must be "
                      "\"starttls\" then");
    if (smarthost != root && relay->smarthost_tls == RELAY_TLS_OFF &&
        strcmp(relay->smarthost_verify, "required") == 0)
        conf_complain(load, smarthost,
                      "relay.smarthost_verify is \"required\", but relay.smarthost_tls is "
                      "\"off\": must be \"starttls\" or \"implicit\" then");
}

static bool needs_certificate(const struct settings *settings)
{
    for (size_t i = 0; i < settings->listener_count; i++)
        if (settings->listeners[i].tls == LISTENER_IMPLICIT ||
            (settings->listeners[i].tls == LISTENER_STARTTLS &&
             conf_listener_has_port(&settings->listeners[i])))
            return true;
    return false;
}

static void check_certificate(struct conf_load *load, const struct conf_node *root,
                              struct settings *settings)
{
    struct settings_tls *tls = &settings->tls;
    const struct conf_node *node = conf_node_at(root, "tls", "certificate");

    if (!needs_certificate(settings)) {
        /* The default names a file that nobody needs then. */
        if (node == root || tls->pairs[0].certificate[0] == '\0') {
            tls->pairs[0].certificate = tls->pairs[0].key = "";
            tls->pair_count = 0;
        }
        return;
    }
    if (tls->pairs[0].certificate[0] == '\0')
        conf_complain(load, node,
                      "tls.certificate is empty, but there are listeners with TLS: "
                      "name a file, or set tls = \"none\" on each");
    else if (tls->pairs[0].key[0] == '\0')
        conf_complain(load, conf_node_at(root, "tls", "key"),
                      "tls.key is empty: name the file with the key of tls.certificate");
}

static void check_client_certificate(struct conf_load *load, const struct conf_node *root,
                                     const struct settings_tls *tls)
{
    if ((tls->client_certificate[0] != '\0') == (tls->client_key[0] != '\0'))
        return;
    bool has_key = tls->client_key[0] != '\0';
    conf_complain(load, conf_node_at(root, "tls", has_key ? "client_key" : "client_certificate"),
                  "tls.%s is set without tls.%s: set both or none",
                  has_key ? "client_key" : "client_certificate",
                  has_key ? "client_certificate" : "client_key");
}

/* Nobody could connect. */
static void check_proxies(struct conf_load *load, const struct conf_node *root,
                          const struct settings *settings)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct settings_listener *listener = &settings->listeners[i];
        if (listener->proxy && settings->net.proxy_network_count == 0 &&
            conf_listener_has_port(listener))
            conf_complain(load, conf_node_at(root, "", "listeners"),
                          "listeners.proxy is true for %s, but net.proxy_networks is empty: name "
                          "the networks of your proxies there",
                          listener->name);
    }
}

void conf_check_together(struct conf_load *load, const struct conf_node *root,
                         struct conf_draft *draft)
{
    check_orders(load, root, draft);
    check_smarthost(load, root, &draft->settings.relay);
    check_smarthost_way(load, root, &draft->settings.relay);
    check_verify(load, root, &draft->settings.relay);
    check_certificate(load, root, &draft->settings);
    check_proxies(load, root, &draft->settings);
    check_client_certificate(load, root, &draft->settings.tls);
}

/* --- the machine --- */

void conf_check_file(struct conf_load *load, const struct conf_node *node, const char *path,
                     const char *file)
{
    struct stat stat_of;

    if (file[0] == '\0')
        return;
    if (stat(file, &stat_of) != 0 || access(file, R_OK) != 0)
        conf_complain(load, node, "could not read %s (%s): %s; name a file that is there", file,
                      path, strerror(errno));
    else if (!S_ISREG(stat_of.st_mode))
        conf_complain(load, node, "%s (%s) is not a file: name one", file, path);
}

/* A secret that everybody on the machine can read is none. */
void conf_check_privacy(struct conf_load *load, const struct conf_node *node, const char *file,
                        const char *what)
{
    struct stat stat_of;

    if (file[0] != '\0' && stat(file, &stat_of) == 0 && (stat_of.st_mode & S_IROTH) != 0)
        conf_complain(load, node, "everybody can read %s, which holds %s: run chmod o= %s", file,
                      what, file);
}

static void check_groups(struct conf_load *load, const struct conf_node *root,
                         const struct settings *settings)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct settings_listener *listener = &settings->listeners[i];
        if (listener->socket_group[0] != '\0' && getgrnam(listener->socket_group) == NULL)
            conf_complain(load, conf_node_at(root, "", "listeners"),
                          "there is no group \"%.100s\" (listeners.socket_group of %s): make it "
                          "(groupadd --system) or name another",
                          listener->socket_group, listener->name);
    }
}

void conf_check_machine(struct conf_load *load, const struct conf_node *root,
                        const struct conf_draft *draft)
{
    const struct settings *settings = &draft->settings;
    const struct conf_node *user = conf_node_at(root, "", "user");
    char path[80];

    for (size_t i = 0; i < conf_row_count; i++) {
        const struct conf_row *row = &conf_rows[i];
        const char *const *field = (const void *)((const char *)draft + row->offset);
        const struct conf_node *node = conf_node_at(root, row->group, row->name);
        if ((row->flags & CONF_FILE) != 0)
            conf_check_file(load, node, conf_row_path(row, path), *field);
        if ((row->flags & CONF_SECRET) != 0 && (*field)[0] != '\0')
            conf_check_privacy(load, node, node->file, "a password");
    }
    conf_check_privacy(load, conf_node_at(root, "tls", "key"), settings->tls.pairs[0].key,
                       "the private key");
    conf_check_privacy(load, conf_node_at(root, "tls", "client_key"), settings->tls.client_key,
                       "the private key");
    conf_check_privacy(load, conf_node_at(root, "tls", "ticket_key"), settings->tls.ticket_key,
                       "the ticket key");
    conf_check_certificates(load, root, &settings->tls);
    check_groups(load, root, settings);
    conf_check_routes(load, root);
    if (settings->server.user[0] != '\0' && getpwnam(settings->server.user) == NULL)
        conf_complain(load, user,
                      "there is no user \"%.100s\": make it (useradd --system) or name "
                      "another",
                      settings->server.user);
}
