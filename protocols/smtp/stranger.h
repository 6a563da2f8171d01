/*
 * stranger: what is made of what DNS says about a peer (net/host.h, struct peer_facts): whether he
 * may name recipients, and as whom the trace field shows him. A login makes him no stranger.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_STRANGER_H
#define POSTERN_PROTOCOLS_SMTP_STRANGER_H

#include "protocols/smtp/server_internal.h"

enum { SMTP_STRANGER_DETAIL_SIZE = PEER_NAME_SIZE + PEER_WHY_SIZE + 8 };

/* REPLY_NONE, or why mail of this peer is not taken. */
enum smtp_server_reply smtp_stranger_refusal(const struct smtp_session *session);
/* What stands behind the text of such a refusal: the list and its words. NULL: nothing. */
const char *smtp_stranger_detail(const struct smtp_session *session, enum smtp_server_reply reply,
                                 char out[SMTP_STRANGER_DETAIL_SIZE]);
/* The name for trace field and log: confirmed, or "unknown"; "": not asked for. */
const char *smtp_stranger_name(const struct smtp_session *session);

#endif
