/* pawl run: the entry point of a container, which waits for the schema and then becomes the
 * service. */
#include <string.h>

#include "base/clock.h"
#include "base/supervisor.h"
#include "cli/commands.h"
#include "cli/instance.h"
#include "cli/progress.h"
#include "cli/readiness.h"
#include "cli/session.h"
#include "cli/stop.h"

/* A log gets the same line again only after so long, and another one no sooner than the other. */
enum { SAME_LINE_MS = 30 * 1000, OTHER_LINE_MS = 1000 };

/* ---- waiting ---- */

struct waiting {
    struct progress progress;
    const char *target; /* as it may be shown */
    int64_t since_us, wait_ms;
    int64_t told_ms; /* when a log got its last line; -1: never */
    struct str told; /* what that was about */
};

static void waiting_release(struct waiting *waiting)
{
    progress_clear(&waiting->progress);
    str_release(&waiting->told);
}

static bool is_due(const struct waiting *waiting, const char *reason, int64_t waited_ms)
{
    const int64_t quiet_ms = waited_ms - waiting->told_ms;
    if (waiting->progress.live || waiting->told_ms < 0 || quiet_ms >= SAME_LINE_MS)
        return true;
    return quiet_ms >= OTHER_LINE_MS && strcmp(str_text(&waiting->told), reason) != 0;
}

static void on_wait(void *context, const struct ready_result *result, const struct err *err,
                    int64_t waited_ms)
{
    struct waiting *const waiting = context;
    const char *const reason = result != NULL         ? result->reason
                               : err->message != NULL ? err->message
                                                      : err_meaning(err->code);
    const char *const next = result != NULL ? "deploy this code's migrations: pawl deploy"
                                            : "it goes on as soon as the database answers";
    CLEANUP(str_release) struct str text = {0};
    char since[CLOCK_ISO_BYTES], waited[CLOCK_ISO_BYTES], most[CLOCK_ISO_BYTES];
    if (!is_due(waiting, reason, waited_ms))
        return;
    clock_format_s(waiting->since_us, since);
    clock_format_elapsed_ms(waited_ms, waited);
    clock_format_duration_ms(waiting->wait_ms, most);
    str_printf(&text, "waiting for %s since %s, %s of %s: %s; %s", waiting->target, since, waited,
               most, reason, next);
    str_release(&waiting->told);
    waiting->told = (struct str){0};
    str_puts(&waiting->told, reason);
    waiting->told_ms = waited_ms;
    if (!text.failed)
        progress_show(&waiting->progress, true, str_text(&text));
}

/* ---- before the program ---- */

/* Whether a no is gone over: a contract migration has passed this code by, and nothing else is in
 * the way. */
static bool goes_over(struct cli *cli, const struct ready_result *result,
                      struct instance_override *override)
{
    if (override->reason == NULL || result->verdict != READY_NEVER || result->missing.count > 0)
        return false;
    override->passed = arena_strdup(&cli->arena, result->passed.items[0]);
    cli->output.failed = cli->output.failed || override->passed == NULL;
    return true;
}

/* Waits, and deploys when told to. *ret_ready is false when an answer was given that is no yes. */
static bool make_ready(struct cli *cli, int64_t wait_ms, struct instance_override *override,
                       bool *ret_ready, struct err *err)
{
    CLEANUP(readiness_close) struct readiness readiness = {0};
    CLEANUP(waiting_release)
    struct waiting waiting = {.progress = progress_start(&cli->output),
                              .target = cli->url.display,
                              .since_us = clock_utc_us(),
                              .wait_ms = wait_ms,
                              .told_ms = -1};
    const int64_t give_up_ms = clock_monotonic_ms() + wait_ms;
    struct ready_patience patience = {
        .wait_ms = wait_ms, .any_answer = cli_flag(cli, "deploy"), .listener = {on_wait, &waiting}};
    if (!readiness_open(cli, &readiness, err) || !readiness_ask(&readiness, &patience, err))
        return false;
    progress_clear(&waiting.progress);
    if (cli_flag(cli, "deploy")) {
        if (!command_deploy.run(cli, err))
            return false;
        const int64_t left_ms = give_up_ms - clock_monotonic_ms();
        patience = (struct ready_patience){.wait_ms = left_ms > 0 ? left_ms : 0,
                                           .listener = patience.listener};
        if (!readiness_ask(&readiness, &patience, err))
            return false;
        progress_clear(&waiting.progress);
    }
    *ret_ready =
        readiness.result.verdict == READY_YES || goes_over(cli, &readiness.result, override);
    if (!*ret_ready)
        readiness_report(cli, &readiness.result, "wait longer: --wait");
    return true;
}

/* ---- the program ---- */

static bool check_line(const struct cli *cli, struct err *err)
{
    if (cli->dashes && cli->words_before_dashes == 0)
        return true;
    (void)err_set(err, ERR_USAGE, "`pawl run` takes the program to start behind --");
    err_hint(err, "Type it as: pawl run [OPTIONS] -- %s", cli->words.items[0]);
    return false;
}

