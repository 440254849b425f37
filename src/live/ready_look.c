/*
 * The identity rule, for a set whose digest was never reached.
 *
 * app_role may not read detail, so which later name belongs to which applied row is not known. It
 * need not be: rows of one id, or of one checksum, are a family, that is one migration with its
 * later names and accepted texts, or several of equal content. A family is carried when the set has
 * as many files in it as were applied; each file beyond that was never applied.
 */
#include <string.h>

#include "history/squash.h"
#include "live/ready_parts.h"

/* A row that says something of a migration under one of its names. */
struct known {
    const char *id, *checksum;
    bool contract, repeatable;
    bool first;            /* an applied or adopted row */
    bool named;            /* the same, or a later name of it */
    bool begun;            /* a committed step */
    bool carried;          /* by its id */
    size_t parent;         /* towards the first of its family, whose own parent it is */
    size_t applied, files; /* of the first of a family */
};

struct look {
    struct arena *arena;
    const struct set *set;
    struct known *by_id; /* sorted by id */
    size_t count;
    struct known **by_checksum; /* sorted */
    struct ready_result *result;
};

/* ---- reading ---- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->id, ((const struct known *)b)->id);
}

static int compare_checksums(const void *a, const void *b)
{
    const struct known *const *x = a, *const *y = b;
    return strcmp((*x)->checksum, (*y)->checksum);
}

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static bool read_known(struct ledger *ledger, struct look *look, struct err *err)
{
#define FROM(journal)                                                                              \
    "SELECT migration, checksum, phase, event, kind FROM " journal " WHERE event IN ('applied',"   \
    " 'adopted', 'renamed', 'edit_accepted', 'step', 'step_end')"                                  \
    " AND migration IS NOT NULL AND checksum IS NOT NULL"
    static const char pg[] = FROM("{ledger}.journal"), lite[] = FROM("{ledger}_journal");
#undef FROM
    struct rows rows;
    if (!ready_query(ledger, look->arena, ledger->pg != NULL ? pg : lite, NULL, 0, &rows, err))
        return false;
    look->by_id = arena_alloc(look->arena, rows.count * sizeof *look->by_id);
    look->by_checksum = arena_alloc(look->arena, rows.count * sizeof *look->by_checksum);
    if (look->by_id == NULL || look->by_checksum == NULL)
        return err_nomem(err);
    look->count = rows.count;
    for (size_t r = 0; r < rows.count; r++) {
        const char *const event = rows_get(&rows, r, 3);
        const bool first = is(event, "applied") || is(event, "adopted");
        look->by_id[r] = (struct known){
            .id = rows_get(&rows, r, 0),
            .checksum = rows_get(&rows, r, 1),
            .contract = is(rows_get(&rows, r, 2), "contract"),
            .repeatable = is(rows_get(&rows, r, 4), "repeatable"),
            .first = first,
            .named = first || is(event, "renamed"),
            .begun = is(event, "step") || is(event, "step_end"),
        };
    }
    qsort(look->by_id, look->count, sizeof *look->by_id, compare_ids);
    for (size_t r = 0; r < rows.count; r++)
        look->by_checksum[r] = &look->by_id[r];
    qsort(look->by_checksum, look->count, sizeof(struct known *), compare_checksums);
    return true;
}

/* ---- families ---- */

static struct known *family_of(const struct look *look, const struct known *known)
{
    size_t at = (size_t)(known - look->by_id);
    while (look->by_id[at].parent != at) {
        look->by_id[at].parent = look->by_id[look->by_id[at].parent].parent;
        at = look->by_id[at].parent;
    }
    return &look->by_id[at];
}

static void join(const struct look *look, const struct known *a, const struct known *b)
{
    if (!a->repeatable && !b->repeatable)
        family_of(look, a)->parent = (size_t)(family_of(look, b) - look->by_id);
}

