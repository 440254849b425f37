/* `pawl sum`: writes pawl.sum, or compares it. */
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/workspace.h"
#include "history/sum.h"

static bool check(struct cli *cli, struct workspace *workspace, struct err *err)
{
    if (!workspace->sum_exists) {
        (void)err_set(err, ERR_REFUSED, "there is no \"%s\"", workspace->sum_path);
        err_hint(err, "Type `pawl sum` to write it.");
        return false;
    }
    if (!sum_check(&cli->arena, &workspace->set, workspace->sum_path, &cli->findings, err))
        return false;
    if (findings_count(&cli->findings, SEVERITY_ERROR) == 0) {
        output_chat(&cli->output, "%s fits the migrations", workspace->sum_path);
        return true;
    }
    (void)err_set(err, ERR_REFUSED, "\"%s\" does not fit the migrations", workspace->sum_path);
    err_hint(err, "If every change is meant, type `pawl sum` and review what it writes.");
    return false;
}

static bool is_written_already(struct cli *cli, const struct workspace *workspace,
                               const struct str *text, bool *ret, struct err *err)
{
    char *old = NULL;
    size_t len = 0;
    *ret = false;
    if (!workspace->sum_exists)
        return true;
    if (!fs_read(&cli->arena, workspace->sum_path, MIGRATION_MAX_BYTES, &old, &len, err))
        return false;
    *ret = len == text->len && memcmp(old, str_text(text), len) == 0;
    return true;
}

static bool write(struct cli *cli, const struct workspace *workspace, struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    bool written = false;
    if (findings_count(&cli->findings, SEVERITY_ERROR) > 0) {
        (void)err_set(err, ERR_REFUSED, "the migrations have errors, so their sum is not written");
        err_state(err, "Nothing was changed.");
        return false;
    }
    if (!sum_write(&workspace->set, &text))
        return err_nomem(err);
    if (!is_written_already(cli, workspace, &text, &written, err))
        return false;
    if (!written && !fs_write(workspace->sum_path, str_text(&text), text.len, err))
        return false;
    if (written)
        output_chat(&cli->output, "%s is up to date", workspace->sum_path);
    cli_result(cli, "changed", json_boolean(!written));
    output_result(&cli->output, "%s\n", workspace->sum_path);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    if (!workspace_load(cli, &workspace, err))
        return false;
    workspace_drop_unfinished(cli);
    cli_result(cli, "path", cli_json_text(workspace.sum_path));
    cli_result(cli, "digest", cli_json_text(workspace.set.digest.text));
    cli_result(cli, "migrations", json_integer((json_int_t)workspace.set.count));
    return cli_flag(cli, "check") ? check(cli, &workspace, err) : write(cli, &workspace, err);
}

static const struct option options[] = {
    {.name = "check", .text = "compare only: exit 3 when the file does not fit"},
};

static const struct example examples[] = {
    {"pawl sum", "writes migrations/pawl.sum"},
    {"pawl sum --check", "for CI: was the file updated with the migrations?"},
};

const struct command command_sum = {
    .name = "sum",
    .group = GROUP_WRITE,
    .summary = "write the checksums of all migrations into pawl.sum",
    .usage = "",
    .about = "With pawl.sum under version control, a review shows that a migration was edited. A\n"
             "container may ship it alone for the start-up check.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_CONFIG,
    .finds = true,
    .run = run,
};
