/* Between the files of check/probe: statements on their way to queries. */
#ifndef PAWL_CHECK_PROBE_PARTS_H
#define PAWL_CHECK_PROBE_PARTS_H

#include <pg_query/pg_query.pb-c.h>

#include "base/str.h"
#include "check/probe/probe.h"
#include "sql/facts.h"

#define NODE(name)   PG_QUERY__NODE__NODE_##name
#define AT(name)     PG_QUERY__ALTER_TABLE_TYPE__AT_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name
#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

struct json_t; /* of jansson */

struct probed_column {
    const char *name;                   /* plain, as it is called by then */
    const char *type;                   /* SQL text; NULL: not known */
    bool not_null;                      /* its rows have no NULL */
    const char *today;                  /* the name that it has in the catalog; NULL: it is new */
    const struct migration *changed_by; /* the last that gave it values, a name or a type; NULL */
    bool retyped;                       /* its type is not the catalog's */
    bool is_key;                        /* of the primary key of today */
    bool divides;                       /* the table is partitioned by it */
    const char *unknown;                /* why its values are not known; NULL */
    const char *default_value;          /* SQL text; NULL: none */
};

/* A table as it will be by the statement at hand. */
struct probed_table {
    const char *name; /* what later statements call it, as facts have it: its name before the set */
    const char *alias;    /* the plain name that it has by then, quoted */
    const char *shown;    /* today's name with its schema, quoted; what is made: as written */
    const char *oid;      /* NULL: there is none today */
    char kind;            /* pg_class.relkind */
    bool renamed;         /* the set gives it another name */
    bool renames;         /* the set gives columns of it other names than the catalog */
    bool divided_by_more; /* it is partitioned by expressions too */
    bool gains_rules;     /* the set adds constraints or indexes to it */
    bool inherited;       /* others inherit from it; partitions are no others */
    bool has_rules;       /* or row security */
    bool has_triggers;    /* of the user's own, on rows */
    bool reaches_out;     /* a DELETE or UPDATE of it changes other tables: foreign keys */
    bool gains_key;       /* the set adds a unique key */
    const char
        *layered; /* SQL of what its rows are by then, in parentheses; NULL: those of today */
    size_t layer_count;
    size_t
        tail_bytes; /* of `layered`: what is behind its columns, where more of them may join it */
    const char *undeleted; /* the same with the rows that the migration deletes; NULL: `layered` */
    const struct migration *deleted_by;
    bool rows_change;    /* one of these layers is an UPDATE or DELETE */
    const char *unknown; /* why its rows are not known; NULL */
    struct {
        struct probed_column *items;
        size_t count, capacity;
    } columns;
};

/* A constraint added NOT VALID by the set, that a later VALIDATE is about. */
struct unproven {
    const struct probed_table *table;
    const char *name;
    struct span statement;
    size_t command; /* of the ALTER TABLE */
};

/* The same of a domain. */
struct unproven_domain {
    const char *domain, *name;
    const char *condition; /* for values that break it */
};

struct made_index {
    const char *name;           /* as written */
    const char *const *columns; /* plain names; NULL for an expression */
    size_t count;
};

struct made_enum {
    const char *name;   /* as written */
    const char *labels; /* ARRAY['a', 'b']::text[] */
};

struct probing {
    struct arena *arena;
    struct pg *pg;
    const struct probe_options *options;
    struct probes *probes;
    struct err *err;
    bool failed; /* err says why */
    struct facts_walk walk;
    struct {
        struct probed_table **items;
        size_t count, capacity;
    } tables;
    struct {
        struct unproven *items;
        size_t count, capacity;
    } unproven;
    struct {
        struct unproven_domain *items;
        size_t count, capacity;
    } unproven_domains;
    struct str dropped; /* what earlier statements take away: "class,oid,part" of pg_depend, one
                           behind another with a blank between */
    struct {
        struct made_index *items;
        size_t count, capacity;
    } indexes;
    struct {
        struct made_enum *items;
        size_t count, capacity;
    } enums;
    bool makes_code;        /* the set makes or changes functions, operators or casts, or may */
    const char *made_types; /* the set makes or renames types that are no enums; NULL: none */
    const char *unknown;    /* an earlier statement may have changed any row: which, where */
    bool makes;             /* an earlier statement has made or changed something */
    /* The statement at hand. */
    const struct probe_statement *at;
    struct span text; /* what slices are taken of: at->text, or that of an unproven constraint */
    const struct facts *facts;
    const PgQuery__Node *tree;
    int byte; /* of what is being read */
};

