/* The rows of the target, asked by check/probe whether they let the pending statements through. */
#include <string.h>

#include "check/allow.h"
#include "deploy/preflight_parts.h"
#include "deploy/probe_plan.h"

static void mark_unprobed(struct run *run, const struct probe *probe)
{
    for (size_t i = 0; i < run->result->plan.items.count; i++)
        if (run->result->plan.items.items[i].migration == probe->migration)
            run->result->plan.items.items[i].unprobed = true;
}

/* Errors that are gone over are warnings. */
static bool keep(struct preflight_look *look, const struct findings *found, size_t *ret_errors,
                 struct err *err)
{
    struct run *const run = look->run;
    const bool over = (run->options->overrides & OVERRIDE_DATA) != 0;
    *ret_errors = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct finding finding = found->items[i];
        if (look->deploying && finding.severity == SEVERITY_NOTE)
            continue;
        if (finding.severity == SEVERITY_ERROR && over) {
            finding.severity = SEVERITY_WARNING;
            finding.what = arena_printf(run->arena, "%s (overridden)", finding.what);
            run->overridden |= OVERRIDE_DATA;
        }
        if (finding.what == NULL)
            return err_nomem(err);
        *ret_errors += finding.severity == SEVERITY_ERROR;
        finding_add(run->arena, &run->preflight, &finding);
    }
    return findings_sort(run->arena, &run->preflight) || err_nomem(err);
}

static bool refuse(struct preflight_look *look, struct preflight_line *line, size_t errors,
                   struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    (void)err_set(&why, ERR_REFUSED, "rows of the target are in the way of %zu statement%s", errors,
                  errors == 1 ? "" : "s");
    err_state(&why, "Nothing was changed.");
    err_hint(&why, "`pawl probe` shows the rows, `pawl probe --write-repair` writes a migration "
                   "that mends them. To try it all the same: pawl deploy --override data "
                   "--reason TEXT.");
    return preflight_refuse(look, line, "pawl probe --write-repair", &why, err);
}

static bool say_found(struct preflight_look *look, struct preflight_line *line,
                      const struct probes *probes, struct err *err)
{
    size_t counts[PROBE_NOT_ASKED + 1] = {0};
    for (size_t i = 0; i < probes->count; i++)
        counts[probes->items[i].verdict]++;
    if (probes->count == 0)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err,
                             "no pending statement can fail on rows");
    if (counts[PROBE_NOT_ASKED] > 0)
        return preflight_say(look, line, PREFLIGHT_WARNING, "pawl probe", err,
                             "%zu of %zu questions have no answer", counts[PROBE_NOT_ASKED],
                             probes->count);
    if (counts[PROBE_LOSES] > 0 || counts[PROBE_VIOLATED] > 0)
        return preflight_say(look, line, PREFLIGHT_WARNING, "pawl probe", err,
                             "%zu of %zu questions found rows",
                             counts[PROBE_LOSES] + counts[PROBE_VIOLATED], probes->count);
    return preflight_say(look, line, counts[PROBE_DEFERRED] > 0 ? PREFLIGHT_NOTE : PREFLIGHT_OK,
                         NULL, err, "%zu question%s: no row is in the way, %zu not known yet",
                         probes->count, probes->count == 1 ? "" : "s", counts[PROBE_DEFERRED]);
}

QUESTION(preflight_data)
{
    struct run *const run = look->run;
    struct probes probes = {0};
    struct findings found = {0};
    size_t errors = 0;
    if (!probe_plan(run->arena, run->ledger->pg, &run->result->plan, &run->options->probe, NULL,
                    NULL, &probes, err))
        return false;
    probe_report(run->arena, &probes, &found);
    for (size_t i = 0; i < probes.count; i++)
        if (probes.items[i].verdict == PROBE_DEFERRED || probes.items[i].verdict == PROBE_NOT_ASKED)
            mark_unprobed(run, &probes.items[i]);
    if ((found.count > 0 &&
         !allow_apply(run->arena, run->options->set, ALLOW_OF_NONE, &found, err)) ||
        !keep(look, &found, &errors, err))
        return false;
    return errors > 0 ? refuse(look, line, errors, err) : say_found(look, line, &probes, err);
}
