/*
 * search_args: owns the grammar of SEARCH and its translation: sequence sets become UIDs, keywords
 * bits, NEW and OLD what they stand for. Running it is the store's.
 * Tests: tests/unit/test_imap_search.c, tests/fuzz/fuzz_imap_search.c.
 */
#include "protocols/imap/search_args.h"

#include "base/utf8.h"
#include "mail/date.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/seqset.h"

enum key_argument { NONE, TEXT, FIELD_TEXT, DATE, NUMBER, KEYWORD, UID_SET, NEST_NOT, NEST_OR };

struct key {
    const char *name;
    enum key_argument argument;
    enum search_kind kind;
    uint64_t flags;
    const char *field;
    bool is_negated;
};

static const struct key search_keys[] = {
    {"ALL", NONE, SEARCH_ALL, 0, NULL, false},
    {"ANSWERED", NONE, SEARCH_FLAGS_SET, STORE_ANSWERED, NULL, false},
    {"BCC", TEXT, SEARCH_HEADER, 0, "Bcc", false},
    {"BEFORE", DATE, SEARCH_BEFORE, 0, NULL, false},
    {"BODY", TEXT, SEARCH_BODY, 0, NULL, false},
    {"CC", TEXT, SEARCH_HEADER, 0, "Cc", false},
    {"DELETED", NONE, SEARCH_FLAGS_SET, STORE_DELETED, NULL, false},
    {"DRAFT", NONE, SEARCH_FLAGS_SET, STORE_DRAFT, NULL, false},
    {"FLAGGED", NONE, SEARCH_FLAGS_SET, STORE_FLAGGED, NULL, false},
    {"FROM", TEXT, SEARCH_HEADER, 0, "From", false},
    {"HEADER", FIELD_TEXT, SEARCH_HEADER, 0, NULL, false},
    {"KEYWORD", KEYWORD, SEARCH_FLAGS_SET, 0, NULL, false},
    {"LARGER", NUMBER, SEARCH_LARGER, 0, NULL, false},
    {"NEW", NONE, SEARCH_RECENT, 0, NULL, false}, /* and UNSEEN, see add_key() */
    {"NOT", NEST_NOT, SEARCH_NOT, 0, NULL, false},
    {"OLD", NONE, SEARCH_RECENT, 0, NULL, true},
    {"ON", DATE, SEARCH_ON, 0, NULL, false},
    {"OR", NEST_OR, SEARCH_OR, 0, NULL, false},
    {"RECENT", NONE, SEARCH_RECENT, 0, NULL, false},
    {"SEEN", NONE, SEARCH_FLAGS_SET, STORE_SEEN, NULL, false},
    {"SENTBEFORE", DATE, SEARCH_SENT_BEFORE, 0, NULL, false},
    {"SENTON", DATE, SEARCH_SENT_ON, 0, NULL, false},
    {"SENTSINCE", DATE, SEARCH_SENT_SINCE, 0, NULL, false},
    {"SINCE", DATE, SEARCH_SINCE, 0, NULL, false},
    {"SMALLER", NUMBER, SEARCH_SMALLER, 0, NULL, false},
    {"SUBJECT", TEXT, SEARCH_HEADER, 0, "Subject", false},
    {"TEXT", TEXT, SEARCH_TEXT, 0, NULL, false},
    {"TO", TEXT, SEARCH_HEADER, 0, "To", false},
    {"UID", UID_SET, SEARCH_UIDS, 0, NULL, false},
    {"UNANSWERED", NONE, SEARCH_FLAGS_SET, STORE_ANSWERED, NULL, true},
    {"UNDELETED", NONE, SEARCH_FLAGS_SET, STORE_DELETED, NULL, true},
    {"UNDRAFT", NONE, SEARCH_FLAGS_SET, STORE_DRAFT, NULL, true},
    {"UNFLAGGED", NONE, SEARCH_FLAGS_SET, STORE_FLAGGED, NULL, true},
    {"UNKEYWORD", KEYWORD, SEARCH_FLAGS_SET, 0, NULL, true},
    {"UNSEEN", NONE, SEARCH_FLAGS_SET, STORE_SEEN, NULL, true},
};

/* A node whose children are still to come. */
struct frame {
    struct search_node *node;
    struct search_node **tail;
    unsigned wanted; /* NOT 1, OR 2; 0: until the closing parenthesis or the end */
};

