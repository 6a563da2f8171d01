/*
 * upgrade_stage: the protocol sessions of the program on both sides of an upgrade, each with a spy,
 * over real TLS in the simulator: SMTP, IMAP and POP3 servers, the probe as client of each, and the
 * relay's SMTP client. Either both ends are ours and somebody on the way puts bytes into the
 * stream, or one end is raw and says what it likes, cut where it likes.
 */
#ifndef POSTERN_TESTS_FAKE_UPGRADE_STAGE_H
#define POSTERN_TESTS_FAKE_UPGRADE_STAGE_H

#include "net/fault.h"
#include "tests/dialogue/world.h"
#include "tests/fake/spy.h"

enum { STAGE_SERVER_COUNT = 3, STAGE_CLIENT_COUNT = 4, STAGE_CUTS_MAX = 2 };

/* What a raw peer says to a server, and what to a client; injected holds "marker". */
struct stage_server_row {
    const char *name, *before, *command, *injected;
};
struct stage_client_row {
    const char *name;
    size_t server; /* row of the server that it fits */
    const char *greeting, *offers, *go_ahead, *injected;
};
extern const struct stage_server_row stage_servers[STAGE_SERVER_COUNT];
extern const struct stage_client_row stage_clients[STAGE_CLIENT_COUNT];

/* One a process: the store and the certificates are made once. */
void stage_begin(void);
void stage_end(void);
struct spy *stage_server_spy(size_t row);
struct spy *stage_client_spy(size_t row);

/* A raw client sends bytes to server `row`, in pieces that end at the cuts (in order; those beyond
 * the end do nothing), each given time to be dealt with. The connection is gone when it returns. */
void stage_raw_client(size_t row, struct span bytes, const size_t cuts[STAGE_CUTS_MAX]);
/* The same to client `row`: greeting and offers first, one piece each, then the bytes. */
void stage_raw_server(size_t row, struct span bytes, const size_t cuts[STAGE_CUTS_MAX]);
/* Client `row` and its server, and bytes put into the stream behind `after` others. Empty bytes:
 * nothing happens to it. */
void stage_pair(size_t row, enum spoil_way way, uint64_t after, struct span bytes,
                enum sim_cut cut);

#endif
