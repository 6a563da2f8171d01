/* Parameters of MAIL and RCPT: every value, its limits, doubles, unknown ones. */
#include "check.h"
#include "protocols/smtp/params.h"
#include "store/accept.h"

static const struct mail_case {
    const char *text;
    enum smtp_params_fault fault;
} mails[] = {
    {"", SMTP_PARAMS_OK},
    {" ", SMTP_PARAMS_OK},
    {" SIZE=0", SMTP_PARAMS_OK},
    {"  size=18446744073709551615  body=8bitmime ", SMTP_PARAMS_OK},
    {" SIZE=18446744073709551616", SMTP_PARAMS_OK},
    {" SIZE=99999999999999999999", SMTP_PARAMS_OK},
    {" SIZE=100000000000000000000", SMTP_PARAMS_SYNTAX},
    {" SIZE=", SMTP_PARAMS_SYNTAX},
    {" SIZE", SMTP_PARAMS_SYNTAX},
    {" SIZE=-1", SMTP_PARAMS_SYNTAX},
    {" SIZE=1 SIZE=1", SMTP_PARAMS_SYNTAX},
    {"SIZE=1", SMTP_PARAMS_SYNTAX},
    {" BODY=7BIT", SMTP_PARAMS_OK},
    {" BODY=BINARYMIME", SMTP_PARAMS_OK},
    {" BODY=BINARY", SMTP_PARAMS_VALUE},
    {" SMTPUTF8", SMTP_PARAMS_OK},
    {" SMTPUTF8=1", SMTP_PARAMS_SYNTAX},
    {" SMTPUTF8=", SMTP_PARAMS_SYNTAX},
    {" REQUIRETLS", SMTP_PARAMS_OK},
    {" REQUIRETLS=1", SMTP_PARAMS_SYNTAX},
    {" REQUIRETLS REQUIRETLS", SMTP_PARAMS_SYNTAX},
    {" AUTH=<>", SMTP_PARAMS_OK},
    {" AUTH=a+2Bb@c", SMTP_PARAMS_OK},
    {" AUTH=a+2bb@c", SMTP_PARAMS_SYNTAX},
    {" AUTH=a+2", SMTP_PARAMS_SYNTAX},
    {" RET=FULL ENVID=QQ314159", SMTP_PARAMS_OK},
    {" RET=HALF", SMTP_PARAMS_SYNTAX},
    {" XYZZY=1", SMTP_PARAMS_UNKNOWN},
    {" NOTIFY=NEVER", SMTP_PARAMS_UNKNOWN},
    {" =1", SMTP_PARAMS_SYNTAX},
    {" -A=1", SMTP_PARAMS_SYNTAX},
    {" A=1=2", SMTP_PARAMS_SYNTAX},
    {" SIZE=1\tBODY=7BIT", SMTP_PARAMS_SYNTAX},
};

TEST(test_mail_parameters)
{
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
        struct smtp_mail_params params;
        check_case = mails[i].text;
        check_int(smtp_params_mail(span_of(mails[i].text), &params), mails[i].fault);
    }
}

TEST(test_mail_values)
{
    struct smtp_mail_params params;

    check_int(smtp_params_mail(span_of(" SIZE=18446744073709551616 SMTPUTF8 BODY=8BITMIME RET=hdrs "
                                       "ENVID=a+2Bb AUTH=<>"),
                               &params),
              SMTP_PARAMS_OK);
    check(params.has_size && params.size == UINT64_MAX && params.is_utf8);
    check_int(params.body, SMTP_BODY_8BITMIME);
    check_span(params.return_kind, "HDRS");
    check_span(params.envelope_id, "a+2Bb");
    check_span(params.auth, "<>");
}

TEST(test_envid_at_its_limit)
{
    char text[200] = " ENVID=";
    struct smtp_mail_params params;

    for (size_t len = SMTP_ENVID_MAX - 1; len <= SMTP_ENVID_MAX + 1; len++) {
        memset(text + 7, 'a', len);
        text[7 + len] = '\0';
        check_int(smtp_params_mail(span_of(text), &params),
                  len <= SMTP_ENVID_MAX ? SMTP_PARAMS_OK : SMTP_PARAMS_SYNTAX);
    }
}

static const struct rcpt_case {
    const char *text;
    enum smtp_params_fault fault;
    unsigned notify;
} rcpts[] = {
    {"", SMTP_PARAMS_OK, 0},
    {" NOTIFY=NEVER", SMTP_PARAMS_OK, STORE_NOTIFY_NEVER},
    {" NOTIFY=success,FAILURE,delay", SMTP_PARAMS_OK,
     STORE_NOTIFY_SUCCESS | STORE_NOTIFY_FAILURE | STORE_NOTIFY_DELAY},
    {" NOTIFY=NEVER,FAILURE", SMTP_PARAMS_SYNTAX, 0},
    {" NOTIFY=FAILURE,FAILURE", SMTP_PARAMS_SYNTAX, 0},
    {" NOTIFY=FAILURE,", SMTP_PARAMS_SYNTAX, 0},
    {" NOTIFY=,FAILURE", SMTP_PARAMS_SYNTAX, 0},
    {" NOTIFY=SOMETIMES", SMTP_PARAMS_SYNTAX, 0},
    {" ORCPT=rfc822;a@b", SMTP_PARAMS_OK, 0},
    {" ORCPT=rfc822;", SMTP_PARAMS_SYNTAX, 0},
    {" ORCPT=;a@b", SMTP_PARAMS_SYNTAX, 0},
    {" ORCPT=a@b", SMTP_PARAMS_SYNTAX, 0},
    {" ORCPT=utf-8;\xc3\xa4@b", SMTP_PARAMS_OK, 0},
    {" ORCPT=rfc822;\xc3\xa4@b", SMTP_PARAMS_SYNTAX, 0},
    {" SIZE=1", SMTP_PARAMS_UNKNOWN, 0},
};

TEST(test_rcpt_parameters)
{
    for (size_t i = 0; i < sizeof rcpts / sizeof *rcpts; i++) {
        struct smtp_rcpt_params params;
        check_case = rcpts[i].text;
        check_int(smtp_params_rcpt(span_of(rcpts[i].text), &params), rcpts[i].fault);
        if (rcpts[i].fault == SMTP_PARAMS_OK)
            check_int(params.notify, rcpts[i].notify);
    }
}

TEST(test_xtext_there_and_back)
{
    struct buf text;

    buf_init(&text, 0);
    smtp_params_put_xtext(span_of("a+b=c d~\x7f"), &text);
    check_span(buf_span(&text), "a+2Bb+3Dc+20d~+7F");
    check(smtp_params_is_xtext(buf_span(&text)));
    check(!smtp_params_is_xtext(span_of("")));
    buf_release(&text);
}

CHECK_MAIN({"test_mail_parameters", test_mail_parameters}, {"test_mail_values", test_mail_values},
           {"test_envid_at_its_limit", test_envid_at_its_limit},
           {"test_rcpt_parameters", test_rcpt_parameters},
           {"test_xtext_there_and_back", test_xtext_there_and_back})
