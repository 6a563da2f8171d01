/*
 * hook: GnuTLS's one handshake hook of a session, and who listens to it: the choice of policy by
 * the ClientHello, and the trace. PRE, because POST loses the first ClientHello of a
 * HelloRetryRequest and cuts the client's incoming messages (FACTS 2). The order is GnuTLS's, which
 * is the order of processing. Tests: test_tls_policy.c, test_tls_session.c.
 */
#include "tls/tls_internal.h"

static int on_handshake_message(gnutls_session_t gnutls, unsigned type, unsigned when,
                                unsigned is_incoming, const gnutls_datum_t *message)
{
    struct tls_session *session = gnutls_session_get_ptr(gnutls);
    struct span body =
        span_make(message->data != NULL ? (const char *)message->data : "", message->size);

    (void)when;
    tls_trace_message(session, is_incoming != 0 ? TAP_IN : TAP_OUT, type, body);
    if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && is_incoming != 0)
        tls_policy_follow(session, body);
    return 0;
}

void tls_hook_attach(struct tls_session *session)
{
    unsigned which = GNUTLS_HANDSHAKE_CLIENT_HELLO;

    tls_trace_attach(session);
    if (session->tap != NULL)
        which = GNUTLS_HANDSHAKE_ANY;
    gnutls_handshake_set_hook_function(session->gnutls, which, GNUTLS_HOOK_PRE,
                                       on_handshake_message);
}
