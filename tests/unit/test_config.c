/* conf/config: ranking, checks, suggestions, and which target a command works on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "conf/config.h"

static char folder[] = "/tmp/pawl-config-XXXXXX";

struct fixture {
    struct arena arena;
    struct err err;
    struct config config;
};

static void release(struct fixture *fixture)
{
    arena_release(&fixture->arena);
    err_release(&fixture->err);
}

static bool load(struct fixture *fixture, const char *text)
{
    if (!fs_write("test.conf", text, strlen(text), &fixture->err))
        return false;
    return config_load(&fixture->arena, "test.conf", &fixture->config, &fixture->err);
}

static void table_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        assert_int_equal(settings[i].id, i);
        assert_non_null(settings[i].name);
        assert_non_null(settings[i].unit);
        assert_non_null(settings[i].initial);
        assert_non_null(settings[i].text);
    }
}

static void defaults_without_a_file(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    assert_true(config_load(&f.arena, NULL, &f.config, &f.err));
    assert_null(f.config.path);
    assert_string_equal(f.config.folder, ".");
    assert_string_equal(f.config.values[SETTING_MIGRATIONS].text, "migrations");
    assert_int_equal(f.config.values[SETTING_LOCK_TIMEOUT].number, 400);
    assert_int_equal(f.config.values[SETTING_WAIT].number, 600000);
    assert_int_equal(f.config.values[SETTING_NAMING].number, 0);
    assert_int_equal(f.config.values[SETTING_NAMING].origin, ORIGIN_DEFAULT);
    assert_int_equal(f.config.targets.count, 0);
}

static void default_file_is_found(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    static const char text[] = "[pawl]\nnaming = epoch\n";
    assert_true(fs_write(CONFIG_FILE_NAME, text, sizeof text - 1, &f.err));
    const bool loaded = config_load(&f.arena, NULL, &f.config, &f.err);
    assert_int_equal(unlink(CONFIG_FILE_NAME), 0);
    assert_true(loaded);
    assert_string_equal(f.config.path, CONFIG_FILE_NAME);
    assert_string_equal(f.config.values[SETTING_NAMING].text, "epoch");
}

static void values_rank(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    assert_int_equal(setenv("PAWL_LOCK_TIMEOUT", "2s", 1), 0);
    assert_int_equal(setenv("PAWL_NAMING", "", 1), 0);
    const bool loaded = load(&f, "[pawl]\nnaming = logto\n[deploy]\nlock_timeout = 1s\nwait = 0\n");
    assert_int_equal(unsetenv("PAWL_LOCK_TIMEOUT"), 0);
    assert_int_equal(unsetenv("PAWL_NAMING"), 0);
    assert_true(loaded);
    const struct value *values = f.config.values;
    assert_int_equal(values[SETTING_WAIT].number, 0);
    assert_int_equal(values[SETTING_WAIT].origin, ORIGIN_FILE);
    assert_int_equal(values[SETTING_WAIT].line, 5);
    assert_int_equal(values[SETTING_LOCK_TIMEOUT].number, 2000);
    assert_int_equal(values[SETTING_LOCK_TIMEOUT].origin, ORIGIN_ENVIRONMENT);
    assert_int_equal(values[SETTING_NAMING].number, 2); /* an empty variable is not set */
    assert_true(
        config_set(&f.arena, &f.config, SETTING_LOCK_TIMEOUT, "3s", "--lock-timeout", &f.err));
    assert_int_equal(values[SETTING_LOCK_TIMEOUT].number, 3000);
    assert_int_equal(values[SETTING_LOCK_TIMEOUT].origin, ORIGIN_FLAG);
}

