/* sql/split: every byte is in exactly one statement or between them, and a statement stays one. */
#include <string.h>

#include "fuzz.h"
#include "sql/split.h"

/* White space, comments and semicolons only. */
static void check_gap(enum dialect dialect, const char *text, size_t start, size_t end)
{
    struct lexer lexer = lexer_init(dialect, text + start, end - start);
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return;
        HOLDS(token.type == TOKEN_SEMICOLON);
    }
}

static void check_again(struct fuzz *fuzz, enum dialect dialect, const struct statement *statement)
{
    struct statements again;
    if (statement->text.len >= 3 && memcmp(statement->text.at, "\xef\xbb\xbf", 3) == 0)
        return; /* at the start of a text it would be a byte-order mark */
    HOLDS(sql_split(&fuzz->arena, dialect, statement->text.at, statement->text.len, &again,
                    &fuzz->err));
    HOLDS(again.count == 1);
    HOLDS(again.items[0].text.at == statement->text.at);
    HOLDS(again.items[0].text.len == statement->text.len);
}

static void check(struct fuzz *fuzz, enum dialect dialect, const char *text, size_t len,
                  const struct statements *statements)
{
    const bool marked = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    size_t end = marked ? 3 : 0;
    for (size_t i = 0; i < statements->count; i++) {
        const struct statement *const statement = &statements->items[i];
        int line = 0, column = 0;
        HOLDS(statement->text.at == text + statement->offset);
        HOLDS(statement->text.len > 0);
        HOLDS(statement->offset >= end && statement->offset + statement->text.len <= len);
        check_gap(dialect, text, end, statement->offset);
        sql_position(text, statement->offset, &line, &column);
        HOLDS(statement->line == line && statement->column == column);
        check_again(fuzz, dialect, statement);
        end = statement->offset + statement->text.len;
    }
    check_gap(dialect, text, end, len);
}

/* The first byte says the dialect. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct statements statements;
    if (size == 0)
        return 0;
    const enum dialect dialect = fuzz_dialect(data[0]);
    const size_t len = size - 1;
    char *const text = fuzz_bytes(data + 1, len);
    if (sql_split(&fuzz.arena, dialect, text, len, &statements, &fuzz.err))
        check(&fuzz, dialect, text, len, &statements);
    else
        HOLDS(fuzz.err.code == ERR_REFUSED && fuzz.err.line > 0 && fuzz.err.column > 0);
    free(text);
    fuzz_end(&fuzz);
    return 0;
}
