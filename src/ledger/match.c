/* The identity rule. */
#include "ledger/match.h"

#include <string.h>

#include "ledger/squash.h"

struct matcher {
    struct arena *arena;
    const struct set *set;
    const struct state *state;
    struct comparison *comparison;
    const struct applied **gone; /* applied, versioned, no name of theirs is in the set */
    size_t gone_count;
};

static bool in_set(const struct set *set, const struct applied *applied)
{
    for (size_t n = 0; n < applied->names.count; n++)
        if (set_find(set, applied->names.items[n]) != NULL)
            return true;
    return false;
}

/* Step one: ids. */
static void match_by_id(struct matcher *m)
{
    for (size_t i = 0; i < m->comparison->count; i++) {
        struct match *const match = &m->comparison->items[i];
        const struct migration *const migration = &m->set->items[i];
        match->migration = migration;
        match->applied = state_find(m->state, migration->id);
        if (match->applied == NULL)
            match->kind = MATCH_PENDING;
        else if (applied_has_checksum(match->applied, migration->checksum.text))
            match->kind = MATCH_APPLIED;
        else
            match->kind = migration->kind == KIND_REPEATABLE ? MATCH_CHANGED : MATCH_EDITED;
    }
    for (size_t i = 0; i < m->state->versioned; i++)
        if (!in_set(m->set, m->state->by_version[i]))
            m->gone[m->gone_count++] = m->state->by_version[i];
}

static bool declared_new(const struct state *state, const char *id)
{
    for (size_t i = 0; i < state->declared_new.count; i++)
        if (strcmp(state->declared_new.items[i], id) == 0)
            return true;
    return false;
}

/* Those that are gone and had this file's content. */
static bool list_readings(const struct matcher *m, struct match *match)
{
    for (size_t g = 0; g < m->gone_count; g++) {
        if (!applied_has_checksum(m->gone[g], match->migration->checksum.text))
            continue;
        const struct applied **const slot = arena_push(m->arena, &match->readings);
        if (slot == NULL)
            return false;
        *slot = m->gone[g];
    }
    return true;
}

static size_t pending_with(const struct matcher *m, const char *checksum)
{
    size_t count = 0;
    for (size_t i = 0; i < m->set->versioned; i++)
        count += m->comparison->items[i].kind != MATCH_APPLIED &&
                 m->comparison->items[i].kind != MATCH_EDITED &&
                 strcmp(m->set->items[i].checksum.text, checksum) == 0 &&
                 !declared_new(m->state, m->set->items[i].id);
    return count;
}

/* A version whose precision is not the scheme's (milliseconds where seconds belong) would sort
 * after every right one for ever: it says nothing of order. */
static bool tells_order(enum naming naming, const char *version)
{
    int64_t moment;
    return naming == NAMING_FLYWAY || naming == NAMING_SEQUENCE ||
           version_epoch_s(naming, version, &moment);
}

/* True when the new name sorts after something that was applied later than it. */
static bool moved_over_later(const struct matcher *m, const struct applied *old,
                             const struct migration *migration)
{
    for (size_t i = 0; i < m->state->versioned; i++) {
        const struct applied *const other = m->state->by_version[i];
        /* A squash that was recognised has run nothing. */
        if (other->seq > old->seq && !other->squash &&
            tells_order(m->set->naming, other->version) &&
            name_compare(other->version, applied_name(other), migration->version, migration->id) <
                0)
            return true;
    }
    return false;
}

/* Step two: contents of what is left. */
static bool match_by_checksum(struct matcher *m)
{
    for (size_t i = 0; i < m->set->versioned && m->gone_count > 0; i++) {
        struct match *const match = &m->comparison->items[i];
        const struct migration *const migration = match->migration;
        if (match->kind != MATCH_PENDING || migration->empty ||
            declared_new(m->state, migration->id))
            continue;
        if (!list_readings(m, match))
            return false;
        if (match->readings.count == 0)
            continue;
        match->applied = match->readings.items[0];
        match->kind = MATCH_DOUBTFUL;
        if (match->readings.count > 1)
            match->doubt = "several applied migrations with this content are gone from the set";
        else if (pending_with(m, migration->checksum.text) > 1)
            match->doubt = "several new files have this content";
        else if (moved_over_later(m, match->applied, migration))
            match->doubt = "its new name sorts after something that was applied later than it";
        else
            match->kind = MATCH_RENAMED;
    }
    return true;
}

/* What is empty did nothing, so nothing is missing without it. */
static bool still_missing(const struct comparison *comparison, const struct applied *gone)
{
    if (gone->empty)
        return false;
    for (size_t i = 0; i < comparison->count; i++)
        if (comparison->items[i].applied == gone)
            return false;
    return true;
}

/* A set of which nothing is in place is another application's, not what is left of a long history.
 */
