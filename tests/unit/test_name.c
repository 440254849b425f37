/* history/name: the grammar of each scheme, what was probably meant, order, and new names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "history/name.h"

/* 2025-07-03 07:58:50 UTC */
static const int64_t NOW = 1751529530;

struct fixture {
    struct arena arena;
    struct err err;
    struct findings findings;
};

static void release(struct fixture *fixture)
{
    arena_release(&fixture->arena);
    err_release(&fixture->err);
}

static struct name read_name(struct fixture *fixture, enum naming naming, const char *entry,
                             bool is_folder)
{
    struct name name = {0};
    assert_true(name_read(&fixture->arena, naming, entry, is_folder, entry, &name,
                          &fixture->findings, &fixture->err));
    return name;
}

static void real_names_are_read(void **state)
{
    (void)state;
    static const struct {
        enum naming naming;
        const char *entry;
        enum name_role role;
        const char *id, *version, *slug;
    } rows[] = {
        {NAMING_TIMESTAMP, "20250703075850_add_users.sql", NAME_MIGRATION,
         "20250703075850_add_users", "20250703075850", "add_users"},
        {NAMING_TIMESTAMP, "20170506082420_x.up.sql", NAME_MIGRATION, "20170506082420_x",
         "20170506082420", "x"},
        {NAMING_TIMESTAMP, "20240229235959_leap-day.2.sql", NAME_MIGRATION,
         "20240229235959_leap-day.2", "20240229235959", "leap-day.2"},
        {NAMING_TIMESTAMP, "20250703075850_add_users.down.sql", NAME_DOWN,
         "20250703075850_add_users", "20250703075850", "add_users"},
        {NAMING_TIMESTAMP, "README.md", NAME_OTHER, NULL, NULL, NULL},
        {NAMING_TIMESTAMP, "pawl.sum", NAME_OTHER, NULL, NULL, NULL},
        {NAMING_TIMESTAMP, ".gitkeep", NAME_OTHER, NULL, NULL, NULL},
        {NAMING_TIMESTAMP, "20250703075850_x.sql~", NAME_OTHER, NULL, NULL, NULL},
        {NAMING_EPOCH, "1751529530_x.sql", NAME_MIGRATION, "1751529530_x", "1751529530", "x"},
        {NAMING_EPOCH, "1626194317_a_b.up.sql", NAME_MIGRATION, "1626194317_a_b", "1626194317",
         "a_b"},
        {NAMING_LOGTO, "next-1751529530-add-enable.sql", NAME_MIGRATION,
         "next-1751529530-add-enable", "1751529530", "add-enable"},
        {NAMING_LOGTO, "1.0.0_beta.10-1-logto-config.sql", NAME_MIGRATION,
         "1.0.0_beta.10-1-logto-config", "1", "logto-config"},
        {NAMING_LOGTO, "1.2.0-1674032095.5-x.sql", NAME_MIGRATION, "1.2.0-1674032095.5-x",
         "1674032095.5", "x"},
        {NAMING_FLYWAY, "V1_2__slug.sql", NAME_MIGRATION, "V1_2__slug", "1_2", "slug"},
        {NAMING_FLYWAY, "V1.2__2nd.sql", NAME_MIGRATION, "V1.2__2nd", "1.2", "2nd"},
        {NAMING_FLYWAY, "V20250101__x.sql", NAME_MIGRATION, "V20250101__x", "20250101", "x"},
        {NAMING_FLYWAY, "R__all_views.sql", NAME_REPEATABLE, "R__all_views", "", "all_views"},
        {NAMING_FLYWAY, "U1__x.sql", NAME_DOWN, "U1__x", "1", "x"},
        {NAMING_SEQUENCE, "00001_create_users.sql", NAME_MIGRATION, "00001_create_users", "00001",
         "create_users"},
        {NAMING_SEQUENCE, "000042_slug.up.sql", NAME_MIGRATION, "000042_slug", "000042", "slug"},
        {NAMING_SEQUENCE, "000042_slug.down.sql", NAME_DOWN, "000042_slug", "000042", "slug"},
        {NAMING_SEQUENCE, "20200812124254000000_x.postgres.up.sql", NAME_MIGRATION,
         "20200812124254000000_x.postgres", "20200812124254000000", "x.postgres"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        const struct name name = read_name(&fixture, rows[i].naming, rows[i].entry, false);
        print_message("# %s\n", rows[i].entry);
        assert_int_equal(name.role, rows[i].role);
        assert_int_equal(fixture.findings.count, 0);
        if (rows[i].id != NULL) {
            assert_string_equal(name.id, rows[i].id);
            assert_string_equal(name.version, rows[i].version);
            assert_string_equal(name.slug, rows[i].slug);
        }
        release(&fixture);
    }
}

static void folders_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *entry, *version;
    } rows[] = {
        {"20230518174211_init", "20230518174211"},
        {"2019-02-26-002946_create_user", "2019-02-26-002946"},
        {"2025-12-08-212100-0000_create_bot", "2025-12-08-212100-0000"},
        {"00000000000000_diesel_initial_setup", "00000000000000"},
        {"000000000000000_forbid_diesel_cli", "000000000000000"},
        {"0_init", "0"},
        {"20231203063921_", "20231203063921"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        const struct name name = read_name(&fixture, NAMING_FOLDER, rows[i].entry, true);
        assert_int_equal(name.role, NAME_MIGRATION);
        assert_string_equal(name.id, rows[i].entry);
        assert_string_equal(name.version, rows[i].version);
        release(&fixture);
    }
    struct fixture fixture = {0};
    assert_int_equal(read_name(&fixture, NAMING_FOLDER, "migration_lock.toml", false).role,
                     NAME_OTHER);
    assert_int_equal(read_name(&fixture, NAMING_FOLDER, ".git", true).role, NAME_OTHER);
    assert_int_equal(read_name(&fixture, NAMING_TIMESTAMP, "20250703075850_x", true).role,
                     NAME_OTHER);
    assert_int_equal(fixture.findings.count, 0);
    release(&fixture);
}

