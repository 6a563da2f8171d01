/*
 * message.c: postern message: a message's life for a human. Tests: tests/clients/test_queue.py.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/queue.h"
#include "mail/date.h"

static const char help[] =
    "postern message - the whole life of a message that went on\n"
    "\n"
    "  postern message ID [--json]\n"
    "                         from whom it came and over which TLS; each attempt to deliver it, "
    "with\n"
    "                         host, TLS, what was demanded of the host and why, what each check\n"
    "                         of its certificate said, and the reply; when the next one is due\n"
    "      --json             one JSON object a line, for programs\n"
    "\n"
    "ID is what stands behind msg= in the log and in the 250 reply. A history is kept for\n"
    "relay.history_time. Works while the server runs and when it does not.\n"
    "\n"
    "Example: postern message 00000000000004d2\n";

static int64_t number(struct span word)
{
    uint64_t value;
    return span_to_u64(word, INT64_MAX, &value) ? (int64_t)value : 0;
}

static void put_time(struct buf *out, struct span word)
{
    char text[DATE_TEXT_SIZE];
    date_rfc3339(number(word) / 1000000, text);
    buf_puts(out, text);
}

static void put_part(struct buf *out, const char *before, struct span text, const char *behind)
{
    if (text.len == 0)
        return;
    buf_puts(out, before);
    queue_put_safe(out, text);
    buf_puts(out, behind);
}

static void put_tls(struct buf *out, struct span version, struct span suite)
{
    if (version.len == 0) {
        buf_puts(out, "in plaintext");
        return;
    }
    put_part(out, "over ", version, " ");
    queue_put_safe(out, suite);
}

/* at size from client listener version suite login */
static void tell_received(struct buf *out, const struct span *words)
{
    bool is_known = !span_is(words[5], "unknown");
    buf_puts(out, "received   ");
    put_time(out, words[1]);
    if (!is_known) {
        buf_puts(out, " or before: there was no history then\n");
        return;
    }
    buf_puts(out, "  from <");
    queue_put_safe(out, words[3]);
    buf_printf(out, ">, %" PRId64 " bytes\n", number(words[2]));
    if (words[5].len == 0) {
        buf_puts(out, "           made by this server\n");
        return;
    }
    put_part(out, "           by ", words[5], "");
    put_part(out, " from ", words[4], ", ");
    put_tls(out, words[6], words[7]);
    put_part(out, ", logged in as ", words[8], "");
    buf_puts(out, "\n");
}

static void put_duration(struct buf *out, int64_t us)
{
    if (us < INT64_C(10000000))
        buf_printf(out, "%" PRId64 " ms", us / 1000);
    else
        queue_put_span(out, us);
}

/* Lines "what word sentence". */
static void put_checks(struct buf *out, struct span lines)
{
    while (lines.len > 0) {
        struct span line = span_cut(&lines, '\n');
        put_part(out, "\n             ", span_cut(&line, ' '), ": ");
        queue_put_safe(out, span_cut(&line, ' '));
        put_part(out, ": ", line, "");
    }
}

/* entry number at duration verdict recipient route host address version suite check text reply due
 * checks */
static void tell_attempt(struct buf *out, const struct span *words)
{
    buf_puts(out, "attempt ");
    queue_put_safe(out, words[2]);
    buf_puts(out, "  ");
    put_time(out, words[3]);
    put_part(out, "  ", words[5], "");
    put_part(out, "  to <", words[6], ">\n");
    put_part(out, "           by ", words[7], "");
    put_part(out, ", host ", words[8], "");
    put_part(out, " (", words[9], ")");
    bool has_session = words[9].len > 0;
    if (has_session) {
        buf_puts(out, ", ");
        put_tls(out, words[10], words[11]);
        buf_puts(out, ", ");
        put_duration(out, number(words[4]));
    }
    put_part(out, "\n           certificate: ", words[12], "");
    put_part(out, ": ", words[13], "");
    put_checks(out, words[16]);
    put_part(out, "\n           reply: ", words[14], "");
    if (number(words[15]) > 0) {
        buf_puts(out, "\n           next attempt: ");
        put_time(out, words[15]);
    }
    buf_puts(out, "\n");
}

/* entry attempts due held recipient last */
static void tell_waits(struct buf *out, const struct span *words)
{
    buf_puts(out, "in queue   entry ");
    queue_put_safe(out, words[1]);
    put_part(out, " to <", words[5], ">");
    if (number(words[4]) != 0) {
        buf_puts(out, ", held\n");
        return;
    }
    buf_puts(out, ", next attempt ");
    put_time(out, words[3]);
    buf_puts(out, "\n");
}

static void tell_stored(struct buf *out, const struct span *words)
{
    (void)words;
    buf_puts(out, "stored     the message is here still, in the queue or a mailbox\n");
}

static void tell_line(struct buf *out, struct span line, bool is_json)
{
    static const struct {
        const char *name;
        size_t words;
        void (*tell)(struct buf *out, const struct span *words);
    } kinds[] = {
        {"received", 9, tell_received},
        {"attempt", 17, tell_attempt},
        {"waits", 7, tell_waits},
        {"stored", 1, tell_stored},
    };
    struct admin_call call;
    admin_call_init(&call, NULL);
    int err = admin_line_read(&call, line);
    if (is_json && err == 0)
        message_put_json(out, call.words, call.word_count);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && err == 0 && !is_json; i++) {
        if (call.word_count == kinds[i].words && span_is(call.words[0], kinds[i].name))
            kinds[i].tell(out, call.words);
    }
    admin_call_deinit(&call);
}

static int ask(const struct settings *settings, const char *id, bool is_json)
{
    struct cli_channel *channel = cli_channel_open(settings);
    if (channel == NULL)
        return CLI_COULD_NOT;
    struct buf answer, out;
    buf_init(&answer, 0);
    buf_init(&out, 0);
    const struct span words[] = {span_of("message"), span_of("show"), span_of(id)};
    int status = cli_channel_ask(channel, words, 3, &answer);
    struct span rest = buf_span(&answer);
    while (status == CLI_OK && rest.len > 0)
        tell_line(&out, span_cut(&rest, '\n'), is_json);
    struct span told = status == CLI_OK ? buf_span(&out) : rest;
    (void)fwrite(told.ptr, 1, told.len, status == CLI_OK ? stdout : stderr);
    buf_release(&answer);
    buf_release(&out);
    cli_channel_close(&channel);
    return status;
}

int cli_message(int argc, char **argv)
{
    struct cli_common common;
    bool is_json = queue_cut_json(&argc, argv);
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    if (common.word_count != 1)
        return cli_usage("message", "expected one message ID");
    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    status = ask(settings, common.words[0], is_json);
    conf_unref(&settings);
    return status;
}
