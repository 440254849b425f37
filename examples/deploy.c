/*
 * A program that brings its own database up to date and shows how: deploy URL [MIGRATIONS]
 *
 *     cc -o deploy deploy.c $(pkg-config --cflags --libs pawl)
 *     ./deploy sqlite:app.db migrations
 *
 * Ctrl-C stops it cleanly. It exits with pawl's code.
 */
#include <pawl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int stop_pipe[2];

/* The library touches no signals: this program decides what one means, and says so by a byte. */
static void on_signal(int number)
{
    (void)number;
    if (write(stop_pipe[1], "", 1) < 0)
        _exit(1);
}

static void on_event(void *context, const struct pawl_event *event)
{
    (void)context;
    if (event->type == PAWL_EVENT_APPLIED)
        printf("applied %s in %ld ms\n", event->id, (long)event->elapsed_ms);
    else if (event->type == PAWL_EVENT_WAITING || event->type == PAWL_EVENT_RETRY)
        printf("%s\n", event->text);
}

static void explain(const struct pawl *pawl)
{
    size_t count = 0;
    const struct pawl_finding *const *findings = pawl_findings(pawl, &count);
    const struct pawl_error *error = pawl_last_error(pawl);
    for (size_t i = 0; i < count; i++)
        if (findings[i]->severity == PAWL_ERROR)
            fprintf(stderr, "%s: %s\n", findings[i]->rule, findings[i]->what);
    fprintf(stderr, "error: %s\n", error->message);
    if (error->file != NULL)
        fprintf(stderr, "at: %s:%d:%d\n", error->file, error->line, error->column);
    if (error->state != NULL)
        fprintf(stderr, "state: %s\n", error->state);
    if (error->hint != NULL)
        fprintf(stderr, "next: %s\n", error->hint);
}

int main(int argc, char **argv)
{
    struct pawl_options options = PAWL_OPTIONS_INIT;
    const struct pawl_deploy_result *result = NULL;
    struct pawl *pawl = NULL;
    if (pipe(stop_pipe) != 0 || signal(SIGINT, on_signal) == SIG_ERR ||
        signal(SIGTERM, on_signal) == SIG_ERR)
        return 1;
    options.url = argc > 1 ? argv[1] : "env:DATABASE_URL";
    options.migrations = argc > 2 ? argv[2] : NULL;
    options.cancel_fd = stop_pipe[0];
    options.on_event = on_event;
    enum pawl_code code = pawl_open(&options, &pawl);
    if (code == PAWL_OK)
        code = pawl_deploy(pawl, 60000, &result);
    if (code != PAWL_OK)
        explain(pawl);
    for (size_t i = 0; result != NULL && i < result->held_count; i++)
        printf("held %s: %s\n", result->held[i]->id, result->held[i]->why);
    if (result != NULL)
        printf("%zu applied, %zu pending, ledger at %s\n", result->applied_count,
               result->pending_count, result->head != NULL ? result->head : "none");
    pawl_close(pawl);
    return (int)code;
}
