/* ocsp_mint: see the header. Each element is written from inside out: a buffer becomes the content
 * of the one around it. */
#include "tests/fake/ocsp_mint.h"

#include <gnutls/crypto.h>
#include <time.h>

#include "base/require.h"

enum {
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_ENUM = 0x0a,
    DER_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_OURS = 0xa0 /* [0], constructed */
};

/* AlgorithmIdentifiers and the OID of a basic response. */
static const char sha1_id[] = "\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05";
static const char ecdsa_sha256_id[] = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
static const char basic_oid[] = "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01";

static void put(struct buf *out, unsigned tag, struct span content)
{
    buf_put_byte(out, (char)tag);
    if (content.len >= 128) {
        buf_put_byte(out, (char)0x82);
        buf_put_byte(out, (char)(content.len >> 8));
    }
    buf_put_byte(out, (char)content.len);
    buf_put(out, content);
}

/* What is in out becomes the content of one element. */
static void wrap(struct buf *out, unsigned tag)
{
    struct buf inner = *out;

    buf_init(out, 0);
    put(out, tag, buf_span(&inner));
    buf_release(&inner);
}

static void put_buf(struct buf *out, struct buf *part)
{
    buf_put(out, buf_span(part));
    buf_release(part);
}

static void put_time(struct buf *out, int64_t when_s)
{
    time_t when = (time_t)when_s;
    struct tm tm;
    char text[32];

    (void)gmtime_r(&when, &tm);
    (void)strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
    put(out, DER_TIME, span_of(text));
}

static void put_sha1(struct buf *out, struct span bytes)
{
    char hash[20];

    require(gnutls_hash_fast(GNUTLS_DIG_SHA1, bytes.ptr, bytes.len, hash) == 0);
    put(out, DER_OCTETS, span_make(hash, sizeof hash));
}

/* The bytes of the BIT STRING in the certificate's key: an uncompressed point. */
static void put_key_hash(struct buf *out, gnutls_x509_crt_t crt)
{
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x, y;
    char point[65] = {4};

    require(gnutls_x509_crt_get_pk_ecc_raw(crt, &curve, &x, &y) == 0);
    require(curve == GNUTLS_ECC_CURVE_SECP256R1);
    for (unsigned i = 0; i < 32; i++) {
        point[1 + i] = (char)x.data[x.size - 32 + i];
        point[33 + i] = (char)y.data[y.size - 32 + i];
    }
    gnutls_free(x.data);
    gnutls_free(y.data);
    put_sha1(out, span_make(point, sizeof point));
}

static void put_cert_id(struct buf *out, const struct ocsp_wish *wish)
{
    struct buf id;
    gnutls_datum_t issuer = {NULL, 0};
    char serial[64];
    size_t len = sizeof serial;

    buf_init(&id, 0);
    buf_put(&id, span_make(sha1_id, sizeof sha1_id)); /* with its final NUL: NULL has no bytes */
    require(gnutls_x509_crt_get_raw_issuer_dn(wish->leaf, &issuer) == 0);
    put_sha1(&id, span_make((const char *)issuer.data, issuer.size));
    gnutls_free(issuer.data);
    put_key_hash(&id, wish->issuer);
    require(gnutls_x509_crt_get_serial(wish->leaf, serial, &len) == 0);
    put(&id, DER_INTEGER, span_make(serial, len));
    wrap(&id, DER_SEQUENCE);
    put_buf(out, &id);
}

static void put_status(struct buf *out, const struct ocsp_wish *wish)
{
    struct buf time;

    buf_init(&time, 0);
    if (wish->says == OCSP_REVOKED) {
        put_time(&time, wish->this_update_s);
        wrap(&time, 0xa1);
        put_buf(out, &time);
        return;
    }
    put(out, wish->says == OCSP_GOOD ? 0x80 : 0x82, span_of(""));
}

static void put_answers(struct buf *out, const struct ocsp_wish *wish)
{
    struct buf answer, next;

    buf_init(&answer, 0);
    buf_init(&next, 0);
    put_cert_id(&answer, wish);
    put_status(&answer, wish);
    put_time(&answer, wish->this_update_s);
    if (wish->next_update_s != 0) {
        put_time(&next, wish->next_update_s);
        wrap(&next, DER_OURS);
        put_buf(&answer, &next);
    }
    wrap(&answer, DER_SEQUENCE);
    wrap(&answer, DER_SEQUENCE); /* a list of one */
    put_buf(out, &answer);
}

