/*
 * verdict: what the check of a certificate said, as a name for logs and a sentence for people.
 * Which checks there are and who makes them is judge.h. No library type here: protocols see this
 * through tls/facts.h.
 */
#ifndef POSTERN_PKI_VERDICT_H
#define POSTERN_PKI_VERDICT_H

/* name, config text, sentence when it is the verdict */
#define PKI_CHECK_LIST(X)                                                                          \
    X(PKI_CHECK_NOT_DONE, "not-done", "the certificate was not checked")                           \
    X(PKI_CHECK_GOOD, "good", "the certificate is good")                                           \
    X(PKI_CHECK_NONE, "none", "no certificate was presented")                                      \
    X(PKI_CHECK_UNKNOWN_AUTHORITY, "unknown-authority",                                            \
      "the certificate's authority is not among the trusted ones")                                 \
    X(PKI_CHECK_MISSING_INTERMEDIATE, "missing-intermediate",                                      \
      "the chain is incomplete: an intermediate certificate is missing")                           \
    X(PKI_CHECK_SELF_SIGNED, "self-signed", "the certificate is self-signed")                      \
    X(PKI_CHECK_EXPIRED, "expired", "the certificate has expired")                                 \
    X(PKI_CHECK_NOT_YET_VALID, "not-yet-valid", "the certificate is not valid yet")                \
    X(PKI_CHECK_WRONG_NAME, "wrong-name", "the certificate is for another name")                   \
    X(PKI_CHECK_NO_SAN, "no-san", "the certificate has no subject alternative name")               \
    X(PKI_CHECK_WRONG_PURPOSE, "wrong-purpose", "the certificate is not for this purpose")         \
    X(PKI_CHECK_REVOKED, "revoked", "the certificate is revoked")                                  \
    X(PKI_CHECK_WEAK, "weak", "the certificate's key or signature is too weak")                    \
    X(PKI_CHECK_MISSING_STAPLE, "missing-staple", "the certificate demands a staple; none came")   \
    X(PKI_CHECK_OTHER, "other", "the certificate is not acceptable")

enum pki_check {
#define PKI_CHECK_ENUM(name, text, sentence) name,
    PKI_CHECK_LIST(PKI_CHECK_ENUM)
#undef PKI_CHECK_ENUM
};

const char *pki_check_name(enum pki_check check);
const char *pki_check_sentence(enum pki_check check);

#endif
