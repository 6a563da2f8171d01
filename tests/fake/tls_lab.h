/*
 * tls_lab: for tests: a directory of certificates minted on the spot, and two TLS sessions that
 * talk in memory, whole, byte by byte or cut at random places.
 */
#ifndef POSTERN_TESTS_FAKE_TLS_LAB_H
#define POSTERN_TESTS_FAKE_TLS_LAB_H

#include "base/clock.h"
#include "pki/pki.h"
#include "tls/manager.h"
#include "tls/session.h"

enum { TLS_LAB_NOW_S = 1800000000, TLS_LAB_DAY_S = 86400 };

struct tls_lab_clock {
    struct clock clock; /* first */
    int64_t now_s;
};

struct tls_lab {
    char dir[64];
    struct tls_lab_clock clock;
    struct pki_authority *authority;
    char ca_file[128], chain_file[128], key_file[128];
    struct settings_tls settings; /* names those files; "intermediate" */
};

/* An authority, and a good certificate for mx.example.org, *.wild.example.org and 127.0.0.1. */
void tls_lab_init(struct tls_lab *lab);
void tls_lab_deinit(struct tls_lab *lab);
/* Writes another chain and key over the lab's files. authority NULL: the lab's own. */
void tls_lab_mint(struct tls_lab *lab, const struct pki_authority *authority,
                  const struct pki_request *request);
/* A request for the names above, valid from yesterday to tomorrow. */
struct pki_request tls_lab_request(void);
void tls_lab_write(const char *file, const char *text);

/* Hears what is remarked: a line each, "warn expiring: sentence". */
struct tls_lab_ear {
    struct tls_remarks remarks;
    struct buf heard;
    unsigned count;
};
void tls_lab_ear_init(struct tls_lab_ear *ear);
/* Whether a line has that text in it; says what there was if not. */
bool tls_lab_ear_has(const struct tls_lab_ear *ear, const char *text);
void tls_lab_ear_deinit(struct tls_lab_ear *ear);

struct tls_end {
    struct tls_session *session;
    struct tls_end *peer;
    struct buf in, out; /* wire bytes: arrived, and pushed but still under way */
    struct buf clear;   /* opened */
    enum tls_progress progress;
    int err; /* what the last read said */
    struct fault fault;
    unsigned push_count;
};

struct tls_pair {
    struct tls_end server, client;
    size_t cut; /* bytes a delivery: 0 all there is, 1 byte by byte, else random up to so many */
    unsigned seed;
};

void tls_pair_init(struct tls_pair *pair, size_t cut);
void tls_pair_deinit(struct tls_pair *pair);
void tls_pair_start(struct tls_pair *pair, struct tls_manager *server, struct tls_manager *client,
                    const struct tls_client_policy *policy);
struct tls_wire tls_end_wire(struct tls_end *end);
/* Delivers and reacts until nothing moves: handshakes, then opens what comes. */
void tls_pair_run(struct tls_pair *pair);
/* Gives the end what has arrived. */
void tls_end_react(struct tls_end *end);
void tls_end_say(struct tls_end *end, const char *text);

#endif
