/* adopt --as-of. */
#include "adopt/adopt.h"

#include <inttypes.h>
#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "ledger/actor.h"
#include "ledger/detail.h"
#include "ledger/digest_set.h"
#include "ledger/holder.h"
#include "ledger/squash.h"

static bool unknown_id(struct arena *arena, const struct set *set, const char *as_of,
                       struct err *err)
{
    const char **const ids = arena_alloc(arena, (set->count + 1) * sizeof *ids);
    const char *const shown = fs_printable(arena, as_of);
    if (ids == NULL || shown == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < set->versioned; i++)
        ids[i] = set->items[i].id;
    const char *const near = suggest(as_of, ids, set->versioned);
    (void)err_set(err, ERR_USAGE, "--as-of \"%s\": the set has no such migration", shown);
    const struct migration *const replaced = set_find_replaced(set, as_of);
    if (replaced != NULL)
        err_hint(err,
                 "\"%s\" was squashed into \"%s\": adopt with the release before the squash, "
                 "or name the squash.",
                 shown, replaced->replaced_by);
    else if (near != NULL)
        err_hint(err, "Did you mean \"%s\"?", near);
    else
        err_hint(err, "Give the id of a file in the migrations folder, or none.");
    return false;
}

static bool make_entry(struct arena *arena, const struct set *set, const struct migration *m,
                       struct digest_set *digests, struct entry *ret, struct err *err)
{
    CLEANUP(json_release) json_t *detail = json_pack("{s:s}", "version", m->version);
    if (detail == NULL ||
        (m->background && json_object_set_new(detail, "background", json_true()) != 0) ||
        (m->empty && json_object_set_new(detail, "empty", json_true()) != 0) ||
        !squash_describe(set, m, detail) || !actor_describe(arena, detail))
        return err_nomem(err);
    if (migration_in_digest(m) && !digest_set_add(arena, digests, m->checksum.text))
        return err_nomem(err);
    const struct hash_hex digest = digest_set_hash(digests);
    *ret = (struct entry){
        .event = EVENT_ADOPTED,
        .migration = m->id,
        .checksum = m->checksum.text,
        .kind = kind_name(m->kind),
        .phase = phase_name(m->phase),
        .detail = detail_text(arena, detail),
        .digest = arena_strdup(arena, digest.text),
        .text = m->text != NULL ? migration_kept_text(arena, set->dialect, m) : NULL,
    };
    return (ret->detail != NULL && ret->digest != NULL && (m->text == NULL || ret->text != NULL)) ||
           err_nomem(err);
}

/* The last migration that is done: of the set, or one whose odd name kept it out of the set. */
static const struct migration *find_last(const struct set *set, const char *as_of)
{
    for (size_t i = 0; i < set->versioned; i++)
        if (strcmp(set->items[i].id, as_of) == 0)
            return &set->items[i];
    for (size_t i = 0; i < set->odd.count; i++)
        if (strcmp(set->odd.items[i].id, as_of) == 0)
            return &set->odd.items[i];
    return NULL;
}

/* Digits of another precision (milliseconds where seconds belong) are ordered as text: that is
 * where the name was meant to stand. */
static bool is_done(enum naming naming, const struct migration *m, const struct migration *last)
{
    int64_t moment;
    const bool timed = version_epoch_s(naming, m->version, &moment);
    if (timed != version_epoch_s(naming, last->version, &moment))
        return strcmp(m->version, last->version) <= 0;
    return name_compare(m->version, m->id, last->version, last->id) <= 0;
}

/* Odd names of what is done stop nothing: they are taken into the set. */
static bool admit_done(struct arena *arena, struct set *set, const struct migration *last,
                       struct findings *findings, struct err *err)
{
    for (size_t i = set->odd.count; i > 0; i--) {
        const struct migration *const odd = &set->odd.items[i - 1];
        if (set_odd_has_version(odd) && is_done(set->naming, odd, last) &&
            !set_admit(arena, set, odd->id, findings, err))
            return false;
    }
    return true;
}

struct entries {
    struct entry *items;
    size_t count, capacity;
};

static bool add_entry(struct arena *arena, const struct set *set, const struct migration *m,
                      struct digest_set *digests, struct entries *ret, struct err *err)
{
    struct entry *const entry = arena_push(arena, ret);
    return entry != NULL ? make_entry(arena, set, m, digests, entry, err) : err_nomem(err);
}

static bool list_done(struct arena *arena, struct set *set, const char *as_of,
                      struct findings *findings, struct entries *ret, struct err *err)
{
    struct digest_set digests = {0};
    if (strcmp(as_of, "none") == 0)
        return true;
    const struct migration *const found = find_last(set, as_of);
    if (found == NULL)
        return unknown_id(arena, set, as_of, err);
    const struct migration last = *found; /* the set may move */
    if (!admit_done(arena, set, &last, findings, err))
        return false;
    for (size_t i = 0; i < set->versioned; i++) {
        if (!is_done(set->naming, &set->items[i], &last))
            continue;
        for (size_t r = 0; r < set->replaced.count; r++)
            if (set_replaces(&set->items[i], &set->replaced.items[r]) &&
                !add_entry(arena, set, &set->replaced.items[r], &digests, ret, err))
                return false;
        if (!add_entry(arena, set, &set->items[i], &digests, ret, err))
            return false;
    }
    return true;
}

static void say_who_made_it(struct arena *arena, const struct journal *journal, struct err *err)
{
    static const struct state none = {0};
    const char *const text =
        journal->count > 0 ? holder_row_text(arena, &none, &journal->items[0]) : NULL;
    if (text != NULL)
        err_detail(err, "%s", text);
}

bool adopt_run(struct arena *arena, struct ledger *ledger, struct set *set, const char *as_of,
               struct findings *findings, struct adopt_result *ret, struct err *err)
{
    struct journal journal;
    struct entries entries = {0};
    if (!list_done(arena, set, as_of, findings, &entries, err) ||
        !ledger_prepare_writer(ledger, arena, err) || !ledger_read(ledger, arena, &journal, err))
        return false;
    if (ledger->exists) {
        (void)err_set(err, ERR_REFUSED, "the target has a ledger \"%s\" already", ledger->name);
        err_state(err, "Nothing was changed.");
        err_hint(err, "pawl status shows what it holds.");
        say_who_made_it(arena, &journal, err);
        return false;
    }
    if (!ledger_create(ledger, arena, entries.items, entries.count, err)) {
        if (err->code == ERR_BUSY)
            holder_explain(ledger, arena, err);
        return false;
    }
    if (!ledger_read(ledger, arena, &journal, err))
        return false;
    ret->adopted = entries.count;
    ret->head = arena_printf(arena, "%" PRId64 ":%s", journal.head.seq, journal.head.hash);
    return ret->head != NULL || err_nomem(err);
}
