/* May this code start: the question prepared, asked and answered for the command line. */
#include "cli/readiness.h"

#include "base/clock.h"
#include "base/fs.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"

bool readiness_open(struct cli *cli, struct readiness *ret, struct err *err)
{
    struct set_options options;
    *ret = (struct readiness){.wait = {.cancel_fd = -1}};
    if (!workspace_options(cli, &options, err) ||
        !source_open(&cli->arena, &options, &ret->source, err) ||
        !session_check_dialect(cli, cli->url.engine, ret->source.ready.dialect == DIALECT_SQLITE,
                               err))
        return false;
    prepare_target(&cli->config, &cli->target, &cli->url, false, &ret->target);
    return stop_watch(&ret->wait.cancel_fd, err);
}

bool readiness_ask(struct readiness *readiness, const struct ready_patience *patience,
                   struct err *err)
{
    return ready_await(&readiness->answer, &readiness->target, &readiness->wait,
                       &readiness->source.ready, patience, &readiness->result, err);
}

void readiness_close(struct readiness *readiness)
{
    arena_release(&readiness->answer);
}

static json_t *json_names(const struct ready_names *names)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < names->count; i++)
        (void)json_array_append_new(array, cli_json_text(names->items[i]));
    return array;
}

const char *readiness_never_text(struct arena *arena, const char *passed)
{
    const char *const id = fs_printable(arena, passed);
    return id != NULL
               ? arena_printf(arena,
                              "start newer code: this code cannot work with the schema as it is "
                              "now; to go back, write what undoes it in newer code: pawl new NAME "
                              "--revert %s; to start this code all the same: pawl run --override "
                              "blocked --reason TEXT -- PROGRAM",
                              id)
               : NULL;
}

static const char *what_next(struct cli *cli, const struct ready_result *result, const char *longer)
{
    const char *text = NULL;
    if (result->verdict == READY_YES)
        return NULL;
    if (result->verdict == READY_NEVER)
        text = readiness_never_text(&cli->arena,
                                    result->passed.count > 0 ? result->passed.items[0] : "ID");
    else if (result->closing != NULL)
        text = arena_printf(&cli->arena, "wait for that deploy, or start newer code; %s", longer);
    else
        text =
            arena_printf(&cli->arena, "deploy this code's migrations (pawl deploy), or %s", longer);
    cli->output.failed = cli->output.failed || text == NULL;
    return text;
}

static void say_maintenance(struct cli *cli, int64_t since_us)
{
    char since[CLOCK_ISO_BYTES];
    if (since_us != 0) {
        clock_format_s(since_us, since);
        output_chat(&cli->output, "note: maintenance is on since %s", since);
    }
    clock_format_us(since_us, since);
    cli_result(cli, "maintenance_since", cli_json_text(since_us != 0 ? since : NULL));
}

void readiness_report(struct cli *cli, const struct ready_result *result, const char *longer)
{
    static const char *const words[] = {
        [READY_YES] = "ready", [READY_WAIT] = "not ready", [READY_NEVER] = "never ready"};
    static const enum err_code outcomes[] = {
        [READY_YES] = ERR_NONE, [READY_WAIT] = ERR_NOT_READY, [READY_NEVER] = ERR_NEVER_READY};
    const char *const next = what_next(cli, result, longer);
    output_result(&cli->output, "%s: %s\n", words[result->verdict], result->reason);
    if (next != NULL)
        output_chat(&cli->output, "next: %s", next);
    for (size_t i = 0; i < result->edited.count; i++)
        output_chat(&cli->output, "warning: \"%s\" was edited after it was applied",
                    result->edited.items[i]);
    say_maintenance(cli, result->maintenance_us);
    cli_result(cli, "ready", json_boolean(result->verdict == READY_YES));
    cli_result(cli, "verdict", cli_json_text(words[result->verdict]));
    cli_result(cli, "reason", cli_json_text(result->reason));
    cli_result(cli, "next", cli_json_text(next));
    cli_result(cli, "release", cli_json_text(session_release(cli)));
    cli_result(cli, "missing", json_names(&result->missing));
    cli_result(cli, "passed", json_names(&result->passed));
    cli_result(cli, "edited", json_names(&result->edited));
    cli->outcome = outcomes[result->verdict];
}
