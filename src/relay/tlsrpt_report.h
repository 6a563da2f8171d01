/*
 * tlsrpt_report: one domain's TLS results of one day as the JSON text of RFC 8460 4.4, and the mail
 * that carries it (RFC 8460 5). Pure functions: who gets it, and when, is tlsrpt_send.c's.
 */
#ifndef POSTERN_RELAY_TLSRPT_REPORT_H
#define POSTERN_RELAY_TLSRPT_REPORT_H

#include "base/buf.h"
#include "store/tls_result.h"

enum { TLSRPT_DAY_S = 86400, TLSRPT_REPORT_ID_SIZE = 64 };

struct tlsrpt_report {
    struct span submitter; /* our host name; also "organization-name" */
    struct span from;      /* address */
    struct span contact;   /* "contact-info" */
    struct span to;        /* addresses, with ", " between */
    const char *id;        /* letters, digits, '.' and '-' */
    int64_t now_s;
    const struct store_tls_result *results; /* all of one domain and day, by policy */
    size_t count;                           /* at least 1 */
};

/* Appends the JSON text: valid UTF-8 whatever the results hold. */
void tlsrpt_report_json(const struct tlsrpt_report *report, struct buf *out);
/* Appends the mail with the JSON in gzip: lines with CRLF. */
void tlsrpt_report_mail(const struct tlsrpt_report *report, struct buf *out);

#endif
