/* Every tests/dialogue/imap/.dlg in every mode. */
#include "base/mem.h"
#include "protocols/imap/imap.h"
#include "tests/dialogue/suite.h"

static void *make_imap(struct world *world)
{
    struct imap_service *service = mem_new(struct imap_service);
    *service =
        (struct imap_service){.offers_starttls = world->offers_starttls && !world->is_implicit,
                              .auth_without_tls = world->smtp.auth_without_tls,
                              .settings = &world->imap,
                              .append_size_max = world->smtp.message_size_max,
                              .hostname = world->hostname,
                              .store = world->store,
                              .auth = world->auth,
                              .auth_failures_max = world->auth_settings.failures_max};
    return service;
}

static const struct world_role roles[] = {
    {"imap", "imap", &imap_session_type, make_imap, mem_free},
};

int main(int argc, char **argv)
{
    return dialogue_suite(argc, argv, "tests/dialogue/imap", roles, sizeof roles / sizeof *roles);
}
