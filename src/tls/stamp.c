/*
 * stamp: whether files have changed, without reading them: a digest over what stat() says. When to
 * look, and what a change means, is server_tls.c. Tests: test_tls_manager.c.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "crypto/digest.h"
#include "pki/trust.h"
#include "tls/manager.h"

static void put_file(struct buf *out, const char *file)
{
    struct stat now;

    if (file[0] == '\0')
        return;
    buf_puts(out, file);
    if (stat(file, &now) != 0) {
        buf_printf(out, " %d\n", errno);
        return;
    }
    buf_printf(out, " %lld %lld.%09ld %llu\n", (long long)now.st_size,
               (long long)now.st_mtim.tv_sec, now.st_mtim.tv_nsec, (unsigned long long)now.st_ino);
}

void tls_files_stamp(const struct settings_tls *settings, unsigned char stamp_out[TLS_STAMP_SIZE])
{
    struct buf seen;

    buf_init(&seen, 0);
    for (size_t i = 0; i < settings->pair_count; i++) {
        put_file(&seen, settings->pairs[i].certificate);
        put_file(&seen, settings->pairs[i].key);
        put_file(&seen, settings->pairs[i].staple);
    }
    put_file(&seen, settings->trusted[0] != '\0' ? settings->trusted : PKI_SYSTEM_AUTHORITIES);
    put_file(&seen, settings->revocations);
    put_file(&seen, settings->client_certificate);
    put_file(&seen, settings->client_key);
    put_file(&seen, settings->ticket_key);
    digest_sha256(buf_span(&seen), stamp_out);
    buf_release(&seen);
}
