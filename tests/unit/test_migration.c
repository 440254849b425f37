/* history/migration: directives, other tools' markers, the forward part, the checksum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "history/migration.h"

struct fixture {
    struct arena arena;
    struct err err;
    struct findings findings;
    struct migration migration;
};

static void release(struct fixture *fixture)
{
    arena_release(&fixture->arena);
    err_release(&fixture->err);
}

static void read_bytes(struct fixture *fixture, const char *text, size_t len)
{
    *fixture = (struct fixture){.migration = {.id = "1_x", .version = "1", .path = "1_x.sql"}};
    assert_true(migration_read(&fixture->arena, DIALECT_POSTGRES, text, len, &fixture->migration,
                               &fixture->findings, &fixture->err));
}

static void read_text(struct fixture *fixture, const char *text)
{
    read_bytes(fixture, text, strlen(text));
}

static void a_plain_file_is_an_expanding_schema_migration(void **state)
{
    (void)state;
    struct fixture f;
    read_text(&f, "CREATE TABLE t (a int);\n");
    assert_int_equal(f.findings.count, 0);
    assert_int_equal(f.migration.kind, KIND_SCHEMA);
    assert_int_equal(f.migration.phase, PHASE_EXPAND);
    assert_int_equal(f.migration.batch, -1);
    assert_int_equal(f.migration.lock_timeout_ms, -1);
    assert_false(f.migration.no_transaction);
    assert_false(f.migration.background);
    assert_false(f.migration.empty);
    assert_int_equal(f.migration.forward_offset, 0);
    assert_int_equal(f.migration.forward_len, strlen("CREATE TABLE t (a int);\n"));
    assert_true(migration_in_digest(&f.migration));
    release(&f);
}

static void directives_are_read(void **state)
{
    (void)state;
    struct fixture f;
    read_text(&f, "\xef\xbb\xbf/* licence */\n"
                  "-- pawl: kind=backfill table=app.users key=id batch=5000 background\r\n"
                  "--pawl:verify=\"SELECT count(*) FROM \\\"Users\\\" WHERE a = '\\\\'\" \n"
                  "  -- pawl: phase=contract lock_timeout=5s\n"
                  "-- pawl: allow=drop-column reason=\"unread since 1.24\" allow=b reason=why\n"
                  "-- pawl: no-transaction\n"
                  "UPDATE t SET a = 1;");
    for (size_t i = 0; i < f.findings.count; i++)
        print_message("# %s\n", f.findings.items[i].what);
    assert_int_equal(f.findings.count, 0);
    const struct migration *const m = &f.migration;
    assert_int_equal(m->kind, KIND_BACKFILL);
    assert_int_equal(m->phase, PHASE_CONTRACT);
    assert_string_equal(m->table, "app.users");
    assert_string_equal(m->key, "id");
    assert_string_equal(m->verify, "SELECT count(*) FROM \"Users\" WHERE a = '\\'");
    assert_int_equal(m->batch, 5000);
    assert_int_equal(m->lock_timeout_ms, 5000);
    assert_true(m->background);
    assert_true(m->no_transaction);
    assert_null(m->replaces_first);
    assert_int_equal(m->allows.count, 2);
    assert_string_equal(m->allows.items[0].rule, "drop-column");
    assert_string_equal(m->allows.items[0].reason, "unread since 1.24");
    assert_int_equal(m->allows.items[0].line, 5);
    assert_string_equal(m->allows.items[1].reason, "why");
    assert_true(migration_allows(m, "drop-column"));
    assert_false(migration_allows(m, "drop-table"));
    assert_false(migration_in_digest(m));
    release(&f);
}

static void what_a_file_says_is_shown_printable(void **state)
{
    (void)state;
    struct fixture f;
    read_text(&f, "-- pawl: allow=\x1b[2J\xc3\xa9\n");
    assert_int_equal(f.findings.count, 2);
    assert_string_equal(f.findings.items[0].what,
                        "\"allow\" must be the id of one rule, such as drop-column, not "
                        "\"\\x1b[2J\xc3\xa9\"");
    assert_string_equal(f.findings.items[1].what, "allow=\\x1b[2J\xc3\xa9 has no reason");
    release(&f);
}

