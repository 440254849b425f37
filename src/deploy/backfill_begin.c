/* How a backfill begins, or goes on from its checkpoint. */
#include <string.h>

#include "base/fault.h"
#include "base/fs.h"
#include "deploy/backfill.h"
#include "ledger/detail.h"

enum { FIRST_BATCH_ROWS = 2000, LARGEST_BATCH_ROWS = 100000 };

bool backfill_replan(struct err *err)
{
    err_release(err);
    (void)err_set(err, ERR_BUSY, "another pawl has changed the checkpoint");
    memcpy(err->sqlstate, "PW002", sizeof err->sqlstate);
    err->retryable = true;
    return false;
}

enum backfill_stage backfill_walked(const struct backfill *b)
{
    return b->item->migration->verify != NULL ? BACKFILL_VERIFY : BACKFILL_FINISH;
}

bool backfill_keep(struct backfill *b, const struct checkpoint *found, struct err *err)
{
    struct arena *const arena = b->run->arena;
    str_clear(&b->reached);
    str_puts(&b->reached, found->reached != NULL ? found->reached : "");
    const char *const key = b->at.key != NULL ? b->at.key : arena_strdup(arena, found->key);
    const char *const until = b->at.until != NULL ? b->at.until : arena_strdup(arena, found->until);
    if (b->reached.failed || key == NULL || until == NULL)
        return err_nomem(err);
    b->at = *found;
    b->at.migration = b->item->migration->id;
    b->at.checksum = b->item->migration->checksum.text;
    b->at.key = key;
    b->at.until = until;
    b->at.reached = found->reached != NULL ? str_text(&b->reached) : NULL;
    b->at.paused_by = b->at.paused_reason = NULL;
    return true;
}

static const char *begin_detail(const struct backfill *b, const struct checkpoint *first)
{
    CLEANUP(json_release) json_t *detail = attempt_detail(b->run);
    CLEANUP(json_release) json_t *key = json_loads(first->key, 0, NULL);
    if (detail == NULL || key == NULL ||
        json_object_set_new(detail, "table", json_string(b->table)) != 0 ||
        json_object_set(detail, "key", key) != 0 ||
        json_object_set_new(detail, "until", json_string(first->until)) != 0 ||
        json_object_set_new(detail, "estimate", json_integer(first->estimate)) != 0)
        return NULL;
    return detail_text(b->run->arena, detail);
}

/* Where nothing keeps others off (SQLite, poolers) another pawl may have made the table, or the
 * row, since we looked. */
static bool begun_meanwhile(struct backfill *b, bool table, struct err *err)
{
    struct run *const run = b->run;
    CLEANUP(err_release) struct err second = {0};
    struct checkpoints list;
    if (err->code != ERR_FAILED || (run->ledger->pg != NULL && pg_lost(run->ledger->pg)) ||
        !checkpoint_list(run->ledger, run->arena, &list, &second) ||
        (list.table == table && checkpoints_find(&list, b->item->migration->id) == NULL))
        return false;
    return backfill_replan(err);
}

static bool append_begin(struct backfill *b, const struct checkpoint *first, bool table,
                         struct err *err)
{
    struct run *const run = b->run;
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    const struct migration *const m = b->item->migration;
    struct receipt receipt;
    const struct entry entry = {.event = EVENT_BACKFILL_BEGIN,
                                .migration = m->id,
                                .checksum = m->checksum.text,
                                .kind = kind_name(m->kind),
                                .phase = phase_name(m->phase),
                                .detail = begin_detail(b, first),
                                .digest = digest.text};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("backfill begin");
    if (!checkpoint_begin(run->ledger, run->arena, first, table, &entry, run->last_change, &receipt,
                          err))
        return begun_meanwhile(b, table, err);
    run->result->head = receipt.text;
    fault_point("backfill begun");
    return backfill_keep(b, first, err);
}

static bool begin(struct backfill *b, bool table, struct err *err)
{
    struct window last = {0};
    int64_t estimate = -1;
    if (!b->engine->end(b, b->run->arena, &last, &estimate, err))
        return false;
    const struct checkpoint first = {.migration = b->item->migration->id,
                                     .checksum = b->item->migration->checksum.text,
                                     .key = b->key.names,
                                     .until = last.reached,
                                     .estimate = estimate};
    return last.rows == 0 || append_begin(b, &first, table, err);
}

static bool refuse_key(const struct backfill *b, const struct checkpoint *found, struct err *err)
{
    struct arena *const arena = b->run->arena;
    const char *const then = fs_printable(arena, found->key);
    const char *const now = fs_printable(arena, b->key.names);
    const char *const place = checkpoint_text(arena, found, 0);
    if (then == NULL || now == NULL || place == NULL)
        return err_nomem(err);
    (void)err_set(err, ERR_FAILED, "the backfill has begun by the key %s, and the key is %s now",
                  then, now);
    err_state(err, "It has gone through %s, which stand.", place);
    err_hint(err,
             "Put the key back as it was, then deploy. Or give up what was begun: pawl backfill "
             "cancel %s --reason TEXT.",
             b->item->migration->id);
    return false;
}

static bool resume(struct backfill *b, const struct checkpoint *found, struct err *err)
{
    if (strcmp(found->key, b->key.names) != 0)
        return refuse_key(b, found, err);
    if (!backfill_keep(b, found, err))
        return false;
    backfill_tell_start(b);
    return true;
}

bool backfill_open(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const struct migration *const m = b->item->migration;
    struct checkpoints list;
    const int64_t first_rows = m->batch > 0 ? m->batch : FIRST_BATCH_ROWS;
    if (!checkpoint_list(run->ledger, run->arena, &list, err) || !backfill_read_key(b, err) ||
        !throttle_begin(run, b->table, first_rows, m->batch > 0 ? m->batch : LARGEST_BATCH_ROWS,
                        &b->throttle, err))
        return false;
    const struct checkpoint *const found = checkpoints_find(&list, m->id);
    if (!(found != NULL ? resume(b, found, err) : begin(b, list.table, err)))
        return false;
    b->start_walked = b->at.walked;
    b->stage = b->at.until != NULL ? BACKFILL_WALK : backfill_walked(b);
    return true;
}
