/* The lookup, and the identity rule where it misses. */
#include "live/ready.h"

#include <string.h>

#include "base/str.h"
#include "db/sqlstate.h"
#include "ledger/schema.h"
#include "live/ready_parts.h"

bool ready_query(struct ledger *ledger, struct arena *arena, const char *template,
                 const char *const *params, size_t count, struct rows *ret, struct err *err)
{
    const char *const sql = ledger_sql(arena, template, ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    return ledger->pg != NULL ? pg_query(ledger->pg, arena, sql, params, count, ret, err)
                              : sqlite_query(ledger->sqlite, arena, sql, strlen(sql), params, count,
                                             ret, NULL, err);
}

/* A ledger that is not there is an answer; a table of it that may not be read is an error. */
static bool no_ledger(const struct ledger *ledger, const struct err *err)
{
    if (ledger->pg != NULL)
        return sqlstate_reaction(err->sqlstate) == REACTION_NO_LEDGER;
    return err->code == ERR_FAILED && err->message != NULL &&
           strncmp(err->message, "no such table", 13) == 0;
}

static bool unreadable(const struct ledger *ledger, struct err *err)
{
    if (strcmp(err->sqlstate, "42501") == 0)
        err_hint(err, "Name this role as app_role of the target and deploy: that grants it what "
                      "ready reads.");
    err_prefix(err, "cannot read the ledger \"%s\"", ledger->name);
    /* SQLite: a writer that does not let go of the file. */
    if (err->code == ERR_FAILED || (ledger->sqlite != NULL && err->code == ERR_BUSY))
        err->code = ERR_UNREACHABLE;
    return false;
}

static const char *wait_text(struct arena *arena, const struct ready_names *missing)
{
    CLEANUP(str_release) struct str text = {0};
    str_printf(&text, "%zu %s not applied yet: ", missing->count,
               missing->count == 1 ? "migration is" : "migrations are");
    for (size_t i = 0; i < missing->count && i < 3; i++)
        str_printf(&text, "%s\"%s\"", i > 0 ? ", " : "", missing->items[i]);
    if (missing->count > 3)
        str_printf(&text, " and %zu more", missing->count - 3);
    return text.failed ? NULL : arena_strndup(arena, str_text(&text), text.len);
}

bool ready_add_name(struct arena *arena, struct ready_names *names, const char *name,
                    struct err *err)
{
    const char **slot = arena_push(arena, names);
    if (slot == NULL)
        return err_nomem(err);
    *slot = name;
    return true;
}

static const char journal_mark[] = "{journal}", moment_mark[] = "{moment}";

/* One statement for both engines. A plain row for each fact: in a fresh backend an aggregate would
 * cost as much again as the look itself. Rows that say nothing of the applied set have no digest,
 * and the index on it finds them: those of maintenance are among these few. */
static const char *quick_sql(struct arena *arena, const struct ledger *ledger, size_t repeatables)
{
    static const char template[] =
        "SELECT 'digest', NULL FROM (SELECT 1 FROM {journal} WHERE digest = $1 LIMIT 1) AS d"
        " UNION ALL SELECT 'contract', migration FROM {journal} WHERE phase = 'contract'"
        " UNION ALL SELECT event, {moment} FROM {journal} WHERE digest IS NULL"
        " AND event IN ('maintenance_on', 'maintenance_off')";
    static const char moment_pg[] =
        "seq || ' ' || pg_catalog.round(extract(epoch FROM at) * 1000000)::pg_catalog.int8";
    CLEANUP(str_release) struct str text = {0};
    const char *const table = ledger->pg != NULL ? "{ledger}.journal" : "{ledger}_journal";
    const char *const moment = ledger->pg != NULL ? moment_pg : "seq || ' ' || at";
    for (const char *c = template; *c != '\0';)
        if (strncmp(c, journal_mark, sizeof journal_mark - 1) == 0) {
            str_puts(&text, table);
            c += sizeof journal_mark - 1;
        } else if (strncmp(c, moment_mark, sizeof moment_mark - 1) == 0) {
            str_puts(&text, moment);
            c += sizeof moment_mark - 1;
        } else {
            str_putc(&text, *c++);
        }
    /* Their checksums are few; each is looked up in the index on special rows. */
    for (size_t i = 0; i < repeatables; i++)
        str_printf(&text,
                   " UNION ALL SELECT 'repeatable', NULL FROM (SELECT 1 FROM %s WHERE checksum ="
                   " $%zu AND kind = 'repeatable' LIMIT 1) AS r",
                   table, i + 2);
    return text.failed ? NULL : arena_strndup(arena, str_text(&text), text.len);
}

/* What the quick look saw. */
struct sight {
    bool digest;
    size_t repeatables;
    struct ready_names contracts; /* each once for each of its rows; NULL for a nameless one */
    int64_t maintenance_seq;      /* of the last row that says so */
    int64_t maintenance_us;       /* when it was switched on; 0: it is off */
};

/* moment: "seq at". Rows come in any order: the last one counts. */
static void see_maintenance(struct sight *sight, const char *event, const char *moment)
{
    char *at = NULL;
    const int64_t seq = strtoll(moment, &at, 10);
    if (seq <= sight->maintenance_seq)
        return;
    sight->maintenance_seq = seq;
    sight->maintenance_us =
        strcmp(event, event_name(EVENT_MAINTENANCE_ON)) == 0 ? strtoll(at, NULL, 10) : 0;
}

static bool read_sight(struct arena *arena, const struct rows *rows, struct sight *ret,
                       struct err *err)
{
    *ret = (struct sight){0};
    for (size_t r = 0; r < rows->count; r++) {
        const char *const fact = rows_get(rows, r, 0);
        if (fact[0] == 'd')
            ret->digest = true;
        else if (fact[0] == 'r')
            ret->repeatables++;
        else if (fact[0] == 'm')
            see_maintenance(ret, fact, rows_get(rows, r, 1));
        else if (!ready_add_name(arena, &ret->contracts, rows_get(rows, r, 1), err))
            return false;
    }
    return true;
}

/* The usual case. result->quick: the set's digest was reached, each of its repeatables has run, and
 * the set carries every contract step by its name. */
static bool quick_look(struct ledger *ledger, struct arena *arena,
                       const struct ready_source *source, struct ready_result *result,
                       struct err *err)
{
    bool *const ret_hit = &result->quick;
    const size_t repeatables = source->repeatables.count;
    const char **const params = arena_alloc(arena, (1 + repeatables) * sizeof *params);
    const char *const sql = quick_sql(arena, ledger, repeatables);
    struct rows rows;
    struct sight sight;
    if (params == NULL || sql == NULL)
        return err_nomem(err);
    params[0] = source->digest.text;
    for (size_t i = 0; i < repeatables; i++)
        params[1 + i] = source->repeatables.items[i].text;
    if (!ready_query(ledger, arena, sql, params, 1 + repeatables, &rows, err) ||
        !read_sight(arena, &rows, &sight, err))
        return false;
    result->maintenance_us = sight.maintenance_us;
    *ret_hit = sight.digest && sight.repeatables == repeatables;
    if (!*ret_hit || sight.contracts.count == 0)
        return true;
    return source->carries(source->context, &sight.contracts, ret_hit, err);
}

static bool full_look(struct ledger *ledger, struct arena *arena, const struct ready_source *source,
                      struct ready_result *result, struct err *err)
{
    const struct set *const set = source->load(source->context, err);
    if (set == NULL || !ready_look(ledger, arena, set, result, err))
        return false;
    if (result->passed.count > 0) {
        result->verdict = READY_NEVER;
        result->reason = arena_printf(
            arena, "the contract migration \"%s\" was applied and this code does not carry it",
            result->passed.items[0]);
    } else if (result->closing != NULL) {
        result->verdict = READY_WAIT;
        result->reason = arena_printf(
            arena, "the contract migration \"%s\" is about to run and this code does not carry it",
            result->closing);
    } else if (result->missing.count > 0) {
        result->verdict = READY_WAIT;
        result->reason = wait_text(arena, &result->missing);
    } else {
        result->reason = "everything that this code needs is in place";
    }
    return result->reason != NULL || err_nomem(err);
}

bool ready_check(struct ledger *ledger, struct arena *arena, const struct ready_source *source,
                 struct ready_result *ret, struct err *err)
{
    *ret = (struct ready_result){.verdict = READY_YES};
    if (quick_look(ledger, arena, source, ret, err)) {
        if (!ret->quick)
            return full_look(ledger, arena, source, ret, err) || unreadable(ledger, err);
        ret->reason = "everything that this code needs is in place";
        return true;
    }
    if (!no_ledger(ledger, err))
        return unreadable(ledger, err);
    err_release(err);
    ret->verdict = READY_WAIT;
    ret->reason = arena_printf(arena, "the target has no ledger \"%s\": nothing was deployed yet",
                               ledger->name);
    return ret->reason != NULL || err_nomem(err);
}