static void bad_files_are_refused_with_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
        int line, column;
    } cases[] = {
        {"[pawl]\nnamng = epoch\n", "unknown setting \"namng\" in [pawl]",
         "Did you mean \"naming\"?", 2, 1},
        {"[pawl]\nlock_timeout = 1s\n", "unknown setting", "It belongs into [deploy].", 2, 1},
        {"[deploy]\nurl = sqlite:x\n", "unknown setting", "It belongs into [target.NAME].", 2, 1},
        {"[target.a]\nurl = sqlite:x\nnaming = epoch\n", "unknown setting",
         "It belongs into [pawl].", 3, 1},
        {"[pawl]\nnaming = epoc\n", "naming: \"epoc\" is not one of", "Did you mean \"epoch\"?", 2,
         10},
        {"[pawl]\nmigrations =\n", "migrations: the value is empty", NULL, 2, 13},
        {"[deploy]\nwait = 5\n", "wait: \"5\" is not a duration", "400ms", 2, 8},
        {"[deploy]\nlock_timeout = 0\n", "out of range: 1ms to 1h", NULL, 2, 16},
        {"[deploy]\nlock_timeout = 2h\n", "out of range", NULL, 2, 16},
        {"[backup]\nmax_database_size = 2\n", "\"2\" is not a size", "20MB", 2, 21},
        {"[backup]\nmax_database_size = 9223372036854775807TB\n", "is not a size", "20MB", 2, 21},
        {"[backup]\nmax_database_size = 1kB\n", "is out of range: 1.0 MB to ", NULL, 2, 21},
        {"[backup]\nmin_size = 50\n", "\"50\" is not a part in percent", "50%", 2, 12},
        {"[backup]\nmin_size = 101%\n", "is not a part in percent", "100", 2, 12},
        {"[deply]\n", "unknown section [deply]", "Did you mean [deploy]?", 1, 2},
        {"[target]\nurl = sqlite:x\n", "unknown section [target]", "[target.main]", 1, 2},
        {"[target.]\nurl = sqlite:x\n", "unknown section [target.]", "[target.main]", 1, 2},
        {"[xyzzyxyzzy]\n", "unknown section", "The sections are", 1, 2},
        {"[target.a]\nledger = x\n", "[target.a] has no url", "env:NAME", 1, 2},
        {"[target.a]\nurl =\n", "url: the value is empty", NULL, 2, 6},
        {"[target.a]\nurl = sqlite:x\nledger = "
         "a123456789012345678901234567890123456789012345678901234567890123\n",
         "ledger: the value is longer than 63 bytes", NULL, 3, 10},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(release) struct fixture f = {0};
        assert_false(load(&f, cases[i].text));
        assert_int_equal(f.err.code, ERR_USAGE);
        assert_non_null(strstr(f.err.message, cases[i].message));
        if (cases[i].hint != NULL)
            assert_non_null(strstr(f.err.hint, cases[i].hint));
        assert_string_equal(f.err.file, "test.conf");
        assert_int_equal(f.err.line, cases[i].line);
        assert_int_equal(f.err.column, cases[i].column);
    }
}

static void sizes_and_parts_are_numbers(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    assert_true(load(&f, "[backup]\nmax_database_size = 3GB\nmin_size = 0%\n"));
    assert_int_equal(f.config.values[SETTING_BACKUP_MAX_DATABASE].number, 3LL << 30);
    assert_int_equal(f.config.values[SETTING_BACKUP_MIN_SIZE].number, 0);
}

static void numbers_and_sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } sizes[] = {{"0", 0},          {"0MB", 0},         {"1B", 1},
                 {"512kB", 524288}, {"20MB", 20971520}, {"1TB", 1099511627776}},
      numbers[] = {{"0", 0}, {"007", 7}, {"10000", 10000}};
    static const char *const no_sizes[] = {"",
                                           "MB",
                                           "20",
                                           "20M",
                                           "20mb",
                                           "-1MB",
                                           "1.5MB",
                                           "1 MB",
                                           "2TB",
                                           "9999999999999999999999B",
                                           "999999999999999TB"};
    static const char *const no_numbers[] = {"", "-1", "10001", "1%", "1.5", " 1", "0x10"};
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    assert_true(load(&f, "[backfill]\nmax_wal_rate = 20MB\nrest = 300\n"));
    assert_int_equal(f.config.values[SETTING_MAX_WAL_RATE].number, 20971520);
    assert_int_equal(f.config.values[SETTING_REST].number, 300);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_true(
            config_set(&f.arena, &f.config, SETTING_MAX_WAL_RATE, sizes[i].text, "--rate", &f.err));
        assert_int_equal(f.config.values[SETTING_MAX_WAL_RATE].number, sizes[i].number);
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        assert_true(
            config_set(&f.arena, &f.config, SETTING_REST, numbers[i].text, "--rest", &f.err));
        assert_int_equal(f.config.values[SETTING_REST].number, numbers[i].number);
    }
    for (size_t i = 0; i < COUNT_OF(no_sizes); i++)
        assert_false(
            config_set(&f.arena, &f.config, SETTING_MAX_WAL_RATE, no_sizes[i], "--rate", &f.err));
    for (size_t i = 0; i < COUNT_OF(no_numbers); i++)
        assert_false(
            config_set(&f.arena, &f.config, SETTING_REST, no_numbers[i], "--rest", &f.err));
    assert_int_equal(f.err.code, ERR_USAGE);
    assert_int_equal(f.config.values[SETTING_REST].number, 10000);
}

