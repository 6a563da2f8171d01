/*
 * trace_hello: ClientHello, ServerHello, HelloRetryRequest and the extensions that they and other
 * messages carry (RFC 8446 4.1, 4.2; RFC 5246 7.4.1; RFC 6066; RFC 7301; RFC 5077). One row an
 * extension; one without a row is named in the list only. Tests: tests/unit/test_tls_trace.c,
 * tests/fuzz/fuzz_tls_trace.c.
 */
#include "tls/hello.h"
#include "tls/trace_internal.h"

enum { RANDOM_SIZE = 32 };

typedef void extension_fn(struct trace_note *note, struct span body, enum trace_where where);

static void put_bytes_count(struct trace_note *note, size_t len)
{
    trace_printf(note, "%zu byte%s", len, len == 1 ? "" : "s");
}

static void server_name(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    struct cursor names = cursor_of(cursor_vector(&cursor, 2));
    if (where != TRACE_IN_CLIENT_HELLO)
        trace_put(note, "acknowledged");
    for (size_t i = 0; cursor_has_more(&names) && i < TRACE_LIST_MAX; i++) {
        unsigned type = cursor_number(&names, 1);
        struct span name = cursor_vector(&names, 2);
        trace_next(note);
        if (type != 0) /* host_name is the only one there is (RFC 6066 3) */
            trace_printf(note, "type %u: ", type);
        trace_put_escaped(note, name);
    }
}

static void alpn(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    struct cursor names = cursor_of(cursor_vector(&cursor, 2));
    (void)where;
    for (size_t i = 0; cursor_has_more(&names) && i < TRACE_LIST_MAX; i++) {
        struct span name = cursor_vector(&names, 1);
        trace_next(note);
        trace_put_escaped(note, name);
    }
    note->is_malformed = note->is_malformed || cursor.is_bad || names.is_bad;
}

static void groups(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    (void)where;
    trace_put_list(note, TRACE_GROUP, cursor_vector(&cursor, 2));
    note->is_malformed = note->is_malformed || cursor.is_bad;
}

static void signatures(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    (void)where;
    trace_put_list(note, TRACE_SIGNATURE, cursor_vector(&cursor, 2));
    note->is_malformed = note->is_malformed || cursor.is_bad;
}

static void versions(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    (void)where; /* a server's choice is its version, told above */
    trace_put_list(note, TRACE_VERSION, cursor_vector(&cursor, 1));
    note->is_malformed = note->is_malformed || cursor.is_bad;
}

static void put_share(struct trace_note *note, struct cursor *shares)
{
    unsigned group = cursor_number(shares, 2);
    struct span key = cursor_vector(shares, 2);
    trace_next(note);
    trace_put_name(note, TRACE_GROUP, group);
    trace_put(note, " (");
    put_bytes_count(note, key.len);
    trace_put(note, ")");
}

static void key_share(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    struct cursor shares = cursor;
    if (where == TRACE_IN_RETRY) {
        trace_put(note, "wanted: ");
        trace_put_name(note, TRACE_GROUP, cursor_number(&cursor, 2));
    } else if (where == TRACE_IN_CLIENT_HELLO) {
        shares = cursor_of(cursor_vector(&cursor, 2));
        for (size_t i = 0; cursor_has_more(&shares) && i < TRACE_LIST_MAX; i++)
            put_share(note, &shares);
        if (body.len == 2)
            trace_put(note, "none: the server is to choose");
    } else {
        put_share(note, &cursor);
    }
    note->is_malformed = note->is_malformed || cursor.is_bad || shares.is_bad;
}

/* Its size is all that is told. */
static void session_ticket(struct trace_note *note, struct span body, enum trace_where where)
{
    if (where != TRACE_IN_CLIENT_HELLO) {
        trace_put(note, "will be sent");
    } else if (body.len == 0) {
        trace_put(note, "supported");
    } else {
        trace_put(note, "offered: ");
        put_bytes_count(note, body.len);
    }
}

static void psk(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    if (where != TRACE_IN_CLIENT_HELLO) {
        trace_printf(note, "accepted: identity %u", cursor_number(&cursor, 2));
        note->is_malformed = note->is_malformed || cursor.is_bad;
        return;
    }
    trace_put(note, "offered");
    struct cursor identities = cursor_of(cursor_vector(&cursor, 2));
    for (size_t i = 0; cursor_has_more(&identities) && i < TRACE_LIST_MAX; i++) {
        struct span identity = cursor_vector(&identities, 2);
        (void)cursor_take(&identities, 4); /* its age, blurred */
        trace_put(note, ", identity of ");
        put_bytes_count(note, identity.len);
    }
    note->is_malformed = note->is_malformed || cursor.is_bad || identities.is_bad;
}

