/* The library through pawl.h alone, on SQLite: what a program sees of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pawl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- a checkout in a temporary folder ---- */

struct checkout {
    char folder[64];
    char migrations[96], url[96];
};

static const char users[] = "CREATE TABLE users (id INTEGER PRIMARY KEY);";
static const char email[] = "ALTER TABLE users ADD COLUMN email TEXT;";

static const char users_id[] = "20250101090000_users";
static const char email_id[] = "20250102090000_email";

static void write_file(const struct checkout *checkout, const char *name, const char *text)
{
    char path[sizeof checkout->migrations + 128];
    (void)snprintf(path, sizeof path, "%s/%s", checkout->migrations, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void write_migration(const struct checkout *checkout, const char *id, const char *text)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s.sql", id);
    write_file(checkout, name, text);
}

static void remove_migration(const struct checkout *checkout, const char *id)
{
    char path[sizeof checkout->migrations + 128];
    (void)snprintf(path, sizeof path, "%s/%s.sql", checkout->migrations, id);
    assert_int_equal(unlink(path), 0);
}

static int set_up(void **state)
{
    struct checkout *const checkout = calloc(1, sizeof *checkout);
    assert_non_null(checkout);
    (void)snprintf(checkout->folder, sizeof checkout->folder, "/tmp/pawl-test-XXXXXX");
    assert_non_null(mkdtemp(checkout->folder));
    (void)snprintf(checkout->migrations, sizeof checkout->migrations, "%s/m", checkout->folder);
    (void)snprintf(checkout->url, sizeof checkout->url, "sqlite:%s/db", checkout->folder);
    char command[160];
    (void)snprintf(command, sizeof command, "mkdir %s", checkout->migrations);
    assert_int_equal(system(command), 0);
    write_migration(checkout, users_id, users);
    write_migration(checkout, email_id, email);
    *state = checkout;
    return 0;
}

static int tear_down(void **state)
{
    struct checkout *const checkout = *state;
    char command[160];
    (void)snprintf(command, sizeof command, "rm -r %s", checkout->folder);
    assert_int_equal(system(command), 0);
    free(checkout);
    return 0;
}

static struct pawl_options options_of(const struct checkout *checkout)
{
    struct pawl_options options = PAWL_OPTIONS_INIT;
    options.url = checkout->url;
    options.migrations = checkout->migrations;
    return options;
}

static struct pawl *open_with(const struct pawl_options *options)
{
    struct pawl *pawl = NULL;
    const enum pawl_code code = pawl_open(options, &pawl);
    assert_non_null(pawl);
    assert_string_equal(pawl_last_error(pawl)->message, "");
    assert_int_equal(code, PAWL_OK);
    return pawl;
}

static struct pawl *open_checkout(const struct checkout *checkout)
{
    const struct pawl_options options = options_of(checkout);
    return open_with(&options);
}

static void deploy_ok(const struct checkout *checkout, size_t expected)
{
    struct pawl *const pawl = open_checkout(checkout);
    const struct pawl_deploy_result *result = NULL;
    const enum pawl_code code = pawl_deploy(pawl, 0, &result);
    assert_string_equal(pawl_last_error(pawl)->message, "");
    assert_int_equal(code, PAWL_OK);
    assert_int_equal(result->applied_count, expected);
    assert_int_equal(result->pending_count, 0);
    pawl_close(pawl);
}

/* How many rows the ledger has: what a refusal must not change. */
static long head_seq(const struct checkout *checkout)
{
    struct pawl *const pawl = open_checkout(checkout);
    const struct pawl_status_result *result = NULL;
    assert_int_equal(pawl_status(pawl, &result), PAWL_OK);
    const long seq = result->head != NULL ? strtol(result->head, NULL, 10) : 0;
    pawl_close(pawl);
    return seq;
}

static const struct pawl_finding *find(const struct pawl *pawl, const char *rule)
{
    size_t count = 0;
    const struct pawl_finding *const *const list = pawl_findings(pawl, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i]->rule, rule) == 0)
            return list[i];
    return NULL;
}

