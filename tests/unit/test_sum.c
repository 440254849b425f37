/* history/sum: written, read back, refused when torn, compared with the set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "history/sum.h"

struct fixture {
    struct arena arena;
    struct err err;
    struct findings findings;
    struct set set;
    struct str text; /* of the right pawl.sum */
    char path[64];
};

static void add(struct fixture *f, const char *id, enum migration_kind kind,
                enum migration_phase phase, bool background)
{
    struct migration *const item = arena_push(&f->arena, &f->set);
    assert_non_null(item);
    *item = (struct migration){.id = id,
                               .version = "1",
                               .checksum = hash_bytes(id, strlen(id)),
                               .kind = kind,
                               .phase = phase,
                               .background = background};
    f->set.versioned += kind != KIND_REPEATABLE;
}

static void start(struct fixture *f)
{
    *f = (struct fixture){.path = "/tmp/pawl-sum-XXXXXX"};
    const int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    add(f, "20250703075850_a", KIND_SCHEMA, PHASE_EXPAND, false);
    add(f, "20250703075851_b", KIND_BACKFILL, PHASE_EXPAND, true);
    add(f, "20250703075852_c", KIND_SCHEMA, PHASE_CONTRACT, false);
    add(f, "R__v", KIND_REPEATABLE, PHASE_EXPAND, false);
    assert_true(set_seal(&f->arena, &f->set, &f->err));
    assert_true(sum_write(&f->set, &f->text));
}

static void finish(struct fixture *f)
{
    assert_int_equal(unlink(f->path), 0);
    str_release(&f->text);
    arena_release(&f->arena);
    err_release(&f->err);
}

static void put(struct fixture *f, const char *text, size_t len)
{
    assert_true(fs_write(f->path, text, len, &f->err));
}

/* The right text with one part replaced. */
static void put_changed(struct fixture *f, const char *from, const char *to)
{
    const char *const at = strstr(str_text(&f->text), from);
    assert_non_null(at);
    struct str changed = {0};
    str_append(&changed, f->text.data, (size_t)(at - f->text.data));
    str_puts(&changed, to);
    str_puts(&changed, at + strlen(from));
    put(f, str_text(&changed), changed.len);
    str_release(&changed);
}

static void the_text_is_what_the_docs_say(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    const char *text = str_text(&f.text);
    static const char head[] = "pawl-sum 1 dialect=postgres digest=";
    assert_memory_equal(text, head, strlen(head));
    assert_memory_equal(text + strlen(head), f.set.digest.text, HASH_HEX_LEN);
    /* Repeatables first. */
    static const struct {
        size_t item;
        const char *rest;
    } lines[] = {{3, " r R__v\n"},
                 {0, " e 20250703075850_a\n"},
                 {1, " b 20250703075851_b\n"},
                 {2, " c 20250703075852_c\n"}};
    for (size_t i = 0; i < 4; i++) {
        text = strchr(text, '\n') + 1;
        assert_memory_equal(text, f.set.items[lines[i].item].checksum.text, HASH_HEX_LEN);
        assert_memory_equal(text + HASH_HEX_LEN, lines[i].rest, strlen(lines[i].rest));
    }
    assert_string_equal(strchr(text, '\n'), "\n");
    finish(&f);
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    struct fixture f;
    struct set set;
    struct sum_head head = {.dialect = DIALECT_SQLITE};
    start(&f);
    put(&f, f.text.data, f.text.len);
    assert_true(sum_read_head(&f.arena, f.path, &head, &f.err));
    assert_int_equal(head.dialect, DIALECT_POSTGRES);
    assert_string_equal(head.digest.text, f.set.digest.text);
    assert_int_equal(head.repeatable_count, 1);
    assert_string_equal(head.repeatables[0].text, f.set.items[3].checksum.text);
    assert_true(sum_read(&f.arena, f.path, &set, &f.err));
    assert_int_equal(set.count, 4);
    assert_int_equal(set.versioned, 3);
    assert_string_equal(set.digest.text, f.set.digest.text);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(set.items[i].id, f.set.items[i].id);
        assert_string_equal(set.items[i].checksum.text, f.set.items[i].checksum.text);
        assert_int_equal(set.items[i].kind, f.set.items[i].kind);
        assert_int_equal(set.items[i].phase, f.set.items[i].phase);
        assert_int_equal(set.items[i].background, f.set.items[i].background);
        assert_null(set.items[i].text);
        assert_null(set.items[i].path);
    }
    assert_string_equal(set.items[0].version, "20250703075850");
    assert_string_equal(set.items[3].version, "");
    assert_ptr_equal(set_find(&set, "20250703075852_c"), &set.items[2]);
    assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 0);
    finish(&f);
}

