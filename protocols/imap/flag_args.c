/*
 * flag_args: owns which flags a client may set (RFC 3501 2.3.2). Tests: tests/dialogue/imap.
 */
#include "protocols/imap/flag_args.h"

#include "protocols/imap/reply.h"

/* A keyword is kept for the mailbox's life and listed to every client. */
enum { KEYWORD_LEN_MAX = 64 };

static bool each_flag(void *owner, struct imap_args *args, struct span flag)
{
    struct imap_flag_args *list = owner;
    uint64_t bit = imap_flag_bits(flag, NULL, 0);
    list->flags |= bit;
    if (bit != 0)
        return true;
    if (span_is_nocase(flag, "\\Recent"))
        return imap_args_fail(args, "\\Recent is the server's to set");
    if (flag.ptr[0] == '\\')
        return imap_args_fail(args, "there is no such system flag");
    if (flag.len > KEYWORD_LEN_MAX)
        return imap_args_fail(args, "a keyword is longer than 64 characters");

    for (size_t i = 0; i < list->keyword_count; i++) {
        if (span_equal_nocase(list->keywords[i], flag))
            return true;
    }
    if (list->keyword_count == STORE_KEYWORDS_MAX)
        return imap_args_fail(args, "there are too many keywords");
    list->keywords[list->keyword_count++] = flag;
    return true;
}

bool imap_flag_args_read(struct imap_args *args, bool is_list_needed, struct imap_flag_args *out)
{
    *out = (struct imap_flag_args){0};
    return imap_args_flags(args, is_list_needed, each_flag, out);
}
