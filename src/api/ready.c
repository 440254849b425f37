/* pawl_ready(). */
#include "api/handle.h"
#include "deploy/prepare.h"
#include "live/await.h"
#include "live/source.h"

/* The answer's ids, copied from the looks' own arena. */
static bool copy_names(struct pawl *pawl, const struct ready_names *names, const char *const **ret,
                       size_t *ret_count, struct err *err)
{
    const char **const items = arena_alloc(&pawl->call, (names->count + 1) * sizeof *items);
    if (items == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < names->count; i++) {
        items[i] = arena_strdup(&pawl->call, names->items[i]);
        if (items[i] == NULL)
            return err_nomem(err);
    }
    *ret = items;
    *ret_count = names->count;
    return true;
}

static bool copy_result(struct pawl *pawl, const struct ready_result *answer,
                        const struct pawl_ready_result **ret, struct err *err)
{
    struct pawl_ready_result *const result = arena_alloc(&pawl->call, sizeof *result);
    const char *const reason = arena_strdup(&pawl->call, answer->reason);
    if (result == NULL || reason == NULL)
        return err_nomem(err);
    result->reason = reason;
    if (!copy_names(pawl, &answer->missing, &result->missing, &result->missing_count, err) ||
        !copy_names(pawl, &answer->passed, &result->passed, &result->passed_count, err) ||
        !copy_names(pawl, &answer->edited, &result->edited, &result->edited_count, err))
        return false;
    *ret = result;
    return true;
}

/* A no is an error to the caller: the reason, and what to do about it. */
static bool give_verdict(const struct ready_result *answer, struct err *err)
{
    switch (answer->verdict) {
    case READY_YES:
        break;
    case READY_WAIT:
        (void)err_set(err, ERR_NOT_READY, "%s", answer->reason);
        err_hint(err, "Deploy this code's migrations (pawl deploy), or wait longer for it.");
        err->retryable = true;
        return false;
    case READY_NEVER:
        (void)err_set(err, ERR_NEVER_READY, "%s", answer->reason);
        err_hint(
            err,
            "Start newer code: this code cannot work with the schema as it is now. To go back, "
            "write what undoes it in newer code: pawl new NAME --revert %s.",
            answer->passed.count > 0 ? answer->passed.items[0] : "ID");
        return false;
    }
    return true;
}

static bool ask(struct pawl *pawl, int64_t wait_ms, const struct pawl_ready_result **ret,
                struct err *err)
{
    struct source source;
    struct ledger_options target;
    struct ready_result answer;
    CLEANUP(arena_release) struct arena looks = {0};
    const struct ready_patience patience = {.wait_ms = handle_wait(wait_ms)};
    prepare_target(&pawl->config, &pawl->target, &pawl->url, false, &target);
    return source_open(&pawl->call, &pawl->set, &source, err) &&
           handle_check_dialect(pawl, source.ready.dialect, err) &&
           ready_await(&looks, &target, &pawl->wait, &source.ready, &patience, &answer, err) &&
           copy_result(pawl, &answer, ret, err) && give_verdict(&answer, err);
}

enum pawl_code pawl_ready(struct pawl *pawl, int64_t wait_ms, const struct pawl_ready_result **ret)
{
    enum pawl_code code;
    const struct pawl_ready_result *result = NULL;
    if (ret != NULL)
        *ret = NULL;
    if (!call_begin(pawl, &code))
        return code;
    const bool ok = ask(pawl, wait_ms, &result, &pawl->err);
    if (ret != NULL)
        *ret = result;
    return call_end(pawl, ok);
}
