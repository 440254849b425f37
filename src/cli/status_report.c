/* A target's migrations in a table, and under it what is odd, unfinished, announced or alive. */
#include "cli/status_report.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/activity_text.h"
#include "cli/backfill_text.h"
#include "cli/backup_text.h"
#include "cli/presence_text.h"
#include "cli/recipe_text.h"
#include "cli/table.h"
#include "ledger/debt.h"
#include "ledger/detail.h"

/* ---- the migrations ---- */

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

/* ---- the lines below them ---- */

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

static void say_overridden_start(struct cli *cli, const struct overridden_start *start)
{
    output_result(&cli->output,
                  "code%s%s%s was started at seq %" PRId64
                  " though the contract migration \"%s\" has passed it by, by %s on %s: %s\n",
                  start->release != NULL ? " of release \"" : "",
                  start->release != NULL ? start->release : "", start->release != NULL ? "\"" : "",
                  start->seq, start->migration, start->user != NULL ? start->user : "?",
                  start->host != NULL ? start->host : "?",
                  start->reason != NULL ? start->reason : "?");
}

static json_t *overridden_start_json(const struct overridden_start *start)
{
    if (start->seq == 0)
        return json_null();
    return json_pack("{sI so so so so so}", "seq", (json_int_t)start->seq, "release",
                     cli_json_text(start->release), "migration", cli_json_text(start->migration),
                     "user", cli_json_text(start->user), "host", cli_json_text(start->host),
                     "reason", cli_json_text(start->reason));
}

static const struct backup *last_of(const struct backups *backups)
{
    return backups->count > 0 ? &backups->items[backups->count - 1] : NULL;
}

/* False when memory is out. Sessions that nothing explains are told where they hold something. */
static bool say_live(struct cli *cli, const struct presence *presence, bool held)
{
    for (size_t i = 0; i < presence->releases.count; i++) {
        const struct live_release *const live = &presence->releases.items[i];
        const char *const text = live_release_text(&cli->arena, live);
        if (text == NULL)
            return false;
        if (live->how != PRESENCE_UNKNOWN || held)
            output_result(&cli->output, "live: %s\n", text);
        if (live->how == PRESENCE_UNKNOWN && held)
            live_release_say_advice(cli, live);
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
    if (look->state.overridden_start.seq != 0)
        say_overridden_start(cli, &look->state.overridden_start);
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
        "{so so so so so so}", "maintenance_since", cli_json_text(maintenance->on ? since : NULL),
        "reserved_until", cli_json_text(last != NULL ? until : NULL), "reserved_by",
        cli_json_text(last != NULL ? last->user : NULL), "overridden",
        override != NULL && override->overrides != 0 ? json_integer(override->overrides)
                                                     : json_null(),
        "overrode", cli_json_text(override != NULL ? override->overrode : NULL), "overridden_start",
        overridden_start_json(&look->state.overridden_start));
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

/* ---- the whole ---- */

/* What the journal tells besides the migrations. */
struct told {
    struct debts debts;
    struct backups backups;
    struct recipe_debts recipes;
    bool busy; /* a deploy is at work, as far as can be seen */
};

static bool read_told(struct cli *cli, const struct status *status, struct told *ret,
                      struct err *err)
{
    const struct look *const look = &status->look;
    ret->busy = status->activity.deploying && status->activity.living != LIVING_NO;
    return debt_read(&cli->arena, &look->journal, &ret->debts, err) &&
           backups_read(&cli->arena, &look->journal, &ret->backups, err) &&
           recipe_debts_read(&cli->arena, &look->comparison, &ret->recipes, err);
}

/* A held one is told apart from those that only wait for a deploy. */
static size_t pending_of(const struct comparison *c)
{
    return c->pending - c->held + c->changed;
}

static void say_counts(struct cli *cli, const struct look *look, const struct set *set)
{
    const struct comparison *const c = &look->comparison;
    char held[32] = "";
    if (c->held > 0)
        (void)snprintf(held, sizeof held, ", %zu held", c->held);
    output_result(&cli->output, "%zu applied, %zu pending%s%s\n", look->state.versioned,
                  pending_of(c), held,
                  !look->exists ? "; no ledger yet: nothing was deployed" : "");
    if (set->odd.count > 0)
        output_result(&cli->output, "%zu with a bad name, not deployed: `pawl check` says more\n",
                      set->odd.count);
}

static bool say(struct cli *cli, const struct status *status, const struct set *set,
                const struct told *told, struct err *err)
{
    const struct look *const look = &status->look;
    say_counts(cli, look, set);
    if (!activity_say_deploy(&cli->output, &status->activity, err))
        return false;
    say_debt(cli, &told->debts);
    if (!recipes_say(cli, &told->recipes) ||
        !backfills_say(&cli->output, &cli->arena, &status->backfills, told->busy) ||
        !say_backup(cli, last_of(&told->backups)) || !say_announced(cli, look) ||
        !say_live(cli, &status->presence, status->look.comparison.held > 0))
        return err_nomem(err);
    if (look->head != NULL)
        output_result(&cli->output, "ledger at %s%s\n", look->head, look->whole ? "" : " (BROKEN)");
    if (!look->whole)
        output_chat(&cli->output, "warning: %s", look->broken);
    return true;
}

/* Takes rows over. NULL when memory is out. */
static json_t *status_json(const struct target *target, const struct url *url,
                           const struct status *status, const struct told *told, json_t *rows)
{
    const struct look *const look = &status->look;
    const struct comparison *const c = &look->comparison;
    CLEANUP(json_release) json_t *announced = announced_json(look);
    json_t *const item = json_pack(
        "{so so so sb sb sI sI so so so so so so so sI so}", "target", cli_json_text(target->name),
        "url", cli_json_text(url->display), "head", cli_json_text(look->head), "ledger",
        (int)look->exists, "chain_whole", (int)look->whole, "applied",
        (json_int_t)look->state.versioned, "pending", (json_int_t)pending_of(c), "broken",
        cli_json_text(look->broken), "deploy", activity_json_deploy(&status->activity),
        "migrations", rows, "debt", debt_json(&told->debts), "backup",
        backup_json(last_of(&told->backups)), "backfills",
        backfills_json(&status->backfills, told->busy), "recipes", recipes_json(&told->recipes),
        "held", (json_int_t)c->held, "live", presence_json(&status->presence));
    if (item != NULL && announced != NULL && json_object_update(item, announced) == 0)
        return item;
    json_decref(item);
    return NULL;
}

bool status_report(struct cli *cli, const struct target *target, const struct url *url,
                   const struct status *status, const struct set *set, json_t *targets,
                   struct err *err)
{
    static const struct table_column columns[] = {
        {"MIGRATION", false}, {"STATE", false}, {"AT", false}, {"TOOK", true}, {"KNOWN AS", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    struct told told = {0};
    CLEANUP(json_release) json_t *rows = json_array();
    if (rows == NULL)
        return err_nomem(err);
    if (!list(cli, &status->look, set, &table, rows, err) || !read_told(cli, status, &told, err))
        return false;
    output_result(&cli->output, "target %s: %s\n", target->name, url->display);
    if (!table_print(&cli->arena, &cli->output, &table, err) || !say(cli, status, set, &told, err))
        return false;
    return json_array_append_new(targets,
                                 status_json(target, url, status, &told, json_incref(rows))) == 0 ||
           err_nomem(err);
}
