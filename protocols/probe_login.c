/*
 * probe_login: the login of a probe: SCRAM-SHA-256 where it is offered, which tells the server no
 * password and makes it prove that it knows one, else PLAIN (RFC 4616), else the protocol's own
 * command (IMAP LOGIN, POP3 USER and PASS) or SMTP's AUTH LOGIN, which was never standardised.
 * Tests: tests/unit/test_probe.c, tests/unit/test_auth_scram_client.c.
 */
#include "auth/scram_client.h"
#include "base/codec.h"
#include "base/mem.h"
#include "protocols/probe_internal.h"
#include "tls/facts.h"

static probe_reply_fn on_scram_first, on_scram_final, on_end;

void probe_login_free(struct probe *probe)
{
    scram_client_free(&probe->scram);
    buf_wipe(&probe->initial);
}

static void put_plain(const struct probe *probe, struct buf *text_out)
{
    struct buf bytes;

    buf_init(&bytes, 0);
    buf_put_byte(&bytes, '\0');
    buf_puts(&bytes, probe->service->user);
    buf_put_byte(&bytes, '\0');
    buf_puts(&bytes, probe->service->password);
    codec_base64_put(buf_span(&bytes), text_out);
    buf_wipe(&bytes);
}

/* A hostile or careless server may say it back. */
bool probe_is_secret(const struct probe *probe, struct span line)
{
    struct buf coded;

    if (probe->service->user == NULL || probe->service->password[0] == '\0')
        return false;
    struct span password = span_of(probe->service->password);
    bool is_found = span_find(line, password) >= 0;
    buf_init(&coded, 0);
    codec_base64_put(password, &coded);
    is_found = is_found || span_find(line, buf_span(&coded)) >= 0;
    buf_wipe(&coded);
    put_plain(probe, &coded);
    is_found = is_found || span_find(line, buf_span(&coded)) >= 0;
    buf_wipe(&coded);
    return is_found;
}

/* ---- Which mechanism ------------------------------------------------------------------------ */

static bool has_word(struct span words, const char *name)
{
    while (words.len > 0)
        if (span_is_nocase(span_cut(&words, ' '), name))
            return true;
    return false;
}

/* "AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN" (old SMTP servers), "SASL PLAIN", "AUTH=PLAIN" (IMAP). */
static bool offers_mechanism(const struct probe *probe, const char *name)
{
    struct span rest = buf_span(&probe->offers), prefix = span_of("AUTH="), words;

    if (probe_offers(probe, probe->row->auth_offer, &words) && has_word(words, name))
        return true;
    while (rest.len > 0) {
        struct span line = span_cut(&rest, '\n');
        if (span_starts_nocase(line, prefix) && has_word(span_from(line, prefix.len), name))
            return true;
    }
    return false;
}

/* A SASL exchange with an initial response, at once or when the server asks for it. */
static struct verdict start_sasl(struct probe *probe, const char *mechanism, struct span response,
                                 probe_reply_fn *on_reply)
{
    struct span rest;
    /* RFC 3501 servers take none on the command's line. */
    bool is_at_once = !probe->row->is_tagged || probe_offers(probe, "SASL-IR", &rest);
    char *text = mem_printf("%s %s%s", probe->row->auth, mechanism, is_at_once ? " " : "");

    probe->mechanism = mechanism;
    buf_wipe(&probe->initial);
    if (!is_at_once)
        buf_put(&probe->initial, response);
    struct verdict next =
        probe_secret(probe, true, text, is_at_once ? response : span_of(""), on_reply);
    mem_free(text);
    return next;
}

static struct verdict start_plain(struct probe *probe)
{
    struct buf response;

    buf_init(&response, 0);
    put_plain(probe, &response);
    struct verdict next = start_sasl(probe, "PLAIN", buf_span(&response), on_end);
    buf_wipe(&response);
    return next;
}

