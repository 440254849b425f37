/* Several statements in order: names followed back to what they mean before the first of them. */
#include <string.h>

#include "sql/facts_parts.h"

/* A name as a statement of the set would write it now, and what it was before the set. */
struct known_name {
    const char *now; /* NULL: dropped */
    const char *was; /* for what is ours: its first name */
    size_t table;    /* an index: the place of its table in the list, from 1; 0: not one */
    bool ours;
    bool made;   /* ours, or made with IF NOT EXISTS */
    bool filled; /* it may have rows */
};

/* A column, constraint, trigger ... that the set has made, under the name of its table then. */
struct made_part {
    const char *name, *part;
};

static struct known_name *find_name(struct facts_walk *w, const char *name)
{
    for (size_t i = w->names.count; i-- > 0;)
        if (w->names.items[i].now != NULL && strcmp(w->names.items[i].now, name) == 0)
            return &w->names.items[i];
    return NULL;
}

/* A copy: the statement's own memory may go before the walk ends. */
static const char *keep(struct facts_walk *w, const char *name)
{
    const char *const kept = arena_strdup(w->arena, name);
    w->failed = w->failed || kept == NULL;
    return kept;
}

static struct known_name *note_name(struct facts_walk *w, const char *name, struct known_name known)
{
    struct known_name *const item = arena_push(w->arena, &w->names);
    const char *const kept = keep(w, name);
    w->failed = w->failed || item == NULL;
    if (item == NULL)
        return NULL;
    *item = known;
    item->now = item->was = kept;
    return item;
}

static void resolve_to(struct locked *row, struct known_name *known)
{
    row->name = known->was;
    row->ours = known->ours;
    if (row->effect == EFFECT_ROWS && row->mode >= LOCK_ROW_EXCLUSIVE)
        known->filled = true;
    else if (known->ours && !known->filled)
        row->effect = EFFECT_CATALOG;
}

/* The table of an index that the set itself made is no question for the server. */
static void resolve(struct facts_walk *w, struct locked *row)
{
    struct known_name *known = find_name(w, row->name);
    if (known == NULL)
        return;
    if (row->object == LOCKED_TABLE_OF_INDEX && known->table > 0) {
        known = &w->names.items[known->table - 1];
        row->object = LOCKED_RELATION;
    }
    resolve_to(row, known);
}

/* The place of a name in the list, from 1, which is made for one that stood before the set. */
static size_t place_of(struct facts_walk *w, const char *name)
{
    const struct known_name *known = find_name(w, name);
    if (known == NULL)
        known = note_name(w, name, (struct known_name){.filled = true});
    return known != NULL ? (size_t)(known - w->names.items) + 1 : 0;
}

/* What the statement makes, before its rows are looked up. */
static void create(struct facts_walk *w, const struct locked *row)
{
    const bool is_index = row->object == LOCKED_INDEX && row->part != NULL;
    (void)note_name(w, row->name,
                    (struct known_name){
                        .table = is_index ? place_of(w, row->part) : 0,
                        .ours = !row->maybe,
                        .made = true,
                        .filled = row->effect == EFFECT_ROWS,
                    });
}

/* After its rows are looked up: later statements see the new name, or none. */
static void change_name(struct facts_walk *w, const struct locked *row)
{
    const size_t place = place_of(w, row->written != NULL ? row->written : row->name);
    if (place > 0)
        w->names.items[place - 1].now = row->fate == FATE_RENAMED ? keep(w, row->new_name) : NULL;
}

static bool is_part_made(const struct facts_walk *w, const struct act *act)
{
    for (size_t i = 0; act->name != NULL && act->part != NULL && i < w->parts.count; i++)
        if (strcmp(w->parts.items[i].name, act->name) == 0 &&
            strcmp(w->parts.items[i].part, act->part) == 0)
            return true;
    return false;
}

static void mark(struct facts_walk *w, struct act *act)
{
    const struct known_name *const known = act->name != NULL ? find_name(w, act->name) : NULL;
    act->is_made = known != NULL && known->made;
    act->is_part_made = is_part_made(w, act);
    act->is_new = act->is_made && !known->filled;
}