static void a_checkout_with_crlf_is_the_same(void **state)
{
    (void)state;
    struct fixture f;
    struct set set;
    struct str text = {0};
    start(&f);
    for (const char *c = str_text(&f.text); *c != '\0'; c++) {
        if (*c == '\n')
            str_putc(&text, '\r');
        str_putc(&text, *c);
    }
    put(&f, text.data, text.len);
    assert_true(sum_read(&f.arena, f.path, &set, &f.err));
    assert_string_equal(set.items[3].id, "R__v");
    assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 0);
    str_release(&text);
    finish(&f);
}

static void what_was_squashed_away_is_passed_over(void **state)
{
    (void)state;
    struct fixture f;
    struct set set;
    start(&f);
    char first[HASH_HEX_LEN + 40], both[2 * sizeof first];
    (void)snprintf(first, sizeof first, "%s e ", f.set.items[0].checksum.text);
    (void)snprintf(both, sizeof both, "%s s 20200101000000_old\n%s", f.set.items[1].checksum.text,
                   first);
    put_changed(&f, first, both);
    assert_true(sum_read(&f.arena, f.path, &set, &f.err));
    assert_int_equal(set.count, 4);
    assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 0);
    finish(&f);
}

/* A squash in place of the last one, which stands for all four ways to be in a set. */
static void add_squash(struct fixture *f)
{
    static const struct migration replaced[] = {
        {.id = "20250703075853_e", .version = "1"},
        {.id = "20250703075854_c", .version = "1", .phase = PHASE_CONTRACT},
        {.id = "20250703075855_b", .version = "1", .kind = KIND_BACKFILL, .background = true},
        {.id = "20250703075856_q", .version = "1", .squash = true},
    };
    const struct migration view = f->set.items[--f->set.count];
    add(f, "20250703075857_squash", KIND_SCHEMA, PHASE_EXPAND, false);
    f->set.items[f->set.count - 1].squash = true;
    *(struct migration *)arena_push(&f->arena, &f->set) = view;
    for (size_t i = 0; i < COUNT_OF(replaced); i++) {
        struct migration *const item = arena_push(&f->arena, &f->set.replaced);
        *item = replaced[i];
        item->checksum = hash_bytes(item->id, strlen(item->id));
        item->replaced_by = "20250703075857_squash";
    }
    assert_true(set_seal(&f->arena, &f->set, &f->err));
    f->text.len = 0;
    assert_true(sum_write(&f->set, &f->text));
}

static void a_squash_stands_below_what_it_replaces(void **state)
{
    (void)state;
    static const char *const marks[] = {" r R__v\n",
                                        " e 20250703075850_a\n",
                                        " b 20250703075851_b\n",
                                        " c 20250703075852_c\n",
                                        " s 20250703075853_e\n",
                                        " sc 20250703075854_c\n",
                                        " sb 20250703075855_b\n",
                                        " sq 20250703075856_q\n",
                                        " q 20250703075857_squash\n"};
    struct fixture f;
    struct set set;
    struct sum_ids contracts;
    start(&f);
    add_squash(&f);
    const char *text = str_text(&f.text);
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        text = strchr(text, '\n') + 1;
        assert_memory_equal(text + HASH_HEX_LEN, marks[i], strlen(marks[i]));
    }
    /* The digest is that of the files from before: neither the squash nor the other squash. */
    const struct hash_hex *before[] = {&f.set.items[0].checksum, &f.set.replaced.items[0].checksum};
    assert_string_equal(f.set.digest.text, digest_of(&f.arena, before, 2).text);

    put(&f, f.text.data, f.text.len);
    assert_true(sum_read(&f.arena, f.path, &set, &f.err));
    assert_string_equal(set.digest.text, f.set.digest.text);
    assert_int_equal(set.count, 5);
    assert_true(set_find(&set, "20250703075857_squash")->squash);
    assert_int_equal(set.replaced.count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct migration *const item = &set.replaced.items[i];
        assert_string_equal(item->id, f.set.replaced.items[i].id);
        assert_string_equal(item->replaced_by, "20250703075857_squash");
        assert_int_equal(item->phase, f.set.replaced.items[i].phase);
        assert_int_equal(item->background, f.set.replaced.items[i].background);
        assert_int_equal(item->squash, f.set.replaced.items[i].squash);
    }
    assert_true(sum_read_contracts(&f.arena, f.path, &contracts, &f.err));
    assert_int_equal(contracts.count, 2);
    assert_string_equal(contracts.items[1], "20250703075854_c");
    assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 0);
    finish(&f);
}

