/* Running statements on a copy of the target's schema, unit by unit as a deploy does. */
#include "check/xray.h"

#include <string.h>

#include "base/clock.h"
#include "check/reach.h"
#include "check/xray_reading.h"
#include "history/script.h"

/* Nothing takes long on empty tables, but a loop that waits for what will not come. */
#define STATEMENT_TIMEOUT "30s"

/* What the server told of the statement at hand. */
struct told {
    bool verifies, validates, proved;
};

struct run {
    struct arena *arena;
    struct shadow *shadow;
    struct pg *pg;
    struct reading reading;
    struct told told;
    bool may_set_language;                  /* lc_messages */
    bool aborted;                           /* the transaction at hand has failed as a whole */
    const struct xray_rehearsal *rehearsal; /* NULL: each statement is tried, whatever fails */
    bool ended;                             /* a rehearsal, by a failure */
    struct xray *result;
};

const char *xray_source_name(enum xray_source source)
{
    static const char *const names[] = {"measured", "alone", "failed", "not run"};
    return names[source];
}

/* ---- debug messages ---- */

static const struct message {
    const char *start;
    size_t told; /* the member of struct told */
} messages[] = {
    {"verifying table \"", offsetof(struct told, verifies)},
    {"validating foreign key constraint \"", offsetof(struct told, validates)},
    {"existing constraints on column \"", offsetof(struct told, proved)},
    {"partition constraint for table \"", offsetof(struct told, proved)},
    {"updated partition constraint for default partition \"", offsetof(struct told, proved)},
};

static void on_notice(void *context, const char *severity, const char *message)
{
    struct run *const run = context;
    (void)severity; /* in the server's language */
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        if (strncmp(message, messages[i].start, strlen(messages[i].start)) == 0)
            *(bool *)((char *)&run->told + messages[i].told) = true;
}

static bool is_english(const char *language)
{
    return language[0] == '\0' || strcmp(language, "C") == 0 || strncmp(language, "C.", 2) == 0 ||
           strcmp(language, "POSIX") == 0 || strncmp(language, "en", 2) == 0;
}

/* Only a superuser may choose the language of messages. */
static bool read_language(struct run *run, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    struct rows rows;
    run->may_set_language = pg_exec(run->pg, "SET lc_messages = 'C'", &refused);
    if (!run->may_set_language && refused.sqlstate[0] == '\0') {
        *err = refused;
        refused = (struct err){0};
        return false;
    }
    if (!pg_query(run->pg, run->arena, "SELECT pg_catalog.current_setting('lc_messages')", NULL, 0,
                  &rows, err))
        return false;
    run->result->notices = is_english(rows_get(&rows, 0, 0));
    return true;
}

/* ---- the session ---- */

/* A timeout that a migration has set must not end what is asked here: it goes first. In a rehearsal
 * it is what it would be. */
static bool set_own(struct run *run, struct err *err)
{
    return (run->rehearsal != NULL ||
            pg_exec(run->pg, "SET statement_timeout = '" STATEMENT_TIMEOUT "'", err)) &&
           pg_exec(run->pg, "SET client_min_messages = debug1", err);
}

static bool set_role(struct run *run, struct err *err)
{
    if (run->rehearsal == NULL || run->rehearsal->role == NULL)
        return true;
    const char *const role = pg_quote_name(run->arena, run->rehearsal->role);
    const char *const sql = role != NULL ? arena_printf(run->arena, "SET ROLE %s", role) : NULL;
    return sql != NULL ? pg_exec(run->pg, sql, err) : err_nomem(err);
}

static bool set_session(struct run *run, struct err *err)
{
    return pg_exec(run->pg, "RESET SESSION AUTHORIZATION", err) &&
           shadow_reset(run->shadow, run->pg, err) &&
           (!run->may_set_language || pg_exec(run->pg, "SET lc_messages = 'C'", err)) &&
           set_own(run, err) && set_role(run, err);
}

/* What may have changed these two. */
static bool may_set(struct span statement)
{
    return sql_starts_with(DIALECT_POSTGRES, statement, "SET|RESET|SELECT|WITH|DO|CALL|EXECUTE");
}

/* ---- one statement ---- */

/* Their new files are empty: no work for a table of any size. */
static bool is_emptying(struct span statement)
{
    return sql_starts_with(DIALECT_POSTGRES, statement, "TRUNCATE") ||
           sql_starts_with(DIALECT_POSTGRES, statement,
                           "REFRESH MATERIALIZED VIEW $name WITH NO DATA");
}

/* These work on savepoints themselves, and stand without one of ours around them. */
static bool is_savepoint(struct span statement)
{
    return sql_starts_with(DIALECT_POSTGRES, statement, "SAVEPOINT|RELEASE|ROLLBACK");
}

