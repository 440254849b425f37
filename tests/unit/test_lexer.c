/* sql/lexer: where quotes, comments, words and numbers begin and end, in both dialects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/lexer.h"

/* One letter a token type, so that a whole text's reading fits a line. */
static const char letters[] = {
    [TOKEN_SPACE] = '_',      [TOKEN_LINE_COMMENT] = 'c', [TOKEN_BLOCK_COMMENT] = 'C',
    [TOKEN_WORD] = 'w',       [TOKEN_NAME] = 'n',         [TOKEN_STRING] = 's',
    [TOKEN_NUMBER] = '1',     [TOKEN_PARAMETER] = 'p',    [TOKEN_SEMICOLON] = ';',
    [TOKEN_BACKSLASH] = '\\', [TOKEN_SYMBOL] = '.',       [TOKEN_UNTERMINATED] = '!',
};

/* "w:select s:'a'" for the solid tokens; every byte of the text must belong to some token. */
static void describe(enum dialect dialect, const char *text, struct str *out)
{
    struct lexer lexer = lexer_init(dialect, text, strlen(text));
    size_t covered = 0;
    for (;;) {
        const struct token token = lexer_next(&lexer);
        assert_int_equal(token.start, covered);
        assert_ptr_equal(token.span.at, text + covered);
        covered += token.span.len;
        if (token.type == TOKEN_END)
            break;
        assert_true(token.span.len > 0);
        if (token.type == TOKEN_SPACE)
            continue;
        if (out->len > 0)
            str_puts(out, " ");
        str_printf(out, "%c:", letters[token.type]);
        str_append(out, token.span.at, token.span.len);
    }
    assert_int_equal(covered, strlen(text));
    assert_int_equal(lexer_next(&lexer).type, TOKEN_END);
}

struct reading {
    const char *text, *tokens;
};

static void check(enum dialect dialect, const struct reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str found = {0};
        describe(dialect, readings[i].text, &found);
        assert_string_equal(str_text(&found), readings[i].tokens);
        str_release(&found);
    }
}

static void postgres_strings(void **state)
{
    (void)state;
    static const struct reading readings[] = {
        {"'a''b' 'c'", "s:'a''b' s:'c'"},
        {"'a\\' 'b'", "s:'a\\' s:'b'"},
        {"E'a\\'b'", "s:E'a\\'b'"},
        {"e'a\\\\' b", "s:e'a\\\\' w:b"},
        {"E'''\\'' b", "s:E'''\\'' w:b"},
        {"E 'a\\' b", "w:E s:'a\\' w:b"},
        {"N'a' n'a''b'", "s:N'a' s:n'a''b'"},
        {"B'01' x'1F'", "s:B'01' s:x'1F'"},
        {"b'0''1'", "s:b'0' s:'1'"},
        {"U&'\\0041' u&\"a\"\"b\"", "s:U&'\\0041' n:u&\"a\"\"b\""},
        {"U& 'a'", "w:U .:& s:'a'"},
        {"ne'a\\'", "w:ne s:'a\\'"},
        {"\"a\"\"b;\" c", "n:\"a\"\"b;\" w:c"},
        {"'never", "!:'never"},
        {"a \"never", "w:a !:\"never"},
        {"E'\\", "!:E'\\"},
        {"E'a\\'", "!:E'a\\'"},
    };
    check(DIALECT_POSTGRES, readings, COUNT_OF(readings));
}

/* A constant that goes on after a newline keeps the rules of its first part. */
static void postgres_continued_strings(void **state)
{
    (void)state;
    static const struct reading readings[] = {
        {"E'a'\n'b\\'c'", "s:E'a' s:'b\\'c'"},
        {"E'a' \t\r\n  'b\\'c'\n'd\\'e'", "s:E'a' s:'b\\'c' s:'d\\'e'"},
        {"E'a' -- c\n -- d\n 'b\\'c'", "s:E'a' c:-- c c:-- d s:'b\\'c'"},
        {"E'a' 'b\\' c", "s:E'a' s:'b\\' w:c"},
        {"E'a' /* */ \n 'b\\' c", "s:E'a' C:/* */ s:'b\\' w:c"},
        {"E'a'\n, 'b\\' c", "s:E'a' .:, s:'b\\' w:c"},
        {"'a'\n'b\\' c", "s:'a' s:'b\\' w:c"},
        {"E'a'\n", "s:E'a'"},
    };
    check(DIALECT_POSTGRES, readings, COUNT_OF(readings));
}

static void postgres_dollars(void **state)
{
    (void)state;
    static const struct reading readings[] = {
        {"$$a;'b$$ c", "s:$$a;'b$$ w:c"},
        {"$tag$ $$ $t$ $tag$x", "s:$tag$ $$ $t$ $tag$ w:x"},
        {"$a$ $A$ $a$", "s:$a$ $A$ $a$"},
        {"$_1\xc3\xa9$b$_1\xc3\xa9$", "s:$_1\xc3\xa9$b$_1\xc3\xa9$"},
        {"$a$$$a$", "s:$a$$$a$"},
        {"a$b$ c", "w:a$b$ w:c"},
        {"as$$x", "w:as$$x"},
        {"$1 $12", "p:$1 p:$12"},
        {"$1$a$;$a$", "p:$1 s:$a$;$a$"},
        {"$1a$", "p:$1 w:a$"},
        {"$a b$", ".:$ w:a w:b$"},
        {"$a$ b", "!:$a$ b"},
        {"1$$;$$", "1:1 s:$$;$$"},
    };
    check(DIALECT_POSTGRES, readings, COUNT_OF(readings));
}