static void a_recipe_is_no_part_of_the_checksum(void **state)
{
    (void)state;
    struct fixture f, plain;
    read_text(&f, "-- pawl: recipe=rename-column:20250703075850:2/12\nSELECT 1;");
    read_text(&plain, "SELECT 1;");
    assert_int_equal(f.findings.count, 0);
    assert_string_equal(f.migration.recipe.name, "rename-column");
    assert_string_equal(f.migration.recipe.id, "20250703075850");
    assert_int_equal(f.migration.recipe.step, 2);
    assert_int_equal(f.migration.recipe.steps, 12);
    assert_null(plain.migration.recipe.name);
    assert_string_equal(f.migration.checksum.text, plain.migration.checksum.text);
    release(&f);
    release(&plain);
    static const char *const wrong[] = {"a",      "a:b",    "a:b:1",     "a:b:0/1", "a:b:2/1",
                                        ":b:1/1", "a::1/1", "a:b:1/100", "a:b:1/x", "a:b:/1"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "-- pawl: recipe=%s\nSELECT 1;", wrong[i]);
        read_text(&f, text);
        assert_int_equal(f.findings.count, 1);
        assert_string_equal(f.findings.items[0].rule, "directive-value");
        assert_null(f.migration.recipe.name);
        release(&f);
    }
}

static void a_squash_names_what_it_replaces(void **state)
{
    (void)state;
    struct fixture f;
    read_text(&f, "-- pawl: kind=data phase=expand replaces=1_a..9_b\nSELECT 1;");
    assert_int_equal(f.findings.count, 0);
    assert_string_equal(f.migration.replaces_first, "1_a");
    assert_string_equal(f.migration.replaces_last, "9_b");
    /* Which ones these are is not known from the text: until then it counts itself. */
    assert_false(f.migration.squash);
    assert_true(migration_in_digest(&f.migration));
    release(&f);
}