static bool read_facts(struct run *run, struct xray_statement *x, struct err *err)
{
    x->facts = arena_alloc(run->arena, sizeof *x->facts);
    if (x->facts == NULL)
        return err_nomem(err);
    return facts_read(run->arena, NULL, x->text, x->facts, err);
}

static bool not_run(struct run *run, struct xray_statement *x, const char *why, struct err *err)
{
    x->source = XRAY_NOT_RUN;
    x->why = why;
    return read_facts(run, x, err);
}

/* True when the server has refused the statement: the failure is noted, and *refused released.
 * Else it becomes *err: there is no connection, or nobody waits any longer. */
static bool note_failure(struct run *run, struct err *refused, struct xray_failure *failure,
                         struct err *err)
{
    if (refused->code != ERR_FAILED || refused->sqlstate[0] == '\0' || pg_lost(run->pg)) {
        *err = *refused;
        *refused = (struct err){0};
        return false;
    }
    memcpy(failure->sqlstate, refused->sqlstate, sizeof failure->sqlstate);
    failure->message = arena_strdup(run->arena, refused->message);
    if (refused->detail != NULL)
        failure->detail = arena_strdup(run->arena, refused->detail);
    const bool complete =
        failure->message != NULL && (failure->detail != NULL) == (refused->detail != NULL);
    err_release(refused);
    return complete || err_nomem(err);
}

/* Runs it; *ret_failed when the server has refused it. */
static bool execute(struct run *run, const struct migration *migration,
                    const struct script_statement *s, struct xray_statement *x, bool *ret_failed,
                    struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    run->told = (struct told){0};
    const int64_t start_ms = clock_monotonic_ms();
    *ret_failed = !pg_exec(run->pg, s->sql, &refused);
    x->ms = clock_monotonic_ms() - start_ms;
    x->verifies = run->told.verifies;
    x->validates = run->told.validates;
    x->proved = run->told.proved;
    if (!*ret_failed)
        return true;
    const int position = pg_error_position(run->pg);
    run->ended = run->rehearsal != NULL;
    x->source = XRAY_FAILED;
    x->failure.line = x->line;
    x->failure.column = x->column;
    if (!note_failure(run, &refused, &x->failure, err))
        return false;
    if (position > 0)
        script_locate(migration, s, sql_character_offset(x->text.at, x->text.len, position),
                      &x->failure.line, &x->failure.column);
    return read_facts(run, x, err);
}

/* What a failed statement did is undone, but the counts of what it read stay. */
static bool undo(struct run *run, bool guarded, struct err *err)
{
    struct xray_relations ignored = {0};
    run->aborted = !guarded;
    return !guarded || (pg_exec(run->pg, "ROLLBACK TO pawl_xray", err) &&
                        reading_statement(&run->reading, false, &ignored, err));
}

static bool run_in_unit(struct run *run, const struct migration *migration,
                        const struct script_statement *s, struct xray_statement *x, struct err *err)
{
    const bool guarded = run->rehearsal == NULL && !is_savepoint(x->text);
    bool failed;
    if (run->aborted)
        return not_run(run, x, "its transaction has failed", err);
    if (guarded && !pg_exec(run->pg, "SAVEPOINT pawl_xray", err))
        return false;
    if (!execute(run, migration, s, x, &failed, err))
        return false;
    if (failed)
        return undo(run, guarded, err);
    if ((may_set(x->text) && !set_own(run, err)) ||
        (guarded && !pg_exec(run->pg, "RELEASE pawl_xray", err)))
        return false;
    if (sql_starts_with(DIALECT_POSTGRES, x->text, "ROLLBACK"))
        return reading_again(&run->reading, err);
    return reading_statement(&run->reading, is_emptying(x->text), &x->relations, err);
}

static bool run_alone(struct run *run, const struct migration *migration,
                      const struct script_statement *s, struct xray_statement *x, struct err *err)
{
    bool failed;
    x->source = XRAY_ALONE;
    if (!execute(run, migration, s, x, &failed, err))
        return false;
    return reading_alone(&run->reading, is_emptying(x->text), &x->relations, err) &&
           (failed || read_facts(run, x, err));
}

/* ---- one unit ---- */

static bool add_statement(struct run *run, const struct migration *migration,
                          const struct script_statement *s, struct err *err)
{
    struct xray *const result = run->result;
    struct xray_unit *const unit = &result->units.items[result->units.count - 1];
    struct xray_statement *const x = arena_push(run->arena, &result->statements);
    const char *why;
    if (x == NULL)
        return err_nomem(err);
    *x = (struct xray_statement){.text = s->statement.text,
                                 .line = s->statement.line,
                                 .column = s->statement.column,
                                 .unit = result->units.count - 1};
    if (!reach_outside(x->text, &why, err))
        return false;
    if (why != NULL   ? !not_run(run, x, why, err)
        : unit->alone ? !run_alone(run, migration, s, x, err)
                      : !run_in_unit(run, migration, s, x, err))
        return false;
    unit->ms += x->ms;
    return reading_sum(run->arena, &x->relations, &unit->relations, err);
}

