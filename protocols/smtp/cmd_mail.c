/*
 * cmd_mail: the envelope: MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3), and who may send where. The
 * decision about relaying is in one function, rcpt_decide(). Tests: tests/dialogue/smtp/mail.dlg,
 * recipients*.dlg, relay*.dlg.
 */
#include "base/mem.h"
#include "base/utf8.h"
#include "mail/address.h"
#include "protocols/smtp/lmtp_internal.h"
#include "protocols/smtp/pace.h"
#include "protocols/smtp/params.h"
#include "protocols/smtp/stranger.h"
#include "queue/routes.h"
#include "store/domain.h"

void smtp_mail_reset(struct smtp_session *session)
{
    struct smtp_mail *mail = &session->mail;

    store_body_free(&mail->body);
    unbinary_free(&mail->unbinary);
    buf_release(&mail->header);
    map_deinit(&mail->targets);
    mem_free(mail->recipients);
    arena_reset(&mail->arena);
    *mail = (struct smtp_mail){0};
    arena_init(&mail->arena);
    map_init(&mail->targets);
    if (session->state != SMTP_STATE_START)
        session->state = SMTP_STATE_READY;
}

/* "FROM:" or "TO:", then the path. Old clients put a space between: harmless. */
static bool take_keyword(struct span argument, const char *keyword, struct span *path_out)
{
    if (!span_starts_nocase(argument, span_of(keyword)))
        return false;
    *path_out = span_trim(span_from(argument, strlen(keyword)));
    return true;
}

static enum smtp_server_reply param_reply(enum smtp_params_fault fault)
{
    static const enum smtp_server_reply replies[] = {[SMTP_PARAMS_OK] = REPLY_NONE,
                                                     [SMTP_PARAMS_SYNTAX] = REPLY_PARAM_SYNTAX,
                                                     [SMTP_PARAMS_UNKNOWN] = REPLY_PARAM_UNKNOWN,
                                                     [SMTP_PARAMS_VALUE] = REPLY_PARAM_VALUE};

    return replies[fault];
}

/* As written, for the envelope: a remote local part's case and quotes are its owner's. */
static struct span copy_address(struct arena *arena, const struct address *address)
{
    if (address->local.len == 0)
        return (struct span){"", 0};
    if (address->domain.len == 0)
        return arena_copy(arena, address->local);
    char *text = arena_alloc(arena, address->local.len + 1 + address->domain.len);
    memcpy(text, address->local.ptr, address->local.len);
    text[address->local.len] = '@';
    memcpy(text + address->local.len + 1, address->domain.ptr, address->domain.len);
    return span_make(text, address->local.len + 1 + address->domain.len);
}

static enum smtp_server_reply mail_check(const struct smtp_session *session,
                                         const struct address *address,
                                         const struct smtp_mail_params *params)
{
    if (params->has_size && params->size > session->service->settings->message_size_max)
        return REPLY_TOO_LARGE;
    if (address->is_utf8 && !params->is_utf8)
        return REPLY_NEEDS_UTF8;
    if (params->requires_tls && session->host->tls == NULL)
        return REPLY_REQUIRETLS_PLAIN;
    return REPLY_NONE;
}

struct verdict smtp_cmd_mail(struct smtp_session *session, struct span argument)
{
    struct smtp_mail *mail = &session->mail;
    struct smtp_mail_params params;
    struct address address;
    struct span text, rest;
    char detail[SMTP_PACE_DETAIL_SIZE];
    const char *reason;

