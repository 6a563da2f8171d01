/*
 * cmd_append: APPEND (RFC 3501 6.3.11, APPENDUID of RFC 4315, APPENDLIMIT of RFC 7889). The message
 * goes piece by piece into a store body, never whole into the command's memory; its size is refused
 * before a byte is asked for. Tests: tests/dialogue/imap/append.dlg.
 */
#include "base/err.h"
#include "base/mem.h"
#include "mail/date.h"
#include "net/out.h"
#include "protocols/imap/flag_args.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/mailbox_name.h"
#include "protocols/imap/update.h"

struct append {
    struct imap *imap;
    struct store_body *body; /* owned */
    struct span name;
    struct imap_flag_args flags;
    int64_t saved_s;
    uint64_t left; /* bytes of the literal that are still to come */
    int status;    /* of the store; the rest of the literal is skipped when it is not 0 */
    struct fault fault;
    bool has_nul;
};

static session_bytes_fn on_message;
static session_line_fn on_message_end;

static void append_free(void *work)
{
    struct append *append = work;
    store_body_free(&append->body);
    mem_free(append);
}

/* Without a message literal there is nothing to append. */
struct verdict imap_cmd_append(struct imap *imap)
{
    return imap_bad(imap, "Could not read the command: a message literal is expected");
}

/* Whether "{123}" is all that is left: the literal that was just announced. */
static bool is_at_message(const struct imap_args *args)
{
    struct span rest = imap_args_rest(args);
    ptrdiff_t brace = span_find_byte(rest, 0, '}');
    return rest.len > 0 && rest.ptr[0] == '{' && brace == (ptrdiff_t)rest.len - 1;
}

/* date-time, in quotes */
static bool read_date(struct imap_args *args, int64_t *saved_s)
{
    struct span text;
    if (!imap_args_string(args, &text))
        return false;
    if (date_parse_imap(text, saved_s) != 0)
        return imap_args_fail(args, "the date is not like \" 1-Nov-2026 10:22:07 +0000\"");
    if (*saved_s == 0) /* the store takes that for now; real clients send it for an unknown date */
        *saved_s = 1;
    return imap_args_space(args);
}

/* SP [flags SP] [date-time SP], up to the literal. */
static bool read_options(struct imap_args *args, struct append *append)
{
    if (!imap_args_space(args))
        return false;
    if (imap_args_peek(args) == '(' &&
        (!imap_flag_args_read(args, true, &append->flags) || !imap_args_space(args)))
        return false;
    if (imap_args_peek(args) == '"' && !read_date(args, &append->saved_s))
        return false;
    return is_at_message(args) || imap_args_fail(args, "a message literal is expected");
}

static bool read_append(struct imap *imap, struct span mailbox, struct append *append)
{
    const char *error = NULL;
    if (!imap_name_parse(mailbox, IMAP_NAME_LOOKUP, &imap->arena, &append->name, &error))
        return imap_args_refuse(&imap->args, "NONEXISTENT", error);
    return read_options(&imap->args, append);
}

/* What may be refused before the literal is sent. */
static bool is_size_good(struct imap *imap, uint64_t size)
{
    if (size > imap->service->append_size_max)
        imap_refuse(imap, IMAP_NO, "TOOBIG", "The message is larger than APPENDLIMIT");
    else if (size == 0)
        imap_refuse(imap, IMAP_NO, NULL, "The message is empty");
    return imap->refusal.text == NULL;
}

static struct verdict want_message(struct append *append)
{
    struct imap *imap = append->imap;
    if (append->left == 0)
        return imap_want_secret(imap, imap->service->settings->command_line_max, on_message_end);
    return want_bytes((size_t)append->left, imap_timeout_ms(imap), on_message);
}