static void lines_of_squashes_are_compared(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *rule, *what;
    } rows[] = {
        {" s 20250703075853_e", " e 20250703075853_e", "sum-mark",
         "\"20250703075853_e\" has the mark s, not e"},
        {" sc 20250703075854_c", " s 20250703075854_c", "sum-mark",
         "\"20250703075854_c\" has the mark sc, not s"},
        {" q 20250703075857_squash", " e 20250703075857_squash", "sum-mark",
         "\"20250703075857_squash\" has the mark q, not e"},
        {" e 20250703075850_a", " s 20250703075850_a", "sum-mark",
         "\"20250703075850_a\" has the mark e, not s"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        start(&f);
        add_squash(&f);
        put_changed(&f, rows[i].from, rows[i].to);
        print_message("# row %zu\n", i);
        assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
        assert_int_equal(f.findings.count, 1);
        assert_string_equal(f.findings.items[0].rule, rows[i].rule);
        assert_string_equal(f.findings.items[0].what, rows[i].what);
        finish(&f);
    }
}

static void torn_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
        int line, column;
    } rows[] = {
        {"pawl-sum 1", "pawl-sum 2", "the format is not 1: a newer pawl wrote it", 1, 10},
        {"pawl-sum 1", "<<<<<<< HEAD\npawl-sum 1", "the file does not start with \"pawl-sum 1\"", 1,
         1},
        {"=postgres", "=oracle", "the dialect is not known", 1, 20},
        {" digest=", " digest=x", "digest= and 64 small hexadecimal digits are expected here", 1,
         28},
        {" b 2025", " x 2025", "a mark is expected here: e, c, b, r, q or s, between single blanks",
         4, 66},
        {" b 2025", "  b 2025",
         "a mark is expected here: e, c, b, r, q or s, between single blanks", 4, 66},
        {" b 2025", " sr 2025",
         "a mark is expected here: e, c, b, r, q or s, between single blanks", 4, 66},
        {" b 2025", " ec 2025",
         "a mark is expected here: e, c, b, r, q or s, between single blanks", 4, 66},
        {" b 20250703075851_b", " sb ", "an id is expected here", 4, 69},
        {" b 20250703075851_b", " b ", "an id is expected here", 4, 68},
        {" b 20250703075851_b\n", " b 20250703075851_b\n\n",
         "a checksum of 64 small hexadecimal digits is expected here", 5, 1},
        {"_b\n", "_b\n=======\n", "a checksum of 64 small hexadecimal digits is expected here", 5,
         1},
        {"_c\n", "_", "the file is cut short: its last line has no end", 5, 1},
        {"20250703075851_b", "20250703075850_a", "an earlier line has this id", 4, 68},
        {" b ", " r ", "repeatables stand first, but another line stands above this one", 4, 66},
        {" b ", " e ", "the digest does not fit the lines below it", 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct set set;
        start(&f);
        put_changed(&f, rows[i].from, rows[i].to);
        print_message("# row %zu\n", i);
        assert_false(sum_read(&f.arena, f.path, &set, &f.err));
        assert_int_equal(f.err.code, ERR_USAGE);
        assert_string_equal(f.err.message, rows[i].message);
        assert_string_equal(f.err.file, f.path);
        assert_int_equal(f.err.line, rows[i].line);
        assert_int_equal(f.err.column, rows[i].column);
        /* check reports each as a finding, and the comparison where it can be read. */
        assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
        assert_true(f.findings.count > 0);
        finish(&f);
    }
}

