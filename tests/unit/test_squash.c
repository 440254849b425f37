/* history/squash and ledger/squash: what a squash replaces, what is wrong with that, how it is held
 * against a ledger, and how one is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "history/squash.h"
#include "ledger/match.h"

enum { MOST_FILES = 8 };

struct file {
    const char *name, *text;
};

struct fixture {
    struct arena arena;
    struct err err;
    struct findings findings;
    struct set set;
    char folder[64];
};

static void start(struct fixture *f)
{
    *f = (struct fixture){.folder = "/tmp/pawl-squash-XXXXXX"};
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

static void put(struct fixture *f, const char *name, const char *text)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
    assert_true(fs_write(path, text, strlen(text), &f->err));
}

/* A checksum for each id. */
static struct hash_hex checksum_of(const char *id)
{
    return hash_bytes(id, strlen(id));
}

/* "s 1_a, q 2_s": lines with these marks and ids. */
static void put_sum(struct fixture *f, const char *lines)
{
    struct str text = {0};
    char mark[4], id[32];
    int taken = 0;
    if (lines == NULL)
        return;
    str_printf(&text, "pawl-sum 1 dialect=postgres digest=%s\n", checksum_of("").text);
    for (; sscanf(lines, " %3s %31[^,]%n", mark, id, &taken) == 2; lines += *lines == ',') {
        str_printf(&text, "%s %s %s\n", checksum_of(id).text, mark, id);
        lines += taken;
    }
    put(f, "pawl.sum", str_text(&text));
    str_release(&text);
}

static void load(struct fixture *f)
{
    const struct set_options options = {
        .folder = f->folder, .naming = NAMING_SEQUENCE, .dialect = DIALECT_POSTGRES};
    assert_true(set_load(&f->arena, &options, &f->set, &f->findings, &f->err));
}

/* ---- the range ---- */