static void wrong_directives_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rule, *what, *fix;
        int line, column;
    } rows[] = {
        {"-- pawl: phse=contract\nSELECT 1", "directive-unknown", "there is no directive \"phse\"",
         "did you mean \"phase\"?", 1, 10},
        {"\n--  pawl: kind=schema zzzzzzz\n", "directive-unknown",
         "there is no directive \"zzzzzzz\"", NULL, 2, 23},
        {"-- pawl: kind=shcema\n", "directive-value",
         "\"kind\" must be schema, data, backfill or repeatable, not \"shcema\"",
         "did you mean \"schema\"?", 1, 10},
        {"-- pawl: phase=Contract\n", "directive-value",
         "\"phase\" must be expand or contract, not \"Contract\"", "did you mean \"contract\"?", 1,
         10},
        {"-- pawl: phase\n", "directive-value",
         "\"phase\" has no value: it must be expand or contract", NULL, 1, 10},
        {"-- pawl: phase=expand phase=expand\n", "directive-value",
         "\"phase\" is given a second time", NULL, 1, 23},
        {"-- pawl: kind=backfill batch=0\n", "directive-value",
         "\"batch\" must be a number of rows from 1 to 1000000, not \"0\"", NULL, 1, 24},
        {"-- pawl: lock_timeout=5\n", "directive-value",
         "\"lock_timeout\" must be a duration above 0 with its unit, such as 400ms or 5s, not "
         "\"5\"",
         NULL, 1, 10},
        {"-- pawl: lock_timeout=0\n", "directive-value",
         "\"lock_timeout\" must be a duration above 0 with its unit, such as 400ms or 5s, not "
         "\"0\"",
         NULL, 1, 10},
        {"-- pawl: replaces=1_a\n", "directive-value",
         "\"replaces\" must be FIRST..LAST, two ids, not \"1_a\"", NULL, 1, 10},
        {"-- pawl: phase=contract replaces=1_a..2_b\n", "directive-value",
         "\"replaces\" does not go with phase=contract",
         "remove it: where a squash runs, there is no release that it could break", 1, 25},
        {"-- pawl: kind=backfill replaces=1_a..2_b\n", "directive-value",
         "\"replaces\" does not go with kind=backfill",
         "remove it: where a squash runs, there is no release that it could break", 1, 24},
        {"-- pawl: no-transaction=false\n", "directive-value",
         "\"no-transaction\" must be a flag, or true, not \"false\"", NULL, 1, 10},
        {"-- pawl: background\n", "directive-value",
         "\"background\" means nothing without kind=backfill", "add kind=backfill, or remove it", 1,
         10},
        {"-- pawl: batch=5\n", "directive-value", "\"batch\" means nothing without kind=backfill",
         "add kind=backfill, or remove it", 1, 10},
        {"-- pawl: allow=drop-column\n-- pawl: kind=data\n", "directive-value",
         "allow=drop-column has no reason", "say why, on the same line: reason=\"...\"", 1, 9},
        {"-- pawl: allow=a,b reason=x\n", "directive-value",
         "\"allow\" must be the id of one rule, such as drop-column, not \"a,b\"", NULL, 1, 10},
        {"-- pawl:\n", "directive-syntax", "the directive is empty",
         "write it as: -- pawl: key=value key=\"quoted value\" flag", 1, 9},
        {"-- pawl: verify=\"SELECT\n", "directive-syntax",
         "the directive cannot be read from \"verify=\"SELECT\" on",
         "write it as: -- pawl: key=value key=\"quoted value\" flag", 1, 10},
        {"-- pawl: phase= contract\n", "directive-syntax",
         "the directive cannot be read from \"phase= contract\" on",
         "write it as: -- pawl: key=value key=\"quoted value\" flag", 1, 10},
        {"-- pawl: phase=expand,\n", "directive-value",
         "\"phase\" must be expand or contract, not \"expand,\"", "did you mean \"expand\"?", 1,
         10},
        {"-- PAWL: phase=contract\n", "directive-syntax",
         "the comment looks like a directive, but does not start with \"-- pawl:\"",
         "write it as: -- pawl: ...", 1, 1},
        {"-- pawl phase=contract\n", "directive-syntax",
         "the comment looks like a directive, but does not start with \"-- pawl:\"",
         "write it as: -- pawl: ...", 1, 1},
        {"/* pawl: phase=contract */\n", "directive-syntax",
         "a directive stands in a block comment, where it is not read", "write it as: -- pawl: ...",
         1, 1},
        {"SELECT 1;\n-- pawl: phase=contract\n", "directive-late",
         "a directive after the first statement is not read", "move it above the first statement",
         2, 1},
        {"-- +goose Up\n  -- +goose Down\nDROP TABLE t", "annotation-syntax",
         "the marker does not stand at the start of its line, where its tool looks for it",
         "move it to the start of its line", 2, 3},
        {"-- +goose Dwon\n", "annotation-syntax", "there is no marker \"-- +goose dwon\"",
         "did you mean \"-- +goose down\"?", 1, 1},
        {"-- migrate:dwon\n", "annotation-syntax", "there is no marker \"-- migrate:dwon\"",
         "did you mean \"-- migrate:down\"?", 1, 1},
        {"-- migrate:up transaction: false\n", "annotation-syntax",
         "the option of the up marker is not known", "write transaction:false", 1, 1},
        {"-- +goose ENVSUB ON\n-- +goose Up\n", "annotation-syntax",
         "environment variables are not put into a migration: ${NAME} would run as it stands",
         "write the values themselves into the file", 1, 1},
        {"-- migrate:up\nSELECT 1;\n-- migrate:up\n", "annotation-syntax",
         "a second up marker: only one forward part is read",
         "put the second part into a file of its own", 3, 1},
        {"-- migrate:down\nSELECT 1;\n-- migrate:up\n", "annotation-syntax",
         "the up marker stands after the down marker", "move the down part to the end", 3, 1},
        {"-- migrate:down\nDROP TABLE t;\n", "no-forward-part",
         "the file has a down marker and no up marker",
         "add the up marker above the statements that go forward", 1, 1},
        {"-- x\nSELECT 1;\n-- +goose up\nSELECT 2;\n", "text-before-up",
         "text stands above the up marker, where it would not run", "move it below the up marker",
         2, 1},
        {"SELECT '\xff'", "encoding", "the file is not valid UTF-8: byte \\xff",
         "save the file as UTF-8", 1, 9},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        read_text(&f, rows[i].text);
        print_message("# row %zu\n", i);
        assert_true(f.findings.count >= 1);
        const struct finding *const finding = &f.findings.items[0];
        assert_string_equal(finding->rule, rows[i].rule);
        assert_int_equal(finding->severity, SEVERITY_ERROR);
        assert_string_equal(finding->what, rows[i].what);
        assert_string_equal(finding->file, "1_x.sql");
        assert_int_equal(finding->line, rows[i].line);
        assert_int_equal(finding->column, rows[i].column);
        if (rows[i].fix == NULL)
            assert_null(finding->fix);
        else
            assert_string_equal(finding->fix, rows[i].fix);
        /* One mistake, one error; what cannot be hashed as SQL adds its note. */
        assert_int_equal(findings_count(&f.findings, SEVERITY_ERROR), 1);
        release(&f);
    }
}

static void an_allow_without_reason_allows_nothing(void **state)
{
    (void)state;
    struct fixture f;
    read_text(&f, "-- pawl: allow=drop-column\n-- pawl: allow=b reason=\" \"\n");
    assert_int_equal(findings_count(&f.findings, SEVERITY_ERROR), 3);
    assert_false(migration_allows(&f.migration, "drop-column"));
    assert_false(migration_allows(&f.migration, "b"));
    release(&f);
}

