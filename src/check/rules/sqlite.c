/* The rules that only SQLite needs: its few forms of ALTER TABLE, and the rebuild of a table. */
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

/* ---- what the migrations did ---- */

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The next act of this kind on the table from a place in the list on; NULL when there is none. */
static const struct lite_act *find_act(const struct lint *lint, size_t from, enum lite_kind kind,
                                       const char *table)
{
    for (size_t i = from; i < lint->lite.acts.count; i++) {
        const struct lite_act *const act = &lint->lite.acts.items[i];
        if (act->kind == kind && (table == NULL || is_same(act->table, table)))
            return act;
    }
    return NULL;
}

/* The act of the statement at hand, if it is of this kind. */
static const struct lite_act *act_at_hand(const struct lint *lint, enum lite_kind kind)
{
    const size_t count = lint->lite.acts.count;
    const struct lite_act *const last = count > 0 ? &lint->lite.acts.items[count - 1] : NULL;
    return last != NULL && last->kind == kind && last->number == lint->number &&
                   last->place.migration == lint->migration
               ? last
               : NULL;
}

/* Made before this act by the deploy, and not since dropped: nobody uses it. */
static bool is_new(const struct lint *lint, const struct lite_act *act)
{
    for (const struct lite_act *before = act; before-- > lint->lite.acts.items;) {
        if (before->kind == LITE_DROP_TABLE && is_same(before->table, act->table))
            return false;
        if (before->kind == LITE_CREATE_TABLE && is_same(before->table, act->table))
            return true;
        if (before->kind == LITE_RENAME_TABLE && is_same(before->other, act->table))
            return is_new(lint, before);
    }
    return false;
}

static bool is_contract(const struct lint *lint)
{
    return lint->migration->phase == PHASE_CONTRACT;
}

/* ---- one statement ---- */

static void look_at_added(struct lint *lint, const struct rule *rule)
{
    const struct lite_act *const act = act_at_hand(lint, LITE_ADD_COLUMN);
    if (act != NULL && act->why != NULL && !is_new(lint, act))
        lint_report(lint, rule, 0, "SQLite refuses \"%s\" where %s has rows: %s", act->other,
                    act->table, act->why);
}

static void look_at_dropped(struct lint *lint, const struct rule *rule)
{
    const struct lite_act *const act = act_at_hand(lint, LITE_DROP_COLUMN);
    if (act != NULL && !is_contract(lint) && !is_new(lint, act))
        lint_report(lint, rule, 0, "code that names \"%s\" of %s fails", act->other, act->table);
}

static void look_at_renamed_column(struct lint *lint, const struct rule *rule)
{
    const struct lite_act *const act = act_at_hand(lint, LITE_RENAME_COLUMN);
    if (act != NULL && !is_contract(lint) && !is_new(lint, act))
        lint_report(lint, rule, 0, "code that names \"%s\" of %s fails", act->other, act->table);
}

static void look_at_all_rows(struct lint *lint, const struct rule *rule)
{
    const struct lite_act *const act = act_at_hand(lint, LITE_CHANGE_ALL);
    if (act != NULL && !is_new(lint, act))
        lint_report(lint, rule, 0, "every row of %s is changed", act->table);
}

static void look_at_copy(struct lint *lint, const struct rule *rule)
{
    const struct lite_act *const act = act_at_hand(lint, LITE_COPY_BY_PLACE);
    if (act != NULL)
        lint_report(lint, rule, 0, "columns of %s are filled by their place, not by their name",
                    act->table);
}

static void look_at_vacuum(struct lint *lint, const struct rule *rule)
{
    if (act_at_hand(lint, LITE_VACUUM) != NULL)
        lint_report(lint, rule, 0, "nobody can write until the whole file is written anew");
}

static void look_at_refusal(struct lint *lint, const struct rule *rule)
{
    if (lint->lite.refusal != NULL)
        lint_report(lint, rule, lint->lite.refusal_at, "SQLite says: %s", lint->lite.refusal);
}

