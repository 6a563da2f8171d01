/*
 * trace_cert: the messages that carry certificates, requests for them and staples (RFC 8446 4.3.2,
 * 4.4.2; RFC 5246 7.4.2, 7.4.4; RFC 6066 8). One field a certificate. What is wrong with a chain is
 * pki/judge.h's to say. Tests: tests/unit/test_tls_trace.c, tests/fuzz/fuzz_tls_trace.c.
 */
#include <arpa/inet.h>
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>
#include <time.h>

#include "tls/trace_internal.h"

enum {
    SANS_MAX = 16,       /* names of one certificate that are shown */
    NAME_MAX_LEN = 160,  /* of one name, before it is escaped */
    AUTHORITIES_MAX = 32 /* of a request that are named */
};

enum { VERSION_TLS13 = 0x0304 };

static gnutls_datum_t datum_of(struct span bytes)
{
    /* GnuTLS's type has no const; it only reads. */
    union {
        const char *ptr;
        unsigned char *bytes;
    } same = {.ptr = bytes.ptr};
    return (gnutls_datum_t){same.bytes, (unsigned)bytes.len};
}

/* Takes what GnuTLS allocated. */
static void put_datum(struct trace_note *note, int err, gnutls_datum_t *text)
{
    if (err != 0) {
        trace_put(note, "?");
        return;
    }
    struct span bytes = span_make((const char *)text->data, text->size);
    trace_put_escaped(note, span_first(bytes, NAME_MAX_LEN));
    gnutls_free(text->data);
}

static void put_time(struct trace_note *note, time_t when)
{
    struct tm parts;
    char text[32];
    if (gmtime_r(&when, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        memcpy(text, "?", 2);
    trace_put(note, text);
}

static void put_address(struct trace_note *note, struct span bytes)
{
    char text[INET6_ADDRSTRLEN];
    int family = bytes.len == 4 ? AF_INET : AF_INET6;
    bool is_address = bytes.len == 4 || bytes.len == 16;
    if (is_address && inet_ntop(family, bytes.ptr, text, sizeof text) != NULL)
        trace_put(note, text);
    else
        trace_put(note, "?");
}

static void put_san(struct trace_note *note, unsigned type, struct span name)
{
    switch (type) {
    case GNUTLS_SAN_DNSNAME:
        trace_put(note, " dns:");
        break;
    case GNUTLS_SAN_RFC822NAME:
        trace_put(note, " email:");
        break;
    case GNUTLS_SAN_IPADDRESS:
        trace_put(note, " ip:");
        put_address(note, name);
        return;
    default:
        trace_put(note, " other:");
        break;
    }
    trace_put_escaped(note, span_first(name, NAME_MAX_LEN));
}

static void put_sans(struct trace_note *note, gnutls_x509_crt_t crt)
{
    char name[NAME_MAX_LEN];
    unsigned type = 0;

    trace_put(note, "; names");
    for (unsigned i = 0; i < SANS_MAX; i++) {
        size_t size = sizeof name;
        int ret = gnutls_x509_crt_get_subject_alt_name2(crt, i, name, &size, &type, NULL);
        if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            trace_put(note, i == 0 ? " none" : "");
            return;
        }
        if (ret < 0)
            trace_put(note, " ?"); /* longer than a host's name may be, or not readable */
        else
            put_san(note, type, span_make(name, size));
    }
    trace_put(note, " ...");
}

static void put_key(struct trace_note *note, gnutls_x509_crt_t crt)
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
    const char *key = algorithm < 0 ? NULL : gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm);
    int signature = gnutls_x509_crt_get_signature_algorithm(crt);
    const char *signer =
        signature < 0 ? NULL : gnutls_sign_get_name((gnutls_sign_algorithm_t)signature);

    trace_printf(note, "; key %s %u bits; signed with %s", key != NULL ? key : "?", bits,
                 signer != NULL ? signer : "?");
}

static void put_parsed(struct trace_note *note, gnutls_x509_crt_t crt)
{
    gnutls_datum_t text = {NULL, 0};

    trace_put(note, "subject ");
    put_datum(note, gnutls_x509_crt_get_dn3(crt, &text, 0), &text);
    put_sans(note, crt);
    trace_put(note, "; issuer ");
    put_datum(note, gnutls_x509_crt_get_issuer_dn3(crt, &text, 0), &text);
    trace_put(note, "; not after ");
    put_time(note, gnutls_x509_crt_get_expiration_time(crt));
    put_key(note, crt);
}

static void put_certificate(struct trace_note *note, struct span der)
{
    gnutls_datum_t datum = datum_of(der);
    gnutls_x509_crt_t crt = NULL;

    if (gnutls_x509_crt_init(&crt) != 0) {
        trace_put(note, "not readable");
        return;
    }
    if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) == 0)
        put_parsed(note, crt);
    else
        trace_printf(note, "not readable, %zu bytes", der.len);
    gnutls_x509_crt_deinit(crt);
}

static void put_single(struct trace_note *note, gnutls_ocsp_resp_t response)
{
    static const char *const words[] = {"good", "revoked", "unknown"};
    unsigned status = 0;
    time_t from = -1, until = -1;

    if (gnutls_ocsp_resp_get_single(response, 0, NULL, NULL, NULL, NULL, &status, &from, &until,
                                    NULL, NULL) != 0) {
        trace_put(note, "holds no status");
        return;
    }
    trace_put(note, status < sizeof words / sizeof *words ? words[status] : "?");
    trace_put(note, "; as of ");
    put_time(note, from);
    if (until != (time_t)-1) {
        trace_put(note, ", until ");
        put_time(note, until);
    }
}

