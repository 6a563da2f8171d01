/*
 * postern.conf: what is read, and for each kind of mistake the complaint with its line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "check.h"
#include "conf/conf.h"

#define HEAD "hostname = \"mx.example.org\"; domains = [ \"example.org\" ];\n"

static void on_complaint(void *owner, const char *file, int line, const char *sentence)
{
    const char *slash = strrchr(file, '/');
    buf_printf(owner, "%s:%d: %s\n", slash != NULL ? slash + 1 : file, line, sentence);
}

static const struct bad_case {
    const char *text, *wanted; /* a part of the complaints */
    unsigned count;
} bad[] = {
    {"", "p.conf:0: hostname is not set: This host's full name", 2},
    {"hostname = \"a\"; domains = [];", "domains has 0 members: must have between 1 and", 1},
    {HEAD "smtp = {\n recipients_max = 0; };",
     "p.conf:3: smtp.recipients_max is 0: must be between 100 and 50000", 1},
    {HEAD "smtp = { recipients_max = 50001; };", "is 50001: must be between", 1},
    {HEAD "smtp = { recipients_max = -1; };", "is -1: must be between", 1},
    {HEAD "smtp = { recipients_max = 99999999999L; };", "is 99999999999: must be between", 1},
    {HEAD "smtp = { recipients_max = \"100\"; };",
     "smtp.recipients_max is a text: must be a number without quotes, such as 1000", 1},
    {HEAD "smtp = { recipients_max = 1.5; };", "is a broken number: must be a number", 1},
    {HEAD "smtp = { recipient_max = 100; };",
     "p.conf:2: smtp.recipient_max is not a key: did you mean smtp.recipients_max?", 1},
    {HEAD "recipients_max = 100;", "recipients_max is not a key: did you mean smtp.recipients_max?",
     1},
    {HEAD "hostnam = \"x\";", "hostnam is not a key: did you mean hostname?", 1},
    {HEAD "smpt = { };", "smpt is not a key: did you mean smtp?", 1},
    {HEAD "listener = ( );", "listener is not a key: did you mean listeners?", 1},
    {HEAD "zzzzzzzzzzzz = 1;", "zzzzzzzzzzzz is not a key: conf/reference.conf lists them all", 1},
    {HEAD "smtp = 5;", "smtp is a number: must be a group, smtp = { ... };", 1},
    {HEAD "smtp = { message_size_max = 25; };",
     "smtp.message_size_max has no unit: write \"25B\", \"25K\", \"25M\"", 1},
    {HEAD "smtp = { message_size_max = \"25\"; };",
     "smtp.message_size_max is \"25\": must be a number with its unit, such as \"50M\"", 1},
    {HEAD "smtp = { message_size_max = \"25 M\"; };", "must be a number with its unit", 1},
    {HEAD "smtp = { message_size_max = \"25m\"; };", "must be a number with its unit", 1},
    {HEAD "smtp = { message_size_max = \"1K\"; };",
     "smtp.message_size_max is 1K: must be between 64K and 2G", 1},
    {HEAD "smtp = { message_size_max = \"99999999999999999999G\"; };", "must be between 64K and 2G",
     1},
    {HEAD "smtp = { command_timeout = 300; };", "smtp.command_timeout has no unit: write \"300s\"",
     1},
    {HEAD "smtp = { command_timeout = \"300ms\"; };",
     "smtp.command_timeout is 300ms: must be between 1s and 1h", 1},
    {HEAD "smtp = { auth_without_tls = 1; };",
     "smtp.auth_without_tls is a number: must be true or false, such as false", 1},
    {HEAD "smtp = { relay_networks = \"10.0.0.0/8\"; };", "is a text: must be a list of texts", 1},
    {HEAD "smtp = { relay_networks = [ \"10.0.0.0/33\" ]; };",
     "smtp.relay_networks \"10.0.0.0/33\" is not a network", 1},
    {HEAD "smtp = { relay_networks = [ 1 ]; };", "has a number as a member: each must be a text",
     1},
    {HEAD "log_level = \"loud\";", "log_level is \"loud\": must be one of debug|info|warn|error",
     1},
    {"hostname = \"a b\"; domains = [ \"x\" ];",
     "hostname \"a b\" is not a host name: write letters", 1},
    {"hostname = \"-a.org\"; domains = [ \"x..y\", \"192.0.2.1\" ];",
     "domains \"x..y\" is not a host name", 3},
    {HEAD "relay = { smarthost = \"a:25\"; };", "is neither a host name nor an address", 1},
    {HEAD "relay = { resolver = \"127.0.0.1:0\"; };", "is not a resolver's address", 1},
    {HEAD "relay = { smarthost = \"a\"; smarthost_user = \"u\"; };",
     "set without relay.smarthost_password", 1},
    {HEAD "relay = { smarthost = \"a\"; smarthost_user = \"u\"; smarthost_password = \"p\";\n "
          "smarthost_tls = \"may\"; };",
     "p.conf:3: relay.smarthost_tls would send the password in plaintext", 1},
    {HEAD "relay = { smarthost = \"run/x\"; };", "or a socket's whole path", 1},
    {HEAD "relay = { smarthost = \"/\"; };", "or a socket's whole path", 1},
    {HEAD "relay = { smarthost_protocol = \"lmtp\"; };",
     "relay.smarthost_protocol is \"lmtp\" without relay.smarthost", 1},
    {HEAD "relay = { smarthost = \"a\"; smarthost_protocol = \"lmtp\";\n smarthost_port = 25; };",
     "p.conf:3: relay.smarthost_port is 25, but relay.smarthost_protocol is \"lmtp\"", 1},
    {HEAD
     "relay = { smarthost = \"/run/x\";\n smarthost_user = \"u\"; smarthost_password = \"p\"; };",
     "p.conf:3: relay.smarthost_user is set, but relay.smarthost is a unix socket", 1},
    {HEAD "relay = { mx_tls = \"off\";\n mx_verify = \"required\"; };",
     "p.conf:3: relay.mx_verify is \"required\", but relay.mx_tls is \"off\"", 1},
    {HEAD "relay = { smarthost_tls = \"off\"; smarthost_verify = \"required\"; };",
     "relay.smarthost_verify is \"required\", but relay.smarthost_tls is \"off\"", 1},
    {HEAD "relay = { retry_min = \"5h\"; };", "relay.retry_min is larger than relay.retry_max", 1},
    {HEAD "tls = { certificate = \"\"; };",
     "tls.certificate is empty, but there are listeners with TLS", 1},
    {HEAD "certificates = 1;", "certificates is a number: must be a list of groups", 1},
    {HEAD "certificates = ( \"a.pem\" );",
     "a member of certificates is a text: must be a group { certificate = ...; }", 1},
    {HEAD "certificates = ( { certificate = \"a.pem\"; key = \"k.pem\"; },\n { key = \"b.pem\"; } "
          ");",
     "p.conf:3: certificates.certificate is not set", 1},
    {HEAD "certificates = ( { certificate = \"\"; key = \"k.pem\"; } );",
     "certificates.certificate is empty: name a file", 1},
    {HEAD "certificates = ( { certificate = \"a.pem\"; kex = \"k.pem\"; key = \"k\"; } );",
     "certificates.kex is not a key: did you mean certificates.key?", 1},
    {HEAD "certificate = ( );", "certificate is not a key: did you mean certificates?", 1},
    {HEAD "tls = { client_key = \"k.pem\"; };",
     "tls.client_key is set without tls.client_certificate", 1},
    {HEAD "smtp = { subaddress_separator = \"@\"; };", "\"@\" is no separator", 1},
    {HEAD "smtp = { subaddress_separator = \"+-\"; };", "\"+-\" is no separator", 1},
    {HEAD "routes = 5;", "routes is a number: must be a list of groups", 1},
    {HEAD "route = ( );", "route is not a key: did you mean routes?", 1},
    {HEAD "routes = (\n { via = \"mx\"; } );", "p.conf:3: routes.domains is not set", 1},
    {HEAD "routes = ( { domains = [ ]; via = \"mx\"; } );", "routes.domains has 0 members", 1},
    {HEAD "routes = ( { domains = [ \"a b\" ]; via = \"mx\"; } );",
     "routes.domains \"a b\" is no domain of a route", 1},
    {HEAD "routes = ( { domains = [ \"*.a.test\" ]; via = \"mx\"; } );",
     "routes.domains \"*.a.test\" is no domain of a route", 1},
    {HEAD "routes = ( { domains = [ \"a.test\", \"A.test\" ]; via = \"mx\"; } );",
     "names \"a.test\" a second time", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"mx\"; },\n { domains = [ \"b.test\", "
          "\"a.test\" ]; via = \"mx\"; } );",
     "p.conf:3: routes.domains names \"a.test\" a second time", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"smtp\"; } );",
     "routes.via is \"smtp\": must be one of mx|host|lmtp|refuse", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"host\"; } );",
     "without routes.host: name the server", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"lmtp\"; } );",
     "without routes.host: name the server", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"mx\"; host = \"b.test\"; } );",
     "routes.host is set, but routes.via is", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"mx\"; text = \"no\"; } );",
     "routes.text is set, but routes.via is not \"refuse\"", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"refuse\"; text = \"b\\x01h\"; } );",
     "does not fit a reply", 1},
    {HEAD
     "routes = ( { domains = [ \"a.test\" ]; via = \"lmtp\"; host = \"b.test\"; port = 25; } );",
     "routes.port is 25, but routes.via is \"lmtp\"", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"host\"; host = \"b:25\"; } );",
     "is neither a host name nor an address", 1},
    {HEAD
     "routes = ( { domains = [ \"a.test\" ]; via = \"host\"; host = \"b.test\"; user = \"u\"; } );",
     "routes.user and routes.password belong together", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"host\"; host = \"b.test\"; password = "
          "\"p\"; } );",
     "routes.user and routes.password belong together", 1},
    {HEAD
     "routes = ( { domains = [ \"a.test\" ]; via = \"mx\"; user = \"u\"; password = \"p\"; } );",
     "a login is for one server", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"host\"; host = \"b.test\"; user = \"u\"; "
          "password = \"p\"; tls = \"may\"; } );",
     "would send the password in plaintext", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"lmtp\"; host = \"/run/x\"; user = \"u\"; "
          "password = \"p\"; } );",
     "which has no TLS to send a password under", 1},
    {HEAD "routes = ( { domains = [ \"a.test\" ]; via = \"host\"; host = \"b.test\"; tls = "
          "\"off\"; verify = \"required\"; } );",
     "routes.verify is \"required\", but routes.tls is \"off\"", 1},
    {HEAD "tls = { ticket_time = \"30s\"; };", "tls.ticket_time", 1},
    {HEAD "tls = { watch = \"2h\"; };", "tls.watch", 1},
    {HEAD "listeners = \"all\";", "listeners is a text: must be a list of groups", 1},
    {HEAD "listeners = ( );", "listeners has 0 members", 1},
    {HEAD "listeners = ( 5 );", "a member of listeners is a number: must be a group", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"imap\"; },\n { name = \"a\"; protocol = "
          "\"pop3\"; } );",
     "p.conf:3: listener \"a\" stands here twice", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"imap\"; }, { name = \"b\"; protocol = "
          "\"imap\"; } );",
     "listeners \"a\" and \"b\" have the same address and port 143", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"nntp\"; } );",
     "listeners.protocol is \"nntp\": must be one of smtp|submission|imap|pop3|lmtp", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"smtp\"; tls = \"implicit\"; } );",
     "listeners.port is not set: a has no usual one", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"smtp\"; addresses = [ \"localhost\" ]; } );",
     "listeners.addresses \"localhost\" is not a numeric address", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"lmtp\"; } );",
     "listeners.port is not set: a has no usual one", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"lmtp\"; port = 25; } );",
     "listeners.port of a is 25, but it speaks lmtp", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"lmtp\"; addresses = [ \"/\" ]; } );",
     "listeners.addresses \"/\" is not a socket's path", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"lmtp\"; addresses = [ \"/run/x\" ]; "
          "socket_mode = \"0777\"; } );",
     "listeners.socket_mode is \"0777\": must be one of 0600|0660|0666", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"lmtp\"; addresses = [ \"/run/x\", \"::1\" ]; "
          "port = 24; }, { name = \"b\"; protocol = \"lmtp\"; addresses = [ \"/run/x\" ]; } );",
     "listeners \"a\" and \"b\" have the same address", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"smtp\"; tls = \"none\"; proxy = true; } );",
     "listeners.proxy is true for a, but net.proxy_networks is empty", 1},
    {HEAD "listeners = ( { name = \"A b\"; protocol = \"smtp\"; } );",
     "listeners.name \"A b\" is not a name", 1},
    {HEAD "listeners = ( { name = \"a\"; protocol = \"smtp\"; ports = 5; } );",
     "listeners.ports is not a key: did you mean listeners.port?", 1},
    {HEAD "listeners = ( { protocol = \"smtp\"; } );", "listeners.name is not set", 1},
    {HEAD "port_offset = 65000;",
     "p.conf:2: port 587 of listener \"submission\" with port_offset 65000 is 65587", 3},
    {HEAD "log_level = ;", "p.conf:2: syntax error: a key is written name = value", 1},
    {HEAD "log_level = \"info\";\nlog_level = \"warn\";", "p.conf:3: duplicate setting name", 1},
    {HEAD "smtp = { a = { b = { c = { d = { e = 1; }; }; }; }; };", "\"c\" is nested too deeply",
     2},
};

