/*
 * route.c: the administrator's calls about routes in the store. What a route may say is checked as
 * in the configuration, by conf/route.h. Tests: tests/unit/test_admin.c.
 */
#include <string.h>

#include "admin/commands.h"
#include "base/err.h"
#include "conf/route.h"
#include "store/account.h"
#include "store/domain.h"
#include "store/route.h"

static void say_complaint(void *owner, const char *file, int line, const char *sentence)
{
    (void)file;
    (void)line;
    admin_refuse(owner, sentence);
}

/* The words behind the domain, as the store keeps them. */
static void join_words(const struct admin_call *call, struct buf *out)
{
    for (size_t i = 3; i < call->word_count; i++) {
        buf_puts(out, i > 3 ? "\n" : "");
        buf_put(out, call->words[i]);
    }
}

static bool has_line_end(const struct admin_call *call)
{
    for (size_t i = 2; i < call->word_count; i++)
        if (span_find_byte(call->words[i], 0, '\n') >= 0)
            return true;
    return false;
}

static bool may_be_added(struct admin_call *call, struct span words)
{
    const struct conf_route_report report = {say_complaint, call};
    struct settings_route route;
    if (has_line_end(call)) {
        admin_refuse(call, "a word of a route has a line end: write it in one line");
        return false;
    }
    if (store_has_domain(call->store, call->words[2])) {
        buf_put(&call->text, call->words[2]);
        admin_refuse(call, " is kept here (postern domain list): its mail goes into mailboxes, "
                           "never by a route");
        return false;
    }
    return conf_route_read(call->words[2], words, &call->arena, &report, &route) == 0;
}

struct job *admin_start_route_add(struct admin_call *call)
{
    struct job *job = NULL;
    struct buf words;
    buf_init(&words, 0);
    join_words(call, &words);
    if (may_be_added(call, buf_span(&words)))
        job = &store_change_route_create(call->store, STORE_ROUTE_ADD, call->words[2],
                                         buf_span(&words))
                   ->job;
    buf_wipe(&words);
    return job;
}

struct job *admin_start_route_delete(struct admin_call *call)
{
    return &store_change_route_create(call->store, STORE_ROUTE_DELETE, call->words[2], span_of(""))
                ->job;
}

void admin_finish_route(struct admin_call *call, struct job *job)
{
    const struct store_change_route *change = (struct store_change_route *)job;
    call->status = change->status != 0;
    buf_puts(&call->text, "route ");
    buf_put(&call->text, call->words[2]);
    buf_puts(&call->text, ": ");
    if (change->status == 0)
        admin_say(call, call->row->done);
    else if (change->status == ERR_EXISTS)
        admin_say(call, "exists already; to change it: postern route delete, then add");
    else if (change->status == ERR_NOT_FOUND)
        admin_say(call, "there is no such route in the store; see: postern route list");
    else if (change->status == ERR_FULL)
        admin_say(call, "the store has 10000 routes and takes no more: use suffixes "
                        "(\".example.org\") or the configuration's lists");
    else
        admin_say(call,
                  change->fault.text[0] != '\0' ? change->fault.text : err_text(change->status));
}

static void list_route(void *owner, struct span domain, struct span words)
{
    struct admin_call *call = owner;
    struct settings_route route;
    buf_put(&call->text, domain);
    if (conf_route_read(domain, words, &call->arena, NULL, &route) == 0)
        conf_route_put(&route, &call->text);
    else
        buf_puts(&call->text, " (not understood by this version: delete it and add it anew)");
    buf_puts(&call->text, "\n");
}

struct job *admin_start_route_list(struct admin_call *call)
{
    store_each_route(call->store, list_route, call);
    return NULL;
}

/* A line of words: the domain and what it was added with, without the password. */
static void put_row(void *owner, struct span domain, struct span words)
{
    struct admin_call *call = owner;
    struct span line[CONF_ROUTE_WORDS_MAX + 1] = {domain};
    size_t count = 1;
    while (words.len > 0 && count <= CONF_ROUTE_WORDS_MAX) {
        struct span word = span_cut(&words, '\n');
        bool is_secret = span_starts_nocase(word, span_of("password="));
        line[count++] = is_secret ? span_of("password=(hidden)") : word;
    }
    if (admin_line_write(line, count, &call->text) != 0)
        call->status = 1;
    buf_puts(&call->text, "\n");
}

struct job *admin_start_route_rows(struct admin_call *call)
{
    store_each_route(call->store, put_row, call);
    return NULL;
}

/* Lines "kept" when the domain is one of the store, "local ADDRESS" and "remote ADDRESS" of each
 * target that aliases lead to, "circle", "far". Words: the address in key form, the separator of
 * tags. */
struct job *admin_start_route_resolve(struct admin_call *call)
{
    struct store_target *targets = arena_alloc(&call->arena, STORE_TARGETS_MAX * sizeof *targets);
    const char *separator = arena_text(&call->arena, call->words[3]);
    struct span address = call->words[2], domain = address;
    for (ptrdiff_t at = span_find_byte(domain, 0, '@'); at >= 0;
         at = span_find_byte(domain, 0, '@'))
        domain = span_from(domain, (size_t)at + 1); /* a quoted local part may hold one too */
    if (store_has_domain(call->store, domain))
        admin_say(call, "kept");
    size_t count = store_resolve(call->store, address, separator, &call->arena, targets);
    for (size_t i = 0; i < count; i++) {
        buf_puts(&call->text, targets[i].account != 0 ? "local " : "remote ");
        buf_put(&call->text, targets[i].address);
        buf_puts(&call->text, "\n");
    }
    if (store_leads_too_far(call->store, address, separator))
        admin_say(call, "far");
    if (count == 0 && store_leads_to(call->store, address, address, separator))
        admin_say(call, "circle");
    return NULL;
}
