/*
 * dsn: writes delivery status notifications: a multipart/report (RFC 6522) of a text for humans,
 * the message/delivery-status for programs (RFC 3464; RFC 6533 when an address is not ASCII) and
 * what the report is about. When and to whom one is sent is queue/bounce.h's. Tests:
 * tests/unit/test_mail_dsn.c.
 */
#include "mail/dsn.h"

#include "base/utf8.h"
#include "mail/date.h"
#include "mail/lex_internal.h"

#include <stdio.h>

enum { BOUNDARY_SIZE = 96, BOUNDARY_TRIES_MAX = 1000 };

static const struct {
    const char *name, *subject, *text;
} actions[] = {
    [DSN_FAILED] = {"failed", "Undelivered mail: could not be delivered",
                    "Your message could not be delivered to the recipients below, and it will\r\n"
                    "not be tried again. What was said about each of them may tell you why.\r\n"},
    [DSN_DELAYED] = {"delayed", "Delayed mail: still trying to deliver",
                     "Your message could not be delivered yet to the recipients below. It is\r\n"
                     "still being tried; you need not send it again.\r\n"},
    [DSN_DELIVERED] = {"delivered", "Delivered mail",
                       "Your message was delivered to the recipients below.\r\n"},
    [DSN_RELAYED] = {"relayed", "Relayed mail",
                     "Your message was handed on for the recipients below, to systems that do\r\n"
                     "not send notifications of success.\r\n"},
    [DSN_EXPANDED] =
        {"expanded", "Expanded mail: went on to several recipients",
         "Your message went on to all who stand behind the addresses below. You will\r\n"
         "not be told when each of them has it.\r\n"},
};

const char *dsn_action_name(enum dsn_action action)
{
    return actions[action].name;
}

/* "Name: words" folded, with what is unsafe left out; nothing when text is empty. */
static void put_field(struct buf *out, const char *name, const char *prefix, struct span text)
{
    struct lex_fold fold = {out, strlen(name) + 1};

    if (text.len == 0)
        return;
    buf_puts(out, name);
    buf_put_byte(out, ':');
    if (prefix[0] != '\0')
        lex_fold_text(&fold, prefix);
    lex_fold_words(&fold, text);
    buf_puts(out, "\r\n");
}

static void put_date(struct buf *out, const char *name, int64_t seconds)
{
    char date[DATE_TEXT_SIZE];

    date_rfc5322(seconds, date);
    put_field(out, name, "", span_of(date));
}

/* An address or name on one line: a control byte would end the line it stands in. */
static void put_clean(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char code = (unsigned char)text.ptr[i];
        buf_put_byte(out, (char)(code < ' ' || code == 127 ? '?' : text.ptr[i]));
    }
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* ORCPT and ENVID are xtext (RFC 3461 4), decoded here (6.3); controls become '?'. */
static void put_xtext(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        if (text.ptr[i] == '+' && i + 2 < text.len) {
            high = hex_digit(text.ptr[i + 1]);
            low = hex_digit(text.ptr[i + 2]);
        }
        char byte = text.ptr[i];
        if (high >= 0 && low >= 0) {
            byte = (char)(high * 16 + low);
            i += 2;
        }
        put_clean(out, span_make(&byte, 1));
    }
}

static bool has_utf8(const struct dsn *dsn)
{
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        if (!utf8_is_ascii(dsn->recipients[i].final_recipient) ||
            !utf8_is_ascii(dsn->recipients[i].original_recipient))
            return true;
    }
    return false;
}

/* A boundary that is not in the original (RFC 2046 5.1.1). The message id is not known to who
 * wrote the original, so that the first try is as good as any. */
