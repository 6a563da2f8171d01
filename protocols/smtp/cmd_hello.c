/*
 * cmd_hello: the commands that carry no mail: HELO, EHLO and its list of extensions, NOOP, RSET,
 * VRFY, EXPN, HELP, QUIT and the offer of STARTTLS. Tests: tests/dialogue/smtp/.
 */
#include "base/mem.h"
#include "mail/address.h"
#include "protocols/smtp/lmtp_internal.h"

/* A domain or a literal by RFC 5321 4.1.1.1, and besides what real clients say: names with
 * underscores, address literals without "IPv6:". Nothing that could do harm in a trace field. */
static bool is_helo_name(struct span name)
{
    if (name.len == 0 || name.len > SMTP_HELO_MAX)
        return false;
    if (address_is_domain(name))
        return true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && (c == '\0' || strchr("-._:[]", c) == NULL))
            return false;
    }
    return true;
}

/* Both greetings end the transaction (RFC 5321 4.1.4). */
static bool take_helo(struct smtp_session *session, struct span argument)
{
    if (!is_helo_name(argument))
        return false;
    smtp_mail_reset(session);
    mem_free(session->helo);
    session->helo = span_dup(argument);
    session->state = SMTP_STATE_READY;
    return true;
}

struct verdict smtp_cmd_helo(struct smtp_session *session, struct span argument)
{
    if (!take_helo(session, argument))
        return smtp_refuse(session, REPLY_HELO_SYNTAX, NULL);
    session->is_esmtp = false;
    out_printf(session->host->out, "250 %s\r\n", session->service->hostname);
    return smtp_next(session);
}

static void put_mechanisms(struct out *out)
{
    out_puts(out, "250-AUTH");
    for (int i = 0; i < AUTH_MECHANISM_COUNT; i++)
        out_printf(out, " %s", auth_mechanism_name((enum auth_mechanism)i));
    out_puts(out, "\r\n");
}

/* LHLO as well: it has EHLO's syntax and answer (RFC 2033 4.1). */
struct verdict smtp_cmd_ehlo(struct smtp_session *session, struct span argument)
{
    const struct smtp_service *service = session->service;
    struct out *out = session->host->out;

    if (!take_helo(session, argument))
        return smtp_refuse(session, REPLY_HELO_SYNTAX, NULL);
    session->is_esmtp = true;
    out_printf(out, "250-%s\r\n", service->hostname);
    out_puts(out,
             "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n"
             "250-DSN\r\n");
    out_printf(out, "250-SIZE %llu\r\n", (unsigned long long)service->settings->message_size_max);
    if (smtp_may_upgrade(session) && session->host->tls == NULL)
        out_puts(out, "250-STARTTLS\r\n");
    if (session->host->tls != NULL) /* RFC 8689 2: only there */
        out_puts(out, "250-REQUIRETLS\r\n");
    if (smtp_may_use_passwords(session))
        put_mechanisms(out);
    out_puts(out, "250 ENHANCEDSTATUSCODES\r\n");
    return smtp_next(session);
}

struct verdict smtp_cmd_noop(struct smtp_session *session, struct span argument)
{
    (void)argument; /* allowed and meaningless (RFC 5321 4.1.1.9) */
    return smtp_say(session, REPLY_OK);
}

struct verdict smtp_cmd_rset(struct smtp_session *session, struct span argument)
{
    (void)argument;
    smtp_mail_reset(session);
    return smtp_say(session, REPLY_OK);
}

/* The same for every name: who exists is not told. */
struct verdict smtp_cmd_vrfy(struct smtp_session *session, struct span argument)
{
    if (argument.len == 0)
        return smtp_refuse(session, REPLY_SYNTAX, NULL);
    return smtp_say(session, REPLY_CANNOT_VERIFY);
}

struct verdict smtp_cmd_expn(struct smtp_session *session, struct span argument)
{
    (void)argument;
    return smtp_refuse(session, REPLY_NOT_IMPLEMENTED, NULL);
}

struct verdict smtp_cmd_help(struct smtp_session *session, struct span argument)
{
    struct out *out = session->host->out;

    (void)argument;
    out_puts(out, "214-2.0.0 Postern knows these commands:\r\n214-2.0.0");
    smtp_commands_put_names(out, session->service->role);
    out_puts(out, "\r\n214 2.0.0 See RFC 5321\r\n");
    return smtp_next(session);
}

struct verdict smtp_cmd_quit(struct smtp_session *session, struct span argument)
{
    (void)argument;
    return smtp_say_and_close(session, REPLY_BYE);
}

/* Only an offer: net/upgrade.c says one of the texts and frees this session. */
struct verdict smtp_cmd_starttls(struct smtp_session *session, struct span argument)
{
    (void)argument;
    if (!smtp_may_upgrade(session))
        return smtp_refuse(session, REPLY_NOT_IMPLEMENTED, NULL);
    return want_upgrade(span_of("220 2.0.0 Start TLS now\r\n"),
                        span_of("503 5.5.1 Plaintext came behind STARTTLS, closing\r\n"),
                        span_of("454 4.7.0 TLS not available due to temporary reason\r\n"));
}
