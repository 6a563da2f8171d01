/*
 * chain: worlds of mail servers in virtual time, each made by one seed. Scripted clients give mail
 * to two real servers (sessions, store and relay as they are, jobs inline), which keep it, relay it
 * to each other and on to scripted hops, while everything goes wrong that the seed says: servers
 * crash between any two steps, commits fail, disks fill up, DNS fails and lies, connections break
 * at any byte, hops say no, stall and cut. Then the faults stop, time runs until the queues are
 * empty, and each message is looked for:
 *
 *  - one that was answered 250 is, for each recipient, in a mailbox, confirmed by a hop or reported
 *    to its sender, unless the sender does not want to hear;
 *  - it is there once, but for the window that RFC 5321 4.5.4.1 cannot close: the peer has it, and
 *    its answer was lost with the connection, or with the memory of a server that crashed;
 *  - what was refused is nowhere; what is somewhere is whole.
 *
 * The same seed and number of messages give the same world, step by step.
 */
#ifndef POSTERN_TESTS_CHAIN_H
#define POSTERN_TESTS_CHAIN_H

#include "base/buf.h"

/* field, what it counts */
#define CHAIN_TALLY_LIST(X)                                                                        \
    X(messages, "messages that clients had")                                                       \
    X(accepted, "  answered 250 behind the dot")                                                   \
    X(refused, "  refused")                                                                        \
    X(unanswered, "  sent, and the answer never came")                                             \
    X(recipients, "recipients of accepted messages")                                               \
    X(in_mailboxes, "  in a mailbox")                                                              \
    X(at_hops, "  confirmed by a hop")                                                             \
    X(failed_told, "  failed, and the sender was told")                                            \
    X(failed_silently, "  failed, and the sender does not want to hear")                           \
    X(reports_delay, "reports of delay")                                                           \
    X(reports_success, "reports of success")                                                       \
    X(windows, "answers lost in the open window")                                                  \
    X(duplicates, "duplicates, all in the open window")                                            \
    X(ghosts, "refused after a failed commit, which a crash found whole")                          \
    X(crashes, "crashes of a server")                                                              \
    X(crashes_inside, "  of these inside a batch of writes")                                       \
    X(crashes_at_start, "  and while a store was opened again")                                    \
    X(disks_failed, "operations of a disk that failed")                                            \
    X(failed_batches, "batches of writes that failed")                                             \
    X(disks_filled, "disks that filled up")                                                        \
    X(dns_failures, "DNS: no answer, late or temporary")                                           \
    X(dns_bogus, "DNS: bogus")                                                                     \
    X(dns_lies, "DNS: lies")                                                                       \
    X(links_spoiled, "connections broken at a random byte")                                        \
    X(connects_refused, "connects refused or hanging")                                             \
    X(hop_4xx, "hops: temporary refusals")                                                         \
    X(hop_5xx, "hops: permanent refusals")                                                         \
    X(hop_stalls, "hops: silent from a step on")                                                   \
    X(hop_cuts, "hops: cut at a step")                                                             \
    X(hop_dot_cuts, "hops: cut behind the final dot, message kept")                                \
    X(hop_kept_cuts, "hops: cut behind their 250")                                                 \
    X(hop_endless, "hops: endless replies")                                                        \
    X(client_cuts, "clients: gone behind their final dot")                                         \
    X(clock_jumps, "jumps of the clock")                                                           \
    X(tls_worlds, "worlds with TLS between the servers")                                           \
    X(virtual_hours, "virtual hours")

struct chain_tally {
#define CHAIN_TALLY_FIELD(name, text) uint64_t name;
    CHAIN_TALLY_LIST(CHAIN_TALLY_FIELD)
#undef CHAIN_TALLY_FIELD
};

enum { CHAIN_MESSAGES_MAX = 100000 };

/* One world of so many messages (up to CHAIN_MESSAGES_MAX); adds to the tally. True: all is as it
 * must be; else story_out says what is not, with the histories of the messages. */
bool chain_run(uint64_t seed, unsigned messages, struct chain_tally *tally, struct buf *story_out);

#endif
