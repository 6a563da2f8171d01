/*
 * vetting: the door to whatever is looked up about a peer while its greeting waits (DNS lists, the
 * name of its address). Asynchronous; one vetter a loop, which outlives the connections. The real
 * one is server_vetting.c's; tests have a fake.
 */
#ifndef POSTERN_NET_VETTING_H
#define POSTERN_NET_VETTING_H

#include "net/host.h"

struct vetter;
struct vetting; /* one look-up under way */

typedef void vetting_fn(void *owner, const struct peer_facts *facts); /* borrowed */

struct vetter_ops {
    struct vetting *(*begin)(struct vetter *vetter, const struct endpoint *peer,
                             vetting_fn *on_facts, void *owner);
    void (*cancel)(struct vetting *vetting);
};

/* First member of every implementation. */
struct vetter {
    const struct vetter_ops *ops;
};

/* on_facts is called exactly once, within the vetter's own time limit and never inside this call,
 * unless cancelled. NULL: nothing is to be looked up, and on_facts is not called. peer: borrowed
 * until return. */
static inline struct vetting *vetting_begin(struct vetter *vetter, const struct endpoint *peer,
                                            vetting_fn *on_facts, void *owner)
{
    return vetter->ops->begin(vetter, peer, on_facts, owner);
}

static inline void vetting_cancel(struct vetter *vetter, struct vetting **vetting)
{
    if (*vetting != NULL)
        vetter->ops->cancel(*vetting);
    *vetting = NULL;
}

#endif