static void psk_modes(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    struct cursor modes = cursor_of(cursor_vector(&cursor, 1));
    (void)where;
    while (cursor_has_more(&modes)) {
        unsigned mode = cursor_number(&modes, 1);
        trace_next(note);
        if (mode <= 1)
            trace_put(note, mode == 0 ? "psk_ke" : "psk_dhe_ke");
        else
            trace_printf(note, "0x%02x", mode);
    }
    note->is_malformed = note->is_malformed || cursor.is_bad;
}

static void early_data(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    if (body.len == 4)
        trace_printf(note, "at most %u bytes", cursor_number(&cursor, 4));
    else
        trace_put(note, where == TRACE_IN_CLIENT_HELLO ? "offered" : "accepted");
}

static void status_request(struct trace_note *note, struct span body, enum trace_where where)
{
    (void)body;
    trace_put(note, where == TRACE_IN_CLIENT_HELLO ? "a staple is wanted" : "a staple follows");
}

static void number_16(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    (void)where;
    trace_printf(note, "%u bytes", cursor_number(&cursor, 2));
    note->is_malformed = note->is_malformed || cursor.is_bad;
}

static void fragment_length(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    unsigned code = cursor_number(&cursor, 1);
    (void)where;
    if (code >= 1 && code <= 4)
        trace_printf(note, "%u bytes", 256U << code);
    else
        note->is_malformed = true;
}

static void cookie(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    (void)where;
    put_bytes_count(note, cursor_vector(&cursor, 2).len);
}

static void authorities(struct trace_note *note, struct span body, enum trace_where where)
{
    struct cursor cursor = cursor_of(body);
    (void)where;
    trace_authorities(note, cursor_vector(&cursor, 2));
}

/* What is worth a field of its own, in the order of the fields. */
static const struct {
    unsigned type;
    const char *field;
    extension_fn *put;
} rows[] = {
    {TLS_EXTENSION_VERSIONS, "versions", versions},
    {TLS_EXTENSION_SERVER_NAME, "server name", server_name},
    {TLS_EXTENSION_ALPN, "alpn", alpn},
    {TLS_EXTENSION_GROUPS, "groups", groups},
    {TLS_EXTENSION_KEY_SHARE, "key share", key_share},
    {TLS_EXTENSION_SIGNATURES, "signature schemes", signatures},
    {TRACE_EXT_SIGNATURES_CERT, "certificate signature schemes", signatures},
    {TRACE_EXT_SESSION_TICKET, "session ticket", session_ticket},
    {TRACE_EXT_PSK, "psk", psk},
    {TRACE_EXT_PSK_MODES, "psk modes", psk_modes},
    {TRACE_EXT_EARLY_DATA, "early data", early_data},
    {TRACE_EXT_STATUS_REQUEST, "status request", status_request},
    {TRACE_EXT_RECORD_SIZE_LIMIT, "record size limit", number_16},
    {TRACE_EXT_MAX_FRAGMENT_LENGTH, "fragment length", fragment_length},
    {TRACE_EXT_COOKIE, "cookie", cookie},
    {TRACE_EXT_AUTHORITIES, "authorities", authorities},
};

/* Opens the session again to whoever has it. An attacker may send several. */
static bool is_ticket(unsigned type, enum trace_where where)
{
    return type == TRACE_EXT_SESSION_TICKET ||
           (type == TRACE_EXT_PSK && where == TRACE_IN_CLIENT_HELLO);
}

/* The peer's order is kept in this list. */
static void put_names(struct trace_note *note, struct span list, enum trace_where where)
{
    unsigned type = 0;
    struct span body;

    trace_field(note, "extensions");
    for (size_t i = 0; i < TRACE_LIST_MAX && tls_hello_next_extension(&list, &type, &body); i++) {
        trace_next(note);
        trace_put_name(note, TRACE_EXTENSION, type);
        if (is_ticket(type, where))
            trace_hide(note, body);
    }
    note->is_malformed = note->is_malformed || list.len > 0;
}

bool trace_find_extension(struct span extensions, unsigned type, struct span *body_out)
{
    unsigned found = 0;

    while (tls_hello_next_extension(&extensions, &found, body_out)) {
        if (found == type)
            return true;
    }
    return false;
}