/* ---- options ---- */

static void the_version_is_one(void **state)
{
    (void)state;
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", PAWL_VERSION_NUMBER / 1000000,
                   PAWL_VERSION_NUMBER / 1000 % 1000, PAWL_VERSION_NUMBER % 1000);
    assert_string_equal(pawl_version(), text);
    assert_string_equal(PAWL_VERSION, text); /* of the build */
    assert_int_equal(pawl_version_number(), PAWL_VERSION_NUMBER);
}

static void wrong_options_are_told(void **state)
{
    const struct checkout *const checkout = *state;
    struct {
        const char *message;
        struct pawl_options options;
    } rows[] = {
        {"option url is missing", PAWL_OPTIONS_INIT},
        {"option url", options_of(checkout)},
        {"environment variable \"PAWL_TEST_NOT_SET\" is not set", options_of(checkout)},
        {"option naming: \"timestmap\" is not one of", options_of(checkout)},
        {"option dialect", options_of(checkout)},
        {"option ledger", options_of(checkout)},
        {"option out_of_order", options_of(checkout)},
        {"option missing", options_of(checkout)},
        {"option connect_timeout_ms: \"999ms\" is out of range", options_of(checkout)},
        {"option lock_timeout_ms", options_of(checkout)},
        {"option lock_budget_ms", options_of(checkout)},
        {"size is not", options_of(checkout)},
    };
    rows[1].options.url = "mysql://host/db";
    rows[2].options.url = "env:PAWL_TEST_NOT_SET";
    rows[3].options.naming = "timestmap";
    rows[4].options.dialect = "oracle";
    rows[5].options.ledger = "";
    rows[6].options.out_of_order = "maybe";
    rows[7].options.missing = "ignore";
    rows[8].options.connect_timeout_ms = 999;
    rows[9].options.lock_timeout_ms = -1;
    rows[10].options.lock_budget_ms = INT64_MAX;
    rows[11].options.size = 8;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pawl *pawl = NULL;
        assert_int_equal(pawl_open(&rows[i].options, &pawl), PAWL_USAGE);
        assert_non_null(pawl);
        assert_int_equal(pawl_last_error(pawl)->code, PAWL_USAGE);
        if (strstr(pawl_last_error(pawl)->message, rows[i].message) == NULL)
            fail_msg("row %zu: %s", i, pawl_last_error(pawl)->message);
        /* Such a handle says the same for ever, and touches nothing. */
        assert_int_equal(pawl_ready(pawl, 0, NULL), PAWL_USAGE);
        assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_USAGE);
        assert_non_null(strstr(pawl_last_error(pawl)->message, rows[i].message));
        pawl_close(pawl);
    }
    assert_int_equal(head_seq(checkout), 0);
}

static void null_is_understood(void **state)
{
    (void)state;
    struct pawl *pawl = NULL;
    size_t count = 7;
    const struct pawl_deploy_result *deployed = (const void *)&count;
    assert_int_equal(pawl_open(NULL, NULL), PAWL_USAGE);
    assert_int_equal(pawl_open(NULL, &pawl), PAWL_USAGE);
    assert_string_equal(pawl_last_error(pawl)->message, "the options are NULL");
    pawl_close(pawl);
    pawl_close(NULL);
    assert_int_equal(pawl_ready(NULL, 0, NULL), PAWL_FAILED);
    assert_int_equal(pawl_status(NULL, NULL), PAWL_FAILED);
    assert_int_equal(pawl_plan(NULL, NULL), PAWL_FAILED);
    assert_int_equal(pawl_deploy(NULL, 0, &deployed), PAWL_FAILED);
    assert_null(deployed);
    assert_string_equal(pawl_last_error(NULL)->message, "out of memory");
    assert_null(pawl_findings(NULL, &count));
    assert_int_equal(count, 0);
}

