/* Settings of the SMTP server. Sizes in bytes, times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_SMTP_H
#define POSTERN_CONF_SETTINGS_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smtp_sender_check {
    SMTP_SENDER_LOGIN, /* MAIL FROM is an address of the login */
    SMTP_SENDER_OFF
};

enum smtp_reverse_dns {
    SMTP_REVERSE_DNS_OFF,
    SMTP_REVERSE_DNS_LOOK,    /* the name is shown */
    SMTP_REVERSE_DNS_REQUIRED /* and who has none is refused */
};

enum smtp_dns_lists_action {
    SMTP_DNS_LISTS_REFUSE, /* 550 5.7.1 */
    SMTP_DNS_LISTS_DEFER   /* 450 4.7.1 */
};

enum { SMTP_DNS_LISTS_MAX = 8 };

struct settings_smtp {
    uint64_t message_size_max;  /* SIZE; also IMAP APPENDLIMIT */
    unsigned recipients_max;    /* per transaction: 452 4.5.3 */
    unsigned errors_max;        /* bad commands per connection, then 421 4.7.0 */
    unsigned idle_commands_max; /* NOOP, RSET, EHLO, empty chunks ... between two messages: 421 */
    int64_t login_timeout_ms;   /* at submission, from the greeting or upgrade to the login */
    int64_t greeting_delay_ms;  /* on port 25, for strangers */
    /* Of strangers on port 25, while the greeting waits. */
    const char **dns_lists;
    size_t dns_list_count;
    enum smtp_dns_lists_action dns_lists_action;
    enum smtp_reverse_dns reverse_dns;
    int64_t lookup_timeout_ms;
    unsigned lookups_max; /* connections that are looked up at once, of each loop */
    /* What a login may begin and name in an hour: 450 4.7.1; 0: no limit. */
    unsigned messages_per_login_hour, recipients_per_login_hour;
    unsigned hops_max;           /* Received headers, then 554 5.4.6 */
    unsigned command_line_max;   /* without CRLF */
    const char **relay_networks; /* may relay without a login on port 25 */
    size_t relay_network_count;
    const char *subaddress_separator;    /* one byte between user and tag; "": no sub-addresses */
    bool auth_without_tls;               /* passwords in plaintext: for test laboratories only */
    enum smtp_sender_check sender_check; /* of a login, on every listener */
    int64_t command_timeout_ms;          /* RFC 5321 4.5.3.2.7: 5 minutes */
    int64_t data_timeout_ms;             /* RFC 5321 4.5.3.2.5: 3 minutes a block */
};

#endif
