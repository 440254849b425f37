/* sql/facts: what statements lock, names that are followed, and what is not understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/facts.h"
#include "sql/parser.h"
#include "sql/split.h"

enum { MAX_STATEMENTS = 16 };

struct subject {
    struct arena arena;
    struct facts facts[MAX_STATEMENTS];
    size_t count;
    struct facts_set set;
};

static struct subject read_text(const char *text)
{
    struct subject s = {0};
    struct err err = {0};
    struct statements statements = {0};
    struct functions functions = {.arena = &s.arena};
    assert_true(sql_split(&s.arena, DIALECT_POSTGRES, text, strlen(text), &statements, &err));
    assert_true(statements.count <= MAX_STATEMENTS);
    for (size_t i = 0; i < statements.count; i++)
        assert_true(facts_read(&s.arena, &functions, statements.items[i].text, &s.facts[i], &err));
    s.count = statements.count;
    assert_true(facts_of_set(&s.arena, s.facts, s.count, &s.set, &err));
    return s;
}

/* "relation orders=ACCESS EXCLUSIVE ours; ..." in the order of the list. */
static void describe(const struct locked_list *locks, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < locks->count && used < size; i++) {
        const struct locked *const row = &locks->items[i];
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s %s%s%s=%s%s%s", i > 0 ? "; " : "",
                             lock_object_name(row->object), row->name, row->part != NULL ? "." : "",
                             row->part != NULL ? row->part : "", lock_mode_name(row->mode),
                             row->maybe ? " maybe" : "", row->ours ? " ours" : "");
    }
}

static void check_statement(const char *text, const char *expected)
{
    char found[2000];
    struct subject s = read_text(text);
    assert_int_equal(s.count, 1);
    describe(&s.facts[0].locks, found, sizeof found);
    if (strcmp(found, expected) != 0)
        fail_msg("%s\nfound    %s\nexpected %s", text, found, expected);
    assert_null(s.facts[0].unknown);
    arena_release(&s.arena);
}

static void check_set(const char *text, const char *expected, bool all_short)
{
    char found[2000];
    struct subject s = read_text(text);
    describe(&s.set.locks, found, sizeof found);
    if (strcmp(found, expected) != 0)
        fail_msg("%s\nfound    %s\nexpected %s", text, found, expected);
    if (s.set.all_short != all_short)
        fail_msg("%s: short is %d", text, s.set.all_short);
    arena_release(&s.arena);
}

static void test_names(void **state)
{
    (void)state;
    check_statement("ALTER TABLE \"Big\".\"a b\" ADD COLUMN c int",
                    "relation \"Big\".\"a b\"=ACCESS EXCLUSIVE");
    check_statement("DROP INDEX app.i",
                    "table of index app.i=ACCESS EXCLUSIVE; index app.i=ACCESS EXCLUSIVE");
    check_statement("CREATE INDEX \"I\" ON app.t(a)",
                    "relation app.t=SHARE; index app.\"I\".app.t=ACCESS EXCLUSIVE");
    check_statement("ALTER TABLE t DROP CONSTRAINT \"C\"",
                    "constraint target t.C=ACCESS EXCLUSIVE; relation t=ACCESS EXCLUSIVE");
    check_statement("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES app.b(id)",
                    "relation a=SHARE ROW EXCLUSIVE; relation app.b=SHARE ROW EXCLUSIVE");
    check_statement("DROP TRIGGER t ON app.a", "relation app.a=ACCESS EXCLUSIVE");
    check_statement("COMMENT ON COLUMN app.a.b IS 'x'", "relation app.a=SHARE UPDATE EXCLUSIVE");
    check_statement("CREATE SEQUENCE s OWNED BY app.a.b",
                    "relation s=ACCESS EXCLUSIVE ours; relation app.a=ACCESS SHARE");
    check_statement("SELECT nextval('app.\"S\"'::regclass)",
                    "relation app.\"S\"=ROW EXCLUSIVE maybe");
    check_statement("GRANT SELECT ON t TO PUBLIC", "relation t=ACCESS SHARE maybe");
}

/* The strongest lock of all sub-commands, also on those below. */
static void test_combined(void **state)
{
    (void)state;
    struct subject s =
        read_text("ALTER TABLE t ALTER a SET STATISTICS 5, SET (user_catalog_table = true)");
    assert_int_equal(s.facts[0].locks.count, 1);
    assert_int_equal(s.facts[0].locks.items[0].mode, LOCK_ACCESS_EXCLUSIVE);
    assert_int_equal(s.facts[0].locks.items[0].children, LOCK_ACCESS_EXCLUSIVE);
    assert_int_equal(s.facts[0].locks.items[0].descent, DESCENT_CHILDREN);
    arena_release(&s.arena);

    s = read_text("ALTER TABLE ONLY t ALTER a SET DEFAULT 5");
    assert_int_equal(s.facts[0].locks.items[0].descent, DESCENT_NONE);
    assert_int_equal(s.facts[0].locks.items[0].children, LOCK_NONE);
    arena_release(&s.arena);
}

