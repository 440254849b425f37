/* Unfolding a set, and folding what came of it. */
#include "ledger/squash.h"

#include <string.h>

bool squash_unfold(struct arena *arena, const struct set *set, struct set *ret, struct err *err)
{
    const size_t all = set->count + set->replaced.count;
    *ret = *set;
    if (set->replaced.count == 0)
        return true;
    ret->items = arena_alloc(arena, all * sizeof *ret->items);
    if (ret->items == NULL)
        return err_nomem(err);
    ret->count = 0;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t r = 0; r < set->replaced.count; r++)
            if (set_replaces(&set->items[i], &set->replaced.items[r]))
                ret->items[ret->count++] = set->replaced.items[r];
        ret->items[ret->count++] = set->items[i];
    }
    ret->versioned = set->versioned + ret->count - set->count;
    ret->replaced.count = 0; /* they are items now */
    return set_seal(arena, ret, err);
}

bool squash_in_place(const struct match *replaced)
{
    return replaced->kind == MATCH_APPLIED || replaced->kind == MATCH_RENAMED;
}

/* A squash that is squashed itself is as good as what it replaced, which is here too. */
static enum match_kind kind_of(const struct squash_match *match)
{
    size_t in_place = 0, counted = 0;
    bool begun = false;
    for (size_t i = 0; i < match->count; i++) {
        const struct match *const item = &match->items[i];
        begun = begun || item->kind != MATCH_PENDING;
        counted += !item->migration->squash;
        in_place += !item->migration->squash && squash_in_place(item);
    }
    return in_place == counted && counted > 0 ? MATCH_RECOGNISED
           : begun                            ? MATCH_SPLIT
                                              : MATCH_PENDING;
}

static bool add_squash(struct arena *arena, struct comparison *comparison, struct match *squash,
                       struct match *replaced, size_t count)
{
    struct squash_match *const item = arena_push(arena, &comparison->squashes);
    if (item == NULL)
        return false;
    *item = (struct squash_match){squash->migration, replaced, count};
    if (squash->kind == MATCH_PENDING)
        squash->kind = kind_of(item);
    return true;
}

bool squash_fold(struct arena *arena, const struct set *set, struct comparison *ret)
{
    struct match *const kept = arena_alloc(arena, (set->count + 1) * sizeof *kept);
    struct match *const all = ret->items;
    size_t replaced = 0, count = 0;
    if (set->replaced.count == 0)
        return true;
    if (kept == NULL)
        return false;
    for (size_t i = 0; i < ret->count; i++) {
        if (all[i].migration->replaced_by != NULL) {
            replaced++;
            continue;
        }
        kept[count] = all[i];
        kept[count].migration = &set->items[count];
        if (replaced > 0 && !add_squash(arena, ret, &kept[count], &all[i - replaced], replaced))
            return false;
        replaced = 0;
        count++;
    }
    ret->items = kept;
    ret->count = count;
    return true;
}

bool squash_is_carried(const struct set *set, const struct applied *applied)
{
    for (size_t i = 0; i < applied->replaces.count; i++)
        if (set_find(set, applied->replaces.items[i]) == NULL)
            return false;
    return applied->replaces.count > 0;
}

/* The ids that a squash stands for, other squashes left out. */
static json_t *replaced_ids(const struct set *set, const char *squash)
{
    json_t *const ids = json_array();
    for (size_t i = 0; ids != NULL && i < set->replaced.count; i++) {
        const struct migration *const item = &set->replaced.items[i];
        if (item->squash || strcmp(item->replaced_by, squash) != 0)
            continue;
        if (json_array_append_new(ids, json_string(item->id)) != 0) {
            json_decref(ids);
            return NULL;
        }
    }
    return ids;
}

bool squash_describe(const struct set *set, const struct migration *migration, json_t *detail)
{
    const char *const by = migration->replaced_by;
    if (by != NULL && json_object_set_new(detail, "squash", json_string(by)) != 0)
        return false;
    /* Of a squash that was squashed away it is not known any more which of them it stood for. */
    return !migration->squash ||
           json_object_set_new(detail, "replaces",
                               replaced_ids(set, by != NULL ? by : migration->id)) == 0;
}
