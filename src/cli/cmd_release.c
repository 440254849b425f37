/* pawl release: which releases there are, who of them lives, and which one is over. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/commands.h"
#include "cli/presence_text.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"
#include "ledger/look.h"
#include "live/announce.h"

/* ---- list ---- */

static const struct live_release *find_live(const struct presence *presence, const char *name)
{
    for (size_t i = 0; i < presence->releases.count; i++)
        if (presence->releases.items[i].name != NULL &&
            strcmp(presence->releases.items[i].name, name) == 0)
            return &presence->releases.items[i];
    return NULL;
}

static const char *time_text(struct arena *arena, int64_t at_us)
{
    char text[CLOCK_ISO_BYTES];
    if (at_us == 0)
        return "";
    clock_format_s(at_us, text);
    return arena_strdup(arena, text);
}

static const char *soak_text(struct arena *arena, const struct live_release *live, int64_t now_us)
{
    char text[CLOCK_ISO_BYTES];
    if (live == NULL || live->how != PRESENCE_SOAK)
        return "";
    clock_format_elapsed_ms((live->until_us - now_us) / 1000, text);
    return arena_strdup(arena, text);
}

/* release may be NULL: nobody recorded it. live may be NULL: nobody sees it. */
static bool add_row(struct cli *cli, struct table *table, const char *name,
                    const struct release *release, const struct live_release *live, int64_t now_us,
                    struct err *err)
{
    const char *const cells[] = {
        name != NULL ? name : "(unknown)",
        release != NULL && release->whole != NULL
            ? arena_printf(&cli->arena, "%.12s", release->whole)
            : "not recorded",
        live != NULL ? presence_how_name(live->how) : "no",
        live != NULL
            ? arena_printf(&cli->arena, "%zu",
                           live->how == PRESENCE_REGISTERED ? live->instances : live->sessions)
            : "0",
        time_text(&cli->arena, live != NULL ? live->seen_us : 0),
        soak_text(&cli->arena, live, now_us),
    };
    for (size_t i = 0; i < COUNT_OF(cells); i++)
        if (cells[i] == NULL)
            return err_nomem(err);
    return table_add(&cli->arena, table, cells, err);
}

static bool print_list(struct cli *cli, const struct state *state, const struct presence *presence,
                       struct err *err)
{
    static const struct table_column columns[] = {{"RELEASE", false}, {"SET", false},
                                                  {"LIVE", false},    {"COUNT", true},
                                                  {"SEEN", false},    {"SOAK LEFT", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    for (size_t i = 0; i < state->releases.count; i++) {
        const struct release *const release = &state->releases.items[i];
        if (!add_row(cli, &table, release->name, release, find_live(presence, release->name),
                     presence->now_us, err))
            return false;
    }
    for (size_t i = 0; i < presence->releases.count; i++) {
        const struct live_release *const live = &presence->releases.items[i];
        if (live->record == NULL &&
            !add_row(cli, &table, live->name, NULL, live, presence->now_us, err))
            return false;
    }
    if (table.rows.count == 0)
        output_result(&cli->output, "no release was named yet, and nobody lives here\n");
    return table.rows.count == 0 || table_print(&cli->arena, &cli->output, &table, err);
}

/* Sessions of which a table says no more than how many: who they are, and how to explain them. */
static bool say_unknown(struct cli *cli, const struct presence *presence, struct err *err)
{
    for (size_t i = 0; i < presence->releases.count; i++) {
        const struct live_release *const live = &presence->releases.items[i];
        if (live->how != PRESENCE_UNKNOWN)
            continue;
        const char *const text = live_release_text(&cli->arena, live);
        if (text == NULL)
            return err_nomem(err);
        output_chat(&cli->output, "note: %s", text);
        live_release_say_advice(cli, live);
    }
    return true;
}

static json_t *json_recorded(const struct state *state)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < state->releases.count; i++) {
        const struct release *const release = &state->releases.items[i];
        char at[CLOCK_ISO_BYTES];
        clock_format_us(release->at_us, at);
        (void)json_array_append_new(
            array, json_pack("{so so so so}", "release", cli_json_text(release->name), "digest",
                             cli_json_text(release->set), "set", cli_json_text(release->whole),
                             "recorded", cli_json_text(at)));
    }
    return array;
}

static bool list(struct cli *cli, struct session *session, struct err *err)
{
    const struct presence_options options = prepare_presence(&cli->config);
    struct look look;
    struct presence presence;
    if (!session_open(cli, false, session, err) ||
        !look_read(&session->ledger, &cli->arena, &look, err) ||
        !presence_read(&session->ledger, &cli->arena, &look.state, &options,
                       presence_newest(&look.state), &presence, err))
        return false;
    cli_result(cli, "releases", json_recorded(&look.state));
    cli_result(cli, "live", presence_json(&presence));
    cli_result(cli, "instances", presence_instances_json(&presence));
    return print_list(cli, &look.state, &presence, err) && say_unknown(cli, &presence, err);
}

/* ---- start ---- */

