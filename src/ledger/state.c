/* The fold, event by event. */
#include "ledger/state.h"

#include <string.h>

#include "ledger/detail.h"
#include "ledger/release.h"

struct fold {
    struct arena *arena;
    struct state *state;
    const struct journal_row *row;
    json_t *detail; /* of the row; an object, or NULL */
};

static const char *member(const struct fold *fold, const char *name)
{
    const char *const text = json_string_value(json_object_get(fold->detail, name));
    return text != NULL ? arena_strdup(fold->arena, text) : NULL;
}

static int64_t number(const struct fold *fold, const char *name, int64_t fallback)
{
    const json_t *const value = json_object_get(fold->detail, name);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static bool flag(const struct fold *fold, const char *name)
{
    return json_is_true(json_object_get(fold->detail, name));
}

/* The row that an event about an earlier one names by detail.applied. */
static struct applied *applied_by_seq(const struct fold *fold)
{
    const int64_t seq = number(fold, "applied", -1);
    for (size_t i = fold->state->applied.count; i > 0; i--)
        if (fold->state->applied.items[i - 1].seq == seq)
            return &fold->state->applied.items[i - 1];
    return NULL;
}

static struct attempt *attempt_of(const struct fold *fold)
{
    const char *const id = json_string_value(json_object_get(fold->detail, "attempt"));
    if (id == NULL)
        return NULL;
    for (size_t i = fold->state->attempts.count; i > 0; i--)
        if (strcmp(fold->state->attempts.items[i - 1].id, id) == 0)
            return &fold->state->attempts.items[i - 1];
    return NULL;
}

static struct partial *partial_of(const struct fold *fold)
{
    for (size_t i = 0; i < fold->state->partials.count; i++)
        if (strcmp(fold->state->partials.items[i].id, fold->row->migration) == 0)
            return &fold->state->partials.items[i];
    return NULL;
}

bool applied_in_digest(const struct applied *applied)
{
    return applied->phase != PHASE_CONTRACT && applied->kind != KIND_REPEATABLE &&
           !(applied->kind == KIND_BACKFILL && applied->background) && !applied->squash;
}

static bool read_replaces(struct fold *fold, struct applied *applied)
{
    const json_t *const list = json_object_get(fold->detail, "replaces");
    applied->squash = json_is_array(list);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const id = json_string_value(json_array_get(list, i));
        const char **const slot = id != NULL ? arena_push(fold->arena, &applied->replaces) : NULL;
        if (id != NULL && (slot == NULL || (*slot = arena_strdup(fold->arena, id)) == NULL))
            return false;
    }
    return true;
}

static bool fold_applied(struct fold *fold)
{
    const struct journal_row *const row = fold->row;
    struct applied *applied = arena_push(fold->arena, &fold->state->applied);
    if (applied == NULL)
        return false;
    *applied = (struct applied){
        .seq = row->seq,
        .at_us = row->at_us,
        .ms = json_object_get(fold->detail, "squash") != NULL
                  ? -1
                  : number(fold, "work_ms", number(fold, "ms", -1)),
        .version = member(fold, "version"),
        .background = flag(fold, "background"),
        .adopted = row->event == EVENT_ADOPTED,
        .empty = flag(fold, "empty"),
        .attempt = member(fold, "attempt"),
        .release = member(fold, "release"),
    };
    if (row->kind == NULL || !kind_parse(row->kind, &applied->kind))
        applied->kind = KIND_SCHEMA;
    if (row->phase == NULL || !phase_parse(row->phase, &applied->phase))
        applied->phase = PHASE_EXPAND;
    if (applied->version == NULL)
        applied->version = "";
    const char **name = arena_push(fold->arena, &applied->names);
    const char **checksum = arena_push(fold->arena, &applied->checksums);
    if (name == NULL || checksum == NULL || !read_replaces(fold, applied))
        return false;
    *name = row->migration;
    *checksum = row->checksum;
    struct partial *const partial = partial_of(fold);
    if (partial != NULL)
        *partial = fold->state->partials.items[--fold->state->partials.count];
    return true;
}