static void bad_environment_and_flags_are_named(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    assert_int_equal(setenv("PAWL_OUT_OF_ORDER", "applly", 1), 0);
    const bool loaded = load(&f, "");
    assert_int_equal(unsetenv("PAWL_OUT_OF_ORDER"), 0);
    assert_false(loaded);
    assert_non_null(strstr(f.err.message, "environment variable PAWL_OUT_OF_ORDER"));
    assert_string_equal(f.err.hint, "Did you mean \"apply\"?");
    assert_false(config_set(&f.arena, &f.config, SETTING_NAMING, "x\x1b", "--naming", &f.err));
    assert_non_null(strstr(f.err.message, "--naming: \"x\\x1b\""));
    assert_false(
        config_set(&f.arena, &f.config, SETTING_MIGRATIONS, "a\nb", "--migrations", &f.err));
    assert_false(load(&f, "[pawl]\n") && config_load(&f.arena, "missing.conf", &f.config, &f.err));
    assert_int_equal(f.err.code, ERR_USAGE);
}

static void paths_start_from_where_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *path, *folder, *migrations;
    } cases[] = {
        {"test.conf", ".", "m"}, {"./test.conf", ".", "m"}, {"sub/c.conf", "sub", "sub/m"}};
    CLEANUP(release) struct fixture f = {0};
    static const char text[] = "[pawl]\nmigrations = m\n";
    assert_true(fs_make_folder("sub", &f.err));
    assert_true(fs_write("sub/c.conf", text, sizeof text - 1, &f.err));
    assert_true(fs_write("test.conf", text, sizeof text - 1, &f.err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(config_load(&f.arena, cases[i].path, &f.config, &f.err));
        assert_string_equal(f.config.folder, cases[i].folder);
        assert_string_equal(config_migrations(&f.arena, &f.config), cases[i].migrations);
    }
    /* A flag is typed in the current folder. */
    assert_true(config_set(&f.arena, &f.config, SETTING_MIGRATIONS, "n", "--migrations", &f.err));
    assert_string_equal(config_migrations(&f.arena, &f.config), "n");
    assert_int_equal(unlink("sub/c.conf"), 0);
    assert_int_equal(rmdir("sub"), 0);
}