static void structs_of_other_versions_are_understood(void **state)
{
    const struct checkout *const checkout = *state;
    struct pawl *pawl = NULL;
    struct {
        struct pawl_options options;
        int64_t later[2];
    } newer = {options_of(checkout), {0, 0}};
    newer.options.size = sizeof newer;
    assert_int_equal(pawl_open(&newer.options, &pawl), PAWL_OK);
    pawl_close(pawl);

    newer.later[1] = 1;
    assert_int_equal(pawl_open(&newer.options, &pawl), PAWL_USAGE);
    assert_non_null(strstr(pawl_last_error(pawl)->message, "does not know"));
    pawl_close(pawl);

    /* What an older struct does not have is not looked at. */
    struct pawl_options older = options_of(checkout);
    older.size = offsetof(struct pawl_options, naming);
    older.naming = "nonsense";
    pawl = open_with(&older);
    assert_int_equal(pawl_ready(pawl, 0, NULL), PAWL_NOT_READY);
    pawl_close(pawl);
}

/* ---- ready, deploy, status, plan ---- */

static void from_nothing_to_ready(void **state)
{
    const struct checkout *const checkout = *state;
    struct pawl *const pawl = open_checkout(checkout);
    const struct pawl_ready_result *answer = NULL;
    const struct pawl_deploy_result *deployed = NULL;

    assert_int_equal(pawl_ready(pawl, 0, &answer), PAWL_NOT_READY);
    assert_non_null(strstr(answer->reason, "has no ledger"));
    assert_string_equal(pawl_last_error(pawl)->message, answer->reason);
    assert_non_null(pawl_last_error(pawl)->hint);
    assert_int_equal(pawl_last_error(pawl)->retryable, 1);

    assert_int_equal(pawl_deploy(pawl, -1, &deployed), PAWL_OK);
    assert_string_equal(pawl_last_error(pawl)->message, "");
    assert_int_equal(deployed->applied_count, 2);
    assert_string_equal(deployed->applied[0]->id, users_id);
    assert_string_equal(deployed->applied[1]->id, email_id);
    assert_true(deployed->applied[1]->elapsed_ms >= 0);
    assert_int_equal(strlen(deployed->applied[0]->checksum), 64);
    assert_non_null(strchr(deployed->applied[1]->receipt, ':'));
    assert_int_equal(deployed->pending_count, 0);
    assert_non_null(strchr(deployed->head, ':'));

    assert_int_equal(pawl_ready(pawl, INT64_MAX, &answer), PAWL_OK);
    assert_int_equal(answer->missing_count + answer->passed_count + answer->edited_count, 0);
    const long head = head_seq(checkout);
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_OK);
    assert_int_equal(deployed->applied_count, 0);
    assert_int_equal(head_seq(checkout), head);

    write_migration(checkout, "20250103090000_more", "CREATE TABLE more (id INTEGER);");
    assert_int_equal(pawl_ready(pawl, 0, &answer), PAWL_NOT_READY);
    assert_int_equal(answer->missing_count, 1);
    assert_string_equal(answer->missing[0], "20250103090000_more");
    pawl_close(pawl);
}

static void status_shows_each_migration(void **state)
{
    const struct checkout *const checkout = *state;
    const struct pawl_status_result *status = NULL;
    struct pawl *const pawl = open_checkout(checkout);
    assert_int_equal(pawl_status(pawl, &status), PAWL_OK);
    assert_int_equal(status->ledger, 0);
    assert_null(status->head);
    assert_int_equal(status->pending, 2);
    deploy_ok(checkout, 2);
    remove_migration(checkout, email_id);
    write_migration(checkout, users_id, "CREATE TABLE users (id TEXT);");
    write_migration(checkout, "20250103090000_more", "SELECT 1;");
    write_migration(checkout, "1751529530394_precise", "SELECT 1;");

    assert_int_equal(pawl_status(pawl, &status), PAWL_OK);
    assert_int_equal(status->ledger, 1);
    assert_int_equal(status->chain_whole, 1);
    assert_int_equal(status->applied, 2);
    assert_int_equal(status->pending, 1);
    assert_int_equal(status->missing, 1);
    assert_int_equal(status->bad_names, 1);
    static const struct {
        const char *id;
        enum pawl_state state;
    } rows[] = {
        {users_id, PAWL_STATE_EDITED},
        {"20250103090000_more", PAWL_STATE_PENDING},
        {"1751529530394_precise", PAWL_STATE_BAD_NAME},
        {email_id, PAWL_STATE_NOT_IN_SET},
    };
    assert_int_equal(status->migration_count, COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pawl_migration *const m = status->migrations[i];
        assert_string_equal(m->id, rows[i].id);
        assert_int_equal(m->state, rows[i].state);
        assert_string_equal(m->kind, "schema");
        assert_string_equal(m->phase, "expand");
        /* Only what is applied has a time, and it is today's. */
        if (i == 0 || i == 3)
            assert_true(llabs(m->applied_at_us / 1000000 - (long long)time(NULL)) < 3600);
        else
            assert_int_equal(m->applied_at_us, -1);
    }
    pawl_close(pawl);
}

