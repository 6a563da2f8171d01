/* world_look: puts mail into the store before a dialogue and reads what is there after it. */
#include "base/mem.h"
#include "base/require.h"
#include "store/account.h"
#include "store/entry.h"
#include "store/mailbox.h"
#include "store/queue_rows.h"
#include "tests/dialogue/world.h"

void world_add_mail(struct world *world, struct span address, struct span message)
{
    struct store_body *body = store_body_create(world->store, STORE_BODY_SCAN);
    struct store_account account;

    require(store_find_account(world->store, address, &account) == 0);
    store_body_add(body, message);
    struct store_append *append =
        store_append_create(world->store, account.id, span_of("INBOX"), body, 0, NULL, 0, 0);
    job_run_now(world->jobs, &append->job);
    require(append->status == 0);
    append->job.free(&append->job);
}

static void read_blob(struct world *world, const struct store_blob *blob, struct buf *out)
{
    struct store_read *read = store_read_create(world->store, blob, 0, (size_t)blob->length);

    job_run_now(world->jobs, &read->job);
    require(read->status == 0 && read->len == blob->length);
    buf_put(out, span_make(read->bytes, read->len));
    read->job.free(&read->job);
}

static void read_last_entry(struct world *world, uint64_t mailbox, struct buf *out)
{
    const struct uid_range all = {1, UINT32_MAX};
    struct store_fetch *fetch;
    uint32_t from = 0;

    do {
        fetch = store_fetch_create(world->store, mailbox, &all, 1, from, STORE_FETCH_BLOB, 1 << 20);
        job_run_now(world->jobs, &fetch->job);
        require(fetch->status == 0);
        from = fetch->next_uid;
        if (from == 0 && fetch->count > 0)
            read_blob(world, &fetch->rows[fetch->count - 1].blob, out);
        fetch->job.free(&fetch->job);
    } while (from != 0);
}

int64_t world_read_mailbox(struct world *world, struct span address, struct span mailbox,
                           struct buf *message_out)
{
    struct store_account account;
    int64_t count = -1;

    if (store_find_account(world->store, address, &account) < 0)
        return -1;
    struct store_select *select =
        store_select_create(world->store, account.id, mailbox, STORE_EXAMINE);
    job_run_now(world->jobs, &select->job);
    if (select->status == 0) {
        count = (int64_t)store_view_count(select->delta.view);
        if (count > 0)
            read_last_entry(world, select->mailbox.id, message_out);
    }
    select->job.free(&select->job);
    return count;
}

int64_t world_read_queue(struct world *world, struct buf *message_out)
{
    struct store_queue *queue = store_queue_create(world->store, INT64_MAX, INT64_MIN, 0, 1000);

    job_run_now(world->jobs, &queue->job);
    require(queue->status == 0);
    int64_t count = (int64_t)queue->count;
    if (count > 0)
        read_blob(world, &queue->rows[count - 1].blob, message_out);
    queue->job.free(&queue->job);
    return count;
}
