/* Settings of the store. Sizes in bytes, times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_STORE_H
#define POSTERN_CONF_SETTINGS_STORE_H

#include <stdint.h>

struct settings_store {
    uint64_t body_memory_max;   /* a body up to this size is collected in memory */
    uint64_t body_memory_total; /* all such bodies together; above it every body is a file */
    uint64_t segment_size;      /* bytes of one segment file */
    int64_t expunge_grace_ms;   /* how long an expunged message can still be fetched */
    unsigned message_parts_max; /* MIME parts scanned; what is deeper or further is one leaf */
    unsigned mailboxes_max;     /* per account */
    unsigned keywords_max;      /* per mailbox, at most STORE_KEYWORDS_MAX */
    int64_t history_ms;         /* of mail that goes on; 0: nothing is written */
    unsigned read_threads;
};

#endif
