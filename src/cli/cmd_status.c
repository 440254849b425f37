/* pawl status: what is applied, what is pending, and what is odd. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/activity_text.h"
#include "cli/backfill_text.h"
#include "cli/backup_text.h"
#include "cli/commands.h"
#include "cli/presence_text.h"
#include "cli/recipe_text.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"
#include "ledger/debt.h"
#include "ledger/detail.h"
#include "ledger/look.h"

/* What a target shows. */
struct shown {
    struct look look;
    struct activity activity;
    struct checkpoints backfills;
    struct presence presence;
};

/* A role that may read the journal and not who lives is shown what it may. */
static bool look_who_lives(struct cli *cli, struct ledger *ledger, struct shown *ret,
                           struct err *err)
{
    const struct presence_options options = prepare_presence(&cli->config);
    if (!ret->look.exists || presence_read(ledger, &cli->arena, &ret->look.state, &options,
                                           presence_newest(&ret->look.state), &ret->presence, err))
        return true;
    if (strcmp(err->sqlstate, "42501") != 0) /* insufficient_privilege */
        return false;
    err_release(err);
    ret->presence = (struct presence){0};
    return true;
}

/* The migrations are the point: where the server refuses to show its sessions, they are shown. */
static bool look_at_deploy(struct cli *cli, struct ledger *ledger, struct shown *ret,
                           struct err *err)
{
    CLEANUP(err_release) struct err here = {0};
    if (activity_look(ledger, &cli->arena, &ret->look.journal, &ret->look.state, -1, &ret->activity,
                      &here))
        return true;
    if (here.code != ERR_FAILED) {
        *err = here;
        here = (struct err){0};
        return false;
    }
    output_chat(&cli->output, "warning: cannot see whether a deploy is at work: %s", here.message);
    return true;
}

static bool read_target(struct cli *cli, const struct target *target, const struct url *url,
                        struct shown *ret, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    return session_open_target(cli, target, url, false, &session, err) &&
           look_read(&session.ledger, &cli->arena, &ret->look, err) &&
           look_at_deploy(cli, &session.ledger, ret, err) &&
           look_who_lives(cli, &session.ledger, ret, err) &&
           (!ret->look.exists ||
            checkpoint_list(&session.ledger, &cli->arena, &ret->backfills, err));
}

/* The set is there once it is needed; what is wrong with it is told before what the target said. */
static bool compare(struct cli *cli, struct workspace_loading *loading, bool read,
                    struct look *look, struct err *err)
{
    return workspace_finish(loading, err) && set_demand_scheme(&loading->findings, err) && read &&
           look_compare(&cli->arena, &loading->workspace.set, &loading->findings, look, err);
}

static const char *const state_words[] = {
    [LOOK_PENDING] = "pending",     [LOOK_APPLIED] = "applied",
    [LOOK_ADOPTED] = "adopted",     [LOOK_RENAMED] = "renamed",
    [LOOK_EDITED] = "edited",       [LOOK_DOUBTFUL] = "doubtful",
    [LOOK_CHANGED] = "changed",     [LOOK_OUT_OF_ORDER] = "out of order",
    [LOOK_PARTIAL] = "part-way",    [LOOK_NOT_IN_SET] = "not in the set",
    [LOOK_RECOGNISED] = "in place", [LOOK_SPLIT] = "in part",
    [LOOK_HELD] = "held",
};

static const char *time_text(struct arena *arena, int64_t at_us)
{
    char text[CLOCK_ISO_BYTES];
    clock_format_s(at_us, text);
    return arena_strdup(arena, text);
}

static const char *elapsed_text(struct arena *arena, int64_t ms)
{
    char text[CLOCK_ISO_BYTES];
    if (ms < 0)
        return "";
    clock_format_elapsed_ms(ms, text);
    return arena_strdup(arena, text);
}

static json_t *row_json(const char *id, const char *word, const struct applied *applied,
                        const char *at, const char *was)
{
    return json_pack("{so so so so so}", "id", cli_json_text(id), "state", cli_json_text(word),
                     "at", applied != NULL ? cli_json_text(at) : json_null(), "ms",
                     applied != NULL && applied->ms >= 0 ? json_integer((json_int_t)applied->ms)
                                                         : json_null(),
                     "known_as", cli_json_text(was));
}

