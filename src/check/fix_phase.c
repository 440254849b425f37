/* `-- pawl: phase=contract` in the head of what breaks older code, where nothing else speaks
 * against it. */
#include <string.h>

#include "check/contract.h"
#include "check/fix_parts.h"

#define PHASE_LINE "-- pawl: phase=contract"

static const struct finding *find_breaking(const struct fixing *fixing, const char *path)
{
    for (size_t i = 0; i < fixing->findings.count; i++)
        if (fix_wants(&fixing->findings.items[i], FIXER_PHASE) &&
            strcmp(fixing->findings.items[i].file, path) == 0)
            return &fixing->findings.items[i];
    return NULL;
}

void fix_find_phase(const struct fixing *fixing, const struct draft *draft, struct edit *ret)
{
    const struct finding *const finding = find_breaking(fixing, draft->migration.path);
    if (finding != NULL && draft->migration.phase != PHASE_CONTRACT)
        *ret = (struct edit){.rule = finding->rule,
                             .meant = strcmp(fix_newline(draft), "\n") == 0 ? PHASE_LINE "\n"
                                                                            : PHASE_LINE "\r\n",
                             .at = fix_head_end(fixing, draft),
                             .line = finding->line};
}

/* The line against another directive of the file: phase=expand, replaces=. */
static bool contradicts(const struct draft *before, const struct draft *after)
{
    return findings_count(&after->findings, SEVERITY_ERROR) >
               findings_count(&before->findings, SEVERITY_ERROR) ||
           after->migration.phase != PHASE_CONTRACT;
}

bool fix_forbid_phase(struct fixing *fixing, const struct draft *before, const struct draft *after,
                      const char **ret_why, struct err *err)
{
    static const char advice[] =
        "put that into a migration of its own that comes first, and what breaks older code into "
        "another: pawl new NAME --phase contract";
    struct contract_reading reading;
    if (fixing->options->base == NULL) {
        *ret_why = "it may be applied already as it is: --base REF tells whether the file is new";
        return true;
    }
    if (contradicts(before, after)) {
        *ret_why = "phase=contract does not go with what its other directives say";
        return true;
    }
    if (!contract_read(fixing->scratch, fixing->set.dialect, &before->migration, &reading, err))
        return false;
    if (reading.side == SIDE_TAKES)
        return true;
    *ret_why = reading.side == SIDE_ADDS
                   ? arena_printf(fixing->scratch,
                                  "line %d adds what newer code needs, and that would wait too: %s",
                                  reading.line, advice)
                   : arena_printf(fixing->scratch,
                                  "newer code may need what line %d does, and that would wait too: "
                                  "%s; or say phase=contract where it does not",
                                  reading.line, advice);
    return *ret_why != NULL || err_nomem(err);
}
