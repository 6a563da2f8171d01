/*
 * cmd_any: CAPABILITY, NOOP (and CHECK), LOGOUT (RFC 3501 6.1) and ID (RFC 2971). Owns the list of
 * what is offered when. Tests: tests/dialogue/imap/capability*.dlg, login.dlg.
 */
#include "net/out.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/update.h"

/* Before login only what bears on logging in, so that nobody without a login learns more. */
void imap_put_capabilities(struct imap *imap)
{
    struct buf *out = &imap->scratch;
    bool is_private = imap->host->tls != NULL || imap->service->auth_without_tls;

    buf_puts(out, "IMAP4rev1 LITERAL+ SASL-IR ID");
    if (imap->state != IMAP_NOT_AUTHENTICATED) {
        buf_puts(out, " IDLE NAMESPACE CHILDREN UIDPLUS MOVE UNSELECT SPECIAL-USE"
                      " CREATE-SPECIAL-USE APPENDLIMIT=");
        imap_put_number(out, imap->service->append_size_max);
        return;
    }
    if (imap->host->tls == NULL && imap->service->offers_starttls)
        buf_puts(out, " STARTTLS");
    if (!is_private)
        buf_puts(out, " LOGINDISABLED");
    for (unsigned i = 0; is_private && i < AUTH_MECHANISM_COUNT; i++) {
        buf_puts(out, " AUTH=");
        buf_puts(out, auth_mechanism_name((enum auth_mechanism)i));
    }
}

struct verdict imap_cmd_capability(struct imap *imap)
{
    buf_puts(&imap->scratch, "* CAPABILITY ");
    imap_put_capabilities(imap);
    buf_puts(&imap->scratch, "\r\n");
    imap_flush(imap);
    return imap_ok(imap, NULL, "Capabilities listed");
}

struct verdict imap_cmd_noop(struct imap *imap)
{
    /* A client polls by it, so it asks even when no bell has rung yet. */
    if (imap->selected != NULL)
        imap->selected->is_dirty = true;
    return imap_ok(imap, NULL, "Done");
}

struct verdict imap_cmd_logout(struct imap *imap)
{
    struct log_line line;
    imap_log_begin(imap, &line, LOG_INFO, "logout");
    log_end(&line);
    imap_deselect(imap);
    out_puts(imap->host->out, "* BYE Logging out\r\n");
    imap->is_closing = true;
    return imap_ok(imap, NULL, "Bye");
}

/* RFC 2971 3.3: at most 30 fields. */
enum { ID_FIELDS_MAX = 30 };

static bool read_id(struct imap_args *args, struct log_line *line)
{
    if (imap_args_peek(args) != '(') {
        struct span nil;
        return imap_args_nstring(args, &nil) &&
               (nil.ptr == NULL || imap_args_fail(args, "a list or NIL is expected"));
    }
    (void)imap_args_open(args);
    unsigned count = 0;
    while (imap_args_peek(args) != ')') {
        struct span field, value;
        if (count++ > 0 && !imap_args_space(args))
            return false;
        if (count > ID_FIELDS_MAX)
            return imap_args_fail(args, "at most 30 fields are allowed");
        if (!imap_args_string(args, &field) || !imap_args_space(args) ||
            !imap_args_nstring(args, &value))
            return false;
        if (span_is_nocase(field, "name"))
            log_span(line, "name", value);
        if (span_is_nocase(field, "version"))
            log_span(line, "version", value);
    }
    return imap_args_close(args);
}

struct verdict imap_cmd_id(struct imap *imap)
{
    struct log_line line;
    imap_log_begin(imap, &line, LOG_DEBUG, "client");
    struct imap_args *args = &imap->args;
    if (!imap_args_space(args) || !read_id(args, &line) || !imap_args_end(args))
        return imap_bad_args(imap);
    log_end(&line);
    out_puts(imap->host->out, "* ID (\"name\" \"Postern\")\r\n");
    return imap_ok(imap, NULL, "Known");
}
