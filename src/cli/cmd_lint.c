/* `pawl lint`: what the statements of migrations do to a database that is in use. */
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "check/allow.h"
#include "check/lint.h"
#include "cli/commands.h"
#include "cli/mending.h"
#include "cli/summary.h"
#include "cli/workspace.h"

/* What is reviewed: files as they were named, or what the base of the set lacks, or all of it. */
struct review {
    struct set set; /* of named files: in the order in which they were named */
    const struct migration **items;
    size_t count;
    bool alone;
};

/* ---- files that were named ---- */

static bool read_stdin(struct arena *arena, char **ret, size_t *ret_len, struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    char buffer[1 << 16];
    ssize_t got;
    while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0 && text.len <= MIGRATION_MAX_BYTES)
        str_append(&text, buffer, (size_t)got);
    if (got < 0)
        return err_errno(err, ERR_USAGE, "cannot read the standard input");
    if (text.len > MIGRATION_MAX_BYTES)
        return err_set(err, ERR_USAGE, "the standard input is larger than %d bytes",
                       MIGRATION_MAX_BYTES);
    *ret = text.failed ? NULL : arena_strndup(arena, str_text(&text), text.len);
    *ret_len = text.len;
    return *ret != NULL || err_nomem(err);
}

/* By itself and in its folder, for one: it is reviewed, and written, once. */
static bool is_named_before(const struct set *set, const char *path)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].path, path) == 0)
            return true;
    return false;
}

static bool add_file(struct cli *cli, enum dialect dialect, const char *path, struct set *set,
                     struct err *err)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    char *text = NULL;
    size_t len = 0;
    if (is_named_before(set, path))
        return true;
    if (is_stdin ? !read_stdin(&cli->arena, &text, &len, err)
                 : !fs_read(&cli->arena, path, MIGRATION_MAX_BYTES, &text, &len, err))
        return false;
    struct migration *const migration = arena_push(&cli->arena, set);
    if (migration == NULL)
        return err_nomem(err);
    *migration = (struct migration){.id = path, .version = "0", .path = path, .entry = path};
    return migration_read(&cli->arena, dialect, text, len, migration, &cli->findings, err);
}

static bool is_sql(const char *name)
{
    const size_t len = strlen(name);
    return len > strlen(".sql") && strcmp(name + len - strlen(".sql"), ".sql") == 0;
}

