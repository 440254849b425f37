/* sql_blank_passwords(): a password never gets through, and nothing else is touched. */
#include <string.h>

#include "fuzz.h"
#include "sql/canonical.h"

static const char secret[] = "Zq7xSecret";

static void blank(enum dialect dialect, const struct str *text, struct str *out)
{
    sql_blank_passwords(dialect, str_text(text), text->len, out);
    HOLDS(!out->failed);
}

/* Whether the text ends outside quotes and comments, so that what is put behind it is SQL. */
static bool ends_open(enum dialect dialect, const struct str *text)
{
    struct lexer lexer = lexer_init(dialect, str_text(text), text->len);
    enum token_type last = TOKEN_SPACE;
    for (;;) {
        const struct token token = lexer_next(&lexer);
        if (token.type == TOKEN_END)
            return last != TOKEN_UNTERMINATED && last != TOKEN_LINE_COMMENT &&
                   last != TOKEN_BLOCK_COMMENT && last != TOKEN_BACKSLASH;
        last = token.type;
    }
}

static bool mentions(const struct str *text, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i + len <= text->len; i++)
        if (span_is_nocase((struct span){str_text(text) + i, len}, word))
            return true;
    return false;
}

/* Each place of a password, behind whatever text there is. */
static void check_secrets(enum dialect dialect, const struct str *text)
{
    static const char *const forms[] = {
        "\n;ALTER ROLE a PASSWORD 'Zq7xSecret';",
        "\n;ALTER ROLE a ENCRYPTED /* x */ PASSWORD\n 'Zq7xSecret'",
        "\n;CREATE SUBSCRIPTION s CONNECTION 'host=h password=Zq7xSecret dbname=d'",
        "\n;CREATE SUBSCRIPTION s CONNECTION 'postgres://u:Zq7xSecret@h/d'",
        "\n;DO $x$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''Zq7xSecret'''; END $x$",
        "\n;-- password = Zq7xSecret",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct str whole = {0}, blanked = {0};
        str_append(&whole, str_text(text), text->len);
        str_puts(&whole, forms[i]);
        blank(dialect, &whole, &blanked);
        if (dialect == DIALECT_POSTGRES || strstr(forms[i], "$x$") == NULL)
            HOLDS(!mentions(&blanked, secret));
        str_release(&whole);
        str_release(&blanked);
    }
}

/* The first byte says the dialect. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {0}, once = {0};
    if (size == 0)
        return 0;
    const enum dialect dialect = fuzz_dialect(data[0]);
    char *const exact = fuzz_bytes(data + 1, size - 1);
    sql_blank_passwords(dialect, exact, size - 1, &once);
    free(exact);
    str_append(&text, (const char *)data + 1, size - 1);
    if (!mentions(&text, "password") && !mentions(&text, "://"))
        HOLDS(once.len == text.len && memcmp(str_text(&once), str_text(&text), text.len) == 0);
    if (ends_open(dialect, &text) && !mentions(&text, secret))
        check_secrets(dialect, &text);
    str_release(&text);
    str_release(&once);
    return 0;
}
