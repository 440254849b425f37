/* What the files of a shadow share; included by src/check/shadow*.c only. */
#ifndef PAWL_CHECK_SHADOW_PARTS_H
#define PAWL_CHECK_SHADOW_PARTS_H

#include "check/shadow.h"

struct shadow {
    struct arena *arena;
    struct shadow_options options;
    struct pg *server;        /* a connection to the database that the URL names */
    const char *stem;         /* of the names, to which a number is added */
    const char *comment;      /* of each database that is made */
    unsigned copies;          /* made so far; the template is number 0 */
    const char *settings_sql; /* the settings of a session */
    const char *settings[4];  /* the values of its parameters */
    const char *role;         /* that is on the server; NULL */
    const char *dumper;       /* a pg_dump that can read it, once looked for; NULL */
    struct shadow_facts facts;
};

/* A name of the shadow's; NULL when memory is out. */
const char *shadow_name(const struct shadow *shadow, unsigned number) MUST_CHECK;

/* insufficient_privilege */
#define SHADOW_NOT_ALLOWED "42501"

/* NULL: the database that the URL names. */
bool shadow_connect_to(struct shadow *shadow, const char *database, const struct wait *wait,
                       struct pg **ret, struct err *err) MUST_CHECK;

/* --- shadow_fill.c --- */
/* Schema and rows, into the template. */
bool shadow_fill_all(struct shadow *shadow, struct err *err) MUST_CHECK;

/* Runs one statement of the schema. That the server refuses it is a gap, and a success. */
bool shadow_fill(struct shadow *shadow, struct pg *pg, const char *statement,
                 struct err *err) MUST_CHECK;

/* A statement that is not run is a gap too. */
bool shadow_leave_out(struct shadow *shadow, const char *statement, const char *why,
                      struct err *err) MUST_CHECK;

/* --- shadow_leftover.c --- */
/* The stem of this process's names, and the comment. */
bool shadow_sign(struct shadow *shadow, struct err *err) MUST_CHECK;
/* Drops what dead processes of this machine have left. What cannot be dropped stays. */
bool shadow_sweep(struct shadow *shadow, struct err *err) MUST_CHECK;

/* --- shadow_rows.c --- */
/* A snapshot of the target that others may take: *ret_name. Between the two the target's connection
 * is in a transaction that only reads. */
bool shadow_rows_begin(struct shadow *shadow, const char **ret_name, struct err *err) MUST_CHECK;
/* Copies the rows into tables that have no keys, indexes and triggers yet. */
bool shadow_rows_copy(struct shadow *shadow, struct pg *pg, struct err *err) MUST_CHECK;
bool shadow_rows_end(struct shadow *shadow, struct err *err) MUST_CHECK;

/* --- shadow_keys.c --- */
/* Has a sample hold its foreign keys: the rows that it refers to come too, and rows whose parents
 * are not to be had are left out. */
bool shadow_keys_follow(struct shadow *shadow, struct pg *pg, struct err *err) MUST_CHECK;

/* --- shadow_dump.c --- */
/* Takes the target's schema by pg_dump. False without an error in *err: it cannot be taken, and
 * facts.why_replayed says why. */
bool shadow_copy_schema(struct shadow *shadow, struct pg *pg, struct err *err) MUST_CHECK;

#endif
