/* pawl_plan() and pawl_deploy(). */
#include "api/handle.h"
#include "base/fs.h"
#include "deploy/prepare.h"
#include "history/sum.h"

/* One plan or deploy: everything that its result points into lives in the call's arena. */
struct work {
    struct pawl *pawl;
    struct set set;
    struct deploy_result result;
    bool begun; /* the target was reached: result says what stands */
};

static void forward(void *context, const struct deploy_event *event)
{
    static const enum pawl_event_type types[] = {
        [DEPLOY_WAITING] = PAWL_EVENT_WAITING,     [DEPLOY_MIGRATION] = PAWL_EVENT_MIGRATION,
        [DEPLOY_STATEMENT] = PAWL_EVENT_STATEMENT, [DEPLOY_RETRY] = PAWL_EVENT_RETRY,
        [DEPLOY_NOTICE] = PAWL_EVENT_NOTICE,       [DEPLOY_APPLIED] = PAWL_EVENT_APPLIED,
        [DEPLOY_NOTE] = PAWL_EVENT_NOTE,           [DEPLOY_RECOGNISED] = PAWL_EVENT_APPLIED,
        [DEPLOY_PROGRESS] = PAWL_EVENT_PROGRESS,   [DEPLOY_BLOCKED] = PAWL_EVENT_BLOCKED,
        [DEPLOY_BLOCKING] = PAWL_EVENT_BLOCKING,
    };
    const struct pawl *const pawl = context;
    const struct pawl_event told = {
        .type = types[event->type],
        .id = event->id,
        .text = event->text,
        .number = event->number,
        .total = event->total,
        .elapsed_ms = event->elapsed_ms,
    };
    pawl->on_event(pawl->context, &told);
}

static bool run(struct work *work, bool dry_run, int64_t wait_ms, struct err *err)
{
    struct pawl *const pawl = work->pawl;
    struct ledger_options target;
    struct deploy_options options;
    CLEANUP(close_ledger) struct ledger ledger = {0};
    const char *const sum_path = fs_join(&pawl->call, pawl->set.folder, SUM_FILE_NAME);
    if (sum_path == NULL)
        return err_nomem(err);
    if (!handle_load(pawl, &work->set, err) ||
        !prepare_sum(&pawl->call, &work->set, sum_path, err) ||
        !handle_connect(pawl, !dry_run, &target, &ledger, err))
        return false;
    prepare_deploy(&pawl->config, &pawl->target, &options);
    options.set = &work->set;
    options.plan.to = pawl->to;
    options.release = pawl->release;
    options.dry_run = dry_run;
    options.black_box = (struct black_box_options){0}; /* files are the program's own business */
    if (wait_ms >= 0)
        options.wait_ms = options.reservation_wait_ms = handle_wait(wait_ms);
    if (pawl->on_event != NULL)
        options.listener = (struct deploy_listener){.on_event = forward, .context = pawl};
    work->begun = true;
    return deploy_run(&pawl->call, &target, &pawl->wait, &ledger, &options, &work->result,
                      &pawl->findings, err);
}

static bool list_pending(const struct work *work, struct migration_list *ret, struct err *err)
{
    const struct deploy_result *const result = &work->result;
    for (size_t i = deploy_first_pending(result); i < result->plan.items.count; i++) {
        const struct plan_item *const item = &result->plan.items.items[i];
        const enum pawl_state state = item->recognised        ? PAWL_STATE_RECOGNISED
                                      : item->partial != NULL ? PAWL_STATE_PARTIAL
                                      : item->out_of_order    ? PAWL_STATE_OUT_OF_ORDER
                                                              : PAWL_STATE_PENDING;
        struct pawl_migration *const added =
            migration_list_add(&work->pawl->call, ret, state, item->migration, NULL);
        if (added == NULL)
            return err_nomem(err);
        added->statements = item->script.statements.count;
    }
    return true;
}

static bool list_held(const struct work *work, struct migration_list *ret, struct err *err)
{
    const struct plan *const plan = &work->result.plan;
    for (size_t i = 0; i < plan->held.count; i++) {
        const struct plan_held *const held = &plan->held.items[i];
        struct pawl_migration *const added =
            migration_list_add(&work->pawl->call, ret, PAWL_STATE_HELD, held->item.migration, NULL);
        if (added == NULL)
            return err_nomem(err);
        added->statements = held->item.script.statements.count;
        added->why = held->why;
    }
    return true;
}

static bool list_renamed(const struct work *work, struct migration_list *ret, struct err *err)
{
    const struct plan *const plan = &work->result.plan;
    for (size_t i = 0; i < plan->renames.count; i++)
        if (migration_list_add(&work->pawl->call, ret, PAWL_STATE_RENAMED,
                               plan->renames.items[i]->migration,
                               plan->renames.items[i]->applied) == NULL)
            return err_nomem(err);
    return true;
}

