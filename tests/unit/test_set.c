/* history/set: a folder of files as a set, its order, index and digest, what is wrong in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fs.h"
#include "history/set.h"

struct fixture {
    struct arena arena;
    struct err err;
    struct findings findings;
    struct set set;
    char folder[64];
};

static void start(struct fixture *f)
{
    *f = (struct fixture){.folder = "/tmp/pawl-set-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
}

static void finish(struct fixture *f)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    arena_release(&f->arena);
    err_release(&f->err);
}

/* A name with a slash makes its folder; a text of NULL makes a folder of that name. */
static void put(struct fixture *f, const char *name, const char *text)
{
    char path[400];
    const char *const slash = strchr(name, '/');
    if (slash != NULL) {
        (void)snprintf(path, sizeof path, "%s/%.*s", f->folder, (int)(slash - name), name);
        assert_true(fs_make_folder(path, &f->err));
    }
    (void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
    if (text == NULL)
        assert_true(fs_make_folder(path, &f->err));
    else
        assert_true(fs_write(path, text, strlen(text), &f->err));
}

static void load(struct fixture *f, enum naming naming)
{
    const struct set_options options = {
        .folder = f->folder, .naming = naming, .dialect = DIALECT_POSTGRES};
    assert_true(set_load(&f->arena, &options, &f->set, &f->findings, &f->err));
    for (size_t i = 0; i < f->findings.count; i++)
        print_message("# %s: %s\n", f->findings.items[i].rule, f->findings.items[i].what);
}

static void expect_ids(const struct fixture *f, const char *const *ids, size_t count)
{
    assert_int_equal(f->set.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(f->set.items[i].id, ids[i]);
        assert_ptr_equal(set_find(&f->set, ids[i]), &f->set.items[i]);
    }
    assert_null(set_find(&f->set, "no_such_id"));
}

static void expect_finding(const struct fixture *f, size_t i, enum severity severity,
                           const char *rule, const char *what)
{
    assert_true(f->findings.count > i);
    assert_string_equal(f->findings.items[i].rule, rule);
    assert_int_equal(f->findings.items[i].severity, severity);
    assert_string_equal(f->findings.items[i].what, what);
}

static void a_folder_is_read_in_version_order(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "V10__j.sql", "SELECT 10;");
    put(&f, "V9__i.sql", "SELECT 9;");
    put(&f, "V1_10__b.sql", "SELECT 110;");
    put(&f, "V1_9__a.sql", "SELECT 19;");
    put(&f, "R__b.sql", "CREATE VIEW b AS SELECT 1;");
    put(&f, "R__a.sql", "CREATE VIEW a AS SELECT 1;");
    put(&f, "U9__i.sql", "SELECT -9;");
    put(&f, "README.md", "# hello");
    put(&f, "utils", NULL);
    put(&f, "V3__folder.sql", NULL);
    load(&f, NAMING_FLYWAY);
    assert_int_equal(f.findings.count, 1);
    expect_finding(&f, 0, SEVERITY_ERROR, "name-grammar",
                   "it is a folder, and scheme \"flyway\" has files: nothing in it is run");
    expect_ids(&f, (const char *[]){"V1_9__a", "V1_10__b", "V9__i", "V10__j", "R__a", "R__b"}, 6);
    assert_int_equal(f.set.versioned, 4);
    assert_int_equal(f.set.items[4].kind, KIND_REPEATABLE);
    assert_string_equal(f.set.items[0].entry, "V1_9__a.sql");
    finish(&f);
}

static void an_empty_folder_is_an_empty_set(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    load(&f, NAMING_TIMESTAMP);
    assert_int_equal(f.findings.count, 0);
    expect_ids(&f, NULL, 0);
    assert_string_equal(f.set.digest.text, hash_bytes("", 0).text);
    const struct set_options missing = {.folder = "/nonexistent/pawl"};
    assert_false(set_load(&f.arena, &missing, &f.set, &f.findings, &f.err));
    assert_int_equal(f.err.code, ERR_USAGE);
    finish(&f);
}