static void bad_names_say_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        enum naming naming;
        const char *entry, *rule, *what, *fix;
    } rows[] = {
        /* precision */
        {NAMING_EPOCH, "1751529530394_x.sql", "name-precision",
         "the version has 13 digits: milliseconds where seconds belong",
         "rename it to \"1751529530_x.sql\""},
        {NAMING_EPOCH, "1751529530394123_x.up.sql", "name-precision",
         "the version has 16 digits: microseconds where seconds belong",
         "rename it to \"1751529530_x.up.sql\""},
        {NAMING_EPOCH, "20250703075850_x.sql", "name-precision",
         "the version has 14 digits: a date and time where seconds belong",
         "rename it to \"1751529530_x.sql\""},
        {NAMING_EPOCH, "17515295_x.sql", "name-precision",
         "the version has 8 digits where 10 belong", "name it like \"1751529530_add_users.sql\""},
        {NAMING_LOGTO, "next-1751529530394-add-enable.sql", "name-precision",
         "the version has 13 digits: milliseconds where seconds belong",
         "rename it to \"next-1751529530-add-enable.sql\""},
        {NAMING_LOGTO, "next-12-x.sql", "name-precision",
         "the version has 2 digits where 10 belong",
         "name it like \"next-1751529530-add-users.sql\""},
        {NAMING_TIMESTAMP, "1751529530394_x.sql", "name-precision",
         "the version has 13 digits: milliseconds where a date and time of 14 digits belongs",
         "rename it to \"20250703075850_x.sql\""},
        {NAMING_TIMESTAMP, "1751529530_x.sql", "name-precision",
         "the version has 10 digits: seconds since 1970 where a date and time of 14 digits belongs",
         "rename it to \"20250703075850_x.sql\""},
        {NAMING_TIMESTAMP, "20250703075850123_x.sql", "name-precision",
         "the version has 17 digits: a date and time with parts of a second where a date and time "
         "of 14 digits belongs",
         "rename it to \"20250703075850_x.sql\""},
        {NAMING_TIMESTAMP, "202507030758_x.sql", "name-precision",
         "the version has 12 digits: a date and time without seconds where a date and time of 14 "
         "digits belongs",
         "rename it to \"20250703075800_x.sql\""},
        {NAMING_TIMESTAMP, "20250703_x.sql", "name-precision",
         "the version has 8 digits: a date without a time where a date and time of 14 digits "
         "belongs",
         "rename it to \"20250703000000_x.sql\""},
        /* the time stands apart from the date */
        {NAMING_TIMESTAMP, "20250703_075850_x.sql", "name-precision",
         "the version has 8 digits: a date without a time where a date and time of 14 digits "
         "belongs",
         "rename it to \"20250703075850_x.sql\""},
        {NAMING_TIMESTAMP, "20250703_246199_x.sql", "name-precision",
         "the version has 8 digits: a date without a time where a date and time of 14 digits "
         "belongs",
         "rename it to \"20250703000000_246199_x.sql\""},
        {NAMING_TIMESTAMP, "20250703_0758501_x.sql", "name-precision",
         "the version has 8 digits: a date without a time where a date and time of 14 digits "
         "belongs",
         "rename it to \"20250703000000_0758501_x.sql\""},
        {NAMING_FOLDER, "2025-07-03_075850_x.sql", "name-grammar",
         "a file stands where scheme \"folder\" has folders",
         "rename it to \"2025-07-03-075850_x/up.sql\""},
        {NAMING_TIMESTAMP, "000042_x.sql", "name-precision",
         "the version has 6 digits where 14 belong",
         "name it like \"20250703075850_add_users.sql\""},
        /* calendar */
        {NAMING_TIMESTAMP, "20251307075850_x.sql", "name-date",
         "the version is not a date and time: no month 13 exists",
         "rename it to \"20250713075850_x.sql\""},
        {NAMING_TIMESTAMP, "20250230075850_x.sql", "name-date",
         "the version is not a date and time: no day 30 exists in 2025-02",
         "name it like \"20250703075850_add_users.sql\""},
        {NAMING_TIMESTAMP, "20250703240000_x.sql", "name-date",
         "the version is not a date and time: no hour 24 exists",
         "rename it to \"20250704000000_x.sql\""},
        /* a clock counted on past its end keeps its order */
        {NAMING_TIMESTAMP, "20250703075960_x.sql", "name-date",
         "the version is not a date and time: no second 60 exists",
         "rename it to \"20250703080000_x.sql\""},
        {NAMING_TIMESTAMP, "20251231236082_x.sql", "name-date",
         "the version is not a date and time: no minute 60 exists",
         "rename it to \"20260101000122_x.sql\""},
        {NAMING_TIMESTAMP, "20251332075850_x.sql", "name-date",
         "the version is not a date and time: no month 13 exists",
         "name it like \"20250703075850_add_users.sql\""},
        {NAMING_TIMESTAMP, "00000000000000_x.sql", "name-date",
         "the version is not a date and time: no year 0000 exists",
         "name it like \"20250703075850_add_users.sql\""},
        /* words that are not too long are kept as they are */
        {NAMING_TIMESTAMP,
         "20250703075860_optimize_job_execution_indices_create_job_executions_project"
         "_id_job_configuration_id_job_input_trace_id_index.sql",
         "name-date", "the version is not a date and time: no second 60 exists",
         "rename it to \"20250703075900_optimize_job_execution_indices_create_jo"
         "b_executions_project_id_job_configuration_id_job_input_trace_id_index.sql\""},
        /* characters */
        {NAMING_TIMESTAMP, "20250703075850_add users.sql", "name-characters",
         "the name has a space in it", "rename it to \"20250703075850_add_users.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_na\xc3\xafve.sql", "name-characters",
         "the name has a character in it that is not ASCII, at byte 18",
         "rename it to \"20250703075850_na_ve.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_a\xff.sql", "name-characters",
         "the name is not valid UTF-8 at byte 17", "rename it to \"20250703075850_a.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_a\nb.sql", "name-characters",
         "the name has a control character in it (\\x0a)",
         "rename it to \"20250703075850_a_b.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_a.sql ", "name-characters", "the name has a space in it",
         "rename it to \"20250703075850_a.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_a..b.sql", "name-characters",
         "the name has \"..\" in it", "rename it to \"20250703075850_a.b.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_a+b.sql", "name-characters",
         "the name has \"+\" in it: a name is ASCII letters, digits, \"_\", \"-\" and \".\"",
         "rename it to \"20250703075850_a_b.sql\""},
        /* grammar */
        {NAMING_TIMESTAMP, "20250703075850-x.sql", "name-grammar",
         "the version is not followed by \"_\"", "rename it to \"20250703075850_x.sql\""},
        {NAMING_TIMESTAMP, "20250703075850.sql", "name-grammar",
         "the version is not followed by \"_\"", "name it like \"20250703075850_add_users.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_.sql", "name-grammar",
         "nothing follows the version: a few words belong there",
         "name it like \"20250703075850_add_users.sql\""},
        {NAMING_TIMESTAMP, "20250703075850_x.SQL", "name-grammar",
         "the ending \".SQL\" is not in small letters", "rename it to \"20250703075850_x.sql\""},
        {NAMING_TIMESTAMP, "schema.sql", "name-grammar",
         "the name has no version where scheme \"timestamp\" has one",
         "name it like \"20250703075850_add_users.sql\""},
        {NAMING_SEQUENCE, "0001-initial.sql", "name-grammar",
         "the version is not followed by \"_\"", "rename it to \"0001_initial.sql\""},
        {NAMING_FLYWAY, "v1__x.sql", "name-grammar", "the name starts with a small \"v\"",
         "rename it to \"V1__x.sql\""},
        {NAMING_FLYWAY, "V1_x.sql", "name-grammar", "the version is not followed by \"__\"",
         "rename it to \"V1__x.sql\""},
        {NAMING_FLYWAY, "R1__x.sql", "name-grammar", "a repeatable (R__) has no version",
         "name it like \"V1_2__add_users.sql\""},
        {NAMING_FLYWAY, "V1__x.up.sql", "name-grammar",
         "names of scheme \"flyway\" end in \".sql\", not \".up.sql\"",
         "rename it to \"V1__x.sql\""},
        {NAMING_FLYWAY, "beforeMigrate.sql", "name-grammar",
         "the name does not start with V and a version, R__ or U and a version (callbacks and "
         "baselines are not run)",
         "name it like \"V1_2__add_users.sql\""},
        {NAMING_LOGTO, "next-1751529530_x.sql", "name-grammar",
         "the version is not followed by \"-\"", "rename it to \"next-1751529530-x.sql\""},
        {NAMING_LOGTO, "next-1751529530.1.2-x.sql", "name-grammar",
         "the version has more than one \".\"", "name it like \"next-1751529530-add-users.sql\""},
        {NAMING_FOLDER, "20250703075850_x.sql", "name-grammar",
         "a file stands where scheme \"folder\" has folders",
         "rename it to \"20250703075850_x/up.sql\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        const struct name name = read_name(&fixture, rows[i].naming, rows[i].entry, false);
        print_message("# row %zu\n", i);
        assert_int_equal(name.role, NAME_BAD);
        assert_non_null(name.id);
        assert_int_equal(fixture.findings.count, 1);
        assert_string_equal(fixture.findings.items[0].rule, rows[i].rule);
        assert_int_equal(fixture.findings.items[0].severity, SEVERITY_ERROR);
        assert_string_equal(fixture.findings.items[0].what, rows[i].what);
        assert_string_equal(fixture.findings.items[0].fix, rows[i].fix);
        release(&fixture);
    }
}

