/* Planning and journalling squashes. */
#include "deploy/squash.h"

#include <string.h>

#include "base/str.h"
#include "ledger/squash.h"

enum { SHOWN_IDS = 5 };

static const struct squash_match *find(const struct comparison *comparison,
                                       const struct migration *migration)
{
    for (size_t i = 0; i < comparison->squashes.count; i++)
        if (comparison->squashes.items[i].squash == migration)
            return &comparison->squashes.items[i];
    return NULL;
}

/* ---- the plan ---- */

/* The first few replaced migrations that are in place, or that are not. */
static void put_ids(struct str *out, const struct squash_match *squash, bool in_place)
{
    size_t count = 0;
    for (size_t i = 0; i < squash->count; i++) {
        const struct match *const item = &squash->items[i];
        if (item->migration->squash || squash_in_place(item) != in_place)
            continue;
        if (count < SHOWN_IDS)
            str_printf(out, "%s\"%s\"%s", count > 0 ? ", " : "", item->migration->id,
                       item->kind == MATCH_EDITED     ? " (applied with another content)"
                       : item->kind == MATCH_DOUBTFUL ? " (maybe, under another name)"
                                                      : "");
        count++;
    }
    if (count > SHOWN_IDS)
        str_printf(out, " and %zu more", count - SHOWN_IDS);
    if (count == 0)
        str_puts(out, "nothing");
}

static bool report_split(struct arena *arena, const struct squash_match *squash,
                         struct findings *findings)
{
    CLEANUP(str_release) struct str in_place = {0};
    CLEANUP(str_release) struct str lacking = {0};
    put_ids(&in_place, squash, true);
    put_ids(&lacking, squash, false);
    if (in_place.failed || lacking.failed)
        return false;
    const char *const what =
        arena_printf(arena,
                     "\"%s\" stands for migrations of which the target has only a part: it has %s; "
                     "it lacks %s",
                     squash->squash->id, str_text(&in_place), str_text(&lacking));
    if (what == NULL)
        return false;
    finding_add(arena, findings,
                &(struct finding){.rule = "squash-split",
                                  .severity = SEVERITY_ERROR,
                                  .file = squash->squash->path,
                                  .what = what,
                                  .fix = "deploy the release before the squash first, which has "
                                         "the replaced files; then this one"});
    return true;
}

bool squash_check(struct arena *arena, const struct comparison *comparison,
                  struct findings *findings, struct err *err)
{
    for (size_t i = 0; i < comparison->count; i++)
        if (comparison->items[i].kind == MATCH_SPLIT &&
            !report_split(arena, find(comparison, comparison->items[i].migration), findings))
            return err_nomem(err);
    return true;
}

bool squash_item(struct arena *arena, const struct comparison *comparison,
                 const struct match *match, struct plan_item *item, struct err *err)
{
    struct script *const script = &item->script;
    item->squash = find(comparison, match->migration);
    item->recognised = match->kind == MATCH_RECOGNISED;
    if (item->squash == NULL || script->units.count == 0 ||
        !script->units.items[script->units.count - 1].alone)
        return true;
    /* What stands outside transactions has one row behind it: the many of a squash get a
     * transaction of their own. */
    struct unit *const unit = arena_push(arena, &script->units);
    if (unit == NULL)
        return err_nomem(err);
    unit->first = script->statements.count;
    return true;
}

bool squash_list_renames(struct arena *arena, struct plan *plan, struct err *err)
{
    const struct comparison *const c = &plan->comparison;
    for (size_t i = 0; i < c->squashes.count; i++)
        for (size_t r = 0; r < c->squashes.items[i].count; r++) {
            if (c->squashes.items[i].items[r].kind != MATCH_RENAMED)
                continue;
            const struct match **const slot = arena_push(arena, &plan->renames);
            if (slot == NULL)
                return err_nomem(err);
            *slot = &c->squashes.items[i].items[r];
        }
    return true;
}

/* ---- the journal ---- */

/* Its checksum is to be journalled with the squash. */
static bool is_lacking(const struct match *replaced)
{
    return replaced->kind == MATCH_PENDING;
}

size_t squash_row_count(const struct plan_item *item)
{
    size_t count = 0;
    for (size_t i = 0; item->squash != NULL && i < item->squash->count; i++)
        count += is_lacking(&item->squash->items[i]);
    return count;
}

bool squash_add_digests(struct arena *arena, const struct plan_item *item,
                        struct digest_set *digests)
{
    for (size_t i = 0; item->squash != NULL && i < item->squash->count; i++) {
        const struct match *const replaced = &item->squash->items[i];
        if (is_lacking(replaced) && migration_in_digest(replaced->migration) &&
            !digest_set_add(arena, digests, replaced->migration->checksum.text))
            return false;
    }
    return true;
}

static json_t *row_detail(const struct run *run, const struct migration *m)
{
    json_t *detail = attempt_detail(run);
    bool ok = detail != NULL &&
              json_object_set_new(detail, "version", json_string(m->version)) == 0 &&
              squash_describe(run->options->set, m, detail);
    if (run->options->release != NULL)
        ok = ok && json_object_set_new(detail, "release", json_string(run->options->release)) == 0;
    if (m->empty)
        ok = ok && json_object_set_new(detail, "empty", json_true()) == 0;
    if (m->background)
        ok = ok && json_object_set_new(detail, "background", json_true()) == 0;
    if (ok)
        return detail;
    json_decref(detail);
    return NULL;
}

static bool make_row(const struct run *run, const struct migration *m, struct digest_set *digests,
                     struct entry *ret, struct err *err)
{
    CLEANUP(json_release) json_t *detail = row_detail(run, m);
    if (detail == NULL ||
        (migration_in_digest(m) && !digest_set_add(run->arena, digests, m->checksum.text)))
        return err_nomem(err);
    *ret = (struct entry){
        .event = EVENT_APPLIED,
        .migration = m->id,
        .checksum = m->checksum.text,
        .kind = kind_name(m->kind),
        .phase = phase_name(m->phase),
        .detail = detail_text(run->arena, detail),
        .digest = arena_strdup(run->arena, digest_set_hash(digests).text),
    };
    return (ret->detail != NULL && ret->digest != NULL) || err_nomem(err);
}

bool squash_rows(const struct run *run, const struct plan_item *item, struct entry *rows,
                 struct err *err)
{
    /* The run's own set stays as it is: the rows may yet be rolled back. */
    struct digest_set digests;
    size_t count = 0;
    if (!digest_set_copy(run->arena, &run->state.digests, &digests))
        return err_nomem(err);
    for (size_t i = 0; i < item->squash->count; i++) {
        const struct match *const replaced = &item->squash->items[i];
        if (is_lacking(replaced) &&
            !make_row(run, replaced->migration, &digests, &rows[count++], err))
            return false;
    }
    return true;
}
