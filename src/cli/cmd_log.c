/* pawl log: what was done to the target, row by row, or as a timeline for a postmortem. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/black_box_report.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/table.h"
#include "ledger/detail.h"
#include "ledger/state.h"

/* The members of detail that a person wants to see, in this order. */
static const char *const shown_members[] = {
    "release",    "by",       "user",         "host",       "pid",         "application",
    "state",      "query",    "from",         "statement",  "step",        "steps",
    "ms",         "sqlstate", "message",      "overrides",  "reservation", "until",
    "reason",     "blockers", "after",        "steps_done", "squash",      "replaces",
    "recognised", "retries",  "lock_wait_ms", "notices",    "method",      "file",
    "point",      "bytes",    "restore",      "rows",       "batches",     "estimate",
};

static void add_members(struct str *out, const json_t *object);

/* Sessions in the way of a deploy: a number of them would say nothing. */
static void add_objects(struct str *out, const json_t *array)
{
    size_t i;
    json_t *object;
    json_array_foreach(array, i, object)
    {
        str_puts(out, i == 0 ? " (" : "; ");
        add_members(out, object);
    }
    str_puts(out, ")");
}

static void add_member(struct str *out, bool first, const char *name, const json_t *value)
{
    if (value == NULL)
        return;
    const char *const between = first ? "" : ", ";
    if (json_is_string(value))
        str_printf(out, "%s%s %s", between, name, json_string_value(value));
    else if (json_is_integer(value))
        str_printf(out, "%s%s %" JSON_INTEGER_FORMAT, between, name, json_integer_value(value));
    else if (json_is_object(json_array_get(value, 0))) {
        str_printf(out, "%s%s", between, name);
        add_objects(out, value);
    } else if (json_is_array(value))
        str_printf(out, "%s%s %zu", between, name, json_array_size(value));
    else if (json_is_true(value))
        str_printf(out, "%s%s", between, name);
}

static void add_members(struct str *out, const json_t *object)
{
    const size_t start = out->len;
    for (size_t i = 0; i < COUNT_OF(shown_members); i++)
        add_member(out, out->len == start, shown_members[i],
                   json_object_get(object, shown_members[i]));
}

static const char *summary(struct arena *arena, const struct journal_row *row)
{
    CLEANUP(json_release) json_t *detail = json_loads(row->detail, 0, NULL);
    CLEANUP(str_release) struct str out = {0};
    add_members(&out, detail);
    return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
}

/* One deploy, when --attempt names it. */
struct filter {
    struct state state;
    const struct attempt *attempt; /* NULL: all rows */
    const char *begin;             /* the detail of its begin row */
};

/* An attempt's id is sixteen digits; so many of them tell it from the others. */
enum { PREFIX_BYTES = 4 };

/* "last", the seq of a begin row, or how an attempt's id starts; NULL. *ret_others: several do. */
static const struct attempt *find_attempt(const struct state *state, const char *text,
                                          bool *ret_others)
{
    const struct attempt *found = NULL;
    char *end = NULL;
    const int64_t seq = strtoll(text, &end, 10);
    *ret_others = false;
    for (size_t i = 0; i < state->attempts.count; i++)
        if (strcmp(text, "last") == 0 || (*end == '\0' && state->attempts.items[i].seq == seq))
            found = &state->attempts.items[i];
    for (size_t i = 0; found == NULL && i < state->attempts.count; i++) {
        const struct attempt *const attempt = &state->attempts.items[i];
        if (strlen(text) < PREFIX_BYTES || strncmp(attempt->id, text, strlen(text)) != 0)
            continue;
        for (size_t k = i + 1; k < state->attempts.count; k++)
            *ret_others =
                *ret_others || strncmp(state->attempts.items[k].id, text, strlen(text)) == 0;
        found = attempt;
    }
    return found;
}

static bool make_filter(struct cli *cli, const struct journal *journal, struct filter *ret,
                        struct err *err)
{
    const char *const text = cli_option(cli, "attempt");
    bool others = false;
    *ret = (struct filter){0};
    if (text == NULL)
        return true;
    if (!state_build(&cli->arena, journal, &ret->state, err))
        return false;
    ret->attempt = find_attempt(&ret->state, text, &others);
    if (others)
        return err_set(err, ERR_USAGE, "--attempt %s: more than one deploy's id starts so", text);
    for (size_t i = 0; ret->attempt != NULL && i < journal->count; i++)
        if (journal->items[i].seq == ret->attempt->seq)
            ret->begin = journal->items[i].detail;
    if (ret->attempt != NULL)
        return true;
    (void)err_set(err, ERR_USAGE,
                  "--attempt %s: no deploy began at that seq, and none has such an id", text);
    err_hint(err, "`pawl log` shows the seq of each begin row; `--attempt last` is the last one.");
    return false;
}

static bool passes(struct arena *arena, const struct filter *filter, const struct journal_row *row)
{
    if (filter->attempt == NULL)
        return true;
    const char *const attempt = detail_string(arena, row->detail, "attempt");
    return attempt != NULL && strcmp(attempt, filter->attempt->id) == 0;
}

static json_t *json_row(const struct journal_row *row, const char *at)
{
    json_t *detail = json_loads(row->detail, 0, NULL);
    return json_pack("{sI so so so so so so so so so so}", "seq", (json_int_t)row->seq, "at",
                     cli_json_text(at), "event", cli_json_text(row->event_name), "migration",
                     cli_json_text(row->migration), "checksum", cli_json_text(row->checksum),
                     "kind", cli_json_text(row->kind), "phase", cli_json_text(row->phase), "detail",
                     detail != NULL ? detail : cli_json_text(row->detail), "digest",
                     cli_json_text(row->digest), "prev_hash", cli_json_text(row->prev_hash), "hash",
                     cli_json_text(row->hash));
}

