/* All rules, from the tables by subject. */
#include "check/rules.h"

#include <string.h>

#include "check/rules/tables.h"

static const struct rule_table *const tables[] = {
    &rules_of_files,       &rules_of_locks,    &rules_of_indexes, &rules_of_rewrites,
    &rules_of_constraints, &rules_of_old_code, &rules_of_loss,    &rules_of_transactions,
    &rules_of_design,      &rules_of_names,    &rules_of_rights,  &rules_of_data,
    &rules_of_sqlite,
};

const struct rule *rule_at(size_t index)
{
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (index < tables[i]->count)
            return &tables[i]->items[index];
        index -= tables[i]->count;
    }
    return NULL;
}

size_t rule_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        count += tables[i]->count;
    return count;
}

const struct rule *rule_find(const char *id)
{
    for (size_t i = 0; rule_at(i) != NULL; i++)
        if (strcmp(rule_at(i)->id, id) == 0)
            return rule_at(i);
    return NULL;
}

bool rule_is_linted(const struct rule *rule)
{
    return rule->forms != NULL || rule->look != NULL || rule->each != NULL ||
           rule->behind != NULL || rule->finish != NULL;
}

bool rule_can_hurt(const struct rule *rule)
{
    return rule != NULL && (rule->grows || rule->rows || rule->breaks);
}

const char **rule_ids(struct arena *arena)
{
    const char **const ids = arena_alloc(arena, rule_count() * sizeof *ids);
    for (size_t i = 0; ids != NULL && rule_at(i) != NULL; i++)
        ids[i] = rule_at(i)->id;
    return ids;
}

const char *fixer_text(enum fixer fixer)
{
    static const char *const texts[] = {
        [FIXER_NONE] = NULL,
        [FIXER_TEXT] = "mends the line where one thing was clearly meant; where that changes the "
                       "checksum, only with --base and in a file that is new",
        [FIXER_PHASE] = "writes `-- pawl: phase=contract` into the head of the file, with --base, "
                        "where the file is new and does nothing that newer code may need",
        [FIXER_NAME] = "renames the file where one name was clearly meant",
        [FIXER_VERSION] = "renumbers what is new, with --base",
        [FIXER_SUM] = "writes pawl.sum anew; where a line says otherwise than its file, only with "
                      "--base and when nothing of the base was edited or removed",
        [FIXER_STATEMENT] = "writes it so, in files that are new; what has to come in a later "
                            "transaction goes into a migration of its own",
    };
    return texts[fixer];
}

const char *fixer_command(enum fixer fixer)
{
    return fixer == FIXER_NONE ? NULL : fixer == FIXER_STATEMENT ? "lint" : "check";
}
