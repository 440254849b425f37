/* Pending statements one after another: what each would fail on, and what it makes of the rows for
 * those that follow. */
#include "check/probe/probe.h"

#include <stdarg.h>
#include <string.h>

#include "base/fs.h"
#include "check/place.h"
#include "check/probe/parts.h"
#include "sql/facts_form.h"
#include "sql/parser.h"
#include "sql/tree_name.h"

/* ---- what the other files need ---- */

const char *probing_text(struct probing *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *const text = arena_vprintf(p->arena, format, args);
    va_end(args);
    if (text == NULL)
        p->failed = !err_nomem(p->err);
    return text;
}

const char *probing_keep(struct probing *p, struct str *text)
{
    const char *const kept =
        text->failed ? NULL : arena_strndup(p->arena, str_text(text), text->len);
    if (kept == NULL)
        p->failed = !err_nomem(p->err);
    str_release(text);
    return kept;
}

const char *probing_here(struct probing *p)
{
    return probing_text(p, "%s:%d", p->at->migration->path, p->at->line);
}

/* The search_path of migrations; as to rows that a policy hides, better an error. */
static bool begin(struct probing *p)
{
    const char *const path = p->options->search_path;
    return pg_exec(p->pg, "BEGIN READ ONLY", p->err) &&
           pg_query(p->pg, p->arena,
                    "SELECT pg_catalog.set_config('statement_timeout', '10s', true),"
                    " pg_catalog.set_config('lock_timeout', '1s', true)",
                    NULL, 0, NULL, p->err) &&
           (path == NULL ||
            pg_query(p->pg, p->arena, "SELECT pg_catalog.set_config('search_path', $1, true)",
                     &path, 1, NULL, p->err));
}

/* A name that is none is an answer; these classes of SQLSTATEs say that there was none: cancelled,
 * locked, out of something, a name that is not in the client's encoding. */
static bool is_unanswered(const char *sqlstate)
{
    static const char *const classes[] = {"57", "55", "40", "53", "22021"};
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0)
            return true;
    return false;
}

/* What would have been asked by it must not pass for fine. */
static void note_unanswered(struct probing *p, const char *message)
{
    struct probe *const probe =
        probing_add(p, PROBE_EVALUATE, &(struct probed_table){.shown = ""}, "the catalog");
    if (probe != NULL)
        probe->why = probing_text(p, "it cannot be read: %s", message);
}

/* A question that the server refuses has no answer: the transaction is begun anew. */
const char *probing_ask(struct probing *p, const char *sql, const char *const *params, size_t count)
{
    CLEANUP(err_release) struct err refused = {0};
    struct rows rows;
    if (p->failed)
        return NULL;
    if (pg_query(p->pg, p->arena, sql, params, count, &rows, &refused))
        return rows.count > 0 ? rows_get(&rows, 0, 0) : NULL;
    if (refused.code != ERR_FAILED) {
        *p->err = refused;
        refused = (struct err){0};
        p->failed = true;
        return NULL;
    }
    if (is_unanswered(refused.sqlstate))
        note_unanswered(p, refused.message);
    p->failed = p->failed || !pg_exec(p->pg, "ROLLBACK", p->err) || !begin(p);
    return NULL;
}

/* The line that the byte is on. */
static const char *excerpt(struct probing *p, const char *byte)
{
    size_t len;
    const char *const line = place_line(p->at->migration, byte, &len);
    return len > 0 ? probing_text(p, "%.*s", (int)len, line) : NULL;
}

/* Line and column of the byte at hand, from those of the statement. */
static void locate(const struct probing *p, int *ret_line, int *ret_column)
{
    int line = 1, column = 1;
    sql_position(p->at->text.at, (size_t)p->byte, &line, &column);
    *ret_line = p->at->line + line - 1;
    *ret_column = line > 1 ? column : p->at->column + column - 1;
}

struct probe *probing_add(struct probing *p, enum probe_kind kind, const struct probed_table *table,
                          const char *subject)
{
    struct probe *const probe = p->failed ? NULL : arena_push(p->arena, p->probes);
    if (probe == NULL) {
        p->failed = p->failed || !err_nomem(p->err);
        return NULL;
    }
    *probe = (struct probe){.kind = kind,
                            .migration = p->at->migration,
                            .subject = subject,
                            .relation = table->shown,
                            .verdict = PROBE_NOT_ASKED};
    probe->layered = table->rows_change ? table->layered : NULL;
    probe->settled = !p->makes_code && p->made_types == NULL;
    probe->columns_settled = probe->settled && !table->renames;
    locate(p, &probe->line, &probe->column);
    probe->excerpt = excerpt(p, p->at->text.at + p->byte);
    return probe;
}

