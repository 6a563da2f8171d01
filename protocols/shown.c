/*
 * shown: see shown.h. Tests: tests/unit/test_secrecy.c.
 */
#include "protocols/shown.h"

/* A word that is none of these may be the password of somebody who forgot the mechanism. */
static const char *const mechanisms[] = {
    "PLAIN",         "LOGIN",
    "CRAM-MD5",      "DIGEST-MD5",
    "SCRAM-SHA-1",   "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512", "XOAUTH2",
    "OAUTHBEARER",   "EXTERNAL",
    "ANONYMOUS",     "GSSAPI",
    "NTLM",
};

static size_t mechanism_len(struct span line, size_t name_len)
{
    struct span rest = span_from(line, name_len + 1);
    struct span word = span_cut(&rest, ' ');
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        if (span_is_nocase(word, mechanisms[i]))
            return name_len + 1 + word.len;
    }
    return name_len;
}

/* Names may have a space in them ("UID FETCH"). */
static bool begins(struct span line, struct span name)
{
    return span_starts_nocase(line, name) && (line.len == name.len || line.ptr[name.len] == ' ');
}

size_t shown_len(const struct shown_row *rows, size_t count, struct span line)
{
    for (size_t i = 0; i < count; i++) {
        struct span name = span_of(rows[i].name);
        if (!begins(line, name))
            continue;
        if (rows[i].part == SHOWN_ALL)
            return line.len;
        return rows[i].part == SHOWN_NAME ? name.len : mechanism_len(line, name.len);
    }
    return 0;
}

size_t shown_all(struct span line)
{
    return line.len;
}