static void make_families(const struct look *look)
{
    for (size_t i = 0; i < look->count; i++)
        look->by_id[i].parent = i;
    for (size_t i = 1; i < look->count; i++) {
        if (compare_ids(&look->by_id[i - 1], &look->by_id[i]) == 0)
            join(look, &look->by_id[i - 1], &look->by_id[i]);
        if (compare_checksums(&look->by_checksum[i - 1], &look->by_checksum[i]) == 0)
            join(look, look->by_checksum[i - 1], look->by_checksum[i]);
    }
    for (size_t i = 0; i < look->count; i++)
        family_of(look, &look->by_id[i])->applied += look->by_id[i].first;
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

/* A row with this checksum that is or is not a repeatable's; NULL. */
static const struct known *find_checksum(const struct look *look, const char *checksum,
                                         bool repeatable)
{
    size_t low = 0, high = look->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(look->by_checksum[middle]->checksum, checksum) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < look->count && strcmp(look->by_checksum[low]->checksum, checksum) == 0; low++)
        if (look->by_checksum[low]->repeatable == repeatable)
            return look->by_checksum[low];
    return NULL;
}

/* ---- the set ---- */

static bool is_known(const struct look *look, const char *id)
{
    const size_t i = first_with_id(look, id);
    return i < look->count && strcmp(look->by_id[i].id, id) == 0;
}

/* Marks the rows that the migration carries by its id. *ret_known: it was applied under this id. */
static bool look_for_id(const struct look *look, const struct migration *migration, bool *ret_known,
                        struct err *err)
{
    struct known *family = NULL;
    *ret_known = false;
    for (size_t i = first_with_id(look, migration->id);
         i < look->count && strcmp(look->by_id[i].id, migration->id) == 0; i++) {
        look->by_id[i].carried = true;
        *ret_known = *ret_known || look->by_id[i].named;
        if (!look->by_id[i].repeatable)
            family = family_of(look, &look->by_id[i]);
    }
    if (family == NULL)
        return true;
    family->files++;
    const struct known *const same = find_checksum(look, migration->checksum.text, false);
    return !*ret_known || migration->kind == KIND_REPEATABLE ||
           (same != NULL && family_of(look, same) == family) ||
           ready_add_name(look->arena, &look->result->edited, migration->id, err);
}

/* One applied migration of this content for which no file stands yet: it is this one, renamed. */
static bool was_renamed(const struct look *look, const struct migration *migration)
{
    const struct known *const same =
        migration->empty ? NULL : find_checksum(look, migration->checksum.text, false);
    struct known *const family = same != NULL ? family_of(look, same) : NULL;
    if (family == NULL || family->files >= family->applied)
        return false;
    family->files++;
    return true;
}

static bool look_for_content(const struct look *look, const struct migration *migration, bool known,
                             struct err *err)
{
    const bool repeatable = migration->kind == KIND_REPEATABLE;
    const bool in_place = repeatable ? find_checksum(look, migration->checksum.text, true) != NULL
                                     : known || was_renamed(look, migration);
    if (in_place || (!repeatable && !migration_in_digest(migration)))
        return true;
    return ready_add_name(look->arena, &look->result->missing, migration->id, err);
}

/* What squashes replace is as good as in the set: older databases have it, and not the squash. The
 * squash itself says that all of it is there. */
static bool look_for_replaced(const struct look *look, const struct migration *migration,
                              bool known, struct err *err)
{
    const struct ready_names *const missing = &look->result->missing;
    if (known || was_renamed(look, migration) || is_known(look, migration->replaced_by) ||
        !migration_in_digest(migration))
        return true;
    /* Those of one squash stand side by side. */
    return (missing->count > 0 &&
            strcmp(missing->items[missing->count - 1], migration->replaced_by) == 0) ||
           ready_add_name(look->arena, &look->result->missing, migration->replaced_by, err);
}

/* The set's own, those with odd names, and those that were squashed away. */
static const struct migration *migration_at(const struct set *set, size_t i)
{
    if (i < set->count)
        return &set->items[i];
    i -= set->count;
    return i < set->odd.count ? &set->odd.items[i] : &set->replaced.items[i - set->odd.count];
}

