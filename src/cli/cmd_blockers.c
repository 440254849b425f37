/* pawl blockers: who deploys, what is in its way, who waits behind it, and how to end it. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/activity_text.h"
#include "cli/commands.h"
#include "cli/session.h"

enum {
    OLDER_THAN_MS = 60 * 1000,
    REDRAW_MS = 1000,
    /* The server ends what it is asked sooner; this is for a connection that says nothing. */
    LOOK_MS = 15 * 1000,
};

/* One picture, in memory of its own. */
struct look_at_target {
    struct arena arena;
    struct journal journal;
    struct state state;
    struct activity activity;
};

static void release_look(struct look_at_target *look)
{
    arena_release(&look->arena);
}

/* A journal that somebody keeps locked hides who deploys, and no more. */
static bool take(struct cli *cli, struct session *session, int64_t older_than_ms,
                 struct look_at_target *ret, struct err *err)
{
    const struct wait wait = {.cancel_fd = session->wait.cancel_fd,
                              .deadline_ms = clock_monotonic_ms() + LOOK_MS};
    if (session->ledger.pg != NULL)
        pg_set_wait(session->ledger.pg, &wait);
    if (!activity_read(&session->ledger, &ret->arena, &ret->journal, err)) {
        if (session->ledger.pg == NULL || err->code != ERR_BUSY || pg_lost(session->ledger.pg))
            return false;
        output_chat(&cli->output, "warning: the ledger cannot be read: %s", err->message);
        err_release(err);
        ret->journal = (struct journal){0};
    }
    return state_build(&ret->arena, &ret->journal, &ret->state, err) &&
           activity_look(&session->ledger, &ret->arena, &ret->journal, &ret->state, older_than_ms,
                         &ret->activity, err);
}

static bool report(struct cli *cli, struct look_at_target *look, int64_t older_than_ms,
                   struct err *err)
{
    const struct activity *const activity = &look->activity;
    json_t *sessions = NULL;
    cli->outcome = activity->deploying ? ERR_BUSY : ERR_NONE;
    if (!cli->output.json) {
        output_result(&cli->output, "target %s: %s\n", cli->target.name, cli->url.display);
        return activity_say(&cli->output, &look->arena, activity, older_than_ms, err);
    }
    if (!activity_json_sessions(&look->arena, activity, &sessions, err))
        return false;
    cli_result(cli, "target", cli_json_text(cli->target.name));
    cli_result(cli, "url", cli_json_text(cli->url.display));
    cli_result(cli, "deploy", activity_json_deploy(activity));
    cli_result(cli, "sessions", sessions);
    cli_result(cli, "hidden", json_boolean(activity->hidden));
    cli_result(cli, "role", cli_json_text(activity->role));
    return true;
}

/* On a terminal over the picture before; elsewhere below it. */
static void next_picture(struct cli *cli, bool first)
{
    CLEANUP(str_release) struct str text = {0};
    if (isatty(STDOUT_FILENO) == 1)
        str_puts(&text, "\x1b[H\x1b[J");
    else if (!first)
        str_puts(&text, "\n");
    output_result_text(&cli->output, &text);
}

static bool watch(struct cli *cli, struct session *session, int64_t older_than_ms, struct err *err)
{
    for (bool first = true;; first = false) {
        CLEANUP(release_look) struct look_at_target look = {0};
        if (!take(cli, session, older_than_ms, &look, err))
            return false;
        next_picture(cli, first);
        if (!report(cli, &look, older_than_ms, err) || !output_flush(err) ||
            !wait_sleep(REDRAW_MS, &session->wait, err))
            return false;
    }
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    CLEANUP(release_look) struct look_at_target look = {0};
    int64_t older_than_ms = OLDER_THAN_MS;
    if (!session_duration(cli, "older-than", OLDER_THAN_MS, &older_than_ms, err))
        return false;
    if (cli_flag(cli, "watch") && cli->output.json)
        return err_set(err, ERR_USAGE, "--watch goes on, and --json is one object: give one");
    if (!session_open(cli, false, &session, err))
        return false;
    if (cli_flag(cli, "watch"))
        return watch(cli, &session, older_than_ms, err);
    return take(cli, &session, older_than_ms, &look, err) && report(cli, &look, older_than_ms, err);
}

static const struct option options[] = {
    {.name = "watch", .text = "look again every second, until it is interrupted"},
    {.name = "older-than",
     .argument = "D",
     .text = "which other transactions are shown; 1m unless given"},
};

static const struct example examples[] = {
    {"pawl blockers", "exit code 0: no deploy is at work"},
    {"pawl blockers --watch", "in a second terminal, while a deploy waits"},
    {"pawl blockers --json", "every session with the command that ends it, for a script"},
};

const struct command command_blockers = {
    .name = "blockers",
    .group = GROUP_SEE,
    .summary = "show who deploys, what is in its way and who waits behind it",
    .usage = "",
    .about = "Reads the journal and the server's views, waits for no lock and changes nothing; it\n"
             "prints the statement that ends each session, and does not run it. Exit codes: 0 no\n"
             "deploy is at work, 5 one is.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .run = run,
};
