/* A plan for people, for pull requests and as JSON. */
#ifndef PAWL_CLI_PLAN_TEXT_H
#define PAWL_CLI_PLAN_TEXT_H

#include "check/cost.h"
#include "cli/cli.h"
#include "deploy/plan.h"

struct plan_shown {
    const struct plan *plan;
    struct cost_statement *statements; /* of all that is to be run, in order */
    size_t count;
};

bool plan_say(struct cli *cli, const struct plan_shown *shown, struct err *err) MUST_CHECK;
bool plan_say_markdown(struct cli *cli, const struct plan_shown *shown, struct err *err) MUST_CHECK;

/* An array of migrations; NULL when memory is out. */
json_t *plan_json(const struct plan_shown *shown);

#endif
