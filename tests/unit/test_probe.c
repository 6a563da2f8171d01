/*
 * The probe against scripted servers, without pump, connection or time: what it says, what of it it
 * tells, and what its owner hears. A case is the server's lines, one for each time it waits.
 */
#include <stdio.h>

#include "base/buf.h"
#include "check.h"
#include "net/job.h"
#include "protocols/probe.h"
#include "tls/facts.h"

enum { SECURE = 1, LOGIN = 2, STARTTLS = 4, UPGRADED = 8, RED = 16, INSECURE = 32, QUOTES = 64 };

/* One SCRAM-SHA-256 exchange of user "u" and password "secret", with the nonce that the entropy
 * below gives, salt "salt" and 4096 iterations; computed with Python's hashlib and hmac. */
#define SCRAM_C1 "biwsbj11LHI9QndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NI"
#define SCRAM_S1 "cj1Cd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hhYmMscz1jMkZzZEE9PSxpPTQwOTY="
#define SCRAM_C2                                                                                   \
    "Yz1iaXdzLHI9QndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIYWJjLHA9dmZyalk2TEgraTh5YU92K1NOTzNoTkc3L0NGcVU1" \
    "QlVCZGw5TzBJRVNKMD0="
#define SCRAM_S2 "dj1abm1WUks2NGdoNVBVZjlFeWdpemRvZGMzMjRwTm5TN1U4OTlKUVdqMHV3PQ=="

