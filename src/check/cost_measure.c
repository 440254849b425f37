/* What an X-ray measured, as facts that can be priced. */
#include <string.h>

#include "check/cost.h"

/* What a relation is called now, and what the target calls it. */
struct renaming {
    const char *now, *was;
};

struct measuring {
    struct arena *arena;
    struct {
        struct renaming *items;
        size_t count, capacity;
    } renamings;
    bool failed;
};

static const char *name_before(const struct measuring *m, const char *name)
{
    for (size_t i = m->renamings.count; i-- > 0;)
        if (strcmp(m->renamings.items[i].now, name) == 0)
            return m->renamings.items[i].was;
    return name;
}

static void note_renaming(struct measuring *m, const struct xray_relation *relation)
{
    const char *const was = name_before(m, relation->name);
    struct renaming *const renaming = arena_push(m->arena, &m->renamings);
    m->failed = m->failed || renaming == NULL;
    if (renaming != NULL)
        *renaming = (struct renaming){relation->new_name, was};
}

static enum lock_effect effect_of(const struct xray_relation *relation)
{
    if (relation->rewritten)
        return EFFECT_REWRITE;
    if (relation->built)
        return EFFECT_BUILD;
    if (relation->scanned)
        return EFFECT_SCAN;
    return relation->mode == LOCK_ROW_EXCLUSIVE ? EFFECT_ROWS : EFFECT_CATALOG;
}

/* An index that is built is work on its table; its own lock is nobody's business. */
static void add_relation(struct measuring *m, struct facts *facts,
                         const struct xray_relation *relation)
{
    const bool index = relation->table != NULL;
    if (relation->new_name != NULL)
        note_renaming(m, relation);
    if ((index && !relation->built) || (!index && (relation->created || !relation->taken) &&
                                        effect_of(relation) == EFFECT_CATALOG))
        return;
    const struct locked row = {
        .object = LOCKED_RELATION,
        .name = name_before(m, index ? relation->table : relation->name),
        .mode = index ? LOCK_NONE : relation->mode,
        .effect = effect_of(relation),
    };
    m->failed = m->failed || locked_add(m->arena, &facts->locks, &row) == NULL;
}

/* The table of the X-ray comes with its lock, its index with the work: merged, whichever is first.
 */
static void measure(struct measuring *m, struct cost_statement *one)
{
    struct facts *const facts = &one->facts;
    if (one->xray->source != XRAY_MEASURED)
        return;
    if (facts->unknown == NULL || facts->inner.count > 0)
        facts->locks.count = 0;
    facts->unknown = NULL;
    for (size_t i = 0; i < one->xray->relations.count; i++)
        add_relation(m, facts, &one->xray->relations.items[i]);
}

bool cost_measure(struct arena *arena, const struct xray *xray, struct cost_statement *statements,
                  size_t count, struct err *err)
{
    struct measuring m = {.arena = arena};
    for (size_t i = 0, x = 0; i < count; i++) {
        while (x < xray->statements.count &&
               xray->statements.items[x].text.at != statements[i].text.at)
            x++;
        if (x == xray->statements.count)
            break;
        statements[i].xray = &xray->statements.items[x];
        measure(&m, &statements[i]);
    }
    return !m.failed || err_nomem(err);
}
