/*
 * trust: reads the authorities that are believed and the lists of what they revoked. What follows
 * from them is judge.c's and the files beside it. Tests: test_pki_chain.c, test_pki_revocation.c.
 */
#include "pki/trust.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/require.h"
#include "pki/judge_internal.h"

enum {
    TRUST_SIZE_MAX = 16 * 1024 * 1024,
    REVOCATIONS_SIZE_MAX = 64 * 1024 * 1024, /* the largest public lists have some 10 MiB */
    AUTHORITIES_MAX = 10000                  /* the system's bundle has 150 */
};

/* --- serial numbers --- */

int pki_serial_compare(const void *a, const void *b)
{
    const struct pki_serial *one = a, *other = b;

    if (one->len != other->len)
        return one->len < other->len ? -1 : 1;
    return memcmp(one->bytes, other->bytes, one->len);
}

/* Signed numbers begin with a zero byte where the first bit is set; writers differ about it. */
static bool serial_set(const unsigned char *bytes, size_t len, struct pki_serial *serial_out)
{
    *serial_out = (struct pki_serial){.len = 0};
    while (len > 0 && bytes[0] == 0) {
        bytes++;
        len--;
    }
    if (len > sizeof serial_out->bytes)
        return false;
    memcpy(serial_out->bytes, bytes, len);
    serial_out->len = (unsigned char)len;
    return true;
}

bool pki_serial_of(gnutls_x509_crt_t crt, struct pki_serial *serial_out)
{
    unsigned char bytes[64];
    size_t len = sizeof bytes;

    return gnutls_x509_crt_get_serial(crt, bytes, &len) == GNUTLS_E_SUCCESS &&
           serial_set(bytes, len, serial_out);
}

/* --- authorities --- */

static int mark_compare(const void *a, const void *b)
{
    return memcmp(a, b, PKI_MARK_SIZE);
}

static bool mark_of(gnutls_x509_crt_t crt, unsigned char mark_out[PKI_MARK_SIZE])
{
    size_t len = PKI_MARK_SIZE;

    return gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, mark_out, &len) == 0 &&
           len == PKI_MARK_SIZE;
}

/* GnuTLS finds a certificate of the list by its name, and of several of one name the first. */
static void marks_read(struct pki_trust *trust, const gnutls_x509_crt_t *crts, unsigned count)
{
    trust->marks = mem_zalloc(count, sizeof *trust->marks);
    for (unsigned i = 0; i < count; i++)
        trust->mark_count += mark_of(crts[i], trust->marks[trust->mark_count]);
    qsort(trust->marks, trust->mark_count, sizeof *trust->marks, mark_compare);
}

bool pki_trust_has(const struct pki_trust *trust, gnutls_x509_crt_t crt)
{
    unsigned char mark[PKI_MARK_SIZE];

    return trust->mark_count > 0 && mark_of(crt, mark) &&
           bsearch(mark, trust->marks, trust->mark_count, sizeof mark, mark_compare) != NULL;
}

static int authorities_import(struct pki_trust *trust, const char *file, const gnutls_datum_t *pem,
                              struct fault *fault)
{
    gnutls_x509_crt_t *crts = NULL;
    unsigned count = 0;
    int ret = gnutls_x509_crt_list_import2(&crts, &count, pem, GNUTLS_X509_FMT_PEM, 0);

    if (ret >= 0 && count > 0 && count <= AUTHORITIES_MAX) {
        marks_read(trust, crts, count);
        /* The list owns the certificates now; a double is freed by it. */
        ret = gnutls_x509_trust_list_add_cas(trust->list, crts, count, GNUTLS_TL_NO_DUPLICATES);
        gnutls_free(crts);
        if (ret > 0)
            return 0;
        return fault_set(fault, ERR_CONFIG, "could not use the authorities in %s: %s; replace it",
                         file, gnutls_strerror(ret));
    }
    for (unsigned i = 0; ret >= 0 && i < count; i++)
        gnutls_x509_crt_deinit(crts[i]);
    if (ret >= 0)
        gnutls_free(crts);
    return fault_set(fault, ERR_CONFIG,
                     "could not read authorities from %s: %s; it must hold their certificates in "
                     "PEM",
                     file,
                     ret < 0      ? gnutls_strerror(ret)
                     : count == 0 ? "there is none in it"
                                  : "there are more than 10000 in it");
}

static int authorities_load(struct pki_trust *trust, const char *authorities, bool *is_empty_out,
                            struct fault *fault)
{
    const char *file = authorities[0] != '\0' ? authorities : PKI_SYSTEM_AUTHORITIES;
    char *pem = NULL;
    size_t len = 0;

    *is_empty_out = authorities[0] == '\0' && access(file, F_OK) != 0;
    if (*is_empty_out)
        return 0;
    int err = file_read_all(file, TRUST_SIZE_MAX, &pem, &len, fault);
    if (err != 0)
        return err;
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    err = authorities_import(trust, file, &datum, fault);
    mem_free(pem);
    return err;
}

/* --- revocations --- */

