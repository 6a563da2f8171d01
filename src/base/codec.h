/*
 * codec: base64 (RFC 4648), hexadecimal, quoted-printable and percent texts as pure functions.
 */
#ifndef POSTERN_BASE_CODEC_H
#define POSTERN_BASE_CODEC_H

#include "base/buf.h"

/* Bytes that base64 text of size bytes takes, with padding. */
#define CODEC_BASE64_LEN(size) (((size) + 2) / 3 * 4)

/* Appends the base64 of bytes; 0 or ERR_LIMIT. */
int codec_base64_encode(struct span bytes, struct buf *text_out)
    __attribute__((warn_unused_result));
/* The same for buffers without a maximum and texts that fit by construction: requires it. */
void codec_base64_put(struct span bytes, struct buf *text_out);
/* Strict: whole groups of four, canonical padding, no white space. 0, ERR_SYNTAX or ERR_LIMIT. */
int codec_base64_decode(struct span text, struct buf *bytes_out)
    __attribute__((warn_unused_result));
/* Tolerant, for message bodies: skips what is not in the alphabet, stops at padding. */
int codec_base64_decode_loose(struct span text, struct buf *bytes_out)
    __attribute__((warn_unused_result));
/* Quoted-printable as in bodies (RFC 2045 6.7); malformed escapes stay as they are. */
int codec_qp_decode(struct span text, struct buf *bytes_out) __attribute__((warn_unused_result));

/* Lower case, two digits a byte. text_out holds 2 * bytes.len + 1. */
void codec_hex_encode(struct span bytes, char *text_out);
/* 0 or ERR_SYNTAX; bytes_out holds text.len / 2. */
int codec_hex_decode(struct span text, unsigned char *bytes_out)
    __attribute__((warn_unused_result));

/* CRC-32C (Castagnoli) of bytes, continued from crc (0 to begin): what the store's bodies carry.
 * Uses the processor's instruction where there is one. */
uint32_t codec_crc32c(uint32_t crc, struct span bytes);

/* For texts that a peer chose: printable ASCII but quote and backslash stays, all else becomes
 * \xNN; cut to fit, always terminated. */
void codec_escape(struct span bytes, char *out, size_t size);

#endif
