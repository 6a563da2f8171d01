/*
 * stranger: the rules for peers that DNS lists have, or that have no name. Whoever is trusted was
 * never looked up. Tests: tests/unit/test_smtp_stranger.c, tests/clients/test_limits.py.
 */
#include "protocols/smtp/stranger.h"

#include <stdio.h>

enum smtp_server_reply smtp_stranger_refusal(const struct smtp_session *session)
{
    const struct peer_facts *facts = session->host->facts;
    const struct settings_smtp *settings = session->service->settings;

    if (facts == NULL || session->login != NULL || session->service->role != SMTP_MX)
        return REPLY_NONE;
    if (facts->list[0] != '\0')
        return settings->dns_lists_action == SMTP_DNS_LISTS_REFUSE ? REPLY_LISTED
                                                                   : REPLY_LISTED_LATER;
    if (settings->reverse_dns != SMTP_REVERSE_DNS_REQUIRED)
        return REPLY_NONE;
    if (facts->naming == PEER_NAMING_NONE)
        return REPLY_NO_PEER_NAME;
    return facts->naming == PEER_NAMING_UNCERTAIN ? REPLY_PEER_NAME_LATER : REPLY_NONE;
}

const char *smtp_stranger_detail(const struct smtp_session *session, enum smtp_server_reply reply,
                                 char out[SMTP_STRANGER_DETAIL_SIZE])
{
    const struct peer_facts *facts = session->host->facts;

    if (reply != REPLY_LISTED && reply != REPLY_LISTED_LATER)
        return NULL;
    (void)snprintf(out, SMTP_STRANGER_DETAIL_SIZE, "%s%s%s", facts->list,
                   facts->why[0] != '\0' ? ": " : "", facts->why);
    return out;
}

const char *smtp_stranger_name(const struct smtp_session *session)
{
    const struct peer_facts *facts = session->host->facts;

    if (facts == NULL || facts->naming == PEER_NAMING_OFF)
        return "";
    return facts->naming == PEER_NAMING_CONFIRMED ? facts->name : "unknown";
}
