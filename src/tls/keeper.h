/*
 * keeper: the process that holds the private keys. It is forked before anything else exists
 * (threads, loops, SQLite, sockets), keeps only the right to read the key files, and answers two
 * requests over socket pairs: load the keys that the configuration names, and sign. One channel and
 * one thread for each of channel_count signatures at a time.
 *
 * When it dies every signature fails and keeper_fd() turns readable: the server's owner then ends
 * the server. When the server dies the keeper sees its channels closed and ends.
 */
#ifndef POSTERN_TLS_KEEPER_H
#define POSTERN_TLS_KEEPER_H

#include <sys/types.h>

#include "tls/signer.h"

struct keeper;

/* What the keeper process asks of its maker, in its own process. */
struct keeper_office {
    /* The settings as they are now, read from the configuration file; borrowed until the next
     * call. NULL with the reason in fault. */
    const struct settings_tls *(*settings)(void *owner, struct fault *fault);
    /* Gives up all rights but reading the key files; called once, before the first load. */
    int (*confine)(void *owner, struct fault *fault);
    void *owner;
};

/* Forks. In the calling process: returns the keeper's handle, owned. In the keeper itself it does
 * not return. Call it before any thread exists. NULL with fault. */
struct keeper *keeper_start(const struct keeper_office *office, unsigned channel_count,
                            struct fault *fault);
/* The signer that speaks to it; borrowed, valid until keeper_stop(). */
struct tls_signer *keeper_signer(struct keeper *keeper);
pid_t keeper_pid(const struct keeper *keeper);
/* Readable (end of file) when the keeper has ended; nothing else is ever sent there. */
int keeper_fd(const struct keeper *keeper);
/* After keeper_fd() turned readable: how it ended ("signal 9 (Killed)", "exit status 1"). */
void keeper_why(struct keeper *keeper, char why_out[64]);
/* Closes the channels and waits for its end, at most a second, then by force. No signature may be
 * under way. Accepts a pointer to NULL. */
void keeper_stop(struct keeper **keeper);

#endif
