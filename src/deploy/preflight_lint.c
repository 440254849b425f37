/* The question about what is pending itself: lint, weighed with what the target has. */
#include <string.h>

#include "base/fs.h"
#include "check/allow.h"
#include "check/lint.h"
#include "deploy/preflight_parts.h"
#include "sql/only_makes.h"

/* A begin row names at most so many. */
enum { OVERRIDDEN_NAMES = 10 };

static enum dialect dialect_of(const struct preflight_look *look)
{
    return look->run->ledger->sqlite != NULL ? DIALECT_SQLITE : DIALECT_POSTGRES;
}

/* ---- what is pending ---- */

/* New rows alone hurt nobody, and may be many: a deploy does not read them twice. */
static bool only_inserts(enum dialect dialect, const struct script *script)
{
    for (size_t i = 0; i < script->statements.count; i++)
        if (!sql_starts_with(dialect, script->statements.items[i].statement.text, "INSERT INTO"))
            return false;
    return true;
}

/* What was begun before has passed here then, and half of it helps nobody. */
static bool is_asked_about(const struct preflight_look *look, const struct plan_item *item)
{
    return !item->recognised && item->partial == NULL &&
           !(look->deploying && only_inserts(dialect_of(look), &item->script));
}

static bool list_pending(struct preflight_look *look, struct err *err)
{
    struct arena *const arena = look->run->arena;
    const struct plan *const plan = &look->run->result->plan;
    size_t statements = 0;
    for (size_t i = 0; i < plan->items.count; i++)
        statements += plan->items.items[i].script.statements.count;
    look->migrations = arena_alloc(arena, (plan->items.count + 1) * sizeof *look->migrations);
    look->statements = arena_alloc(arena, (statements + 1) * sizeof *look->statements);
    if (look->migrations == NULL || look->statements == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        if (!is_asked_about(look, item))
            continue;
        look->migrations[look->migration_count++] = item->migration;
        for (size_t s = 0; s < item->script.statements.count; s++) {
            const struct statement *const statement = &item->script.statements.items[s].statement;
            look->statements[look->statement_count++] =
                (struct cost_statement){.migration = item->migration,
                                        .text = statement->text,
                                        .line = statement->line,
                                        .column = statement->column};
        }
    }
    return true;
}

/* By first words alone, at a fraction of what reading them takes. */
static bool only_makes(struct preflight_look *look, bool *ret, struct err *err)
{
    const enum dialect dialect = dialect_of(look);
    *ret = true;
    if (dialect == DIALECT_SQLITE) {
        for (size_t i = 0; *ret && i < look->statement_count; i++)
            *ret = sql_starts_with(dialect, look->statements[i].text, "CREATE");
        return true;
    }
    struct span *const texts =
        arena_alloc(look->run->arena, (look->statement_count + 1) * sizeof *texts);
    if (texts == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < look->statement_count; i++)
        texts[i] = look->statements[i].text;
    *ret = sql_only_makes(texts, look->statement_count);
    return true;
}

/* Nothing was ever applied, and there is no table of anybody's. */
static bool is_fresh(struct preflight_look *look, bool *ret, struct err *err)
{
    struct run *const run = look->run;
    const char *example = NULL;
    *ret = false;
    if (run->state.applied.count > 0)
        return true;
    if (!ledger_foreign_objects(run->ledger, run->arena, NULL, &example, err))
        return false;
    *ret = example == NULL;
    return true;
}

bool preflight_read(struct preflight_look *look, struct err *err)
{
    bool fresh, makes = false;
    if (look->read)
        return true;
    if (!is_fresh(look, &fresh, err) || (!fresh && !list_pending(look, err)) ||
        (!fresh && look->deploying && !only_makes(look, &makes, err)))
        return false;
    look->harmless = fresh || makes || look->statement_count == 0;
    look->why_harmless = fresh   ? "nothing is applied, and the database has no tables"
                         : makes ? "they only make what was not there"
                                 : "nothing is pending";
    look->read = true;
    return true;
}

bool preflight_facts(struct preflight_look *look, struct err *err)
{
    if (look->facts || look->harmless || look->run->ledger->pg == NULL)
        return true;
    look->facts = cost_read(look->run->arena, look->statements, look->statement_count, err);
    return look->facts;
}

/* ---- lint ---- */

/* Sizes that cannot be read soften nothing, and are no reason to say nothing. */
static bool weigh(struct preflight_look *look, struct preflight_line *line,
                  struct findings *findings, struct err *err)
{
    struct run *const run = look->run;
    CLEANUP(err_release) struct err here = {0};
    if (!preflight_facts(look, err))
        return false;
    const bool asked = run->ledger->pg != NULL
                           ? cost_ask(run->arena, run->ledger->pg, run->options->limits.search_path,
                                      look->statements, look->statement_count, &here)
                           : cost_ask_sqlite(run->arena, run->ledger->sqlite, look->statements,
                                             look->statement_count, &here);
    if (asked) {
        cost_weigh(run->arena, look->statements, look->statement_count, findings);
        return !findings->failed || err_nomem(err);
    }
    if (here.code == ERR_FAILED || here.code == ERR_BUSY)
        return preflight_say(look, line, PREFLIGHT_WARNING, NULL, err,
                             "the sizes of tables cannot be read: %s", here.message);
    *err = here;
    here = (struct err){0};
    return false;
}

