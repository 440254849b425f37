/* The frame of every call: what it starts with and what it leaves. */
#include "api/handle.h"

#include "base/fs.h"
#include "deploy/prepare.h"

static const struct pawl_error no_memory = {
    .code = PAWL_FAILED, .sqlstate = "", .message = "out of memory"};

const char *pawl_version(void)
{
    return PAWL_VERSION;
}

int pawl_version_number(void)
{
    return PAWL_VERSION_NUMBER;
}

/* ---- the frame ---- */

bool call_begin(struct pawl *pawl, enum pawl_code *ret_code)
{
    *ret_code = pawl == NULL ? PAWL_FAILED : PAWL_USAGE;
    if (pawl == NULL)
        return false;
    if (!pawl->usable) {
        *ret_code = pawl->error.code;
        return false;
    }
    /* Called by its own callback, or by a second thread: what is there belongs to the first. */
    if (atomic_flag_test_and_set(&pawl->busy))
        return false;
    err_release(&pawl->err);
    arena_release(&pawl->call);
    pawl->findings = (struct findings){0};
    pawl->finding_list = NULL;
    return true;
}

/* A code of the library is the exit code of the command line. */
static enum pawl_code public_code(const struct err *err)
{
    const int code = err_exit_code(err);
    return code > PAWL_CANCELLED ? PAWL_CANCELLED : (enum pawl_code)code;
}

static void publish_error(struct pawl *pawl)
{
    const struct err *const err = &pawl->err;
    pawl->error = (struct pawl_error){
        .code = public_code(err),
        .retryable = err->retryable,
        .sqlstate = err->sqlstate,
        .message = err->message != NULL    ? err->message
                   : err->code == ERR_NONE ? ""
                                           : no_memory.message,
        .detail = err->detail,
        .state = err->state,
        .hint = err->hint,
        .file = err->file,
        .line = err->line,
        .column = err->column,
    };
}

static bool publish_findings(struct pawl *pawl)
{
    const size_t count = pawl->findings.count;
    if (pawl->findings.failed)
        return false;
    if (count == 0)
        return true;
    struct pawl_finding *const items = arena_alloc(&pawl->call, count * sizeof *items);
    const struct pawl_finding **const list = arena_alloc(&pawl->call, count * sizeof *list);
    if (items == NULL || list == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct finding *const finding = &pawl->findings.items[i];
        items[i] = (struct pawl_finding){
            .severity = (enum pawl_severity)finding->severity,
            .rule = finding->rule,
            .what = finding->what,
            .fix = finding->fix,
            .file = finding->file != NULL ? fs_printable(&pawl->call, finding->file) : NULL,
            .line = finding->line,
            .column = finding->column,
        };
        if (finding->file != NULL && items[i].file == NULL)
            return false;
        list[i] = &items[i];
    }
    pawl->finding_list = list;
    return true;
}

enum pawl_code call_end(struct pawl *pawl, bool ok)
{
    const bool shown = publish_findings(pawl);
    if (!shown)
        pawl->findings.count = 0;
    /* An error that happened is worth more than that its findings could not be shown. */
    if (ok && !shown)
        (void)err_nomem(&pawl->err);
    publish_error(pawl);
    atomic_flag_clear(&pawl->busy);
    return pawl->error.code;
}

const struct pawl_error *pawl_last_error(const struct pawl *pawl)
{
    return pawl != NULL ? &pawl->error : &no_memory;
}

const struct pawl_finding *const *pawl_findings(const struct pawl *pawl, size_t *ret_count)
{
    if (ret_count != NULL)
        *ret_count = pawl != NULL ? pawl->findings.count : 0;
    return pawl != NULL ? pawl->finding_list : NULL;
}

/* ---- what several calls begin with ---- */

bool handle_connect(struct pawl *pawl, bool write, struct ledger_options *ret_target,
                    struct ledger *ret, struct err *err)
{
    prepare_target(&pawl->config, &pawl->target, &pawl->url, write, ret_target);
    return ledger_open(&pawl->call, ret_target, &pawl->wait, ret, err);
}

bool handle_load(struct pawl *pawl, struct set *ret, struct err *err)
{
    return handle_check_dialect(pawl, pawl->set.dialect, err) &&
           set_load(&pawl->call, &pawl->set, ret, &pawl->findings, err);
}

int64_t handle_wait(int64_t wait_ms)
{
    const int64_t most_ms = settings[SETTING_WAIT].max;
    return wait_ms < 0 ? 0 : wait_ms > most_ms ? most_ms : wait_ms;
}

bool handle_check_dialect(const struct pawl *pawl, enum dialect dialect, struct err *err)
{
    const bool sqlite = dialect == DIALECT_SQLITE;
    if (sqlite == (pawl->url.engine == ENGINE_SQLITE))
        return true;
    (void)err_set(err, ERR_USAGE, "the migrations are written for %s, the target is %s",
                  sqlite ? "sqlite" : "postgres", engine_name(pawl->url.engine));
    err_state(err, "Nothing was changed.");
    return false;
}
