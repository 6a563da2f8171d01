/*
 * connect_record.c: keeps what a look shows: events are borrowed until the tap returns, so all of
 * them is copied here, within limits. Counts round trips on the way. Tests:
 * tests/unit/test_connect_record.c.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "cli/connect.h"
#include "pki/portrait.h"
#include "pki/verdict.h"

enum { FIRST_CAPACITY = 64, NEW_SESSION_TICKET = 4, DAY_S = 86400 };

void connect_record_init(struct connect_record *record, const struct connect_options *options)
{
    *record = (struct connect_record){.options = options, .words = ""};
    arena_init(&record->arena);
    buf_init(&record->misses, 0);
}

void connect_record_deinit(struct connect_record *record)
{
    arena_reset(&record->arena);
    mem_free(record->events);
    buf_release(&record->misses);
}

const char *connect_record_text(struct connect_record *record, struct span text)
{
    return arena_printf(&record->arena, "%.*s", (int)text.len, text.ptr);
}

static size_t size_of(const struct tap_event *event)
{
    size_t size = event->detail.len + event->bytes.len;

    for (size_t i = 0; i < event->field_count; i++)
        size += event->fields[i].value.len + sizeof(struct tap_field);
    return size;
}

static struct span copy_span(struct connect_record *record, struct span bytes)
{
    return bytes.len > 0 ? arena_copy(&record->arena, bytes) : span_of("");
}

static struct tap_event copy_event(struct connect_record *record, const struct tap_event *event)
{
    struct tap_event copy = *event;

    copy.detail = copy_span(record, event->detail);
    copy.bytes = copy_span(record, event->bytes);
    if (event->name != NULL)
        copy.name = connect_record_text(record, span_of(event->name));
    if (event->field_count == 0)
        return copy;
    struct tap_field *fields =
        arena_alloc(&record->arena, event->field_count * sizeof(struct tap_field));
    for (size_t i = 0; i < event->field_count; i++) {
        fields[i].name = event->fields[i].name; /* a literal */
        fields[i].value = copy_span(record, event->fields[i].value);
    }
    copy.fields = fields;
    return copy;
}

static void note_check(struct connect_record *record, const struct tap_event *event)
{
    if (record->check_count == CONNECT_CHECKS_MAX)
        return;
    record->checks[record->check_count++] =
        (struct connect_check){.step = event->name != NULL ? event->name : "certificate",
                               .verdict = (enum pki_check)event->code,
                               .sentence = connect_record_text(record, event->detail)};
}

/* An answer to what we said, or to our connecting, is a round trip. A ticket answers nothing: it
 * comes along with something else. */
static void note_trip(struct connect_record *record, const struct tap_event *event, bool is_secure)
{
    bool is_line = event->kind == TAP_LINE;
    bool is_message = event->kind == TAP_HANDSHAKE && event->code != NEW_SESSION_TICKET;

    if (event->kind == TAP_OPEN)
        record->is_waiting = true;
    if ((!is_line && !is_message) || record->command_us != 0)
        return;
    if (is_line && is_secure && event->way == TAP_OUT)
        record->command_us = event->at_us;
    if (event->way == TAP_OUT)
        record->is_waiting = true;
    if (event->way != TAP_IN || !record->is_waiting)
        return;
    record->is_waiting = false;
    if (is_message)
        record->trips_tls++;
    else if (is_secure)
        record->trips_secure++;
    else
        record->trips_plain++;
}

void connect_record_event(struct connect_record *record, const struct tap_event *event,
                          bool is_secure)
{
    note_trip(record, event, is_secure);
    if (event->kind == TAP_OPEN && record->opened_us == 0)
        record->opened_us = event->at_us;
    if (event->kind == TAP_HANDSHAKE && record->hello_us == 0)
        record->hello_us = event->at_us;
    if (event->kind == TAP_CHECK)
        note_check(record, event);
    if (record->count == CONNECT_EVENTS_MAX ||
        record->arena.used + size_of(event) > CONNECT_BYTES_MAX) {
        record->left_out++;
        return;
    }
    if (record->count == record->capacity) {
        record->capacity = record->capacity > 0 ? 2 * record->capacity : FIRST_CAPACITY;
        record->events =
            mem_realloc(record->events, record->capacity * sizeof(struct connect_event));
    }
    record->events[record->count++] =
        (struct connect_event){.event = copy_event(record, event), .is_secure = is_secure};
}

int connect_record_status(const struct connect_record *record)
{
    if (!record->has_facts)
        return 1;
    if (record->facts.check != PKI_CHECK_GOOD)
        return CONNECT_STATUS_RED;
    return record->has_result && record->result == PROBE_DONE ? 0 : 1;
}

unsigned connect_record_trips(const struct connect_record *record)
{
    return 1 + record->trips_plain + record->trips_tls + record->trips_secure;
}

struct pki_portrait *connect_record_leaf(const struct connect_record *record)
{
    struct span chain[CONNECT_CHAIN_MAX], staple;

    if (connect_record_chain(record, chain, &staple) == 0)
        return NULL;
    return pki_portrait_create(chain[0]);
}

int64_t connect_days_left(const struct connect_record *record, int64_t until_s)
{
    int64_t left_s = until_s - record->began_us / 1000000;

    return left_s >= 0 ? left_s / DAY_S : -1;
}
