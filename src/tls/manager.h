/*
 * manager: the shared TLS session manager: one for all listeners, protocols, roles and loops. It
 * holds the current generation of credentials and policies; a session takes a reference on the
 * generation that it begins with and keeps it, so a reload disturbs nobody. Thread-safe.
 *
 * Generations are immutable: certificates with their keys and staples, authorities, priority caches
 * (one per policy), ticket key. A reload builds a whole new one, checks it (keys fit certificates,
 * chains in order, strong, in date) and only then swaps it in. docs/TLS.md tells it at length.
 */
#ifndef POSTERN_TLS_MANAGER_H
#define POSTERN_TLS_MANAGER_H

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/settings/tls.h"

struct tls_manager;
struct tls_generation;
struct tls_signer;

/* Something that a person should know and that stops nothing: a staple that cannot be served, a
 * certificate without names or near its end. Texts are borrowed. */
struct tls_remark {
    enum log_level level;
    const char *event; /* as in docs/LOGS.md: "staple", "expiring" */
    const char *file;  /* whom it is about */
    const char *why;   /* a sentence, with what to do */
    const char *names; /* of the certificate that ends; NULL: it is about something else */
    int64_t days;      /* until then, with names; negative: since */
};
typedef void tls_remark_fn(void *owner, const struct tls_remark *remark);

struct tls_remarks {
    tls_remark_fn *on_remark; /* NULL: the log */
    void *owner;
};

/* Loads all that the settings name. NULL with the reason in fault. Owned. An expired certificate
 * is loaded with a warning in the log: a server that does not start loses more than one that some
 * clients refuse. Without a certificate in the settings it serves outbound sessions only. clock
 * outlives the manager and its sessions; so does signer, which has the private keys (borrowed;
 * NULL: they are read into this process). */
struct tls_manager *tls_manager_create(const struct settings_tls *settings,
                                       const struct clock *clock, struct tls_signer *signer,
                                       struct fault *fault);
/* Sessions may outlive it: generations are counted. */
void tls_manager_free(struct tls_manager **manager);

/* Builds and checks a new generation; reads files, so it is for a job. On failure fault says why. A
 * certificate outside its dates is refused unless the current generation has it already. The
 * result is owned: adopt or discard it. */
int tls_manager_prepare(struct tls_manager *manager, const struct settings_tls *settings,
                        struct tls_generation **fresh_out, struct fault *fault)
    __attribute__((warn_unused_result));
/* New sessions get it from now on. Takes it. */
void tls_manager_adopt(struct tls_manager *manager, struct tls_generation **fresh);
void tls_manager_discard(struct tls_generation **fresh);
/* Both at once, for those who may wait. */
int tls_manager_reload(struct tls_manager *manager, const struct settings_tls *settings,
                       struct fault *fault) __attribute__((warn_unused_result));

/* Looks at the clock and logs which certificates end soon: 30, 7 and 1 days before and at the end,
 * each once. For a timer; creating and adopting do it too. */
void tls_manager_look(struct tls_manager *manager);

/* What a start would say, for `postern check`: the fault that would stop it, and remarks. */
int tls_manager_check(const struct settings_tls *settings, const struct clock *clock,
                      const struct tls_remarks *remarks, struct fault *fault)
    __attribute__((warn_unused_result));

/* What the files that the settings name look like from outside (names, times, sizes), in one
 * value: it changes when one of them does. Files that cannot be seen count as such. */
enum { TLS_STAMP_SIZE = 32 };
void tls_files_stamp(const struct settings_tls *settings, unsigned char stamp_out[TLS_STAMP_SIZE]);

#endif
