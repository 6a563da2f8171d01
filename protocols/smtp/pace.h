/*
 * pace: how many messages a login may begin in an hour, and how many recipients it may name: what
 * somebody with a stolen password can do before anybody looks. One for all loops and generations of
 * settings; thread-safe. Kept in memory only: a restart forgets.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_PACE_H
#define POSTERN_PROTOCOLS_SMTP_PACE_H

#include <stdbool.h>

enum {
    SMTP_PACE_PERIOD_MS = 3600 * 1000,
    SMTP_PACE_PLACES = 16384, /* logins told apart, 768 KiB in all (base/rate.h) */
    SMTP_PACE_DETAIL_SIZE = 64
};

enum smtp_pace_kind { SMTP_PACE_MESSAGES, SMTP_PACE_RECIPIENTS };

struct smtp_pace;
struct smtp_session;

struct smtp_pace *smtp_pace_create(void);
void smtp_pace_free(struct smtp_pace **pace);

/* Whether the session's login may go on, and one taken; always without a login. Else detail_out
 * says when it may, and the log tells, once a login, kind and hour. */
bool smtp_pace_take(const struct smtp_session *session, enum smtp_pace_kind kind,
                    char detail_out[SMTP_PACE_DETAIL_SIZE]);

#endif