    if (session->service->role == SMTP_SUBMISSION && session->login == NULL)
        return smtp_refuse(session, REPLY_LOGIN_FIRST, NULL);
    if (!take_keyword(argument, "FROM:", &text))
        return smtp_refuse(session, REPLY_SYNTAX, NULL);
    if (address_parse_path(text, ADDRESS_REVERSE, &address, &rest, &reason) < 0)
        return smtp_refuse(session, REPLY_SENDER_SYNTAX, reason);
    enum smtp_server_reply refusal = param_reply(smtp_params_mail(rest, &params));
    if (refusal == REPLY_NONE)
        refusal = mail_check(session, &address, &params);
    if (refusal != REPLY_NONE)
        return smtp_refuse(session, refusal, NULL);
    if (!smtp_sender_is_allowed(session, &address))
        return smtp_sender_refuse(session, text, params.is_utf8);
    if (!smtp_pace_take(session, SMTP_PACE_MESSAGES, detail))
        return smtp_refuse(session, REPLY_PACE_MESSAGES, detail);
    mail->reverse_path = copy_address(&mail->arena, &address);
    mail->envelope_id = arena_copy(&mail->arena, params.envelope_id);
    mail->return_kind = params.return_kind; /* lives for ever */
    mail->is_binary = params.body == SMTP_BODY_BINARYMIME;
    mail->flags = (params.body == SMTP_BODY_8BITMIME ? STORE_MAIL_8BIT : 0U) |
                  (params.is_utf8 ? STORE_MAIL_UTF8 : 0U) |
                  (params.requires_tls ? STORE_MAIL_REQUIRETLS : 0U);
    if (params.requires_tls) /* whatever was asked, no report has the message itself: RFC 8689 5 */
        mail->return_kind = span_of("HDRS");
    session->state = SMTP_STATE_MAIL;
    return smtp_say(session, REPLY_SENDER_OK);
}

static bool is_local_domain(const struct smtp_service *service, struct span domain)
{
    for (size_t i = 0; i < service->domain_count; i++)
        if (span_is_nocase(domain, service->domains[i]))
            return true;
    return store_has_domain(service->store, domain);
}

/* A login, or a peer in relay_networks on the MX port. Nothing in the address matters: '%', '!',
 * quotes and routes are not special (THREATS 20). */
static bool may_relay(const struct smtp_session *session)
{
    const struct smtp_service *service = session->service;

    if (session->login != NULL)
        return true;
    if (service->role != SMTP_MX)
        return false;
    for (size_t i = 0; i < service->relay_network_count; i++)
        if (network_has(&service->relay_networks[i], &session->host->peer))
            return true;
    return false;
}

/* One RCPT: what of it is decided. Nothing of a refused one stays in the transaction, which a
 * client may hold open for as many of them as it likes. */
struct rcpt {
    struct address address; /* with a domain: <postmaster> (RFC 5321 4.5.1) is the first one's */
    struct smtp_rcpt_params params;
    struct arena arena; /* of what is decided here */
    struct span key;    /* of a local address */
    struct store_target targets[STORE_TARGETS_MAX];
    size_t count;
    const char *detail; /* of the refusal, or NULL */
};

/* A domain that is not kept here: whose mail for it is taken follows from who he is and from the
 * domain's route. LMTP never relays, not even for a gateway's domains: it is for what is kept here.
 */
static enum smtp_server_reply decide_remote(const struct smtp_session *session, struct rcpt *rcpt)
{
    const struct smtp_service *service = session->service;
    struct settings_route route = {.via = RELAY_VIA_MX, .accept_from = RELAY_ACCEPT_USERS};
    bool has_route =
        service->relay != NULL &&
        routes_look_up(service->relay, service->store, rcpt->address.domain, &rcpt->arena, &route);
    bool is_for_anyone =
        has_route && route.accept_from == RELAY_ACCEPT_ANYONE && service->role == SMTP_MX;

    if (!may_relay(session) && !is_for_anyone)
        return smtp_manner(session)->not_local;
    if (has_route && route.via == RELAY_VIA_REFUSE) {
        rcpt->detail = route.text;
        return REPLY_ROUTE_REFUSES;
    }
    rcpt->targets[0] = (struct store_target){0, copy_address(&rcpt->arena, &rcpt->address)};
    rcpt->count = 1;
    return REPLY_NONE;
}

/* Where a forward-path leads: REPLY_NONE when there is at least one target. */
static enum smtp_server_reply rcpt_decide(const struct smtp_session *session, struct rcpt *rcpt)
{
    const struct smtp_service *service = session->service;
    const char *separator = service->settings->subaddress_separator;

    if (rcpt->address.domain.len == 0 && service->domain_count > 0)
        rcpt->address.domain = span_of(service->domains[0]);
    if (rcpt->address.is_literal || !is_local_domain(service, rcpt->address.domain))
        return decide_remote(session, rcpt);

