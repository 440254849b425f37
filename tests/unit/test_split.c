/* sql/split: where statements begin and end, what is refused, and that nothing is ever lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/split.h"

/* The statements, each between brackets. */
static void split_text(enum dialect dialect, const char *text, struct str *ret)
{
    struct arena arena = {0};
    struct statements statements;
    struct err err = {0};
    assert_true(sql_split(&arena, dialect, text, strlen(text), &statements, &err));
    for (size_t i = 0; i < statements.count; i++) {
        const struct statement *statement = &statements.items[i];
        assert_ptr_equal(statement->text.at, text + statement->offset);
        str_putc(ret, '<');
        str_append(ret, statement->text.at, statement->text.len);
        str_putc(ret, '>');
    }
    arena_release(&arena);
}

struct splitting {
    const char *text, *statements;
};

static void check(enum dialect dialect, const struct splitting *splittings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str found = {0};
        split_text(dialect, splittings[i].text, &found);
        assert_string_equal(str_text(&found), splittings[i].statements);
        str_release(&found);
    }
}

static void postgres(void **state)
{
    (void)state;
    static const struct splitting splittings[] = {
        {"", ""},
        {" ;; -- a;b\n /* ; */ ;", ""},
        {"a; b ;c", "<a><b><c>"},
        {"a;b -- end", "<a><b>"},
        {"-- head\n a -- in\n b /* tail */ ; /* c */", "<a -- in\n b>"},
        {"a ';' \";\" $$;$$ $x$ $$;$x$; b", "<a ';' \";\" $$;$$ $x$ $$;$x$><b>"},
        {"select E'\\';'; b", "<select E'\\';'><b>"},
        {"select E'a'\n'\\';'; b", "<select E'a'\n'\\';'><b>"},
        {"CREATE RULE r AS ON INSERT TO t DO ALSO (a; b;); c",
         "<CREATE RULE r AS ON INSERT TO t DO ALSO (a; b;)><c>"},
        {"a ); b", "<a )><b>"},
        {"a (; b", "<a (; b>"},
        {"\xef\xbb\xbfselect 1;", "<select 1>"},
        {"/*+ Seq(a) */ select 1; /*+ b */ ; c", "</*+ Seq(a) */ select 1><c>"},
        {"selct 2; foo(3); bad syntax here;", "<selct 2><foo(3)><bad syntax here>"},
        {"BEGIN; a; END; b", "<BEGIN><a><END><b>"},
        {"select :a; select :'b';", "<select :a><select :'b'>"},
        {"COPY t TO '/tmp/x'; COPY t (a) FROM 'y'; COPY t FROM PROGRAM 'z';",
         "<COPY t TO '/tmp/x'><COPY t (a) FROM 'y'><COPY t FROM PROGRAM 'z'>"},
        {"COPY (SELECT a FROM stdin) TO 'x'; copy stdin from 'x'",
         "<COPY (SELECT a FROM stdin) TO 'x'><copy stdin from 'x'>"},
        {"create index copy on stdin(a)", "<create index copy on stdin(a)>"},
    };
    check(DIALECT_POSTGRES, splittings, COUNT_OF(splittings));
}

static void postgres_atomic_bodies(void **state)
{
    (void)state;
    static const struct splitting splittings[] = {
        {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ;;RETURN 1;; END; b",
         "<CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ;;RETURN 1;; END><b>"},
        {"create or replace procedure p(a int) begin /* */ atomic "
         "select case when a then case b when 1 then 2 end end; select (case 1 end); end; b",
         "<create or replace procedure p(a int) begin /* */ atomic "
         "select case when a then case b when 1 then 2 end end; select (case 1 end); end><b>"},
        {"CREATE FUNCTION f() RETURNS TABLE (a int) BEGIN ATOMIC SELECT t.end, 1 AS case; END; b",
         "<CREATE FUNCTION f() RETURNS TABLE (a int) BEGIN ATOMIC SELECT t.end, 1 AS case; "
         "END><b>"},
        {"CREATE FUNCTION f() BEGIN ATOMIC select begin from t; END; b",
         "<CREATE FUNCTION f() BEGIN ATOMIC select begin from t; END><b>"},
        {"CREATE FUNCTION f() RETURNS begin AS $$;$$; b",
         "<CREATE FUNCTION f() RETURNS begin AS $$;$$><b>"},
        {"CREATE FUNCTION f(begin atomic) AS 'x'; b",
         "<CREATE FUNCTION f(begin atomic) AS 'x'><b>"},
        {"CREATE TABLE function (begin int); b", "<CREATE TABLE function (begin int)><b>"},
        {"CREATE VIEW v AS SELECT begin atomic; b", "<CREATE VIEW v AS SELECT begin atomic><b>"},
        {"DO $$ BEGIN a; END $$; b", "<DO $$ BEGIN a; END $$><b>"},
    };
    check(DIALECT_POSTGRES, splittings, COUNT_OF(splittings));
}