static struct verdict start_scram(struct probe *probe)
{
    const struct probe_service *service = probe->service;
    struct buf first, response;

    probe->scram =
        scram_client_create(span_of(service->user), span_of(service->password), service->entropy);
    buf_init(&first, 0);
    buf_init(&response, 0);
    scram_client_first(probe->scram, &first);
    codec_base64_put(buf_span(&first), &response);
    struct verdict next = start_sasl(probe, "SCRAM-SHA-256", buf_span(&response), on_scram_first);
    buf_release(&first);
    buf_wipe(&response);
    return next;
}

/* The verdict of the server, or its "+" that asks for the initial response. */
static struct verdict on_end(struct probe *probe, enum probe_reply reply, struct span words)
{
    if (reply == PROBE_REPLY_ASK && probe->initial.len > 0) {
        struct verdict next = probe_secret(probe, false, "", buf_span(&probe->initial), on_end);
        buf_wipe(&probe->initial);
        return next;
    }
    if (reply == PROBE_REPLY_ASK)
        return probe_drop(probe, PROBE_NO_PROTOCOL, span_of("a challenge too many"));
    if (reply == PROBE_REPLY_BAD)
        return probe_stop(probe, PROBE_LOGIN_REFUSED, words);
    probe->service->owner->on_login(probe->service->owner_arg, probe->mechanism);
    return probe_stop(probe, PROBE_DONE, span_of(""));
}

/* ---- SCRAM ---------------------------------------------------------------------------------- */

/* The salted password comes from a job in the hash lane. */
static struct verdict on_salted(void *arg, struct job *job)
{
    struct probe *probe = arg;
    struct buf final, response;

    buf_init(&final, 0);
    buf_init(&response, 0);
    scram_client_final(probe->scram, job, &final);
    codec_base64_put(buf_span(&final), &response);
    struct verdict next = probe_secret(probe, false, "", buf_span(&response), on_scram_final);
    buf_wipe(&final);
    buf_wipe(&response);
    return next;
}

static struct verdict on_scram_first(struct probe *probe, enum probe_reply reply, struct span words)
{
    struct buf message;
    struct job *job = NULL;

    if (reply == PROBE_REPLY_ASK && probe->initial.len > 0) {
        struct verdict next =
            probe_secret(probe, false, "", buf_span(&probe->initial), on_scram_first);
        buf_wipe(&probe->initial);
        return next;
    }
    if (reply == PROBE_REPLY_BAD)
        return probe_stop(probe, PROBE_LOGIN_REFUSED, words);
    buf_init(&message, PROBE_LINE_MAX);
    if (reply == PROBE_REPLY_ASK && codec_base64_decode(words, &message) == 0)
        job = scram_client_salt(probe->scram, buf_span(&message));
    buf_release(&message);
    if (job == NULL)
        return probe_drop(probe, PROBE_NOT_PROVED, span_of("its challenge is not acceptable"));
    return want_answer(job, on_salted);
}

static struct verdict on_scram_final(struct probe *probe, enum probe_reply reply, struct span words)
{
    struct buf message;

    if (reply == PROBE_REPLY_BAD)
        return probe_stop(probe, PROBE_LOGIN_REFUSED, words);
    buf_init(&message, PROBE_LINE_MAX);
    bool is_proved = reply == PROBE_REPLY_ASK && codec_base64_decode(words, &message) == 0 &&
                     scram_client_is_proved(probe->scram, buf_span(&message));
    buf_release(&message);
    if (!is_proved)
        return probe_drop(probe, PROBE_NOT_PROVED, span_of(""));
    return probe_secret(probe, false, "", span_of(""), on_end);
}

/* ---- Without SASL --------------------------------------------------------------------------- */

/* RFC 9051 4.3: a quoted string holds neither line ends nor, before IMAP4rev2, bytes above 127. */
static bool put_quoted(const char *text, struct buf *out)
{
    buf_put_byte(out, '"');
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return false;
        if (*text == '"' || *text == '\\')
            buf_put_byte(out, '\\');
        buf_put_byte(out, *text);
    }
    buf_put_byte(out, '"');
    return true;
}

