/* dane_internal: TLSA records as fields, for dane.c and judge_dane.c only. */
#ifndef POSTERN_PKI_DANE_INTERNAL_H
#define POSTERN_PKI_DANE_INTERNAL_H

#include "pki/dane.h"

enum pki_dane_usage { DANE_USAGE_TA = 2, DANE_USAGE_EE = 3 };
enum pki_dane_selector { DANE_SELECTOR_CERTIFICATE = 0, DANE_SELECTOR_KEY = 1 };
enum pki_dane_matching {
    DANE_MATCHING_FULL = 0,
    DANE_MATCHING_SHA256 = 1,
    DANE_MATCHING_SHA512 = 2
};

struct pki_dane_record {
    unsigned char usage, selector, matching; /* as sent */
    bool is_usable;
    bool is_outdone; /* there is one of the same kind with a stronger digest (RFC 7671 9) */
    struct span data;
};

struct pki_dane {
    unsigned references;
    size_t count, usable_count;
    struct pki_dane_record records[PKI_DANE_RECORDS_MAX];
    char bytes[]; /* what their data points into */
};

#endif
