/* From a unit's statements to relations of the server, and to the sessions that have them. */
#include "deploy/claim.h"

#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "deploy/run.h"
#include "ledger/detail.h"
#include "sql/only_makes.h"

/* A transaction that is younger ends by itself, or is seen by the next look. */
enum { OLD_MS = 1000 };

/* A lock of such a transaction, or of a prepared one, which has no session. */
#define HELD_LONG                                                                                  \
    "SELECT 1 FROM pg_catalog.pg_locks AS l"                                                       \
    " LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid"                                 \
    " WHERE l.locktype = 'relation' AND l.granted"                                                 \
    " AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"                                      \
    " AND (l.pid IS NULL OR a.xact_start < pg_catalog.clock_timestamp() - interval '1 second')"

/* ---- what the statements say ---- */

static bool only_makes(struct arena *arena, const struct script *script, const struct unit *unit)
{
    struct span *const texts = arena_alloc(arena, unit->count * sizeof *texts);
    for (size_t i = 0; texts != NULL && i < unit->count; i++)
        texts[i] = script->statements.items[unit->first + i].statement.text;
    return texts != NULL && sql_only_makes(texts, unit->count);
}

/* A branch that does not run locks nothing, and nobody is to make way for it. */
static void forget_code(struct facts *facts)
{
    if (facts->inner.count == 0)
        return;
    facts->inner.count = facts->locks.count = facts->acts.count = 0;
    facts->renames_all = false; /* it is not understood, which says more */
}

static bool read_facts(struct arena *arena, const struct script *script, const struct unit *unit,
                       struct facts_set *ret, struct err *err)
{
    struct facts *const facts = arena_alloc(arena, unit->count * sizeof *facts);
    if (facts == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < unit->count; i++) {
        if (!facts_read(arena, NULL, script->statements.items[unit->first + i].statement.text,
                        &facts[i], err))
            return false;
        forget_code(&facts[i]);
    }
    return facts_of_set(arena, facts, unit->count, ret, err);
}

/* ---- what the server has of it ---- */

static bool is_asked_for(const struct locked *lock)
{
    return !lock->ours && lock->mode >= LOCK_SHARE_UPDATE_EXCLUSIVE && lock->fate != FATE_CREATED;
}

static bool add_question(struct run *run, struct arena *arena, const struct locked *lock,
                         struct err *err)
{
    const char *const sql = arena_printf(
        arena,
        "SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::pg_catalog.int8,"
        " 'name', pg_catalog.format('%%I.%%I', n.nspname, c.relname),"
        " 'table', c.relkind IN ('r', 'p') AND pg_catalog.pg_has_role("
        "coalesce($3::pg_catalog.name, current_user), c.relowner, 'USAGE'),"
        " 'held', EXISTS (" HELD_LONG " AND l.relation = c.oid)))"
        " FROM (%s) AS q(oid) JOIN pg_catalog.pg_class AS c ON c.oid = q.oid"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace",
        lock_object_query(lock->object));
    const char *const params[] = {lock->name, lock->part, run->options->limits.role};
    if (sql == NULL)
        return err_nomem(err);
    return pg_pipeline_add(run->ledger->pg, sql, params, COUNT_OF(params), err);
}

static bool ask(struct run *run, struct arena *arena, const struct facts_set *set,
                struct pg_answers *ret, struct err *err)
{
    struct pg *const pg = run->ledger->pg;
    const char *const path = run->options->limits.search_path;
    /* One question in front of the others, so that their answers have fixed places. */
    static const char set_path[] = "SELECT CASE WHEN $1::pg_catalog.text IS NOT NULL"
                                   " THEN pg_catalog.set_config('search_path', $1, true) END";
    if (!pg_pipeline_begin(pg, err) || !pg_pipeline_add(pg, "BEGIN READ ONLY", NULL, 0, err) ||
        !pg_pipeline_add(pg, set_path, &path, 1, err))
        return false;
    for (size_t i = 0; i < set->locks.count; i++)
        if (is_asked_for(&set->locks.items[i]) &&
            !add_question(run, arena, &set->locks.items[i], err))
            return false;
    return pg_pipeline_add(pg, "COMMIT", NULL, 0, err) &&
           pg_pipeline_run(pg, arena, ret, NULL, NULL, err);
}

