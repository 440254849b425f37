/* From the names of forms to the forms. */
#include "check/lint_rules.h"

#include <string.h>

static bool is_for(const struct rule *rule, enum dialect dialect)
{
    return rule->engines & (dialect == DIALECT_SQLITE ? RULE_SQLITE : RULE_POSTGRES);
}

static bool is_named(const char *const *names, const struct form *form)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, form->name) == 0)
            return true;
    return false;
}

struct forms {
    const struct form **items;
    size_t count, capacity;
};

static bool push(struct arena *arena, struct forms *forms, const struct form *form)
{
    const struct form **const item = arena_push(arena, forms);
    if (item != NULL)
        *item = form;
    return item != NULL;
}

/* Several forms may have one name. */
static bool find_forms(struct arena *arena, const struct forms *all, const char *const *names,
                       const struct form ***ret)
{
    struct forms found = {0};
    if (names == NULL)
        return true;
    for (size_t i = 0; i < all->count; i++)
        if (is_named(names, all->items[i]) && !push(arena, &found, all->items[i]))
            return false;
    if (!push(arena, &found, NULL))
        return false;
    *ret = found.items;
    return true;
}

static bool add_rule(struct arena *arena, const struct forms *all, const struct rule *rule,
                     struct lint_rules *ret)
{
    struct lint_rule found = {.rule = rule};
    struct lint_rule *const item = arena_push(arena, ret);
    if (item == NULL || !find_forms(arena, all, rule->forms, &found.forms) ||
        !find_forms(arena, all, rule->remade, &found.remade))
        return false;
    *item = found;
    return true;
}

bool lint_rules_find(struct arena *arena, enum dialect dialect, struct lint_rules *ret,
                     struct err *err)
{
    const struct rule *rule;
    const struct form *form;
    struct forms all = {0};
    for (size_t i = 0; (form = form_at(i)) != NULL; i++)
        if (!push(arena, &all, form))
            return err_nomem(err);
    for (size_t i = 0; (rule = rule_at(i)) != NULL; i++)
        if (rule_is_linted(rule) && is_for(rule, dialect) && !add_rule(arena, &all, rule, ret))
            return err_nomem(err);
    return true;
}

bool lint_rule_has(const struct form *const *forms, const struct form *form)
{
    for (; *forms != NULL; forms++)
        if (*forms == form)
            return true;
    return false;
}
