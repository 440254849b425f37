/* What each rule would have written instead. */
#include "check/mend.h"

#include <string.h>

#include "check/lint.h"
#include "check/place.h"
#include "sql/classify.h"
#include "sql/tree_name.h"
#include "sql/tree_walk.h"

#define AT(name)     PG_QUERY__ALTER_TABLE_TYPE__AT_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name

enum { NAME_MAX_BYTES = 63 };

/* ---- one mend ---- */

/* What holds for the one transaction of the file is lost where it is cut in two. */
static const char *forbid(const struct lint *lint)
{
    if (lint->in_block)
        return "it stands between BEGIN and COMMIT";
    if (lint->options->mends->bound == lint->migration)
        return "SET LOCAL and LOCK before it hold for one transaction";
    return lint->migration->kind == KIND_REPEATABLE ? "the migration is repeatable" : NULL;
}

/* left NULL: to be filled by the caller. */
static struct mend *add(struct lint *lint, const struct rule *rule, int at, const char *left)
{
    struct mends *const mends = lint->options->mends;
    struct mend *const mend = arena_push(lint->arena, mends);
    mends->failed = mends->failed || mend == NULL;
    if (mend == NULL)
        return NULL;
    int column;
    *mend = (struct mend){.rule = rule, .migration = lint->migration, .left = forbid(lint)};
    if (mend->left == NULL)
        mend->left = left;
    place_of_byte(lint->migration, lint->statement, (size_t)at, &mend->line, &column);
    return mend;
}

static const char *keep(struct lint *lint, const char *text)
{
    const char *const kept = text != NULL ? arena_strdup(lint->arena, text) : NULL;
    lint->options->mends->failed = lint->options->mends->failed || kept == NULL;
    return kept != NULL ? kept : "";
}

/* These bytes of the statement become the text. */
static void edit(struct lint *lint, struct mend *mend, size_t at, size_t len, const char *text)
{
    const size_t start = (size_t)(lint->statement->text.at - lint->migration->text);
    mend->edits[mend->edit_count++] =
        (struct mend_edit){.at = start + at, .len = len, .text = keep(lint, text)};
}

/* ---- partitioned tables ---- */

/* Behind the schema: which of them is meant without one is not known here. */
static const char *own_name(const char *name)
{
    const char *own = name;
    bool quoted = false;
    for (const char *c = name; *c != '\0'; c++) {
        quoted = quoted != (*c == '"');
        if (*c == '.' && !quoted)
            own = c + 1;
    }
    return own;
}

static bool is_partitioned(const struct lint *lint, const char *table)
{
    const struct mends *const mends = lint->options->mends;
    for (size_t i = 0; i < mends->partitioned.count; i++)
        if (strcmp(own_name(mends->partitioned.items[i]), own_name(table)) == 0)
            return true;
    return false;
}

/* Of what the statement at hand makes: a partitioned table, or an index on one. */
static const char *made_partitioned(const struct lint *lint)
{
    const struct acts *const acts = &lint->facts.acts;
    if (lint->tree == NULL || acts->count == 0)
        return NULL;
    if (lint->tree->node_case == PG_QUERY__NODE__NODE_CREATE_STMT)
        return lint->tree->create_stmt->partspec != NULL ? acts->items[0].name : NULL;
    if (lint->tree->node_case != PG_QUERY__NODE__NODE_INDEX_STMT || acts->count < 2 ||
        acts->items[0].name == NULL || !is_partitioned(lint, acts->items[0].name))
        return NULL;
    return acts->items[1].name;
}

static void note_partitioned(struct lint *lint)
{
    struct mends *const mends = lint->options->mends;
    const char *const name = made_partitioned(lint);
    if (name == NULL)
        return;
    const char **const item = arena_push(lint->arena, &mends->partitioned);
    mends->failed = mends->failed || item == NULL;
    if (item != NULL)
        *item = keep(lint, name);
}

/* ---- places in the statement ---- */

static struct lexer lexer_at(const struct lint *lint, size_t at)
{
    struct lexer lexer =
        lexer_init(DIALECT_POSTGRES, lint->statement->text.at, lint->statement->text.len);
    lexer.pos = at;
    return lexer;
}

