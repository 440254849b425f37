/* A rehearsal of the pending set in a copy of the target, whatever the engine: run, and told. */
#ifndef PAWL_CLI_REHEARSAL_H
#define PAWL_CLI_REHEARSAL_H

#include "check/shadow.h"
#include "check/xray.h"
#include "cli/pending.h"

struct rehearsed_statement {
    struct span text;
    int line, column;
    int64_t ms;                        /* -1: it was not run */
    const struct xray_statement *xray; /* PostgreSQL; else NULL */
};

struct rehearsed {
    const struct migration *migration;
    enum rehearsed_outcome { REHEARSED_APPLIED, REHEARSED_FAILED, REHEARSED_NOT_REACHED } outcome;
    int64_t ms;
    size_t first, count; /* of rehearsal.statements */
};

struct rehearsal_options {
    const char *on; /* --on; NULL */
    struct shadow_rows rows;
    bool keep;
};

struct rehearsal {
    const char *where;                /* for people */
    const struct shadow_facts *facts; /* PostgreSQL; else NULL */
    struct {
        struct rehearsed *items;
        size_t count, capacity;
    } migrations;
    struct {
        struct rehearsed_statement *items;
        size_t count, capacity;
    } statements;
    struct err failure;  /* ERR_NONE: it went through */
    const char *changes; /* of the schema, as a diff; NULL: why_no_changes */
    const char *why_no_changes;
    const char *kept;         /* what was left; NULL */
    const char *kept_connect; /* and how to look at it */
};

/* Both run the pending migrations of result->plan, and change nothing in the target. Errors are
 * those of what surrounds them: that a migration fails is a success, told in ret->failure. */
bool rehearsal_postgres(struct cli *cli, struct session *session,
                        const struct deploy_result *result, const struct rehearsal_options *options,
                        struct rehearsal *ret, struct err *err) MUST_CHECK;
bool rehearsal_sqlite(struct cli *cli, struct workspace *workspace, struct session *session,
                      const struct deploy_result *result, const struct rehearsal_options *options,
                      struct rehearsal *ret, struct err *err) MUST_CHECK;

/* The diff of two schemas, as text that may be printed. NULL when memory is out. */
const char *rehearsal_diff(struct arena *arena, const char *before, const char *after) MUST_CHECK;

void rehearsal_release(struct rehearsal *rehearsal);

/* --- rehearsal_text.c --- */
bool rehearsal_say(struct cli *cli, const struct rehearsal *rehearsal, struct err *err) MUST_CHECK;
bool rehearsal_say_markdown(struct cli *cli, const struct rehearsal *rehearsal,
                            struct err *err) MUST_CHECK;

/* --- rehearsal_json.c --- */
/* Adds the members of the report. */
void rehearsal_json(struct cli *cli, const struct rehearsal *rehearsal);

/* What a statement did to a relation, for a line or a member. */
struct rehearsal_lock {
    const char *relation, *mode, *work; /* mode "" where no lock was taken; work "" for none */
};
struct rehearsal_locks {
    struct rehearsal_lock *items;
    size_t count, capacity;
};
bool rehearsal_locks(struct arena *arena, const struct rehearsed_statement *statement,
                     struct rehearsal_locks *ret) MUST_CHECK;

#endif
