/* The kinds of repair, one function each. */
#include "adopt/repair.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "ledger/detail.h"
#include "ledger/match.h"

struct repairer {
    struct arena *arena;
    struct ledger *ledger;
    const struct set *set;
    const struct repair *repair;
    struct journal journal;
    struct state state;
    struct comparison comparison;
    struct repair_result *result;
};

/* For `return err_set(…) || unchanged(err)`. */
static bool unchanged(struct err *err)
{
    err_state(err, "Nothing was changed.");
    return false;
}

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
    err_hint(err, "pawl status lists the ids.");
    return NULL;
}

static bool append(struct repairer *r, enum ledger_event event, const struct migration *m,
                   json_t *detail, struct err *err)
{
    CLEANUP(json_release) json_t *owned = detail;
    const struct hash_hex digest = digest_set_hash(&r->state.digests);
    struct receipt receipt;
    if (owned == NULL || json_object_set_new(owned, "reason", json_string(r->repair->reason)) != 0)
        return err_nomem(err);
    const struct entry entry = {
        .event = event,
        .migration = m != NULL ? m->id : NULL,
        .checksum = m != NULL ? m->checksum.text : NULL,
        .kind = m != NULL ? kind_name(m->kind) : NULL,
        .phase = m != NULL ? phase_name(m->phase) : NULL,
        .detail = detail_text(r->arena, owned),
        .digest = digest.text,
    };
    if (entry.detail == NULL || r->result->proof == NULL)
        return err_nomem(err);
    if (!ledger_append(r->ledger, r->arena, &entry, r->state.last_change, &receipt, err))
        return false;
    r->result->head = receipt.text;
    return true;
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
                       r->repair->first);
    if (journal_verify(&r->journal, &broken, &found))
        return err_set(err, ERR_REFUSED, "the chain is whole") || unchanged(err);
    if (found.code != ERR_CHAIN)
        return err_nomem(err);
    if (broken.seq != seq) {
        (void)err_set(err, ERR_REFUSED, "the chain is broken at seq %" PRId64 ", not at %" PRId64,
                      broken.seq, seq);
        err_state(err, "Nothing was changed.");
        return false;
    }
    r->result->proof = arena_printf(r->arena, "seq %" PRId64 ": %s", broken.seq, broken.what);
    return append(r, EVENT_BREAK_ACCEPTED, NULL,
                  json_pack("{s:I, s:s}", "seq", (json_int_t)seq, "what", broken.what), err);
}

static bool accept_edit(struct repairer *r, struct err *err)
{
    const struct match *const match = find_match(r, r->repair->first, err);
    if (match == NULL)
        return false;
    const struct migration *const m = match->migration;
    const struct partial *const partial = state_partial(&r->state, m->id);
    if (partial != NULL && strcmp(partial->checksum, m->checksum.text) != 0) {
        r->result->proof = arena_printf(
            r->arena,
            "%lld steps of \"%s\" are committed from checksum %.12s; the rest will be run from "
            "%.12s",
            (long long)partial->steps_done, m->id, partial->checksum, m->checksum.text);
        return append(r, EVENT_EDIT_ACCEPTED, m, json_object(), err);
    }
    if (match->kind != MATCH_EDITED)
        return err_set(err, ERR_REFUSED, "\"%s\" is not edited", m->id) || unchanged(err);
    const char *const before = match->applied->checksums.items[match->applied->checksums.count - 1];
    r->result->proof = arena_printf(r->arena,
                                    "\"%s\" was applied with checksum %.12s; the file now has "
                                    "%.12s, which is accepted beside it",
                                    m->id, before, m->checksum.text);
    if (migration_in_digest(m)) {
        digest_set_remove(&r->state.digests, before);
        if (!digest_set_add(r->arena, &r->state.digests, m->checksum.text))
            return err_nomem(err);
    }
    return append(r, EVENT_EDIT_ACCEPTED, m,
                  json_pack("{s:I}", "applied", (json_int_t)match->applied->seq), err);
}

static bool renamed(struct repairer *r, struct err *err)
{
    const struct match *const match = find_match(r, r->repair->second, err);
    const struct applied *const old = state_find(&r->state, r->repair->first);
    if (match == NULL)
        return false;
    const struct migration *const m = match->migration;
    const char *const first = fs_printable(r->arena, r->repair->first);
    if (first == NULL)
        return err_nomem(err);
    if (old == NULL)
        return err_set(err, ERR_REFUSED, "\"%s\" is not applied", first) || unchanged(err);
    if (state_find(&r->state, m->id) != NULL)
        return err_set(err, ERR_REFUSED, "\"%s\" is applied itself", m->id) || unchanged(err);
    if (!applied_has_checksum(old, m->checksum.text))
        return err_set(err, ERR_REFUSED, "\"%s\" has not the content that was applied as \"%s\"",
                       m->id, first) ||
               unchanged(err);
    if (set_find(r->set, applied_name(old)) != NULL)
        return err_set(err, ERR_REFUSED,
                       "\"%s\" is in the set itself, so \"%s\" is not its new name",
                       applied_name(old), m->id) ||
               unchanged(err);
    r->result->proof =
        arena_printf(r->arena, "both have checksum %.12s, and \"%s\" is not in the set",
                     m->checksum.text, applied_name(old));
    return append(r, EVENT_RENAMED, m,
                  json_pack("{s:I, s:s, s:s}", "applied", (json_int_t)old->seq, "from",
                            applied_name(old), "version", m->version),
                  err);
}

static bool declare_new(struct repairer *r, struct err *err)
{
    const struct match *const match = find_match(r, r->repair->first, err);
    if (match == NULL)
        return false;
    const struct migration *const m = match->migration;
    if (match->kind != MATCH_RENAMED && match->kind != MATCH_DOUBTFUL)
        return err_set(err, ERR_REFUSED, "\"%s\" is not taken for a rename of anything", m->id) ||
               unchanged(err);
    r->result->proof = arena_printf(
        r->arena, "\"%s\" has the content of \"%s\" and will be applied as a migration of its own",
        m->id, applied_name(match->applied));
    return append(r, EVENT_DECLARED_NEW, m,
                  json_pack("{s:s}", "same_as", applied_name(match->applied)), err);
}

typedef bool repair_fn(struct repairer *r, struct err *err);

bool repair_run(struct arena *arena, struct ledger *ledger, const struct set *set,
                const struct repair *repair, struct repair_result *ret, struct err *err)
{
    static repair_fn *const kinds[] = {
        [REPAIR_ACCEPT_BREAK] = accept_break,
        [REPAIR_ACCEPT_EDIT] = accept_edit,
        [REPAIR_RENAMED] = renamed,
        [REPAIR_NEW] = declare_new,
    };
    struct journal_break broken;
    struct repairer r = {
        .arena = arena, .ledger = ledger, .set = set, .repair = repair, .result = ret};
    *ret = (struct repair_result){0};
    if (!ledger_prepare_writer(ledger, arena, err) || !ledger_read(ledger, arena, &r.journal, err))
        return false;
    if (!ledger->exists)
        return err_set(err, ERR_REFUSED, "the target has no ledger \"%s\"", ledger->name) ||
               unchanged(err);
    if (repair->kind != REPAIR_ACCEPT_BREAK && !journal_verify(&r.journal, &broken, err))
        return false;
    return state_build(arena, &r.journal, &r.state, err) &&
           match_set(arena, set, &r.state, &r.comparison, err) && kinds[repair->kind](&r, err);
}
