/* `pawl compat`: the old release against the schema that is to come. */
#include <string.h>

#include "base/fs.h"
#include "base/supervisor.h"
#include "check/compat.h"
#include "cli/attesting.h"
#include "cli/commands.h"
#include "cli/compat_tests.h"
#include "cli/pending.h"
#include "cli/shadowing.h"
#include "deploy/prepare.h"

struct telling {
    struct cli *cli;
    size_t total;
};

static void tell(void *context, const struct migration *migration, size_t number)
{
    struct telling *const telling = context;
    output_chat(&telling->cli->output, "applying %s (%zu of %zu) to a copy of the schema",
                migration->id, number, telling->total);
}

/* ---- the report ---- */

static bool add_finding(struct cli *cli, const struct compat_verdict *verdict, struct err *err)
{
    const char *const what =
        verdict->migration == NULL
            ? verdict->what
            : arena_printf(&cli->arena, "%s (after %s)", verdict->what, verdict->migration->id);
    const char *const line =
        arena_strndup(&cli->arena, verdict->query->sql, strcspn(verdict->query->sql, "\n"));
    if (what == NULL || line == NULL)
        return err_nomem(err);
    finding_add(&cli->arena, &cli->findings,
                &(struct finding){.rule = verdict->rule,
                                  .severity = verdict->severity,
                                  .file = verdict->query->path,
                                  .line = verdict->query->line,
                                  .column = verdict->query->column,
                                  .what = what,
                                  .excerpt = line});
    return true;
}

static json_t *json_verdicts(const struct compat *compat)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < compat->verdicts.count; i++) {
        const struct compat_verdict *const verdict = &compat->verdicts.items[i];
        const struct migration *const migration = verdict->migration;
        (void)json_array_append_new(
            array,
            json_pack("{so si ss ss so so so}", "file", cli_json_text(verdict->query->path), "line",
                      verdict->query->line, "rule", verdict->rule, "severity",
                      severity_name(verdict->severity), "what", cli_json_text(verdict->what),
                      "migration", cli_json_text(migration != NULL ? migration->id : NULL),
                      "migration_file", cli_json_text(migration != NULL ? migration->path : NULL)));
    }
    return array;
}

static bool fails_itself(struct cli *cli, const struct compat *compat, struct err *err)
{
    const char *const message = fs_printable(&cli->arena, compat->failure->message);
    (void)err_set(err, ERR_FAILED, "\"%s\" fails in the copy: %s", compat->failed->id,
                  message != NULL ? message : "?");
    memcpy(err->sqlstate, compat->failure->sqlstate, sizeof err->sqlstate);
    err_at(err, compat->failed->path, compat->failure->line, compat->failure->column);
    err_state(err, "Nothing was changed in the target.");
    err_hint(err, "`pawl rehearse` shows more of it.");
    return false;
}

