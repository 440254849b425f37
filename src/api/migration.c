/* One migration as a caller sees it. */
#include <string.h>

#include "api/handle.h"

static void fill(struct pawl_migration *item, const struct migration *migration,
                 const struct applied *applied)
{
    if (migration != NULL) {
        item->id = migration->id;
        item->kind = kind_name(migration->kind);
        item->phase = phase_name(migration->phase);
        item->checksum = migration->checksum.text;
    } else if (applied != NULL) {
        item->id = applied_name(applied);
        item->kind = kind_name(applied->kind);
        item->phase = phase_name(applied->phase);
        item->checksum = applied->checksums.items[0];
    }
    if (applied == NULL)
        return;
    item->applied_at_us = applied->at_us;
    item->elapsed_ms = applied->ms;
    if (strcmp(item->id, applied_name(applied)) != 0)
        item->known_as = applied_name(applied);
}

struct pawl_migration *migration_list_add(struct arena *arena, struct migration_list *list,
                                          enum pawl_state state, const struct migration *migration,
                                          const struct applied *applied)
{
    struct pawl_migration *const item = arena_alloc(arena, sizeof *item);
    const struct pawl_migration **const slot = item != NULL ? arena_push(arena, list) : NULL;
    if (slot == NULL)
        return NULL;
    *item = (struct pawl_migration){.state = state, .applied_at_us = -1, .elapsed_ms = -1};
    fill(item, migration, applied);
    *slot = item;
    return item;
}