TEST(test_each_mistake_is_told_with_its_line_and_the_remedy)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf told;
        check_case = bad[i].text;
        buf_init(&told, 0);
        const struct settings *settings =
            conf_parse(span_of(bad[i].text), "/etc/p.conf", on_complaint, &told);
        buf_put_byte(&told, '\0');
        const char *text = buf_span(&told).ptr;
        unsigned count = 0;
        for (const char *at = text; *at != '\0'; at++)
            count += *at == '\n';
        check(settings == NULL);
        if (strstr(text, bad[i].wanted) == NULL || count != bad[i].count)
            CHECK_FAILED("wanted %u with \"%s\", got %u: %s", bad[i].count, bad[i].wanted, count,
                         text);
        conf_unref(&settings);
        buf_release(&told);
    }
}

TEST(test_routes_are_filled_and_their_domains_sorted)
{
    const struct settings *settings = conf_parse(
        span_of(HEAD
                "routes = ( { domains = [ \"B.test\", \"*\" ]; via = \"mx\"; tls = \"may\"; },\n"
                "{ domains = [ \".a.test\" ]; via = \"lmtp\"; host = \"/run/l\"; },\n"
                "{ domains = [ \"a.test\" ]; via = \"host\"; host = \"h\"; tls = "
                "\"implicit\"; user = \"u\"; password = \"p\"; },\n"
                "{ domains = [ \"c.test\" ]; via = \"host\"; host = \"h\"; tls = \"off\"; },\n"
                "{ domains = [ \"d.test\" ]; via = \"refuse\"; } );"),
        "/etc/p.conf", on_complaint, NULL);
    static const char *const sorted[] = {"*", ".a.test", "a.test", "b.test", "c.test", "d.test"};
    check(settings != NULL);
    if (settings == NULL)
        return;
    const struct settings_relay *relay = &settings->relay;
    check_int(relay->route_count, 5);
    check_int(relay->route_domain_count, 6);
    for (size_t i = 0; i < 6; i++)
        check_text(relay->route_domains[i].domain, sorted[i]);
    check_int(relay->route_domains[0].route, 0);
    check_int(relay->route_domains[5].route, 4);
    check_int(relay->routes[0].port, 0);
    check_text(relay->routes[0].verify, "required");
    check_int(relay->routes[1].tls, RELAY_TLS_OFF);
    check_text(relay->routes[1].verify, "off");
    check_int(relay->routes[2].port, 465);
    check_text(relay->routes[2].user, "u");
    check_int(relay->routes[3].port, 25);
    check_text(relay->routes[3].verify, "off");
    check_text(relay->routes[4].text, "no mail for this domain is sent from here");
    conf_unref(&settings);
}

