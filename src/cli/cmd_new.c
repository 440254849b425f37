/* `pawl new`: a migration under a right name, empty or undoing another; or those of a recipe. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/commands.h"
#include "cli/recipe.h"
#include "cli/revert.h"
#include "cli/workspace.h"
#include "history/name.h"
#include "history/squash.h"
#include "history/template.h"

/* What is being made. */
struct draft {
    const char *words;
    enum migration_kind kind;
    enum migration_phase phase;
    bool phase_given;
    const struct revert *revert;  /* what it undoes; NULL: it starts empty */
    struct squash_range replaces; /* count 0: it is no squash */
    const char *entry;            /* the directory entry */
    const char *path;             /* of the file */
};

/* ---- a NAME that is a file name already ---- */

/* Text before the first byte that is neither a digit nor one of others. */
static size_t digits_span(const char *text, const char *others, size_t *ret_digits)
{
    size_t i = 0;
    *ret_digits = 0;
    for (; ascii_digit(text[i]) || (text[i] != '\0' && strchr(others, text[i]) != NULL); i++)
        *ret_digits += ascii_digit(text[i]);
    return i;
}

/* How much of the text is a version as some tool writes it; 0 when it does not start with one.
 * A year, "2fa" or "3_columns" is none. */
static size_t version_prefix(const char *text)
{
    enum { FEWEST_DIGITS = 5 };
    size_t digits = 0;
    if (strncmp(text, "R__", 3) == 0)
        return 3;
    if (strncmp(text, "next-", 5) == 0 && ascii_digit(text[5]))
        return 5 + digits_span(text + 5, ".-", &digits);
    if ((text[0] == 'V' || text[0] == 'U') && ascii_digit(text[1])) {
        const size_t len = 1 + digits_span(text + 1, "._", &digits);
        return len > 2 && strncmp(text + len - 2, "__", 2) == 0 ? len : 0;
    }
    const size_t len = digits_span(text, "-_.T", &digits);
    return len > 0 && ascii_digit(text[0]) &&
                   (digits >= FEWEST_DIGITS || (text[0] == '0' && digits > 1))
               ? len
               : 0;
}

static size_t ending_length(const char *text)
{
    static const char *const endings[] = {".up.sql", ".down.sql", ".sql"};
    const size_t len = strlen(text);
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        const size_t ending = strlen(endings[i]);
        if (len >= ending && strcmp(text + len - ending, endings[i]) == 0)
            return ending;
    }
    return 0;
}

/* Refuses such a NAME: a version typed by hand is where the wrong ones come from. */
static bool check_words(struct cli *cli, const struct workspace *workspace, const char *words,
                        struct err *err)
{
    CLEANUP(err_release) struct err no_name = {0};
    const size_t version = version_prefix(words), ending = ending_length(words);
    const char *printable = fs_printable(&cli->arena, words);
    if (printable == NULL)
        return err_nomem(err);
    if (strchr(words, '/') != NULL) {
        (void)err_set(err, ERR_USAGE, "\"%s\" is a path: NAME is what the migration does",
                      printable);
        err_hint(err, "The file goes to \"%s\": `pawl new add users`.", workspace->options.folder);
        return false;
    }
    if (version == 0 && ending == 0)
        return true;
    (void)err_set(err, ERR_USAGE, "\"%s\" is a file name already: pawl gives the version itself",
                  printable);
    const size_t len = strlen(words);
    const char *slug = version + ending < len
                           ? arena_strndup(&cli->arena, words + version, len - version - ending)
                           : NULL;
    const char *name = slug != NULL ? name_make(&cli->arena, workspace->options.naming, slug,
                                                workspace_newest(workspace, NULL),
                                                clock_utc_us() / 1000000, &no_name)
                                    : NULL;
    if (name != NULL)
        err_hint(err, "Type `pawl new '%s'`: it makes %s.", fs_printable(&cli->arena, slug), name);
    else
        err_hint(err, "Type what the migration does: `pawl new add users`.");
    return false;
}

/* ---- the file ---- */

