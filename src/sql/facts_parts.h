/* Between the files of sql/facts: one statement on its way. */
#ifndef PAWL_SQL_FACTS_PARTS_H
#define PAWL_SQL_FACTS_PARTS_H

#include <pg_query/pg_query.pb-c.h>

#include "sql/facts.h"
#include "sql/facts_form.h"

struct reading {
    struct arena *arena;
    struct functions *functions; /* NULL: calls are not followed */
    struct span statement;
    struct facts *facts;
    int at;                    /* byte offset of what is being read */
    const PgQuery__Node *node; /* what is being read: the statement, or a command of it */
    bool failed;               /* memory was out */
    unsigned depth;            /* in how many bodies of code it stands */
    bool defines;              /* what is being read is kept as it stands, and not run */
};

/* By the handler of its kind; NULL: it could not be read. */
void facts_of_node(struct reading *r, const PgQuery__Node *node);

/* The locks and acts of a statement with inner ones become its own and theirs; false when memory is
 * out. */
bool facts_gather(struct arena *arena, struct facts *facts);

/* What a form is about. */
struct subject {
    enum lock_object object;
    const char *name, *part; /* NULL: nothing is added */
    bool only;               /* no descent */
    bool cascade;
    bool maybe;
    bool makes; /* as in struct act */
    const char *new_name;
};

/* Adds the form's row for the subject, and the rows of its others; returns the subject's, NULL when
 * there is none or memory is out. It is valid until the next row. */
struct locked *facts_apply(struct reading *r, const struct form *form, struct subject subject);

/* What a form that locks nothing is about; the name may be NULL. */
void facts_note(struct reading *r, enum form_id form, struct subject subject);

/* The same for a relation that a statement names; nothing for NULL. */
struct locked *facts_apply_range(struct reading *r, const struct form *form,
                                 const PgQuery__RangeVar *range);

/* The first reason stands. */
void facts_unknown(struct reading *r, const char *why);

/* SQL text in the arena: of a relation, of a name in String nodes without the last `less` of them,
 * of parts that may be "". NULL when there is none. */
const char *facts_range_name(struct reading *r, const PgQuery__RangeVar *range);
const char *facts_list_name(struct reading *r, PgQuery__Node *const *parts, size_t count,
                            size_t less);
const char *facts_qualified(struct reading *r, const char *schema, const char *name);
/* "f(integer)": a function as DROP FUNCTION names it; NULL when that cannot be told. */
const char *facts_function_name(struct reading *r, const PgQuery__CreateFunctionStmt *function);
const char *facts_object_function_name(struct reading *r, const PgQuery__ObjectWithArgs *object);
/* A plain name in the arena; NULL for "". */
const char *facts_part(struct reading *r, const char *name);

/* Option (of FULL, ANALYZE, CONCURRENTLY ...) that is there and not off. */
bool facts_option(PgQuery__Node *const *options, size_t count, const char *name);

/* The composite type of CREATE TABLE OF and ALTER TABLE OF. */
void facts_table_type(struct reading *r, const PgQuery__TypeName *type);

/* ---- handlers, by node ---- */

