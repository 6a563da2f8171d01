/*
 * commands: the table of IMAP commands, one row each. The gate (protocols/command.h) reads states
 * and flags; a handler runs only when its row allows it. Handlers are in cmd_*.c, fetch.c,
 * search.c. Tests: tests/dialogue/imap.
 */
#include "protocols/imap/imap_internal.h"

enum {
    ANY = IMAP_NOT_AUTHENTICATED | IMAP_AUTHENTICATED | IMAP_SELECTED,
    BEFORE = IMAP_NOT_AUTHENTICATED,
    AFTER = IMAP_AUTHENTICATED | IMAP_SELECTED,
    OPEN = IMAP_SELECTED,
    BARE = COMMAND_NO_ARGUMENT,
    WRITES = IMAP_NEEDS_WRITABLE,
    UID = IMAP_BY_UID
};

static const struct imap_command commands[] = {
    {{"CAPABILITY", ANY, BARE, "RFC 3501 6.1.1"}, imap_cmd_capability, 0},
    {{"NOOP", ANY, BARE, "RFC 3501 6.1.2"}, imap_cmd_noop, 0},
    {{"LOGOUT", ANY, BARE, "RFC 3501 6.1.3"}, imap_cmd_logout, 0},
    {{"ID", ANY, 0, "RFC 2971 3.1"}, imap_cmd_id, 0},
    {{"STARTTLS", BEFORE, BARE | COMMAND_PLAINTEXT_ONLY, "RFC 3501 6.2.1"},
     imap_cmd_starttls,
     IMAP_IS_UPGRADE},
    {{"AUTHENTICATE", BEFORE, COMMAND_TLS_ONLY, "RFC 3501 6.2.2, RFC 4959"},
     imap_cmd_authenticate,
     0},
    {{"LOGIN", BEFORE, COMMAND_TLS_ONLY, "RFC 3501 6.2.3"}, imap_cmd_login, 0},
    {{"SELECT", AFTER, 0, "RFC 3501 6.3.1"}, imap_cmd_select, 0},
    {{"EXAMINE", AFTER, 0, "RFC 3501 6.3.2"}, imap_cmd_examine, 0},
    {{"CREATE", AFTER, 0, "RFC 3501 6.3.3, RFC 6154 3"}, imap_cmd_create, 0},
    {{"DELETE", AFTER, 0, "RFC 3501 6.3.4"}, imap_cmd_delete, 0},
    {{"RENAME", AFTER, 0, "RFC 3501 6.3.5"}, imap_cmd_rename, 0},
    {{"SUBSCRIBE", AFTER, 0, "RFC 3501 6.3.6"}, imap_cmd_subscribe, 0},
    {{"UNSUBSCRIBE", AFTER, 0, "RFC 3501 6.3.7"}, imap_cmd_unsubscribe, 0},
    {{"LIST", AFTER, 0, "RFC 3501 6.3.8"}, imap_cmd_list, 0},
    {{"LSUB", AFTER, 0, "RFC 3501 6.3.9"}, imap_cmd_lsub, 0},
    {{"NAMESPACE", AFTER, BARE, "RFC 2342 5"}, imap_cmd_namespace, 0},
    {{"STATUS", AFTER, 0, "RFC 3501 6.3.10"}, imap_cmd_status, 0},
    {{"APPEND", AFTER, 0, "RFC 3501 6.3.11"}, imap_cmd_append, IMAP_TAKES_MESSAGE},
    {{"IDLE", AFTER, BARE, "RFC 2177 3"}, imap_cmd_idle, 0},
    {{"CHECK", OPEN, BARE, "RFC 3501 6.4.1"}, imap_cmd_noop, 0},
    {{"CLOSE", OPEN, BARE, "RFC 3501 6.4.2"}, imap_cmd_close, 0},
    {{"UNSELECT", OPEN, BARE, "RFC 3691 2"}, imap_cmd_unselect, 0},
    {{"EXPUNGE", OPEN, BARE, "RFC 3501 6.4.3"}, imap_cmd_expunge, WRITES},
    {{"UID EXPUNGE", OPEN, 0, "RFC 4315 2.1"}, imap_cmd_expunge, WRITES | UID},
    {{"SEARCH", OPEN, 0, "RFC 3501 6.4.4"}, imap_cmd_search, IMAP_KEEPS_NUMBERS},
    {{"UID SEARCH", OPEN, 0, "RFC 3501 6.4.8"}, imap_cmd_search, UID},
    {{"FETCH", OPEN, 0, "RFC 3501 6.4.5"}, imap_cmd_fetch, IMAP_KEEPS_NUMBERS},
    {{"UID FETCH", OPEN, 0, "RFC 3501 6.4.8"}, imap_cmd_fetch, UID},
    {{"STORE", OPEN, 0, "RFC 3501 6.4.6"}, imap_cmd_store, WRITES | IMAP_KEEPS_NUMBERS},
    {{"UID STORE", OPEN, 0, "RFC 3501 6.4.8"}, imap_cmd_store, WRITES | UID},
    {{"COPY", OPEN, 0, "RFC 3501 6.4.7"}, imap_cmd_copy, 0},
    {{"UID COPY", OPEN, 0, "RFC 3501 6.4.8"}, imap_cmd_copy, UID},
    {{"MOVE", OPEN, 0, "RFC 6851 3.1"}, imap_cmd_move, WRITES},
    {{"UID MOVE", OPEN, 0, "RFC 6851 3.2"}, imap_cmd_move, WRITES | UID},
};

const struct imap_command *imap_command_find(struct span name)
{
    const struct command *found =
        command_find(commands, sizeof commands / sizeof *commands, sizeof *commands, name);
    return (const struct imap_command *)(const void *)found;
}
