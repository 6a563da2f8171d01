/*
 * index: the register of what an authority has signed, a text that people can read:
 *
 *   # serial state not-after revoked reason names "subject"
 *   4f0c...  good     2027-01-14T08:00:00Z  -                     -              mx.example.org
 * "CN=mx.example.org"
 *
 * In memory it is a list in the order of the file. Nothing here reads or writes files.
 */
#ifndef POSTERN_PKI_INDEX_H
#define POSTERN_PKI_INDEX_H

#include "base/buf.h"
#include "base/err.h"
#include "pki/certificate.h"
#include "pki/revocation.h"

struct pki_index_entry {
    char serial[PKI_SERIAL_SIZE];
    int64_t not_after_s;
    int64_t revoked_s; /* 0: it is not revoked */
    enum pki_reason reason;
    char *names;   /* joined by commas, "-" for none */
    char *subject; /* escaped */
};

struct pki_index {
    struct pki_index_entry *entries; /* read-only for users */
    size_t count, capacity;
};

/* ERR_CORRUPT with the line's number when a line is not as above; the index is then empty. */
int pki_index_parse(struct span text, struct pki_index *index_out, struct fault *fault)
    __attribute__((warn_unused_result));
void pki_index_deinit(struct pki_index *index);
/* Appends the whole text. */
void pki_index_print(const struct pki_index *index, struct buf *text_out);

void pki_index_add(struct pki_index *index, const struct pki_certificate_facts *facts);
/* serial: lower-case hexadecimal. NULL when it is not there. Valid until something is added. */
struct pki_index_entry *pki_index_find(const struct pki_index *index, const char *serial);

#endif
