/*
 * date: the date forms of mail, written and read. Owns the civil calendar (proleptic Gregorian,
 * years 1 to 9999); knows no clock and no local time zone. Tests: tests/unit/test_mail_date.c,
 * tests/fuzz/fuzz_mail_date.c.
 */
#include "mail/date.h"

#include "base/err.h"
#include "mail/lex_internal.h"

#include <stdio.h>

enum { DAY_S = 86400, YEAR_MAX = 9999 };

/* 0001-01-01 00:00:00 and 9999-12-31 23:59:59: what lies outside is written as these. */
static const int64_t seconds_min = -62135596800, seconds_max = 253402300799;

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct civil {
    int year, month /* 1-12 */, day, hour, minute, second, weekday /* 0 is Sunday */;
};

/* Days since 1970-01-01; years are counted from March, so that the leap day is the last one. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct civil civil_from_seconds(int64_t seconds)
{
    if (seconds < seconds_min)
        seconds = seconds_min;
    if (seconds > seconds_max)
        seconds = seconds_max;
    int64_t days = seconds / DAY_S, rest = seconds % DAY_S;
    if (rest < 0) {
        rest += DAY_S;
        days--;
    }

    int64_t shifted = days + 719468; /* since 0000-03-01; never negative here */
    int64_t era = shifted / 146097, day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    int month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    return (struct civil){
        .year = (int)(year_of_era + era * 400) + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
        .weekday = (int)(((days + 4) % 7 + 7) % 7),
    };
}