void probing_defer(struct probing *p, enum probe_kind kind, const struct probed_table *table,
                   const char *subject, const char *why)
{
    struct probe *const probe = probing_add(p, kind, table, subject);
    if (probe == NULL)
        return;
    probe->verdict = PROBE_DEFERRED;
    probe->why = why;
}

void probing_fail(struct probing *p, enum probe_kind kind, const struct probed_table *table,
                  const char *subject, const char *why)
{
    struct probe *const probe = probing_add(p, kind, table, subject);
    if (probe == NULL)
        return;
    probe->verdict = PROBE_VIOLATED;
    probe->exact = true;
    probe->why = why;
}

/* ---- other statements ---- */

static void rename(struct probing *p, const PgQuery__RenameStmt *statement)
{
    if (statement->rename_type == OBJECT(TYPE) || statement->rename_type == OBJECT(DOMAIN))
        p->made_types = "an earlier statement renames a type";
    if (statement->rename_type == OBJECT(TABLE)) {
        struct probed_table *const renamed = probing_table(p, statement->relation);
        if (renamed != NULL)
            renamed->renamed = true;
    }
    if (statement->rename_type != OBJECT(COLUMN) || statement->relation_type != OBJECT(TABLE))
        return;
    struct probed_table *const table = probing_table(p, statement->relation);
    if (table != NULL)
        layer_rename_column(p, table, statement->subname, statement->newname);
}

static void create_enum(struct probing *p, const PgQuery__CreateEnumStmt *statement)
{
    struct str name = {0}, labels = {0};
    tree_append_list(&name, statement->type_name, statement->n_type_name);
    str_puts(&labels, "ARRAY[");
    for (size_t i = 0; i < statement->n_vals; i++) {
        if (statement->vals[i]->node_case != NODE(STRING))
            continue;
        str_puts(&labels, i > 0 ? ", " : "");
        append_literal(&labels, statement->vals[i]->string->sval);
    }
    str_puts(&labels, "]::pg_catalog.text[]");
    const struct made_enum made = {probing_keep(p, &name), probing_keep(p, &labels)};
    struct made_enum *const item = arena_push(p->arena, &p->enums);
    if (item == NULL)
        p->failed = !err_nomem(p->err);
    else
        *item = made;
}

static void create_table(struct probing *p, const PgQuery__CreateStmt *create)
{
    if (create->partbound != NULL)
        probe_partition_of(p, create);
}

/* A table made of a query has rows that nobody knows yet. */
static void create_table_as(struct probing *p, const PgQuery__CreateTableAsStmt *create)
{
    struct probed_table *const table =
        create->into != NULL ? probing_table(p, create->into->rel) : NULL;
    if (table != NULL)
        layer_forget(p, table, "an earlier statement fills it");
}

static void look_at_tree(struct probing *p)
{
    switch (p->tree->node_case) {
    case NODE(ALTER_TABLE_STMT):
        probe_alter_table(p, p->tree->alter_table_stmt);
        return;
    case NODE(INDEX_STMT):
        probe_index(p, p->tree->index_stmt);
        return;
    case NODE(ALTER_DOMAIN_STMT):
        probe_domain(p, p->tree->alter_domain_stmt);
        return;
    case NODE(DROP_STMT):
        probe_drop(p, p->tree->drop_stmt);
        return;
    case NODE(RENAME_STMT):
        rename(p, p->tree->rename_stmt);
        return;
    case NODE(CREATE_ENUM_STMT):
        create_enum(p, p->tree->create_enum_stmt);
        return;
    case NODE(CREATE_DOMAIN_STMT):
    case NODE(COMPOSITE_TYPE_STMT):
    case NODE(CREATE_RANGE_STMT):
    case NODE(DEFINE_STMT):
        p->made_types = "an earlier statement makes a type";
        return;
    case NODE(CREATE_STMT):
        create_table(p, p->tree->create_stmt);
        return;
    case NODE(CREATE_TABLE_AS_STMT):
        create_table_as(p, p->tree->create_table_as_stmt);
        return;
    default:
        probe_write(p);
        return;
    }
}

/* ---- one after another ---- */

static bool is_only_read(const PgQuery__Node *tree)
{
    return tree->node_case == NODE(VARIABLE_SET_STMT) ||
           tree->node_case == NODE(TRANSACTION_STMT) || tree->node_case == NODE(COMMENT_STMT);
}

/* An ordinary statement of which nothing is unknown but what a function does that the catalog says
 * changes nothing. */
