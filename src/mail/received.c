/*
 * received: writes the trace field that goes in front of each message we take. What the client
 * said was checked where it was parsed; here it is made harmless once more, because a header that
 * can be broken out of is a way to forge others. Tests: tests/unit/test_mail_received.c.
 */
#include "mail/received.h"

#include "base/utf8.h"
#include "mail/date.h"
#include "mail/lex_internal.h"

enum { WORD_MAX = 512 /* an address or host name fits; what is longer is cut */ };

static size_t put_text(char *at, const char *text)
{
    size_t len = 0;

    for (; text[len] != '\0'; len++)
        at[len] = text[len];
    return len;
}

/* prefix, text and suffix, two short ones of ours, as one word; text's bytes made harmless. A space
 * may stay only in a quoted local part. */
static void put_word(struct lex_fold *fold, const char *prefix, struct span text,
                     const char *suffix, bool is_utf8)
{
    char bytes[WORD_MAX + 16];
    size_t len = put_text(bytes, prefix);
    bool has_quotes = text.len > 0 && text.ptr[0] == '"';
    bool may_8bit = is_utf8 && utf8_is_valid(text);

    text = span_first(text, WORD_MAX);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char code = (unsigned char)text.ptr[i];
        bool is_good =
            (code > ' ' && code < 127) || (code == ' ' && has_quotes) || (code >= 128 && may_8bit);
        bytes[len++] = (char)(is_good ? text.ptr[i] : '?');
    }
    len += put_text(bytes + len, suffix);
    lex_fold_word(fold, span_make(bytes, len));
}

/* The clause of RFC 8314 4.3 wants the suite's IANA name; another name goes into a comment. */
static void put_tls(struct lex_fold *fold, const struct received *received)
{
    if (received->tls_version.len == 0)
        return;
    if (span_starts(received->tls_cipher, span_of("TLS_"))) {
        lex_fold_text(fold, "tls");
        put_word(fold, "", received->tls_cipher, "", false);
        put_word(fold, "(", received->tls_version, ")", false);
    } else if (received->tls_cipher.len > 0) {
        put_word(fold, "(", received->tls_version, "", false);
        put_word(fold, "", received->tls_cipher, ")", false);
    } else {
        put_word(fold, "(", received->tls_version, ")", false);
    }
}

void received_put(const struct received *received, struct buf *out)
{
    struct lex_fold fold = {out, 9};
    bool is_utf8 = span_starts(received->with, span_of("UTF8"));
    char date[DATE_TEXT_SIZE];

    buf_puts(out, "Received:");
    lex_fold_text(&fold, "from");
    put_word(&fold, "", received->helo.len > 0 ? received->helo : span_of("unknown"), "", is_utf8);
    bool has_name = received->peer.len > 0 && received->peer_name.len > 0;
    if (has_name) /* RFC 5321 4.4: TCP-info = address-literal / ( Domain FWS address-literal ) */
        put_word(&fold, "(", received->peer_name, "", false);
    if (received->peer.len > 0)
        put_word(&fold, has_name ? "" : "(", received->peer, ")", false);
    lex_fold_text(&fold, "by");
    put_word(&fold, "", received->by, "", is_utf8);
    lex_fold_text(&fold, "with");
    put_word(&fold, "", received->with, "", false);
    lex_fold_text(&fold, "id");
    put_word(&fold, "", received->id, "", false);
    if (received->for_address.len > 0) {
        lex_fold_text(&fold, "for");
        put_word(&fold, "<", received->for_address, ">", is_utf8);
    }
    put_tls(&fold, received);
    buf_put_byte(out, ';');
    fold.column++;

    date_rfc5322(received->at_s, date);
    lex_fold_words(&fold, span_of(date));
    buf_puts(out, "\r\n");
}

const char *received_with(enum received_protocol protocol, bool is_tls, bool is_auth, bool is_utf8)
{
    static const char *const esmtp[2][2][2] = {
        {{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
        {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}},
    };
    static const char *const lmtp[2][2][2] = {
        {{"LMTP", "LMTPA"}, {"LMTPS", "LMTPSA"}},
        {{"UTF8LMTP", "UTF8LMTPA"}, {"UTF8LMTPS", "UTF8LMTPSA"}},
    };

    if (protocol == RECEIVED_LMTP)
        return lmtp[is_utf8][is_tls][is_auth];
    return protocol == RECEIVED_ESMTP ? esmtp[is_utf8][is_tls][is_auth] : "SMTP";
}
