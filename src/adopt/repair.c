/* The kinds of repair, one function each. */
#include "adopt/repair.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "adopt/repair_parts.h"
#include "ledger/actor.h"
#include "ledger/detail.h"
#include "ledger/holder.h"

/* For `return err_set(…) || unchanged(err, …)`. next: the step to take, a sentence. */
static bool unchanged(struct err *err, const char *next)
{
    err_state(err, "Nothing was changed.");
    err_hint(err, "%s", next);
    return false;
}

static const char see_status[] = "`pawl status` lists the ids and where each migration stands.";

/* The migration's row of the comparison, or NULL with err. */
static const struct match *find_match(const struct repairer *r, const char *id, struct err *err)
{
    for (size_t i = 0; i < r->comparison.count; i++)
        if (strcmp(r->comparison.items[i].migration->id, id) == 0)
            return &r->comparison.items[i];
    const char *const shown = fs_printable(r->arena, id);
    if (shown == NULL) {
        (void)err_nomem(err);
        return NULL;
    }
    (void)err_set(err, ERR_USAGE, "the set has no migration \"%s\"", shown);
    err_hint(err, "%s", see_status);
    return NULL;
}

static bool prepare(struct repairer *r, enum ledger_event event, const struct migration *m,
                    json_t *detail, struct err *err)
{
    CLEANUP(json_release) json_t *owned = detail;
    const struct hash_hex digest = digest_set_hash(&r->state.digests);
    if (owned == NULL ||
        (r->repair->reason != NULL &&
         json_object_set_new(owned, "reason", json_string(r->repair->reason)) != 0) ||
        !actor_describe(r->arena, owned))
        return err_nomem(err);
    r->found->entry = (struct entry){
        .event = event,
        .migration = m != NULL ? m->id : NULL,
        .checksum = m != NULL ? m->checksum.text : NULL,
        .kind = m != NULL ? kind_name(m->kind) : NULL,
        .phase = m != NULL ? phase_name(m->phase) : NULL,
        .detail = detail_text(r->arena, owned),
        .digest = arena_strdup(r->arena, digest.text),
    };
    return (r->found->entry.detail != NULL && r->found->entry.digest != NULL) || err_nomem(err);
}

/* ---- accept-break ---- */

static bool wrong_seq(struct repairer *r, int64_t seq, int64_t broken, struct err *err)
{
    (void)err_set(err, ERR_REFUSED, "the chain is broken at seq %" PRId64 ", not at %" PRId64,
                  broken, seq);
    const char *const next =
        arena_printf(r->arena,
                     "Look at that row (pawl log), then type: pawl repair --accept-break %" PRId64
                     " --reason TEXT",
                     broken);
    return unchanged(err, next != NULL ? next : see_status);
}

static bool accept_break(struct repairer *r, struct err *err)
{
    struct journal_break broken = {0};
    CLEANUP(err_release) struct err found = {0};
    char *end = NULL;
    const int64_t seq = strtoll(r->repair->first, &end, 10);
    if (*end != '\0' || seq < 1)
        return err_set(err, ERR_USAGE,
                       "--accept-break takes the seq that pawl has named, not "
                       "\"%s\"",
                       r->first);
    if (journal_accepted(&r->journal, seq))
        return found_recorded(r, err, "the break at seq %" PRId64 " is accepted already", seq);
    if (journal_verify(&r->journal, &broken, &found))
        return err_set(err, ERR_REFUSED, "the chain is whole") ||
               unchanged(err, "There is no break to accept: deploy.");
    if (found.code != ERR_CHAIN)
        return err_nomem(err);
    if (broken.seq != seq)
        return wrong_seq(r, seq, broken.seq, err);
    return found_proof(r, err, "seq %" PRId64 ": %s", broken.seq, broken.what) &&
           found_break(r, &broken, err) &&
           prepare(r, EVENT_BREAK_ACCEPTED, NULL,
                   json_pack("{s:I, s:s}", "seq", (json_int_t)seq, "what", broken.what), err);
}

/* ---- accept-edit ---- */

/* The rest of a migration that stopped part-way is run from the new text. */
static bool accept_part(struct repairer *r, const struct migration *m,
                        const struct partial *partial, struct err *err)
{
    return found_proof(r, err,
                       "%lld %s of \"%s\" committed from checksum %.12s; the rest will be run "
                       "from %.12s",
                       (long long)partial->steps_done, partial->steps_done == 1 ? "step" : "steps",
                       m->id, partial->checksum, m->checksum.text) &&
           found_fact(r, err,
                      "the text that the steps were run from is not kept until the migration is "
                      "applied: compare with your version control") &&
           prepare(r, EVENT_EDIT_ACCEPTED, m, json_object(), err);
}

static bool edit_recorded(const struct repairer *r, const struct migration *m)
{
    for (size_t i = 0; i < r->journal.count; i++) {
        const struct journal_row *const row = &r->journal.items[i];
        if (row->event == EVENT_EDIT_ACCEPTED && row->migration != NULL && row->checksum != NULL &&
            strcmp(row->migration, m->id) == 0 && strcmp(row->checksum, m->checksum.text) == 0)
            return true;
    }
    return false;
}

