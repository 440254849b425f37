/* `pawl renumber`: a new version for a migration that is not applied yet. */
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/commands.h"
#include "cli/workspace.h"
#include "history/renaming.h"

/* ---- which entry is meant ---- */

/* The last part of a path; in scheme folder that of x/up.sql is x. */
static const char *last_part(struct cli *cli, enum naming naming, const char *path)
{
    char *copy = arena_strdup(&cli->arena, path);
    if (copy == NULL)
        return NULL;
    char *slash = strrchr(copy, '/');
    if (slash != NULL &&
        (slash[1] == '\0' || (naming == NAMING_FOLDER && (strcmp(slash, "/up.sql") == 0 ||
                                                          strcmp(slash, "/migration.sql") == 0)))) {
        *slash = '\0';
        slash = strrchr(copy, '/');
    }
    return slash != NULL ? slash + 1 : copy;
}

/* A path, a name in the migrations folder, or an id. */
static bool find_entry(struct cli *cli, const struct workspace *workspace, const char *word,
                       const char **ret, struct err *err)
{
    const struct set_options *options = &workspace->options;
    const char *entry = last_part(cli, options->naming, word);
    const char *path = entry != NULL ? fs_join(&cli->arena, options->folder, entry) : NULL;
    const char *printable = fs_printable(&cli->arena, word);
    if (path == NULL || printable == NULL)
        return err_nomem(err);
    const struct migration *migration = set_find(&workspace->set, entry);
    if (entry[0] != '\0' && fs_exists(path)) {
        *ret = entry;
        return true;
    }
    if (migration == NULL)
        migration = set_find_odd(&workspace->set, entry);
    if (migration != NULL && migration->entry != NULL) {
        *ret = migration->entry;
        return true;
    }
    (void)err_set(err, ERR_USAGE, "there is no migration \"%s\" in \"%s\"", printable,
                  options->folder);
    err_hint(err, "FILE is a file's path, its name or its id.");
    return false;
}

/* Only what is meant to be a versioned migration can be renumbered. */
static bool read_entry(struct cli *cli, const struct workspace *workspace, const char *entry,
                       struct name *ret, struct err *err)
{
    struct findings ignored = {0};
    const char *path = fs_join(&cli->arena, workspace->options.folder, entry);
    if (path == NULL)
        return err_nomem(err);
    return name_read(&cli->arena, workspace->options.naming, entry, fs_is_folder(path), path, ret,
                     &ignored, err);
}

static bool check_entry(struct cli *cli, const struct workspace *workspace, const char *entry,
                        struct name *ret, struct err *err)
{
    static const char *const reasons[] = {
        [NAME_MIGRATION] = NULL,
        [NAME_BAD] = NULL,
        [NAME_REPEATABLE] = "is repeatable: it has no version",
        [NAME_DOWN] = "is a down part: renumber its migration, and it goes along",
        [NAME_OTHER] = "is no migration",
    };
    if (!read_entry(cli, workspace, entry, ret, err))
        return false;
    if (reasons[ret->role] == NULL)
        return true;
    const char *printable = fs_printable(&cli->arena, entry);
    return err_set(err, ERR_USAGE, "\"%s\" %s", printable != NULL ? printable : "?",
                   reasons[ret->role]);
}

/* ---- renaming ---- */

static bool rename_entry(struct cli *cli, const struct workspace *workspace, const char *entry,
                         const char **ret_entry, struct err *err)
{
    const struct set_options *const options = &workspace->options;
    struct fs_names entries;
    struct renamings renamings;
    if (!fs_list(&cli->arena, options->folder, &entries, err))
        return false;
    *ret_entry =
        name_with_version(&cli->arena, options->naming, entry, workspace_newest(workspace, entry),
                          clock_utc_us() / 1000000, err);
    return *ret_entry != NULL &&
           renaming_plan(&cli->arena, options->naming, &entries, entry, *ret_entry, &renamings,
                         err) &&
           renaming_apply(&cli->arena, options->folder, &renamings, err);
}

static bool report(struct cli *cli, const struct workspace *workspace, const char *from,
                   const char *to, struct err *err)
{
    const char *old_path = fs_join(&cli->arena, workspace->options.folder, from);
    const char *path = fs_join(&cli->arena, workspace->options.folder, to);
    if (old_path == NULL || path == NULL)
        return err_nomem(err);
    cli_result(cli, "old_path", cli_json_text(old_path));
    cli_result(cli, "path", cli_json_text(path));
    cli_result(cli, "changed", json_boolean(strcmp(from, to) != 0));
    output_result(&cli->output, "%s\n", path);
    return true;
}

static bool is_newest(const struct workspace *workspace, const char *entry)
{
    const struct set *set = &workspace->set;
    return set->versioned > 0 && strcmp(set->items[set->versioned - 1].entry, entry) == 0;
}

/* A right name that sorts last alone, and not in the future: nothing to put right. */
static bool is_right_already(struct cli *cli, const struct workspace *workspace, const char *entry,
                             const struct name *name, bool *ret, struct err *err)
{
    const char *newest = workspace_newest(workspace, entry);
    struct findings future = {0};
    *ret = name->role == NAME_MIGRATION && is_newest(workspace, entry) &&
           (newest == NULL || version_compare(newest, name->version) < 0);
    if (*ret &&
        !set_check_future(&cli->arena, &workspace->set, clock_utc_us() / 1000000, &future, err))
        return false;
    *ret = *ret && future.count == 0;
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct name name;
    const char *entry = NULL, *new_entry = NULL;
    bool right = false;
    if (!workspace_load(cli, &workspace, err))
        return false;
    cli->findings.count = 0; /* they are for `pawl check` */
    if (!find_entry(cli, &workspace, cli->words.items[0], &entry, err) ||
        !check_entry(cli, &workspace, entry, &name, err) ||
        !is_right_already(cli, &workspace, entry, &name, &right, err))
        return false;
    if (right) {
        output_chat(&cli->output, "it is the newest migration already: nothing was changed");
        return report(cli, &workspace, entry, entry, err);
    }
    if (!rename_entry(cli, &workspace, entry, &new_entry, err) ||
        !report(cli, &workspace, entry, new_entry, err))
        return false;
    if (workspace_update_sum(cli, &workspace, err))
        return true;
    err_state(err, "The migration has its new name.");
    return false;
}

static const struct example examples[] = {
    {"pawl renumber migrations/20250101000000_add_users.sql",
     "gives it a version after the newest"},
};

const struct command command_renumber = {
    .name = "renumber",
    .group = GROUP_WRITE,
    .summary = "give a migration that is not applied yet a version after the newest",
    .usage = "FILE",
    .about =
        "For a migration that was merged late, or whose version is wrong. Its down part goes\n"
        "along. FILE is a path, a name in the migrations folder or an id. Prints the new path.",
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .min_words = 1,
    .max_words = 1,
    .word_offers = OFFER_FILES,
    .needs = NEEDS_CONFIG,
    .run = run,
};
