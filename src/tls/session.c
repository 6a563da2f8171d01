/*
 * session: one TLS session between the caller's wire and clear bytes: handshake, open, seal, end.
 * Credentials and policies come from the manager's current generation, verdicts on certificates
 * from verify.c, what the lens sees from trace.c; facts of a finished handshake are gathered by
 * gather.c. Tests: test_tls_session.c, test_tls_hostile.c.
 */
#include "tls/session.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <gnutls/ocsp.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/require.h"
#include "pki/dane.h"
#include "tls/tls_internal.h"

enum {
    RECORD_SIZE_MAX = 16384, /* RFC 8446 5.1: plaintext of one record */
    PUSH_PARTS_MAX = 32,     /* parts handed on at once; GnuTLS seals some ten in a flight */
    /* Records in a row that bring no data: tickets (2 usual), key updates, warnings. A peer that
     * sends more makes us work for nothing and is cut off. */
    ODD_RECORDS_MAX = 64,
    /* Bytes in a row that bring no data: a handshake, or what follows one. A ClientHello with the
     * keys of every group and a ticket has 5 KiB, a server's chain may have some tens. GnuTLS would
     * collect 16 MiB for anybody who announces such a message and never ends it. */
    QUIET_BYTES_FROM_CLIENT_MAX = 32 * 1024,
    QUIET_BYTES_FROM_SERVER_MAX = 256 * 1024
};

/* --- GnuTLS's transport: the caller's buffer and push function --- */

static size_t quiet_bytes_max(const struct tls_session *session)
{
    return session->is_client ? QUIET_BYTES_FROM_SERVER_MAX : QUIET_BYTES_FROM_CLIENT_MAX;
}

static ssize_t on_pull(gnutls_transport_ptr_t ptr, void *bytes_out, size_t size)
{
    struct tls_session *session = ptr;
    struct span have = buf_span(session->wire.in);

    if (have.len == 0) {
        gnutls_transport_set_errno(session->gnutls, EAGAIN);
        return -1;
    }
    size_t len = have.len < size ? have.len : size;
    if (len > quiet_bytes_max(session) - session->quiet_bytes) {
        session->is_flooded = true;
        gnutls_transport_set_errno(session->gnutls, EMSGSIZE);
        return -1;
    }
    session->quiet_bytes += len;
    if (!session->has_first_byte) {
        session->first_byte = (unsigned char)have.ptr[0];
        session->has_first_byte = true;
    }
    memcpy(bytes_out, have.ptr, len);
    tls_trace_wire(session, TAP_IN, span_first(have, len));
    buf_consume(session->wire.in, len);
    return (ssize_t)len;
}

/* GnuTLS asks before it waits; we never wait. */
static int on_pull_timeout(gnutls_transport_ptr_t ptr, unsigned timeout_ms)
{
    const struct tls_session *session = ptr;

    (void)timeout_ms;
    return session->wire.in->len > 0;
}

static ssize_t on_push(gnutls_transport_ptr_t ptr, const giovec_t *iov, int count)
{
    struct tls_session *session = ptr;
    struct span parts[PUSH_PARTS_MAX];
    size_t total = 0, used = 0;

    for (int i = 0; i < count; i++) {
        parts[used++] = span_make(iov[i].iov_base, iov[i].iov_len);
        total += iov[i].iov_len;
        tls_trace_wire(session, TAP_OUT, span_make(iov[i].iov_base, iov[i].iov_len));
        if (used == PUSH_PARTS_MAX || i == count - 1) {
            session->wire.push(session->wire.owner, parts, used);
            used = 0;
        }
    }
    return (ssize_t)total;
}

/* --- birth and death --- */

static struct tls_session *session_create(struct tls_manager *manager, const struct tls_wire *wire,
                                          unsigned flags, struct tap *tap, uint64_t conn_id)
{
    struct tls_session *session = mem_new(struct tls_session);

    session->generation = tls_generation_get(manager);
    session->wire = *wire;
    session->tap = tap;
    session->conn_id = conn_id;
    /* Fails for want of memory only. */
    require(gnutls_init(&session->gnutls, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) == 0);
    gnutls_session_set_ptr(session->gnutls, session);
    gnutls_transport_set_ptr(session->gnutls, session);
    gnutls_transport_set_pull_function(session->gnutls, on_pull);
    gnutls_transport_set_pull_timeout_function(session->gnutls, on_pull_timeout);
    gnutls_transport_set_vec_push_function(session->gnutls, on_push);
    tls_hook_attach(session);
    return session;
}