static void bad_names_keep_their_version(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    struct name name = read_name(&fixture, NAMING_EPOCH, "1751529530394_x.sql", false);
    assert_string_equal(name.version, "1751529530394");
    assert_string_equal(name.id, "1751529530394_x");
    name = read_name(&fixture, NAMING_LOGTO, "next-1751529530394-x.sql", false);
    assert_string_equal(name.version, "1751529530394");
    name = read_name(&fixture, NAMING_TIMESTAMP, "notes.sql", false);
    assert_string_equal(name.version, "");
    /* The guess is written as the name was. */
    name = read_name(&fixture, NAMING_FOLDER, "2025-08-01-000060-0000_x", true);
    assert_string_equal(name.version, "2025-08-01-000060-0000");
    assert_string_equal(fixture.findings.items[fixture.findings.count - 1].fix,
                        "rename it to \"2025-08-01-000100-0000_x\"");
    (void)read_name(&fixture, NAMING_FOLDER, "20250703275850_x.sql", true);
    assert_string_equal(fixture.findings.items[fixture.findings.count - 1].fix,
                        "rename it to \"20250704035850_x.sql\"");
    /* What the finding shows of a name can be printed. */
    (void)read_name(&fixture, NAMING_TIMESTAMP, "a\x1b[31m.sql", false);
    assert_null(strchr(fixture.findings.items[fixture.findings.count - 1].what, 0x1b));
    assert_null(strchr(fixture.findings.items[fixture.findings.count - 1].fix, 0x1b));
    release(&fixture);
}

