/*
 * pace: token buckets (base/rate.h) for the messages and recipients of logins. A message counts
 * when MAIL was taken and a recipient when RCPT was, whatever becomes of them: who tries out is
 * bound too, and nothing has to be given back. Tests: tests/dialogue/smtp/pace*.dlg.
 */
#include "protocols/smtp/pace.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/rate.h"
#include "protocols/smtp/server_internal.h"

enum { KIND_COUNT = SMTP_PACE_RECIPIENTS + 1, SECONDS_SHOWN_MAX = 120 };

struct smtp_pace {
    struct rate *taken[KIND_COUNT], *told[KIND_COUNT];
};

struct smtp_pace *smtp_pace_create(void)
{
    struct smtp_pace *pace = mem_new(struct smtp_pace);

    for (int i = 0; i < KIND_COUNT; i++) {
        pace->taken[i] = rate_create(SMTP_PACE_PLACES);
        pace->told[i] = rate_create(SMTP_PACE_PLACES / 2);
    }
    return pace;
}

void smtp_pace_free(struct smtp_pace **pace)
{
    if (*pace == NULL)
        return;
    for (int i = 0; i < KIND_COUNT; i++) {
        rate_free(&(*pace)->taken[i]);
        rate_free(&(*pace)->told[i]);
    }
    mem_free(*pace);
    *pace = NULL;
}

static void tell(const struct smtp_session *session, enum smtp_pace_kind kind, unsigned max)
{
    static const struct rate_limit once = {1, SMTP_PACE_PERIOD_MS};
    int64_t now_ms = clock_monotonic_ms(session->host->clock);
    struct log_line log;

    if (rate_take(session->service->pace->told[kind], span_of(session->login), &once, now_ms) != 0)
        return;
    smtp_log_begin(session, &log, LOG_WARN, "login-limit");
    log_text(&log, "user", session->login);
    log_text(&log, "limit",
             kind == SMTP_PACE_MESSAGES ? "smtp.messages_per_login_hour"
                                        : "smtp.recipients_per_login_hour");
    log_int(&log, "max", max);
    log_end(&log);
}

bool smtp_pace_take(const struct smtp_session *session, enum smtp_pace_kind kind,
                    char detail_out[SMTP_PACE_DETAIL_SIZE])
{
    const struct settings_smtp *settings = session->service->settings;
    unsigned max = kind == SMTP_PACE_MESSAGES ? settings->messages_per_login_hour
                                              : settings->recipients_per_login_hour;
    const struct rate_limit limit = {max, SMTP_PACE_PERIOD_MS};
    int64_t wait_ms;

    if (session->login == NULL || session->service->pace == NULL)
        return true;
    wait_ms = rate_take(session->service->pace->taken[kind], span_of(session->login), &limit,
                        clock_monotonic_ms(session->host->clock));
    if (wait_ms == 0)
        return true;
    tell(session, kind, max);
    long long wait_s = (wait_ms + 999) / 1000;
    (void)snprintf(detail_out, SMTP_PACE_DETAIL_SIZE, "go on in %lld %s",
                   wait_s > SECONDS_SHOWN_MAX ? (wait_s + 59) / 60 : wait_s,
                   wait_s > SECONDS_SHOWN_MAX ? "minutes" : "seconds");
    return false;
}
