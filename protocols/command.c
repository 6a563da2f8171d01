/*
 * command: finds a row in a protocol's table and says whether it may run now. What the answer to a
 * refused command is, is the protocol's business. Tested through the dialogues of each protocol.
 */
#include "protocols/command.h"

const struct command *command_find(const void *rows, size_t row_count, size_t row_size,
                                   struct span name)
{
    const char *row = rows;

    for (size_t i = 0; i < row_count; i++, row += row_size) {
        const struct command *command = (const void *)row;
        if (span_is_nocase(name, command->name))
            return command;
    }
    return NULL;
}

enum command_gate command_check(const struct command *command, unsigned state, bool is_tls,
                                bool has_argument)
{
    if (command == NULL)
        return COMMAND_UNKNOWN;
    if ((command->flags & COMMAND_PLAINTEXT_ONLY) != 0 && is_tls)
        return COMMAND_ALREADY_TLS;
    if ((command->flags & COMMAND_TLS_ONLY) != 0 && !is_tls)
        return COMMAND_NEEDS_TLS;
    if ((command->states & state) == 0)
        return COMMAND_WRONG_STATE;
    if ((command->flags & COMMAND_NO_ARGUMENT) != 0 && has_argument)
        return COMMAND_HAS_ARGUMENT;
    return COMMAND_ALLOWED;
}
