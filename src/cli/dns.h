/*
 * dns: the records that a domain needs so that this server can take its mail and others trust what
 * it sends, for `postern dns`. A plan is a list of rows: what is wanted (dns_plan.c), what DNS says
 * (dns_look.c), what that means (dns_judge.c), told in words or JSON (dns_print.c, dns_json.c).
 */
#ifndef POSTERN_CLI_DNS_H
#define POSTERN_CLI_DNS_H

#include "base/arena.h"
#include "conf/conf.h"
#include "dns/resolver.h"

enum { DNS_LOOK_MS = 30 * 1000 /* for all questions together */ };

/* name, word for people and programs */
#define DNS_STATE_LIST(X)                                                                          \
    X(DNS_UNKNOWN, "unknown") /* DNS gave no answer */                                             \
    X(DNS_THERE, "there")                                                                          \
    X(DNS_MISSING, "missing")                                                                      \
    X(DNS_DIFFERENT, "different")

enum dns_state {
#define DNS_STATE_ENUM(name, text) name,
    DNS_STATE_LIST(DNS_STATE_ENUM)
#undef DNS_STATE_ENUM
};
const char *dns_state_name(enum dns_state state);

struct dns_plan;
struct dns_row;
/* Looks at the records of an answer that has some; sets state and why. */
typedef void dns_judge_fn(struct dns_row *row, const struct dns_answer *answer);

/* One record, or some of one name and type. Texts lie in the plan's arena. */
struct dns_row {
    struct dns_plan *plan;
    const char *purpose; /* what it is for, in a few words */
    const char *name;    /* owner, without final dot */
    enum dns_type type;
    const char *wanted; /* as in a zone file; "": only this machine's administrator knows */
    const char *value;  /* what the judge looks for */
    uint16_t port;      /* of SRV */
    dns_judge_fn *judge;
    bool is_optional; /* that it is not there is no fault */
    /* What came of it. */
    enum dns_state state;
    bool has_answer, is_secure;
    struct span *found; /* in zone-file form; as DNS has it, so to be escaped */
    size_t found_count;
    const char *why; /* a sentence, or "" */
    struct resolver_query *query;
};

struct dns_plan {
    struct arena arena;
    const struct settings *settings;
    const char *domain;   /* lower case, without final dot */
    const char *hostname; /* the server's */
    bool is_kept;         /* the configuration knows the domain */
    struct dns_row **rows;
    size_t count, capacity;
    const char *policy_url, *policy_text; /* of MTA-STS */
    struct fault trouble;                 /* of a certificate that could not be read */
};

/* domain: checked before. The settings outlive the plan. */
void dns_plan_init(struct dns_plan *plan, const struct settings *settings, const char *domain);
void dns_plan_deinit(struct dns_plan *plan);
/* An address of the server was found: its name is to be looked up too. */
struct dns_row *dns_plan_add_ptr(struct dns_plan *plan, enum dns_type type, struct span address);

/* Asks for every row and judges the answers. resolver: address, or "" for the system's. 0, or a
 * code with a sentence when nothing could be asked. */
int dns_look(struct dns_plan *plan, const char *resolver, struct fault *fault)
    __attribute__((warn_unused_result));

/* dns_judge.c */
void dns_judge(struct dns_row *row, const struct dns_answer *answer);
/* When all are judged: one kind of address is enough, and so on. */
void dns_judge_whole(struct dns_plan *plan);
/* Rows that are wanted and not there. */
size_t dns_count_lacking(const struct dns_plan *plan);
dns_judge_fn dns_judge_mx, dns_judge_address, dns_judge_ptr, dns_judge_spf, dns_judge_dmarc,
    dns_judge_sts, dns_judge_tlsrpt, dns_judge_tlsa, dns_judge_srv, dns_judge_no_srv;

struct ink;
void dns_print(struct ink *ink, const struct dns_plan *plan);
void dns_json(struct buf *out, const struct dns_plan *plan);

#endif
