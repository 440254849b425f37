/*
 * What a PostgreSQL statement does to relations: which it locks, how strongly, and whether its work
 * under those locks grows with a table.
 *
 * Read from libpg_query's tree by tables of forms (sql/facts_form.h), which a test holds against a
 * real server. Nothing is asked of a catalog here: what only the catalog knows (the table of an
 * index, the other table of a foreign key) is named by how to find it, and facts_query() is the
 * question. What is not understood says so and is never guessed: CALL, functions that are not
 * known, what the parser cannot read. Of a DO the statements of its body are read, and so are those
 * of a function or procedure that the set has made where a statement calls it; yet PL/pgSQL never
 * counts as understood: it may do more than they say, or less.
 *
 * Not listed: the indexes and TOAST tables of a relation that is listed (who locks one holds a lock
 * on its relation, REINDEX apart), catalogs, the tables beneath a view that a query reads, and what
 * runs without being called by its name: triggers, and functions in defaults of a table that
 * stands, views, policies, operators, casts and aggregates.
 */
#ifndef PAWL_SQL_FACTS_H
#define PAWL_SQL_FACTS_H

#include "base/arena.h"
#include "base/err.h"
#include "sql/classify.h"
#include "sql/functions.h"

/* PostgreSQL's eight, by its own numbers: the stronger, the higher. */
#define LOCK_MODES(X)                                                                              \
    X(NONE, "")                                                                                    \
    X(ACCESS_SHARE, "ACCESS SHARE")                                                                \
    X(ROW_SHARE, "ROW SHARE")                                                                      \
    X(ROW_EXCLUSIVE, "ROW EXCLUSIVE")                                                              \
    X(SHARE_UPDATE_EXCLUSIVE, "SHARE UPDATE EXCLUSIVE")                                            \
    X(SHARE, "SHARE")                                                                              \
    X(SHARE_ROW_EXCLUSIVE, "SHARE ROW EXCLUSIVE")                                                  \
    X(EXCLUSIVE, "EXCLUSIVE")                                                                      \
    X(ACCESS_EXCLUSIVE, "ACCESS EXCLUSIVE")

enum lock_mode {
#define X(name, text) LOCK_##name,
    LOCK_MODES(X)
#undef X
};

/* What is locked, seen from a name in the statement. Names are SQL text, qualified as written. */
#define LOCK_OBJECTS(X)                                                                            \
    X(RELATION, "relation", "the relation itself")                                                 \
    X(INDEX, "index", "the index itself")                                                          \
    X(INDEXES, "indexes", "the indexes of the table")                                              \
    X(TABLE_OF_INDEX, "table of index", "the table of the index")                                  \
    X(TABLE_OF_STATISTICS, "table of statistics", "the table of the statistics object")            \
    X(COMPOSITE, "composite type", "the composite type, where the type is one")                    \
    X(TABLES_OF_TYPE, "tables of type", "the tables with a column of the type")                    \
    X(SEQUENCES, "sequences", "the sequences that the table, or its column, owns")                 \
    X(PARENT, "parent", "what the table inherits from, or is a partition of")                      \
    X(DEFAULT_PARTITION, "default partition", "the DEFAULT partition of the table")                \
    X(DEFAULT_SIBLING, "default sibling", "the DEFAULT partition beside the partition")            \
    X(CONSTRAINT_TARGET, "constraint target", "the table that the foreign key refers to")          \
    X(CONSTRAINT_USERS, "constraint users", "the tables whose foreign keys rest on the key")       \
    X(REFERENCED, "referenced", "the tables that foreign keys of the table, or column, refer to")  \
    X(REFERENCING, "referencing", "the tables whose foreign keys refer to the table, or column")   \
    X(REFERENCING_CHAIN, "referencing chain", "the same, and those that refer to these")           \
    X(VIEWS, "views", "the views that read the relation, or its column, and those on them")        \
    X(BENEATH, "beneath", "what the view reads, and what is beneath that")                         \
    X(EXTENSION_MEMBERS, "extension members", "the relations that belong to the extension")

enum lock_object {
#define X(name, text, meaning) LOCKED_##name,
    LOCK_OBJECTS(X)
#undef X
};