static void a_plan_changes_nothing(void **state)
{
    const struct checkout *const checkout = *state;
    const struct pawl_plan_result *plan = NULL;
    struct pawl *pawl = open_checkout(checkout);
    assert_int_equal(pawl_plan(pawl, &plan), PAWL_OK);
    assert_int_equal(plan->pending_count, 2);
    assert_string_equal(plan->pending[0]->id, users_id);
    assert_int_equal(plan->pending[0]->statements, 1);
    assert_null(plan->head);
    assert_int_not_equal(access(checkout->url + strlen("sqlite:"), F_OK), 0);
    pawl_close(pawl);

    struct pawl_options options = options_of(checkout);
    options.to = users_id;
    pawl = open_with(&options);
    const struct pawl_deploy_result *deployed = NULL;
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_OK);
    assert_int_equal(deployed->applied_count, 1);
    pawl_close(pawl);

    /* A rename is recorded, an edit refused with its reason. */
    remove_migration(checkout, users_id);
    write_migration(checkout, "20250101090001_users", users);
    pawl = open_checkout(checkout);
    assert_int_equal(pawl_plan(pawl, &plan), PAWL_OK);
    assert_int_equal(plan->renamed_count, 1);
    assert_string_equal(plan->renamed[0]->known_as, users_id);
    assert_int_equal(plan->pending_count, 1);
    write_migration(checkout, users_id, email);
    const long head = head_seq(checkout);
    assert_int_equal(pawl_plan(pawl, &plan), PAWL_REFUSED);
    assert_non_null(plan);
    assert_non_null(find(pawl, "edited"));
    assert_int_equal(find(pawl, "edited")->severity, PAWL_ERROR);
    assert_non_null(find(pawl, "edited")->fix);
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_REFUSED);
    assert_int_equal(deployed->applied_count, 0);
    assert_int_equal(head_seq(checkout), head);
    pawl_close(pawl);
}

static void a_failure_says_what_stands(void **state)
{
    const struct checkout *const checkout = *state;
    const struct pawl_deploy_result *deployed = NULL;
    write_migration(checkout, "20250103090000_bad", "SELECT 1;\nCREATE TABLE users (id TEXT);");
    write_migration(checkout, "20250104090000_later", "SELECT 1;");
    struct pawl *const pawl = open_checkout(checkout);
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_FAILED);
    const struct pawl_error *const error = pawl_last_error(pawl);
    assert_int_equal(error->code, PAWL_FAILED);
    assert_non_null(strstr(error->message, "users"));
    assert_non_null(strstr(error->file, "20250103090000_bad.sql"));
    assert_int_equal(error->line, 2);
    assert_non_null(error->state);
    assert_int_equal(deployed->applied_count, 2);
    assert_int_equal(deployed->pending_count, 2);
    assert_string_equal(deployed->pending[0]->id, "20250103090000_bad");

    write_migration(checkout, "20250103090000_bad", "SELECT 1;");
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_OK);
    assert_int_equal(deployed->applied_count, 2);
    pawl_close(pawl);
}

