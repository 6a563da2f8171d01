/*
 * fetch_args: owns the grammar of FETCH items and the labels of their answers, which are the same
 * for every message and so are made once. Tests: tests/unit/test_imap_fetch_parse.c,
 * tests/fuzz/fuzz_imap_fetch.c.
 */
#include "protocols/imap/fetch_args.h"

#include "base/buf.h"
#include "protocols/imap/reply.h"

enum { FAST = IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE };

static const struct {
    const char *name;
    unsigned items;
    bool is_macro; /* stands alone only */
} fetch_items[] = {
    {"ALL", FAST | IMAP_FETCH_ENVELOPE, true},
    {"FAST", FAST, true},
    {"FULL", FAST | IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY, true},
    {"UID", IMAP_FETCH_UID, false},
    {"FLAGS", IMAP_FETCH_FLAGS, false},
    {"INTERNALDATE", IMAP_FETCH_INTERNALDATE, false},
    {"RFC822.SIZE", IMAP_FETCH_SIZE, false},
    {"ENVELOPE", IMAP_FETCH_ENVELOPE, false},
    {"BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE, false},
    {"BODY", IMAP_FETCH_BODY, false},
};

static const struct {
    const char *name;
    enum imap_section_text text;
    bool marks_seen;
} old_sections[] = {
    {"RFC822", IMAP_TEXT_ALL, true},
    {"RFC822.HEADER", IMAP_TEXT_HEADER, false},
    {"RFC822.TEXT", IMAP_TEXT_TEXT, true},
};

static const struct {
    const char *name;
    enum imap_section_text text;
} section_texts[] = {
    {"HEADER", IMAP_TEXT_HEADER},
    {"HEADER.FIELDS", IMAP_TEXT_FIELDS},
    {"HEADER.FIELDS.NOT", IMAP_TEXT_FIELDS_NOT},
    {"TEXT", IMAP_TEXT_TEXT},
    {"MIME", IMAP_TEXT_MIME},
};
enum { TEXT_COUNT = sizeof section_texts / sizeof *section_texts };

struct reader {
    struct imap_args *args;
    struct imap_fetch_args *out;
    struct imap_section **tail;
    unsigned section_count;
};

static struct imap_section *add_section(struct reader *reader)
{
    if (++reader->section_count > IMAP_SECTIONS_MAX) {
        (void)imap_args_fail(reader->args, "there are too many sections");
        return NULL;
    }
    struct imap_section *section = arena_new(reader->args->arena, struct imap_section);
    *reader->tail = section;
    reader->tail = &section->next;
    return section;
}

/* Length of the numbers at the start of a section, "1.2" of "1.2.MIME"; -1 when malformed. */
static ptrdiff_t part_len(struct span word)
{
    size_t at = 0, end = 0;
    while (at < word.len && word.ptr[at] >= '0' && word.ptr[at] <= '9') {
        size_t start = at;
        while (at < word.len && word.ptr[at] >= '0' && word.ptr[at] <= '9')
            at++;
        if (word.ptr[start] == '0' || at - start > 9)
            return -1;
        end = at;
        if (at < word.len && word.ptr[at++] != '.')
            return -1;
        if (at == word.len && end != at)
            return -1;
    }
    return (ptrdiff_t)end;
}

/* "1.2.HEADER": the part and which of its texts. */
static bool split_section(struct imap_args *args, struct span word, struct imap_section *section)
{
    ptrdiff_t len = part_len(word);
    if (len < 0 || len > IMAP_PART_MAX)
        return imap_args_fail(args, "the part number is malformed");
    section->part = span_first(word, (size_t)len);
    if ((size_t)len == word.len)
        return true;

    struct span text = span_from(word, (size_t)len + (len > 0));
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (!span_is_nocase(text, section_texts[i].name))
            continue;
        section->text = section_texts[i].text;
        return section->text != IMAP_TEXT_MIME || len > 0 ||
               imap_args_fail(args, "MIME needs a part number");
    }
    return imap_args_fail(args, "there is no such section");
}

/* SP "(" field *(SP field) ")" */
static bool read_fields(struct imap_args *args, struct imap_section *section)
{
    if (!imap_args_space(args) || !imap_args_open(args))
        return false;
    size_t room = 8;
    section->fields = arena_alloc(args->arena, room * sizeof(struct span));
    do {
        if (section->field_count == IMAP_FIELDS_MAX)
            return imap_args_fail(args, "there are too many header fields");
        if (section->field_count == room) {
            struct span *more = arena_alloc(args->arena, 2 * room * sizeof(struct span));
            memcpy(more, section->fields, room * sizeof(struct span));
            section->fields = more;
            room *= 2;
        }
        if (!imap_args_astring(args, &section->fields[section->field_count++]))
            return false;
    } while (imap_args_skip(args, ' '));
    return imap_args_close(args);
}