static void choose_boundary(const struct dsn *dsn, char out[BOUNDARY_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    char id[33];
    size_t len = 0;

    for (size_t i = 0; i < dsn->message_id.len && len + 2 < sizeof id; i++) {
        unsigned char code = (unsigned char)dsn->message_id.ptr[i];
        id[len++] = hex[code >> 4];
        id[len++] = hex[code & 15];
    }
    id[len] = '\0';
    for (unsigned try = 0; try < BOUNDARY_TRIES_MAX; try++) {
        int size = snprintf(out, BOUNDARY_SIZE, "=_report_%s_%u", id, try);
        if (span_find(dsn->original, span_make(out, (size_t)size)) < 0)
            return;
    }
}

static void put_header(const struct dsn *dsn, const char *boundary, bool is_8bit, struct buf *out)
{
    enum dsn_action action = dsn->recipient_count > 0 ? dsn->recipients[0].action : DSN_FAILED;

    /* The subject is of the worst that is told: a failure must not hide behind a success. */
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (dsn->recipients[i].action < action)
            action = dsn->recipients[i].action;
    put_date(out, "Date", dsn->now_s);
    buf_puts(out, "From: Mail Delivery System <mailer-daemon@");
    put_clean(out, dsn->hostname);
    buf_puts(out, ">\r\nTo: <");
    put_clean(out, dsn->to);
    buf_printf(out, ">\r\nSubject: %s\r\nMessage-ID: <", actions[action].subject);
    put_clean(out, dsn->message_id);
    buf_printf(out,
               ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
               " boundary=\"%s\"\r\n%s\r\n",
               boundary, is_8bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
}

static void put_human_recipient(const struct dsn_recipient *recipient, struct buf *out)
{
    struct lex_fold fold = {out, 3};

    buf_puts(out, "\r\n<");
    put_clean(out, recipient->final_recipient);
    buf_puts(out, ">\r\n");
    if (recipient->remote_mta.len > 0) {
        buf_puts(out, "    at ");
        put_clean(out, recipient->remote_mta);
        buf_puts(out, "\r\n");
    }
    if (recipient->diagnostic.len > 0) {
        buf_puts(out, "   ");
        lex_fold_words(&fold, recipient->diagnostic);
        buf_puts(out, "\r\n");
    }
    if (recipient->action == DSN_DELAYED && recipient->retry_until_s > 0) {
        char date[DATE_TEXT_SIZE];
        date_rfc5322(recipient->retry_until_s, date);
        buf_printf(out, "    will be tried until %s\r\n", date);
    }
}

/* One text for each action that occurs, and its recipients below it. */
static void put_human(const struct dsn *dsn, bool is_utf8, struct buf *out)
{
    static const enum dsn_action order[] = {DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED,
                                            DSN_EXPANDED};

    buf_printf(out, "Content-Type: text/plain; charset=%s\r\n%s\r\n",
               is_utf8 ? "utf-8" : "us-ascii",
               is_utf8 ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    buf_puts(out, "This is the mail system at ");
    put_clean(out, dsn->hostname);
    buf_puts(out, ".\r\n");
    for (size_t a = 0; a < sizeof order / sizeof *order; a++) {
        bool is_first = true;
        for (size_t i = 0; i < dsn->recipient_count; i++) {
            if (dsn->recipients[i].action != order[a])
                continue;
            if (is_first)
                buf_printf(out, "\r\n%s", actions[order[a]].text);
            is_first = false;
            put_human_recipient(&dsn->recipients[i], out);
        }
    }
}

/* RFC 3461 9.2: what a server replied; what nobody replied is of a type of our own. */
static const char *diagnostic_type(struct span diagnostic)
{
    bool is_reply = diagnostic.len >= 4 && diagnostic.ptr[3] == ' ';

    for (size_t i = 0; is_reply && i < 3; i++)
        is_reply = diagnostic.ptr[i] >= '0' && diagnostic.ptr[i] <= '9';
    return is_reply ? "smtp;" : "x-postern;";
}

static void put_recipient(const struct dsn_recipient *recipient, struct buf *out)
{
    bool is_utf8 = !utf8_is_ascii(recipient->final_recipient);

    buf_puts(out, "\r\n");
    if (recipient->original_recipient.len > 0) {
        buf_puts(out, "Original-Recipient: ");
        put_xtext(out, recipient->original_recipient);
        buf_puts(out, "\r\n");
    }
    buf_printf(out, "Final-Recipient: %s; ", is_utf8 ? "utf-8" : "rfc822");
    put_clean(out, recipient->final_recipient);
    buf_printf(out, "\r\nAction: %s\r\nStatus: ", actions[recipient->action].name);
    put_clean(out, recipient->status);
    buf_puts(out, "\r\n");
    put_field(out, "Remote-MTA", "dns;", recipient->remote_mta);
    put_field(out, "Diagnostic-Code", diagnostic_type(recipient->diagnostic),
              recipient->diagnostic);
    if (recipient->last_attempt_s > 0)
        put_date(out, "Last-Attempt-Date", recipient->last_attempt_s);
    if (recipient->action == DSN_DELAYED && recipient->retry_until_s > 0)
        put_date(out, "Will-Retry-Until", recipient->retry_until_s);
}

static void put_status(const struct dsn *dsn, bool is_utf8, struct buf *out)
{
    buf_printf(out, "Content-Type: message/%sdelivery-status\r\n%s\r\n", is_utf8 ? "global-" : "",
               is_utf8 ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    if (dsn->envelope_id.len > 0) {
        buf_puts(out, "Original-Envelope-Id: ");
        put_xtext(out, dsn->envelope_id);
        buf_puts(out, "\r\n");
    }
    put_field(out, "Reporting-MTA", "dns;", dsn->hostname);
    if (dsn->arrival_s > 0)
        put_date(out, "Arrival-Date", dsn->arrival_s);
    for (size_t i = 0; i < dsn->recipient_count; i++)
        put_recipient(&dsn->recipients[i], out);
}

static const char *const original_types[2][2] = {{"text/rfc822-headers", "message/rfc822"},
                                                 {"message/global-headers", "message/global"}};

void dsn_write(const struct dsn *dsn, struct buf *out)
{
    char boundary[BOUNDARY_SIZE];
    bool is_utf8 = has_utf8(dsn), original_8bit = !utf8_is_ascii(dsn->original);

    choose_boundary(dsn, boundary);
    put_header(dsn, boundary, is_utf8 || original_8bit, out);
    buf_printf(out, "--%s\r\n", boundary);
    put_human(dsn, is_utf8, out);
    buf_printf(out, "\r\n--%s\r\n", boundary);
    put_status(dsn, is_utf8, out);
    buf_printf(out, "\r\n--%s\r\nContent-Type: %s\r\n%s\r\n", boundary,
               original_types[dsn->is_utf8][dsn->is_whole],
               original_8bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    buf_put(out, dsn->original);
    buf_printf(out, "\r\n--%s--\r\n", boundary);
}
