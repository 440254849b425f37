/* The lookup, and the identity rule where it misses. */
#include "live/ready.h"

#include <string.h>

#include "base/str.h"
#include "db/sqlstate.h"
#include "history/squash.h"
#include "ledger/schema.h"

static bool query(struct ledger *ledger, struct arena *arena, const char *template,
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

static bool add_name(struct arena *arena, struct ready_names *names, const char *name,
                     struct err *err)
{
    const char **slot = arena_push(arena, names);
    if (slot == NULL)
        return err_nomem(err);
    *slot = name;
    return true;
}

static const char journal_mark[] = "{journal}";

/* One statement for both engines. A plain row for each fact: in a fresh backend an aggregate would
 * cost as much again as the look itself. */
static const char *quick_sql(struct arena *arena, const struct ledger *ledger, size_t repeatables)
{
    static const char template[] =
        "SELECT 'digest', NULL FROM (SELECT 1 FROM {journal} WHERE digest = $1 LIMIT 1) AS d"
        " UNION ALL SELECT 'contract', migration FROM {journal} WHERE phase = 'contract'";
    CLEANUP(str_release) struct str text = {0};
    const char *const table = ledger->pg != NULL ? "{ledger}.journal" : "{ledger}_journal";
    for (const char *c = template; *c != '\0';)
        if (strncmp(c, journal_mark, sizeof journal_mark - 1) == 0) {
            str_puts(&text, table);
            c += sizeof journal_mark - 1;
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
};

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
        else if (!add_name(arena, &ret->contracts, rows_get(rows, r, 1), err))
            return false;
    }
    return true;
}

/* The usual case. *ret_hit: the set's digest was reached, each of its repeatables has run, and the
 * set carries every contract step by its name. */
static bool quick_look(struct ledger *ledger, struct arena *arena,
                       const struct ready_source *source, bool *ret_hit, struct err *err)
{
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
    if (!query(ledger, arena, sql, params, 1 + repeatables, &rows, err) ||
        !read_sight(arena, &rows, &sight, err))
        return false;
    *ret_hit = sight.digest && sight.repeatables == repeatables;
    if (!*ret_hit || sight.contracts.count == 0)
        return true;
    return source->carries(source->context, &sight.contracts, ret_hit, err);
}

/* A row that says that a migration is in place, under one of its names. */
struct known {
    const char *id, *checksum;
    bool contract, first; /* first: an applied or adopted row, not a later name or checksum */
    bool carried;         /* by its id */
};

struct look {
    struct arena *arena;
    const struct set *set;
    struct known *by_id; /* sorted by id */
    size_t count;
    struct known **by_checksum; /* sorted */
    struct ready_result *result;
};

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->id, ((const struct known *)b)->id);
}

static int compare_checksums(const void *a, const void *b)
{
    const struct known *const *x = a, *const *y = b;
    return strcmp((*x)->checksum, (*y)->checksum);
}

