/* The argument of MAIL and RCPT: path and parameters. What is accepted holds no control byte and
 * nothing that would end a command early when it is sent on. */
#include "base/require.h"
#include "mail/address.h"
#include "protocols/smtp/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_clean(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        require((unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size), rest;
    struct smtp_mail_params mail;
    struct smtp_rcpt_params rcpt;
    struct address address;
    const char *reason;

    for (int kind = ADDRESS_REVERSE; kind <= ADDRESS_FORWARD; kind++) {
        if (address_parse_path(text, (enum address_kind)kind, &address, &rest, &reason) < 0)
            continue;
        require_clean(address.local);
        require_clean(address.domain);
        if (smtp_params_mail(rest, &mail) == SMTP_PARAMS_OK)
            require_clean(mail.envelope_id);
        if (smtp_params_rcpt(rest, &rcpt) == SMTP_PARAMS_OK)
            require_clean(rcpt.original);
    }
    if (smtp_params_mail(text, &mail) == SMTP_PARAMS_OK)
        require(mail.envelope_id.len <= SMTP_ENVID_MAX);
    if (smtp_params_rcpt(text, &rcpt) == SMTP_PARAMS_OK)
        require(rcpt.original.len <= SMTP_ORCPT_MAX);
    return 0;
}
