/*
 * verify: the verdict on a server's certificate in a client session, in words that say what is
 * wrong. GnuTLS checks signatures, constraints, purpose and key sizes; what it leaves out or does
 * not tell apart (FACTS 2) is done here: dates by our clock, names by RFC 9525 (subject alternative
 * names only), and why no authority was found. Tests: test_tls_verify.c.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/codec.h"
#include "crypto/digest.h"
#include "tls/tls_internal.h"

enum {
    PATH_MAX_LEN = 16,   /* certificates of a peer that are looked at: GnuTLS's own limit */
    SAN_COUNT_MAX = 1000 /* names of a certificate that are looked at; large ones have some 100 */
};

int tls_trust_load(const struct settings_tls *settings, struct pki_trust **trust_out,
                   struct fault *fault)
{
    bool is_empty = false;

    *trust_out = pki_trust_create(settings->trusted, settings->revocations, &is_empty, fault);
    if (*trust_out == NULL)
        return fault_wrap(fault, "tls.trusted and tls.revocations");
    return 0;
}

/* What the peer sent, and how far it leads: path_len certificates from the leaf on, each issued by
 * the next in order. */
struct peer_chain {
    gnutls_x509_crt_t crts[PATH_MAX_LEN];
    unsigned count;
};

static void chain_deinit(struct peer_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++)
        gnutls_x509_crt_deinit(chain->crts[i]);
    chain->count = 0;
}

static int chain_import(struct peer_chain *chain, const gnutls_datum_t *ders, unsigned count)
{
    for (unsigned i = 0; i < count && i < PATH_MAX_LEN; i++) {
        if (gnutls_x509_crt_init(&chain->crts[i]) != GNUTLS_E_SUCCESS)
            return ERR_TLS;
        chain->count++;
        if (gnutls_x509_crt_import(chain->crts[i], &ders[i], GNUTLS_X509_FMT_DER) != 0)
            return ERR_SYNTAX;
    }
    return 0;
}

static void detail(struct tls_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void detail(struct tls_session *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(session->facts.check_detail, sizeof session->facts.check_detail, format, args);
    va_end(args);
}

static void name_text(int (*get)(gnutls_x509_crt_t, char *, size_t *), gnutls_x509_crt_t crt,
                      char out[160])
{
    char name[512];
    size_t len = sizeof name;

    if (get(crt, name, &len) != GNUTLS_E_SUCCESS)
        len = 0;
    codec_escape(span_make(name, strnlen(name, len)), out, 160);
}

static void date_text(time_t when, char out[32])
{
    struct tm tm;

    (void)gmtime_r(&when, &tm);
    (void)strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

/* --- names, RFC 9525 6.3 and 6.4 --- */

static bool dns_name_matches(struct span san, struct span name)
{
    if (span_equal_nocase(san, name))
        return true;
    /* "*" only as the whole left-most label, standing for exactly one label, above at least two. */
    if (san.len < 3 || san.ptr[0] != '*' || san.ptr[1] != '.')
        return false;
    struct span rest = span_from(san, 2);
    ptrdiff_t dot = span_find_byte(name, 0, '.');
    return dot > 0 && span_find_byte(rest, 0, '.') > 0 &&
           span_equal_nocase(rest, span_from(name, (size_t)dot + 1));
}

/* The name to look for: a DNS name without its final dot, or an address as SAN bytes. */
struct wanted_name {
    struct span dns;
    unsigned char address[16];
    size_t address_len; /* 0: a DNS name */
};

static struct wanted_name wanted_name(const char *name)
{
    struct wanted_name wanted = {.dns = span_of(name)};

    if (inet_pton(AF_INET, name, wanted.address) == 1)
        wanted.address_len = 4;
    else if (inet_pton(AF_INET6, name, wanted.address) == 1)
        wanted.address_len = 16;
    else if (wanted.dns.len > 0 && wanted.dns.ptr[wanted.dns.len - 1] == '.')
        wanted.dns.len--;
    return wanted;
}

static bool san_matches(unsigned type, struct span san, const struct wanted_name *wanted)
{
    if (type == GNUTLS_SAN_IPADDRESS)
        return wanted->address_len != 0 && san.len == wanted->address_len &&
               memcmp(san.ptr, wanted->address, san.len) == 0;
    return type == GNUTLS_SAN_DNSNAME && wanted->address_len == 0 && wanted->dns.len > 0 &&
           dns_name_matches(san, wanted->dns);
}

bool tls_verify_name(gnutls_x509_crt_t crt, const char *name, unsigned *name_count_out)
{
    const struct wanted_name wanted = wanted_name(name);

    *name_count_out = 0;
    for (unsigned i = 0; i < SAN_COUNT_MAX; i++) {
        char san[512];
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, san, &len, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue; /* longer than any DNS name */
        if (type < 0)
            break;
        if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_IPADDRESS)
            ++*name_count_out;
        if (san_matches((unsigned)type, span_make(san, len), &wanted))
            return true;
    }
    return false;
}

/* The first names of the certificate, for the sentence. */
static void san_list_text(gnutls_x509_crt_t crt, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < 4; i++) {
        char san[256], text[INET6_ADDRSTRLEN > 100 ? INET6_ADDRSTRLEN : 100];
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, san, &len, NULL);
        if (type < 0)
            break;
        if (type == GNUTLS_SAN_DNSNAME)
            codec_escape(span_make(san, len), text, sizeof text);
        else if (type != GNUTLS_SAN_IPADDRESS ||
                 inet_ntop(len == 4 ? AF_INET : AF_INET6, san, text, sizeof text) == NULL)
            continue;
        int added = snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", text);
        if (added < 0 || (size_t)added >= size - used)
            break;
        used += (size_t)added;
    }
}

