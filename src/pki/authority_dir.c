/*
 * authority_dir: makes, opens and keeps an authority's directory. What stands in a certificate is
 * authority.c's and leaf.c's, the index's lines index.c's. Tests: test_pki_authority_dir.c.
 */
#include "pki/authority_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "pki/index.h"
#include "pki/pki.h"

/* A line of the index is about 150 bytes: some 100,000 certificates. */
enum { INDEX_SIZE_MAX = 16 * 1024 * 1024, NUMBER_SIZE_MAX = 32 };

struct pki_authority_dir {
    char *path;
    int fd; /* holds the lock */
    struct pki_authority *signer;
    struct pki_index index;
    uint64_t crl_number;
};

/* ---- Making --------------------------------------------------------------------------------- */

static int write_file(const char *dir, const char *name, const char *text, mode_t mode,
                      struct fault *fault)
{
    char *path = mem_printf("%s/%s", dir, name);
    int err = file_write_all(path, text, strlen(text), mode, fault);

    mem_free(path);
    return err;
}

static int write_pair(const char *dir, const char *name, const struct pki_authority *authority,
                      struct fault *fault)
{
    char *certificate = pki_authority_certificate_pem(authority);
    char *key = pki_authority_key_pem(authority);
    char *certificate_name = mem_printf("%s.pem", name), *key_name = mem_printf("%s-key.pem", name);
    int err = write_file(dir, key_name, key, 0600, fault);

    if (err == 0)
        err = write_file(dir, certificate_name, certificate, 0644, fault);
    mem_free(certificate);
    pki_key_pem_free(key);
    mem_free(certificate_name);
    mem_free(key_name);
    return err;
}

static int write_lists(const char *dir, const struct pki_authority *intermediate,
                       const struct pki_authority_plan *plan, struct fault *fault)
{
    const struct pki_crl_request request = {
        .number = 1, .this_update_s = plan->now_s, .next_update_s = plan->next_update_s};
    const struct pki_index empty = {0};
    struct buf text;
    char *crl = pki_crl_make(intermediate, &request, fault);

    if (crl == NULL)
        return ERR_TLS;
    buf_init(&text, 0);
    pki_index_print(&empty, &text);
    buf_put_byte(&text, '\0');
    int err = write_file(dir, "crl.pem", crl, 0644, fault);
    if (err == 0)
        err = write_file(dir, "crl-number", "1\n", 0644, fault);
    if (err == 0)
        err = write_file(dir, "index", buf_span(&text).ptr, 0644, fault);
    buf_release(&text);
    mem_free(crl);
    return err;
}

static int write_all(const char *dir, const struct pki_authority *root,
                     const struct pki_authority *intermediate,
                     const struct pki_authority_plan *plan, struct fault *fault)
{
    char *root_pem = pki_authority_certificate_pem(root);
    char *intermediate_pem = pki_authority_certificate_pem(intermediate);
    char *chain = mem_printf("%s%s", intermediate_pem, root_pem);
    int err = write_pair(dir, "root", root, fault);

    if (err == 0)
        err = write_pair(dir, "intermediate", intermediate, fault);
    if (err == 0)
        err = write_file(dir, "chain.pem", chain, 0644, fault);
    if (err == 0)
        err = write_lists(dir, intermediate, plan, fault);
    mem_free(root_pem);
    mem_free(intermediate_pem);
    mem_free(chain);
    return err;
}

int pki_authority_dir_make(const char *dir, const struct pki_authority_plan *plan,
                           struct fault *fault)
{
    char *root_name = mem_printf("%s Root", plan->organization);
    char *intermediate_name = mem_printf("%s Intermediate", plan->organization);
    const struct pki_authority_request of_root = {root_name,          plan->organization,
                                                  plan->key_type,     1,
                                                  plan->not_before_s, plan->root_not_after_s};
    const struct pki_authority_request of_intermediate = {
        intermediate_name,  plan->organization,
        plan->key_type,     0,
        plan->not_before_s, plan->intermediate_not_after_s};
    int err = ERR_TLS;
    struct pki_authority *intermediate = NULL;
    struct pki_authority *root = pki_authority_make(NULL, &of_root, fault);