static void put_signed_part(struct buf *out, const struct ocsp_wish *wish)
{
    struct buf part;
    gnutls_datum_t name = {NULL, 0};

    buf_init(&part, 0);
    require(gnutls_x509_crt_get_raw_dn(wish->responder != NULL ? wish->responder : wish->issuer,
                                       &name) == 0);
    put(&part, 0xa1, span_make((const char *)name.data, name.size));
    gnutls_free(name.data);
    put_time(&part, wish->this_update_s);
    put_answers(&part, wish);
    wrap(&part, DER_SEQUENCE);
    put_buf(out, &part);
}

static void put_signature(struct buf *out, gnutls_x509_privkey_t key)
{
    gnutls_privkey_t privkey;
    gnutls_datum_t signature = {NULL, 0};
    struct span part = buf_span(out);
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)part.ptr, (unsigned)part.len};
    struct buf bits;

    require(gnutls_privkey_init(&privkey) == 0);
    require(gnutls_privkey_import_x509(privkey, key, GNUTLS_PRIVKEY_IMPORT_COPY) == 0);
    require(gnutls_privkey_sign_data(privkey, GNUTLS_DIG_SHA256, 0, &data, &signature) == 0);
    buf_init(&bits, 0);
    buf_put_byte(&bits, 0);
    buf_put(&bits, span_make((const char *)signature.data, signature.size));
    buf_put(out, span_make(ecdsa_sha256_id, sizeof ecdsa_sha256_id - 1));
    put(out, DER_BITS, buf_span(&bits));
    buf_release(&bits);
    gnutls_free(signature.data);
    gnutls_privkey_deinit(privkey);
}

static void put_responder(struct buf *out, const struct ocsp_wish *wish)
{
    gnutls_datum_t der = {NULL, 0};
    struct buf certs;

    if (wish->responder == NULL || wish->is_responder_left_out)
        return;
    require(gnutls_x509_crt_export2(wish->responder, GNUTLS_X509_FMT_DER, &der) == 0);
    buf_init(&certs, 0);
    buf_put(&certs, span_make((const char *)der.data, der.size));
    gnutls_free(der.data);
    wrap(&certs, DER_SEQUENCE);
    wrap(&certs, DER_OURS);
    put_buf(out, &certs);
}

void ocsp_mint(const struct ocsp_wish *wish, struct buf *out)
{
    struct buf basic, bytes;

    if (wish->is_excuse) {
        buf_put(out, span_make("\x30\x03\x0a\x01\x03", 5));
        return;
    }
    buf_init(&basic, 0);
    buf_init(&bytes, 0);
    put_signed_part(&basic, wish);
    put_signature(&basic, wish->key);
    put_responder(&basic, wish);
    wrap(&basic, DER_SEQUENCE);
    buf_put(&bytes, span_make(basic_oid, sizeof basic_oid - 1));
    put(&bytes, DER_OCTETS, buf_span(&basic));
    buf_release(&basic);
    wrap(&bytes, DER_SEQUENCE);
    wrap(&bytes, DER_OURS);
    buf_put(out, span_make("\x30\x82", 2));
    buf_put_byte(out, (char)((bytes.len + 3) >> 8));
    buf_put_byte(out, (char)(bytes.len + 3));
    put(out, DER_ENUM, span_make("", 1)); /* successful: 0 */
    put_buf(out, &bytes);
}

static gnutls_x509_crt_t crt_of(const char *pem)
{
    gnutls_x509_crt_t crt;
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};

    require(gnutls_x509_crt_init(&crt) == 0);
    require(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM) == 0);
    return crt;
}

void ocsp_mint_pem(const struct ocsp_pem *pem, enum ocsp_says says, int64_t now_s, struct buf *out)
{
    gnutls_x509_privkey_t key;
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)pem->issuer_key,
                                  (unsigned)strlen(pem->issuer_key)};

    require(gnutls_x509_privkey_init(&key) == 0);
    require(gnutls_x509_privkey_import2(key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0) == 0);
    const struct ocsp_wish wish = {.leaf = crt_of(pem->chain),
                                   .issuer = crt_of(pem->issuer),
                                   .key = key,
                                   .says = says,
                                   .this_update_s = now_s - 3600,
                                   .next_update_s = now_s + 86400};
    ocsp_mint(&wish, out);
    gnutls_x509_crt_deinit(wish.leaf);
    gnutls_x509_crt_deinit(wish.issuer);
    gnutls_x509_privkey_deinit(key);
}
