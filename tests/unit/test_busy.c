/* The library where a SQLite file is in use by others for a moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pawl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One that has the file and lets it go after a while. */
struct user {
    char folder[64], url[96];
    sqlite3 *handle;
    pthread_t thread;
    unsigned held_us;
};

static void execute(sqlite3 *handle, const char *sql)
{
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int set_up(void **state)
{
    struct user *const user = calloc(1, sizeof *user);
    char path[96];
    assert_non_null(user);
    (void)snprintf(user->folder, sizeof user->folder, "/tmp/pawl-test-XXXXXX");
    assert_non_null(mkdtemp(user->folder));
    (void)snprintf(user->url, sizeof user->url, "sqlite:%s/db", user->folder);
    (void)snprintf(path, sizeof path, "%s/20250101090000_a.sql", user->folder);
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("CREATE TABLE a (id INTEGER);", file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(path, sizeof path, "%s/db", user->folder);
    assert_int_equal(sqlite3_open(path, &user->handle), SQLITE_OK);
    *state = user;
    return 0;
}

static int tear_down(void **state)
{
    struct user *const user = *state;
    char command[160];
    assert_int_equal(sqlite3_close(user->handle), SQLITE_OK);
    (void)snprintf(command, sizeof command, "rm -r %s", user->folder);
    assert_int_equal(system(command), 0);
    free(user);
    return 0;
}

static void *let_go(void *context)
{
    struct user *const user = context;
    (void)usleep(user->held_us);
    (void)sqlite3_exec(user->handle, "COMMIT", NULL, NULL, NULL);
    return NULL;
}

static void hold(struct user *user, unsigned held_us)
{
    user->held_us = held_us;
    execute(user->handle, "BEGIN EXCLUSIVE");
    assert_int_equal(pthread_create(&user->thread, NULL, let_go, user), 0);
}

static struct pawl *open_user(struct user *user, pawl_event_fn *on_event)
{
    struct pawl_options options = PAWL_OPTIONS_INIT;
    struct pawl *pawl = NULL;
    options.url = user->url;
    options.migrations = user->folder;
    options.on_event = on_event;
    options.context = user;
    assert_int_equal(pawl_open(&options, &pawl), PAWL_OK);
    return pawl;
}

/* A plan has no wait of its own: it waits as status does. */
static void a_plan_waits_for_the_file(void **state)
{
    struct user *const user = *state;
    const struct pawl_plan_result *plan = NULL;
    struct pawl *const pawl = open_user(user, NULL);
    hold(user, 300000);
    const enum pawl_code code = pawl_plan(pawl, &plan);
    assert_string_equal(pawl_last_error(pawl)->message, "");
    assert_int_equal(code, PAWL_OK);
    assert_int_equal(plan->pending_count, 1);
    assert_int_equal(pthread_join(user->thread, NULL), 0);
    pawl_close(pawl);
}

static void hold_once_applied(void *context, const struct pawl_event *event)
{
    if (event->type == PAWL_EVENT_APPLIED)
        hold(context, 1500000);
}

/* A deploy that has done its work says so, however long others are in the way: without its last
 * row the next deploy would call it abandoned. */
static void the_end_of_a_deploy_is_recorded(void **state)
{
    struct user *const user = *state;
    sqlite3_stmt *statement = NULL;
    struct pawl *const pawl = open_user(user, hold_once_applied);
    assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_OK);
    assert_int_equal(pthread_join(user->thread, NULL), 0);
    assert_int_equal(sqlite3_prepare_v2(user->handle,
                                        "SELECT event FROM pawl_journal ORDER BY seq DESC", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "end");
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    pawl_close(pawl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plan_waits_for_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_deploy_is_recorded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
