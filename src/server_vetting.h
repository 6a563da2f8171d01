/*
 * server_vetting: what is looked up about strangers while their greeting waits: the DNS lists of
 * smtp.dns_lists, and with smtp.reverse_dns the name of the address. The vetter (net/vetting.h) of
 * one loop. Whatever DNS does, it answers within smtp.lookup_timeout; what is not known then counts
 * as not listed, and as a name that is uncertain.
 */
#ifndef POSTERN_SERVER_VETTING_H
#define POSTERN_SERVER_VETTING_H

#include "conf/settings/smtp.h"
#include "dns/list_rule.h"
#include "net/vetting.h"

struct resolver;
struct server_vetter;

struct server_vetter *server_vetter_create(struct loop *loop);
/* No connection of the loop is left. */
void server_vetter_free(struct server_vetter **vetter);

/* What is looked up from now on; all is borrowed until the next call. lists: as many as
 * settings->dns_list_count. resolver NULL: nothing can be known. */
void server_vetter_set(struct server_vetter *vetter, const struct settings_smtp *settings,
                       const struct dns_list_rule *lists, struct resolver *resolver);
/* Ends what is under way, with what is known: before lists or resolver go. */
void server_vetter_settle(struct server_vetter *vetter);
/* For the roles of listeners; NULL: nothing is to be looked up by these settings. */
struct vetter *server_vetter_door(struct server_vetter *vetter,
                                  const struct settings_smtp *settings);

#endif