/* Behind the command of ALTER TABLE that starts here: before its comma, or the end. */
static size_t command_end(const struct lint *lint, size_t at)
{
    struct lexer lexer = lexer_at(lint, at);
    size_t end = at;
    for (int depth = 0;;) {
        const struct token token = lexer_next_solid(&lexer);
        const bool symbol = token.type == TOKEN_SYMBOL;
        if (token.type == TOKEN_END || (symbol && depth == 0 && span_is(token.span, ",")))
            return end;
        if (symbol && (span_is(token.span, "(") || span_is(token.span, "[")))
            depth++;
        if (symbol && (span_is(token.span, ")") || span_is(token.span, "]")))
            depth--;
        end = token.start + token.span.len;
    }
}

static size_t word_end(const struct lint *lint, size_t at)
{
    struct lexer lexer = lexer_at(lint, at);
    const struct token token = lexer_next_solid(&lexer);
    return token.start + token.span.len;
}

/* Behind the first INDEX or TABLE, as in CREATE UNIQUE INDEX and REINDEX (VERBOSE) TABLE. */
static size_t object_word_end(const struct lint *lint)
{
    struct lexer lexer = lexer_at(lint, 0);
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END || span_is_nocase(token.span, "index") ||
            span_is_nocase(token.span, "table"))
            return token.start + token.span.len;
    }
}

/* ---- names ---- */

static const PgQuery__RangeVar *table_of(const struct lint *lint)
{
    return lint->tree->alter_table_stmt->relation;
}

/* "_column_column"; NULL when memory is out. */
static const char *joined(struct lint *lint, PgQuery__Node *const *columns, size_t count)
{
    CLEANUP(str_release) struct str text = {0};
    for (size_t i = 0; i < count; i++)
        if (columns[i]->node_case == PG_QUERY__NODE__NODE_STRING)
            str_printf(&text, "_%s", columns[i]->string->sval);
    return text.failed ? NULL : arena_strndup(lint->scratch, str_text(&text), text.len);
}

/* "table_column_column_ending" as the server would name it, as SQL text; NULL when it would have to
 * cut it, or when memory is out. */
static const char *default_name(struct lint *lint, const char *columns, const char *ending)
{
    CLEANUP(str_release) struct str name = {0};
    const char *const plain =
        columns != NULL
            ? arena_printf(lint->scratch, "%s%s_%s", table_of(lint)->relname, columns, ending)
            : NULL;
    if (plain != NULL)
        tree_append_name(&name, plain);
    const bool failed = plain == NULL || name.failed;
    lint->options->mends->failed = lint->options->mends->failed || failed;
    return failed || strlen(plain) > NAME_MAX_BYTES
               ? NULL
               : arena_strndup(lint->scratch, str_text(&name), name.len);
}

static const char *quoted(struct lint *lint, const char *plain)
{
    CLEANUP(str_release) struct str name = {0};
    tree_append_name(&name, plain);
    return keep(lint, name.failed ? NULL : str_text(&name));
}

/* The column of a CHECK that names one only, by which the server names it; else NULL. */
static const PgQuery__Node *only_column(const PgQuery__Node *expression);

static const char long_name[] = "its name would be too long: give it one";

static const char of_partitioned[] = "the table is partitioned";

/* ---- what stays ---- */

void mend_leave(struct lint *lint, const struct rule *rule, const struct act *act, const char *why)
{
    (void)add(lint, rule, act->at, why);
}

/* ---- CONCURRENTLY ---- */

static const char *forbid_concurrent(const struct lint *lint, const struct act *act)
{
    const PgQuery__Node *const node = lint->tree;
    if (act->name != NULL && is_partitioned(lint, act->name))
        return of_partitioned;
    if (node->node_case != PG_QUERY__NODE__NODE_DROP_STMT)
        return NULL;
    if (node->drop_stmt->n_objects > 1)
        return "DROP INDEX CONCURRENTLY takes one index";
    return node->drop_stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE
               ? "DROP INDEX CONCURRENTLY takes no CASCADE"
               : NULL;
}

