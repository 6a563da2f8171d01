/*
 * Which lines of a POP3 client may be shown, see protocols/shown.h. APOP has the digest of a
 * password behind the name (RFC 1939 7). Tests: tests/unit/test_secrecy.c.
 */
#include "protocols/shown.h"

#include "protocols/pop3/pop3_internal.h"

static const struct shown_row rows[] = {
    {"USER", SHOWN_ALL},  {"PASS", SHOWN_NAME}, {"APOP", SHOWN_NAME}, {"AUTH", SHOWN_MECHANISM},
    {"STLS", SHOWN_NAME}, {"CAPA", SHOWN_NAME}, {"QUIT", SHOWN_NAME}, {"STAT", SHOWN_NAME},
    {"LIST", SHOWN_ALL},  {"UIDL", SHOWN_ALL},  {"RETR", SHOWN_ALL},  {"TOP", SHOWN_ALL},
    {"DELE", SHOWN_ALL},  {"RSET", SHOWN_NAME}, {"NOOP", SHOWN_NAME},
};

size_t pop3_shown(struct span line)
{
    return shown_len(rows, sizeof rows / sizeof *rows, line);
}
