/*
 * search_internal: looking for text in a message, for search.c.
 */
#ifndef POSTERN_STORE_SEARCH_INTERNAL_H
#define POSTERN_STORE_SEARCH_INTERNAL_H

#include "base/buf.h"
#include "base/span.h"

/* What is looked for: as it is, and folded when it is not ASCII. */
struct search_text {
    struct span text; /* ASCII in capitals, or folded by utf8_fold */
    bool is_ascii;
};

/* Bytes of a message that a search holds. */
struct search_message {
    struct span bytes; /* its start; all of it when it is short */
    struct span parts; /* as mime_part_next wants them */
    /* The bytes behind that, borrowed until the next call; fewer where it ends or at a limit. */
    struct span (*load)(void *owner, uint64_t offset, uint64_t len);
    void *owner;
    struct buf scratch, wide; /* decoded text; the same in UTF-8 */
    struct buf folded;
};

/* Owned texts go to buf's heap; text_out points into it. */
void search_text_make(struct span text, struct buf *storage, struct search_text *out);
/* UTF-8 or unknown bytes; ASCII without case, other letters folded. */
bool search_text_is_in(const struct search_text *text, struct span haystack, struct buf *folded);

/* A field of the message's own header (an empty text: it is there). */
bool search_header_has(struct search_message *message, struct span field,
                       const struct search_text *text);
/* Any text part, decoded. */
bool search_body_has(struct search_message *message, const struct search_text *text);
/* The header, decoded, or any text part, and the headers of parts. */
bool search_all_has(struct search_message *message, const struct search_text *text);

#endif
