/* sql/classify and sql/parser: what runs alone, what is refused, and what statements name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/classify.h"
#include "sql/identifier.h"
#include "sql/parser.h"

struct expectation {
    const char *text;
    enum statement_class class;
    enum alone_kind alone;
    const char *name, *relation, *label;
    bool if_exists, unparsed;
};

static struct statement_info classify(struct arena *arena, enum dialect dialect, const char *text)
{
    struct statement_info info;
    struct err err = {0};
    const struct statement statement = {.text = {text, strlen(text)}};
    assert_true(sql_classify(arena, dialect, &statement, &info, &err));
    return info;
}

static void assert_text(const char *found, const char *expected)
{
    assert_string_equal(found != NULL ? found : "(none)", expected != NULL ? expected : "(none)");
}

static void check(enum dialect dialect, const struct expectation *expectations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct expectation *expected = &expectations[i];
        struct arena arena = {0};
        const struct statement_info info = classify(&arena, dialect, expected->text);
        if (info.class != expected->class || info.alone != expected->alone)
            fail_msg("%s: class %d, alone %d", expected->text, info.class, info.alone);
        assert_text(info.name, expected->name);
        assert_text(info.relation, expected->relation);
        assert_text(info.label, expected->label);
        assert_int_equal(info.if_not_exists, expected->if_exists);
        assert_int_equal(info.why != NULL, info.class == STATEMENT_REFUSED);
        assert_non_null(info.verb);
        arena_release(&arena);
    }
}

/* The same, for statements with names, where the parser must or must not have read them. */
static void check_named(const struct expectation *expectations, size_t count)
{
    check(DIALECT_POSTGRES, expectations, count);
    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        const struct statement_info info = classify(&arena, DIALECT_POSTGRES, expectations[i].text);
        if (info.parsed == expectations[i].unparsed)
            fail_msg("%s: parsed %d", expectations[i].text, info.parsed);
        arena_release(&arena);
    }
}

#define ORDINARY     STATEMENT_ORDINARY, ALONE_OTHER, NULL, NULL, NULL, false, false
#define CLASS(class) STATEMENT_##class, ALONE_OTHER, NULL, NULL, NULL, false, false
#define BLOCK        STATEMENT_ALONE, ALONE_BLOCK, NULL, NULL, NULL, false, false
#define REPEATABLE   STATEMENT_ALONE, ALONE_REPEATABLE, NULL, NULL, NULL, false, false

static void ordinary_statements(void **state)
{
    (void)state;
    static const struct expectation expectations[] = {
        {"CREATE TABLE t (a int)", ORDINARY},
        {"CREATE INDEX concurrently_idx ON t (a)", ORDINARY},
        {"CREATE INDEX ON concurrently(a)", ORDINARY},
        {"CREATE INDEX \"concurrently\" ON t (a)", ORDINARY},
        {"DROP INDEX i", ORDINARY},
        {"REINDEX TABLE t", ORDINARY},
        {"REINDEX (VERBOSE) INDEX i", ORDINARY},
        {"REINDEX (CONCURRENTLY off) TABLE t", ORDINARY},
        {"REINDEX (TABLESPACE concurrently) TABLE t", ORDINARY},
        {"REFRESH MATERIALIZED VIEW CONCURRENTLY v", ORDINARY},
        {"CLUSTER t", ORDINARY},
        {"CLUSTER VERBOSE t USING i", ORDINARY},
        {"ALTER DATABASE d SET work_mem = '1MB'", ORDINARY},
        {"ALTER TABLE t DETACH PARTITION p", ORDINARY},
        {"ALTER TABLE t DETACH PARTITION p FINALIZE", ORDINARY},
        {"ALTER TABLE t RENAME TO concurrently_p", ORDINARY},
        {"ALTER TYPE t RENAME VALUE 'a' TO 'b'", ORDINARY},
        {"CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)", ORDINARY},
        {"CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (enabled, create_slot = 'off')",
         ORDINARY},
        {"ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)", ORDINARY},
        {"ALTER SUBSCRIPTION s DISABLE", ORDINARY},
        {"SAVEPOINT a", ORDINARY},
        {"RELEASE a", ORDINARY},
        {"ROLLBACK TO SAVEPOINT a", ORDINARY},
        {"ROLLBACK WORK TO a", ORDINARY},
        {"DISCARD TEMP", ORDINARY},
        {"PREPARE p AS SELECT 1", ORDINARY},
        {"SELECT 'pg_advisory_unlock_all()'", ORDINARY},
        {"SELECT pg_advisory_unlock(1), pg_advisory_unlock_all", ORDINARY},
        {"CREATE FUNCTION f() AS $$ SELECT pg_advisory_unlock_all() $$", ORDINARY},
        {"PRAGMA foreign_keys = on", ORDINARY},
        {"\"VACUUM\"", ORDINARY},
        {"selct", ORDINARY},
    };
    check(DIALECT_POSTGRES, expectations, COUNT_OF(expectations));
}

