/* Lists of findings. */
#include "base/finding.h"

#include <stdlib.h>
#include <string.h>

/* A copy in the arena in its place; NULL stays. */
static bool keep(struct arena *arena, const char **text)
{
    if (*text == NULL)
        return true;
    *text = arena_strdup(arena, *text);
    return *text != NULL;
}

void finding_add(struct arena *arena, struct findings *findings, const struct finding *finding)
{
    struct finding *item = arena_push(arena, findings);
    if (item == NULL) {
        findings->failed = true;
        return;
    }
    *item = *finding;
    if (!keep(arena, &item->what) || !keep(arena, &item->file) || !keep(arena, &item->fix) ||
        !keep(arena, &item->excerpt) || !keep(arena, &item->meant)) {
        findings->count--;
        findings->failed = true;
    }
}

struct placed {
    struct finding finding;
    size_t index;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *const x = a, *const y = b;
    const char *const file_x = x->finding.file != NULL ? x->finding.file : "";
    const char *const file_y = y->finding.file != NULL ? y->finding.file : "";
    const int order = strcmp(file_x, file_y);
    if (order != 0)
        return order;
    if (x->finding.line != y->finding.line)
        return x->finding.line < y->finding.line ? -1 : 1;
    if (x->finding.column != y->finding.column)
        return x->finding.column < y->finding.column ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

bool findings_sort(struct arena *arena, struct findings *findings)
{
    const size_t count = findings->count;
    struct placed *const placed = arena_alloc(arena, (count + 1) * sizeof *placed);
    if (placed == NULL || findings->failed)
        return false;
    for (size_t i = 0; i < count; i++)
        placed[i] = (struct placed){findings->items[i], i};
    if (count > 1)
        qsort(placed, count, sizeof *placed, compare_placed);
    for (size_t i = 0; i < count; i++)
        findings->items[i] = placed[i].finding;
    return true;
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