static enum pki_check check_name(struct tls_session *session, gnutls_x509_crt_t leaf)
{
    char names[160], wanted[80];
    unsigned count = 0;

    if (session->server_name == NULL || tls_verify_name(leaf, session->server_name, &count))
        return PKI_CHECK_GOOD;
    codec_escape(span_of(session->server_name), wanted, sizeof wanted);
    if (count == 0) {
        detail(session, "it must name %s there; a common name alone does not count", wanted);
        return PKI_CHECK_NO_SAN;
    }
    san_list_text(leaf, names, sizeof names);
    detail(session, "wanted %s, it names %s", wanted, names);
    return PKI_CHECK_WRONG_NAME;
}

/* --- dates --- */

static bool is_in_date(gnutls_x509_crt_t crt, int64_t now_s)
{
    return now_s >= (int64_t)gnutls_x509_crt_get_activation_time(crt) &&
           now_s <= (int64_t)gnutls_x509_crt_get_expiration_time(crt);
}

static enum pki_check check_dates(struct tls_session *session, gnutls_x509_crt_t crt, int64_t now_s)
{
    time_t from = gnutls_x509_crt_get_activation_time(crt);
    time_t until = gnutls_x509_crt_get_expiration_time(crt);
    char subject[160], date[32];

    if (is_in_date(crt, now_s))
        return PKI_CHECK_GOOD;
    bool is_early = now_s < (int64_t)from;
    date_text(is_early ? from : until, date);
    name_text(gnutls_x509_crt_get_dn, crt, subject);
    detail(session, "%s %s (%s)", is_early ? "valid from" : "valid until", date, subject);
    return is_early ? PKI_CHECK_NOT_YET_VALID : PKI_CHECK_EXPIRED;
}

/* The certificate sent that issued crt, or NULL. Servers send them out of order, and a renewed one
 * beside the old: one that is in date goes first, as GnuTLS's own search has it. */
static gnutls_x509_crt_t issuer_in_chain(const struct peer_chain *chain, gnutls_x509_crt_t crt,
                                         int64_t now_s)
{
    gnutls_x509_crt_t found = NULL;

    for (unsigned i = 0; i < chain->count; i++) {
        gnutls_x509_crt_t other = chain->crts[i];
        if (other == crt || gnutls_x509_crt_check_issuer(crt, other) == 0)
            continue;
        if (is_in_date(other, now_s))
            return other;
        if (found == NULL)
            found = other;
    }
    return found;
}

/* Along the path that leads to a trusted authority, and no further: an expired cross-certificate
 * that nobody needs does no harm. The authority's own dates do not count (RFC 5280 6.1.1). */
static enum pki_check check_path_dates(struct tls_session *session, const struct peer_chain *chain)
{
    gnutls_x509_trust_list_t trusted = NULL;
    gnutls_x509_crt_t crt = chain->crts[0], issuer = NULL;
    int64_t now_s = clock_wall_s(session->generation->clock);

