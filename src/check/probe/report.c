/* What probes found: names, words and findings. */
#include "check/probe/probe.h"

static const struct {
    const char *name, *one_does, *rows_do;
} kinds[] = {
#define X(id, name, one_does, rows_do) [PROBE_##id] = {name, one_does, rows_do},
    PROBE_KINDS(X)
#undef X
};

static const char *const verdicts[] = {
#define X(id, name) [PROBE_##id] = name,
    PROBE_VERDICTS(X)
#undef X
};

const char *probe_kind_name(enum probe_kind kind)
{
    return kinds[kind].name;
}

const char *probe_verdict_name(enum probe_verdict verdict)
{
    return verdicts[verdict];
}

/* ---- in words ---- */

const char *probe_words(struct arena *arena, const struct probe *probe)
{
    const char *const least = probe->exact ? "" : "at least ";
    const bool one = probe->count == 1;
    switch (probe->verdict) {
    case PROBE_HOLDS:
        return "no row is in the way";
    case PROBE_DEFERRED:
        return arena_printf(arena, "not known yet: %s", probe->why);
    case PROBE_NOT_ASKED:
        return arena_printf(arena, "no answer: %s", probe->why);
    default:
        break;
    }
    if (probe->count == 0)
        return arena_strdup(arena, probe->why);
    const char *const what = probe->kind == PROBE_UNIQUE ? (one ? "key" : "keys")
                             : probe->kind == PROBE_EXCLUDE
                                 ? (one ? "pair of rows" : "pairs of rows")
                                 : (one ? "row" : "rows");
    return arena_printf(arena, "%s%lld %s %s%s%s", least, (long long)probe->count, what,
                        one ? kinds[probe->kind].one_does : kinds[probe->kind].rows_do,
                        probe->why != NULL ? ": " : "", probe->why != NULL ? probe->why : "");
}

static const struct {
    const char *rule;
    enum severity severity;
} told[] = {
    [PROBE_VIOLATED] = {"data-violates", SEVERITY_ERROR},
    [PROBE_LOSES] = {"data-loses", SEVERITY_WARNING},
    [PROBE_DEFERRED] = {"data-unasked", SEVERITY_NOTE},
    [PROBE_NOT_ASKED] = {"data-unasked", SEVERITY_WARNING},
};

void probe_report(struct arena *arena, const struct probes *probes, struct findings *findings)
{
    for (size_t i = 0; i < probes->count; i++) {
        const struct probe *const probe = &probes->items[i];
        if (probe->verdict == PROBE_HOLDS)
            continue;
        const char *const words = probe_words(arena, probe);
        const char *const what =
            words != NULL ? arena_printf(arena, "%s: %s", probe->subject, words) : NULL;
        if (what == NULL) {
            findings->failed = true;
            continue;
        }
        finding_add(arena, findings,
                    &(struct finding){.rule = told[probe->verdict].rule,
                                      .severity = told[probe->verdict].severity,
                                      .file = probe->migration->path,
                                      .line = probe->line,
                                      .column = probe->column,
                                      .what = what,
                                      .excerpt = probe->excerpt});
    }
}
