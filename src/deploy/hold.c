/* Contract migrations wait for every live release that does not carry them. */
#include "deploy/hold.h"

#include <string.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/str.h"
#include "db/sqlstate.h"
#include "deploy/order.h"
#include "deploy/run.h"
#include "ledger/actor.h"
#include "ledger/detail.h"

/* What has begun goes on: older code is broken already. A squash that runs nothing breaks nobody.
 */
static bool may_wait(const struct plan_item *item)
{
    return item->migration->phase == PHASE_CONTRACT && item->partial == NULL && !item->recognised;
}

static bool is_contracting(const struct plan *plan)
{
    for (size_t i = 0; i < plan->items.count; i++)
        if (may_wait(&plan->items.items[i]))
            return true;
    return false;
}

/* ---- who is in the way ---- */

bool hold_newest(const struct run *run, const char **ret, struct err *err)
{
    const size_t count = run->state.releases.count;
    struct hash_hex whole;
    *ret = run->options->release;
    if (*ret != NULL || count == 0)
        return true;
    const struct release *const last = &run->state.releases.items[count - 1];
    if (!release_whole_digest(run, &whole, err))
        return false;
    if (last->whole != NULL && strcmp(last->whole, whole.text) == 0)
        *ret = last->name;
    return true;
}

static bool look_who_lives(struct run *run, struct err *err)
{
    struct presence_options options = run->options->presence;
    const char *newest;
    if (run->watcher.pg != NULL)
        options.own_backend = pg_backend_pid(run->watcher.pg);
    return hold_newest(run, &newest, err) && presence_read(run->ledger, run->arena, &run->state,
                                                           &options, newest, &run->presence, err);
}

static bool add_holders(struct run *run, struct plan_held *held, struct err *err)
{
    for (size_t i = 0; i < run->presence.releases.count; i++) {
        const struct live_release *const live = &run->presence.releases.items[i];
        /* The one that is being deployed is this set, recorded yet or not. */
        const bool own = live->name != NULL && run->options->release != NULL &&
                         strcmp(live->name, run->options->release) == 0;
        if (own || release_carries(live->record, held->item.migration))
            continue;
        const struct live_release **const slot = arena_push(run->arena, &held->holders);
        if (slot == NULL)
            return err_nomem(err);
        *slot = live;
    }
    return true;
}

static const char *describe(struct run *run, const struct plan_held *held)
{
    CLEANUP(str_release) struct str text = {0};
    str_puts(&text, "waits for ");
    for (size_t i = 0; i < held->holders.count; i++) {
        const char *const one = live_release_text(run->arena, held->holders.items[i]);
        if (one == NULL)
            return NULL;
        str_printf(&text, "%s%s", i > 0 ? ", " : "", one);
    }
    return text.failed ? NULL : arena_strndup(run->arena, str_text(&text), text.len);
}

/* ---- what the plan becomes ---- */

static bool touches_held(struct run *run, const struct plan_item *item,
                         const struct plan_held **ret, struct err *err)
{
    const struct plan *const plan = &run->result->plan;
    bool touches = false;
    *ret = NULL;
    for (size_t i = 0; i < plan->held.count && *ret == NULL; i++) {
        CLEANUP(arena_release) struct arena scratch = {0};
        if (!plan_items_touch(&scratch, run->options->set->dialect, &plan->held.items[i].item, item,
                              &touches, err))
            return false;
        if (touches)
            *ret = &plan->held.items[i];
    }
    return true;
}

/* held->why stays NULL where nothing holds it. */
static bool judge(struct run *run, struct plan_held *held, struct err *err)
{
    const struct plan_held *before = NULL;
    if (run->options->expand_only) {
        held->why = "is left to a deploy without --phase expand";
        return true;
    }
    if (!add_holders(run, held, err))
        return false;
    if (held->holders.count > 0) {
        held->why = describe(run, held);
        if (held->why == NULL)
            return err_nomem(err);
    }
    if (held->why != NULL && (run->options->overrides & OVERRIDE_HOLD) != 0) {
        run->overridden |= OVERRIDE_HOLD;
        run->went_over = held->why;
        held->why = NULL;
    }
    if (held->why != NULL || !touches_held(run, &held->item, &before, err))
        return held->why != NULL;
    if (before != NULL) {
        held->why = arena_printf(run->arena, "comes after \"%s\", which is held",
                                 before->item.migration->id);
        return held->why != NULL || err_nomem(err);
    }
    return true;
}

/* It was written for a schema that is not there yet. */
static bool refuse_behind(struct run *run, const struct plan_item *item,
                          const struct plan_held *held, struct err *err)
{
    const struct migration *const m = held->item.migration;
    const struct finding finding = {
        .rule = "held-order",
        .severity = SEVERITY_ERROR,
        .file = item->migration->path,
        .what = arena_printf(run->arena,
                             "\"%s\" may touch what \"%s\" touches, which comes before it and is "
                             "held: it %s",
                             item->migration->id, m->id, held->why),
        .fix = arena_printf(run->arena, "put the contract step last: pawl renumber %s",
                            m->path != NULL ? m->path : m->id),
    };
    if (finding.what == NULL || finding.fix == NULL)
        return err_nomem(err);
    finding_add(run->arena, run->findings, &finding);
    return true;
}

