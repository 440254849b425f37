/* adopt --as-of. */
#include "adopt/adopt.h"

#include <inttypes.h>
#include <string.h>

#include "base/suggest.h"
#include "ledger/detail.h"
#include "ledger/digest_set.h"

static bool unknown_id(struct arena *arena, const struct set *set, const char *as_of,
                       struct err *err)
{
    const char **const ids = arena_alloc(arena, (set->count + 1) * sizeof *ids);
    if (ids == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < set->versioned; i++)
        ids[i] = set->items[i].id;
    const char *const near = suggest(as_of, ids, set->versioned);
    (void)err_set(err, ERR_USAGE, "--as-of \"%s\": the set has no such migration", as_of);
    if (near != NULL)
        err_hint(err, "Did you mean \"%s\"?", near);
    else
        err_hint(err, "Give the id of a file in the migrations folder, or none.");
    return false;
}

static bool make_entry(struct arena *arena, const struct migration *m, struct digest_set *digests,
                       struct entry *ret, struct err *err)
{
    CLEANUP(json_release) json_t *detail = json_pack("{s:s}", "version", m->version);
    if (detail == NULL ||
        (m->background && json_object_set_new(detail, "background", json_true()) != 0) ||
        (m->empty && json_object_set_new(detail, "empty", json_true()) != 0))
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
    };
    return (ret->detail != NULL && ret->digest != NULL) || err_nomem(err);
}

/* How many migrations, from the first, are done. */
static bool count_done(struct arena *arena, const struct set *set, const char *as_of, size_t *ret,
                       struct err *err)
{
    *ret = 0;
    if (strcmp(as_of, "none") == 0)
        return true;
    for (size_t i = 0; i < set->versioned; i++)
        if (strcmp(set->items[i].id, as_of) == 0) {
            *ret = i + 1;
            return true;
        }
    return unknown_id(arena, set, as_of, err);
}

bool adopt_run(struct arena *arena, struct ledger *ledger, const struct set *set, const char *as_of,
               struct adopt_result *ret, struct err *err)
{
    struct journal journal;
    struct digest_set digests = {0};
    size_t count = 0;
    if (!count_done(arena, set, as_of, &count, err) || !ledger_prepare_writer(ledger, arena, err) ||
        !ledger_read(ledger, arena, &journal, err))
        return false;
    if (ledger->exists) {
        (void)err_set(err, ERR_REFUSED, "the target has a ledger \"%s\" already", ledger->name);
        err_state(err, "Nothing was changed.");
        err_hint(err, "pawl status shows what it holds.");
        return false;
    }
    struct entry *const entries = arena_alloc(arena, (count + 1) * sizeof *entries);
    if (entries == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        if (!make_entry(arena, &set->items[i], &digests, &entries[i], err))
            return false;
    if (!ledger_create(ledger, arena, entries, count, err) ||
        !ledger_read(ledger, arena, &journal, err))
        return false;
    ret->adopted = count;
    ret->head = arena_printf(arena, "%" PRId64 ":%s", journal.head.seq, journal.head.hash);
    return ret->head != NULL || err_nomem(err);
}
