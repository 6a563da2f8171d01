/*
 * schema: every key of postern.conf, one row each. The loader, `postern check`, conf/reference.conf
 * and postern.conf(5) come from these rows; there is no second list. What is checked across several
 * keys is check.c. Tests: test_conf_load.c, test_conf_show.c.
 */
#include <stdio.h>

#include "conf/lists_internal.h"
#include "conf/syntax.h"

#define AT(field)             offsetof(struct conf_draft, field), sizeof(((struct conf_draft *)NULL)->field)
#define LIST_AT(field, count) offsetof(struct conf_draft, field), offsetof(struct conf_draft, count)

#define K   1024LL
#define M   (1024LL * K)
#define G   (1024LL * M)
#define S   1000LL
#define MIN (60 * S)
#define H   (60 * MIN)
#define D   (24 * H)

/* clang-format off */
const struct conf_group conf_groups[] = {
    {"tls", "Certificates and policies of TLS. Versions 1.2 and 1.3 only, whatever is set here."},
    {"net", "Connections, buffers and their limits."},
    {"smtp", "The SMTP server: ports 25, 587 and 465."},
    {"imap", "The IMAP server."},
    {"pop3", "The POP3 server."},
    {"store", "The mail store in data_dir."},
    {"auth", "Logins and passwords."},
    {"relay", "The queue and delivery to other servers."},
};
const size_t conf_group_count = sizeof conf_groups / sizeof *conf_groups;

