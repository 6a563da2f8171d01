/*
 * keylog: hands the secrets of one outbound session to whoever asked for them, in the NSS key log
 * format that Wireshark reads. Only a session whose policy names a receiver has one; a server's
 * session never. Tests: test_tls_keylog.c.
 */
#include <stdio.h>

#include "base/codec.h"
#include "base/mem.h"
#include "tls/tls_internal.h"

enum {
    RANDOM_SIZE = 32,
    SECRET_MAX = 64, /* of SHA-512's size; TLS 1.2's master secret has 48 bytes */
    LINE_SIZE = 64 + 2 * RANDOM_SIZE + 2 * SECRET_MAX + 3
};

static int on_secret(gnutls_session_t gnutls, const char *label, const gnutls_datum_t *secret)
{
    const struct tls_session *session = gnutls_session_get_ptr(gnutls);
    char random[2 * RANDOM_SIZE + 1], hex[2 * SECRET_MAX + 1], line[LINE_SIZE];
    gnutls_datum_t client = {NULL, 0}, server = {NULL, 0};

    gnutls_session_get_random(gnutls, &client, &server);
    if (client.size != RANDOM_SIZE || secret->size > SECRET_MAX)
        return 0;
    codec_hex_encode(span_make((const char *)client.data, client.size), random);
    codec_hex_encode(span_make((const char *)secret->data, secret->size), hex);
    (void)snprintf(line, sizeof line, "%s %s %s", label, random, hex);
    session->keylog.on_line(session->keylog.owner, line);
    mem_wipe(hex, sizeof hex);
    mem_wipe(line, sizeof line);
    return 0;
}

void tls_keylog_attach(struct tls_session *session, const struct tls_keylog *keylog)
{
    session->keylog = *keylog;
    if (keylog->on_line != NULL)
        gnutls_session_set_keylog_function(session->gnutls, on_secret);
}