    struct buf key;
    buf_init(&key, 0);
    address_key(&rcpt->address, &key);
    rcpt->key = arena_copy(&rcpt->arena, buf_span(&key));
    buf_release(&key);
    rcpt->count = store_resolve(service->store, rcpt->key, separator, &rcpt->arena, rcpt->targets);
    /* Temporary, for the postmaster can mend it: to take it would leave some out without a word. */
    if (store_leads_too_far(service->store, rcpt->key, separator))
        return REPLY_ALIAS_TOO_FAR;
    if (rcpt->count > 0)
        return REPLY_NONE;
    return store_leads_to(service->store, rcpt->key, rcpt->key, separator) ? REPLY_ALIAS_CIRCLE
                                                                           : REPLY_NO_SUCH_USER;
}

static void add_recipient(struct smtp_session *session, const struct store_target *target,
                          const struct rcpt *rcpt, const struct smtp_rcpt_params *params)
{
    bool is_forwarded = target->account == 0 && rcpt->key.len > 0;
    struct smtp_mail *mail = &session->mail;

    if (mail->recipient_count == mail->recipient_capacity) {
        mail->recipient_capacity = mail->recipient_capacity == 0 ? 4 : mail->recipient_capacity * 2;
        mail->recipients =
            mem_realloc(mail->recipients, mail->recipient_capacity * sizeof *mail->recipients);
    }
    mail->recipients[mail->recipient_count++] = (struct store_recipient){
        .account = target->account,
        .address = arena_copy(&mail->arena, target->address),
        .original = arena_copy(&mail->arena, params->original),
        .forwarder = is_forwarded ? arena_copy(&mail->arena, rcpt->key) : span_of(""),
        .notify = params->notify};
}

/* Two forward-paths, one target: whoever wants to hear of either hears. */
static unsigned merge_notify(unsigned one, unsigned other)
{
    enum { USUAL = STORE_NOTIFY_FAILURE | STORE_NOTIFY_DELAY };

    if (one == other || other == STORE_NOTIFY_NEVER)
        return one;
    if (one == STORE_NOTIFY_NEVER)
        return other;
    return (one == STORE_NOTIFY_DEFAULT ? USUAL : one) |
           (other == STORE_NOTIFY_DEFAULT ? USUAL : other);
}

/* Each target once, however many forward-paths lead to it. Returns which recipient it is. */
static size_t add_target(struct smtp_session *session, const struct store_target *target,
                         const struct rcpt *rcpt)
{
    struct smtp_mail *mail = &session->mail;
    uintptr_t known = (uintptr_t)map_get(&mail->targets, target->address);

    if (known != 0) {
        struct store_recipient *recipient = &mail->recipients[known - 1];
        recipient->notify = merge_notify(recipient->notify, rcpt->params.notify);
        return known - 1;
    }
    add_recipient(session, target, rcpt, &rcpt->params);
    mail->has_local = mail->has_local || target->account != 0;
    mail->has_remote = mail->has_remote || target->account == 0;
    known = mail->recipient_count;
    (void)map_set(&mail->targets, target->address, (void *)known);
    return known - 1;
}

/* RFC 3461 5.2.7.3 (c): of an address that leads to several, the sender hears once that it did, and
 * nothing of each one's success. The row that owes this goes nowhere. */
static void add_expanded(struct smtp_session *session, struct rcpt *rcpt)
{
    struct smtp_mail *mail = &session->mail;
    struct smtp_rcpt_params *params = &rcpt->params;

    if ((params->notify & STORE_NOTIFY_SUCCESS) == 0)
        return;
    if (mail->reverse_path.len > 0) {
        const struct store_target alias = {0, copy_address(&rcpt->arena, &rcpt->address)};
        struct smtp_rcpt_params owed = *params;
        owed.notify |= STORE_OWES_EXPANDED;
        add_recipient(session, &alias, rcpt, &owed);
    }
    params->notify &= ~(unsigned)STORE_NOTIFY_SUCCESS;
    if (params->notify == STORE_NOTIFY_DEFAULT)
        params->notify = STORE_NOTIFY_NEVER;
}

/* Guessing addresses costs errors, a mailing list with stale members does not: once this session
 * has named a recipient that exists, refused ones are only refused. */
