/*
 * simulate: worlds of tests/sim/chain.h, one after the other, each with the next seed, and a table
 * of what happened in them. Called by scripts/simulate.
 *
 *   simulate [--seed N] [--messages N] [--world N] [--seconds N]
 *
 * --messages in all (default 10,000); --world: in one world (default 300); --seconds: no further
 * world after so many. At the first world that is not as it must be: its seed, the histories of its
 * messages, the command that repeats it, and the end with 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/dialogue/world.h"
#include "tests/sim/chain.h"
#include "tests/simulate/same_random.h"

struct options {
    uint64_t seed, messages, world, seconds;
};

static bool parse(int argc, char **argv, struct options *out)
{
    const struct {
        const char *name;
        uint64_t *value;
    } rows[] = {{"--seed", &out->seed},
                {"--messages", &out->messages},
                {"--world", &out->world},
                {"--seconds", &out->seconds}};
    size_t count = sizeof rows / sizeof *rows;
    for (int i = 1; i < argc; i += 2) {
        size_t row = 0;
        while (row < count && strcmp(argv[i], rows[row].name) != 0)
            row++;
        if (row == count || i + 1 == argc ||
            !span_to_u64(span_of(argv[i + 1]), INT64_MAX, rows[row].value))
            return false;
    }
    return out->messages > 0 && out->world > 0 && out->world <= CHAIN_MESSAGES_MAX;
}

static void print_tally(const struct chain_tally *tally)
{
    const struct {
        const char *text;
        uint64_t count;
    } rows[] = {
#define CHAIN_TALLY_ROW(name, text) {text, tally->name},
        CHAIN_TALLY_LIST(CHAIN_TALLY_ROW)
#undef CHAIN_TALLY_ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        (void)printf("%10" PRIu64 "  %s\n", rows[i].count, rows[i].text);
}

static uint64_t now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

static bool run_world(uint64_t seed, uint64_t messages, struct chain_tally *tally)
{
    struct buf story;
    buf_init(&story, 0);
    bool is_right = chain_run(seed, (unsigned)messages, tally, &story);
    if (!is_right)
        (void)printf("seed %" PRIu64 ": not as it must be\n%.*s"
                     "again: scripts/simulate --seed %" PRIu64 " --messages %" PRIu64
                     " --world %" PRIu64 "\n",
                     seed, (int)story.len, buf_span(&story).ptr, seed, messages, messages);
    buf_release(&story);
    return is_right;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .messages = 10000, .world = 300, .seconds = INT64_MAX};
    struct chain_tally tally = {0};
    if (!parse(argc, argv, &options)) {
        (void)fprintf(stderr,
                      "simulate: call me as simulate [--seed N] [--messages N] "
                      "[--world N (up to %d)] [--seconds N]\n",
                      CHAIN_MESSAGES_MAX);
        return 2;
    }
    uint64_t began_s = now_s(), seed = options.seed, left = options.messages;
    bool is_right = true;
    for (; is_right && left > 0 && now_s() - began_s < options.seconds; seed++) {
        uint64_t count = left < options.world ? left : options.world;
        is_right = run_world(seed, count, &tally);
        left -= count;
    }
    print_tally(&tally);
    world_tls_release();
    if (is_right)
        (void)printf("seeds %" PRIu64 " to %" PRIu64 " ok, in %" PRIu64 " s\n", options.seed,
                     seed - 1, now_s() - began_s);
    return is_right ? 0 : 1;
}