static bool fold_renamed(struct fold *fold)
{
    struct applied *const applied = applied_by_seq(fold);
    if (applied == NULL)
        return true;
    const char **name = arena_push(fold->arena, &applied->names);
    const char *const version = member(fold, "version");
    if (name == NULL)
        return false;
    *name = fold->row->migration;
    if (version != NULL)
        applied->version = version;
    return true;
}

static bool fold_edit(struct fold *fold)
{
    struct applied *const applied = applied_by_seq(fold);
    struct partial *const partial = partial_of(fold);
    if (applied == NULL && partial != NULL)
        partial->checksum = fold->row->checksum;
    if (applied == NULL)
        return true;
    const char **checksum = arena_push(fold->arena, &applied->checksums);
    if (checksum == NULL)
        return false;
    *checksum = fold->row->checksum;
    return true;
}

static bool fold_step(struct fold *fold)
{
    struct partial *partial = partial_of(fold);
    if (partial == NULL) {
        partial = arena_push(fold->arena, &fold->state->partials);
        if (partial == NULL)
            return false;
        partial->id = fold->row->migration;
    }
    partial->checksum = fold->row->checksum;
    partial->step_open = fold->row->event == EVENT_STEP_BEGIN;
    partial->open_detail = fold->row->detail;
    partial->steps_done = number(fold, "step", 0) + (partial->step_open ? 0 : 1);
    return true;
}

static bool fold_begin(struct fold *fold)
{
    struct attempt *attempt = arena_push(fold->arena, &fold->state->attempts);
    if (attempt == NULL)
        return false;
    *attempt = (struct attempt){
        .seq = fold->row->seq,
        .at_us = fold->row->at_us,
        .id = member(fold, "attempt"),
        .user = member(fold, "user"),
        .host = member(fold, "host"),
        .release = member(fold, "release"),
        .process_start = member(fold, "process_start"),
        .set = member(fold, "set"),
        .pid = number(fold, "pid", 0),
        .backend = number(fold, "backend", 0),
        .pooled = flag(fold, "pooled"),
        .overrode = member(fold, "overrides"),
        .overrides = number(fold, "reservation", 0),
        .reason = member(fold, "reason"),
        .ended = EVENT_BEGIN,
    };
    if (attempt->id == NULL)
        attempt->id = "";
    return release_fold(fold->arena, fold->state, fold->row, fold->detail);
}

/* A step outside transactions that failed and left nothing is as if it had never begun; without a
 * step done, so is its migration. */
static void close_step(struct fold *fold)
{
    struct partial *const partial = fold->row->migration != NULL ? partial_of(fold) : NULL;
    if (partial == NULL || !partial->step_open || flag(fold, "step_open"))
        return;
    partial->step_open = false;
    if (partial->steps_done == 0)
        *partial = fold->state->partials.items[--fold->state->partials.count];
}

static bool fold_end(struct fold *fold, struct attempt *attempt)
{
    if (fold->row->event == EVENT_FAILED)
        close_step(fold);
    if (fold->row->event == EVENT_END)
        fold->state->overridden_start = (struct overridden_start){0};
    if (attempt == NULL)
        return true;
    attempt->ended = fold->row->event;
    attempt->ended_us = fold->row->at_us;
    attempt->message = member(fold, "message");
    return true;
}

static bool fold_declared_new(struct fold *fold)
{
    const char **id = arena_push(fold->arena, &fold->state->declared_new);
    if (id == NULL)
        return false;
    *id = fold->row->migration;
    return true;
}