static void folders_hold_their_files(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "20190101000000_b/up.sql", "SELECT 1;");
    put(&f, "20190101000000_b/down.sql", "SELECT 2;");
    put(&f, "20190101000000_b/metadata.toml", "# x\nrun_in_transaction = false\n");
    put(&f, "2018-01-01-000000_a/migration.sql", "SELECT 3;");
    put(&f, "00000000000000_diesel_initial_setup/up.sql", "SELECT 0;");
    put(&f, "migration_lock.toml", "provider = \"postgresql\"");
    load(&f, NAMING_FOLDER);
    assert_int_equal(f.findings.count, 0);
    expect_ids(&f,
               (const char *[]){"00000000000000_diesel_initial_setup", "2018-01-01-000000_a",
                                "20190101000000_b"},
               3);
    assert_true(f.set.items[2].no_transaction);
    assert_false(f.set.items[1].no_transaction);
    assert_non_null(strstr(f.set.items[1].path, "/2018-01-01-000000_a/migration.sql"));

    put(&f, "20200101000000_c", NULL);
    put(&f, "20190101000000_b/migration.sql", "SELECT 4;");
    put(&f, "20210101000000_d.sql", "SELECT 5;");
    load(&f, NAMING_FOLDER);
    assert_int_equal(f.findings.count, 3);
    expect_finding(&f, 0, SEVERITY_ERROR, "name-grammar",
                   "the folder has both up.sql and migration.sql");
    expect_finding(&f, 1, SEVERITY_ERROR, "name-grammar",
                   "the folder has neither up.sql nor migration.sql");
    expect_finding(&f, 2, SEVERITY_ERROR, "name-grammar",
                   "a file stands where scheme \"folder\" has folders");
    finish(&f);
}

static void words_outside_the_text_take_the_transaction_away(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "V1__a.sql", "SELECT 1;");
    put(&f, "V1__a.sql.conf", "executeInTransaction=false\n");
    put(&f, "V2__b.sql", "SELECT 2;");
    put(&f, "V2__b.sql.conf", "executeInTransaction=true\n");
    put(&f, "V3__c.autocommit.sql", "SELECT 3;");
    load(&f, NAMING_FLYWAY);
    assert_int_equal(f.findings.count, 0);
    assert_true(f.set.items[0].no_transaction);
    assert_false(f.set.items[1].no_transaction);
    assert_true(f.set.items[2].no_transaction);
    finish(&f);
}

static void a_bad_name_is_left_out_until_it_is_admitted(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "1751529530_a.sql", "SELECT 1;");
    put(&f, "1751529531_b.sql", "SELECT 2;");
    put(&f, "1751529530394_c.sql", "SELECT 3;");
    load(&f, NAMING_EPOCH);
    assert_int_equal(f.findings.count, 1);
    assert_string_equal(f.findings.items[0].rule, "name-precision");
    expect_ids(&f, (const char *[]){"1751529530_a", "1751529531_b"}, 2);
    assert_int_equal(f.set.odd.count, 1);
    const struct hash_hex before = f.set.digest;

    assert_true(set_admit(&f.arena, &f.set, "other", &f.findings, &f.err));
    assert_int_equal(f.set.count, 2);
    assert_true(set_admit(&f.arena, &f.set, "1751529530394_c", &f.findings, &f.err));
    expect_ids(&f, (const char *[]){"1751529530_a", "1751529531_b", "1751529530394_c"}, 3);
    assert_int_equal(f.set.odd.count, 0);
    assert_int_equal(f.findings.items[0].severity, SEVERITY_NOTE);
    assert_string_not_equal(f.set.digest.text, before.text);
    /* Admitted in spite of its name: not reported as lying in the future. */
    assert_true(set_check_future(&f.arena, &f.set, 1751529530, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 1);
    finish(&f);
}

