/*
 * conf_internal: what the files of this directory share: the tree that read.c makes of a file, the
 * schema's rows, and the generation that load.c fills by them.
 */
#ifndef POSTERN_CONF_CONF_INTERNAL_H
#define POSTERN_CONF_CONF_INTERNAL_H

#include <stdatomic.h>

#include "base/arena.h"
#include "conf/conf.h"

enum {
    CONF_FILE_SIZE_MAX = 1024 * 1024, /* a large file has some 10 KiB */
    CONF_DEPTH_MAX = 4,               /* group or listeners, listener, list, text */
    CONF_LIST_MAX = 10000             /* elements of one list */
};

/* --- read.c: the file as a tree --- */

enum conf_kind {
    CONF_KIND_GROUP,
    CONF_KIND_LIST,
    CONF_KIND_TEXT,
    CONF_KIND_INT,
    CONF_KIND_BOOL,
    CONF_KIND_FLOAT
};

struct conf_node {
    const char *name; /* "" for elements of lists */
    enum conf_kind kind;
    int line;
    const char *file; /* of an @include; else the file itself */
    const char *text;
    int64_t number;
    struct conf_node *next, *children; /* children: of groups and lists, in order */
};

/* One load: where complaints go, and how many there were. */
struct conf_load {
    const char *file; /* absolute */
    const char *dir;  /* of the file: relative paths start there; no '/' at the end */
    conf_report_fn *report;
    void *owner;
    unsigned complaint_count;
    struct arena *arena;
};

void conf_complain(struct conf_load *load, const struct conf_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The root group, or NULL after a complaint. Lives in the arena. */
struct conf_node *conf_read(struct conf_load *load, struct span text);
const char *conf_kind_name(enum conf_kind kind);
/* The child of that name, or NULL. */
const struct conf_node *conf_node_get(const struct conf_node *group, const char *name);

/* --- schema.c: every key --- */

enum conf_type {
    CONF_STRING,
    CONF_LIST, /* of strings */
    CONF_BOOL,
    CONF_COUNT,  /* a bare number */
    CONF_SIZE,   /* "25M" */
    CONF_TIME,   /* "30s" */
    CONF_CHOICE, /* a string out of a few */
    CONF_ENUM    /* the same, kept as its place in the list */
};

enum conf_flag {
    CONF_RESTART = 1,  /* a change needs a restart */
    CONF_REQUIRED = 2, /* the file must set it */
    CONF_PATH = 4,     /* made absolute */
    CONF_FILE = 8,     /* a path of a file that must be readable */
    CONF_SECRET = 16   /* the file that sets it must not be readable by everybody */
};

struct conf_row {
    const char *group; /* "": top level */
    const char *name;
    enum conf_type type;
    unsigned flags;
    const char *initial; /* default as the file would have it, without quotes; lists: a,b */
    int64_t min, max;    /* of numbers, in the field's unit; of lists, how many */
    const char *choices; /* "a|b|c" */
    size_t offset, size; /* of the field; lists: size is the offset of the count */
    /* A further look at a text or an element: NULL, or what is wrong ("is not ...: write ..."). */
    const char *(*check)(const char *text);
    const char *sentence;
};

/* A generation, and what is read but kept in none of the settings. */
struct conf_draft {
    struct settings settings; /* first */
    unsigned port_offset;
    atomic_uint ref_count;
    struct arena arena; /* of all texts and lists */
};

/* A row's name with its group: "smtp.recipients_max". */
const char *conf_row_path(const struct conf_row *row, char out[80]);

extern const struct conf_row conf_rows[];
extern const size_t conf_row_count;
extern const struct conf_row conf_listener_rows[];
extern const size_t conf_listener_row_count;
extern const struct conf_row conf_certificate_rows[];
extern const size_t conf_certificate_row_count;

struct conf_group {
    const char *name, *sentence;
};
extern const struct conf_group conf_groups[];
extern const size_t conf_group_count;

/* --- fill.c: a tree into fields, by rows --- */

/* What may stand in one group: those of the rows that name it. Borrowed. */
struct conf_scope {
    const struct conf_row *rows;
    size_t row_count;
    const char *group_name; /* "": the top level */
};

/* Sets every field of the scope in base: from the children of group where they are set, else the
 * default. */
void conf_fill(struct conf_load *load, const struct conf_node *group,
               const struct conf_scope *scope, void *base);
/* Complains of children of group that no row names; at the top level groups are known as well. */
void conf_refuse_unknown(struct conf_load *load, const struct conf_node *group,
                         const struct conf_scope *scope);

/* --- check.c: what one row cannot see --- */
void conf_check_together(struct conf_load *load, const struct conf_node *root,
                         struct conf_draft *draft);
/* Files and users that the settings name. */
void conf_check_machine(struct conf_load *load, const struct conf_node *root,
                        const struct conf_draft *draft);
/* A file that must be there and readable; one with what nobody else may read. file "": none. */
void conf_check_file(struct conf_load *load, const struct conf_node *node, const char *path,
                     const char *file);
void conf_check_privacy(struct conf_load *load, const struct conf_node *node, const char *file,
                        const char *what);
/* The node that sets "smtp.recipients_max", or the root for its line. */
const struct conf_node *conf_node_at(const struct conf_node *root, const char *group,
                                     const char *name);

#endif