static bool any_in_place(const struct matcher *m)
{
    for (size_t i = 0; i < m->set->versioned; i++)
        if (m->comparison->items[i].kind != MATCH_PENDING &&
            m->comparison->items[i].kind != MATCH_DOUBTFUL)
            return true;
    return false;
}

static bool list_missing(struct matcher *m)
{
    struct comparison *const comparison = m->comparison;
    const struct migration *const first = m->set->versioned > 0 ? &m->set->items[0] : NULL;
    comparison->trimmed = first != NULL;
    for (size_t g = 0; g < m->gone_count; g++) {
        const struct applied *const gone = m->gone[g];
        if (!still_missing(comparison, gone) || squash_is_carried(m->set, gone))
            continue;
        const struct applied **slot = arena_push(m->arena, &comparison->missing);
        if (slot == NULL)
            return false;
        *slot = gone;
        if (first != NULL &&
            name_compare(gone->version, applied_name(gone), first->version, first->id) > 0)
            comparison->trimmed = false;
    }
    comparison->trimmed = comparison->trimmed && comparison->missing.count > 0 && any_in_place(m);
    return true;
}

/* Of those that the set has: what it lacks is a matter of its own, and no renumbering in this
 * checkout could go by it. */
static const struct applied *newest_applied(const struct matcher *m)
{
    size_t missing = m->comparison->missing.count; /* in the same order */
    for (size_t i = m->state->versioned; i > 0; i--) {
        const struct applied *const applied = m->state->by_version[i - 1];
        if (missing > 0 && m->comparison->missing.items[missing - 1] == applied)
            missing--;
        else if (tells_order(m->set->naming, applied->version))
            return applied;
    }
    return NULL;
}

static void count_kinds(struct matcher *m)
{
    struct comparison *const c = m->comparison;
    size_t to_do = 0; /* an empty file is simply applied, whatever else there is */
    c->newest = newest_applied(m);
    for (size_t i = 0; i < c->count; i++) {
        struct match *const match = &c->items[i];
        const struct migration *const migration = match->migration;
        if (match->kind == MATCH_PENDING && migration->kind != KIND_REPEATABLE &&
            !migration->empty && c->newest != NULL && !migration->background &&
            !state_was_held(m->state, migration) && state_partial(m->state, migration->id) == NULL)
            match->out_of_order = name_compare(migration->version, migration->id,
                                               c->newest->version, applied_name(c->newest)) < 0;
        match->held = match->kind == MATCH_PENDING && migration->phase == PHASE_CONTRACT &&
                      state_partial(m->state, migration->id) == NULL &&
                      state_was_held(m->state, migration);
        c->held += match->held;
        c->pending += match->kind == MATCH_PENDING || match->kind == MATCH_SPLIT;
        to_do += match->kind == MATCH_DOUBTFUL || match->kind == MATCH_SPLIT ||
                 (match->kind == MATCH_PENDING && !migration->empty);
        c->renamed += match->kind == MATCH_RENAMED;
        c->edited += match->kind == MATCH_EDITED;
        c->doubtful += match->kind == MATCH_DOUBTFUL;
        c->changed += match->kind == MATCH_CHANGED;
        c->out_of_order += match->out_of_order;
    }
    c->older_code = c->missing.count > 0 && !c->trimmed && to_do == 0;
    c->diverged = c->missing.count > 0 && !c->trimmed && to_do > 0;
}

bool state_admit_odd(struct arena *arena, const struct state *state, struct set *set,
                     struct findings *findings, struct err *err)
{
    for (size_t i = set->odd.count; i > 0; i--) {
        const char *const id = set->odd.items[i - 1].id;
        if (state_find(state, id) != NULL && !set_admit(arena, set, id, findings, err))
            return false;
    }
    return true;
}

bool match_set(struct arena *arena, const struct set *set, const struct state *state,
               struct comparison *ret, struct err *err)
{
    struct set whole;
    if (!squash_unfold(arena, set, &whole, err))
        return false;
    struct comparison comparison = {.count = whole.count};
    struct matcher m = {.arena = arena, .set = &whole, .state = state, .comparison = &comparison};
    comparison.items = arena_alloc(arena, whole.count * sizeof *comparison.items);
    m.gone = arena_alloc(arena, state->versioned * sizeof *m.gone);
    if (comparison.items == NULL || m.gone == NULL)
        return err_nomem(err);
    match_by_id(&m);
    if (!match_by_checksum(&m) || !list_missing(&m) || !squash_fold(arena, set, &comparison))
        return err_nomem(err);
    count_kinds(&m);
    *ret = comparison;
    return true;
}

const struct migration *match_other_file(const struct set *set, const struct match *match)
{
    for (size_t n = 0; n < match->applied->names.count; n++) {
        const struct migration *const other = set_find(set, match->applied->names.items[n]);
        if (other != NULL && other != match->migration &&
            applied_has_checksum(match->applied, other->checksum.text))
            return other;
    }
    return NULL;
}