void facts_alter_table(struct reading *r, const PgQuery__Node *node);
void facts_create_table(struct reading *r, const PgQuery__Node *node);
void facts_create_foreign_table(struct reading *r, const PgQuery__Node *node);
void facts_create_table_as(struct reading *r, const PgQuery__Node *node);
void facts_create_view(struct reading *r, const PgQuery__Node *node);
void facts_create_index(struct reading *r, const PgQuery__Node *node);
void facts_create_sequence(struct reading *r, const PgQuery__Node *node);
void facts_alter_sequence(struct reading *r, const PgQuery__Node *node);
void facts_create_trigger(struct reading *r, const PgQuery__Node *node);
void facts_create_rule(struct reading *r, const PgQuery__Node *node);
void facts_create_policy(struct reading *r, const PgQuery__Node *node);
void facts_alter_policy(struct reading *r, const PgQuery__Node *node);
void facts_create_statistics(struct reading *r, const PgQuery__Node *node);
void facts_create_publication(struct reading *r, const PgQuery__Node *node);
void facts_alter_publication(struct reading *r, const PgQuery__Node *node);
void facts_create_schema(struct reading *r, const PgQuery__Node *node);
void facts_create_function(struct reading *r, const PgQuery__Node *node);
void facts_alter_function(struct reading *r, const PgQuery__Node *node);
void facts_create_type(struct reading *r, const PgQuery__Node *node);
void facts_alter_enum(struct reading *r, const PgQuery__Node *node);
void facts_drop(struct reading *r, const PgQuery__Node *node);
void facts_truncate(struct reading *r, const PgQuery__Node *node);
void facts_rename(struct reading *r, const PgQuery__Node *node);
void facts_set_schema(struct reading *r, const PgQuery__Node *node);
void facts_owner(struct reading *r, const PgQuery__Node *node);
void facts_comment(struct reading *r, const PgQuery__Node *node);
void facts_security_label(struct reading *r, const PgQuery__Node *node);
void facts_grant(struct reading *r, const PgQuery__Node *node);
void facts_grant_role(struct reading *r, const PgQuery__Node *node);
void facts_alter_domain(struct reading *r, const PgQuery__Node *node);
void facts_reindex(struct reading *r, const PgQuery__Node *node);
void facts_refresh(struct reading *r, const PgQuery__Node *node);
void facts_cluster(struct reading *r, const PgQuery__Node *node);
void facts_vacuum(struct reading *r, const PgQuery__Node *node);
void facts_lock(struct reading *r, const PgQuery__Node *node);
void facts_set(struct reading *r, const PgQuery__Node *node);
void facts_do(struct reading *r, const PgQuery__Node *node);
void facts_call_statement(struct reading *r, const PgQuery__Node *node);

/* Queries and expressions: the relations that they read and write, the functions that they call. */
void facts_query(struct reading *r, const PgQuery__Node *node);
void facts_copy(struct reading *r, const PgQuery__Node *node);

/* Of an expression that is evaluated at once only the functions of the set that it calls; what else
 * it calls is not looked at. Nothing for NULL. */
void facts_calls(struct reading *r, const PgQuery__Node *expression);

/* True when the expression is not the same for every row, as far as is known: a volatile function,
 * or one that is not known. */
bool facts_volatile(const PgQuery__Node *expression);

/* ---- code ---- */

/* Deeper in bodies of code nothing is read. */
enum { FACTS_MAX_DEPTH = 16 };

extern const char facts_runs_code[]; /* an `unknown` */

/* Below a DO, and below CREATE FUNCTION: `as` and `language` of its options. */
struct code_body {
    const char *text; /* NULL: it has none */
    int at;           /* of its constant in the statement, or of a word before it */
    const char *language;
};
struct code_body facts_code_body(PgQuery__Node *const *options, size_t count);

/* The statements of a body in PL/pgSQL; function: NULL for a DO. False when it cannot be read. */
bool facts_plpgsql(struct reading *r, const PgQuery__CreateFunctionStmt *function,
                   const struct code_body *body);

/* The same of one in SQL. */
bool facts_sql_body(struct reading *r, const struct code_body *body);

/* One statement of a body, that is at this place. */
void facts_inner(struct reading *r, struct span text, const PgQuery__Node *node,
                 struct inner_place place);

/* The end of reading a statement: what it did itself and what its inner ones do is put together. */
void facts_settle(struct reading *r);

/* What was read as one of these becomes an inner one of the statement. */
void facts_add_inner(struct reading *r, const struct reading *inner);

/* NULL when it cannot be read; the tree is the arena's. */
const PgQuery__Node *facts_parse(struct reading *r, struct span text);

/* Reads what the functions of the set do that the call may mean; false when the set makes none. */
bool facts_call(struct reading *r, const PgQuery__FuncCall *call);

/* The foreign key of a constraint locks what it refers to. */
void facts_referenced(struct reading *r, const PgQuery__Constraint *constraint);

#endif