/* The digest follows the text: what the set has from now on is what is applied. */
static bool move_digest(struct repairer *r, const struct applied *applied, const char *before,
                        const struct migration *m, struct err *err)
{
    if (!applied_in_digest(applied))
        return true;
    digest_set_remove(&r->state.digests, before);
    return digest_set_add(r->arena, &r->state.digests, m->checksum.text) || err_nomem(err);
}

static bool refuse_reused(const struct repairer *r, const struct migration *m,
                          const struct migration *other, struct err *err)
{
    (void)err_set(
        err, ERR_REFUSED,
        "\"%s\" is not edited: it is an earlier name of \"%s\", which the set has too, and "
        "its own statements were never run",
        m->id, other->id);
    const char *const next =
        arena_printf(r->arena, "Give the file a name of its own: pawl renumber %s",
                     m->path != NULL ? m->path : m->id);
    return unchanged(err, next != NULL ? next : see_status);
}

static bool accept_edit(struct repairer *r, struct err *err)
{
    const struct match *const match = find_match(r, r->repair->first, err);
    if (match == NULL)
        return false;
    const struct migration *const m = match->migration;
    const struct partial *const partial = state_partial(&r->state, m->id);
    if (partial != NULL && strcmp(partial->checksum, m->checksum.text) != 0)
        return accept_part(r, m, partial, err);
    if (match->kind != MATCH_EDITED) {
        if (edit_recorded(r, m))
            return found_recorded(r, err, "\"%s\" has this text accepted already: checksum %.12s",
                                  m->id, m->checksum.text);
        return err_set(err, ERR_REFUSED, "\"%s\" is not edited", m->id) ||
               unchanged(err, state_find(&r->state, m->id) != NULL
                                  ? "Nothing is to be done: deploy."
                                  : "It is not applied yet, so its text is free: "
                                    "deploy.");
    }
    const struct migration *const other = match_other_file(r->set, match);
    if (other != NULL)
        return refuse_reused(r, m, other, err);
    const struct applied *const applied = match->applied;
    const char *const before = applied->checksums.items[applied->checksums.count - 1];
    return found_proof(r, err,
                       "\"%s\" was applied with checksum %.12s; the file now has %.12s, which is "
                       "accepted beside it",
                       m->id, before, m->checksum.text) &&
           found_applied(r, applied, err) && found_diff(r, applied, before, m, err) &&
           move_digest(r, applied, before, m, err) &&
           prepare(r, EVENT_EDIT_ACCEPTED, m,
                   json_pack("{s:I}", "applied", (json_int_t)applied->seq), err) &&
           found_keep_text(r, m, err);
}

/* ---- renamed, new ---- */

/* The file of the set that has one of its names; NULL. */
static const struct migration *file_of(const struct repairer *r, const struct applied *applied)
{
    for (size_t n = 0; n < applied->names.count; n++) {
        const struct migration *const file = set_find(r->set, applied->names.items[n]);
        if (file != NULL)
            return file;
    }
    return NULL;
}

static bool refuse_content(struct repairer *r, const struct applied *old, const struct migration *m,
                           struct err *err)
{
    (void)err_set(err, ERR_REFUSED, "\"%s\" has not the content that was applied as \"%s\"", m->id,
                  r->first);
    const char *const next = arena_printf(
        r->arena,
        "Applied was checksum %.12s, the file has %.12s. Renamed and edited is two things: put the "
        "old content under the new name, record the rename, then edit and type pawl repair "
        "--accept-edit %s --reason TEXT; or keep the old name.",
        old->checksums.items[old->checksums.count - 1], m->checksum.text, m->id);
    return unchanged(err, next != NULL ? next : see_status);
}

