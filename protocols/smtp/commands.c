/*
 * commands: the table of the SMTP server: which command is allowed in which state, and where it is
 * documented. Handlers are in cmd_*.c. Tests: tests/dialogue/smtp/.
 */
#include "protocols/smtp/server_internal.h"

enum {
    ANY =
        SMTP_STATE_START | SMTP_STATE_READY | SMTP_STATE_MAIL | SMTP_STATE_RCPT | SMTP_STATE_CHUNKS,
    TRANSACTION = SMTP_STATE_MAIL | SMTP_STATE_RCPT,
    BY_SMTP = 1 << SMTP_MX | 1 << SMTP_SUBMISSION,
    BY_LMTP = 1 << SMTP_LMTP,
    BY_ALL = BY_SMTP | BY_LMTP
};

static const struct smtp_command command_table[] = {
    {{"HELO", ANY, COMMAND_IDLE, "RFC 5321 4.1.1.1"}, BY_SMTP, smtp_cmd_helo},
    {{"EHLO", ANY, COMMAND_IDLE, "RFC 5321 4.1.1.1"}, BY_SMTP, smtp_cmd_ehlo},
    {{"LHLO", ANY, COMMAND_IDLE, "RFC 2033 4.1"}, BY_LMTP, smtp_cmd_ehlo},
    {{"MAIL", SMTP_STATE_READY, COMMAND_PLAIN_OK, "RFC 5321 4.1.1.2"}, BY_ALL, smtp_cmd_mail},
    {{"RCPT", TRANSACTION, COMMAND_COUNTED, "RFC 5321 4.1.1.3"}, BY_ALL, smtp_cmd_rcpt},
    {{"DATA", SMTP_STATE_RCPT, COMMAND_NO_ARGUMENT, "RFC 5321 4.1.1.4"}, BY_ALL, smtp_cmd_data},
    /* In every state: a refused chunk must be skipped (RFC 3030 2). */
    {{"BDAT", ANY, COMMAND_PLAIN_OK, "RFC 3030 2"}, BY_ALL, smtp_cmd_bdat},
    {{"RSET", ANY, COMMAND_NO_ARGUMENT | COMMAND_IDLE, "RFC 5321 4.1.1.5"}, BY_ALL, smtp_cmd_rset},
    {{"VRFY", ANY, COMMAND_COUNTED | COMMAND_IDLE, "RFC 5321 4.1.1.6"}, BY_ALL, smtp_cmd_vrfy},
    {{"EXPN", ANY, COMMAND_COUNTED, "RFC 5321 4.1.1.7"}, BY_ALL, smtp_cmd_expn},
    {{"HELP", ANY, COMMAND_IDLE, "RFC 5321 4.1.1.8"}, BY_ALL, smtp_cmd_help},
    {{"NOOP", ANY, COMMAND_IDLE, "RFC 5321 4.1.1.9"}, BY_ALL, smtp_cmd_noop},
    {{"QUIT", ANY, COMMAND_NO_ARGUMENT, "RFC 5321 4.1.1.10"}, BY_ALL, smtp_cmd_quit},
    {{"STARTTLS", ANY, COMMAND_PLAINTEXT_ONLY | COMMAND_NO_ARGUMENT, "RFC 3207 4"},
     BY_ALL,
     smtp_cmd_starttls},
    {{"AUTH", SMTP_STATE_READY, COMMAND_TLS_ONLY | COMMAND_COUNTED, "RFC 4954 4"},
     BY_SMTP,
     smtp_cmd_auth},
};

enum { COMMAND_COUNT = sizeof command_table / sizeof *command_table };

const struct smtp_command *smtp_command_find(struct span name)
{
    return (const void *)command_find(command_table, COMMAND_COUNT, sizeof *command_table, name);
}

void smtp_commands_put_names(struct out *out, enum smtp_role role)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if ((command_table[i].roles & 1U << role) != 0)
            out_printf(out, " %s", command_table[i].command.name);
}
