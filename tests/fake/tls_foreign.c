/*
 * tls_foreign: see tls_foreign.h.
 */
#include "tests/fake/tls_foreign.h"

#include <errno.h>

#include "base/require.h"

enum { ROUNDS_MAX = 64 };

static ssize_t on_push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
    struct tls_end *end = ptr;

    buf_put(&end->out, span_make(bytes, len));
    return (ssize_t)len;
}

static ssize_t on_pull(gnutls_transport_ptr_t ptr, void *bytes, size_t size)
{
    struct tls_end *end = ptr;
    struct span have = span_first(buf_span(&end->in), size);

    if (have.len == 0) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(bytes, have.ptr, have.len);
    buf_consume(&end->in, have.len);
    return (ssize_t)have.len;
}

void tls_foreign_init(struct tls_foreign *foreign, struct tls_pair *pair, const char *chain_file,
                      const char *key_file, const char *asks_for)
{
    *foreign = (struct tls_foreign){.end = &pair->server, .ret = GNUTLS_E_AGAIN};
    require(gnutls_certificate_allocate_credentials(&foreign->cred) == 0);
    require(gnutls_certificate_set_x509_key_file(foreign->cred, chain_file, key_file,
                                                 GNUTLS_X509_FMT_PEM) == 0);
    require(gnutls_init(&foreign->gnutls, GNUTLS_SERVER | GNUTLS_NONBLOCK) == 0);
    require(gnutls_set_default_priority(foreign->gnutls) == 0);
    require(gnutls_credentials_set(foreign->gnutls, GNUTLS_CRD_CERTIFICATE, foreign->cred) == 0);
    if (asks_for != NULL) {
        require(gnutls_certificate_set_x509_trust_file(foreign->cred, asks_for,
                                                       GNUTLS_X509_FMT_PEM) > 0);
        gnutls_certificate_server_set_request(foreign->gnutls, GNUTLS_CERT_REQUEST);
    }
    gnutls_transport_set_ptr(foreign->gnutls, foreign->end);
    gnutls_transport_set_push_function(foreign->gnutls, on_push);
    gnutls_transport_set_pull_function(foreign->gnutls, on_pull);
}

void tls_foreign_deinit(struct tls_foreign *foreign)
{
    gnutls_deinit(foreign->gnutls);
    gnutls_certificate_free_credentials(foreign->cred);
}

static void carry(struct tls_end *from)
{
    buf_put(&from->peer->in, buf_span(&from->out));
    buf_clear(&from->out);
}

void tls_foreign_run(struct tls_foreign *foreign)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        tls_end_react(foreign->end->peer);
        if (foreign->end->peer->out.len == 0 && i > 0)
            break;
        carry(foreign->end->peer);
        if (foreign->ret == GNUTLS_E_AGAIN)
            foreign->ret = gnutls_handshake(foreign->gnutls);
        carry(foreign->end);
    }
}