static const struct probe_case {
    const char *name;
    enum probe_protocol protocol;
    unsigned how;       /* of the names above */
    const char *server; /* lines, separated by '|'; "" is the end of input */
    const char *client; /* everything that it says, CRLF as '|' */
    const char *events;
} cases[] = {
    /* The plain way, and what an upgrade needs. */
    {"smtp upgrade", PROBE_SMTP, STARTTLS, "220 hi|250-me|250-PIPELINING|250 starttls|220 go",
     "EHLO us|STARTTLS|", "offers[PIPELINING,starttls] upgrade "},
    {"lmtp upgrade", PROBE_LMTP, STARTTLS, "220 hi|250-me|250 STARTTLS|220 go", "LHLO us|STARTTLS|",
     "offers[STARTTLS] upgrade "},
    {"imap upgrade", PROBE_IMAP, STARTTLS,
     "* OK hi|* CAPABILITY IMAP4rev2 STARTTLS LOGINDISABLED|p1 OK done|p2 OK go",
     "p1 CAPABILITY|p2 STARTTLS|", "offers[IMAP4rev2,STARTTLS,LOGINDISABLED] upgrade "},
    {"pop3 upgrade", PROBE_POP3, STARTTLS, "+OK hi|+OK list|TOP|..x|STLS|.|+OK go", "CAPA|STLS|",
     "offers[TOP,.x,STLS] upgrade "},
    {"smtp behind the upgrade", PROBE_SMTP, STARTTLS | UPGRADED | SECURE,
     "250-me|250 AUTH PLAIN|221 bye", "EHLO us|QUIT|", "secure[AUTH PLAIN] done@capabilities "},
    {"imap behind the upgrade", PROBE_IMAP, STARTTLS | UPGRADED | SECURE,
     "* CAPABILITY IMAP4rev2|p1 OK|* BYE|p2 OK", "p1 CAPABILITY|p2 LOGOUT|",
     "secure[IMAP4rev2] done@capabilities "},
    {"pop3 implicit", PROBE_POP3, SECURE, "+OK hi|+OK|USER|.|+OK bye", "CAPA|QUIT|",
     "secure[USER] done@capabilities "},
    {"plaintext is looked at where nobody wants TLS", PROBE_SMTP, 0,
     "220-hi|220 there|250 me|221 x", "EHLO us|QUIT|", "offers[] done@capabilities "},
    /* No upgrade. */
    {"smtp stripped", PROBE_SMTP, STARTTLS, "220 hi|250-me|250 XXXXXXXX|221 x", "EHLO us|QUIT|",
     "offers[XXXXXXXX] starttls-not-offered@capabilities "},
    {"imap stripped", PROBE_IMAP, STARTTLS, "* OK|* CAPABILITY IMAP4rev1|p1 OK",
     "p1 CAPABILITY|p2 LOGOUT|", "offers[IMAP4rev1] starttls-not-offered@capabilities "},
    {"pop3 without CAPA", PROBE_POP3, STARTTLS, "+OK|-ERR what", "CAPA|QUIT|",
     "offers[] starttls-not-offered@capabilities:what "},
    {"a keyword that only begins so", PROBE_SMTP, STARTTLS, "220 hi|250-me|250 STARTTLSX",
     "EHLO us|QUIT|", "offers[STARTTLSX] starttls-not-offered@capabilities "},
    {"smtp upgrade refused", PROBE_SMTP, STARTTLS, "220 hi|250-me|250 STARTTLS|454 no key|221",
     "EHLO us|STARTTLS|QUIT|", "offers[STARTTLS] upgrade-refused@upgrade:no key "},
    {"smtp upgrade with another success", PROBE_SMTP, STARTTLS, "220 hi|250-me|250 STARTTLS|250 ok",
     "EHLO us|STARTTLS|QUIT|", "offers[STARTTLS] upgrade-refused@upgrade:ok "},
    {"imap upgrade refused", PROBE_IMAP, STARTTLS,
     "* OK|* CAPABILITY STARTTLS|p1 OK|p2 BAD not now|* BYE",
     "p1 CAPABILITY|p2 STARTTLS|p3 LOGOUT|", "offers[STARTTLS] upgrade-refused@upgrade:not now "},
    {"imap PREAUTH before TLS", PROBE_IMAP, STARTTLS, "* PREAUTH welcome alice|* BYE", "p1 LOGOUT|",
     "preauth@greeting:welcome alice "},
    {"imap PREAUTH under TLS", PROBE_IMAP, SECURE, "* PREAUTH hi|* CAPABILITY A|p1 OK",
     "p1 CAPABILITY|p2 LOGOUT|", "secure[A] done@capabilities "},
    /* Refusals and nonsense. */
    {"smtp greeting refuses", PROBE_SMTP, STARTTLS, "554 go away|221", "QUIT|",
     "greeting-refused@greeting:go away "},
    {"imap greeting refuses", PROBE_IMAP, 0, "* BYE busy", "p1 LOGOUT|",
     "greeting-refused@greeting:busy "},
    {"pop3 greeting refuses", PROBE_POP3, 0, "-ERR busy", "QUIT|",
     "greeting-refused@greeting:busy "},
    {"EHLO refused", PROBE_SMTP, SECURE, "220 hi|550 not you", "EHLO us|QUIT|",
     "capabilities-refused@capabilities:not you "},
    {"pop3 on an smtp port", PROBE_POP3, 0, "220 hi", "", "not-the-protocol@greeting:220 hi "},
    {"smtp on an imap port", PROBE_SMTP, 0, "* OK hi", "", "not-the-protocol@greeting:* OK hi "},
    {"imap on a pop3 port", PROBE_IMAP, 0, "+OK hi", "", "not-the-protocol@greeting:+OK hi "},
    {"an imap answer as greeting", PROBE_IMAP, 0, "p0 OK hi", "",
     "not-the-protocol@greeting:p0 OK hi "},
    {"an imap answer with another tag", PROBE_IMAP, 0, "* OK|p2 OK hi", "p1 CAPABILITY|",
     "not-the-protocol@capabilities:p2 OK hi "},
    {"an imap challenge that nobody asked for", PROBE_IMAP, 0, "* OK|+ go", "p1 CAPABILITY|",
     "not-the-protocol@capabilities:+ go "},
    {"codes that change", PROBE_SMTP, 0, "220 hi|250-a|251 b", "EHLO us|",
     "not-the-protocol@capabilities:251 b "},
    {"a code of four digits", PROBE_SMTP, 0, "2200 hi", "", "not-the-protocol@greeting:2200 hi "},
    {"a control in place of a code", PROBE_SMTP, 0, "\x01", "", "not-the-protocol@greeting:\x01 "},
    {"the connection ends", PROBE_IMAP, 0, "* OK|", "p1 CAPABILITY|", "ended@capabilities "},
    {"imap says BYE in between", PROBE_IMAP, 0, "* OK|* BYE out", "p1 CAPABILITY|p2 LOGOUT|",
     "capabilities-refused@capabilities:BYE out "},
    /* Logins. */
    {"no password in plaintext", PROBE_SMTP, LOGIN, "220 hi|250-x|250 AUTH PLAIN", "EHLO us|QUIT|",
     "offers[AUTH PLAIN] login-unsafe@login "},
    {"nor with --insecure", PROBE_SMTP, LOGIN | INSECURE, "220 hi|250-x|250 AUTH PLAIN",
     "EHLO us|QUIT|", "offers[AUTH PLAIN] login-unsafe@login "},
    {"no password where a check is red", PROBE_SMTP, LOGIN | SECURE | RED,
     "220 hi|250-x|250 AUTH PLAIN", "EHLO us|QUIT|", "secure[AUTH PLAIN] login-unsafe@login "},
    {"unless it is allowed", PROBE_SMTP, LOGIN | SECURE | RED | INSECURE,
     "220 hi|250-x|250 AUTH PLAIN|235 in", "EHLO us|AUTH PLAIN AHUAc2VjcmV0|QUIT|",
     "secure[AUTH PLAIN] login[PLAIN] done@login "},
    {"old form of AUTH", PROBE_SMTP, LOGIN | SECURE, "220 hi|250-x|250 AUTH=LOGIN PLAIN|535 no",
     "EHLO us|AUTH PLAIN AHUAc2VjcmV0|QUIT|", "secure[AUTH=LOGIN PLAIN] login-refused@login:no "},
    {"AUTH LOGIN", PROBE_SMTP, LOGIN | SECURE, "220 hi|250-x|250 AUTH LOGIN|334 UGFzcw==|235 in",
     "EHLO us|AUTH LOGIN dQ==|c2VjcmV0|QUIT|", "secure[AUTH LOGIN] login[LOGIN] done@login "},
    {"imap with an initial response", PROBE_IMAP, LOGIN | SECURE,
     "* OK|* CAPABILITY AUTH=PLAIN SASL-IR|p1 OK|p2 OK in",
     "p1 CAPABILITY|p2 AUTHENTICATE PLAIN AHUAc2VjcmV0|p3 LOGOUT|",
     "secure[AUTH=PLAIN,SASL-IR] login[PLAIN] done@login "},
    {"imap asks for it", PROBE_IMAP, LOGIN | SECURE, "* OK|* CAPABILITY AUTH=PLAIN|p1 OK|+ |p2 OK",
     "p1 CAPABILITY|p2 AUTHENTICATE PLAIN|AHUAc2VjcmV0|p3 LOGOUT|",
     "secure[AUTH=PLAIN] login[PLAIN] done@login "},
    {"imap asks twice", PROBE_IMAP, LOGIN | SECURE, "* OK|* CAPABILITY AUTH=PLAIN|p1 OK|+ |+ |",
     "p1 CAPABILITY|p2 AUTHENTICATE PLAIN|AHUAc2VjcmV0|",
     "secure[AUTH=PLAIN] not-the-protocol@login:a challenge too many "},
    {"imap LOGIN", PROBE_IMAP, LOGIN | SECURE | QUOTES,
     "* OK|* CAPABILITY IMAP4rev1|p1 OK|p2 NO no",
     "p1 CAPABILITY|p2 LOGIN \"u\\\"\" \"a\\\\\\\"b\"|p3 LOGOUT|",
     "secure[IMAP4rev1] login-refused@login:no "},
    {"imap LOGIN is disabled", PROBE_IMAP, LOGIN | SECURE, "* OK|* CAPABILITY LOGINDISABLED|p1 OK",
     "p1 CAPABILITY|p2 LOGOUT|", "secure[LOGINDISABLED] no-mechanism@login "},
    {"pop3 USER and PASS", PROBE_POP3, LOGIN | SECURE, "+OK|+OK|USER|.|+OK|+OK in",
     "CAPA|USER u|PASS secret|QUIT|", "secure[USER] login[USER] done@login "},
    {"pop3 SASL", PROBE_POP3, LOGIN | SECURE, "+OK|+OK|SASL PLAIN|.|+OK in",
     "CAPA|AUTH PLAIN AHUAc2VjcmV0|QUIT|", "secure[SASL PLAIN] login[PLAIN] done@login "},
    {"pop3 USER refused", PROBE_POP3, LOGIN | SECURE, "+OK|+OK|USER|.|-ERR who",
     "CAPA|USER u|QUIT|", "secure[USER] login-refused@login:who "},
    {"nothing known", PROBE_SMTP, LOGIN | SECURE, "220 hi|250-x|250 AUTH GSSAPI", "EHLO us|QUIT|",
     "secure[AUTH GSSAPI] no-mechanism@login "},
    {"a server that says the password back", PROBE_POP3, LOGIN | SECURE,
     "+OK|+OK|USER|.|+OK|-ERR secret is wrong", "CAPA|USER u|PASS secret|QUIT|",
     "secure[USER] login-refused@login:<not shown> "},
    {"a server that says the coded password back", PROBE_SMTP, LOGIN | SECURE,
     "220 hi|250-x|250 AUTH PLAIN|535 AHUAc2VjcmV0?", "EHLO us|AUTH PLAIN AHUAc2VjcmV0|QUIT|",
     "secure[AUTH PLAIN] login-refused@login:<not shown> "},
    {"smtp SCRAM", PROBE_SMTP, LOGIN | SECURE,
     "220 hi|250-x|250 AUTH PLAIN SCRAM-SHA-256|334 " SCRAM_S1 "|334 " SCRAM_S2 "|235 in",
     "EHLO us|AUTH SCRAM-SHA-256 " SCRAM_C1 "|" SCRAM_C2 "||QUIT|",
     "secure[AUTH PLAIN SCRAM-SHA-256] login[SCRAM-SHA-256] done@login "},
    {"imap SCRAM without an initial response", PROBE_IMAP, LOGIN | SECURE,
     "* OK|* CAPABILITY AUTH=SCRAM-SHA-256|p1 OK|+ |+ " SCRAM_S1 "|+ " SCRAM_S2 "|p2 OK in",
     "p1 CAPABILITY|p2 AUTHENTICATE SCRAM-SHA-256|" SCRAM_C1 "|" SCRAM_C2 "||p3 LOGOUT|",
     "secure[AUTH=SCRAM-SHA-256] login[SCRAM-SHA-256] done@login "},
    {"pop3 SCRAM", PROBE_POP3, LOGIN | SECURE,
     "+OK|+OK|SASL SCRAM-SHA-256|.|+ " SCRAM_S1 "|+ " SCRAM_S2 "|+OK in",
     "CAPA|AUTH SCRAM-SHA-256 " SCRAM_C1 "|" SCRAM_C2 "||QUIT|",
     "secure[SASL SCRAM-SHA-256] login[SCRAM-SHA-256] done@login "},
    {"SCRAM refused at once", PROBE_SMTP, LOGIN | SECURE,
     "220 hi|250-x|250 AUTH SCRAM-SHA-256|535 no", "EHLO us|AUTH SCRAM-SHA-256 " SCRAM_C1 "|QUIT|",
     "secure[AUTH SCRAM-SHA-256] login-refused@login:no "},
    {"SCRAM refused in the end", PROBE_SMTP, LOGIN | SECURE,
     "220 hi|250-x|250 AUTH SCRAM-SHA-256|334 " SCRAM_S1 "|535 no",
     "EHLO us|AUTH SCRAM-SHA-256 " SCRAM_C1 "|" SCRAM_C2 "|QUIT|",
     "secure[AUTH SCRAM-SHA-256] login-refused@login:no "},
    {"SCRAM with a wrong proof", PROBE_SMTP, LOGIN | SECURE,
     "220 hi|250-x|250 AUTH SCRAM-SHA-256|334 " SCRAM_S1 "|334 dj1BQUFB",
     "EHLO us|AUTH SCRAM-SHA-256 " SCRAM_C1 "|" SCRAM_C2 "|",
     "secure[AUTH SCRAM-SHA-256] server-not-proved@login "},
    {"SCRAM let in without a proof", PROBE_SMTP, LOGIN | SECURE,
     "220 hi|250-x|250 AUTH SCRAM-SHA-256|334 " SCRAM_S1 "|235 in",
     "EHLO us|AUTH SCRAM-SHA-256 " SCRAM_C1 "|" SCRAM_C2 "|",
     "secure[AUTH SCRAM-SHA-256] server-not-proved@login "},
    {"SCRAM with too few iterations", PROBE_SMTP, LOGIN | SECURE,
     "220 hi|250-x|250 AUTH SCRAM-SHA-256|334 cj1CLHM9YyxpPTE=",
     "EHLO us|AUTH SCRAM-SHA-256 " SCRAM_C1 "|",
     "secure[AUTH SCRAM-SHA-256] server-not-proved@login:its challenge is not acceptable "},
    {"AUTH LOGIN refused", PROBE_SMTP, LOGIN | SECURE, "220 hi|250-x|250 AUTH LOGIN|504 no",
     "EHLO us|AUTH LOGIN dQ==|QUIT|", "secure[AUTH LOGIN] login-refused@login:no "},
    {"SCRAM that proves nothing", PROBE_IMAP, LOGIN | SECURE,
     "* OK|* CAPABILITY AUTH=SCRAM-SHA-256|p1 OK|p2 OK in",
     "p1 CAPABILITY|p2 AUTHENTICATE SCRAM-SHA-256|",
     "secure[AUTH=SCRAM-SHA-256] server-not-proved@login:its challenge is not "
     "acceptable "},
};

