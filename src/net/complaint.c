/*
 * complaint.c: a leaky bucket for each address in a table of fixed size, and one for all. A bucket
 * is one number, the time at which all that was taken from it is paid off. Tests:
 * tests/unit/test_net_complaint.c.
 */
#include "net/complaint.h"

void complaints_init(struct complaints *complaints)
{
    *complaints = (struct complaints){.left_out = 0};
}

/* FNV-1a. Not seeded: who collides with somebody on purpose takes a few lines of the log from him,
 * not more than by any other trick with addresses. */
static size_t place_of(const char *key, size_t len)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)key[i]) * 16777619U;
    return (hash ^ hash >> 16) % COMPLAINT_ADDRESS_COUNT;
}

static bool is_spent(int64_t due_ms, int64_t now_ms, int64_t burst, int64_t every_ms)
{
    return due_ms - now_ms > (burst - 1) * every_ms;
}

static void charge(int64_t *due_ms, int64_t now_ms, int64_t every_ms)
{
    *due_ms = (*due_ms > now_ms ? *due_ms : now_ms) + every_ms;
}

bool complaints_take(struct complaints *complaints, const struct endpoint *peer, int64_t now_ms,
                     unsigned *left_out_out)
{
    char key[ENDPOINT_KEY_SIZE];
    size_t len = endpoint_key(peer, key);
    int64_t *due_ms = len > 0 ? &complaints->due_ms[place_of(key, len)] : NULL;
    bool is_refused =
        is_spent(complaints->all_due_ms, now_ms, COMPLAINT_ALL_BURST, COMPLAINT_ALL_EVERY_MS) ||
        (due_ms != NULL && is_spent(*due_ms, now_ms, COMPLAINT_BURST, COMPLAINT_EVERY_MS));
    if (is_refused) {
        complaints->left_out++;
        return false;
    }

    charge(&complaints->all_due_ms, now_ms, COMPLAINT_ALL_EVERY_MS);
    if (due_ms != NULL)
        charge(due_ms, now_ms, COMPLAINT_EVERY_MS);
    *left_out_out = complaints->left_out;
    complaints->left_out = 0;
    return true;
}