static void sqlite(void **state)
{
    (void)state;
    static const struct splitting splittings[] = {
        {"", ""},
        {"a; b -- c", "<a><b>"},
        {"a [;] `;` \";\" ';'; b", "<a [;] `;` \";\" ';'><b>"},
        {"a (b; c)", "<a (b><c)>"},
        {"select 'a\\'; b", "<select 'a\\'><b>"},
        {"a /* never; b", "<a>"},
        {"CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END; b",
         "<CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END>"
         "<b>"},
        {"create temporary trigger t begin a; end -- x\n ; b",
         "<create temporary trigger t begin a; end><b>"},
        {"CREATE TEMP TRIGGER t BEGIN a; /* c */ END",
         "<CREATE TEMP TRIGGER t BEGIN a; /* c */ END>"},
        {"EXPLAIN QUERY PLAN CREATE TRIGGER t BEGIN a; END; b",
         "<EXPLAIN QUERY PLAN CREATE TRIGGER t BEGIN a; END><b>"},
        {"CREATE TABLE trigger (a); b", "<CREATE TABLE trigger (a)><b>"},
        {"CREATE TRIGGER t BEGIN a; END b; c; END; d",
         "<CREATE TRIGGER t BEGIN a; END b; c; END><d>"},
        {"BEGIN; a; END; COPY t FROM stdin;", "<BEGIN><a><END><COPY t FROM stdin>"},
        {"CREATE FUNCTION f() BEGIN ATOMIC a; END", "<CREATE FUNCTION f() BEGIN ATOMIC a><END>"},
    };
    check(DIALECT_SQLITE, splittings, COUNT_OF(splittings));
}

static void refusals_name_the_place(void **state)
{
    (void)state;
    static const struct {
        enum dialect dialect;
        const char *text;
        size_t len;
        const char *message;
        int line, column;
    } cases[] = {
        {DIALECT_POSTGRES, "a;\n 'b", 6, "unterminated string", 2, 2},
        {DIALECT_POSTGRES, "a;\n E'b\\'", 9, "unterminated string", 2, 2},
        {DIALECT_POSTGRES, "\xc3\xa9 \"b", 5, "unterminated quoted name", 1, 3},
        {DIALECT_POSTGRES, "u&\"b", 4, "unterminated quoted name", 1, 1},
        {DIALECT_POSTGRES, "a $x$ b $y$", 11, "unterminated dollar quote", 1, 3},
        {DIALECT_POSTGRES, "a /* /* */", 10, "unterminated comment", 1, 3},
        {DIALECT_POSTGRES, "a;\nb\0", 5, "the text holds a NUL byte", 2, 2},
        {DIALECT_POSTGRES, "a;\n\n\xc3", 5, "the text is not UTF-8: byte 0xc3", 3, 1},
        {DIALECT_POSTGRES, "a;\n\\d users\n", 12, "\"\\d\" is a command of psql, not SQL", 2, 1},
        {DIALECT_POSTGRES, "a \\; b", 6, "\"\\\" is a command of psql, not SQL", 1, 3},
        {DIALECT_POSTGRES, "\xef\xbb\xbf 'b", 6, "unterminated string", 1, 2},
        {DIALECT_SQLITE, "a;\r\n[b", 6, "unterminated quoted name", 2, 1},
        {DIALECT_SQLITE, "a 'b", 4, "unterminated string", 1, 3},
        {DIALECT_SQLITE, "a\0", 2, "the text holds a NUL byte", 1, 2},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct statements statements;
        struct err err = {0};
        assert_false(
            sql_split(&arena, cases[i].dialect, cases[i].text, cases[i].len, &statements, &err));
        assert_int_equal(err.code, ERR_REFUSED);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.line, cases[i].line);
        assert_int_equal(err.column, cases[i].column);
        err_release(&err);
        arena_release(&arena);
    }
}