struct script {
    const struct probe_case *row;
    struct buf events, lines; /* lines: everything that was told */
};

static void on_line(void *owner, const struct probe_line *line)
{
    struct script *script = owner;

    buf_printf(&script->lines, "%s ", line->is_heard ? "S" : "C");
    buf_put(&script->lines, line->text);
    buf_puts(&script->lines, "\n");
    check(line->size >= 2);
}

static void on_offers(void *owner, bool is_secure, struct span offers)
{
    struct script *script = owner;

    buf_puts(&script->events, is_secure ? "secure[" : "offers[");
    for (size_t i = 0; i < offers.len; i++)
        buf_put_byte(&script->events, offers.ptr[i] == '\n' ? ',' : offers.ptr[i]);
    buf_puts(&script->events, "] ");
}

static void on_login(void *owner, const char *mechanism)
{
    struct script *script = owner;

    buf_printf(&script->events, "login[%s] ", mechanism);
}

static void on_result(void *owner, enum probe_result result, enum probe_step step,
                      struct span words)
{
    struct script *script = owner;

    buf_printf(&script->events, "%s@%s%s", probe_result_name(result), probe_step_name(step),
               words.len > 0 ? ":" : "");
    buf_put(&script->events, words);
    buf_puts(&script->events, " ");
}

