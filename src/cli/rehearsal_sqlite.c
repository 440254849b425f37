/* A rehearsal on SQLite: a deploy to a copy of the file, rows and all. */
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/process.h"
#include "check/scratch_folder.h"
#include "cli/rehearsal.h"
#include "deploy/prepare.h"

static void remove_folder(const char **folder)
{
    if (*folder != NULL)
        scratch_folder_remove(*folder);
}

/* Without a file the copy is made by the deploy: nothing is applied. */
static bool copy(struct session *session, const char *path, struct err *err)
{
    CLEANUP(sqlite_close) struct sqlite *from = NULL;
    CLEANUP(arena_release) struct arena arena = {0};
    if (!fs_exists(session->target.location))
        return true;
    return sqlite_open(session->target.location, SQLITE_MODE_READ, &session->wait, &from, err) &&
           sqlite_query(from, &arena, "VACUUM INTO ?1", strlen("VACUUM INTO ?1"), &path, 1, NULL,
                        NULL, err);
}

/* *ret: without the ledger's own. */
static bool read_schema(struct cli *cli, struct ledger *ledger, const char **ret, struct err *err)
{
    static const char sql[] =
        "SELECT coalesce(group_concat(s, ''), '') FROM (SELECT sql || ';' || char(10) AS s"
        " FROM sqlite_schema WHERE sql IS NOT NULL AND substr(tbl_name, 1, length(?1)) <> ?1"
        " ORDER BY tbl_name, type = 'table' DESC, name)";
    struct rows rows;
    const char *const prefix = arena_printf(&cli->arena, "%s_", ledger->name);
    if (prefix == NULL)
        return err_nomem(err);
    if (!sqlite_query(ledger->sqlite, &cli->arena, sql, strlen(sql), &prefix, 1, &rows, NULL, err))
        return false;
    *ret = rows_get(&rows, 0, 0);
    return true;
}

/* ---- how long it takes ---- */

struct hearing {
    struct cli *cli;
    struct rehearsal *rehearsal;
    int64_t last_ms; /* when something was heard */
};

static struct rehearsed *find(const struct rehearsal *rehearsal, const char *id)
{
    for (size_t i = 0; i < rehearsal->migrations.count; i++)
        if (strcmp(rehearsal->migrations.items[i].migration->id, id) == 0)
            return &rehearsal->migrations.items[i];
    return NULL;
}

/* A statement that runs a second time, to be compared with what was before it, is told again: its
 * time is the last one's. */
static void take_time(struct rehearsal *rehearsal, const struct rehearsed *migration,
                      const struct deploy_event *event, int64_t ms)
{
    for (size_t i = 0; i < migration->count; i++) {
        struct rehearsed_statement *const one = &rehearsal->statements.items[migration->first + i];
        if (one->line == event->line && one->column == event->column)
            one->ms = ms;
    }
}

static void on_event(void *context, const struct deploy_event *event)
{
    struct hearing *const hearing = context;
    const int64_t now_ms = clock_monotonic_ms();
    struct rehearsed *const one = event->id != NULL ? find(hearing->rehearsal, event->id) : NULL;
    if (event->type == DEPLOY_MIGRATION)
        output_chat(&hearing->cli->output, "rehearsing %s (%zu of %zu)", event->id, event->number,
                    event->total);
    if (event->type == DEPLOY_STATEMENT && one != NULL)
        take_time(hearing->rehearsal, one, event, now_ms - hearing->last_ms);
    if (event->type == DEPLOY_APPLIED && one != NULL)
        one->ms = event->elapsed_ms;
    hearing->last_ms = now_ms;
}

static bool list(struct cli *cli, const struct plan *plan, struct rehearsal *ret, struct err *err)
{
    for (size_t i = 0; i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        struct rehearsed *const one = arena_push(&cli->arena, &ret->migrations);
        if (one == NULL)
            return err_nomem(err);
        *one = (struct rehearsed){.migration = item->migration,
                                  .outcome = REHEARSED_NOT_REACHED,
                                  .first = ret->statements.count};
        for (size_t s = plan_first_statement(item);
             !item->recognised && s < item->script.statements.count; s++) {
            const struct statement *const statement = &item->script.statements.items[s].statement;
            struct rehearsed_statement *const made = arena_push(&cli->arena, &ret->statements);
            if (made == NULL)
                return err_nomem(err);
            *made = (struct rehearsed_statement){.text = statement->text,
                                                 .line = statement->line,
                                                 .column = statement->column,
                                                 .ms = -1};
            one->count++;
        }
    }
    return true;
}

