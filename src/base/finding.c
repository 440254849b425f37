/* Lists of findings. */
#include "base/finding.h"

void finding_add(struct arena *arena, struct findings *findings, const struct finding *finding)
{
    struct finding *item = arena_push(arena, findings);
    if (item == NULL) {
        findings->failed = true;
        return;
    }
    *item = *finding;
    const char *const what = arena_strdup(arena, finding->what);
    const char *const file = finding->file != NULL ? arena_strdup(arena, finding->file) : NULL;
    const char *const fix = finding->fix != NULL ? arena_strdup(arena, finding->fix) : NULL;
    const char *const meant = finding->meant != NULL ? arena_strdup(arena, finding->meant) : NULL;
    if (what == NULL || (finding->meant != NULL && meant == NULL) ||
        (finding->file != NULL && file == NULL) || (finding->fix != NULL && fix == NULL)) {
        findings->count--;
        findings->failed = true;
        return;
    }
    item->what = what;
    item->file = file;
    item->fix = fix;
    item->meant = meant;
}

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[severity];
}

size_t findings_count(const struct findings *findings, enum severity severity)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += findings->items[i].severity == severity;
    return count;
}