/* One row a relation with its strongest mode. */
static bool add_claimed(struct arena *arena, struct claim *claim, const struct locked *lock,
                        json_t *relation, struct err *err)
{
    const int64_t oid = json_integer_value(json_object_get(relation, "oid"));
    const char *const name = json_string_value(json_object_get(relation, "name"));
    const bool lockable = json_is_true(json_object_get(relation, "table")) && !lock->maybe;
    for (size_t i = 0; i < claim->locks.count; i++) {
        struct claimed *const known = &claim->locks.items[i];
        if (known->oid != oid)
            continue;
        known->lockable = known->mode == lock->mode  ? known->lockable || lockable
                          : lock->mode > known->mode ? lockable
                                                     : known->lockable;
        known->mode = lock->mode > known->mode ? lock->mode : known->mode;
        return true;
    }
    struct claimed *const added = arena_push(arena, &claim->locks);
    const char *const copy = name != NULL ? arena_strdup(arena, name) : NULL;
    if (added == NULL || copy == NULL)
        return err_nomem(err);
    *added = (struct claimed){oid, copy, lock->mode, lockable};
    return true;
}

static bool read_answer(struct arena *arena, struct claim *claim, const struct locked *lock,
                        const char *answer, struct err *err)
{
    CLEANUP(json_release) json_t *array = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    if (answer != NULL && array == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(array); i++) {
        claim->held =
            claim->held || json_is_true(json_object_get(json_array_get(array, i), "held"));
        if (!add_claimed(arena, claim, lock, json_array_get(array, i), err))
            return false;
    }
    return true;
}

static int compare_oid(const void *a, const void *b)
{
    const int64_t x = ((const struct claimed *)a)->oid, y = ((const struct claimed *)b)->oid;
    return (x > y) - (x < y);
}

bool claim_of_set(struct run *run, const struct facts_set *set, struct claim *ret, struct err *err)
{
    enum { FIRST_ANSWER = 2 };
    struct pg_answers answers;
    size_t asked = 0;
    *ret = (struct claim){.all_short = set->all_short};
    for (size_t i = 0; i < set->locks.count; i++)
        asked += is_asked_for(&set->locks.items[i]);
    if (asked == 0)
        return true;
    if (!ask(run, run->arena, set, &answers, err))
        return false;
    for (size_t i = 0, at = FIRST_ANSWER; i < set->locks.count; i++)
        if (is_asked_for(&set->locks.items[i]) &&
            !read_answer(run->arena, ret, &set->locks.items[i], answers.items[at++].value, err))
            return false;
    if (ret->locks.count > 0)
        qsort(ret->locks.items, ret->locks.count, sizeof *ret->locks.items, compare_oid);
    return true;
}

bool claim_read(struct run *run, const struct plan_item *item, size_t unit, struct claim *ret,
                struct err *err)
{
    struct facts_set set;
    *ret = (struct claim){0};
    if (unit >= item->script.units.count ||
        only_makes(run->arena, &item->script, &item->script.units.items[unit]))
        return true;
    return read_facts(run->arena, &item->script, &item->script.units.items[unit], &set, err) &&
           claim_of_set(run, &set, ret, err);
}

/* ---- who has it ---- */

/* Whether anybody has held a lock on one of them for long: cheap, and mostly nobody has. */
static bool anybody(struct run *run, struct arena *arena, const struct claim *claim, bool *ret,
                    struct err *err)
{
    static const char sql[] = "SELECT EXISTS (" HELD_LONG " AND l.relation = ANY"
                              " ($1::pg_catalog.oid[]))";
    CLEANUP(str_release) struct str oids = {0};
    struct rows rows;
    const char *between = "{";
    for (size_t i = 0; i < claim->locks.count; i++, between = ",")
        str_printf(&oids, "%s%lld", between, (long long)claim->locks.items[i].oid);
    str_puts(&oids, "}");
    const char *const param = str_text(&oids);
    if (oids.failed)
        return err_nomem(err);
    if (!pg_query(run->ledger->pg, arena, sql, &param, 1, &rows, err))
        return false;
    *ret = strcmp(rows_get(&rows, 0, 0), "t") == 0;
    return true;
}

