/*
 * mime: the scanner. Owns the way through the lines of a message: where headers end, which lines
 * are delimiters, which parts are open; mime_fields.c reads the headers, mime_render.c writes the
 * texts, mime_parts.c keeps the places. A line of a body costs one memchr; a line cut by the end of
 * a piece is kept as far as it could still be a delimiter. The number of open parts is bounded by
 * MIME_DEPTH_MAX, of parts by parts_max, of header bytes by MIME_HEADER_MAX. Tests:
 * tests/unit/test_mail_mime.c, test_mail_mime_hostile.c, tests/fuzz/fuzz_mail_mime.c.
 */
#include "mail/mime_internal.h"

#include "base/mem.h"
#include "mail/date.h"
#include "mail/lex_internal.h"

enum {
    LINE_KEPT_MAX = MIME_BOUNDARY_MAX + 64, /* delimiter with dashes and padding; else it is text */
    LEVELS_MAX = MIME_DEPTH_MAX + 1,        /* the last one for a leaf */
    RECORDS_FIRST = 4
};

struct level {
    enum mime_kind kind;
    bool is_text, is_digest;
    bool is_closed; /* a multipart behind its close-delimiter: its boundary means nothing more */
    unsigned child_count;
    size_t record, slot;   /* slot: of a message, see below */
    size_t tail_start;     /* its text behind the children, in tails */
    size_t boundary_start; /* in boundaries; of a multipart */
    size_t boundary_len;
    uint64_t body_start, line_count_start;
};

/* A message's octets stand in front of its children's text but are known behind it: the number is
 * put in at the end. In order of offset. */
struct slot {
    size_t offset; /* in structure */
    uint64_t value;
};

struct mime_scan {
    unsigned parts_max;
    bool is_in_header;
    bool is_last; /* a limit was reached: what follows is one leaf, to the end */
    unsigned depth, open_boundary_count;
    uint64_t line_start;  /* of the line under way, in bytes from the start */
    uint64_t line_count;  /* line ends before it */
    unsigned eol_len;     /* length of the line end just before it */
    uint64_t partial_len; /* of the line under way, as far as it came */
    char partial_last;    /* its last byte */
    char partial[LINE_KEPT_MAX];

    uint64_t header_start;
    size_t header_line; /* where its last line begins, in header */
    struct buf header;  /* of the part under way, up to MIME_HEADER_MAX */
    struct buf envelope, structure, finished, tails, boundaries, parts;
    struct arena arena; /* of one header */
    struct header_address_iter addresses;
    struct mime_record *records;
    size_t record_count, record_capacity;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    int64_t sent_s;
    unsigned received_count;
    uint32_t tags[LEVELS_MAX]; /* of the levels' boundaries */
    struct level levels[LEVELS_MAX];
};

/* A whole line. */
struct line {
    struct span text; /* without line end; its beginning when it is longer than LINE_KEPT_MAX */
    uint64_t len;     /* without line end */
    unsigned eol_len; /* 2, 1, or 0 at the end of the message */
};

struct mime_scan *mime_scan_create(unsigned parts_max)
{
    struct mime_scan *scan = mem_new(struct mime_scan);

    scan->parts_max = parts_max;
    scan->is_in_header = true;
    return scan;
}

void mime_scan_free(struct mime_scan **scan)
{
    struct mime_scan *it = *scan;

    if (it == NULL)
        return;
    buf_release(&it->header);
    buf_release(&it->envelope);
    buf_release(&it->structure);
    buf_release(&it->finished);
    buf_release(&it->tails);
    buf_release(&it->boundaries);
    buf_release(&it->parts);
    arena_reset(&it->arena);
    header_address_deinit(&it->addresses);
    mem_free(it->records);
    mem_free(it->slots);
    mem_free(it);
    *scan = NULL;
}

/* One more element at the end of an array that doubles. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? RECORDS_FIRST : *capacity * 2;
    return mem_realloc(array, *capacity * size);
}

static struct mime_record *add_record(struct mime_scan *scan)
{
    scan->records =
        grow(scan->records, scan->record_count, &scan->record_capacity, sizeof *scan->records);
    struct mime_record *record = &scan->records[scan->record_count++];
    *record = (struct mime_record){.level = scan->depth};
    return record;
}

static size_t add_slot(struct mime_scan *scan)
{
    scan->slots = grow(scan->slots, scan->slot_count, &scan->slot_capacity, sizeof *scan->slots);
    scan->slots[scan->slot_count] = (struct slot){scan->structure.len, 0};
    return scan->slot_count++;
}

/* What the store keeps of a charset: names that are longer mean nothing to anybody. */
static void set_charset(struct mime_record *record, struct span charset)
{
    if (charset.len >= sizeof record->charset || span_has_nul(charset))
        return;
    for (size_t i = 0; i < charset.len; i++)
        record->charset[i] = lex_lower(charset.ptr[i]);
}

