/* check/shadow: which server; check/reach: what is not run there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/reach.h"
#include "check/shadow_place.h"

static const struct url target = {
    .engine = ENGINE_POSTGRES, .location = "postgres://h/target", .display = "postgres://h/target"};

static void the_setting_names_a_server(void **state)
{
    (void)state;
    static const struct {
        const char *value, *location, *error;
        bool is_local;
    } rows[] = {
        {"", NULL, NULL, false},
        {"target", "postgres://h/target", NULL, false},
        {"local", NULL, NULL, true},
        {"postgres://u:secret@h/db", "postgres://u:secret@h/db", NULL, false},
        {"host=h dbname=db", "host=h dbname=db", NULL, false},
        {"sqlite:x.db", NULL, "[check] shadow: sqlite:x.db is no PostgreSQL server", false},
        {"env:PAWL_TEST_NO_SUCH_VARIABLE", NULL, "[check] shadow: ", false},
        {"postgres://u:se@cret@h/db", NULL, "[check] shadow: ", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena = {0};
        struct err err = {0};
        struct shadow_place place;
        const bool ok =
            shadow_place_read(&arena, "[check] shadow", rows[i].value, ".", &target, &place, &err);
        assert_int_equal(ok, rows[i].error == NULL);
        if (!ok) {
            assert_int_equal(err.code, ERR_USAGE);
            assert_int_equal(strncmp(err.message, rows[i].error, strlen(rows[i].error)), 0);
            assert_null(strstr(err.message, "cret"));
        } else {
            assert_int_equal(place.is_local, rows[i].is_local);
            assert_null(place.local);
            if (rows[i].location == NULL)
                assert_null(place.server);
            else
                assert_string_equal(place.server->location, rows[i].location);
        }
        err_release(&err);
        arena_release(&arena);
    }
}

static const char *why(const char *statement)
{
    struct err err = {0};
    const char *reason = NULL;
    assert_true(reach_outside((struct span){statement, strlen(statement)}, &reason, &err));
    return reason;
}

static void what_reaches_outside(void **state)
{
    (void)state;
    static const char *const out[] = {
        "/* c */ create Role x",
        "ALTER USER MAPPING FOR u SERVER s OPTIONS (SET password 'x')",
        "GRANT a, b TO c WITH ADMIN OPTION",
        "REVOKE ALL ON DATABASE d FROM PUBLIC",
        "DROP SUBSCRIPTION s",
        "COMMENT ON SUBSCRIPTION s IS 'x'",
        "COPY t FROM PROGRAM 'x'",
        "SELECT dblink_exec('x')",
        "CREATE MATERIALIZED VIEW v AS SELECT * FROM pg_read_file('x')",
        "DO $a$ BEGIN EXECUTE $b$ DROP DATABASE x $b$; END $a$",
        "DO LANGUAGE plpgsql 'BEGIN PERFORM \"pg_cancel_backend\"(1); END'",
        "WITH x AS (SELECT 'COPY t TO ''/f''' AS q) SELECT run(q) FROM x",
        "EXPLAIN ANALYZE SELECT pg_terminate_backend(1)",
        "PREPARE p AS SELECT lo_import('/f')",
        "CREATE LANGUAGE plpython3u",
        "create or replace procedural language \"plperlu\"",
    };
    static const char *const in[] = {
        "",
        "CREATE TABLE role(id int)",
        "ALTER TABLE t RENAME copy TO load",
        "ALTER TABLE t SET TABLESPACE x",
        "GRANT SELECT ON t TO r",
        "GRANT ALL ON SCHEMA s TO r",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'ALTER SYSTEM SET a = 1'",
        "COMMENT ON TABLE t IS 'DROP DATABASE x'",
        "SELECT 'pg_terminate_backends are evil'",
        "CREATE EXTENSION citext",
        "CREATE TRUSTED LANGUAGE plpgsql",
        "DO $$ BEGIN EXECUTE 'CREATE TABLE t()'; END $$",
    };
    for (size_t i = 0; i < COUNT_OF(out); i++)
        if (why(out[i]) == NULL)
            fail_msg("stays inside: %s", out[i]);
    for (size_t i = 0; i < COUNT_OF(in); i++)
        if (why(in[i]) != NULL)
            fail_msg("reaches outside, as %s: %s", why(in[i]), in[i]);
    assert_string_equal(why("CREATE ROLE x"), "it changes roles");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_setting_names_a_server),
        cmocka_unit_test(what_reaches_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