static void transaction_control(void **state)
{
    (void)state;
    static const struct expectation expectations[] = {
        {"begin", CLASS(BEGIN)},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE", CLASS(BEGIN)},
        {"/* a */ START -- b\n TRANSACTION", CLASS(BEGIN)},
        {"COMMIT", CLASS(COMMIT)},
        {"END TRANSACTION", CLASS(COMMIT)},
        {"COMMIT WORK AND NO CHAIN", CLASS(COMMIT)},
        {"COMMIT AND CHAIN", CLASS(REFUSED)},
        {"END WORK AND CHAIN", CLASS(REFUSED)},
        {"ROLLBACK", CLASS(REFUSED)},
        {"ROLLBACK TRANSACTION", CLASS(REFUSED)},
        {"ABORT", CLASS(REFUSED)},
        {"PREPARE TRANSACTION 'a'", CLASS(REFUSED)},
        {"COMMIT PREPARED 'a'", CLASS(REFUSED)},
        {"ROLLBACK PREPARED 'a'", CLASS(REFUSED)},
        {"DISCARD ALL", CLASS(REFUSED)},
        {"SELECT pg_advisory_unlock_all()", CLASS(REFUSED)},
        {"SELECT 1, pg_catalog.PG_advisory_unlock_all /* a */ ()", CLASS(REFUSED)},
        {"SELECT \"pg_advisory_unlock_all\"()", CLASS(REFUSED)},
        {"DO $a$ BEGIN PERFORM pg_advisory_unlock_all(); END $a$", CLASS(REFUSED)},
        {"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", CLASS(MODES)},
        {"set local transaction read write, not deferrable", CLASS(MODES)},
        {"SET TRANSACTION READ ONLY", CLASS(REFUSED)},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY", CLASS(REFUSED)},
        {"START TRANSACTION READ WRITE", CLASS(BEGIN)},
        {"SET TRANSACTION SNAPSHOT '00000003-0000001B-1'", CLASS(REFUSED)},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", ORDINARY},
        {"SET transaction_isolation = 'serializable'", ORDINARY},
    };
    check(DIALECT_POSTGRES, expectations, COUNT_OF(expectations));
}

