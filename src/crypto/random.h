/*
 * random: the real entropy (base/entropy.h), from GnuTLS.
 */
#ifndef POSTERN_CRYPTO_RANDOM_H
#define POSTERN_CRYPTO_RANDOM_H

#include "base/entropy.h"

extern const struct entropy random_system;

/* A password for a human to copy: groups of four lower-case letters and digits without look-alikes,
 * joined by '-', at least 80 bits. text_out holds RANDOM_PASSWORD_SIZE bytes, NUL-terminated. */
enum { RANDOM_PASSWORD_SIZE = 32 };
void random_password(const struct entropy *entropy, char text_out[RANDOM_PASSWORD_SIZE]);

#endif
