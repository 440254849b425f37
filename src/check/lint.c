/* One statement after another: read, and shown to each rule. */
#include "check/lint.h"

#include <string.h>

#include "base/str.h"
#include "sql/classify.h"
#include "sql/parser.h"

/* ---- what is compared and looked up ---- */

bool lint_same_name(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

const PgQuery__Constraint *lint_added_constraint(const struct act *act)
{
    const PgQuery__Node *const node = act->node;
    return node != NULL && node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD &&
                   node->alter_table_cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint &&
                   node->alter_table_cmd->def != NULL &&
                   node->alter_table_cmd->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT
               ? node->alter_table_cmd->def->constraint
               : NULL;
}

/* ---- rules by form ---- */

/* Nobody else sees what is not committed yet, whatever is in it. */
static bool made_here(const struct lint *lint, const struct act *act)
{
    for (size_t i = lint->done.count; act->name != NULL && i-- > 0;) {
        const struct lint_done *const done = &lint->done.items[i];
        if (done->unit == lint->unit &&
            (done->act.form == form_of(FORM_CREATE_TABLE) ||
             done->act.form == form_of(FORM_CREATE_TABLE_AS)) &&
            done->act.name != NULL && strcmp(done->act.name, act->name) == 0)
            return true;
    }
    return false;
}

bool lint_is_existing(const struct lint *lint, const struct act *act)
{
    return !act->is_new && !(act->is_made && made_here(lint, act));
}

bool lint_is_catalog(const struct act *act)
{
    return act->name != NULL && strncmp(act->name, "pg_", strlen("pg_")) == 0;
}

bool lint_can_break(const struct lint *lint, const struct act *act)
{
    return lint->migration->phase != PHASE_CONTRACT && !act->is_made && !act->is_part_made;
}

static bool fires(const struct lint *lint, const struct lint_rule *item, const struct act *act)
{
    const struct rule *const rule = item->rule;
    return lint_rule_has(item->forms, act->form) &&
           (rule->breaks ? lint_can_break(lint, act) : lint_is_existing(lint, act)) &&
           (rule->applies == NULL || rule->applies(lint, act));
}

static void report_act(struct lint *lint, const struct rule *rule, const struct act *act)
{
    lint_report_form(lint, rule, act);
    if (lint->options->mends == NULL || rule->mend == NULL ||
        migration_allows(lint->migration, rule->id))
        return;
    if (act->by.function != NULL)
        mend_leave(lint, rule, act, "a function does it");
    else if (lint->tree != NULL && lint->tree->node_case == PG_QUERY__NODE__NODE_DO_STMT)
        mend_leave(lint, rule, act, "it stands in a DO block");
    else
        rule->mend(lint, rule, act);
}

static void look_at_acts(struct lint *lint, const struct lint_rule *item)
{
    for (size_t i = 0; i < lint->facts.acts.count; i++)
        if (fires(lint, item, &lint->facts.acts.items[i]))
            report_act(lint, item->rule, &lint->facts.acts.items[i]);
}

/* ---- what is made again ---- */

/* Also a function that one of the two names without its arguments. */
static bool same_object(const char *a, const char *b)
{
    const size_t a_len = strlen(a), b_len = strlen(b);
    const size_t len = a_len < b_len ? a_len : b_len;
    return strncmp(a, b, len) == 0 && (a_len == b_len || (a_len > len ? a : b)[len] == '(');
}

bool lint_makes_again(const struct act *made, const struct act *gone)
{
    const char *const name = made->new_name != NULL ? made->new_name : made->name;
    return name != NULL && gone->name != NULL && same_object(name, gone->name) &&
           (made->part == NULL || gone->part == NULL || strcmp(made->part, gone->part) == 0);
}

static bool is_remade(const struct lint *lint, const struct lint_rule *item, const struct act *act)
{
    for (size_t i = 0; i < lint->done.count; i++)
        if (&lint->done.items[i].act != act &&
            lint_rule_has(item->remade, lint->done.items[i].act.form) &&
            lint_makes_again(&lint->done.items[i].act, act))
            return true;
    return false;
}

void lint_turn_to(struct lint *lint, const struct lint_done *done)
{
    lint->number = done->statement;
    lint->statement = &lint->statements->items[done->statement];
}

static void look_back(struct lint *lint, const struct lint_rule *item)
{
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (!fires(lint, item, act) || is_remade(lint, item, act))
            continue;
        lint_turn_to(lint, &lint->done.items[i]);
        report_act(lint, item->rule, act);
    }
}

static void look_at_inner(struct lint *lint, const struct rule *rule,
                          const struct facts_list *inner)
{
    for (size_t i = 0; i < inner->count; i++) {
        lint->facts = inner->items[i];
        lint->tree = lint->facts.node;
        lint->inside = &inner->items[i].place;
        lint->by = &inner->items[i].by;
        rule->each(lint, rule);
        look_at_inner(lint, rule, &inner->items[i].inner);
    }
}

