/* The command that ends a session, for each kind of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "db/sessions.h"

struct sample {
    struct pg_session session;
    const char *command, *right;
};

static const struct sample samples[] = {
    {{.pid = 7, .user = "app", .type = "client backend", .state = "active"},
     "SELECT pg_cancel_backend(7)",
     "the role \"app\", a member of it or of pg_signal_backend, or a superuser"},
    {{.pid = 7, .user = "app", .type = "client backend", .state = "idle in transaction"},
     "SELECT pg_terminate_backend(7)",
     "the role \"app\", a member of it or of pg_signal_backend, or a superuser"},
    {{.pid = 7, .user = "app", .type = "client backend", .state = "idle"},
     "SELECT pg_terminate_backend(7)",
     "the role \"app\", a member of it or of pg_signal_backend, or a superuser"},
    /* Hidden: only that it waits is known, or nothing. */
    {{.pid = 7, .user = "app", .hidden = true, .lock_mode = "ShareLock"},
     "SELECT pg_cancel_backend(7)",
     "the role \"app\", a member of it or of pg_signal_backend, or a superuser"},
    {{.pid = 7, .user = "app", .hidden = true},
     "SELECT pg_terminate_backend(7)",
     "the role \"app\", a member of it or of pg_signal_backend, or a superuser"},
    {{.pid = 7, .user = "dba", .superuser = true, .type = "client backend", .state = "active"},
     "SELECT pg_cancel_backend(7)",
     "a superuser"},
    {{.pid = 7, .superuser = true, .type = "autovacuum worker", .autovacuum = true},
     "SELECT pg_cancel_backend(7)",
     "a superuser"},
    {{.pid = 7, .user = "copy", .type = "walsender", .state = "active"},
     "SELECT pg_terminate_backend(7)",
     "the role \"copy\", a member of it or of pg_signal_backend, or a superuser"},
    {{.pid = 7, .leader = 6, .user = "app", .type = "parallel worker", .state = "active"},
     "SELECT pg_cancel_backend(6)",
     "the role \"app\", a member of it or of pg_signal_backend, or a superuser"},
    {{.gid = "it's", .user = "app", .database = "shop"},
     "ROLLBACK PREPARED 'it''s'",
     "in the database \"shop\", the role \"app\" or a superuser"},
    {{.gid = "a\\b'\n", .user = "app", .database = "shop"},
     "ROLLBACK PREPARED E'a\\\\b''\\x0a'",
     "in the database \"shop\", the role \"app\" or a superuser"},
};

static void test_the_command_that_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        CLEANUP(arena_release) struct arena arena = {0};
        CLEANUP(err_release) struct err err = {0};
        struct pg_session_end end;
        assert_true(pg_session_end(&arena, &samples[i].session, &end, &err));
        assert_string_equal(end.command, samples[i].command);
        assert_string_equal(end.right, samples[i].right);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_command_that_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
