/*
 * cert_make: what the makers among the words of postern cert share: their options, who signs, which
 * dates, and how files come into being. Functions that return int return an exit status of cli.h
 * and have complained when it is not CLI_OK, unless something else is said.
 */
#ifndef POSTERN_CLI_CERT_MAKE_H
#define POSTERN_CLI_CERT_MAKE_H

#include "cli/cli.h"
#include "pki/authority_dir.h"
#include "pki/pki.h"

#include <sys/types.h>

enum {
    CERT_NAMES_MAX = 100,
    CERT_DAY_S = 24 * 60 * 60,
    CERT_BACKDATE_S = 5 * 60 /* clocks of clients differ */
};

/* ---- cert_options.c ------------------------------------------------------------------------- */

struct cert_options {
    const char *dir, *ca, *ca_key, *out, *out_key, *key, *root_key,
        *organization; /* NULL: not given */
    const char *ocsp_url, *crl_url, *issuer_url;
    const char *names[CERT_NAMES_MAX]; /* checked */
    size_t name_count;
    enum pki_key_type key_type;
    enum pki_reason reason;
    unsigned purposes;    /* 0: not given */
    unsigned days, years; /* 0: not given */
    bool must_staple, new_key, renew;
    const char *word; /* what is no option; NULL: nothing */
};

struct cert_word {
    const char *name; /* "cert sign" */
    const char *help;
    const char *const *options; /* keys of the table's rows, NULL at the end */
    const char *word;           /* what is no option: "CERT"; NULL: nothing of the kind */
    bool needs_word;
};

/* CLI_OK to go on; else exit with *status_out (after --help: 0). dir has its default. */
int cert_options(int argc, char **argv, const struct cert_word *word, struct cert_options *out,
                 int *status_out);

/* ---- cert_issue.c --------------------------------------------------------------------------- */

/* Who signs: an authority's directory, or a certificate and a key. */
struct cert_issuer {
    struct pki_authority_dir *dir;      /* NULL: there is no index */
    struct pki_authority *loaded;       /* NULL: dir's */
    const struct pki_authority *signer; /* NULL: the certificate itself */
};

int cert_issuer_open(const struct cert_options *options, struct cert_issuer *out);
void cert_issuer_close(struct cert_issuer *issuer);

/* Refuses names that do not go with the purposes. */
int cert_check_names(const char *const *names, size_t count, unsigned purposes);
/* Sets the request's dates. days: what was asked for, refused when too long; 0: usual_days as far
 * as limits and the issuer allow, which 0 makes the default of the purposes. */
int cert_set_dates(const struct cert_issuer *issuer, unsigned days, unsigned usual_days,
                   struct pki_request *request);
/* Signs, and writes the certificate into the index where there is one. Chain and certificate are
 * owned by the caller. */
int cert_issue(const struct cert_issuer *issuer, struct pki_holder holder,
               const struct pki_request *request, char **chain_out,
               struct pki_certificate **certificate_out);
/* Tells what a certificate says, one line a fact. */
void cert_tell(const struct pki_certificate *certificate);
/* What to do with a new pair: lines for postern.conf. key NULL: the asker has it. */
void cert_tell_next(unsigned purposes, const char *certificate, const char *key);
int64_t cert_now_s(void);

/* ---- cert_files.c --------------------------------------------------------------------------- */

/* Complains of a path that exists, so that nothing is made in vain. */
int cert_check_free(const char *path);
/* Writes a file that must not exist, in one step, with mode. */
int cert_write_new(const char *path, const char *text, mode_t mode);
/* A key (0600) and what belongs to it (0644): both or none. */
int cert_write_pair(const char *key_path, const char *key_pem, const char *path, const char *text);
/* Replaces a pair (key first) or, with key_path NULL, a certificate alone. What was there stays as
 * PATH.old; owner and mode are kept. */
int cert_replace_pair(const char *key_path, const char *key_pem, const char *path,
                      const char *text);
/* Makes the names in path's directory durable. Best effort: the files themselves are, and what a
 * crash takes back is what was there before. */
void cert_sync_place(const char *path);

#endif
