/* Writing what lint would have written instead, or showing it. */
#include "cli/mending.h"

#include <string.h>

#include "base/clock.h"
#include "base/diff.h"
#include "base/fs.h"
#include "check/rules.h"
#include "cli/workspace.h"

/* ---- a file ---- */

static void print_diff(struct cli *cli, const struct mended *file)
{
    CLEANUP(str_release) struct str diff = {0};
    CLEANUP(str_release) struct str shown = {0};
    const char *const path = output_safe(&cli->arena, file->path);
    diff_lines(file->old != NULL ? file->old : "", file->new, &diff);
    if (diff.len > 0 && diff.data[diff.len - 1] != '\n')
        str_putc(&diff, '\n');
    output_escape(&shown, str_text(&diff), diff.len, true);
    cli->output.failed = cli->output.failed || path == NULL || diff.failed || shown.failed;
    if (path == NULL)
        return;
    output_result(&cli->output, "--- %s\n+++ %s\n", file->old != NULL ? path : "/dev/null", path);
    output_result_text(&cli->output, &shown);
}

/* A byte-order mark is no part of a migration's text, and stays. */
static bool replace(struct cli *cli, const struct mended *file, struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    char *bytes = NULL;
    size_t len = 0;
    if (!fs_read(&cli->arena, file->path, MIGRATION_MAX_BYTES, &bytes, &len, err))
        return false;
    const size_t old_len = strlen(file->old);
    if (len < old_len || memcmp(bytes + (len - old_len), file->old, old_len) != 0)
        return err_set(err, ERR_USAGE, "\"%s\" was changed by someone else meanwhile", file->path);
    str_append(&out, bytes, len - old_len);
    str_puts(&out, file->new);
    return out.failed ? err_nomem(err) : fs_replace(file->path, str_text(&out), out.len, err);
}

static bool write_file(struct cli *cli, const struct mended *file, struct err *err)
{
    if (file->old != NULL)
        return replace(cli, file, err);
    return (file->folder == NULL || fs_make_folder(file->folder, err)) &&
           fs_create(file->path, file->new, strlen(file->new), err);
}

/* ---- what is told ---- */

static json_t *json_mend(const struct mend *mend)
{
    json_t *const json = json_pack("{so so si}", "rule", cli_json_text(mend->rule->id), "file",
                                   cli_json_text(mend->migration->path), "line", mend->line);
    if (json != NULL && mend->left != NULL &&
        json_object_set_new(json, "why", cli_json_text(mend->left)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *json_mends(const struct mends *mends, bool left)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < mends->count; i++)
        if ((mends->items[i].left != NULL) == left &&
            json_array_append_new(array, json_mend(&mends->items[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *json_written(const struct mended_list *files)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < files->count; i++)
        if (json_array_append_new(array, cli_json_text(files->items[i].path)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static void tell(struct cli *cli, const struct mends *mends, bool diff)
{
    for (size_t i = 0; i < mends->count; i++) {
        const struct mend *const mend = &mends->items[i];
        const char *const path = output_safe(&cli->arena, mend->migration->path);
        cli->output.failed = cli->output.failed || path == NULL;
        if (path != NULL && mend->left != NULL)
            output_chat(&cli->output, "left %s:%d: %s [%s]", path, mend->line, mend->left,
                        mend->rule->id);
        else if (path != NULL && !diff)
            output_result(&cli->output, "fixed %s:%d [%s]\n", path, mend->line, mend->rule->id);
    }
}

/* ---- all of it ---- */

static bool write_files(struct cli *cli, const struct mended_list *files, struct err *err)
{
    for (size_t i = 0; i < files->count; i++) {
        const char *const path = output_safe(&cli->arena, files->items[i].path);
        if (path == NULL)
            return err_nomem(err);
        if (!write_file(cli, &files->items[i], err)) {
            if (err->state == NULL)
                err_state(err, i == 0 ? "Nothing was changed."
                                      : "The files that are listed were written, and no other.");
            return false;
        }
        output_result(&cli->output, "wrote %s\n", path);
    }
    return true;
}

/* Where there is no folder of migrations, nothing has a sequel. */
static bool load(struct cli *cli, struct workspace *ret, bool *ret_loaded, struct err *err)
{
    if (!workspace_options(cli, &ret->options, err))
        return false;
    *ret_loaded = fs_is_folder(ret->options.folder);
    cli->findings.count = 0;
    return !*ret_loaded || (workspace_load(cli, ret, err) &&
                            workspace_check_names(cli, ret, "nothing was changed", err));
}

/* Files that were named are reviewed again, with what follows them. */
static bool name_sequels(struct cli *cli, const struct mended_list *files, struct err *err)
{
    for (size_t i = 0; cli->words.count > 0 && i < files->count; i++) {
        if (files->items[i].old != NULL)
            continue;
        const char **const word = arena_push(&cli->arena, &cli->words);
        if (word == NULL)
            return err_nomem(err);
        *word = files->items[i].path;
    }
    return true;
}

bool mending_run(struct cli *cli, struct mends *mends, bool diff, struct err *err)
{
    struct workspace workspace = {0};
    struct mended_list files = {0};
    bool loaded;
    if (!load(cli, &workspace, &loaded, err))
        return false;
    const struct mend_options options = {
        .files = &workspace.options,
        .newest = loaded ? workspace_newest(&workspace, NULL) : NULL,
        .now_epoch_s = clock_utc_us() / 1000000,
    };
    if (!mend_texts(&cli->arena, &options, mends, &files, err))
        return false;
    cli_result(cli, "fixed", json_mends(mends, false));
    cli_result(cli, "left", json_mends(mends, true));
    cli_result(cli, "written", json_written(&files));
    tell(cli, mends, diff);
    for (size_t i = 0; diff && i < files.count; i++)
        print_diff(cli, &files.items[i]);
    return diff || (write_files(cli, &files, err) && name_sequels(cli, &files, err) &&
                    (!loaded || workspace_update_sum(cli, &workspace, err)));
}