static void the_other_scheme_is_named_once(void **state)
{
    (void)state;
    static const struct {
        enum naming naming;
        const char *names[4];
        const char *what, *fix;
    } rows[] = {
        {NAMING_TIMESTAMP,
         {"000001_a.up.sql", "000002_b.up.sql", "000003_c.up.sql", "20250703075850_d.sql"},
         "3 of 4 files look like scheme \"sequence\"",
         "set naming = sequence in [pawl] of pawl.conf"},
        {NAMING_TIMESTAMP,
         {"1751529530_a.sql", "1751529531_b.sql", "notes.sql"},
         "2 of 3 files look like scheme \"epoch\"",
         "set naming = epoch in [pawl] of pawl.conf"},
        {NAMING_SEQUENCE,
         {"V1__a.sql", "V2__b.sql"},
         "2 of 2 files look like scheme \"flyway\"",
         "set naming = flyway in [pawl] of pawl.conf"},
        {NAMING_EPOCH,
         {"next-1751529530-a.sql", "1.0.0-1751529529-b.sql"},
         "2 of 2 files look like scheme \"logto\"",
         "set naming = logto in [pawl] of pawl.conf"},
        {NAMING_TIMESTAMP,
         {"20250703075850_a/up.sql", "20250703075851_b/migration.sql"},
         "2 of 2 files look like scheme \"folder\"",
         "set naming = folder in [pawl] of pawl.conf"},
        {NAMING_FOLDER,
         {"20250703075850_a.sql", "20250703075851_b.sql"},
         "2 of 2 files look like scheme \"timestamp\"",
         "set naming = timestamp in [pawl] of pawl.conf"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        start(&f);
        for (size_t k = 0; k < 4 && rows[i].names[k] != NULL; k++)
            put(&f, rows[i].names[k], "SELECT 1;");
        load(&f, rows[i].naming);
        assert_int_equal(f.findings.count, 1);
        expect_finding(&f, 0, SEVERITY_ERROR, "naming-scheme", rows[i].what);
        assert_string_equal(f.findings.items[0].fix, rows[i].fix);
        finish(&f);
    }
}

static void milliseconds_are_no_other_scheme(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "1751529530394_a.sql", "SELECT 1;");
    put(&f, "1751529530395_b.sql", "SELECT 2;");
    load(&f, NAMING_EPOCH);
    assert_int_equal(f.findings.count, 2);
    assert_string_equal(f.findings.items[0].rule, "name-precision");
    finish(&f);
}

static void equal_versions_are_found(void **state)
{
    (void)state;
    static const char allow[] =
        "-- pawl: allow=duplicate-version reason=\"merged twice\"\nSELECT 1;";
    struct fixture f;
    start(&f);
    put(&f, "1_a.sql", "SELECT 1;");
    put(&f, "1_b.sql", "SELECT 2;");
    put(&f, "01_c.sql", "SELECT 3;");
    put(&f, "2_d.sql", allow);
    put(&f, "2_e.sql", "SELECT 4;");
    load(&f, NAMING_SEQUENCE);
    expect_ids(&f, (const char *[]){"01_c", "1_a", "1_b", "2_d", "2_e"}, 5);
    assert_int_equal(f.findings.count, 3);
    expect_finding(&f, 0, SEVERITY_NOTE, "version-spelling",
                   "version \"1\" is the same number as \"01\" in \"01_c.sql\"");
    expect_finding(&f, 1, SEVERITY_ERROR, "duplicate-version",
                   "version \"1\" is that of \"01_c.sql\" too");
    expect_finding(&f, 2, SEVERITY_ERROR, "duplicate-version",
                   "version \"1\" is that of \"1_a.sql\" too");
    assert_non_null(strstr(f.findings.items[2].file, "/1_b.sql"));
    assert_string_equal(f.findings.items[2].fix,
                        "run \"pawl renumber 1_b.sql\", or say why it is right: -- pawl: "
                        "allow=duplicate-version reason=\"...\"");
    finish(&f);

    start(&f);
    put(&f, "1_a.sql", "SELECT 1;");
    put(&f, "1_a.up.sql", "SELECT 2;");
    load(&f, NAMING_SEQUENCE);
    assert_int_equal(f.findings.count, 1);
    expect_finding(&f, 0, SEVERITY_ERROR, "duplicate-id",
                   "\"1_a.sql\" and \"1_a.up.sql\" are both \"1_a\"");
    finish(&f);

    /* diesel's two set-ups, as lemmy has them. */
    start(&f);
    put(&f, "00000000000000_diesel_initial_setup/up.sql", "SELECT 1;");
    put(&f, "000000000000000_forbid_diesel_cli/up.sql", "SELECT 2;");
    load(&f, NAMING_FOLDER);
    assert_int_equal(f.findings.count, 0);
    expect_ids(&f,
               (const char *[]){"00000000000000_diesel_initial_setup",
                                "000000000000000_forbid_diesel_cli"},
               2);
    finish(&f);
}

static void a_directive_makes_a_repeatable(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "1_view.sql", "-- pawl: kind=repeatable\nCREATE VIEW v AS SELECT 1;");
    put(&f, "2_a.sql", "SELECT 1;");
    load(&f, NAMING_SEQUENCE);
    assert_int_equal(f.findings.count, 0);
    expect_ids(&f, (const char *[]){"2_a", "1_view"}, 2);
    assert_int_equal(f.set.versioned, 1);
    finish(&f);

    start(&f);
    put(&f, "V1__view.sql", "-- pawl: kind=repeatable\nCREATE VIEW v AS SELECT 1;");
    load(&f, NAMING_FLYWAY);
    expect_finding(&f, 0, SEVERITY_ERROR, "directive-value",
                   "kind=repeatable does not go with a name that has a version");
    finish(&f);
}