/* Into the table or into the array, as the output is. */
static bool add_row(struct cli *cli, struct table *table, json_t *array, const char *id,
                    const char *word, const struct applied *applied, struct err *err)
{
    const char *const at = applied != NULL ? time_text(&cli->arena, applied->at_us) : "";
    const char *const was =
        applied != NULL && strcmp(applied_name(applied), id) != 0 ? applied_name(applied) : NULL;
    if (at == NULL)
        return err_nomem(err);
    if (cli->output.json)
        return json_array_append_new(array, row_json(id, word, applied, at, was)) == 0 ||
               err_nomem(err);
    const char *const took = applied != NULL ? elapsed_text(&cli->arena, applied->ms) : "";
    return took != NULL
               ? table_add(&cli->arena, table, (const char *const[]){id, word, at, took, was}, err)
               : err_nomem(err);
}

static bool list(struct cli *cli, const struct look *look, const struct set *set,
                 struct table *table, json_t *array, struct err *err)
{
    for (size_t i = 0; i < look->comparison.count; i++) {
        const struct match *const match = &look->comparison.items[i];
        if (!add_row(cli, table, array, match->migration->id, state_words[look_state(look, match)],
                     match->applied, err))
            return false;
    }
    for (size_t i = 0; i < set->odd.count; i++)
        if (!add_row(cli, table, array, set->odd.items[i].id, "bad name", NULL, err))
            return false;
    for (size_t i = 0; i < look->comparison.missing.count; i++) {
        const struct applied *const applied = look->comparison.missing.items[i];
        if (!add_row(cli, table, array, applied_name(applied), state_words[LOOK_NOT_IN_SET],
                     applied, err))
            return false;
    }
    return true;
}

static void say_override(struct cli *cli, const struct attempt *override)
{
    char number[32] = "";
    if (override->overrides != 0)
        (void)snprintf(number, sizeof number, " %" PRId64, override->overrides);
    output_result(&cli->output, "the deploy at seq %" PRId64 " went over %s%s, by %s on %s: %s\n",
                  override->seq, override->overrode, number,
                  override->user != NULL ? override->user : "?",
                  override->host != NULL ? override->host : "?",
                  override->reason != NULL ? override->reason : "?");
}

static const struct backup *last_of(const struct backups *backups)
{
    return backups->count > 0 ? &backups->items[backups->count - 1] : NULL;
}

/* False when memory is out. Sessions that nothing explains are told where they hold something. */
static bool say_live(struct cli *cli, const struct presence *presence)
{
    for (size_t i = 0; i < presence->releases.count; i++) {
        const struct live_release *const live = &presence->releases.items[i];
        const char *const text = live_release_text(&cli->arena, live);
        if (text == NULL)
            return false;
        if (live->how != PRESENCE_UNKNOWN)
            output_result(&cli->output, "live: %s\n", text);
    }
    return true;
}

/* False when memory is out. */
static bool say_backup(struct cli *cli, const struct backup *backup)
{
    char at[CLOCK_ISO_BYTES];
    if (backup == NULL)
        return true;
    const char *const place = backup_place(&cli->arena, backup);
    if (place == NULL)
        return false;
    clock_format_s(backup->at_us, at);
    output_result(&cli->output, "last backup %s (seq %" PRId64 "): %s\n", at, backup->seq, place);
    if (backup->restore != NULL)
        output_result(&cli->output, "  to restore it beside what is there: %s\n", backup->restore);
    return true;
}

/* What people have said about the target; false when memory is out. */
static bool say_announced(struct cli *cli, const struct look *look)
{
    const struct maintenance *const maintenance = &look->state.maintenance;
    const struct attempt *const override = state_override(&look->state);
    char since[CLOCK_ISO_BYTES];
    clock_format_s(maintenance->since_us, since);
    if (maintenance->on)
        output_result(&cli->output, "maintenance is on since %s, by %s on %s: %s\n", since,
                      maintenance->user != NULL ? maintenance->user : "?",
                      maintenance->host != NULL ? maintenance->host : "?",
                      maintenance->reason != NULL ? maintenance->reason : "?");
    for (size_t i = 0; i < look->state.reservations.count; i++) {
        const struct reservation *const item = &look->state.reservations.items[i];
        if (!reservation_in_force(item, look->journal.now_us))
            continue;
        const char *const text = reservation_text(&cli->arena, item);
        if (text == NULL)
            return false;
        output_result(&cli->output, "reserved (%" PRId64 ") %s\n", item->seq, text);
    }
    if (override != NULL)
        say_override(cli, override);
    return true;
}