static void the_target_is_chosen(void **state)
{
    (void)state;
    static const char one[] = "[target.main]\nurl = sqlite:main.db\nledger = led\n";
    static const char two[] =
        "[target.main]\nurl = sqlite:main.db\n[target.other]\nurl = sqlite:other.db\n";
    static const struct {
        const char *text, *target, *url, *pawl_url, *database_url;
        const char *name, *chosen, *ledger; /* name NULL: refused with chosen as the message */
        enum origin origin;
    } cases[] = {
        {one, NULL, NULL, NULL, NULL, "main", "sqlite:main.db", "led", ORIGIN_FILE},
        {one, NULL, NULL, NULL, "sqlite:d", "main", "sqlite:main.db", "led", ORIGIN_FILE},
        {one, NULL, NULL, "sqlite:e", "sqlite:d", "env", "sqlite:e", "pawl", ORIGIN_ENVIRONMENT},
        {one, NULL, "sqlite:f", "sqlite:e", NULL, "url", "sqlite:f", "pawl", ORIGIN_FLAG},
        {one, "main", NULL, "sqlite:e", NULL, "main", "sqlite:main.db", "led", ORIGIN_FILE},
        {two, "other", NULL, NULL, NULL, "other", "sqlite:other.db", "pawl", ORIGIN_FILE},
        {"", NULL, NULL, NULL, "sqlite:d", "env", "sqlite:d", "pawl", ORIGIN_ENVIRONMENT},
        {"", NULL, NULL, "", "sqlite:d", "env", "sqlite:d", "pawl", ORIGIN_ENVIRONMENT},
        {"", NULL, NULL, NULL, NULL, NULL, "no target is configured", NULL, 0},
        {"", "x", NULL, NULL, "sqlite:d", NULL, "no target is named \"x\"", NULL, 0},
        {two, NULL, NULL, NULL, "sqlite:d", NULL, "2 targets are configured", NULL, 0},
        {two, "mian", NULL, NULL, NULL, NULL, "no target is named \"mian\"", NULL, 0},
        {one, "main", "sqlite:f", NULL, NULL, NULL, "exclude each other", NULL, 0},
        {one, NULL, "", NULL, NULL, NULL, "--url: the value is empty", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(release) struct fixture f = {0};
        struct target target;
        assert_true(load(&f, cases[i].text));
        if (cases[i].pawl_url != NULL)
            assert_int_equal(setenv("PAWL_URL", cases[i].pawl_url, 1), 0);
        if (cases[i].database_url != NULL)
            assert_int_equal(setenv("DATABASE_URL", cases[i].database_url, 1), 0);
        const bool chosen =
            config_target(&f.arena, &f.config, cases[i].target, cases[i].url, &target, &f.err);
        assert_int_equal(unsetenv("PAWL_URL"), 0);
        assert_int_equal(unsetenv("DATABASE_URL"), 0);
        assert_int_equal(chosen, cases[i].name != NULL);
        if (!chosen) {
            assert_int_equal(f.err.code, ERR_USAGE);
            assert_non_null(strstr(f.err.message, cases[i].chosen));
            continue;
        }
        assert_string_equal(target.name, cases[i].name);
        assert_string_equal(target.values[SETTING_URL].text, cases[i].chosen);
        assert_int_equal(target.values[SETTING_URL].origin, cases[i].origin);
        assert_string_equal(target.values[SETTING_LEDGER].text, cases[i].ledger);
    }
}

static void a_flag_for_targets_counts_for_the_chosen_one(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    struct target target;
    assert_true(load(&f, "[target.main]\nurl = sqlite:main.db\nschema = a\n"));
    assert_true(config_set(&f.arena, &f.config, SETTING_SCHEMA, "b", "--schema", &f.err));
    assert_true(config_target(&f.arena, &f.config, NULL, NULL, &target, &f.err));
    assert_string_equal(target.values[SETTING_SCHEMA].text, "b");
    assert_string_equal(target.values[SETTING_URL].text, "sqlite:main.db");
}

static void errors_never_show_a_url(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    struct target target;
    assert_true(load(&f, ""));
    assert_false(
        config_target(&f.arena, &f.config, NULL, "postgres://u:hunter2\x01@h", &target, &f.err));
    assert_null(strstr(f.err.message, "hunter2"));
}

static int enter_folder(void **state)
{
    (void)state;
    static const char *const ours[] = {"DATABASE_URL", "PAWL_URL", "PAWL_NAMING"};
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (unsetenv(ours[i]) != 0)
            return -1;
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink("test.conf");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_in_order),
        cmocka_unit_test(defaults_without_a_file),
        cmocka_unit_test(default_file_is_found),
        cmocka_unit_test(values_rank),
        cmocka_unit_test(bad_files_are_refused_with_a_hint),
        cmocka_unit_test(sizes_and_parts_are_numbers),
        cmocka_unit_test(numbers_and_sizes_are_read),
        cmocka_unit_test(bad_environment_and_flags_are_named),
        cmocka_unit_test(paths_start_from_where_they_are_written),
        cmocka_unit_test(the_target_is_chosen),
        cmocka_unit_test(a_flag_for_targets_counts_for_the_chosen_one),
        cmocka_unit_test(errors_never_show_a_url),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