static void a_contract_step_stops_older_code_for_ever(void **state)
{
    const struct checkout *const checkout = *state;
    const struct pawl_ready_result *answer = NULL;
    write_migration(checkout, "20250103090000_drop", "-- pawl: phase=contract\nDROP TABLE users;");
    deploy_ok(checkout, 3);
    remove_migration(checkout, "20250103090000_drop");
    struct pawl *const pawl = open_checkout(checkout);
    /* Without waiting, as it would not help. */
    assert_int_equal(pawl_ready(pawl, 60000, &answer), PAWL_NEVER_READY);
    assert_int_equal(answer->passed_count, 1);
    assert_string_equal(answer->passed[0], "20250103090000_drop");
    assert_int_equal(pawl_last_error(pawl)->retryable, 0);
    const struct pawl_deploy_result *deployed = NULL;
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_OK);
    assert_int_equal(deployed->older_code, 1);
    pawl_close(pawl);
}

static void an_edit_is_a_warning_to_ready(void **state)
{
    const struct checkout *const checkout = *state;
    const struct pawl_ready_result *answer = NULL;
    deploy_ok(checkout, 2);
    write_migration(checkout, email_id, "ALTER TABLE users ADD COLUMN mail TEXT;");
    struct pawl *const pawl = open_checkout(checkout);
    assert_int_equal(pawl_ready(pawl, 0, &answer), PAWL_OK);
    assert_int_equal(answer->edited_count, 1);
    assert_string_equal(answer->edited[0], email_id);
    pawl_close(pawl);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    const struct checkout *const checkout = *state;
    struct pawl_options options = options_of(checkout);
    const struct pawl_ready_result *answer = (const void *)&options;
    options.migrations = "/nowhere/at all";
    struct pawl *pawl = open_with(&options);
    assert_int_equal(pawl_ready(pawl, 0, &answer), PAWL_USAGE);
    assert_null(answer);
    assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_USAGE);
    assert_non_null(strstr(pawl_last_error(pawl)->message, "/nowhere/at all"));
    pawl_close(pawl);

    options = options_of(checkout);
    options.dialect = "postgres";
    pawl = open_with(&options);
    assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_USAGE);
    assert_int_equal(pawl_ready(pawl, 0, NULL), PAWL_USAGE);
    assert_non_null(strstr(pawl_last_error(pawl)->message, "the target is sqlite"));
    pawl_close(pawl);

    write_file(checkout, "../db",
               "this is no database, and longer than its header would have to be "
               "for anyone to think so at the very first look");
    pawl = open_checkout(checkout);
    assert_int_equal(pawl_ready(pawl, 0, NULL), PAWL_UNREACHABLE);
    assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_UNREACHABLE);
    pawl_close(pawl);
}

static void a_sum_that_does_not_fit_is_refused(void **state)
{
    const struct checkout *const checkout = *state;
    write_file(checkout, "pawl.sum",
               "pawl-sum 1 dialect=sqlite "
               "digest=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
    struct pawl *const pawl = open_checkout(checkout);
    assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_REFUSED);
    assert_non_null(strstr(pawl_last_error(pawl)->message, "pawl.sum does not fit"));
    assert_int_equal(head_seq(checkout), 0);
    pawl_close(pawl);
}