static void test_short(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_short;
    } rows[] = {
        {"ALTER TABLE t ADD COLUMN a int DEFAULT 1", true},
        {"ALTER TABLE t ADD COLUMN a int DEFAULT random() * 6", false},
        {"ALTER TABLE t ADD COLUMN a text DEFAULT lower('A')", true},
        {"ALTER TABLE t ADD COLUMN a text DEFAULT other.lower('A')", false},
        {"ALTER TABLE t ADD COLUMN a text DEFAULT pg_catalog.lower('A')", true},
        {"ALTER TABLE t ADD COLUMN a app.colour", false},
        {"ALTER TABLE t ADD COLUMN a serial", false},
        {"ALTER TABLE t ADD CHECK (a > 0) NOT VALID", true},
        {"ALTER TABLE t ADD CHECK (a > 0)", false},
        {"ALTER TABLE t ADD UNIQUE USING INDEX i", true},
        {"CREATE TABLE t(a int PRIMARY KEY REFERENCES b)", true},
        {"CREATE INDEX i ON t(a)", false},
        {"UPDATE t SET a = 1", false},
        {"SET search_path = a", true},
        {"BEGIN", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct subject s = read_text(rows[i].text);
        if (facts_is_short(&s.facts[0]) != rows[i].is_short)
            fail_msg("%s", rows[i].text);
        arena_release(&s.arena);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "DO $$ BEGIN END $$",
        "CALL p()",
        "SELECT app.now()",
        "SELECT my_function(1)",
        "INSERT INTO t SELECT my_function(a) FROM b",
        "SELECT setval(pg_get_serial_sequence('t', 'id'), 1)",
        "ALTER TABLE t ADD COLUMN a int DEFAULT my_function()",
        "DROP TYPE mood CASCADE",
        "DROP SCHEMA app CASCADE",
        "DROP FUNCTION f() CASCADE",
        "ALTER EXTENSION hstore UPDATE",
        "VACUUM",
        "REINDEX SCHEMA app",
        "CREATE SCHEMA app CREATE TABLE t(a int)",
        "not a statement at all",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct subject s = read_text(texts[i]);
        if (s.facts[0].unknown == NULL || s.set.unknown == NULL || s.set.all_short ||
            facts_is_short(&s.facts[0]))
            fail_msg("%s", texts[i]);
        arena_release(&s.arena);
    }
}

static void test_transaction(void **state)
{
    (void)state;
    struct subject s =
        read_text("CREATE INDEX CONCURRENTLY i ON t(a); VACUUM t; CREATE TABLE u();");
    assert_false(s.facts[0].in_transaction);
    assert_false(s.facts[1].in_transaction);
    assert_true(s.facts[2].in_transaction);
    arena_release(&s.arena);
}

/* What the set makes is ours, and nothing is long on it while it is empty. */
static void test_set_ours(void **state)
{
    (void)state;
    check_set("CREATE TABLE t(id int); CREATE INDEX i ON t(id); ALTER TABLE t ADD CHECK (id > 0);"
              "ALTER TABLE u ADD COLUMN t int REFERENCES t;",
              "relation t=ACCESS EXCLUSIVE ours; relation u=ACCESS EXCLUSIVE", true);
    check_set("CREATE TABLE t(id int); INSERT INTO t VALUES (1); CREATE INDEX i ON t(id);",
              "relation t=ACCESS EXCLUSIVE ours; sequences t=ROW EXCLUSIVE maybe ours; "
              "referenced t=ROW SHARE maybe ours",
              false);
    check_set("CREATE TABLE t AS SELECT 1; CREATE INDEX i ON t(id);",
              "relation t=ACCESS EXCLUSIVE ours", false);
    check_set("CREATE TABLE IF NOT EXISTS t(id int); CREATE INDEX i ON t(id);",
              "relation t=ACCESS EXCLUSIVE maybe", false);
    check_set("CREATE TABLE t(id int REFERENCES t); CREATE TABLE u(t int REFERENCES t)",
              "relation t=ACCESS EXCLUSIVE ours; relation u=ACCESS EXCLUSIVE ours", true);
    check_set("DROP TABLE t; CREATE TABLE t(id int); CREATE INDEX i ON t(id)",
              "relation t=ACCESS EXCLUSIVE; relation t=ACCESS EXCLUSIVE ours; "
              "sequences t=ACCESS EXCLUSIVE; parent t=ACCESS EXCLUSIVE; "
              "default sibling t=ACCESS EXCLUSIVE; referenced t=ACCESS EXCLUSIVE",
              true);
    check_set("ALTER TABLE t RENAME TO old; CREATE TABLE t(id int); CREATE INDEX i ON old(id);"
              "REINDEX INDEX i",
              "relation t=ACCESS EXCLUSIVE; relation t=ACCESS EXCLUSIVE ours; "
              "index i=ACCESS EXCLUSIVE ours",
              false);
    check_set("CREATE TABLE t(id int); CREATE INDEX i ON t(id); DROP INDEX i",
              "relation t=ACCESS EXCLUSIVE ours; index i=ACCESS EXCLUSIVE ours", true);
    check_set("CREATE INDEX i ON t(id); ALTER INDEX i RENAME TO j; DROP INDEX j",
              "relation t=ACCESS EXCLUSIVE; index i=ACCESS EXCLUSIVE ours", false);
}

