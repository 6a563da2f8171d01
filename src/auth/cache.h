/*
 * cache: passwords that were verified lately, as keyed hashes with a time limit, so that a client
 * that logs in every minute costs one PBKDF2 in a while. An entry counts for one generation of an
 * account: a changed password forgets it. Not thread-safe: auth.c holds its lock.
 */
#ifndef POSTERN_AUTH_CACHE_H
#define POSTERN_AUTH_CACHE_H

#include "base/entropy.h"
#include "crypto/digest.h"
#include "store/account.h"

struct cache;

enum { CACHE_WAYS = 4, CACHE_SETS = 1024 };

struct cache *cache_create(void);
void cache_free(struct cache **cache);

/* The keyed hash of an account's password: computed without the lock. secret: the process's. */
void cache_digest(struct span secret, const struct store_account *account, struct span password,
                  unsigned char digest_out[DIGEST_SHA256_SIZE]);

bool cache_has(const struct cache *cache, uint64_t account,
               const unsigned char digest[DIGEST_SHA256_SIZE], int64_t now_ms);
void cache_add(struct cache *cache, uint64_t account,
               const unsigned char digest[DIGEST_SHA256_SIZE], int64_t until_ms);

#endif