/* What has no lock that says so: a part, a type, a function. */
static void note_made(struct facts_walk *w, const struct act *act)
{
    const bool is_relation = act->form->mode != LOCK_NONE && act->object != LOCKED_COMPOSITE;
    if (act->new_name != NULL && act->part == NULL && !is_relation)
        (void)note_name(w, act->new_name, (struct known_name){.made = true});
    if (!act->makes || act->name == NULL)
        return;
    if (act->part == NULL) {
        if (act->form->mode == LOCK_NONE)
            (void)note_name(w, act->name, (struct known_name){.made = true});
        return;
    }
    if (act->is_part_made)
        return;
    struct made_part *const made = arena_push(w->arena, &w->parts);
    w->failed = w->failed || made == NULL;
    if (made != NULL)
        *made = (struct made_part){keep(w, act->name), keep(w, act->part)};
}

/* One row into the set, as it was before the set. */
static void add_row(struct facts_walk *w, struct locked row)
{
    w->set->all_short = w->set->all_short && row.effect == EFFECT_CATALOG;
    row.fate = FATE_STAYS;
    row.new_name = row.written = NULL;
    w->failed = w->failed || locked_add(w->arena, &w->set->locks, &row) == NULL;
}

static void step_row(struct facts_walk *w, struct locked *row)
{
    const char *const written = row->name;
    if (row->object == LOCKED_INDEX && row->fate == FATE_CREATED)
        return; /* its table stands for it */
    resolve(w, row);
    row->written = row->name != written ? written : NULL;
    if (w->set != NULL)
        add_row(w, *row);
}

static void step_rows(struct facts_walk *w, struct locked_list *locks, struct acts *acts)
{
    for (size_t i = 0; i < locks->count; i++)
        if (locks->items[i].fate == FATE_CREATED)
            create(w, &locks->items[i]);
    for (size_t i = 0; i < acts->count; i++) {
        mark(w, &acts->items[i]);
        note_made(w, &acts->items[i]);
    }
    for (size_t i = 0; i < locks->count; i++)
        step_row(w, &locks->items[i]);
    for (size_t i = 0; i < locks->count; i++)
        if ((locks->items[i].fate == FATE_DROPPED || locks->items[i].fate == FATE_RENAMED) &&
            !locks->items[i].maybe) /* else both names may be meant */
            change_name(w, &locks->items[i]);
}

/* Of what code does each statement meets the names that those before it have left. */
static void step(struct facts_walk *w, struct facts *facts)
{
    if (facts->inner.count == 0) {
        step_rows(w, &facts->locks, &facts->acts);
        return;
    }
    step_rows(w, &facts->own.locks, &facts->own.acts);
    for (size_t i = 0; i < facts->inner.count; i++)
        step(w, &facts->inner.items[i]);
    w->failed = !facts_gather(w->arena, facts) || w->failed;
}

static int compare(const void *left, const void *right)
{
    const struct locked *const a = left, *const b = right;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    const int names = strcmp(a->name, b->name);
    if (names != 0)
        return names;
    const int parts = strcmp(a->part != NULL ? a->part : "", b->part != NULL ? b->part : "");
    return parts != 0 ? parts : a->ours - b->ours;
}

struct facts_walk facts_walk_begin(struct arena *arena)
{
    return (struct facts_walk){.arena = arena, .functions = {.arena = arena}};
}

bool facts_walk_next(struct facts_walk *walk, struct facts *facts, struct err *err)
{
    step(walk, facts);
    return !walk->failed || err_nomem(err);
}

bool facts_of_set(struct arena *arena, struct facts *facts, size_t count, struct facts_set *ret,
                  struct err *err)
{
    *ret = (struct facts_set){.all_short = true};
    struct facts_walk w = {.arena = arena, .set = ret};
    for (size_t i = 0; i < count; i++) {
        if (ret->unknown == NULL)
            ret->unknown = facts[i].unknown;
        step(&w, &facts[i]);
        if (facts[i].renames_all && i + 1 < count && ret->unknown == NULL)
            ret->unknown = "what the names after it mean changes";
    }
    if (w.failed)
        return err_nomem(err);
    ret->all_short = ret->all_short && ret->unknown == NULL;
    if (ret->locks.count > 0)
        qsort(ret->locks.items, ret->locks.count, sizeof *ret->locks.items, compare);
    return true;
}
