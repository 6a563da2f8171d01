/*
 * input: the command cycle. Collects a command (lexer.h), reads its tag and name from the first
 * line, asks the gate before any literal is asked for, and runs the row's handler. A refused
 * literal that is sent unasked (LITERAL+) is skipped, never read as commands.
 * Tests: tests/dialogue/imap, tests/fuzz/fuzz_imap_session.c.
 */
#include "base/err.h"
#include "net/out.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/update.h"

/* A literal before login is a name, a password or a SASL response. */
enum { LOGIN_LITERAL_MAX = AUTH_RESPONSE_MAX };
/* The longest command name is "AUTHENTICATE"; a longer word is no command. */
enum { NAME_MAX_LEN = 24 };
/* A refused LITERAL+ is skipped up to so many times the message limit; beyond, the connection is
 * closed, which RFC 7888 section 4 allows. */
enum { SKIP_FACTOR = 4 };

static session_line_fn on_line, on_skipped_line;
static session_bytes_fn on_literal, on_skip;

int64_t imap_timeout_ms(const struct imap *imap)
{
    if (imap->state != IMAP_NOT_AUTHENTICATED)
        return imap->service->settings->idle_timeout_ms;
    /* One deadline for all that comes before login, so that no number of NOOPs prolongs it. */
    int64_t left = imap->login_deadline_ms - clock_monotonic_ms(imap->host->clock);
    return left > 1 ? left : 1;
}

struct verdict imap_want_again(struct imap *imap)
{
    struct verdict verdict = want_line(imap->line_max, imap_timeout_ms(imap), imap->line_then);
    verdict.is_secret = imap->line_is_secret;
    return verdict;
}

struct verdict imap_want_line(struct imap *imap, size_t max, session_line_fn *then)
{
    imap->line_max = max;
    imap->line_then = then;
    imap->line_is_secret = false;
    return imap_want_again(imap);
}

struct verdict imap_want_secret(struct imap *imap, size_t max, session_line_fn *then)
{
    imap->line_max = max;
    imap->line_then = then;
    imap->line_is_secret = true;
    return imap_want_again(imap);
}

static struct verdict want_command_line(struct imap *imap)
{
    return imap_want_line(imap, imap->service->settings->command_line_max, on_line);
}

struct verdict imap_next_command(struct imap *imap)
{
    imap_lexer_reset(&imap->lexer);
    arena_reset(&imap->arena);
    buf_release(&imap->scratch);
    imap->command = NULL;
    imap->refusal.text = NULL;
    imap->tag[0] = '\0';
    return want_command_line(imap);
}

void imap_refuse(struct imap *imap, enum imap_reply_kind kind, const char *code, const char *text)
{
    imap->refusal.kind = kind;
    imap->refusal.code = code;
    imap->refusal.text = text;
}

static struct verdict refuse_now(struct imap *imap)
{
    struct span code = imap->refusal.code == NULL ? (struct span){0} : span_of(imap->refusal.code);
    return imap_reply(imap, imap->refusal.kind, code, imap->refusal.text);
}

/* The tag, or "*" where there is none to answer to. */
static size_t read_tag(struct imap *imap, struct span line)
{
    size_t len = 0;
    while (len < line.len && imap_is_tag_char(line.ptr[len]))
        len++;
    bool is_tag = len > 0 && len <= IMAP_TAG_MAX && len < line.len && line.ptr[len] == ' ';
    if (!is_tag) {
        memcpy(imap->tag, "*", 2);
        return 0;
    }
    memcpy(imap->tag, line.ptr, len);
    imap->tag[len] = '\0';
    return len;
}

static size_t word_len(struct span text)
{
    size_t len = 0;
    while (len < text.len && imap_is_atom_char(text.ptr[len]))
        len++;
    return len;
}

/* Length of the name at the start of text; "UID" and the word behind it are one name. */
static size_t name_len(struct span text)
{
    size_t len = word_len(text);
    if (!span_is_nocase(span_first(text, len), "UID") || len + 1 >= text.len ||
        text.ptr[len] != ' ')
        return len;
    return len + 1 + word_len(span_from(text, len + 1));
}