/* An instance of a release that nobody recorded, as `pawl run` registers it. */
static void register_instance(const struct checkout *checkout)
{
    static const char sql[] =
        "CREATE TABLE pawl_instance (release TEXT, instance TEXT, user TEXT, host TEXT,"
        " application_name TEXT, backend INTEGER, registered_at INTEGER, seen_at INTEGER,"
        " ttl INTEGER, left_at INTEGER, PRIMARY KEY (release, instance)) WITHOUT ROWID;"
        "INSERT INTO pawl_instance SELECT 'old', 'web-1', 'me', 'here', 'pawl', 1, t, t,"
        " 3600 * 1000000, NULL FROM (SELECT unixepoch() * 1000000 AS t)";
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(checkout->url + strlen("sqlite:"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_contract_migration_is_held_and_says_for_whom(void **state)
{
    static const char drop_id[] = "20250103090000_drop", waits[] = "waits for release \"old\" (1 i";
    const struct checkout *const checkout = *state;
    const struct pawl_plan_result *plan = NULL;
    const struct pawl_deploy_result *deployed = NULL;
    const struct pawl_status_result *status = NULL;
    deploy_ok(checkout, 2);
    register_instance(checkout);
    write_migration(checkout, drop_id,
                    "-- pawl: phase=contract\nALTER TABLE users DROP COLUMN email;");
    struct pawl *const pawl = open_checkout(checkout);
    assert_int_equal(pawl_plan(pawl, &plan), PAWL_OK);
    assert_int_equal(plan->pending_count, 0);
    assert_int_equal(plan->held_count, 1);
    assert_string_equal(plan->held[0]->id, drop_id);
    assert_int_equal(plan->held[0]->state, PAWL_STATE_HELD);
    assert_int_equal(plan->held[0]->statements, 1);
    assert_memory_equal(plan->held[0]->why, waits, strlen(waits));

    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_OK);
    assert_int_equal(deployed->applied_count, 0);
    assert_int_equal(deployed->pending_count, 0);
    assert_int_equal(deployed->held_count, 1);
    assert_string_equal(deployed->held[0]->phase, "contract");
    assert_memory_equal(deployed->held[0]->why, waits, strlen(waits));

    assert_int_equal(pawl_status(pawl, &status), PAWL_OK);
    assert_int_equal(status->applied, 2);
    assert_int_equal(status->pending, 0);
    assert_int_equal(status->held, 1);
    assert_int_equal(status->migrations[2]->state, PAWL_STATE_HELD);
    assert_null(status->migrations[2]->why);
    pawl_close(pawl);
}

static void a_release_is_one_set(void **state)
{
    const struct checkout *const checkout = *state;
    struct pawl_options options = options_of(checkout);
    options.release = "1.0";
    struct pawl *const pawl = open_with(&options);
    assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_OK);
    write_migration(checkout, "20250103090000_more", "SELECT 1;");
    const long head = head_seq(checkout);
    assert_int_equal(pawl_deploy(pawl, 0, NULL), PAWL_REFUSED);
    assert_non_null(strstr(pawl_last_error(pawl)->message, "release \"1.0\""));
    assert_int_equal(head_seq(checkout), head);
    pawl_close(pawl);
}

static void a_password_is_in_no_text(void **state)
{
    const struct checkout *const checkout = *state;
    struct pawl_options options = options_of(checkout);
    options.url = "postgres://app:s3cret@127.0.0.1:1/shop";
    struct pawl *const pawl = open_with(&options);
    assert_int_equal(pawl_ready(pawl, 0, NULL), PAWL_UNREACHABLE);
    const struct pawl_error *const error = pawl_last_error(pawl);
    const char *const texts[] = {error->message, error->detail, error->state, error->hint};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_true(texts[i] == NULL || strstr(texts[i], "s3cret") == NULL);
    assert_int_equal(error->retryable, 1);
    pawl_close(pawl);
}

/* ---- events, stopping, threads ---- */

struct heard {
    struct pawl *pawl;
    char text[512];
    bool used_handle;
};

static void hear(void *context, const struct pawl_event *event)
{
    struct heard *const heard = context;
    const size_t len = strlen(heard->text);
    if (event->type == PAWL_EVENT_MIGRATION || event->type == PAWL_EVENT_STATEMENT)
        (void)snprintf(heard->text + len, sizeof heard->text - len, "%c%zu/%zu ",
                       event->type == PAWL_EVENT_MIGRATION ? 'm' : 's', event->number,
                       event->total);
    if (event->type == PAWL_EVENT_APPLIED)
        (void)snprintf(heard->text + len, sizeof heard->text - len, "%s ", event->id);
    if (pawl_ready(heard->pawl, 0, NULL) == PAWL_USAGE &&
        pawl_deploy(heard->pawl, 0, NULL) == PAWL_USAGE)
        heard->used_handle = true;
}

static void events_tell_the_progress(void **state)
{
    const struct checkout *const checkout = *state;
    struct pawl_options options = options_of(checkout);
    const struct pawl_deploy_result *deployed = NULL;
    struct heard heard = {0};
    options.on_event = hear;
    options.context = &heard;
    struct pawl *const pawl = heard.pawl = open_with(&options);
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_OK);
    assert_string_equal(heard.text, "m1/2 s1/1 20250101090000_users "
                                    "m2/2 s1/1 20250102090000_email ");
    /* The handle was refused to the callback, and the deploy did not suffer. */
    assert_true(heard.used_handle);
    assert_int_equal(deployed->applied_count, 2);
    pawl_close(pawl);
}

