/* sql/canonical: the form of a form is the form, and how a text is laid out is not in it. */
#include <string.h>

#include "fuzz.h"
#include "sql/canonical.h"

static bool same(const struct str *a, const struct str *b)
{
    return a->len == b->len && memcmp(str_text(a), str_text(b), a->len) == 0;
}

static bool contains(const char *text, size_t len, const char *bytes)
{
    return memmem(text, len, bytes, strlen(bytes)) != NULL;
}

/* Rules that take away once and not again what a second pass would see anew: CR CR LF inside
 * quotes, a second byte-order mark, and a string that goes on after a newline, which is two. */
static bool settled(enum dialect dialect, const char *text, size_t len)
{
    struct lexer lexer = lexer_init(dialect, text, len);
    bool string = false;
    if (contains(text, len, "\r\r\n") || contains(text, len, "\xef\xbb\xbf"))
        return false;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return true;
        if (string && token.type == TOKEN_STRING)
            return false;
        string = token.type == TOKEN_STRING;
    }
}

/* The text with other white space where there was some, and more where it means nothing. */
static void lay_out_anew(enum dialect dialect, const char *text, size_t len, struct str *out)
{
    static const char *const gaps[] = {"\n", " /* a 'b */ ", "\t-- c \" $$\n", "\r\n \f", "/**/"};
    struct lexer lexer = lexer_init(dialect, text, len);
    size_t n = len;
    str_puts(out, "\n-- head\n/* ; */ ");
    for (bool blank = false;;) {
        const struct token token = lexer_next(&lexer);
        const bool mark = token.type == TOKEN_SEMICOLON ||
                          (token.type == TOKEN_SYMBOL && strchr("(),", token.span.at[0]) != NULL);
        const bool hint = token.type == TOKEN_BLOCK_COMMENT && token.span.len > 2 &&
                          strchr("+!", token.span.at[2]) != NULL;
        if (token.type == TOKEN_END)
            return;
        if (token.type == TOKEN_SPACE || token.type == TOKEN_LINE_COMMENT ||
            (token.type == TOKEN_BLOCK_COMMENT && !hint)) {
            blank = true;
            continue;
        }
        if (blank || mark)
            str_puts(out, gaps[n++ % COUNT_OF(gaps)]);
        str_append(out, token.span.at, token.span.len);
        blank = mark;
    }
}

static void check(enum dialect dialect, const char *text, size_t len, const struct str *form)
{
    struct str again = {0}, layout = {0}, layout_form = {0};
    if (settled(dialect, text, len)) {
        HOLDS(sql_canonical(dialect, str_text(form), form->len, &again));
        HOLDS(same(&again, form));
        lay_out_anew(dialect, text, len, &layout);
        HOLDS(sql_canonical(dialect, str_text(&layout), layout.len, &layout_form));
        HOLDS(same(&layout_form, form));
    }
    str_release(&again);
    str_release(&layout);
    str_release(&layout_form);
}

/* The first byte says the dialect. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str form = {0};
    if (size == 0)
        return 0;
    const enum dialect dialect = fuzz_dialect(data[0]);
    const size_t len = size - 1;
    char *const text = fuzz_bytes(data + 1, len);
    str_puts(&form, "before");
    if (sql_canonical(dialect, text, len, &form)) {
        struct str alone = {0};
        HOLDS(sql_canonical(dialect, text, len, &alone));
        HOLDS(form.len == alone.len + 6 && strcmp(str_text(&form) + 6, str_text(&alone)) == 0);
        check(dialect, text, len, &alone);
        str_release(&alone);
    } else {
        HOLDS(strcmp(str_text(&form), "before") == 0);
    }
    str_release(&form);
    free(text);
    return 0;
}
