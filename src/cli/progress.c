/* One line of a terminal, written again and again. */
#include "cli/progress.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Between two lines of a log about the progress of a statement. */
enum { LOG_EVERY_MS = 10 * 1000 };

struct progress progress_start(struct output *output)
{
    return (struct progress){.output = output, .live = isatty(STDERR_FILENO) == 1};
}

bool progress_log_is_due(struct progress *progress)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool due = progress->next_log_ms != 0 && now_ms >= progress->next_log_ms;
    if (due || progress->next_log_ms == 0)
        progress->next_log_ms = now_ms + LOG_EVERY_MS;
    return due;
}

void progress_clear(struct progress *progress)
{
    if (progress->line_shown)
        (void)fputs("\r\033[K", stderr); /* chat: not worth an error */
    progress->line_shown = false;
}

void progress_show(struct progress *progress, bool passing, const char *text)
{
    progress_clear(progress);
    if (!passing || !progress->live) {
        output_chat(progress->output, "%s", text);
        return;
    }
    if (progress->output->quiet)
        return;
    CLEANUP(str_release) struct str line = {0};
    output_escape(&line, text, strlen(text), false);
    (void)fprintf(stderr, "%.*s", line.len < 79 ? (int)line.len : 79, str_text(&line));
    (void)fflush(stderr);
    progress->line_shown = true;
}
