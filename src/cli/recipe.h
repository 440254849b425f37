/* The migrations of a recipe, written into the folder: `pawl new --recipe`. */
#ifndef PAWL_CLI_RECIPE_H
#define PAWL_CLI_RECIPE_H

#include "cli/workspace.h"

/* Whether an option of the command line is a recipe's; NULL, or the name of one. */
const char *recipe_option_given(const struct cli *cli);

/* Prints the recipes, with what each needs and the files that it makes. */
bool recipe_print_list(struct cli *cli, struct err *err) MUST_CHECK;

/* Writes all files or none, and reports them. words name the files; NULL: the recipe does. Errors:
 * ERR_USAGE, those of the file system. */
bool recipe_make(struct cli *cli, const struct workspace *workspace, const char *words,
                 struct err *err) MUST_CHECK;

#endif