static struct verdict rcpt_refuse(struct smtp_session *session, enum smtp_server_reply reply,
                                  struct span path, const char *detail)
{
    struct log_line log;

    session->mail.refused_count++;
    smtp_log_begin(session, &log, LOG_INFO, "recipient-refused");
    log_span(&log, "rcpt", path);
    log_span(&log, "from", session->mail.reverse_path);
    log_text(&log, "why", smtp_reply_text(reply));
    if (reply == REPLY_LISTED || reply == REPLY_LISTED_LATER)
        log_text(&log, "list", session->host->facts->list);
    log_end(&log);
    if (session->recipient_total == 0)
        return smtp_refuse(session, reply, detail);
    if (detail == NULL)
        return smtp_say(session, reply);
    smtp_reply_put_detail(session->host->out, reply, detail);
    return smtp_next(session);
}

/* Refused ones count: behind one recipient that exists they are no errors, and could go on. */
static bool has_room(const struct smtp_session *session)
{
    unsigned max = session->service->settings->recipients_max;

    return session->mail.rcpt_count + session->mail.refused_count < max &&
           session->mail.recipient_count < (size_t)max + STORE_TARGETS_MAX;
}

/* All its targets into the transaction. */
static struct verdict rcpt_take(struct smtp_session *session, struct rcpt *rcpt)
{
    struct smtp_mail *mail = &session->mail;
    char detail[SMTP_PACE_DETAIL_SIZE];
    size_t indexes[STORE_TARGETS_MAX];

    if (!smtp_pace_take(session, SMTP_PACE_RECIPIENTS, detail)) { /* no error: a list may be long */
        mail->refused_count++;
        smtp_reply_put_detail(session->host->out, REPLY_PACE_RECIPIENTS, detail);
        return smtp_next(session);
    }
    if (rcpt->count > 1)
        add_expanded(session, rcpt);
    for (size_t i = 0; i < rcpt->count; i++)
        indexes[i] = add_target(session, &rcpt->targets[i], rcpt);
    smtp_forward_add(session, indexes, rcpt->count);
    if (mail->rcpt_count++ == 0)
        mail->only_rcpt = copy_address(&mail->arena, &rcpt->address);
    session->recipient_total++;
    session->state = SMTP_STATE_RCPT;
    return smtp_say(session, REPLY_RECIPIENT_OK);
}

struct verdict smtp_cmd_rcpt(struct smtp_session *session, struct span argument)
{
    const struct smtp_mail *mail = &session->mail;
    struct rcpt rcpt;
    struct span text, rest;
    const char *reason;

    if (!take_keyword(argument, "TO:", &text))
        return smtp_refuse(session, REPLY_SYNTAX, NULL);
    if (address_parse_path(text, ADDRESS_FORWARD, &rcpt.address, &rest, &reason) < 0)
        return smtp_refuse(session, REPLY_RECIPIENT_SYNTAX, reason);
    enum smtp_server_reply refusal = param_reply(smtp_params_rcpt(rest, &rcpt.params));
    bool is_utf8 = rcpt.address.is_utf8 || !utf8_is_ascii(rcpt.params.original);
    if (refusal == REPLY_NONE && is_utf8 && (mail->flags & STORE_MAIL_UTF8) == 0)
        refusal = REPLY_NEEDS_UTF8;
    if (refusal != REPLY_NONE)
        return smtp_refuse(session, refusal, NULL);
    if (!has_room(session)) /* temporary and no error: the client sends the rest again */
        return smtp_say(session, REPLY_TOO_MANY_RECIPIENTS);

    refusal = smtp_stranger_refusal(session);
    if (refusal != REPLY_NONE) {
        char detail[SMTP_STRANGER_DETAIL_SIZE];
        return rcpt_refuse(session, refusal, text, smtp_stranger_detail(session, refusal, detail));
    }

    arena_init(&rcpt.arena);
    rcpt.key = span_of("");
    rcpt.count = 0;
    rcpt.detail = NULL;
    refusal = rcpt_decide(session, &rcpt);
    struct verdict verdict = refusal == REPLY_NONE
                                 ? rcpt_take(session, &rcpt)
                                 : rcpt_refuse(session, refusal, text, rcpt.detail);
    arena_reset(&rcpt.arena);
    return verdict;
}