static bool list(struct cli *cli, const struct journal *journal, const struct filter *filter,
                 json_t *rows, struct err *err)
{
    static const struct table_column columns[] = {
        {"SEQ", true}, {"AT", false}, {"EVENT", false}, {"MIGRATION", false}, {"DETAIL", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_row *const row = &journal->items[i];
        char at[CLOCK_ISO_BYTES];
        if (!passes(&cli->arena, filter, row))
            continue;
        clock_format_us(row->at_us, at);
        if (cli->output.json && json_array_append_new(rows, json_row(row, at)) != 0)
            return err_nomem(err);
        clock_format_s(row->at_us, at);
        const char *const cells[] = {arena_printf(&cli->arena, "%" PRId64, row->seq),
                                     arena_strdup(&cli->arena, at), row->event_name, row->migration,
                                     summary(&cli->arena, row)};
        if (cells[0] == NULL || cells[1] == NULL || cells[4] == NULL)
            return err_nomem(err);
        if (!table_add(&cli->arena, &table, cells, err))
            return false;
    }
    return table_print(&cli->arena, &cli->output, &table, err);
}

/* Markdown: a heading a deploy, a line an event. */
static bool timeline(struct cli *cli, const struct journal *journal, const struct filter *filter,
                     struct err *err)
{
    output_result(&cli->output, "# Timeline of %s\n\nTimes are UTC, by the database's clock.\n",
                  cli->url.display);
    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_row *const row = &journal->items[i];
        const char *const text = summary(&cli->arena, row);
        char at[CLOCK_ISO_BYTES];
        if (text == NULL)
            return err_nomem(err);
        if (!passes(&cli->arena, filter, row))
            continue;
        clock_format_s(row->at_us, at);
        if (row->event == EVENT_BEGIN)
            output_result(&cli->output, "\n## Deploy at seq %" PRId64 "\n\n", row->seq);
        else if (i == 0)
            output_result(&cli->output, "\n");
        output_result(&cli->output, "- %s **%s**%s%s%s%s%s\n", at, row->event_name,
                      row->migration != NULL ? " `" : "",
                      row->migration != NULL ? row->migration : "",
                      row->migration != NULL ? "`" : "", text[0] != '\0' ? ": " : "", text);
    }
    if (journal->count > 0)
        output_result(&cli->output, "\nLedger at `%" PRId64 ":%s`\n", journal->head.seq,
                      journal->head.hash);
    return true;
}

static const char *outcome(const struct attempt *attempt)
{
    return attempt->ended == EVENT_BEGIN ? "open" : event_name(attempt->ended);
}

/* Who deployed, from where and with what end, in front of its rows. */
static void introduce(struct cli *cli, const struct attempt *attempt)
{
    char took[CLOCK_ISO_BYTES] = "";
    if (attempt->ended != EVENT_BEGIN)
        clock_format_elapsed_ms((attempt->ended_us - attempt->at_us) / 1000, took);
    output_result(&cli->output,
                  "deploy at seq %" PRId64
                  ", attempt %s: %s%s%s\nuser %s, host %s, process %" PRId64 "%s%s\n",
                  attempt->seq, attempt->id, outcome(attempt), took[0] != '\0' ? " after " : "",
                  took, attempt->user != NULL ? attempt->user : "?",
                  attempt->host != NULL ? attempt->host : "?", attempt->pid,
                  attempt->release != NULL ? ", release " : "",
                  attempt->release != NULL ? attempt->release : "");
    cli_result(cli, "attempt",
               json_pack("{sI so so so so so sI}", "seq", (json_int_t)attempt->seq, "id",
                         cli_json_text(attempt->id), "outcome", cli_json_text(outcome(attempt)),
                         "user", cli_json_text(attempt->user), "host", cli_json_text(attempt->host),
                         "release", cli_json_text(attempt->release), "pid",
                         (json_int_t)attempt->pid));
}

static bool run(struct cli *cli, struct err *err)
{
    struct journal journal;
    struct journal_break broken;
    struct filter filter;
    CLEANUP(session_close) struct session session = {0};
    CLEANUP(err_release) struct err chain = {0};
    if (!session_open(cli, false, &session, err) ||
        !ledger_read(&session.ledger, &cli->arena, &journal, err))
        return false;
    if (!session.ledger.exists)
        output_chat(&cli->output, "the target has no ledger yet: nothing was deployed");
    if (!make_filter(cli, &journal, &filter, err))
        return false;
    json_t *rows = json_array();
    const bool as_timeline = cli_flag(cli, "timeline") && !cli->output.json;
    const bool account = filter.attempt != NULL && !as_timeline;
    if (account)
        introduce(cli, filter.attempt);
    const bool ok = (as_timeline ? timeline(cli, &journal, &filter, err)
                                 : list(cli, &journal, &filter, rows, err)) &&
                    (!account || black_box_report(cli, filter.attempt, filter.begin, err));
    cli_result(cli, "rows", rows);
    if (session.ledger.exists && !journal_verify(&journal, &broken, &chain))
        output_chat(&cli->output, "warning: %s", chain.message != NULL ? chain.message : "");
    return ok;
}

static const struct option options[] = {
    {.name = "timeline", .text = "Markdown, to paste into a postmortem"},
    {.name = "attempt", .argument = "N", .text = "one deploy: its seq, how its id starts, or last"},
};

static const struct example examples[] = {
    {"pawl log", "every row of the journal"},
    {"pawl log --timeline > timeline.md", "the same as Markdown"},
    {"pawl log --attempt last", "the last deploy, with what its black box says"},
};

const struct command command_log = {
    .name = "log",
    .group = GROUP_SEE,
    .summary = "show what was done to the target, when and by whom",
    .usage = "",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .run = run,
};
