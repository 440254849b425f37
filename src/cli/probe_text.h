/* What probes found, for people and for programs; and the files that would mend it. */
#ifndef PAWL_CLI_PROBE_TEXT_H
#define PAWL_CLI_PROBE_TEXT_H

#include "check/probe/probe.h"
#include "cli/cli.h"
#include "cli/workspace.h"

/* queries: with the query of each. */
bool probes_say(struct cli *cli, const struct probes *probes, bool queries,
                struct err *err) MUST_CHECK;

/* An array; NULL when memory is out. */
json_t *probes_json(struct arena *arena, const struct probes *probes);

/* Writes one data migration for each pending migration whose rows can be mended, with a version
 * just before it, and tells of each. Errors: what cannot be written; ERR_USAGE where there is no
 * version between. */
bool probes_write_repairs(struct cli *cli, const struct workspace *workspace,
                          const struct probes *probes, struct err *err) MUST_CHECK;

#endif