static void a_readable_descriptor_stops(void **state)
{
    const struct checkout *const checkout = *state;
    struct pawl_options options = options_of(checkout);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    options.cancel_fd = ends[0];
    struct pawl *const pawl = open_with(&options);
    write_migration(checkout, "20250103090000_long",
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                    " INSERT INTO users SELECT max(i), '' FROM n;");
    assert_int_equal(write(ends[1], "", 1), 1);
    const struct pawl_deploy_result *deployed = NULL;
    assert_int_equal(pawl_deploy(pawl, 0, &deployed), PAWL_CANCELLED);
    assert_int_equal(pawl_last_error(pawl)->code, PAWL_CANCELLED);
    assert_int_equal(pawl_ready(pawl, 600000, NULL), PAWL_CANCELLED);
    /* The byte is still there: the library never reads it. */
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(pawl_ready(pawl, 0, NULL), PAWL_NOT_READY);
    pawl_close(pawl);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static void *deploy_thread(void *context)
{
    const struct checkout *const checkout = context;
    const struct pawl_options options = options_of(checkout);
    const struct pawl_deploy_result *deployed = NULL;
    struct pawl *pawl = NULL;
    intptr_t applied = -1;
    if (pawl_open(&options, &pawl) == PAWL_OK && pawl_deploy(pawl, 30000, &deployed) == PAWL_OK)
        applied = (intptr_t)deployed->applied_count;
    pawl_close(pawl);
    return (void *)applied;
}

/* Four handles in four threads: each migration is applied once, and everyone succeeds. */
static void handles_are_independent(void **state)
{
    struct checkout *const checkout = *state;
    pthread_t threads[4];
    intptr_t sum = 0;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, deploy_thread, checkout), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *applied = NULL;
        assert_int_equal(pthread_join(threads[i], &applied), 0);
        assert_true((intptr_t)applied >= 0);
        sum += (intptr_t)applied;
    }
    assert_int_equal(sum, 2);
}

static void ready_waits_for_a_deploy(void **state)
{
    struct checkout *const checkout = *state;
    struct pawl *const pawl = open_checkout(checkout);
    pthread_t thread;
    assert_int_equal(pawl_ready(pawl, 300, NULL), PAWL_NOT_READY);
    assert_int_equal(pthread_create(&thread, NULL, deploy_thread, checkout), 0);
    assert_int_equal(pawl_ready(pawl, 30000, NULL), PAWL_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pawl_close(pawl);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_version_is_one),
        TEST(wrong_options_are_told),
        TEST(null_is_understood),
        TEST(structs_of_other_versions_are_understood),
        TEST(from_nothing_to_ready),
        TEST(status_shows_each_migration),
        TEST(a_plan_changes_nothing),
        TEST(a_failure_says_what_stands),
        TEST(a_contract_step_stops_older_code_for_ever),
        TEST(an_edit_is_a_warning_to_ready),
        TEST(what_cannot_be_read_is_an_error),
        TEST(a_sum_that_does_not_fit_is_refused),
        TEST(a_contract_migration_is_held_and_says_for_whom),
        TEST(a_release_is_one_set),
        TEST(a_password_is_in_no_text),
        TEST(events_tell_the_progress),
        TEST(a_readable_descriptor_stops),
        TEST(handles_are_independent),
        TEST(ready_waits_for_a_deploy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
