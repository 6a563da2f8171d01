/*
 * The outbound client against scripted servers, without pump, connection or time: what it says, and
 * what its owner hears. A case is the server's lines, one for each time the client waits.
 */
#include <stdio.h>

#include "base/buf.h"
#include "check.h"
#include "net/job.h"
#include "protocols/smtp/client.h"
#include "store/accept.h"
#include "tls/facts.h"

enum {
    SECURE = 1,
    LOGIN = 2,
    WAITS = 4,
    DEMANDED = 8,
    NO_STARTTLS = 16,
    UPGRADED = 32,
    LMTP = 64,
    REQUIRES = 128,
    DATA_ONLY = 256
};

static const struct client_case {
    const char *name;
    unsigned how;        /* of the names above */
    unsigned mails;      /* transactions that the owner has */
    unsigned recipients; /* of each */
    unsigned mail_flags;
    uint64_t size;
    const char *server; /* lines, separated by '|'; "" is the end of input */
    const char *client; /* everything that it says, CRLF as '|' */
    const char *events;
} cases[] = {
    {"one mail, not pipelined", 0, 1, 2, 0, 0,
     "220 x|250 x|250 s|250 r|251 r|354 go|250 in|221 bye",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|QUIT|",
     "rcpt0=250 rcpt1=251 result7=250 "},
    {"pipelined, two mails, no RSET between", 0, 2, 2, 0, 0,
     "220 x|250-x|250-SIZE|250 PIPELINING|250 s|250 r|550 5.1.1 no|354 go|250 in|250 s|250 r|250 "
     "r|354 go|451 later|221",
     "EHLO me|MAIL FROM:<s@a> SIZE=0|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|MAIL FROM:<s@a> "
     "SIZE=0|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|QUIT|",
     "rcpt0=250 rcpt1=550 result7=250 rcpt0=250 rcpt1=250 result7=451 "},
    {"all recipients refused, then RSET", 0, 2, 1, 0, 0,
     "220 x|250 x|250 s|550 no|250 reset|250 s|250 r|354 go|250 in|221",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RSET|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|.|QUIT|",
     "rcpt0=550 result5=550 rcpt0=250 result7=250 "},
    {"MAIL refused in a pipeline: the rest is read", 0, 1, 2, 0, 0,
     "220 x|250-x|250 PIPELINING|450 later|503 x|503 x|221",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|QUIT|", "result4=450 "},
    {"DATA refused", 0, 1, 1, 0, 0, "220 x|250 x|250 s|250 r|554 no|221",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|QUIT|", "rcpt0=250 result6=554 "},
    {"421 at RCPT closes", 0, 1, 2, 0, 0, "220 x|250 x|250 s|421 away",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|", "rcpt0=421 result5=421 "},
    {"connection lost after the dot", 0, 1, 1, 0, 0, "220 x|250 x|250 s|250 r|354 go|",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|.|", "rcpt0=250 result7=0! ending "},
    {"connection lost at EHLO", 0, 1, 1, 0, 0, "220 x|", "EHLO me|", "ending "},
    {"greeting refuses", 0, 1, 1, 0, 0, "554 go away", "QUIT|", "unusable0=554 "},
    {"greeting is no SMTP", 0, 1, 1, 0, 0, "SSH-2.0-OpenSSH", "", "unusable0=0! "},
    {"EHLO unknown: HELO", 0, 1, 1, 0, 0, "220 x|502 what|250 x|250 s|250 r|354 go|250 in|221",
     "EHLO me|HELO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|.|QUIT|", "rcpt0=250 result7=250 "},
    {"EHLO refused for now", 0, 1, 1, 0, 0, "220 x|421 later", "EHLO me|QUIT|", "unusable1=421 "},
    {"STARTTLS where offered", 0, 1, 1, 0, 0, "220 x|250-x|250 STARTTLS|220 go",
     "EHLO me|STARTTLS|", "upgrade "},
    {"STARTTLS stripped, demanded", DEMANDED, 1, 1, 0, 0, "220 x|250 x", "EHLO me|QUIT|",
     "unusable2=0! "},
    {"STARTTLS demanded, HELO only", DEMANDED, 1, 1, 0, 0, "220 x|500 x|250 x",
     "EHLO me|HELO me|QUIT|", "unusable2=0! "},
    {"STARTTLS refused, demanded", DEMANDED, 1, 1, 0, 0, "220 x|250-x|250 STARTTLS|454 no",
     "EHLO me|STARTTLS|QUIT|", "unusable2=454 "},
    {"STARTTLS refused, not demanded", 0, 1, 1, 0, 0,
     "220 x|250-x|250 STARTTLS|454 no|250 s|250 r|354 go|250 in|221",
     "EHLO me|STARTTLS|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|.|QUIT|", "rcpt0=250 result7=250 "},
    {"STARTTLS offered, off", NO_STARTTLS, 0, 1, 0, 0, "220 x|250-x|250 STARTTLS|221",
     "EHLO me|QUIT|", ""},
    {"after the upgrade EHLO again", UPGRADED | SECURE | DEMANDED, 0, 1, 0, 0, "250 x|221",
     "EHLO me|QUIT|", ""},
    {"a greeting after the upgrade: led to a port of implicit TLS (Opossum)",
     UPGRADED | SECURE | DEMANDED, 0, 1, 0, 0, "220 mx", "EHLO me|QUIT|", "unusable1=220 "},
    {"no EHLO after the upgrade", UPGRADED | SECURE | DEMANDED, 0, 1, 0, 0, "500 x",
     "EHLO me|QUIT|", "unusable1=500 "},
    {"no password in plaintext", LOGIN, 1, 1, 0, 0, "220 x|250-x|250 AUTH PLAIN", "EHLO me|QUIT|",
     "unusable3=0! "},
    {"PLAIN under TLS", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0,
     "250-x|250 AUTH LOGIN PLAIN|235 in|221", "EHLO me|AUTH PLAIN AHUAcA==|QUIT|", ""},
    {"old form of AUTH", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0, "250-x|250 AUTH=PLAIN|535 no",
     "EHLO me|AUTH PLAIN AHUAcA==|QUIT|", "unusable3=535 "},
    {"LOGIN where PLAIN lacks", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0,
     "250-x|250 AUTH LOGIN|334 VXNlcm5hbWU6|334 UGFzc3dvcmQ6|235 in|221",
     "EHLO me|AUTH LOGIN|dQ==|cA==|QUIT|", ""},
    {"LOGIN with empty questions", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0,
     "250-x|250 AUTH LOGIN|334|334|235 in|221", "EHLO me|AUTH LOGIN|dQ==|cA==|QUIT|", ""},
    {"LOGIN refused at once", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0, "250-x|250 AUTH LOGIN|504 no",
     "EHLO me|AUTH LOGIN|QUIT|", "unusable3=504 "},
    {"LOGIN refuses the name", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0,
     "250-x|250 AUTH LOGIN|334 a|535 no", "EHLO me|AUTH LOGIN|dQ==|QUIT|", "unusable3=535 "},
    {"LOGIN refuses the password", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0,
     "250-x|250 AUTH LOGIN|334 a|334 b|535 no", "EHLO me|AUTH LOGIN|dQ==|cA==|QUIT|",
     "unusable3=535 "},
    {"no LOGIN in plaintext", LOGIN, 1, 1, 0, 0, "220 x|250-x|250 AUTH LOGIN", "EHLO me|QUIT|",
     "unusable3=0! "},
    {"no mechanism of ours", UPGRADED | SECURE | LOGIN, 0, 1, 0, 0, "250-x|250 AUTH GSSAPI",
     "EHLO me|QUIT|", "unusable3=0! "},
    {"8BITMIME lacks", 0, 1, 1, STORE_MAIL_8BIT, 0, "220 x|250 x|221", "EHLO me|QUIT|",
     "result4=550! "},
    {"SMTPUTF8 lacks", 0, 1, 1, STORE_MAIL_UTF8, 0, "220 x|250-x|250 8BITMIME|221", "EHLO me|QUIT|",
     "result4=550! "},
    {"both are there", 0, 1, 1, STORE_MAIL_8BIT | STORE_MAIL_UTF8, 0,
     "220 x|250-x|250-8bitmime|250 SmtpUtf8|550 no|221",
     "EHLO me|MAIL FROM:<s@a> BODY=8BITMIME SMTPUTF8|QUIT|", "result4=550 "},
    {"larger than SIZE", 0, 1, 1, 0, 101, "220 x|250-x|250 SIZE 100|221", "EHLO me|QUIT|",
     "result4=550! "},
    {"as large as SIZE", 0, 1, 1, 0, 100, "220 x|250-x|250 SIZE 100|552 no|221",
     "EHLO me|MAIL FROM:<s@a> SIZE=100|QUIT|", "result4=552 "},
    {"in one chunk where offered", 0, 2, 1, 0, 0,
     "220 x|250-x|250 CHUNKING|250 s|250 r|250 in|250 s|250 r|250 in|221",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|BDAT 0 LAST|MAIL FROM:<s@a>|RCPT TO:<r@b>|BDAT 0 "
     "LAST|QUIT|",
     "rcpt0=250 result7=250 rcpt0=250 result7=250 "},
    {"no chunks though offered", DATA_ONLY, 1, 1, 0, 0,
     "220 x|250-x|250 CHUNKING|250 s|250 r|354 go|250 in|221",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|.|QUIT|", "rcpt0=250 result7=250 "},
    {"a refused chunk, then RSET", 0, 2, 1, 0, 0,
     "220 x|250-x|250 CHUNKING|250 s|250 r|554 no|250 reset|250 s|250 r|250 in|221",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|BDAT 0 LAST|RSET|MAIL FROM:<s@a>|RCPT TO:<r@b>|BDAT 0 "
     "LAST|QUIT|",
     "rcpt0=250 result7=554 rcpt0=250 result7=250 "},
    {"no chunk without recipients", 0, 1, 1, 0, 0, "220 x|250-x|250 CHUNKING|250 s|550 no|221",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|QUIT|", "rcpt0=550 result5=550 "},
    {"connection lost at the chunk", 0, 1, 1, 0, 0, "220 x|250-x|250 CHUNKING|250 s|250 r|",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|BDAT 0 LAST|", "rcpt0=250 result7=0! ending "},
    {"LMTP: in one chunk, each hears for itself", LMTP, 1, 2, 0, 0,
     "220 x|250-x|250 CHUNKING|250 s|250 r|250 r|250 in|552 5.2.2 full|221",
     "LHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|BDAT 0 LAST|QUIT|",
     "rcpt0=250 rcpt1=250 told0=250 told1=552 result7=552 "},
    {"REQUIRETLS", UPGRADED | SECURE | DEMANDED | REQUIRES, 1, 1, STORE_MAIL_REQUIRETLS, 0,
     "250-x|250 REQUIRETLS|250 s|250 r|354 go|250 in|221",
     "EHLO me|MAIL FROM:<s@a> REQUIRETLS|RCPT TO:<r@b>|DATA|.|QUIT|", "rcpt0=250 result7=250 "},
    {"REQUIRETLS lacks, before the login", UPGRADED | SECURE | DEMANDED | REQUIRES | LOGIN, 1, 1,
     STORE_MAIL_REQUIRETLS, 0, "250-x|250 AUTH PLAIN|221", "EHLO me|QUIT|", "unusable1=0! "},
    {"REQUIRETLS offered in plaintext only", REQUIRES, 1, 1, STORE_MAIL_REQUIRETLS, 0,
     "220 x|250-x|250 REQUIRETLS", "EHLO me|QUIT|", "unusable1=0! "},
    {"REQUIRETLS, and STARTTLS refused", REQUIRES, 1, 1, STORE_MAIL_REQUIRETLS, 0,
     "220 x|250-x|250-REQUIRETLS|250 STARTTLS|454 no", "EHLO me|STARTTLS|QUIT|", "unusable1=0! "},
    {"success for DATA", 0, 1, 1, 0, 0, "220 x|250 x|250 s|250 r|250 what",
     "EHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|", "rcpt0=250 result6=0! "},
    {"idle, then the server speaks", WAITS, 0, 1, 0, 0, "220 x|250 x|421 bye", "EHLO me|",
     "ending "},
    {"LMTP: each recipient hears for itself", LMTP, 1, 2, 0, 0,
     "220 x|250-x|250 PIPELINING|250 s|250 r|250 r|354 go|250 in|452 4.2.2 full|221",
     "LHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|QUIT|",
     "rcpt0=250 rcpt1=250 told0=250 told1=452 result7=452 "},
    {"LMTP: who was refused at RCPT hears nothing more", LMTP, 1, 2, 0, 0,
     "220 x|250-x|250 PIPELINING|250 s|550 no|250 r|354 go|250 in|221",
     "LHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|QUIT|",
     "rcpt0=550 rcpt1=250 told1=250 result7=250 "},
    {"LMTP: cut between the replies", LMTP, 1, 2, 0, 0,
     "220 x|250 x|250 s|250 r|250 r|354 go|250 in|",
     "LHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|",
     "rcpt0=250 rcpt1=250 told0=250 result7=0! ending "},
    {"LMTP: nonsense between the replies", LMTP, 1, 2, 0, 0,
     "220 x|250 x|250 s|250 r|250 r|354 go|250 in|what",
     "LHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|",
     "rcpt0=250 rcpt1=250 told0=250 result7=0! "},
    {"LMTP: 421 closes, for the others too", LMTP, 1, 2, 0, 0,
     "220 x|250 x|250 s|250 r|250 r|354 go|421 away",
     "LHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|RCPT TO:<r@b>|DATA|.|",
     "rcpt0=250 rcpt1=250 told0=421 result7=421 "},
    {"LMTP: two mails", LMTP, 2, 1, 0, 0,
     "220 x|250 x|250 s|250 r|354 go|550 no|250 s|250 r|354 go|250 in|221",
     "LHLO me|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|.|MAIL FROM:<s@a>|RCPT TO:<r@b>|DATA|.|QUIT|",
     "rcpt0=250 told0=550 result7=550 rcpt0=250 told0=250 result7=250 "},
    {"LMTP: spoken to an SMTP server, no HELO", LMTP, 1, 1, 0, 0, "220 x|500 what", "LHLO me|QUIT|",
     "unusable1=500 "},
    {"LMTP: STARTTLS", LMTP | DEMANDED, 1, 1, 0, 0, "220 x|250-x|250 STARTTLS|220 go",
     "LHLO me|STARTTLS|", "upgrade "},
    {"LMTP: after the upgrade LHLO again", LMTP | UPGRADED | SECURE | DEMANDED, 0, 1, 0, 0,
     "250 x|221", "LHLO me|QUIT|", ""},
    {"idle, then it goes away", WAITS, 0, 1, 0, 0, "220 x|250 x|", "EHLO me|", "ending "},
};

struct script {
    const struct client_case *row;
    unsigned mails_left;
    struct smtp_transaction mail;
    struct smtp_transaction_recipient recipients[2];
    char events[256];
};

static void note(struct script *script, const char *event, int number, unsigned code,
                 const char *sentence)
{
    size_t len = strlen(script->events);

    (void)snprintf(script->events + len, sizeof script->events - len, "%s%d=%u%s ", event, number,
                   code, sentence != NULL ? "!" : "");
}

static void on_unusable(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                        const char *sentence)
{
    note(owner, "unusable", (int)step, reply->code, sentence);
}

static const struct smtp_transaction *on_next(void *owner)
{
    struct script *script = owner;

    if (script->mails_left == 0)
        return NULL;
    script->mails_left--;
    return &script->mail;
}

static void on_recipient(void *owner, size_t index, const struct smtp_reply *reply)
{
    note(owner, "rcpt", (int)index, reply->code, NULL);
}

static void on_delivery(void *owner, size_t index, const struct smtp_reply *reply)
{
    note(owner, "told", (int)index, reply->code, NULL);
}

static void on_result(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                      const char *sentence)
{
    note(owner, "result", (int)step, reply->code, sentence);
}

static void on_ending(void *owner, enum ending why)
{
    struct script *script = owner;

    (void)why;
    (void)strcat(script->events, "ending ");
}

static const struct smtp_client_owner owner_calls = {.on_unusable = on_unusable,
                                                     .next = on_next,
                                                     .on_recipient = on_recipient,
                                                     .on_delivery = on_delivery,
                                                     .on_result = on_result,
                                                     .on_ending = on_ending};

static void take_out(struct out *out, struct buf *said)
{
    struct span part;

    for (; out_peek(out, &part, 1, SIZE_MAX) == 1; out_consume(out, part.len))
        for (size_t i = 0; i < part.len; i++)
            if (part.ptr[i] != '\r')
                buf_put_byte(said, part.ptr[i] == '\n' ? '|' : part.ptr[i]);
}

/* Plays pump: gives a line for each WANT_LINE until the session closes or the script ends. */
static void play(struct script *script, void *session, struct host *host, struct buf *said)
{
    const struct session_type *type = &smtp_client_type;
    struct span rest = span_of(script->row->server);
    struct verdict verdict = type->start(session);

    while (verdict.want == WANT_LINE) {
        take_out(host->out, said);
        if (rest.ptr == NULL || rest.len == 0) {
            if (rest.ptr != NULL)
                type->ending(session, ENDING_CLEAN);
            break;
        }
        struct span line = span_cut(&rest, '|');
        verdict = verdict.then.line(session, LINE_OK, line);
    }
    if (verdict.want == WANT_UPGRADE)
        (void)strcat(script->events, "upgrade ");
    check(verdict.want != WANT_ANSWER);
    take_out(host->out, said);
}

/* A second passes with each look. */
static int64_t ticking_ms(const struct clock *clock)
{
    static int64_t now_ms;

    (void)clock;
    return now_ms += 1000;
}

static const struct clock ticking = {.monotonic_ms = ticking_ms};

static void run_case(const struct client_case *row)
{
    const struct smtp_transaction_recipient recipient = {.address = span_of("r@b")};
    struct tls_facts facts = {.version = "TLSv1.3"};
    struct script script = {.row = row,
                            .mails_left = row->mails,
                            .mail = {.reverse_path = span_of("s@a"),
                                     .mail_flags = row->mail_flags,
                                     .recipients = script.recipients,
                                     .recipient_count = row->recipients,
                                     .blob = {.length = row->size}},
                            .recipients = {recipient, recipient}};
    bool has_login = (row->how & LOGIN) != 0;
    struct smtp_client_service service = {
        .owner = &owner_calls,
        .owner_arg = &script,
        .hostname = "me",
        .role = (row->how & LMTP) != 0 ? SMTP_CLIENT_LMTP : SMTP_CLIENT_SMTP,
        .tls = (row->how & DEMANDED) != 0      ? SMTP_CLIENT_TLS_DEMANDED
               : (row->how & NO_STARTTLS) != 0 ? SMTP_CLIENT_TLS_OFF
                                               : SMTP_CLIENT_TLS_MAY,
        .may_chunk = (row->how & DATA_ONLY) == 0,
        .requires_tls = (row->how & REQUIRES) != 0,
        .user = has_login ? "u" : NULL,
        .password = has_login ? "p" : NULL,
        .is_stopping = (row->how & WAITS) == 0};
    struct out out;
    struct host host = {
        .out = &out, .clock = &ticking, .tls = (row->how & SECURE) != 0 ? &facts : NULL};
    struct buf said;

    out_init(&out, 65536);
    buf_init(&said, 0);
    void *session = smtp_client_type.open(
        &service, &host, (row->how & UPGRADED) != 0 ? SESSION_UPGRADED : SESSION_FRESH);
    play(&script, session, &host, &said);
    smtp_client_type.free(session);
    check_span(buf_span(&said), row->client);
    check_text(script.events, row->events);
    buf_release(&said);
    out_deinit(&out);
}

TEST(test_client_against_scripted_servers)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].name;
        run_case(&cases[i]);
    }
}

TEST(test_the_lines_of_a_reply_share_one_deadline)
{
    struct smtp_client_service service = {.owner = &owner_calls, .reply_timeout_ms = 10000};
    struct out out;
    struct host host = {.out = &out, .clock = &ticking};

    out_init(&out, 65536);
    void *session = smtp_client_type.open(&service, &host, SESSION_FRESH);
    struct verdict verdict = smtp_client_type.start(session);
    check(verdict.timeout_ms == 10000);
    for (int64_t i = 1; i <= 20; i++) {
        verdict = verdict.then.line(session, LINE_OK, span_of("220-drip"));
        check(verdict.want == WANT_LINE);
        check(verdict.timeout_ms == (i < 10 ? 10000 - i * 1000 : 1));
    }
    smtp_client_type.free(session);
    out_deinit(&out);
}

CHECK_MAIN({"test_client_against_scripted_servers", test_client_against_scripted_servers},
           {"test_the_lines_of_a_reply_share_one_deadline",
            test_the_lines_of_a_reply_share_one_deadline})
