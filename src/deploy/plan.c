/* From a comparison to a list of things to do, or of reasons against it. */
#include "deploy/plan.h"

#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "deploy/order.h"
#include "deploy/squash.h"

struct planner {
    struct arena *arena;
    const struct set *set;
    const struct state *state;
    const struct plan_options *options;
    struct plan *plan;
    struct findings *findings;
};

static void add(struct planner *p, const char *rule, enum severity severity,
                const struct migration *migration, const char *what, const char *fix)
{
    const struct finding finding = {
        .rule = rule,
        .severity = severity,
        .file = migration != NULL ? migration->path : NULL,
        .what = what != NULL ? what : "out of memory",
        .fix = fix,
    };
    finding_add(p->arena, p->findings, &finding);
}

/* A new file under a name that an applied migration once had. */
static void add_reused(struct planner *p, const struct match *match, const struct migration *other)
{
    const struct migration *const m = match->migration;
    add(p, "edited", SEVERITY_ERROR, m,
        arena_printf(p->arena,
                     "\"%s\" is an earlier name of \"%s\", which the set has too, and its content "
                     "is another: a name once known stays that of its migration",
                     m->id, other->id),
        arena_printf(p->arena, "give the new file a name of its own: pawl renumber %s",
                     m->path != NULL ? m->path : m->id));
}

/* Two names that were swapped look like two edits: says so. "" where that is not it. */
static const char *whose_content(const struct planner *p, const struct match *match)
{
    for (size_t i = 0; i < p->state->versioned; i++) {
        const struct applied *const other = p->state->by_version[i];
        if (other == match->applied || match->migration->empty ||
            !applied_has_checksum(other, match->migration->checksum.text))
            continue;
        const char *const text =
            arena_printf(p->arena, ", the content of \"%s\"", applied_name(other));
        return text != NULL ? text : "";
    }
    return "";
}

static void add_edited(struct planner *p, const struct match *match)
{
    const struct migration *const m = match->migration;
    const struct migration *const other = match_other_file(p->set, match);
    if (other != NULL) {
        add_reused(p, match, other);
        return;
    }
    add(p, "edited", SEVERITY_ERROR, m,
        arena_printf(p->arena,
                     "\"%s\" was edited after it was applied: applied with checksum %.12s, the "
                     "file now has %.12s%s",
                     m->id, match->applied->checksums.items[match->applied->checksums.count - 1],
                     m->checksum.text, whose_content(p, match)),
        arena_printf(p->arena,
                     "put the file back as it was and write the change as a new migration (pawl "
                     "new NAME); if both texts do the same: pawl repair --accept-edit %s --reason "
                     "TEXT",
                     m->id));
}

static void add_doubt(struct planner *p, const struct match *match)
{
    const struct migration *const m = match->migration;
    CLEANUP(str_release) struct str names = {0};
    CLEANUP(str_release) struct str commands = {0};
    for (size_t i = 0; i < match->readings.count; i++) {
        const char *const old = applied_name(match->readings.items[i]);
        str_printf(&names, "%s\"%s\"", i > 0 ? ", " : "", old);
        str_printf(&commands, "%spawl repair --renamed %s %s", i > 0 ? ", or " : "", old, m->id);
    }
    if (names.failed || commands.failed)
        p->findings->failed = true;
    add(p, "renamed", SEVERITY_ERROR, m,
        arena_printf(p->arena,
                     "\"%s\" has the content of the applied %s, but it is not certain that it "
                     "is the same migration: %s",
                     m->id, str_text(&names), match->doubt),
        arena_printf(p->arena, "if it was renamed: %s; if it is to run: pawl repair --new %s",
                     str_text(&commands), m->id));
}

static void add_out_of_order(struct planner *p, const struct match *match)
{
    const struct migration *const m = match->migration;
    add(p, "out-of-order", p->options->apply_out_of_order ? SEVERITY_NOTE : SEVERITY_ERROR, m,
        arena_printf(p->arena, "\"%s\" is pending and older than \"%s\", which is applied", m->id,
                     applied_name(p->plan->comparison.newest)),
        p->options->apply_out_of_order
            ? NULL
            : arena_printf(p->arena,
                           "pawl renumber %s (or set out_of_order = apply, where order does not "
                           "matter)",
                           m->path != NULL ? m->path : m->id));
}

/* How many names a message lists. */
enum { SHOWN_NAMES = 5 };

static void put_name(struct str *out, size_t at, const char *id)
{
    if (at < SHOWN_NAMES)
        str_printf(out, "%s\"%s\"", at > 0 ? ", " : "", id);
}

static void put_rest(struct str *out, size_t count)
{
    if (count > SHOWN_NAMES)
        str_printf(out, " and %zu more", count - SHOWN_NAMES);
}

static void put_pending(struct str *out, const struct comparison *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].kind == MATCH_PENDING || c->items[i].kind == MATCH_DOUBTFUL)
            put_name(out, count++, c->items[i].migration->id);
    put_rest(out, count);
}

