/*
 * Which lines of an SMTP client may be shown, see protocols/shown.h. A table of its own beside the
 * commands: a new command is not shown until somebody has thought about it. Tests:
 * tests/unit/test_secrecy.c.
 */
#include "protocols/shown.h"

#include "protocols/smtp/server_internal.h"

static const struct shown_row rows[] = {
    {"LHLO", SHOWN_ALL},  {"EHLO", SHOWN_ALL},      {"HELO", SHOWN_ALL},       {"MAIL", SHOWN_ALL},
    {"RCPT", SHOWN_ALL},  {"BDAT", SHOWN_ALL},      {"VRFY", SHOWN_ALL},       {"EXPN", SHOWN_ALL},
    {"DATA", SHOWN_NAME}, {"RSET", SHOWN_NAME},     {"NOOP", SHOWN_NAME},      {"QUIT", SHOWN_NAME},
    {"HELP", SHOWN_NAME}, {"STARTTLS", SHOWN_NAME}, {"AUTH", SHOWN_MECHANISM},
};

size_t smtp_shown(struct span line)
{
    return shown_len(rows, sizeof rows / sizeof *rows, line);
}