/* Every file of SQL in it and below it, in the order of their names. */
static bool add_path(struct cli *cli, enum dialect dialect, const char *path, bool named,
                     struct set *set, struct err *err)
{
    struct fs_names names = {0};
    if (!fs_is_folder(path))
        return !(named || is_sql(path)) || add_file(cli, dialect, path, set, err);
    if (!fs_list(&cli->arena, path, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        const char *const inside = fs_join(&cli->arena, path, names.items[i]);
        if (inside == NULL)
            return err_nomem(err);
        if (!fs_is_link(inside) && !add_path(cli, dialect, inside, false, set, err))
            return false;
    }
    return true;
}

static bool load_named(struct cli *cli, enum dialect dialect, struct review *ret, struct err *err)
{
    ret->set.folder = "";
    ret->set.dialect = dialect;
    ret->alone = true;
    for (size_t i = 0; i < cli->words.count; i++)
        if (!add_path(cli, dialect, cli->words.items[i], true, &ret->set, err))
            return false;
    return true;
}

/* ---- the configured set ---- */

static bool load_set(struct cli *cli, enum dialect dialect, struct review *ret, struct base *base,
                     struct err *err)
{
    struct workspace workspace;
    const char *const ref = cli_option(cli, "base");
    if (!workspace_load(cli, &workspace, err))
        return false;
    workspace.options.dialect = dialect;
    ret->set = workspace.set;
    ret->alone = ref == NULL;
    cli->findings.count = 0; /* names and directives are for `pawl check` */
    return ref == NULL || base_load(&cli->arena, &workspace.options, ref, base, err);
}

static bool choose(struct cli *cli, const struct base *base, struct review *review, struct err *err)
{
    review->items = arena_alloc(&cli->arena, (review->set.count + 1) * sizeof *review->items);
    if (review->items == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < review->set.count; i++)
        if (base->ref == NULL || !base_has(base, review->set.items[i].id))
            review->items[review->count++] = &review->set.items[i];
    return true;
}

/* ---- the command ---- */

static bool find_dialect(struct cli *cli, enum dialect *ret, struct err *err)
{
    struct set_options options;
    const char *const given = cli_option(cli, "dialect");
    if (given != NULL)
        return dialect_parse(given, ret) || err_set(err, ERR_USAGE, "unknown dialect");
    if (!workspace_options(cli, &options, err))
        return false;
    *ret = options.dialect;
    return true;
}

/* mends: as in struct lint_options. */
static bool look(struct cli *cli, enum dialect dialect, struct mends *mends, struct review *ret,
                 struct err *err)
{
    struct base base = {0};
    struct lint_options options = {.dialect = dialect, .mends = mends};
    *ret = (struct review){0};
    if (cli->words.count > 0 ? !load_named(cli, dialect, ret, err)
                             : !load_set(cli, dialect, ret, &base, err))
        return false;
    options.alone = ret->alone;
    return choose(cli, &base, ret, err) &&
           lint_run(&cli->arena, &options, ret->items, ret->count, &cli->findings, err);
}

/* What may be applied already is never edited. */
static bool check_words(const struct cli *cli, struct err *err)
{
    const bool named = cli->words.count > 0, fix = cli_flag(cli, "fix");
    if (named && cli_option(cli, "base") != NULL)
        return err_set(err, ERR_USAGE, "--base finds the files itself: name none");
    if (fix && cli_flag(cli, "diff"))
        return err_set(err, ERR_USAGE, "--fix writes what --diff only shows: give one of them");
    for (size_t i = 0; fix && i < cli->words.count; i++)
        if (strcmp(cli->words.items[i], "-") == 0)
            return err_set(err, ERR_USAGE, "--fix cannot write to the standard input");
    if ((!fix && !cli_flag(cli, "diff")) || named || cli_option(cli, "base") != NULL)
        return true;
    (void)err_set(err, ERR_USAGE, "nothing says which files are new");
    err_hint(err, "Name them, or give the branch to merge into: --base origin/main.");
    return false;
}

/* What the whole set says of the tables that the reviewed files are about. */
static bool learn(struct cli *cli, enum dialect dialect, struct mends *mends, struct err *err)
{
    struct workspace workspace = {0};
    struct review all = {0};
    struct findings ignored = {0};
    const struct base none = {0};
    const struct lint_options options = {.dialect = dialect, .mends = mends};
    if (!workspace_options(cli, &workspace.options, err))
        return false;
    if (!fs_is_folder(workspace.options.folder))
        return true;
    const bool loaded = workspace_load(cli, &workspace, err);
    all.set = workspace.set;
    const bool learnt = loaded && choose(cli, &none, &all, err) &&
                        lint_run(&cli->arena, &options, all.items, all.count, &ignored, err);
    cli->findings.count = mends->count = 0;
    return learnt;
}

static bool mend(struct cli *cli, enum dialect dialect, bool diff, struct err *err)
{
    struct review review;
    struct mends mends = {0};
    const bool mended = learn(cli, dialect, &mends, err) &&
                        look(cli, dialect, &mends, &review, err) &&
                        mending_run(cli, &mends, diff, err);
    cli->findings.count = 0;
    return mended;
}

static bool run(struct cli *cli, struct err *err)
{
    struct review review;
    enum dialect dialect;
    const bool diff = cli_flag(cli, "diff");
    if (!check_words(cli, err) || !find_dialect(cli, &dialect, err))
        return false;
    if ((diff || cli_flag(cli, "fix")) && !mend(cli, dialect, diff, err))
        return false;
    if (diff)
        return true;
    if (!look(cli, dialect, NULL, &review, err) ||
        !allow_apply(&cli->arena, &review.set, review.alone ? ALLOW_OF_LINT : ALLOW_OF_NONE,
                     &cli->findings, err))
        return false;
    if (!findings_sort(&cli->arena, &cli->findings))
        return err_nomem(err);
    return summary_tell(cli, review.count, cli->words.count > 0 ? "file" : "migration", "", err);
}

static const struct option options[] = {
    {.name = "base",
     .argument = "GITREF",
     .text = "review what this branch, tag or commit lacks, as one deploy"},
    {.name = "fix", .text = "write the safe form where there is one, and review again"},
    {.name = "diff", .text = "only show what --fix would write"},
    {.name = "dialect",
     .argument = "DIALECT",
     .text = "of the files; without it that of the configuration",
     .choices = "postgres|sqlite"},
    {.name = "format",
     .argument = "FORMAT",
     .text = "how findings are printed",
     .choices = "human|json|sarif|github|gitlab"},
};

static const struct example examples[] = {
    {"pawl lint", "reviews each migration of the set"},
    {"pawl lint --base origin/main", "reviews what a branch adds, as it will be deployed"},
    {"pawl lint migrations/20250703075850_add_users.sql", "reviews one file"},
    {"pawl lint --base origin/main --diff", "shows the safe form of what a branch adds"},
    {"git show HEAD:schema.sql | pawl lint -", "reviews what comes from the standard input"},
};

const struct command command_lint = {
    .name = "lint",
    .group = GROUP_CHECK,
    .summary = "review what statements do to a database in use",
    .usage = "[FILE...|-]",
    .about =
        "Reads each statement and says what others would feel: who waits, what is read or\n"
        "written anew, what may fail on data, which code breaks. A file may also be a folder.\n"
        "What a file creates itself is new: nobody waits for it. Exits 3 when there is an\n"
        "error. A file may allow a rule, and says why:\n"
        "  -- pawl: allow=RULE reason=\"...\"",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = SIZE_MAX,
    .word_offers = OFFER_FILES,
    .needs = NEEDS_CONFIG,
    .finds = true,
    .run = run,
};