/* Repeatables run last, whatever is held: no number would move one. */
static bool sort_out(struct run *run, struct err *err)
{
    struct plan *const plan = &run->result->plan;
    size_t kept = 0;
    for (size_t i = 0; i < plan->items.count; i++) {
        struct plan_held held = {.item = plan->items.items[i]};
        const struct plan_held *before = NULL;
        if (may_wait(&held.item)) {
            if (!judge(run, &held, err))
                return false;
        } else if (held.item.migration->kind != KIND_REPEATABLE) {
            if (!touches_held(run, &held.item, &before, err) ||
                (before != NULL && !refuse_behind(run, &held.item, before, err)))
                return false;
        }
        if (held.why == NULL) {
            plan->items.items[kept++] = held.item;
            continue;
        }
        struct plan_held *const slot = arena_push(run->arena, &plan->held);
        if (slot == NULL)
            return err_nomem(err);
        *slot = held;
    }
    plan->items.count = kept;
    return true;
}

bool hold_look(struct run *run, struct err *err)
{
    run->presence = (struct presence){0};
    run->overridden &= ~(unsigned)OVERRIDE_HOLD;
    /* Where nothing was there before this deploy, no code of before can live. */
    if (!run->looked) {
        run->looked = true;
        run->fresh = run->state.applied.count == 0;
    }
    if (!is_contracting(&run->result->plan) || (run->fresh && !run->options->expand_only))
        return true;
    return look_who_lives(run, err) && sort_out(run, err);
}

/* ---- rows ---- */

static json_t *json_holders(struct run *run, const struct plan_held *held)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < held->holders.count; i++) {
        const char *const text = live_release_text(run->arena, held->holders.items[i]);
        if (text == NULL || json_array_append_new(array, json_string(text)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* phase stays out of rows that break nobody: a start-up check finds contract steps by it. */
static bool make_entry(struct run *run, const struct plan_held *held, enum ledger_event event,
                       const struct hash_hex *digest, struct entry *ret, struct err *err)
{
    const struct migration *const m = held->item.migration;
    CLEANUP(json_release) json_t *detail = json_object();
    if (detail == NULL ||
        (held->holders.count > 0 &&
         json_object_set_new(detail, "for", json_holders(run, held)) != 0) ||
        (held->why != NULL && held->holders.count == 0 &&
         json_object_set_new(detail, "why", json_string(held->why)) != 0) ||
        (run->begun ? json_object_set_new(detail, "attempt", json_string(run->attempt)) != 0
                    : !actor_describe(run->arena, detail)))
        return err_nomem(err);
    *ret = (struct entry){.event = event,
                          .migration = m->id,
                          .checksum = m->checksum.text,
                          .kind = kind_name(m->kind),
                          .phase = event == EVENT_CLOSING ? phase_name(m->phase) : NULL,
                          .detail = detail_text(run->arena, detail),
                          .digest = digest->text};
    return ret->detail != NULL || err_nomem(err);
}

static bool append(struct run *run, const struct plan_held *held, enum ledger_event event,
                   struct err *err)
{
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    struct entry entry;
    struct receipt receipt;
    if (!make_entry(run, held, event, &digest, &entry, err) ||
        !ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err))
        return false;
    run->result->head = receipt.text;
    return true;
}

bool hold_is_new(const struct run *run)
{
    const struct plan *const plan = &run->result->plan;
    for (size_t i = 0; i < plan->held.count; i++)
        if (!state_was_held(&run->state, plan->held.items[i].item.migration))
            return true;
    return false;
}

bool hold_record(struct run *run, struct err *err)
{
    const struct plan *const plan = &run->result->plan;
    for (size_t i = 0; i < plan->held.count; i++) {
        const struct migration *const m = plan->held.items[i].item.migration;
        if (state_was_held(&run->state, m))
            continue;
        fault_point("held");
        if (!append(run, &plan->held.items[i], EVENT_HELD, err))
            return false;
        struct held *const slot = arena_push(run->arena, &run->state.held);
        if (slot == NULL)
            return err_nomem(err);
        *slot = (struct held){m->id, m->checksum.text};
    }
    return true;
}

/* ---- closing ---- */

static bool close_item(struct run *run, const struct plan_held *held, struct err *err)
{
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    struct entry entry;
    struct receipt receipt;
    if (!make_entry(run, held, EVENT_CLOSING, &digest, &entry, err))
        return false;
    if (presence_close(run->ledger, run->arena, &entry, run->last_change, &receipt, err)) {
        run->result->head = receipt.text;
        return true;
    }
    if (strcmp(err->sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE) == 0) {
        (void)err_set(err, ERR_BUSY, "a transaction that has called hello() does not end");
        err_hint(err, "hello() is called in a transaction of its own; `pawl blockers` shows who is "
                      "at it.");
    }
    return false;
}

bool hold_close(struct run *run, const struct plan_item *item, bool *ret_reopened, struct err *err)
{
    struct plan_held held = {.item = *item};
    *ret_reopened = false;
    if (!may_wait(item) || !run->presence.table || run->fresh)
        return true;
    fault_point("close");
    if (!close_item(run, &held, err))
        return false;
    fault_point("closing");
    if (!wait_sleep(run->options->presence.settle_ms, run->wait, err) || !look_who_lives(run, err))
        return false;
    if ((run->options->overrides & OVERRIDE_HOLD) != 0)
        return true;
    if (!add_holders(run, &held, err))
        return false;
    fault_point("settled");
    if (held.holders.count == 0)
        return true;
    *ret_reopened = true;
    /* They came meanwhile: the next plan holds it. */
    return append(run, &held, EVENT_REOPENED, err);
}