/* FNV-1a. It only spares comparisons; a peer that makes collisions gets them back. */
static uint32_t tag_of(const char *text, size_t len)
{
    uint32_t tag = 2166136261U;

    for (size_t i = 0; i < len; i++)
        tag = (tag ^ (unsigned char)text[i]) * 16777619U;
    return tag;
}

/* message/delivery-status and its like: to be read by humans, so SEARCH looks into them. */
static bool is_report(const struct mime_entity *entity)
{
    return entity->kind == MIME_LEAF && !entity->is_opaque &&
           span_is_nocase(entity->type.type, "message");
}

static void push_level(struct mime_scan *scan, const struct mime_entity *entity,
                       uint64_t body_start)
{
    struct level *level = &scan->levels[scan->depth];
    struct mime_record *record = add_record(scan);

    record->kind = entity->kind;
    record->encoding = entity->encoding;
    record->is_text = entity->is_text || is_report(entity);
    record->header_offset = scan->header_start;
    record->header_len = body_start - scan->header_start;
    if (entity->is_text)
        set_charset(record, mime_value_param(&entity->type, "charset"));

    if (scan->depth > 0)
        scan->levels[scan->depth - 1].child_count++;
    *level = (struct level){.kind = entity->kind,
                            .is_text = entity->is_text,
                            .is_digest = entity->is_digest,
                            .record = scan->record_count - 1,
                            .tail_start = scan->tails.len,
                            .boundary_start = scan->boundaries.len,
                            .body_start = body_start,
                            .line_count_start = scan->line_count};
    if (entity->kind == MIME_MULTIPART) {
        level->boundary_len = entity->boundary.len;
        scan->tags[scan->depth] = tag_of(entity->boundary.ptr, entity->boundary.len);
        buf_put(&scan->boundaries, entity->boundary);
        scan->open_boundary_count++;
    }
    scan->depth++;
}

/* ENVELOPE and what else is wanted of the header of a message, the outer one or an enclosed one. */
static void take_message_header(struct mime_scan *scan, const struct mime_fields *fields)
{
    int zone_s;

    if (scan->depth > 0) {
        mime_render_envelope(fields, &scan->addresses, &scan->structure);
        buf_put_byte(&scan->structure, ' ');
        return;
    }
    mime_render_envelope(fields, &scan->addresses, &scan->envelope);
    scan->received_count = fields->count[FIELD_RECEIVED];
    if (fields->count[FIELD_DATE] > 0 &&
        date_parse_rfc5322(fields->value[FIELD_DATE], &scan->sent_s, &zone_s) == 0)
        scan->sent_s += zone_s;
}

/* The limits: the part is no container then, and the last one has all that follows. */
static void apply_limits(struct mime_scan *scan, struct mime_entity *entity)
{
    scan->is_last = scan->is_last || scan->record_count + 1 >= scan->parts_max ||
                    scan->structure.len >= MIME_STRUCTURE_MAX;
    if (entity->kind == MIME_LEAF || (!scan->is_last && scan->depth < MIME_DEPTH_MAX))
        return;
    entity->kind = MIME_LEAF;
    entity->is_opaque = true;
}

/* The header under way has ended; a part begins, its body at body_start. */
static void end_header(struct mime_scan *scan, uint64_t body_start)
{
    const struct level *parent = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;
    struct mime_fields fields;
    struct mime_entity entity;

    mime_fields_collect(buf_span(&scan->header), &fields);
    if (parent == NULL || parent->kind == MIME_MESSAGE)
        take_message_header(scan, &fields);
    mime_entity_parse(&fields, parent != NULL && parent->is_digest, &scan->arena, &entity);
    apply_limits(scan, &entity);
    push_level(scan, &entity, body_start);
    mime_render_open(&entity, &fields, &scan->arena, &scan->structure, &scan->tails);

    scan->is_in_header = entity.kind == MIME_MESSAGE;
    if (entity.kind == MIME_MESSAGE) {
        scan->levels[scan->depth - 1].slot = add_slot(scan);
        buf_put_byte(&scan->structure, ' ');
        scan->header_start = body_start;
    }
    scan->header_line = 0;
    buf_clear(&scan->header);
    if (scan->arena.used > 0)
        arena_reset(&scan->arena);
}

