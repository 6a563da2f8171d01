/*
 * authority_dir: the directory of a private authority, as `postern cert ca` makes it:
 *
 *   root.pem root-key.pem                  what clients trust; the key may be kept elsewhere
 *   intermediate.pem intermediate-key.pem  what signs
 *   chain.pem                              both certificates, intermediate first
 *   index crl-number crl.pem               what was signed and what was revoked
 *
 * Keys have mode 0600. While a directory is open it is locked: who opens it next waits. Files
 * change whole, by rename. Blocks on the disk.
 */
#ifndef POSTERN_PKI_AUTHORITY_DIR_H
#define POSTERN_PKI_AUTHORITY_DIR_H

#include "pki/certificate.h"
#include "pki/key.h"
#include "pki/revocation.h"

struct pki_authority;
struct pki_authority_dir;

struct pki_authority_plan {
    const char *organization; /* 1 to PKI_ORGANIZATION_MAX bytes of printable UTF-8 */
    enum pki_key_type key_type;
    int64_t now_s, not_before_s, root_not_after_s, intermediate_not_after_s, next_update_s;
};
enum { PKI_ORGANIZATION_MAX = 48 }; /* " Intermediate" makes at most 64 of it */

/* Writes root, intermediate, empty index and list into dir, which exists and is empty; the caller
 * renames it to its place when all is written. */
int pki_authority_dir_make(const char *dir, const struct pki_authority_plan *plan,
                           struct fault *fault) __attribute__((warn_unused_result));

/* Needs the intermediate's key, not the root's. Owned; NULL with the reason in fault. */
struct pki_authority_dir *pki_authority_dir_open(const char *dir, struct fault *fault);
void pki_authority_dir_close(struct pki_authority_dir **dir);

/* The intermediate; borrowed. */
const struct pki_authority *pki_authority_dir_signer(const struct pki_authority_dir *dir);

/* Gives the intermediate a new certificate, and chain.pem with it; the old one stays as
 * intermediate.pem.old. root_key: the root's key file; NULL: root-key.pem. Leaves and lists that it
 * signed stay good: its key and name are the same. ERR_REFUSED when it would outlive the root. */
int pki_authority_dir_renew(const struct pki_authority_dir *dir, const char *root_key,
                            int64_t not_before_s, int64_t not_after_s, struct fault *fault)
    __attribute__((warn_unused_result));

/* Writes a new certificate into the index, durably: before it is given out, so that whatever is
 * out can be revoked. */
int pki_authority_dir_record(struct pki_authority_dir *dir,
                             const struct pki_certificate_facts *facts, struct fault *fault)
    __attribute__((warn_unused_result));
/* What the index says of a serial number: 0 and *revoked_s_out (0: it is good), or ERR_NOT_FOUND.
 */
int pki_authority_dir_look_up(const struct pki_authority_dir *dir, const char *serial,
                              int64_t *revoked_s_out) __attribute__((warn_unused_result));
/* Marks it in the index. ERR_NOT_FOUND: not of this authority; ERR_EXISTS: revoked before, with
 * the date. The list still has to be published. */
int pki_authority_dir_revoke(struct pki_authority_dir *dir, const char *serial,
                             enum pki_reason reason, int64_t now_s, struct fault *fault)
    __attribute__((warn_unused_result));
/* Makes crl.pem anew, with the next number. *count_out: certificates on it. */
int pki_authority_dir_publish(struct pki_authority_dir *dir, int64_t now_s, int64_t next_update_s,
                              size_t *count_out, struct fault *fault)
    __attribute__((warn_unused_result));

#endif
