/* What goes on in a target, for people and as JSON: `pawl blockers`, and a part of `pawl status`.
 */
#ifndef PAWL_CLI_ACTIVITY_TEXT_H
#define PAWL_CLI_ACTIVITY_TEXT_H

#include "cli/cli.h"
#include "live/activity.h"

/* The deploy in a few lines: who, since when, at which migration, waiting for whom. Nothing when
 * there is none. */
bool activity_say_deploy(struct output *output, const struct activity *activity,
                         struct err *err) MUST_CHECK;

/* All of it on one screen, with the memory of the arena. */
bool activity_say(struct output *output, struct arena *arena, const struct activity *activity,
                  int64_t older_than_ms, struct err *err) MUST_CHECK;

/* The deploy as an object, null when there is none; NULL when memory is out. */
json_t *activity_json_deploy(const struct activity *activity) MUST_CHECK;

/* Every session of the picture with its part in it, as an array. */
bool activity_json_sessions(struct arena *arena, const struct activity *activity, json_t **ret,
                            struct err *err) MUST_CHECK;

#endif
