/* pawl.sum first: a container may ship nothing else, and one line is enough in the usual case. */
#include "live/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static const struct set *load(void *context, struct err *err)
{
    struct source *const source = context;
    struct findings findings = {0};
    if (source->loaded)
        return &source->set;
    source->loaded = source->from_sum ? sum_read(source->arena, source->sum_path, &source->set, err)
                                      : set_load(source->arena, &source->options, &source->set,
                                                 &findings, err) &&
                                            set_demand_scheme(&findings, err);
    return source->loaded ? &source->set : NULL;
}

static int compare_ids(const void *id, const void *item)
{
    return strcmp(id, *(const char *const *)item);
}

static bool carries_by_sum(struct source *source, const struct ready_names *ids, bool *ret,
                           struct err *err)
{
    struct sum_ids carried;
    if (!sum_read_contracts(source->arena, source->sum_path, &carried, err))
        return false;
    *ret = carried.count > 0;
    for (size_t i = 0; *ret && i < ids->count; i++)
        *ret = ids->items[i] != NULL && bsearch(ids->items[i], carried.items, carried.count,
                                                sizeof *carried.items, compare_ids) != NULL;
    return true;
}

/* By the contract lines of pawl.sum alone: at thousands of migrations the whole set would cost
 * more than all else. */
static bool carries(void *context, const struct ready_names *ids, bool *ret, struct err *err)
{
    struct source *const source = context;
    if (source->from_sum && !source->loaded)
        return carries_by_sum(source, ids, ret, err);
    const struct set *const set = load(source, err);
    *ret = set != NULL;
    for (size_t i = 0; *ret && i < ids->count; i++)
        *ret = ids->items[i] != NULL &&
               (set_find(set, ids->items[i]) != NULL || set_find_odd(set, ids->items[i]) != NULL ||
                set_find_replaced(set, ids->items[i]) != NULL);
    return set != NULL;
}

/* The digest and the repeatables, from all files. What is wrong with a name or a text is for check
 * and deploy; what counts here is only whether it was applied. */
static bool from_files(struct source *source, struct err *err)
{
    const struct set *const set = load(source, err);
    if (set == NULL)
        return false;
    const size_t count = set->count - set->versioned;
    struct hash_hex *const sums = arena_alloc(source->arena, count * sizeof *sums);
    static const struct hash_hex none = {""};
    bool odd = false;
    if (sums == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        sums[i] = set->items[set->versioned + i].checksum;
    source->ready.dialect = set->dialect;
    /* A file that was refused for its name is a migration all the same, which the digest leaves
     * out: without one, each row is looked at. */
    for (size_t i = 0; i < set->odd.count; i++)
        if (set_odd_has_version(&set->odd.items[i]))
            odd = true;
    source->ready.digest = odd ? none : set->digest;
    source->ready.repeatables.items = sums;
    source->ready.repeatables.count = count;
    return true;
}

static bool from_sum(struct source *source, struct err *err)
{
    struct sum_head head;
    if (!sum_read_head(source->arena, source->sum_path, &head, err))
        return false;
    source->ready.dialect = head.dialect;
    source->ready.digest = head.digest;
    source->ready.repeatables.items = head.repeatables;
    source->ready.repeatables.count = head.repeatable_count;
    return true;
}

bool source_open(struct arena *arena, const struct set_options *options, struct source *ret,
                 struct err *err)
{
    *ret = (struct source){.arena = arena, .options = *options};
    ret->sum_path = fs_join(arena, options->folder, SUM_FILE_NAME);
    if (ret->sum_path == NULL)
        return err_nomem(err);
    ret->ready.carries = carries;
    ret->ready.load = load;
    ret->ready.context = ret;
    ret->from_sum = fs_exists(ret->sum_path);
    return ret->from_sum ? from_sum(ret, err) : from_files(ret, err);
}