    gnutls_certificate_get_trust_list(session->generation->client, &trusted);
    for (unsigned i = 0; i < chain->count && crt != NULL; i++) {
        enum pki_check check = check_dates(session, crt, now_s);
        if (check != PKI_CHECK_GOOD)
            return check;
        if (gnutls_x509_trust_list_get_issuer(trusted, crt, &issuer, 0) == 0)
            break;
        crt = issuer_in_chain(chain, crt, now_s);
    }
    return PKI_CHECK_GOOD;
}

/* --- why there is no authority --- */

/* Whether a trusted authority bears the same organisation as the issuer of crt. */
static bool organisation_is_trusted(gnutls_x509_trust_list_t trusted, gnutls_x509_crt_t crt)
{
    gnutls_x509_trust_list_iter_t iter = NULL;
    gnutls_x509_crt_t root = NULL;
    char wanted[128], has[128];
    size_t wanted_len = sizeof wanted;
    bool is_found = false;

    if (gnutls_x509_crt_get_issuer_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0, wanted,
                                             &wanted_len) != 0)
        return false;
    while (gnutls_x509_trust_list_iter_get_ca(trusted, &iter, &root) == 0) {
        size_t len = sizeof has;
        is_found =
            is_found || (gnutls_x509_crt_get_dn_by_oid(root, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
                                                       0, has, &len) == 0 &&
                         span_equal(span_make(has, len), span_make(wanted, wanted_len)));
        gnutls_x509_crt_deinit(root);
    }
    return is_found;
}

static bool has_issuer_address(gnutls_x509_crt_t crt)
{
    gnutls_datum_t url = {NULL, 0};
    int ret =
        gnutls_x509_crt_get_authority_info_access(crt, 0, GNUTLS_IA_CAISSUERS_URI, &url, NULL);

    if (ret >= 0)
        gnutls_free(url.data);
    return ret >= 0;
}

/* GnuTLS says "signer not found" for a self-signed certificate, a foreign authority and a chain
 * with a hole alike. A hole is likely where the last certificate sent is not an authority's own
 * and either its issuer belongs to a trusted organisation, or the server sent its leaf alone while
 * that says where its intermediate can be fetched, as those of public authorities do. */
static enum pki_check check_authority(struct tls_session *session, const struct peer_chain *chain)
{
    gnutls_x509_trust_list_t trusted = NULL;
    char issuer[160];
    unsigned last = 0;

    gnutls_certificate_get_trust_list(session->generation->client, &trusted);
    while (last + 1 < chain->count &&
           gnutls_x509_crt_check_issuer(chain->crts[last], chain->crts[last + 1]) != 0)
        last++;
    gnutls_x509_crt_t top = chain->crts[last];
    name_text(gnutls_x509_crt_get_issuer_dn, top, issuer);
    detail(session, "issued by %s", issuer);
    if (gnutls_x509_crt_check_issuer(top, top) != 0)
        return last == 0 ? PKI_CHECK_SELF_SIGNED : PKI_CHECK_UNKNOWN_AUTHORITY;
    if (organisation_is_trusted(trusted, top) || (last == 0 && has_issuer_address(top)))
        return PKI_CHECK_MISSING_INTERMEDIATE;
    return PKI_CHECK_UNKNOWN_AUTHORITY;
}

/* --- all of it --- */

/* Bits of GnuTLS's status, gravest first. */
static const struct status_row {
    unsigned bits;
    enum pki_check check;
} status_rows[] = {
    {GNUTLS_CERT_REVOKED, PKI_CHECK_REVOKED},
    {GNUTLS_CERT_INSECURE_ALGORITHM, PKI_CHECK_WEAK},
    {GNUTLS_CERT_PURPOSE_MISMATCH, PKI_CHECK_WRONG_PURPOSE},
    {GNUTLS_CERT_MISSING_OCSP_STATUS, PKI_CHECK_MISSING_STAPLE},
};

static enum pki_check check_status(struct tls_session *session, unsigned status)
{
    gnutls_datum_t text = {NULL, 0};

    for (size_t i = 0; i < sizeof status_rows / sizeof *status_rows; i++)
        if ((status & status_rows[i].bits) != 0)
            return status_rows[i].check;
    if (status == 0)
        return PKI_CHECK_GOOD;
    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) == 0) {
        codec_escape(span_make((const char *)text.data, strlen((const char *)text.data)),
                     session->facts.check_detail, sizeof session->facts.check_detail);
        gnutls_free(text.data);
    }
    return PKI_CHECK_OTHER;
}

