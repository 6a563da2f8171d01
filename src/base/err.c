/*
 * err.c: names and texts of error codes, and faults: the sentence that goes with a code.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int err;
    const char *name;
    const char *text;
} rows[] = {{0, "ok", "all is well"},
#define ERR_ROW(name, number, text) {number, #name, text},
            ERR_LIST(ERR_ROW)
#undef ERR_ROW
};

const char *err_name(int err)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].err == err)
            return rows[i].name;
    }
    return "ERR_UNKNOWN";
}

const char *err_text(int err)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].err == err)
            return rows[i].text;
    }
    return "unknown error";
}

int err_from_errno(int error_number)
{
    switch (error_number) {
    case EAGAIN:
        return ERR_AGAIN;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_REFUSED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case ECONNRESET:
    case EPIPE:
        return ERR_CLOSED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return ERR_UNREACHABLE;
    default:
        return ERR_IO;
    }
}

int fault_set(struct fault *fault, int err, const char *format, ...)
{
    if (fault == NULL)
        return err;
    fault->err = err;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return err;
}

int fault_wrap(struct fault *fault, const char *format, ...)
{
    if (fault == NULL)
        return ERR_INVALID;
    char inner[FAULT_TEXT_MAX];
    memcpy(inner, fault->text, sizeof inner);

    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);

    size_t len = strlen(fault->text);
    size_t room = sizeof fault->text - len;
    size_t inner_len = strlen(inner);
    if (room > 3) {
        size_t taken = inner_len < room - 3 ? inner_len : room - 3;
        memcpy(fault->text + len, ": ", 2);
        memcpy(fault->text + len + 2, inner, taken);
        fault->text[len + 2 + taken] = '\0';
    }
    return fault->err;
}
