/*
 * gather: the facts of a finished handshake (facts.h), read out of GnuTLS once. The verdict on the
 * certificate is verify.c's. Tests: test_tls_session.c.
 */
#include <stdio.h>

#include "base/codec.h"
#include "tls/tls_internal.h"

static void gather_name(char out[TLS_FACTS_NAME_SIZE], const char *name)
{
    (void)snprintf(out, TLS_FACTS_NAME_SIZE, "%s", name != NULL ? name : "");
}

/* As Received headers have it (RFC 8314 4.3 uses the protocol's own spelling). */
static const char *version_name(gnutls_protocol_t version)
{
    return version == GNUTLS_TLS1_3 ? "TLSv1.3" : version == GNUTLS_TLS1_2 ? "TLSv1.2" : "unknown";
}

static void gather_suite(gnutls_session_t gnutls, struct tls_facts *facts)
{
    gather_name(facts->version, version_name(gnutls_protocol_get_version(gnutls)));
    gather_name(facts->cipher, gnutls_ciphersuite_get(gnutls));
    gather_name(facts->group, gnutls_group_get_name(gnutls_group_get(gnutls)));
    gather_name(facts->signature,
                gnutls_sign_get_name((gnutls_sign_algorithm_t)gnutls_sign_algorithm_get(gnutls)));
    facts->bits = 8 * (unsigned)gnutls_cipher_get_key_size(gnutls_cipher_get(gnutls));
    facts->is_resumed = gnutls_session_is_resumed(gnutls) != 0;
}

static void gather_alpn(gnutls_session_t gnutls, struct tls_facts *facts)
{
    gnutls_datum_t alpn = {NULL, 0};

    if (gnutls_alpn_get_selected_protocol(gnutls, &alpn) == 0)
        codec_escape(span_make((const char *)alpn.data, alpn.size), facts->alpn,
                     sizeof facts->alpn);
}

/* Hostile bytes (THREATS 8): escaped before anything else sees them. */
static void gather_server_name(gnutls_session_t gnutls, struct tls_facts *facts)
{
    char name[TLS_SERVER_NAME_SIZE];
    size_t len = sizeof name;
    unsigned type = 0;

    if (gnutls_server_name_get(gnutls, name, &len, &type, 0) == 0)
        codec_escape(span_make(name, len), facts->server_name, sizeof facts->server_name);
}

static size_t gather_binding(gnutls_session_t gnutls, gnutls_channel_binding_t type,
                             unsigned char *out, size_t size)
{
    gnutls_datum_t binding = {NULL, 0};
    size_t len = 0;

    if (gnutls_session_channel_binding(gnutls, type, &binding) != GNUTLS_E_SUCCESS)
        return 0;
    if (binding.size <= size) {
        len = binding.size;
        memcpy(out, binding.data, len);
    }
    gnutls_free(binding.data);
    return len;
}

static void gather_bindings(gnutls_session_t gnutls, struct tls_facts *facts)
{
    /* RFC 9266 4.2: before TLS 1.3 only with the extended master secret. */
    bool is_bound = gnutls_protocol_get_version(gnutls) == GNUTLS_TLS1_3 ||
                    gnutls_session_ext_master_secret_status(gnutls) != 0;

    facts->has_exporter =
        is_bound && gather_binding(gnutls, GNUTLS_CB_TLS_EXPORTER, facts->exporter,
                                   sizeof facts->exporter) == sizeof facts->exporter;
    facts->server_end_point_len =
        gather_binding(gnutls, GNUTLS_CB_TLS_SERVER_END_POINT, facts->server_end_point,
                       sizeof facts->server_end_point);
}

void tls_facts_gather(struct tls_session *session)
{
    struct tls_facts *facts = &session->facts;

    gather_suite(session->gnutls, facts);
    gather_alpn(session->gnutls, facts);
    if (!session->is_client)
        gather_server_name(session->gnutls, facts);
    gather_bindings(session->gnutls, facts);
    facts->handshake_us = clock_wall_us(session->generation->clock) - session->began_us;
}