const struct conf_row conf_rows[] = {
{"", "hostname", CONF_STRING, CONF_REQUIRED, "localhost", 0, 0, NULL, AT(settings.server.hostname),
 conf_syntax_hostname, "This host's full name in greetings, EHLO, Received and Message-ID; what its "
 "address resolves back to, since other servers check that."},
{"", "domains", CONF_LIST, CONF_REQUIRED, "localhost", 1, CONF_LIST_MAX, NULL,
 LIST_AT(settings.server.domains, settings.server.domain_count), conf_syntax_hostname,
 "The domains whose mail is kept here, beside those that postern domain adds. The first is the default for login names."},
{"", "data_dir", CONF_STRING, CONF_RESTART | CONF_PATH, ".", 0, 0, NULL, AT(settings.server.data_dir), NULL,
 "Directory of the store and the control socket; relative to this file."},
{"", "user", CONF_STRING, CONF_RESTART, "", 0, 0, NULL, AT(settings.server.user), NULL,
 "User to become after the ports are bound, when started as root; empty: stay who we are."},
{"", "loops", CONF_COUNT, CONF_RESTART, "0", 0, 64, NULL, AT(settings.server.loops), NULL,
 "Event loops, each a thread with its own sockets; 0: one for each core."},
{"", "log_level", CONF_CHOICE, 0, "info", 0, 0, "debug|info|warn|error", AT(settings.server.log_level), NULL,
 "What is logged: info is one line for each mail, login and TLS session."},
{"", "trace_file", CONF_STRING, CONF_PATH, "trace.jsonl", 0, 0, NULL, AT(settings.server.trace_file), NULL,
 "Where each step of connections whose listener has trace = true is written, never a password; relative to this file."},
{"", "trace_format", CONF_CHOICE, 0, "json", 0, 0, "json|text", AT(settings.server.trace_format), NULL,
 "json is one object a line for programs, text is for reading."},
{"", "port_offset", CONF_COUNT, CONF_RESTART, "0", 0, 65535, NULL, AT(port_offset), NULL,
 "Added to the port of each listener: 10000 runs everything without root, beside another server."},

{"tls", "certificate", CONF_STRING, CONF_PATH | CONF_FILE, "tls/server.pem", 0, 0, NULL, AT(settings.tls.pairs[0].certificate), NULL,
 "PEM file with the server's certificate first, its intermediates behind it. May be empty when no listener uses TLS."},
{"tls", "key", CONF_STRING, CONF_PATH, "tls/server-key.pem", 0, 0, NULL, AT(settings.tls.pairs[0].key), NULL,
 "PEM file with the private key, readable by its owner only, who with key_isolation may be root. ECDSA P-256 costs an eighth of the time of RSA-2048."},
{"tls", "staple", CONF_STRING, CONF_PATH, "", 0, 0, NULL, AT(settings.tls.pairs[0].staple), NULL,
 "DER file with the OCSP response for the certificate, refreshed by others; served while it is good. Empty: none."},
{"tls", "trusted", CONF_STRING, CONF_PATH | CONF_FILE, "", 0, 0, NULL, AT(settings.tls.trusted), NULL,
 "PEM file of the authorities that outbound checks trust; empty: the system's."},
{"tls", "revocations", CONF_STRING, CONF_PATH | CONF_FILE, "", 0, 0, NULL, AT(settings.tls.revocations), NULL,
 "PEM file of the authorities' revocation lists, refreshed by others; an old one still counts. Empty: none."},
{"tls", "client_certificate", CONF_STRING, CONF_PATH | CONF_FILE, "", 0, 0, NULL, AT(settings.tls.client_certificate), NULL,
 "PEM file with the certificate, intermediates behind it, that is shown to servers that ask for one; empty: none is."},
{"tls", "client_key", CONF_STRING, CONF_PATH, "", 0, 0, NULL, AT(settings.tls.client_key), NULL,
 "PEM file with its private key."},
{"tls", "key_isolation", CONF_BOOL, CONF_RESTART, "true", 0, 0, NULL, AT(settings.tls.key_isolation), NULL,
 "Keep private keys in a process of their own, the keeper, so that the one that reads from the network has none to lose. Costs a handshake some 100 us."},
{"tls", "rsa_rate_max", CONF_COUNT, 0, "100", 0, 1000000, NULL, AT(settings.tls.rsa_rate_max), NULL,
 "Signatures with RSA keys a second, in all; further such handshakes are refused, since each takes 2 ms and more of a core. 0: no limit."},
{"tls", "server_profile", CONF_STRING, 0, "intermediate", 0, 0, NULL, AT(settings.tls.server_profile), NULL,
 "What clients may negotiate: \"intermediate\" (TLS 1.2 and 1.3), \"modern\" (1.3 only), or a GnuTLS priority string that is no weaker."},
{"tls", "client_profile", CONF_STRING, 0, "intermediate", 0, 0, NULL, AT(settings.tls.client_profile), NULL,
 "The same for connections that the relay makes."},

{"tls", "ticket_key", CONF_STRING, CONF_PATH | CONF_FILE, "", 0, 0, NULL, AT(settings.tls.ticket_key), NULL,
 "File of at least 32 random bytes that seal session tickets; servers that share it resume each other's sessions. "
 "Empty: a random key of this process."},
{"tls", "ticket_time", CONF_TIME, 0, "6h", MIN, 7 * D, NULL, AT(settings.tls.ticket_time_ms), NULL,
 "How long a client may resume a session. The keys made of ticket_key change after three times that long."},
{"tls", "watch", CONF_TIME, 0, "10s", 0, H, NULL, AT(settings.tls.watch_ms), NULL,
 "How often the files named here are looked at; changed ones are loaded when they have been quiet for as long. 0s: only SIGHUP."},

{"net", "connections_max", CONF_COUNT, 0, "10000", 1, 1000000, NULL, AT(settings.net.connections_max), NULL,
 "Connections in all; further ones are told so and closed. An idle TLS session takes about 12 KiB."},
{"net", "connections_per_address_max", CONF_COUNT, 0, "1000", 1, 1000000, NULL, AT(settings.net.connections_per_address_max), NULL,
 "Connections from one address (IPv6: one /64), so that nobody takes all; large, since offices share addresses."},
{"net", "connections_per_network_max", CONF_COUNT, 0, "3000", 0, 1000000, NULL, AT(settings.net.connections_per_network_max), NULL,
 "Connections from one network, trusted ones apart; 0: no limit."},
{"net", "connection_rate_max", CONF_COUNT, 0, "600", 0, 1000000, NULL, AT(settings.net.connection_rate_max), NULL,
 "New connections a minute from one address (IPv6: one /64), trusted ones apart: so many at once, then as many a minute, evenly. Further ones hear 421, BYE or -ERR. 0: no limit."},
{"net", "connection_rate_per_network_max", CONF_COUNT, 0, "6000", 0, 1000000, NULL, AT(settings.net.connection_rate_per_network_max), NULL,
 "The same for one network."},
{"net", "network_prefix_ipv4", CONF_COUNT, CONF_RESTART, "24", 8, 32, NULL, AT(settings.net.network_prefix_ipv4), NULL,
 "How many leading bits make a network of IPv4, for the limits per network."},
{"net", "network_prefix_ipv6", CONF_COUNT, CONF_RESTART, "48", 16, 64, NULL, AT(settings.net.network_prefix_ipv6), NULL,
 "The same for IPv6."},
{"net", "trusted_networks", CONF_LIST, 0, "127.0.0.0/8,::1", 0, CONF_LIST_MAX, NULL,
 LIST_AT(settings.net.trusted_networks, settings.net.trusted_network_count), conf_syntax_network,
 "Networks that no rate of connections and no limit per network binds, whose hosts are greeted at once and looked up nowhere."},
{"net", "handshakes_max", CONF_COUNT, 0, "1000", 1, 1000000, NULL, AT(settings.net.handshakes_max), NULL,
 "TLS handshakes of clients under way, in all; at STARTTLS a further one hears \"454\", NO or -ERR, under implicit TLS it is closed. One takes up to 64 KiB."},
{"net", "handshakes_per_address_max", CONF_COUNT, 0, "100", 1, 1000000, NULL, AT(settings.net.handshakes_per_address_max), NULL,
 "The same for one address (IPv6: one /64)."},
{"net", "output_mark", CONF_SIZE, 0, "256K", 16 * K, 64 * M, NULL, AT(settings.net.output_mark), NULL,
 "A session pauses when so much output waits for a slow reader; also the most that one FETCH slice reads."},
{"net", "handshake_timeout", CONF_TIME, 0, "10s", 1 * S, 10 * MIN, NULL, AT(settings.net.handshake_timeout_ms), NULL,
 "For a TLS handshake as a whole, whatever comes meanwhile, since one under way holds twice the memory of an idle session."},
{"net", "refuse_early_talkers", CONF_BOOL, 0, "true", 0, 0, NULL, AT(settings.net.refuse_early_talkers), NULL,
 "Hang up on clients that speak under implicit TLS before they can have read the greeting, or while smtp.greeting_delay makes it wait: they were not meant for this port, or do not read (docs/THREATS.md)."},
{"net", "session_timeout", CONF_TIME, 0, "5m", 1 * S, 1 * H, NULL, AT(settings.net.session_timeout_ms), NULL,
 "How long a session waits where no key of its protocol says so, and for a peer that reads nothing of a long answer."},
{"net", "last_words_timeout", CONF_TIME, 0, "30s", 1 * S, 10 * MIN, NULL, AT(settings.net.last_words_timeout_ms), NULL,
 "How long a peer may take to read the last reply before it is hung up on."},
{"net", "close_timeout", CONF_TIME, 0, "1s", 0, 1 * MIN, NULL, AT(settings.net.close_timeout_ms), NULL,
 "How long input is still read and dropped after our end, so that a last reply is not lost to a reset."},
{"net", "drain_timeout", CONF_TIME, 0, "30s", 0, 1 * H, NULL, AT(settings.net.drain_timeout_ms), NULL,
 "After SIGTERM: how long commands under way may still take."},
{"net", "proxy_networks", CONF_LIST, 0, "", 0, CONF_LIST_MAX, NULL,
 LIST_AT(settings.net.proxy_networks, settings.net.proxy_network_count), conf_syntax_network,
 "Networks of the proxies that speak to listeners with proxy = true; they are believed whatever address they announce."},
{"net", "backlog", CONF_COUNT, CONF_RESTART, "1024", 1, 65535, NULL, AT(settings.net.backlog), NULL,
 "Connections that the kernel holds for us to accept."},

{"smtp", "message_size_max", CONF_SIZE, 0, "50M", 64 * K, 2 * G, NULL, AT(settings.smtp.message_size_max), NULL,
 "Largest message, told in SIZE and APPENDLIMIT. Base64 makes an attachment a third larger."},
{"smtp", "recipients_max", CONF_COUNT, 0, "1000", 100, 50000, NULL, AT(settings.smtp.recipients_max), NULL,
 "Recipients of one message; the rest is told 452. RFC 5321 4.5.3.1.8 demands at least 100."},
{"smtp", "errors_max", CONF_COUNT, 0, "20", 1, 1000, NULL, AT(settings.smtp.errors_max), NULL,
 "Refused commands of one connection, then it is closed."},
{"smtp", "idle_commands_max", CONF_COUNT, 0, "100", 5, 100000, NULL, AT(settings.smtp.idle_commands_max), NULL,
 "How often a connection may say what brings no mail on (NOOP, RSET, VRFY, HELP, EHLO, empty chunks) between two messages, then it is closed."},
{"smtp", "login_timeout", CONF_TIME, 0, "5m", 1 * S, 1 * H, NULL, AT(settings.smtp.login_timeout_ms), NULL,
 "On listeners for submission: from the greeting, or the upgrade, to the login, whatever is said meanwhile."},
{"smtp", "greeting_delay", CONF_TIME, 0, "200ms", 0, 1 * MIN, NULL, AT(settings.smtp.greeting_delay_ms), NULL,
 "On listeners for mail from other servers: how long the greeting waits, so that clients that do not are seen (net.refuse_early_talkers). Not for net.trusted_networks and smtp.relay_networks. 0s: none."},
{"smtp", "dns_lists", CONF_LIST, 0, "", 0, SMTP_DNS_LISTS_MAX, NULL,
 LIST_AT(settings.smtp.dns_lists, settings.smtp.dns_list_count), conf_syntax_dns_list,
 "DNS lists that are asked about strangers on port 25: \"zen.example.org\", or with the answers that count, \"zen.example.org=127.0.0.2-11\". Refusals and the log name the zone, or NAME where \" as NAME\" stands behind it: for zones that have your key in them. A list that does not answer lists nobody. A login, net.trusted_networks and smtp.relay_networks are no strangers."},
{"smtp", "dns_lists_action", CONF_ENUM, 0, "refuse", 0, 0, "refuse|defer", AT(settings.smtp.dns_lists_action), NULL,
 "What recipients of a listed stranger hear: 550 with the list's words, or 450."},
{"smtp", "reverse_dns", CONF_ENUM, 0, "off", 0, 0, "off|look|required", AT(settings.smtp.reverse_dns), NULL,
 "look shows the name of a stranger's address, where it leads back to the address, in Received and log; required refuses those without (550 5.7.25, or 450 while DNS does not say)."},
{"smtp", "lookup_timeout", CONF_TIME, 0, "5s", 100, 1 * MIN, NULL, AT(settings.smtp.lookup_timeout_ms), NULL,
 "How long the greeting waits for these look-ups at most."},
{"smtp", "lookups_max", CONF_COUNT, 0, "1000", 1, 100000, NULL, AT(settings.smtp.lookups_max), NULL,
 "Strangers that are looked up at once, of each loop; further ones are greeted as if DNS had not answered."},
{"smtp", "messages_per_login_hour", CONF_COUNT, 0, "500", 0, 10000000, NULL, AT(settings.smtp.messages_per_login_hour), NULL,
 "Messages that one login may send in an hour, over all its connections, so that a stolen password is worth little: as many at once, then evenly; further ones hear 450. 0: no limit."},
{"smtp", "recipients_per_login_hour", CONF_COUNT, 0, "2000", 0, 10000000, NULL, AT(settings.smtp.recipients_per_login_hour), NULL,
 "The same for the recipients of these messages."},
{"smtp", "hops_max", CONF_COUNT, 0, "100", 10, 1000, NULL, AT(settings.smtp.hops_max), NULL,
 "Received headers, then the mail is taken to be in a loop. RFC 5321 6.3 demands at least 100 hops."},
{"smtp", "command_line_max", CONF_COUNT, 0, "4096", 1036, 65536, NULL, AT(settings.smtp.command_line_max), NULL,
 "Bytes of one command line. RFC 3461 needs 1036; AUTH and long addresses need more."},
{"smtp", "relay_networks", CONF_LIST, 0, "", 0, CONF_LIST_MAX, NULL,
 LIST_AT(settings.smtp.relay_networks, settings.smtp.relay_network_count), conf_syntax_network,
 "Networks whose hosts may send to other domains on port 25 without a login. Empty: nobody."},
{"smtp", "subaddress_separator", CONF_STRING, 0, "+", 0, 0, NULL, AT(settings.smtp.subaddress_separator), conf_syntax_separator,
 "Mail for user+anything goes to user, when there is nobody of the whole name; this stands between the two. Empty: no such addresses."},
{"smtp", "auth_without_tls", CONF_BOOL, 0, "false", 0, 0, NULL, AT(settings.smtp.auth_without_tls), NULL,
 "Accept passwords in plaintext. For test laboratories only: everybody on the way can read them."},
{"smtp", "sender_check", CONF_ENUM, 0, "login", 0, 0, "login|off", AT(settings.smtp.sender_check), NULL,
 "Whom a login may send as: login is its own address and the aliases that lead to it, off is anybody, for a server that hands mail on."},
{"smtp", "command_timeout", CONF_TIME, 0, "5m", 1 * S, 1 * H, NULL, AT(settings.smtp.command_timeout_ms), NULL,
 "Wait for the next command. RFC 5321 4.5.3.2.7: 5 minutes."},
{"smtp", "data_timeout", CONF_TIME, 0, "3m", 1 * S, 1 * H, NULL, AT(settings.smtp.data_timeout_ms), NULL,
 "Wait for the next block of a message. RFC 5321 4.5.3.2.5: 3 minutes."},

{"imap", "command_line_max", CONF_COUNT, 0, "65536", 8192, 1048576, NULL, AT(settings.imap.command_line_max), NULL,
 "Bytes of one line. RFC 7162 4 asks for 8192; sets of many UIDs need more."},
{"imap", "command_size_max", CONF_SIZE, 0, "1M", 64 * K, 64 * M, NULL, AT(settings.imap.command_size_max), NULL,
 "A whole command with its literals, the message of APPEND apart."},
{"imap", "nesting_max", CONF_COUNT, 0, "50", 5, 1000, NULL, AT(settings.imap.nesting_max), NULL,
 "Depth of parentheses, NOT and OR in SEARCH: deeper ones are attacks."},
{"imap", "errors_max", CONF_COUNT, 0, "20", 1, 1000, NULL, AT(settings.imap.errors_max), NULL,
 "BAD answers of one connection, then BYE."},
{"imap", "login_timeout", CONF_TIME, 0, "60s", 1 * S, 1 * H, NULL, AT(settings.imap.login_timeout_ms), NULL,
 "From the greeting, or the upgrade, to the login, whatever is said meanwhile."},
{"imap", "idle_timeout", CONF_TIME, 0, "30m", 1 * S, 7 * D, NULL, AT(settings.imap.idle_timeout_ms), NULL,
 "Wait for a command after login. RFC 3501 5.4: at least 30 minutes; less for laboratories only."},

{"pop3", "errors_max", CONF_COUNT, 0, "20", 1, 1000, NULL, AT(settings.pop3.errors_max), NULL,
 "Bad commands of one connection, then it is closed."},
{"pop3", "login_timeout", CONF_TIME, 0, "60s", 1 * S, 1 * H, NULL, AT(settings.pop3.login_timeout_ms), NULL,
 "From the greeting, or the upgrade, to the login, whatever is said meanwhile."},
{"pop3", "idle_timeout", CONF_TIME, 0, "10m", 1 * S, 1 * D, NULL, AT(settings.pop3.idle_timeout_ms), NULL,
 "Wait for a command. RFC 1939 3: at least 10 minutes; less for laboratories only."},

{"store", "body_memory_max", CONF_SIZE, CONF_RESTART, "256K", 4 * K, 16 * M, NULL, AT(settings.store.body_memory_max), NULL,
 "A message up to this size is collected in memory and shares its write with others; a larger one becomes a file."},
{"store", "body_memory_total", CONF_SIZE, CONF_RESTART, "64M", 1 * M, 64 * G, NULL, AT(settings.store.body_memory_total), NULL,
 "All messages so collected; above it each further one becomes a file."},
{"store", "segment_size", CONF_SIZE, CONF_RESTART, "64M", 1 * M, 1 * G, NULL, AT(settings.store.segment_size), NULL,
 "Bytes of one file of small messages."},
{"store", "expunge_grace", CONF_TIME, CONF_RESTART, "10m", 0, 7 * D, NULL, AT(settings.store.expunge_grace_ms), NULL,
 "How long a message that was expunged can still be fetched by a session that has it in view."},
{"store", "message_parts_max", CONF_COUNT, CONF_RESTART, "1000", 10, 100000, NULL, AT(settings.store.message_parts_max), NULL,
 "MIME parts of a message that are looked at; further ones stay one piece."},
{"store", "mailboxes_max", CONF_COUNT, CONF_RESTART, "10000", 10, 1000000, NULL, AT(settings.store.mailboxes_max), NULL,
 "Mailboxes of one account."},
{"store", "keywords_max", CONF_COUNT, CONF_RESTART, "54", 1, 54, NULL, AT(settings.store.keywords_max), NULL,
 "Keywords of one mailbox: they share one number of 64 bits with the system flags."},
{"store", "read_threads", CONF_COUNT, CONF_RESTART, "2", 1, 64, NULL, AT(settings.store.read_threads), NULL,
 "Threads that read for IMAP and POP3; the disk is rarely faster with more."},

{"auth", "iterations", CONF_COUNT, 0, "10000", 4096, 10000000, NULL, AT(settings.auth.iteration_count), NULL,
 "PBKDF2 rounds of new passwords: 10000 cost an attacker and us 1.3 ms each. RFC 7677: at least 4096."},
{"auth", "failures_max", CONF_COUNT, 0, "3", 1, 100, NULL, AT(settings.auth.failures_max), NULL,
 "Failed logins of one connection, then it is closed."},
{"auth", "throttle_count", CONF_COUNT, 0, "10", 1, 1000000, NULL, AT(settings.auth.throttle_count), NULL,
 "Failed logins from one address before its answers slow down."},
{"auth", "throttle_time", CONF_TIME, 0, "10m", 1 * S, 1 * D, NULL, AT(settings.auth.throttle_ms), NULL,
 "How long a failed login is remembered."},
{"auth", "cache_time", CONF_TIME, 0, "10m", 0, 1 * D, NULL, AT(settings.auth.cache_ms), NULL,
 "How long a verified password is remembered, as a keyed hash in memory, to spare the rounds; 0s: not at all."},
{"auth", "hash_threads", CONF_COUNT, CONF_RESTART, "1", 1, 64, NULL, AT(settings.auth.hash_threads), NULL,
 "Threads that verify passwords, so that guessing takes no more of the machine than that."},

{"relay", "smarthost", CONF_STRING, 0, "", 0, 0, NULL, AT(settings.relay.smarthost), conf_syntax_host,
 "Server that takes all mail for other domains: a host name, an address, or the path of a unix socket on this machine, which is spoken to "
 "without TLS; empty: each domain's own servers, by MX look-up."},
{"relay", "smarthost_protocol", CONF_ENUM, 0, "smtp", 0, 0, "smtp|lmtp", AT(settings.relay.smarthost_protocol), NULL,
 "What it speaks: lmtp (RFC 2033) is for the mail store that keeps the mail; it answers for each recipient, and only those that it refused are tried again."},
{"relay", "smarthost_port", CONF_COUNT, 0, "587", 1, 65535, NULL, AT(settings.relay.smarthost_port), NULL,
 "Its port; LMTP has no usual one (24 is common) but must not be 25. A unix socket has none."},
{"relay", "smarthost_tls", CONF_ENUM, 0, "starttls", 0, 0, "starttls|implicit|may|off", AT(settings.relay.smarthost_tls), NULL,
 "How it is spoken to: starttls demands the upgrade, implicit is TLS at once (port 465), may upgrades where offered."},
{"relay", "smarthost_verify", CONF_CHOICE, 0, "required", 0, 0, "required|opportunistic|off", AT(settings.relay.smarthost_verify), NULL,
 "Whether its certificate must be good: required sends neither mail nor password before; opportunistic looks, logs and goes on."},
{"relay", "smarthost_user", CONF_STRING, 0, "", 0, 0, NULL, AT(settings.relay.smarthost_user), NULL,
 "Login there; empty: none."},
{"relay", "smarthost_password", CONF_STRING, CONF_SECRET, "", 0, 0, NULL, AT(settings.relay.smarthost_password), NULL,
 "Password there; this file must then not be readable by everybody."},
{"relay", "mx_tls", CONF_CHOICE, 0, "may", 0, 0, "may|starttls|off", AT(settings.relay.mx_tls), NULL,
 "TLS with servers found by MX look-up: may upgrades where offered, starttls sends nothing without."},
{"relay", "mx_verify", CONF_CHOICE, 0, "opportunistic", 0, 0, "opportunistic|required|off", AT(settings.relay.mx_verify), NULL,
 "Whether their certificates must be good. required demands TLS too; few servers on the internet pass, and a forged MX record names its own. "
 "Mail sent with REQUIRETLS goes by required and signed MX records whatever is set here, mail with the header field TLS-Required: No by opportunistic and may."},
{"relay", "mx_port", CONF_COUNT, 0, "25", 1, 65535, NULL, AT(settings.relay.mx_port), NULL,
 "Port of servers found by MX look-up; another than 25 is for laboratories only."},
{"relay", "plaintext_fallback", CONF_BOOL, 0, "true", 0, 0, NULL, AT(settings.relay.plaintext_fallback), NULL,
 "Where TLS is not demanded and a handshake does not work, try the same address once without TLS, with a line in the log. An attacker could hide the offer just as well (RFC 7435); false keeps the mail waiting instead."},
{"relay", "mta_sts", CONF_BOOL, 0, "true", 0, 0, NULL, AT(settings.relay.mta_sts), NULL,
 "Ask for the recipients' domain's MTA-STS policy (RFC 8461) where mail goes by MX, and hold to it: a policy that enforces demands TLS with a good certificate of a host that it names. DANE goes first."},
{"relay", "mta_sts_port", CONF_COUNT, 0, "443", 1, 65535, NULL, AT(settings.relay.mta_sts_port), NULL,
 "The port that policies are fetched from; another one than 443 is for laboratories."},
{"relay", "mta_sts_timeout", CONF_TIME, 0, "60s", 1 * S, 10 * MIN, NULL, AT(settings.relay.mta_sts_timeout_ms), NULL,
 "How long a policy may take to be fetched. The first mail to a domain waits for it, then it goes as if there were none; a policy that is known is used meanwhile."},
{"relay", "mta_sts_retry", CONF_TIME, 0, "5m", 1 * S, 1 * D, NULL, AT(settings.relay.mta_sts_retry_ms), NULL,
 "A policy that could not be fetched is not asked for again sooner."},
{"relay", "mta_sts_refresh", CONF_TIME, 0, "1d", 1 * S, 30 * D, NULL, AT(settings.relay.mta_sts_refresh_ms), NULL,
 "A policy that is older, or half of whose max_age is over, is fetched anew, whether there is mail or not, so that it is there when somebody makes the domain's record vanish."},
{"relay", "mta_sts_unused", CONF_TIME, 0, "90d", 1 * D, 365 * D, NULL, AT(settings.relay.mta_sts_unused_ms), NULL,
 "Policies that no mail has asked for so long are no longer fetched anew."},
{"relay", "resolver", CONF_STRING, 0, "", 0, 0, NULL, AT(settings.relay.resolver), conf_syntax_resolver,
 "Address of a DNS server, with an optional port; empty: the system's. It must pass on DNSSEC records (most do), or dnssec_anchors must be empty."},
{"relay", "dnssec_anchors", CONF_STRING, CONF_PATH, "/usr/share/dns/root.key", 0, 0, NULL, AT(settings.relay.dnssec_anchors), NULL,
 "File with the keys that DNSSEC begins at, as DS or DNSKEY records: the root's, by the package dns-root-data. A missing file is told in the log, and nothing is validated then; "
 "nor is with an empty text, for a resolver that hides DNSSEC records. Without validation there is no DANE, and REQUIRETLS finds no proven MX records."},
{"relay", "dane", CONF_BOOL, 0, "true", 0, 0, NULL, AT(settings.relay.dane), NULL,
 "Mail servers that publish signed TLSA records (DANE, RFC 7672) get mail only over TLS with a certificate that fits them. false ignores the records."},
{"relay", "retry_min", CONF_TIME, 0, "5m", 1 * S, 1 * D, NULL, AT(settings.relay.retry_min_ms), NULL,
 "Wait before the first retry; doubles each time, with jitter. Most greylisting ends within 5 minutes."},
{"relay", "retry_max", CONF_TIME, 0, "4h", 1 * S, 7 * D, NULL, AT(settings.relay.retry_max_ms), NULL,
 "Longest wait between retries; a quarter of it for a destination that nobody is reached at, which is put off with all its mail."},
{"relay", "expire", CONF_TIME, 0, "5d", 1 * S, 30 * D, NULL, AT(settings.relay.expire_ms), NULL,
 "Then the mail is given up and its sender told. RFC 5321 4.5.4.1: 4 to 5 days."},
{"relay", "delay_report", CONF_TIME, 0, "4h", 0, 30 * D, NULL, AT(settings.relay.delay_report_ms), NULL,
 "The sender of mail that has waited for so long is told once, at the next failed try, unless he declined with NOTIFY; 0s: never."},
{"relay", "report_original_max", CONF_SIZE, 0, "50K", 0, 10 * M, NULL, AT(settings.relay.report_original_max), NULL,
 "A failure report returns the whole message when its sender asked for that with RET=FULL and it is no larger; else its header only."},
{"relay", "history_time", CONF_TIME, CONF_RESTART, "14d", 0, 365 * D, NULL, AT(settings.store.history_ms), NULL,
 "How long the history of a message that went on is kept, for postern message. 0s: none is written."},
{"relay", "concurrency_max", CONF_COUNT, 0, "10", 1, 1000, NULL, AT(settings.relay.concurrency_max), NULL,
 "Connections to one destination at a time; many servers refuse more."},
{"relay", "messages_per_connection_max", CONF_COUNT, 0, "100", 1, 100000, NULL, AT(settings.relay.messages_per_connection_max), NULL,
 "Messages over one connection, then a new one is made."},
{"relay", "keep_time", CONF_TIME, 0, "5s", 0, 5 * MIN, NULL, AT(settings.relay.keep_ms), NULL,
 "How long an idle connection is kept for the next message."},
{"relay", "connect_timeout", CONF_TIME, 0, "30s", 1 * S, 10 * MIN, NULL, AT(settings.relay.connect_timeout_ms), NULL,
 "For a connection to be made to one of the addresses of a host."},
{"relay", "connect_stagger", CONF_TIME, 0, "250ms", 10, 10 * S, NULL, AT(settings.relay.connect_stagger_ms), NULL,
 "A host with several addresses is dialled at the next one, IPv6 and IPv4 in turn, when so much time has passed without an answer; the first that answers is used. RFC 8305 5 recommends 250 ms."},
{"relay", "handshake_timeout", CONF_TIME, 0, "30s", 1 * S, 10 * MIN, NULL, AT(settings.relay.handshake_timeout_ms), NULL,
 "For a TLS handshake with another server to end, from the go-ahead on."},
{"relay", "reply_timeout", CONF_TIME, 0, "5m", 1 * S, 1 * H, NULL, AT(settings.relay.reply_timeout_ms), NULL,
 "Wait for the reply to a command. RFC 5321 4.5.3.2: 5 minutes."},
{"relay", "data_reply_timeout", CONF_TIME, 0, "10m", 1 * S, 1 * H, NULL, AT(settings.relay.data_reply_timeout_ms), NULL,
 "Wait for the reply to a whole message. RFC 5321 4.5.3.2.6: 10 minutes, since giving up early makes duplicates."},
{"relay", "chunking", CONF_BOOL, 0, "true", 0, 0, NULL, AT(settings.relay.chunking), NULL,
 "Send messages by BDAT, which saves a round trip, where it is offered; false is for servers that offer it and cannot do it."},
{"relay", "tls_reports", CONF_BOOL, 0, "false", 0, 0, NULL, AT(settings.relay.tls_reports), NULL,
 "Count how TLS came about with other domains' mail servers and send each domain that asks for it a report a day (RFC 8460). Off by default: it tells others about this server's mail, and most take only reports signed with DKIM, which a smarthost or a later version has to add."},
{"relay", "tls_report_from", CONF_STRING, 0, "", 0, 0, NULL, AT(settings.relay.tls_report_from), conf_syntax_mailbox,
 "Sender of these reports; empty: postmaster at the host name."},
{"relay", "tls_report_contact", CONF_STRING, 0, "", 0, 0, NULL, AT(settings.relay.tls_report_contact), conf_syntax_mailbox,
 "Address that a report names for questions; empty: its sender."},
{"relay", "tls_report_delay", CONF_TIME, 0, "4h", 0, 12 * H, NULL, AT(settings.relay.tls_report_delay_ms), NULL,
 "Reports of a day are sent at a random time within so long after midnight UTC, so that not everybody sends at once."},
{"relay", "tls_report_keep", CONF_TIME, 0, "2d", 1 * D, 14 * D, NULL, AT(settings.relay.tls_report_keep_ms), NULL,
 "Results that could not be reported for so long after their day, since DNS did not answer or the server was down, are dropped."},
{"relay", "trace", CONF_BOOL, 0, "false", 0, 0, NULL, AT(settings.relay.trace), NULL,
 "Write each step of its connections to trace_file."},
};
const size_t conf_row_count = sizeof conf_rows / sizeof *conf_rows;

