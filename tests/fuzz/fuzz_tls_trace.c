/*
 * Any bytes as any handshake message, in any version: the decoder stays inside the body and its own
 * memory, and what it says can be put into JSON and text. First byte: the message's type; second:
 * the version before it; third: the suite.
 */
#include "base/mem.h"
#include "base/require.h"
#include "lens/json.h"
#include "lens/text.h"
#include "tls/trace_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void put(const struct tap_event *event)
{
    const struct lens_style style = {.show = LENS_BYTES};
    struct buf out;
    buf_init(&out, 0);
    lens_put_json(&out, event, 0);
    require(buf_span(&out).ptr[out.len - 1] == '\n');
    lens_put_text(&out, event, 0, &style);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const unsigned suites[] = {0x1301, 0xc02b, 0x009e, 0x002f};
    if (size < 3)
        return 0;
    struct trace_note *note = mem_new(struct trace_note);
    struct trace_state state = {.version = bytes[1] % 2 == 0 ? 0x0304 : 0x0303,
                                .suite = suites[bytes[2] % 4]};
    struct span body = span_make((const char *)bytes + 3, size - 3);
    const char *name = trace_decode(note, &state, bytes[0] % 32, body);

    require(note->field_count <= TRACE_FIELDS_MAX && note->text_len <= TRACE_TEXT_MAX);
    for (size_t i = 0; i < note->hidden_count; i++)
        require(note->hidden[i].ptr >= body.ptr &&
                note->hidden[i].ptr + note->hidden[i].len <= body.ptr + body.len);
    put(&(struct tap_event){.kind = TAP_HANDSHAKE,
                            .way = TAP_IN,
                            .name = name,
                            .fields = note->fields,
                            .field_count = note->field_count,
                            .bytes = body});
    mem_free(note);
    return 0;
}
