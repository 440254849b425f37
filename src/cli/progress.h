/* What goes on, for whoever is watching: one line that changes on a terminal; elsewhere only what
 * is worth a line of a log. */
#ifndef PAWL_CLI_PROGRESS_H
#define PAWL_CLI_PROGRESS_H

#include "cli/output.h"

struct progress {
    struct output *output;
    bool live; /* stderr is a terminal */
    bool line_shown;
    int64_t next_log_ms; /* 0: nothing has been slow yet */
};

struct progress progress_start(struct output *output);

/* passing: the next text takes its place, where that is possible. */
void progress_show(struct progress *progress, bool passing, const char *text);

/* Where there is no live line: whether ten seconds have passed since the first or the last time
 * that this was asked with success. */
bool progress_log_is_due(struct progress *progress);

/* Takes the passing line away. */
void progress_clear(struct progress *progress);

#endif
