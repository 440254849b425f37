/* Slices of a statement by the lexer, which knows quotes and comments: what stands there is put
 * into queries as it was written. */
#include <string.h>

#include "check/probe/parts.h"
#include "sql/lexer.h"
#include "sql/match.h"

static struct lexer lexer_at(struct span statement, int from)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    lexer.pos = from > 0 && (size_t)from < statement.len ? (size_t)from : 0;
    return lexer;
}

static int depth_change(const struct token *token)
{
    if (token->type != TOKEN_SYMBOL)
        return 0;
    const char c = token->span.at[0];
    return (c == '(' || c == '[') - (c == ')' || c == ']');
}

static bool is_symbol(const struct token *token, char c)
{
    return token->type == TOKEN_SYMBOL && token->span.at[0] == c;
}

/* The lexer stands behind "(": what is before its ")". */
static struct span inside(struct lexer *lexer)
{
    const size_t start = lexer->pos;
    int depth = 1;
    for (;;) {
        const struct token token = lexer_next_solid(lexer);
        if (token.type == TOKEN_END)
            return (struct span){0};
        depth += depth_change(&token);
        if (depth == 0)
            return (struct span){lexer->text + start, token.start - start};
    }
}

struct span text_parens_at(struct span statement, int from)
{
    struct lexer lexer = lexer_at(statement, from);
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return (struct span){0};
        if (is_symbol(&token, '('))
            return inside(&lexer);
    }
}

struct span text_in_parens(struct span statement, int from, const char *word)
{
    struct lexer lexer = lexer_at(statement, from);
    int depth = 0;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return (struct span){0};
        depth += depth_change(&token);
        if (depth == 0 && token.type == TOKEN_WORD && span_is_nocase(token.span, word))
            return text_parens_at(statement, (int)lexer.pos);
    }
}

enum commas { COMMA_ENDS, COMMA_STAYS };

static struct span up_to(struct lexer *lexer, const char *end_words, enum commas commas)
{
    const struct span ends = {end_words, strlen(end_words)};
    size_t start = 0, end = 0, read = 0;
    int depth = 0;
    for (;;) {
        const struct token token = lexer_next_solid(lexer);
        const int change = depth_change(&token);
        if (token.type == TOKEN_END || depth + change < 0 ||
            (depth == 0 && read > 0 &&
             ((commas == COMMA_ENDS && is_symbol(&token, ',')) || token.type == TOKEN_SEMICOLON ||
              (token.type == TOKEN_WORD && match_word(&token, ends)))))
            return (struct span){lexer->text + start, end - start};
        depth += change;
        start = read++ == 0 ? token.start : start;
        end = token.start + token.span.len;
    }
}

static struct span behind_word(struct span statement, int from, const char *word,
                               const char *end_words, enum commas commas)
{
    struct lexer lexer = lexer_at(statement, from);
    int depth = 0;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        depth += depth_change(&token);
        if (token.type == TOKEN_END || depth < 0)
            return (struct span){0};
        if (depth == 0 && token.type == TOKEN_WORD && span_is_nocase(token.span, word))
            return up_to(&lexer, end_words, commas);
    }
}

struct span text_after(struct span statement, int from, const char *word, const char *end_words)
{
    return behind_word(statement, from, word, end_words, COMMA_ENDS);
}

struct span text_after_list(struct span statement, const char *word, const char *end_words)
{
    return behind_word(statement, 0, word, end_words, COMMA_STAYS);
}

struct span text_until(struct span text, const char *end_words)
{
    struct lexer lexer = lexer_at(text, 0);
    return up_to(&lexer, end_words, COMMA_ENDS);
}

struct span text_behind_token(struct span statement, int from)
{
    struct lexer lexer = lexer_at(statement, from);
    (void)lexer_next_solid(&lexer);
    return (struct span){statement.at + lexer.pos, statement.len - lexer.pos};
}

struct span text_behind_equals(struct span text)
{
    struct lexer lexer = lexer_at(text, 0);
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return (struct span){0};
        if (is_symbol(&token, '='))
            return (struct span){text.at + lexer.pos, text.len - lexer.pos};
    }
}

/* What is in the parentheses that the whole text stands in; the text itself where it does not. */
static struct span without_parens(struct span text)
{
    for (;;) {
        struct lexer lexer = lexer_at(text, 0);
        const struct token first = lexer_next_solid(&lexer);
        const struct span within = is_symbol(&first, '(') ? inside(&lexer) : (struct span){0};
        if (within.len == 0 || lexer_next_solid(&lexer).type != TOKEN_END)
            return text;
        text = within;
    }
}

struct span text_before_last_cast(struct span whole)
{
    const struct span text = without_parens(whole);
    struct lexer lexer = lexer_at(text, 0);
    struct token before = {0};
    size_t cut = 0;
    int depth = 0;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return (struct span){text.at, cut};
        depth += depth_change(&token);
        if (depth == 0 && is_symbol(&token, ':') && is_symbol(&before, ':'))
            cut = before.start;
        before = token;
    }
}

size_t text_split_list(struct span list, struct span *parts, size_t max)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, list.at, list.len);
    size_t count = 0;
    while (count < max) {
        const struct span part = up_to(&lexer, "", COMMA_ENDS);
        if (part.len == 0)
            break;
        parts[count++] = part;
        const size_t next = (size_t)(part.at - list.at) + part.len;
        lexer.pos = next;
        const struct token comma = lexer_next_solid(&lexer);
        if (!is_symbol(&comma, ','))
            break;
    }
    return count;
}
