/*
 * probe_rows: the protocols as rows: their commands, how their replies end and what they offer.
 * What is said when is probe.c's. Tests: tests/unit/test_probe.c, tests/fuzz/fuzz_probe.c.
 */
#include "base/err.h"
#include "protocols/probe_internal.h"

/* ---- SMTP and LMTP: RFC 5321 4.2, RFC 3207, RFC 4954 ---------------------------------------- */

static enum probe_reply smtp_read(struct probe *probe, struct span line, struct span *words_out)
{
    uint64_t code = 0;

    if (!span_to_u64(span_first(line, 3), 599, &code) || code < 200)
        return PROBE_REPLY_NONSENSE;
    char separator = line.len > 3 ? line.ptr[3] : ' ';
    if ((separator != ' ' && separator != '-') || (probe->code != 0 && probe->code != code))
        return PROBE_REPLY_NONSENSE;
    *words_out = span_from(line, 4);
    probe->code = (unsigned)code;
    if (separator == '-')
        return PROBE_REPLY_MORE;
    if (code == probe->wanted_code)
        return PROBE_REPLY_GOOD;
    return code == 334 && probe->step == PROBE_STEP_LOGIN ? PROBE_REPLY_ASK : PROBE_REPLY_BAD;
}

static int put_offer(struct probe *probe, struct span offer)
{
    if (offer.len == 0)
        return 0;
    int err = probe->offers.len > 0 ? buf_append(&probe->offers, span_of("\n")) : 0;

    return err != 0 ? err : buf_append(&probe->offers, offer);
}

/* The first line is the server's name. */
static int smtp_take_offer(struct probe *probe, enum probe_reply reply, struct span words)
{
    (void)reply;
    return probe->line_count > 1 ? put_offer(probe, span_trim(words)) : 0;
}

/* ---- IMAP: RFC 9051 2.2, 6.2.1, 7.1 --------------------------------------------------------- */

static bool cut_word(struct span *rest, const char *word)
{
    struct span behind = *rest;

    if (!span_is_nocase(span_cut(&behind, ' '), word))
        return false;
    *rest = behind.ptr != NULL ? behind : span_of("");
    return true;
}

static enum probe_reply imap_greeting(struct probe *probe, struct span *words)
{
    probe->is_preauth = cut_word(words, "PREAUTH");
    if (probe->is_preauth || cut_word(words, "OK"))
        return PROBE_REPLY_GOOD;
    return cut_word(words, "BYE") ? PROBE_REPLY_BAD : PROBE_REPLY_NONSENSE;
}

static enum probe_reply imap_read(struct probe *probe, struct span line, struct span *words_out)
{
    uint64_t tag = 0;

    *words_out = line;
    if (cut_word(words_out, "*")) {
        if (probe->step == PROBE_STEP_GREETING)
            return imap_greeting(probe, words_out);
        struct span behind = *words_out;
        bool is_bye = cut_word(&behind, "BYE") && probe->step != PROBE_STEP_BYE;
        return is_bye ? PROBE_REPLY_BAD : PROBE_REPLY_MORE;
    }
    if (cut_word(words_out, "+"))
        return probe->step == PROBE_STEP_LOGIN ? PROBE_REPLY_ASK : PROBE_REPLY_NONSENSE;
    struct span name = span_cut(words_out, ' ');
    if (words_out->ptr == NULL || name.len < 2 || name.ptr[0] != 'p' ||
        !span_to_u64(span_from(name, 1), UINT32_MAX, &tag) || tag != probe->tag ||
        probe->step == PROBE_STEP_GREETING)
        return PROBE_REPLY_NONSENSE;
    if (cut_word(words_out, "OK"))
        return PROBE_REPLY_GOOD;
    return cut_word(words_out, "NO") || cut_word(words_out, "BAD") ? PROBE_REPLY_BAD
                                                                   : PROBE_REPLY_NONSENSE;
}

static int imap_take_offer(struct probe *probe, enum probe_reply reply, struct span words)
{
    int err = 0;

    if (reply != PROBE_REPLY_MORE || !cut_word(&words, "CAPABILITY"))
        return 0;
    while (words.len > 0 && err == 0)
        err = put_offer(probe, span_cut(&words, ' '));
    return err;
}

/* ---- POP3: RFC 1939 3, RFC 2449 5, RFC 2595 4, RFC 5034 ------------------------------------- */

static enum probe_reply pop3_read(struct probe *probe, struct span line, struct span *words_out)
{
    *words_out = line;
    if (probe->is_list) {
        if (span_is(line, "."))
            return PROBE_REPLY_GOOD;
        *words_out = span_starts(line, span_of(".")) ? span_from(line, 1) : line;
        return PROBE_REPLY_MORE;
    }
    if (cut_word(words_out, "+OK")) {
        probe->is_list = probe->step == PROBE_STEP_OFFERS;
        return probe->is_list ? PROBE_REPLY_MORE : PROBE_REPLY_GOOD;
    }
    if (cut_word(words_out, "-ERR"))
        return PROBE_REPLY_BAD;
    if (cut_word(words_out, "+") && probe->step == PROBE_STEP_LOGIN)
        return PROBE_REPLY_ASK;
    return PROBE_REPLY_NONSENSE;
}

static int pop3_take_offer(struct probe *probe, enum probe_reply reply, struct span words)
{
    return reply == PROBE_REPLY_MORE && probe->line_count > 1 ? put_offer(probe, span_trim(words))
                                                              : 0;
}

/* ---- The rows ------------------------------------------------------------------------------- */

#define SMTP_ROW(alpn_name, hello)                                                                 \
    {                                                                                              \
        .alpn = (alpn_name), .offers = (hello), .says_name = true, .upgrade = "STARTTLS",          \
        .upgrade_offer = "STARTTLS", .bye = "QUIT", .auth = "AUTH", .auth_offer = "AUTH",          \
        .greeting_code = 220, .offers_code = 250, .upgrade_code = 220, .auth_code = 235,           \
        .bye_code = 221, .read = smtp_read, .take_offer = smtp_take_offer,                         \
    }

const struct probe_row probe_rows[PROBE_PROTOCOL_COUNT] = {
    [PROBE_SMTP] = SMTP_ROW("smtp", "EHLO"),
    [PROBE_LMTP] = SMTP_ROW(NULL, "LHLO"),
    [PROBE_IMAP] = {.alpn = "imap",
                    .offers = "CAPABILITY",
                    .upgrade = "STARTTLS",
                    .upgrade_offer = "STARTTLS",
                    .bye = "LOGOUT",
                    .auth = "AUTHENTICATE",
                    .auth_offer = "AUTH=",
                    .is_tagged = true,
                    .read = imap_read,
                    .take_offer = imap_take_offer},
    [PROBE_POP3] = {.alpn = "pop3",
                    .offers = "CAPA",
                    .upgrade = "STLS",
                    .upgrade_offer = "STLS",
                    .bye = "QUIT",
                    .auth = "AUTH",
                    .auth_offer = "SASL",
                    .may_lack_offers = true,
                    .read = pop3_read,
                    .take_offer = pop3_take_offer},
};