static void write_text(const struct workspace *workspace, const struct draft *draft,
                       struct str *out)
{
    if (draft->revert != NULL) {
        revert_write_head(draft->revert, out);
        if (draft->phase_given || draft->revert->breaks_code)
            str_printf(out, "-- pawl: phase=%s\n", phase_name(draft->phase));
        revert_write_body(draft->revert, out);
        return;
    }
    if (draft->replaces.count > 0) {
        if (!squash_write(&workspace->set, &draft->replaces, out))
            out->failed = true;
        return;
    }
    const struct template *const template = template_of(draft->kind);
    if (template->directives != NULL)
        str_printf(out, "-- pawl: %s\n", template->directives);
    if (draft->phase_given)
        str_printf(out, "-- pawl: phase=%s\n", phase_name(draft->phase));
    str_printf(out, "%s\n\n", template->comment);
}

/* Flyway knows a repeatable migration by its name, which has no version. */
static const char *make_entry(struct cli *cli, const struct workspace *workspace,
                              const struct draft *draft, struct err *err)
{
    const enum naming naming = workspace->options.naming;
    if (draft->replaces.count > 0)
        return name_with_words(&cli->arena, naming,
                               draft->replaces.items[draft->replaces.count - 1].entry, draft->words,
                               err);
    const char *entry = name_make(&cli->arena, naming, draft->words,
                                  workspace_newest(workspace, NULL), clock_utc_us() / 1000000, err);
    if (entry == NULL || naming != NAMING_FLYWAY || draft->kind != KIND_REPEATABLE)
        return entry;
    entry = arena_printf(&cli->arena, "R%s", strstr(entry, "__"));
    if (entry == NULL)
        (void)err_nomem(err);
    return entry;
}

static bool create(struct cli *cli, const struct workspace *workspace, struct draft *draft,
                   struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    const bool in_folder = workspace->options.naming == NAMING_FOLDER;
    draft->entry = make_entry(cli, workspace, draft, err);
    if (draft->entry == NULL)
        return false;
    char *path = fs_join(&cli->arena, workspace->options.folder, draft->entry);
    draft->path = path != NULL && in_folder ? fs_join(&cli->arena, path, "up.sql") : path;
    write_text(workspace, draft, &text);
    if (draft->path == NULL || text.failed)
        return err_nomem(err);
    if (in_folder && !fs_make_folder(path, err))
        return false;
    if (fs_create(draft->path, str_text(&text), text.len, err))
        return true;
    if (in_folder)
        (void)rmdir(path); /* refuses unless it is empty, as one made here is */
    return false;
}

static bool read_flags(const struct cli *cli, struct draft *draft, struct err *err)
{
    const char *kind = cli_option(cli, "kind"), *phase = cli_option(cli, "phase");
    if (kind != NULL && !kind_parse(kind, &draft->kind))
        return err_set(err, ERR_USAGE, "--kind takes schema, data, backfill or repeatable");
    if (phase != NULL && !phase_parse(phase, &draft->phase))
        return err_set(err, ERR_USAGE, "--phase takes expand or contract");
    if (kind != NULL && cli_option(cli, "revert") != NULL)
        return err_set(err, ERR_USAGE, "--kind does not go with --revert: pawl writes the text");
    draft->phase_given = phase != NULL;
    return true;
}

/* ---- --replaces ---- */

static bool read_range(struct cli *cli, struct workspace *workspace, struct draft *draft,
                       struct err *err)
{
    const char *const range = cli_option(cli, "replaces");
    if (range == NULL)
        return true;
    if (draft->phase_given || cli_option(cli, "kind") != NULL || draft->revert != NULL)
        return err_set(err, ERR_USAGE, "--replaces goes without --kind, --phase and --revert");
    if (!squash_find(&cli->arena, &workspace->set, range, &draft->replaces, err))
        return false;
    if (!workspace->sum_exists || workspace->sum_fits) {
        /* It keeps the checksums once the files are gone. */
        workspace->sum_exists = workspace->sum_fits = true;
        return true;
    }
    (void)err_set(err, ERR_REFUSED, "%s does not fit the migrations", workspace->sum_path);
    err_state(err, "Nothing was changed.");
    err_hint(err, "It will be all that is known of the replaced files: `pawl sum --check` shows "
                  "what is wrong.");
    return false;
}

