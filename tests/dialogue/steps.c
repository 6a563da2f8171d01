/* steps: what each kind of line in a dialogue does. See README.md for the list. */
#include "base/codec.h"
#include "base/require.h"
#include "tests/dialogue/runner_internal.h"

#include <stdio.h>

enum { BYTEWISE_MAX = 20000 }; /* longer pieces go in random cuts in the mode "bytes" */

static enum sim_cut mode_cut(enum dialogue_mode mode)
{
    return mode == DIALOGUE_BYTES ? SIM_BYTES : mode == DIALOGUE_CUTS ? SIM_CUTS : SIM_WHOLE;
}

void runner_fail(struct runner *runner, const char *what, struct span wanted, struct span got)
{
    struct buf *out = &runner->transcript;

    if (runner->has_failed)
        return;
    runner->has_failed = true;
    buf_printf(out, "%s:%u: [%s] %s\n", runner->dialogue->path, runner->line_number,
               dialogue_mode_names[runner->mode], what);
    buf_puts(out, "    wanted: ");
    pattern_show(wanted, out);
    buf_puts(out, "\n    got:    ");
    pattern_show(span_first(got, 400), out);
    buf_puts(out, "\n");
}

static void note(struct runner *runner, const char *mark, size_t index, struct span text)
{
    buf_printf(&runner->transcript, "  %s%zu: ", mark, index + 1);
    pattern_show(span_first(text, 200), &runner->transcript);
    buf_puts(&runner->transcript, "\n");
}

/* The peer, connected at its first use. */
static struct peer *peer_of(struct runner *runner, size_t index)
{
    struct peer *peer = &runner->peers[index];

    if (!peer->is_open &&
        !peer_connect(peer, &runner->world, runner->role, runner->service, mode_cut(runner->mode)))
        runner_fail(runner, "no TLS handshake", span_of(""), span_of(peer->fault.text));
    return peer;
}

void runner_flush(struct runner *runner)
{
    if (runner->unsent.len > 0) {
        struct peer *peer = peer_of(runner, runner->speaker);
        bool is_long = runner->mode == DIALOGUE_BYTES && runner->unsent.len > BYTEWISE_MAX;
        if (is_long)
            peer_set_cut(peer, SIM_CUTS);
        peer_send(peer, buf_span(&runner->unsent));
        buf_clear(&runner->unsent);
        sim_run(runner->world.sim);
        if (is_long)
            peer_set_cut(peer, SIM_BYTES);
    }
    sim_run(runner->world.sim);
}

static struct buf *unsent_of(struct runner *runner, size_t index)
{
    if (runner->speaker != index)
        runner_flush(runner);
    runner->speaker = index;
    (void)peer_of(runner, index);
    return &runner->unsent;
}

static void say(struct runner *runner, size_t index, char mark, struct span text)
{
    struct buf *unsent = unsent_of(runner, index);
    size_t before = unsent->len;

    pattern_expand(text, &runner->variables, unsent);
    note(runner, "C", index, span_from(buf_span(unsent), before));
    if (mark == ':')
        buf_puts(unsent, "\r\n");
}

/* Cuts a line off the front of buf; false when there is no whole one. */
static bool cut_line(struct buf *buf, struct buf *line_out)
{
    ptrdiff_t end = span_find(buf_span(buf), span_of("\r\n"));

    buf_clear(line_out);
    if (end < 0)
        return false;
    buf_put(line_out, span_first(buf_span(buf), (size_t)end));
    buf_consume(buf, (size_t)end + 2);
    return true;
}

static void expect_line(struct runner *runner, struct buf *from, char mark, struct span pattern)
{
    struct buf line, expanded;

    buf_init(&line, 0);
    buf_init(&expanded, 0);
    for (bool does_fit = false; !does_fit && !runner->has_failed;) {
        if (!cut_line(from, &line)) {
            runner_fail(runner, mark == '+' ? "no line fits" : "no line came", pattern,
                        buf_span(from));
            break;
        }
        does_fit = pattern_fits(pattern, buf_span(&line), &runner->variables);
        buf_puts(&runner->transcript, "  S: ");
        pattern_show(span_first(buf_span(&line), 200), &runner->transcript);
        buf_puts(&runner->transcript, "\n");
        if (!does_fit && mark == ':')
            runner_fail(runner, "another line came", pattern, buf_span(&line));
    }
    buf_release(&line);
    buf_release(&expanded);
}

