/* From facts to relations of the server, and to time. */
#include "check/cost.h"

#include <jansson.h>
#include <string.h>

#include "ledger/detail.h"
#include "sql/parser.h"

/* ---- what the statements say ---- */

struct work {
    struct arena *arena;
    struct cost_statement *statements;
    size_t count;
    struct err *err;
    bool done;
};

static bool read_one(struct work *work, struct facts_walk *walk, struct cost_statement *one)
{
    struct tree tree = {0};
    const bool read = parser_read_here(one->text, &tree, work->err) &&
                      facts_of_tree(work->arena, &walk->functions, one->text, tree.statement,
                                    &one->facts, work->err) &&
                      facts_walk_next(walk, &one->facts, work->err);
    tree_release(&tree);
    return read;
}

static void read_all(void *context)
{
    struct work *const work = context;
    struct facts_walk walk = facts_walk_begin(work->arena);
    work->done = true;
    for (size_t i = 0; work->done && i < work->count; i++)
        work->done = read_one(work, &walk, &work->statements[i]);
}

bool cost_read(struct arena *arena, struct cost_statement *statements, size_t count,
               struct err *err)
{
    struct work work = {arena, statements, count, err, false};
    return parser_run(read_all, &work, err) && work.done;
}

/* ---- what the server has of it ---- */

static bool is_asked_for(const struct locked *lock)
{
    return !lock->ours && lock->fate != FATE_CREATED &&
           (lock->mode >= LOCK_ROW_EXCLUSIVE || lock->effect != EFFECT_CATALOG);
}

/* Rows as the planner guesses them: by the density of the last ANALYZE. Unused: without a page, and
 * nothing was ever written or found by an index; a few scans are those of DDL itself. A table that
 * others inherit from is as full as they are. A standby counts its own reads, no writes,
 * and has unlogged tables empty: what the primary does and has of that is not known there. */
static const char question[] =
    "SELECT pg_catalog.json_agg(pg_catalog.json_build_object("
    "'name', pg_catalog.format('%%I.%%I', n.nspname, c.relname), 'kind', c.relkind,"
    " 'rows', CASE WHEN p.here THEN p.rows END, 'bytes', CASE WHEN p.here THEN p.bytes END,"
    " 'index_bytes', CASE WHEN p.here THEN p.index_bytes END, 'reads', p.reads / s.s,"
    " 'writes', p.writes / s.s, 'unused', p.unused AND s.s IS NOT NULL"
    " AND NOT (c.relkind = 'r' AND c.relhassubclass))"
    " ORDER BY n.nspname, c.relname)"
    " FROM (SELECT DISTINCT oid FROM (%s) AS q(oid)) AS q"
    " JOIN pg_catalog.pg_class AS c ON c.oid = q.oid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " CROSS JOIN LATERAL (SELECT"
    "   CASE WHEN bool_and(b.bytes = 0 OR (r.reltuples >= 0 AND r.relpages > 0))"
    "     THEN sum(CASE WHEN r.relpages > 0 THEN r.reltuples::float8 / r.relpages"
    "       * pg_catalog.pg_relation_size(r.oid)"
    "       / pg_catalog.current_setting('block_size')::float8 ELSE 0 END)::int8 END AS rows,"
    "   sum(b.bytes)::int8 AS bytes, sum(pg_catalog.pg_indexes_size(r.oid))::int8 AS index_bytes,"
    "   sum(u.seq_scan + coalesce(u.idx_scan, 0))::float8 AS reads,"
    "   sum(u.n_tup_ins + u.n_tup_upd + u.n_tup_del)::float8 AS writes,"
    "   bool_and(r.relkind IN ('r', 'p') AND pg_catalog.pg_relation_size(r.oid) = 0)"
    "     AND coalesce(sum(u.n_tup_ins + u.n_tup_upd + u.n_tup_del + coalesce(u.idx_scan, 0)), 0) "
    "= 0"
    "     AND coalesce(sum(u.seq_scan), 0) < 100 AS unused,"
    "   bool_and(r.relpersistence <> 'u' OR NOT pg_catalog.pg_is_in_recovery()) AS here"
    "   FROM pg_catalog.pg_class AS r"
    "   CROSS JOIN LATERAL (SELECT pg_catalog.pg_table_size(r.oid) AS bytes) AS b"
    "   LEFT JOIN pg_catalog.pg_stat_user_tables AS u ON u.relid = r.oid"
    "   WHERE r.oid = c.oid OR (c.relkind = 'p' AND r.oid IN"
    "     (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) AS t))) AS p"
    " CROSS JOIN (SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN greatest(extract(epoch "
    "FROM pg_catalog.clock_timestamp()"
    "   - coalesce(d.stats_reset, pg_catalog.pg_postmaster_start_time())), 1)::float8 END AS s"
    "   FROM pg_catalog.pg_stat_database AS d WHERE d.datname = pg_catalog.current_database()) AS "
    "s";

static bool add_question(struct arena *arena, struct pg *pg, const struct locked *lock,
                         struct err *err)
{
    char *const sql = arena_printf(arena, question, lock_object_query(lock->object));
    const char *const params[] = {lock->name, lock->part};
    if (sql == NULL)
        return err_nomem(err);
    return pg_pipeline_add(pg, sql, params, COUNT_OF(params), err);
}

static bool add_questions(struct arena *arena, struct pg *pg,
                          const struct cost_statement *statements, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t l = 0; l < statements[i].facts.locks.count; l++)
            if (is_asked_for(&statements[i].facts.locks.items[l]) &&
                !add_question(arena, pg, &statements[i].facts.locks.items[l], err))
                return false;
    return true;
}

