/*
 * syntax: looks at the texts of single keys, for the schema's rows. Each returns NULL or the rest
 * of a sentence that begins with the key and its text: what is wrong and what would be right.
 */
#ifndef POSTERN_CONF_SYNTAX_H
#define POSTERN_CONF_SYNTAX_H

/* RFC 1123 2.1: labels of letters, digits and '-'; no address. */
const char *conf_syntax_hostname(const char *text);
/* A host name, a numeric address or a unix socket's absolute path; "" is none. */
const char *conf_syntax_host(const char *text);
/* A numeric address, IPv4 or IPv6. */
const char *conf_syntax_address(const char *text);
/* The same, or a unix socket's absolute path. */
const char *conf_syntax_listen(const char *text);
/* An address with an optional "/prefix". */
const char *conf_syntax_network(const char *text);
/* An address with an optional port; "" is none. */
const char *conf_syntax_resolver(const char *text);
/* One byte that may stand in a local part and in no domain; "" is none. */
const char *conf_syntax_separator(const char *text);
/* An address of ASCII letters, digits and the usual marks, with a domain; "" is none. */
const char *conf_syntax_mailbox(const char *text);
/* What a route is for: a host name, one with a dot before it, or "*". */
const char *conf_syntax_route_domain(const char *text);
/* A line that a reply may hold: printable ASCII, not too long; "" is none. */
const char *conf_syntax_reply(const char *text);
/* A DNS list (dns/list_rule.h). */
const char *conf_syntax_dns_list(const char *text);
/* The name of a listener. */
const char *conf_syntax_name(const char *text);

#endif