static const struct probe_owner owner_calls = {
    .on_line = on_line, .on_offers = on_offers, .on_login = on_login, .on_result = on_result};

static void take_out(struct out *out, struct buf *said)
{
    struct span part;

    for (; out_peek(out, &part, 1, SIZE_MAX) == 1; out_consume(out, part.len))
        for (size_t i = 0; i < part.len; i++)
            if (part.ptr[i] != '\r')
                buf_put_byte(said, part.ptr[i] == '\n' ? '|' : part.ptr[i]);
}

static void play(struct script *script, void *session, struct host *host, struct buf *said)
{
    struct span rest = span_of(script->row->server);
    struct verdict verdict = probe_type.start(session);

    while (verdict.want == WANT_LINE || verdict.want == WANT_ANSWER) {
        take_out(host->out, said);
        if (verdict.want == WANT_ANSWER) {
            struct job *job = verdict.job;
            job->run(job);
            verdict = verdict.then.answer(session, job);
            job->free(job);
            continue;
        }
        if (rest.ptr == NULL || rest.len == 0) {
            probe_type.ending(session, ENDING_CLEAN);
            break;
        }
        struct span line = span_cut(&rest, '|');
        verdict = verdict.then.line(session, LINE_OK, line);
    }
    if (verdict.want == WANT_UPGRADE) {
        check(verdict.go_ahead.len == 0 && verdict.refusal.len == 0);
        buf_puts(&script->events, "upgrade ");
    }
    take_out(host->out, said);
}

