/*
 * What any check returns. A finding belongs to a rule by its id; the rules with their texts stand
 * in check/rules.c.
 */
#ifndef PAWL_BASE_FINDING_H
#define PAWL_BASE_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

struct finding {
    const char *rule; /* a static string */
    enum severity severity;
    const char *file;    /* a path, byte for byte: whoever prints it escapes it; may be NULL */
    int line, column;    /* from 1; 0 when the whole file is meant */
    const char *what;    /* one sentence, lower case, no full stop */
    const char *fix;     /* what to do or type; may be NULL */
    const char *excerpt; /* the line that it is about; may be NULL */
    /* What was meant where that is beyond doubt, else NULL: in place of these bytes of the text, or
     * of the file's name. */
    const char *meant;
    size_t meant_at, meant_len;
};

struct findings {
    struct finding *items;
    size_t count, capacity;
    bool failed; /* memory was out: something is missing here */
};

/* Adds one; strings are copied into the arena. fix may be NULL. */
void finding_add(struct arena *arena, struct findings *findings, const struct finding *finding);

/* "error", "warning", "note". */
const char *severity_name(enum severity severity);

/* By file, line and column, else in the order of their coming. False when memory is out, now or
 * before. */
bool findings_sort(struct arena *arena, struct findings *findings) MUST_CHECK;

size_t findings_count(const struct findings *findings, enum severity severity);

#endif