/* A CertificateStatus (RFC 6066 8): the same in a message and in an extension. */
static void put_staple(struct trace_note *note, struct span body)
{
    enum { OCSP = 1 };
    struct cursor cursor = cursor_of(body);
    unsigned type = cursor_number(&cursor, 1);
    struct span der = cursor_vector(&cursor, 3);
    gnutls_datum_t datum = datum_of(der);
    gnutls_ocsp_resp_t response = NULL;

    if (cursor.is_bad || type != OCSP) {
        trace_put(note, "not readable");
        note->is_malformed = true;
        return;
    }
    if (gnutls_ocsp_resp_init(&response) != 0)
        return;
    if (gnutls_ocsp_resp_import(response, &datum) == 0)
        put_single(note, response);
    else
        trace_printf(note, "not readable, %zu bytes", der.len);
    gnutls_ocsp_resp_deinit(response);
}

static const char *const certificate_fields[TRACE_CERTS_MAX] = {
    "certificate 0", "certificate 1", "certificate 2", "certificate 3", "certificate 4",
    "certificate 5", "certificate 6", "certificate 7", "certificate 8", "certificate 9"};

static const char *const staple_fields[TRACE_CERTS_MAX] = {
    "staple 0", "staple 1", "staple 2", "staple 3", "staple 4",
    "staple 5", "staple 6", "staple 7", "staple 8", "staple 9"};

static void put_entry_extensions(struct trace_note *note, size_t index, struct span list)
{
    struct span body;

    if (!trace_find_extension(list, TRACE_EXT_STATUS_REQUEST, &body))
        return;
    trace_field(note, staple_fields[index]);
    put_staple(note, body);
}

/* TLS 1.3 puts a context before the list and extensions behind each entry. */
void trace_certificate(struct trace_note *note, const struct trace_state *state, struct span body)
{
    bool is_13 = state->version == VERSION_TLS13;
    struct cursor cursor = cursor_of(body);
    if (is_13)
        (void)cursor_vector(&cursor, 1);
    struct cursor list = cursor_of(cursor_vector(&cursor, 3));
    size_t count = 0;

    for (; cursor_has_more(&list); count++) {
        struct span der = cursor_vector(&list, 3);
        struct span extensions = is_13 ? cursor_vector(&list, 2) : span_first(body, 0);
        if (list.is_bad || count >= TRACE_CERTS_MAX)
            continue;
        trace_field(note, certificate_fields[count]);
        put_certificate(note, der);
        put_entry_extensions(note, count, extensions);
    }
    trace_field(note, "certificates");
    trace_printf(note, "%zu", count);
    note->is_cut = note->is_cut || count > TRACE_CERTS_MAX;
    note->is_malformed = note->is_malformed || cursor.is_bad || list.is_bad || cursor.rest.len > 0;
}

void trace_certificate_status(struct trace_note *note, struct span body)
{
    trace_field(note, "staple 0");
    put_staple(note, body);
}

void trace_authorities(struct trace_note *note, struct span list)
{
    struct cursor names = cursor_of(list);
    size_t count = 0;

    for (; cursor_has_more(&names); count++) {
        struct span der = cursor_vector(&names, 2);
        gnutls_datum_t datum = datum_of(der), text = {NULL, 0};
        if (names.is_bad || count >= AUTHORITIES_MAX)
            continue;
        trace_put(note, count == 0 ? "" : " | ");
        put_datum(note, gnutls_x509_rdn_get2(&datum, &text, 0), &text);
    }
    if (count > AUTHORITIES_MAX)
        trace_printf(note, " | %zu more", count - AUTHORITIES_MAX);
    if (count == 0)
        trace_put(note, "any");
    note->is_malformed = note->is_malformed || names.is_bad;
}

static void put_request_types(struct trace_note *note, struct span types)
{
    trace_field(note, "certificate types");
    for (size_t i = 0; i < types.len && i < TRACE_LIST_MAX; i++) {
        unsigned type = (unsigned char)types.ptr[i];
        const char *name = type == 1    ? "rsa_sign"
                           : type == 2  ? "dss_sign"
                           : type == 64 ? "ecdsa_sign"
                                        : NULL;
        trace_next(note);
        if (name != NULL)
            trace_put(note, name);
        else
            trace_printf(note, "%u", type);
    }
}

void trace_certificate_request(struct trace_note *note, const struct trace_state *state,
                               struct span body)
{
    struct cursor cursor = cursor_of(body);
    struct span first = cursor_vector(&cursor, 1);

    if (state->version == VERSION_TLS13) {
        trace_extensions(note, cursor_vector(&cursor, 2), TRACE_IN_OTHER);
    } else {
        put_request_types(note, first);
        trace_field(note, "signature schemes");
        trace_put_list(note, TRACE_SIGNATURE, cursor_vector(&cursor, 2));
        trace_field(note, "authorities");
        trace_authorities(note, cursor_vector(&cursor, 2));
    }
    note->is_malformed = note->is_malformed || cursor.is_bad || cursor.rest.len > 0;
}
