/* routes_stored: one row of the store's routes, read; for the files of queue/ only. */
#ifndef POSTERN_QUEUE_ROUTES_STORED_H
#define POSTERN_QUEUE_ROUTES_STORED_H

#include "queue/routes.h"

/* Always fills out: see routes_merged. Texts live in the arena. */
void routes_read_stored(struct span domain, struct span words, struct arena *arena,
                        struct settings_route *out);

#endif
