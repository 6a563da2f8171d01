/*
 * search: SEARCH and UID SEARCH (RFC 3501 6.4.4): runs the tree of search_args.h in the store,
 * slice by slice, and writes the numbers as they are found. Tests: tests/dialogue/imap/search.dlg.
 */
#include "store/search.h"

#include "net/out.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/search_args.h"
#include "protocols/imap/update.h"

enum { PIECE_SIZE = 16 * 1024 };

struct search {
    const struct search_node *root; /* in the command's arena */
    uint32_t next_uid;
};

static struct verdict want_slice(struct imap *imap);

static struct verdict on_drained(void *session)
{
    return want_slice(session);
}

static void put_matches(struct imap *imap, const struct store_search *found)
{
    struct buf *out = &imap->scratch;
    bool is_uid = imap_is_by_uid(imap);
    for (size_t i = 0; i < found->count; i++) {
        uint32_t number =
            is_uid ? found->uids[i] : store_view_seq(imap->selected->view, found->uids[i]);
        if (number == 0)
            continue;
        buf_put_byte(out, ' ');
        imap_put_number(out, number);
        if (out->len >= PIECE_SIZE)
            imap_flush(imap);
    }
    imap_flush(imap);
}

static struct verdict on_found(void *session, struct job *job)
{
    struct imap *imap = session;
    struct search *search = imap->work;
    const struct store_search *found = (const struct store_search *)(const void *)job;
    if (found->status != 0) {
        out_puts(imap->host->out, "\r\n");
        return imap_no_status(imap, found->status, &found->fault, "search");
    }
    put_matches(imap, found);
    search->next_uid = found->next_uid;
    if (search->next_uid != 0)
        return out_is_full(imap->host->out) ? want_drain(on_drained) : want_slice(imap);
    out_puts(imap->host->out, "\r\n");
    return imap_ok(imap, NULL, "Searched");
}

static struct verdict want_slice(struct imap *imap)
{
    const struct search *search = imap->work;
    const struct imap_selected *selected = imap->selected;
    struct store_search *job = store_search_create(imap->service->store, selected->id,
                                                   selected->view, search->root, search->next_uid);
    return want_answer(&job->job, on_found);
}

struct verdict imap_cmd_search(struct imap *imap)
{
    const struct imap_selected *selected = imap->selected;
    struct imap_search_context context = {
        .view = selected->view,
        .keywords = selected->keywords,
        .keyword_count = selected->keyword_count,
        .recent_from = selected->recent_from,
        .nesting_max = imap->service->settings->nesting_max,
    };
    struct imap_search_args wanted;
    if (!imap_search_args_read(&imap->args, &context, &wanted)) {
        if (wanted.is_charset_unknown)
            return imap_no(imap, "BADCHARSET (US-ASCII UTF-8)", "That charset is not supported");
        return imap_bad_args(imap);
    }
    struct search *search = arena_new(&imap->arena, struct search);
    search->root = wanted.root;
    imap_set_work(imap, search, NULL);
    imap->is_streaming = true;
    out_puts(imap->host->out, "* SEARCH");
    return want_slice(imap);
}