static void test_set_renames(void **state)
{
    (void)state;
    check_set("ALTER TABLE a RENAME TO b; ALTER TABLE b ADD COLUMN c int;"
              "LOCK TABLE b IN SHARE MODE",
              "relation a=ACCESS EXCLUSIVE", true);
    check_set("ALTER TABLE a RENAME TO x; ALTER TABLE b RENAME TO a; ALTER TABLE x RENAME TO b;"
              "COMMENT ON TABLE a IS 'was b'; DROP VIEW a",
              "relation a=ACCESS EXCLUSIVE; relation b=ACCESS EXCLUSIVE", true);
    check_set("ALTER TABLE a SET SCHEMA app; COMMENT ON TABLE app.a IS 'x'",
              "relation a=ACCESS EXCLUSIVE; sequences a=ACCESS EXCLUSIVE", true);
    check_set("ALTER TABLE app.a RENAME TO b; CREATE INDEX i ON app.b(c); DROP INDEX app.i",
              "relation app.a=ACCESS EXCLUSIVE; index app.i=ACCESS EXCLUSIVE ours", false);
    check_set("ALTER TABLE t RENAME TO old; CREATE TABLE t(id int); CREATE INDEX i ON t(id);"
              "COMMENT ON TABLE old IS 'x'",
              "relation t=ACCESS EXCLUSIVE; relation t=ACCESS EXCLUSIVE ours", true);
    check_set("COMMENT ON TABLE t IS 'x'; SET search_path = app; COMMENT ON TABLE t IS 'x'",
              "relation t=SHARE UPDATE EXCLUSIVE", false);
    check_set("COMMENT ON TABLE t IS 'x'; SET search_path = app",
              "relation t=SHARE UPDATE EXCLUSIVE", true);
}

static void test_set_order(void **state)
{
    (void)state;
    check_set("COMMENT ON TABLE c IS 'x'; LOCK TABLE b IN SHARE MODE; DROP INDEX i;"
              "COMMENT ON TABLE a IS 'x'; ALTER TABLE c ADD COLUMN x int",
              "relation a=SHARE UPDATE EXCLUSIVE; relation b=SHARE; relation c=ACCESS EXCLUSIVE; "
              "index i=ACCESS EXCLUSIVE; table of index i=ACCESS EXCLUSIVE",
              true);
    check_set("", "", true);
}

/* As deep as the parser reads. */
static void test_deep(void **state)
{
    (void)state;
    char *const text = calloc(PARSER_MAX_BYTES, 1);
    assert_non_null(text);
    size_t used = (size_t)sprintf(text, "SELECT 1");
    for (int i = 0; i < PARSER_MAX_OPERATORS; i++)
        used += (size_t)sprintf(text + used, "+1");
    struct subject s = read_text(text);
    assert_null(s.facts[0].unknown);
    arena_release(&s.arena);
    free(text);
}

/* ---- code ---- */

#define MORE     "a DO block may do more than its text says"
#define TOGETHER "it runs a statement that it puts together as it runs"