static int serials_read(struct pki_revocations *list)
{
    gnutls_x509_crl_iter_t iter = NULL;
    int count = gnutls_x509_crl_get_crt_count(list->crl), ret = 0;

    if (count < 0)
        return count;
    list->serials = mem_zalloc((size_t)count + 1, sizeof *list->serials);
    while (list->count < (size_t)count) {
        unsigned char bytes[64];
        size_t len = sizeof bytes;
        ret = gnutls_x509_crl_iter_crt_serial(list->crl, &iter, bytes, &len, NULL);
        if (ret == GNUTLS_E_SHORT_MEMORY_BUFFER) {
            ret = GNUTLS_E_PARSING_ERROR; /* it would be asked for again and again */
            break;
        }
        if (ret < 0)
            break;
        list->count += serial_set(bytes, len, &list->serials[list->count]);
    }
    if (iter != NULL)
        gnutls_x509_crl_iter_deinit(iter);
    qsort(list->serials, list->count, sizeof *list->serials, pki_serial_compare);
    return ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? 0 : ret;
}

static int revocations_import(struct pki_trust *trust, const gnutls_datum_t *pem)
{
    gnutls_x509_crl_t *crls = NULL;
    unsigned count = 0;
    int ret = gnutls_x509_crl_list_import2(&crls, &count, pem, GNUTLS_X509_FMT_PEM, 0);

    if (ret < 0)
        return ret;
    trust->lists = mem_zalloc((size_t)count + 1, sizeof *trust->lists);
    trust->list_count = count;
    for (unsigned i = 0; i < count; i++)
        trust->lists[i].crl = crls[i];
    gnutls_free(crls);
    ret = count == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : 0;
    for (unsigned i = 0; ret == 0 && i < count; i++)
        ret = serials_read(&trust->lists[i]);
    return ret;
}

static int revocations_load(struct pki_trust *trust, const char *file, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;

    if (file[0] == '\0')
        return 0;
    int err = file_read_all(file, REVOCATIONS_SIZE_MAX, &pem, &len, fault);
    if (err != 0)
        return err;
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    int ret = revocations_import(trust, &datum);
    mem_free(pem);
    if (ret == 0)
        return 0;
    return fault_set(
        fault, ERR_CONFIG,
        "could not read revocation lists from %s: %s; it must hold them in PEM "
        "(-----BEGIN X509 CRL-----)",
        file, ret == GNUTLS_E_NO_CERTIFICATE_FOUND ? "there is none in it" : gnutls_strerror(ret));
}

/* --- life --- */

struct pki_trust *pki_trust_create(const char *authorities, const char *revocations,
                                   bool *is_empty_out, struct fault *fault)
{
    struct pki_trust *trust = mem_new(struct pki_trust);

    if (gnutls_x509_trust_list_init(&trust->list, 0) != GNUTLS_E_SUCCESS) {
        mem_free(trust);
        (void)fault_set(fault, ERR_TLS, "could not make a list of authorities; restart");
        return NULL;
    }
    int err = authorities_load(trust, authorities, is_empty_out, fault);
    if (err == 0)
        err = revocations_load(trust, revocations, fault);
    if (err != 0)
        pki_trust_free(&trust);
    return trust;
}

struct pki_trust *pki_trust_of(const struct span *ders, size_t count, const struct pki_trust *lists)
{
    struct pki_trust *trust = mem_new(struct pki_trust);

    require(gnutls_x509_trust_list_init(&trust->list, 0) == GNUTLS_E_SUCCESS);
    trust->marks = mem_zalloc(count, sizeof *trust->marks);
    for (size_t i = 0; i < count; i++) {
        gnutls_x509_crt_t crt = NULL;
        const gnutls_datum_t der = {(unsigned char *)(uintptr_t)ders[i].ptr, (unsigned)ders[i].len};
        if (gnutls_x509_crt_init(&crt) != 0)
            continue;
        bool is_good = gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) == 0;
        if (is_good)
            trust->mark_count += mark_of(crt, trust->marks[trust->mark_count]);
        /* The list owns it then. Doubles do no harm; told to look for them, it would free one. */
        if (!is_good || gnutls_x509_trust_list_add_cas(trust->list, &crt, 1, 0) <= 0)
            gnutls_x509_crt_deinit(crt);
    }
    qsort(trust->marks, trust->mark_count, sizeof *trust->marks, mark_compare);
    if (lists != NULL) {
        trust->lists = lists->lists;
        trust->list_count = lists->list_count;
    }
    return trust;
}

void pki_trust_of_free(struct pki_trust **trust)
{
    (*trust)->lists = NULL;
    (*trust)->list_count = 0;
    pki_trust_free(trust);
}

void pki_trust_free(struct pki_trust **trust)
{
    struct pki_trust *gone = *trust;

    *trust = NULL;
    if (gone == NULL)
        return;
    gnutls_x509_trust_list_deinit(gone->list, 1);
    for (size_t i = 0; i < gone->list_count; i++) {
        gnutls_x509_crl_deinit(gone->lists[i].crl);
        mem_free(gone->lists[i].serials);
    }
    mem_free(gone->lists);
    mem_free(gone->marks);
    mem_free(gone);
}