void trace_extensions(struct trace_note *note, struct span extensions, enum trace_where where)
{
    struct span body;

    if (extensions.len == 0)
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool is_said = rows[i].type == TLS_EXTENSION_VERSIONS && where != TRACE_IN_CLIENT_HELLO;
        if (is_said || !trace_find_extension(extensions, rows[i].type, &body))
            continue;
        trace_field(note, rows[i].field);
        rows[i].put(note, body, where);
    }
    put_names(note, extensions, where);
}

static void put_session_id(struct trace_note *note, struct span session_id)
{
    trace_field(note, "session id");
    if (session_id.len == 0)
        trace_put(note, "none");
    else
        put_bytes_count(note, session_id.len);
}

/* RFC 8446 4.1.2: only null; others are the CRIME attack's door. */
static void put_compressions(struct trace_note *note, struct span methods)
{
    trace_field(note, "compression");
    for (size_t i = 0; i < methods.len && i < TRACE_LIST_MAX; i++) {
        trace_next(note);
        if (methods.ptr[i] == 0)
            trace_put(note, "null");
        else
            trace_printf(note, "0x%02x", (unsigned char)methods.ptr[i]);
    }
}

void trace_client_hello(struct trace_note *note, struct span body)
{
    struct tls_hello hello;
    struct span unused;

    if (tls_hello_parse(body, &hello) != 0) {
        note->is_malformed = true;
        trace_field(note, "fault");
        trace_printf(note, "%s (at byte %zu)", hello.why, hello.at);
    }
    trace_field(note, "legacy version");
    trace_put_name(note, TRACE_VERSION, hello.legacy_version);
    put_session_id(note, hello.session_id);
    trace_field(note, "cipher suites");
    trace_put_list(note, TRACE_SUITE, hello.suites);
    put_compressions(note, hello.compressions);
    trace_extensions(note, hello.extensions, TRACE_IN_CLIENT_HELLO);
    if (!trace_find_extension(hello.extensions, TRACE_EXT_EARLY_DATA, &unused))
        trace_say(note, "early data", "absent");
    if (!trace_find_extension(hello.extensions, TLS_EXTENSION_SERVER_NAME, &unused))
        trace_say(note, "server name", "absent");
}

bool trace_is_retry(struct span body)
{
    /* SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3). */
    static const unsigned char retry[RANDOM_SIZE] = {
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C,
        0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
        0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
    return body.len >= 2 + sizeof retry && memcmp(body.ptr + 2, retry, sizeof retry) == 0;
}

/* The group that was agreed; what else the list says stays for the fields. */
static void remember(struct trace_state *state, struct span extensions)
{
    struct span body;

    if (trace_find_extension(extensions, TLS_EXTENSION_VERSIONS, &body)) {
        struct cursor cursor = cursor_of(body);
        state->version = cursor_number(&cursor, 2);
    }
    if (trace_find_extension(extensions, TLS_EXTENSION_KEY_SHARE, &body)) {
        struct cursor cursor = cursor_of(body);
        state->group = cursor_number(&cursor, 2);
    }
}

void trace_server_hello(struct trace_note *note, struct trace_state *state, struct span body)
{
    struct cursor cursor = cursor_of(body);
    enum trace_where where = trace_is_retry(body) ? TRACE_IN_RETRY : TRACE_IN_SERVER_HELLO;
    struct trace_state said = {.version = cursor_number(&cursor, 2)};

    (void)cursor_take(&cursor, RANDOM_SIZE);
    struct span session_id = cursor_vector(&cursor, 1);
    said.suite = cursor_number(&cursor, 2);
    struct span compression = cursor_take(&cursor, 1);
    struct span extensions = span_first(body, 0);
    if (cursor_has_more(&cursor)) /* TLS 1.2 may send none */
        extensions = cursor_vector(&cursor, 2);
    remember(&said, extensions);
    trace_field(note, "version");
    trace_put_name(note, TRACE_VERSION, said.version);
    put_session_id(note, session_id);
    trace_field(note, "cipher suite");
    trace_put_name(note, TRACE_SUITE, said.suite);
    put_compressions(note, compression);
    trace_extensions(note, extensions, where);
    note->is_malformed = note->is_malformed || cursor.is_bad || cursor.rest.len > 0;
    if (where == TRACE_IN_SERVER_HELLO)
        *state = said;
}