static void long_names_are_refused(void **state)
{
    (void)state;
    char entry[260];
    static const struct {
        size_t bytes;
        bool right;
    } rows[] = {{200, true}, {201, false}, {255, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        memset(entry, 'a', sizeof entry);
        memcpy(entry, "20250703075850_", 15);
        strcpy(entry + rows[i].bytes - 4, ".sql");
        const struct name name = read_name(&fixture, NAMING_TIMESTAMP, entry, false);
        assert_int_equal(name.role, rows[i].right ? NAME_MIGRATION : NAME_BAD);
        if (!rows[i].right) {
            assert_string_equal(fixture.findings.items[0].rule, "name-length");
            assert_non_null(
                strstr(fixture.findings.items[0].fix, "rename it to \"20250703075850_a"));
        }
        release(&fixture);
    }
}

static void versions_compare_by_number(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        {"9", "10", -1},
        {"1_9", "1_10", -1},
        {"1.9", "1_10", -1},
        {"5", "5.1", -1},
        {"1", "1.0", 0},
        {"00010", "0010", 0},
        {"1_2", "1.2", 0},
        {"1674032095.5", "1674032096", -1},
        {"20200812124254000000", "20200812124254000001", -1},
        {"99999999999999999999", "100000000000000000000", -1},
        {"2019-02-26-002946", "20190226002946", 0},
        {"2019-02-26-002946", "20190226002947", -1},
        {"2019-02-26-002946", "2019-02-26-002946-0001", -1},
        {"2019-02-26-002946-0001", "20190226002947", -1},
        {"00000000000000", "000000000000000", -1},
        {"0", "00000000000000", 0},
        {"000000000000000", "20190226002946", -1},
        {"", "1", -1},
        {"", "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("# \"%s\" \"%s\"\n", rows[i].a, rows[i].b);
        const int order = version_compare(rows[i].a, rows[i].b);
        const int back = version_compare(rows[i].b, rows[i].a);
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
        assert_int_equal((back > 0) - (back < 0), -rows[i].order);
    }
    assert_true(name_compare("1", "1_b", "01", "01_a") > 0);
    assert_true(name_compare("1", "1_b", "2", "2_a") < 0);
    assert_int_equal(name_compare("1", "1_b", "1", "1_b"), 0);
}

static void versions_are_moments(void **state)
{
    (void)state;
    static const struct {
        enum naming naming;
        const char *version;
        bool has;
        int64_t epoch_s;
    } rows[] = {
        {NAMING_TIMESTAMP, "20250703075850", true, 1751529530},
        {NAMING_EPOCH, "1751529530", true, 1751529530},
        {NAMING_LOGTO, "1674032095.5", true, 1674032095},
        {NAMING_FOLDER, "2025-07-03-075850", true, 1751529530},
        {NAMING_FOLDER, "2025-07-03-075850-0000", true, 1751529530},
        {NAMING_FOLDER, "00000000000000", false, 0},
        {NAMING_FOLDER, "0", false, 0},
        {NAMING_FLYWAY, "20250703", false, 0},
        {NAMING_SEQUENCE, "42", false, 0},
        /* Another precision: the name was refused, and says nothing of order. */
        {NAMING_EPOCH, "1751529530123", false, 0},
        {NAMING_LOGTO, "1674032095123", false, 0},
        {NAMING_LOGTO, "1", true, 1},
        {NAMING_TIMESTAMP, "20250703075850123", false, 0},
        {NAMING_FOLDER, "20250703075850123", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t epoch_s = 0;
        assert_int_equal(version_epoch_s(rows[i].naming, rows[i].version, &epoch_s), rows[i].has);
        assert_int_equal(epoch_s, rows[i].epoch_s);
    }
}

static void new_names_sort_after_the_newest(void **state)
{
    (void)state;
    static const struct {
        enum naming naming;
        const char *words, *newest, *name;
    } rows[] = {
        {NAMING_TIMESTAMP, "Add users", NULL, "20250703075850_add_users.sql"},
        {NAMING_TIMESTAMP, "add users", "20240101000000", "20250703075850_add_users.sql"},
        {NAMING_TIMESTAMP, "add users", "20250703075850", "20250703075851_add_users.sql"},
        {NAMING_TIMESTAMP, "x", "20251231235959", "20260101000000_x.sql"},
        {NAMING_EPOCH, "x", "1751529531", "1751529532_x.sql"},
        {NAMING_LOGTO, "add enable_flag", NULL, "next-1751529530-add-enable-flag.sql"},
        {NAMING_LOGTO, "x", "1751529530.5", "next-1751529531-x.sql"},
        {NAMING_FLYWAY, "x", NULL, "V1__x.sql"},
        {NAMING_FLYWAY, "x", "1_9", "V2__x.sql"},
        {NAMING_FLYWAY, "x", "9", "V10__x.sql"},
        {NAMING_SEQUENCE, "x", NULL, "000001_x.sql"},
        {NAMING_SEQUENCE, "x", "000042", "000043_x.sql"},
        {NAMING_SEQUENCE, "x", "0099", "0100_x.sql"},
        {NAMING_SEQUENCE, "x", "99", "100_x.sql"},
        {NAMING_SEQUENCE, "x", "20200812124254000000", "20200812124254000001_x.sql"},
        {NAMING_FOLDER, "x", "00000000000000", "20250703075850_x"},
        {NAMING_FOLDER, "x", "2019-02-26-002946", "2025-07-03-075850_x"},
        {NAMING_TIMESTAMP, "  --na\xc3\xafve;; drop/../x ", NULL,
         "20250703075850_na_ve_drop_x.sql"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        char *name = name_make(&fixture.arena, rows[i].naming, rows[i].words, rows[i].newest, NOW,
                               &fixture.err);
        assert_non_null(name);
        assert_string_equal(name, rows[i].name);
        /* It is a right name itself. */
        assert_int_equal(
            read_name(&fixture, rows[i].naming, name, rows[i].naming == NAMING_FOLDER).role,
            NAME_MIGRATION);
        release(&fixture);
    }
}

static void impossible_new_names_are_errors(void **state)
{
    (void)state;
    char words[102];
    memset(words, 'a', 101);
    words[101] = '\0';
    static const struct {
        const char *words, *newest, *message;
    } rows[] = {
        {" \xc3\xa9 ", NULL, "\" \xc3\xa9 \" has no ASCII letter or digit to make a name of"},
        {NULL, NULL, "the name is 101 bytes long: 100 at most"},
        {"x", "1751529530394", "no version of scheme \"epoch\" comes after \"1751529530394\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        assert_null(name_make(&fixture.arena, NAMING_EPOCH,
                              rows[i].words != NULL ? rows[i].words : words, rows[i].newest, NOW,
                              &fixture.err));
        assert_int_equal(fixture.err.code, ERR_USAGE);
        assert_string_equal(fixture.err.message, rows[i].message);
        release(&fixture);
    }
}

static void renumbering_keeps_the_rest(void **state)
{
    (void)state;
    static const struct {
        enum naming naming;
        const char *entry, *newest, *name;
    } rows[] = {
        {NAMING_TIMESTAMP, "20240101000000_x.up.sql", "20250101000000", "20250703075850_x.up.sql"},
        {NAMING_EPOCH, "1751529530394_x.sql", NULL, "1751529530_x.sql"},
        {NAMING_LOGTO, "1.2.0-1674032095.5-a-b.sql", NULL, "1.2.0-1751529530-a-b.sql"},
        {NAMING_FLYWAY, "V1_2__x.sql", "3", "V4__x.sql"},
        {NAMING_SEQUENCE, "000007_x.up.sql", "000042", "000043_x.up.sql"},
        {NAMING_FOLDER, "20240101000000_x", "20250101000000", "20250703075850_x"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        char *name = name_with_version(&fixture.arena, rows[i].naming, rows[i].entry,
                                       rows[i].newest, NOW, &fixture.err);
        assert_non_null(name);
        assert_string_equal(name, rows[i].name);
        release(&fixture);
    }
    struct fixture fixture = {0};
    assert_null(
        name_with_version(&fixture.arena, NAMING_FLYWAY, "R__x.sql", "1", NOW, &fixture.err));
    assert_string_equal(fixture.err.message, "\"R__x.sql\" has no version to change");
    release(&fixture);
}

static void ids_tell_their_version(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"20250703075850_x", "20250703075850"},
        {"000042_x", "000042"},
        {"2019-02-26-002946_x", "2019-02-26-002946"},
        {"V1_2__x", "1_2"},
        {"R__x", ""},
        {"next-1751529530-x", "1751529530"},
        {"1.0.0_beta.10-1-logto-config", "1"},
        {"1751529530394_x", "1751529530394"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture = {0};
        const char *const version = name_id_version(&fixture.arena, rows[i][0]);
        assert_non_null(version);
        assert_string_equal(version, rows[i][1]);
        release(&fixture);
    }
}

static void schemes_have_names_and_examples(void **state)
{
    (void)state;
    for (enum naming naming = NAMING_TIMESTAMP; naming <= NAMING_FOLDER; naming++) {
        enum naming again;
        char entry[64];
        assert_true(naming_parse(naming_name(naming), &again));
        assert_int_equal(again, naming);
        (void)snprintf(entry, sizeof entry, "%s", naming_example(naming));
        if (strchr(entry, '/') != NULL)
            *strchr(entry, '/') = '\0';
        assert_true(name_fits(naming, entry));
    }
    enum naming naming;
    assert_false(naming_parse("Timestamp", &naming));
    assert_false(naming_parse("", &naming));
    /* Any number is a sequence, but these are rather of the wrong precision. */
    assert_false(name_fits(NAMING_SEQUENCE, "1751529530394_x.sql"));
    assert_true(name_fits(NAMING_SEQUENCE, "000042_x.up.sql"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_names_are_read),
        cmocka_unit_test(folders_are_read),
        cmocka_unit_test(bad_names_say_what_was_meant),
        cmocka_unit_test(bad_names_keep_their_version),
        cmocka_unit_test(long_names_are_refused),
        cmocka_unit_test(versions_compare_by_number),
        cmocka_unit_test(versions_are_moments),
        cmocka_unit_test(new_names_sort_after_the_newest),
        cmocka_unit_test(impossible_new_names_are_errors),
        cmocka_unit_test(renumbering_keeps_the_rest),
        cmocka_unit_test(ids_tell_their_version),
        cmocka_unit_test(schemes_have_names_and_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