static bool hand_over(struct cli *cli, const char *const *arguments, const char *const *environment,
                      const struct supervisor_signals *signals, struct err *err)
{
    int cancel_fd = -1;
    if (!cli->output.json)
        output_findings(&cli->output, &cli->findings, false);
    if (cli->output.failed)
        return err_nomem(err);
    if (!stop_watch(&cancel_fd, err) || !output_flush(err) ||
        !supervisor_run(arguments, environment, signals, cancel_fd, &cli->program_exit, err))
        return false;
    cli->handed_over = true;
    return true;
}

static bool read_override(struct cli *cli, struct instance_override *ret, struct err *err)
{
    const char *const word = cli_option(cli, "override");
    *ret = (struct instance_override){0};
    if (word != NULL && strcmp(word, "blocked") != 0)
        return err_set(err, ERR_USAGE, "--override takes blocked here");
    if (word == NULL && cli_option(cli, "reason") != NULL)
        return err_set(err, ERR_USAGE, "--reason goes with --override");
    return word == NULL || session_reason(cli, true, &ret->reason, err);
}

static bool read_arguments(struct cli *cli, const char *const **ret, struct err *err)
{
    const char **const arguments =
        arena_alloc(&cli->arena, (cli->words.count + 1) * sizeof *arguments);
    if (arguments == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < cli->words.count; i++)
        arguments[i] = cli->words.items[i];
    arguments[cli->words.count] = NULL;
    *ret = arguments;
    return check_line(cli, err) && supervisor_find(arguments[0], err);
}

/* *ret_start is false when an answer was given that is no yes. */
static bool prepare(struct cli *cli, struct instance *instance, bool *ret_start, struct err *err)
{
    struct instance_override override;
    int64_t wait_ms = 0;
    int cancel_fd = -1;
    const int64_t since_ms = clock_monotonic_ms();
    if (!session_duration(cli, "wait", cli->config.values[SETTING_WAIT].number, &wait_ms, err) ||
        !read_override(cli, &override, err) || !stop_watch(&cancel_fd, err) ||
        !stop_watch_more(err) || !make_ready(cli, wait_ms, &override, ret_start, err))
        return false;
    return !*ret_start ||
           (instance_record(cli, instance, err) &&
            instance_register(cli, instance, since_ms + wait_ms, &override, ret_start, err) &&
            (!*ret_start || instance_journal_override(cli, instance, &override, err)));
}

static bool run(struct cli *cli, struct err *err)
{
    struct supervisor_signals signals;
    CLEANUP(instance_close) struct instance instance = {.heartbeat = {.stop = {-1, -1}}};
    const char *const *arguments = NULL, *const *environment = NULL;
    bool start = false;
    supervisor_note_signals(&signals);
    if (!cli->sigpipe_ignored)
        (void)sigdelset(&signals.ignored, SIGPIPE);
    cli->output.stdout_is_taken = true;
    if (!read_arguments(cli, &arguments, err) || !instance_open(cli, &instance, err) ||
        !prepare(cli, &instance, &start, err))
        return false;
    return !start || (instance_environment(cli, &instance, &environment, err) &&
                      hand_over(cli, arguments, environment, &signals, err));
}

static const struct option options[] = {
    {.name = "wait",
     .argument = "D",
     .text = "how long to wait for the database, a deploy, or another deploy: 30s, 10m"},
    {.name = "release",
     .argument = "R",
     .text = "the release that starts: its instance is registered while the program runs"},
    {.name = "deploy", .text = "deploy first, as `pawl deploy` does"},
    {.name = "override",
     .argument = "WHAT",
     .choices = "blocked",
     .text = "start code that a contract migration has passed by; needs --reason"},
    {.name = "reason", .argument = "TEXT", .text = "why, for the ledger: with --override"},
};

static const struct example examples[] = {
    {"pawl run -- ./server --port 8080",
     "waits until this code may start, then starts the service"},
    {"pawl run --wait 2m -- ./server",
     "gives up after two minutes, with the exit code of `pawl ready`"},
    {"pawl run --deploy --release 1.25 -- ./server",
     "deploys first; of many at once, one does the work"},
    {"pawl run --override blocked --reason 'reads orders only' -- ./server",
     "starts old code on a schema that has gone on; the ledger and `pawl status` say so"},
};

const struct command command_run = {
    .name = "run",
    .group = GROUP_LIVE,
    .summary = "wait until this code may start, then start it: a container's entry point",
    .usage = "-- PROGRAM [ARGUMENT...]",
    .about =
        "Asks as `pawl ready` does, again and again, until the answer is yes or --wait is over "
        "(the\n"
        "setting wait). The program then gets the signals that are sent here, children that end\n"
        "are reaped as by an init, and its exit code is kept (128+N when signal N ended it).\n"
        "With --release its instance is registered, what the release carries is recorded where "
        "the\n"
        "role may write, and the program gets a PGAPPNAME that says the release, unless it has "
        "one.\n"
        "Exit codes before that: 4 not ready in time, 6 never, 9 no database, 125 no program.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .min_words = 1,
    .max_words = SIZE_MAX,
    .word_offers = OFFER_FILES,
    .needs = NEEDS_TARGET,
    .run = run,
};