TEST(test_a_nul_byte_is_told)
{
    struct buf told;
    const char text[] = HEAD "log_level = \"info\";\0smtp = 1;";

    buf_init(&told, 0);
    check(conf_parse(span_make(text, sizeof text - 1), "/etc/p.conf", on_complaint, &told) == NULL);
    check_span(buf_span(&told),
               "p.conf:2: there is a NUL byte here: write the file as plain text\n");
    buf_release(&told);
}

static const struct settings *parse(const char *text)
{
    struct buf told;

    buf_init(&told, 0);
    const struct settings *settings =
        conf_parse(span_of(text), "/etc/postern/p.conf", on_complaint, &told);
    check_span(buf_span(&told), "");
    buf_release(&told);
    return settings;
}

TEST(test_values_arrive_and_defaults_fill_the_rest)
{
    const struct settings *settings = parse(
        HEAD
        "port_offset = 10000; data_dir = \"data\"; loops = 2;\n"
        "smtp = { message_size_max = \"25M\"; command_timeout = \"90s\"; recipients_max = 100;\n"
        "  relay_networks = [ \"10.0.0.0/8\", \"::1\" ]; auth_without_tls = true; };\n"
        "relay = { smarthost = \"192.0.2.1\"; smarthost_tls = \"off\"; smarthost_port = 2525;\n"
        "  resolver = \"[::1]:5353\"; };\n"
        "tls = { key = \"/k.pem\"; };\n");
    if (settings == NULL)
        return;
    check_text(settings->server.data_dir, "/etc/postern/data");
    check_text(settings->tls.pairs[0].certificate, "/etc/postern/tls/server.pem");
    check_text(settings->tls.pairs[0].key, "/k.pem");
    check_text(settings->tls.trusted, "");
    check_int(settings->server.loops, 2);
    check_int(settings->smtp.message_size_max, 25 << 20);
    check_int(settings->smtp.command_timeout_ms, 90000);
    check_int(settings->smtp.data_timeout_ms, 180000);
    check_int(settings->smtp.recipients_max, 100);
    check_int(settings->smtp.relay_network_count, 2);
    check_text(settings->smtp.relay_networks[1], "::1");
    check(settings->smtp.auth_without_tls);
    check_text(settings->smtp.subaddress_separator, "+");
    check_int(settings->relay.smarthost_tls, RELAY_TLS_OFF);
    check_int(settings->relay.smarthost_port, 2525);
    check_int(settings->relay.expire_ms, 5 * 86400000LL);
    check_int(settings->imap.idle_timeout_ms, 30 * 60000);
    check_int(settings->listener_count, 7);
    check_text(settings->listeners[2].name, "submissions");
    check_int(settings->listeners[2].tls, LISTENER_IMPLICIT);
    check_int(settings->listeners[2].port, 10465);
    check_text(settings->listeners[6].addresses[1], "::");
    check_text(settings->file, "/etc/postern/p.conf");
    conf_unref(&settings);
}

