/* sql/canonical: the vectors of docs/checksum.md, what may and may not be merged, and passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "sql/canonical.h"

/* "…" with C's escapes, as the vectors are written. */
static void unescape(const char *quoted, struct str *out)
{
    assert_int_equal(quoted[0], '"');
    const char *c = quoted + 1;
    for (; *c != '"' && *c != '\0'; c++) {
        if (*c != '\\') {
            str_putc(out, *c);
            continue;
        }
        c++;
        unsigned byte = 0;
        int read = 0;
        switch (*c) {
        case 'n':
            str_putc(out, '\n');
            break;
        case 'r':
            str_putc(out, '\r');
            break;
        case 't':
            str_putc(out, '\t');
            break;
        case 'x':
            assert_int_equal(sscanf(c + 1, "%2x%n", &byte, &read), 1);
            assert_int_equal(read, 2);
            str_putc(out, (char)byte);
            c += 2;
            break;
        default:
            str_putc(out, *c);
        }
    }
    assert_string_equal(c, "\"");
}

static void check_vector(enum dialect dialect, const char *text, const char *form,
                         const char *sha256)
{
    struct str input = {0}, expected = {0}, found = {0};
    unescape(text, &input);
    const bool readable = sql_canonical(dialect, str_text(&input), input.len, &found);
    if (strcmp(form, "bytes") == 0) {
        assert_false(readable);
        assert_int_equal(found.len, 0);
        str_append(&found, str_text(&input), input.len);
    } else {
        unescape(form, &expected);
        assert_true(readable);
        assert_string_equal(str_text(&found), str_text(&expected));
    }
    assert_string_equal(hash_bytes(str_text(&found), found.len).text, sha256);
    str_release(&input);
    str_release(&expected);
    str_release(&found);
}

static bool read_line(FILE *file, char *line, size_t bytes)
{
    if (fgets(line, (int)bytes, file) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static void documented_vectors_hold(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", __FILE__);
    *strrchr(path, '/') = '\0';
    strncat(path, "/../../docs/checksum.md", sizeof path - strlen(path) - 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[1024], form[1024], sha256[1024], name[16];
    int vectors = 0;
    while (read_line(file, line, sizeof line)) {
        enum dialect dialect;
        int quote = 0;
        if (sscanf(line, "%15[a-z] %n\"", name, &quote) != 1 || line[quote] != '"' ||
            !dialect_parse(name, &dialect))
            continue;
        assert_true(read_line(file, form, sizeof form));
        assert_true(read_line(file, sha256, sizeof sha256));
        check_vector(dialect, line + quote, form, sha256);
        vectors++;
    }
    fclose(file);
    assert_true(vectors >= 17);
}

static void form(enum dialect dialect, const char *text, struct str *ret)
{
    str_clear(ret);
    assert_true(sql_canonical(dialect, text, strlen(text), ret));
    assert_false(ret->failed);
}

static void equal_meaning_has_one_form(void **state)
{
    (void)state;
    static const struct {
        enum dialect dialect;
        const char *one, *other;
    } cases[] = {
        {DIALECT_POSTGRES, "SELECT 1", "/* licence */ select\n\t1 ; -- end"},
        {DIALECT_POSTGRES, "f ( a , b )", "F(a,b)"},
        {DIALECT_POSTGRES, "a;b", "; ; a ;\n;-- c\n; b ; "},
        {DIALECT_POSTGRES, "a -- x; 'y\nb", "a b"},
        {DIALECT_POSTGRES, "a(/* c */)", "a()"},
        {DIALECT_POSTGRES, "'x'\r\n,'y'", "'x','y'"},
        {DIALECT_POSTGRES, "$$a\r\nb$$", "$$a\nb$$"},
        {DIALECT_POSTGRES, "E'\\'' A", "e'\\'' a"},
        {DIALECT_SQLITE, "a /* open", "a"},
        {DIALECT_SQLITE, "SELECT [A] ;", "select [A]"},
    };
    struct str one = {0}, other = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        form(cases[i].dialect, cases[i].one, &one);
        form(cases[i].dialect, cases[i].other, &other);
        assert_string_equal(str_text(&one), str_text(&other));
        /* The form of a form is itself. */
        form(cases[i].dialect, str_text(&one), &other);
        assert_string_equal(str_text(&one), str_text(&other));
    }
    str_release(&one);
    str_release(&other);
}

static void other_meaning_has_another_form(void **state)
{
    (void)state;
    static const struct {
        enum dialect dialect;
        const char *one, *other;
    } cases[] = {
        {DIALECT_POSTGRES, "a - -1", "a --1"},
        {DIALECT_POSTGRES, "a -/**/-1", "a --1"},
        {DIALECT_POSTGRES, "a / *b", "a /*b*/"},
        {DIALECT_POSTGRES, "1 .5", "1.5"},
        {DIALECT_POSTGRES, "a/**/b", "ab"},
        {DIALECT_POSTGRES, "'A'", "'a'"},
        {DIALECT_POSTGRES, "'a  b'", "'a b'"},
        {DIALECT_POSTGRES, "'a -- b'", "'a'"},
        {DIALECT_POSTGRES, "\"A\"", "\"a\""},
        {DIALECT_POSTGRES, "$A$x$A$", "$a$x$a$"},
        {DIALECT_POSTGRES, "$$a;;b$$", "$$a;b$$"},
        {DIALECT_POSTGRES, "E 'a'", "E'a'"},
        {DIALECT_POSTGRES, "U & \"a\"", "U&\"a\""},
        {DIALECT_POSTGRES, "'a\rb'", "'a\nb'"},
        {DIALECT_POSTGRES, "/*+ A */ b", "/*+ a */ b"},
        {DIALECT_POSTGRES, "/*+ a */ b", "b"},
        {DIALECT_POSTGRES, "a;b", "a b"},
        {DIALECT_POSTGRES, "< =", "<="},
        {DIALECT_POSTGRES, "\xc3\x89", "\xc3\xa9"},
        {DIALECT_SQLITE, "[a b]", "[a  b]"},
        {DIALECT_SQLITE, "`A`", "`a`"},
        {DIALECT_SQLITE, "E'a'", "E 'a'"},
    };
    struct str one = {0}, other = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        form(cases[i].dialect, cases[i].one, &one);
        form(cases[i].dialect, cases[i].other, &other);
        assert_string_not_equal(str_text(&one), str_text(&other));
    }
    str_release(&one);
    str_release(&other);
}

static void unreadable_text_leaves_the_buffer(void **state)
{
    (void)state;
    static const struct {
        enum dialect dialect;
        const char *text;
        size_t len;
    } cases[] = {
        {DIALECT_POSTGRES, "select 'a", 9},
        {DIALECT_POSTGRES, "select \"a", 9},
        {DIALECT_POSTGRES, "select $$a$", 11},
        {DIALECT_POSTGRES, "a /* /* */", 10},
        {DIALECT_POSTGRES, "a\0b", 3},
        {DIALECT_POSTGRES, "a \xc3", 3},
        {DIALECT_POSTGRES, "COPY t FROM stdin;\nA\n\\.\n", 24},
        {DIALECT_SQLITE, "select [a", 9},
        {DIALECT_SQLITE, "a\0b", 3},
    };
    struct str out = {0};
    str_puts(&out, "before");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_false(sql_canonical(cases[i].dialect, cases[i].text, cases[i].len, &out));
        assert_string_equal(str_text(&out), "before");
    }
    assert_true(sql_canonical(DIALECT_POSTGRES, "; A ;", 5, &out));
    assert_string_equal(str_text(&out), "beforea");
    str_release(&out);
}

