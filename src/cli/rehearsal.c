/* What rehearsals on all engines share. */
#include "cli/rehearsal.h"

#include <string.h>

#include "base/diff.h"

const char *rehearsal_diff(struct arena *arena, const char *before, const char *after)
{
    CLEANUP(str_release) struct str diff = {0}, safe = {0};
    diff_lines(before, after, &diff);
    output_escape(&safe, str_text(&diff), diff.len, true);
    return diff.failed || safe.failed ? NULL : arena_strdup(arena, str_text(&safe));
}

void rehearsal_release(struct rehearsal *rehearsal)
{
    err_release(&rehearsal->failure);
}

/* ---- locks ---- */

static bool add(struct arena *arena, struct rehearsal_locks *locks, const char *relation,
                const char *mode, const char *work)
{
    struct rehearsal_lock *const lock = arena_push(arena, locks);
    if (lock == NULL)
        return false;
    *lock = (struct rehearsal_lock){output_safe(arena, relation), mode, work};
    return lock->relation != NULL;
}

static const char *work_on(const struct xray_relation *relation)
{
    if (relation->rewritten)
        return "written anew";
    if (relation->built)
        return "built";
    return relation->scanned ? "read whole" : "";
}

static bool is_created(const struct xray_relations *relations, const char *name)
{
    for (size_t i = 0; i < relations->count; i++)
        if (relations->items[i].created && strcmp(relations->items[i].name, name) == 0)
            return true;
    return false;
}

/* What a statement makes itself is nobody's business yet. */
static bool add_relation(struct arena *arena, const struct xray_relations *all,
                         const struct xray_relation *relation, struct rehearsal_locks *locks)
{
    const bool index = relation->table != NULL;
    const char *const work = work_on(relation);
    const bool locked = !index && relation->taken;
    if (is_created(all, index ? relation->table : relation->name) || (!locked && work[0] == '\0'))
        return true;
    return add(arena, locks, relation->name, locked ? lock_mode_name(relation->mode) : "", work);
}

/* The locks of a statement outside transactions are those that can be read of it. */
static bool add_read(struct arena *arena, const struct facts *facts, struct rehearsal_locks *locks)
{
    for (size_t i = 0; i < facts->locks.count; i++) {
        const struct locked *const row = &facts->locks.items[i];
        if (row->object == LOCKED_RELATION && row->mode != LOCK_NONE &&
            !add(arena, locks, row->name, lock_mode_name(row->mode), ""))
            return false;
    }
    return true;
}

bool rehearsal_locks(struct arena *arena, const struct rehearsed_statement *statement,
                     struct rehearsal_locks *ret)
{
    const struct xray_statement *const x = statement->xray;
    *ret = (struct rehearsal_locks){0};
    if (x == NULL)
        return true;
    if (x->source == XRAY_ALONE && x->facts != NULL && !add_read(arena, x->facts, ret))
        return false;
    for (size_t i = 0; i < x->relations.count; i++)
        if (!add_relation(arena, &x->relations, &x->relations.items[i], ret))
            return false;
    return true;
}