static json_t *announced_json(const struct look *look)
{
    const struct maintenance *const maintenance = &look->state.maintenance;
    const struct attempt *const override = state_override(&look->state);
    const struct reservation *const last =
        reservations_last(&look->state.reservations, look->journal.now_us, INT64_MAX);
    char since[CLOCK_ISO_BYTES] = "", until[CLOCK_ISO_BYTES] = "";
    clock_format_us(maintenance->since_us, since);
    if (last != NULL)
        clock_format_us(last->until_us, until);
    return json_pack(
        "{so so so so so}", "maintenance_since", cli_json_text(maintenance->on ? since : NULL),
        "reserved_until", cli_json_text(last != NULL ? until : NULL), "reserved_by",
        cli_json_text(last != NULL ? last->user : NULL), "overridden",
        override != NULL && override->overrides != 0 ? json_integer(override->overrides)
                                                     : json_null(),
        "overrode", cli_json_text(override != NULL ? override->overrode : NULL));
}

/* What the last deploy that looked saw unfinished. */
static void say_debt(struct cli *cli, const struct debts *debts)
{
    char since[CLOCK_ISO_BYTES];
    for (size_t i = 0; i < debts->count; i++) {
        clock_format_s(debts->items[i].since_us, since);
        output_result(&cli->output, "unfinished: %s, since %s\n", debts->items[i].what, since);
    }
}

static json_t *debt_json(const struct debts *debts)
{
    json_t *const array = json_array();
    char since[CLOCK_ISO_BYTES];
    for (size_t i = 0; array != NULL && i < debts->count; i++) {
        clock_format_us(debts->items[i].since_us, since);
        (void)json_array_append_new(array, json_pack("{so so}", "what",
                                                     cli_json_text(debts->items[i].what), "since",
                                                     cli_json_text(since)));
    }
    return array;
}

static json_t *backfills_json(const struct checkpoints *list, bool busy)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < list->count; i++)
        (void)json_array_append_new(array, backfill_json(&list->items[i], busy));
    return array;
}

