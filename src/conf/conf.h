/*
 * conf: reads postern.conf (libconfig syntax) into immutable settings. Every key is a row of
 * conf/schema.c with its type, default, range, unit and one sentence; the loader, `postern check`,
 * the manual page and conf/reference.conf come from those rows.
 *
 * A generation of settings is reference-counted: whoever began with one keeps it over a reload.
 */
#ifndef POSTERN_CONF_CONF_H
#define POSTERN_CONF_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/settings/auth.h"
#include "conf/settings/imap.h"
#include "conf/settings/net.h"
#include "conf/settings/pop3.h"
#include "conf/settings/relay.h"
#include "conf/settings/server.h"
#include "conf/settings/smtp.h"
#include "conf/settings/store.h"
#include "conf/settings/tls.h"

struct settings {
    struct settings_server server;
    struct settings_listener *listeners;
    size_t listener_count;
    struct settings_net net;
    struct settings_tls tls;
    struct settings_smtp smtp;
    struct settings_imap imap;
    struct settings_pop3 pop3;
    struct settings_store store;
    struct settings_auth auth;
    struct settings_relay relay;
    const char *file; /* absolute path it was read from */
};

/* One complaint: "postern.conf:12: smtp.recipients_max is 0: must be between 1 and 50000". */
typedef void conf_report_fn(void *owner, const char *file, int line, const char *sentence);

/* Reads and checks everything that can be checked without touching the network: syntax, keys
 * (unknown ones with the nearest known), types, ranges, units, files that must exist. All
 * complaints are reported, not only the first; line 0: the file as a whole. NULL when there was
 * any. Relative paths are taken relative to the file's directory. Owned: conf_unref(). */
const struct settings *conf_load(const char *file, conf_report_fn *report, void *owner);
/* The same of a text that stands in memory, as if it came from file; without a look at the files
 * and users that it names: for examples, and for what is about to be written. */
const struct settings *conf_parse(struct span text, const char *file, conf_report_fn *report,
                                  void *owner);
/* All defaults, for tests; no listeners. */
const struct settings *conf_defaults(void);
const struct settings *conf_ref(const struct settings *settings);
void conf_unref(const struct settings **settings);

/* Which keys, changed between two generations, need a restart: the first one's name, or NULL. */
const char *conf_needs_restart(const struct settings *old, const struct settings *new);

/* Every key with its default and sentence, as a commented libconfig file. */
void conf_write_reference(struct buf *text_out);
/* The same as mdoc for postern.conf(5). */
void conf_write_manual(struct buf *text_out);

#endif
