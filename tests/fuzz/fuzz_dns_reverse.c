/* Names in answers about addresses, and the rules of DNS lists: what is taken is a host name. */
#include "base/require.h"
#include "dns/list_rule.h"
#include "dns/reverse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_make((const char *)data, size);
    char name[REVERSE_NAME_SIZE], reversed[REVERSE_NAME_SIZE];
    struct dns_list_rule rule;
    struct endpoint peer;

    if (reverse_read(all, name)) {
        require(strlen(name) > 0 && strlen(name) + 2 == size);
        for (size_t i = 0; name[i] != '\0'; i++)
            require(name[i] > ' ' && name[i] < 0x7f && strchr("\"\\()<>@,;:[]", name[i]) == NULL);
    }
    if (!dns_list_rule_parse(all, &rule))
        return 0;
    require(strlen(rule.zone) > 0 && rule.first <= rule.last);
    require(endpoint_parse(span_of("2001:db8::1"), 25, &peer) == 0);
    if (reverse_make(&peer, rule.zone, reversed))
        require(strlen(reversed) == strlen(rule.zone) + 64);
    return 0;
}
