/* What a deploy tells while it runs: for a terminal, for a log, or as JSON lines. */
#ifndef PAWL_CLI_DEPLOY_EVENTS_H
#define PAWL_CLI_DEPLOY_EVENTS_H

#include "cli/cli.h"
#include "cli/progress.h"
#include "deploy/listener.h"

struct deploy_events {
    struct cli *cli;
    struct progress progress;
    bool json_lines;
};

struct deploy_events deploy_events_start(struct cli *cli);

/* The on_event of a listener whose context is the struct. */
void deploy_events_show(void *context, const struct deploy_event *event);

#endif