void mend_concurrently(struct lint *lint, const struct rule *rule, const struct act *act)
{
    struct mend *const mend = add(lint, rule, act->at, forbid_concurrent(lint, act));
    if (mend != NULL && mend->left == NULL)
        edit(lint, mend, object_word_end(lint), 0, " CONCURRENTLY");
}

/* ---- constraints ---- */

/* The name that the constraint has or gets, as SQL text; NULL as default_name(). */
static const char *name_of(struct lint *lint, const PgQuery__Constraint *constraint)
{
    const PgQuery__Node *column;
    if (constraint->conname[0] != '\0')
        return quoted(lint, constraint->conname);
    switch (constraint->contype) {
    case CONSTR(FOREIGN):
        return default_name(lint, joined(lint, constraint->fk_attrs, constraint->n_fk_attrs),
                            "fkey");
    case CONSTR(PRIMARY):
        return default_name(lint, "", "pkey");
    case CONSTR(UNIQUE):
        return default_name(lint, joined(lint, constraint->keys, constraint->n_keys), "key");
    default:
        column = only_column(constraint->raw_expr);
        return default_name(
            lint, column != NULL ? arena_printf(lint->scratch, "_%s", column->string->sval) : "",
            "check");
    }
}

static void add_sequel(struct lint *lint, struct mend *mend, const struct act *act,
                       const char *name)
{
    mend->table = keep(lint, act->name);
    mend->sequel = keep(lint, arena_printf(lint->scratch, "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
                                           act->name, name));
}

static const char of_column[] = "it is part of ADD COLUMN: add it to the table, behind the column";

void mend_not_valid(struct lint *lint, const struct rule *rule, const struct act *act)
{
    const PgQuery__Constraint *const constraint = lint_added_constraint(act);
    const char *const name = constraint != NULL ? name_of(lint, constraint) : NULL;
    struct mend *const mend = add(
        lint, rule, act->at,
        constraint == NULL                                                          ? of_column
        : constraint->contype == CONSTR(FOREIGN) && is_partitioned(lint, act->name) ? of_partitioned
        : name == NULL                                                              ? long_name
                                                                                    : NULL);
    if (mend == NULL || mend->left != NULL)
        return;
    if (constraint->conname[0] == '\0')
        edit(lint, mend, word_end(lint, (size_t)act->at), 0,
             arena_printf(lint->scratch, " CONSTRAINT %s", name));
    edit(lint, mend, command_end(lint, (size_t)act->at), 0, " NOT VALID");
    add_sequel(lint, mend, act, name);
}

void mend_not_null(struct lint *lint, const struct rule *rule, const struct act *act)
{
    const char *const name =
        default_name(lint, arena_printf(lint->scratch, "_%s", act->part), "set");
    const char *const column_name = quoted(lint, act->part);
    struct mend *const mend = add(lint, rule, act->at, name == NULL ? long_name : NULL);
    if (mend == NULL || mend->left != NULL)
        return;
    edit(lint, mend, (size_t)act->at, command_end(lint, (size_t)act->at) - (size_t)act->at,
         arena_printf(lint->scratch, "ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", name,
                      column_name));
    add_sequel(lint, mend, act, name);
    mend->last = keep(lint, arena_printf(lint->scratch,
                                         "ALTER TABLE %s ALTER COLUMN %s SET NOT NULL, "
                                         "DROP CONSTRAINT %s;",
                                         act->name, column_name, name));
}

/* ---- USING INDEX ---- */

static const char *forbid_index(const struct lint *lint, const struct act *act,
                                const PgQuery__Constraint *constraint)
{
    if (constraint == NULL)
        return of_column;
    if (is_partitioned(lint, act->name))
        return of_partitioned;
    if (lint->tree->alter_table_stmt->n_cmds > 1)
        return "its ALTER TABLE does more than this: give it one of its own";
    if (constraint->deferrable || constraint->nulls_not_distinct || constraint->n_including > 0 ||
        constraint->n_options > 0 || constraint->indexspace[0] != '\0')
        return "it has options that an index is not given here";
    return NULL;
}