/* Those behind the one that failed, which nobody was told of. */
static void leave_out_unrun(const struct hearing *hearing)
{
    struct rehearsal *const rehearsal = hearing->rehearsal;
    for (size_t i = 0; i < rehearsal->migrations.count; i++) {
        struct rehearsed *const one = &rehearsal->migrations.items[i];
        struct rehearsed_statement *const statements = &rehearsal->statements.items[one->first];
        size_t run = 0;
        while (run < one->count && statements[run].ms >= 0)
            run++;
        if (one->outcome == REHEARSED_FAILED && run < one->count)
            statements[run++].ms = clock_monotonic_ms() - hearing->last_ms;
        one->count = run;
    }
}

/* ---- the deploy ---- */

/* A migration that fails is what a rehearsal is for; all else is an error of it. */
static bool take_outcome(const struct deploy_result *result, bool ok, struct err *failure,
                         struct rehearsal *ret, struct err *err)
{
    const size_t done = result->done.count;
    for (size_t i = 0; i < done && i < ret->migrations.count; i++)
        ret->migrations.items[i].outcome = REHEARSED_APPLIED;
    if (ok)
        return true;
    if (failure->code != ERR_FAILED || failure->file == NULL || done >= ret->migrations.count) {
        *err = *failure;
        *failure = (struct err){0};
        return false;
    }
    ret->migrations.items[done].outcome = REHEARSED_FAILED;
    ret->failure = *failure;
    *failure = (struct err){0};
    return true;
}

static bool deploy(struct cli *cli, struct workspace *workspace, struct session *copied,
                   struct hearing *hearing, struct rehearsal *ret, struct err *err)
{
    struct deploy_options options;
    struct deploy_result result = {0};
    struct findings findings = {0};
    CLEANUP(err_release) struct err failure = {0};
    prepare_deploy(&cli->config, &cli->target, &options);
    options.set = &workspace->set;
    options.plan.to = cli_option(cli, "to");
    options.black_box = (struct black_box_options){0};
    options.gate = (struct gate_options){0};
    options.preflight = false;
    options.overrides = OVERRIDE_RESERVATION | OVERRIDE_BACKUP;
    options.override_reason = "a rehearsal in a copy";
    options.listener = (struct deploy_listener){on_event, hearing};
    hearing->last_ms = clock_monotonic_ms();
    const bool ok = deploy_run(&cli->arena, &copied->target, &copied->wait, &copied->ledger,
                               &options, &result, &findings, &failure);
    if (!take_outcome(&result, ok, &failure, ret, err))
        return false;
    leave_out_unrun(hearing);
    return true;
}

static bool run(struct cli *cli, struct workspace *workspace, struct session *session,
                const struct plan *plan, const char *path, struct rehearsal *ret, struct err *err)
{
    CLEANUP(session_close) struct session copied = {.wait = session->wait};
    struct hearing hearing = {.cli = cli, .rehearsal = ret};
    const char *before, *after;
    copied.target = session->target;
    copied.target.location = copied.target.display = path;
    copied.target.write = true;
    if (!copy(session, path, err) || !list(cli, plan, ret, err) ||
        !ledger_open(&cli->arena, &copied.target, &copied.wait, &copied.ledger, err) ||
        !read_schema(cli, &copied.ledger, &before, err) ||
        !deploy(cli, workspace, &copied, &hearing, ret, err) ||
        !read_schema(cli, &copied.ledger, &after, err))
        return false;
    ret->changes = rehearsal_diff(&cli->arena, before, after);
    return ret->changes != NULL || err_nomem(err);
}

bool rehearsal_sqlite(struct cli *cli, struct workspace *workspace, struct session *session,
                      const struct deploy_result *result, const struct rehearsal_options *options,
                      struct rehearsal *ret, struct err *err)
{
    CLEANUP(remove_folder) const char *folder = NULL;
    const char *kept;
    if (!scratch_folder_make(&cli->arena, NULL, &folder, err))
        return false;
    const char *const path = fs_join(&cli->arena, folder, "copy.db");
    ret->where = "a copy of the file";
    if (path == NULL)
        return err_nomem(err);
    if (!run(cli, workspace, session, &result->plan, path, ret, err))
        return false;
    if (!options->keep)
        return true;
    if (!scratch_folder_leave(&cli->arena, folder, &kept, err))
        return false;
    folder = NULL;
    ret->kept = fs_join(&cli->arena, kept, "copy.db");
    const char *const word = ret->kept != NULL ? shell_word(&cli->arena, ret->kept) : NULL;
    ret->kept_connect = word != NULL ? arena_printf(&cli->arena, "sqlite3 %s", word) : NULL;
    return (ret->kept != NULL && ret->kept_connect != NULL) || err_nomem(err);
}
