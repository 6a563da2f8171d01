/* lease_internal: rows in hand, for the files of relay/ and their test. See relay.h. */
#ifndef POSTERN_RELAY_LEASE_INTERNAL_H
#define POSTERN_RELAY_LEASE_INTERNAL_H

#include "relay/relay.h"

/* Between begin and end a loop's look at the queue is under way. */
void relay_look_begin(struct relay_leases *leases, unsigned loop);
void relay_look_end(struct relay_leases *leases, unsigned loop);
/* For a row that the loop's look under way has read: false when somebody has it in hand, or had it
 * after the look began (the row may be settled by now). */
bool relay_lease_take(struct relay_leases *leases, unsigned loop, uint64_t id);
void relay_lease_end(struct relay_leases *leases, uint64_t id);
bool relay_lease_is_revoked(struct relay_leases *leases, uint64_t id);
/* How often relay_leases_flush() was called. */
uint64_t relay_flush_turn(struct relay_leases *leases);

#endif