static void isolation_levels(void **state)
{
    (void)state;
    static const struct {
        const char *text, *isolation;
    } rows[] = {
        {"BEGIN", NULL},
        {"BEGIN ISOLATION LEVEL READ UNCOMMITTED", NULL},
        {"BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE, DEFERRABLE", "SERIALIZABLE"},
        {"start transaction isolation /* a */ level repeatable read", "REPEATABLE READ"},
        {"SET TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ", "REPEATABLE READ"},
        {"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena = {0};
        assert_text(classify(&arena, DIALECT_POSTGRES, rows[i].text).isolation, rows[i].isolation);
        arena_release(&arena);
    }
}

static void blocks_that_commit(void **state)
{
    (void)state;
    static const struct expectation expectations[] = {
        {"DO $$ BEGIN UPDATE t SET a = 1; COMMIT; END $$", BLOCK},
        {"DO LANGUAGE plpgsql $b$ BEGIN commit; END $b$", BLOCK},
        {"DO $$ BEGIN LOOP COMMIT AND CHAIN; EXIT; END LOOP; END $$", BLOCK},
        {"DO $$ BEGIN IF a THEN ROLLBACK; END IF; END $$", BLOCK},
        {"DO $$ <<again>> COMMIT; $$", BLOCK},
        {"DO 'BEGIN COMMIT; END'", BLOCK},
        {"DO $$ BEGIN CREATE TEMP TABLE x (a int) ON COMMIT DROP; END $$", ORDINARY},
        {"DO $$ BEGIN RAISE NOTICE 'x; COMMIT;'; /* COMMIT; */ END $$", ORDINARY},
        {"DO $$ DECLARE commit int; BEGIN commit := 1; SELECT commit; END $$", ORDINARY},
        {"CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$", ORDINARY},
        {"CALL p(1)", STATEMENT_ORDINARY, ALONE_BLOCK, .name = NULL},
        {"DO $$ BEGIN COMMIT; PERFORM pg_advisory_unlock_all(); END $$", CLASS(REFUSED)},
    };
    check(DIALECT_POSTGRES, expectations, COUNT_OF(expectations));
}

static void statements_that_run_alone(void **state)
{
    (void)state;
    static const struct expectation expectations[] = {
        {"VACUUM", REPEATABLE},
        {"VACUUM (ANALYZE) t", REPEATABLE},
        {"CLUSTER", REPEATABLE},
        {"CLUSTER VERBOSE", REPEATABLE},
        {"CLUSTER (VERBOSE)", REPEATABLE},
        {"ALTER SYSTEM SET a = 1", REPEATABLE},
        {"ALTER DATABASE d SET TABLESPACE s", REPEATABLE},
        {"ALTER SUBSCRIPTION s REFRESH PUBLICATION", STATEMENT_ALONE, ALONE_OTHER, .name = NULL},
        {"ALTER SUBSCRIPTION s SET PUBLICATION p", STATEMENT_ALONE, ALONE_OTHER, .name = NULL},
        {"ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (refresh = true)", STATEMENT_ALONE,
         ALONE_OTHER, .name = NULL},
    };
    check(DIALECT_POSTGRES, expectations, COUNT_OF(expectations));
}

static void named_objects(void **state)
{
    (void)state;
    static const struct expectation expectations[] = {
        {"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS Users_Email ON ONLY App.Users (email)",
         STATEMENT_ALONE, ALONE_CREATE_INDEX, .name = "app.users_email", .relation = "app.users",
         .if_exists = true},
        {"create index concurrently \"I x\" on \"Order\" (a)", STATEMENT_ALONE, ALONE_CREATE_INDEX,
         .name = "\"I x\"", .relation = "\"Order\""},
        {"CREATE INDEX CONCURRENTLY ON \"order\" (a)", STATEMENT_ALONE, ALONE_CREATE_INDEX,
         .relation = "\"order\""},
        {"CREATE INDEX CONCURRENTLY U&\"d\\0061t\" ON \"plain\" (a)", STATEMENT_ALONE,
         ALONE_CREATE_INDEX, .name = "dat", .relation = "plain"},
        {"DROP INDEX CONCURRENTLY IF EXISTS app.i", STATEMENT_ALONE, ALONE_DROP_INDEX,
         .name = "app.i", .if_exists = true},
        {"REINDEX INDEX CONCURRENTLY app.i", STATEMENT_ALONE, ALONE_REINDEX, .name = "app.i"},
        {"REINDEX (VERBOSE) TABLE CONCURRENTLY t", STATEMENT_ALONE, ALONE_REINDEX, .relation = "t"},
        {"REINDEX (VERBOSE, CONCURRENTLY) TABLE t", STATEMENT_ALONE, ALONE_REINDEX,
         .relation = "t"},
        {"REINDEX (CONCURRENTLY true) INDEX i", STATEMENT_ALONE, ALONE_REINDEX, .name = "i"},
        {"REINDEX SCHEMA CONCURRENTLY app", STATEMENT_ALONE, ALONE_REINDEX, .name = "app"},
        {"REINDEX (VERBOSE) DATABASE d", STATEMENT_ALONE, ALONE_REINDEX, .name = "d"},
        {"REINDEX SYSTEM d", STATEMENT_ALONE, ALONE_REINDEX, .name = "d"},
        {"ALTER TABLE IF EXISTS ONLY app.t DETACH PARTITION app.p CONCURRENTLY", STATEMENT_ALONE,
         ALONE_DETACH_PARTITION, .name = "app.p", .relation = "app.t", .if_exists = true},
        {"CREATE DATABASE d OWNER o", STATEMENT_ALONE, ALONE_CREATE_DATABASE, .name = "d"},
        {"DROP DATABASE IF EXISTS \"D\" WITH (FORCE)", STATEMENT_ALONE, ALONE_DROP_DATABASE,
         .name = "\"D\"", .if_exists = true},
        {"CREATE TABLESPACE s LOCATION '/x'", STATEMENT_ALONE, ALONE_CREATE_TABLESPACE,
         .name = "s"},
        {"DROP TABLESPACE s", STATEMENT_ALONE, ALONE_DROP_TABLESPACE, .name = "s"},
        {"CREATE SUBSCRIPTION s CONNECTION 'a' PUBLICATION p WITH (connect = true)",
         STATEMENT_ALONE, ALONE_CREATE_SUBSCRIPTION, .name = "s"},
        {"DROP SUBSCRIPTION s", STATEMENT_ALONE, ALONE_DROP_SUBSCRIPTION, .name = "s"},
        {"ALTER TYPE app.mood ADD VALUE IF NOT EXISTS 'it''s' AFTER 'a'", STATEMENT_ORDINARY,
         ALONE_ADD_ENUM_VALUE, .name = "app.mood", .label = "it's", .if_exists = true},
        {"ALTER TYPE mood ADD VALUE E'\\x61'", STATEMENT_ORDINARY, ALONE_ADD_ENUM_VALUE,
         .name = "mood", .label = "a"},
    };
    check_named(expectations, COUNT_OF(expectations));
}

/* Syntax that the parser does not know: the words alone decide, and give what they can. */
static void unparsed_statements(void **state)
{
    (void)state;
    static const struct expectation expectations[] = {
        {"CREATE INDEX CONCURRENTLY IF NOT EXISTS \"I\" ON App.\"T\" (a) SOME NEW CLAUSE",
         STATEMENT_ALONE, ALONE_CREATE_INDEX, .name = "app.\"I\"", .relation = "app.\"T\"",
         .if_exists = true, .unparsed = true},
        {"CREATE INDEX CONCURRENTLY ON t (a) SOME NEW CLAUSE", STATEMENT_ALONE, ALONE_CREATE_INDEX,
         .relation = "t", .unparsed = true},
        {"DROP INDEX CONCURRENTLY IF EXISTS app.i SOMEHOW", STATEMENT_ALONE, ALONE_DROP_INDEX,
         .name = "app.i", .if_exists = true, .unparsed = true},
        {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY SOMEHOW", STATEMENT_ALONE,
         ALONE_DETACH_PARTITION, .name = "p", .relation = "t", .unparsed = true},
        {"ALTER TYPE mood ADD VALUE 'a''b' SOMEWHERE", STATEMENT_ORDINARY, ALONE_ADD_ENUM_VALUE,
         .name = "mood", .label = "a'b", .unparsed = true},
        {"CREATE INDEX CONCURRENTLY", STATEMENT_ALONE, ALONE_CREATE_INDEX, .unparsed = true},
        {"CREATE DATABASE", STATEMENT_ALONE, ALONE_CREATE_DATABASE, .unparsed = true},
    };
    check_named(expectations, COUNT_OF(expectations));
}

static void sqlite_statements(void **state)
{
    (void)state;
    static const struct expectation expectations[] = {
        {"CREATE TABLE t (a)", ORDINARY},
        {"VACUUM", REPEATABLE},
        {"VACUUM main INTO 'x'", REPEATABLE},
        {"BEGIN IMMEDIATE TRANSACTION", CLASS(BEGIN)},
        {"COMMIT TRANSACTION", CLASS(COMMIT)},
        {"END", CLASS(COMMIT)},
        {"ROLLBACK", CLASS(REFUSED)},
        {"ROLLBACK TRANSACTION TO SAVEPOINT a", ORDINARY},
        {"ATTACH DATABASE 'x' AS y", CLASS(REFUSED)},
        {"DETACH y", CLASS(REFUSED)},
        {"REINDEX SCHEMA", ORDINARY},
        {"SELECT pg_advisory_unlock_all()", ORDINARY},
        {"PRAGMA Foreign_Keys = OFF", STATEMENT_SESSION, ALONE_OTHER, .name = "foreign_keys",
         .label = "OFF"},
        {"PRAGMA main.journal_mode('wal')", STATEMENT_SESSION, ALONE_OTHER, .name = "journal_mode",
         .label = "wal"},
        {"PRAGMA \"synchronous\" = -1", STATEMENT_SESSION, ALONE_OTHER, .name = "synchronous",
         .label = "-1"},
        {"PRAGMA foreign_keys", STATEMENT_SESSION, ALONE_OTHER, .name = "foreign_keys"},
        {"PRAGMA foreign_key_check", ORDINARY},
        {"PRAGMA user_version = 3", ORDINARY},
        {"PRAGMA legacy_alter_table = ON", ORDINARY},
        {"PRAGMA defer_foreign_keys = ON", ORDINARY},
        {"PRAGMA", ORDINARY},
    };
    check(DIALECT_SQLITE, expectations, COUNT_OF(expectations));
}

static void verbs_are_for_people(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct statement_info info =
        classify(&arena, DIALECT_POSTGRES, "create index concurrently on t(a)");
    assert_string_equal(info.verb, "CREATE INDEX CONCURRENTLY");
    info = classify(&arena, DIALECT_POSTGRES, "select 1");
    assert_string_equal(info.verb, "statement");
    assert_false(info.parsed);
    arena_release(&arena);
}

static void labels_in_use(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool used;
    } cases[] = {
        {"ALTER TYPE m ADD VALUE 'new'", false},
        {"ALTER TYPE m ADD VALUE 'new'; SELECT 1", false},
        {"ALTER TYPE m ADD VALUE 'new'; UPDATE t SET m = 'new'", true},
        {"ALTER TYPE m ADD VALUE 'new'; SELECT 1; SELECT E'new'::m", true},
        {"ALTER TYPE m ADD VALUE 'new'; SELECT \"new\", new, 'newer', 'a new one' -- 'new'", false},
        {"ALTER TYPE m ADD VALUE 'new'; DO $$ BEGIN UPDATE t SET m = 'new'; END $$", true},
        {"ALTER TYPE m ADD VALUE 'new'; DO $$ BEGIN EXECUTE 'SELECT ''new'''; END $$", true},
        {"ALTER TYPE m ADD VALUE 'new'; SELECT '{old,new}'::m[]", true},
        {"ALTER TYPE m ADD VALUE 'new'; SELECT '{\"new\"}'::m[]", true},
        {"ALTER TYPE m ADD VALUE 'new'; SELECT '{newer,renew}'::m[]", false},
        {"UPDATE t SET m = 'new'; ALTER TYPE m ADD VALUE 'x'", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct statements statements;
        struct err err = {0};
        assert_true(sql_split(&arena, DIALECT_POSTGRES, cases[i].text, strlen(cases[i].text),
                              &statements, &err));
        if (sql_label_used(DIALECT_POSTGRES, &statements, 0, "new") != cases[i].used)
            fail_msg("%s", cases[i].text);
        arena_release(&arena);
    }
}

static void first_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
        bool starts;
    } cases[] = {
        {"create /* a */ unique\nindex i", "CREATE UNIQUE INDEX", true},
        {"create index i", "CREATE UNIQUE INDEX", false},
        {"create index i", "CREATE [UNIQUE] INDEX", true},
        {"create index i", "CREATE INDEX|TABLE", true},
        {"create indexes i", "CREATE INDEX", false},
        {"\"create\" index", "CREATE", false},
        {"create", "CREATE INDEX", false},
        {"", "CREATE", false},
        {"vacuum", "VACUUM .", true},
        {"vacuum t", "VACUUM .", false},
        {"reindex (a (b), c) table", "REINDEX [()] TABLE", true},
        {"reindex (a table", "REINDEX [()] TABLE", false},
        {"a b.c.d e", "A $name E", true},
        {"a b. e", "A $name E", false},
        {"a.b.c.d", "$name", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct span text = {cases[i].text, strlen(cases[i].text)};
        if (sql_starts_with(DIALECT_POSTGRES, text, cases[i].words) != cases[i].starts)
            fail_msg("%s: %s", cases[i].text, cases[i].words);
    }
}