#undef AT
#undef LIST_AT
#define AT(field)                                                                                  \
    offsetof(struct settings_listener, field), sizeof(((struct settings_listener *)NULL)->field)
#define LIST_AT(field, count)                                                                      \
    offsetof(struct settings_listener, field), offsetof(struct settings_listener, count)

const struct conf_row conf_listener_rows[] = {
{"listeners", "name", CONF_STRING, CONF_REQUIRED, "", 0, 0, NULL, AT(name), conf_syntax_name,
 "Its name in the log; each listener has its own."},
{"listeners", "protocol", CONF_ENUM, CONF_REQUIRED, "smtp", 0, 0, "smtp|submission|imap|pop3|lmtp", AT(protocol), NULL,
 "smtp takes mail for our domains from anyone; submission takes mail for anywhere after a login; lmtp (RFC 2033) takes mail for our domains from "
 "another mail server, each recipient with a reply of its own, and has no login: let only that server reach it."},
{"listeners", "tls", CONF_ENUM, 0, "starttls", 0, 0, "starttls|implicit|none", AT(tls), NULL,
 "starttls begins in plaintext and offers the upgrade; implicit is TLS from the first byte."},
{"listeners", "addresses", CONF_LIST, 0, "0.0.0.0,::", 1, 100, NULL, LIST_AT(addresses, address_count), conf_syntax_listen,
 "Numeric addresses to listen on, or whole paths of unix sockets, such as \"/run/postern/lmtp.sock\", which offer no STARTTLS. "
 "A socket that nobody listens on any more is replaced."},
{"listeners", "port", CONF_COUNT, 0, "0", 0, 65535, NULL, AT(port), NULL,
 "Its port; 0: the usual one of protocol and tls (25, 587, 465, 143, 993, 110, 995; lmtp has none and may not be 25). port_offset is added."},
{"listeners", "socket_mode", CONF_CHOICE, 0, "0660", 0, 0, "0600|0660|0666", AT(socket_mode), NULL,
 "Who may connect to its unix sockets: their owner, which is the server's user; socket_group too; or everybody on this machine."},
{"listeners", "socket_group", CONF_STRING, 0, "", 0, 0, NULL, AT(socket_group), NULL,
 "Group of its unix sockets, such as \"postfix\"; empty: that of the server's user."},
{"listeners", "proxy", CONF_BOOL, 0, "false", 0, 0, NULL, AT(proxy), NULL,
 "A proxy such as HAProxy stands before it: each connection begins with a PROXY header (version 1 or 2), whose address then counts as the peer's. "
 "Connections from outside net.proxy_networks are closed; the header has net.handshake_timeout to come."},
{"listeners", "trace", CONF_BOOL, 0, "false", 0, 0, NULL, AT(trace), NULL,
 "Write each step of its connections to trace_file: plaintext lines, handshake messages, checks, alerts."},
};

