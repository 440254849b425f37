/* A release is one set: the first deploy that names it records what it carries. */
#include <string.h>

#include "base/fault.h"
#include "deploy/run.h"
#include "ledger/actor.h"
#include "ledger/detail.h"

/* Over all that the set carries; what code needs before it runs has the set's own digest. A squash
 * counts as what it replaces, as there. */
bool release_whole_digest(const struct run *run, struct hash_hex *ret, struct err *err)
{
    const struct set *const set = run->options->set;
    const struct hash_hex **const checksums = arena_alloc(
        run->arena, (set->count + set->replaced.count + 1) * sizeof(const struct hash_hex *));
    size_t count = 0;
    if (checksums == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < set->count; i++)
        if (!set->items[i].squash)
            checksums[count++] = &set->items[i].checksum;
    for (size_t i = 0; i < set->replaced.count; i++)
        if (!set->replaced.items[i].squash)
            checksums[count++] = &set->replaced.items[i].checksum;
    *ret = digest_of(run->arena, checksums, count);
    return ret->text[0] != '\0' || err_nomem(err);
}

static const struct release *find_release(const struct run *run)
{
    for (size_t i = 0; run->options->release != NULL && i < run->state.releases.count; i++)
        if (strcmp(run->state.releases.items[i].name, run->options->release) == 0)
            return &run->state.releases.items[i];
    return NULL;
}

bool release_is_new(const struct run *run)
{
    const struct release *const known = find_release(run);
    return run->options->release != NULL && (known == NULL || known->whole == NULL);
}

bool release_check(const struct run *run, struct err *err)
{
    const struct release *const known = find_release(run);
    struct hash_hex digest = run->options->set->digest;
    if (known == NULL)
        return true;
    if (known->whole != NULL && !release_whole_digest(run, &digest, err))
        return false;
    const char *const recorded = known->whole != NULL ? known->whole : known->set;
    if (strcmp(recorded, digest.text) == 0)
        return true;
    (void)err_set(err, ERR_REFUSED,
                  "release \"%s\" is recorded with another set of migrations (digest %.12s, this "
                  "one has %.12s)",
                  known->name, recorded, digest.text);
    err_state(err, "Nothing was changed.");
    err_hint(err, "Give this set a release name of its own.");
    return false;
}

/* Which contract migrations the release carries, as far as the journal does not show it: those that
 * were applied before this row it carries, but for the ones that it lacks. */
static bool add_contracts(const struct run *run, json_t *detail)
{
    const struct comparison *const c = &run->result->plan.comparison;
    CLEANUP(json_release) json_t *waiting = json_object();
    CLEANUP(json_release) json_t *lacking = json_array();
    bool ok = waiting != NULL && lacking != NULL;
    for (size_t i = 0; ok && i < c->count; i++) {
        const struct migration *const m = c->items[i].migration;
        if (m->phase == PHASE_CONTRACT &&
            (c->items[i].kind == MATCH_PENDING || c->items[i].kind == MATCH_DOUBTFUL ||
             c->items[i].kind == MATCH_CHANGED))
            ok = json_object_set_new(waiting, m->id, json_string(m->checksum.text)) == 0;
    }
    for (size_t i = 0; ok && i < c->missing.count; i++)
        if (c->missing.items[i]->phase == PHASE_CONTRACT)
            ok =
                json_array_append_new(lacking, json_string(applied_name(c->missing.items[i]))) == 0;
    if (ok && json_object_size(waiting) > 0)
        ok = json_object_set(detail, "contracts", waiting) == 0;
    if (ok && json_array_size(lacking) > 0)
        ok = json_object_set(detail, "lacks", lacking) == 0;
    return ok;
}

/* The attempt's begin row says by whom; a row that stands alone says it itself. */
static bool add_who(const struct run *run, json_t *detail)
{
    if (run->begun)
        return json_object_set_new(detail, "attempt", json_string(run->attempt)) == 0;
    return actor_describe(run->arena, detail);
}

static const char *release_detail(const struct run *run, const char *whole)
{
    CLEANUP(json_release)
    json_t *detail = json_pack("{s:s, s:s, s:s}", "release", run->options->release, "set",
                               run->options->set->digest.text, "whole", whole);
    if (detail == NULL || !add_contracts(run, detail) || !add_who(run, detail))
        return NULL;
    return detail_text(run->arena, detail);
}

static bool append(struct run *run, struct err *err)
{
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    struct hash_hex whole;
    struct receipt receipt;
    if (!release_whole_digest(run, &whole, err))
        return false;
    const struct entry entry = {
        .event = EVENT_RELEASE, .detail = release_detail(run, whole.text), .digest = digest.text};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("release");
    if (!ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err))
        return false;
    run->result->release_recorded = true;
    return true;
}

bool release_record(struct run *run, struct err *err)
{
    /* Where no mutex is held another set may have taken the name first. */
    return append(run, err) && run_plan(run, err);
}

static bool refuse_absent(const struct run *run, struct err *err)
{
    if (run->ledger->exists)
        return true;
    (void)err_set(err, ERR_REFUSED, "the target has no ledger \"%s\"", run->ledger->name);
    err_state(err, "Nothing was changed.");
    err_hint(err, "Deploy, or adopt what is there: pawl adopt --as-of none.");
    return false;
}

bool deploy_start_release(struct arena *arena, const struct ledger_options *target,
                          const struct wait *wait, struct ledger *ledger,
                          const struct deploy_options *options, struct deploy_result *result,
                          struct findings *findings, struct err *err)
{
    struct run run = run_start(arena, target, wait, ledger, options, result, findings);
    if (!ledger_prepare_writer(ledger, arena, err) || !run_look(&run, err) ||
        !refuse_absent(&run, err) || !release_check(&run, err) ||
        !presence_make(ledger, arena, err))
        return false;
    if (options->app_role != NULL && !ledger_grant_presence(ledger, arena, options->app_role, err))
        return false;
    /* Another set may have taken the name first. */
    return !release_is_new(&run) ||
           (append(&run, err) && run_look(&run, err) && release_check(&run, err));
}
