/*
 * search: SEARCH in slices over a view. The tree becomes a program in postfix order, so neither
 * building nor running it recurses. Each message is judged by what its row says; only where that
 * leaves it open are its bytes read, and only as much of them as the open keys need.
 *
 * What text is found where: search_text.c. Tests: tests/unit/test_store_search.c.
 */
#include "store/search.h"

#include "base/mem.h"
#include "base/require.h"
#include "mail/mime.h"
#include "store/fd_internal.h"
#include "store/mailbox.h"
#include "store/search_internal.h"
#include "store/writer_internal.h"

enum {
    SLICE_ROWS_MAX = 10000,            /* a slice ends after so many messages, */
    SLICE_BYTES_MAX = 8 * 1024 * 1024, /* or so many bytes read: some 10 ms */
    HEADER_BYTES = MIME_HEADER_MAX,
    PART_BYTES_MAX = 8 * 1024 * 1024,  /* of a part; what lies behind is not searched: memory */
    SCAN_BYTES_MAX = 16 * 1024 * 1024, /* the same of a message that was never scanned */
    DAY_S = 24 * 60 * 60
};

enum answer { NO, YES, OPEN };

/* How much of a message is known. */
enum depth { DEPTH_ROW, DEPTH_HEADER, DEPTH_BODY };

struct step {
    enum search_kind kind;
    size_t child_count;
    struct uid_range *ranges;
    size_t range_count;
    uint64_t flags;
    int64_t number;
    struct span field;
    struct search_text text;
    struct buf text_storage;
};

struct search_request {
    struct request base;
    struct store_search pub;
    uint64_t mailbox;
    struct store_view *view;
    uint32_t from_uid;
    struct step *steps; /* in the arena, but for their texts */
    size_t step_count;
    enum answer *stack;
    size_t uid_capacity;
    size_t rows, bytes; /* of this slice so far */
    struct search_message message;
    struct store_blob blob; /* of the message under way */
    struct buf head, piece; /* its start; what was loaded of the rest */
    int load_err;
};
REQUEST_LAYOUT(search_request);

struct search_row {
    uint32_t uid;
    uint64_t flags, modseq, size, blob;
    int64_t saved_s, sent_s;
    int render_version;
};

static enum answer answer_of(bool is_so)
{
    return is_so ? YES : NO;
}

