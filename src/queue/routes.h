/*
 * routes: which row of the configuration's `routes` a domain's mail goes by. A pure function over
 * settings: the relay asks it where to, the SMTP server whether to take the mail at all.
 */
#ifndef POSTERN_QUEUE_ROUTES_H
#define POSTERN_QUEUE_ROUTES_H

#include "base/span.h"
#include "conf/settings/relay.h"

/* The row that names the domain; else the one with its longest suffix (".example.net" is each
 * domain below example.net); else the one of "*"; else NULL. domain: in any case; an address
 * literal or an empty one fits "*" only. Borrowed from the settings. */
const struct settings_route *routes_find(const struct settings_relay *settings, struct span domain);

#endif