/* ---- the whole migration ---- */

typedef void act_test(struct lint *lint, const struct rule *rule, size_t index);

static void test_acts(struct lint *lint, const struct rule *rule, enum lite_kind kind,
                      act_test *test)
{
    for (size_t i = 0; lint->is_last && i < lint->lite.acts.count; i++)
        if (lint->lite.acts.items[i].kind == kind)
            test(lint, rule, i);
}

/* True when a later act gives the table's name to another one: it was built anew. */
static bool comes_back(const struct lint *lint, size_t index)
{
    const char *const table = lint->lite.acts.items[index].table;
    for (size_t i = index + 1; i < lint->lite.acts.count; i++)
        if (lint->lite.acts.items[i].kind == LITE_RENAME_TABLE &&
            is_same(lint->lite.acts.items[i].other, table))
            return true;
    return find_act(lint, index + 1, LITE_CREATE_TABLE, table) != NULL;
}

/* A deploy that has dropped the renamed table ends here too: its rows were moved first. */
static bool was_moved(const struct lint *lint, const struct lite_act *act)
{
    for (size_t i = 0; i < lint->lite.acts.count; i++)
        if (lint->lite.acts.items[i].kind == LITE_RENAME_TABLE &&
            is_same(lint->lite.acts.items[i].other, act->table))
            return true;
    return false;
}

static void test_drop(struct lint *lint, const struct rule *rule, size_t index)
{
    const struct lite_act *const act = &lint->lite.acts.items[index];
    if (act->place.migration->phase != PHASE_CONTRACT && !is_new(lint, act) &&
        !comes_back(lint, index) && !was_moved(lint, act))
        lint_report_spot(lint, rule, &act->place, "code that names %s fails, and its rows are gone",
                         act->table);
}

static void end_drop(struct lint *lint, const struct rule *rule)
{
    test_acts(lint, rule, LITE_DROP_TABLE, test_drop);
}

static void test_rename(struct lint *lint, const struct rule *rule, size_t index)
{
    const struct lite_act *const act = &lint->lite.acts.items[index];
    if (act->place.migration->phase != PHASE_CONTRACT && !is_new(lint, act) &&
        !comes_back(lint, index))
        lint_report_spot(lint, rule, &act->place, "code that names %s fails", act->table);
}

static void end_rename(struct lint *lint, const struct rule *rule)
{
    test_acts(lint, rule, LITE_RENAME_TABLE, test_rename);
}

static void test_order(struct lint *lint, const struct rule *rule, size_t index)
{
    const struct lite_act *const act = &lint->lite.acts.items[index];
    if (find_act(lint, index + 1, LITE_CREATE_TABLE, act->table) != NULL &&
        find_act(lint, 0, LITE_LEGACY_RENAME, NULL) == NULL &&
        (!act->ran || lite_names(&lint->lite, act->other)))
        lint_report_spot(lint, rule, &act->place,
                         "foreign keys, triggers and views that name %s name \"%s\" from now on",
                         act->table, act->other);
}

static void end_order(struct lint *lint, const struct rule *rule)
{
    test_acts(lint, rule, LITE_RENAME_TABLE, test_order);
}

static void end_lost(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->lite.lost.count; i++) {
        const struct lite_lost *const lost = &lint->lite.lost.items[i];
        if (lite_still_lost(&lint->lite, lost))
            lint_report_spot(lint, rule, &lost->place, "the %s %s of %s goes and is not made again",
                             lost->type, lost->name, lost->table);
    }
}

