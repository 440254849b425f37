/* sql/parameters: statements without their values, and which are the same but for those. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/parameters.h"
#include "sql/parser.h"

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static bool same_shape(const char *a, const char *b)
{
    struct str x = {0}, y = {0};
    sql_shape(span_of(a), &x);
    sql_shape(span_of(b), &y);
    const bool same = strcmp(str_text(&x), str_text(&y)) == 0;
    str_release(&x);
    str_release(&y);
    return same;
}

static void test_shapes(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"SELECT a FROM t WHERE b = 'x'", "select a\n from t -- c\n where b='it''s'", true},
        {"SELECT a FROM t WHERE b = $1", "SELECT a FROM t WHERE b = 5", true},
        {"SELECT a FROM t", "SELECT b FROM t", false},
        {"SELECT \"A\" FROM t", "SELECT \"a\" FROM t", false},
        {"SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (1, 2, 3)", true},
        {"SELECT a FROM t WHERE b IN ($1, $2) AND c = $3",
         "SELECT a FROM t WHERE b IN ($1) AND c = $2", true},
        {"SELECT a FROM t WHERE b IN (SELECT 1)", "SELECT a FROM t WHERE b IN (1)", false},
        {"SELECT ARRAY[1, 2]", "SELECT ARRAY[1]", true},
        {"SELECT f($1)", "SELECT f($1, $2)", false},
        {"INSERT INTO t VALUES ($1, $2)", "INSERT INTO t VALUES ($1, $2), ($3, $4), ($5, $6)",
         true},
        {"INSERT INTO t VALUES ($1, $2)", "INSERT INTO t VALUES ($1, $2, $3)", false},
        {"INSERT INTO t VALUES ($1, $2), ($3, $4)", "INSERT INTO t VALUES ($1, $2), ($3, f($4))",
         false},
        {"INSERT INTO t VALUES (1), (2) RETURNING id", "INSERT INTO t VALUES (1) RETURNING id",
         true},
        {"INSERT INTO t VALUES (1) RETURNING id", "INSERT INTO t VALUES (1)", false},
        {"SELECT a FROM (VALUES (1), (2)) v (a)", "SELECT a FROM (VALUES (1)) v (a)", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (same_shape(pairs[i].a, pairs[i].b) != pairs[i].same)
            fail_msg("%s | %s", pairs[i].a, pairs[i].b);
}

/* ---- parameters ---- */

static const struct {
    const char *sql, *expected; /* NULL: not read */
} statements[] = {
    {"SELECT a FROM t WHERE b = 'x' AND c = $1", "SELECT a FROM t WHERE b = $2 AND c = $1"},
    {"SELECT 1, -2, 3000000000, 1.5, 1e3",
     "SELECT ($1::integer), ($2::integer), ($3::bigint), ($4::numeric), ($5::numeric)"},
    {"SELECT a - 5", "SELECT a - ($1::integer)"},
    {"SELECT NULL, true, B'1'", "SELECT NULL, true, B'1'"},
    {"SELECT date '2020-01-01', interval '1 day', '1'::int, CAST('2' AS int)",
     "SELECT CAST($1 AS date ), CAST($2 AS interval ), $3::int, CAST($4 AS int)"},
    {"SELECT extract(year FROM x), a::varchar(3), b::numeric(10, 2)",
     "SELECT extract(year FROM x), a::varchar(3), b::numeric(10, 2)"},
    {"SELECT a, b FROM t GROUP BY 1, 2 ORDER BY 2 DESC",
     "SELECT a, b FROM t GROUP BY 1, 2 ORDER BY 2 DESC"},
    {"SELECT DISTINCT ON (1) a FROM t ORDER BY 1", "SELECT DISTINCT ON (1) a FROM t ORDER BY 1"},
    {"SELECT f('d', a) FROM t GROUP BY f('d', a)", "SELECT f($1, a) FROM t GROUP BY f($1, a)"},
    {"SELECT f('d', a), f('d', b) FROM t", "SELECT f($1, a), f($2, b) FROM t"},
    {"SELECT a FROM t LIMIT 5 OFFSET 10",
     "SELECT a FROM t LIMIT ($1::integer) OFFSET ($2::integer)"},
    {"SELECT a FROM t FETCH FIRST 5 ROWS ONLY",
     "SELECT a FROM t FETCH FIRST ($1::integer) ROWS ONLY"},
    {"INSERT INTO t VALUES (1, E'it\\'s', $$x$$)", "INSERT INTO t VALUES (($1::integer), $2, $3)"},
    {"SELECT a[1] FROM t", "SELECT a[($1::integer)] FROM t"},
    {"SELECT U&'d!0061t' UESCAPE '!'", NULL},
    {"SELECT FROM WHERE", NULL},
    {"SELECT 1; SELECT 2", NULL},
    {"", NULL},
};

static void parameterize_all(void *context)
{
    struct arena *const arena = context;
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        struct err err = {0};
        const char *text;
        assert_true(sql_parameterize(arena, span_of(statements[i].sql), &text, &err));
        if (statements[i].expected == NULL)
            assert_null(text);
        else if (text == NULL || strcmp(text, statements[i].expected) != 0)
            fail_msg("%s: %s", statements[i].sql, text != NULL ? text : "not read");
    }
}

static void test_values_become_parameters(void **state)
{
    struct arena arena = {0};
    struct err err = {0};
    (void)state;
    assert_true(parser_run(parameterize_all, &arena, &err));
    arena_release(&arena);
}

static void test_what_starts_as_a_query(void **state)
{
    static const char *const are[] = {"SELECT 1", "/* c */ ((select 1))",
                                      "With x AS (SELECT 1) TABLE x", "VALUES (1)", "merge INTO t"};
    static const char *const are_not[] = {"",  "SELECTED", "\"select\" 1", "CREATE TABLE t ()",
                                          "(", "-- SELECT"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(are); i++)
        assert_true(sql_starts_as_query(span_of(are[i])));
    for (size_t i = 0; i < COUNT_OF(are_not); i++)
        assert_false(sql_starts_as_query(span_of(are_not[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_values_become_parameters),
        cmocka_unit_test(test_what_starts_as_a_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
