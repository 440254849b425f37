/* By their first words, at a twentieth of what the parser takes. */
#include "sql/only_makes.h"

#include <string.h>

#include "sql/match.h"

/* Words that bring another table into a definition. */
static bool names_others(struct span statement)
{
    static const char *const words[] = {"references", "partition", "inherits", "like", "of"};
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    for (struct token token; (token = lexer_next_solid(&lexer)).type != TOKEN_END;)
        for (size_t i = 0; i < COUNT_OF(words) && token.type == TOKEN_WORD; i++)
            if (span_is_nocase(token.span, words[i]))
                return true;
    return false;
}

static bool same_name(const struct written_name *a, const struct written_name *b)
{
    bool same = a->count == b->count && a->count > 0;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->parts[i].span.len == b->parts[i].span.len &&
               memcmp(a->parts[i].span.at, b->parts[i].span.at, a->parts[i].span.len) == 0;
    return same;
}

bool sql_only_makes(const struct span *statements, size_t count)
{
    struct match table = {0};
    for (size_t i = 0; i < count; i++) {
        struct lexer lexer = lexer_init(DIALECT_POSTGRES, statements[i].at, statements[i].len);
        struct lexer again = lexer;
        struct match made = {0}, index = {0};
        if (match_pattern(&lexer, "CREATE TABLE $name ()", &made) && !names_others(statements[i]))
            table = made;
        else if (!match_pattern(&again, "CREATE [UNIQUE] INDEX [$name] ON $relation", &index) ||
                 !same_name(&index.relation, &table.name))
            return false;
    }
    return true;
}
