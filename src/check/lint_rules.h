/* The rules of one engine, with the forms that their tables name: compared by address, as each act
 * of each statement is held against all of them. */
#ifndef PAWL_CHECK_LINT_RULES_H
#define PAWL_CHECK_LINT_RULES_H

#include "base/arena.h"
#include "check/rules.h"
#include "sql/facts_form.h"
#include "sql/lexer.h"

struct lint_rule {
    const struct rule *rule;
    const struct form **forms, **remade; /* NULL ends the list; NULL where the rule has none */
};

struct lint_rules {
    struct lint_rule *items;
    size_t count, capacity;
};

/* The error is ERR_NOMEM. */
bool lint_rules_find(struct arena *arena, enum dialect dialect, struct lint_rules *ret,
                     struct err *err) MUST_CHECK;

bool lint_rule_has(const struct form *const *forms, const struct form *form);

#endif
