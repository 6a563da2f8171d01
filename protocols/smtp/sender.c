/*
 * sender: as whom a login may send (RFC 6409 6.1): MAIL FROM must lead to the login's own mailbox,
 * so that who answers, and every report, reaches the one who sent. The From field is the writer's:
 * a secretary may put another's name there. On every listener, or port 25 would be the way round.
 * Tests: tests/dialogue/smtp/submission-sender*.dlg.
 */
#include "protocols/smtp/server_internal.h"

enum {
    SENDERS_TOLD_MAX = 8,   /* of a login with more aliases the first ones are enough */
    SENDERS_TEXT_MAX = 384, /* keeps the reply below the 512 bytes of RFC 5321 4.5.3.1.5 */
    SENDERS_OWN_MAX = 64    /* aliases that are followed to further ones */
};

bool smtp_sender_is_allowed(const struct smtp_session *session, const struct address *address)
{
    const struct smtp_service *service = session->service;
    struct store_target targets[STORE_TARGETS_MAX];
    struct store_account account;
    struct arena arena;
    struct buf key;
    bool is_own = false;

    if (session->login == NULL || service->settings->sender_check == SMTP_SENDER_OFF ||
        address->local.len == 0)
        return true;
    if (store_find_account(service->store, span_of(session->login), &account) < 0)
        return false; /* deleted since */
    arena_init(&arena);
    buf_init(&key, 0);
    address_key(address, &key);
    size_t count = store_resolve(service->store, buf_span(&key),
                                 service->settings->subaddress_separator, &arena, targets);
    for (size_t i = 0; i < count; i++)
        is_own = is_own || targets[i].account == account.id;
    buf_release(&key);
    arena_reset(&arena);
    return is_own;
}

/* Addresses of a login, found by following aliases backwards. */
struct senders {
    struct arena arena;
    struct span own[SENDERS_OWN_MAX];
    size_t count;
};

static bool has_sender(const struct senders *senders, struct span address)
{
    for (size_t i = 0; i < senders->count; i++)
        if (span_equal(senders->own[i], address))
            return true;
    return false;
}

static void on_alias(void *owner, struct span alias, struct span target)
{
    struct senders *senders = owner;

    if (senders->count < SENDERS_OWN_MAX && has_sender(senders, target) &&
        !has_sender(senders, alias))
        senders->own[senders->count++] = arena_copy(&senders->arena, alias);
}

static void senders_find(struct senders *senders, struct store *store, const char *login)
{
    size_t before = 0;

    arena_init(&senders->arena);
    senders->own[0] = span_of(login);
    senders->count = 1;
    for (unsigned depth = 0; depth < STORE_ALIAS_DEPTH_MAX && senders->count > before; depth++) {
        before = senders->count;
        store_each_alias(store, on_alias, senders);
    }
}

/* A reply has bytes above 127 only where the client can read them (RFC 6531 3.7.4). */
static bool is_tellable(struct span address, bool is_utf8)
{
    for (size_t i = 0; i < address.len && !is_utf8; i++)
        if ((unsigned char)address.ptr[i] > 127)
            return false;
    return true;
}

static void senders_put(const struct senders *senders, bool is_utf8, struct buf *out)
{
    size_t told = 0;

    for (size_t i = 0; i < senders->count && told < SENDERS_TOLD_MAX; i++) {
        struct span address = senders->own[i];
        if (!is_tellable(address, is_utf8) || out->len + address.len + 2 > SENDERS_TEXT_MAX)
            continue;
        buf_puts(out, told++ == 0 ? "" : ", ");
        buf_put(out, address);
    }
    if (told == 0)
        buf_puts(out, "the address that it logged in as");
}

struct verdict smtp_sender_refuse(struct smtp_session *session, struct span path, bool is_utf8)
{
    struct senders senders;
    struct log_line log;
    struct buf text;

    smtp_log_begin(session, &log, LOG_INFO, "sender-refused");
    log_text(&log, "user", session->login);
    log_span(&log, "from", path);
    log_end(&log);
    senders_find(&senders, session->service->store, session->login);
    buf_init(&text, 0);
    senders_put(&senders, is_utf8, &text);
    buf_put_byte(&text, '\0');
    struct verdict verdict = smtp_refuse(session, REPLY_SENDER_DENIED, buf_span(&text).ptr);
    buf_release(&text);
    arena_reset(&senders.arena);
    return verdict;
}
