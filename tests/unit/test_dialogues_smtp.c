/* Every tests/dialogue/smtp/.dlg in every mode, for the MX, the submission and the LMTP role. */
#include "base/mem.h"
#include "protocols/smtp/pace.h"
#include "protocols/smtp/smtp.h"
#include "tests/dialogue/suite.h"

static void *make_smtp(struct world *world, enum smtp_role role)
{
    struct smtp_service *service = mem_new(struct smtp_service);

    *service =
        (struct smtp_service){.role = role,
                              .offers_starttls = world->offers_starttls && !world->is_implicit,
                              .settings = &world->smtp,
                              .relay_networks = world->relay_networks,
                              .relay_network_count = world->relay_network_count,
                              .hostname = world->hostname,
                              .domains = world->domains,
                              .domain_count = world->domain_count,
                              .relay = &world->relay,
                              .store = world->store,
                              .auth = world->auth,
                              .pace = smtp_pace_create(),
                              .auth_failures_max = world->auth_settings.failures_max};
    return service;
}

static void free_smtp(void *arg)
{
    struct smtp_service *service = arg;

    smtp_pace_free(&service->pace);
    mem_free(service);
}

static void *make_mx(struct world *world)
{
    return make_smtp(world, SMTP_MX);
}

static void *make_submission(struct world *world)
{
    return make_smtp(world, SMTP_SUBMISSION);
}

static void *make_lmtp(struct world *world)
{
    return make_smtp(world, SMTP_LMTP);
}

static const struct world_role roles[] = {
    {"mx", "smtp", &smtp_session_type, make_mx, free_smtp},
    {"submission", "smtp", &smtp_session_type, make_submission, free_smtp},
    {"lmtp", NULL, &lmtp_session_type, make_lmtp, free_smtp},
};

int main(int argc, char **argv)
{
    return dialogue_suite(argc, argv, "tests/dialogue/smtp", roles, sizeof roles / sizeof *roles);
}
