/*
 * What the trace tells of certificates and staples, and that it stays within its bounds where they
 * are many or long.
 */
#include "base/mem.h"
#include "check.h"
#include "tests/fake/cert_mint.h"
#include "tests/fake/ocsp_mint.h"
#include "tls/trace_internal.h"

enum { CERTIFICATE = 11, CERTIFICATE_STATUS = 22 };

static struct trace_note note;

static struct span field(const char *name)
{
    for (size_t i = 0; i < note.field_count; i++) {
        if (strcmp(note.fields[i].name, name) == 0)
            return note.fields[i].value;
    }
    return span_of("");
}

static void put_u24(struct buf *out, size_t number)
{
    buf_put_byte(out, (char)(number >> 16));
    buf_put_byte(out, (char)(number >> 8));
    buf_put_byte(out, (char)number);
}

TEST(test_a_staple_is_told_as_message_and_as_extension)
{
    static const char *const words[] = {
        [OCSP_GOOD] = "good; as of 2027-01-15T07:00:00Z, until 2027-01-16T08:00:00Z",
        [OCSP_REVOKED] = "revoked; as of 2027-01-15T07:00:00Z, until 2027-01-16T08:00:00Z",
        [OCSP_UNKNOWN] = "unknown; as of 2027-01-15T07:00:00Z, until 2027-01-16T08:00:00Z"};
    struct cert_mint root = cert_mint(&(struct cert_wish){.cn = "Root", .is_authority = true});
    struct cert_mint leaf = cert_mint(&(struct cert_wish){.issuer = &root});
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct ocsp_wish wish = {.leaf = leaf.crt,
                                       .issuer = root.crt,
                                       .key = root.key,
                                       .says = (enum ocsp_says)i,
                                       .this_update_s = CERT_MINT_NOW_S - 3600,
                                       .next_update_s = CERT_MINT_NOW_S + 86400};
        struct trace_state state = {.version = 0x0303};
        struct buf der, body;
        check_case = words[i];
        buf_init(&der, 0);
        buf_init(&body, 0);
        ocsp_mint(&wish, &der);
        buf_put_byte(&body, 1);
        put_u24(&body, der.len);
        buf_put(&body, buf_span(&der));
        (void)trace_decode(&note, &state, CERTIFICATE_STATUS, buf_span(&body));
        check_span(field("staple 0"), words[i]);

        /* TLS 1.3: no context, one entry, one extension. */
        struct span crt = cert_mint_der(&leaf);
        state.version = 0x0304;
        buf_clear(&body);
        buf_put_byte(&body, 0);
        put_u24(&body, 3 + crt.len + 2 + 4 + 4 + der.len);
        put_u24(&body, crt.len);
        buf_put(&body, crt);
        buf_put_byte(&body, (char)((8 + der.len) >> 8));
        buf_put_byte(&body, (char)(8 + der.len));
        buf_put(&body, span_make("\0\x05", 2));
        buf_put_byte(&body, (char)((4 + der.len) >> 8));
        buf_put_byte(&body, (char)(4 + der.len));
        buf_put_byte(&body, 1);
        put_u24(&body, der.len);
        buf_put(&body, buf_span(&der));
        (void)trace_decode(&note, &state, CERTIFICATE, buf_span(&body));
        check_span(field("staple 0"), words[i]);
        check_span(field("certificates"), "1");
        check(!note.is_malformed && !note.is_cut);
        buf_release(&der);
        buf_release(&body);
    }
    cert_mint_free(&leaf);
    cert_mint_free(&root);
}

/* n - 1, n and n + 1 certificates, each with more names than are shown. */
TEST(test_long_chains_and_many_names_stay_within_bounds)
{
    struct cert_mint leaf = cert_mint(&(struct cert_wish){.name_count = 100});
    struct span crt = cert_mint_der(&leaf);
    for (size_t count = TRACE_CERTS_MAX - 1; count <= TRACE_CERTS_MAX + 1; count++) {
        struct trace_state state = {.version = 0x0303};
        struct buf body;
        char wanted[8];
        (void)snprintf(wanted, sizeof wanted, "%zu", count);
        check_case = wanted;
        buf_init(&body, 0);
        put_u24(&body, count * (3 + crt.len));
        for (size_t i = 0; i < count; i++) {
            put_u24(&body, crt.len);
            buf_put(&body, crt);
        }
        (void)trace_decode(&note, &state, CERTIFICATE, buf_span(&body));
        check_span(field("certificates"), wanted);
        check(!note.is_malformed);
        check(note.is_cut == (count > TRACE_CERTS_MAX));
        struct span first = field("certificate 0");
        check(span_find(first, span_of(" ...; issuer")) > 0 && first.len <= TRACE_VALUE_MAX);
        check(note.text_len <= TRACE_TEXT_MAX);
        buf_release(&body);
    }
    cert_mint_free(&leaf);
}

/* The text of a value ends where its room ends; what follows has its own. */
TEST(test_a_value_ends_at_its_limit)
{
    for (size_t len = TRACE_VALUE_MAX - 1; len <= TRACE_VALUE_MAX + 1; len++) {
        trace_note_reset(&note);
        trace_field(&note, "long");
        for (size_t i = 0; i < len; i++)
            trace_put(&note, "x");
        trace_say(&note, "short", "y");
        check_int(field("long").len, len < TRACE_VALUE_MAX ? len : TRACE_VALUE_MAX);
        check_span(field("short"), "y");
        check(note.is_cut == (len > TRACE_VALUE_MAX));
    }
    trace_note_reset(&note);
    for (size_t i = 0; i < TRACE_FIELDS_MAX + 1; i++)
        trace_say(&note, "field", "v");
    trace_note_finish(&note);
    check_int(note.field_count, TRACE_FIELDS_MAX);
    check_span(field("note"), "cut: not all is shown");
}

CHECK_MAIN({"test_a_staple_is_told_as_message_and_as_extension",
            test_a_staple_is_told_as_message_and_as_extension},
           {"test_long_chains_and_many_names_stay_within_bounds",
            test_long_chains_and_many_names_stay_within_bounds},
           {"test_a_value_ends_at_its_limit", test_a_value_ends_at_its_limit})