    if (root != NULL)
        intermediate = pki_authority_make(root, &of_intermediate, fault);
    if (intermediate != NULL)
        err = write_all(dir, root, intermediate, plan, fault);
    pki_authority_free(&intermediate);
    pki_authority_free(&root);
    mem_free(root_name);
    mem_free(intermediate_name);
    return err;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int lock(struct pki_authority_dir *dir, struct fault *fault)
{
    int ret;

    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->fd < 0)
        return fault_set(fault, err_from_errno(errno),
                         "could not open the authority's directory %s: %s; postern cert ca makes "
                         "one, --dir names another",
                         dir->path, strerror(errno));
    do
        ret = flock(dir->fd, LOCK_EX);
    while (ret != 0 && errno == EINTR);
    return ret == 0 ? 0
                    : fault_set(fault, err_from_errno(errno), "could not lock %s: %s", dir->path,
                                strerror(errno));
}

static int read_index(struct pki_authority_dir *dir, struct fault *fault)
{
    char *path = mem_printf("%s/index", dir->path), *text = NULL;
    size_t len = 0;
    int err = file_read_all(path, INDEX_SIZE_MAX, &text, &len, fault);

    if (err == 0 && pki_index_parse(span_make(text, len), &dir->index, fault) != 0)
        err = fault_wrap(fault, "%s", path);
    mem_free(text);
    mem_free(path);
    return err;
}

static int read_number(struct pki_authority_dir *dir, struct fault *fault)
{
    char *path = mem_printf("%s/crl-number", dir->path), *text = NULL;
    size_t len = 0;
    int err = file_read_all(path, NUMBER_SIZE_MAX, &text, &len, fault);

    if (err == 0) {
        struct span number = span_make(text, len);
        if (number.len > 0 && number.ptr[number.len - 1] == '\n')
            number.len--;
        if (!span_to_u64(number, INT64_MAX - 1, &dir->crl_number))
            err = fault_set(fault, ERR_CORRUPT,
                            "%s does not hold a number: write the number of crl.pem there", path);
    }
    mem_free(text);
    mem_free(path);
    return err;
}

static int read_signer(struct pki_authority_dir *dir, struct fault *fault)
{
    char *certificate = mem_printf("%s/intermediate.pem", dir->path);
    char *key = mem_printf("%s/intermediate-key.pem", dir->path);

    dir->signer = pki_authority_load(certificate, key, fault);
    mem_free(certificate);
    mem_free(key);
    return dir->signer != NULL ? 0 : ERR_CONFIG;
}

struct pki_authority_dir *pki_authority_dir_open(const char *path, struct fault *fault)
{
    struct pki_authority_dir *dir = mem_new(struct pki_authority_dir);

    dir->path = mem_strdup(path);
    if (lock(dir, fault) != 0 || read_signer(dir, fault) != 0 || read_index(dir, fault) != 0 ||
        read_number(dir, fault) != 0)
        pki_authority_dir_close(&dir);
    return dir;
}

void pki_authority_dir_close(struct pki_authority_dir **dir)
{
    struct pki_authority_dir *gone = *dir;

    *dir = NULL;
    if (gone == NULL)
        return;
    pki_index_deinit(&gone->index);
    pki_authority_free(&gone->signer);
    if (gone->fd >= 0)
        (void)close(gone->fd); /* opened for reading: nothing can be lost */
    mem_free(gone->path);
    mem_free(gone);
}

const struct pki_authority *pki_authority_dir_signer(const struct pki_authority_dir *dir)
{
    return dir->signer;
}

/* ---- Changing ------------------------------------------------------------------------------- */

static int write_renewed(const struct pki_authority_dir *dir, const struct pki_authority *root,
                         const char *pem, struct fault *fault)
{
    char *old_pem = pki_authority_certificate_pem(dir->signer);
    char *root_pem = pki_authority_certificate_pem(root);
    char *chain = mem_printf("%s%s", pem, root_pem);
    int err = write_file(dir->path, "intermediate.pem.old", old_pem, 0644, fault);

    if (err == 0)
        err = write_file(dir->path, "intermediate.pem", pem, 0644, fault);
    if (err == 0)
        err = write_file(dir->path, "chain.pem", chain, 0644, fault);
    mem_free(old_pem);
    mem_free(root_pem);
    mem_free(chain);
    return err;
}

