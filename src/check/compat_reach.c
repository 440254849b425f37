/* What a statement comes to beyond what it names: through views, partitions, keys, triggers and
 * functions. */
#include "check/compat_parts.h"

static bool knows(const struct compat_reach *reach, size_t from, const struct compat_reached *one)
{
    for (size_t i = from; i < reach->count; i++) {
        const struct compat_reached *const r = &reach->items[i];
        if (r->owner == one->owner && (r->ops & one->ops) == one->ops && r->target == one->target &&
            r->is_named >= one->is_named && r->via == one->via &&
            r->in_function == one->in_function && (r->star || !one->star))
            return true;
    }
    return false;
}

/* False when nothing goes that way. */
static bool follow(const struct compat_reached *from, const struct compat_edge *edge,
                   struct compat_reached *ret)
{
    *ret = *from;
    ret->owner = edge->to;
    ret->is_named = false;
    switch (edge->way) {
    case WAY_VIEW:
        ret->target = NULL; /* its columns may be called otherwise */
        return true;
    case WAY_TYPE:
        ret->is_named = from->is_named && from->owner >> 32 == 't';
        if (from->owner >> 32 == 'r')
            ret->via = from->owner;
        return true;
    case WAY_CHILD:
    case WAY_PART:
        return true;
    case WAY_TRIGGER:
        ret->target = NULL;
        return (from->ops & USE_CHANGES) != 0;
    case WAY_KEY:
        ret->target = NULL;
        ret->ops &= USE_UPDATES | USE_DELETES;
        return ret->ops != 0;
    case WAY_BODY:
    case WAY_STAR:
    case WAY_READS:
    case WAY_STAR_READS:
    case WAY_ROW:
        *ret = (struct compat_reached){
            .owner = edge->to,
            .ops = edge->way == WAY_BODY || edge->way == WAY_STAR ? USE_ALL : USE_READS,
            .in_function = from->owner,
            .star = edge->way == WAY_STAR || edge->way == WAY_STAR_READS};
        return true;
    }
    return false;
}

static size_t first_edge(const struct compat_traits *traits, compat_owner owner)
{
    size_t low = 0, high = traits->edges.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (traits->edges.items[middle].from < owner)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool add_from(struct arena *arena, const struct compat_traits *traits,
                     struct compat_reached from, size_t start, struct compat_reach *reach)
{
    for (size_t i = first_edge(traits, from.owner);
         i < traits->edges.count && traits->edges.items[i].from == from.owner; i++) {
        struct compat_reached next;
        if (!follow(&from, &traits->edges.items[i], &next) || knows(reach, start, &next))
            continue;
        struct compat_reached *const one = arena_push(arena, reach);
        if (one == NULL)
            return false;
        *one = next;
    }
    return true;
}

bool compat_reach_add(struct arena *arena, const struct compat_traits *before,
                      const struct compat_traits *after, const struct compat_reached *from,
                      struct compat_reach *reach)
{
    const size_t start = reach->count;
    struct compat_reached *const first = arena_push(arena, reach);
    if (first == NULL)
        return false;
    *first = *from;
    for (size_t i = start; i < reach->count; i++)
        if (!add_from(arena, before, reach->items[i], start, reach) ||
            !add_from(arena, after, reach->items[i], start, reach))
            return false;
    return true;
}
