/* A recipe's files: made one behind the other, and none where one fails. */
#include "cli/recipe.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "history/recipe.h"

struct made {
    const char *folder; /* made for the file; NULL */
    const char *path;
};

struct making {
    struct cli *cli;
    const struct workspace *workspace;
    const struct recipe *recipe;
    struct recipe_values values;
    const char *words;
    const char *newest; /* the version before the next file's */
    const char *id;     /* the first file's version */
    size_t steps;
    struct {
        struct made *items;
        size_t count, capacity;
    } made;
};

const char *recipe_option_given(const struct cli *cli)
{
    for (size_t i = 0; i < RECIPE_PARAMETERS; i++)
        if (cli_option(cli, recipe_parameter_name((enum recipe_parameter)i)) != NULL)
            return recipe_parameter_name((enum recipe_parameter)i);
    return NULL;
}

static bool collect_words(struct cli *cli, struct recipe_words *ret, struct err *err)
{
    *ret = (struct recipe_words){0};
    for (size_t i = 0; i < cli->given.count; i++)
        for (size_t k = 0; k < RECIPE_PARAMETERS; k++) {
            const struct given_option *const given = &cli->given.items[i];
            if (strcmp(given->option->name, recipe_parameter_name((enum recipe_parameter)k)) != 0)
                continue;
            const char **const word = arena_push(&cli->arena, &ret->given[k]);
            if (word == NULL)
                return err_nomem(err);
            *word = given->text;
        }
    return true;
}

/* ---- one file ---- */

static const char *make_entry(struct making *making, const struct recipe_file *file,
                              struct err *err)
{
    struct arena *const arena = &making->cli->arena;
    CLEANUP(str_release) struct str slug = {0};
    if (making->words != NULL)
        str_printf(&slug, "%s %s", making->words, file->slug);
    else
        recipe_write_slug(making->recipe, file, &making->values, &slug);
    if (slug.failed) {
        (void)err_nomem(err);
        return NULL;
    }
    return name_make(arena, making->workspace->options.naming, str_text(&slug), making->newest,
                     clock_utc_us() / 1000000, err);
}

static bool note_version(struct making *making, const char *entry, struct err *err)
{
    struct cli *const cli = making->cli;
    const enum naming naming = making->workspace->options.naming;
    struct findings none = {0};
    struct name name;
    if (!name_read(&cli->arena, naming, entry, naming == NAMING_FOLDER, entry, &name, &none, err))
        return false;
    making->newest = name.version;
    if (making->id == NULL)
        making->id = name.version;
    return true;
}

static bool make_file(struct making *making, const struct recipe_file *file, struct err *err)
{
    struct cli *const cli = making->cli;
    CLEANUP(str_release) struct str text = {0};
    const char *const entry = make_entry(making, file, err);
    if (entry == NULL || !note_version(making, entry, err))
        return false;
    struct made *const made = arena_push(&cli->arena, &making->made);
    if (made == NULL)
        return err_nomem(err);
    char *path = fs_join(&cli->arena, making->workspace->options.folder, entry);
    const bool in_folder = making->workspace->options.naming == NAMING_FOLDER;
    made->folder = in_folder ? path : NULL;
    made->path = path != NULL && in_folder ? fs_join(&cli->arena, path, "up.sql") : path;
    recipe_write_file(making->recipe, file, &making->values, making->id, making->made.count,
                      making->steps, &text);
    if (made->path == NULL || text.failed) {
        making->made.count--;
        return err_nomem(err);
    }
    if ((!in_folder || fs_make_folder(path, err)) &&
        fs_create(made->path, str_text(&text), text.len, err))
        return true;
    making->made.count--;
    if (in_folder)
        (void)rmdir(path); /* refuses unless it is empty, as one made here is */
    return false;
}

static void unmake(const struct making *making)
{
    for (size_t i = making->made.count; i > 0; i--) {
        (void)unlink(making->made.items[i - 1].path);
        if (making->made.items[i - 1].folder != NULL)
            (void)rmdir(making->made.items[i - 1].folder);
    }
}

/* ---- all of them ---- */