static void copy_with_the_client_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a;\n COPY t FROM STDIN;\n1\tit's\n\\.\n",
        "a;\n copy \"t\" (a, b) from stdin with (format csv);\n",
        "a;\n COPY public.t FROM stdin NULL 'x'",
        "a;\n COPY BINARY t FROM STDIN",
        "a;\n COPY t TO STDOUT;",
        "a;\n COPY (SELECT 1) TO stdout",
        "a;\n COPY t FROM /* x */ STDOUT",
        "a;\n /* head */\n COPY t\nFROM -- x\nstdin;",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct arena arena = {0};
        struct statements statements;
        struct err err = {0};
        assert_false(
            sql_split(&arena, DIALECT_POSTGRES, texts[i], strlen(texts[i]), &statements, &err));
        assert_int_equal(err.code, ERR_REFUSED);
        assert_non_null(strstr(err.message, "COPY"));
        assert_int_equal(err.line, i == COUNT_OF(texts) - 1 ? 3 : 2);
        assert_int_equal(err.column, 2);
        err_release(&err);
        arena_release(&arena);
    }
}

/* White space, comments and semicolons only. */
static void assert_empty(enum dialect dialect, const char *text, size_t len)
{
    struct lexer lexer = lexer_init(dialect, text, len);
    struct token token;
    do {
        token = lexer_next_solid(&lexer);
        assert_true(token.type == TOKEN_SEMICOLON || token.type == TOKEN_END);
    } while (token.type != TOKEN_END);
}

/* A small generator of its own, so that a failure can be repeated. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void nothing_is_lost(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        ";",     ";",     " ",        "\n",     "'",          "\"",
        "$$",    "$a$",   "--",       "/*",     "*/",         "(",
        ")",     "E'",    "\\'",      "a",      "1.5",        "BEGIN ATOMIC ",
        "END ",  "CASE ", "TRIGGER ", "CREATE", " FUNCTION ", "`",
        "[",     "]",     "\r\n",     "u&\"",   "\xc3\xa9",   "/*+ h */",
        "COPY ", "FROM ", "STDIN",    "+",      "$1",         "OR REPLACE ",
    };
    uint32_t seed = 20250703;
    size_t whole = 0;
    for (int round = 0; round < 20000; round++) {
        const enum dialect dialect = round % 2 == 0 ? DIALECT_POSTGRES : DIALECT_SQLITE;
        struct str text = {0};
        for (uint32_t n = next_random(&seed) % 24; n > 0; n--)
            str_puts(&text, pieces[next_random(&seed) % COUNT_OF(pieces)]);
        struct arena arena = {0};
        struct statements statements;
        struct err err = {0};
        if (sql_split(&arena, dialect, str_text(&text), text.len, &statements, &err)) {
            size_t end = 0;
            for (size_t i = 0; i < statements.count; i++) {
                const struct statement *statement = &statements.items[i];
                int line, column;
                assert_true(statement->offset >= end);
                assert_true(statement->text.len > 0);
                assert_empty(dialect, str_text(&text) + end, statement->offset - end);
                sql_position(str_text(&text), statement->offset, &line, &column);
                assert_int_equal(statement->line, line);
                assert_int_equal(statement->column, column);
                end = statement->offset + statement->text.len;
            }
            assert_empty(dialect, str_text(&text) + end, text.len - end);
            whole++;
        } else {
            assert_int_equal(err.code, ERR_REFUSED);
            assert_true(err.line > 0);
        }
        err_release(&err);
        arena_release(&arena);
        str_release(&text);
    }
    assert_true(whole > 2000);
}

static void positions_count_characters(void **state)
{
    (void)state;
    static const char text[] = "\xc3\xa9\n\xe2\x82\xac x\r\ny";
    int line, column;
    sql_position(text, 0, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 1);
    sql_position(text, 7, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 3);
    sql_position(text, 10, &line, &column);
    assert_int_equal(line, 3);
    assert_int_equal(column, 1);
    assert_int_equal(sql_character_offset(text, strlen(text), 1), 0);
    assert_int_equal(sql_character_offset(text, strlen(text), 3), 3);
    assert_int_equal(sql_character_offset(text, strlen(text), 5), 7);
    assert_int_equal(sql_character_offset(text, strlen(text), 99), strlen(text));
    assert_int_equal(sql_character_offset(text, strlen(text), 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgres),
        cmocka_unit_test(postgres_atomic_bodies),
        cmocka_unit_test(sqlite),
        cmocka_unit_test(refusals_name_the_place),
        cmocka_unit_test(copy_with_the_client_is_refused),
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(positions_count_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