static size_t first_with_id(const struct look *look, const char *id)
{
    size_t low = 0, high = look->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(look->by_id[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t first_with_checksum(const struct look *look, const char *checksum)
{
    size_t low = 0, high = look->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(look->by_checksum[middle]->checksum, checksum) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool read_known(struct ledger *ledger, struct look *look, struct err *err)
{
    static const char pg[] = "SELECT migration, checksum, phase, event FROM {ledger}.journal"
                             " WHERE event IN ('applied', 'adopted', 'renamed', 'edit_accepted')"
                             " AND migration IS NOT NULL AND checksum IS NOT NULL";
    static const char lite[] = "SELECT migration, checksum, phase, event FROM {ledger}_journal"
                               " WHERE event IN ('applied', 'adopted', 'renamed',"
                               " 'edit_accepted')"
                               " AND migration IS NOT NULL AND checksum IS NOT NULL";
    struct rows rows;
    if (!query(ledger, look->arena, ledger->pg != NULL ? pg : lite, NULL, 0, &rows, err))
        return false;
    look->by_id = arena_alloc(look->arena, rows.count * sizeof *look->by_id);
    look->by_checksum = arena_alloc(look->arena, rows.count * sizeof *look->by_checksum);
    if (look->by_id == NULL || look->by_checksum == NULL)
        return err_nomem(err);
    look->count = rows.count;
    for (size_t r = 0; r < rows.count; r++) {
        const char *const phase = rows_get(&rows, r, 2), *const event = rows_get(&rows, r, 3);
        look->by_id[r] = (struct known){
            .id = rows_get(&rows, r, 0),
            .checksum = rows_get(&rows, r, 1),
            .contract = phase != NULL && strcmp(phase, "contract") == 0,
            .first = strcmp(event, "applied") == 0 || strcmp(event, "adopted") == 0,
        };
    }
    qsort(look->by_id, look->count, sizeof *look->by_id, compare_ids);
    for (size_t r = 0; r < rows.count; r++)
        look->by_checksum[r] = &look->by_id[r];
    qsort(look->by_checksum, look->count, sizeof(struct known *), compare_checksums);
    return true;
}

/* Marks the rows that the migration carries by its id. *ret_same: one has its checksum too. */
static bool carry_by_id(const struct look *look, const struct migration *migration, bool *ret_same)
{
    bool found = false;
    *ret_same = false;
    for (size_t i = first_with_id(look, migration->id);
         i < look->count && strcmp(look->by_id[i].id, migration->id) == 0; i++) {
        look->by_id[i].carried = found = true;
        *ret_same = *ret_same || strcmp(look->by_id[i].checksum, migration->checksum.text) == 0;
    }
    return found;
}

/* One applied row of this content whose name the set does not have: it is this migration, renamed,
 * and stands for no other. */
static bool carry_by_checksum(const struct look *look, const struct migration *migration)
{
    for (size_t i = first_with_checksum(look, migration->checksum.text);
         i < look->count && strcmp(look->by_checksum[i]->checksum, migration->checksum.text) == 0;
         i++)
        if (!look->by_checksum[i]->carried && look->by_checksum[i]->first) {
            look->by_checksum[i]->carried = true;
            return true;
        }
    return false;
}

/* True when another row of the same content, which the set carries, shows it under its other
 * name. */
static bool carried_under_other_name(const struct look *look, const struct known *known)
{
    for (size_t i = first_with_checksum(look, known->checksum);
         i < look->count && strcmp(look->by_checksum[i]->checksum, known->checksum) == 0; i++)
        if (look->by_checksum[i]->carried)
            return true;
    return false;
}

static bool repeatable_applied(const struct look *look, const struct migration *migration)
{
    bool same = false;
    return carry_by_id(look, migration, &same) && same;
}

/* By its id: marks its rows, and adds it to the edited ones where no row has its checksum. */
static bool look_for_id(struct look *look, const struct migration *migration, bool *ret_known,
                        struct err *err)
{
    bool same = false;
    *ret_known = carry_by_id(look, migration, &same);
    return !*ret_known || same || migration->kind == KIND_REPEATABLE ||
           add_name(look->arena, &look->result->edited, migration->id, err);
}

static bool is_known(const struct look *look, const char *id)
{
    const size_t i = first_with_id(look, id);
    return i < look->count && strcmp(look->by_id[i].id, id) == 0;
}

/* What squashes replace is as good as in the set: older databases have it, and not the squash. The
 * squash itself says that all of it is there. */
static bool look_at_replaced(struct look *look, struct err *err)
{
    const char *last = NULL;
    for (size_t i = 0; i < look->set->replaced.count; i++) {
        const struct migration *const m = &look->set->replaced.items[i];
        const bool in_place = is_known(look, m->id) || (!m->empty && carry_by_checksum(look, m)) ||
                              is_known(look, m->replaced_by);
        if (in_place || !migration_in_digest(m) ||
            (last != NULL && strcmp(last, m->replaced_by) == 0))
            continue;
        last = m->replaced_by;
        if (!add_name(look->arena, &look->result->missing, last, err))
            return false;
    }
    return true;
}

/* By its name, in the range of a squash: where there is no pawl.sum that says more. */
static bool carried_by_squash(const struct look *look, const struct known *known, bool *ret,
                              struct err *err)
{
    const char *version = NULL;
    *ret = false;
    for (size_t i = 0; !*ret && i < look->set->versioned; i++) {
        const struct migration *const m = &look->set->items[i];
        if (m->replaces_first == NULL)
            continue;
        if (version == NULL && (version = name_id_version(look->arena, known->id)) == NULL)
            return err_nomem(err);
        if (!squash_covers(look->arena, m, version, known->id, ret, err))
            return false;
    }
    return true;
}

static bool look_at_contracts(struct look *look, struct err *err)
{
    for (size_t i = 0; i < look->count; i++) {
        const struct known *const known = &look->by_id[i];
        bool carried = !known->contract || !known->first || known->carried ||
                       carried_under_other_name(look, known);
        if (!carried && !carried_by_squash(look, known, &carried, err))
            return false;
        if (!carried && !add_name(look->arena, &look->result->passed, known->id, err))
            return false;
    }
    return true;
}

static bool look_at_set(struct look *look, struct err *err)
{
    /* Ids of the whole set first: a row whose name the set has is no one else's. */
    bool *const known = arena_alloc(look->arena, look->set->count * sizeof *known);
    if (known == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < look->set->count; i++) {
        if (!look_for_id(look, &look->set->items[i], &known[i], err))
            return false;
    }
    /* What was applied or adopted under an odd name is carried too. */
    for (size_t i = 0; i < look->set->odd.count; i++) {
        bool ignored = false;
        if (!look_for_id(look, &look->set->odd.items[i], &ignored, err))
            return false;
    }
    for (size_t i = 0; i < look->set->replaced.count; i++) {
        bool ignored = false;
        if (!look_for_id(look, &look->set->replaced.items[i], &ignored, err))
            return false;
    }
    for (size_t i = 0; i < look->set->count; i++) {
        const struct migration *const m = &look->set->items[i];
        bool in_place = known[i];
        if (m->kind == KIND_REPEATABLE)
            in_place = repeatable_applied(look, m);
        else if (!in_place && !m->empty)
            in_place = carry_by_checksum(look, m);
        if (!in_place && (migration_in_digest(m) || m->kind == KIND_REPEATABLE) &&
            !add_name(look->arena, &look->result->missing, m->id, err))
            return false;
    }
    return look_at_replaced(look, err) && look_at_contracts(look, err);
}

static bool full_look(struct ledger *ledger, struct arena *arena, const struct ready_source *source,
                      struct ready_result *result, struct err *err)
{
    struct look look = {.arena = arena, .result = result};
    look.set = source->load(source->context, err);
    if (look.set == NULL || !read_known(ledger, &look, err) || !look_at_set(&look, err))
        return false;
    if (result->passed.count > 0) {
        result->verdict = READY_NEVER;
        result->reason = arena_printf(
            arena, "the contract migration \"%s\" was applied and this code does not carry it",
            result->passed.items[0]);
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
    if (quick_look(ledger, arena, source, &ret->quick, err)) {
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
