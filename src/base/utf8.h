/*
 * utf8: validity and simple case folding of UTF-8 (RFC 3629).
 */
#ifndef POSTERN_BASE_UTF8_H
#define POSTERN_BASE_UTF8_H

#include "base/buf.h"

/* No overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_is_valid(struct span text);
bool utf8_is_ascii(struct span text);
/* Decodes one code point at *offset and moves on; 0xFFFD (moving one byte) where invalid. */
uint32_t utf8_next(struct span text, size_t *offset);
/* Appends one code point; requires a valid one. */
void utf8_put(struct buf *buf, uint32_t code_point);
/* Appends text in upper case by simple mapping (towupper of a C.UTF-8 table for the scripts that
 * have case): for searches without case. 0 or ERR_LIMIT. */
int utf8_fold(struct span text, struct buf *out) __attribute__((warn_unused_result));

#endif