/* A multipart without parts has an empty one, for the grammar wants one (RFC 3501 9: 1*body). */
static void put_empty_part(struct mime_scan *scan, uint64_t offset)
{
    struct mime_record *record = add_record(scan);

    record->header_offset = offset;
    record->is_text = true;
    buf_puts(&scan->structure, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
                               "0 0 NIL NIL NIL NIL)");
}

/* The innermost open part has ended at offset, with so many line ends before it. */
static void pop_level(struct mime_scan *scan, uint64_t offset, uint64_t line_count)
{
    struct level *level = &scan->levels[scan->depth - 1];
    uint64_t size = offset > level->body_start ? offset - level->body_start : 0;
    uint64_t lines =
        line_count > level->line_count_start ? line_count - level->line_count_start : 0;

    scan->records[level->record].body_len = size;
    if (level->kind == MIME_MULTIPART) {
        if (level->child_count == 0)
            put_empty_part(scan, level->body_start + size);
        scan->open_boundary_count -= !level->is_closed;
    } else if (level->kind == MIME_MESSAGE) {
        scan->slots[level->slot].value = size;
    } else {
        mime_render_number(size, &scan->structure);
    }
    if (level->kind == MIME_MESSAGE || level->is_text) {
        buf_put_byte(&scan->structure, ' ');
        mime_render_number(lines, &scan->structure);
    }

    buf_put(&scan->structure, span_from(buf_span(&scan->tails), level->tail_start));
    buf_truncate(&scan->tails, level->tail_start);
    buf_truncate(&scan->boundaries, level->boundary_start);
    scan->depth--;
}

/* The innermost open multipart with that boundary, or -1. All tags are looked at for each line with
 * two dashes, so they lie side by side. */
static int find_boundary(const struct mime_scan *scan, struct span boundary)
{
    uint32_t tag = tag_of(boundary.ptr, boundary.len);

    for (int i = (int)scan->depth - 1; i >= 0; i--) {
        const struct level *level = &scan->levels[i];
        if (scan->tags[i] == tag && level->kind == MIME_MULTIPART && !level->is_closed &&
            span_equal(boundary, span_make(buf_span(&scan->boundaries).ptr + level->boundary_start,
                                           level->boundary_len)))
            return i;
    }
    return -1;
}

/* Which open multipart the line delimits, the innermost first; -1: none. The whole line counts, but
 * for white space behind it (RFC 2046 5.1.1), so that one boundary may be the beginning of another.
 */
static int find_delimited(const struct mime_scan *scan, struct span line, bool *is_close_out)
{
    struct span text = lex_trim(span_from(line, 2));

    *is_close_out = false;
    if (text.len == 0 || lex_is_space(line.ptr[2]))
        return -1;
    int open = find_boundary(scan, text), closing = -1;
    if (text.len > 2 && memcmp(text.ptr + text.len - 2, "--", 2) == 0)
        closing = find_boundary(scan, span_first(text, text.len - 2));
    *is_close_out = closing > open;
    return closing > open ? closing : open;
}

/* The line is a delimiter of that level: all within has ended, just before the line end in front of
 * the delimiter, which belongs to it. */
static void take_delimiter(struct mime_scan *scan, unsigned index, bool is_close)
{
    if (scan->is_in_header) {
        buf_truncate(&scan->header, scan->header_line);
        end_header(scan, scan->line_start);
        /* What ended there may be a message with a header of its own, empty as well. */
        while (scan->is_in_header)
            end_header(scan, scan->line_start);
    }
    while (scan->depth > index + 1)
        pop_level(scan, scan->line_start - scan->eol_len, scan->line_count - (scan->eol_len > 0));
    scan->is_in_header = !is_close;
    if (is_close) {
        scan->levels[index].is_closed = true;
        scan->open_boundary_count--;
    }
}

static void take_line(struct mime_scan *scan, const struct line *line)
{
    bool is_close = false;
    int index = -1;

    if (scan->open_boundary_count > 0 && !scan->is_last && line->len >= 2 &&
        line->len == line->text.len && memcmp(line->text.ptr, "--", 2) == 0)
        index = find_delimited(scan, line->text, &is_close);
    if (index >= 0)
        take_delimiter(scan, (unsigned)index, is_close);

    uint64_t next = scan->line_start + line->len + line->eol_len;
    scan->line_count += line->eol_len > 0;
    if (index >= 0) {
        scan->header_start = next;
        scan->header_line = 0;
        buf_clear(&scan->header);
    } else if (scan->is_in_header && line->len == 0 && line->eol_len > 0) {
        end_header(scan, next);
    }
    scan->line_start = next;
    scan->eol_len = line->eol_len;
    scan->header_line = scan->header.len;
}

