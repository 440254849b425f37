/* conf/ini: what the strict reader takes, what it refuses, and where it says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/ini.h"

static void entries_have_places(void **state)
{
    (void)state;
    static const char text[] = "# comment\n"
                               "\n"
                               "[pawl]\n"
                               "naming = epoch\n"
                               "  ; another comment\n"
                               "\tmigrations\t=\t a b # not a comment ; nor this \t\n"
                               "[ target.main ]\n"
                               "url=host=/tmp password='a=b'\n"
                               "naming =\n";
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err err = {0};
    struct ini ini;
    assert_true(ini_parse(&arena, "f", text, sizeof text - 1, &ini, &err));
    assert_int_equal(ini.sections.count, 2);
    assert_string_equal(ini.sections.items[1].name, "target.main");
    assert_int_equal(ini.sections.items[1].line, 7);
    assert_int_equal(ini.sections.items[1].column, 3);
    static const struct {
        const char *section, *key, *value;
        int line, key_column, value_column;
    } expected[] = {
        {"pawl", "naming", "epoch", 4, 1, 10},
        {"pawl", "migrations", "a b # not a comment ; nor this", 6, 2, 16},
        {"target.main", "url", "host=/tmp password='a=b'", 8, 1, 5},
        {"target.main", "naming", "", 9, 1, 9},
    };
    assert_int_equal(ini.entries.count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const struct ini_entry *entry = &ini.entries.items[i];
        assert_string_equal(entry->section, expected[i].section);
        assert_string_equal(entry->key, expected[i].key);
        assert_string_equal(entry->value, expected[i].value);
        assert_int_equal(entry->line, expected[i].line);
        assert_int_equal(entry->key_column, expected[i].key_column);
        assert_int_equal(entry->value_column, expected[i].value_column);
    }
}

static void foreign_line_ends_and_marks_are_tolerated(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "\n\n", "[a]\nk = v\n", "[a]\r\nk = v\r\n", "\xef\xbb\xbf[a]\nk = v", "[a]\r\nk = v\r",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CLEANUP(arena_release) struct arena arena = {0};
        CLEANUP(err_release) struct err err = {0};
        struct ini ini;
        assert_true(ini_parse(&arena, "f", texts[i], strlen(texts[i]), &ini, &err));
        assert_int_equal(ini.entries.count, i < 2 ? 0 : 1);
        if (i >= 2)
            assert_string_equal(ini.entries.items[0].value, "v");
    }
}

#define BYTES(text) text, sizeof(text) - 1

static void bad_text_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        int line, column;
        const char *message;
    } cases[] = {
        {BYTES("k = v\n"), 1, 1, "before the first section"},
        {BYTES("[a]\nk = 1\nk = 2\n"), 3, 1, "second time in [a]"},
        {BYTES("[a]\n[b]\n  [a]\n"), 3, 4, "second time"},
        {BYTES("[a]\nk = v\n  goes on\n"), 3, 3, "neither"},
        {BYTES("[a\n"), 1, 1, "no \"]\""},
        {BYTES("[a] # comment\n"), 1, 4, "text after"},
        {BYTES("[a] ]\n"), 1, 4, "text after"},
        {BYTES("[]\n"), 1, 2, "name of a section"},
        {BYTES("[a b]\n"), 1, 2, "name of a section"},
        {BYTES("[a]\n= v\n"), 2, 1, "name of a setting"},
        {BYTES("[a]\na-b = v\n"), 2, 1, "name of a setting"},
        {BYTES("[a]\nk = v\0w\n"), 2, 6, "control character (0x00)"},
        {BYTES("[a]\nk = \x1b[2J\n"), 2, 5, "control character (0x1b)"},
        {BYTES("[a]\nk = v\rl = w\n"), 2, 6, "control character (0x0d)"},
        {BYTES("[a]\nk = \xc3\xa9\xff\n"), 2, 6, "not UTF-8 (0xff)"},
        {BYTES("[a]\nk = \xc3\n"), 2, 5, "not UTF-8 (0xc3)"},
        {BYTES("\xff\xfe[\0a\0]\0"), 1, 1, "not UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(arena_release) struct arena arena = {0};
        CLEANUP(err_release) struct err err = {0};
        struct ini ini;
        assert_false(ini_parse(&arena, "some.conf", cases[i].text, cases[i].len, &ini, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_string_equal(err.file, "some.conf");
        assert_int_equal(err.line, cases[i].line);
        assert_int_equal(err.column, cases[i].column);
    }
}

static void the_same_key_may_stand_in_two_sections(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err err = {0};
    struct ini ini;
    assert_true(ini_parse(&arena, "f", BYTES("[a]\nk = 1\n[b]\nk = 2\n"), &ini, &err));
    assert_int_equal(ini.entries.count, 2);
}

static void size_is_limited(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err err = {0};
    struct ini ini;
    char *text = malloc(INI_MAX_BYTES + 1);
    assert_non_null(text);
    memset(text, '\n', INI_MAX_BYTES + 1);
    assert_true(ini_parse(&arena, "f", text, INI_MAX_BYTES, &ini, &err));
    assert_false(ini_parse(&arena, "f", text, INI_MAX_BYTES + 1, &ini, &err));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_have_places),
        cmocka_unit_test(foreign_line_ends_and_marks_are_tolerated),
        cmocka_unit_test(bad_text_is_refused_with_its_place),
        cmocka_unit_test(the_same_key_may_stand_in_two_sections),
        cmocka_unit_test(size_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