static void look_at_each(struct lint *lint, const struct rule *rule)
{
    rule->each(lint, rule);
    if (lint->facts.inner.count == 0)
        return;
    const struct facts whole = lint->facts;
    const PgQuery__Node *const tree = lint->tree;
    look_at_inner(lint, rule, &whole.inner);
    lint->facts = whole;
    lint->tree = tree;
    lint->inside = NULL;
    lint->by = NULL;
}

static void show_to_rules(struct lint *lint)
{
    for (size_t i = 0; i < lint->rules.count; i++) {
        const struct lint_rule *const item = &lint->rules.items[i];
        if (item->forms != NULL && item->remade == NULL)
            look_at_acts(lint, item);
        else if (item->rule->look != NULL)
            item->rule->look(lint, item->rule);
        else if (item->rule->each != NULL)
            look_at_each(lint, item->rule);
    }
}

/* ---- statements ---- */

static bool is_of_rows(const struct act *act)
{
    return act->form->effect == EFFECT_ROWS || act->form == form_of(FORM_SELECT);
}

static bool is_known(const struct lint *lint, const struct act *act)
{
    for (size_t i = 0; is_of_rows(act) && i < lint->done.count; i++) {
        const struct act *const known = &lint->done.items[i].act;
        if (known->form == act->form &&
            (known->name == act->name || lint_same_name(known->name, act->name)))
            return true;
    }
    return false;
}

/* Names are in the statement's arena: those that stay are copied. */
static const char *keep_name(struct lint *lint, const char *name)
{
    const char *const kept = name != NULL ? arena_strdup(lint->walk.arena, name) : NULL;
    lint->findings->failed = lint->findings->failed || (name != NULL && kept == NULL);
    return kept;
}

static bool says_if_exists(const PgQuery__Node *node)
{
    return node != NULL && node->node_case == PG_QUERY__NODE__NODE_DROP_STMT &&
           node->drop_stmt->missing_ok;
}

static void note_done(struct lint *lint, struct act act)
{
    if (is_known(lint, &act))
        return;
    const bool existing = lint_is_existing(lint, &act);
    const bool if_exists = says_if_exists(act.node);
    struct lint_done *const done = arena_push(lint->walk.arena, &lint->done);
    lint->findings->failed = lint->findings->failed || done == NULL;
    act.node = NULL;
    act.name = keep_name(lint, act.name);
    act.part = keep_name(lint, act.part);
    act.new_name = keep_name(lint, act.new_name);
    if (done != NULL)
        *done = (struct lint_done){.act = act,
                                   .statement = lint->number,
                                   .unit = lint->unit,
                                   .existing = existing,
                                   .if_exists = if_exists,
                                   .offset = lint->statement->offset + (size_t)act.at};
}

static bool read_sqlite(struct lint *lint, struct err *err)
{
    const struct lint_spot spot = lint_spot_at(lint, 0);
    return sql_classify(lint->scratch, DIALECT_SQLITE, lint->statement, &lint->info, err) &&
           lite_statement(&lint->lite, &spot, lint->number, &lint->info, err);
}

static bool read_facts(struct lint *lint, struct tree *tree, struct err *err)
{
    if (lint->options->dialect != DIALECT_POSTGRES)
        return read_sqlite(lint, err);
    if (!parser_read_here(lint->statement->text, tree, err))
        return false;
    lint->tree = tree->statement;
    lint->walk.functions.source = lint->migration;
    lint->walk.functions.offset = lint->statement->offset;
    if (!facts_of_tree(lint->scratch, &lint->walk.functions, lint->statement->text, tree->statement,
                       &lint->facts, err))
        return false;
    lint->info = lint->facts.info;
    return facts_walk_next(&lint->walk, &lint->facts, err);
}

/* ---- what is committed together ---- */

/* A new value of an enum that is used further down is committed first. */
static bool adds_used_label(const struct lint *lint)
{
    if (lint->tree == NULL || lint->tree->node_case != PG_QUERY__NODE__NODE_ALTER_ENUM_STMT)
        return false;
    const char *const label = lint->tree->alter_enum_stmt->new_val;
    return label[0] != '\0' &&
           sql_label_used(DIALECT_POSTGRES, lint->statements, lint->number, label);
}

/* As history/script.h makes units. Returns whether the next statement begins another one. */
static bool enter_unit(struct lint *lint, bool over)
{
    const bool alone = lint->tree != NULL && !lint->facts.in_transaction;
    const bool loose = lint->migration->no_transaction && !lint->in_block;
    if (over || alone || loose)
        lint->unit++;
    return alone || loose || (!lint->in_block && adds_used_label(lint));
}

static bool leave_unit(struct lint *lint)
{
    const bool ends = lint->in_block && lint->info.class == STATEMENT_COMMIT;
    const bool begins = !lint->in_block && lint->info.class == STATEMENT_BEGIN;
    if (begins)
        lint->began = lint_spot_at(lint, 0);
    lint->in_block = !ends && (lint->in_block || begins);
    return ends && lint->migration->no_transaction;
}