/* What is done under the lock. Only the first takes the same time on a large table. */
#define LOCK_EFFECTS(X)                                                                            \
    X(CATALOG, "catalog")                                                                          \
    X(SCAN, "scan")                                                                                \
    X(BUILD, "index build")                                                                        \
    X(REWRITE, "rewrite")                                                                          \
    X(ROWS, "rows")

enum lock_effect {
#define X(name, text) EFFECT_##name,
    LOCK_EFFECTS(X)
#undef X
};

/* What code of the release before meets after it, as a set; none of them: nothing. Told of what a
 * form can do at its worst where the text does not say more. Settings, roles and the connections of
 * code are not looked at. */
#define OLD_CODE(X)                                                                                \
    X(VALUES, "values", "statements go on to work, but read or write something else")              \
    X(RESULTS, "results", "SELECT * has other columns or types: what is prepared fails once")      \
    X(CHECKS, "checks", "writes fail that do not fit what is asked of them now")                   \
    X(READERS, "readers", "statements that read it fail")                                          \
    X(WRITERS, "writers", "statements that write it fail")

enum old_code_bit {
#define X(name, text, meaning) OLD_BIT_##name,
    OLD_CODE(X)
#undef X
        OLD_BITS
};

enum {
#define X(name, text, meaning) OLD_##name = 1 << OLD_BIT_##name,
    OLD_CODE(X)
#undef X
};

/* Whether the lock reaches down from a parent, in which case it is taken one by one. */
enum lock_descent {
    DESCENT_NONE,
    DESCENT_PARTITIONS, /* to partitions of all levels, not to tables that inherit */
    DESCENT_CHILDREN,   /* to both */
};

enum lock_fate {
    FATE_STAYS,
    FATE_CREATED, /* by this statement; an index: `part` is its table */
    FATE_DROPPED,
    FATE_RENAMED, /* to new_name; SET SCHEMA too */
};

struct locked {
    enum lock_object object;
    const char *name; /* SQL text, qualified as written */
    const char *part; /* the column or constraint, a plain name; NULL: none, or all of them */
    enum lock_mode mode;
    enum lock_descent descent;
    enum lock_mode children; /* their mode, with a descent */
    enum lock_effect effect; /* on this relation */
    const char *unless;      /* when the effect is catalog work after all, for people; or NULL */
    bool maybe;              /* this mode at most: some rows, definitions or versions need it */
    enum lock_fate fate;
    const char *new_name;
    bool ours; /* facts_of_set(): created by an earlier statement, or this one, of the set */
    const char *written; /* facts_walk_next(): the name as the statement has it, where name is now
                            what it was before the walk; else NULL */
};

struct locked_list {
    struct locked *items;
    size_t count, capacity;
};

struct PgQuery__Node;

/* One thing that a statement does: a row of the forms (sql/facts_form.h), and what it is done to.
 */
struct act {
    const struct form *form;
    enum lock_object object;
    const char *name, *part; /* as in struct locked; both NULL: nothing that has a name. Of what is
                                no relation: a function has its arguments behind its name */
    const char *new_name;    /* of the part, or without one of it; NULL: it is not renamed */
    bool cascade;            /* what depends on it goes too */
    bool makes;              /* it makes the part, or without one what the name means */
    int at;                  /* byte offset in the statement of what says so */
    bool is_made;            /* facts_of_set(): the set has made it, whatever is in it now */
    bool is_part_made;       /* the same of the part */
    bool is_new;             /* facts_of_set(): the set has made it, and has put no rows into it; so
                                does IF NOT EXISTS, as far as people mean it */
    const struct PgQuery__Node *node; /* what says so: the statement, of ALTER TABLE the command;
                                         facts_of_tree() alone: it lives as long as the tree */
    struct function_place by;         /* what a function says, of which `at` is the call */
};

struct acts {
    struct act *items;
    size_t count, capacity;
};

struct facts_list {
    struct facts *items;
    size_t count, capacity;
};

/* Where a text of code stands in the statement that runs it. */
struct inner_place {
    int at;     /* byte offset of its first byte that stands there; not exact: of what holds it */
    int added;  /* so many bytes before that one stand nowhere */
    bool exact; /* else none has a place of its own */
};

/* Of a byte of that text; -1, where the parser does not know it, is the first. */
int inner_place_of(struct inner_place place, int at);