static void end_keys(struct lint *lint, const struct rule *rule)
{
    const struct lite_act *keys = NULL;
    for (size_t i = 0; i < lint->lite.acts.count; i++) {
        const struct lite_act *const act = &lint->lite.acts.items[i];
        if (act->place.migration != lint->migration)
            continue;
        if (act->kind == LITE_KEYS_ON)
            keys = act;
        if (act->kind == LITE_DROP_TABLE && keys != NULL) {
            lint_report_spot(lint, rule, &keys->place,
                             "rows that refer to %s would go with it: a deploy refuses the file",
                             act->table);
            return;
        }
    }
}

static const struct rule rules[] = {
    {.id = "sqlite-refuses",
     .severity = SEVERITY_ERROR,
     .engines = RULE_SQLITE,
     .title = "SQLite cannot read a statement",
     .why = "Each statement is tried on an empty database in memory. The SQLite of this machine "
            "refuses it wherever it runs, so the deploy fails; a newer SQLite may know more.",
     .fix = "Mend the statement.",
     .example_bad = "create table users (id integer primary key, name text, name text);",
     .example_good = "create table users (id integer primary key, name text);",
     .look = look_at_refusal},
    {.id = "sqlite-add-column",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_SQLITE,
     .title = "a column is added that SQLite refuses where there are rows",
     .why = "SQLite writes no row when a column is added. What would need that (NOT NULL without a "
            "default, a default that is computed, UNIQUE, STORED) it refuses, on a table with rows "
            "or on any: it works on an empty test database and fails on the real one.",
     .fix = "Add the column with a constant default, or without NOT NULL; else build the table "
            "anew and copy the rows.",
     .example_bad = "alter table users add column email text not null;",
     .example_good = "alter table users add column email text not null default '';",
     .look = look_at_added},
    {.id = "sqlite-drop-column",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_SQLITE,
     .fixer = FIXER_PHASE,
     .title = "a column of a SQLite table is dropped",
     .why = "Code that still names the column fails from that moment on, every row is written "
            "anew while nobody else can write, and what was in it is gone.",
     .fix = "First deploy code that neither reads nor writes it; then drop it in a migration with "
            "phase=contract.",
     .example_bad = "alter table users drop column nickname;",
     .example_good = "-- pawl: phase=contract\nalter table users drop column nickname;",
     .look = look_at_dropped},
    {.id = "sqlite-rename-column",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_SQLITE,
     .title = "a column of a SQLite table is renamed",
     .why = "Code that names the column fails from that moment on.",
     .fix = "Add a column of the new name, have the code write both, copy the rows, and drop the "
            "old one in a migration with phase=contract.",
     .example_bad = "alter table users rename column nick to nickname;",
     .example_good = "alter table users add column nickname text;",
     .look = look_at_renamed_column},
    {.id = "sqlite-rename-table",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_SQLITE,
     .title = "a SQLite table is renamed",
     .why = "Code that names the table fails from that moment on.",
     .fix = "Keep the name, or rename it with phase=contract when no code is left that names it; a "
            "view of the old name serves those who only read.",
     .example_bad = "alter table users rename to accounts;",
     .example_good = "-- pawl: phase=contract\nalter table users rename to accounts;",
     .behind = end_rename},
    {.id = "sqlite-drop-table",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_SQLITE,
     .fixer = FIXER_PHASE,
     .title = "a SQLite table is dropped",
     .why = "Code that names the table fails from that moment on, and its rows are gone.",
     .fix = "First deploy code that does without it; then drop it in a migration with "
            "phase=contract.",
     .example_bad = "drop table users;",
     .example_good = "create table new_users (id integer primary key);\n"
                     "insert into new_users (id) select id from users;\n"
                     "drop table users;\n"
                     "alter table new_users rename to users;",
     .behind = end_drop},
    {.id = "sqlite-rebuild-order",
     .severity = SEVERITY_WARNING,
     .engines = RULE_SQLITE,
     .title = "a table is built anew by renaming the old one first",
     .why = "SQLite follows a rename in everything that names the table: foreign keys, triggers "
            "and views then belong to the old table, and point to nothing when that is dropped. It "
            "is silent where the files show that nothing names the table.",
     .fix = "Create the new table under another name, copy the rows, drop the old table, rename "
            "the new one.",
     .example_bad = "alter table users rename to old_users;\n"
                    "create table users (id integer primary key);\n"
                    "insert into users (id) select id from old_users;\n"
                    "drop table old_users;",
     .example_good = "create table new_users (id integer primary key);\n"
                     "insert into new_users (id) select id from users;\n"
                     "drop table users;\n"
                     "alter table new_users rename to users;",
     .behind = end_order},
    {.id = "sqlite-rebuild-loses",
     .severity = SEVERITY_WARNING,
     .engines = RULE_SQLITE,
     .title = "a table is built anew without its indexes or triggers",
     .why = "DROP TABLE takes the table's indexes and triggers along. Queries that used the index "
            "read the whole table from then on, and what a UNIQUE index kept out comes in.",
     .fix = "Create them again behind the rename.",
     .example_bad = "create table users (id integer primary key, name text);\n"
                    "create index users_name on users (name);\n"
                    "create table new_users (id integer primary key, name text not null);\n"
                    "drop table users;\n"
                    "alter table new_users rename to users;",
     .example_good = "create table users (id integer primary key, name text);\n"
                     "create index users_name on users (name);\n"
                     "create table new_users (id integer primary key, name text not null);\n"
                     "drop table users;\n"
                     "alter table new_users rename to users;\n"
                     "create index users_name on users (name);",
     .behind = end_lost},
    {.id = "sqlite-keys-on-drop",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_SQLITE,
     .title = "a table is dropped while foreign keys are enforced",
     .why = "With foreign keys on, DROP TABLE deletes each row first, and with ON DELETE CASCADE "
            "the rows that refer to it, without a word. A deploy refuses such a file.",
     .fix = "Remove PRAGMA foreign_keys=ON: a deploy checks all foreign keys before it commits.",
     .example_bad = "pragma foreign_keys = on;\n"
                    "create table new_users (id integer primary key);\n"
                    "drop table users;\n"
                    "alter table new_users rename to users;",
     .example_good = "pragma foreign_keys = off;\n"
                     "create table new_users (id integer primary key);\n"
                     "drop table users;\n"
                     "alter table new_users rename to users;",
     .behind = end_keys},
    {.id = "sqlite-all-rows",
     .severity = SEVERITY_WARNING,
     .engines = RULE_SQLITE,
     .title = "an UPDATE or DELETE has no WHERE",
     .why = "It reaches every row, which may not be meant; and while a large table is written, "
            "nobody else can write to the database.",
     .fix = "Say which rows are meant; where all of them are, allow the rule in the file.",
     .example_bad = "update users set active = 0;",
     .example_good = "update users set active = 0 where active is null;",
     .look = look_at_all_rows},
    {.id = "sqlite-copy-by-place",
     .severity = SEVERITY_WARNING,
     .engines = RULE_SQLITE,
     .title = "rows of a SQLite table are copied by the place of their columns",
     .why = "The order of columns is that in which they were added, and differs between databases. "
            "SQLite takes any value in most columns: they end up in the wrong ones without a word.",
     .fix = "Name the columns, in both places.",
     .example_bad = "insert into new_users select * from users;",
     .example_good = "insert into new_users (id, name) select id, name from users;",
     .look = look_at_copy},
    {.id = "sqlite-vacuum",
     .severity = SEVERITY_WARNING,
     .engines = RULE_SQLITE,
     .title = "the whole database is written anew",
     .why = "VACUUM copies the file, which takes as much space again, and nobody can write until "
            "it is done; it waits for every reader to end, and they wait for it.",
     .fix = "Run it in a quiet hour, outside of migrations.",
     .example_bad = "vacuum;",
     .example_good = "pragma optimize;",
     .look = look_at_vacuum},
};

const struct rule_table rules_of_sqlite = {rules, COUNT_OF(rules)};
