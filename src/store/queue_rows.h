/*
 * queue_rows: the queue as rows: what is due, and what became of it. See store.h.
 */
#ifndef POSTERN_STORE_QUEUE_ROWS_H
#define POSTERN_STORE_QUEUE_ROWS_H

#include "store/accept.h"
#include "store/body.h"
#include "store/store.h"

struct store_queue_row {
    uint64_t id;      /* one per recipient */
    uint64_t message; /* id for logs */
    struct store_blob blob;
    struct span reverse_path, recipient, original, envelope_id, return_kind;
    unsigned notify, mail_flags;
    unsigned attempts;
    int64_t created_us, due_us;
    struct span last_status; /* last outcome in words */
    struct span forwarder;   /* as store_recipient's */
    /* The recipient's domain in lower case, a space, and as a number what the message wishes of TLS
     * (STORE_MAIL_WISHES of its flags): rows of one place go the same way. */
    struct span place;
    bool is_held;
};

struct store_queue {
    struct job job;
    int status;
    struct fault fault;
    struct store_queue_row *rows;
    size_t count;
    int64_t next_due_us; /* of the first row not returned; INT64_MAX: none */
    uint64_t total;      /* of a first page by number: how many rows there are */
};
/* Rows that are due by `due_us`, ordered by (due, id), beginning behind (after_due_us, after_id);
 * leases are the caller's memory. due_us INT64_MAX: all, for listing. */
struct store_queue *store_queue_create(struct store *store, int64_t due_us, int64_t after_due_us,
                                       uint64_t after_id, size_t count_max);

/* Rows of these places are passed over, at the cost of a look into an index: what a dead domain has
 * waiting keeps nobody from what stands behind it. Before the job is submitted; copied. */
enum { STORE_QUEUE_SKIP_MAX = 16 };
void store_queue_skip(struct store_queue *queue, const struct span *places, size_t count);

/* All rows by number, beginning behind after_id; 0: the first page, with the total. */
struct store_queue *store_queue_page_create(struct store *store, uint64_t after_id,
                                            size_t count_max);

enum store_outcome_kind {
    STORE_OUTCOME_DONE,     /* delivered or reported: the row goes */
    STORE_OUTCOME_DEFERRED, /* due_us and text replaced, attempts + 1, notify added */
    STORE_OUTCOME_OWED,     /* done, but for the report: due at once, text replaced, notify added */
    STORE_OUTCOME_RETRY_NOW, /* `queue retry`: due at once and not held, attempts unchanged */
    STORE_OUTCOME_HELD       /* `queue hold`: not due before STORE_OUTCOME_RETRY_NOW */
};
struct store_attempt;
struct store_outcome {
    uint64_t id;
    enum store_outcome_kind kind;
    int64_t due_us;
    struct span text;
    unsigned notify;                     /* bits that the row gets besides its own */
    const struct store_attempt *attempt; /* for the history (history.h), or NULL */
};

struct store_settle {
    struct job job;
    int status;
    struct fault fault;
    size_t missing_count;  /* outcomes of rows that are not there (any more); no error */
    uint64_t report;       /* id of the report's message, 0: none */
    unsigned report_flags; /* in, set behind the creation: of enum store_mail_flags */
};
/* Outcomes of attempts, and the report that they caused (or NULL), in one transaction. Takes
 * report_body; everything else is copied. */
struct store_settle *store_settle_create(struct store *store, const struct store_outcome *outcomes,
                                         size_t count, struct store_body *report_body,
                                         const struct store_recipient *report_recipients,
                                         size_t report_recipient_count);

struct store_recall {
    struct job job;
    int status;
    struct fault fault;
};
/* Rows that are due at exactly that time, because their destination was put off until then, are due
 * now; in slices of 1,000. */
struct store_recall *store_recall_create(struct store *store, int64_t due_us);

#endif
