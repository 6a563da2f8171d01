/*
 * cli: the subcommands of the program. Each is a file and a function that takes the words after its
 * name and returns an exit status: 0 done, 1 could not, 2 called wrongly.
 */
#ifndef POSTERN_CLI_CLI_H
#define POSTERN_CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

#include <stdio.h>

enum { CLI_OK = 0, CLI_COULD_NOT = 1, CLI_USAGE = 2 };

int cli_init(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_user(int argc, char **argv);
int cli_alias(int argc, char **argv);
int cli_domain(int argc, char **argv);
int cli_route(int argc, char **argv);
int cli_queue(int argc, char **argv);
int cli_message(int argc, char **argv);
int cli_connect(int argc, char **argv);
int cli_dns(int argc, char **argv);
int cli_version(int argc, char **argv);

/* ---- common.c ------------------------------------------------------------------------------- */

/* The options that all subcommands but init share, parsed off argv: -c FILE, -h, --help. */
struct cli_common {
    const char *conf_file; /* as given, or the first that exists of the usual places */
    char **words;          /* what is left */
    int word_count;
};
/* help: the subcommand's own; what the options say is added. CLI_OK to go on; else print nothing
 * more and exit with *status_out (after --help: 0). */
int cli_common(int argc, char **argv, const char *help, struct cli_common *out, int *status_out);

/* Loads the configuration; complaints go to standard error as "file:line: sentence". */
const struct settings *cli_load(const char *conf_file);
/* "postern: sentence" on standard error. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A usage error, with where to find help; returns CLI_USAGE. */
int cli_usage(const char *command, const char *what);

/* Appends the key form of a login name or address; a name without a domain gets the first one. 0,
 * or complains and returns a code. */
int cli_address(const char *name, const char *first_domain, struct buf *key_out)
    __attribute__((warn_unused_result));

/* The same for an alias, which may also be "@example.org": all addresses of a domain that are
 * nobody's. */
int cli_alias_address(const char *name, const char *first_domain, struct buf *key_out)
    __attribute__((warn_unused_result));

/* Whether an address in key form belongs to one of the domains; else complains: mail for it would
 * never come in. */
bool cli_is_local(struct span key, const char *const *domains, size_t domain_count);
/* The same, also asking the store for its domains. */
bool cli_is_kept(struct span key, const struct settings *settings);

/* A password for NAME: what stood behind the colon; else, on a terminal, asked twice; else the
 * first line of standard input; if that is empty, a new one is made and printed. 0, or complains.
 */
enum { CLI_PASSWORD_SIZE = 300 };
int cli_password(const char *name, const char *given, char password_out[CLI_PASSWORD_SIZE])
    __attribute__((warn_unused_result));
/* The same for a password that somebody else has chosen: an empty one is complained of. */
int cli_given_password(const char *name, char password_out[CLI_PASSWORD_SIZE])
    __attribute__((warn_unused_result));
/* The first line of the file: an empty or too long one is complained of. */
int cli_read_password(const char *name, FILE *file, char password_out[CLI_PASSWORD_SIZE])
    __attribute__((warn_unused_result));
/* A new password, made and printed. */
void cli_made_password(const char *name, char password_out[CLI_PASSWORD_SIZE]);
/* NAME[:PASSWORD] cut at the first colon; *password_out NULL when there is none. name is changed.
 */
char *cli_cut_password(char *name);

/* ---- place.c -------------------------------------------------------------------------------- */

/* Whether dir does not exist or is empty; else complains. */
bool cli_is_free_dir(const char *dir);
/* Removes it with all that is in it, as far as that goes. */
void cli_remove_dir(const char *dir);
/* Takes slashes off the end of a path. */
void cli_cut_slashes(char *dir);

/* ---- channel.c ------------------------------------------------------------------------------ */

/* Does one administrator's call: by the running server when there is one, else on the store itself.
 * Prints the answer; returns an exit status. */
int cli_call(const struct settings *settings, const struct span *words, size_t count);

/* Several calls in a row. NULL after a complaint. Owned; close accepts a pointer to NULL. */
struct cli_channel;
struct cli_channel *cli_channel_open(const struct settings *settings);
void cli_channel_close(struct cli_channel **channel);
/* The answer, appended; an exit status. It may have complained itself, and appended nothing. */
int cli_channel_ask(struct cli_channel *channel, const struct span *words, size_t count,
                    struct buf *text_out);

#endif