static void put_missing(struct str *out, const struct comparison *c)
{
    for (size_t i = 0; i < c->missing.count; i++)
        put_name(out, i, applied_name(c->missing.items[i]));
    put_rest(out, c->missing.count);
}

static void add_missing(struct planner *p)
{
    const struct comparison *const c = &p->plan->comparison;
    CLEANUP(str_release) struct str missing = {0};
    CLEANUP(str_release) struct str pending = {0};
    const size_t count = c->missing.count;
    put_missing(&missing, c);
    put_pending(&pending, c);
    if (missing.failed || pending.failed)
        p->findings->failed = true;
    if (c->trimmed)
        add(p, "missing", SEVERITY_NOTE, NULL,
            arena_printf(p->arena,
                         "%zu applied %s older than the set's first file %s not in it: the set was "
                         "trimmed",
                         count, count == 1 ? "migration" : "migrations", count == 1 ? "is" : "are"),
            NULL);
    else if (c->older_code)
        add(p, "missing", SEVERITY_NOTE, NULL,
            arena_printf(p->arena,
                         "this is older code: the target has %s applied, which this "
                         "set does not carry",
                         str_text(&missing)),
            NULL);
    else
        add(p, "missing", p->options->allow_missing ? SEVERITY_NOTE : SEVERITY_ERROR, NULL,
            arena_printf(p->arena,
                         "the set and the target have diverged: applied but not in the set: %s; "
                         "pending: %s",
                         str_text(&missing), str_text(&pending)),
            p->options->allow_missing
                ? NULL
                : "merge the branch that has the missing files, or bring a deleted file back; "
                  "where files are meant to be missing, set missing = allow");
}

static void compare(struct planner *p)
{
    const struct comparison *const c = &p->plan->comparison;
    for (size_t i = 0; i < c->count; i++) {
        const struct match *const match = &c->items[i];
        if (match->kind == MATCH_EDITED)
            add_edited(p, match);
        else if (match->kind == MATCH_DOUBTFUL)
            add_doubt(p, match);
        else if (match->out_of_order)
            add_out_of_order(p, match);
    }
    if (c->missing.count > 0)
        add_missing(p);
}

static bool check_partial(struct planner *p, const struct plan_item *item)
{
    const struct partial *const partial = item->partial;
    if (partial == NULL || strcmp(partial->checksum, item->migration->checksum.text) == 0)
        return true;
    add(p, "edited", SEVERITY_ERROR, item->migration,
        arena_printf(p->arena,
                     "\"%s\" was edited after %lld of its steps were committed by a deploy that "
                     "stopped part-way",
                     item->migration->id, (long long)partial->steps_done),
        arena_printf(p->arena,
                     "put the file back as it was and deploy; if only the steps that are not done "
                     "yet were mended: pawl repair --accept-edit %s --reason TEXT",
                     item->migration->id));
    return false;
}

/* A text that cannot be run is a finding of the file, all of them at once. */
static bool add_item(struct planner *p, const struct match *match, struct err *err)
{
    const struct migration *const migration = match->migration;
    struct plan_item item = {.migration = migration, .out_of_order = match->out_of_order};
    if (migration->text == NULL)
        return err_set(err, ERR_USAGE,
                       "\"%s\" is pending and its file is not here, only its line in pawl.sum",
                       migration->id);
    CLEANUP(err_release) struct err bad = {0};
    if (match->kind != MATCH_RECOGNISED &&
        !script_build(p->arena, p->set->dialect, migration, &item.script, &bad)) {
        if (bad.code != ERR_REFUSED) {
            *err = bad;
            bad = (struct err){0};
            return false;
        }
        const struct finding finding = {.rule = "statement",
                                        .severity = SEVERITY_ERROR,
                                        .file = migration->path,
                                        .line = bad.line,
                                        .column = bad.column,
                                        .what = bad.message,
                                        .fix = bad.hint};
        finding_add(p->arena, p->findings, &finding);
        return true;
    }
    item.partial = state_partial(p->state, migration->id);
    if (item.partial != NULL)
        item.first_unit = item.partial->steps_done;
    if (!check_partial(p, &item))
        return true;
    if (!squash_item(p->arena, &p->plan->comparison, match, &item, err))
        return false;
    struct plan_item *const slot = arena_push(p->arena, &p->plan->items);
    if (slot == NULL)
        return err_nomem(err);
    *slot = item;
    return true;
}

static bool is_missing(const struct comparison *c)
{
    return c->missing.count > 0 && !c->trimmed;
}

static bool is_to_do(enum match_kind kind)
{
    return kind == MATCH_PENDING || kind == MATCH_CHANGED || kind == MATCH_RECOGNISED;
}

