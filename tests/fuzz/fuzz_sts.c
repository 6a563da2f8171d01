/* MTA-STS from strangers: a policy, or behind a NUL the RDATA of a TXT record. */
#include "base/require.h"
#include "relay/sts_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_txt(struct span rdata)
{
    const struct span records[] = {rdata};
    char id[STS_ID_SIZE];
    int err = sts_txt_find(records, 1, id, NULL);
    require((err == 0) == (id[0] != '\0') && strlen(id) < STS_ID_SIZE);
}

/* What was read once is read again from what it is written as. */
static void read_policy(struct span text)
{
    struct sts_policy *policy, *again;
    struct fault fault = {0};
    if (sts_policy_parse(text, &policy, &fault) != 0) {
        require(policy == NULL && fault.text[0] != '\0');
        return;
    }
    require(policy->mx_count <= STS_PATTERNS_MAX && policy->max_age_s <= STS_MAX_AGE_MAX_S);
    require(policy->mx_count > 0 || policy->mode == STS_MODE_NONE);
    (void)sts_policy_allows(policy, span_first(text, 50));
    struct buf written;
    buf_init(&written, 0);
    sts_policy_write(policy, &written);
    require(sts_policy_parse(buf_span(&written), &again, &fault) == 0);
    require(again->mode == policy->mode && again->max_age_s == policy->max_age_s);
    require(strcmp(again->mx, policy->mx) == 0);
    sts_policy_unref(&again);
    sts_policy_unref(&policy);
    buf_release(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make((const char *)data, size);
    if (size > 0 && data[0] == '\0')
        read_txt(span_from(input, 1));
    else
        read_policy(input);
    return 0;
}
