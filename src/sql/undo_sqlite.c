/* SQLite's statements by the words they start with. Names are written as they were. */
#include <string.h>

#include "sql/match.h"
#include "sql/undo_parts.h"

/* In `sql`: %n and %m the names that `words` and `rest` have found, %r the relation, %q the schema
 * in front of it with its dot. */
struct sqlite_rule {
    const char *words, *rest; /* of sql/match.h; rest is what follows; NULL: nothing */
    const char *sql;          /* NULL: not known */
    const char *why;          /* NULL: sure; without sql as well: nothing to undo */
    enum {
        MAKES_NOTHING,
        MAKES_TABLE, /* $name */
        WRITES_ROWS, /* of $name, which may have been made here */
        FORGETS,     /* names change hands */
    } effect;
};

/* The first that matches decides. */
/* clang-format off */
static const struct sqlite_rule rules[] = {
    {"CREATE TEMP|TEMPORARY", NULL, NULL, NULL, MAKES_NOTHING},
    {"CREATE [VIRTUAL] TABLE [IF NOT EXISTS] $name", NULL, "DROP TABLE %n", NULL, MAKES_TABLE},
    {"CREATE [UNIQUE] INDEX [IF NOT EXISTS] $name ON", NULL, "DROP INDEX %n", NULL, MAKES_NOTHING},
    {"CREATE VIEW [IF NOT EXISTS] $name", NULL, "DROP VIEW %n", NULL, MAKES_NOTHING},
    {"CREATE TRIGGER [IF NOT EXISTS] $name", NULL, "DROP TRIGGER %n", NULL, MAKES_NOTHING},
    {"ALTER TABLE $relation RENAME TO $name", NULL, "ALTER TABLE %q%n RENAME TO %r", NULL, FORGETS},
    {"ALTER TABLE $relation RENAME [COLUMN] $name TO", "$name",
     "ALTER TABLE %q%r RENAME COLUMN %m TO %n", NULL, MAKES_NOTHING},
    {"ALTER TABLE $relation ADD CONSTRAINT|CHECK|PRIMARY|UNIQUE|FOREIGN", NULL, NULL,
     undo_not_known, MAKES_NOTHING},
    {"ALTER TABLE $relation ADD [COLUMN] $name", NULL, "ALTER TABLE %q%r DROP COLUMN %n", NULL,
     MAKES_NOTHING},
    {"ALTER TABLE $relation DROP", NULL, NULL, undo_dropped, MAKES_NOTHING},
    {"DROP", NULL, NULL, undo_dropped, FORGETS},
    {"INSERT|REPLACE INTO $name", NULL, NULL, undo_rows, WRITES_ROWS},
    {"INSERT OR ABORT|FAIL|IGNORE|REPLACE|ROLLBACK INTO $name", NULL, NULL, undo_rows, WRITES_ROWS},
    {"UPDATE OR ABORT|FAIL|IGNORE|REPLACE|ROLLBACK $name SET", NULL, NULL, undo_rows, WRITES_ROWS},
    {"UPDATE $name SET", NULL, NULL, undo_rows, WRITES_ROWS},
    {"DELETE FROM $name", NULL, NULL, undo_rows, WRITES_ROWS},
    {"SELECT|VALUES|ANALYZE|REINDEX|VACUUM|EXPLAIN", NULL, NULL, NULL, MAKES_NOTHING},
    {"SAVEPOINT|RELEASE", NULL, NULL, NULL, MAKES_NOTHING},
    {"ROLLBACK", NULL, NULL, undo_took_back, MAKES_NOTHING},
    {"PRAGMA", NULL, NULL, undo_value_before, MAKES_NOTHING},
};
/* clang-format on */

static void append_parts(struct str *out, const struct written_name *name, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (i > from)
            str_putc(out, '.');
        str_append(out, name->parts[i].span.at, name->parts[i].span.len);
    }
}

static void write_sql(struct str *out, const char *sql, const struct match *first,
                      const struct match *second)
{
    const struct written_name *const relation = &first->relation;
    const size_t last = relation->count > 0 ? relation->count - 1 : 0;
    for (; *sql != '\0'; sql++) {
        if (*sql != '%') {
            str_putc(out, *sql);
            continue;
        }
        switch (*++sql) {
        case 'n':
            append_parts(out, &first->name, 0, first->name.count);
            break;
        case 'm':
            append_parts(out, &second->name, 0, second->name.count);
            break;
        case 'r':
            append_parts(out, relation, last, relation->count);
            break;
        default: /* q */
            append_parts(out, relation, 0, last);
            if (last > 0)
                str_putc(out, '.');
        }
    }
}

/* True for a table that the text made itself. */
static bool has_made(struct undoing *u, const struct written_name *name)
{
    struct str text = {0};
    append_parts(&text, name, 0, name->count);
    u->failed = u->failed || text.failed;
    const bool made = undo_has_made(u, "relation", str_text(&text));
    str_release(&text);
    return made;
}

static void note_made(struct undoing *u, const struct written_name *name)
{
    struct str text = {0};
    append_parts(&text, name, 0, name->count);
    u->failed = u->failed || text.failed;
    undo_note_made(u, "relation", str_text(&text));
    str_release(&text);
}

/* In the schema "temp" a table ends with the session, by whatever words it was made. */
static bool is_temporary(const struct written_name *name)
{
    return name->count > 1 && span_is_nocase(name->parts[0].span, "temp");
}

static void apply(struct undoing *u, const struct sqlite_rule *rule, const struct match *first,
                  const struct match *second)
{
    const bool sure = rule->why == NULL && !first->if_exists;
    if ((rule->sql == NULL && rule->why == NULL) || is_temporary(&first->name))
        return;
    if (rule->effect == FORGETS)
        undo_forget_made(u);
    u->covered = rule->effect == WRITES_ROWS && has_made(u, &first->name);
    if (rule->sql != NULL)
        write_sql(&u->sql, rule->sql, first, second);
    if (!sure) {
        undo_mark(u, rule->why != NULL ? rule->why : undo_if_not_exists);
        return;
    }
    undo_sure(u);
    if (rule->effect == MAKES_TABLE)
        note_made(u, &first->name);
}

void undo_sqlite(struct undoing *u)
{
    const struct span text = u->undo->statement.text;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct lexer lexer = lexer_init(DIALECT_SQLITE, text.at, text.len);
        struct match first = {0}, second = {0};
        if (!match_pattern(&lexer, rules[i].words, &first) ||
            (rules[i].rest != NULL && !match_pattern(&lexer, rules[i].rest, &second)))
            continue;
        apply(u, &rules[i], &first, &second);
        return;
    }
    undo_mark(u, undo_not_known);
}