/* Removing files is left to the person, and to version control. */
static void tell_files(struct cli *cli, const struct draft *draft)
{
    json_t *const paths = json_array();
    for (size_t i = 0; paths != NULL && i < draft->replaces.count; i++)
        if (json_array_append_new(paths, cli_json_text(draft->replaces.items[i].path)) != 0)
            cli->result_failed = true;
    if (draft->replaces.count > 0) {
        output_chat(&cli->output,
                    "it stands for %zu migration%s; remove their files, then type "
                    "`pawl sum`:",
                    draft->replaces.count, draft->replaces.count == 1 ? "" : "s");
        for (size_t i = 0; i < draft->replaces.count; i++)
            output_chat(&cli->output, "  %s", draft->replaces.items[i].path);
    }
    cli_result(cli, "replaces", paths);
}

static const char *join_words(struct cli *cli)
{
    const char *joined = cli->words.count > 0 ? cli->words.items[0] : "";
    for (size_t i = 1; joined != NULL && i < cli->words.count; i++)
        joined = arena_printf(&cli->arena, "%s %s", joined, cli->words.items[i]);
    return joined;
}

static bool plan_revert(struct cli *cli, const struct workspace *workspace, struct draft *draft,
                        struct revert *revert, struct err *err)
{
    const char *const id = cli_option(cli, "revert");
    if (id == NULL)
        return true;
    if (!revert_plan(cli, workspace, id, revert, err))
        return false;
    draft->revert = revert;
    if (!draft->phase_given && revert->breaks_code)
        draft->phase = PHASE_CONTRACT;
    return true;
}

static void report(struct cli *cli, const struct draft *draft)
{
    cli_result(cli, "path", cli_json_text(draft->path));
    output_result(&cli->output, "%s\n", draft->path);
    if (draft->revert != NULL)
        revert_report(cli, draft->revert);
}

/* ---- --recipe ---- */

static bool check_recipe_options(const struct cli *cli, struct err *err)
{
    static const char *const others[] = {"kind", "phase", "revert", "replaces"};
    const char *const recipe = cli_option(cli, "recipe"), *const given = recipe_option_given(cli);
    if (recipe == NULL && given != NULL)
        return err_set(err, ERR_USAGE, "--%s goes with --recipe", given);
    for (size_t i = 0; recipe != NULL && i < COUNT_OF(others); i++)
        if (cli_option(cli, others[i]) != NULL)
            return err_set(err, ERR_USAGE, "--recipe goes without --%s", others[i]);
    if (recipe != NULL || cli->words.count > 0)
        return true;
    (void)err_set(err, ERR_USAGE, "`pawl new` needs more: NAME...");
    err_hint(err, "`pawl new --help` shows how it is used.");
    return false;
}

static bool run_recipe(struct cli *cli, const char *words, struct err *err)
{
    struct workspace workspace;
    if (strcmp(cli_option(cli, "recipe"), "list") == 0)
        return recipe_print_list(cli, err);
    if (!workspace_load(cli, &workspace, err))
        return false;
    workspace_drop_unfinished(cli);
    if ((words[0] != '\0' && !check_words(cli, &workspace, words, err)) ||
        !workspace_check_names(cli, &workspace, "no migration was made", err) ||
        !recipe_make(cli, &workspace, words[0] != '\0' ? words : NULL, err))
        return false;
    if (workspace_update_sum(cli, &workspace, err))
        return true;
    err_state(err, "The migrations were made.");
    return false;
}

