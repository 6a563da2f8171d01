/* Settings of the relay and its queue. Times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_RELAY_H
#define POSTERN_CONF_SETTINGS_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum relay_tls {
    RELAY_TLS_STARTTLS, /* upgrade demanded */
    RELAY_TLS_IMPLICIT,
    RELAY_TLS_MAY, /* upgraded where offered, not checked: MX delivery */
    RELAY_TLS_OFF
};

enum relay_protocol { RELAY_PROTOCOL_SMTP, RELAY_PROTOCOL_LMTP };

enum relay_via {
    RELAY_VIA_MX,
    RELAY_VIA_HOST,
    RELAY_VIA_LMTP,
    RELAY_VIA_REFUSE /* nothing goes there */
};

/* Whose mail a route is for. */
enum relay_accept {
    RELAY_ACCEPT_USERS, /* those who may relay: logins and smtp.relay_networks */
    RELAY_ACCEPT_ANYONE /* strangers too, as for a domain that is kept here: a gateway */
};

/* Mail for some domains goes another way than the default. queue/routes.h finds it. */
struct settings_route {
    const char **domains; /* as written: "example.org", ".example.net" (all below), "*" */
    size_t domain_count;
    enum relay_via via;
    const char *host; /* as smarthost; "" unless via host or lmtp */
    uint16_t port;    /* 0: mx_port */
    enum relay_tls tls;
    const char *verify;
    const char *user; /* "": no AUTH */
    const char *password;
    const char *text; /* why it is refused; never empty then */
    enum relay_accept accept_from;
};

struct settings_route_domain {
    const char *domain; /* in lower case */
    size_t route;       /* its place in routes */
};

struct settings_relay {
    struct settings_route *routes;
    size_t route_count;
    struct settings_route_domain *route_domains; /* of all routes, sorted by strcmp(), no doubles */
    size_t route_domain_count;
    /* The rest is the default route, and what all have in common. */
    const char *smarthost; /* host name, address or a unix socket's path; "": by MX look-up */
    enum relay_protocol smarthost_protocol;
    uint16_t smarthost_port;
    enum relay_tls smarthost_tls;
    const char *smarthost_verify; /* "required", "opportunistic", "off" */
    const char *smarthost_user;   /* "": no AUTH */
    const char *smarthost_password;
    const char *mx_tls;         /* "may", "starttls" (demanded), "off" */
    const char *mx_verify;      /* "opportunistic", "required", "off" */
    uint16_t mx_port;           /* 25; others for laboratories */
    bool plaintext_fallback;    /* a handshake that did not work where TLS is not demanded */
    bool mta_sts;               /* policies of RFC 8461 are asked for */
    uint16_t mta_sts_port;      /* 443; others for laboratories */
    int64_t mta_sts_timeout_ms; /* of a fetch; mail waits for so long at most */
    int64_t mta_sts_retry_ms;   /* a fetch that did not work is not tried again sooner */
    int64_t mta_sts_refresh_ms; /* an older policy is fetched anew */
    int64_t mta_sts_unused_ms;  /* not without mail, when no mail asked for it for so long */
    const char *resolver;       /* address[:port] of a DNS server; "": the system's */
    const char *dnssec_anchors; /* file of DS or DNSKEY records; "": nothing is validated */
    bool dane;                  /* TLSA records of hosts with signed addresses count */
    int64_t retry_min_ms;       /* first retry; doubles, with jitter, up to retry_max */
    int64_t retry_max_ms;
    int64_t expire_ms;            /* then a failure report is sent (RFC 5321 4.5.4.1: 4-5 days) */
    int64_t delay_report_ms;      /* mail that waits for so long is reported as delayed; 0: never */
    uint64_t report_original_max; /* a larger message is not returned whole */
    unsigned concurrency_max;     /* connections to one destination */
    unsigned messages_per_connection_max;
    int64_t keep_ms;              /* how long an idle connection is kept for reuse */
    int64_t connect_timeout_ms;   /* to all addresses of a host */
    int64_t connect_stagger_ms;   /* between the beginnings of two */
    int64_t handshake_timeout_ms; /* a TLS handshake as a whole */
    int64_t reply_timeout_ms;
    int64_t data_reply_timeout_ms; /* RFC 5321 4.5.3.2.6: 10 minutes */
    bool chunking;                 /* BDAT where offered */
    bool tls_reports;              /* RFC 8460: counted and sent */
    const char *tls_report_from;   /* address; "": the postmaster of the host */
    const char *tls_report_contact;
    int64_t tls_report_delay_ms; /* after midnight UTC, at most */
    int64_t tls_report_keep_ms;  /* results that could not be reported */
    bool trace;                  /* its connections are written to trace_file */
};

#endif