#undef AT
#define AT(field) \
    offsetof(struct settings_tls_pair, field), sizeof(((struct settings_tls_pair *)NULL)->field)

const struct conf_row conf_certificate_rows[] = {
{"certificates", "certificate", CONF_STRING, CONF_PATH | CONF_REQUIRED, "", 0, 0, NULL, AT(certificate), NULL,
 "PEM file with the certificate, its intermediates behind it; shown to clients that ask for one of its names."},
{"certificates", "key", CONF_STRING, CONF_PATH | CONF_REQUIRED, "", 0, 0, NULL, AT(key), NULL,
 "PEM file with its private key."},
{"certificates", "staple", CONF_STRING, CONF_PATH, "", 0, 0, NULL, AT(staple), NULL,
 "DER file with its OCSP response; empty: none."},
};
/* clang-format on */
const size_t conf_listener_row_count = sizeof conf_listener_rows / sizeof *conf_listener_rows;
const size_t conf_certificate_row_count =
    sizeof conf_certificate_rows / sizeof *conf_certificate_rows;

#undef AT
#undef LIST_AT
#define AT(field)                                                                                  \
    offsetof(struct settings_route, field), sizeof(((struct settings_route *)NULL)->field)
#define LIST_AT(field, count)                                                                      \
    offsetof(struct settings_route, field), offsetof(struct settings_route, count)

