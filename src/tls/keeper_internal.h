/*
 * keeper_internal: what the two sides of the keeper share: the messages on a channel (one request,
 * then its reply, each one SOCK_SEQPACKET message), and the steps of the keeper process. Requests
 * are parsed as those of an attacker: the server that sends them is what the keeper guards against.
 */
#ifndef POSTERN_TLS_KEEPER_INTERNAL_H
#define POSTERN_TLS_KEEPER_INTERNAL_H

#include <pthread.h>

#include "tls/keeper.h"

enum {
    /* What an Ed25519 key is given to sign: TLS asks for less than 200 bytes. */
    KEEPER_INPUT_MAX = 4096,
    KEEPER_REQUEST_HEAD = 32,
    KEEPER_REQUEST_MAX = KEEPER_REQUEST_HEAD + KEEPER_INPUT_MAX,
    KEEPER_KEY_SIZE = 8 + TLS_KEY_ID_SIZE + 4 + 4,
    KEEPER_RING_MAX = 4 + (TLS_PAIRS_MAX + 1) * KEEPER_KEY_SIZE,
    KEEPER_REPLY_HEAD = 20,
    KEEPER_REPLY_MAX = KEEPER_REPLY_HEAD + KEEPER_RING_MAX,
    /* Keyrings that can be loaded at a time: one for each generation of settings that some
     * connection still uses. At the limit a reload is refused with a sentence. */
    KEEPER_RINGS_MAX = 1000
};

/* --- keeper_wire.c --- */

enum keeper_kind { KEEPER_LOAD = 1, KEEPER_DROP = 2, KEEPER_SIGN = 3 };

struct keeper_request {
    uint64_t number; /* 1, 2, ...; the reply bears it */
    enum keeper_kind kind;
    uint64_t key_number; /* SIGN; DROP: any key of the ring */
    unsigned algorithm;  /* SIGN: gnutls_sign_algorithm_t */
    bool is_hash;
    struct span input; /* SIGN; borrowed */
};

struct keeper_reply {
    uint64_t number;
    enum keeper_kind kind;
    int err;          /* 0 or a code of err.h */
    struct span body; /* borrowed; err: a sentence; LOAD: a ring; SIGN: the signature; else none */
};

/* The length. input and body fit by the caller's care. */
size_t keeper_request_write(const struct keeper_request *request,
                            unsigned char bytes_out[KEEPER_REQUEST_MAX]);
size_t keeper_reply_write(const struct keeper_reply *reply,
                          unsigned char bytes_out[KEEPER_REPLY_MAX]);
size_t keeper_ring_write(const struct tls_keyring *ring, unsigned char bytes_out[KEEPER_RING_MAX]);
/* 0, or ERR_SYNTAX: lengths that do not add up, unknown kinds, fields that the kind has not. */
int keeper_request_parse(struct span bytes, struct keeper_request *request_out)
    __attribute__((warn_unused_result));
int keeper_reply_parse(struct span bytes, struct keeper_reply *reply_out)
    __attribute__((warn_unused_result));
int keeper_ring_parse(struct span bytes, struct tls_keyring *ring_out)
    __attribute__((warn_unused_result));

/* --- keeper.c, keeper_signer.c: the server's side --- */

enum {
    KEEPER_SIGN_TIMEOUT_MS = 1000, /* a handshake holds its loop meanwhile; RSA-4096 takes 10 ms */
    /* Drops that a keeper which does not answer was not told. They are made up for before the next
     * load; beyond these the keys stay until the keeper ends. */
    KEEPER_UNTOLD_MAX = 256
};

struct keeper_channel {
    int fd;
    bool is_taken, is_loading; /* the latter: as long as it is taken */
    uint64_t owed;             /* the request whose reply has not come; 0: none */
};

struct keeper {
    struct tls_signer signer; /* first */
    pthread_mutex_t mutex;    /* of all down to untold_count; never held while waiting */
    pthread_cond_t on_free;
    struct keeper_channel *channels;
    unsigned channel_count;
    bool has_ended;
    uint64_t last_number;
    uint64_t untold[KEEPER_UNTOLD_MAX]; /* keys of rings to drop */
    size_t untold_count;
    pid_t pid;
    int life_fd, wait_status;
    bool is_waited_for;
};

extern const struct tls_signer_ops keeper_signer_ops;

/* --- keeper_desk.c: one request in, one reply out --- */

struct keeper_ring;

struct keeper_desk {
    struct tls_signer *signer; /* the keys in this process */
    const struct keeper_office *office;
    struct fault confine_fault; /* of confinement: then every load is refused with it */
    pthread_mutex_t load_mutex; /* one load at a time: the office's settings are one */
    pthread_mutex_t ring_mutex; /* guards what follows; never held for work */
    struct keeper_ring *rings[KEEPER_RINGS_MAX];
    size_t ring_count;
};

/* office is borrowed. */
void keeper_desk_init(struct keeper_desk *desk, const struct keeper_office *office);
void keeper_desk_deinit(struct keeper_desk *desk);
/* Thread-safe. Any bytes get a reply: its length. */
size_t keeper_desk_answer(struct keeper_desk *desk, struct span request,
                          unsigned char reply_out[KEEPER_REPLY_MAX]);

/* --- keeper_process.c --- */

struct keeper_ends {
    const int *channels;
    unsigned channel_count;
    int life_fd; /* held until the process ends */
    pid_t parent;
};

/* The body of the keeper process; the exit status. */
int keeper_process_run(const struct keeper_office *office, const struct keeper_ends *ends);

/* --- keeper_confine.c --- */

/* Name, signals, descriptors, core dumps, swap: for the whole process, before its threads. */
void keeper_confine_process(const struct keeper_ends *ends);
/* Not to be looked into, no new rights, no writing to files, to die with the server: after the
 * change of user, before the threads. */
void keeper_confine_rights(const struct keeper_ends *ends);
/* Only the system calls that reading files and signing need, for every thread that there is. false:
 * the kernel would not filter them. */
bool keeper_confine_calls(void);

#endif
