/* The backup that a deploy takes before it begins, where its settings want one. */
#include <string.h>

#include "db/sqlstate.h"
#include "deploy/backup.h"
#include "deploy/run.h"

/* Where no mutex keeps other deploys away, one of them may apply something meanwhile. */
enum { TRIES = 3 };

static struct backup_work work_of(const struct run *run)
{
    return (struct backup_work){.arena = run->arena,
                                .ledger = run->ledger,
                                .target = run->target,
                                .wait = run->wait,
                                .options = &run->options->backup,
                                .journal = &run->journal,
                                .listener = run->options->listener};
}

static void tell(const struct run *run, const char *text)
{
    deploy_tell(&run->options->listener, &(struct deploy_event){.type = DEPLOY_NOTE, .text = text});
}

static void refuse(const struct run *run, struct err *err)
{
    static const char without[] =
        "`pawl deploy --override backup --reason TEXT` goes on without one.";
    if (err->code == ERR_SIGNAL || err->code == ERR_NOMEM)
        return;
    const char *const hint = err->hint != NULL ? arena_strdup(run->arena, err->hint) : NULL;
    err_state(err, "Nothing was changed.");
    if (err->code != ERR_REFUSED)
        return;
    if (hint != NULL)
        err_hint(err, "%s %s", hint, without);
    else
        err_hint(err, "%s", without);
}

/* *ret_again: another pawl has applied something since our plan. */
static bool take_once(struct run *run, struct backup *backup, bool *ret_again, struct err *err)
{
    const struct backup_work work = work_of(run);
    struct receipt receipt;
    *ret_again = false;
    if (!backup_take(&work, backup, err))
        return false;
    if (backup_record(&work, backup, run->last_change, &receipt, err)) {
        tell(run, backup_text(run->arena, backup));
        return true;
    }
    *ret_again = sqlstate_reaction(err->sqlstate) == REACTION_REPLAN;
    return false;
}

static bool take(struct run *run, struct backup *backup, struct err *err)
{
    for (int tries = 1;; tries++) {
        bool again = false;
        if (take_once(run, backup, &again, err))
            break;
        if (!again || tries >= TRIES)
            return false;
        err_release(err);
        if (!run_plan(run, err))
            return false;
        if (!backup_wanted(&run->options->backup, &run->result->plan))
            return true;
    }
    run->result->backup = backup;
    return run_plan(run, err); /* the journal has a row more, and maybe others of these minutes */
}

bool backup_before(struct run *run, struct err *err)
{
    const struct backup *counting = NULL;
    if (!backup_wanted(&run->options->backup, &run->result->plan))
        return true;
    if ((run->options->overrides & OVERRIDE_BACKUP) != 0) {
        run->overridden |= OVERRIDE_BACKUP;
        tell(run, "goes on without a backup");
        return true;
    }
    const struct backup_work work = work_of(run);
    struct backup *const backup = arena_alloc(run->arena, sizeof *backup);
    if (backup == NULL)
        return err_nomem(err);
    if (!backup_counting(&work, &counting, err))
        return false;
    if (counting != NULL) {
        *backup = *counting;
        run->result->backup = backup;
        tell(run, backup_text(run->arena, backup));
        return true;
    }
    if (take(run, backup, err))
        return true;
    refuse(run, err);
    return false;
}

void backup_note(struct run *run)
{
    if (backup_wanted(&run->options->backup, &run->result->plan))
        tell(run, "a deploy takes a backup first, or finds one that counts");
}

void backup_remind(const struct run *run, struct err *err)
{
    const struct backup *const backup = run->result->backup;
    const char *const text = backup != NULL ? backup_text(run->arena, backup) : NULL;
    const char *const state =
        err->state != NULL ? arena_strdup(run->arena, err->state) : "What stands is in the ledger.";
    if (text != NULL && state != NULL)
        err_state(err, "%s\n%c%s", state, text[0] - 'a' + 'A', text + 1);
}