static void a_full_buffer_is_a_failed_buffer(void **state)
{
    (void)state;
    struct str out = {.max = 8};
    assert_true(sql_canonical(DIALECT_POSTGRES, "select 123456", 13, &out));
    assert_true(out.failed);
    str_release(&out);
}

static void passwords_are_blanked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *blanked;
    } cases[] = {
        {"ALTER ROLE a PASSWORD 'se''cret'; -- x", "ALTER ROLE a PASSWORD '***'; -- x"},
        {"CREATE ROLE a ENCRYPTED password E'se\\'cret' LOGIN",
         "CREATE ROLE a ENCRYPTED password '***' LOGIN"},
        {"CREATE ROLE a PASSWORD /* x */ $$secret$$", "CREATE ROLE a PASSWORD /* x */ '***'"},
        {"ALTER ROLE a PASSWORD 'se'\n'cret'", "ALTER ROLE a PASSWORD '***'\n'***'"},
        {"ALTER ROLE a PASSWORD NULL; SELECT 'x'", "ALTER ROLE a PASSWORD NULL; SELECT 'x'"},
        {"OPTIONS (user 'u', password 's', x 'y')", "OPTIONS (user 'u', password '***', x 'y')"},
        {"OPTIONS (\"password\" 's')", "OPTIONS (\"password\" '***')"},
        {"CONNECTION 'host=h password=secret dbname=d'",
         "CONNECTION 'host=h password=*** dbname=d'"},
        {"CONNECTION 'password = se\\ cret'", "CONNECTION 'password = ***'"},
        {"CONNECTION 'password=''se cret'' dbname=d'", "CONNECTION 'password=''***'' dbname=d'"},
        {"CONNECTION 'postgres://u:secret@h/d'", "CONNECTION 'postgres://u:***@h/d'"},
        {"CONNECTION 'postgres://h:5432/d'", "CONNECTION 'postgres://h:5432/d'"},
        {"DO $x$ BEGIN CREATE ROLE a PASSWORD 's'; END $x$",
         "DO $x$ BEGIN CREATE ROLE a PASSWORD '***'; END $x$"},
        {"DO $$ BEGIN EXECUTE 'CREATE ROLE a PASSWORD ''s'' LOGIN'; END $$",
         "DO $$ BEGIN EXECUTE 'CREATE ROLE a PASSWORD ''***'' LOGIN'; END $$"},
        {"-- CREATE ROLE a PASSWORD 's'\nSELECT 1", "-- CREATE ROLE a PASSWORD '***'\nSELECT 1"},
        {"ALTER ROLE a PASSWORD 'never", "ALTER ROLE a PASSWORD '***'"},
        {"SELECT $x$ never 's'; PASSWORD 's'", "SELECT $x$ never 's'; PASSWORD '***'"},
        {"SELECT password, 'a' FROM t WHERE password = 'b'",
         "SELECT password, 'a' FROM t WHERE password = 'b'"},
        {"SET password_encryption = 'md5'; SELECT 'password'",
         "SET password_encryption = 'md5'; SELECT 'password'"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str out = {0};
        sql_blank_passwords(DIALECT_POSTGRES, cases[i].text, strlen(cases[i].text), &out);
        assert_string_equal(str_text(&out), cases[i].blanked);
        str_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_vectors_hold),
        cmocka_unit_test(equal_meaning_has_one_form),
        cmocka_unit_test(other_meaning_has_another_form),
        cmocka_unit_test(unreadable_text_leaves_the_buffer),
        cmocka_unit_test(a_full_buffer_is_a_failed_buffer),
        cmocka_unit_test(passwords_are_blanked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