static bool ranges_have(const struct step *step, uint32_t uid)
{
    size_t low = 0, high = step->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (step->ranges[middle].last < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < step->range_count && step->ranges[low].first <= uid;
}

static enum answer day_answer(enum search_kind kind, int64_t time_s, int64_t midnight_s)
{
    if (kind == SEARCH_BEFORE || kind == SEARCH_SENT_BEFORE)
        return answer_of(time_s < midnight_s);
    if (kind == SEARCH_SINCE || kind == SEARCH_SENT_SINCE)
        return answer_of(time_s >= midnight_s);
    return answer_of(time_s >= midnight_s && time_s < midnight_s + DAY_S);
}

static enum answer text_answer(struct search_request *request, const struct step *step,
                               enum depth depth)
{
    if (step->kind == SEARCH_HEADER)
        return depth < DEPTH_HEADER
                   ? OPEN
                   : answer_of(search_header_has(&request->message, step->field, &step->text));
    if (depth < DEPTH_BODY)
        return OPEN;
    if (step->kind == SEARCH_BODY)
        return answer_of(search_body_has(&request->message, &step->text));
    return answer_of(search_all_has(&request->message, &step->text));
}

static enum answer leaf_answer(struct search_request *request, const struct step *step,
                               const struct search_row *row, enum depth depth)
{
    switch (step->kind) {
    case SEARCH_UIDS:
        return answer_of(ranges_have(step, row->uid));
    case SEARCH_FLAGS_SET:
        return answer_of((row->flags & step->flags) == step->flags);
    case SEARCH_RECENT:
        return answer_of((int64_t)row->uid >= step->number);
    case SEARCH_BEFORE:
    case SEARCH_ON:
    case SEARCH_SINCE:
        return day_answer(step->kind, row->saved_s, step->number);
    case SEARCH_SENT_BEFORE:
    case SEARCH_SENT_ON:
    case SEARCH_SENT_SINCE:
        return row->sent_s == 0 ? NO : day_answer(step->kind, row->sent_s, step->number);
    case SEARCH_LARGER:
        return answer_of(step->number < 0 || row->size > (uint64_t)step->number);
    case SEARCH_SMALLER:
        return answer_of(step->number > 0 && row->size < (uint64_t)step->number);
    case SEARCH_MODSEQ:
        return answer_of((int64_t)row->modseq >= step->number);
    case SEARCH_HEADER:
    case SEARCH_BODY:
    case SEARCH_TEXT:
        return text_answer(request, step, depth);
    case SEARCH_ALL:
    case SEARCH_AND:
    case SEARCH_OR:
    case SEARCH_NOT:
        break;
    }
    return YES;
}

/* Three-valued: NO decides an AND and YES an OR, whatever is still open. */
static enum answer join_answers(enum search_kind kind, const enum answer *answers, size_t count)
{
    enum answer decisive = kind == SEARCH_OR ? YES : NO;
    enum answer joined = kind == SEARCH_OR ? NO : YES;
    for (size_t i = 0; i < count; i++) {
        if (answers[i] == decisive) {
            joined = decisive;
            break;
        }
        if (answers[i] == OPEN)
            joined = OPEN;
    }
    if (kind != SEARCH_NOT || joined == OPEN)
        return joined;
    return joined == YES ? NO : YES;
}

static enum answer search_judge(struct search_request *request, const struct search_row *row,
                                enum depth depth)
{
    size_t top = 0;
    for (size_t i = 0; i < request->step_count; i++) {
        const struct step *step = &request->steps[i];
        bool is_inner =
            step->kind == SEARCH_AND || step->kind == SEARCH_OR || step->kind == SEARCH_NOT;
        if (!is_inner) {
            request->stack[top++] = leaf_answer(request, step, row, depth);
            continue;
        }
        top -= step->child_count;
        enum answer joined = join_answers(step->kind, request->stack + top, step->child_count);
        request->stack[top++] = joined;
    }
    require(top == 1);
    return request->stack[0];
}

/* At most max of the len bytes at offset. */
static int message_read(struct search_request *request, uint64_t offset, uint64_t len, size_t max,
                        struct buf *out)
{
    const struct store_blob *blob = &request->blob;
    uint64_t left = offset < blob->length ? blob->length - offset : 0;
    size_t size = (size_t)(len < left ? len : left);
    if (size > max)
        size = max;
    buf_clear(out);
    char *bytes = buf_reserve(out, size + 1);
    if (size == 0 || bytes == NULL)
        return 0;
    int64_t got = fd_cache_read(request->base.store->fds, blob, offset, bytes, size);
    if (got < 0)
        return (int)got;
    request->bytes += size;
    buf_add_len(out, (size_t)got);
    return 0;
}

/* search_message.load */
static struct span message_load(void *owner, uint64_t offset, uint64_t len)
{
    struct search_request *request = owner;
    int err = message_read(request, offset, len, PART_BYTES_MAX, &request->piece);
    if (err != 0)
        request->load_err = err;
    return buf_span(&request->piece);
}

/* Where the parts of a message lie that no scan, or an older one, has seen. */
static int message_scan(struct search_request *request, struct mime_scan **scan_out)
{
    struct mime_result result;
    struct buf *head = &request->head;
    int err = message_read(request, 0, request->blob.length, SCAN_BYTES_MAX, head);
    request->message.bytes = buf_span(head);
    *scan_out = mime_scan_create(request->base.store->settings.message_parts_max);
    mime_scan_feed(*scan_out, request->message.bytes);
    mime_scan_finish(*scan_out, &result);
    request->message.parts = result.parts;
    return err;
}

/* Judges by the header, then by the parts, until nothing is open. */
static int search_look_inside(struct search_request *request, const struct search_row *row,
                              struct span parts, enum answer *answer)
{
    struct mime_scan *scan = NULL;
    int err = message_read(request, 0, HEADER_BYTES, HEADER_BYTES, &request->head);
    if (err != 0)
        return err;
    request->message.bytes = buf_span(&request->head);
    *answer = search_judge(request, row, DEPTH_HEADER);
    if (*answer != OPEN)
        return 0;
    request->message.parts = parts;
    request->load_err = 0;
    if (row->render_version < MIME_RENDER_VERSION)
        err = message_scan(request, &scan);
    if (err == 0)
        *answer = search_judge(request, row, DEPTH_BODY);
    mime_scan_free(&scan);
    return err != 0 ? err : request->load_err;
}

static int search_row(struct search_request *request, const struct db_rows *rows)
{
    struct search_row row = {
        .uid = db_u32_at(rows, 0),
        .flags = db_u64_at(rows, 1) & ~ENTRY_GONE,
        .modseq = db_u64_at(rows, 2),
        .saved_s = db_int_at(rows, 3),
        .size = db_u64_at(rows, 4),
        .render_version = (int)db_int_at(rows, 6),
        .sent_s = db_int_at(rows, 7),
    };
    request->blob = (struct store_blob){db_u64_at(rows, 8), db_u64_at(rows, 9), db_u64_at(rows, 10),
                                        db_u64_at(rows, 11)};
    request->rows++;
    enum answer answer = search_judge(request, &row, DEPTH_ROW);
    int err = 0;
    if (answer == OPEN)
        err = search_look_inside(request, &row, db_bytes_at(rows, 14), &answer);
    if (err != 0 || answer != YES)
        return err;
    struct store_search *pub = &request->pub;
    pub->uids = array_grow(pub->uids, pub->count, &request->uid_capacity, sizeof *pub->uids);
    pub->uids[pub->count++] = row.uid;
    return 0;
}

static int search_run_range(struct search_request *request, struct db *db, struct uid_range range)
{
    struct db_rows rows;
    int err =
        db_query(db, SQL_ENTRIES_MESSAGE,
                 DB_ARGS(db_u64(request->mailbox), db_int(range.first), db_int(range.last)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        if (request->rows >= SLICE_ROWS_MAX || request->bytes >= SLICE_BYTES_MAX) {
            request->pub.next_uid = db_u32_at(&rows, 0);
            err = 0;
            break;
        }
        err = job_is_cancelled(&request->pub.job) ? ERR_CANCELLED : search_row(request, &rows);
    }
    db_done(&rows);
    return err;
}

static int search_read(struct request *base, struct db *db)
{
    struct search_request *request = (struct search_request *)(void *)base;
    size_t count;
    const struct uid_range *runs = store_view_runs(request->view, &count);
    int err = 0;
    for (size_t i = 0; i < count && err == 0 && request->pub.next_uid == 0; i++) {
        struct uid_range range = runs[i];
        if (range.last < request->from_uid)
            continue;
        if (range.first < request->from_uid)
            range.first = request->from_uid;
        err = search_run_range(request, db, range);
    }
    return err;
}

static void search_reset(struct request *base)
{
    struct search_request *request = (struct search_request *)(void *)base;
    mem_free(request->pub.uids);
    request->pub.uids = NULL;
    request->pub.count = request->rows = request->bytes = 0;
    request->pub.next_uid = 0;
}

static void search_release(struct request *base)
{
    struct search_request *request = (struct search_request *)(void *)base;
    search_reset(base);
    store_view_unref(&request->view);
    for (size_t i = 0; i < request->step_count; i++)
        buf_release(&request->steps[i].text_storage);
    request->step_count = 0;
    buf_release(&request->message.scratch);
    buf_release(&request->message.wide);
    buf_release(&request->message.folded);
    buf_release(&request->head);
    buf_release(&request->piece);
}

static const struct request_kind search_kind = {
    .what = "search the mailbox",
    .lane = JOB_SLOW,
    .read = search_read,
    .reset = search_reset,
    .release = search_release,
};

struct postorder {
    const struct search_node **nodes; /* heap */
    size_t count, capacity;
};

static void postorder_push(struct postorder *order, const struct search_node *node)
{
    order->nodes = array_grow(order->nodes, order->count, &order->capacity,
                              sizeof(const struct search_node *));
    order->nodes[order->count++] = node;
}

/* Each node before its children, read backwards, is each node behind them. */
static void postorder_make(const struct search_node *root, struct postorder *out)
{
    struct postorder stack = {0};
    postorder_push(&stack, root);
    while (stack.count > 0) {
        const struct search_node *node = stack.nodes[--stack.count];
        postorder_push(out, node);
        for (const struct search_node *child = node->children; child != NULL; child = child->next)
            postorder_push(&stack, child);
    }
    mem_free(stack.nodes);
}

static size_t child_count(const struct search_node *node)
{
    size_t count = 0;
    for (const struct search_node *child = node->children; child != NULL; child = child->next)
        count++;
    return count;
}

struct store_search *store_search_create(struct store *store, uint64_t mailbox,
                                         struct store_view *view, const struct search_node *root,
                                         uint32_t from_uid)
{
    struct search_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &search_kind, store, &request->pub.status, &request->pub.fault);
    request->mailbox = mailbox;
    request->view = store_view_ref(view);
    request->from_uid = from_uid;
    buf_init(&request->message.scratch, 0);
    buf_init(&request->message.wide, 0);
    buf_init(&request->message.folded, 0);
    buf_init(&request->head, SCAN_BYTES_MAX + 1);
    buf_init(&request->piece, PART_BYTES_MAX + 1);
    request->message.load = message_load;
    request->message.owner = request;

    struct postorder order = {0};
    postorder_make(root, &order);
    request->steps = arena_alloc(&request->base.arena, order.count * sizeof *request->steps);
    request->stack = arena_alloc(&request->base.arena, order.count * sizeof *request->stack);
    request->step_count = order.count;
    for (size_t i = 0; i < order.count; i++) {
        const struct search_node *node = order.nodes[order.count - 1 - i];
        struct step *step = &request->steps[i];
        step->kind = node->kind;
        step->child_count = child_count(node);
        step->ranges = request_copy_ranges(&request->base, node->ranges, node->range_count);
        step->range_count = node->range_count;
        step->flags = node->flags;
        step->number = node->number;
        step->field = arena_copy(&request->base.arena, node->field);
        search_text_make(node->text, &step->text_storage, &step->text);
    }
    mem_free(order.nodes);
    return &request->pub;
}