/* A second passes with each look. */
static int64_t ticking_ms(const struct clock *clock)
{
    static int64_t now_ms;

    (void)clock;
    return now_ms += 1000;
}

static void fill_same(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    memset(bytes, 7, size);
}

static const struct clock ticking = {.monotonic_ms = ticking_ms};
static const struct entropy same = {.fill = fill_same};

static struct probe_service service_of(const struct probe_case *row, struct script *script)
{
    bool has_login = (row->how & LOGIN) != 0, has_quotes = (row->how & QUOTES) != 0;

    return (struct probe_service){.owner = &owner_calls,
                                  .owner_arg = script,
                                  .protocol = row->protocol,
                                  .hostname = "us",
                                  .wants_upgrade = (row->how & STARTTLS) != 0,
                                  .user = !has_login   ? NULL
                                          : has_quotes ? "u\""
                                                       : "u",
                                  .password = !has_login   ? NULL
                                              : has_quotes ? "a\\\"b"
                                                           : "secret",
                                  .may_login_unchecked = (row->how & INSECURE) != 0,
                                  .entropy = &same,
                                  .timeout_ms = 10000};
}

static void run_case(const struct probe_case *row)
{
    struct tls_facts facts = {.version = "TLSv1.3",
                              .check = (row->how & RED) != 0 ? PKI_CHECK_EXPIRED : PKI_CHECK_GOOD};
    struct script script = {.row = row};
    struct probe_service service = service_of(row, &script);
    struct out out;
    struct host host = {
        .out = &out, .clock = &ticking, .tls = (row->how & SECURE) != 0 ? &facts : NULL};
    struct buf said;

    out_init(&out, 65536);
    buf_init(&said, 0);
    void *session = probe_type.open(&service, &host,
                                    (row->how & UPGRADED) != 0 ? SESSION_UPGRADED : SESSION_FRESH);
    play(&script, session, &host, &said);
    probe_type.free(session);
    check_span(buf_span(&said), row->client);
    check_span(buf_span(&script.events), row->events);
    /* Whatever was said and heard: no password in what is told. */
    check(span_find(buf_span(&script.lines), span_of("secret")) < 0);
    check(span_find(buf_span(&script.lines), span_of("c2VjcmV0")) < 0);
    check(span_find(buf_span(&script.lines), span_of("Vjcm")) < 0);
    buf_release(&said);
    buf_release(&script.events);
    buf_release(&script.lines);
    out_deinit(&out);
}