static void a_head_alone_is_read_strictly(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "pawl-sum 1 dialect=postgres digest=abc\n",
                                        "pawl-sum 1 dialect=postgres", "\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct fixture f;
        struct sum_head head;
        start(&f);
        put(&f, texts[i], strlen(texts[i]));
        assert_false(sum_read_head(&f.arena, f.path, &head, &f.err));
        assert_int_equal(f.err.code, ERR_USAGE);
        assert_int_equal(f.err.line, 1);
        finish(&f);
    }
    struct arena arena = {0};
    struct err err = {0};
    struct sum_head head;
    assert_false(sum_read_head(&arena, "/nonexistent/pawl.sum", &head, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(sum_read_head(&arena, "/tmp", &head, &err));
    err_release(&err);
}

static void differences_are_found(void **state)
{
    (void)state;
    static const char zeros[] = "0000000000000000";
    struct fixture f;
    start(&f);
    static const struct {
        const char *from, *to, *rule;
        int line;
    } rows[] = {
        {" c 20250703075852_c", " e 20250703075852_c", "sum-mark", 5},
        {" r R__v", " r R__w", "sum-missing-line", 0},
        {"pawl-sum 1 dialect=postgres digest=", NULL, "sum-digest", 1},
        {"\n", NULL, "sum-checksum", 2},
        {"dialect=postgres", "dialect=sqlite", "sum-format", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f.findings = (struct findings){0};
        if (rows[i].to != NULL) {
            put_changed(&f, rows[i].from, rows[i].to);
        } else {
            struct str text = {0};
            str_append(&text, f.text.data, f.text.len);
            memcpy(strstr(text.data, rows[i].from) + strlen(rows[i].from), zeros, strlen(zeros));
            put(&f, text.data, text.len);
            str_release(&text);
        }
        assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
        print_message("# row %zu\n", i);
        assert_true(f.findings.count >= 1);
        assert_string_equal(f.findings.items[0].rule, rows[i].rule);
        assert_int_equal(f.findings.items[0].severity, SEVERITY_ERROR);
        assert_int_equal(f.findings.items[0].line, rows[i].line);
        assert_string_equal(f.findings.items[0].fix, "run \"pawl sum\"");
    }
    /* The renamed line is both missing and too many. */
    f.findings = (struct findings){0};
    put_changed(&f, " r R__v", " r R__w");
    assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 2);
    assert_string_equal(f.findings.items[0].what, "\"R__v\" has no line");
    assert_string_equal(f.findings.items[1].rule, "sum-extra-line");
    assert_string_equal(f.findings.items[1].what, "there is no migration \"R__w\"");
    finish(&f);
}

static void another_order_is_found(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    const struct migration first = f.set.items[0];
    f.set.items[0] = f.set.items[1];
    f.set.items[1] = first;
    str_clear(&f.text);
    assert_true(sum_write(&f.set, &f.text));
    put(&f, f.text.data, f.text.len);
    f.set.items[1] = f.set.items[0];
    f.set.items[0] = first;
    assert_true(set_seal(&f.arena, &f.set, &f.err));
    assert_true(sum_check(&f.arena, &f.set, f.path, &f.findings, &f.err));
    assert_int_equal(f.findings.count, 1);
    assert_string_equal(f.findings.items[0].rule, "sum-format");
    assert_int_equal(f.findings.items[0].line, 3);
    finish(&f);
}

static void no_file_is_no_finding(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    assert_true(sum_check(&f.arena, &f.set, "/nonexistent/pawl.sum", &f.findings, &f.err));
    assert_int_equal(f.findings.count, 0);
    finish(&f);
}

static void contract_lines_are_found_alone(void **state)
{
    (void)state;
    struct fixture f;
    struct sum_ids ids;
    start(&f);
    put(&f, f.text.data, f.text.len);
    assert_true(sum_read_contracts(&f.arena, f.path, &ids, &f.err));
    assert_int_equal(ids.count, 1);
    assert_string_equal(ids.items[0], "20250703075852_c");
    assert_false(sum_read_contracts(&f.arena, "/nonexistent/pawl.sum", &ids, &f.err));
    assert_int_equal(f.err.code, ERR_USAGE);
    finish(&f);
}

/* Lines lie across the borders of what is read at once; a torn one and one without an end count
 * not. */
static void contract_lines_of_a_large_file_are_found(void **state)
{
    (void)state;
    enum { LINES = 3000 };
    struct fixture f;
    struct sum_ids ids;
    start(&f);
    str_clear(&f.text);
    str_puts(&f.text, "pawl-sum 1\n");
    for (int i = LINES; i > 0; i--)
        str_printf(&f.text, "%s %c change_%04d%s\n", f.set.items[0].checksum.text,
                   i % 3 == 0 ? 'c' : 'e', i, i % 2 == 0 ? "\r" : "");
    str_printf(&f.text, "torn c change_9998\n%s c change_9999", f.set.items[0].checksum.text);
    put(&f, f.text.data, f.text.len);
    assert_true(sum_read_contracts(&f.arena, f.path, &ids, &f.err));
    assert_int_equal(ids.count, LINES / 3);
    for (int i = 0; i < LINES / 3; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "change_%04d", (i + 1) * 3);
        assert_string_equal(ids.items[i], id);
    }
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_what_the_docs_say),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(a_checkout_with_crlf_is_the_same),
        cmocka_unit_test(what_was_squashed_away_is_passed_over),
        cmocka_unit_test(a_squash_stands_below_what_it_replaces),
        cmocka_unit_test(lines_of_squashes_are_compared),
        cmocka_unit_test(torn_files_are_refused),
        cmocka_unit_test(a_head_alone_is_read_strictly),
        cmocka_unit_test(differences_are_found),
        cmocka_unit_test(another_order_is_found),
        cmocka_unit_test(no_file_is_no_finding),
        cmocka_unit_test(contract_lines_are_found_alone),
        cmocka_unit_test(contract_lines_of_a_large_file_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