static bool begin(struct run *run, const struct unit *unit, struct err *err)
{
    const char *const level = unit->isolation != NULL ? unit->isolation : "READ COMMITTED";
    const char *const sql = arena_printf(run->arena, "BEGIN ISOLATION LEVEL %s READ WRITE", level);
    if (sql == NULL)
        return err_nomem(err);
    run->aborted = false;
    return pg_exec(run->pg, sql, err) && reading_unit(&run->reading, err);
}

/* Constraints that are checked at the end may stop it even here. */
static bool commit(struct run *run, struct xray_unit *unit, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    const bool aborted = run->aborted;
    const int64_t start_ms = clock_monotonic_ms();
    const bool committed = pg_exec(run->pg, "COMMIT", &refused);
    unit->ms += clock_monotonic_ms() - start_ms;
    if (!committed) {
        run->ended = run->rehearsal != NULL;
        if (!note_failure(run, &refused, &unit->failure, err))
            return false;
    } else if (!aborted) {
        return true;
    }
    return reading_start(&run->reading, err);
}

static bool run_unit(struct run *run, const struct migration *migration,
                     const struct script *script, const struct unit *unit, struct err *err)
{
    struct xray *const result = run->result;
    struct xray_unit *const made = arena_push(run->arena, &result->units);
    if (made == NULL)
        return err_nomem(err);
    *made = (struct xray_unit){.migration = migration,
                               .first = result->statements.count,
                               .count = unit->count,
                               .alone = unit->alone};
    if (!unit->alone && !begin(run, unit, err))
        return false;
    for (size_t i = 0; i < unit->count && !run->ended; i++)
        if (!add_statement(run, migration, &script->statements.items[unit->first + i], err))
            return false;
    made->count = result->statements.count - made->first;
    return (unit->alone || commit(run, made, err)) && set_session(run, err);
}

static bool run_migration(struct run *run, const struct migration *migration, size_t first_unit,
                          struct err *err)
{
    struct script script = {0};
    if (!script_build(run->arena, DIALECT_POSTGRES, migration, &script, err))
        return false;
    for (size_t i = first_unit; i < script.units.count && !run->ended; i++)
        if (!run_unit(run, migration, &script, &script.units.items[i], err))
            return false;
    /* Temporary tables and prepared statements end with their migration. */
    return pg_exec(run->pg, "DISCARD ALL", err) && set_session(run, err) &&
           reading_start(&run->reading, err);
}

static bool run_all(struct run *run, const struct migration *const *migrations, size_t count,
                    struct err *err)
{
    CLEANUP(pg_close) struct pg *pg = NULL;
    const struct xray_rehearsal *const rehearsal = run->rehearsal;
    *run->result = (struct xray){0};
    if (!shadow_connect(run->shadow, &pg, err))
        return false;
    run->pg = pg;
    run->reading = (struct reading){.arena = run->arena, .pg = pg};
    pg_on_notice(pg, on_notice, run);
    if (!read_language(run, err) || !set_session(run, err) || !reading_start(&run->reading, err))
        return false;
    for (size_t i = 0; i < count && !run->ended; i++) {
        const bool resumes = rehearsal != NULL && rehearsal->first_units != NULL;
        const size_t first = resumes ? (size_t)rehearsal->first_units[i] : 0;
        if (rehearsal != NULL && rehearsal->tell != NULL)
            rehearsal->tell(rehearsal->context, migrations[i], i + 1);
        if (!run_migration(run, migrations[i], first, err))
            return false;
    }
    return true;
}

bool xray_run(struct arena *arena, struct shadow *shadow, const struct migration *const *migrations,
              size_t count, struct xray *ret, struct err *err)
{
    struct run run = {.arena = arena, .shadow = shadow, .result = ret};
    return run_all(&run, migrations, count, err);
}

bool xray_rehearse(struct arena *arena, struct shadow *shadow,
                   const struct migration *const *migrations, size_t count,
                   const struct xray_rehearsal *rehearsal, struct xray *ret, struct err *err)
{
    struct run run = {.arena = arena, .shadow = shadow, .rehearsal = rehearsal, .result = ret};
    return run_all(&run, migrations, count, err);
}

bool xray_text(struct arena *arena, struct shadow *shadow, const char *text, size_t len,
               struct xray *ret, struct err *err)
{
    struct migration *const migration = arena_alloc(arena, sizeof *migration);
    if (migration == NULL)
        return err_nomem(err);
    *migration = (struct migration){
        .id = "", .version = "", .text = text, .text_len = len, .forward_len = len};
    const struct migration *const list[] = {migration};
    return xray_run(arena, shadow, list, COUNT_OF(list), ret, err);
}