/* clang-format off */
const struct conf_row conf_route_rows[] = {
{"routes", "domains", CONF_LIST, CONF_REQUIRED, "*", 1, CONF_LIST_MAX, NULL, LIST_AT(domains, domain_count), conf_syntax_route_domain,
 "Whose mail goes this way: \"example.org\", \".example.org\" for all domains below it, \"*\" for what nothing else fits. The exact name comes first, then the longest ending."},
{"routes", "via", CONF_ENUM, CONF_REQUIRED, "mx", 0, 0, "mx|host|lmtp|refuse", AT(via), NULL,
 "mx: the servers that DNS names; host: the one that host names; lmtp: that one, by LMTP; refuse: such mail is not taken, and what waits fails with a report."},
{"routes", "host", CONF_STRING, 0, "", 0, 0, NULL, AT(host), conf_syntax_host,
 "Name or address of the server, or the path of a unix socket, which has no TLS."},
{"routes", "port", CONF_COUNT, 0, "0", 0, 65535, NULL, AT(port), NULL,
 "Its port; 0: 25, with implicit TLS 465, with lmtp 24, with mx relay.mx_port."},
{"routes", "tls", CONF_ENUM, 0, "starttls", 0, 0, "starttls|implicit|may|off", AT(tls), NULL,
 "starttls demands the upgrade, implicit is TLS at once, may upgrades where offered."},
{"routes", "verify", CONF_CHOICE, 0, "required", 0, 0, "required|opportunistic|off", AT(verify), NULL,
 "Whether the certificate must be good before mail or password go out: with mx too, where few servers on the internet pass."},
{"routes", "user", CONF_STRING, 0, "", 0, 0, NULL, AT(user), NULL,
 "Login there; empty: none."},
{"routes", "password", CONF_STRING, CONF_SECRET, "", 0, 0, NULL, AT(password), NULL,
 "Password there; this file must then not be readable by everybody."},
{"routes", "text", CONF_STRING, 0, "", 0, 0, NULL, AT(text), conf_syntax_reply,
 "With refuse: why, for the sender to read behind 550 5.7.1."},
{"routes", "accept_from", CONF_ENUM, 0, "users", 0, 0, "users|anyone", AT(accept_from), NULL,
 "Whose mail for these domains is taken: that of users (logins and smtp.relay_networks), or anyone's, as a gateway or a second mail server (MX) of the domain does; never with \"*\"."},
};
/* clang-format on */
const size_t conf_route_row_count = sizeof conf_route_rows / sizeof *conf_route_rows;

const char *conf_row_path(const struct conf_row *row, char out[80])
{
    (void)snprintf(out, 80, "%s%s%s", row->group, row->group[0] != '\0' ? "." : "", row->name);
    return out;
}