static const char *gate_refusal(enum command_gate gate)
{
    switch (gate) {
    case COMMAND_NEEDS_TLS:
        return "This needs TLS: use STARTTLS first";
    case COMMAND_ALREADY_TLS:
        return "TLS is active already";
    case COMMAND_WRONG_STATE:
        return "Not in this state";
    case COMMAND_HAS_ARGUMENT:
        return "This command takes no argument";
    case COMMAND_UNKNOWN:
        return "Unknown command";
    case COMMAND_ALLOWED:
        break;
    }
    return NULL;
}

static void ask_gate(struct imap *imap, bool has_argument)
{
    const struct imap_command *command = imap->command;
    bool is_tls = imap->host->tls != NULL;
    bool is_upgrade = (command->traits & IMAP_IS_UPGRADE) != 0;
    if (!is_upgrade)
        is_tls = is_tls || imap->service->auth_without_tls;

    enum command_gate gate = command_check(&command->base, imap->state, is_tls, has_argument);
    if (gate == COMMAND_NEEDS_TLS)
        imap_refuse(imap, IMAP_NO, "PRIVACYREQUIRED", gate_refusal(gate)); /* RFC 5530 */
    else if (gate != COMMAND_ALLOWED)
        imap_refuse(imap, IMAP_BAD, NULL, gate_refusal(gate));
    else if (is_upgrade && !imap->service->offers_starttls)
        imap_refuse(imap, IMAP_BAD, NULL, "STARTTLS is not offered here");
    else if ((command->traits & IMAP_NEEDS_WRITABLE) != 0 && imap->selected->is_read_only)
        imap_refuse(imap, IMAP_NO, NULL, "The mailbox is read-only: SELECT it to change it");
}

/* Reads tag and name; leaves a refusal when the command may not go on. */
static void begin_command(struct imap *imap, struct span line)
{
    size_t tag_len = read_tag(imap, line);
    if (tag_len == 0) {
        imap_refuse(imap, IMAP_BAD, NULL, "A command begins with a tag and a space");
        return;
    }
    struct span text = span_from(line, tag_len + 1);
    size_t len = name_len(text);
    struct span behind = span_from(text, len);
    bool is_word = len > 0 && len <= NAME_MAX_LEN && (behind.len == 0 || behind.ptr[0] == ' ');
    if (is_word)
        imap->command = imap_command_find(span_first(text, len));
    if (imap->command == NULL) {
        imap_refuse(imap, IMAP_BAD, NULL, "Unknown command");
        return;
    }
    imap->args_at = tag_len + 1 + len;
    ask_gate(imap, behind.len > 0);
}

/* A web browser that was lured here (ALPACA) gets nothing reflected and no second line. */
static bool is_http(struct span line)
{
    return span_find(line, span_of(" HTTP/1.")) > 0 || span_starts_nocase(line, span_of("Host: "));
}

static struct verdict refuse_http(struct imap *imap)
{
    struct log_line entry;
    imap_log_begin(imap, &entry, LOG_INFO, "http");
    log_end(&entry);
    return imap_bye(imap, "This is not a web server");
}

static struct verdict run_command(struct imap *imap)
{
    if (imap->refusal.text != NULL)
        return refuse_now(imap);
    imap_args_init(&imap->args, imap_lexer_text(&imap->lexer), &imap->arena);
    imap->args.at = imap->args_at;
    return imap->command->run(imap);
}

static struct verdict want_skip(struct imap *imap)
{
    if (imap->skip_left == 0)
        return imap_want_secret(imap, imap->service->settings->command_line_max, on_skipped_line);
    size_t max = imap->skip_left > SIZE_MAX ? SIZE_MAX : (size_t)imap->skip_left;
    return want_bytes(max, imap_timeout_ms(imap), on_skip);
}

static struct verdict on_skip(void *session, struct span bytes, size_t *taken_out)
{
    struct imap *imap = session;
    size_t len = span_first(bytes, (size_t)imap->skip_left).len;
    imap->skip_left -= len;
    *taken_out = len;
    return want_skip(imap);
}

static const char *const line_faults[] = {
    [LINE_OK] = "",
    [LINE_TOO_LONG] = "The line is too long",
    [LINE_BARE_CR] = "The line has a CR without LF",
    [LINE_BARE_LF] = "The line has an LF without CR",
    [LINE_NUL] = "The line has a NUL",
};

