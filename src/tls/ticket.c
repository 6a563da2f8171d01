/*
 * ticket: the key of session tickets, one per manager: a reload keeps it, so clients resume across
 * reloads. GnuTLS derives the rotating keys that seal tickets from it (FACTS 2). Our own client
 * sessions neither ask for tickets nor keep any: a resumed session would skip the check of the
 * certificate, and saves next to nothing with ECDSA. Tests: test_tls_resume.c.
 */
#include "base/mem.h"
#include "base/require.h"
#include "tls/tls_internal.h"

void tls_ticket_key_create(unsigned char key_out[TLS_TICKET_KEY_SIZE])
{
    gnutls_datum_t key = {NULL, 0};

    require(gnutls_session_ticket_key_generate(&key) == GNUTLS_E_SUCCESS);
    require(key.size == TLS_TICKET_KEY_SIZE);
    memcpy(key_out, key.data, key.size);
    mem_wipe(key.data, key.size);
    gnutls_free(key.data);
}

void tls_ticket_enable(gnutls_session_t gnutls, unsigned char key[TLS_TICKET_KEY_SIZE])
{
    const gnutls_datum_t datum = {key, TLS_TICKET_KEY_SIZE};

    require(gnutls_session_ticket_enable_server(gnutls, &datum) == GNUTLS_E_SUCCESS);
}