TEST(test_probe_against_scripted_servers)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].name;
        run_case(&cases[i]);
    }
}

/* count lines of one reply; what the owner heard. */
static void flood(enum probe_protocol protocol, const char *greeting, const char *line,
                  unsigned count, struct buf *events_out)
{
    const struct probe_case row = {.protocol = protocol};
    struct script script = {.row = &row};
    struct probe_service service = service_of(&row, &script);
    struct out out;
    struct host host = {.out = &out, .clock = &ticking};

    service.timeout_ms = INT64_MAX / 4;
    out_init(&out, 65536);
    void *session = probe_type.open(&service, &host, SESSION_FRESH);
    struct verdict verdict = probe_type.start(session);
    verdict = verdict.then.line(session, LINE_OK, span_of(greeting));
    for (unsigned i = 0; i < count && verdict.want == WANT_LINE; i++)
        verdict = verdict.then.line(session, LINE_OK, span_of(line));
    check_int(verdict.want, script.events.len > 0 ? WANT_CLOSE : WANT_LINE);
    *events_out = script.events;
    buf_release(&script.lines);
    probe_type.free(session);
    out_deinit(&out);
}

TEST(test_a_reply_has_so_many_lines_and_no_more)
{
    struct buf events;

    flood(PROBE_SMTP, "220 hi", "250-x", PROBE_LINES_MAX, &events);
    check_span(buf_span(&events), "");
    buf_release(&events);
    flood(PROBE_SMTP, "220 hi", "250-x", PROBE_LINES_MAX + 1, &events);
    check_span(buf_span(&events), "endless@capabilities ");
    buf_release(&events);
    flood(PROBE_IMAP, "* OK", "* 3 EXISTS", PROBE_LINES_MAX + 1, &events);
    check_span(buf_span(&events), "endless@capabilities ");
    buf_release(&events);
}

TEST(test_offers_have_a_limit)
{
    char line[PROBE_LINE_MAX + 1];
    struct buf events;

    memset(line, 'x', sizeof line);
    memcpy(line, "250-", 4);
    line[PROBE_LINE_MAX] = '\0';
    flood(PROBE_SMTP, "220 hi", line, 3, &events);
    check_span(buf_span(&events), "");
    buf_release(&events);
    flood(PROBE_SMTP, "220 hi", line, 4, &events);
    check_span(buf_span(&events), "endless@capabilities ");
    buf_release(&events);
}