static enum pki_check check_chain(struct tls_session *session, const struct peer_chain *chain)
{
    char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_typed_vdata_st data;
    unsigned status = 0;

    data.type = GNUTLS_DT_KEY_PURPOSE_OID;
    data.data = (unsigned char *)purpose;
    data.size = 0; /* NUL-terminated */
    int ret = gnutls_certificate_verify_peers(session->gnutls, &data, 1, &status);
    if (ret != GNUTLS_E_SUCCESS) {
        detail(session, "%s", gnutls_strerror(ret));
        return PKI_CHECK_OTHER;
    }
    if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
        return check_authority(session, chain);
    enum pki_check check = check_path_dates(session, chain);
    if (check == PKI_CHECK_GOOD)
        check = check_status(session, status);
    if (check == PKI_CHECK_GOOD)
        check = check_name(session, chain->crts[0]);
    return check;
}

static enum pki_check check_peer(struct tls_session *session, const gnutls_datum_t *ders,
                                 unsigned count)
{
    struct peer_chain chain = {.count = 0};
    enum pki_check check = PKI_CHECK_OTHER;

    if (chain_import(&chain, ders, count) == 0)
        check = check_chain(session, &chain);
    else
        detail(session, "it cannot be parsed");
    chain_deinit(&chain);
    return check;
}

static void verify(struct tls_session *session, const gnutls_datum_t *ders, unsigned count)
{
    struct tls_facts *facts = &session->facts;

    session->has_verdict = true;
    facts->check = PKI_CHECK_NONE;
    if (count > 0) {
        digest_sha256(span_make((const char *)ders[0].data, ders[0].size), facts->peer_fingerprint);
        facts->has_peer_fingerprint = true;
        facts->check = check_peer(session, ders, count);
    }
    tls_trace(session, TAP_CHECK, (int)facts->check, span_of(pki_check_sentence(facts->check)));
}

/* Returning GNUTLS_E_AGAIN pauses the handshake; GnuTLS does not document it, so a test pins it. */
int tls_verify_on_certificate(gnutls_session_t gnutls)
{
    struct tls_session *session = gnutls_session_get_ptr(gnutls);
    unsigned count = 0;
    const gnutls_datum_t *ders = gnutls_certificate_get_peers(gnutls, &count);

    if (ders == NULL)
        count = 0;
    if (!session->has_verdict)
        verify(session, ders, count);
    session->is_waiting = false;
    if (session->judge.judge != NULL && count > 0) {
        struct span der = span_make((const char *)ders[0].data, ders[0].size);
        int err = session->judge.judge(session->judge.owner, der, &session->facts.check);
        session->is_waiting = err == ERR_AGAIN;
        if (err != 0)
            return session->is_waiting ? GNUTLS_E_AGAIN : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
    }
    if (session->verify == TLS_VERIFY_REQUIRED && session->facts.check != PKI_CHECK_GOOD)
        return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
    return 0;
}

/* RFC 8446 6.2. */
gnutls_alert_description_t tls_verify_alert(enum pki_check check)
{
    static const unsigned char alerts[] = {
        [PKI_CHECK_UNKNOWN_AUTHORITY] = GNUTLS_A_UNKNOWN_CA,
        [PKI_CHECK_MISSING_INTERMEDIATE] = GNUTLS_A_UNKNOWN_CA,
        [PKI_CHECK_SELF_SIGNED] = GNUTLS_A_UNKNOWN_CA,
        [PKI_CHECK_EXPIRED] = GNUTLS_A_CERTIFICATE_EXPIRED,
        [PKI_CHECK_NOT_YET_VALID] = GNUTLS_A_CERTIFICATE_EXPIRED,
        [PKI_CHECK_REVOKED] = GNUTLS_A_CERTIFICATE_REVOKED,
        [PKI_CHECK_WRONG_PURPOSE] = GNUTLS_A_UNSUPPORTED_CERTIFICATE,
        [PKI_CHECK_OTHER] = 0,
    };
    unsigned char alert = (size_t)check < sizeof alerts ? alerts[check] : 0;

    return alert != 0 ? (gnutls_alert_description_t)alert : GNUTLS_A_BAD_CERTIFICATE;
}