int pki_authority_dir_renew(const struct pki_authority_dir *dir, const char *root_key,
                            int64_t not_before_s, int64_t not_after_s, struct fault *fault)
{
    char *certificate = mem_printf("%s/root.pem", dir->path);
    char *key = mem_printf("%s/root-key.pem", dir->path), *pem = NULL;
    struct pki_authority *root =
        pki_authority_load(certificate, root_key != NULL ? root_key : key, fault);
    char date[PKI_DATE_SIZE];
    int err = root != NULL ? 0 : ERR_CONFIG;

    if (root != NULL && pki_authority_not_after_s(root) < not_after_s)
        err = fault_set(fault, ERR_REFUSED,
                        "the root ends before that, on %s: choose fewer years, or make a new "
                        "authority",
                        pki_date_text(pki_authority_not_after_s(root), date));
    if (err == 0) {
        pem = pki_authority_renew(root, dir->signer, not_before_s, not_after_s, fault);
        err = pem != NULL ? write_renewed(dir, root, pem, fault) : ERR_TLS;
    }
    pki_authority_free(&root);
    mem_free(pem);
    mem_free(certificate);
    mem_free(key);
    return err;
}

static int write_index(const struct pki_authority_dir *dir, struct fault *fault)
{
    struct buf text;

    buf_init(&text, 0);
    pki_index_print(&dir->index, &text);
    if (text.len > INDEX_SIZE_MAX) {
        buf_release(&text);
        return fault_set(fault, ERR_FULL, "%s/index is full: make a new authority", dir->path);
    }
    buf_put_byte(&text, '\0');
    int err = write_file(dir->path, "index", buf_span(&text).ptr, 0644, fault);
    buf_release(&text);
    return err;
}

int pki_authority_dir_record(struct pki_authority_dir *dir,
                             const struct pki_certificate_facts *facts, struct fault *fault)
{
    pki_index_add(&dir->index, facts);
    return write_index(dir, fault);
}

int pki_authority_dir_look_up(const struct pki_authority_dir *dir, const char *serial,
                              int64_t *revoked_s_out)
{
    const struct pki_index_entry *entry = pki_index_find(&dir->index, serial);

    *revoked_s_out = entry != NULL ? entry->revoked_s : 0;
    return entry != NULL ? 0 : ERR_NOT_FOUND;
}

int pki_authority_dir_revoke(struct pki_authority_dir *dir, const char *serial,
                             enum pki_reason reason, int64_t now_s, struct fault *fault)
{
    struct pki_index_entry *entry = pki_index_find(&dir->index, serial);
    char date[PKI_DATE_SIZE];

    if (entry == NULL)
        return fault_set(fault, ERR_NOT_FOUND,
                         "serial number %s is not in %s/index: only what this authority signed can "
                         "be revoked here",
                         serial, dir->path);
    if (entry->revoked_s != 0)
        return fault_set(fault, ERR_EXISTS,
                         "it was revoked already, on %s (%s); postern cert crl makes the list anew "
                         "with it",
                         pki_date_text(entry->revoked_s, date), pki_reason_word(entry->reason));
    entry->revoked_s = now_s;
    entry->reason = reason;
    return write_index(dir, fault);
}

static int write_number(const struct pki_authority_dir *dir, struct fault *fault)
{
    char *text = mem_printf("%llu\n", (unsigned long long)dir->crl_number);
    int err = write_file(dir->path, "crl-number", text, 0644, fault);

    mem_free(text);
    return err;
}

int pki_authority_dir_publish(struct pki_authority_dir *dir, int64_t now_s, int64_t next_update_s,
                              size_t *count_out, struct fault *fault)
{
    struct pki_crl_entry *entries =
        mem_zalloc(dir->index.count > 0 ? dir->index.count : 1, sizeof *entries);
    size_t count = 0;

    for (size_t i = 0; i < dir->index.count; i++) {
        const struct pki_index_entry *entry = &dir->index.entries[i];
        if (entry->revoked_s != 0)
            entries[count++] = (struct pki_crl_entry){entry->serial, entry->revoked_s};
    }
    /* The number first: one that was skipped harms nobody, one used twice does. */
    dir->crl_number++;
    int err = write_number(dir, fault);
    const struct pki_crl_request request = {entries, count, dir->crl_number, now_s, next_update_s};
    char *crl = err == 0 ? pki_crl_make(dir->signer, &request, fault) : NULL;
    mem_free(entries);
    if (crl == NULL)
        return err != 0 ? err : ERR_TLS;
    *count_out = count;
    err = write_file(dir->path, "crl.pem", crl, 0644, fault);
    mem_free(crl);
    return err;
}