static void test_do_locks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *locks, *unknown;
    } cases[] = {
        {"DO $$ BEGIN ALTER TABLE t ADD a int; END $$", "relation t=ACCESS EXCLUSIVE maybe", MORE},
        {"DO LANGUAGE plpgsql 'BEGIN DROP INDEX i; END'",
         "table of index i=ACCESS EXCLUSIVE maybe; index i=ACCESS EXCLUSIVE maybe", MORE},
        {"DO $$ BEGIN CREATE INDEX i ON t (a); END $$ LANGUAGE plpgsql", "relation t=SHARE maybe",
         MORE},
        /* every place that holds SQL */
        {"DO $$ DECLARE n int := (SELECT 1 FROM a); r record; BEGIN IF EXISTS (SELECT 1 FROM b) "
         "THEN"
         " n := (SELECT 1 FROM c); END IF; PERFORM 1 FROM d; SELECT 1 INTO n FROM e;"
         " FOR r IN SELECT 1 FROM f LOOP INSERT INTO g SELECT r.x; END LOOP;"
         " EXCEPTION WHEN OTHERS THEN LOCK TABLE h; END $$",
         "relation a=ACCESS SHARE maybe; relation b=ACCESS SHARE maybe; relation c=ACCESS SHARE"
         " maybe; relation d=ACCESS SHARE maybe; relation e=ACCESS SHARE maybe; relation f=ACCESS"
         " SHARE maybe; referenced g=ROW SHARE maybe; sequences g=ROW EXCLUSIVE maybe; relation "
         "g=ROW EXCLUSIVE maybe; relation "
         "h=ACCESS EXCLUSIVE maybe",
         MORE},
        /* EXECUTE */
        {"DO $$ BEGIN EXECUTE 'LOCK ' || 'TABLE ' || 't'::text; END $$",
         "relation t=ACCESS EXCLUSIVE maybe", MORE},
        {"DO $$ BEGIN EXECUTE 'LOCK TABLE a; LOCK TABLE b'; END $$",
         "relation a=ACCESS EXCLUSIVE maybe; relation b=ACCESS EXCLUSIVE maybe", MORE},
        {"DO $$ BEGIN EXECUTE format('LOCK TABLE a'); END $$", "relation a=ACCESS EXCLUSIVE maybe",
         MORE},
        {"DO $$ BEGIN EXECUTE format('LOCK TABLE %I', 'a'); LOCK TABLE b; END $$",
         "relation b=ACCESS EXCLUSIVE maybe", TOGETHER},
        {"DO $$ DECLARE r record; BEGIN FOR r IN SELECT n FROM a LOOP"
         " EXECUTE 'LOCK TABLE ' || r.n; END LOOP; END $$",
         "relation a=ACCESS SHARE maybe", TOGETHER},
        {"DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT 1 FROM a' LOOP NULL; END LOOP;"
         " END $$",
         "relation a=ACCESS SHARE maybe", MORE},
        /* a DO in a DO, in whatever quotes */
        {"DO 'BEGIN DO ''BEGIN EXECUTE ''''LOCK TABLE t''''; END''; END'",
         "relation t=ACCESS EXCLUSIVE maybe", MORE},
        {"DO E'BEGIN\\n LOCK TABLE t; END'", "relation t=ACCESS EXCLUSIVE maybe", MORE},
        {"DO $body$ BEGIN EXECUTE $a$LOCK TABLE t$a$; END $body$",
         "relation t=ACCESS EXCLUSIVE maybe", MORE},
        /* what is not read */
        {"DO LANGUAGE plperl $$ BEGIN LOCK TABLE t; END $$", "", "it runs code"},
        {"DO LANGUAGE plpgsql", "", "it runs code"},
        {"DO $$ nonsense $$", "", "it runs code"},
        {"DO $$ BEGIN LOCK TABLE t; x := 1; END $$", "", "it runs code"},
        {"DO $$ BEGIN CALL p(); END $$", "", "it runs code"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char found[2000];
        struct subject s = read_text(cases[i].text);
        describe(&s.facts[0].locks, found, sizeof found);
        if (strcmp(found, cases[i].locks) != 0)
            fail_msg("%s\nfound    %s\nexpected %s", cases[i].text, found, cases[i].locks);
        assert_string_equal(s.facts[0].unknown, cases[i].unknown);
        assert_false(facts_is_short(&s.facts[0]));
        assert_false(s.set.all_short);
        arena_release(&s.arena);
    }
}

