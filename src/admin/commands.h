/*
 * commands: rows of the administrator's calls, shared by the files of admin/ only.
 */
#ifndef POSTERN_ADMIN_COMMANDS_H
#define POSTERN_ADMIN_COMMANDS_H

#include "admin/admin.h"

struct admin_row {
    const char *area, *verb;
    size_t words_min, words_max; /* area and verb counted */
    /* Answers in text and status and returns NULL, or returns a job. */
    struct job *(*start)(struct admin_call *call);
    void (*finish)(struct admin_call *call, struct job *job);
    const char *done; /* what to say of a change that worked */
};

/* Appends a line; refuse also sets the status. */
void admin_say(struct admin_call *call, const char *text);
void admin_refuse(struct admin_call *call, const char *text);

struct job *admin_start_domain_add(struct admin_call *call);
struct job *admin_start_domain_delete(struct admin_call *call);
struct job *admin_start_domain_list(struct admin_call *call);
struct job *admin_start_domain_find(struct admin_call *call);
void admin_finish_domain(struct admin_call *call, struct job *job);

struct job *admin_start_route_add(struct admin_call *call);
struct job *admin_start_route_delete(struct admin_call *call);
struct job *admin_start_route_list(struct admin_call *call);
struct job *admin_start_route_rows(struct admin_call *call);
struct job *admin_start_route_resolve(struct admin_call *call);
void admin_finish_route(struct admin_call *call, struct job *job);

struct job *admin_start_message(struct admin_call *call);
void admin_finish_message(struct admin_call *call, struct job *job);
struct job *admin_start_queue_rows(struct admin_call *call);
void admin_finish_queue_rows(struct admin_call *call, struct job *job);
struct job *admin_start_queue_retry(struct admin_call *call);
struct job *admin_start_queue_hold(struct admin_call *call);
struct job *admin_start_queue_delete(struct admin_call *call);
void admin_finish_queue_change(struct admin_call *call, struct job *job);

#endif
