/* Every tests/dialogue/pop3/.dlg in every mode. */
#include "base/mem.h"
#include "protocols/pop3/pop3.h"
#include "tests/dialogue/suite.h"

static void *make_pop3(struct world *world)
{
    struct pop3_service *service = mem_new(struct pop3_service);

    *service = (struct pop3_service){.offers_stls = world->offers_starttls && !world->is_implicit,
                                     .auth_without_tls = world->smtp.auth_without_tls,
                                     .settings = &world->pop3,
                                     .hostname = world->hostname,
                                     .store = world->store,
                                     .auth = world->auth,
                                     .locks = pop3_locks_create(),
                                     .auth_failures_max = world->auth_settings.failures_max};
    return service;
}

static void free_pop3(void *arg)
{
    struct pop3_service *service = arg;

    pop3_locks_free(&service->locks);
    mem_free(service);
}

static const struct world_role roles[] = {
    {"pop3", "pop3", &pop3_session_type, make_pop3, free_pop3},
};

int main(int argc, char **argv)
{
    return dialogue_suite(argc, argv, "tests/dialogue/pop3", roles, sizeof roles / sizeof *roles);
}