struct reader {
    struct imap_args *args;
    const struct imap_search_context *context;
    struct frame *frames;
    unsigned depth; /* of the frame on top; 0 is the root */
    unsigned key_count;
    bool is_ascii; /* CHARSET US-ASCII was said */
};

static struct search_node *new_node(struct reader *reader, enum search_kind kind)
{
    struct search_node *node = arena_new(reader->args->arena, struct search_node);
    node->kind = kind;
    return node;
}

static void attach(struct reader *reader, struct search_node *node)
{
    struct frame *top = &reader->frames[reader->depth];
    *top->tail = node;
    top->tail = &node->next;
}

static bool push(struct reader *reader, enum search_kind kind, unsigned wanted)
{
    if (reader->depth == reader->context->nesting_max)
        return imap_args_fail(reader->args, "the search keys are nested too deeply");
    struct search_node *node = new_node(reader, kind);
    attach(reader, node);
    reader->frames[++reader->depth] =
        (struct frame){.node = node, .tail = &node->children, .wanted = wanted};
    return true;
}

/* A key is complete: so are NOT and OR that waited for it. */
static void complete(struct reader *reader)
{
    while (reader->frames[reader->depth].wanted > 0) {
        if (--reader->frames[reader->depth].wanted > 0)
            return;
        reader->depth--;
    }
}

static void attach_leaf(struct reader *reader, struct search_node *node, bool is_negated)
{
    if (is_negated) {
        struct search_node *negation = new_node(reader, SEARCH_NOT);
        negation->children = node;
        node = negation;
    }
    attach(reader, node);
    complete(reader);
}

static bool read_text(struct reader *reader, struct span *out)
{
    struct imap_args *args = reader->args;
    if (!imap_args_space(args) || !imap_args_astring(args, out))
        return false;
    bool is_good = reader->is_ascii ? utf8_is_ascii(*out) : utf8_is_valid(*out);
    return is_good || imap_args_fail(args, "the text is not in its charset");
}

static bool read_date(struct imap_args *args, int64_t *out)
{
    struct span text;
    if (!imap_args_space(args) || !imap_args_astring(args, &text))
        return false;
    return date_parse_imap_day(text, out) == 0 || imap_args_fail(args, "a date is like 1-Nov-2026");
}

static bool read_set(struct reader *reader, enum imap_seqset_kind kind, struct search_node *node)
{
    struct imap_args *args = reader->args;
    struct span text;
    struct imap_seqset set;
    if (!imap_args_sequence_set(args, &text))
        return false;
    if (!imap_seqset_parse(text, args->arena, &set))
        return imap_args_fail(args, "the sequence set is malformed");
    struct imap_uid_set uids;
    if (!imap_seqset_resolve(&set, kind, reader->context->view, args->arena, &uids))
        return imap_args_fail(args, "the sequence set names messages that are not there");
    node->ranges = uids.ranges;
    node->range_count = uids.count;
    return true;
}

static bool read_number(struct imap_args *args, int64_t *out)
{
    uint32_t number;
    if (!imap_args_space(args) || !imap_args_number(args, &number))
        return false;
    *out = number;
    return true;
}

/* A keyword that the mailbox does not have is set on no message. */
static bool read_keyword(struct reader *reader, struct search_node *node)
{
    struct imap_args *args = reader->args;
    struct span name;
    if (!imap_args_space(args) || !imap_args_atom(args, &name))
        return false;
    node->flags = imap_flag_bits(name, reader->context->keywords, reader->context->keyword_count);
    if (node->flags == 0)
        node->kind = SEARCH_UIDS; /* of no UIDs */
    return true;
}

static bool read_argument(struct reader *reader, const struct key *key, struct search_node *node)
{
    switch (key->argument) {
    case TEXT:
        return read_text(reader, &node->text);
    case FIELD_TEXT:
        return imap_args_space(reader->args) && imap_args_astring(reader->args, &node->field) &&
               read_text(reader, &node->text);
    case DATE:
        return read_date(reader->args, &node->number);
    case NUMBER:
        return read_number(reader->args, &node->number);
    case KEYWORD:
        return read_keyword(reader, node);
    case UID_SET:
        return imap_args_space(reader->args) && read_set(reader, IMAP_UIDS, node);
    case NONE:
    case NEST_NOT:
    case NEST_OR:
        break;
    }
    return true;
}