/* "<" number "." nz-number ">" */
static bool read_partial(struct imap_args *args, struct imap_section *section)
{
    if (!imap_args_skip(args, '<'))
        return true;
    section->is_partial = true;
    if (!imap_args_number(args, &section->first))
        return false;
    if (!imap_args_skip(args, '.'))
        return imap_args_fail(args, "a partial is <first.count>");
    if (!imap_args_nonzero(args, &section->count))
        return false;
    return imap_args_skip(args, '>') || imap_args_fail(args, "'>' is expected");
}

static const char *text_name(enum imap_section_text text)
{
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (section_texts[i].text == text)
            return section_texts[i].name;
    }
    return "";
}

static void make_label(struct arena *arena, struct imap_section *section)
{
    struct buf label;
    buf_init(&label, 0);
    buf_puts(&label, "BODY[");
    buf_put(&label, section->part);
    if (section->part.len > 0 && section->text != IMAP_TEXT_ALL)
        buf_put_byte(&label, '.');
    buf_puts(&label, text_name(section->text));
    for (size_t i = 0; i < section->field_count; i++) {
        buf_puts(&label, i == 0 ? " (" : " ");
        imap_put_astring(&label, section->fields[i]);
    }
    buf_puts(&label, section->field_count > 0 ? ")]" : "]");
    if (section->is_partial) {
        buf_put_byte(&label, '<');
        imap_put_number(&label, section->first);
        buf_put_byte(&label, '>');
    }
    section->label = arena_copy(arena, buf_span(&label));
    buf_release(&label);
}

/* Behind "BODY" or "BODY.PEEK": "[" section "]" [partial] */
static bool read_section(struct reader *reader, bool marks_seen)
{
    struct imap_args *args = reader->args;
    struct imap_section *section = add_section(reader);
    if (section == NULL)
        return false;
    section->marks_seen = marks_seen;
    if (!imap_args_skip(args, '['))
        return imap_args_fail(args, "'[' is expected");
    if (!imap_args_skip(args, ']')) {
        struct span word;
        if (!imap_args_word(args, &word) || !split_section(args, word, section))
            return false;
        bool has_fields =
            section->text == IMAP_TEXT_FIELDS || section->text == IMAP_TEXT_FIELDS_NOT;
        if (has_fields && !read_fields(args, section))
            return false;
        if (!imap_args_skip(args, ']'))
            return imap_args_fail(args, "']' is expected");
    }
    if (!read_partial(args, section))
        return false;
    make_label(args->arena, section);
    return true;
}

static bool add_old_section(struct reader *reader, size_t which)
{
    struct imap_section *section = add_section(reader);
    if (section == NULL)
        return false;
    section->label = span_of(old_sections[which].name);
    section->text = old_sections[which].text;
    section->marks_seen = old_sections[which].marks_seen;
    return true;
}

static bool read_item(struct reader *reader, bool is_alone)
{
    struct imap_args *args = reader->args;
    struct span word;
    if (!imap_args_word(args, &word))
        return false;
    bool is_section = imap_args_peek(args) == '[';
    if (is_section && span_is_nocase(word, "BODY"))
        return read_section(reader, true);
    if (span_is_nocase(word, "BODY.PEEK"))
        return read_section(reader, false);

    for (size_t i = 0; i < sizeof fetch_items / sizeof *fetch_items; i++) {
        if (!span_is_nocase(word, fetch_items[i].name))
            continue;
        reader->out->items |= fetch_items[i].items;
        return is_alone || !fetch_items[i].is_macro ||
               imap_args_fail(args, "ALL, FAST and FULL stand alone");
    }
    for (size_t i = 0; i < sizeof old_sections / sizeof *old_sections; i++) {
        if (span_is_nocase(word, old_sections[i].name))
            return add_old_section(reader, i);
    }
    return imap_args_fail(args, "there is no such item");
}

bool imap_fetch_args_read(struct imap_args *args, struct imap_fetch_args *out)
{
    *out = (struct imap_fetch_args){0};
    struct reader reader = {.args = args, .out = out, .tail = &out->sections};
    if (!imap_args_skip(args, '('))
        return read_item(&reader, true) && imap_args_end(args);
    do {
        if (!read_item(&reader, false))
            return false;
    } while (imap_args_skip(args, ' '));
    return imap_args_close(args) && imap_args_end(args);
}
