/* The questions that a plan has for the data of its target (check/probe). */
#ifndef PAWL_DEPLOY_PROBE_PLAN_H
#define PAWL_DEPLOY_PROBE_PLAN_H

#include "check/probe/probe.h"
#include "deploy/plan.h"

/* probe_read() and probe_ask() for all that the plan would run. Errors: theirs. */
bool probe_plan(struct arena *arena, struct pg *pg, const struct plan *plan,
                const struct probe_options *options, probe_progress_fn *progress, void *context,
                struct probes *ret, struct err *err) MUST_CHECK;

#endif
