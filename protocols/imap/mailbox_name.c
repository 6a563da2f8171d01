/*
 * mailbox_name: owns the two encodings of names, what a name may be, and the matcher of LIST
 * patterns. Which mailboxes there are is cmd_list.c's and the store's business.
 * Tests: tests/unit/test_imap_mailbox_name.c, tests/fuzz/fuzz_imap_mailbox_name.c.
 */
#include "protocols/imap/mailbox_name.h"

#include "base/err.h"
#include "base/utf8.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int base64_value(char c)
{
    const char *found = c == '\0' ? NULL : strchr(base64, c);
    return found == NULL ? -1 : (int)(found - base64);
}

/* The UTF-16 of one base64 run, taken unit by unit. */
struct utf16 {
    uint32_t bits;
    unsigned bit_count;
    uint32_t high; /* a high surrogate that waits for its low one; 0: none */
};

static int put_code_point(struct buf *out, uint32_t code)
{
    if (code < 0x80 && code != 0 && code >= ' ' && code < 127)
        return ERR_SYNTAX; /* printable ASCII stands for itself */
    if (code == 0)
        return ERR_SYNTAX;
    if (out->max != 0 && out->max - out->len < 4)
        return ERR_LIMIT;
    utf8_put(out, code);
    return 0;
}

static int put_unit(struct utf16 *state, uint32_t unit, struct buf *out)
{
    bool is_high = unit >= 0xd800 && unit < 0xdc00;
    bool is_low = unit >= 0xdc00 && unit < 0xe000;
    if (is_low != (state->high != 0))
        return ERR_SYNTAX;
    if (is_high) {
        state->high = unit;
        return 0;
    }
    uint32_t code = unit;
    if (is_low)
        code = 0x10000 + ((state->high - 0xd800) << 10) + (unit - 0xdc00);
    state->high = 0;
    return put_code_point(out, code);
}

/* One run, behind its '&'; *at ends behind its '-'. */
static int decode_run(struct span text, size_t *at, struct buf *out)
{
    struct utf16 state = {0};
    for (; *at < text.len && text.ptr[*at] != '-'; (*at)++) {
        int value = base64_value(text.ptr[*at]);
        if (value < 0)
            return ERR_SYNTAX;
        state.bits = (state.bits << 6 | (uint32_t)value) & 0x3fffff;
        state.bit_count += 6;
        if (state.bit_count < 16)
            continue;
        state.bit_count -= 16;
        int err = put_unit(&state, state.bits >> state.bit_count & 0xffff, out);
        if (err != 0)
            return err;
    }
    if (*at == text.len)
        return ERR_SYNTAX;
    (*at)++;
    bool is_padded = state.bit_count < 6 && (state.bits & ((1U << state.bit_count) - 1)) == 0;
    return is_padded && state.high == 0 ? 0 : ERR_SYNTAX;
}

int imap_utf7_decode(struct span text, struct buf *utf8_out)
{
    bool is_after_run = false;
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at++];
        if (c != '&') {
            is_after_run = false;
            if (buf_append(utf8_out, span_make(&c, 1)) != 0)
                return ERR_LIMIT;
            continue;
        }
        bool is_ampersand = at < text.len && text.ptr[at] == '-';
        if (is_after_run && !is_ampersand)
            return ERR_SYNTAX; /* two runs in a row are one run written twice */
        int err = 0;
        if (is_ampersand)
            err = buf_append(utf8_out, span_of("&"));
        else
            err = decode_run(text, &at, utf8_out);
        if (err != 0)
            return err;
        at += is_ampersand;
        is_after_run = !is_ampersand;
    }
    return utf8_is_valid(buf_span(utf8_out)) ? 0 : ERR_SYNTAX;
}

struct run_writer {
    struct buf *out;
    uint32_t bits;
    unsigned bit_count;
    bool is_open;
};

static void run_put(struct run_writer *run, uint32_t unit)
{
    if (!run->is_open)
        buf_put_byte(run->out, '&');
    run->is_open = true;
    run->bits = run->bits << 16 | unit;
    run->bit_count += 16;
    while (run->bit_count >= 6) {
        run->bit_count -= 6;
        buf_put_byte(run->out, base64[run->bits >> run->bit_count & 63]);
    }
    run->bits &= (1U << run->bit_count) - 1;
}

static void run_close(struct run_writer *run)
{
    if (!run->is_open)
        return;
    if (run->bit_count > 0)
        buf_put_byte(run->out, base64[run->bits << (6 - run->bit_count) & 63]);
    buf_put_byte(run->out, '-');
    *run = (struct run_writer){.out = run->out};
}

void imap_utf7_encode(struct span utf8, struct buf *text_out)
{
    struct run_writer run = {.out = text_out};
    for (size_t at = 0; at < utf8.len;) {
        uint32_t code = utf8_next(utf8, &at);
        if (code >= ' ' && code < 127) {
            run_close(&run);
            buf_put_byte(text_out, (char)code);
            if (code == '&')
                buf_put_byte(text_out, '-');
            continue;
        }
        if (code < 0x10000) {
            run_put(&run, code);
            continue;
        }
        run_put(&run, 0xd800 + ((code - 0x10000) >> 10));
        run_put(&run, 0xdc00 + ((code - 0x10000) & 0x3ff));
    }
    run_close(&run);
}

