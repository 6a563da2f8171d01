/*
 * privilege.c: drops root. Who calls it when is server.c's and cli/'s business.
 */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
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