static struct search_node *unseen(struct reader *reader)
{
    struct search_node *seen = new_node(reader, SEARCH_FLAGS_SET);
    seen->flags = STORE_SEEN;
    struct search_node *negation = new_node(reader, SEARCH_NOT);
    negation->children = seen;
    return negation;
}

static bool add_key(struct reader *reader, const struct key *key)
{
    if (key->argument == NEST_NOT)
        return push(reader, SEARCH_NOT, 1) && imap_args_space(reader->args);
    if (key->argument == NEST_OR)
        return push(reader, SEARCH_OR, 2) && imap_args_space(reader->args);

    struct search_node *node = new_node(reader, key->kind);
    node->flags = key->flags;
    if (key->field != NULL)
        node->field = span_of(key->field);
    if (key->kind == SEARCH_RECENT)
        node->number = reader->context->recent_from;
    if (!read_argument(reader, key, node))
        return false;
    if (strcmp(key->name, "NEW") == 0) {
        struct search_node *both = new_node(reader, SEARCH_AND);
        both->children = node;
        node->next = unseen(reader);
        node = both;
    }
    attach_leaf(reader, node, key->is_negated);
    return true;
}

static bool read_named_key(struct reader *reader)
{
    struct span name;
    if (!imap_args_word(reader->args, &name))
        return false;
    for (size_t i = 0; i < sizeof search_keys / sizeof *search_keys; i++) {
        if (span_is_nocase(name, search_keys[i].name))
            return add_key(reader, &search_keys[i]);
    }
    return imap_args_fail(reader->args, "there is no such search key");
}

/* One key, or the opening of a nest whose first key follows at once. */
static bool read_key(struct reader *reader)
{
    struct imap_args *args = reader->args;
    char c = imap_args_peek(args);
    if (++reader->key_count > IMAP_SEARCH_KEYS_MAX)
        return imap_args_fail(args, "there are too many search keys");
    if (imap_args_skip(args, '('))
        return push(reader, SEARCH_AND, 0);
    if (c != '*' && (c < '0' || c > '9'))
        return read_named_key(reader);

    struct search_node *node = new_node(reader, SEARCH_UIDS);
    if (!read_set(reader, IMAP_SEQUENCE_NUMBERS, node))
        return false;
    attach_leaf(reader, node, false);
    return true;
}

/* Behind a complete key: closing parentheses. */
static bool read_closings(struct reader *reader)
{
    while (imap_args_peek(reader->args) == ')') {
        if (reader->depth == 0 || reader->frames[reader->depth].wanted > 0)
            return imap_args_fail(reader->args, "a parenthesis is closed that was not opened");
        (void)imap_args_skip(reader->args, ')');
        reader->depth--;
        complete(reader);
    }
    return true;
}

static bool read_keys(struct reader *reader)
{
    struct imap_args *args = reader->args;
    for (;;) {
        unsigned depth = reader->depth;
        if (!read_key(reader))
            return false;
        if (reader->depth > depth)
            continue; /* a nest was opened: its first key follows */
        if (!read_closings(reader))
            return false;
        if (imap_args_at_end(args))
            break;
        if (!imap_args_space(args))
            return false;
    }
    return reader->depth == 0 || imap_args_fail(args, "a parenthesis is not closed");
}

/* "CHARSET" SP astring SP, when it is there. */
static bool read_charset(struct reader *reader, struct imap_search_args *out)
{
    struct imap_args *args = reader->args;
    struct span charset;
    if (!span_starts_nocase(imap_args_rest(args), span_of("CHARSET ")))
        return true;
    args->at += strlen("CHARSET ");
    if (!imap_args_astring(args, &charset))
        return false;
    reader->is_ascii = span_is_nocase(charset, "US-ASCII");
    out->is_charset_unknown = !reader->is_ascii && !span_is_nocase(charset, "UTF-8");
    if (out->is_charset_unknown)
        return imap_args_fail(args, "the charset is not supported");
    return imap_args_space(args);
}

bool imap_search_args_read(struct imap_args *args, const struct imap_search_context *context,
                           struct imap_search_args *out)
{
    *out = (struct imap_search_args){0};
    struct reader reader = {.args = args, .context = context};
    reader.frames = arena_alloc(args->arena, (context->nesting_max + 1) * sizeof(struct frame));
    out->root = new_node(&reader, SEARCH_AND);
    reader.frames[0] = (struct frame){.node = out->root, .tail = &out->root->children};
    return imap_args_space(args) && read_charset(&reader, out) && read_keys(&reader);
}
