/* What other servers answer, line by line. */
#include "base/require.h"
#include "protocols/smtp/client_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data, size);
    struct smtp_reply_parser parser;

    smtp_reply_parser_init(&parser);
    while (rest.len > 0) {
        struct smtp_reply reply = {0};
        enum smtp_reply_progress progress = smtp_reply_feed(&parser, span_cut(&rest, '\n'), &reply);
        if (progress == SMTP_REPLY_DONE) {
            require(reply.code >= 200 && reply.code < 600);
            require(reply.text.len <= SMTP_REPLY_MAX && reply.status.len < sizeof parser.status);
            for (size_t i = 0; i < reply.text.len; i++)
                require((unsigned char)reply.text.ptr[i] >= ' ' || reply.text.ptr[i] == '\n');
        }
        if (progress != SMTP_REPLY_MORE)
            smtp_reply_parser_reset(&parser);
    }
    smtp_reply_parser_deinit(&parser);
    return 0;
}