void date_rfc5322(int64_t seconds, char out[DATE_TEXT_SIZE])
{
    struct civil c = civil_from_seconds(seconds);
    (void)snprintf(out, DATE_TEXT_SIZE, "%s, %d %s %04d %02d:%02d:%02d +0000", weekdays[c.weekday],
                   c.day, months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

void date_imap(int64_t seconds, char out[DATE_TEXT_SIZE])
{
    struct civil c = civil_from_seconds(seconds);
    (void)snprintf(out, DATE_TEXT_SIZE, "%2d-%s-%04d %02d:%02d:%02d +0000", c.day,
                   months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

void date_rfc3339(int64_t seconds, char out[DATE_TEXT_SIZE])
{
    struct civil c = civil_from_seconds(seconds);
    (void)snprintf(out, DATE_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day,
                   c.hour, c.minute, c.second);
}

static int month_days(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

/* Seconds as if the civil time were UTC. A leap second counts as the first of the next minute. */
static int seconds_from_civil(const struct civil *c, int64_t *seconds_out)
{
    if (c->year < 1 || c->year > YEAR_MAX || c->month < 1 || c->month > 12)
        return ERR_SYNTAX;
    if (c->day < 1 || c->day > month_days(c->year, c->month))
        return ERR_SYNTAX;
    if (c->hour > 23 || c->minute > 59 || c->second > 60)
        return ERR_SYNTAX;

    *seconds_out = days_from_civil(c->year, c->month, c->day) * DAY_S + (int64_t)c->hour * 3600 +
                   (int64_t)c->minute * 60 + c->second;
    return 0;
}

/* Takes min to max digits off the front; the number, or -1. */
static int take_number(struct span *rest, size_t min, size_t max, size_t *digits_out)
{
    int value = 0;
    size_t digits = 0;

    while (digits < rest->len && digits < max && rest->ptr[digits] >= '0' &&
           rest->ptr[digits] <= '9')
        value = value * 10 + (rest->ptr[digits++] - '0');
    if (digits < min ||
        (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9'))
        return -1;
    lex_advance(rest, digits);
    if (digits_out != NULL)
        *digits_out = digits;
    return value;
}

static struct span take_letters(struct span *rest)
{
    size_t len = 0;

    while (len < rest->len && lex_lower(rest->ptr[len]) >= 'a' && lex_lower(rest->ptr[len]) <= 'z')
        len++;
    struct span letters = span_first(*rest, len);
    lex_advance(rest, len);
    return letters;
}

static bool take_byte(struct span *rest, char byte)
{
    if (rest->len == 0 || rest->ptr[0] != byte)
        return false;
    lex_advance(rest, 1);
    return true;
}

/* 1 to 12, or 0. */
static int month_of(struct span name)
{
    for (int i = 0; i < 12; i++) {
        if (span_is_nocase(name, months[i]))
            return i + 1;
    }
    return 0;
}

/* Offset east of UTC in seconds. The letters of RFC 5322 4.3 that are not listed, and what is
 * missing, mean that the zone is not known: UTC. */
static int take_zone(struct span *rest, int *zone_s_out)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6},
                 {"MDT", -6}, {"MST", -7}, {"PDT", -7}, {"PST", -8}};

    *zone_s_out = 0;
    bool is_west = rest->len > 0 && rest->ptr[0] == '-';
    if (is_west || (rest->len > 0 && rest->ptr[0] == '+')) {
        lex_advance(rest, 1);
        int number = take_number(rest, 4, 4, NULL);
        if (number < 0 || number % 100 > 59)
            return ERR_SYNTAX;
        int zone_s = number / 100 * 3600 + number % 100 * 60;
        *zone_s_out = is_west ? -zone_s : zone_s;
        return 0;
    }

    struct span name = take_letters(rest);
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (span_is_nocase(name, zones[i].name))
            *zone_s_out = zones[i].hours * 3600;
    }
    return 0;
}

/* "10:22", "10:22:07", with white space and comments anywhere (RFC 5322 4.3). */
static int take_time(struct span *rest, struct civil *c)
{
    c->hour = take_number(rest, 1, 2, NULL);
    lex_skip_cfws(rest);
    if (c->hour < 0 || !take_byte(rest, ':'))
        return ERR_SYNTAX;
    lex_skip_cfws(rest);
    c->minute = take_number(rest, 2, 2, NULL);
    if (c->minute < 0)
        return ERR_SYNTAX;
    lex_skip_cfws(rest);
    if (take_byte(rest, ':')) {
        lex_skip_cfws(rest);
        c->second = take_number(rest, 2, 2, NULL);
        lex_skip_cfws(rest);
    }
    return c->second < 0 ? ERR_SYNTAX : 0;
}

/* "21 Nov 2026", also "21-Nov-26". */
static int take_day(struct span *rest, struct civil *c)
{
    size_t digits = 0;

    c->day = take_number(rest, 1, 2, NULL);
    lex_skip_cfws(rest);
    (void)take_byte(rest, '-');
    c->month = month_of(take_letters(rest));
    lex_skip_cfws(rest);
    (void)take_byte(rest, '-');
    c->year = take_number(rest, 2, 4, &digits);
    lex_skip_cfws(rest);
    if (c->day < 0 || c->month == 0 || c->year < 0)
        return ERR_SYNTAX;
    if (digits == 2 && c->year < 50)
        c->year += 2000;
    else if (digits < 4)
        c->year += 1900;
    return 0;
}

int date_parse_rfc5322(struct span text, int64_t *seconds_out, int *zone_s_out)
{
    struct civil c = {0};
    int zone_s = 0;

    lex_skip_cfws(&text);
    if (take_letters(&text).len > 0) {
        lex_skip_cfws(&text);
        (void)take_byte(&text, ',');
        lex_skip_cfws(&text);
    }
    if (take_day(&text, &c) != 0)
        return ERR_SYNTAX;
    /* A day alone is no date-time, but mail has it, and the day is what SENTON looks for. */
    if (text.len > 0 && (take_time(&text, &c) != 0 || take_zone(&text, &zone_s) != 0))
        return ERR_SYNTAX;
    if (seconds_from_civil(&c, seconds_out) != 0)
        return ERR_SYNTAX;

    *seconds_out -= zone_s;
    if (zone_s_out != NULL)
        *zone_s_out = zone_s;
    return 0;
}

/* "1-Nov-2026", "01-Nov-2026" and, in a date-time, " 1-Nov-2026". */
static int take_imap_day(struct span *text, struct civil *c)
{
    c->day = take_number(text, 1, 2, NULL);
    if (c->day < 0 || !take_byte(text, '-'))
        return ERR_SYNTAX;
    c->month = month_of(take_letters(text));
    if (c->month == 0 || !take_byte(text, '-'))
        return ERR_SYNTAX;
    c->year = take_number(text, 4, 4, NULL);
    return c->year < 0 ? ERR_SYNTAX : 0;
}

int date_parse_imap(struct span text, int64_t *seconds_out)
{
    struct civil c = {0};
    int zone_s = 0;

    (void)take_byte(&text, ' ');
    if (take_imap_day(&text, &c) != 0 || !take_byte(&text, ' '))
        return ERR_SYNTAX;
    c.hour = take_number(&text, 2, 2, NULL);
    if (c.hour < 0 || !take_byte(&text, ':'))
        return ERR_SYNTAX;
    c.minute = take_number(&text, 2, 2, NULL);
    if (c.minute < 0 || !take_byte(&text, ':'))
        return ERR_SYNTAX;
    c.second = take_number(&text, 2, 2, NULL);
    if (c.second < 0 || !take_byte(&text, ' '))
        return ERR_SYNTAX;
    if (text.len != 5 || (text.ptr[0] != '+' && text.ptr[0] != '-') ||
        take_zone(&text, &zone_s) != 0)
        return ERR_SYNTAX;
    if (seconds_from_civil(&c, seconds_out) != 0)
        return ERR_SYNTAX;
    *seconds_out -= zone_s;
    return 0;
}

int date_parse_imap_day(struct span text, int64_t *seconds_out)
{
    struct civil c = {0};

    if (take_imap_day(&text, &c) != 0 || text.len > 0)
        return ERR_SYNTAX;
    return seconds_from_civil(&c, seconds_out);
}