bool imap_append_literal(struct imap *imap, const struct imap_literal *literal, struct verdict *out)
{
    struct imap_args *args = &imap->args;
    imap_args_init(args, imap_lexer_text(&imap->lexer), &imap->arena);
    args->at = imap->args_at;
    struct span mailbox;
    bool has_space = imap_args_space(args);
    if (has_space && is_at_message(args))
        return false; /* the mailbox's name itself is the literal */

    struct append *append = mem_new(struct append);
    append->imap = imap;
    imap_set_work(imap, append, append_free);
    bool is_good =
        has_space && imap_args_astring(args, &mailbox) && read_append(imap, mailbox, append);
    if (!is_good)
        imap_refuse(imap, args->refusal == NULL ? IMAP_BAD : IMAP_NO, args->refusal,
                    arena_printf(&imap->arena, "Could not read the command: %s", args->error));
    if (!is_good || !is_size_good(imap, literal->size))
        return false;

    append->body = store_body_create(imap->service->store, STORE_BODY_SCAN);
    append->left = literal->size;
    if (literal->is_sync)
        out_puts(imap->host->out, "+ Go ahead\r\n");
    *out = want_message(append);
    return true;
}

static void take_flush(struct append *append, struct job *job)
{
    const struct store_body_flush *flush = (const struct store_body_flush *)(const void *)job;
    if (flush->status == 0)
        return;
    append->status = flush->status;
    append->fault = flush->fault;
    store_body_free(&append->body);
}

static struct verdict on_flushed(void *session, struct job *job)
{
    struct imap *imap = session;
    take_flush(imap->work, job);
    return want_message(imap->work);
}

static struct verdict on_message(void *session, struct span bytes, size_t *taken_out)
{
    struct imap *imap = session;
    struct append *append = imap->work;
    struct span part = span_first(bytes, (size_t)append->left);
    append->left -= part.len;
    *taken_out = part.len;
    if (append->body == NULL)
        return want_message(append);

    if (span_has_nul(part)) { /* RFC 3501 section 9: a CHAR8 is not NUL */
        append->has_nul = true;
        store_body_free(&append->body);
        return want_message(append);
    }
    store_body_add(append->body, part);
    if (!store_body_wants_flush(append->body))
        return want_message(append);
    return want_answer(&store_body_flush_create(append->body)->job, on_flushed);
}

static struct verdict on_appended(void *session, struct job *job)
{
    struct imap *imap = session;
    const struct store_append *done = (const struct store_append *)(const void *)job;
    if (done->status == ERR_NOT_FOUND)
        return imap_no(imap, "TRYCREATE", "There is no such mailbox");
    if (done->status != 0)
        return imap_no_status(imap, done->status, &done->fault, "append the message");

    if (imap->selected != NULL) /* when it is the same one, its EXISTS comes before our OK */
        imap->selected->is_dirty = true;
    return imap_ok(imap,
                   arena_printf(&imap->arena, "APPENDUID %u %u", (unsigned)done->uidvalidity,
                                (unsigned)done->uid),
                   "Appended");
}

static struct verdict commit(struct append *append)
{
    struct imap *imap = append->imap;
    if (append->has_nul)
        return imap_bad(imap, "The message has a NUL, which IMAP4rev1 does not allow");
    if (append->status != 0)
        return imap_no_status(imap, append->status, &append->fault, "store the message");

    struct store_append *job = store_append_create(
        imap->service->store, imap->account, append->name, append->body, append->flags.flags,
        append->flags.keywords, append->flags.keyword_count, append->saved_s);
    append->body = NULL; /* the job's now */
    return want_answer(&job->job, on_appended);
}

static struct verdict on_synced(void *session, struct job *job)
{
    struct imap *imap = session;
    take_flush(imap->work, job);
    return commit(imap->work);
}

static struct verdict on_message_end(void *session, enum line_fault fault, struct span line)
{
    struct imap *imap = session;
    struct append *append = imap->work;
    struct imap_literal literal;
    if (fault == LINE_OK && imap_literal_announced(line, &literal)) {
        imap_refuse(imap, IMAP_BAD, NULL, "Only one message can be appended at a time");
        return imap_refuse_literal(imap, &literal);
    }
    if (fault != LINE_OK)
        return imap_bad_line(imap, fault, line);
    if (line.len != 0)
        return imap_bad(imap, "Could not read the command: unexpected text behind the message");
    if (append->body != NULL && store_body_wants_sync(append->body))
        return want_answer(&store_body_sync_create(append->body)->job, on_synced);
    return commit(append);
}
