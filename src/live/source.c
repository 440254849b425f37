/* pawl.sum first: a container may ship nothing else, and one line is enough in the usual case. */
#include "live/source.h"

#include "base/fs.h"

static const struct set *load(void *context, struct err *err)
{
    struct source *const source = context;
    struct findings findings = {0};
    if (source->loaded)
        return &source->set;
    source->loaded = source->from_sum
                         ? sum_read(source->arena, source->sum_path, &source->set, err)
                         : set_load(source->arena, &source->options, &source->set, &findings, err);
    return source->loaded ? &source->set : NULL;
}

/* The digest and the repeatables, from all files. What is wrong with a name or a text is for check
 * and deploy: ready never refuses because of it. */
static bool from_files(struct source *source, struct err *err)
{
    const struct set *const set = load(source, err);
    if (set == NULL)
        return false;
    const size_t count = set->count - set->versioned;
    struct hash_hex *const sums = arena_alloc(source->arena, count * sizeof *sums);
    if (sums == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        sums[i] = set->items[set->versioned + i].checksum;
    source->ready.dialect = set->dialect;
    source->ready.digest = set->digest;
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
    ret->ready.load = load;
    ret->ready.context = ret;
    ret->from_sum = fs_exists(ret->sum_path);
    return ret->from_sum ? from_sum(ret, err) : from_files(ret, err);
}
