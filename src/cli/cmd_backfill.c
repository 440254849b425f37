/* pawl backfill: how far backfills have come; paused, resumed or given up from another shell. */
#include <string.h>

#include "base/fs.h"
#include "cli/backfill_text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/workspace.h"
#include "ledger/look.h"
#include "live/announce.h"
#include "live/underway.h"

/* ---- status ---- */

/* Those that have not begun. */
static bool add_pending(struct cli *cli, const struct comparison *comparison,
                        const struct checkpoints *list, json_t *array, size_t *ret_count,
                        struct err *err)
{
    for (size_t i = 0; i < comparison->count; i++) {
        const struct match *const match = &comparison->items[i];
        const struct migration *const m = match->migration;
        if (match->kind != MATCH_PENDING || m->kind != KIND_BACKFILL ||
            checkpoints_find(list, m->id) != NULL)
            continue;
        (*ret_count)++;
        output_result(&cli->output, "backfill %s  pending\n", m->id);
        if (json_array_append_new(
                array, json_pack("{so ss}", "id", cli_json_text(m->id), "state", "pending")) != 0)
            return err_nomem(err);
    }
    return true;
}

/* Those whose file was removed, or given another name, since they began. */
static void say_removed(struct cli *cli, const struct set *set, const struct checkpoints *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (set_find(set, list->items[i].migration) == NULL)
            output_chat(&cli->output,
                        "note: \"%s\" is not in the set: put its file back, or give it up: pawl "
                        "backfill cancel %s --reason TEXT",
                        list->items[i].migration, list->items[i].migration);
}