static bool list_items(struct planner *p, struct err *err)
{
    const struct comparison *const c = &p->plan->comparison;
    bool past_end = false;
    for (size_t i = 0; i < c->count; i++) {
        const struct match *const match = &c->items[i];
        const bool repeatable = match->migration->kind == KIND_REPEATABLE;
        if (match->kind == MATCH_RENAMED) {
            const struct match **slot = arena_push(p->arena, &p->plan->renames);
            if (slot == NULL)
                return err_nomem(err);
            *slot = match;
        }
        /* Older code's views and functions must not go over newer ones. */
        if (repeatable && (p->options->to != NULL || is_missing(c)))
            continue;
        if (!past_end && is_to_do(match->kind) && !add_item(p, match, err))
            return false;
        if (p->options->to != NULL && strcmp(p->options->to, match->migration->id) == 0)
            past_end = true;
    }
    if (p->options->to != NULL && !past_end) {
        const char *const shown = fs_printable(p->arena, p->options->to);
        if (shown == NULL)
            return err_nomem(err);
        (void)err_set(err, ERR_USAGE, "--to \"%s\": the set has no such migration", shown);
        err_hint(err, "pawl status lists the ids.");
        return false;
    }
    return true;
}

/* Versions from the future are refused for what is pending only. */
static bool check_future(struct planner *p, struct err *err)
{
    struct findings future = {0};
    if (!set_check_future(p->arena, p->set, p->options->now_epoch_s, &future, err))
        return false;
    for (size_t i = 0; i < future.count; i++)
        finding_add(p->arena, p->findings, &future.items[i]);
    return true;
}

bool plan_empty(const struct plan *plan)
{
    return plan->items.count == 0 && plan->renames.count == 0;
}

size_t plan_statement_count(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->items.count; i++)
        count += plan->items.items[i].recognised ? 0 : plan->items.items[i].script.statements.count;
    return count;
}

size_t plan_first_statement(const struct plan_item *item)
{
    const struct script *const script = &item->script;
    const size_t unit = (size_t)item->first_unit; /* behind the last: only the row is missing */
    if (unit < script->units.count)
        return script->units.items[unit].first;
    return unit > 0 ? script->statements.count : 0;
}

bool plan_make(struct arena *arena, const struct set *set, const struct state *state,
               const struct plan_options *options, struct plan *ret, struct findings *findings,
               struct err *err)
{
    struct plan plan = {0};
    struct planner p = {arena, set, state, options, &plan, findings};
    if (!match_set(arena, set, state, &plan.comparison, err))
        return false;
    compare(&p);
    if (!squash_check(arena, &plan.comparison, findings, err) || !check_future(&p, err) ||
        !list_items(&p, err) || !plan_order(set->dialect, &plan, err) ||
        !squash_list_renames(arena, &plan, err))
        return false;
    plan_relax(arena, findings, set, state);
    if (findings->failed)
        return err_nomem(err);
    *ret = plan;
    return true;
}

/* The applied migration whose file, or in scheme folder whose folder, the finding is about. */
static const struct migration *applied_file(const struct finding *finding, const struct set *set,
                                            const struct state *state)
{
    for (size_t i = 0; finding->file != NULL && i < set->count; i++) {
        const struct migration *const m = &set->items[i];
        const size_t folder = strlen(set->folder), entry = strlen(m->entry);
        const size_t len = strlen(finding->file);
        const bool same = m->path != NULL && strcmp(m->path, finding->file) == 0;
        const bool its_folder = len == folder + 1 + entry &&
                                strncmp(finding->file, set->folder, folder) == 0 &&
                                strcmp(finding->file + folder + 1, m->entry) == 0;
        if (same || its_folder)
            return state_find(state, m->id) != NULL ? m : NULL;
    }
    return NULL;
}

static bool is_about_name(const struct finding *finding)
{
    static const char *const rules[] = {
        "name-grammar", "name-precision",    "name-date",        "name-characters",
        "name-length",  "duplicate-version", "version-spelling", "future-version",
        "squash-range", "squash-files",      "squash-lines",
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (strcmp(finding->rule, rules[i]) == 0)
            return true;
    return false;
}

void plan_relax(struct arena *arena, struct findings *findings, const struct set *set,
                const struct state *state)
{
    CLEANUP(str_release) struct str names = {0};
    size_t kept = 0, odd = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *const finding = &findings->items[i];
        const struct migration *const m =
            is_about_name(finding) ? applied_file(finding, set, state) : NULL;
        if (m == NULL)
            findings->items[kept++] = *finding;
        else
            put_name(&names, odd++, m->id);
    }
    findings->count = kept;
    put_rest(&names, odd);
    if (names.failed)
        findings->failed = true;
    const char *const what =
        arena_printf(arena, "%zu applied %s that would be refused today: %s", odd,
                     odd == 1 ? "migration has a name" : "migrations have names", str_text(&names));
    if (odd > 0)
        finding_add(arena, findings,
                    &(struct finding){.rule = "applied-name",
                                      .severity = SEVERITY_NOTE,
                                      .what = what != NULL ? what : "out of memory"});
}
