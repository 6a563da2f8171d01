/*
 * queue.c: postern queue list|show|retry|flush|hold|release|delete: walks the queue a page at a
 * time and does with the entries that are meant what is wanted. Which those are is
 * queue_filter.c's, how they look queue_print.c's. Tests: tests/clients/test_queue.py.
 */
#include "cli/queue.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

static const char help[] =
    "postern queue - mail on its way out\n"
    "\n"
    "  postern queue list [FILTER...]      one line an entry, and totals\n"
    "  postern queue show FILTER...        all about entries\n"
    "  postern queue retry FILTER...       tries them at once\n"
    "  postern queue flush [FILTER...]     the same; without a filter all, held ones apart\n"
    "  postern queue hold FILTER...        keeps them back until they are released\n"
    "  postern queue release FILTER...     lets held ones go, at once\n"
    "  postern queue delete FILTER...      removes them; nobody is told\n"
    "\n"
    "A FILTER is an entry's number, a message's id, a recipient's domain, or one of\n"
    "  message=ID  sender=ADDRESS  recipient=ADDRESS  domain=DOMAIN  host=TEXT  status=TEXT\n"
    "  older=TIME  held\n"
    "An entry is meant when all of them hold; host and status stand in its last outcome.\n"
    "\n"
    "      --json      list and show: one JSON object a line\n"
    "\n"
    "Works while the server runs and when it does not.\n"
    "\n"
    "Examples: postern queue flush example.org\n"
    "          postern queue hold sender=alice@example.com older=1h\n";

enum verb_use { USES_ALL = 1, PRINTS = 2, WANTS_FREE = 4, WANTS_HELD = 8 };

static const struct verb {
    const char *name;
    const char *call; /* of the server; NULL: only looks */
    unsigned use;
    const char *done;
} verbs[] = {
    {"list", NULL, USES_ALL | PRINTS, NULL},   {"show", NULL, PRINTS, NULL},
    {"retry", "retry", WANTS_FREE, "due now"}, {"flush", "retry", USES_ALL | WANTS_FREE, "due now"},
    {"hold", "hold", WANTS_FREE, "held"},      {"release", "retry", WANTS_HELD, "released"},
    {"delete", "delete", 0, "deleted"},
};

struct walk {
    const struct verb *verb;
    struct queue_filter filter;
    bool is_json;
    struct cli_channel *channel;
    struct queue_totals totals;
    uint64_t total, seen, after;
    int64_t began_us; /* by the monotonic clock */
    bool has_bar;
    uint64_t changed, passed; /* passed: meant, but held or not held already */
    struct buf ids;           /* of the page, to be changed */
    uint64_t id_count;
    struct buf out;
};

/* ---- A page --------------------------------------------------------------------------------- */

static void take_row(struct walk *walk, const struct admin_queue_row *row)
{
    int64_t now_us = clock_wall_us(&clock_system);
    walk->seen++;
    walk->after = row->id;
    if (!queue_filter_matches(&walk->filter, row, now_us))
        return;
    queue_totals_add(&walk->totals, row);
    unsigned use = walk->verb->use;
    if (walk->verb->call != NULL) {
        bool is_passed = (use & WANTS_FREE && row->is_held) || (use & WANTS_HELD && !row->is_held);
        walk->passed += is_passed;
        if (is_passed)
            return;
        buf_printf(&walk->ids, "%s%" PRIu64, walk->id_count++ > 0 ? "," : "", row->id);
    } else if (walk->is_json) {
        queue_put_json(&walk->out, row);
    } else if (use & USES_ALL) {
        queue_put_line(&walk->out, row, now_us);
    } else {
        buf_puts(&walk->out, walk->totals.entries > 1 ? "\n" : "");
        queue_put_block(&walk->out, row, now_us);
    }
}

static int change_page(struct walk *walk)
{
    if (walk->id_count == 0)
        return CLI_OK;
    struct buf text;
    uint64_t missing = 0;
    buf_init(&text, 0);
    const struct span words[] = {span_of("queue"), span_of(walk->verb->call), buf_span(&walk->ids)};
    int status = cli_channel_ask(walk->channel, words, 3, &text);
    struct span rest = buf_span(&text);
    if (status != CLI_OK)
        (void)fwrite(rest.ptr, 1, rest.len, stderr);
    else if (span_to_u64(span_cut(&rest, '\n'), walk->id_count, &missing))
        walk->changed += walk->id_count - missing;
    buf_release(&text);
    buf_clear(&walk->ids);
    walk->id_count = 0;
    return status;
}

/* Rows of one answer; how many there were. */
static size_t take_rows(struct walk *walk, struct span text)
{
    size_t count = 0;
    uint64_t total;
    if (span_to_u64(span_cut(&text, '\n'), UINT64_MAX, &total) && walk->after == 0)
        walk->total = total;
    for (; text.len > 0; count++) {
        struct admin_call call;
        struct admin_queue_row row;
        admin_call_init(&call, NULL);
        if (admin_queue_row_read(&call, span_cut(&text, '\n'), &row))
            take_row(walk, &row);
        admin_call_deinit(&call);
    }
    return count;
}