static void names_are_quoted_where_needed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"users", "users"},     {"_a1", "_a1"},
        {"Users", "\"Users\""}, {"order", "\"order\""},
        {"all", "\"all\""},     {"xmltable", "\"xmltable\""},
        {"a b", "\"a b\""},     {"a\"b", "\"a\"\"b\""},
        {"1a", "\"1a\""},       {"\xc3\xa9", "\"\xc3\xa9\""},
        {"", "\"\""},           {"al", "al"},
        {"orders", "orders"},   {"json_table", "\"json_table\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str out = {0};
        identifier_append(&out, (struct span){cases[i][0], strlen(cases[i][0])});
        assert_string_equal(str_text(&out), cases[i][1]);
        str_release(&out);
    }
}

static bool readable(const struct str *text)
{
    struct tree tree;
    struct err err = {0};
    assert_true(parser_read((struct span){text->data, text->len}, &tree, &err));
    const bool read = tree.statement != NULL;
    tree_release(&tree);
    return read;
}

/* Text in front, a piece many times, text behind. */
static bool repeated_readable(const char *front, const char *piece, size_t times, const char *end)
{
    struct str text = {0};
    str_puts(&text, front);
    for (size_t i = 0; i < times; i++)
        str_puts(&text, piece);
    str_puts(&text, end);
    const bool read = readable(&text);
    str_release(&text);
    return read;
}