static void the_digest_follows_contents_alone(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "1_a.sql", "SELECT 1;");
    put(&f, "2_b.sql", "SELECT 2;");
    put(&f, "3_c.sql", "SELECT 1;");
    load(&f, NAMING_SEQUENCE);
    const struct hash_hex one = hash_bytes("select 1", 8), two = hash_bytes("select 2", 8);
    const bool one_first = strcmp(one.text, two.text) < 0;
    struct str lines = {0};
    for (int i = 0; i < 3; i++) {
        const bool is_one = one_first ? i < 2 : i > 0;
        str_printf(&lines, "%s\n", is_one ? one.text : two.text);
    }
    assert_string_equal(f.set.digest.text, hash_bytes(str_text(&lines), lines.len).text);
    str_release(&lines);
    const struct hash_hex digest = f.set.digest;
    finish(&f);

    /* Renamed, with a comment, and with what may wait. */
    start(&f);
    put(&f, "1_b.sql", "-- new\nselect 2");
    put(&f, "2_a.sql", "SELECT 1;");
    put(&f, "3_z.sql", "SELECT 1;");
    put(&f, "4_drop.sql", "-- pawl: phase=contract\nDROP TABLE t;");
    put(&f, "5_fill.sql", "-- pawl: kind=backfill background\nUPDATE t SET a = 1;");
    put(&f, "6_view.sql", "-- pawl: kind=repeatable\nCREATE VIEW v AS SELECT 1;");
    load(&f, NAMING_SEQUENCE);
    assert_string_equal(f.set.digest.text, digest.text);
    finish(&f);
}

static void versions_of_the_future_are_found(void **state)
{
    (void)state;
    static const int64_t now = 1751529530; /* 2025-07-03 07:58:50 */
    struct fixture f;
    start(&f);
    put(&f, "20250703075850_now.sql", "SELECT 1;");
    put(&f, "20250704075850_in_a_day.sql", "SELECT 1;");
    put(&f, "20250704075851_later.sql", "SELECT 1;");
    put(&f, "20260703075850_next_year.sql", "SELECT 1;");
    load(&f, NAMING_TIMESTAMP);
    assert_int_equal(f.findings.count, 0);
    assert_true(set_check_future(&f.arena, &f.set, now, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 2);
    assert_string_equal(f.findings.items[0].rule, "future-version");
    assert_non_null(
        strstr(f.findings.items[0].what, "\"20250704075851\" stands for 2025-07-04 07:58:51Z"));
    expect_finding(
        &f, 1, SEVERITY_ERROR, "future-version",
        "version \"20260703075850\" stands for 2026-07-03 07:58:50Z, 365 d 0 h from now");
    assert_string_equal(f.findings.items[1].fix,
                        "run \"pawl renumber 20260703075850_next_year.sql\"");
    finish(&f);
}

static void odd_names_are_in_findings_as_they_are(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "20250703075850_a.sql", "SELECT 1;");
    put(&f, "20250703075851_b.sql", "SELECT 2;");
    put(&f, "20250703075852_\n\xff\x1b[0m.sql", "SELECT 3;");
    load(&f, NAMING_TIMESTAMP);
    assert_int_equal(f.findings.count, 1);
    const struct finding *const finding = &f.findings.items[0];
    assert_string_equal(finding->rule, "name-characters");
    assert_non_null(strstr(finding->file, "20250703075852_\n\xff\x1b[0m.sql"));
    assert_null(strpbrk(finding->what, "\n\x1b"));
    assert_string_equal(finding->fix, "rename it to \"20250703075852_0m.sql\"");
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_read_in_version_order),
        cmocka_unit_test(an_empty_folder_is_an_empty_set),
        cmocka_unit_test(folders_hold_their_files),
        cmocka_unit_test(words_outside_the_text_take_the_transaction_away),
        cmocka_unit_test(a_bad_name_is_left_out_until_it_is_admitted),
        cmocka_unit_test(the_other_scheme_is_named_once),
        cmocka_unit_test(milliseconds_are_no_other_scheme),
        cmocka_unit_test(equal_versions_are_found),
        cmocka_unit_test(a_directive_makes_a_repeatable),
        cmocka_unit_test(the_digest_follows_contents_alone),
        cmocka_unit_test(versions_of_the_future_are_found),
        cmocka_unit_test(odd_names_are_in_findings_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
