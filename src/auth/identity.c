/*
 * Owns what a login name may look like: "alice", "alice@example.org", in any case. The grammar of
 * addresses is mail/address.h's. Tests: tests/unit/test_auth_sasl.c.
 */
#include "auth/identity.h"

#include "base/err.h"
#include "mail/address.h"

/* Longer cannot be an address (RFC 5321 4.5.3.1.3); refused before anything is copied. */
enum { LOGIN_LEN_MAX = ADDRESS_LOCAL_MAX + 1 + ADDRESS_DOMAIN_MAX };

int identity_key(struct span login, struct span domain, struct buf *key_out)
{
    if (span_is_empty(login) || login.len > LOGIN_LEN_MAX || span_has_nul(login))
        return ERR_SYNTAX;
    struct buf text;
    buf_init(&text, 0);
    buf_put(&text, login);
    if (span_find_byte(login, 0, '@') < 0) {
        buf_put_byte(&text, '@');
        buf_put(&text, domain);
    }
    struct address address;
    const char *reason;
    int err = address_parse(buf_span(&text), &address, &reason);
    if (err == 0)
        address_key(&address, key_out);
    buf_release(&text);
    return err;
}

bool identity_is_same(struct span a, struct span b, struct span domain)
{
    struct buf key_a, key_b;
    buf_init(&key_a, 0);
    buf_init(&key_b, 0);
    bool is_same = span_equal(a, b);
    if (!is_same && identity_key(a, domain, &key_a) == 0 && identity_key(b, domain, &key_b) == 0)
        is_same = span_equal(buf_span(&key_a), buf_span(&key_b));
    buf_release(&key_a);
    buf_release(&key_b);
    return is_same;
}