static void session_set_alpn(struct tls_session *session, const char *alpn)
{
    unsigned char name[TLS_FACTS_NAME_SIZE];

    session->alpn = alpn;
    if (alpn == NULL)
        return;
    struct span text = span_of(alpn);
    require(text.len < sizeof name);
    memcpy(name, text.ptr, text.len);
    const gnutls_datum_t protocol = {name, (unsigned)text.len};
    /* Mandatory: a client that offers ALPN without this name is refused (RFC 7301 3.2, THREATS 6).
     * One that offers none never gets that far. */
    unsigned flags = session->is_client ? 0 : GNUTLS_ALPN_MANDATORY;
    require(gnutls_alpn_set_protocols(session->gnutls, &protocol, 1, flags) == 0);
}

struct tls_session *tls_session_accept(struct tls_manager *manager, const struct tls_wire *wire,
                                       const char *alpn, struct tap *tap, uint64_t conn_id)
{
    struct tls_session *session = session_create(manager, wire, GNUTLS_SERVER, tap, conn_id);
    struct tls_generation *generation = session->generation;

    require(gnutls_priority_set(session->gnutls, generation->server_priority) == 0);
    tls_identities_attach(session);
    tls_ticket_enable(session);
    session_set_alpn(session, alpn);
    return session;
}

static bool is_numeric_address(const char *name)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static void session_set_server_name(struct tls_session *session, const char *name)
{
    if (name == NULL)
        return;
    session->server_name = mem_strdup(name);
    if (is_numeric_address(name))
        return;
    struct span sni = span_of(name);
    if (sni.len > 0 && sni.ptr[sni.len - 1] == '.')
        sni.len--;
    /* A name that cannot be sent (RFC 6066 3: only host names) is not; the check still looks for
     * it. */
    if (gnutls_server_name_set(session->gnutls, GNUTLS_NAME_DNS, sni.ptr, sni.len) == 0)
        codec_escape(sni, session->facts.server_name, sizeof session->facts.server_name);
}

/* What the certificate was to be held against. */
static void session_forget_names(struct tls_session *session)
{
    mem_free(session->server_name);
    mem_free(session->other_name);
    session->server_name = session->other_name = NULL;
    pki_dane_unref(&session->dane);
}

struct tls_session *tls_session_connect(struct tls_manager *manager, const struct tls_wire *wire,
                                        const struct tls_client_policy *policy, struct tap *tap,
                                        uint64_t conn_id)
{
    struct tls_session *session =
        session_create(manager, wire, GNUTLS_CLIENT | GNUTLS_NO_TICKETS, tap, conn_id);
    struct tls_generation *generation = session->generation;

    session->is_client = true;
    session->verify = policy->verify;
    session->judge = policy->judge;
    require(gnutls_priority_set(session->gnutls, generation->client_priority) == 0);
    require(gnutls_credentials_set(session->gnutls, GNUTLS_CRD_CERTIFICATE, generation->client) ==
            0);
    require(gnutls_ocsp_status_request_enable_client(session->gnutls, NULL, 0, NULL) == 0);
    session_set_server_name(session, policy->server_name);
    session->other_name = policy->other_name == NULL ? NULL : mem_strdup(policy->other_name);
    session->dane = pki_dane_ref(policy->dane);
    session_set_alpn(session, policy->alpn);
    tls_keylog_attach(session, &policy->keylog);
    if (policy->verify != TLS_VERIFY_OFF)
        gnutls_session_set_verify_function(session->gnutls, tls_verify_on_certificate);
    return session;
}

void tls_session_free(struct tls_session **session)
{
    struct tls_session *gone = *session;

    *session = NULL;
    if (gone == NULL)
        return;
    gnutls_deinit(gone->gnutls);
    tls_trace_detach(gone);
    tls_generation_unref(&gone->generation);
    session_forget_names(gone);
    mem_free(gone);
}

/* --- handshake --- */

static void send_alert(struct tls_session *session, gnutls_alert_level_t level, int alert)
{
    tls_trace_alert(session, TAP_OUT, (unsigned)alert, level == GNUTLS_AL_FATAL);
    (void)gnutls_alert_send(session->gnutls, level, (gnutls_alert_description_t)alert);
}