static void ranges_are_found_or_refused(void **state)
{
    (void)state;
    static const struct {
        struct file files[MOST_FILES];
        const char *sum;      /* NULL: no file */
        const char *replaced; /* ids with the squash that they belong to */
        const char *findings;
    } rows[] = {
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_b\n"}, {"3_c.sql", ""}},
         "s 1_a, s 2_b, q 2_s, e 3_c",
         "1_a>2_s 2_b>2_s ",
         ""},
        /* By versions; lines that are no s yet; what lies outside stays outside. */
        {{{"4_s.sql", "-- pawl: replaces=2..4\n"}},
         "e 1_x, e 2_a, b 3_b, c 4_c, e 4_s",
         "2_a>4_s 3_b>4_s 4_c>4_s ",
         ""},
        /* Two of them. */
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_b\n"}, {"4_s.sql", "-- pawl: replaces=3_a..4_b\n"}},
         "s 1_a, s 2_b, q 2_s, s 3_a, s 4_b, q 4_s",
         "1_a>2_s 2_b>2_s 3_a>4_s 4_b>4_s ",
         ""},
        /* One of another. */
        {{{"3_s.sql", "-- pawl: replaces=1_a..3_c\n"}},
         "s 1_a, s 2_b, q 2_s, e 3_c",
         "1_a>3_s 2_b>3_s 2_s>3_s 3_c>3_s ",
         ""},
        {{{"3_s.sql", "-- pawl: replaces=2_s..3_c\n"}},
         "s 1_a, s 2_b, q 2_s, e 3_c",
         "2_s>3_s 3_c>3_s ",
         "squash-range: \"3_s\" replaces a squash, but not all that this one stood for: \"2_b\"; "},
        /* A repeatable is never replaced. */
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_b\n"},
          {"1_v.sql", "-- pawl: kind=repeatable\nSELECT 1"}},
         "r 1_v, s 1_a, s 2_b, q 2_s",
         "1_a>2_s 2_b>2_s ",
         ""},
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_b\n"}},
         NULL,
         "",
         "squash-lines: pawl.sum has no line for what \"2_s\" replaces: without the checksums no "
         "database can say whether it has those migrations; "},
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_b\n"}, {"1_a.sql", ""}, {"2_b.sql", ""}},
         NULL,
         "",
         "squash-files: 2 of the files that \"2_s\" replaces are still there: \"1_a.sql\" and "
         "others; "},
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_b\n"}, {"1_a.sql", ""}},
         "e 1_a, e 2_b",
         "2_b>2_s ",
         "squash-files: 1 of the files that \"2_s\" replaces is still there: \"1_a.sql\"; "},
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_x\n"}},
         "s 1_a, s 2_b, q 2_s",
         "",
         "squash-range: it replaces \"2_x\", and no file and no line of pawl.sum is called so; "},
        {{{"2_s.sql", "-- pawl: replaces=2_b..1_a\n"}},
         "s 1_a, s 2_b, q 2_s",
         "",
         "squash-range: \"2_b\" is the start of the range, and comes after its end \"1_a\"; "},
        {{{"2_b.sql", "-- pawl: replaces=1_a..2_b\n"}},
         "s 1_a, e 2_b",
         "",
         "squash-range: \"2_b\" has the name of one of those that it replaces: \"2_b\"; "},
        {{{"4_s.sql", "-- pawl: replaces=1_a..2_b\n"}, {"3_c.sql", ""}},
         "s 1_a, s 2_b, e 3_c, q 4_s",
         "1_a>4_s 2_b>4_s ",
         "squash-range: \"4_s\" does not stand where its range stood: between the two is "
         "\"3_c\"; "},
        {{{"1_s.sql", "-- pawl: replaces=3_a..4_b\n"}, {"2_c.sql", ""}},
         "q 1_s, e 2_c, s 3_a, s 4_b",
         "3_a>1_s 4_b>1_s ",
         "squash-range: \"1_s\" does not stand where its range stood: between the two is "
         "\"2_c\"; "},
        {{{"3_s.sql", "-- pawl: replaces=1_a..3_c\n"}, {"4_s.sql", "-- pawl: replaces=3_c..4_d\n"}},
         "s 1_a, s 3_c, q 3_s, s 4_d, q 4_s",
         "1_a>3_s 3_c>3_s 4_d>4_s ",
         "squash-files: 1 of the files that \"4_s\" replaces is still there: \"3_s.sql\"; "
         "squash-range: \"4_s\" replaces what is in the range of another squash already: "
         "\"3_c\"; "},
        /* A file that cannot be read is the matter of another finding. */
        {{{"2_s.sql", "-- pawl: replaces=1_a..2_b\n"}}, "x 1_a", "", "squash-lines: "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct str replaced = {0}, findings = {0};
        start(&f);
        for (size_t k = 0; k < MOST_FILES && rows[i].files[k].name != NULL; k++)
            put(&f, rows[i].files[k].name, rows[i].files[k].text);
        put_sum(&f, rows[i].sum);
        load(&f);
        for (size_t k = 0; k < f.set.replaced.count; k++)
            str_printf(&replaced, "%s>%s ", f.set.replaced.items[k].id,
                       f.set.replaced.items[k].replaced_by);
        for (size_t k = 0; k < f.findings.count; k++)
            str_printf(&findings, "%s: %s; ", f.findings.items[k].rule, f.findings.items[k].what);
        print_message("# row %zu\n", i);
        assert_string_equal(str_text(&replaced), rows[i].replaced);
        if (strcmp(rows[i].findings, "squash-lines: ") == 0)
            assert_memory_equal(str_text(&findings), rows[i].findings, 14);
        else
            assert_string_equal(str_text(&findings), rows[i].findings);
        str_release(&replaced);
        str_release(&findings);
        finish(&f);
    }
}

static void the_digest_is_that_of_what_is_replaced(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put(&f, "3_s.sql", "-- pawl: replaces=1_a..3_c\nSELECT 1;");
    put_sum(&f, "s 1_a, sc 2_b, s 3_c, q 3_s");
    load(&f);
    const struct hash_hex first = checksum_of("1_a"), last = checksum_of("3_c");
    const struct hash_hex *of_files[] = {&first, &last};
    assert_true(f.set.items[0].squash);
    assert_false(migration_in_digest(&f.set.items[0]));
    assert_string_equal(f.set.digest.text, digest_of(&f.arena, of_files, 2).text);
    assert_null(set_find(&f.set, "2_b"));
    assert_int_equal(set_find_replaced(&f.set, "2_b")->phase, PHASE_CONTRACT);
    assert_true(set_replaces(&f.set.items[0], set_find_replaced(&f.set, "2_b")));
    finish(&f);
}

