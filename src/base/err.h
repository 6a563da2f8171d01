/*
 * err: the codes that functions return (0 or one of these, negative) and the fault, a sentence for
 * a human that goes with a code where one will be read (configuration, TLS, SQL, DNS).
 */
#ifndef POSTERN_BASE_ERR_H
#define POSTERN_BASE_ERR_H

#include <stddef.h>

/* name, number, text */
#define ERR_LIST(X)                                                                                \
    X(ERR_AGAIN, -1, "not now: try again later")                                                   \
    X(ERR_LIMIT, -2, "a limit was reached")                                                        \
    X(ERR_SYNTAX, -3, "the text does not follow its grammar")                                      \
    X(ERR_NOT_FOUND, -4, "there is no such thing")                                                 \
    X(ERR_EXISTS, -5, "it exists already")                                                         \
    X(ERR_REFUSED, -6, "it is not allowed")                                                        \
    X(ERR_IO, -7, "reading or writing did not work")                                               \
    X(ERR_FULL, -8, "there is no room left")                                                       \
    X(ERR_CORRUPT, -9, "stored data is damaged")                                                   \
    X(ERR_TLS, -10, "TLS was not established or broke")                                            \
    X(ERR_CLOSED, -11, "the other side closed the connection")                                     \
    X(ERR_TIMEOUT, -12, "it took too long")                                                        \
    X(ERR_CANCELLED, -13, "it was given up")                                                       \
    X(ERR_CONFIG, -14, "the configuration is not usable")                                          \
    X(ERR_UNREACHABLE, -15, "no connection could be made")                                         \
    X(ERR_INVALID, -16, "the value is not valid here")

enum err {
    ERR_OK = 0,
#define ERR_ENUM(name, number, text) name = number,
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* "ERR_LIMIT" and "a limit was reached"; for 0 "ok" and "all is well". */
const char *err_name(int err);
const char *err_text(int err);

/* The code that fits an errno best. */
int err_from_errno(int error_number);

enum { FAULT_TEXT_MAX = 512 };

/* Embedded by the caller, usually on the stack; empty text means no fault. */
struct fault {
    int err;
    char text[FAULT_TEXT_MAX]; /* one sentence, NUL-terminated, cut when too long */
};

static inline void fault_clear(struct fault *fault)
{
    fault->err = ERR_OK;
    fault->text[0] = '\0';
}

/* Writes code and sentence ("could not X: why; do Y") and returns the code. fault may be NULL. */
int fault_set(struct fault *fault, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "context: " before the sentence that is there and returns its code. */
int fault_wrap(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