/* A LITERAL+ behind a spoilt line is on its way already, and to read it as commands would let
 * whoever wrote the literal speak for the user. Where it ends is not to be known: the end of a long
 * line is cut off, and behind a bare LF the peer and we see different lines. */
static bool may_hide_literal(enum line_fault fault, struct span line)
{
    struct imap_literal literal;
    return fault == LINE_TOO_LONG ||
           (fault != LINE_OK && imap_literal_announced(line, &literal) && !literal.is_sync);
}

struct verdict imap_bad_line(struct imap *imap, enum line_fault fault, struct span line)
{
    if (may_hide_literal(fault, line))
        imap->is_lost = true;
    return imap_bad(imap, line_faults[fault]);
}

/* What stands behind a skipped literal: the command's end, or the next literal. */
static struct verdict on_skipped_line(void *session, enum line_fault fault, struct span line)
{
    struct imap *imap = session;
    struct imap_literal literal;
    if (may_hide_literal(fault, line))
        imap->is_lost = true;
    else if (fault == LINE_OK && imap_literal_announced(line, &literal))
        return imap_refuse_literal(imap, &literal);
    return refuse_now(imap);
}

struct verdict imap_refuse_literal(struct imap *imap, const struct imap_literal *literal)
{
    if (literal->is_sync)
        return refuse_now(imap);
    uint64_t limit =
        imap->state == IMAP_NOT_AUTHENTICATED ? LOGIN_LITERAL_MAX : imap->service->append_size_max;
    if (literal->size / SKIP_FACTOR > limit)
        return imap_bye(imap, "The literal is far too large");
    imap->skip_left = literal->size;
    return want_skip(imap);
}

static struct verdict want_literal(struct imap *imap)
{
    if (imap->lexer.literal_left == 0) /* behind it: a password, if it was LOGIN's name */
        return imap_want_secret(imap, imap->service->settings->command_line_max, on_line);
    return want_bytes((size_t)imap->lexer.literal_left, imap_timeout_ms(imap), on_literal);
}

static struct verdict on_literal(void *session, struct span bytes, size_t *taken_out)
{
    struct imap *imap = session;
    *taken_out = imap_lexer_bytes(&imap->lexer, bytes);
    return want_literal(imap);
}

/* Decides about an announced literal before a byte of it has come (THREATS 16). */
static struct verdict decide_literal(struct imap *imap, const struct imap_literal *literal)
{
    struct verdict verdict;
    bool is_message = imap->refusal.text == NULL &&
                      (imap->command->traits & IMAP_TAKES_MESSAGE) != 0 &&
                      imap_append_literal(imap, literal, &verdict);
    if (is_message)
        return verdict;
    if (imap->refusal.text != NULL)
        return imap_refuse_literal(imap, literal);

    bool is_early = imap->state == IMAP_NOT_AUTHENTICATED && literal->size > LOGIN_LITERAL_MAX;
    if (is_early || imap_lexer_accept(&imap->lexer, literal->size) != 0) {
        imap_refuse(imap, IMAP_NO, "TOOBIG", "The literal is too large");
        return imap_refuse_literal(imap, literal);
    }
    if (literal->is_sync)
        out_puts(imap->host->out, "+ Go ahead\r\n");
    return want_literal(imap);
}

static struct verdict on_line(void *session, enum line_fault fault, struct span line)
{
    struct imap *imap = session;
    bool is_first = imap->tag[0] == '\0';
    if (is_first && imap->state == IMAP_NOT_AUTHENTICATED && is_http(line))
        return refuse_http(imap);
    if (fault != LINE_OK) {
        if (is_first)
            (void)read_tag(imap, line);
        return imap_bad_line(imap, fault, line);
    }
    if (is_first)
        begin_command(imap, line);

    struct imap_literal literal;
    switch (imap_lexer_line(&imap->lexer, line, &literal)) {
    case IMAP_LEXED_LITERAL:
        return decide_literal(imap, &literal);
    case IMAP_LEXED_TOO_BIG:
        imap_refuse(imap, IMAP_BAD, NULL, "The command is too large");
        if (imap_literal_announced(line, &literal))
            return imap_refuse_literal(imap, &literal);
        break;
    case IMAP_LEXED_COMMAND:
        break;
    }
    return run_command(imap);
}
