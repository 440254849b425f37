/* What releases carry and lack, by what the state says of them. */
#include <string.h>

#include "ledger/release.h"

const struct release *state_release(const struct state *state, const char *name)
{
    for (size_t i = 0; name != NULL && i < state->releases.count; i++)
        if (strcmp(state->releases.items[i].name, name) == 0)
            return &state->releases.items[i];
    return NULL;
}

static bool is_among(const char *const *items, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i], text) == 0)
            return true;
    return false;
}

/* A repeatable is another one with each text; others are known by their names too. */
static bool carries(const struct release *release, const char *id, const char *checksum,
                    bool repeatable)
{
    return is_among(release->checksums.items, release->checksums.count, checksum) ||
           (!repeatable && is_among(release->ids.items, release->ids.count, id));
}

bool release_has(const struct release *release, const char *id, const char *checksum)
{
    return release != NULL && release->whole != NULL && carries(release, id, checksum, false);
}

bool release_carries(const struct release *release, const struct migration *migration)
{
    return release != NULL && release->whole != NULL &&
           carries(release, migration->id, migration->checksum.text,
                   migration->kind == KIND_REPEATABLE);
}

static bool is_contract(const struct journal_row *row)
{
    return row->phase != NULL && strcmp(row->phase, "contract") == 0 && row->migration != NULL &&
           row->checksum != NULL &&
           (row->event == EVENT_APPLIED || row->event == EVENT_ADOPTED ||
            row->event == EVENT_STEP || row->event == EVENT_STEP_END);
}

static bool lacks(const struct release *release, const struct journal_row *row, int64_t since_us)
{
    if (release == NULL || release->whole == NULL)
        return row->at_us > since_us;
    if (row->seq < release->seq)
        return is_among(release->lacks.items, release->lacks.count, row->migration);
    return !carries(release, row->migration, row->checksum,
                    row->kind != NULL && strcmp(row->kind, "repeatable") == 0);
}

const char *release_passed_by(const struct release *release, const struct journal *journal,
                              int64_t since_us)
{
    for (size_t i = 0; i < journal->count; i++)
        if (is_contract(&journal->items[i]) && lacks(release, &journal->items[i], since_us))
            return journal->items[i].migration;
    return NULL;
}

int64_t state_retired_us(const struct state *state, const char *name)
{
    for (size_t i = 0; i < state->retired.count; i++)
        if (strcmp(state->retired.items[i].name, name) == 0)
            return state->retired.items[i].at_us;
    return 0;
}

bool state_was_held(const struct state *state, const struct migration *migration)
{
    for (size_t i = 0; i < state->held.count; i++)
        if (strcmp(state->held.items[i].checksum, migration->checksum.text) == 0 ||
            strcmp(state->held.items[i].id, migration->id) == 0)
            return true;
    return false;
}

/* ---- the fold ---- */

struct fold {
    struct arena *arena;
    struct state *state;
    const struct journal_row *row;
    const json_t *detail;
};

/* *ret is a copy, or NULL where there is no such text. */
static bool member(const struct fold *fold, const char *name, const char **ret)
{
    const char *const text = json_string_value(json_object_get(fold->detail, name));
    *ret = text != NULL ? arena_strdup(fold->arena, text) : NULL;
    return text == NULL || *ret != NULL;
}

static bool add_name(struct fold *fold, struct applied_names *names, const char *text)
{
    const char **const slot = arena_push(fold->arena, names);
    return slot != NULL && (*slot = arena_strdup(fold->arena, text)) != NULL;
}

static bool read_contracts(struct fold *fold, struct release *release)
{
    json_t *const lacks = json_object_get(fold->detail, "lacks");
    const char *id;
    json_t *value;
    json_object_foreach(json_object_get(fold->detail, "contracts"), id, value)
    {
        const char *const checksum = json_string_value(value);
        const char **const slot = arena_push(fold->arena, &release->checksums);
        if (slot == NULL || !add_name(fold, &release->ids, id) ||
            (*slot = arena_strdup(fold->arena, checksum != NULL ? checksum : "")) == NULL)
            return false;
    }
    for (size_t i = 0; i < json_array_size(lacks); i++) {
        const char *const text = json_string_value(json_array_get(lacks, i));
        if (text != NULL && !add_name(fold, &release->lacks, text))
            return false;
    }
    return true;
}