static bool list_applied(const struct work *work, struct migration_list *ret, struct err *err)
{
    for (size_t i = 0; i < work->result.done.count; i++) {
        const struct deploy_done *const done = &work->result.done.items[i];
        struct pawl_migration *const added = migration_list_add(
            &work->pawl->call, ret, done->recognised ? PAWL_STATE_RECOGNISED : PAWL_STATE_APPLIED,
            done->migration, NULL);
        if (added == NULL)
            return err_nomem(err);
        added->elapsed_ms = done->ms;
        added->receipt = done->receipt;
    }
    return true;
}

/* ---- pawl_plan() ---- */

static bool plan_result(const struct work *work, const struct pawl_plan_result **ret,
                        struct err *err)
{
    struct migration_list pending = {0}, renamed = {0}, held = {0};
    struct pawl_plan_result *const result = arena_alloc(&work->pawl->call, sizeof *result);
    if (result == NULL)
        return err_nomem(err);
    if (!list_pending(work, &pending, err) || !list_renamed(work, &renamed, err) ||
        !list_held(work, &held, err))
        return false;
    *result = (struct pawl_plan_result){
        .pending = pending.items,
        .pending_count = pending.count,
        .renamed = renamed.items,
        .renamed_count = renamed.count,
        .older_code = work->result.plan.comparison.older_code,
        .head = work->result.head,
        .held = held.items,
        .held_count = held.count,
    };
    *ret = result;
    return true;
}

static bool plan(struct pawl *pawl, const struct pawl_plan_result **ret, struct err *err)
{
    struct work *const work = arena_alloc(&pawl->call, sizeof *work);
    if (work == NULL)
        return err_nomem(err);
    work->pawl = pawl;
    const bool ok = run(work, true, 0, err);
    if (!ok && (!work->begun || err->code != ERR_REFUSED))
        return false;
    CLEANUP(err_release) struct err second = {0};
    return plan_result(work, ret, &second) ? ok : ok && err_nomem(err);
}

enum pawl_code pawl_plan(struct pawl *pawl, const struct pawl_plan_result **ret)
{
    enum pawl_code code;
    const struct pawl_plan_result *result = NULL;
    if (ret != NULL)
        *ret = NULL;
    if (!call_begin(pawl, &code))
        return code;
    const bool ok = plan(pawl, &result, &pawl->err);
    if (ret != NULL)
        *ret = result;
    return call_end(pawl, ok);
}

/* ---- pawl_deploy() ---- */

static bool deploy_result(const struct work *work, const struct pawl_deploy_result **ret,
                          struct err *err)
{
    struct migration_list applied = {0}, pending = {0}, held = {0};
    struct pawl_deploy_result *const result = arena_alloc(&work->pawl->call, sizeof *result);
    if (result == NULL)
        return err_nomem(err);
    if (!list_applied(work, &applied, err) || !list_pending(work, &pending, err) ||
        !list_held(work, &held, err))
        return false;
    *result = (struct pawl_deploy_result){
        .applied = applied.items,
        .applied_count = applied.count,
        .pending = pending.items,
        .pending_count = pending.count,
        .renamed = work->result.renamed,
        .waited = work->result.waited,
        .older_code = work->result.plan.comparison.older_code,
        .head = work->result.head,
        .leftover = work->result.leftover,
        .held = held.items,
        .held_count = held.count,
    };
    *ret = result;
    return true;
}

static bool deploy(struct pawl *pawl, int64_t wait_ms, const struct pawl_deploy_result **ret,
                   struct err *err)
{
    struct work *const work = arena_alloc(&pawl->call, sizeof *work);
    if (work == NULL)
        return err_nomem(err);
    work->pawl = pawl;
    const bool ok = run(work, false, wait_ms, err);
    if (!work->begun)
        return false;
    CLEANUP(err_release) struct err second = {0};
    if (deploy_result(work, ret, &second) || !ok)
        return ok;
    (void)err_nomem(err);
    err_state(err, "The deploy was done, only its result is missing.");
    return false;
}

enum pawl_code pawl_deploy(struct pawl *pawl, int64_t wait_ms,
                           const struct pawl_deploy_result **ret)
{
    enum pawl_code code;
    const struct pawl_deploy_result *result = NULL;
    if (ret != NULL)
        *ret = NULL;
    if (!call_begin(pawl, &code))
        return code;
    const bool ok = deploy(pawl, wait_ms, &result, &pawl->err);
    if (ret != NULL)
        *ret = result;
    return call_end(pawl, ok);
}
