/*
 * tap_book: for tests: a tap that keeps what it is told, to be looked at afterwards.
 */
#ifndef POSTERN_TESTS_FAKE_TAP_BOOK_H
#define POSTERN_TESTS_FAKE_TAP_BOOK_H

#include "base/buf.h"
#include "base/tap.h"

enum { TAP_BOOK_MAX = 4096 };

/* A copy of an event. */
struct tap_page {
    struct tap_event event; /* detail, bytes, fields lie in own memory */
    struct buf texts;
};

struct tap_book {
    struct tap tap; /* first */
    struct tap_page *pages[TAP_BOOK_MAX];
    size_t count;
};

void tap_book_init(struct tap_book *book);
void tap_book_deinit(struct tap_book *book);
/* The n-th event (from 0) of that kind, way and name; NULL: any name, and when there is none. */
const struct tap_event *tap_book_find(const struct tap_book *book, enum tap_kind kind,
                                      enum tap_way way, const char *name, size_t n);
/* A field's value; empty when there is none. */
struct span tap_book_field(const struct tap_event *event, const char *field);
/* Whether any name, value, detail or bytes of any event holds the text. */
bool tap_book_holds(const struct tap_book *book, struct span text);
/* All events as `postern connect` shows them, on standard error: for a failing test. */
void tap_book_print(const struct tap_book *book);

#endif
