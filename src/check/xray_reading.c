/*
 * Reading pg_locks and pg_class of one's own transaction. After a statement only relations that the
 * transaction has locked are asked for: what changes a file or reads a table has locked it.
 */
#include "check/xray_reading.h"

#include <stdlib.h>
#include <string.h>

/* Every name is qualified, as a migration may leave any search_path. */
#define NAME_AND_WORK                                                                              \
    " CASE WHEN c.oid IS NOT NULL THEN pg_catalog.format('%I.%I', n.nspname, c.relname) END,"      \
    " c.relkind,"                                                                                  \
    " coalesce(pg_catalog.pg_relation_filenode(c.oid), 0),"                                        \
    " CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_stat_get_xact_numscans(c.oid)"          \
    "  ELSE 0 END,"                                                                                \
    " (SELECT pg_catalog.format('%I.%I', tn.nspname, t.relname) FROM pg_catalog.pg_index AS i"     \
    "  JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid"                                        \
    "  JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace"                              \
    "  WHERE i.indexrelid = c.oid),"

static const char all_sql[] =
    "SELECT c.oid," NAME_AND_WORK
    " 0 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.oid >= 16384 AND n.nspname !~ '^pg_toast' AND n.nspname <> 'pg_catalog'"
    " ORDER BY c.oid";

/* A relation without a name is one that is gone. */
static const char locked_sql[] =
    "SELECT l.relation," NAME_AND_WORK " l.mode FROM (SELECT relation, "
    "pg_catalog.max(pg_catalog.array_position(ARRAY['AccessShareLock',"
    "  'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',"
    "  'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'], mode)) AS mode"
    "  FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND granted"
    "  AND locktype = 'relation' AND relation >= 16384 AND database = (SELECT oid"
    "   FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    "  GROUP BY relation) AS l"
    " LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation"
    " LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE coalesce(n.nspname !~ '^pg_toast' AND n.nspname <> 'pg_catalog', true)"
    " ORDER BY l.relation";

static const char scans_sql[] =
    "SELECT c.oid, pg_catalog.pg_stat_get_xact_numscans(c.oid) FROM pg_catalog.pg_class AS c"
    " WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm')"
    " AND pg_catalog.pg_stat_get_xact_numscans(c.oid) > 0";

/* The columns of the first two. */
enum { OID, NAME, KIND, FILE_NODE, SCANS, TABLE, MODE };

static unsigned number(const struct rows *rows, size_t row, size_t column)
{
    return (unsigned)strtoul(rows_get(rows, row, column), NULL, 10);
}

static struct seen read_row(const struct rows *rows, size_t row)
{
    struct seen now = {.oid = number(rows, row, OID), .name = rows_get(rows, row, NAME)};
    now.mode = (enum lock_mode)number(rows, row, MODE);
    if (now.name == NULL)
        return now;
    now.kind = rows_get(rows, row, KIND)[0];
    now.file = number(rows, row, FILE_NODE);
    now.scans = strtoll(rows_get(rows, row, SCANS), NULL, 10);
    now.table = rows_get(rows, row, TABLE);
    return now;
}