static bool report(struct cli *cli, const struct compat_queries *queries,
                   const struct compat *compat, struct err *err)
{
    for (size_t i = 0; i < compat->verdicts.count; i++)
        if (!add_finding(cli, &compat->verdicts.items[i], err))
            return false;
    if (!findings_sort(&cli->arena, &cli->findings))
        return err_nomem(err);
    const size_t errors = findings_count(&cli->findings, SEVERITY_ERROR);
    const size_t warnings = findings_count(&cli->findings, SEVERITY_WARNING);
    cli_result(cli, "statements", json_integer((json_int_t)queries->count));
    cli_result(cli, "judged", json_integer((json_int_t)compat->judged));
    cli_result(cli, "verdicts", json_verdicts(compat));
    cli->summary = arena_printf(
        &cli->arena, "%zu of %zu statements judged: %zu error%s, %zu warning%s", compat->judged,
        queries->count, errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    if (cli->summary == NULL)
        return err_nomem(err);
    if (compat->failed != NULL)
        return fails_itself(cli, compat, err);
    if (errors == 0)
        return true;
    (void)err_set(err, ERR_REFUSED, "the old release breaks: %zu error%s", errors,
                  errors == 1 ? "" : "s");
    err_hint(err, "`pawl explain compat-breaks` says what to do.");
    return false;
}

/* ---- running ---- */

static bool compare(struct cli *cli, const struct plan *plan, struct shadow *shadow,
                    const struct compat_queries *queries, struct compat *ret, struct err *err)
{
    size_t count;
    const struct migration **const pending = pending_to_run(cli, plan, &count);
    struct telling telling = {cli, count};
    struct deploy_options deploy;
    prepare_deploy(&cli->config, &cli->target, &deploy);
    const struct compat_options options = {
        .app_role = deploy.app_role,
        .rehearsal = {.role = shadow_facts(shadow)->lacks_role ? NULL : shadowing_role(cli),
                      .first_units = pending_first_units(cli, plan),
                      .tell = tell,
                      .context = &telling},
    };
    if (pending == NULL || options.rehearsal.first_units == NULL)
        return err_nomem(err);
    if (!compat_run(&cli->arena, shadow, queries, pending, count, &options, ret, err))
        return false;
    if (ret->lacks_role)
        output_chat(&cli->output, "rights are not compared: the copy's server does not let "
                                  "statements be looked at as app_role");
    return true;
}

static const char **program_of(struct cli *cli)
{
    const char **const arguments =
        arena_alloc(&cli->arena, (cli->words.count + 1) * sizeof *arguments);
    for (size_t i = 0; arguments != NULL && i < cli->words.count; i++)
        arguments[i] = cli->words.items[i];
    return arguments;
}

static bool check_line(const struct cli *cli, struct err *err)
{
    if (!cli_flag(cli, "tests"))
        return cli->words.count == 0 ||
               err_set(err, ERR_USAGE, "`pawl compat` takes a command with --tests alone");
    if (cli->words.count == 0 || !cli->dashes || cli->words_before_dashes > 0) {
        (void)err_set(err, ERR_USAGE, "--tests takes the command behind --");
        err_hint(err, "Type it as: pawl compat --tests -- COMMAND");
        return false;
    }
    return supervisor_find(cli->words.items[0], err);
}

static bool open_copy(struct cli *cli, struct session *session, const struct plan *plan,
                      struct shadowing *ret, struct err *err)
{
    const char *why = NULL;
    ret->rows = (struct shadow_rows){.ledger = session->target.name};
    ret->role = shadowing_role(cli);
    ret->rights = true;
    if (!shadowing_read_place(cli, cli_option(cli, "on"), &ret->place, err) ||
        !shadowing_open(cli, session, plan, ret, &why, err))
        return false;
    if (ret->shadow == NULL)
        return shadowing_no_place(ret, "compare", why, err);
    shadowing_tell_gaps(cli, shadow_facts(ret->shadow));
    return true;
}

/* ---- the attestation ---- */

/* RELEASE of folder/RELEASE/NAME.sql. */
static const char *release_of(struct cli *cli, const char *path)
{
    const char *const end = strrchr(path, '/');
    const char *start = end;
    while (start != NULL && start > path && start[-1] != '/')
        start--;
    return end != NULL ? arena_strndup(&cli->arena, start, (size_t)(end - start)) : NULL;
}

/* The statements that were judged, and of which releases. */
static bool attest_queries(struct cli *cli, struct attesting *attesting,
                           const struct compat_queries *queries, struct err *err)
{
    CLEANUP(str_release) struct str all = {0};
    for (size_t i = 0; i < queries->count; i++) {
        const struct compat_query *const query = &queries->items[i];
        const bool same = i > 0 && strcmp(query->path, queries->items[i - 1].path) == 0;
        const char *const release = same ? NULL : release_of(cli, query->path);
        str_printf(&all, "%s\n", query->sql);
        if (!same && release == NULL)
            return err_nomem(err);
        if (!same && !attesting_add_release(cli, attesting, release, err))
            return false;
    }
    if (all.failed)
        return err_nomem(err);
    attesting_about(attesting, "statements", json_integer((json_int_t)queries->count));
    attesting_about(attesting, "statements_sha256",
                    json_string(hash_bytes(str_text(&all), all.len).text));
    return true;
}

/* The command, and of which release its tests are, where that was told. */
static bool attest_tests(struct cli *cli, struct attesting *attesting, struct err *err)
{
    const char *const release = cli_option(cli, "release");
    json_t *const words = json_array();
    for (size_t i = 0; words != NULL && i < cli->words.count; i++)
        (void)json_array_append_new(words, cli_json_text(cli->words.items[i]));
    attesting_about(attesting, "command", words);
    return release == NULL || attesting_add_release(cli, attesting, release, err);
}

/* ---- the command ---- */

static bool hold_against(struct cli *cli, struct attesting *attesting, struct err *err)
{
    const struct value *const setting = &cli->config.values[SETTING_QUERIES];
    const bool tests = cli_flag(cli, "tests");
    struct workspace workspace;
    struct deploy_result result = {0};
    struct compat_queries queries = {0};
    struct compat compat;
    CLEANUP(session_close) struct session session = {0};
    CLEANUP(shadowing_close) struct shadowing shadowing = {0};
    const char *const folder =
        fs_join(&cli->arena, config_folder_of(&cli->config, setting), setting->text);
    const char **const program = program_of(cli);
    if (folder == NULL || program == NULL)
        return err_nomem(err);
    if (cli->url.engine == ENGINE_SQLITE)
        return err_set(err, ERR_USAGE, "`pawl compat` is for PostgreSQL");
    if (!check_line(cli, err) ||
        (!tests &&
         !compat_queries_read(&cli->arena, folder, cli_option(cli, "release"), &queries, err)) ||
        !(tests ? attest_tests(cli, attesting, err)
                : attest_queries(cli, attesting, &queries, err)) ||
        !workspace_load(cli, &workspace, err) ||
        !attesting_set(cli, attesting, &workspace.set, err) ||
        !pending_read(cli, &workspace, &session, &result, err) ||
        !attesting_plan(cli, attesting, &result, err) ||
        !open_copy(cli, &session, &result.plan, &shadowing, err) ||
        !compare(cli, &result.plan, shadowing.shadow, &queries, &compat, err))
        return false;
    attesting->asked = true;
    if (!tests) {
        attesting->skipped = compat.judged == 0 ? "no statement could be judged" : NULL;
        return report(cli, &queries, &compat, err);
    }
    return compat.failed != NULL
               ? fails_itself(cli, &compat, err)
               : compat_tests_run(cli, shadowing.shadow, program, &session.wait, err);
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(attesting_release) struct attesting attesting = {0};
    const enum attested_kind kind = cli_flag(cli, "tests") ? ATTESTED_TESTS : ATTESTED_COMPAT;
    return attesting_start(cli, kind, &attesting, err) &&
           attesting_end(cli, &attesting, hold_against(cli, &attesting, err), err);
}

static const struct option options[] = {
    {.name = "release",
     .argument = "R",
     .text = "only the statements of this release; with --tests: whose tests they are"},
    {.name = "on",
     .argument = "WHERE",
     .text = "the server for the copy: a URL, local for one that is started for the run, target "
             "for the target's own"},
    {.name = "to", .argument = "ID", .text = "up to this migration", .offers = OFFER_MIGRATIONS},
    PENDING_PHASE_OPTION,
    ATTEST_OPTION,
    {.name = "tests", .text = "run a command with the pending migrations in place"},
};

static const struct example examples[] = {
    {"pawl compat", "holds the statements of queries/ against the schema that is to come"},
    {"pawl compat --release 1.24 --on target", "those of one release, in a scratch database there"},
    {"pawl compat --tests -- make test", "runs the old release's tests against the new schema"},
};

const struct command command_compat = {
    .name = "compat",
    .group = GROUP_CHECK,
    .summary = "hold the old release's statements against the schema that is to come",
    .usage = "[--tests -- PROGRAM [ARGUMENT...]]",
    .about =
        "Each statement of queries/RELEASE/*.sql is parsed and planned, never run, in a scratch\n"
        "database with the target's schema, and again after each pending migration. What fails\n"
        "then, what has other columns, and what may be refused or mean something else is told\n"
        "with the migration that did it. Exits 3 when a statement breaks, or the tests fail.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = SIZE_MAX,
    .word_offers = OFFER_FILES,
    .needs = NEEDS_TARGET,
    .finds = true,
    .run = run,
};
