/*
 * ticket: the master key of session tickets: from a file that several processes share, else random
 * and the manager's, so that clients resume across reloads. GnuTLS derives the keys that seal
 * tickets from it and changes them with time (FACTS 2), three lifetimes of a ticket each. Our own
 * client sessions neither ask for tickets nor keep any: a resumed session would skip the check of
 * the certificate, and saves next to nothing with ECDSA. Tests: test_tls_ticket.c.
 */
#include <gnutls/crypto.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/require.h"
#include "tls/tls_internal.h"

enum {
    KEY_FILE_SIZE_MIN = 32, /* 256 bits, if they are random */
    KEY_FILE_SIZE_MAX = 4096
};

void tls_ticket_key_create(unsigned char key_out[TLS_TICKET_KEY_SIZE])
{
    gnutls_datum_t key = {NULL, 0};

    require(gnutls_session_ticket_key_generate(&key) == GNUTLS_E_SUCCESS);
    require(key.size == TLS_TICKET_KEY_SIZE);
    memcpy(key_out, key.data, key.size);
    mem_wipe(key.data, key.size);
    gnutls_free(key.data);
}

int tls_ticket_key_load(const char *file, unsigned char key_out[TLS_TICKET_KEY_SIZE],
                        struct fault *fault)
{
    char *bytes = NULL;
    size_t len = 0;
    int err = file_read_all(file, KEY_FILE_SIZE_MAX, &bytes, &len, fault);

    if (err != 0)
        return fault_wrap(fault, "tls.ticket_key");
    /* SHA-512 has just the size that GnuTLS asks for. */
    if (len >= KEY_FILE_SIZE_MIN)
        require(gnutls_hash_fast(GNUTLS_DIG_SHA512, bytes, len, key_out) == GNUTLS_E_SUCCESS);
    mem_wipe(bytes, len);
    mem_free(bytes);
    if (len >= KEY_FILE_SIZE_MIN)
        return 0;
    return fault_set(fault, ERR_CONFIG,
                     "%s (tls.ticket_key) has %zu bytes: must have at least %d random ones; make "
                     "it with: head -c 64 /dev/urandom > %s",
                     file, len, KEY_FILE_SIZE_MIN, file);
}

void tls_ticket_enable(struct tls_session *session)
{
    struct tls_generation *generation = session->generation;
    const gnutls_datum_t datum = {generation->ticket_key, TLS_TICKET_KEY_SIZE};

    gnutls_db_set_cache_expiration(session->gnutls, (int)generation->ticket_time_s);
    require(gnutls_session_ticket_enable_server(session->gnutls, &datum) == GNUTLS_E_SUCCESS);
}
