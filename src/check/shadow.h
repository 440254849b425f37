/*
 * A scratch database with the schema of a target, without its rows or with some of them, on a
 * server that may be used for it. What is run there is seen before it is run where it counts
 * (check/xray.h).
 *
 * It is made once, as a template, and copied for each use: a copy of many tables takes seconds, so
 * who has one use says so. The copies and it are dropped by shadow_close(), also after a cancelled
 * run; what a killed process left is dropped by the next one on the same machine. Nothing is done
 * to any other database of the server.
 */
#ifndef PAWL_CHECK_SHADOW_H
#define PAWL_CHECK_SHADOW_H

#include "conf/url.h"
#include "db/pg.h"
#include "history/migration.h"

struct shadow;

enum shadow_data { SHADOW_NO_ROWS, SHADOW_SAMPLE, SHADOW_ALL_ROWS };

/* A foreign key that is to hold in a sample beside those that the target has. */
struct shadow_key {
    const char *table, *parent; /* SQL text, as written */
    const char *columns;        /* as the text of an array of names */
    const char *parent_columns; /* likewise; NULL: the parent's primary key */
};

/* Which rows of the target are copied, in one snapshot of it. */
struct shadow_rows {
    enum shadow_data data;
    int64_t per_table; /* SHADOW_SAMPLE: so many of each, and what they refer to */
    int64_t max_bytes; /* SHADOW_ALL_ROWS: with more than that in the tables nothing is made */
    struct {
        struct shadow_key *items;
        size_t count, capacity;
    } keys;
    const char *ledger; /* a schema that is left out */
};

struct shadow_options {
    const struct url *server; /* where it is made; also copied from, unless target is given */
    /* Whose schema, settings and version are taken; NULL: the applied migrations are all there is.
     * Both or none; the connection is used for reading alone, and not kept. */
    const struct url *target;
    struct pg *target_connection;
    /* What is replayed where the schema cannot be copied, in order. */
    const struct migration *const *applied;
    size_t applied_count;
    bool once;       /* one use: of itself, without a copy */
    bool own_server; /* for this run alone: another locale does where it lacks the target's */
    const char *search_path; /* of the migrations; NULL: the target's own */
    bool rights; /* who may do what is as on the target; a role that is not there makes a gap */
    const char *role; /* who is to own what is in it; NULL: whoever connects */
    struct shadow_rows rows;
    int64_t connect_timeout_ms;
    struct wait wait;
};

enum shadow_source { SHADOW_COPIED, SHADOW_REPLAYED };

/* What of the schema could not be made: a later statement that needs it will fail. */
struct shadow_gap {
    const char *statement; /* its beginning, printable */
    char sqlstate[6];      /* "": it was not run, as it reaches outside (check/reach.h) */
    const char *message;
};

struct shadow_facts {
    enum shadow_source source;
    const char *why_replayed; /* why there is no copy, a clause; NULL */
    struct {
        struct shadow_gap *items;
        size_t count, capacity;
    } gaps;
    bool lacks_role;              /* role is not on the server, or not to be had */
    size_t tables;                /* whose rows were copied */
    int64_t row_count, row_bytes; /* and how many */
};

/*
 * Makes it. *ret NULL with *ret_why, a clause for messages ("may not create databases"), is an
 * ordinary answer: the role or the server does not allow it. Strings live in the arena, which must
 * stay for as long as the shadow. Errors: ERR_UNREACHABLE, ERR_SIGNAL, ERR_BUSY, ERR_REFUSED for an
 * applied migration that is no text to run and for rows that are too many or cannot be copied,
 * ERR_FAILED for what the target says while they are; then nothing is left.
 */
bool shadow_open(struct arena *arena, const struct shadow_options *options, struct shadow **ret,
                 const char **ret_why, struct err *err) MUST_CHECK;

/* Valid until the shadow is closed. */
const struct shadow_facts *shadow_facts(const struct shadow *shadow);

/* A connection to a fresh copy (once: to what is left of the last use), with the target's settings
 * that give statements their meaning: TimeZone, search_path, DateStyle, IntervalStyle. The former
 * copy is dropped, so the connection to it must be closed. */
bool shadow_connect(struct shadow *shadow, struct pg **ret, struct err *err) MUST_CHECK;

/* As RESET ALL, for a connection of shadow_connect(): the same settings again. */
bool shadow_reset(struct shadow *shadow, struct pg *pg, struct err *err) MUST_CHECK;

/* The variables by which another program connects to what is left of the last use: those of libpq,
 * and DATABASE_URL. */
bool shadow_environment(struct shadow *shadow, const char *const **ret, struct err *err) MUST_CHECK;

/* The schema as it is now, as pg_dump writes it. *ret NULL with *ret_why: there is none. */
bool shadow_schema(struct shadow *shadow, const char **ret, const char **ret_why,
                   struct err *err) MUST_CHECK;

/* Gives it a name under which it stays, and frees: nothing sweeps it. */
bool shadow_leave(struct shadow **shadow, const char **ret_name, struct err *err) MUST_CHECK;

/* Drops what was made and frees; NULL inside is fine. Waits for ten seconds at most, whatever has
 * cancelled the run. */
void shadow_close(struct shadow **shadow);

#endif