static bool renamed(struct repairer *r, struct err *err)
{
    const struct match *const match = find_match(r, r->repair->second, err);
    const struct applied *const old = state_find(&r->state, r->repair->first);
    if (match == NULL)
        return false;
    const struct migration *const m = match->migration;
    const struct applied *const itself = state_find(&r->state, m->id);
    if (m->kind == KIND_REPEATABLE)
        return err_set(err, ERR_REFUSED, "\"%s\" is repeatable: it is known by its id alone",
                       m->id) ||
               unchanged(err, "Nothing is to be recorded: a deploy runs it under its new name.");
    if (old == NULL)
        return err_set(err, ERR_REFUSED, "\"%s\" is not applied", r->first) ||
               unchanged(err, see_status);
    if (itself == old && strcmp(r->repair->first, m->id) != 0)
        return found_recorded(r, err, "\"%s\" and \"%s\" are known as one migration already",
                              r->first, m->id);
    if (itself != NULL)
        return err_set(err, ERR_REFUSED, "\"%s\" is applied itself", m->id) ||
               unchanged(err, "It is no new name of anything: deploy.");
    if (!applied_has_checksum(old, m->checksum.text))
        return refuse_content(r, old, m, err);
    const struct migration *const still = file_of(r, old);
    if (still != NULL)
        return err_set(err, ERR_REFUSED,
                       "\"%s\" is in the set itself, so \"%s\" is not its new name", still->id,
                       m->id) ||
               unchanged(err, "A copy is a migration of its own: deploy, or remove one of them.");
    return found_proof(r, err, "both have checksum %.12s, and \"%s\" is not in the set",
                       m->checksum.text, applied_name(old)) &&
           found_applied(r, old, err) &&
           found_fact(r, err,
                      "read so, \"%s\" is \"%s\" under a new name and is not run; otherwise it "
                      "would be a migration of its own: pawl repair --new %s",
                      m->id, applied_name(old), m->id) &&
           prepare(r, EVENT_RENAMED, m,
                   json_pack("{s:I, s:s, s:s}", "applied", (json_int_t)old->seq, "from",
                             applied_name(old), "version", m->version),
                   err);
}

static bool is_declared_new(const struct repairer *r, const char *id)
{
    for (size_t i = 0; i < r->state.declared_new.count; i++)
        if (strcmp(r->state.declared_new.items[i], id) == 0)
            return true;
    return false;
}

static bool declare_new(struct repairer *r, struct err *err)
{
    const struct match *const match = find_match(r, r->repair->first, err);
    if (match == NULL)
        return false;
    const struct migration *const m = match->migration;
    if (is_declared_new(r, m->id))
        return found_recorded(r, err, "\"%s\" is declared a migration of its own already", m->id);
    if (match->kind != MATCH_RENAMED && match->kind != MATCH_DOUBTFUL)
        return err_set(err, ERR_REFUSED, "\"%s\" is not taken for a rename of anything", m->id) ||
               unchanged(err, match->kind == MATCH_PENDING ? "It is pending: deploy applies it."
                                                           : see_status);
    if (!found_proof(r, err,
                     "\"%s\" has the content of \"%s\" and will be applied as a migration of its "
                     "own",
                     m->id, applied_name(match->applied)))
        return false;
    for (size_t i = 0; i < match->readings.count; i++)
        if (!found_applied(r, match->readings.items[i], err) ||
            !found_fact(r, err, "it is not \"%s\" under a new name: pawl repair --renamed %s %s",
                        applied_name(match->readings.items[i]),
                        applied_name(match->readings.items[i]), m->id))
            return false;
    return prepare(r, EVENT_DECLARED_NEW, m,
                   json_pack("{s:s}", "same_as", applied_name(match->applied)), err);
}

typedef bool repair_fn(struct repairer *r, struct err *err);

bool repair_find(struct arena *arena, struct ledger *ledger, struct set *set,
                 const struct repair *repair, struct repair_found *ret, struct err *err)
{
    static repair_fn *const kinds[] = {
        [REPAIR_ACCEPT_BREAK] = accept_break,
        [REPAIR_ACCEPT_EDIT] = accept_edit,
        [REPAIR_RENAMED] = renamed,
        [REPAIR_NEW] = declare_new,
    };
    struct journal_break broken;
    struct findings ignored = {0};
    struct repairer r = {
        .arena = arena, .ledger = ledger, .set = set, .repair = repair, .found = ret};
    *ret = (struct repair_found){0};
    r.first = fs_printable(arena, repair->first);
    if (r.first == NULL)
        return err_nomem(err);
    if (!ledger_prepare_writer(ledger, arena, err) || !ledger_read(ledger, arena, &r.journal, err))
        return false;
    if (!ledger->exists)
        return err_set(err, ERR_REFUSED, "the target has no ledger \"%s\"", ledger->name) ||
               unchanged(err, "There is nothing to repair: deploy, or adopt.");
    if (repair->kind != REPAIR_ACCEPT_BREAK && !journal_verify(&r.journal, &broken, err)) {
        err_state(err, "Nothing was changed.");
        return false;
    }
    if (!state_build(arena, &r.journal, &r.state, err) ||
        !state_admit_odd(arena, &r.state, set, &ignored, err) ||
        !match_set(arena, set, &r.state, &r.comparison, err))
        return false;
    ret->last_change = r.state.last_change;
    return kinds[repair->kind](&r, err);
}

bool repair_record(struct arena *arena, struct ledger *ledger, const struct repair_found *found,
                   const char **ret_head, struct err *err)
{
    struct receipt receipt;
    if (!ledger_append(ledger, arena, &found->entry, found->last_change, &receipt, err)) {
        if (err->code != ERR_BUSY)
            return false;
        holder_explain(ledger, arena, err);
        return unchanged(err, strcmp(err->sqlstate, "PW002") == 0
                                  ? "The ledger has changed since: type it again."
                                  : "Wait for it, then type it again.");
    }
    *ret_head = receipt.text;
    return true;
}