/* At each limit the parser stands, and past it nothing is risked. */
static void deep_statements_are_not_read(void **state)
{
    (void)state;
    assert_true(repeated_readable("SELECT 1", "+1", PARSER_MAX_OPERATORS, ""));
    assert_false(repeated_readable("SELECT 1", "+1", PARSER_MAX_OPERATORS + 1, ""));
    assert_false(repeated_readable("SELECT 1", "+1", 30000, ""));
    assert_true(repeated_readable("SELECT 1", " UNION SELECT 1", PARSER_MAX_OPERATORS, ""));
    assert_false(repeated_readable("SELECT 1", " UNION SELECT 1", PARSER_MAX_OPERATORS + 1, ""));
    assert_true(repeated_readable("SELECT ", "NOT ", PARSER_MAX_OPERATORS, "true"));
    assert_false(repeated_readable("SELECT ", "NOT ", PARSER_MAX_OPERATORS + 1, "true"));
    assert_true(repeated_readable("SELECT 1", "::int", PARSER_MAX_OPERATORS / 2, ""));
    assert_false(repeated_readable("SELECT ", "(SELECT ", PARSER_MAX_PARENTHESES, "1"));
    struct str nested = {0};
    str_puts(&nested, "SELECT ");
    for (int i = 0; i < PARSER_MAX_PARENTHESES; i++)
        str_puts(&nested, "(SELECT ");
    str_puts(&nested, "1");
    for (int i = 0; i < PARSER_MAX_PARENTHESES; i++)
        str_puts(&nested, ")");
    assert_true(readable(&nested));
    str_clear(&nested);
    for (int i = 0; i <= PARSER_MAX_PARENTHESES; i++)
        str_puts(&nested, "(");
    assert_false(readable(&nested));
    str_release(&nested);
    assert_true(repeated_readable("SELECT 1", ",1", 30000, ""));
    assert_false(repeated_readable("SELECT 1", ",1", PARSER_MAX_BYTES / 2, ""));
}

static void only_one_statement_is_read(void **state)
{
    (void)state;
    static const char *const unreadable[] = {"", "-- a", "SELECT 1; SELECT 2", "selct 1", "'a"};
    for (size_t i = 0; i < COUNT_OF(unreadable); i++) {
        struct tree tree;
        struct err err = {0};
        const struct span text = {unreadable[i], strlen(unreadable[i])};
        assert_true(parser_read(text, &tree, &err));
        assert_null(tree.statement);
        tree_release(&tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_statements),
        cmocka_unit_test(transaction_control),
        cmocka_unit_test(isolation_levels),
        cmocka_unit_test(blocks_that_commit),
        cmocka_unit_test(statements_that_run_alone),
        cmocka_unit_test(named_objects),
        cmocka_unit_test(unparsed_statements),
        cmocka_unit_test(sqlite_statements),
        cmocka_unit_test(verbs_are_for_people),
        cmocka_unit_test(labels_in_use),
        cmocka_unit_test(first_words),
        cmocka_unit_test(names_are_quoted_where_needed),
        cmocka_unit_test(deep_statements_are_not_read),
        cmocka_unit_test(only_one_statement_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
