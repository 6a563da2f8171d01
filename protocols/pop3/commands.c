/*
 * Owns the table of commands: a row is all there is to say about when a command is allowed.
 * APOP is not here: it needs passwords in the clear on the server (RFC 1939 7).
 */
#include "protocols/pop3/pop3_internal.h"

const struct pop3_command pop3_commands[] = {
    {{"USER", POP3_AUTHORIZATION, COMMAND_TLS_ONLY, "RFC 1939 7"}, pop3_user},
    {{"PASS", POP3_AUTHORIZATION, COMMAND_TLS_ONLY | COMMAND_COUNTED, "RFC 1939 7"}, pop3_pass},
    {{"AUTH", POP3_AUTHORIZATION, COMMAND_TLS_ONLY | COMMAND_COUNTED, "RFC 5034 4"}, pop3_auth},
    {{"STLS", POP3_AUTHORIZATION, COMMAND_PLAINTEXT_ONLY | COMMAND_NO_ARGUMENT, "RFC 2595 4"},
     pop3_stls},
    {{"CAPA", POP3_ANY, COMMAND_NO_ARGUMENT, "RFC 2449 5"}, pop3_capa},
    {{"QUIT", POP3_ANY, COMMAND_NO_ARGUMENT, "RFC 1939 4, 6"}, pop3_quit},
    {{"STAT", POP3_TRANSACTION, COMMAND_NO_ARGUMENT, "RFC 1939 5"}, pop3_stat},
    {{"LIST", POP3_TRANSACTION, COMMAND_PLAIN_OK, "RFC 1939 5"}, pop3_list},
    {{"UIDL", POP3_TRANSACTION, COMMAND_PLAIN_OK, "RFC 1939 7"}, pop3_uidl},
    {{"RETR", POP3_TRANSACTION, COMMAND_PLAIN_OK, "RFC 1939 5"}, pop3_retr},
    {{"TOP", POP3_TRANSACTION, COMMAND_PLAIN_OK, "RFC 1939 7"}, pop3_top},
    {{"DELE", POP3_TRANSACTION, COMMAND_PLAIN_OK, "RFC 1939 5"}, pop3_dele},
    {{"RSET", POP3_TRANSACTION, COMMAND_NO_ARGUMENT, "RFC 1939 5"}, pop3_rset},
    {{"NOOP", POP3_TRANSACTION, COMMAND_NO_ARGUMENT, "RFC 1939 5"}, pop3_noop},
};

const size_t pop3_command_count = sizeof pop3_commands / sizeof *pop3_commands;