/* --- read.c --- */
/* A new probe at the byte at hand; NULL when memory is out. */
struct probe *probing_add(struct probing *p, enum probe_kind kind, const struct probed_table *table,
                          const char *subject);
/* One that cannot be asked. */
void probing_defer(struct probing *p, enum probe_kind kind, const struct probed_table *table,
                   const char *subject, const char *why);
/* One whose statement fails whatever the rows are. */
void probing_fail(struct probing *p, enum probe_kind kind, const struct probed_table *table,
                  const char *subject, const char *why);
/* Formats into the arena; NULL, and failed, when memory is out. */
const char *probing_text(struct probing *p, const char *format, ...) PRINTF_LIKE(2, 3);
const char *probing_keep(struct probing *p, struct str *text);
const char *probing_slice(struct probing *p, struct span span);
/* One query of catalogs, as JSON text of its first column; NULL where it has no row. */
const char *probing_ask(struct probing *p, const char *sql, const char *const *params,
                        size_t count);
/* "an earlier statement (FILE:LINE) ...", for who has to say why. */
const char *probing_here(struct probing *p);

/* --- table.c --- */
/* The table of this name; NULL, and failed, for errors alone. One that is neither there nor made
 * has `unknown`. */
struct probed_table *probing_table(struct probing *p, const PgQuery__RangeVar *range);
struct probed_table *probing_table_named(struct probing *p, const char *name, const char *alias);
struct probed_column *table_column(const struct probed_table *table, const char *name);
/* What a column of today's catalog is called by then. */
const char *column_by_then(const struct probed_table *table, const char *today);
/* What stands behind FROM. only: without those that inherit from it. */
const char *table_from(struct probing *p, const struct probed_table *table, bool only);
/* Why a probe of it has to be deferred; NULL: it need not. */
const char *table_unknown(const struct probing *p, const struct probed_table *table);
/* Appends "column" quoted. */
void append_name(struct str *out, const char *name);
void append_literal(struct str *out, const char *text);
/* "a, b" quoted, for people: "orders (a, b)" */
const char *names_list(struct probing *p, PgQuery__Node *const *nodes, size_t count);

/* A query for rows: SELECT <sample> FROM <from> AS <alias> WHERE <where>. names: columns that a
 * sample shows besides the key. */
struct name_list {
    const char **items;
    size_t count, capacity;
};
void name_list_add(struct probing *p, struct name_list *list, const char *name);
const char *rows_query(struct probing *p, const struct probed_table *table, bool only,
                       const struct name_list *names, const char *where);
/* json_build_object(...) of these, qualified by the alias. */
void append_sample(struct str *out, const struct probed_table *table, const char *alias,
                   const struct name_list *names);
/* Has the probe find the rows that the expression fails on, where they can be looked at one by one.
 */
void find_by(struct probing *p, struct probe *probe, const struct probed_table *table,
             const struct name_list *names, const char *expression);
/* What would mend the rows before the migration at hand, where it does not change these columns
 * first. */
bool is_mendable(const struct probing *p, const struct probed_table *table,
                 const struct name_list *names);
void mend_by(const struct probing *p, struct probe *probe, const struct probed_table *table,
             const struct name_list *names, const char *repair, bool incomplete);
/* The columns of the table that the expression names. */
struct name_list columns_in(struct probing *p, const struct probed_table *table,
                            const PgQuery__Node *expression);
/* Why one of these columns is not known; NULL. */
const char *columns_unknown(const struct probed_table *table, const struct name_list *names);

/* --- text.c: slices of the statement --- */
/* What is in the parentheses behind the first such word, at or behind the byte; empty: none. */
struct span text_in_parens(struct span statement, int from, const char *word);
/* From behind this word, at the depth of the byte, to one of the end words, a comma or the end. */
struct span text_after(struct span statement, int from, const char *word, const char *end_words);
/* The same through commas, from the statement's first such word. */
struct span text_after_list(struct span statement, const char *word, const char *end_words);
/* From the start of the text to one of the end words, a comma or its end. */
struct span text_until(struct span text, const char *end_words);
/* What is behind the token at the byte; behind the first "=". */
struct span text_behind_token(struct span statement, int from);
struct span text_behind_equals(struct span text);
/* The parts of a list in parentheses, without them; returns how many, at most max. */
size_t text_split_list(struct span list, struct span *parts, size_t max);
/* "a::b::c": "a::b"; empty where no cast ends it. */
struct span text_before_last_cast(struct span text);
/* The parenthesis that opens at or behind the byte. */
struct span text_parens_at(struct span statement, int from);