static void expect_bytes(struct runner *runner, struct buf *from, struct span text)
{
    struct buf wanted;

    buf_init(&wanted, 0);
    pattern_expand(text, &runner->variables, &wanted);
    if (span_starts(buf_span(from), buf_span(&wanted)))
        buf_consume(from, wanted.len);
    else
        runner_fail(runner, "other bytes came", buf_span(&wanted), buf_span(from));
    buf_release(&wanted);
}

static void hear(struct runner *runner, struct buf *from, char mark, struct span text)
{
    if (mark == '~')
        expect_bytes(runner, from, text);
    else
        expect_line(runner, from, mark, text);
}

static void act_tls(struct runner *runner, size_t index, struct span text)
{
    struct peer *peer = peer_of(runner, index);

    (void)text;
    if (peer->clear.len > 0)
        runner_fail(runner, "plaintext behind the go-ahead", span_of(""), buf_span(&peer->clear));
    else if (!peer_start_tls(peer, runner->role->alpn))
        runner_fail(runner, "no TLS handshake", span_of(""), span_of(peer->fault.text));
}

static void act_close(struct runner *runner, size_t index, struct span text)
{
    struct peer *peer = peer_of(runner, index);

    (void)text;
    if (peer->clear.len > 0)
        runner_fail(runner, "more came before the end", span_of(""), buf_span(&peer->clear));
    else if (!peer->has_end)
        runner_fail(runner, "the connection is still open", span_of("the end"), span_of(""));
    else if (peer->end_err != 0)
        runner_fail(runner, "no orderly end", span_of(""), span_of(err_name(peer->end_err)));
}

static void act_quiet(struct runner *runner, size_t index, struct span text)
{
    struct peer *peer = peer_of(runner, index);

    (void)text;
    if (peer->clear.len > 0)
        runner_fail(runner, "something came", span_of(""), buf_span(&peer->clear));
    else if (peer->has_end)
        runner_fail(runner, "the connection ended", span_of("quiet"), span_of(""));
}

static void act_eof(struct runner *runner, size_t index, struct span text)
{
    (void)text;
    peer_end(peer_of(runner, index));
    sim_run(runner->world.sim);
}

static void act_reset(struct runner *runner, size_t index, struct span text)
{
    (void)text;
    peer_reset(peer_of(runner, index));
    sim_run(runner->world.sim);
}

static void act_wait(struct runner *runner, size_t index, struct span text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    size_t digits = 0;
    uint64_t number = 0;

    (void)index;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    require(span_to_u64(span_first(text, digits), 1000000, &number));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (span_is(span_from(text, digits), units[i].unit))
            sim_advance_ms(runner->world.sim, (int64_t)number * units[i].ms);
}

static void act_fill(struct runner *runner, size_t index, struct span text)
{
    struct buf *unsent = unsent_of(runner, index);
    struct span rest = text;
    struct buf pattern;
    uint64_t size = 0;

    buf_init(&pattern, 0);
    require(span_to_u64(span_cut(&rest, ' '), 1 << 30, &size));
    pattern_expand(rest, &runner->variables, &pattern);
    require(pattern.len > 0);
    for (size_t left = (size_t)size; left > 0;) {
        struct span piece = span_first(buf_span(&pattern), left);
        buf_put(unsent, piece);
        left -= piece.len;
    }
    buf_release(&pattern);
    note(runner, "C", index, text);
}

static void act_b64(struct runner *runner, size_t index, struct span text)
{
    struct buf *unsent = unsent_of(runner, index);
    struct buf bytes;

    buf_init(&bytes, 0);
    pattern_expand(text, &runner->variables, &bytes);
    codec_base64_put(buf_span(&bytes), unsent);
    buf_puts(unsent, "\r\n");
    buf_release(&bytes);
    note(runner, "C", index, text);
}