static void report(const struct making *making)
{
    struct cli *const cli = making->cli;
    json_t *const paths = json_array();
    for (size_t i = 0; i < making->made.count; i++) {
        output_result(&cli->output, "%s\n", making->made.items[i].path);
        if (paths != NULL &&
            json_array_append_new(paths, cli_json_text(making->made.items[i].path)) != 0)
            cli->result_failed = true;
    }
    cli_result(cli, "path", cli_json_text(making->made.items[0].path));
    cli_result(cli, "recipe", cli_json_text(making->recipe->name));
    cli_result(cli, "id", cli_json_text(making->id));
    cli_result(cli, "paths", paths);
}

bool recipe_make(struct cli *cli, const struct workspace *workspace, const char *words,
                 struct err *err)
{
    struct making making = {.cli = cli, .workspace = workspace, .words = words};
    struct recipe_words given;
    making.recipe = recipe_find(&cli->arena, cli_option(cli, "recipe"), err);
    if (making.recipe == NULL)
        return false;
    if (workspace->options.dialect != DIALECT_POSTGRES) {
        (void)err_set(err, ERR_USAGE, "recipes are for PostgreSQL");
        err_hint(err,
                 "On SQLite nobody else writes while a migration runs: write the change as one "
                 "migration with `pawl new NAME`.");
        return false;
    }
    if (!collect_words(cli, &given, err) ||
        !recipe_read(&cli->arena, making.recipe, &given, &making.values, err))
        return false;
    making.newest = workspace_newest(workspace, NULL);
    for (size_t i = 0; i < making.recipe->file_count; i++)
        making.steps += recipe_makes(&making.recipe->files[i], &making.values);
    for (size_t i = 0; i < making.recipe->file_count; i++)
        if (recipe_makes(&making.recipe->files[i], &making.values) &&
            !make_file(&making, &making.recipe->files[i], err)) {
            unmake(&making);
            return false;
        }
    report(&making);
    return true;
}

/* ---- the list ---- */

static void append_parameters(const struct recipe *recipe, struct str *out)
{
    for (size_t i = 0; i < RECIPE_PARAMETERS; i++) {
        const char *const name = recipe_parameter_name((enum recipe_parameter)i);
        const char *const more = (recipe->several & RECIPE_BIT(i)) != 0 ? "..." : "";
        if ((recipe->needs & RECIPE_BIT(i)) != 0)
            str_printf(out, " --%s%s", name, more);
        else if ((recipe->takes & RECIPE_BIT(i)) != 0)
            str_printf(out, " [--%s%s]", name, more);
    }
}

static const char *kind_of(const struct recipe_file *file)
{
    return file->contract ? "contract" : file->verify != NULL ? "backfill" : "expand";
}

static json_t *files_json(const struct recipe *recipe)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < recipe->file_count; i++) {
        const struct recipe_file *const file = &recipe->files[i];
        const char *with = NULL;
        for (size_t k = 0; k < RECIPE_PARAMETERS; k++)
            if ((file->only_with & RECIPE_BIT(k)) != 0)
                with = recipe_parameter_name((enum recipe_parameter)k);
        (void)json_array_append_new(
            array, json_pack("{so so so}", "slug", cli_json_text(file->slug), "what",
                             cli_json_text(kind_of(file)), "with", cli_json_text(with)));
    }
    return array;
}

bool recipe_print_list(struct cli *cli, struct err *err)
{
    json_t *const array = json_array();
    for (size_t i = 0; i < recipe_count; i++) {
        const struct recipe *const recipe = &recipes[i];
        CLEANUP(str_release) struct str usage = {0};
        append_parameters(recipe, &usage);
        if (usage.failed) {
            json_decref(array);
            return err_nomem(err);
        }
        output_result(&cli->output, "%s: %s\n   %s\n", recipe->name, recipe->summary,
                      str_text(&usage));
        if (array != NULL)
            (void)json_array_append_new(
                array, json_pack("{so so so so}", "name", cli_json_text(recipe->name), "summary",
                                 cli_json_text(recipe->summary), "usage",
                                 cli_json_text(str_text(&usage) + 1), "files", files_json(recipe)));
    }
    cli_result(cli, "recipes", array);
    return true;
}