/* Milliseconds a megabyte, in memory and from a slow disk; measured on tables of a million rows. */
static const struct rate {
    double low, high;
    bool indexes; /* they are written anew too */
} rates[] = {
    [EFFECT_CATALOG] = {0, 0, false},  [EFFECT_SCAN] = {0.6, 5, false},
    [EFFECT_BUILD] = {2.3, 12, false}, [EFFECT_REWRITE] = {10, 40, true},
    [EFFECT_ROWS] = {-1, -1, false},
};

static void estimate(struct cost *cost)
{
    const struct rate *const rate = &rates[cost->lock->effect];
    const struct relation *const relation = &cost->relation;
    cost->low_ms = cost->high_ms = rate->low < 0 || relation->bytes < 0 ? -1 : 0;
    if (cost->low_ms < 0)
        return;
    const double mb =
        (double)(relation->bytes + (rate->indexes ? relation->index_bytes : 0)) / (1 << 20);
    cost->low_ms = (int64_t)(mb * rate->low);
    cost->high_ms = (int64_t)(mb * rate->high);
}

static int64_t whole(const json_t *object, const char *name)
{
    const json_t *const value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static double rate_of(const json_t *object, const char *name)
{
    const json_t *const value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : -1;
}

/* A relation is named once a statement, by the first lock that finds it: forms name the strongest
 * first. */
static bool is_known(const struct costs *costs, const char *name)
{
    for (size_t i = 0; i < costs->count; i++)
        if (strcmp(costs->items[i].relation.name, name) == 0)
            return true;
    return false;
}

static bool add_cost(struct arena *arena, struct costs *costs, const struct locked *lock,
                     const json_t *found, struct err *err)
{
    const char *const name = json_string_value(json_object_get(found, "name"));
    const char *const kind = json_string_value(json_object_get(found, "kind"));
    if (name == NULL || is_known(costs, name))
        return true;
    struct cost *const cost = arena_push(arena, costs);
    const char *const copy = arena_strdup(arena, name);
    if (cost == NULL || copy == NULL)
        return err_nomem(err);
    *cost = (struct cost){.lock = lock,
                          .relation = {
                              .name = copy,
                              .partitioned = kind != NULL && kind[0] == 'p',
                              .rows = whole(found, "rows"),
                              .bytes = whole(found, "bytes"),
                              .index_bytes = whole(found, "index_bytes"),
                              .reads_per_s = rate_of(found, "reads"),
                              .writes_per_s = rate_of(found, "writes"),
                              .unused = json_is_true(json_object_get(found, "unused")),
                          }};
    estimate(cost);
    return true;
}

static bool read_answer(struct arena *arena, struct costs *costs, const struct locked *lock,
                        const char *answer, struct err *err)
{
    CLEANUP(json_release) json_t *array = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    if (answer != NULL && array == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!add_cost(arena, costs, lock, json_array_get(array, i), err))
            return false;
    return true;
}

/* ---- whom it can hurt ---- */

/* What locks no table itself is about functions, types and the like: nothing is known of their
 * use. */
static bool works_on_tables(const struct facts *facts)
{
    bool any = false;
    for (size_t i = 0; i < facts->locks.count; i++) {
        const struct locked *const lock = &facts->locks.items[i];
        any = any || (is_asked_for(lock) &&
                      (lock->object == LOCKED_RELATION || lock->object == LOCKED_TABLE_OF_INDEX));
    }
    return any;
}

static bool all_unused(const struct costs *costs)
{
    for (size_t i = 0; i < costs->count; i++)
        if (!costs->items[i].relation.unused)
            return false;
    return true;
}

static void find_hurt(struct cost_statement *statements, size_t count)
{
    bool renamed = false;
    for (size_t i = 0; i < count; i++) {
        struct cost_statement *const one = &statements[i];
        renamed = renamed || one->facts.renames_all;
        one->certain = !renamed && one->facts.unknown == NULL;
        one->hurts_nobody = one->certain && works_on_tables(&one->facts) && all_unused(&one->costs);
    }
}

bool cost_ask(struct arena *arena, struct pg *pg, const char *search_path,
              struct cost_statement *statements, size_t count, struct err *err)
{
    enum { FIRST_ANSWER = 3 };
    static const char limits[] = "SELECT pg_catalog.set_config('lock_timeout', '1s', true),"
                                 " pg_catalog.set_config('statement_timeout', '10s', true)";
    static const char path[] = "SELECT CASE WHEN $1::pg_catalog.text IS NOT NULL"
                               " THEN pg_catalog.set_config('search_path', $1, true) END";
    struct pg_answers answers;
    if (!pg_pipeline_begin(pg, err) || !pg_pipeline_add(pg, "BEGIN READ ONLY", NULL, 0, err) ||
        !pg_pipeline_add(pg, limits, NULL, 0, err) ||
        !pg_pipeline_add(pg, path, &search_path, 1, err) ||
        !add_questions(arena, pg, statements, count, err) ||
        !pg_pipeline_add(pg, "ROLLBACK", NULL, 0, err) ||
        !pg_pipeline_run(pg, arena, &answers, NULL, NULL, err))
        return false;
    size_t at = FIRST_ANSWER;
    for (size_t i = 0; i < count; i++)
        for (size_t l = 0; l < statements[i].facts.locks.count; l++) {
            const struct locked *const lock = &statements[i].facts.locks.items[l];
            if (is_asked_for(lock) &&
                !read_answer(arena, &statements[i].costs, lock, answers.items[at++].value, err))
                return false;
        }
    find_hurt(statements, count);
    return true;
}

const char *cost_felt(enum lock_mode mode)
{
    if (mode == LOCK_ACCESS_EXCLUSIVE)
        return "readers and writers wait";
    return mode >= LOCK_SHARE ? "writers wait" : "";
}