static bool look_at_file(const struct look *look, size_t i, bool known, struct err *err)
{
    const struct migration *const migration = migration_at(look->set, i);
    if (i >= look->set->count + look->set->odd.count)
        return look_for_replaced(look, migration, known, err);
    return (i >= look->set->count && !set_odd_has_version(migration)) ||
           look_for_content(look, migration, known, err);
}

static bool look_at_files(const struct look *look, struct err *err)
{
    const size_t count = look->set->count + look->set->odd.count + look->set->replaced.count;
    /* Ids of the whole set first: a row whose name the set has is no one else's. */
    bool *const known = arena_alloc(look->arena, count * sizeof *known);
    if (known == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        if (!look_for_id(look, migration_at(look->set, i), &known[i], err))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!look_at_file(look, i, known[i], err))
            return false;
    return true;
}

/* True, once for each of them, for a contract migration that was applied, or a step of it was, and
 * that no file of the set stands for. */
static bool has_passed(const struct look *look, size_t i)
{
    const struct known *const known = &look->by_id[i];
    if (!known->contract || known->carried || !(known->first || known->begun))
        return false;
    if (known->repeatable)
        return i == 0 || compare_ids(&look->by_id[i - 1], known) != 0;
    struct known *const family = family_of(look, known);
    const size_t applied = family->applied > 0 ? family->applied : 1; /* steps alone: it is begun */
    if (family->files >= applied)
        return false;
    family->files++;
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

static bool look_at_contracts(const struct look *look, struct err *err)
{
    for (size_t i = 0; i < look->count; i++) {
        bool carried = !has_passed(look, i);
        if ((!carried && !carried_by_squash(look, &look->by_id[i], &carried, err)) ||
            (!carried &&
             !ready_add_name(look->arena, &look->result->passed, look->by_id[i].id, err)))
            return false;
    }
    return true;
}

/* Which attempt a row is of is not for app_role to read: any that ended has ended the closing. */
static bool look_at_closing(struct ledger *ledger, const struct look *look, struct err *err)
{
#define CLOSING(journal)                                                                           \
    "SELECT c.migration, c.checksum FROM (SELECT seq, migration, checksum FROM " journal           \
    " WHERE event = 'closing' ORDER BY seq DESC LIMIT 1) AS c WHERE NOT EXISTS (SELECT 1 "         \
    "FROM " journal                                                                                \
    " AS e WHERE e.seq > c.seq AND (e.event IN ('end', 'failed', 'stopped', 'abandoned')"          \
    " OR (e.event IN ('applied', 'reopened') AND e.checksum = c.checksum)))"
    static const char pg[] = CLOSING("{ledger}.journal"), lite[] = CLOSING("{ledger}_journal");
#undef CLOSING
    struct rows rows;
    if (!ready_query(ledger, look->arena, ledger->pg != NULL ? pg : lite, NULL, 0, &rows, err))
        return false;
    if (rows.count == 0 || rows_get(&rows, 0, 0) == NULL || rows_get(&rows, 0, 1) == NULL)
        return true;
    const size_t count = look->set->count + look->set->odd.count + look->set->replaced.count;
    for (size_t i = 0; i < count; i++) {
        const struct migration *const m = migration_at(look->set, i);
        if (strcmp(m->id, rows_get(&rows, 0, 0)) == 0 ||
            strcmp(m->checksum.text, rows_get(&rows, 0, 1)) == 0)
            return true;
    }
    look->result->closing = rows_get(&rows, 0, 0);
    return true;
}

bool ready_look(struct ledger *ledger, struct arena *arena, const struct set *set,
                struct ready_result *result, struct err *err)
{
    struct look look = {.arena = arena, .set = set, .result = result};
    if (!read_known(ledger, &look, err))
        return false;
    make_families(&look);
    return look_at_files(&look, err) && look_at_contracts(&look, err) &&
           look_at_closing(ledger, &look, err);
}
