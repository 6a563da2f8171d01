/*
 * tap_book: see tap_book.h. A page holds one event and the bytes that it borrowed.
 */
#include "tests/fake/tap_book.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"
#include "lens/text.h"

static struct span keep(struct buf *texts, struct span bytes)
{
    size_t at = texts->len;
    buf_put(texts, bytes);
    buf_put_byte(texts, '\0');
    return span_make(buf_span(texts).ptr + at, bytes.len);
}

static size_t need(const struct tap_event *event)
{
    size_t size = event->detail.len + event->bytes.len + 2;
    for (size_t i = 0; i < event->field_count; i++)
        size += event->fields[i].value.len + 1;
    return size;
}

static void on_event(struct tap *tap, const struct tap_event *event)
{
    struct tap_book *book = (struct tap_book *)(void *)tap;
    struct tap_page *page = mem_new(struct tap_page);
    struct tap_field *fields = mem_zalloc(event->field_count + 1, sizeof *fields);

    require(book->count < TAP_BOOK_MAX);
    buf_init(&page->texts, 0);
    require(buf_reserve(&page->texts, need(event)) != NULL); /* nothing moves afterwards */
    page->event = *event;
    page->event.detail = keep(&page->texts, event->detail);
    page->event.bytes = keep(&page->texts, event->bytes);
    for (size_t i = 0; i < event->field_count; i++) {
        fields[i].name = event->fields[i].name;
        fields[i].value = keep(&page->texts, event->fields[i].value);
    }
    page->event.fields = fields;
    book->pages[book->count++] = page;
}

void tap_book_init(struct tap_book *book)
{
    *book = (struct tap_book){.tap = {.on_event = on_event}};
}

static void free_fields(const struct tap_field *fields)
{
    union {
        const struct tap_field *fields;
        void *memory;
    } same = {.fields = fields};
    mem_free(same.memory);
}

void tap_book_deinit(struct tap_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        free_fields(book->pages[i]->event.fields);
        buf_release(&book->pages[i]->texts);
        mem_free(book->pages[i]);
    }
    book->count = 0;
}

const struct tap_event *tap_book_find(const struct tap_book *book, enum tap_kind kind,
                                      enum tap_way way, const char *name, size_t n)
{
    for (size_t i = 0; i < book->count; i++) {
        const struct tap_event *event = &book->pages[i]->event;
        bool fits = event->kind == kind && event->way == way &&
                    (name == NULL || (event->name != NULL && strcmp(event->name, name) == 0));
        if (fits && n-- == 0)
            return event;
    }
    return NULL;
}

struct span tap_book_field(const struct tap_event *event, const char *field)
{
    for (size_t i = 0; event != NULL && i < event->field_count; i++) {
        if (strcmp(event->fields[i].name, field) == 0)
            return event->fields[i].value;
    }
    return span_of("");
}

static bool holds(const struct tap_event *event, struct span text)
{
    bool is_there = span_find(event->detail, text) >= 0 || span_find(event->bytes, text) >= 0 ||
                    (event->name != NULL && span_find(span_of(event->name), text) >= 0);
    for (size_t i = 0; i < event->field_count; i++)
        is_there = is_there || span_find(event->fields[i].value, text) >= 0;
    return is_there;
}

bool tap_book_holds(const struct tap_book *book, struct span text)
{
    for (size_t i = 0; i < book->count; i++) {
        if (holds(&book->pages[i]->event, text))
            return true;
    }
    return false;
}

void tap_book_print(const struct tap_book *book)
{
    const struct lens_style style = {.show = LENS_FIELDS};
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < book->count; i++)
        lens_put_text(&out, &book->pages[i]->event, book->pages[0]->event.at_us, &style);
    (void)fwrite(buf_span(&out).ptr, 1, out.len, stderr);
    buf_release(&out);
}
