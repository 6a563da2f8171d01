/*
 * cert_print: certificates and what was found about them, on paper for a person: for postern cert
 * show and postern cert check, on files and on live servers alike. Plain ASCII; colour only where
 * the terminal wants it.
 */
#ifndef POSTERN_CLI_CERT_PRINT_H
#define POSTERN_CLI_CERT_PRINT_H

#include <stdio.h>

#include "pki/judge.h"

struct cert_print {
    FILE *to;
    bool has_colour;
    bool is_all_well; /* false from the first bad line on; true at the beginning */
    int64_t now_s;
};

/* Colour when to is a terminal that is not dumb, and NO_COLOR is not set. */
void cert_print_init(struct cert_print *print, FILE *to, int64_t now_s);

/* What each certificate of the chain (DER, as sent) says: names, dates with the days left, key,
 * fingerprints. findings NULL: not judged. Then the way from the leaf to the authority as a tree,
 * and what of the chain is not on it. */
void cert_print_chain(struct cert_print *print, const struct span *chain, size_t count,
                      const struct pki_findings *findings);
/* A line for each check, its mark first; what to do stands under a bad one. Also tells a wrong
 * order. */
void cert_print_findings(struct cert_print *print, const struct pki_findings *findings);
/* One more such line. verdict PKI_CHECK_GOOD, PKI_CHECK_NOT_DONE or anything bad. advice NULL: that
 * of the verdict. */
void cert_print_line(struct cert_print *print, enum pki_check verdict, const char *what,
                     const char *sentence, const char *advice);

#endif