/* The first row that names a release counts; a begin row does not say all of the set. */
static bool name_release(struct fold *fold)
{
    struct release release = {.seq = fold->row->seq, .at_us = fold->row->at_us};
    if (!member(fold, "release", &release.name) || !member(fold, "set", &release.set) ||
        !member(fold, "whole", &release.whole))
        return false;
    if (release.name == NULL || release.set == NULL)
        return true;
    if (!read_contracts(fold, &release))
        return false;
    for (size_t i = 0; i < fold->state->releases.count; i++) {
        struct release *const known = &fold->state->releases.items[i];
        if (strcmp(known->name, release.name) != 0)
            continue;
        if (known->whole == NULL && strcmp(known->set, release.set) == 0)
            *known = release;
        return true;
    }
    struct release *const item = arena_push(fold->arena, &fold->state->releases);
    if (item == NULL)
        return false;
    *item = release;
    return true;
}

static bool fold_retired(struct fold *fold)
{
    const char *name = NULL;
    if (!member(fold, "release", &name))
        return false;
    if (name == NULL)
        return true;
    for (size_t i = 0; i < fold->state->retired.count; i++)
        if (strcmp(fold->state->retired.items[i].name, name) == 0) {
            fold->state->retired.items[i].at_us = fold->row->at_us;
            return true;
        }
    struct retired *const item = arena_push(fold->arena, &fold->state->retired);
    if (item == NULL)
        return false;
    *item = (struct retired){name, fold->row->at_us};
    return true;
}

static bool fold_held(struct fold *fold)
{
    const struct journal_row *const row = fold->row;
    struct held *const item =
        row->migration != NULL ? arena_push(fold->arena, &fold->state->held) : NULL;
    if (item == NULL)
        return row->migration == NULL;
    *item = (struct held){row->migration, row->checksum != NULL ? row->checksum : ""};
    return true;
}

static bool fold_override(struct fold *fold)
{
    struct overridden_start start = {.seq = fold->row->seq, .migration = fold->row->migration};
    if (!member(fold, "release", &start.release) || !member(fold, "user", &start.user) ||
        !member(fold, "host", &start.host) || !member(fold, "reason", &start.reason))
        return false;
    if (start.migration != NULL)
        fold->state->overridden_start = start;
    return true;
}

/* One deploy at a time closes, and each closing ends before the next: the last one counts. */
static bool fold_closing(struct fold *fold)
{
    const struct journal_row *const row = fold->row;
    struct closing closing = {row->migration, row->checksum != NULL ? row->checksum : "", NULL,
                              row->seq};
    if (!member(fold, "attempt", &closing.attempt))
        return false;
    if (row->migration != NULL)
        fold->state->closing = closing;
    return true;
}

void release_end_closing(struct state *state, const struct journal_row *row, const json_t *detail)
{
    struct closing *const closing = &state->closing;
    const char *const attempt = json_string_value(json_object_get(detail, "attempt"));
    const bool its = row->checksum != NULL && closing->id != NULL &&
                     strcmp(row->checksum, closing->checksum) == 0;
    const bool ended = row->event == EVENT_END || row->event == EVENT_FAILED ||
                       row->event == EVENT_STOPPED || row->event == EVENT_ABANDONED;
    if (((row->event == EVENT_APPLIED || row->event == EVENT_REOPENED) && its) ||
        (ended && closing->attempt != NULL && attempt != NULL &&
         strcmp(closing->attempt, attempt) == 0))
        *closing = (struct closing){0};
}

bool release_fold(struct arena *arena, struct state *state, const struct journal_row *row,
                  const json_t *detail)
{
    struct fold fold = {arena, state, row, detail};
    switch (row->event) {
    case EVENT_RETIRED:
        return fold_retired(&fold);
    case EVENT_HELD:
        return fold_held(&fold);
    case EVENT_CLOSING:
        return fold_closing(&fold);
    case EVENT_OVERRIDE:
        return fold_override(&fold);
    default:
        return name_release(&fold);
    }
}