static void act_shutdown(struct runner *runner, size_t index, struct span text)
{
    (void)index;
    (void)text;
    conn_env_drain(&runner->world.env);
    sim_run(runner->world.sim);
}

static void check_count(struct runner *runner, int64_t count, struct span wanted)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%lld", (long long)count);
    if (!span_is(wanted, text))
        runner_fail(runner, "another number of messages", wanted, span_of(text));
}

static void act_mailbox(struct runner *runner, size_t index, struct span text)
{
    struct span rest = text;
    struct span address = span_cut(&rest, ' ');
    struct span mailbox = span_cut(&rest, ' ');

    (void)index;
    buf_clear(&runner->message);
    check_count(runner, world_read_mailbox(&runner->world, address, mailbox, &runner->message),
                rest);
}

static void act_inbox(struct runner *runner, size_t index, struct span text)
{
    struct span rest = text;
    struct span address = span_cut(&rest, ' ');

    (void)index;
    buf_clear(&runner->message);
    check_count(runner,
                world_read_mailbox(&runner->world, address, span_of("INBOX"), &runner->message),
                rest);
}

static void act_queue(struct runner *runner, size_t index, struct span text)
{
    (void)index;
    buf_clear(&runner->message);
    check_count(runner, world_read_queue(&runner->world, &runner->message), text);
}

static void act_end(struct runner *runner, size_t index, struct span text)
{
    (void)index;
    (void)text;
    if (runner->message.len > 0)
        runner_fail(runner, "more is in the message", span_of(""), buf_span(&runner->message));
}

static const struct action {
    const char *name;
    void (*run)(struct runner *runner, size_t index, struct span text);
    bool is_speech; /* goes with the client lines around it */
} actions[] = {
    {"TLS", act_tls, false},         {"CLOSE", act_close, false}, {"QUIET", act_quiet, false},
    {"EOF", act_eof, false},         {"RESET", act_reset, false}, {"WAIT", act_wait, false},
    {"FILL", act_fill, true},        {"B64", act_b64, true},      {"SHUTDOWN", act_shutdown, false},
    {"MAILBOX", act_mailbox, false}, {"INBOX", act_inbox, false}, {"QUEUE", act_queue, false},
    {"END", act_end, false},
};

static void act(struct runner *runner, size_t index, struct span text)
{
    struct span rest = text;
    struct span name = span_cut(&rest, ' ');

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!span_is(name, actions[i].name))
            continue;
        if (!actions[i].is_speech)
            runner_flush(runner);
        note(runner, "=", index, text);
        actions[i].run(runner, index, rest.ptr == NULL ? span_of("") : rest);
        return;
    }
    runner_fail(runner, "no such action", span_of("see tests/dialogue/README.md"), text);
}

/* "C:", "S2+", "==3" and so on, then one space that is left out, then text. */
void runner_step(struct runner *runner, struct span line)
{
    size_t at = span_starts(line, span_of("==")) ? 2 : 1;
    char kind = line.ptr[0], mark = ':';
    size_t index = 0;

    if (at < line.len && line.ptr[at] >= '1' && line.ptr[at] <= '9')
        index = (size_t)(line.ptr[at++] - '1');
    if (kind != '=')
        mark = at < line.len ? line.ptr[at++] : '\0';
    struct span text = span_from(line, at);
    if (text.len > 0 && text.ptr[0] == ' ')
        text = span_from(text, 1);
    bool is_known =
        strchr("CSM=", kind) != NULL && strchr(kind == 'C' ? ":~" : ":~+", mark) != NULL;
    if (!is_known || mark == '\0') {
        runner_fail(runner, "no such line", span_of("C: S: M: == #"), line);
        return;
    }
    if (kind == '=') {
        act(runner, index, text);
    } else if (kind == 'C') {
        say(runner, index, mark, text);
    } else {
        (void)peer_of(runner, index);
        runner_flush(runner);
        hear(runner, kind == 'M' ? &runner->message : &runner->peers[index].clear, mark, text);
    }
}