static int take_page(struct walk *walk, size_t *count_out)
{
    char after[24];
    struct buf text;
    buf_init(&text, 0);
    int len = snprintf(after, sizeof after, "%" PRIu64, walk->after);
    const struct span words[] = {span_of("queue"), span_of("rows"), span_make(after, (size_t)len)};
    int status = cli_channel_ask(walk->channel, words, 3, &text);
    struct span answer = buf_span(&text);
    if (status == CLI_OK)
        *count_out = take_rows(walk, answer);
    else
        (void)fwrite(answer.ptr, 1, answer.len, stderr);
    buf_release(&text);
    return status;
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* On a terminal, and only when there is more than one page; what goes to the same terminal shows by
 * itself how far it is. */
static void show_progress(struct walk *walk, bool is_end)
{
    if (walk->total <= ADMIN_QUEUE_PAGE || !isatty(STDERR_FILENO))
        return;
    if (is_end && walk->has_bar)
        (void)fprintf(stderr, "\r\033[K");
    walk->has_bar = !is_end;
    if (is_end)
        return;
    struct buf bar;
    buf_init(&bar, 0);
    queue_put_progress(&bar, walk->seen, walk->total,
                       clock_monotonic_ms(&clock_system) * 1000 - walk->began_us);
    (void)fprintf(stderr, "\r%.*s\033[K", (int)buf_span(&bar).len, buf_span(&bar).ptr);
    buf_release(&bar);
}

static void print(struct walk *walk)
{
    struct span text = buf_span(&walk->out);
    if (text.len > 0)
        show_progress(walk, true);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    buf_clear(&walk->out);
}

static int walk_queue(struct walk *walk)
{
    size_t count = ADMIN_QUEUE_PAGE;
    int status = CLI_OK;
    walk->began_us = clock_monotonic_ms(&clock_system) * 1000;
    while (status == CLI_OK && count == ADMIN_QUEUE_PAGE) {
        status = take_page(walk, &count);
        if (status == CLI_OK)
            status = change_page(walk);
        print(walk);
        show_progress(walk, false);
    }
    show_progress(walk, true);
    return status;
}

static int tell(struct walk *walk)
{
    bool is_list = strcmp(walk->verb->name, "list") == 0;
    bool is_all = strcmp(walk->verb->name, "flush") == 0 && walk->totals.entries == 0;
    if (is_list && !walk->is_json) {
        queue_put_totals(&walk->out, &walk->totals, clock_wall_us(&clock_system));
        print(walk);
    }
    if (walk->totals.entries == 0 && !is_list && !is_all) {
        cli_complain("there is no such entry; see: postern queue list");
        return CLI_COULD_NOT;
    }
    if (walk->verb->call == NULL)
        return CLI_OK;
    (void)printf("%" PRIu64 " %s %s\n", walk->changed, walk->changed == 1 ? "entry" : "entries",
                 walk->verb->done);
    if (walk->passed > 0)
        (void)printf("%" PRIu64 " left as they are: %s\n", walk->passed,
                     walk->verb->use & WANTS_HELD ? "they are not held"
                                                  : "they are held; see: postern queue release");
    return CLI_OK;
}

static int run(struct walk *walk, const char *conf_file)
{
    const struct settings *settings = cli_load(conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    buf_init(&walk->ids, 0);
    buf_init(&walk->out, 0);
    walk->channel = cli_channel_open(settings);
    int status = walk->channel == NULL ? CLI_COULD_NOT : walk_queue(walk);
    if (status == CLI_OK)
        status = tell(walk);
    cli_channel_close(&walk->channel);
    buf_release(&walk->ids);
    buf_release(&walk->out);
    conf_unref(&settings);
    return status;
}

bool queue_cut_json(int *argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], "--json") != 0)
            argv[kept++] = argv[i];
    }
    bool is_json = kept < *argc;
    *argc = kept;
    return is_json;
}

static const struct verb *find_verb(const struct cli_common *common)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs && common->word_count > 0; i++) {
        if (strcmp(common->words[0], verbs[i].name) == 0)
            return &verbs[i];
    }
    return NULL;
}

int cli_queue(int argc, char **argv)
{
    struct cli_common common;
    struct walk walk = {.is_json = queue_cut_json(&argc, argv)};
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    walk.verb = find_verb(&common);
    if (walk.verb == NULL)
        return cli_usage("queue", "expected list, show, retry, flush, hold, release or delete");
    if (walk.is_json && !(walk.verb->use & PRINTS))
        return cli_usage("queue", "--json is for list and show");
    if (common.word_count == 1 && !(walk.verb->use & USES_ALL))
        return cli_usage("queue", "expected an ID or another filter");
    for (int i = 1; i < common.word_count; i++) {
        const char *why = queue_filter_add(&walk.filter, common.words[i]);
        if (why != NULL)
            return cli_usage("queue", why);
    }
    return run(&walk, common.conf_file);
}
