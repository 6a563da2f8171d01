/*
 * privilege.c: drops root. Who calls it when is server.c's and cli/'s business.
 */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int privilege_find(const char *user, uid_t *uid_out, gid_t *gid_out, struct fault *fault)
{
    char scratch[4096];
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(user, &entry, scratch, sizeof scratch, &found);
    if (error != 0)
        return fault_set(fault, ERR_IO, "could not look up user \"%s\": %s", user, strerror(error));
    if (found == NULL)
        return fault_set(fault, ERR_NOT_FOUND,
                         "there is no user \"%s\" on this machine; create it with: adduser "
                         "--system --group %s",
                         user, user);
    *uid_out = entry.pw_uid;
    *gid_out = entry.pw_gid;
    return 0;
}

int privilege_drop(const char *user, struct fault *fault)
{
    if (user[0] == '\0')
        return 0;
    uid_t uid = 0;
    gid_t gid = 0;
    int err = privilege_find(user, &uid, &gid, fault);
    if (err != 0)
        return err;
    if (geteuid() == uid)
        return 0;
    if (geteuid() != 0)
        return fault_set(fault, ERR_REFUSED,
                         "could not become user \"%s\": start as root or as that user", user);
    if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
        return fault_set(fault, ERR_REFUSED, "could not become user \"%s\": %s", user,
                         strerror(errno));
    if (uid != 0 && setuid(0) == 0)
        return fault_set(fault, ERR_REFUSED, "became user \"%s\" but could go back to root", user);
    return 0;
}

/* The only right of root that is kept; the calls themselves, since libcap is no dependency. */
static int keep_reading_only(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    const unsigned reading = 1U << CAP_DAC_READ_SEARCH;

    if (syscall(SYS_capget, &head, data) != 0)
        return errno;
    unsigned kept = data[0].permitted & reading;
    memset(data, 0, sizeof data);
    data[0].permitted = data[0].effective = kept;
    return syscall(SYS_capset, &head, data) == 0 ? 0 : errno;
}

int privilege_drop_to_reader(const char *user, struct fault *fault)
{
    if (geteuid() != 0)
        return privilege_drop(user, fault);
    /* The change of user takes all rights away but for this; it is undone by exec only, and there
     * is none. */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return fault_set(fault, ERR_REFUSED, "could not keep the right to read key files: %s",
                         strerror(errno));
    int err = privilege_drop(user, fault);
    if (err != 0)
        return err;
    int error = keep_reading_only();
    if (error == 0)
        return 0;
    return fault_set(fault, ERR_REFUSED,
                     "could not give up root's rights: %s; start as user \"%s\" instead",
                     strerror(error), user);
}
