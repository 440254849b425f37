/* Events as lines. */
#include "cli/deploy_events.h"

#include "base/clock.h"
#include "ledger/detail.h"

/* By their names in --json-lines, which stay. */
static const char *const names[] = {
    [DEPLOY_WAITING] = "waiting",       [DEPLOY_MIGRATION] = "migration",
    [DEPLOY_STATEMENT] = "statement",   [DEPLOY_PROGRESS] = "progress",
    [DEPLOY_BLOCKED] = "blocked",       [DEPLOY_BLOCKING] = "blocking",
    [DEPLOY_RETRY] = "retry",           [DEPLOY_NOTICE] = "notice",
    [DEPLOY_APPLIED] = "applied",       [DEPLOY_NOTE] = "note",
    [DEPLOY_RECOGNISED] = "recognised",
};

static void print_line(struct cli *cli, const struct deploy_event *event)
{
    char at[CLOCK_ISO_BYTES];
    clock_format_us(clock_utc_us(), at);
    CLEANUP(json_release)
    json_t *line =
        json_pack("{ss ss so so sI sI sI}", "event", names[event->type], "at", at, "migration",
                  cli_json_text(event->id), "text", cli_json_text(event->text), "number",
                  (json_int_t)event->number, "total", (json_int_t)event->total, "ms",
                  (json_int_t)event->elapsed_ms);
    cli_print_json(cli, line);
    (void)fflush(stdout); /* output_flush() reports at the end */
}

static void show(struct progress *progress, const struct deploy_event *event)
{
    CLEANUP(str_release) struct str text = {0};
    char elapsed[CLOCK_ISO_BYTES];
    clock_format_elapsed_ms(event->elapsed_ms, elapsed);
    switch (event->type) {
    case DEPLOY_WAITING:
        str_printf(&text, "waiting: %s", event->text);
        break;
    case DEPLOY_MIGRATION:
        str_printf(&text, "applying %s (%zu of %zu)", event->id, event->number, event->total);
        if (!progress->live)
            return; /* a log gets the line when it is done */
        break;
    case DEPLOY_STATEMENT:
        str_printf(&text, "applying %s: statement %zu of %zu", event->id, event->number,
                   event->total);
        if (!progress->live)
            return;
        break;
    case DEPLOY_PROGRESS:
        str_puts(&text, event->text);
        if (!progress->live && !progress_log_is_due(progress))
            return;
        break;
    case DEPLOY_BLOCKED:
    case DEPLOY_BLOCKING:
        str_puts(&text, event->text);
        break;
    case DEPLOY_RETRY:
        str_printf(&text, "%s: rolled back (%s), trying again in %s", event->id, event->text,
                   elapsed);
        break;
    case DEPLOY_NOTICE:
    case DEPLOY_NOTE:
        str_printf(&text, "note: %s", event->text);
        break;
    case DEPLOY_APPLIED:
    case DEPLOY_RECOGNISED:
        progress_clear(progress);
        output_result(progress->output, "%s  %s  (%s%s%s)\n",
                      event->type == DEPLOY_APPLIED ? "applied" : "recognised", event->id,
                      event->type == DEPLOY_APPLIED ? elapsed : "all that it replaces is applied",
                      event->text != NULL ? ", " : "", event->text != NULL ? event->text : "");
        if (!progress->output->json)
            (void)fflush(stdout); /* output_flush() reports at the end */
        return;
    }
    if (!text.failed)
        progress_show(progress, event->type <= DEPLOY_PROGRESS, str_text(&text));
}

struct deploy_events deploy_events_start(struct cli *cli)
{
    return (struct deploy_events){.cli = cli,
                                  .progress = progress_start(&cli->output),
                                  .json_lines = cli_flag(cli, "json-lines")};
}

void deploy_events_show(void *context, const struct deploy_event *event)
{
    struct deploy_events *const events = context;
    if (events->json_lines)
        print_line(events->cli, event);
    else
        show(&events->progress, event);
}