/* The `unknown` of a statement of which only a function is not known. */
extern const char facts_unknown_function[];

struct facts {
    const char *unknown; /* why the locks are not all known, a clause for messages; NULL: they
                            are. The list then holds what was understood */
    struct statement_info info; /* how it must be run */
    bool in_transaction;        /* may run in a transaction block */
    struct facts_list inner; /* the statements of a DO's body, in its order, and the functions that
                                a statement calls, each with those of its body: `locks` and `acts`
                                are theirs too, of which branches may not take any */
    struct own {
        struct locked_list locks;
        struct acts acts;
    } own;                            /* with inner ones: what the statement does itself */
    struct inner_place place;         /* of an inner one */
    struct function_place by;         /* of an inner one: the function that it stands in */
    const struct PgQuery__Node *node; /* of an inner one, as in struct act; NULL: not read */
    bool renames_all; /* what names mean changes after it: SET search_path, ALTER SCHEMA RENAME */
    struct locked_list locks; /* one row an object, name and part, in the order of the statement */
    struct acts acts;         /* in the order of the statement */
};

/* Reads one statement. functions: those that the statements before it have made, to which its own
 * are added; NULL: calls are not followed. Not to understand it is a success; errors are ERR_NOMEM
 * and a thread that cannot be made. */
bool facts_read(struct arena *arena, struct functions *functions, struct span statement,
                struct facts *ret, struct err *err) MUST_CHECK;

/* The same where the statement has been read already; tree: of sql/parser.h, NULL when it could not
 * be. Within parser_run(), as the body of a DO is read here. The error is ERR_NOMEM. */
bool facts_of_tree(struct arena *arena, struct functions *functions, struct span statement,
                   const struct PgQuery__Node *tree, struct facts *ret, struct err *err) MUST_CHECK;

/* True when understood and nothing under its locks grows with a table. A row that resolves to
 * nothing on the server (no DEFAULT partition) is no work: who has asked can count again. */
bool facts_is_short(const struct facts *facts);

/* Adds the row, or makes one for the same thing as strong. NULL when memory is out. */
struct locked *locked_add(struct arena *arena, struct locked_list *list, const struct locked *row);

struct facts_set {
    const char *unknown; /* of the first statement that was not understood */
    bool all_short;      /* understood, and no effect on a table that may have rows */
    struct locked_list locks;
};

/*
 * Several statements in order, of one migration or more: one row a relation with its strongest
 * mode, under the name that it has before the first statement runs (renames are followed), sorted
 * by object, name and part in byte order. What the statements create themselves is `ours`: nobody
 * else has locked it, and until a statement fills it an index build or a scan is no work.
 *
 * Two spellings of a name (t, public.t) are two rows: whoever locks them resolves them first. The
 * acts of each statement learn whether what they are done to is new.
 */
bool facts_of_set(struct arena *arena, struct facts *facts, size_t count, struct facts_set *ret,
                  struct err *err) MUST_CHECK;

/* What names mean, for statements that come one after another and are not kept: begin, then each in
 * turn, whose acts learn whether what they are done to is new, and whose locks get the names that
 * hold before the first statement, as facts_of_set() has them. */
struct facts_walk {
    struct arena *arena;
    struct facts_set *set;      /* of facts_of_set(); else NULL */
    struct functions functions; /* for facts_of_tree(), as long as the arena */
    struct {
        struct known_name *items;
        size_t count, capacity;
    } names;
    struct {
        struct made_part *items;
        size_t count, capacity;
    } parts;
    bool failed;
};
struct facts_walk facts_walk_begin(struct arena *arena);
bool facts_walk_next(struct facts_walk *walk, struct facts *facts, struct err *err) MUST_CHECK;

/* "ACCESS EXCLUSIVE"; "constraint target"; "index build". */
const char *lock_mode_name(enum lock_mode mode);
const char *lock_object_name(enum lock_object object);
const char *lock_effect_name(enum lock_effect effect);
const char *old_code_name(enum old_code_bit bit); /* "values" */

/* The query that finds what is locked: $1 is the name, $2 the part, both text; one row each with
 * the relation's oid, none where there is no such object. Needs no more than reading catalogs. */
const char *lock_object_query(enum lock_object object);

#endif
