/*
 * trace: what a TLS session does, as events for the lens (base/tap.h): handshake messages of both
 * sides, records, alerts. Costs one comparison when nobody looks. No secret passes: handshake
 * bodies hold public values, sealed tickets and signatures, never keys; record events hold lengths.
 * Tests: test_tls_session.c.
 */
#include <stdio.h>

#include "tls/tls_internal.h"

void tls_trace(struct tls_session *session, enum tap_kind kind, int code, struct span detail)
{
    if (session->tap == NULL)
        return;
    const struct tap_event event = {.kind = kind,
                                    .conn_id = session->conn_id,
                                    .at_us = clock_wall_us(session->generation->clock),
                                    .code = code,
                                    .detail = detail};
    tap_emit(session->tap, &event);
}

void tls_trace_check(struct tls_session *session, const char *step, enum pki_check verdict,
                     const char *sentence)
{
    if (session->tap == NULL)
        return;
    const struct tap_event event = {.kind = TAP_CHECK,
                                    .conn_id = session->conn_id,
                                    .at_us = clock_wall_us(session->generation->clock),
                                    .code = (int)verdict,
                                    .name = step,
                                    .detail = span_of(sentence)};
    tap_emit(session->tap, &event);
}

/* bytes: at least a record's header, as GnuTLS pulls and pushes it. */
void tls_trace_record(struct tls_session *session, const char *direction, const void *bytes,
                      size_t len)
{
    enum { RECORD_HEADER_SIZE = 5 };
    const unsigned char *header = bytes;
    char text[64];

    if (session->tap == NULL || len < RECORD_HEADER_SIZE)
        return;
    unsigned size = (unsigned)header[3] << 8 | header[4];
    int text_len = snprintf(text, sizeof text, "%s %u bytes", direction, size);
    tls_trace(session, TAP_RECORD, header[0], span_make(text, (size_t)text_len));
}
