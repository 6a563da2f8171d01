/*
 * body: owns where a section lies and how its bytes get into the output. Which messages and items
 * belongs to fetch.c, the part table to mail/mime.h. Tests: tests/dialogue/imap/fetch.dlg.
 */
#include "protocols/imap/body.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "mail/header.h"
#include "mail/mime.h"

enum {
    STEP_MAX = 64 * 1024,      /* read from memory at once */
    READ_JOB_MAX = 256 * 1024, /* read from disk by one job */
    SMALL_MAX = 4096           /* copied into the output; what is larger goes by reference */
};

struct extent {
    uint64_t offset, len;
};

/* HEADER and TEXT of a part are those of the message that it encloses (RFC 3501 6.4.5). */
static bool find_extent(const struct imap_section *section, const struct store_row *row,
                        struct extent *out)
{
    struct mime_part part;
    bool is_whole = section->part.len == 0;
    if (is_whole && section->text == IMAP_TEXT_ALL) {
        *out = (struct extent){0, row->blob.length};
        return true;
    }
    if (!mime_part_find(row->parts, section->part, false, &part))
        return false;
    if (section->text == IMAP_TEXT_ALL) {
        *out = (struct extent){part.body_offset, part.body_len};
        return true;
    }
    if (section->text == IMAP_TEXT_MIME) {
        *out = (struct extent){part.header_offset, part.header_len};
        return true;
    }
    bool is_inner = !is_whole;
    if (is_inner && (!part.is_message || !mime_part_find(row->parts, section->part, true, &part)))
        return false;
    *out = section->text == IMAP_TEXT_TEXT ? (struct extent){part.body_offset, part.body_len}
                                           : (struct extent){part.header_offset, part.header_len};
    return true;
}

static bool is_filtered(const struct imap_section *section)
{
    return section->text == IMAP_TEXT_FIELDS || section->text == IMAP_TEXT_FIELDS_NOT;
}

void imap_body_begin(struct imap_body *body, struct store *store,
                     const struct imap_section *section, const struct store_row *row)
{
    *body =
        (struct imap_body){.store = store, .section = section, .blob = row->blob, .separator = " "};
    buf_init(&body->header, MIME_HEADER_MAX);
    struct extent extent = {0};
    body->is_missing = !find_extent(section, row, &extent);

    /* The table was made from the same bytes; a damaged row must not read beyond them. */
    uint64_t length = row->blob.length;
    if (extent.offset > length)
        extent.offset = length;
    if (extent.len > length - extent.offset)
        extent.len = length - extent.offset;

    if (is_filtered(section)) {
        if (extent.len > MIME_HEADER_MAX)
            extent.len = MIME_HEADER_MAX;
    } else if (section->is_partial) {
        uint64_t first = section->first < extent.len ? section->first : extent.len;
        extent.offset += first;
        extent.len -= first;
        if (extent.len > section->count)
            extent.len = section->count;
    }
    body->offset = extent.offset;
    body->left = extent.len;
}

void imap_body_deinit(struct imap_body *body)
{
    buf_release(&body->header);
}

static void put_label(const struct imap_body *body, struct out *out, const char *value)
{
    out_puts(out, body->separator);
    out_put(out, body->section->label);
    out_puts(out, value);
}

static void begin_literal(struct imap_body *body, struct out *out, uint64_t len)
{
    char text[32];
    (void)snprintf(text, sizeof text, " {%" PRIu64 "}\r\n", len);
    put_label(body, out, text);
    body->is_begun = true;
}

static bool is_field_named(const struct imap_section *section, struct span name)
{
    for (size_t i = 0; i < section->field_count; i++) {
        if (span_equal_nocase(section->fields[i], name))
            return true;
    }
    return false;
}

/* The empty line is part of a header; only a message that ends before it has none. A header that is
 * cut at the limit had one further on. */
static bool has_empty_line(struct span header)
{
    if (header.len >= MIME_HEADER_MAX)
        return true;
    if (header.len == 0 || header.ptr[header.len - 1] != '\n')
        return false;
    header.len--;
    if (header.len > 0 && header.ptr[header.len - 1] == '\r')
        header.len--;
    return header.len == 0 || header.ptr[header.len - 1] == '\n';
}

/* The fields that are wanted and the empty line (RFC 3501 6.4.5), cut by the partial. */
static void send_fields(struct imap_body *body, struct out *out)
{
    const struct imap_section *section = body->section;
    struct buf kept;
    buf_init(&kept, 0);
    struct header_field field;
    size_t offset = 0;
    while (header_next(buf_span(&body->header), &offset, &field)) {
        bool is_wanted = is_field_named(section, field.name) == (section->text == IMAP_TEXT_FIELDS);
        if (is_wanted)
            buf_put(&kept, field.whole);
    }
    if (has_empty_line(buf_span(&body->header)))
        buf_puts(&kept, "\r\n");
    struct span text = buf_span(&kept);
    if (section->is_partial)
        text = span_first(span_from(text, section->first), section->count);
    begin_literal(body, out, text.len);
    out_set_kind(out, OUT_DATA);
    out_put(out, text);
    out_set_kind(out, OUT_TEXT);
    buf_release(&kept);
}

/* Takes bytes: owned heap memory. */
static void deliver(struct imap_body *body, struct out *out, char *bytes, size_t len)
{
    struct span piece = {bytes, len};
    if (is_filtered(body->section)) {
        buf_put(&body->header, piece);
    } else {
        if (!body->is_begun)
            begin_literal(body, out, body->left);
        out_set_kind(out, OUT_DATA);
        if (len > SMALL_MAX) {
            out_refer(out, piece, mem_free, bytes);
            bytes = NULL;
        } else {
            out_put(out, piece);
        }
        out_set_kind(out, OUT_TEXT);
    }
    mem_free(bytes);
    body->offset += len;
    body->left -= len;
}

static enum imap_body_state finish(struct imap_body *body, struct out *out)
{
    if (is_filtered(body->section))
        send_fields(body, out);
    else if (!body->is_begun)
        put_label(body, out, " \"\"");
    return IMAP_BODY_DONE;
}

enum imap_body_state imap_body_step(struct imap_body *body, struct out *out,
                                    struct store_read **read_out)
{
    if (body->is_missing) {
        put_label(body, out, " NIL");
        return IMAP_BODY_DONE;
    }
    while (body->left > 0) {
        if (out_is_full(out))
            return IMAP_BODY_FULL;
        size_t size = body->left > STEP_MAX ? STEP_MAX : (size_t)body->left;
        char *bytes = mem_alloc(size);
        int64_t got = store_read_now(body->store, &body->blob, body->offset, bytes, size);
        if (got > 0) {
            deliver(body, out, bytes, (size_t)got);
            continue;
        }
        mem_free(bytes);
        size = body->left > READ_JOB_MAX ? READ_JOB_MAX : (size_t)body->left;
        *read_out = store_read_create(body->store, &body->blob, body->offset, size);
        return IMAP_BODY_READ;
    }
    return finish(body, out);
}

int imap_body_take(struct imap_body *body, struct out *out, struct store_read *read)
{
    bool is_good = read->status == 0 && read->len > 0 && read->len <= body->left;
    if (is_good) {
        deliver(body, out, read->bytes, read->len);
        read->bytes = NULL;
        return 0;
    }
    if (body->is_begun)
        return ERR_CLOSED;
    put_label(body, out, " NIL");
    return read->status == 0 ? ERR_CORRUPT : read->status;
}
