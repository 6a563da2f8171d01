/*
 * listeners: the list of listeners and its defaults: all seven when the file has none. Their keys
 * are rows of schema.c, filled by fill.c. Tests: test_conf_load.c.
 */
#include "conf/lists_internal.h"

enum { LISTENER_COUNT_MAX = 100 };

static const struct default_listener {
    const char *name, *protocol, *tls;
    enum listener_protocol protocol_value;
    enum listener_tls tls_value;
    uint16_t port;
} defaults[] = {
    {"smtp", "smtp", "starttls", LISTENER_SMTP, LISTENER_STARTTLS, 25},
    {"submission", "submission", "starttls", LISTENER_SUBMISSION, LISTENER_STARTTLS, 587},
    {"submissions", "submission", "implicit", LISTENER_SUBMISSION, LISTENER_IMPLICIT, 465},
    {"imap", "imap", "starttls", LISTENER_IMAP, LISTENER_STARTTLS, 143},
    {"imaps", "imap", "implicit", LISTENER_IMAP, LISTENER_IMPLICIT, 993},
    {"pop3", "pop3", "starttls", LISTENER_POP3, LISTENER_STARTTLS, 110},
    {"pop3s", "pop3", "implicit", LISTENER_POP3, LISTENER_IMPLICIT, 995},
};
enum { DEFAULT_COUNT = sizeof defaults / sizeof *defaults };

/* The usual port; "none" has that of "starttls". 0: there is none. */
static uint16_t usual_port(const struct settings_listener *listener)
{
    enum listener_tls tls = listener->tls == LISTENER_NO_TLS ? LISTENER_STARTTLS : listener->tls;

    for (size_t i = 0; i < DEFAULT_COUNT; i++)
        if (defaults[i].protocol_value == listener->protocol && defaults[i].tls_value == tls)
            return defaults[i].port;
    return 0;
}

bool conf_listener_has_port(const struct settings_listener *listener)
{
    for (size_t i = 0; i < listener->address_count; i++)
        if (listener->addresses[i][0] != '/')
            return true;
    return false;
}

static void fill_port(struct conf_load *load, const struct conf_node *node, unsigned port_offset,
                      struct settings_listener *listener)
{
    if (!conf_listener_has_port(listener)) {
        listener->port = 0;
        return;
    }
    /* RFC 2033 5: who finds LMTP on port 25 would take it for SMTP. */
    if (listener->protocol == LISTENER_LMTP && listener->port == 25)
        conf_complain(load, node,
                      "listeners.port of %s is 25, but it speaks lmtp: must be another, such as 24",
                      listener->name);
    if (listener->port == 0)
        listener->port = usual_port(listener);
    unsigned port = listener->port + port_offset;
    if (listener->port == 0)
        conf_complain(load, node, "listeners.port is not set: %s has no usual one with this tls",
                      listener->name);
    else if (port > UINT16_MAX)
        conf_complain(load, node,
                      "port %u of listener \"%s\" with port_offset %u is %u: must be "
                      "at most 65535",
                      listener->port, listener->name, port_offset, port);
    listener->port = (uint16_t)port;
}

/* A path is shared whatever the ports are. */
static bool share_an_address(const struct settings_listener *a, const struct settings_listener *b)
{
    for (size_t i = 0; i < a->address_count; i++)
        for (size_t j = 0; j < b->address_count; j++)
            if (strcmp(a->addresses[i], b->addresses[j]) == 0 &&
                (a->port == b->port || a->addresses[i][0] == '/'))
                return true;
    return false;
}

static void check_against(struct conf_load *load, const struct conf_node *node,
                          const struct settings_listener *listener,
                          const struct settings_listener *before)
{
    if (strcmp(listener->name, before->name) == 0)
        conf_complain(load, node, "listener \"%s\" stands here twice: each needs a name of its own",
                      listener->name);
    else if (share_an_address(listener, before))
        conf_complain(load, node,
                      "listeners \"%s\" and \"%s\" have the same address and port %u: change one",
                      before->name, listener->name, listener->port);
}

static void fill_one(struct conf_load *load, const struct conf_node *node,
                     const struct conf_scope *scope, struct conf_draft *draft)
{
    struct settings *settings = &draft->settings;
    struct settings_listener *listener = &settings->listeners[settings->listener_count];

    conf_fill(load, node, scope, listener);
    fill_port(load, node, draft->port_offset, listener);
    for (size_t i = 0; i < settings->listener_count; i++)
        check_against(load, node, listener, &settings->listeners[i]);
    settings->listener_count++;
}

static void fill_defaults(struct conf_load *load, const struct conf_node *root,
                          struct conf_draft *draft)
{
    const struct conf_scope scope = {conf_listener_rows, conf_listener_row_count, "listeners"};
    struct settings *settings = &draft->settings;

    for (size_t i = 0; i < DEFAULT_COUNT; i++) {
        struct settings_listener *listener = &settings->listeners[settings->listener_count++];
        conf_fill(load, NULL, &scope, listener);
        listener->name = defaults[i].name;
        listener->protocol = defaults[i].protocol_value;
        listener->tls = defaults[i].tls_value;
        fill_port(load, conf_node_at(root, "", "port_offset"), draft->port_offset, listener);
    }
}

void conf_fill_listeners(struct conf_load *load, const struct conf_node *root,
                         struct conf_draft *draft)
{
    const struct conf_groups groups = {.name = "listeners",
                                       .rows = conf_listener_rows,
                                       .row_count = conf_listener_row_count,
                                       .count_min = 1,
                                       .count_max = LISTENER_COUNT_MAX,
                                       .fill = fill_one};
    const struct conf_node *list = conf_node_get(root, groups.name);

    draft->settings.listeners =
        arena_alloc(load->arena, LISTENER_COUNT_MAX * sizeof *draft->settings.listeners);
    if (list == NULL)
        fill_defaults(load, root, draft);
    else
        conf_fill_groups(load, list, &groups, draft);
}

void conf_put_listeners(struct buf *out)
{
    buf_puts(out, "listeners = (\n");
    for (size_t i = 0; i < DEFAULT_COUNT; i++)
        buf_printf(out,
                   "    { name = \"%s\"; protocol = \"%s\"; tls = \"%s\"; "
                   "addresses = [ \"0.0.0.0\", \"::\" ]; port = %u; }%s\n",
                   defaults[i].name, defaults[i].protocol, defaults[i].tls, defaults[i].port,
                   i + 1 < DEFAULT_COUNT ? "," : "");
    buf_puts(out, ");\n");
}
