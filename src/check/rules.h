/*
 * The rules that findings belong to: one list, from which `pawl explain`, the docs and SARIF come.
 */
#ifndef PAWL_CHECK_RULES_H
#define PAWL_CHECK_RULES_H

#include <stddef.h>

#include "base/finding.h"

/* A set of engines. */
enum { RULE_POSTGRES = 1, RULE_SQLITE = 2, RULE_ANY = RULE_POSTGRES | RULE_SQLITE };

/* What `pawl check --fix` does about a finding. */
enum fixer {
    FIXER_NONE,
    FIXER_TEXT,    /* edits the file's text */
    FIXER_NAME,    /* renames the file to what was meant */
    FIXER_VERSION, /* gives the file a version after the newest */
    FIXER_SUM,     /* writes pawl.sum anew */
};

/* What it does and when, for the docs: "mends the line ..."; NULL for FIXER_NONE. */
const char *fixer_text(enum fixer fixer);

struct rule {
    const char *id;
    enum severity severity; /* the usual one; an applied migration's odd name is only a note */
    unsigned engines;
    enum fixer fixer;
    const char *title; /* one line, lower case, no full stop */
    const char *why, *fix;
    const char *example_bad, *example_good; /* lines of a file, or names; may be NULL */
};

extern const struct rule rules[];
extern const size_t rule_count;

/* NULL when there is no such rule. */
const struct rule *rule_find(const char *id);

#endif