/* The alert that tells an error of GnuTLS's. */
static void push_alert(struct tls_session *session, int ret)
{
    int level = GNUTLS_AL_FATAL;
    if (ret == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return;
    int alert = gnutls_error_to_alert(ret, &level);
    if (ret == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR && session->has_verdict)
        alert = (int)tls_verify_alert(session->facts.check);
    send_alert(session, (gnutls_alert_level_t)level, alert);
}

/* The peer's alert in words; also an event for the lens. */
static const char *received_alert(struct tls_session *session, bool is_fatal)
{
    gnutls_alert_description_t alert = gnutls_alert_get(session->gnutls);
    const char *name = gnutls_alert_get_name(alert);

    name = name != NULL ? name : "unknown";
    tls_trace_alert(session, TAP_IN, (unsigned)alert, is_fatal);
    return name;
}

static int flood_fault(const struct tls_session *session, struct fault *fault)
{
    return fault_set(fault, ERR_TLS, "the peer sent %zu bytes of TLS and no data",
                     session->quiet_bytes);
}

static int handshake_fault(struct tls_session *session, int ret, struct fault *fault)
{
    const struct tls_facts *facts = &session->facts;

    if (session->is_flooded)
        return fault_set(fault, ERR_TLS, "the peer's handshake is longer than %zu bytes%s",
                         quiet_bytes_max(session),
                         session->is_client ? ": its certificate chain has to be shortened" : "");
    if (ret == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return fault_set(fault, ERR_TLS, "the peer refused the TLS handshake with the alert \"%s\"",
                         received_alert(session, true));
    if (ret == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR && session->has_verdict)
        return fault_set(fault, ERR_TLS, "%s%s%s", pki_check_sentence(facts->check),
                         facts->check_detail[0] != '\0' ? ": " : "", facts->check_detail);
    if (ret == GNUTLS_E_NO_APPLICATION_PROTOCOL)
        return fault_set(fault, ERR_TLS,
                         "the client offers only other protocols than \"%s\" (ALPN): it is not "
                         "meant for this port",
                         session->alpn);
    if (tls_key_fault(ret) != NULL)
        return fault_set(fault, ERR_TLS, "%s", tls_key_fault(ret));
    if (session->has_first_byte && session->first_byte != 0x16 && session->first_byte != 0x15)
        return fault_set(fault, ERR_TLS, "the peer does not speak TLS: its first byte is 0x%02x%s",
                         session->first_byte,
                         !isprint(session->first_byte) ? ""
                         : session->is_client ? "; is it a port for plaintext and STARTTLS?"
                                              : "; is it a plaintext client on a TLS port?");
    return fault_set(fault, ERR_TLS, "TLS handshake: %s", gnutls_strerror(ret));
}

static enum tls_progress handshake_failed(struct tls_session *session, int ret, struct fault *fault)
{
    session->is_broken = true;
    push_alert(session, ret);
    (void)handshake_fault(session, ret, fault);
    tls_trace_failed(session, fault->text);
    return TLS_FAILED;
}

static enum tls_progress handshake_done(struct tls_session *session)
{
    tls_facts_gather(session);
    session->quiet_bytes = 0;
    session_forget_names(session);
    tls_trace_secure(session);
    return TLS_DONE;
}

enum tls_progress tls_session_handshake(struct tls_session *session, struct fault *fault)
{
    if (session->is_broken) {
        (void)fault_set(fault, ERR_TLS, "the TLS session is broken");
        return TLS_FAILED;
    }
    if (session->began_us == 0)
        session->began_us = clock_wall_us(session->generation->clock);
    if (!session->is_client && session->generation->identities == NULL) {
        session->is_broken = true;
        (void)fault_set(fault, ERR_TLS, "no certificate is configured: set tls.certificate");
        tls_trace_failed(session, fault->text);
        return TLS_FAILED;
    }
    for (unsigned i = 0; i < ODD_RECORDS_MAX; i++) {
        size_t before = session->wire.in->len;
        int ret = gnutls_handshake(session->gnutls);
        if (ret == GNUTLS_E_SUCCESS)
            return handshake_done(session);
        if (ret == GNUTLS_E_AGAIN && session->is_waiting)
            return TLS_WAITING;
        /* E_AGAIN does not mean that the buffer is empty (FACTS 2). */
        if (ret == GNUTLS_E_AGAIN &&
            (session->wire.in->len == 0 || session->wire.in->len == before))
            return TLS_MORE_INPUT;
        if (ret == GNUTLS_E_WARNING_ALERT_RECEIVED)
            (void)received_alert(session, false);
        else if (ret != GNUTLS_E_AGAIN && ret != GNUTLS_E_INTERRUPTED)
            return handshake_failed(session, ret, fault);
    }
    return handshake_failed(session, GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS, fault);
}

const struct tls_facts *tls_session_facts(const struct tls_session *session)
{
    return &session->facts;
}

/* --- open, seal, end --- */

static int read_failed(struct tls_session *session, int ret, struct fault *fault)
{
    session->is_broken = true;
    if (session->is_flooded)
        return flood_fault(session, fault);
    if (ret == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return fault_set(fault, ERR_TLS, "the peer ended TLS with the alert \"%s\"",
                         received_alert(session, true));
    if (ret == GNUTLS_E_REHANDSHAKE) {
        send_alert(session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
        return fault_set(fault, ERR_TLS, "the peer asked for renegotiation, which is refused");
    }
    push_alert(session, ret);
    if (ret == GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS)
        return fault_set(fault, ERR_TLS, "the peer sent %d TLS records in a row without data",
                         ODD_RECORDS_MAX);
    return fault_set(fault, ERR_TLS, "TLS: %s", gnutls_strerror(ret));
}

/* What a call of GnuTLS that gave no data means: 0 to ask again, or the code to return. */
static int read_pause(struct tls_session *session, int ret, struct fault *fault)
{
    if (ret == 0) {
        tls_trace_alert(session, TAP_IN, GNUTLS_A_CLOSE_NOTIFY, false);
        return ERR_CLOSED;
    }
    if (ret == GNUTLS_E_WARNING_ALERT_RECEIVED)
        (void)received_alert(session, false);
    else if (ret != GNUTLS_E_AGAIN && ret != GNUTLS_E_INTERRUPTED)
        return read_failed(session, ret, fault);
    /* E_AGAIN also comes when GnuTLS ate a record that holds no data (a ticket, a key update)
     * while complete records still lie in the buffer: only an empty buffer means "wait". */
    if (session->wire.in->len == 0 && gnutls_record_check_pending(session->gnutls) == 0)
        return ERR_AGAIN;
    if (++session->odd_record_count > ODD_RECORDS_MAX)
        return read_failed(session, GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS, fault);
    return 0;
}

int64_t tls_session_read(struct tls_session *session, void *bytes_out, size_t size,
                         struct fault *fault)
{
    require(size > 0);
    if (session->is_broken)
        return fault_set(fault, ERR_TLS, "the TLS session is broken");
    for (;;) {
        ssize_t ret = gnutls_record_recv(session->gnutls, bytes_out, size);
        if (ret > 0) {
            session->odd_record_count = 0;
            session->quiet_bytes = 0;
            return ret;
        }
        int err = read_pause(session, (int)ret, fault);
        if (err != 0)
            return err;
    }
}

/* Several parts become one run of bytes, at most a record long; a copy is cheaper than the seal
 * and the header of one more record. GnuTLS's cork would copy too, and onto the heap. */
static size_t parts_join(const struct span *parts, size_t count, char joined[RECORD_SIZE_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < count && len < RECORD_SIZE_MAX; i++) {
        struct span part = span_first(parts[i], RECORD_SIZE_MAX - len);
        memcpy(joined + len, part.ptr, part.len);
        len += part.len;
    }
    return len;
}

int64_t tls_session_write(struct tls_session *session, const struct span *parts, size_t count)
{
    char joined[RECORD_SIZE_MAX];

    if (session->is_broken)
        return ERR_TLS;
    while (count > 0 && parts[0].len == 0) {
        parts++;
        count--;
    }
    if (count == 0)
        return 0;
    struct span bytes = span_first(parts[0], RECORD_SIZE_MAX);
    if (count > 1 && bytes.len < RECORD_SIZE_MAX)
        bytes = span_make(joined, parts_join(parts, count, joined));
    ssize_t ret = gnutls_record_send(session->gnutls, bytes.ptr, bytes.len);
    if (ret > 0)
        return ret;
    session->is_broken = true; /* the push never refuses, so this is no matter of waiting */
    return ERR_TLS;
}

void tls_session_bye(struct tls_session *session)
{
    if (session->is_broken)
        return;
    tls_trace_alert(session, TAP_OUT, GNUTLS_A_CLOSE_NOTIFY, false);
    (void)gnutls_bye(session->gnutls, GNUTLS_SHUT_WR);
}
