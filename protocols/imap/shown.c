/*
 * Which lines of an IMAP client may be shown, see protocols/shown.h: the tag and what the command
 * behind it allows. Lines behind a literal belong to a command that was begun before and are marked
 * as secret by input.c. Tests: tests/unit/test_secrecy.c.
 */
#include "protocols/shown.h"

#include "protocols/imap/imap_internal.h"

static const struct shown_row rows[] = {
    {"LOGIN", SHOWN_NAME},      {"AUTHENTICATE", SHOWN_MECHANISM},
    {"CAPABILITY", SHOWN_NAME}, {"NOOP", SHOWN_NAME},
    {"LOGOUT", SHOWN_NAME},     {"ID", SHOWN_ALL},
    {"STARTTLS", SHOWN_NAME},   {"SELECT", SHOWN_ALL},
    {"EXAMINE", SHOWN_ALL},     {"CREATE", SHOWN_ALL},
    {"DELETE", SHOWN_ALL},      {"RENAME", SHOWN_ALL},
    {"SUBSCRIBE", SHOWN_ALL},   {"UNSUBSCRIBE", SHOWN_ALL},
    {"LIST", SHOWN_ALL},        {"LSUB", SHOWN_ALL},
    {"NAMESPACE", SHOWN_NAME},  {"STATUS", SHOWN_ALL},
    {"APPEND", SHOWN_ALL},      {"IDLE", SHOWN_NAME},
    {"CHECK", SHOWN_NAME},      {"CLOSE", SHOWN_NAME},
    {"UNSELECT", SHOWN_NAME},   {"EXPUNGE", SHOWN_NAME},
    {"UID EXPUNGE", SHOWN_ALL}, {"SEARCH", SHOWN_ALL},
    {"UID SEARCH", SHOWN_ALL},  {"FETCH", SHOWN_ALL},
    {"UID FETCH", SHOWN_ALL},   {"STORE", SHOWN_ALL},
    {"UID STORE", SHOWN_ALL},   {"COPY", SHOWN_ALL},
    {"UID COPY", SHOWN_ALL},    {"MOVE", SHOWN_ALL},
    {"UID MOVE", SHOWN_ALL},
};

size_t imap_shown(struct span line)
{
    struct span rest = line;
    struct span tag = span_cut(&rest, ' ');
    if (span_is_nocase(line, "DONE")) /* of IDLE (RFC 2177 3) */
        return line.len;
    if (rest.ptr == NULL || tag.len == 0 || tag.len > IMAP_TAG_MAX)
        return 0;
    size_t len = shown_len(rows, sizeof rows / sizeof *rows, rest);
    return len > 0 ? tag.len + 1 + len : 0;
}