/* ---- one after another ---- */

/* What has no act may do anything. */
static bool is_unread(const struct facts *facts)
{
    return facts->unknown != NULL || facts->acts.count == 0;
}

static void look_behind(struct lint *lint)
{
    lint->tree = NULL;
    lint->facts = (struct facts){0};
    for (size_t i = 0; i < lint->rules.count; i++) {
        const struct lint_rule *const item = &lint->rules.items[i];
        if (item->remade != NULL)
            look_back(lint, item);
        else if (item->rule->behind != NULL)
            item->rule->behind(lint, item->rule);
    }
    arena_release(lint->scratch);
}

static void look_at_facts(struct lint *lint)
{
    lint->unit_over = enter_unit(lint, lint->unit_over);
    mend_look_back(lint);
    show_to_rules(lint);
    constraints_note(lint);
    sync_note(lint);
    made_by(&lint->made, lint->tree, lint->migration, lint->statement);
    lint->findings->failed = lint->findings->failed || lint->made.failed;
    /* A COMMIT without its BEGIN is told itself. */
    lint->before = lint->info.class == STATEMENT_COMMIT && !lint->in_block ? STATEMENT_ORDINARY
                                                                           : lint->info.class;
    lint->unit_over = leave_unit(lint) || lint->unit_over;
}

static bool look_at_statement(struct lint *lint, const struct statement *statement, struct err *err)
{
    struct tree tree = {0};
    lint->statement = statement;
    lint->tree = NULL;
    lint->facts = (struct facts){0};
    const bool read = read_facts(lint, &tree, err);
    if (read)
        look_at_facts(lint);
    lint->unread = lint->unread || is_unread(&lint->facts);
    for (size_t i = 0; read && i < lint->facts.acts.count; i++)
        note_done(lint, lint->facts.acts.items[i]);
    tree_release(&tree);
    arena_release(lint->scratch);
    return read;
}

static bool look_at_statements(struct lint *lint, const struct statements *statements,
                               struct err *err)
{
    lint->statements = statements;
    lint->done.count = 0;
    lint->unread = false;
    lint->before = STATEMENT_ORDINARY;
    lint->unit_over = true;
    lint->in_block = false;
    for (lint->number = 0; lint->number < statements->count; lint->number++)
        if (!look_at_statement(lint, &statements->items[lint->number], err))
            return false;
    look_behind(lint);
    return true;
}

/* What cannot be split is found by another rule. */
static bool look_at_migration(struct lint *lint, const struct migration *migration, struct err *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err refusal = {0};
    struct statements statements = {0};
    lint->migration = migration;
    lint->findings_before = lint->findings->count;
    lite_migration(&lint->lite, lint->options->alone);
    if (lint->options->alone) {
        lint->walk = facts_walk_begin(lint->walk.arena);
        lint->made = (struct made){.arena = lint->walk.arena};
    }
    if (!sql_split(&arena, lint->options->dialect, migration->text + migration->forward_offset,
                   migration->forward_len, &statements, &refusal)) {
        if (refusal.code != ERR_REFUSED)
            return err_nomem(err);
        statements.count = 0;
    }
    return look_at_statements(lint, &statements, err) && (!lint->lite.failed || err_nomem(err));
}

static void finish(struct lint *lint)
{
    for (size_t i = 0; i < lint->rules.count; i++)
        if (lint->rules.items[i].rule->finish != NULL)
            lint->rules.items[i].rule->finish(lint, lint->rules.items[i].rule);
}

struct work {
    struct lint lint;
    const struct migration *const *migrations;
    size_t count;
    struct err *err;
    bool done;
};

static void run(void *context)
{
    struct work *const work = context;
    work->done = true;
    for (size_t i = 0; work->done && i < work->count; i++) {
        work->lint.index = i;
        work->lint.is_last = work->lint.options->alone || i + 1 == work->count;
        work->done = look_at_migration(&work->lint, work->migrations[i], work->err);
    }
    if (work->done)
        finish(&work->lint);
}

bool lint_run(struct arena *arena, const struct lint_options *options,
              const struct migration *const *migrations, size_t count, struct findings *findings,
              struct err *err)
{
    CLEANUP(arena_release) struct arena names = {0};
    CLEANUP(arena_release) struct arena scratch = {0};
    struct work work = {
        .lint = {.arena = arena, .scratch = &scratch, .options = options, .findings = findings},
        .migrations = migrations,
        .count = count,
        .err = err,
    };
    work.lint.walk = facts_walk_begin(&names);
    work.lint.made.arena = &names;
    if (!lint_rules_find(&names, options->dialect, &work.lint.rules, err))
        return false;
    if (options->dialect == DIALECT_SQLITE && !lite_begin(&work.lint.lite, &names, err))
        return false;
    const bool ran = parser_run(run, &work, err);
    lite_end(&work.lint.lite);
    return ran && work.done && (!findings->failed || err_nomem(err));
}