static bool fold_row(struct fold *fold)
{
    const struct journal_row *const row = fold->row;
    struct attempt *const attempt = attempt_of(fold);
    if (attempt != NULL) {
        attempt->last_us = row->at_us;
        if (row->migration != NULL)
            attempt->last_migration = row->migration;
    }
    if (event_changes_set(row->event) && (row->migration == NULL || row->checksum == NULL))
        return true; /* written by no pawl: the chain says so */
    release_end_closing(fold->state, row, fold->detail);
    switch (row->event) {
    case EVENT_BEGIN:
        return fold_begin(fold);
    case EVENT_APPLIED:
    case EVENT_ADOPTED:
        return fold_applied(fold);
    case EVENT_RENAMED:
        return fold_renamed(fold);
    case EVENT_EDIT_ACCEPTED:
        return fold_edit(fold);
    case EVENT_STEP:
    case EVENT_STEP_BEGIN:
    case EVENT_STEP_END:
        return fold_step(fold);
    case EVENT_FAILED:
    case EVENT_STOPPED:
    case EVENT_END:
    case EVENT_ABANDONED:
        return fold_end(fold, attempt);
    case EVENT_DECLARED_NEW:
        return fold_declared_new(fold);
    case EVENT_RELEASE:
    case EVENT_RETIRED:
    case EVENT_HELD:
    case EVENT_CLOSING:
    case EVENT_OVERRIDE:
        return release_fold(fold->arena, fold->state, row, fold->detail);
    case EVENT_RESERVED:
    case EVENT_RESERVATION_ENDED:
        return reservations_fold(fold->arena, &fold->state->reservations, row, fold->detail);
    case EVENT_MAINTENANCE_ON:
    case EVENT_MAINTENANCE_OFF:
        return maintenance_fold(fold->arena, &fold->state->maintenance, row, fold->detail);
    case EVENT_REOPENED:
    case EVENT_BACKUP:
    case EVENT_CREATED:
    case EVENT_BREAK_ACCEPTED:
    case EVENT_SESSION_ENDED:
    case EVENT_BACKFILL_BEGIN:
    case EVENT_BACKFILL_PAUSED:
    case EVENT_BACKFILL_RESUMED:
    case EVENT_BACKFILL_CANCELLED:
    case EVENT_UNKNOWN:
        break;
    }
    return true;
}

static int compare_name_entries(const void *a, const void *b)
{
    return strcmp(((const struct name_entry *)a)->name, ((const struct name_entry *)b)->name);
}

static int compare_versions(const void *a, const void *b)
{
    const struct applied *const x = *(const struct applied *const *)a;
    const struct applied *const y = *(const struct applied *const *)b;
    return name_compare(x->version, applied_name(x), y->version, applied_name(y));
}

static bool build_views(struct arena *arena, struct state *state)
{
    size_t names = 0;
    for (size_t i = 0; i < state->applied.count; i++)
        names += state->applied.items[i].names.count;
    state->by_name = arena_alloc(arena, names * sizeof *state->by_name);
    state->by_version = arena_alloc(arena, state->applied.count * sizeof *state->by_version);
    if (state->by_name == NULL || state->by_version == NULL)
        return false;
    for (size_t i = 0; i < state->applied.count; i++) {
        const struct applied *const applied = &state->applied.items[i];
        for (size_t n = 0; n < applied->names.count; n++)
            state->by_name[state->name_count++] =
                (struct name_entry){applied->names.items[n], applied};
        if (applied->kind != KIND_REPEATABLE)
            state->by_version[state->versioned++] = applied;
    }
    qsort(state->by_name, state->name_count, sizeof *state->by_name, compare_name_entries);
    qsort(state->by_version, state->versioned, sizeof(struct applied *), compare_versions);
    return true;
}

/* What the set of what is applied is made of: of an edited migration what was accepted last. */
static bool build_digests(struct arena *arena, struct state *state)
{
    const char **const checksums = arena_alloc(arena, state->applied.count * sizeof *checksums);
    size_t count = 0;
    if (checksums == NULL)
        return false;
    for (size_t i = 0; i < state->applied.count; i++) {
        const struct applied *const applied = &state->applied.items[i];
        const char *const checksum = applied->checksums.items[applied->checksums.count - 1];
        /* A ledger that was edited by hand may hold anything. */
        if (applied_in_digest(applied) && hash_hex_valid(checksum, strlen(checksum)))
            checksums[count++] = checksum;
    }
    return digest_set_fill(arena, &state->digests, checksums, count);
}