TEST(test_a_server_without_tls_needs_no_certificate)
{
    const struct settings *settings =
        parse(HEAD "listeners = ( { name = \"lab\"; protocol = \"imap\"; tls = \"none\"; "
                   "addresses = ( \"127.0.0.1\" ); } );");
    if (settings == NULL)
        return;
    check_text(settings->tls.pairs[0].certificate, "");
    check_int(settings->listeners[0].port, 143);
    check_int(settings->listeners[0].tls, LISTENER_NO_TLS);
    conf_unref(&settings);
}

static const struct restart_case {
    const char *change, *wanted; /* NULL: none needed */
} restarts[] = {
    {"", NULL},
    {"log_level = \"warn\";", NULL},
    {"smtp = { recipients_max = 200; };", NULL},
    {"tls = { certificate = \"/other.pem\"; };", NULL},
    {"loops = 3;", "loops"},
    {"user = \"mail\";", "user"},
    {"data_dir = \"/elsewhere\";", "data_dir"},
    {"store = { segment_size = \"1M\"; };", "segment_size"},
    {"listeners = ( { name = \"a\"; protocol = \"imap\"; } );", "listeners"},
};

TEST(test_what_needs_a_restart_is_named)
{
    const struct settings *old = parse(HEAD);

    for (size_t i = 0; i < sizeof restarts / sizeof *restarts; i++) {
        char text[256];
        check_case = restarts[i].change;
        (void)snprintf(text, sizeof text, "%s%s", HEAD, restarts[i].change);
        const struct settings *new = parse(text);
        const char *key = conf_needs_restart(old, new);
        check_text(key != NULL ? key : "none",
                   restarts[i].wanted != NULL ? restarts[i].wanted : "none");
        conf_unref(&new);
    }
    conf_unref(&old);
}