static bool report(struct cli *cli, const struct target *target, const struct url *url,
                   const struct shown *shown, const struct set *set, json_t *targets,
                   struct err *err)
{
    const struct look *const look = &shown->look;
    struct debts debts;
    struct backups backups;
    struct recipe_debts recipes;
    static const struct table_column columns[] = {
        {"MIGRATION", false}, {"STATE", false}, {"AT", false}, {"TOOK", true}, {"KNOWN AS", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    json_t *rows = json_array();
    const struct comparison *const c = &look->comparison;
    const char *const head = look->head;
    if (rows == NULL || !list(cli, look, set, &table, rows, err)) {
        json_decref(rows);
        return rows != NULL ? false : err_nomem(err);
    }
    output_result(&cli->output, "target %s: %s\n", target->name, url->display);
    if (!table_print(&cli->arena, &cli->output, &table, err)) {
        json_decref(rows);
        return false;
    }
    CLEANUP(str_release) struct str held = {0};
    if (c->held > 0)
        str_printf(&held, ", %zu held", c->held);
    output_result(&cli->output, "%zu applied, %zu pending%s%s\n", look->state.versioned,
                  c->pending - c->held + c->changed, str_text(&held),
                  !look->exists ? "; no ledger yet: nothing was deployed" : "");
    if (set->odd.count > 0)
        output_result(&cli->output, "%zu with a bad name, not deployed: `pawl check` says more\n",
                      set->odd.count);
    if (!activity_say_deploy(&cli->output, &shown->activity, err) ||
        !debt_read(&cli->arena, &look->journal, &debts, err) ||
        !backups_read(&cli->arena, &look->journal, &backups, err) ||
        !recipe_debts_read(&cli->arena, c, &recipes, err)) {
        json_decref(rows);
        return false;
    }
    say_debt(cli, &debts);
    const bool busy = shown->activity.deploying && shown->activity.living != LIVING_NO;
    if (!recipes_say(cli, &recipes) ||
        !backfills_say(&cli->output, &cli->arena, &shown->backfills, busy) ||
        !say_backup(cli, last_of(&backups)) || !say_announced(cli, look) ||
        !say_live(cli, &shown->presence)) {
        json_decref(rows);
        return err_nomem(err);
    }
    if (head != NULL)
        output_result(&cli->output, "ledger at %s%s\n", head, look->whole ? "" : " (BROKEN)");
    if (!look->whole)
        output_chat(&cli->output, "warning: %s", look->broken);
    json_t *const item = json_pack(
        "{so so so sb sb sI sI so so so so so so so sI so}", "target", cli_json_text(target->name),
        "url", cli_json_text(url->display), "head", cli_json_text(head), "ledger",
        (int)look->exists, "chain_whole", (int)look->whole, "applied",
        (json_int_t)look->state.versioned, "pending",
        (json_int_t)(c->pending - c->held + c->changed), "broken", cli_json_text(look->broken),
        "deploy", activity_json_deploy(&shown->activity), "migrations", rows, "debt",
        debt_json(&debts), "backup", backup_json(last_of(&backups)), "backfills",
        backfills_json(&shown->backfills, busy), "recipes", recipes_json(&recipes), "held",
        (json_int_t)c->held, "live", presence_json(&shown->presence));
    CLEANUP(json_release) json_t *announced = announced_json(look);
    if (announced == NULL || json_object_update(item, announced) != 0) {
        json_decref(item);
        return err_nomem(err);
    }
    return json_array_append_new(targets, item) == 0 || err_nomem(err);
}

/* --expect SEQ:HASH: a ledger that was rewritten whole has another hash there. */
static bool check_expected(const struct look *look, const char *expected, struct err *err)
{
    const char *const colon = expected != NULL ? strchr(expected, ':') : NULL;
    if (expected == NULL)
        return true;
    if (colon == NULL || !hash_hex_valid(colon + 1, strlen(colon + 1)))
        return err_set(err, ERR_USAGE, "--expect takes SEQ:HASH as a deploy has printed it");
    const int64_t seq = strtoll(expected, NULL, 10);
    for (size_t i = 0; i < look->journal.count; i++)
        if (look->journal.items[i].seq == seq &&
            strcmp(look->journal.items[i].hash, colon + 1) == 0)
            return true;
    (void)err_set(err, ERR_CHAIN, "the ledger is not the one that had %s", expected);
    err_hint(err, "It was rewritten, restored from an older copy, or is another target's.");
    return false;
}

static bool one_target(struct cli *cli, const struct target *target,
                       struct workspace_loading *loading, json_t *targets, struct err *err)
{
    const struct set *const set = &loading->workspace.set;
    struct url url;
    struct shown shown;
    const struct value *const value = &target->values[SETTING_URL];
    if (!url_parse(&cli->arena, value->text, config_folder_of(&cli->config, value), &url, err))
        return false;
    if (!compare(cli, loading, read_target(cli, target, &url, &shown, err), &shown.look, err))
        return false;
    const struct comparison *const comparison = &shown.look.comparison;
    if (cli_flag(cli, "exit-code") && comparison->pending - comparison->held +
                                              comparison->doubtful + comparison->changed +
                                              set->odd.count >
                                          0)
        cli->outcome = ERR_NOT_READY;
    return report(cli, target, &url, &shown, set, targets, err) &&
           check_expected(&shown.look, cli_option(cli, "expect"), err);
}

/* Every target is shown; the first that cannot be read gives the error. */
static bool all_targets(struct cli *cli, struct workspace_loading *loading, json_t *targets,
                        struct err *err)
{
    bool ok = true;
    if (cli->config.targets.count == 0)
        return err_set(err, ERR_USAGE, "no target is configured");
    if (!workspace_finish(loading, err))
        return false;
    for (size_t i = 0; i < cli->config.targets.count; i++) {
        CLEANUP(err_release) struct err here = {0};
        if (one_target(cli, &cli->config.targets.items[i], loading, targets, &here))
            continue;
        output_result(&cli->output, "target %s: %s\n", cli->config.targets.items[i].name,
                      here.message);
        (void)json_array_append_new(targets,
                                    json_pack("{so so}", "target",
                                              cli_json_text(cli->config.targets.items[i].name),
                                              "error", cli_json_text(here.message)));
        if (ok) {
            *err = here;
            here = (struct err){0};
        }
        ok = false;
    }
    return ok;
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(workspace_loading_release) struct workspace_loading loading = {0};
    json_t *targets = json_array();
    struct target target;
    bool ok = targets != NULL || err_nomem(err);
    ok = ok && workspace_start(cli, &loading, err);
    if (ok && cli_flag(cli, "all"))
        ok = all_targets(cli, &loading, targets, err);
    else
        ok = ok &&
             config_target(&cli->arena, &cli->config, cli_option(cli, "target"),
                           cli_option(cli, "url"), &target, err) &&
             one_target(cli, &target, &loading, targets, err);
    cli_result(cli, "targets", targets);
    return ok;
}

static const struct option options[] = {
    {.name = "all", .text = "every configured target"},
    {.name = "exit-code", .text = "exit with 4 when something is pending"},
    {.name = "expect", .argument = "SEQ:HASH", .text = "fail when the ledger never had this row"},
};

static const struct example examples[] = {
    {"pawl status", "each migration with its state"},
    {"pawl status --all --json", "all targets, for a script"},
    {"pawl status --exit-code", "exit code 4 when something is pending"},
};

const struct command command_status = {
    .name = "status",
    .group = GROUP_SEE,
    .summary = "show what is applied and what is pending",
    .usage = "",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_CONFIG,
    .run = run,
};