static bool run(struct cli *cli, struct err *err)
{
    struct draft draft = {.words = join_words(cli)};
    struct workspace workspace;
    struct revert revert;
    if (draft.words == NULL)
        return err_nomem(err);
    if (!check_recipe_options(cli, err))
        return false;
    if (cli_option(cli, "recipe") != NULL)
        return run_recipe(cli, draft.words, err);
    if (!read_flags(cli, &draft, err) || !workspace_load(cli, &workspace, err))
        return false;
    workspace_drop_unfinished(cli);
    if (!check_words(cli, &workspace, draft.words, err) ||
        !workspace_check_names(cli, &workspace, "no migration was made", err) ||
        !plan_revert(cli, &workspace, &draft, &revert, err) ||
        !read_range(cli, &workspace, &draft, err) || !create(cli, &workspace, &draft, err))
        return false;
    report(cli, &draft);
    tell_files(cli, &draft);
    if (workspace_update_sum(cli, &workspace, err))
        return true;
    err_state(err, "The migration \"%s\" was made.", draft.path);
    return false;
}

static const struct option options[] = {
    {.name = "kind",
     .argument = "KIND",
     .text = "what sort of step it is; schema without it",
     .choices = "schema|data|backfill|repeatable"},
    {.name = "phase",
     .argument = "PHASE",
     .text = "contract: some older release breaks by it",
     .choices = "expand|contract"},
    {.name = "revert",
     .argument = "ID",
     .text = "write what undoes this migration",
     .offers = OFFER_MIGRATIONS},
    {.name = "replaces",
     .argument = "FIRST..LAST",
     .text = "make a squash of these migrations, with their statements"},
    {.name = "recipe",
     .argument = "RECIPE",
     .text = "write the migrations of a change without an outage",
     .choices = "list|rename-column|split-column|change-type|int-to-bigint|set-not-null|"
                "add-foreign-key|add-unique|drop-column|drop-table|rename-table"},
    {.name = "table", .argument = "TABLE", .text = "of a recipe: the table, as in SQL"},
    {.name = "column", .argument = "COLUMN", .text = "of a recipe: the column"},
    {.name = "to", .argument = "NAME", .text = "of a recipe: the new name, or a new column"},
    {.name = "type", .argument = "TYPE", .text = "of a recipe: the type of new columns"},
    {.name = "expression", .argument = "SQL", .text = "of a recipe: what a new column holds"},
    {.name = "back", .argument = "SQL", .text = "of a recipe: the old column from the new ones"},
    {.name = "references",
     .argument = "TABLE(COLUMN)",
     .text = "of a recipe: what a foreign key refers to"},
    {.name = "child",
     .argument = "TABLE(COLUMN)",
     .text = "of int-to-bigint: a column that refers to the key"},
    {.name = "sequence",
     .argument = "NAME",
     .text = "of int-to-bigint: the key's sequence, TABLE_COLUMN_seq without it"},
    {.name = "default", .argument = "SQL", .text = "of change-type: the default of the column"},
    {.name = "not-null", .text = "of a recipe: the new column holds no NULL"},
};

static const struct example examples[] = {
    {"pawl new add token storage", "makes migrations/20250703075850_add_token_storage.sql"},
    {"pawl new drop old column --phase contract", "waits until no release uses the column"},
    {"pawl new fill names --kind backfill", "changes many rows, batch by batch"},
    {"pawl new undo tokens --revert 20250703075850_add_tokens", "undoes it, as far as its text "
                                                                "tells"},
    {"pawl new baseline --replaces 20240105101500_a..20250703075850_b",
     "makes one file of many, which it stands for"},
    {"pawl new --recipe rename-column --table orders --column customer --to client --type text",
     "renames it step by step, while code of both releases runs"},
};

const struct command command_new = {
    .name = "new",
    .group = GROUP_WRITE,
    .summary = "make a migration: empty, to undo another, or by a recipe",
    .usage = "[NAME...]",
    .about =
        "NAME says what the migration does; the version comes from the clock, and sorts after\n"
        "every migration in the folder. Prints the file's path.\n"
        "--revert writes a migration that undoes another one. What cannot be told from its text "
        "is\n"
        "marked, and `check` and `deploy` refuse the file until you have written it.\n"
        "--recipe writes the migrations of an expand/contract change; `--recipe list` shows them.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = SIZE_MAX,
    .needs = NEEDS_CONFIG,
    .run = run,
};