static bool list_all(struct cli *cli, struct session *session, json_t *array, struct err *err)
{
    struct workspace workspace;
    struct checkpoints list;
    struct look look;
    const char *busy = NULL;
    if (!workspace_load(cli, &workspace, err) || !session_open(cli, false, session, err) ||
        !look_read(&session->ledger, &cli->arena, &look, err) ||
        !look_compare(&cli->arena, &workspace.set, &cli->findings, &look, err) ||
        !checkpoint_list(&session->ledger, &cli->arena, &list, err) ||
        !underway_look(&session->ledger, &cli->arena, &busy, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (json_array_append_new(array, backfill_json(&list.items[i], busy != NULL)) != 0)
            return err_nomem(err);
    size_t count = list.count;
    if (!backfills_say(&cli->output, &cli->arena, &list, busy != NULL))
        return err_nomem(err);
    say_removed(cli, &workspace.set, &list);
    if (!add_pending(cli, &look.comparison, &list, array, &count, err))
        return false;
    if (count == 0)
        output_result(&cli->output, "no backfill has begun, and none is pending\n");
    return true;
}

static bool status(struct cli *cli, struct session *session, struct err *err)
{
    json_t *const array = json_array();
    const bool ok = array != NULL ? list_all(cli, session, array, err) : err_nomem(err);
    cli_result(cli, "backfills", array);
    return ok;
}

/* ---- pause, resume, cancel ---- */

struct change {
    const char *word;
    const char *none; /* where there is nothing to do it to */
    bool to_paused, to_others;
    bool reason; /* one must be given */
    bool (*make)(struct cli *cli, struct session *session, struct announcer *announcer,
                 const struct checkpoint *chosen, const char *reason, struct err *err);
};

static void say_head(struct cli *cli, const struct checkpoint *chosen, const char *head)
{
    cli_result(cli, "backfill", cli_json_text(chosen->migration));
    cli_result(cli, "head", cli_json_text(head));
    if (head != NULL)
        output_result(&cli->output, "ledger at %s\n", head);
}

static bool switch_to(struct cli *cli, struct announcer *announcer, bool pause,
                      const struct checkpoint *chosen, const char *reason, struct err *err)
{
    const char *head = NULL;
    const bool already = (chosen->paused_by != NULL) == pause;
    if (!already && !announce_backfill(announcer, chosen, pause, reason, &head, err))
        return false;
    cli_result(cli, "paused", json_boolean(pause));
    cli_result(cli, "changed", json_boolean(!already));
    output_result(&cli->output, "%s %s%s\n", chosen->migration, already ? "was " : "",
                  pause     ? "paused"
                  : already ? "not paused"
                            : "goes on");
    say_head(cli, chosen, head);
    return true;
}

static bool pause(struct cli *cli, struct session *session, struct announcer *announcer,
                  const struct checkpoint *chosen, const char *reason, struct err *err)
{
    (void)session;
    return switch_to(cli, announcer, true, chosen, reason, err);
}

static bool resume(struct cli *cli, struct session *session, struct announcer *announcer,
                   const struct checkpoint *chosen, const char *reason, struct err *err)
{
    (void)session;
    return switch_to(cli, announcer, false, chosen, reason, err);
}

/* Where no lock keeps deploys off (SQLite, poolers) one that is at work would begin it anew. */
static bool refuse_busy(struct cli *cli, struct session *session, struct err *err)
{
    const char *busy = NULL;
    if (!underway_look(&session->ledger, &cli->arena, &busy, err))
        return false;
    if (busy == NULL)
        return true;
    (void)err_set(err, ERR_BUSY, "a deploy is at work");
    err_detail(err, "%s", busy);
    err_state(err, "Nothing was changed.");
    err_hint(err, "Stop it, or wait for it; then type it again.");
    return false;
}

static bool cancel(struct cli *cli, struct session *session, struct announcer *announcer,
                   const struct checkpoint *chosen, const char *reason, struct err *err)
{
    const char *const place = checkpoint_text(&cli->arena, chosen, 0);
    const char *head = NULL;
    if (place == NULL)
        return err_nomem(err);
    if (!refuse_busy(cli, session, err) ||
        !announce_backfill_cancelled(announcer, chosen, reason, &head, err))
        return false;
    cli_result(cli, "cancelled", json_true());
    output_result(&cli->output, "%s cancelled at %s, which stand\n", chosen->migration, place);
    say_head(cli, chosen, head);
    return true;
}

static const struct change changes[] = {
    {"pause", "no backfill has begun that could be paused", false, true, false, pause},
    {"resume", "no backfill is paused", true, false, false, resume},
    {"cancel", "no backfill has begun that could be cancelled", true, true, true, cancel},
};

static bool refuse_choice(struct err *err)
{
    err_hint(err, "`pawl backfill` shows those that have begun.");
    return false;
}

/* The one that is named, or the only one that it can be. */
static bool choose(struct cli *cli, const struct checkpoints *list, const struct change *change,
                   const struct checkpoint **ret, struct err *err)
{
    const char *const id = cli->words.count > 1 ? cli->words.items[1] : NULL;
    *ret = NULL;
    if (id != NULL) {
        const char *const shown = fs_printable(&cli->arena, id);
        *ret = checkpoints_find(list, id);
        if (*ret != NULL)
            return true;
        (void)err_set(err, ERR_USAGE, "no backfill \"%s\" has begun", shown != NULL ? shown : "?");
        return refuse_choice(err);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!(list->items[i].paused_by != NULL ? change->to_paused : change->to_others))
            continue;
        if (*ret != NULL) {
            (void)err_set(err, ERR_USAGE, "several backfills have begun: name one of them");
            return refuse_choice(err);
        }
        *ret = &list->items[i];
    }
    if (*ret != NULL)
        return true;
    (void)err_set(err, ERR_USAGE, "%s", change->none);
    return refuse_choice(err);
}

static bool change_one(struct cli *cli, struct session *session, const struct change *change,
                       struct err *err)
{
    struct announcer announcer;
    struct checkpoints list;
    const struct checkpoint *chosen = NULL;
    const char *reason = NULL;
    return session_reason(cli, change->reason, &reason, err) &&
           session_open(cli, true, session, err) &&
           announce_open(&cli->arena, &session->ledger, &announcer, err) &&
           checkpoint_list(&session->ledger, &cli->arena, &list, err) &&
           choose(cli, &list, change, &chosen, err) &&
           change->make(cli, session, &announcer, chosen, reason, err);
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    const char *const word = cli->words.count > 0 ? cli->words.items[0] : "status";
    if (strcmp(word, "status") == 0 && cli->words.count < 2)
        return status(cli, &session, err);
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        if (strcmp(word, changes[i].word) == 0)
            return change_one(cli, &session, &changes[i], err);
    return err_set(err, ERR_USAGE,
                   "`pawl backfill` takes status, or pause, resume or cancel and an id");
}

static const struct option options[] = {
    {.name = "reason", .argument = "TEXT", .text = "why, for the ledger and for who waits"},
};

static const struct example examples[] = {
    {"pawl backfill", "how far each has come, at what rate, and what is pending"},
    {"pawl backfill pause --reason 'the sale begins'",
     "the running one waits before its next batch"},
    {"pawl backfill resume", "and goes on"},
    {"pawl backfill cancel --reason 'the column is not wanted any more'",
     "gives up the one that has stopped part-way"},
};

const struct command command_backfill = {
    .name = "backfill",
    .group = GROUP_ACT,
    .summary = "see how far backfills have come; pause, resume and cancel them",
    .usage = "[status|pause [ID]|resume [ID]|cancel [ID]]",
    .about =
        "A backfill is a migration with kind=backfill: `pawl deploy` runs it batch by batch. A\n"
        "deploy that is at work sees a pause before its next batch, waits without an open\n"
        "transaction, and goes on once it is resumed. A pause lasts until then, for later deploys\n"
        "too. `cancel` gives up one that has stopped: what it has done stands, and it is pending\n"
        "again as if it had never begun.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 2,
    .word_choices = "status|pause|resume|cancel",
    .needs = NEEDS_TARGET,
    .run = run,
};
