/*
 * What SQLite statements do, by their words, and what SQLite itself says of them: each is tried on
 * an empty database in memory (db/sqlite.h), which has what the migrations under review have made.
 *
 * Words are known also of a table that stood before the review, of which SQLite can say nothing.
 */
#ifndef PAWL_CHECK_LITE_H
#define PAWL_CHECK_LITE_H

#include "check/made.h"
#include "db/sqlite.h"
#include "sql/classify.h"

enum lite_kind {
    LITE_CREATE_TABLE,
    LITE_DROP_TABLE,
    LITE_RENAME_TABLE, /* other: the new name */
    LITE_ADD_COLUMN,   /* other: the column */
    LITE_DROP_COLUMN,
    LITE_RENAME_COLUMN,
    LITE_CHANGE_ALL,    /* UPDATE or DELETE without WHERE */
    LITE_COPY_BY_PLACE, /* INSERT without columns from SELECT * */
    LITE_VACUUM,
    LITE_LEGACY_RENAME, /* PRAGMA legacy_alter_table: names elsewhere do not follow a rename */
    LITE_KEYS_ON,       /* PRAGMA foreign_keys that says on */
};

struct lite_act {
    enum lite_kind kind;
    const char *table, *other; /* plain and in lower case, without a schema; NULL: none */
    const char *why; /* LITE_ADD_COLUMN: SQLite refuses it where the table has rows; or NULL */
    bool ran;        /* on the empty database */
    size_t number;   /* of the statement in its migration, from 0 */
    struct lint_spot place;
};

/* An index or a trigger that went with its table. */
struct lite_lost {
    const char *type, *name, *table;
    struct lint_spot place; /* of the DROP TABLE */
};

struct lite {
    struct arena *arena;   /* lives as long as the review */
    struct sqlite *sqlite; /* NULL: the library is not there */
    bool failed;           /* memory was out in a question */
    const char *refusal;   /* what SQLite says against the statement at hand, wherever it runs */
    int refusal_at;
    struct {
        struct lite_act *items;
        size_t count, capacity;
    } acts; /* of the migrations that are one deploy */
    struct {
        struct lite_lost *items;
        size_t count, capacity;
    } lost; /* in the migration at hand */
};

/* Without the library nothing is tried. Errors are ERR_NOMEM. */
bool lite_begin(struct lite *lite, struct arena *arena, struct err *err) MUST_CHECK;
void lite_end(struct lite *lite);

/* Before the first statement of a migration. */
void lite_migration(struct lite *lite, bool forget_acts);

/* Adds its acts and says what SQLite refuses. `at`: the place of its first byte. */
bool lite_statement(struct lite *lite, const struct lint_spot *at, size_t number,
                    const struct statement_info *info, struct err *err) MUST_CHECK;

/* True when something in the empty database still names this table, which was given its name by a
 * rename. */
bool lite_names(struct lite *lite, const char *table);

/* True when it is not there again, but its table is. */
bool lite_still_lost(struct lite *lite, const struct lite_lost *lost);

#endif
