/*
 * dane.c: reads TLSA records and says which of them can be used. Tests: test_pki_judge_dane.c,
 * fuzz_pki_dane.c.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"
#include "pki/dane_internal.h"

enum { HEADER_SIZE = 3, SHA256_SIZE = 32, SHA512_SIZE = 64 };

static bool is_certificate(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t crt = NULL;
    bool is_good = gnutls_x509_crt_init(&crt) == 0 &&
                   gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0;
    gnutls_x509_crt_deinit(crt);
    return is_good;
}

static bool is_key(const gnutls_datum_t *der)
{
    gnutls_pubkey_t key = NULL;
    bool is_good =
        gnutls_pubkey_init(&key) == 0 && gnutls_pubkey_import(key, der, GNUTLS_X509_FMT_DER) == 0;
    gnutls_pubkey_deinit(key);
    return is_good;
}

static bool has_good_data(const struct pki_dane_record *record)
{
    const gnutls_datum_t der = {(unsigned char *)(uintptr_t)record->data.ptr,
                                (unsigned)record->data.len};
    if (record->matching == DANE_MATCHING_SHA256)
        return record->data.len == SHA256_SIZE;
    if (record->matching == DANE_MATCHING_SHA512)
        return record->data.len == SHA512_SIZE;
    return record->matching == DANE_MATCHING_FULL && record->data.len > 0 &&
           (record->selector == DANE_SELECTOR_KEY ? is_key(&der) : is_certificate(&der));
}

/* RFC 7672 3.1.3: usages 0 and 1 mean authorities that servers of mail have not agreed on. */
static bool is_usable(const struct pki_dane_record *record)
{
    return (record->usage == DANE_USAGE_TA || record->usage == DANE_USAGE_EE) &&
           record->selector <= DANE_SELECTOR_KEY && has_good_data(record);
}

/* Whoever breaks SHA-256 gets nowhere while SHA-512 stands beside it. */
static bool is_outdone(const struct pki_dane *dane, const struct pki_dane_record *record)
{
    if (record->matching != DANE_MATCHING_SHA256)
        return false;
    for (size_t i = 0; i < dane->count; i++) {
        const struct pki_dane_record *other = &dane->records[i];
        if (other->is_usable && other->matching == DANE_MATCHING_SHA512 &&
            other->usage == record->usage && other->selector == record->selector)
            return true;
    }
    return false;
}

static void read_record(struct pki_dane_record *record, struct span rdata, char *bytes)
{
    memcpy(bytes, rdata.ptr, rdata.len);
    record->usage = (unsigned char)bytes[0];
    record->selector = (unsigned char)bytes[1];
    record->matching = (unsigned char)bytes[2];
    record->data = span_make(bytes + HEADER_SIZE, rdata.len - HEADER_SIZE);
    record->is_usable = is_usable(record);
}

/* Torn and endless ones stay out; that they were there is told by the count of the caller. */
static bool is_readable(struct span rdata)
{
    return rdata.len >= HEADER_SIZE && rdata.len <= PKI_DANE_RECORD_SIZE;
}

struct pki_dane *pki_dane_create(const struct span *rdata, size_t count)
{
    size_t len = 0;
    count = count < PKI_DANE_RECORDS_MAX ? count : PKI_DANE_RECORDS_MAX;
    for (size_t i = 0; i < count; i++)
        len += is_readable(rdata[i]) ? rdata[i].len : 0;
    struct pki_dane *dane = mem_zalloc(1, sizeof *dane + len);
    char *bytes = dane->bytes;
    dane->references = 1;
    for (size_t i = 0; i < count; i++) {
        if (!is_readable(rdata[i]))
            continue;
        read_record(&dane->records[dane->count++], rdata[i], bytes);
        bytes += rdata[i].len;
    }
    for (size_t i = 0; i < dane->count; i++) {
        dane->usable_count += dane->records[i].is_usable;
        dane->records[i].is_outdone = is_outdone(dane, &dane->records[i]);
    }
    return dane;
}

struct pki_dane *pki_dane_ref(struct pki_dane *dane)
{
    if (dane != NULL)
        dane->references++;
    return dane;
}

void pki_dane_unref(struct pki_dane **dane)
{
    struct pki_dane *gone = *dane;
    *dane = NULL;
    if (gone != NULL && --gone->references == 0)
        mem_free(gone);
}

size_t pki_dane_count(const struct pki_dane *dane)
{
    return dane->count;
}

size_t pki_dane_usable_count(const struct pki_dane *dane)
{
    return dane->usable_count;
}

const char *pki_dane_text(const struct pki_dane *dane, size_t index,
                          char text_out[PKI_DANE_TEXT_SIZE])
{
    require(index < dane->count);
    const struct pki_dane_record *record = &dane->records[index];
    size_t used = (size_t)snprintf(text_out, PKI_DANE_TEXT_SIZE, "%u %u %u ", record->usage,
                                   record->selector, record->matching);
    size_t shown = span_first(record->data, SHA512_SIZE).len;
    for (size_t i = 0; i < shown; i++)
        used += (size_t)snprintf(text_out + used, PKI_DANE_TEXT_SIZE - used, "%02x",
                                 (unsigned char)record->data.ptr[i]);
    if (shown < record->data.len)
        (void)snprintf(text_out + used, PKI_DANE_TEXT_SIZE - used, "...");
    return text_out;
}
