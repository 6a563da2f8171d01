/*
 * The simulator of whole chains: that the same seed gives the same world, that worlds are right
 * (many more: scripts/simulate), and that its judge would tell if they were not.
 */
#include "tests/sim/chain_internal.h"

#include <stdio.h>

#include "store/accept.h"
#include "tests/dialogue/world.h"
#include "tests/simulate/same_random.h"
#include "tests/unit/check.h"

enum { SEED = 11, MESSAGES = 60 };

TEST(a_world_with_faults_is_right_and_the_same_again)
{
    struct chain_tally first = {0}, second = {0};
    struct buf story;
    buf_init(&story, 0);
    check(chain_run(SEED, MESSAGES, &first, &story));
    check(chain_run(SEED, MESSAGES, &second, &story));
    if (story.len > 0)
        CHECK_FAILED("%.*s", (int)story.len, buf_span(&story).ptr);
    check(first.accepted > 0 && first.links_spoiled > 0 && first.crashes > 0);
    check(memcmp(&first, &second, sizeof first) == 0);
    buf_release(&story);
    world_tls_release();
}

/* What is done to the one recipient of a message that was accepted. */
struct fate {
    const char *name;
    enum chain_heard heard;
    unsigned copies, failed;
    bool may_fail, is_excused, is_silent, is_right;
};

static const struct fate fates[] = {
    {"kept", HEARD_ACCEPTED, 1, 0, false, false, false, true},
    {"lost", HEARD_ACCEPTED, 0, 0, false, false, false, false},
    {"lost silently", HEARD_ACCEPTED, 0, 0, false, false, true, false},
    {"failed and told", HEARD_ACCEPTED, 0, 1, true, false, false, true},
    {"failed and not told", HEARD_ACCEPTED, 0, 0, true, false, false, false},
    {"failed, told to nobody", HEARD_ACCEPTED, 0, 0, true, false, true, true},
    {"told to who asked not to", HEARD_ACCEPTED, 0, 1, true, false, true, false},
    {"told without a reason", HEARD_ACCEPTED, 0, 1, false, false, false, false},
    {"told twice", HEARD_ACCEPTED, 0, 2, true, false, false, false},
    {"twice", HEARD_ACCEPTED, 2, 0, false, false, false, false},
    {"twice in the window", HEARD_ACCEPTED, 2, 0, false, true, false, true},
    {"thrice in the window", HEARD_ACCEPTED, 3, 0, false, true, false, false},
    {"kept and failed", HEARD_ACCEPTED, 1, 1, true, false, false, false},
    {"refused and there", HEARD_REFUSED, 1, 0, false, false, false, false},
    {"refused", HEARD_REFUSED, 0, 0, false, false, false, true},
    {"unanswered and there", HEARD_SENT, 1, 0, false, false, false, true},
    {"unanswered and nowhere", HEARD_SENT, 0, 0, false, false, false, true},
    {"never sent and there", HEARD_NOTHING, 1, 0, false, false, false, false},
};

static bool judge(const struct fate *fate)
{
    struct chain_model model = {.sim = sim_create(1), .expire_us = INT64_MAX};
    struct chain_tally tally = {0};
    struct buf story;
    buf_init(&story, 0);
    chain_model_init(&model, 1);
    model.story = &story;
    struct chain_message *message = &model.messages[0];
    struct chain_link *link = chain_link_create(&model, 0);
    struct chain_pair *pair = &message->pairs[message->pair_count++];
    (void)snprintf(message->sender, sizeof message->sender, "u1+s0@a.test");
    (void)snprintf(pair->address, sizeof pair->address, "to0+r0@one.test");
    message->hears = true;
    message->heard = fate->heard;
    pair->message = message;
    pair->is_taken = true;
    pair->notify = fate->is_silent ? STORE_NOTIFY_NEVER : STORE_NOTIFY_DEFAULT;
    pair->copies = fate->copies;
    pair->failed = fate->failed;
    pair->may_fail = fate->may_fail;
    chain_confirmed(pair, link, 0);
    link->fired = fate->is_excused;
    chain_judge(&model, &tally);
    bool is_right = model.wrong == 0;
    check_int(story.len == 0, is_right);
    chain_model_deinit(&model);
    sim_free(&model.sim);
    buf_release(&story);
    return is_right;
}

TEST(the_judge_tells_right_from_wrong)
{
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        if (judge(&fates[i]) != fates[i].is_right)
            CHECK_FAILED("%s: wanted %s", fates[i].name, fates[i].is_right ? "right" : "wrong");
    }
}

CHECK_MAIN({"a_world_with_faults_is_right_and_the_same_again",
            a_world_with_faults_is_right_and_the_same_again},
           {"the_judge_tells_right_from_wrong", the_judge_tells_right_from_wrong})