/* Where the oid is, or would be. */
static size_t place_of(const struct seen_list *list, unsigned oid)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (list->items[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct seen *find(const struct seen_list *list, unsigned oid)
{
    const size_t place = place_of(list, oid);
    return place < list->count && list->items[place].oid == oid ? &list->items[place] : NULL;
}

static bool keep(struct arena *arena, const char **text, const char *known)
{
    *text = known != NULL && strcmp(*text, known) == 0 ? known : arena_strdup(arena, *text);
    return *text != NULL;
}

/* Rows are read again and again, and mostly say the same: only what is new in them is kept. known:
 * the relation as it was seen before, or NULL. */
static bool keep_names(struct reading *reading, struct seen *now, const struct seen *known,
                       struct err *err)
{
    if (now->name != NULL && !keep(reading->arena, &now->name, known != NULL ? known->name : NULL))
        return err_nomem(err);
    return now->table == NULL ||
           keep(reading->arena, &now->table, known != NULL ? known->table : NULL) || err_nomem(err);
}

static bool insert(struct reading *reading, const struct seen *now, struct err *err)
{
    const size_t place = place_of(&reading->seen, now->oid);
    if (arena_push(reading->arena, &reading->seen) == NULL)
        return err_nomem(err);
    struct seen *const items = reading->seen.items;
    memmove(&items[place + 1], &items[place], (reading->seen.count - 1 - place) * sizeof *items);
    items[place] = *now;
    return true;
}

static void forget(struct reading *reading, const struct seen *gone)
{
    struct seen *const items = reading->seen.items;
    const size_t place = (size_t)(gone - items);
    memmove(&items[place], &items[place + 1], (reading->seen.count - 1 - place) * sizeof *items);
    reading->seen.count--;
}

bool reading_start(struct reading *reading, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct rows rows;
    if (!pg_query(reading->pg, &scratch, all_sql, NULL, 0, &rows, err))
        return false;
    const struct seen_list spare = reading->before;
    reading->before = reading->seen;
    reading->seen = spare;
    reading->seen.count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        struct seen *const seen = arena_push(reading->arena, &reading->seen);
        if (seen == NULL)
            return err_nomem(err);
        *seen = read_row(&rows, i);
        if (!keep_names(reading, seen, find(&reading->before, seen->oid), err))
            return false;
    }
    return true;
}

bool reading_unit(struct reading *reading, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct rows rows;
    if (!pg_query(reading->pg, &scratch, scans_sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < reading->seen.count; i++) {
        reading->seen.items[i].mode = LOCK_NONE;
        reading->seen.items[i].scans = 0;
    }
    for (size_t i = 0; i < rows.count; i++) {
        struct seen *const seen = find(&reading->seen, number(&rows, i, 0));
        if (seen != NULL)
            seen->scans = strtoll(rows_get(&rows, i, 1), NULL, 10);
    }
    return true;
}

/* ---- one statement ---- */

static bool is_old_file(const unsigned *files, size_t count, unsigned file)
{
    for (size_t i = 0; i < count; i++)
        if (files[i] == file)
            return true;
    return false;
}

/* The files of indexes that were there: one of them under a new index was taken over. */
static unsigned *index_files(struct arena *arena, const struct reading *reading, size_t *ret_count)
{
    unsigned *const files = arena_alloc(arena, (reading->seen.count + 1) * sizeof *files);
    *ret_count = 0;
    for (size_t i = 0; files != NULL && i < reading->seen.count; i++)
        if (reading->seen.items[i].kind == 'i')
            files[(*ret_count)++] = reading->seen.items[i].file;
    return files;
}

struct change {
    const struct seen *before; /* NULL: it was not there */
    const struct seen *now;    /* without a name: it is gone */
    bool emptying, old_file;
};

static struct xray_relation describe(const struct change *change)
{
    const struct seen *const before = change->before, *const now = change->now;
    const struct seen *const last = now->name != NULL ? now : before;
    struct xray_relation row = {.name = before != NULL ? before->name : now->name,
                                .table = last->table,
                                .kind = last->kind,
                                .mode = now->mode,
                                .created = before == NULL,
                                .dropped = now->name == NULL};
    row.taken = now->mode > (before != NULL ? before->mode : LOCK_NONE);
    if (now->name == NULL)
        return row;
    if (before != NULL && strcmp(before->name, now->name) != 0)
        row.new_name = now->name;
    const bool new_file = now->file != 0 && (before == NULL || before->file != now->file);
    row.rewritten = before != NULL && new_file && !change->emptying && strchr("rmi", now->kind);
    row.built = now->kind == 'i' && new_file && !change->emptying && !change->old_file;
    row.scanned = !change->emptying && now->scans > (before != NULL ? before->scans : 0);
    return row;
}

static bool is_worth_telling(const struct xray_relation *row)
{
    return row->taken || row->created || row->dropped || row->new_name != NULL || row->rewritten ||
           row->scanned || row->built;
}

static bool take(struct reading *reading, const struct change *change, struct xray_relations *ret,
                 struct err *err)
{
    const struct xray_relation row = describe(change);
    if (!is_worth_telling(&row))
        return true;
    struct xray_relation *const made = arena_push(reading->arena, ret);
    if (made == NULL)
        return err_nomem(err);
    *made = row;
    return true;
}

static bool take_row(struct reading *reading, struct seen *now, bool emptying, bool old_file,
                     struct xray_relations *ret, struct err *err)
{
    struct seen *const before = find(&reading->seen, now->oid);
    if (before == NULL && now->name == NULL)
        return true; /* made and gone within the statement: the file of a rewrite */
    if (!keep_names(reading, now, before, err))
        return false;
    const struct change change = {before, now, emptying, old_file};
    if (!take(reading, &change, ret, err))
        return false;
    if (before == NULL)
        return insert(reading, now, err);
    if (now->name != NULL)
        *before = *now;
    else
        forget(reading, before);
    return true;
}

bool reading_statement(struct reading *reading, bool emptying, struct xray_relations *ret,
                       struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct rows rows;
    size_t count;
    unsigned *const files = index_files(&scratch, reading, &count);
    if (files == NULL)
        return err_nomem(err);
    if (!pg_query(reading->pg, &scratch, locked_sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        struct seen now = read_row(&rows, i);
        if (!take_row(reading, &now, emptying, is_old_file(files, count, now.file), ret, err))
            return false;
    }
    return true;
}

bool reading_again(struct reading *reading, struct err *err)
{
    struct xray_relations ignored = {0};
    return reading_start(reading, err) && reading_statement(reading, false, &ignored, err);
}

bool reading_alone(struct reading *reading, bool emptying, struct xray_relations *ret,
                   struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const struct seen_list *const before = &reading->before;
    size_t count;
    unsigned *const files = index_files(&scratch, reading, &count);
    if (files == NULL)
        return err_nomem(err);
    if (!reading_start(reading, err))
        return false;
    for (size_t i = 0; i < reading->seen.count; i++) {
        struct seen now = reading->seen.items[i];
        const struct seen *const old = find(before, now.oid);
        now.scans = old != NULL ? old->scans : 0; /* of whichever transaction */
        const struct change change = {old, &now, emptying, is_old_file(files, count, now.file)};
        if (!take(reading, &change, ret, err))
            return false;
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct seen gone = {.oid = before->items[i].oid};
        const struct change change = {&before->items[i], &gone, false, false};
        if (find(&reading->seen, gone.oid) == NULL && !take(reading, &change, ret, err))
            return false;
    }
    return true;
}

/* ---- sums ---- */

/* The row of the same relation: the one that is called so now. */
static struct xray_relation *row_of(const struct xray_relations *sums, const char *name)
{
    for (size_t i = sums->count; i > 0; i--) {
        struct xray_relation *const row = &sums->items[i - 1];
        if (!row->dropped && strcmp(row->new_name != NULL ? row->new_name : row->name, name) == 0)
            return row;
    }
    return NULL;
}

bool reading_sum(struct arena *arena, const struct xray_relations *relations,
                 struct xray_relations *sums, struct err *err)
{
    const size_t rows_before = sums->count;
    struct xray_relations old = {sums->items, rows_before, 0};
    for (size_t i = 0; i < relations->count; i++) {
        const struct xray_relation *const row = &relations->items[i];
        struct xray_relation *sum = row->created ? NULL : row_of(&old, row->name);
        if (sum == NULL) {
            sum = arena_push(arena, sums);
            if (sum == NULL)
                return err_nomem(err);
            old.items = sums->items;
            *sum = *row;
            continue;
        }
        if (row->mode > sum->mode)
            sum->mode = row->mode;
        sum->taken = sum->taken || row->taken;
        sum->rewritten = sum->rewritten || row->rewritten;
        sum->scanned = sum->scanned || row->scanned;
        sum->built = sum->built || row->built;
        sum->dropped = row->dropped;
        sum->new_name = row->new_name != NULL ? row->new_name : sum->new_name;
    }
    return true;
}
