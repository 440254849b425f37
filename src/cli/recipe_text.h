/* Unfinished recipes for people and for programs. */
#ifndef PAWL_CLI_RECIPE_TEXT_H
#define PAWL_CLI_RECIPE_TEXT_H

#include "cli/cli.h"
#include "ledger/recipe.h"

/* False when memory is out. */
bool recipes_say(struct cli *cli, const struct recipe_debts *recipes) MUST_CHECK;

/* An array of objects; NULL when memory is out. */
json_t *recipes_json(const struct recipe_debts *recipes);

#endif
