/*
 * commands.c: the administrator's calls as a table of rows: which words, which job, which text.
 * Users and aliases are here, the queue in queue.c. Tests: tests/unit/test_admin.c.
 */
#include "admin/commands.h"

#include "base/err.h"
#include "store/account.h"

void admin_say(struct admin_call *call, const char *text)
{
    buf_puts(&call->text, text);
    buf_puts(&call->text, "\n");
}

void admin_refuse(struct admin_call *call, const char *text)
{
    call->status = 1;
    admin_say(call, text);
}

/* "user NAME: text" */
static void say_of(struct admin_call *call, const char *what, const char *text)
{
    buf_puts(&call->text, what);
    buf_puts(&call->text, " ");
    buf_put(&call->text, call->words[2]);
    buf_puts(&call->text, ": ");
    admin_say(call, text);
}

static const char *reason(int status, const struct fault *fault)
{
    return fault->text[0] != '\0' ? fault->text : err_text(status);
}

static struct job *start_account(struct admin_call *call, enum store_account_action action)
{
    struct span verifier = call->word_count > 3 ? call->words[3] : span_of("");
    return &store_change_account_create(call->store, action, call->words[2], verifier)->job;
}

static struct job *start_user_add(struct admin_call *call)
{
    return start_account(call, STORE_ACCOUNT_ADD);
}

static struct job *start_user_passwd(struct admin_call *call)
{
    return start_account(call, STORE_ACCOUNT_PASSWORD);
}

static struct job *start_user_delete(struct admin_call *call)
{
    return start_account(call, STORE_ACCOUNT_DELETE);
}

static void finish_user(struct admin_call *call, struct job *job)
{
    struct store_change_account *change = (struct store_change_account *)job;
    call->status = change->status != 0;
    if (change->status == 0)
        say_of(call, "user", call->row->done);
    else if (change->status == ERR_EXISTS)
        say_of(call, "user", "exists already; to change the password: postern user passwd NAME");
    else if (change->status == ERR_NOT_FOUND)
        say_of(call, "user", "there is no such user; see: postern user list");
    else
        say_of(call, "could not change user", reason(change->status, &change->fault));
}

static void list_account(void *owner, const struct store_account *account)
{
    struct admin_call *call = owner;
    buf_puts(&call->text, account->address);
    admin_say(call, account->verifier[0] == '\0' ? " (no password)" : "");
}

static struct job *start_user_list(struct admin_call *call)
{
    store_each_account(call->store, list_account, call);
    return NULL;
}

/* Said, not refused: the next change may be the one that mends it. What an alias tag is depends on
 * the configuration; a circle by way of one is found at delivery. */
static void warn_of_circle(struct admin_call *call)
{
    struct span alias = call->words[2], target = call->words[3];
    struct store_account account;
    bool is_user = store_find_account(call->store, alias, &account) == 0;
    bool is_itself = span_equal(alias, target);
    if ((is_itself && is_user) || (!is_itself && !store_leads_to(call->store, target, alias, "")))
        return;
    buf_puts(&call->text, "note: ");
    buf_put(&call->text, target);
    buf_puts(&call->text, " leads back to ");
    buf_put(&call->text, alias);
    admin_say(call, ": mail that goes round in a circle of aliases only reaches those outside of "
                    "it, and nobody when there are none");
}

static void warn_of_distance(struct admin_call *call)
{
    if (!store_leads_too_far(call->store, call->words[2], ""))
        return;
    buf_puts(&call->text, "note: ");
    buf_put(&call->text, call->words[2]);
    admin_say(call,
              " leads too far: its mail is put off (450 4.2.4) until it leads to 200 addresses "
              "and over 10 aliases at most");
}

static struct job *start_alias_add(struct admin_call *call)
{
    return &store_change_alias_create(call->store, STORE_ALIAS_ADD, call->words[2], call->words[3])
                ->job;
}

static struct job *start_alias_delete(struct admin_call *call)
{
    struct span target = call->word_count > 3 ? call->words[3] : span_of("");
    return &store_change_alias_create(call->store, STORE_ALIAS_DELETE, call->words[2], target)->job;
}