static void prose_is_no_directive(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-- pawl runs this file\n",
        "-- pawls: many\n",
        "-- see the pawl: it holds\n",
        "SELECT '\n-- pawl: nonsense\n';",
        "SELECT $$\n-- pawl: nonsense\n-- migrate:down\n$$;",
        "/*\n-- migrate:down\n-- +goose Down\n*/ SELECT 1;",
        "-- migrate: copy the old rows\nSELECT 1;",
        "-- migrate:upgrade\nSELECT 1;",
        "SELECT 1; -- +goose Down\nSELECT 2;",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct fixture f;
        read_text(&f, texts[i]);
        print_message("# text %zu\n", i);
        assert_int_equal(f.findings.count, 0);
        assert_int_equal(f.migration.forward_len, strlen(texts[i]));
        release(&f);
    }
}

static void forward_parts_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *forward;
        bool no_transaction;
    } rows[] = {
        {"-- migrate:up\nCREATE TABLE t();\n\n-- migrate:down\nDROP TABLE t;\n",
         "\nCREATE TABLE t();\n\n", false},
        {"--migrate:up transaction:false\nSELECT 1;", "\nSELECT 1;", true},
        {"-- migrate:up transaction:true\nSELECT 1;", "\nSELECT 1;", false},
        {"-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n-- +goose "
         "Down\nSELECT 2;",
         "\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n", false},
        {"-- +goose no transaction\n-- +GOOSE UP\r\nSELECT 1;\r\n-- +goose  down\r\n",
         "\r\nSELECT 1;\r\n", true},
        {"-- +goose Up\n-- +goose NO TRANSACTION\nSELECT 1;",
         "\n-- +goose NO TRANSACTION\nSELECT 1;", true},
        {"-- +migrate Up notransaction\nSELECT 1;\n-- +migrate Down\nSELECT 2;", "\nSELECT 1;\n",
         true},
        {"SELECT 1;\n---- create above / drop below ----\nSELECT 2;", "SELECT 1;\n", false},
        {"-- pawl: kind=data\n-- migrate:up\nSELECT 1;", "\nSELECT 1;", false},
        {"-- morph:nontransactional\nSELECT 1;", "-- morph:nontransactional\nSELECT 1;", true},
        {"-- postgres-migrations disable-transaction\nSELECT 1;",
         "-- postgres-migrations disable-transaction\nSELECT 1;", true},
        {"-- no-transaction\nSELECT 1;", "-- no-transaction\nSELECT 1;", true},
        {"-- atlas:txmode none\n\nSELECT 1;", "-- atlas:txmode none\n\nSELECT 1;", true},
        {"-- no-transactional\nSELECT 1;", "-- no-transactional\nSELECT 1;", false},
        {"SELECT 1;\n-- no-transaction\n", "SELECT 1;\n-- no-transaction\n", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        char forward[200];
        read_text(&f, rows[i].text);
        print_message("# row %zu\n", i);
        assert_int_equal(f.findings.count, 0);
        assert_true(f.migration.forward_len < sizeof forward);
        memcpy(forward, f.migration.text + f.migration.forward_offset, f.migration.forward_len);
        forward[f.migration.forward_len] = '\0';
        assert_string_equal(forward, rows[i].forward);
        assert_int_equal(f.migration.no_transaction, rows[i].no_transaction);
        release(&f);
    }
    struct fixture f;
    read_text(&f, "-- migrate:down\nDROP TABLE t;\n");
    assert_int_equal(f.migration.forward_len, 0); /* never run what goes back */
    release(&f);
}

