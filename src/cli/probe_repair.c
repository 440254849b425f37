/* The data migrations that would mend what probes found. */
#include <string.h>

#include "base/fs.h"
#include "cli/probe_text.h"
#include "history/name.h"

static bool needs_repair(const struct probe *probe, const struct migration *migration)
{
    return probe->migration == migration && probe->verdict == PROBE_VIOLATED &&
           probe->repair != NULL;
}

static const char *repair_text(struct cli *cli, const struct probes *probes,
                               const struct migration *migration, bool *ret_incomplete)
{
    CLEANUP(str_release) struct str out = {0};
    str_puts(&out, "-- pawl: kind=data\n");
    str_printf(&out,
               "-- Mends the rows on which %s would fail. Read it before it runs: only you\n"
               "-- know whether these rows are to go, or what they should say.\n",
               migration->id);
    for (size_t i = 0; i < probes->count; i++) {
        const struct probe *const probe = &probes->items[i];
        const char *const words = probe_words(&cli->arena, probe);
        if (!needs_repair(probe, migration))
            continue;
        /* Names and messages may hold line ends: what follows one would be no comment. */
        const char *const what =
            words != NULL ? arena_printf(&cli->arena, "%s: %s", probe->subject, words) : NULL;
        const char *const safe = what != NULL ? output_safe(&cli->arena, what) : NULL;
        if (safe == NULL)
            return NULL;
        str_printf(&out, "\n-- %s\n", safe);
        if (probe->repair_incomplete)
            str_puts(&out, "-- Put the value in the place of CHOOSE_A_VALUE.\n");
        str_printf(&out, "%s\n", probe->repair);
        *ret_incomplete = *ret_incomplete || probe->repair_incomplete;
    }
    return out.failed ? NULL : arena_strndup(&cli->arena, str_text(&out), out.len);
}

/* The newest version before this migration's: the repair goes between the two. */
static const char *version_before(const struct workspace *workspace,
                                  const struct migration *migration)
{
    const char *before = NULL;
    for (size_t i = 0; i < workspace->set.count; i++) {
        const struct migration *const m = &workspace->set.items[i];
        if (m->kind == KIND_REPEATABLE || version_compare(m->version, migration->version) >= 0)
            continue;
        if (before == NULL || version_compare(m->version, before) > 0)
            before = m->version;
    }
    return before;
}

static const char *repair_path(struct cli *cli, const struct workspace *workspace,
                               const struct migration *migration, struct err *err)
{
    const enum naming naming = workspace->options.naming;
    const char *const before = version_before(workspace, migration);
    int64_t own_s = 0;
    struct name name = {0};
    struct findings ignored = {0};
    /* A minute before, where versions are moments and there is room for it. */
    if (version_epoch_s(naming, migration->version, &own_s))
        own_s -= 60;
    const char *const entry =
        name_make(&cli->arena, naming, "repair rows", before, own_s > 0 ? own_s : 0, err);
    if (entry == NULL || !name_read(&cli->arena, naming, entry, naming == NAMING_FOLDER, entry,
                                    &name, &ignored, err))
        return NULL;
    if (version_compare(name.version, migration->version) >= 0) {
        (void)err_set(err, ERR_USAGE, "there is no version for a repair before \"%s\"",
                      migration->id);
        err_hint(err, "`pawl renumber %s` gives it a later one; then probe again.",
                 migration->entry);
        return NULL;
    }
    const char *path = fs_join(&cli->arena, workspace->options.folder, entry);
    if (path != NULL && naming == NAMING_FOLDER) {
        if (!fs_make_folder(path, err))
            return NULL;
        path = fs_join(&cli->arena, path, "up.sql");
    }
    if (path == NULL)
        (void)err_nomem(err);
    return path;
}

static bool write_one(struct cli *cli, const struct workspace *workspace,
                      const struct probes *probes, const struct migration *migration,
                      json_t *written, struct err *err)
{
    bool incomplete = false;
    const char *const text = repair_text(cli, probes, migration, &incomplete);
    if (text == NULL)
        return err_nomem(err);
    const char *const path = repair_path(cli, workspace, migration, err);
    if (path == NULL || !fs_create(path, text, strlen(text), err))
        return false;
    if (json_array_append_new(written, json_string(path)) != 0)
        return err_nomem(err);
    const char *const safe = output_safe(&cli->arena, path);
    if (safe == NULL)
        return err_nomem(err);
    output_chat(&cli->output, "wrote %s: %s", safe,
                incomplete ? "it lacks values that only you know: put them in, then deploy"
                           : "read it, then deploy");
    return true;
}

/* Broken by rows, and nothing is known that would mend them. */
static bool say_unrepaired(struct cli *cli, const struct probe *probe, struct err *err)
{
    if (probe->verdict != PROBE_VIOLATED || probe->repair != NULL)
        return true;
    const char *const subject = output_safe(&cli->arena, probe->subject);
    if (subject == NULL)
        return err_nomem(err);
    output_chat(&cli->output, "no repair is known for %s", subject);
    return true;
}

bool probes_write_repairs(struct cli *cli, const struct workspace *workspace,
                          const struct probes *probes, struct err *err)
{
    json_t *const written = json_array();
    const struct migration *last = NULL;
    bool ok = written != NULL || err_nomem(err);
    for (size_t i = 0; ok && i < probes->count; i++) {
        const struct migration *const migration = probes->items[i].migration;
        ok = say_unrepaired(cli, &probes->items[i], err);
        if (!ok || migration == last || !needs_repair(&probes->items[i], migration))
            continue;
        last = migration;
        ok = write_one(cli, workspace, probes, migration, written, err);
    }
    cli_result(cli, "written", written);
    return ok;
}