/* The last act of the DO stands at these words; "": at the DO itself. */
static void test_do_places(void **state)
{
    (void)state;
    static const struct {
        const char *text, *at;
    } cases[] = {
        {"DO $$\nBEGIN\n  LOCK TABLE a;\nEND $$", "a;\nEND"},
        {"DO -- LOCK TABLE a;\n $q$ BEGIN LOCK TABLE a; END $q$", "a; END"},
        {"DO $$ BEGIN EXECUTE 'LOCK TABLE a'; END $$", "a'; END"},
        {"DO $$ BEGIN EXECUTE $x$LOCK TABLE a$x$; END $$", "a$x$; END"},
        {"DO $$ BEGIN EXECUTE 'LOCK ' || 'TABLE a'; END $$", "'LOCK '"},
        {"DO $$\nBEGIN\n  EXECUTE E'LOCK TABLE a';\nEND $$", "E'LOCK"},
        {"DO $$ BEGIN DO 'begin LOCK TABLE a; end'; END $$", "a; end"},
        {"DO 'BEGIN LOCK TABLE a; END'", "a; END'"},
        {"DO 'BEGIN RAISE NOTICE ''x''; LOCK TABLE a; END'", ""},
        {"DO E'BEGIN LOCK TABLE a; END'", ""},
        {"DO $$ BEGIN IF 1 = 2 THEN NULL; ELSE\n LOCK TABLE a; END IF; END $$", "a; END IF"},
        {"DO $$ DECLARE n int; BEGIN\n\nSELECT b\nINTO n FROM (SELECT 1 AS b) AS s,\n a;"
         " END $$",
         "a; END"},
        {"DO $$ BEGIN PERFORM 1\n FROM a; END $$", "a; END"},
        {"DO $$ DECLARE n int; BEGIN n := (SELECT 1 FROM a); END $$", "a); END"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct subject s = read_text(cases[i].text);
        assert_true(s.facts[0].acts.count > 0);
        const struct act *const act = &s.facts[0].acts.items[s.facts[0].acts.count - 1];
        const char *const found = cases[i].text + act->at;
        const char *const expected = cases[i].at[0] != '\0' ? cases[i].at : cases[i].text;
        if (strncmp(found, expected, strlen(expected)) != 0)
            fail_msg("%s\nfound    %s\nexpected %s", cases[i].text, found, expected);
        arena_release(&s.arena);
    }
}

/* Each statement of a body meets what those before it have made and renamed. */
static void test_do_order(void **state)
{
    (void)state;
    struct subject s = read_text("DO $$ BEGIN ALTER TABLE t RENAME TO old; CREATE TABLE t (id int);"
                                 " CREATE INDEX i ON t (id); END $$");
    const struct acts *const acts = &s.facts[0].acts;
    assert_int_equal(s.facts[0].inner.count, 3);
    assert_true(acts->count >= 3);
    assert_false(acts->items[0].is_made);
    assert_true(acts->items[2].is_made && acts->items[2].is_new);
    for (size_t i = 0; i < acts->count; i++)
        assert_null(acts->items[i].node);
    arena_release(&s.arena);

    check_set("CREATE TABLE t (id int); DO $$ BEGIN CREATE INDEX i ON t (id); END $$",
              "relation t=ACCESS EXCLUSIVE ours", false);
    /* a branch may not run: both names may be meant */
    check_set("DO $$ BEGIN ALTER TABLE a RENAME TO b; END $$; ALTER TABLE b SET (fillfactor = 80)",
              "relation a=ACCESS EXCLUSIVE maybe; relation b=SHARE UPDATE EXCLUSIVE", false);
    check_set("DO $$ BEGIN CREATE TABLE t (id int); END $$; CREATE INDEX i ON t (id)",
              "relation t=ACCESS EXCLUSIVE maybe", false);
}

/* What is too deep or too long is not read, and so is what is no UTF-8. */
static void test_do_limits(void **state)
{
    (void)state;
    static const struct {
        const char *before, *again, *middle, *after, *end;
        size_t times;
    } cases[] = {
        {"DO $$ BEGIN ", "IF a THEN ", "LOCK TABLE t; ", "END IF; ", "END $$", 10000},
        {"DO $$ BEGIN ", "IF a THEN ", "LOCK TABLE t; ", "END IF; ", "END $$", 3000},
        {"DO $$ BEGIN ", "BEGIN ", "LOCK TABLE t; ", "END; ", "END $$", 4000},
        {"DO $$ BEGIN ", "LOCK TABLE t; ", "", "", "END $$", 750000},
        {"DO $$ DECLARE x int := ", "1+", "1", "", "; BEGIN LOCK TABLE t; END $$", 20000},
        {"DO $$ DECLARE x int := ", "(", "1", ")", "; BEGIN LOCK TABLE t; END $$", 2000},
        {"DO $$ BEGIN ", "LOCK TABLE \"\xff\"; ", "", "", "END $$", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = {0};
        struct arena arena = {0};
        struct err err = {0};
        struct facts facts;
        str_puts(&text, cases[i].before);
        for (size_t k = 0; k < cases[i].times; k++)
            str_puts(&text, cases[i].again);
        str_puts(&text, cases[i].middle);
        for (size_t k = 0; k < cases[i].times; k++)
            str_puts(&text, cases[i].after);
        str_puts(&text, cases[i].end);
        assert_false(text.failed);
        assert_true(facts_read(&arena, NULL, (struct span){text.data, text.len}, &facts, &err));
        assert_non_null(facts.unknown);
        assert_int_equal(facts.locks.count, 0);
        arena_release(&arena);
        str_release(&text);
    }
}

/* ---- calls ---- */

#define A_CALL   "a function may do more than its text says"
#define NOT_READ "it calls a function whose body pawl cannot read"
#define F(body)  "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN " body " END $$;"

/* Of the last statement. */
static void check_call(const char *text, const char *locks, const char *unknown)
{
    char found[2000];
    struct subject s = read_text(text);
    const struct facts *const facts = &s.facts[s.count - 1];
    describe(&facts->locks, found, sizeof found);
    if (strcmp(found, locks) != 0)
        fail_msg("%s\nfound    %s\nexpected %s", text, found, locks);
    if (unknown == NULL)
        assert_null(facts->unknown);
    else if (facts->unknown == NULL || strcmp(facts->unknown, unknown) != 0)
        fail_msg("%s\nfound    %s\nexpected %s", text, facts->unknown, unknown);
    arena_release(&s.arena);
}

static void test_calls(void **state)
{
    (void)state;
    static const char t[] = "relation t=ACCESS EXCLUSIVE maybe";
    static const struct {
        const char *text, *locks, *unknown;
    } cases[] = {
        {F("LOCK TABLE t;") "SELECT f()", t, A_CALL},
        {F("LOCK TABLE t;") "SELECT app.f()", t, A_CALL},
        {F("LOCK TABLE t;") "SELECT coalesce(1, (SELECT 2 WHERE f() IS NULL))", t, A_CALL},
        {F("LOCK TABLE t;") "DO $$ BEGIN PERFORM f(); END $$", t, A_CALL},
        {F("LOCK TABLE t;") "DO $$ BEGIN EXECUTE 'SELECT f()'; END $$", t, A_CALL},
        {F("EXECUTE 'LOCK TABLE t';") "SELECT f() FROM u",
         "relation u=ACCESS SHARE; relation t=ACCESS EXCLUSIVE maybe", A_CALL},
        {F("EXECUTE 'LOCK TABLE ' || now();") "SELECT f()", "",
         "it runs a statement that it puts together as it runs"},
        {"CREATE PROCEDURE p(INOUT a int) LANGUAGE plpgsql AS 'BEGIN LOCK TABLE t; a := 1; END';"
         "CALL p(1)",
         t, A_CALL},
        {"CREATE FUNCTION app.f(int, b text DEFAULT 'x') RETURNS SETOF int LANGUAGE plpgsql AS"
         " 'BEGIN $1 := 2; LOCK TABLE t; RETURN QUERY SELECT 1; RETURN; END';"
         "SELECT * FROM app.f(1)",
         t, A_CALL},
        {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
         " 'BEGIN NEW.a := 2; LOCK TABLE t; RETURN NEW; END'; SELECT f()",
         t, A_CALL},
        /* in SQL nothing is left open */
        {"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'LOCK TABLE a; LOCK TABLE b';"
         "SELECT f()",
         "relation a=ACCESS EXCLUSIVE maybe; relation b=ACCESS EXCLUSIVE maybe", NULL},
        {"CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';"
         "UPDATE t SET a = f(a) WHERE b",
         "referenced t=ROW SHARE maybe; referencing t=ROW EXCLUSIVE maybe; relation t=ROW "
         "EXCLUSIVE",
         NULL},
        {"CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC DELETE FROM a WHERE b; SELECT count(*)"
         " FROM c; END; SELECT f()",
         "referencing a=ROW EXCLUSIVE maybe; relation a=ROW EXCLUSIVE maybe; relation c=ACCESS "
         "SHARE"
         " maybe",
         NULL},
        {"CREATE FUNCTION f() RETURNS bigint RETURN (SELECT count(*) FROM a); SELECT f()",
         "relation a=ACCESS SHARE maybe", NULL},
        /* what is called in there */
        {F("LOCK TABLE t;") "CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'SELECT f()';"
                            "SELECT g()",
         t, A_CALL},
        {F("LOCK TABLE t; PERFORM g();") "CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'SELECT "
                                         "f()'; SELECT f()",
         t, A_CALL},
        {F("LOCK TABLE t;") "CREATE FUNCTION g(a int DEFAULT f()) RETURNS int LANGUAGE sql AS"
                            " 'SELECT 1'; SELECT g()",
         t, A_CALL},
        {F("CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'LOCK TABLE t'; PERFORM g();") "SELECT"
                                                                                            " f()",
         t, A_CALL},
        {F("CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'LOCK TABLE t';") "SELECT f(); SELECT "
                                                                               "g()",
         t, NULL},
        {F("PERFORM other();") "SELECT f()", "", A_CALL},
        {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT other()'; SELECT f()", "",
         "it calls a function that pawl does not know"},
        {"CREATE FUNCTION f() RETURNS void LANGUAGE sql SET search_path = app AS 'LOCK TABLE t';"
         "SELECT f()",
         t, "its function has settings of its own"},
        /* what is evaluated at once */
        {F("LOCK TABLE u;") "CREATE INDEX ON t (lower(f(a)))",
         "relation t=SHARE; relation u=ACCESS EXCLUSIVE maybe", A_CALL},
        {F("LOCK TABLE u;") "ALTER TABLE t ADD CHECK (a > f())",
         "relation t=ACCESS EXCLUSIVE; relation u=ACCESS EXCLUSIVE maybe", A_CALL},
        {F("LOCK TABLE u;") "ALTER TABLE t ADD COLUMN a int DEFAULT f()",
         "relation t=ACCESS EXCLUSIVE; relation u=ACCESS EXCLUSIVE maybe", A_CALL},
        {F("LOCK TABLE u;") "ALTER TABLE t ADD CHECK (a > f()) NOT VALID",
         "relation t=ACCESS EXCLUSIVE", NULL},
        {F("LOCK TABLE u;") "ALTER TABLE t ALTER COLUMN a SET DEFAULT f()",
         "relation t=ACCESS EXCLUSIVE", NULL},
        {F("LOCK TABLE u;") "CREATE TABLE t (a int DEFAULT f())",
         "relation t=ACCESS EXCLUSIVE ours", NULL},
        {F("LOCK TABLE u;") "CREATE VIEW v AS SELECT f()", "relation v=ACCESS EXCLUSIVE ours",
         NULL},
        {F("LOCK TABLE u;") "CREATE TABLE t AS SELECT f() WITH NO DATA",
         "relation t=ACCESS EXCLUSIVE ours", "it calls a function that pawl does not know"},
        /* what is not read */
        {"CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'a', 'b'; SELECT f()", "", NOT_READ},
        {"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql; SELECT f()", "", NOT_READ},
        {F("nonsense") "SELECT f()", "", NOT_READ},
        {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT ' $$; SELECT f()", "",
         NOT_READ},
        {F("LOCK TABLE t;") "SELECT g()", "", "it calls a function that pawl does not know"},
        {F("LOCK TABLE t;") "SELECT pg_catalog.f()", "",
         "it calls a function that pawl does not know"},
        {F("LOCK TABLE t;") "CALL g()", "", "it runs code"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_call(cases[i].text, cases[i].locks, cases[i].unknown);
}

/* The function of a name is the one that stands there when it is called; all of one name where the
 * text does not say which. */
static void test_call_order(void **state)
{
    (void)state;
    static const char sql[] = "it calls a function that pawl does not know";
#define G(head, table)                                                                             \
    "CREATE OR REPLACE FUNCTION " head " RETURNS void LANGUAGE sql AS 'LOCK TABLE " table "';"
    static const char a[] = "relation a=ACCESS EXCLUSIVE maybe";
    static const char b[] = "relation b=ACCESS EXCLUSIVE maybe";
    static const char both[] =
        "relation a=ACCESS EXCLUSIVE maybe; relation b=ACCESS EXCLUSIVE maybe";
    check_call(G("g()", "a") G("g()", "b") "SELECT g()", b, NULL);
    check_call(G("g()", "a") G("g(int)", "b") "SELECT g()", both, NULL);
    check_call(G("app.g()", "a") G("g()", "b") "SELECT g()", both, NULL);
    check_call(G("app.g()", "a") G("other.g()", "b") "SELECT app.g()", a, NULL);
    check_call(G("g(integer)", "a") G("g(a int)", "b") "SELECT g(1)", b, NULL);
    check_call(G("g(t.a%TYPE)", "a") G("g(int)", "b") "DROP FUNCTION g(int); SELECT g(1)", a, NULL);
    check_call(G("g()", "a") "DROP FUNCTION g; SELECT g()", "", sql);
    check_call(G("g()", "a") "DROP FUNCTION IF EXISTS g(int); SELECT g()", a, NULL);
    check_call(G("g()", "a") "SELECT g(); ALTER FUNCTION g() RENAME TO h; SELECT g()", "", sql);
    check_call(G("g()", "a") "ALTER FUNCTION g() RENAME TO h; SELECT h()", a, NULL);
    check_call(G("g()", "a") "ALTER FUNCTION g() SET SCHEMA app; SELECT other.g()", "", sql);
    check_call(G("g()", "a") "ALTER FUNCTION g() SET SCHEMA app; SELECT app.g()", a, NULL);
    /* a branch may not run */
    check_call(G("g()", "a") "DO $$ BEGIN DROP FUNCTION g(); END $$; SELECT g()", a, NULL);
    check_call(G("g()", "a") "DO $$ BEGIN EXECUTE $x$" G("g()", "b") "$x$; END $$; SELECT g()",
               both, NULL);
    /* names are those of the time of the call */
    check_set(G("g()", "a") "ALTER TABLE a RENAME TO b; CREATE TABLE a (b int); SELECT g()",
              "relation a=ACCESS EXCLUSIVE; relation a=ACCESS EXCLUSIVE ours", true);
#undef G
}

/* The act stands at the call, and says where the function says it. */
static void test_call_places(void **state)
{
    (void)state;
    static const char text[] = "SELECT 1;\n" F(
        "\n LOCK TABLE a; ") "DO $$ BEGIN IF true THEN\n PERFORM 1, f(); END IF; END $$";
    static const char outer[] = "DO $$ BEGIN IF true THEN\n PERFORM 1, ";
    struct arena arena = {0};
    struct err err = {0};
    struct statements statements = {0};
    struct functions functions = {.arena = &arena, .source = text};
    struct facts facts;
    assert_true(sql_split(&arena, DIALECT_POSTGRES, text, strlen(text), &statements, &err));
    for (size_t i = 0; i < statements.count; i++) {
        functions.offset = statements.items[i].offset;
        assert_true(facts_read(&arena, &functions, statements.items[i].text, &facts, &err));
    }
    assert_int_equal(facts.acts.count, 1);
    assert_int_equal(facts.acts.items[0].at, strlen(outer));
    assert_string_equal(facts.acts.items[0].by.function, "f");
    assert_ptr_equal(facts.acts.items[0].by.source, text);
    assert_ptr_equal(text + facts.acts.items[0].by.offset, strstr(text, "a;  END"));
    arena_release(&arena);
}

/* Functions that call each other, deep and often, are read once a statement and not too deep. */
static void test_call_limits(void **state)
{
    (void)state;
    enum { DEEP = 60, WIDE = 2000 };
    struct arena arena = {0};
    struct err err = {0};
    struct functions functions = {.arena = &arena};
    struct facts facts;
    for (int i = 0; i < DEEP; i++) {
        const char *const text = arena_printf(
            &arena,
            "CREATE FUNCTION f%d() RETURNS void LANGUAGE sql AS 'SELECT f%d(); SELECT f%d()'", i,
            i + 1, i + 1);
        assert_non_null(text);
        assert_true(
            facts_read(&arena, &functions, (struct span){text, strlen(text)}, &facts, &err));
    }
    static const char call[] = "SELECT f0()";
    assert_true(facts_read(&arena, &functions, (struct span){call, strlen(call)}, &facts, &err));
    assert_string_equal(facts.unknown, "functions call each other deeper than pawl reads");

    static const char makes[] = F("CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'SELECT 1';"
                                  " ALTER FUNCTION g() RENAME TO h; PERFORM h();");
    static const char calls[] = "SELECT f(), f()";
    assert_true(
        facts_read(&arena, &functions, (struct span){makes, strlen(makes) - 1}, &facts, &err));
    const size_t before = functions.count;
    for (int i = 0; i < WIDE; i++)
        assert_true(
            facts_read(&arena, &functions, (struct span){calls, strlen(calls)}, &facts, &err));
    assert_int_equal(functions.count, before + 2);
    assert_int_equal(facts.inner.count, 1);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_combined),
        cmocka_unit_test(test_short),       cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_transaction), cmocka_unit_test(test_set_ours),
        cmocka_unit_test(test_set_renames), cmocka_unit_test(test_set_order),
        cmocka_unit_test(test_deep),        cmocka_unit_test(test_do_locks),
        cmocka_unit_test(test_do_places),   cmocka_unit_test(test_do_order),
        cmocka_unit_test(test_do_limits),   cmocka_unit_test(test_calls),
        cmocka_unit_test(test_call_order),  cmocka_unit_test(test_call_places),
        cmocka_unit_test(test_call_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
