/*
 * update: what a session knows of its mailbox, and how it learns more (RFC 3501 5.2, 7.3, 7.4). The
 * view moves only here. Changes come as deltas of the store: with every write of our own, and from
 * a store_changes job when the mailbox's watch has fired.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_UPDATE_H
#define POSTERN_PROTOCOLS_IMAP_UPDATE_H

#include "protocols/imap/imap_internal.h"

/* The mailbox that SELECT or EXAMINE opened. */
struct imap_selected {
    uint64_t id;
    bool is_read_only;
    struct store_view *view;   /* what the client was told: its sequence numbers */
    struct store_view *newest; /* what the store said last */
    uint64_t modseq;           /* flags are told up to here */
    uint32_t uidnext;
    uint32_t recent_from; /* UIDs from here on are \Recent */
    char **keywords;      /* names in bit order */
    size_t keyword_count;
    struct store_watch *watch;
    bool is_dirty;      /* the store has news that were not asked for yet */
    bool is_gone;       /* deleted */
    bool is_own_delete; /* a DELETE of this session may have been the reason */
};

/* Opens the mailbox of a finished select job: view, keywords, watch. */
void imap_select_mailbox(struct imap *imap, struct store_select *select, bool is_read_only);
/* Back to the authenticated state; nothing is sent. Does nothing when no mailbox is open. */
void imap_deselect(struct imap *imap);

/* Takes a delta: advances modseq, keeps what is to be told, tells what fits now. silent: ranges
 * whose flag changes are not told (STORE .SILENT), or NULL. */
void imap_take_delta(struct imap *imap, const struct store_delta *delta,
                     const struct uid_range *silent, size_t silent_count);
/* Whether parts of a delta still wait for output. */
bool imap_has_untold(const struct imap *imap);

/* Asks the store when the watch has fired, tells everything that the command under way allows, then
 * goes on with then. */
struct verdict imap_tell(struct imap *imap, imap_handler_fn *then);

/* cmd_idle.c: news while idling. */
struct verdict imap_idle_update(struct imap *imap);

/* "* FLAGS" and "* OK [PERMANENTFLAGS]", into scratch. */
void imap_put_flag_lists(struct imap *imap);
/* How many messages of the view are \Recent. */
uint32_t imap_recent_count(const struct imap_selected *selected);

static inline bool imap_is_by_uid(const struct imap *imap)
{
    return imap->command != NULL && (imap->command->traits & IMAP_BY_UID) != 0;
}

#endif