static void keep_header(struct mime_scan *scan, struct span bytes)
{
    if (scan->is_in_header)
        buf_put(&scan->header, span_first(bytes, MIME_HEADER_MAX - scan->header.len));
}

/* A piece of a line that does not lie in one run: the last one when is_end. */
static void take_piece(struct mime_scan *scan, struct span piece, bool is_end)
{
    size_t kept = scan->partial_len < LINE_KEPT_MAX ? (size_t)scan->partial_len : LINE_KEPT_MAX;
    struct span more = span_first(piece, LINE_KEPT_MAX - kept);
    char before = (char)(scan->partial_len > 0 ? scan->partial_last : '\0');

    keep_header(scan, piece);
    memcpy(scan->partial + kept, more.ptr, more.len);
    scan->partial_len += piece.len;
    scan->partial_last = piece.ptr[piece.len - 1];
    if (!is_end)
        return;

    if (piece.len > 1)
        before = piece.ptr[piece.len - 2];
    unsigned eol_len = before == '\r' ? 2 : 1;
    uint64_t len = scan->partial_len - eol_len;
    scan->partial_len = 0;
    size_t shown = len < LINE_KEPT_MAX ? (size_t)len : LINE_KEPT_MAX;
    take_line(scan, &(struct line){span_make(scan->partial, shown), len, eol_len});
}

static void take_whole(struct mime_scan *scan, struct span whole)
{
    unsigned eol_len = whole.len > 1 && whole.ptr[whole.len - 2] == '\r' ? 2 : 1;
    struct span text = span_first(whole, whole.len - eol_len);

    keep_header(scan, whole);
    take_line(scan, &(struct line){span_first(text, LINE_KEPT_MAX), text.len, eol_len});
}

/* Lines of a body that are no delimiters, which is most of all mail: returns how far they go. */
static size_t skip_body_lines(struct mime_scan *scan, struct span bytes)
{
    const char *at = bytes.ptr, *end = bytes.ptr + bytes.len, *lf;
    bool has_boundary = scan->open_boundary_count > 0 && !scan->is_last;
    uint64_t count = 0;

    while (at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (has_boundary && at[0] == '-' && at[1] == '-')
            break;
        at = lf + 1;
        count++;
    }
    size_t len = (size_t)(at - bytes.ptr);
    if (count > 0)
        scan->eol_len = len > 1 && at[-2] == '\r' ? 2 : 1;
    scan->line_count += count;
    scan->line_start += len;
    return len;
}

void mime_scan_feed(struct mime_scan *scan, struct span bytes)
{
    struct span rest = bytes;

    while (rest.len > 0) {
        if (!scan->is_in_header && scan->partial_len == 0) {
            lex_advance(&rest, skip_body_lines(scan, rest));
            if (rest.len == 0)
                return;
        }
        const char *lf = memchr(rest.ptr, '\n', rest.len);
        size_t len = lf != NULL ? (size_t)(lf - rest.ptr) + 1 : rest.len;
        if (lf != NULL && scan->partial_len == 0)
            take_whole(scan, span_first(rest, len));
        else
            take_piece(scan, span_first(rest, len), lf != NULL);
        lex_advance(&rest, len);
    }
}

/* The structure with the numbers of the slots in it. */
static void fill_slots(struct mime_scan *scan)
{
    struct span text = buf_span(&scan->structure);
    size_t done = 0;

    for (size_t i = 0; i < scan->slot_count; i++) {
        const struct slot *slot = &scan->slots[i];
        buf_put(&scan->finished, span_make(text.ptr + done, slot->offset - done));
        mime_render_number(slot->value, &scan->finished);
        done = slot->offset;
    }
    buf_put(&scan->finished, span_from(text, done));
}

void mime_scan_finish(struct mime_scan *scan, struct mime_result *out)
{
    if (scan->partial_len > 0) {
        uint64_t len = scan->partial_len;
        size_t shown = len < LINE_KEPT_MAX ? (size_t)len : LINE_KEPT_MAX;
        scan->partial_len = 0;
        take_line(scan, &(struct line){span_make(scan->partial, shown), len, 0});
    }
    while (scan->is_in_header)
        end_header(scan, scan->line_start);
    while (scan->depth > 0)
        pop_level(scan, scan->line_start, scan->line_count);

    if (scan->slot_count > 0)
        fill_slots(scan);
    mime_parts_encode(scan->records, scan->record_count, &scan->parts);
    *out = (struct mime_result){
        .envelope = buf_span(&scan->envelope),
        .structure = buf_span(scan->slot_count > 0 ? &scan->finished : &scan->structure),
        .parts = buf_span(&scan->parts),
        .sent_s = scan->sent_s,
        .received_count = scan->received_count,
    };
}
