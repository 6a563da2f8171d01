/*
 * identity: from a login name as typed to the account's address. Names without a domain belong to
 * the server's first one. Pure; accounts are looked up by auth.c.
 */
#ifndef POSTERN_AUTH_IDENTITY_H
#define POSTERN_AUTH_IDENTITY_H

#include "base/buf.h"

/* Appends the address of a login name in key form (mail/address.h). 0 or ERR_SYNTAX when it cannot
 * be an address. */
int identity_key(struct span login, struct span domain, struct buf *key_out)
    __attribute__((warn_unused_result));

/* Whether two login names mean the same account; names that are no addresses compare as bytes. */
bool identity_is_same(struct span a, struct span b, struct span domain);

#endif
