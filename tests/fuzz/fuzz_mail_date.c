/*
 * Dates: what is read can be written and read again as the same second.
 */
#include "base/require.h"
#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    int64_t seconds, back;
    char written[DATE_TEXT_SIZE];
    int zone_s;

    if (date_parse_rfc5322(text, &seconds, &zone_s) == 0) {
        /* The first and last year reach beyond what can be written, by their zone. */
        require(seconds > -62135956800 && seconds < 253402660800);
        date_rfc5322(seconds, written);
        require(date_parse_rfc5322(span_of(written), &back, NULL) == 0);
        require(back == seconds || seconds < -62135596800 || seconds > 253402300799);
    }
    if (date_parse_imap(text, &seconds) == 0) {
        date_imap(seconds, written);
        require(date_parse_imap(span_of(written), &back) == 0);
        require(back == seconds || seconds < -62135596800 || seconds > 253402300799);
    }
    if (date_parse_imap_day(text, &seconds) == 0)
        require(seconds % 86400 == 0);
    return 0;
}
