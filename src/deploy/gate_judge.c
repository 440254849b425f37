/* One attestation held against what a deploy is about to do. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "deploy/gate_parts.h"

/* Clocks of two machines may differ by so much. */
#define SKEW_US (5 * 60 * 1000000LL)

/* Older code does not meet what a contract migration breaks: it runs when all who live carry it. */
bool gate_needs(enum attested_kind kind, const struct plan_item *item)
{
    const bool for_old_code = kind == ATTESTED_COMPAT || kind == ATTESTED_TESTS;
    return !item->recognised && !(for_old_code && item->migration->phase == PHASE_CONTRACT);
}

int64_t gate_now_us(const struct run *run)
{
    if (run->journal.now_us != 0)
        return run->journal.now_us;
    return run->ledger->now_epoch_s != 0 ? run->ledger->now_epoch_s * 1000000 : clock_utc_us();
}

/* False when memory is out. */
static bool say(struct run *run, const char **ret, const char *before, const char *text,
                const char *after)
{
    const char *const shown = fs_printable(run->arena, text != NULL ? text : "?");
    *ret = shown != NULL ? arena_printf(run->arena, "%s%s%s", before, shown, after) : NULL;
    return *ret != NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has(const struct attested_names *names, const char *id)
{
    return names->count > 0 &&
           bsearch(&id, names->items, names->count, sizeof *names->items, compare_names) != NULL;
}

/* NULL: the files and what was read of them are the same. */
static bool other_files(struct run *run, const struct gate *gate, const struct attestation *a,
                        const char **ret, struct err *err)
{
    size_t others;
    const char *const path = attested_files_differ(&gate->files, &a->files, &others);
    *ret = NULL;
    if (path == NULL && strcmp(gate->set.text, a->set) == 0)
        return true;
    const char *const shown = path != NULL ? fs_printable(run->arena, path) : "";
    if (shown == NULL)
        return err_nomem(err);
    *ret = path == NULL ? "is about another reading of these files"
           : others == 0
               ? arena_printf(run->arena, "is about other files: \"%s\" differs", shown)
               : arena_printf(run->arena, "is about other files: \"%s\" and %zu more differ", shown,
                              others);
    return *ret != NULL || err_nomem(err);
}

/* What has been applied since is no other start: it was to run then, and it did. */
static bool same_start(struct run *run, const struct attestation *a, bool *ret, struct err *err)
{
    struct hash_hex digest;
    *ret = a->kind == ATTESTED_CHECK;
    if (*ret || a->applied == NULL)
        return true;
    if (!state_digest_without(run->arena, &run->state, a->pending.items, a->pending.count, &digest))
        return err_nomem(err);
    *ret = strcmp(digest.text, a->applied) == 0;
    return true;
}

/* The first migration that is to run and was not there; NULL. */
static const char *not_covered(const struct run *run, const struct attestation *a)
{
    const struct plan *const plan = &run->result->plan;
    for (size_t i = 0; a->kind != ATTESTED_CHECK && i < plan->items.count; i++)
        if (gate_needs(a->kind, &plan->items.items[i]) &&
            !has(&a->pending, plan->items.items[i].migration->id))
            return plan->items.items[i].migration->id;
    return NULL;
}

/* The first that was there and is neither applied nor to run; NULL. */
static bool in_excess(struct run *run, const struct attestation *a, const char **ret,
                      struct err *err)
{
    const struct plan *const plan = &run->result->plan;
    CLEANUP(arena_release) struct arena scratch = {0};
    struct attested_names ids = {
        .items = arena_alloc(&scratch, (plan->items.count + 1) * sizeof *ids.items)};
    *ret = NULL;
    if (ids.items == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < plan->items.count; i++)
        ids.items[ids.count++] = plan->items.items[i].migration->id;
    qsort(ids.items, ids.count, sizeof *ids.items, compare_names);
    for (size_t i = 0; *ret == NULL && i < a->pending.count; i++)
        if (state_find(&run->state, a->pending.items[i]) == NULL && !has(&ids, a->pending.items[i]))
            *ret = a->pending.items[i];
    return true;
}

/* Tests see the schema behind the last migration alone. What failed may have failed for what does
 * not run now. */
static bool other_plan(struct run *run, const struct attestation *a, const char **ret,
                       struct err *err)
{
    const char *id = NULL;
    *ret = NULL;
    if ((a->kind == ATTESTED_TESTS || a->verdict != ATTESTED_PASSED) &&
        !in_excess(run, a, &id, err))
        return false;
    if (id != NULL)
        return say(run, ret, "was made with \"", id, "\" in place, which does not run now") ||
               err_nomem(err);
    if (a->verdict == ATTESTED_PASSED)
        id = not_covered(run, a);
    return id == NULL || say(run, ret, "was made without \"", id, "\"") || err_nomem(err);
}

static const char *not_fresh(struct run *run, const struct attestation *a)
{
    const int64_t age_us = gate_now_us(run) - a->made_at_us;
    char made[CLOCK_ISO_BYTES];
    clock_format_s(a->made_at_us, made);
    return age_us < 0 ? arena_printf(run->arena, "was made at %s, which is still to come", made)
                      : arena_printf(run->arena, "was made at %s, too long ago", made);
}

static bool is_fresh(const struct run *run, const struct attestation *a)
{
    const int64_t age_us = gate_now_us(run) - a->made_at_us;
    return age_us >= -SKEW_US && age_us / 1000 <= run->options->gate.max_age_ms;
}

static bool judge_verdict(struct run *run, const struct attestation *a, enum gate_fit *ret,
                          const char **ret_why)
{
    *ret = a->verdict == ATTESTED_PASSED   ? GATE_PASSED
           : a->verdict == ATTESTED_FAILED ? GATE_FAILED
                                           : GATE_SKIPPED;
    if (*ret == GATE_PASSED)
        return true;
    return say(run, ret_why, *ret == GATE_FAILED ? "did not pass: " : "was skipped: ", a->why, "");
}

static bool judge_trust(struct run *run, const struct gate_item *item, enum gate_fit *ret,
                        const char **ret_why)
{
    *ret = item->trust == ATTESTATION_UNKNOWN ? GATE_UNKNOWN_KEY : GATE_BROKEN;
    *ret_why = NULL;
    if (item->trust == ATTESTATION_UNKNOWN)
        return say(run, ret_why, "is signed with an unknown key: ", item->key, "");
    if (item->trust == ATTESTATION_BROKEN)
        *ret_why = "was changed after it was signed";
    return true;
}

/* What nobody has signed is looked at too, so that the one that was meant is the one that is named:
 * its verdict never counts. */
bool gate_judge(struct run *run, const struct gate *gate, const struct gate_item *item,
                enum gate_fit *ret, const char **ret_why, struct err *err)
{
    const struct attestation *const a = &item->attestation;
    bool same;
    *ret = GATE_OTHER_FILES;
    if (!other_files(run, gate, a, ret_why, err) || *ret_why != NULL)
        return *ret_why != NULL;
    *ret = GATE_OTHER_START;
    if (!same_start(run, a, &same, err))
        return false;
    *ret_why = "started from another set of applied migrations";
    if (!same)
        return true;
    *ret = GATE_OTHER_PLAN;
    if (!other_plan(run, a, ret_why, err) || *ret_why != NULL)
        return *ret_why != NULL;
    *ret = GATE_NOT_FRESH;
    if (!is_fresh(run, a))
        return (*ret_why = not_fresh(run, a)) != NULL || err_nomem(err);
    if (!judge_trust(run, item, ret, ret_why))
        return err_nomem(err);
    return *ret_why != NULL || judge_verdict(run, a, ret, ret_why) || err_nomem(err);
}