static void names_alone_say_what_a_range_covers(void **state)
{
    (void)state;
    static const struct {
        const char *first, *last, *version, *id;
        bool covered;
    } rows[] = {
        {"2_b", "4_d", "2", "2_b", true},  {"2_b", "4_d", "4", "4_d", true},
        {"2_b", "4_d", "3", "3_x", true},  {"2_b", "4_d", "2", "2_a", false},
        {"2_b", "4_d", "4", "4_e", false}, {"2", "4", "2", "2_a", true},
        {"2", "4", "4", "4_z", true},      {"2", "4", "5", "5_a", false},
        {NULL, NULL, "2", "2_b", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        bool covered = !rows[i].covered;
        const struct migration squash = {.replaces_first = rows[i].first,
                                         .replaces_last = rows[i].last};
        start(&f);
        print_message("# row %zu\n", i);
        assert_true(
            squash_covers(&f.arena, &squash, rows[i].version, rows[i].id, &covered, &f.err));
        assert_int_equal(covered, rows[i].covered);
        finish(&f);
    }
}

/* ---- held against a ledger ---- */

/* "1_a, 2_x=2_b, S:3_s": applied rows; the content of another one; a squash of 1_a and 2_b. */
static void read_state(struct fixture *f, const char *rows, struct state *ret)
{
    struct journal journal = {0};
    char text[64];
    int taken = 0;
    for (; sscanf(rows, " %63[^,]%n", text, &taken) == 1; rows += *rows == ',') {
        rows += taken;
        const bool squash = strncmp(text, "S:", 2) == 0;
        char *id = text + (squash ? 2 : 0), *const content = strchr(id, '=');
        if (content != NULL)
            *content = '\0';
        struct journal_row *const row = arena_push(&f->arena, &journal);
        const struct hash_hex checksum = checksum_of(content != NULL ? content + 1 : id);
        *row = (struct journal_row){
            .seq = (int64_t)journal.count,
            .event = EVENT_APPLIED,
            .migration = arena_strdup(&f->arena, id),
            .checksum = arena_strdup(&f->arena, checksum.text),
            .detail = arena_printf(&f->arena, "{\"version\":\"%.*s\"%s}", (int)strcspn(id, "_"), id,
                                   squash ? ",\"replaces\":[\"1_a\",\"2_b\"]" : ""),
        };
    }
    assert_true(state_build(&f->arena, &journal, ret, &f->err));
}

static const char kinds[][12] = {
    [MATCH_PENDING] = "pending",     [MATCH_APPLIED] = "applied",   [MATCH_RENAMED] = "renamed",
    [MATCH_EDITED] = "edited",       [MATCH_DOUBTFUL] = "doubtful", [MATCH_CHANGED] = "changed",
    [MATCH_RECOGNISED] = "in place", [MATCH_SPLIT] = "split",
};

static void a_squash_is_what_became_of_its_range(void **state)
{
    (void)state;
    static const struct {
        const char *applied;
        const char *squash, *later; /* what 2_s and 3_c are */
        size_t missing, renamed;    /* renamed ones among what is replaced */
        bool older_code, out_of_order;
    } rows[] = {
        {"", "pending", "pending", 0, 0, false, false},
        {"1_a, 2_b", "in place", "pending", 0, 0, false, false},
        {"1_a, 2_b, 3_c", "in place", "applied", 0, 0, false, false},
        {"1_a, 2_b, 3_c, 4_d", "in place", "applied", 1, 0, true, false},
        {"1_a", "split", "pending", 0, 0, false, false},
        {"2_b, 3_c", "split", "applied", 0, 0, false, false},
        {"3_c", "pending", "applied", 0, 0, false, true},
        /* From the squash. */
        {"1_a, 2_b, S:2_s, 3_c", "applied", "applied", 0, 0, false, false},
        {"1_x=1_a, 2_b", "in place", "pending", 0, 1, false, false},
        {"1_a=other, 2_b", "split", "pending", 0, 0, false, false},
        {"0_x=1_a, 1_y=1_a, 2_b", "split", "pending", 1, 0, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct state ledger;
        struct comparison c;
        size_t renamed = 0;
        start(&f);
        put(&f, "2_s.sql", "-- pawl: replaces=1_a..2_b\nSELECT 1;");
        put(&f, "3_c.sql", "SELECT 3;");
        put_sum(&f, "s 1_a, s 2_b, q 2_s, e 3_c");
        load(&f);
        for (size_t k = 0; k < f.set.count; k++)
            f.set.items[k].checksum = checksum_of(f.set.items[k].id);
        read_state(&f, rows[i].applied, &ledger);
        print_message("# row %zu\n", i);
        assert_true(match_set(&f.arena, &f.set, &ledger, &c, &f.err));
        assert_int_equal(c.count, 2);
        assert_ptr_equal(c.items[0].migration, &f.set.items[0]);
        assert_string_equal(kinds[c.items[0].kind], rows[i].squash);
        assert_string_equal(kinds[c.items[1].kind], rows[i].later);
        assert_int_equal(c.missing.count, rows[i].missing);
        assert_int_equal(c.older_code, rows[i].older_code);
        assert_int_equal(c.items[0].out_of_order, rows[i].out_of_order);
        assert_int_equal(c.squashes.count, 1);
        assert_int_equal(c.squashes.items[0].count, 2);
        for (size_t k = 0; k < 2; k++)
            renamed += c.squashes.items[0].items[k].kind == MATCH_RENAMED;
        assert_int_equal(renamed, rows[i].renamed);
        finish(&f);
    }
}

/* The same databases, seen by code that still has the files. */
static void older_code_carries_what_a_squash_stands_for(void **state)
{
    (void)state;
    static const struct {
        const char *applied;
        bool with_all; /* the set has 2_b, not only 1_a */
        size_t missing, pending;
        bool diverged;
    } rows[] = {
        {"1_a, 2_b, S:2_s", true, 0, 1, false},
        {"1_a, 2_b, S:2_s, 3_c", true, 0, 0, false},
        {"1_a, 2_b, S:2_s", false, 2, 1, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct state ledger;
        struct comparison c;
        start(&f);
        put(&f, "1_a.sql", "SELECT 1;");
        if (rows[i].with_all)
            put(&f, "2_b.sql", "SELECT 2;");
        put(&f, "3_c.sql", "SELECT 3;");
        load(&f);
        for (size_t k = 0; k < f.set.count; k++)
            f.set.items[k].checksum = checksum_of(f.set.items[k].id);
        read_state(&f, rows[i].applied, &ledger);
        print_message("# row %zu\n", i);
        assert_true(match_set(&f.arena, &f.set, &ledger, &c, &f.err));
        assert_int_equal(c.missing.count, rows[i].missing);
        assert_int_equal(c.pending, rows[i].pending);
        assert_int_equal(c.diverged, rows[i].diverged);
        finish(&f);
    }
}

/* A squash that is recognised is the newest row, and old by its version: it has run nothing. */
static void a_recognised_squash_makes_no_rename_doubtful(void **state)
{
    (void)state;
    struct fixture f;
    struct state ledger;
    struct comparison c;
    start(&f);
    put(&f, "2_s.sql", "-- pawl: replaces=1_a..2_b\nSELECT 1;");
    put(&f, "4_d.sql", "SELECT 3;");
    put_sum(&f, "s 1_a, s 2_b, q 2_s, e 4_d");
    load(&f);
    f.set.items[1].checksum = checksum_of("3_c");
    f.set.items[0].checksum = checksum_of("2_s");
    read_state(&f, "1_a, 2_b, 3_c, S:2_s", &ledger);
    assert_true(match_set(&f.arena, &f.set, &ledger, &c, &f.err));
    assert_string_equal(kinds[c.items[1].kind], "renamed");
    finish(&f);
}

/* ---- writing one ---- */

static void a_squash_is_written_from_its_files(void **state)
{
    (void)state;
    static const char note[] =
        "-- A database that has all of these runs nothing of this file; one that has none runs all "
        "of it.\n\n";
    static const struct {
        struct file files[MOST_FILES];
        const char *range, *head, *body;
    } rows[] = {
        {{{"1_a.sql", "CREATE TABLE a ();\n"},
          {"2_b.sql", "\n\n  CREATE TABLE b ()"},
          {"3_c.sql", ""}},
         "1_a..2_b",
         "-- pawl: replaces=1_a..2_b\n",
         "-- 1_a\nCREATE TABLE a ();\n\n-- 2_b\nCREATE TABLE b ();\n"},
        {{{"1_a.sql", "SELECT 1 -- one"}, {"2_b.sql", "-- nothing\n"}, {"3_c.sql", ""}},
         "1..3",
         "-- pawl: replaces=1_a..3_c\n",
         "-- 1_a\nSELECT 1 -- one\n;\n\n-- 2_b\n-- nothing\n\n-- 3_c\n"},
        /* Directives and markers are the head's, or nobody's. */
        {{{"1_a.sql", "-- pawl: phase=contract lock_timeout=5s\n"
                      "-- pawl: allow=x reason=\"a \\\"b\\\" \\\\\" allow=y reason=z\n"
                      "-- keep me\nDROP TABLE a; -- pawl: no directive here\n"},
          {"2_b.sql", "-- pawl: allow=x reason=again no-transaction\n"
                      "-- pawl: allow=duplicate-version reason=once\nSELECT '-- pawl: x';"}},
         "1_a..2_b",
         "-- pawl: replaces=1_a..2_b\n-- pawl: no-transaction\n"
         "-- pawl: allow=x reason=\"a \\\"b\\\" \\\\\"\n-- pawl: allow=y reason=\"z\"\n",
         "-- 1_a\n-- keep me\nDROP TABLE a;\n\n-- 2_b\nSELECT '-- pawl: x';\n"},
        {{{"1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT -1;"},
          {"2_b.sql", "-- +goose Up\n-- +goose StatementBegin\nSELECT 2;\n-- +goose StatementEnd\n"
                      "-- +goose Down\nSELECT -2;"}},
         "1_a..2_b",
         "-- pawl: replaces=1_a..2_b\n",
         "-- 1_a\nSELECT 1;\n\n-- 2_b\nSELECT 2;\n"},
        {{{"1_a.sql", "-- pawl: kind=backfill table=t key=id batch=5\nUPDATE t SET a = 1"}},
         "1_a..1_a",
         "-- pawl: replaces=1_a..1_a\n",
         "-- 1_a\nUPDATE t SET a = 1;\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct squash_range range;
        struct str text = {0}, expected = {0};
        struct migration written = {.id = "9_s", .version = "9"};
        start(&f);
        for (size_t k = 0; k < MOST_FILES && rows[i].files[k].name != NULL; k++)
            put(&f, rows[i].files[k].name, rows[i].files[k].text);
        load(&f);
        f.findings.count = 0;
        print_message("# row %zu\n", i);
        assert_true(squash_find(&f.arena, &f.set, rows[i].range, &range, &f.err));
        assert_true(squash_write(&f.set, &range, &text));
        str_printf(&expected, "%s%s%s", rows[i].head, note, rows[i].body);
        assert_string_equal(str_text(&text), str_text(&expected));
        /* And is read without a finding. */
        assert_true(migration_read(&f.arena, DIALECT_POSTGRES, str_text(&text), text.len, &written,
                                   &f.findings, &f.err));
        assert_int_equal(f.findings.count, 0);
        assert_string_equal(written.replaces_first, range.items[0].id);
        str_release(&text);
        str_release(&expected);
        finish(&f);
    }
}

static void wrong_ranges_are_not_written(void **state)
{
    (void)state;
    static const struct {
        const char *range, *message;
    } rows[] = {
        {"1_a", "--replaces takes FIRST..LAST, the ids of two migrations"},
        {"1_a..2_c", "there is no migration \"2_c\""},
        {"..2_b", "there is no migration \"\""},
        {"2_b..1_a", "\"2_b\" comes after \"1_a\""},
        {"1_a..1_v", "there is no migration \"1_v\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct squash_range range;
        start(&f);
        put(&f, "1_a.sql", "");
        put(&f, "2_b.sql", "");
        put(&f, "1_v.sql", "-- pawl: kind=repeatable\n");
        load(&f);
        print_message("# row %zu\n", i);
        assert_false(squash_find(&f.arena, &f.set, rows[i].range, &range, &f.err));
        assert_int_equal(f.err.code, ERR_USAGE);
        assert_string_equal(f.err.message, rows[i].message);
        finish(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_found_or_refused),
        cmocka_unit_test(the_digest_is_that_of_what_is_replaced),
        cmocka_unit_test(names_alone_say_what_a_range_covers),
        cmocka_unit_test(a_squash_is_what_became_of_its_range),
        cmocka_unit_test(older_code_carries_what_a_squash_stands_for),
        cmocka_unit_test(a_recognised_squash_makes_no_rename_doubtful),
        cmocka_unit_test(a_squash_is_written_from_its_files),
        cmocka_unit_test(wrong_ranges_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
