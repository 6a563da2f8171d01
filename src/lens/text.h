/*
 * text: a tap event (base/tap.h) for a human: one line a step with the time since the beginning, an
 * arrow for the direction, name and size; below it, indented, what was decoded and the bytes. What
 * a peer sent cannot reach the terminal as a control sequence. Pure function, any thread.
 */
#ifndef POSTERN_LENS_TEXT_H
#define POSTERN_LENS_TEXT_H

#include "base/buf.h"
#include "base/tap.h"

enum lens_show {
    LENS_STEPS,  /* one line a step; records are left out */
    LENS_FIELDS, /* and what was decoded, and the records */
    LENS_BYTES   /* and the bytes of public messages as a dump, at most LENS_DUMP_MAX */
};

enum { LENS_DUMP_MAX = 4096 /* of one message; how many are left out is told */ };

struct lens_style {
    enum lens_show show;
    bool has_colour; /* ANSI sequences: for terminals that want them */
};

/* Appends the event's lines, or nothing where the style leaves it out. began_us: as for
 * lens_put_json(). out: no maximum, or room by construction. */
void lens_put_text(struct buf *out, const struct tap_event *event, int64_t began_us,
                   const struct lens_style *style);

#endif
