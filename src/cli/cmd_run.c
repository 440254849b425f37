/* pawl run: the entry point of a container, which waits for the schema and then becomes the
 * service. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/supervisor.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/readiness.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "deploy/prepare.h"
#include "live/heartbeat.h"

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

/* Waits, and deploys when told to. *ret_ready is false when an answer was given that is no yes. */
static bool make_ready(struct cli *cli, int64_t wait_ms, bool *ret_ready, struct err *err)
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
    *ret_ready = readiness.result.verdict == READY_YES;
    if (!*ret_ready)
        readiness_report(cli, &readiness.result, "wait longer: --wait");
    return true;
}

/* ---- the instance ---- */

/* Beside the program's own words: one line. */
static void say_blocked(void *context, const char *migration)
{
    dprintf(STDERR_FILENO,
            "pawl: warning: the contract migration \"%s\" was applied and release \"%s\" does not "
            "carry it: start newer code\n",
            migration, (const char *)context);
}

/* What hello() said, as `pawl ready` says it. */
static void refuse_start(struct cli *cli, const struct heartbeat *heartbeat,
                         const struct hello *hello)
{
    const bool never = hello->answer == HELLO_BLOCKED;
    const char *const id = fs_printable(&cli->arena, hello->migration);
    const char *const release = fs_printable(&cli->arena, heartbeat->release);
    const char *const reason =
        id != NULL && release != NULL
            ? arena_printf(&cli->arena,
                           "the contract migration \"%s\" %s and release \"%s\" does not carry it",
                           id, never ? "was applied" : "is about to run", release)
            : NULL;
    cli->output.failed = cli->output.failed || reason == NULL;
    output_result(&cli->output, "%s: %s\n", never ? "never ready" : "not ready", reason);
    output_chat(&cli->output, "next: %s",
                never ? "start newer code: this code cannot work with the schema as it is now"
                      : "wait for that deploy, or wait longer: --wait");
    cli_result(cli, "ready", json_false());
    cli_result(cli, "verdict", cli_json_text(never ? "never ready" : "not ready"));
    cli_result(cli, "reason", cli_json_text(reason));
    cli->outcome = never ? ERR_NEVER_READY : ERR_NOT_READY;
}

/* The instance is there before its program is. A ledger that cannot take it, as one of an older
 * build under a role that may not add to it, does not keep a service down. */
static bool register_instance(struct cli *cli, struct heartbeat *heartbeat, int64_t give_up_ms,
                              bool *ret_start, struct err *err)
{
    enum { PAUSE_MS = 500 };
    struct wait wait = {.cancel_fd = -1};
    struct hello hello;
    if (!stop_watch(&wait.cancel_fd, err))
        return false;
    *ret_start = true;
    for (;;) {
        CLEANUP(err_release) struct err failed = {0};
        if (!heartbeat_once(heartbeat, &cli->arena, &wait, &hello, &failed)) {
            output_chat(&cli->output, "warning: release \"%s\" is not registered: %s",
                        heartbeat->release,
                        failed.message != NULL ? failed.message : err_meaning(failed.code));
            return heartbeat_start(heartbeat, err);
        }
        *ret_start = hello.answer == HELLO_OK;
        if (*ret_start)
            return heartbeat_start(heartbeat, err);
        if (hello.answer == HELLO_BLOCKED || clock_monotonic_ms() >= give_up_ms) {
            refuse_start(cli, heartbeat, &hello);
            return true;
        }
        if (!wait_sleep(PAUSE_MS, &wait, err))
            return false;
    }
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

static bool hand_over(struct cli *cli, const char *const *arguments,
                      const struct supervisor_signals *signals, struct err *err)
{
    int cancel_fd = -1;
    if (!cli->output.json)
        output_findings(&cli->output, &cli->findings, false);
    if (cli->output.failed)
        return err_nomem(err);
    if (!stop_watch(&cancel_fd, err) || !output_flush(err) ||
        !supervisor_run(arguments, signals, cancel_fd, &cli->program_exit, err))
        return false;
    cli->handed_over = true;
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    struct supervisor_signals signals;
    struct ledger_options target;
    CLEANUP(heartbeat_end) struct heartbeat heartbeat = {.stop = {-1, -1}};
    int64_t wait_ms = 0;
    int cancel_fd = -1;
    bool ready = false;
    const int64_t since_ms = clock_monotonic_ms();
    supervisor_note_signals(&signals);
    if (!cli->sigpipe_ignored)
        (void)sigdelset(&signals.ignored, SIGPIPE);
    cli->output.stdout_is_taken = true;
    const char **const arguments =
        arena_alloc(&cli->arena, (cli->words.count + 1) * sizeof *arguments);
    if (arguments == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < cli->words.count; i++)
        arguments[i] = cli->words.items[i];
    arguments[cli->words.count] = NULL;
    if (!check_line(cli, err) ||
        !session_duration(cli, "wait", cli->config.values[SETTING_WAIT].number, &wait_ms, err) ||
        !supervisor_find(arguments[0], err) || !stop_watch(&cancel_fd, err) ||
        !stop_watch_more(err) || !make_ready(cli, wait_ms, &ready, err))
        return false;
    prepare_target(&cli->config, &cli->target, &cli->url, true, &target);
    heartbeat = (struct heartbeat){.target = &target,
                                   .release = session_release(cli),
                                   .instance = heartbeat_name(&cli->arena),
                                   .on_blocked = say_blocked,
                                   .context = (void *)(uintptr_t)session_release(cli),
                                   .stop = {-1, -1}};
    if (heartbeat.instance == NULL)
        return err_nomem(err);
    if (ready && heartbeat.release != NULL &&
        !register_instance(cli, &heartbeat, since_ms + wait_ms, &ready, err))
        return false;
    return !ready || hand_over(cli, arguments, &signals, err);
}

static const struct option options[] = {
    {.name = "wait",
     .argument = "D",
     .text = "how long to wait for the database, a deploy, or another deploy: 30s, 10m"},
    {.name = "release",
     .argument = "R",
     .text = "the release that starts: its instance is registered while the program runs"},
    {.name = "deploy", .text = "deploy first, as `pawl deploy` does"},
};

static const struct example examples[] = {
    {"pawl run -- ./server --port 8080",
     "waits until this code may start, then starts the service"},
    {"pawl run --wait 2m -- ./server",
     "gives up after two minutes, with the exit code of `pawl ready`"},
    {"pawl run --deploy --release 1.25 -- ./server",
     "deploys first; of many at once, one does the work"},
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
