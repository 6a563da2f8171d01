/*
 * chain_judge: whether the mail of a world is as it must be, recipient by recipient. Tests:
 * tests/unit/test_chain.c.
 */
#include <stdio.h>

#include "store/accept.h"
#include "tests/sim/chain_internal.h"

enum { STORY_MAX = 20 };

void chain_wrong(struct chain_message *message, const struct chain_pair *pair, const char *what)
{
    struct chain_model *model = message->model;
    if (++model->wrong > STORY_MAX)
        return;
    buf_printf(model->story,
               "message %u%s%s %s\n  from <%s>, NOTIFY bits %u, %zu bytes of body; "
               "its history:\n",
               message->number, pair == NULL ? "" : " for ", pair == NULL ? "" : pair->address,
               what, message->sender, pair == NULL ? 0 : pair->notify, message->body_len);
    buf_put(model->story, buf_span(&message->history));
}

void chain_unreadable(struct chain_model *model, const char *where)
{
    model->wrong++;
    buf_printf(model->story, "%s has bytes that are no message of anybody\n", where);
}

/* Copies beyond the first that the open window explains. */
static unsigned windows_of(const struct chain_pair *pair)
{
    unsigned windows = 0;
    for (const struct chain_confirm *at = pair->confirms; at != NULL; at = at->next)
        windows += chain_is_excused(pair->message->model, at);
    return windows;
}

/* Of failure or delay: without NOTIFY both are wanted. */
static bool wants(const struct chain_pair *pair, unsigned kind)
{
    enum { ASKED = STORE_NOTIFY_SUCCESS | STORE_NOTIFY_FAILURE | STORE_NOTIFY_DELAY };
    if (pair->message->sender[0] == '\0' || (pair->notify & STORE_NOTIFY_NEVER) != 0)
        return false;
    return (pair->notify & ASKED) == 0 || (pair->notify & kind) != 0;
}

/* Whether it may have come to nothing. */
static bool may_fail(const struct chain_pair *pair)
{
    const struct chain_model *model = pair->message->model;
    struct span domain = span_of(pair->address);
    (void)span_cut(&domain, '@');
    return pair->may_fail || chain_dns_is_dead(domain) || chain_dns_lied(model, domain) ||
           (pair->alias[0] != '\0' && model->alias_failed) ||
           model->wall_max_us - pair->message->accepted_us >= model->expire_us;
}

static void judge_copies(const struct chain_pair *pair, struct chain_tally *tally)
{
    struct chain_message *message = pair->message;
    unsigned windows = windows_of(pair);
    tally->windows += windows;
    if (pair->copies > 1 + windows)
        chain_wrong(message, pair, "came more than once, and no answer was lost");
    if (pair->copies > 1)
        tally->duplicates += pair->copies - 1;
    if (pair->copies > 0 && pair->failed > 0 && windows == 0)
        chain_wrong(message, pair, "was delivered, and reported as failed");
    if (pair->copies > 0 && (!pair->is_taken || message->heard == HEARD_NOTHING))
        chain_wrong(message, pair, "was not taken, and is there");
    bool may_be_ghost = message->ghost_of != 0 && message->model->crashes >= message->ghost_of;
    if (pair->copies > 0 && message->heard == HEARD_REFUSED && !may_be_ghost)
        chain_wrong(message, pair, "was refused, and is there");
    tally->ghosts += pair->copies > 0 && message->heard == HEARD_REFUSED && may_be_ghost;
}

/* Reports of what went well: each copy at most once, never without being asked for. */
static void judge_success(const struct chain_pair *pair, unsigned report_windows)
{
    unsigned told = pair->delivered + pair->relayed;
    bool is_asked = (pair->notify & STORE_NOTIFY_SUCCESS) != 0 && pair->alias[0] == '\0';
    if (told > 0 && !is_asked)
        chain_wrong(pair->message, pair, "has a report of success that nobody asked for");
    /* Who gave it on after HELO has told that it was relayed, whatever comes of it. */
    if (told > pair->copies + report_windows && !pair->is_without_wishes)
        chain_wrong(pair->message, pair, "has more reports of success than copies");
    bool is_due = is_asked && pair->message->hears && pair->copies > 0 && !pair->is_dsn_hop;
    /* Who took it first was not heard, who was asked next said no: then a failure is all there is,
     * and that is told to who wants to hear of failures. */
    bool is_doubtful = windows_of(pair) > 0 && may_fail(pair);
    if (is_due && told + pair->failed == 0 && !is_doubtful)
        chain_wrong(pair->message, pair, "was delivered, and who wanted to hear did not");
}

static void judge_reports(const struct chain_pair *pair, struct chain_tally *tally)
{
    struct chain_message *message = pair->message;
    unsigned windows = windows_of(pair), report_windows = windows_of(&message->reports);
    tally->reports_delay += pair->delayed;
    tally->reports_success += pair->delivered + pair->relayed;
    judge_success(pair, report_windows);
    bool is_asked = wants(pair, STORE_NOTIFY_FAILURE) || pair->is_without_wishes;
    if (pair->failed > 0 && !is_asked)
        chain_wrong(message, pair, "has a report of failure that nobody wants");
    if (pair->failed > 1 + windows + report_windows)
        chain_wrong(message, pair, "was reported as failed more than once");
    if (pair->failed > 0 && !may_fail(pair))
        chain_wrong(message, pair, "was reported as failed, and nobody had said no");
    if (pair->delayed > CHAIN_NODES * (1 + windows) + report_windows)
        chain_wrong(message, pair, "was reported as delayed too often");
    if (pair->delayed > 0 && !wants(pair, STORE_NOTIFY_DELAY) && !pair->is_without_wishes)
        chain_wrong(message, pair, "has a report of delay that nobody wants");
}

/* The promise: there, or told. */
static void judge_kept(const struct chain_pair *pair, struct chain_tally *tally)
{
    struct span domain = span_of(pair->address);
    (void)span_cut(&domain, '@');
    bool is_ours = span_is(domain, "a.test") || span_is(domain, "b.test");
    tally->recipients++;
    if (pair->copies > 0) {
        tally->in_mailboxes += is_ours;
        tally->at_hops += !is_ours;
    } else if (pair->failed > 0) {
        tally->failed_told++;
    } else if (!may_fail(pair)) {
        chain_wrong(pair->message, pair, "was accepted, and is lost");
    } else if (wants(pair, STORE_NOTIFY_FAILURE) && pair->message->hears) {
        chain_wrong(pair->message, pair, "failed, and its sender does not hear");
    } else {
        tally->failed_silently++;
    }
}

void chain_judge(struct chain_model *model, struct chain_tally *tally)
{
    for (unsigned i = 0; i < model->count; i++) {
        struct chain_message *message = &model->messages[i];
        tally->messages++;
        tally->accepted += message->heard == HEARD_ACCEPTED;
        tally->refused += message->heard == HEARD_REFUSED;
        tally->unanswered += message->heard == HEARD_SENT;
        for (unsigned p = 0; p < message->pair_count; p++) {
            const struct chain_pair *pair = &message->pairs[p];
            judge_copies(pair, tally);
            judge_reports(pair, tally);
            if (message->heard == HEARD_ACCEPTED && pair->is_taken)
                judge_kept(pair, tally);
        }
    }
}
