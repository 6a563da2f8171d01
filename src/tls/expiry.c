/*
 * expiry: which of our certificates end soon, told once at each stage. A chain ends with the first
 * of its certificates that does. Looked at by whoever has a timer (server_tls.c). Tests:
 * test_tls_manager.c.
 */
#include <stdio.h>
#include <time.h>

#include "base/codec.h"
#include "tls/own_internal.h"

enum { DAY_S = 86400, NO_STAGE = 0 };

/* Nearer stages come later; the level says how soon somebody must act. */
static const struct stage {
    int64_t left_max_s; /* at most so much is left */
    enum log_level level;
} stages[] = {
    {30 * (int64_t)DAY_S, LOG_WARN},
    {7 * (int64_t)DAY_S, LOG_WARN},
    {1 * (int64_t)DAY_S, LOG_ERROR},
    {-1, LOG_ERROR}, /* the last second of notAfter still counts (RFC 5280 4.1.2.5) */
};

/* The nearest stage that is reached, counted from 1. */
static int stage_of(int64_t left_s)
{
    int stage = NO_STAGE;

    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (left_s <= stages[i].left_max_s)
            stage = (int)i + 1;
    return stage;
}

static int64_t floor_days(int64_t seconds)
{
    return seconds >= 0 ? seconds / DAY_S : -((-seconds + DAY_S - 1) / DAY_S);
}

static void tell(const struct tls_own *own, int stage, int64_t left_s,
                 const struct tls_remarks *remarks)
{
    char names[160], date[32], why[FAULT_TEXT_MAX];
    time_t when = (time_t)own->ends_at_s;
    struct tm tm;

    (void)gmtime_r(&when, &tm);
    (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
    tls_own_names_text(own, names, sizeof names);
    (void)snprintf(why, sizeof why, "the certificate in %s %s on %s; renew it", own->file,
                   left_s < 0 ? "expired" : "expires", date);
    const struct tls_remark remark = {.level = stages[stage - 1].level,
                                      .event = "expiring",
                                      .file = own->file,
                                      .why = why,
                                      .names = names,
                                      .days = floor_days(left_s)};
    tls_remark(remarks, &remark);
}

void tls_expiry_tell(struct tls_generation *generation, const struct tls_remarks *remarks)
{
    int64_t now_s = clock_wall_s(generation->clock);

    for (size_t i = 0; i < generation->own_count; i++) {
        struct tls_own *own = &generation->own[i];
        int64_t left_s = own->ends_at_s - now_s;
        int stage = stage_of(left_s);
        if (atomic_exchange(&own->told_stage, stage) < stage)
            tell(own, stage, left_s, remarks);
    }
}

void tls_expiry_inherit(struct tls_generation *generation, const struct tls_generation *old)
{
    for (size_t i = 0; i < generation->own_count; i++) {
        struct tls_own *own = &generation->own[i];
        const struct tls_own *before = tls_own_find(old, own->fingerprint);
        if (before != NULL)
            atomic_store(&own->told_stage, atomic_load(&before->told_stage));
    }
}
