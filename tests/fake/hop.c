/* hop: see the header. */
#include "tests/fake/hop.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { LINE_MAX = 65536, TIMEOUT_MS = 3600 * 1000, ENDLESS_LINES = 10000, LONG_LEN = 1 << 20 };
enum { VERBS_MAX = 12 };

struct hop_session {
    struct hop *hop;
    struct host *host;
    bool is_in_data, is_lmtp;
    unsigned recipients; /* of the mail under way */
    unsigned seen[VERBS_MAX];
};

static const struct {
    const char *verb, *reply;
} defaults[VERBS_MAX] = {
    {"CONNECT", "220 hop.test"},     {"EHLO", "250 hop.test"},  {"MAIL", "250 2.1.0 sender"},
    {"RCPT", "250 2.1.5 recipient"}, {"DATA", "354 go ahead"},  {".", "250 2.0.0 kept"},
    {"RSET", "250 2.0.0 reset"},     {"QUIT", "221 2.0.0 bye"}, {"STARTTLS", "220 2.0.0 go ahead"},
    {"LHLO", "250 hop.test"},        {"HELO", "250 hop.test"},
};

static session_line_fn on_line;

static struct verdict next_line(void)
{
    return want_line(LINE_MAX, TIMEOUT_MS, on_line);
}

static void put_reply(struct out *out, const char *reply)
{
    struct span rest = span_of(reply);
    while (rest.len > 0) {
        out_put(out, span_cut(&rest, '|'));
        out_puts(out, "\r\n");
    }
}

static void put_endless(struct out *out)
{
    for (int i = 0; i < ENDLESS_LINES; i++)
        out_puts(out, "250-and then\r\n");
}

static void put_long(struct out *out)
{
    char *line = mem_alloc(LONG_LEN);
    memset(line, 'x', LONG_LEN);
    memcpy(line, "250 ", 4);
    out_put(out, span_make(line, LONG_LEN));
    out_puts(out, "\r\n");
    mem_free(line);
}

static const char *reply_to(struct hop_session *session, size_t verb)
{
    const struct hop *hop = session->hop;
    unsigned nth = ++session->seen[verb];
    if (hop->on_verb != NULL)
        hop->on_verb(hop->owner, defaults[verb].verb);
    if (verb == 0 && hop->bears != 0 && hop->at_once > hop->bears)
        return "421 4.7.0 too many connections";
    for (size_t i = 0; i < HOP_RULES_MAX && hop->rules[i].verb != NULL; i++) {
        const struct hop_rule *rule = &hop->rules[i];
        if (strcmp(rule->verb, defaults[verb].verb) == 0 && (rule->nth == 0 || rule->nth == nth))
            return rule->reply;
    }
    return defaults[verb].reply;
}

static void count(struct hop_session *session, const char *verb, const char *reply)
{
    bool is_rcpt = strcmp(verb, "RCPT") == 0;
    session->is_lmtp = session->is_lmtp || strcmp(verb, "LHLO") == 0;
    if (strcmp(verb, "MAIL") == 0)
        session->recipients = 0;
    if (reply[0] != '2')
        return;
    session->hop->messages += strcmp(verb, ".") == 0;
    session->hop->recipients += is_rcpt;
    session->recipients += is_rcpt;
}

static struct verdict answer(struct hop_session *session, size_t verb)
{
    struct out *out = session->host->out;
    const char *reply = reply_to(session, verb);
    if (strcmp(reply, HOP_CLOSE) == 0)
        return want_close();
    if (strcmp(reply, HOP_ENDLESS) == 0)
        put_endless(out);
    else if (strcmp(reply, HOP_LONG) == 0)
        put_long(out);
    else if (strcmp(reply, HOP_SILENT) != 0)
        put_reply(out, reply);
    session->is_in_data = reply[0] == '3';
    count(session, defaults[verb].verb, reply);
    session->hop->quits += strcmp(defaults[verb].verb, "QUIT") == 0;
    bool is_last = strncmp(reply, "421", 3) == 0 || strncmp(reply, "554 close", 9) == 0 ||
                   strcmp(defaults[verb].verb, "QUIT") == 0;
    return is_last ? want_close() : next_line();
}

static size_t find_verb(struct span word)
{
    for (size_t i = 0; i < VERBS_MAX && defaults[i].verb != NULL; i++) {
        if (span_is_nocase(word, defaults[i].verb))
            return i;
    }
    return VERBS_MAX;
}

static void keep_line(char *text, size_t size, struct span line)
{
    size_t len = strlen(text);
    (void)snprintf(text + len, size - len, "%.*s\n", (int)line.len, line.ptr);
}

static void keep_envelope(struct hop *hop, const char *verb, struct span line)
{
    if (strcmp(verb, "MAIL") == 0)
        hop->last_envelope[0] = '\0';
    if (strcmp(verb, "MAIL") == 0 || strcmp(verb, "RCPT") == 0)
        keep_line(hop->last_envelope, sizeof hop->last_envelope, line);
}

static struct verdict on_line(void *arg, enum line_fault fault, struct span line)
{
    struct hop_session *session = arg;
    (void)fault;
    if (session->is_in_data && !span_is(line, ".")) {
        keep_line(session->hop->last_message, sizeof session->hop->last_message, line);
        return next_line();
    }
    struct span rest = line;
    size_t verb = find_verb(session->is_in_data ? line : span_cut(&rest, ' '));
    if (verb == VERBS_MAX) {
        put_reply(session->host->out, "500 5.5.1 what");
        return next_line();
    }
    if (strcmp(defaults[verb].verb, "DATA") == 0)
        session->hop->last_message[0] = '\0';
    keep_envelope(session->hop, defaults[verb].verb, line);
    struct verdict verdict = answer(session, verb);
    if (session->is_lmtp && strcmp(defaults[verb].verb, ".") == 0)
        while (verdict.want == WANT_LINE && --session->recipients > 0)
            verdict = answer(session, verb);
    return verdict;
}

static void *hop_open(void *service, struct host *host, enum session_start start)
{
    struct hop_session *session = mem_new(struct hop_session);
    (void)start;
    session->hop = service;
    session->host = host;
    session->hop->connections++;
    if (++session->hop->at_once > session->hop->most_at_once)
        session->hop->most_at_once = session->hop->at_once;
    return session;
}

static struct verdict hop_start(void *session)
{
    return answer(session, 0);
}

static struct verdict hop_wake(void *session)
{
    (void)session;
    return next_line();
}

static void hop_ending(void *session, enum ending why)
{
    (void)session;
    (void)why;
}

static void hop_free(void *arg)
{
    struct hop_session *session = arg;
    session->hop->at_once--;
    mem_free(session);
}

static const struct session_type hop_type = {
    .name = "hop",
    .open = hop_open,
    .start = hop_start,
    .wake = hop_wake,
    .ending = hop_ending,
    .free = hop_free,
};

static void on_accept(void *owner, struct transport *transport)
{
    struct hop *hop = owner;
    conn_accept(hop->env, &hop->role, transport);
}

void hop_listen(struct hop *hop, struct sim *sim, struct conn_env *env,
                const struct endpoint *endpoint)
{
    hop->env = env;
    hop->role = (struct conn_role){.listener = "hop", .type = &hop_type, .service = hop};
    sim_listen(sim, env->loop, endpoint, on_accept, hop);
}