/* What the server refuses is rolled back: that stops itself. */
static bool is_error(const struct finding *finding)
{
    return finding->severity == SEVERITY_ERROR && rule_can_hurt(rule_find(finding->rule));
}

static size_t count_errors(const struct findings *findings)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += is_error(&findings->items[i]);
    return count;
}

/* Errors that are gone over are warnings. A deploy tells no more than those; the rest is for
 * reviews. */
static bool keep(struct preflight_look *look, const struct findings *found, size_t *ret_errors,
                 struct err *err)
{
    struct run *const run = look->run;
    const bool over = (run->options->overrides & OVERRIDE_LINT) != 0;
    *ret_errors = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct finding finding = found->items[i];
        const bool error = is_error(&finding);
        if (!rule_is_linted(rule_find(finding.rule)) || (look->deploying && !error))
            continue;
        *ret_errors += error && !over;
        if (finding.severity == SEVERITY_ERROR && (over || !error)) {
            finding.severity = SEVERITY_WARNING;
            finding.what = arena_printf(run->arena, "%s (%s)", finding.what,
                                        error ? "overridden" : "it would be rolled back");
            run->overridden |= error ? OVERRIDE_LINT : 0;
        }
        if (finding.what == NULL)
            return err_nomem(err);
        finding_add(run->arena, &run->preflight, &finding);
    }
    return findings_sort(run->arena, &run->preflight) || err_nomem(err);
}

static bool refuse(struct preflight_look *look, struct preflight_line *line, size_t errors,
                   struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    (void)err_set(&why, ERR_REFUSED, "%zu %s against this deploy", errors,
                  errors == 1 ? "finding speaks" : "findings speak");
    err_state(&why, "Nothing was changed.");
    err_hint(&why,
             "`pawl explain RULE` says why, and what to write instead. What waits until no code "
             "needs it any more says so in its file's head: -- pawl: phase=contract. What is "
             "meant as it is says -- pawl: allow=RULE reason=\"...\", or is gone over once with "
             "pawl deploy --override lint --reason TEXT.");
    return preflight_refuse(look, line, "each finding says what to write instead", &why, err);
}

static bool say_found(struct preflight_look *look, struct preflight_line *line, struct err *err)
{
    const struct findings *const found = &look->run->preflight;
    const size_t warnings = findings_count(found, SEVERITY_WARNING);
    const size_t notes = findings_count(found, SEVERITY_NOTE);
    if (look->deploying && (look->run->overridden & OVERRIDE_LINT) != 0)
        return preflight_say(look, line, PREFLIGHT_NOTE, NULL, err,
                             "goes over %zu finding%s of lint", warnings, warnings == 1 ? "" : "s");
    return preflight_say(look, line,
                         warnings > 0 ? PREFLIGHT_WARNING
                         : notes > 0  ? PREFLIGHT_NOTE
                                      : PREFLIGHT_OK,
                         NULL, err, "%zu migration%s: no errors, %zu warning%s, %zu note%s",
                         look->migration_count, look->migration_count == 1 ? "" : "s", warnings,
                         warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
}

QUESTION(preflight_lint)
{
    struct run *const run = look->run;
    const struct lint_options options = {.dialect = dialect_of(look)};
    struct findings found = {0};
    size_t errors;
    if (!lint_run(run->arena, &options, look->migrations, look->migration_count, &found, err) ||
        ((!look->deploying || count_errors(&found) > 0) && !weigh(look, line, &found, err)) ||
        (found.count > 0 &&
         !allow_apply(run->arena, run->options->set, ALLOW_OF_NONE, &found, err)) ||
        !keep(look, &found, &errors, err))
        return false;
    return errors > 0 ? refuse(look, line, errors, err) : say_found(look, line, err);
}

json_t *preflight_overridden(const struct run *run)
{
    json_t *names = json_array();
    for (size_t i = 0; names != NULL && i < run->preflight.count && i < OVERRIDDEN_NAMES; i++) {
        const struct finding *const finding = &run->preflight.items[i];
        if (!rule_is_linted(rule_find(finding->rule)))
            continue;
        const char *const file =
            fs_printable(run->arena, finding->file != NULL ? finding->file : "?");
        if (file == NULL || json_array_append_new(names, json_sprintf("%s %s:%d", finding->rule,
                                                                      file, finding->line)) != 0) {
            json_decref(names);
            names = NULL;
        }
    }
    return names;
}