static void finish_alias(struct admin_call *call, struct job *job)
{
    struct store_change_alias *change = (struct store_change_alias *)job;
    call->status = change->status != 0;
    if (change->status == 0) {
        say_of(call, "alias", call->row->done);
        if (call->row->start == start_alias_add) {
            warn_of_circle(call);
            warn_of_distance(call);
        }
    } else if (change->status == ERR_EXISTS)
        say_of(call, "alias", "has that target already");
    else if (change->status == ERR_NOT_FOUND)
        say_of(call, "alias", "there is no such alias; see: postern alias list");
    else
        say_of(call, "could not change alias", reason(change->status, &change->fault));
}

static void list_alias(void *owner, struct span alias, struct span target)
{
    struct admin_call *call = owner;
    buf_put(&call->text, alias);
    buf_puts(&call->text, " -> ");
    buf_put(&call->text, target);
    buf_puts(&call->text, "\n");
}

static struct job *start_alias_list(struct admin_call *call)
{
    store_each_alias(call->store, list_alias, call);
    return NULL;
}

static const struct admin_row rows[] = {
    {"user", "add", 4, 4, start_user_add, finish_user, "added"},
    {"user", "passwd", 4, 4, start_user_passwd, finish_user, "password changed"},
    {"user", "delete", 3, 3, start_user_delete, finish_user, "deleted, with all its mail"},
    {"user", "list", 2, 2, start_user_list, NULL, NULL},
    {"alias", "add", 4, 4, start_alias_add, finish_alias, "added"},
    {"alias", "delete", 3, 4, start_alias_delete, finish_alias, "deleted"},
    {"alias", "list", 2, 2, start_alias_list, NULL, NULL},
    {"domain", "add", 3, 3, admin_start_domain_add, admin_finish_domain, "added"},
    {"domain", "delete", 3, 3, admin_start_domain_delete, admin_finish_domain, "deleted"},
    {"domain", "list", 2, 2, admin_start_domain_list, NULL, NULL},
    {"domain", "find", 3, 3, admin_start_domain_find, NULL, NULL},
    {"route", "add", 4, ADMIN_WORDS_MAX, admin_start_route_add, admin_finish_route, "added"},
    {"route", "delete", 3, 3, admin_start_route_delete, admin_finish_route, "deleted"},
    {"route", "list", 2, 2, admin_start_route_list, NULL, NULL},
    {"route", "rows", 2, 2, admin_start_route_rows, NULL, NULL},
    {"route", "resolve", 4, 4, admin_start_route_resolve, NULL, NULL},
    {"message", "show", 3, 3, admin_start_message, admin_finish_message, NULL},
    {"queue", "rows", 3, 3, admin_start_queue_rows, admin_finish_queue_rows, NULL},
    {"queue", "retry", 3, 3, admin_start_queue_retry, admin_finish_queue_change, NULL},
    {"queue", "hold", 3, 3, admin_start_queue_hold, admin_finish_queue_change, NULL},
    {"queue", "delete", 3, 3, admin_start_queue_delete, admin_finish_queue_change, NULL},
};

void admin_call_init(struct admin_call *call, struct store *store)
{
    *call = (struct admin_call){.store = store};
    arena_init(&call->arena);
    buf_init(&call->text, 0);
}

void admin_call_deinit(struct admin_call *call)
{
    arena_reset(&call->arena);
    buf_release(&call->text);
}

static const struct admin_row *find_row(const struct admin_call *call)
{
    if (call->word_count < 2)
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (span_is(call->words[0], rows[i].area) && span_is(call->words[1], rows[i].verb))
            return &rows[i];
    }
    return NULL;
}

struct job *admin_start(struct admin_call *call)
{
    call->row = find_row(call);
    if (call->row == NULL) {
        admin_refuse(call, "the server does not know this command: it may be older than this "
                           "program; restart it");
        return NULL;
    }
    if (call->word_count < call->row->words_min || call->word_count > call->row->words_max) {
        admin_refuse(call, "wrong number of arguments; see --help");
        return NULL;
    }
    return call->row->start(call);
}

void admin_finish(struct admin_call *call, struct job *job)
{
    call->row->finish(call, job);
}