static bool read_name(const struct cli *cli, const char **ret, struct err *err)
{
    size_t bad = 0;
    *ret = cli->words.count == 2 ? cli->words.items[1] : "";
    const size_t len = strlen(*ret);
    if ((*ret)[strspn(*ret, " \t\r\n")] == '\0' || len > 200)
        return err_set(err, ERR_USAGE,
                       "`pawl release %s` takes a release: a name of 1 to 200 bytes",
                       cli->words.items[0]);
    if (!utf8_valid(*ret, len, &bad))
        return err_set(err, ERR_USAGE, "the release is not UTF-8 from byte %zu on", bad + 1);
    return true;
}

static bool start(struct cli *cli, struct session *session, struct err *err)
{
    struct workspace workspace;
    struct deploy_options options;
    struct deploy_result result = {0};
    const char *name = NULL;
    if (!read_name(cli, &name, err) || !workspace_load(cli, &workspace, err) ||
        !session_check_dialect(cli, cli->url.engine, workspace.options.dialect == DIALECT_SQLITE,
                               err) ||
        !prepare_sum(&cli->arena, &workspace.set, workspace.sum_path, err))
        return false;
    prepare_deploy(&cli->config, &cli->target, &options);
    options.set = &workspace.set;
    options.release = name;
    if (!session_open(cli, true, session, err) ||
        !deploy_start_release(&cli->arena, &session->target, &session->wait, &session->ledger,
                              &options, &result, &cli->findings, err))
        return false;
    const char *const shown = fs_printable(&cli->arena, name);
    cli_result(cli, "release", cli_json_text(name));
    cli_result(cli, "recorded", json_boolean(result.release_recorded));
    cli_result(cli, "head", cli_json_text(result.head));
    output_result(&cli->output,
                  result.release_recorded ? "release \"%s\" recorded with this set\n"
                                          : "release \"%s\" was recorded with this set already\n",
                  shown != NULL ? shown : "?");
    output_result(&cli->output, "ledger at %s\n", result.head);
    return true;
}

/* ---- retire ---- */

static bool is_known(const struct announcer *announcer, const struct presence *presence,
                     const char *name)
{
    return state_release(&announcer->state, name) != NULL || find_live(presence, name) != NULL;
}

static bool retire(struct cli *cli, struct session *session, struct err *err)
{
    const struct presence_options options = prepare_presence(&cli->config);
    struct announcer announcer;
    struct presence presence;
    const char *name = NULL, *reason = NULL, *head = NULL;
    if (!read_name(cli, &name, err) || !session_reason(cli, true, &reason, err) ||
        !session_open(cli, true, session, err) ||
        !announce_open(&cli->arena, &session->ledger, &announcer, err) ||
        !presence_read(&session->ledger, &cli->arena, &announcer.state, &options,
                       presence_newest(&announcer.state), &presence, err))
        return false;
    const char *const shown = fs_printable(&cli->arena, name);
    if (shown == NULL)
        return err_nomem(err);
    if (!is_known(&announcer, &presence, name)) {
        (void)err_set(err, ERR_USAGE, "there is no release \"%s\"", shown);
        err_state(err, "Nothing was changed.");
        err_hint(err, "`pawl release list` shows those that were recorded or seen.");
        return false;
    }
    if (!announce_retired(&announcer, name, reason, &head, err))
        return false;
    cli_result(cli, "release", cli_json_text(name));
    cli_result(cli, "head", cli_json_text(head));
    output_result(&cli->output, "release \"%s\" retired\nledger at %s\n", shown, head);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    const char *const word = cli->words.count > 0 ? cli->words.items[0] : "list";
    if (strcmp(word, "retire") != 0 && cli_option(cli, "reason") != NULL)
        return err_set(err, ERR_USAGE, "--reason goes with retire");
    if (strcmp(word, "list") == 0 && cli->words.count < 2)
        return list(cli, &session, err);
    if (strcmp(word, "start") == 0)
        return start(cli, &session, err);
    if (strcmp(word, "retire") == 0)
        return retire(cli, &session, err);
    return err_set(err, ERR_USAGE, "`pawl release` takes list, or start or retire and a release");
}

static const struct option options[] = {
    {.name = "reason", .argument = "TEXT", .text = "why a release is over, for the ledger"},
};

static const struct example examples[] = {
    {"pawl release", "the releases that were named, and who of them lives"},
    {"pawl release start 1.25", "records what this checkout carries, before anything is deployed"},
    {"pawl release retire 1.24 --reason 'scaled to zero, no rollback to it'",
     "contract migrations wait for it no more"},
};

const struct command command_release = {
    .name = "release",
    .group = GROUP_LIVE,
    .summary = "see which releases live, and say when one is over",
    .usage = "[list|start R|retire R]",
    .about =
        "A release lives while an instance of it is registered (`pawl run --release R`, or "
        "hello()\n"
        "in SQL), a session's application_name tells of it ([releases] application_name), or for\n"
        "a while after it was seen last, as a rollback would start it (soak). Contract migrations\n"
        "wait for every live release that does not carry them.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 2,
    .word_choices = "list|start|retire",
    .needs = NEEDS_TARGET,
    .run = run,
};
