/* A release checklist for people and for programs: `pawl preflight`, and what a deploy begins with.
 */
#ifndef PAWL_CLI_PREFLIGHT_TEXT_H
#define PAWL_CLI_PREFLIGHT_TEXT_H

#include "cli/cli.h"
#include "deploy/preflight.h"

/* A line each with its mark, and what to do about it below. */
bool preflight_print(struct cli *cli, const struct preflight *preflight,
                     struct err *err) MUST_CHECK;

/* The lines as an array; NULL when memory is out. */
json_t *preflight_json(const struct preflight *preflight) MUST_CHECK;

/* The table of questions, whatever the target; NULL when memory is out. */
json_t *preflight_questions_json(void);

#endif
