/*
 * domain.c: the administrator's calls about domains in the store. Tests: tests/unit/test_admin.c.
 */
#include "admin/commands.h"

#include "base/err.h"
#include "store/domain.h"

struct job *admin_start_domain_add(struct admin_call *call)
{
    return &store_change_domain_create(call->store, STORE_DOMAIN_ADD, call->words[2])->job;
}

struct job *admin_start_domain_delete(struct admin_call *call)
{
    return &store_change_domain_create(call->store, STORE_DOMAIN_DELETE, call->words[2])->job;
}

void admin_finish_domain(struct admin_call *call, struct job *job)
{
    const struct store_change_domain *change = (struct store_change_domain *)job;
    call->status = change->status != 0;
    buf_puts(&call->text, "domain ");
    buf_put(&call->text, call->words[2]);
    buf_puts(&call->text, ": ");
    if (change->status == 0)
        admin_say(call, call->row->done);
    else if (change->status == ERR_EXISTS)
        admin_say(call, "exists already; see: postern domain list");
    else if (change->status == ERR_NOT_FOUND)
        admin_say(call, "there is no such domain in the store; see: postern domain list");
    else if (change->status == ERR_REFUSED)
        admin_say(call, "still has users or aliases: delete those first (postern user delete, "
                        "postern alias delete)");
    else
        admin_say(call,
                  change->fault.text[0] != '\0' ? change->fault.text : err_text(change->status));
}

static void list_domain(void *owner, struct span domain)
{
    struct admin_call *call = owner;
    buf_put(&call->text, domain);
    buf_puts(&call->text, "\n");
}

struct job *admin_start_domain_list(struct admin_call *call)
{
    store_each_domain(call->store, list_domain, call);
    return NULL;
}

/* Says nothing of one that is there: for a program that wants to know. */
struct job *admin_start_domain_find(struct admin_call *call)
{
    if (store_has_domain(call->store, call->words[2]))
        return NULL;
    buf_put(&call->text, call->words[2]);
    admin_refuse(call,
                 " is not one of the domains that are kept here: add it first (postern domain "
                 "add), or write it into `domains` of the configuration");
    return NULL;
}
