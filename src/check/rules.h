/*
 * The rules that findings belong to: one list, from which `pawl explain`, the docs and SARIF come.
 */
#ifndef PAWL_CHECK_RULES_H
#define PAWL_CHECK_RULES_H

#include <stddef.h>

#include "base/finding.h"

/* A set of engines. */
enum { RULE_POSTGRES = 1, RULE_SQLITE = 2, RULE_ANY = RULE_POSTGRES | RULE_SQLITE };

struct rule {
    const char *id;
    enum severity severity; /* the usual one; an applied migration's odd name is only a note */
    unsigned engines;
    const char *title; /* one line, lower case, no full stop */
    const char *why, *fix;
    const char *example_bad, *example_good; /* lines of a file, or names; may be NULL */
};

extern const struct rule rules[];
extern const size_t rule_count;

/* NULL when there is no such rule. */
const struct rule *rule_find(const char *id);

#endif