static void append_index(struct lint *lint, const PgQuery__Constraint *constraint,
                         const char *table, const char *name, struct str *out)
{
    str_printf(out, "CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (", name, table);
    for (size_t i = 0; i < constraint->n_keys; i++) {
        str_puts(out, i > 0 ? ", " : "");
        if (constraint->keys[i]->node_case == PG_QUERY__NODE__NODE_STRING)
            tree_append_name(out, constraint->keys[i]->string->sval);
    }
    str_puts(out, ");\n");
    lint->options->mends->failed = lint->options->mends->failed || out->failed;
}

void mend_using_index(struct lint *lint, const struct rule *rule, const struct act *act)
{
    CLEANUP(str_release) struct str index = {0};
    const PgQuery__Constraint *const constraint = lint_added_constraint(act);
    const char *left = forbid_index(lint, act, constraint);
    const char *const name = left == NULL ? name_of(lint, constraint) : NULL;
    if (left == NULL && name == NULL)
        left = long_name;
    struct mend *const mend = add(lint, rule, act->at, left);
    if (mend == NULL || mend->left != NULL)
        return;
    append_index(lint, constraint, act->name, name, &index);
    edit(lint, mend, 0, 0, str_text(&index));
    edit(lint, mend, (size_t)act->at, command_end(lint, (size_t)act->at) - (size_t)act->at,
         arena_printf(lint->scratch, "ADD CONSTRAINT %s %s USING INDEX %s", name,
                      constraint->contype == CONSTR(PRIMARY) ? "PRIMARY KEY" : "UNIQUE", name));
}

/* ---- the column of a CHECK ---- */

struct columns {
    const PgQuery__Node *first;
    bool several;
};

static void note_column(struct columns *columns, const PgQuery__ColumnRef *ref)
{
    const PgQuery__Node *const last = ref->n_fields > 0 ? ref->fields[ref->n_fields - 1] : NULL;
    if (last == NULL || last->node_case != PG_QUERY__NODE__NODE_STRING)
        return;
    if (columns->first != NULL && strcmp(columns->first->string->sval, last->string->sval) != 0)
        columns->several = true;
    columns->first = last;
}

static bool find_columns(void *context, const ProtobufCMessage *message)
{
    if (message->descriptor == &pg_query__column_ref__descriptor)
        note_column(context, (const PgQuery__ColumnRef *)message);
    return tree_visit_children(message, find_columns, context);
}

static const PgQuery__Node *only_column(const PgQuery__Node *expression)
{
    struct columns columns = {0};
    if (expression != NULL)
        (void)find_columns(&columns, &expression->base);
    return columns.several ? NULL : columns.first;
}

/* ---- what comes later ---- */

static bool takes_away(const struct act *act)
{
    return act->form == form_of(FORM_DROP_TABLE) || act->form == form_of(FORM_RENAME_RELATION) ||
           act->form == form_of(FORM_RENAME_COLUMN) ||
           act->form == form_of(FORM_RENAME_CONSTRAINT) || act->form == form_of(FORM_SET_SCHEMA) ||
           act->form == form_of(FORM_ADD_PRIMARY_USING_INDEX) ||
           act->form == form_of(FORM_ADD_PRIMARY) || act->form == form_of_alter(AT(DropColumn)) ||
           act->form == form_of_alter(AT(DropConstraint)) ||
           act->form == form_of_alter(AT(DropNotNull));
}

static void leave_table(struct mends *mends, const char *table)
{
    for (size_t i = 0; i < mends->count; i++) {
        struct mend *const mend = &mends->items[i];
        if (mend->left == NULL && mend->table != NULL &&
            strcmp(own_name(mend->table), own_name(table)) == 0)
            mend->left = "a later statement drops or renames what belongs to the table";
    }
}

void mend_look_back(struct lint *lint)
{
    if (lint->options->mends == NULL)
        return;
    note_partitioned(lint);
    if (sql_starts_with(DIALECT_POSTGRES, lint->statement->text, "SET LOCAL") ||
        sql_starts_with(DIALECT_POSTGRES, lint->statement->text, "LOCK"))
        lint->options->mends->bound = lint->migration;
    for (size_t i = 0; i < lint->facts.acts.count; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        if (act->name != NULL && takes_away(act))
            leave_table(lint->options->mends, act->name);
    }
}