static bool calls_only_what_computes(struct probing *p)
{
    static const PgQuery__Node__NodeCase ordinary[] = {
        NODE(ALTER_TABLE_STMT), NODE(ALTER_DOMAIN_STMT), NODE(INDEX_STMT),  NODE(CREATE_STMT),
        NODE(SELECT_STMT),      NODE(UPDATE_STMT),       NODE(DELETE_STMT), NODE(INSERT_STMT),
    };
    bool is_ordinary = false;
    for (size_t i = 0; p->tree != NULL && i < COUNT_OF(ordinary); i++)
        is_ordinary = is_ordinary || p->tree->node_case == ordinary[i];
    return is_ordinary && p->facts->unknown == facts_unknown_function && !calls_volatile(p);
}

/* What an expression may use is not changed by these. */
static bool leaves_code(const PgQuery__Node *tree)
{
    static const PgQuery__Node__NodeCase plain[] = {
        NODE(ALTER_TABLE_STMT),     NODE(ALTER_DOMAIN_STMT), NODE(INDEX_STMT),
        NODE(CREATE_STMT),          NODE(SELECT_STMT),       NODE(UPDATE_STMT),
        NODE(DELETE_STMT),          NODE(INSERT_STMT),       NODE(TRUNCATE_STMT),
        NODE(CREATE_TABLE_AS_STMT), NODE(VIEW_STMT),         NODE(GRANT_STMT),
        NODE(CREATE_TRIG_STMT),     NODE(CREATE_SEQ_STMT),   NODE(ALTER_SEQ_STMT),
        NODE(REINDEX_STMT),
    };
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        if (tree->node_case == plain[i])
            return true;
    return is_only_read(tree) || (tree->node_case == NODE(RENAME_STMT) &&
                                  (tree->rename_stmt->rename_type == OBJECT(TABLE) ||
                                   tree->rename_stmt->rename_type == OBJECT(COLUMN) ||
                                   tree->rename_stmt->rename_type == OBJECT(TABCONSTRAINT) ||
                                   tree->rename_stmt->rename_type == OBJECT(INDEX)));
}

static void look_at(struct probing *p, const struct facts *facts, const PgQuery__Node *tree)
{
    p->facts = facts;
    p->tree = tree;
    p->byte = 0;
    p->text = p->at->text;
    const bool has_bounds = tree != NULL && has_parameters(p);
    if (has_bounds && p->at->migration->kind == KIND_BACKFILL)
        forget_written(p);
    else if (has_bounds)
        probing_fail(p, PROBE_EVALUATE, &(struct probed_table){.shown = ""}, "a parameter",
                     "a statement of a migration has no parameters: $1 stands for nothing");
    else if (tree != NULL)
        look_at_tree(p);
    if (facts->unknown != NULL && p->unknown == NULL && !calls_only_what_computes(p))
        p->unknown = probing_text(p, "an earlier statement may do anything (%s): %s",
                                  probing_here(p), facts->unknown);
    p->makes_code = p->makes_code || tree == NULL || !leaves_code(tree);
    p->makes = p->makes || tree == NULL || !is_only_read(tree);
    if (facts->renames_all && p->unknown == NULL)
        p->unknown =
            probing_text(p, "an earlier statement changes what names mean (%s)", probing_here(p));
}

static bool read_one(struct probing *p)
{
    struct tree tree = {0};
    struct facts facts;
    const bool read = parser_read_here(p->at->text, &tree, p->err) &&
                      facts_of_tree(p->arena, NULL, p->at->text, tree.statement, &facts, p->err) &&
                      facts_walk_next(&p->walk, &facts, p->err);
    p->failed = !read;
    if (read)
        look_at(p, &facts, tree.statement);
    tree_release(&tree);
    return !p->failed;
}

struct reading_work {
    struct probing *probing;
    const struct probe_statement *statements;
    size_t count;
};

static void read_all(void *context)
{
    struct reading_work *const work = context;
    struct probing *const p = work->probing;
    p->walk = facts_walk_begin(p->arena);
    for (size_t i = 0; !p->failed && i < work->count; i++) {
        p->at = &work->statements[i];
        (void)read_one(p);
    }
}

bool probe_read(struct arena *arena, struct pg *pg, const struct probe_options *options,
                const struct probe_statement *statements, size_t count, struct probes *ret,
                struct err *err)
{
    struct probing p = {.arena = arena, .pg = pg, .options = options, .probes = ret, .err = err};
    struct reading_work work = {&p, statements, count};
    CLEANUP(err_release) struct err ignored = {0};
    *ret = (struct probes){0};
    if (!begin(&p))
        return false;
    if (!parser_run(read_all, &work, err))
        p.failed = true;
    str_release(&p.dropped);
    if (p.failed && !pg_lost(pg))
        (void)!pg_exec(pg, "ROLLBACK", &ignored);
    return !p.failed && pg_exec(pg, "ROLLBACK", err);
}
