/*
 * feature: the TLS feature extension (RFC 7633), of which only one feature is in use: must-staple.
 */
#include "pki/pki_internal.h"

enum { STATUS_REQUEST = 5 /* the TLS extension that asks for a staple, RFC 6066 8 */ };

int pki_feature_make(gnutls_x509_tlsfeatures_t *features_out)
{
    int ret = gnutls_x509_tlsfeatures_init(features_out);

    return ret == 0 ? gnutls_x509_tlsfeatures_add(*features_out, STATUS_REQUEST) : ret;
}

bool pki_feature_is_there(gnutls_x509_tlsfeatures_t features)
{
    unsigned feature = 0;

    for (unsigned i = 0; gnutls_x509_tlsfeatures_get(features, i, &feature) == 0; i++) {
        if (feature == STATUS_REQUEST)
            return true;
    }
    return false;
}