static const char *find_fault(struct span name, enum imap_name_use use)
{
    if (name.len == 0)
        return "a mailbox name is empty";
    if (name.ptr[0] == '/' || name.ptr[name.len - 1] == '/')
        return "a mailbox name may not begin or end with '/'";
    if (span_find(name, span_of("//")) >= 0)
        return "a mailbox name has an empty level";
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < ' ' || c == 127)
            return "a mailbox name has a control character";
        if (use == IMAP_NAME_MAKE && (c == '*' || c == '%'))
            return "a mailbox name may not have '*' or '%'";
    }
    return NULL;
}

static bool has_inbox_level(struct span name)
{
    return span_starts_nocase(name, span_of("INBOX")) && (name.len == 5 || name.ptr[5] == '/');
}

bool imap_name_parse(struct span text, enum imap_name_use use, struct arena *arena,
                     struct span *out, const char **error_out)
{
    struct buf name;
    buf_init(&name, IMAP_NAME_MAX);
    int err = imap_utf7_decode(text, &name);
    struct span decoded = buf_span(&name);

    bool is_tree = decoded.len > 1 && decoded.ptr[decoded.len - 1] == '/';
    if (use == IMAP_NAME_MAKE && is_tree)
        decoded.len--; /* RFC 3501 6.3.3: the client means to make names below it */
    if (err == 0)
        *error_out = find_fault(decoded, use);
    else
        *error_out = err == ERR_LIMIT ? "a mailbox name is longer than 1000 bytes"
                                      : "a mailbox name is not valid modified UTF-7";
    if (*error_out == NULL) {
        char *copy = arena_text(arena, decoded);
        if (has_inbox_level(decoded))
            memcpy(copy, "INBOX", 5);
        *out = span_make(copy, decoded.len);
    }
    buf_release(&name);
    return *error_out == NULL;
}

/* State i: the first i literal bytes of the pattern have been matched. A wildcard behind them lets
 * the state stay: '*' on any byte, '%' on any but '/'. */
enum { STATES = IMAP_PATTERN_MAX + 1, WORDS = (STATES + 63) / 64 };

struct state_set {
    uint64_t words[WORDS];
};

struct imap_pattern {
    size_t word_count;
    size_t literal_count;
    struct state_set star;       /* states that may stay on any byte */
    struct state_set any_level;  /* states that may stay on a byte that is no '/' */
    struct state_set takes[256]; /* states that a byte moves on */
};

static void set_bit(struct state_set *set, size_t bit)
{
    set->words[bit / 64] |= (uint64_t)1 << bit % 64;
}

struct imap_pattern *imap_pattern_create(struct span reference, struct span pattern,
                                         struct arena *arena)
{
    struct buf text;
    buf_init(&text, IMAP_PATTERN_MAX);
    struct imap_pattern *made = NULL;
    struct buf joined;
    buf_init(&joined, 0);
    buf_put(&joined, reference);
    buf_put(&joined, pattern);
    if (imap_utf7_decode(buf_span(&joined), &text) != 0)
        goto out;

    made = arena_new(arena, struct imap_pattern);
    struct span decoded = buf_span(&text);
    for (size_t i = 0; i < decoded.len; i++) {
        unsigned char c = (unsigned char)decoded.ptr[i];
        if (c == '*')
            set_bit(&made->star, made->literal_count);
        if (c == '*' || c == '%')
            set_bit(&made->any_level, made->literal_count);
        else
            set_bit(&made->takes[c], made->literal_count++);
    }
    made->word_count = made->literal_count / 64 + 1;
out:
    buf_release(&joined);
    buf_release(&text);
    return made;
}

static unsigned char other_case(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned char)(c + 'a' - 'A');
    return c;
}

static void step(const struct imap_pattern *pattern, unsigned char byte, unsigned char alternative,
                 struct state_set *states)
{
    const struct state_set *stay = byte == '/' ? &pattern->star : &pattern->any_level;
    const struct state_set *takes = &pattern->takes[byte];
    const struct state_set *takes_too = &pattern->takes[alternative];
    uint64_t carry = 0;

    for (size_t i = 0; i < pattern->word_count; i++) {
        uint64_t now = states->words[i];
        uint64_t moving = now & (takes->words[i] | takes_too->words[i]);
        states->words[i] = (now & stay->words[i]) | moving << 1 | carry;
        carry = moving >> 63;
    }
}

bool imap_pattern_matches(const struct imap_pattern *pattern, struct span name)
{
    struct state_set states = {{1}};
    bool is_inbox = has_inbox_level(name);
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.ptr[i];
        step(pattern, byte, is_inbox && i < 5 ? other_case(byte) : byte, &states);
    }
    size_t last = pattern->literal_count;
    return (states.words[last / 64] >> last % 64 & 1) != 0;
}
