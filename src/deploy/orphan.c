/* PRAGMA foreign_key_check as two sorted lists. */
#include "deploy/orphan.h"

#include <string.h>

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct orphan *)a)->key, ((const struct orphan *)b)->key);
}

static const char *shown(const char *text, const char *fallback)
{
    return text != NULL ? text : fallback;
}

bool orphans_read(struct sqlite *sqlite, struct arena *arena, bool renumbered, struct orphans *ret,
                  struct err *err)
{
    static const char sql[] = "PRAGMA foreign_key_check";
    struct rows rows;
    if (!sqlite_query(sqlite, arena, sql, sizeof sql - 1, NULL, 0, &rows, NULL, err)) {
        err_prefix(err, "cannot check the foreign keys");
        return false;
    }
    *ret = (struct orphans){.count = rows.count};
    ret->items = arena_alloc(arena, rows.count * sizeof *ret->items);
    if (ret->items == NULL)
        return err_nomem(err);
    for (size_t r = 0; r < rows.count; r++) {
        struct orphan *const orphan = &ret->items[r];
        orphan->table = shown(rows_get(&rows, r, 0), "?");
        orphan->rowid = shown(rows_get(&rows, r, 1), "(without rowid)");
        orphan->parent = shown(rows_get(&rows, r, 2), "?");
        orphan->key = arena_printf(arena, "%s\n%s\n%s", orphan->table, orphan->parent,
                                   renumbered ? "" : orphan->rowid);
        if (orphan->key == NULL)
            return err_nomem(err);
    }
    if (rows.count > 0)
        qsort(ret->items, ret->count, sizeof *ret->items, compare_keys);
    return true;
}

bool orphans_compare(const struct orphans *before, const struct orphans *after, struct err *err)
{
    const struct orphan *example = NULL;
    size_t known = 0, new = 0;
    for (size_t i = 0; i < after->count; i++) {
        int order = 1;
        while (known < before->count &&
               (order = compare_keys(&before->items[known], &after->items[i])) < 0)
            known++;
        if (known < before->count && order == 0) {
            known++;
            continue;
        }
        example = &after->items[i];
        new ++;
    }
    if (example == NULL)
        return true;
    return err_set(err, ERR_FAILED,
                   "%zu %s refer to nothing: for one, row %s of \"%s\" has no row in \"%s\"", new,
                   new == 1 ? "row would" : "rows would", example->rowid, example->table,
                   example->parent);
}