/* As pg_locks writes it: "AccessExclusiveLock". */
static const char *mode_in_pg_locks(struct arena *arena, enum lock_mode mode)
{
    CLEANUP(str_release) struct str out = {0};
    bool first = true;
    for (const char *c = lock_mode_name(mode); *c != '\0'; c++) {
        if (*c != ' ')
            str_putc(&out, first ? *c : ascii_lower(*c));
        first = *c == ' ';
    }
    str_puts(&out, "Lock");
    return out.failed ? NULL : arena_strdup(arena, str_text(&out));
}

static bool keep_old(struct arena *arena, const struct sessions_on *on, struct pg_sessions *ret,
                     struct err *err)
{
    for (size_t i = 0; i < on->locks.count; i++) {
        const struct pg_session_lock *const lock = &on->locks.items[i];
        bool known = !lock->conflicts || !lock->granted ||
                     (lock->session.gid == NULL && lock->session.xact_ms < OLD_MS);
        for (size_t k = 0; k < ret->count && !known; k++)
            known = ret->items[k].gid == NULL && lock->session.gid == NULL &&
                    ret->items[k].pid == lock->session.pid;
        struct pg_session *const added = known ? NULL : arena_push(arena, ret);
        if (added == NULL && !known)
            return err_nomem(err);
        if (added != NULL)
            *added = lock->session;
    }
    return true;
}

bool claim_holders(struct pg *pg, struct arena *arena, const struct claim *claim,
                   struct pg_sessions *ret, struct err *err)
{
    struct sessions_on on;
    struct sessions_wanted *const wanted =
        arena_alloc(arena, (claim->locks.count + 1) * sizeof *wanted);
    *ret = (struct pg_sessions){0};
    if (wanted == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < claim->locks.count; i++) {
        wanted[i] = (struct sessions_wanted){claim->locks.items[i].relation,
                                             mode_in_pg_locks(arena, claim->locks.items[i].mode)};
        if (wanted[i].mode == NULL)
            return err_nomem(err);
    }
    return sessions_on(pg, arena, wanted, claim->locks.count, OLD_MS, &on, err) &&
           keep_old(arena, &on, ret, err);
}

bool claim_look(struct run *run, struct arena *arena, struct claim *claim, struct pg_sessions *ret,
                struct err *err)
{
    bool any = claim->held && !claim->looked;
    *ret = (struct pg_sessions){0};
    if (claim->locks.count == 0)
        return true;
    if (claim->looked && !anybody(run, arena, claim, &any, err))
        return false;
    claim->looked = true;
    if (!any)
        return true;
    struct pg *const pg = watcher_connection(run);
    if (pg != NULL && claim_holders(pg, arena, claim, ret, err))
        return true;
    /* Without a second connection the tries themselves find out. */
    if (err->code == ERR_SIGNAL || err->code == ERR_NOMEM)
        return false;
    watcher_failed(run, err);
    err_release(err);
    return true;
}

/* ---- locks first ---- */

/* A single lock is the first thing that its statement takes anyway. */
size_t claim_queue_count(const struct claim *claim)
{
    size_t count = 0;
    for (size_t i = 0; i < claim->locks.count && claim->all_short; i++)
        count += claim->locks.items[i].lockable;
    return count > 1 ? count : 0;
}

bool claim_queue(struct run *run, const struct claim *claim, struct err *err)
{
    if (claim_queue_count(claim) == 0)
        return true;
    for (size_t i = 0; i < claim->locks.count; i++) {
        const struct claimed *const lock = &claim->locks.items[i];
        const char *const sql = lock->lockable
                                    ? arena_printf(run->arena, "LOCK TABLE ONLY %s IN %s MODE",
                                                   lock->relation, lock_mode_name(lock->mode))
                                    : NULL;
        if (lock->lockable && sql == NULL)
            return err_nomem(err);
        if (lock->lockable && !pg_pipeline_add(run->ledger->pg, sql, NULL, 0, err))
            return false;
    }
    return true;
}