TEST(test_a_generation_lives_as_long_as_somebody_holds_it)
{
    const struct settings *settings = parse(HEAD);
    const struct settings *other = conf_ref(settings);

    conf_unref(&settings);
    check(settings == NULL);
    check_text(other->server.hostname, "mx.example.org");
    conf_unref(&other);
    conf_unref(&other);
}

static void write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    check_int(file_write_all(path, text, strlen(text), mode, NULL), 0);
    check_int(chmod(path, mode), 0);
}

static void load_file(const char *path, const char *wanted)
{
    struct buf told;

    check_case = wanted;
    buf_init(&told, 0);
    const struct settings *settings = conf_load(path, on_complaint, &told);
    buf_put_byte(&told, '\0');
    check((settings != NULL) == (wanted[0] == '\0'));
    if (strstr(buf_span(&told).ptr, wanted) == NULL || (wanted[0] == '\0' && told.len > 1))
        CHECK_FAILED("wanted \"%s\", got \"%s\"", wanted, buf_span(&told).ptr);
    conf_unref(&settings);
    buf_release(&told);
}

TEST(test_files_and_users_that_are_named_must_be_there)
{
    static const char pair[] = HEAD "tls = {\n certificate = \"c.pem\";\n key = \"k.pem\"; };\n";
    char dir[] = "/tmp/postern-conf-XXXXXX", path[128];

    check(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/p.conf", dir);
    load_file(path, "p.conf:0: could not");
    write_file(dir, "p.conf", pair, 0644);
    load_file(path, "p.conf:3: could not read ");
    load_file(path, "c.pem (tls.certificate): No such file or directory");
    write_file(dir, "c.pem", "c", 0644);
    write_file(dir, "k.pem", "k", 0644);
    load_file(path, "p.conf:4: everybody can read ");
    write_file(dir, "k.pem", "k", 0640);
    load_file(path, "");
    write_file(dir, "p.conf",
               HEAD
               "user = \"nobody-at-all\";\ntls = { certificate = \"c.pem\"; key = \"k.pem\"; };",
               0644);
    load_file(path, "p.conf:2: there is no user \"nobody-at-all\"");
    write_file(dir, "p.conf",
               HEAD "tls = { certificate = \"c.pem\"; key = \"k.pem\"; };\nrelay = { smarthost = "
                    "\"a\"; smarthost_user = \"u\"; smarthost_password = \"p\"; };",
               0644);
    load_file(path, "p.conf, which holds a password: run chmod o=");
    write_file(dir, "p.conf", HEAD "@include \"more.conf\"\n", 0644);
    write_file(dir, "more.conf", "\nlogg_level = 5;\n", 0644);
    load_file(path, "more.conf:2: logg_level is not a key: did you mean log_level?");
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"p.conf", "c.pem", "k.pem", "more.conf"};
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

TEST(test_certificates_stand_beside_the_default)
{
    char text[8192];
    const struct settings *settings = conf_parse(
        span_of(HEAD "tls = { certificate = \"d.pem\"; key = \"d-key.pem\"; staple = \"d.ocsp\"; };"
                     "certificates = ( { certificate = \"/a.pem\"; key = \"a-key.pem\"; },"
                     "{ certificate = \"b.pem\"; key = \"b-key.pem\"; staple = \"b.ocsp\"; } );"),
        "/etc/p.conf", NULL, NULL);
    check(settings != NULL);
    const struct settings_tls *tls = &settings->tls;
    check_int(tls->pair_count, 3);
    check_text(tls->pairs[0].certificate, "/etc/d.pem");
    check_text(tls->pairs[0].staple, "/etc/d.ocsp");
    check_text(tls->pairs[1].certificate, "/a.pem");
    check_text(tls->pairs[1].key, "/etc/a-key.pem");
    check_text(tls->pairs[1].staple, "");
    check_text(tls->pairs[2].staple, "/etc/b.ocsp");
    conf_unref(&settings);
    /* n - 1, n and n + 1 of them */
    for (size_t count = TLS_PAIRS_MAX - 2; count <= TLS_PAIRS_MAX; count++) {
        size_t len = (size_t)snprintf(text, sizeof text, "%scertificates = (", HEAD);
        for (size_t i = 0; i < count; i++)
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "%s{ certificate = \"c\"; key = \"k\"; }", i > 0 ? "," : "");
        len += (size_t)snprintf(text + len, sizeof text - len, ");");
        settings = conf_parse(span_make(text, len), "/etc/p.conf", NULL, NULL);
        check((settings != NULL) == (count < TLS_PAIRS_MAX));
        check(settings == NULL || settings->tls.pair_count == count + 1);
        conf_unref(&settings);
    }
}

CHECK_MAIN({"test_certificates_stand_beside_the_default",
            test_certificates_stand_beside_the_default},
           {"test_each_mistake_is_told", test_each_mistake_is_told_with_its_line_and_the_remedy},
           {"test_routes_are_filled_and_their_domains_sorted",
            test_routes_are_filled_and_their_domains_sorted},
           {"test_a_nul_byte_is_told", test_a_nul_byte_is_told},
           {"test_values_arrive", test_values_arrive_and_defaults_fill_the_rest},
           {"test_a_server_without_tls", test_a_server_without_tls_needs_no_certificate},
           {"test_what_needs_a_restart_is_named", test_what_needs_a_restart_is_named},
           {"test_a_generation_lives", test_a_generation_lives_as_long_as_somebody_holds_it},
           {"test_files_and_users", test_files_and_users_that_are_named_must_be_there})
