/*
 * verdict: what the check of a certificate said, as a name for logs and a sentence for people.
 * Which checks there are and who makes them is judge.h. No library type here: protocols see this
 * through tls/facts.h.
 */
#ifndef POSTERN_PKI_VERDICT_H
#define POSTERN_PKI_VERDICT_H

/* name, text, sentence when it is the verdict, what whoever owns the certificate does about it */
#define PKI_CHECK_LIST(X)                                                                          \
    X(PKI_CHECK_NOT_DONE, "not-done", "the certificate was not checked", "")                       \
    X(PKI_CHECK_GOOD, "good", "the certificate is good", "")                                       \
    X(PKI_CHECK_NONE, "none", "no certificate was presented",                                      \
      "configure a certificate and its key")                                                       \
    X(PKI_CHECK_UNKNOWN_AUTHORITY, "unknown-authority",                                            \
      "the certificate's authority is not among the trusted ones",                                 \
      "trust that authority (tls.trusted, --ca FILE) if it is yours; else get a certificate from " \
      "one that is trusted")                                                                       \
    X(PKI_CHECK_MISSING_INTERMEDIATE, "missing-intermediate",                                      \
      "the chain is incomplete: an intermediate certificate is missing",                           \
      "put the authority's intermediate certificate behind the server's own in its file")          \
    X(PKI_CHECK_SELF_SIGNED, "self-signed", "the certificate is self-signed",                      \
      "get one from an authority (postern cert ca makes a private one), or trust this very one")   \
    X(PKI_CHECK_EXPIRED, "expired", "the certificate has expired",                                 \
      "renew it, then reload the server; if it was renewed, look whether the server uses it")      \
    X(PKI_CHECK_NOT_YET_VALID, "not-yet-valid", "the certificate is not valid yet",                \
      "look at the clocks of both machines, or wait until it is valid")                            \
    X(PKI_CHECK_WRONG_NAME, "wrong-name", "the certificate is for another name",                   \
      "use one of the names that it has, or get one that has this name too")                       \
    X(PKI_CHECK_NO_SAN, "no-san", "the certificate has no subject alternative name",               \
      "get one with a subject alternative name; a common name alone counts nowhere any more")      \
    X(PKI_CHECK_WRONG_PURPOSE, "wrong-purpose", "the certificate is not for this purpose",         \
      "get one whose extended key usage has this purpose")                                         \
    X(PKI_CHECK_REVOKED, "revoked", "the certificate is revoked",                                  \
      "make a new key and get a new certificate: this one may be in foreign hands")                \
    X(PKI_CHECK_WEAK, "weak", "the certificate's key or signature is too weak",                    \
      "get one with ECDSA P-256 or RSA of 2048 bits at least, signed with SHA-256")                \
    X(PKI_CHECK_MISSING_STAPLE, "missing-staple", "the certificate demands a staple; none came",   \
      "give the server a fresh OCSP response (tls.staple), or get one that does not demand it")    \
    X(PKI_CHECK_BAD_STAPLE, "bad-staple", "the stapled OCSP response does not count",              \
      "fetch a fresh OCSP response for this very certificate from its authority")                  \
    X(PKI_CHECK_DANE_MISMATCH, "dane-mismatch",                                                    \
      "the certificate fits none of the server's TLSA records",                                    \
      "publish a TLSA record for the new certificate before it is used, and wait until the old "   \
      "answer is out of all caches")                                                               \
    X(PKI_CHECK_OTHER, "other", "the certificate is not acceptable",                               \
      "look at the detail, and get another one")

enum pki_check {
#define PKI_CHECK_ENUM(name, text, sentence, advice) name,
    PKI_CHECK_LIST(PKI_CHECK_ENUM)
#undef PKI_CHECK_ENUM
};

const char *pki_check_name(enum pki_check check);
const char *pki_check_sentence(enum pki_check check);
/* "" where there is nothing to do. */
const char *pki_check_advice(enum pki_check check);

#endif
