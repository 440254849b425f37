/* Backfills that were stopped part-way, held against the files: before anything runs. */
#include <string.h>

#include "deploy/backfill.h"

static bool in_set(const struct set *set, const char *id)
{
    return set_find(set, id) != NULL;
}

/* The one row that nobody in the set has the name of any more, and that has this content. */
static const struct checkpoint *find_renamed(const struct run *run, const struct checkpoints *list,
                                             const struct migration *m)
{
    const struct checkpoint *found = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct checkpoint *const at = &list->items[i];
        if (strcmp(at->checksum, m->checksum.text) != 0 || in_set(run->options->set, at->migration))
            continue;
        if (found != NULL)
            return NULL;
        found = at;
    }
    return found;
}

static bool refuse_edited(const struct checkpoint *at, const struct migration *m, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const place = checkpoint_text(&scratch, at, 0);
    (void)err_set(err, ERR_REFUSED,
                  "\"%s\" was edited after it had gone through %s: begun with checksum %.12s, the "
                  "file now has %.12s",
                  m->id, place != NULL ? place : "?", at->checksum, m->checksum.text);
    err_at(err, m->path, 0, 0);
    err_state(err, "Nothing was changed.");
    err_hint(err,
             "Put the file back as it was and deploy, and write the change as a new migration. Or "
             "give up what was begun: pawl backfill cancel %s --reason TEXT.",
             m->id);
    return false;
}

static bool check_item(struct run *run, const struct checkpoints *list, const struct migration *m,
                       struct err *err)
{
    const struct checkpoint *const own = checkpoints_find(list, m->id);
    if (own != NULL)
        return strcmp(own->checksum, m->checksum.text) == 0 || refuse_edited(own, m, err);
    const struct checkpoint *const renamed = find_renamed(run, list, m);
    if (renamed == NULL || run->options->dry_run)
        return true;
    if (!checkpoint_rename(run->ledger, run->arena, renamed, m->id, run->last_change, err))
        return false;
    const char *const text = arena_printf(run->arena, "the backfill \"%s\" is now known as \"%s\"",
                                          renamed->migration, m->id);
    if (text == NULL)
        return err_nomem(err);
    deploy_tell(&run->options->listener,
                &(struct deploy_event){.type = DEPLOY_NOTE, .id = m->id, .text = text});
    return true;
}

bool backfill_check(struct run *run, struct err *err)
{
    const struct plan *const plan = &run->result->plan;
    struct checkpoints list;
    bool any = false;
    for (size_t i = 0; i < plan->items.count; i++)
        any = any || plan->items.items[i].migration->kind == KIND_BACKFILL;
    if (!any || !run->ledger->exists)
        return true;
    if (!checkpoint_list(run->ledger, run->arena, &list, err))
        return false;
    for (size_t i = 0; i < plan->items.count; i++)
        if (plan->items.items[i].migration->kind == KIND_BACKFILL &&
            !check_item(run, &list, plan->items.items[i].migration, err))
            return false;
    return true;
}