static void postgres_comments_and_operators(void **state)
{
    (void)state;
    static const struct reading readings[] = {
        {"a--b\nc", "w:a c:--b w:c"},
        {"a--b\rc", "w:a c:--b w:c"},
        {"a--b", "w:a c:--b"},
        {"a /* b /* c */ d */ e", "w:a C:/* b /* c */ d */ w:e"},
        {"/**/a", "C:/**/ w:a"},
        {"/*/ a", "!:/*/ a"},
        {"/* /* */", "!:/* /* */"},
        {"a+--b", "w:a .:+ c:--b"},
        {"a*/*b*/c", "w:a .:* C:/*b*/ w:c"},
        {"a-/*b*/-c", "w:a .:- C:/*b*/ .:- w:c"},
        {"a::b", "w:a .:: .:: w:b"},
        {"a - -1", "w:a .:- .:- 1:1"},
        {"'--' \"/*\" $$--$$", "s:'--' n:\"/*\" s:$$--$$"},
        {"-- '\n'a'", "c:-- ' s:'a'"},
        {"\\d users\nselect", "\\:\\d users w:select"},
        {"a \\gset", "w:a \\:\\gset"},
        {"\xc3\xa9t\xc3\xa9 _a1$", "w:\xc3\xa9t\xc3\xa9 w:_a1$"},
        {"[a`b?", ".:[ w:a .:` w:b .:?"},
    };
    check(DIALECT_POSTGRES, readings, COUNT_OF(readings));
}

static void numbers(void **state)
{
    (void)state;
    static const struct reading readings[] = {
        {"1.5e10 .5 5. 1E-3", "1:1.5e10 1:.5 1:5. 1:1E-3"},
        {"0x1F 0o17 0b01", "1:0x1F 1:0o17 1:0b01"},
        {"1_000.000_1", "1:1_000.000_1"},
        {"1..10", "1:1 .:. 1:.10"},
        {"1 .5", "1:1 1:.5"},
        {"1e", "1:1 w:e"},
        {"1e'a\\''", "1:1 s:e'a\\''"},
        {"1+2", "1:1 .:+ 1:2"},
        {"1.2.3", "1:1.2 1:.3"},
    };
    check(DIALECT_POSTGRES, readings, COUNT_OF(readings));
}

static void sqlite(void **state)
{
    (void)state;
    static const struct reading readings[] = {
        {"'a''b' \"a\"\"b\" `a``b` [a\"b]", "s:'a''b' n:\"a\"\"b\" n:`a``b` n:[a\"b]"},
        {"'a\\' b", "s:'a\\' w:b"},
        {"E'a\\' b", "w:E s:'a\\' w:b"},
        {"x'AB' X'0'", "s:x'AB' s:X'0'"},
        {"/* /* */ a", "C:/* /* */ w:a"},
        {"a /* never", "w:a C:/* never"},
        {"a /*", "w:a .:/ .:*"},
        {"a --b\rc\nd", "w:a c:--b\rc w:d"},
        {"?1 ? :a @b $c", "p:?1 p:? p::a p:@b p:$c"},
        {"$$a$$", "p:$$a$$"},
        {": a", ".:: w:a"},
        {"\\d", ".:\\ w:d"},
        {"[never", "!:[never"},
        {"'never", "!:'never"},
    };
    check(DIALECT_SQLITE, readings, COUNT_OF(readings));
}

static void quotes_come_off(void **state)
{
    (void)state;
    static const struct {
        enum dialect dialect;
        const char *text, *value;
    } cases[] = {
        {DIALECT_POSTGRES, "'it''s'", "it's"},    {DIALECT_POSTGRES, "''", ""},
        {DIALECT_POSTGRES, "''''", "'"},          {DIALECT_POSTGRES, "E'a''b\\n'", "a'b\\n"},
        {DIALECT_POSTGRES, "N'a'", "a"},          {DIALECT_POSTGRES, "$$a''b$$", "a''b"},
        {DIALECT_POSTGRES, "$t$a$$b$t$", "a$$b"}, {DIALECT_POSTGRES, "\"a\"\"b\"", "a\"b"},
        {DIALECT_POSTGRES, "U&\"a\"", "a"},       {DIALECT_SQLITE, "[a[[b]", "a[[b"},
        {DIALECT_SQLITE, "`a``b`", "a`b"},        {DIALECT_SQLITE, "x'0a'", "0a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct lexer lexer = lexer_init(cases[i].dialect, cases[i].text, strlen(cases[i].text));
        const struct token token = lexer_next(&lexer);
        struct str value = {0};
        token_unquote(&token, &value);
        assert_string_equal(str_text(&value), cases[i].value);
        assert_int_equal(lexer_next(&lexer).type, TOKEN_END);
        str_release(&value);
    }
}

static void dialects_have_names(void **state)
{
    (void)state;
    enum dialect dialect = DIALECT_POSTGRES;
    assert_true(dialect_parse("sqlite", &dialect));
    assert_int_equal(dialect, DIALECT_SQLITE);
    assert_true(dialect_parse("postgres", &dialect));
    assert_int_equal(dialect, DIALECT_POSTGRES);
    assert_false(dialect_parse("Postgres", &dialect));
    assert_false(dialect_parse("", &dialect));
    assert_string_equal(dialect_name(DIALECT_SQLITE), "sqlite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgres_strings), cmocka_unit_test(postgres_continued_strings),
        cmocka_unit_test(postgres_dollars), cmocka_unit_test(postgres_comments_and_operators),
        cmocka_unit_test(numbers),          cmocka_unit_test(sqlite),
        cmocka_unit_test(quotes_come_off),  cmocka_unit_test(dialects_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