static void checksums_say_what_runs(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hashed;
    } rows[] = {
        {"UPDATE t SET n = 0;", "update t set n = 0"},
        {"-- migrate:up\n/* x */ UPDATE  t\r\nSET n = 0 ;\n-- migrate:down\nDROP TABLE t",
         "update t set n = 0"},
        {"-- pawl: phase=contract allow=a reason=b lock_timeout=5s\nUPDATE t SET n = 0;",
         "update t set n = 0"},
        {"-- pawl: key=id table=t kind=backfill batch=10 background\nUPDATE t SET n = 0;",
         "update t set n = 0\nkind=backfill\ntable=t\nkey=id"},
        {"-- pawl: no-transaction verify=\"SELECT 1\" kind=data\nUPDATE t SET n = 0;",
         "update t set n = 0\nkind=data\nverify=SELECT 1\nno-transaction"},
        {"-- +goose NO TRANSACTION\n-- +goose Up\nUPDATE t SET n = 0;",
         "update t set n = 0\nno-transaction"},
        {"-- nothing\n", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        read_text(&f, rows[i].text);
        const struct hash_hex expected = hash_bytes(rows[i].hashed, strlen(rows[i].hashed));
        print_message("# row %zu\n", i);
        assert_string_equal(f.migration.checksum.text, expected.text);
        assert_int_equal(f.migration.empty, rows[i].hashed[0] == '\0');
        assert_int_equal(f.findings.count, 0);
        release(&f);
    }
    /* The one of docs/checksum.md. */
    struct fixture f;
    read_text(&f, "-- pawl: kind=backfill table=t key=id\nUPDATE t SET n = 0;");
    assert_string_equal(f.migration.checksum.text,
                        "0a4992e1b48a33307163a3a3a0ab0ee21bd191000fae2b1bcae4d53c223d3971");
    release(&f);
}

static void unreadable_text_is_hashed_as_bytes(void **state)
{
    (void)state;
    static const char text[] = "-- migrate:up\nSELECT 'open";
    struct fixture f;
    read_text(&f, text);
    assert_int_equal(f.findings.count, 1);
    assert_string_equal(f.findings.items[0].rule, "checksum-bytes");
    assert_int_equal(f.findings.items[0].severity, SEVERITY_NOTE);
    assert_string_equal(f.migration.checksum.text, hash_bytes("\nSELECT 'open", 13).text);
    assert_false(f.migration.empty);
    release(&f);

    read_bytes(&f, "SELECT 1;\0", 10);
    assert_string_equal(f.findings.items[0].rule, "encoding");
    assert_string_equal(f.findings.items[0].what, "the file has a NUL byte in it");
    release(&f);
    read_bytes(&f, "\xff\xfeS\0", 4);
    assert_string_equal(f.findings.items[0].what, "the file is UTF-16");
    release(&f);
}

static void what_stands_outside_the_text_counts(void **state)
{
    (void)state;
    static const char text[] = "SELECT 1;", data[] = "-- pawl: kind=data\nSELECT 1;";
    struct fixture f = {.migration = {.version = "", .no_transaction = true}};
    assert_true(migration_read(&f.arena, DIALECT_POSTGRES, text, strlen(text), &f.migration,
                               &f.findings, &f.err));
    assert_int_equal(f.migration.kind, KIND_REPEATABLE);
    const char *const hashed = "select 1\nkind=repeatable\nno-transaction";
    assert_string_equal(f.migration.checksum.text, hash_bytes(hashed, strlen(hashed)).text);
    assert_false(migration_in_digest(&f.migration));
    assert_true(migration_read(&f.arena, DIALECT_POSTGRES, data, strlen(data), &f.migration,
                               &f.findings, &f.err));
    assert_int_equal(f.findings.count, 1);
    assert_string_equal(f.findings.items[0].what,
                        "kind=data does not go with a name that says repeatable (R__)");
    assert_int_equal(f.migration.kind, KIND_REPEATABLE);
    release(&f);
}

static void the_digest_leaves_out_what_may_wait(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool in;
    } rows[] = {
        {"SELECT 1", true},
        {"-- pawl: kind=data\n", true},
        {"-- pawl: kind=backfill\n", true},
        {"-- pawl: kind=backfill background\n", false},
        {"-- pawl: kind=repeatable\n", false},
        {"-- pawl: phase=contract\n", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        read_text(&f, rows[i].text);
        assert_int_equal(f.findings.count, 0);
        assert_int_equal(migration_in_digest(&f.migration), rows[i].in);
        release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_file_is_an_expanding_schema_migration),
        cmocka_unit_test(directives_are_read),
        cmocka_unit_test(a_recipe_is_no_part_of_the_checksum),
        cmocka_unit_test(a_squash_names_what_it_replaces),
        cmocka_unit_test(wrong_directives_are_found),
        cmocka_unit_test(what_a_file_says_is_shown_printable),
        cmocka_unit_test(an_allow_without_reason_allows_nothing),
        cmocka_unit_test(prose_is_no_directive),
        cmocka_unit_test(forward_parts_are_found),
        cmocka_unit_test(checksums_say_what_runs),
        cmocka_unit_test(unreadable_text_is_hashed_as_bytes),
        cmocka_unit_test(what_stands_outside_the_text_counts),
        cmocka_unit_test(the_digest_leaves_out_what_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
