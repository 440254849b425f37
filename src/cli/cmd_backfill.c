/* pawl backfill: how far backfills have come; one paused, or let go on, from another shell. */
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

/* ---- pause and resume ---- */

static bool none_to(bool pause, struct err *err)
{
    (void)err_set(err, ERR_USAGE,
                  pause ? "no backfill has begun that could be paused" : "no backfill is paused");
    err_hint(err, "`pawl backfill` shows those that have begun.");
    return false;
}

/* The one that is named, or the only one that it can be. */
static bool choose(struct cli *cli, const struct checkpoints *list, bool pause,
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
        err_hint(err, "`pawl backfill` shows those that have begun.");
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if ((list->items[i].paused_by == NULL) != pause)
            continue;
        if (*ret != NULL)
            return err_set(err, ERR_USAGE, "several backfills have begun: name one of them");
        *ret = &list->items[i];
    }
    return *ret != NULL || none_to(pause, err);
}

static bool switch_one(struct cli *cli, struct session *session, bool pause, struct err *err)
{
    struct announcer announcer;
    struct checkpoints list;
    const struct checkpoint *chosen = NULL;
    const char *reason = NULL, *head = NULL;
    if (!session_reason(cli, false, &reason, err) || !session_open(cli, true, session, err) ||
        !announce_open(&cli->arena, &session->ledger, &announcer, err) ||
        !checkpoint_list(&session->ledger, &cli->arena, &list, err) ||
        !choose(cli, &list, pause, &chosen, err))
        return false;
    const bool already = (chosen->paused_by != NULL) == pause;
    if (!already && !announce_backfill(&announcer, chosen, pause, reason, &head, err))
        return false;
    cli_result(cli, "backfill", cli_json_text(chosen->migration));
    cli_result(cli, "paused", json_boolean(pause));
    cli_result(cli, "changed", json_boolean(!already));
    cli_result(cli, "head", cli_json_text(head));
    output_result(&cli->output, "%s %s%s\n", chosen->migration, already ? "was " : "",
                  pause     ? "paused"
                  : already ? "not paused"
                            : "goes on");
    if (head != NULL)
        output_result(&cli->output, "ledger at %s\n", head);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    const char *const word = cli->words.count > 0 ? cli->words.items[0] : "status";
    const bool pause = strcmp(word, "pause") == 0;
    if (strcmp(word, "status") == 0 && cli->words.count < 2)
        return status(cli, &session, err);
    if (pause || strcmp(word, "resume") == 0)
        return switch_one(cli, &session, pause, err);
    return err_set(err, ERR_USAGE, "`pawl backfill` takes status, or pause or resume and an id");
}

static const struct option options[] = {
    {.name = "reason", .argument = "TEXT", .text = "why, for the ledger and for who waits"},
};

static const struct example examples[] = {
    {"pawl backfill", "how far each has come, at what rate, and what is pending"},
    {"pawl backfill pause --reason 'the sale begins'",
     "the running one waits before its next batch"},
    {"pawl backfill resume", "and goes on"},
};

const struct command command_backfill = {
    .name = "backfill",
    .group = GROUP_ACT,
    .summary = "see how far backfills have come; pause and resume them",
    .usage = "[status|pause [ID]|resume [ID]]",
    .about =
        "A backfill is a migration with kind=backfill: `pawl deploy` runs it batch by batch. A\n"
        "deploy that is at work sees a pause before its next batch, waits without an open\n"
        "transaction, and goes on once it is resumed. A pause lasts until then, for later deploys\n"
        "too.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 2,
    .word_choices = "status|pause|resume",
    .needs = NEEDS_TARGET,
    .run = run,
};
