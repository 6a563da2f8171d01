/*
 * date: the date forms of mail: RFC 5322 ("Sat, 21 Nov 2026 10:22:07 +0000"), RFC 3501 date-time
 * ("21-Nov-2026 10:22:07 +0000") and date ("21-Nov-2026"). Seconds since 1970-01-01 UTC.
 */
#ifndef POSTERN_MAIL_DATE_H
#define POSTERN_MAIL_DATE_H

#include "base/span.h"

enum { DATE_TEXT_SIZE = 40 };

void date_rfc5322(int64_t seconds, char out[DATE_TEXT_SIZE]);
void date_imap(int64_t seconds, char out[DATE_TEXT_SIZE]); /* " 1-Nov-2026 ..." two places */
/* RFC 3339 in UTC, "2026-11-21T10:22:07Z". */
void date_rfc3339(int64_t seconds, char out[DATE_TEXT_SIZE]);
/* Obsolete zones and two-digit years too. zone_s_out (may be NULL): offset east of UTC. */
int date_parse_rfc5322(struct span text, int64_t *seconds_out, int *zone_s_out)
    __attribute__((warn_unused_result));
int date_parse_imap(struct span text, int64_t *seconds_out) __attribute__((warn_unused_result));
/* "1-Nov-2026": midnight UTC of that day. */
int date_parse_imap_day(struct span text, int64_t *seconds_out) __attribute__((warn_unused_result));

#endif
