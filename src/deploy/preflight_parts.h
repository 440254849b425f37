/* What the questions of a preflight share; included by src/deploy/preflight*.c only. */
#ifndef PAWL_DEPLOY_PREFLIGHT_PARTS_H
#define PAWL_DEPLOY_PREFLIGHT_PARTS_H

#include "check/cost.h"
#include "deploy/run.h"

struct preflight_look {
    struct run *run;
    bool deploying;   /* asked by a deploy: only what can stop or warn it */
    bool connected;   /* the target answers */
    bool readable;    /* its ledger could be read */
    bool planned;     /* run->result->plan is what a deploy would do */
    struct err ended; /* the first error: what a deploy would end with; ERR_NONE */
    /* What is pending, read when first needed. */
    bool read, harmless;      /* harmless: nobody and nothing is there that it could hurt */
    const char *why_harmless; /* a clause */
    const struct migration **migrations; /* without what is recognised, or was begun before */
    size_t migration_count;
    bool facts; /* of statements, read */
    struct cost_statement *statements;
    size_t statement_count;
};

/* Adds what was found. */
bool preflight_say(struct preflight_look *look, struct preflight_line *line,
                   enum preflight_mark mark, const char *command, struct err *err,
                   const char *format, ...) PRINTF_LIKE(6, 7);

/* Adds why a deploy would be refused, and takes *why over for its end. */
bool preflight_refuse(struct preflight_look *look, struct preflight_line *line, const char *command,
                      struct err *why, struct err *err);

/* One statement, in a transaction that only reads and whose time is bounded. */
bool preflight_query(struct preflight_look *look, const char *sql, const char *const *params,
                     size_t count, struct rows *ret, struct err *err) MUST_CHECK;
bool preflight_enter(struct preflight_look *look, struct err *err) MUST_CHECK;
bool preflight_leave(struct preflight_look *look, struct err *err) MUST_CHECK;

/* Lists what is pending: look->harmless, migrations, and statements where it is not harmless. Done
 * before each question that needs it. */
bool preflight_read(struct preflight_look *look, struct err *err) MUST_CHECK;
/* And reads these statements. */
bool preflight_facts(struct preflight_look *look, struct err *err) MUST_CHECK;

#define QUESTION(name)                                                                             \
    bool name(struct preflight_look *look, struct preflight_line *line, struct err *err)

/* --- preflight_ledger.c --- */
QUESTION(preflight_target);
QUESTION(preflight_ledger);
QUESTION(preflight_plan);
QUESTION(preflight_release);
QUESTION(preflight_deploys);
QUESTION(preflight_reservation);
QUESTION(preflight_maintenance);
QUESTION(preflight_releases);
QUESTION(preflight_gate);

/* --- preflight_lint.c --- */
QUESTION(preflight_lint);

/* --- preflight_data.c --- */
QUESTION(preflight_data);

/* --- preflight_server.c --- */
QUESTION(preflight_sessions);
QUESTION(preflight_leftovers);
QUESTION(preflight_replicas);
QUESTION(preflight_slots);
QUESTION(preflight_connections);
QUESTION(preflight_wraparound);

#endif
