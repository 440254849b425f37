/* sql/batch: which statements can be run in batches, and what they are for one batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/batch.h"

static const char *const key[] = {"k"}, *const lower[] = {"$1"}, *const upper[] = {"$2"};

struct batching {
    const char *text, *first, *later;
};

static void check(enum dialect dialect, const struct batching *batchings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct batching *const b = &batchings[i];
        struct arena arena = {0};
        struct err err = {0};
        struct batch_statement statement;
        const char *why = NULL;
        size_t at = 0;
        const struct span text = {b->text, strlen(b->text)};
        assert_true(batch_read(&arena, dialect, text, &statement, &why, &at, &err));
        assert_null(why);
        assert_string_equal(batch_text(&arena, dialect, &statement, key, 1, NULL, upper), b->first);
        assert_string_equal(batch_text(&arena, dialect, &statement, key, 1, lower, upper),
                            b->later);
        arena_release(&arena);
    }
}

static void windows(void **state)
{
    (void)state;
    static const struct batching batchings[] = {
        {"UPDATE t SET a = 1", "UPDATE t SET a = 1\nWHERE ((t.k) <= ($2))\n",
         "UPDATE t SET a = 1\nWHERE ((t.k) > ($1) AND (t.k) <= ($2))\n"},
        {"UPDATE s.\"T t\" SET a = 1 WHERE b OR c -- d",
         "UPDATE s.\"T t\" SET a = 1 WHERE ((\"T t\".k) <= ($2)) AND ( b OR c -- d\n)\n",
         "UPDATE s.\"T t\" SET a = 1 WHERE ((\"T t\".k) > ($1) AND (\"T t\".k) <= ($2)) AND"
         " ( b OR c -- d\n)\n"},
        {"delete from t as x using u where x.a = (select 1 where true) returning x.where",
         "delete from t as x using u where ((x.k) <= ($2)) AND ( x.a = (select 1 where true) \n)\n"
         "returning x.where",
         "delete from t as x using u where ((x.k) > ($1) AND (x.k) <= ($2)) AND"
         " ( x.a = (select 1 where true) \n)\nreturning x.where"},
        {"DELETE FROM t RETURNING 'WHERE'",
         "DELETE FROM t \nWHERE ((t.k) <= ($2))\nRETURNING 'WHERE'",
         "DELETE FROM t \nWHERE ((t.k) > ($1) AND (t.k) <= ($2))\nRETURNING 'WHERE'"},
        {"INSERT INTO u SELECT 1 FROM t WHERE ($1 IS NULL OR k > $1) AND k <= $2 AND a = '$1'",
         "INSERT INTO u SELECT 1 FROM t WHERE (NULL IS NULL OR k > NULL) AND k <= $2 AND a = '$1'",
         "INSERT INTO u SELECT 1 FROM t WHERE ($1 IS NULL OR k > $1) AND k <= $2 AND a = '$1'"},
    };
    check(DIALECT_POSTGRES, batchings, COUNT_OF(batchings));
    check(DIALECT_SQLITE, batchings, COUNT_OF(batchings));
}

static void refusals(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SELECT 1",
        "TRUNCATE t",
        "INSERT INTO t VALUES (1)",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "UPDATE ONLY t SET a = 1",
        "UPDATE t * SET a = 1",
        "UPDATE t SET a = 1 WHERE CURRENT OF c",
        "UPDATE t SET a = 1 WHERE b LIMIT 5",
        "UPDATE t SET a = 1 WHERE b ORDER BY c",
        "UPDATE t SET a = (1",
        "UPDATE t SET a = 1)",
        "UPDATE t SET a = 'b",
        "UPDATE t SET a = 1 WHERE b WHERE c",
        "UPDATE t INDEXED BY i SET a = 1",
        "UPDATE OR IGNORE t SET a = 1",
        "DELETE t",
        "UPDATE",
        "",
        "UPDATE t SET a = $1",
        "UPDATE t SET a = 1 WHERE k > $1 AND k <= $2",
        "UPDATE t SET a = 1 WHERE ($1 IS NULL OR k > $1) AND k <= $0",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct arena arena = {0};
        struct err err = {0};
        struct batch_statement statement;
        const char *why = NULL;
        size_t at = 0;
        const struct span text = {texts[i], strlen(texts[i])};
        assert_true(batch_read(&arena, DIALECT_POSTGRES, text, &statement, &why, &at, &err));
        if (why == NULL)
            fail_msg("not refused: %s", texts[i]);
        assert_true(at <= text.len);
        arena_release(&arena);
    }
}

static void changed_columns(void **state)
{
    (void)state;
    static const char text[] =
        "UPDATE t SET A = 1, (b, \"C c\") = (d, e), f.g = h IS DISTINCT FROM i,"
        " j[1] = k FROM l, m WHERE n = o";
    static const char *const names[] = {"a", "b", "C c", "f", "j"};
    struct arena arena = {0};
    struct err err = {0};
    struct batch_statement statement;
    const char *why = NULL;
    size_t at = 0;
    assert_true(batch_read(&arena, DIALECT_POSTGRES, (struct span){text, strlen(text)}, &statement,
                           &why, &at, &err));
    assert_null(why);
    assert_int_equal(statement.changed.count, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(statement.changed.items[i], names[i]);
    arena_release(&arena);
}

static void keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count; /* 0: refused */
    } cases[] = {{"id", 1}, {"A, \"b, c\" ,d", 3}, {"", 0}, {"a,", 0}, {"a b", 0}, {"1", 0},
                 {"a.b", 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct err err = {0};
        struct batch_names names;
        bool ok;
        assert_true(batch_read_key(&arena, DIALECT_POSTGRES, cases[i].text, &names, &ok, &err));
        assert_int_equal(ok, cases[i].count > 0);
        if (ok)
            assert_int_equal(names.count, cases[i].count);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),
        cmocka_unit_test(refusals),
        cmocka_unit_test(changed_columns),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