/* --- layers.c: what statements do to the rows of a table --- */
/* An expression in the place of a column; name NULL: none. */
struct layer_change {
    const char *name, *expression, *as;
};
/* False, and the table forgotten, where what changes it cannot be said as a query. */
bool layer_is_possible(struct probing *p, struct probed_table *table);
/* Of the rows for which the condition is true; NULL: of all. */
void layer_add(struct probing *p, struct probed_table *table, const char *alias,
               const struct layer_change *changes, size_t change_count, const char *where);
/* The same, where the statement deletes the others. */
void layer_delete(struct probing *p, struct probed_table *table, const char *alias,
                  const char *where);
void layer_add_column(struct probing *p, struct probed_table *table,
                      const PgQuery__ColumnDef *column);
void layer_drop_column(struct probing *p, struct probed_table *table, const char *name);
void layer_rename_column(struct probing *p, struct probed_table *table, const char *from,
                         const char *to);
/* The column becomes this expression. */
void layer_set_column(struct probing *p, struct probed_table *table, const char *name,
                      const char *expression, const char *type);
void layer_forget(struct probing *p, struct probed_table *table, const char *what);
/* What stands behind FROM for an index: with rows that the same transaction deletes. */
const char *table_undeleted(struct probing *p, const struct probed_table *table);

/* --- rows.c --- */
/* Whether it holds a "$1", for which a migration has no value. */
bool has_parameters(const struct probing *p);
/* What the statement at hand writes is not known from here on. */
void forget_written(struct probing *p);
/* Whether the statement at hand calls what is not the same each time, or not known. */
bool calls_volatile(struct probing *p);
/* UPDATE, DELETE, INSERT, TRUNCATE and the like. */
void probe_write(struct probing *p);

/* --- alter.c --- */
void probe_alter_table(struct probing *p, const PgQuery__AlterTableStmt *alter);
void probe_constraint(struct probing *p, struct probed_table *table,
                      const PgQuery__Constraint *constraint, const char *column);

/* --- what asks: one file a family --- */
void probe_not_null(struct probing *p, struct probed_table *table, const char *column);
void probe_check(struct probing *p, struct probed_table *table, struct span expression,
                 const PgQuery__Node *tree, bool only, const char *name);
void probe_unique(struct probing *p, struct probed_table *table, struct span list,
                  PgQuery__Node *const *elements, size_t count, struct span predicate,
                  bool nulls_equal, const char *name);
/* Keys that the catalog has, and that are made or looked at again. */
void probe_known_key(struct probing *p, struct probed_table *table, const struct json_t *key);
void probe_known_foreign(struct probing *p, struct probed_table *table, const struct json_t *key);
void probe_exclude(struct probing *p, struct probed_table *table,
                   const PgQuery__Constraint *constraint);
void probe_index(struct probing *p, const PgQuery__IndexStmt *index);
void probe_using_index(struct probing *p, struct probed_table *table,
                       const PgQuery__Constraint *constraint);
void probe_foreign(struct probing *p, struct probed_table *table,
                   const PgQuery__Constraint *constraint, const char *column);
void probe_validate(struct probing *p, struct probed_table *table, const char *name);
void probe_retype(struct probing *p, struct probed_table *table, const PgQuery__AlterTableCmd *cmd);
void probe_generated(struct probing *p, struct probed_table *table, const char *column,
                     struct span expression, const PgQuery__Node *tree);
void probe_domain(struct probing *p, const PgQuery__AlterDomainStmt *domain);
void probe_attach(struct probing *p, struct probed_table *parent, const PgQuery__PartitionCmd *cmd);
void probe_partition_of(struct probing *p, const PgQuery__CreateStmt *create);
void probe_drop(struct probing *p, const PgQuery__DropStmt *drop);
void probe_drop_column(struct probing *p, struct probed_table *table,
                       const PgQuery__AlterTableCmd *cmd);
void probe_drop_constraint(struct probing *p, struct probed_table *table, const char *name);
/* What uses the column and would not stand a new type. */
void probe_column_users(struct probing *p, struct probed_table *table, const char *column,
                        const char *subject);

#endif
