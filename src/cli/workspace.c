/* Loading a migrations folder and keeping its pawl.sum. */
#include "cli/workspace.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "history/sum.h"

/* ---- options ---- */

/* Adds the engine of this URL to a set of engines; one that cannot be resolved here counts not. */
static void note_engine(struct cli *cli, const struct value *value, bool seen[2])
{
    struct url url;
    CLEANUP(err_release) struct err ignored = {0};
    if (url_parse(&cli->arena, value->text, config_folder_of(&cli->config, value), &url, &ignored))
        seen[url.engine] = true;
}

static bool guess_dialect(struct cli *cli, enum dialect *ret, struct err *err)
{
    bool seen[2] = {false, false};
    for (size_t i = 0; i < cli->config.targets.count; i++)
        note_engine(cli, &cli->config.targets.items[i].values[SETTING_URL], seen);
    if (cli->config.targets.count == 0) {
        struct target target;
        CLEANUP(err_release) struct err none = {0};
        if (config_target(&cli->arena, &cli->config, NULL, cli_option(cli, "url"), &target, &none))
            note_engine(cli, &target.values[SETTING_URL], seen);
    }
    if (seen[ENGINE_POSTGRES] && seen[ENGINE_SQLITE]) {
        (void)err_set(err, ERR_USAGE,
                      "the targets are of two engines: which dialect the "
                      "migrations are written in is not clear");
        err_hint(err, "Set dialect = postgres or dialect = sqlite in [pawl] of %s.",
                 CONFIG_FILE_NAME);
        return false;
    }
    *ret = seen[ENGINE_SQLITE] ? DIALECT_SQLITE : DIALECT_POSTGRES;
    return true;
}

bool workspace_options(struct cli *cli, struct set_options *ret, struct err *err)
{
    const struct value *values = cli->config.values;
    *ret = (struct set_options){.folder = config_migrations(&cli->arena, &cli->config)};
    if (ret->folder == NULL)
        return err_nomem(err);
    if (!naming_parse(values[SETTING_NAMING].text, &ret->naming))
        return err_set(err, ERR_USAGE, "unknown naming \"%s\"", values[SETTING_NAMING].text);
    return dialect_parse(values[SETTING_DIALECT].text, &ret->dialect) ||
           guess_dialect(cli, &ret->dialect, err);
}

/* ---- loading ---- */

/* What is known before the folder is read. */
static bool find_folder(struct cli *cli, struct workspace *ret, struct err *err)
{
    *ret = (struct workspace){0};
    if (!workspace_options(cli, &ret->options, err))
        return false;
    if (!fs_exists(ret->options.folder)) {
        (void)err_set(err, ERR_USAGE, "there is no folder \"%s\"", ret->options.folder);
        err_hint(err, "Type `pawl init`, or name the folder with --migrations.");
        return false;
    }
    ret->sum_path = fs_join(&cli->arena, ret->options.folder, SUM_FILE_NAME);
    return ret->sum_path != NULL || err_nomem(err);
}

static bool read_folder(struct arena *arena, struct workspace *workspace, struct findings *findings,
                        struct err *err)
{
    struct findings sum_findings = {0};
    struct set *const set = &workspace->set;
    if (!set_load(arena, &workspace->options, set, findings, err))
        return false;
    workspace->sum_exists = fs_exists(workspace->sum_path);
    if (workspace->sum_exists && !sum_check(arena, set, workspace->sum_path, &sum_findings, err))
        return false;
    workspace->sum_fits = workspace->sum_exists && sum_findings.count == 0;
    return true;
}

bool workspace_load(struct cli *cli, struct workspace *ret, struct err *err)
{
    return find_folder(cli, ret, err) && read_folder(&cli->arena, ret, &cli->findings, err);
}

/* ---- loading in a thread ---- */

static void *load_in_thread(void *context)
{
    struct workspace_loading *const l = context;
    l->ok = read_folder(&l->arena, &l->workspace, &l->findings, &l->err);
    return NULL;
}

bool workspace_start(struct cli *cli, struct workspace_loading *loading, struct err *err)
{
    *loading = (struct workspace_loading){0};
    if (!find_folder(cli, &loading->workspace, err))
        return false;
    loading->started = pthread_create(&loading->thread, NULL, load_in_thread, loading) == 0;
    if (!loading->started) /* then it takes its time */
        (void)load_in_thread(loading);
    return true;
}

static void join(struct workspace_loading *loading)
{
    if (loading->started)
        (void)pthread_join(loading->thread, NULL); /* fails only on a thread that is none */
    loading->started = false;
}

bool workspace_finish(struct workspace_loading *loading, struct err *err)
{
    join(loading);
    if (loading->ok)
        return true;
    err_release(err);
    *err = loading->err;
    loading->err = (struct err){0};
    return false;
}

void workspace_loading_release(struct workspace_loading *loading)
{
    join(loading);
    err_release(&loading->err);
    arena_release(&loading->arena);
}

const char *workspace_newest(const struct workspace *workspace, const char *but_entry)
{
    const struct set *set = &workspace->set;
    for (size_t i = set->versioned; i > 0; i--)
        if (but_entry == NULL || strcmp(set->items[i - 1].entry, but_entry) != 0)
            return set->items[i - 1].version;
    return NULL;
}

static bool is_about_names(const struct finding *finding)
{
    static const char *const others[] = {"naming-scheme", "duplicate-version", "duplicate-id",
                                         "future-version"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (strcmp(finding->rule, others[i]) == 0)
            return true;
    return strncmp(finding->rule, "name-", strlen("name-")) == 0;
}

bool workspace_check_names(struct cli *cli, const struct workspace *workspace, const char *purpose,
                           struct err *err)
{
    struct findings *findings = &cli->findings;
    size_t kept = 0;
    if (!set_check_future(&cli->arena, &workspace->set, clock_utc_us() / 1000000, findings, err))
        return false;
    if (findings->failed)
        return err_nomem(err);
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].severity == SEVERITY_ERROR && is_about_names(&findings->items[i]))
            findings->items[kept++] = findings->items[i];
    findings->count = kept;
    if (kept == 0)
        return true;
    (void)err_set(err, ERR_REFUSED, "%s: the names in \"%s\" must be put right first", purpose,
                  workspace->options.folder);
    err_state(err, "Nothing was changed.");
    err_hint(err, "`pawl renumber FILE` gives a file a right version.");
    return false;
}

/* ---- pawl.sum ---- */

bool workspace_update_sum(struct cli *cli, struct workspace *workspace, struct err *err)
{
    struct findings ignored = {0};
    CLEANUP(str_release) struct str text = {0};
    if (!workspace->sum_exists)
        return true;
    if (!workspace->sum_fits) {
        output_chat(&cli->output,
                    "%s did not fit the migrations before and was left alone; "
                    "`pawl sum --check` shows why",
                    workspace->sum_path);
        return true;
    }
    if (!set_load(&cli->arena, &workspace->options, &workspace->set, &ignored, err))
        return false;
    if (!sum_write(&workspace->set, &text))
        return err_nomem(err);
    return fs_write(workspace->sum_path, str_text(&text), text.len, err);
}

void workspace_drop_unfinished(struct cli *cli)
{
    struct findings *const findings = &cli->findings;
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].rule, "unfinished") != 0)
            findings->items[kept++] = findings->items[i];
    findings->count = kept;
}