static struct verdict start_imap_login(struct probe *probe)
{
    struct buf names;
    struct verdict next;

    probe->mechanism = "LOGIN";
    buf_init(&names, 0);
    if (put_quoted(probe->service->user, &names)) {
        buf_put_byte(&names, ' ');
        if (put_quoted(probe->service->password, &names)) {
            next = probe_secret(probe, true, "LOGIN ", buf_span(&names), on_end);
            buf_wipe(&names);
            return next;
        }
    }
    buf_wipe(&names);
    return probe_stop(probe, PROBE_NO_MECHANISM,
                      span_of("LOGIN cannot carry the bytes of this name or password"));
}

static struct verdict on_pop3_user(struct probe *probe, enum probe_reply reply, struct span words)
{
    if (reply != PROBE_REPLY_GOOD)
        return probe_stop(probe, PROBE_LOGIN_REFUSED, words);
    return probe_secret(probe, true, "PASS ", span_of(probe->service->password), on_end);
}

static struct verdict start_pop3_user(struct probe *probe)
{
    char *text = mem_printf("USER %s", probe->service->user);
    struct verdict next = probe_command(probe, PROBE_STEP_LOGIN, 0, text, on_pop3_user);

    probe->mechanism = "USER";
    mem_free(text);
    return next;
}

/* What its questions say is not looked at: "Username:" and empty ones exist. */
static struct verdict on_smtp_password(struct probe *probe, enum probe_reply reply,
                                       struct span words)
{
    struct buf coded;

    if (reply != PROBE_REPLY_ASK)
        return probe_stop(probe, PROBE_LOGIN_REFUSED, words);
    buf_init(&coded, 0);
    codec_base64_put(span_of(probe->service->password), &coded);
    struct verdict next = probe_secret(probe, false, "", buf_span(&coded), on_end);
    buf_wipe(&coded);
    return next;
}

static struct verdict start_smtp_login(struct probe *probe)
{
    struct buf coded;

    buf_init(&coded, 0);
    codec_base64_put(span_of(probe->service->user), &coded);
    probe->mechanism = "LOGIN";
    struct verdict next =
        probe_secret(probe, true, "AUTH LOGIN ", buf_span(&coded), on_smtp_password);
    buf_release(&coded);
    return next;
}

/* ---- The choice ----------------------------------------------------------------------------- */

/* RFC 2449 6.3 has USER as an offer; a server without CAPA has no other way. */
static bool offers_user(const struct probe *probe)
{
    struct span rest;

    return probe->offers.len == 0 || probe_offers(probe, "USER", &rest);
}

struct verdict probe_login(struct probe *probe)
{
    const struct probe_service *service = probe->service;
    const struct tls_facts *tls = probe->host->tls;
    struct span rest;

    probe->step = PROBE_STEP_LOGIN;
    if (tls == NULL || (tls->check != PKI_CHECK_GOOD && !service->may_login_unchecked))
        return probe_stop(probe, PROBE_LOGIN_UNSAFE, span_of(""));
    if (offers_mechanism(probe, "SCRAM-SHA-256"))
        return start_scram(probe);
    if (offers_mechanism(probe, "PLAIN"))
        return start_plain(probe);
    if (service->protocol == PROBE_IMAP && !probe_offers(probe, "LOGINDISABLED", &rest))
        return start_imap_login(probe);
    if (service->protocol == PROBE_POP3 && offers_user(probe))
        return start_pop3_user(probe);
    bool is_smtp = service->protocol == PROBE_SMTP || service->protocol == PROBE_LMTP;
    if (is_smtp && offers_mechanism(probe, "LOGIN"))
        return start_smtp_login(probe);
    return probe_stop(probe, PROBE_NO_MECHANISM, span_of(""));
}