TEST(test_faulty_lines_end_it)
{
    static const enum line_fault faults[] = {LINE_TOO_LONG, LINE_BARE_CR, LINE_BARE_LF, LINE_NUL};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const struct probe_case row = {.protocol = PROBE_SMTP, .how = STARTTLS};
        struct script script = {.row = &row};
        struct probe_service service = service_of(&row, &script);
        struct out out;
        struct host host = {.out = &out, .clock = &ticking};

        out_init(&out, 65536);
        void *session = probe_type.open(&service, &host, SESSION_FRESH);
        struct verdict verdict = probe_type.start(session);
        verdict = verdict.then.line(session, faults[i], span_of("220 hi"));
        check_int(verdict.want, WANT_CLOSE);
        check_span(buf_span(&script.events), "not-the-protocol@greeting:220 hi ");
        buf_release(&script.events);
        buf_release(&script.lines);
        probe_type.free(session);
        out_deinit(&out);
    }
}

TEST(test_the_lines_of_a_reply_share_one_deadline)
{
    const struct probe_case row = {.protocol = PROBE_SMTP};
    struct script script = {.row = &row};
    struct probe_service service = service_of(&row, &script);
    struct out out;
    struct host host = {.out = &out, .clock = &ticking};

    out_init(&out, 65536);
    void *session = probe_type.open(&service, &host, SESSION_FRESH);
    struct verdict verdict = probe_type.start(session);
    int64_t last_ms = verdict.timeout_ms;
    check(last_ms <= 10000);
    for (int i = 0; i < 20; i++) {
        verdict = verdict.then.line(session, LINE_OK, span_of("220-drip"));
        check_int(verdict.want, WANT_LINE);
        check(verdict.timeout_ms < last_ms || verdict.timeout_ms == 1);
        last_ms = verdict.timeout_ms;
    }
    check_int(last_ms, 1);
    probe_type.ending(session, ENDING_TIMEOUT);
    probe_type.ending(session, ENDING_CLEAN); /* told once */
    check_span(buf_span(&script.events), "silent@greeting ");
    buf_release(&script.events);
    buf_release(&script.lines);
    probe_type.free(session);
    out_deinit(&out);
}

TEST(test_protocols_have_names)
{
    static const struct {
        const char *name, *alpn;
        enum probe_protocol protocol;
    } names[] = {{"smtp", "smtp", PROBE_SMTP},
                 {"submission", "smtp", PROBE_SMTP},
                 {"lmtp", "", PROBE_LMTP},
                 {"imap", "imap", PROBE_IMAP},
                 {"pop3", "pop3", PROBE_POP3}};
    enum probe_protocol protocol = PROBE_SMTP;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_case = names[i].name;
        check(probe_protocol_parse(span_of(names[i].name), &protocol));
        check_int(protocol, names[i].protocol);
        const char *alpn = probe_protocol_alpn(protocol);
        check_text(alpn != NULL ? alpn : "", names[i].alpn);
    }
    check(!probe_protocol_parse(span_of("http"), &protocol));
    check(!probe_protocol_parse(span_of(""), &protocol));
    check_text(probe_protocol_name(PROBE_IMAP), "imap");
}

/* Every failure has a sentence and says what to do; a wake changes nothing. */
TEST(test_every_failure_says_what_to_do)
{
    const struct probe_case row = {.protocol = PROBE_SMTP};
    struct script script = {.row = &row};
    struct probe_service service = service_of(&row, &script);
    struct out out;
    struct host host = {.out = &out, .clock = &ticking};

    for (int i = PROBE_DONE; i <= PROBE_SILENT; i++) {
        check(probe_result_sentence((enum probe_result)i)[0] != '\0');
        check((probe_result_advice((enum probe_result)i)[0] == '\0') == (i == PROBE_DONE));
    }
    out_init(&out, 65536);
    void *session = probe_type.open(&service, &host, SESSION_FRESH);
    struct verdict first = probe_type.start(session), again = probe_type.wake(session);
    check(again.want == WANT_LINE && again.then.line == first.then.line);
    probe_type.free(session);
    out_deinit(&out);
}

CHECK_MAIN({"test_probe_against_scripted_servers", test_probe_against_scripted_servers},
           {"test_protocols_have_names", test_protocols_have_names},
           {"test_every_failure_says_what_to_do", test_every_failure_says_what_to_do},
           {"test_a_reply_has_so_many_lines_and_no_more",
            test_a_reply_has_so_many_lines_and_no_more},
           {"test_offers_have_a_limit", test_offers_have_a_limit},
           {"test_faulty_lines_end_it", test_faulty_lines_end_it},
           {"test_the_lines_of_a_reply_share_one_deadline",
            test_the_lines_of_a_reply_share_one_deadline})