static void leave_out(const struct state *state, const char *id, bool *out)
{
    const struct applied *const applied = state_find(state, id);
    if (applied != NULL)
        out[applied - state->applied.items] = true;
}

bool state_digest_without(struct arena *arena, const struct state *state, const char *const *ids,
                          size_t count, struct hash_hex *ret)
{
    bool *const out = arena_alloc(arena, state->applied.count + 1);
    const char **const checksums =
        arena_alloc(arena, (state->applied.count + 1) * sizeof *checksums);
    struct digest_set digests;
    size_t kept = 0;
    if (out == NULL || checksums == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct applied *const applied = state_find(state, ids[i]);
        leave_out(state, ids[i], out);
        for (size_t k = 0; applied != NULL && k < applied->replaces.count; k++)
            leave_out(state, applied->replaces.items[k], out);
    }
    for (size_t i = 0; i < state->applied.count; i++) {
        const struct applied *const applied = &state->applied.items[i];
        const char *const checksum = applied->checksums.items[applied->checksums.count - 1];
        /* A ledger that was edited by hand may hold anything. */
        if (!out[i] && !applied->squash && hash_hex_valid(checksum, strlen(checksum)))
            checksums[kept++] = checksum;
    }
    if (!digest_set_fill(arena, &digests, checksums, kept))
        return false;
    *ret = digest_set_hash(&digests);
    return true;
}

bool state_build(struct arena *arena, const struct journal *journal, struct state *ret,
                 struct err *err)
{
    struct state state = {.last_change = journal_last_change(journal)};
    for (size_t i = 0; i < journal->count; i++) {
        CLEANUP(json_release) json_t *detail = NULL;
        if (!detail_load(journal->items[i].detail, &detail))
            return err_nomem(err);
        struct fold fold = {arena, &state, &journal->items[i], detail};
        if (!fold_row(&fold))
            return err_nomem(err);
    }
    if (!build_views(arena, &state) || !build_digests(arena, &state))
        return err_nomem(err);
    *ret = state;
    return true;
}

const struct applied *state_find(const struct state *state, const char *id)
{
    size_t low = 0, high = state->name_count;
    const struct applied *newest = NULL;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(state->by_name[middle].name, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* A repeatable has a row for each run: the newest counts. */
    for (; low < state->name_count && strcmp(state->by_name[low].name, id) == 0; low++)
        if (newest == NULL || state->by_name[low].applied->seq > newest->seq)
            newest = state->by_name[low].applied;
    return newest;
}

const struct partial *state_partial(const struct state *state, const char *id)
{
    for (size_t i = 0; i < state->partials.count; i++)
        if (strcmp(state->partials.items[i].id, id) == 0)
            return &state->partials.items[i];
    return NULL;
}

const struct attempt *state_open_attempt(const struct state *state)
{
    for (size_t i = state->attempts.count; i > 0; i--)
        if (state->attempts.items[i - 1].ended == EVENT_BEGIN)
            return &state->attempts.items[i - 1];
    return NULL;
}

const struct attempt *state_override(const struct state *state)
{
    for (size_t i = state->attempts.count; i > 0; i--) {
        const struct attempt *const attempt = &state->attempts.items[i - 1];
        if (attempt->overrode != NULL)
            return attempt;
        if (attempt->ended == EVENT_END)
            return NULL;
    }
    return NULL;
}

const char *applied_name(const struct applied *applied)
{
    return applied->names.items[applied->names.count - 1];
}

bool applied_has_checksum(const struct applied *applied, const char *checksum)
{
    for (size_t i = 0; i < applied->checksums.count; i++)
        if (strcmp(applied->checksums.items[i], checksum) == 0)
            return true;
    return false;
}
