/* chain_look: what a server keeps, into the model: mailboxes at the end, the queue after a crash.
 */
#include <stdio.h>

#include "base/require.h"
#include "store/account.h"
#include "store/entry.h"
#include "store/mailbox.h"
#include "tests/sim/chain_internal.h"

enum { QUEUE_PAGE = 500 };

static void look_at_message(struct chain_node *node, const char *address,
                            const struct store_blob *blob)
{
    struct store_read *read = store_read_create(node->store, blob, 0, (size_t)blob->length);
    job_run_now(node->jobs, &read->job);
    struct span text = span_make(read->bytes, read->status == 0 ? read->len : 0);
    struct chain_message *message = chain_message_of_text(&node->chain->model, text);
    if (message == NULL)
        chain_unreadable(&node->chain->model, node->hostname);
    else if (span_find(text, span_of("multipart/report")) >= 0)
        chain_seen_report(&node->chain->model, text, node->hostname);
    else
        chain_seen(message, span_of(address), text, node->hostname);
    read->job.free(&read->job);
}

static void look_at_mailbox(struct chain_node *node, const char *address, uint64_t mailbox)
{
    const struct uid_range all = {1, UINT32_MAX};
    uint32_t from = 0;
    do {
        struct store_fetch *fetch =
            store_fetch_create(node->store, mailbox, &all, 1, from, STORE_FETCH_BLOB, 1 << 20);
        job_run_now(node->jobs, &fetch->job);
        require(fetch->status == 0);
        from = fetch->next_uid;
        for (size_t i = 0; i < fetch->count; i++)
            look_at_message(node, address, &fetch->rows[i].blob);
        fetch->job.free(&fetch->job);
    } while (from != 0);
}

void chain_look_mailboxes(struct chain_node *node)
{
    char address[CHAIN_ADDRESS_SIZE];
    struct store_account account;
    for (unsigned i = 0; i < CHAIN_USERS; i++) {
        (void)snprintf(address, sizeof address, "u%u@%s", i, node->domain);
        require(store_find_account(node->store, span_of(address), &account) == 0);
        struct store_select *select =
            store_select_create(node->store, account.id, span_of("INBOX"), STORE_EXAMINE);
        job_run_now(node->jobs, &select->job);
        require(select->status == 0);
        uint64_t mailbox = select->mailbox.id;
        select->job.free(&select->job);
        look_at_mailbox(node, address, mailbox);
    }
}

/* By the sender's address, else the recipient's: of an alias's target the latter has no number, and
 * a report has no sender. */
static void look_at_row(struct chain_node *node, const struct store_queue_row *row)
{
    struct chain_model *model = &node->chain->model;
    struct chain_message *message = chain_message_of_address(model, row->reverse_path);
    if (message == NULL)
        message = chain_message_of_address(model, row->recipient);
    if (message == NULL || (row->notify & STORE_OWES_ANY) != 0)
        return;
    const struct chain_row waits = {.node = node->index,
                                    .failed_batches = node->failed_batches,
                                    .address = row->recipient,
                                    .is_report =
                                        row->reverse_path.len == 0 && message->sender[0] != '\0'};
    chain_unsettled(message, &waits);
}

size_t chain_look_queue(struct chain_node *node, bool is_crashed)
{
    size_t total = 0, count;
    uint64_t after = 0;
    do {
        struct store_queue *page = store_queue_page_create(node->store, after, QUEUE_PAGE);
        job_run_now(node->jobs, &page->job);
        require(page->status == 0);
        count = page->count;
        total += count;
        for (size_t i = 0; i < count && is_crashed; i++)
            look_at_row(node, &page->rows[i]);
        after = count > 0 ? page->rows[count - 1].id : after;
        page->job.free(&page->job);
    } while (count == QUEUE_PAGE);
    return total;
}
