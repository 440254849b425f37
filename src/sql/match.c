/* Patterns against tokens. A pattern is short and static: it is read anew each time. */
#include "sql/match.h"

#include <string.h>

static bool matches(struct lexer *lexer, struct span pattern, struct match *ret);

/* The token that comes next, without taking it. */
static struct token peek(const struct lexer *lexer)
{
    struct lexer copy = *lexer;
    return lexer_next_solid(&copy);
}

static bool take_symbol(struct lexer *lexer, const char *symbol)
{
    struct lexer copy = *lexer;
    const struct token token = lexer_next_solid(&copy);
    if (token.type != TOKEN_SYMBOL || !span_is(token.span, symbol))
        return false;
    *lexer = copy;
    return true;
}

bool match_word(const struct token *token, struct span words)
{
    if (token->type != TOKEN_WORD)
        return false;
    for (size_t start = 0; start < words.len;) {
        const char *bar = memchr(words.at + start, '|', words.len - start);
        const size_t end = bar != NULL ? (size_t)(bar - words.at) : words.len;
        const struct span word = {words.at + start, end - start};
        bool same = word.len == token->span.len;
        for (size_t i = 0; same && i < word.len; i++)
            same = ascii_lower(word.at[i]) == ascii_lower(token->span.at[i]);
        if (same)
            return true;
        start = end + 1;
    }
    return false;
}

static bool take_name(struct lexer *lexer, struct written_name *ret)
{
    struct lexer copy = *lexer;
    struct written_name name = {0};
    do {
        const struct token token = lexer_next_solid(&copy);
        if ((token.type != TOKEN_WORD && token.type != TOKEN_NAME) ||
            name.count == COUNT_OF(name.parts))
            return false;
        name.parts[name.count++] = token;
    } while (take_symbol(&copy, "."));
    *lexer = copy;
    *ret = name;
    return true;
}

static bool take_label(struct lexer *lexer, struct token *ret)
{
    if (peek(lexer).type != TOKEN_STRING)
        return false;
    *ret = lexer_next_solid(lexer);
    return true;
}

/* The value after an option's name: "= false", "off", "0"; none means on. */
static enum match_option option_value(struct lexer lexer)
{
    static const char *const off[] = {"false", "off", "0", "'false'", "'off'", "'0'"};
    (void)take_symbol(&lexer, "="); /* REINDEX writes none */
    const struct token value = lexer_next_solid(&lexer);
    for (size_t i = 0; i < COUNT_OF(off); i++)
        if (span_is_nocase(value.span, off[i]))
            return OPTION_OFF;
    return OPTION_ON;
}

/* Takes a list in parentheses. Of the option, when one is asked for, *ret says what the list
 * does. */
static bool take_list(struct lexer *lexer, struct span option, enum match_option *ret)
{
    struct lexer copy = *lexer;
    *ret = OPTION_ABSENT;
    if (!take_symbol(&copy, "("))
        return false;
    bool starts_item = true;
    for (size_t depth = 1; depth > 0;) {
        const struct token token = lexer_next_solid(&copy);
        if (token.type == TOKEN_END)
            return false;
        if (starts_item && depth == 1 && option.len > 0 && match_word(&token, option))
            *ret = option_value(copy);
        starts_item = token.type == TOKEN_SYMBOL && token.span.at[0] == ',';
        if (token.type == TOKEN_SYMBOL && token.span.at[0] == '(')
            depth++;
        else if (token.type == TOKEN_SYMBOL && token.span.at[0] == ')')
            depth--;
    }
    *lexer = copy;
    return true;
}

static bool take_element(struct lexer *lexer, struct span element, struct match *ret)
{
    if (element.at[0] == '(') {
        const struct span option = {element.at + 1, element.len - 2};
        enum match_option value;
        return take_list(lexer, option, &value) && (option.len == 0 || value == OPTION_ON);
    }
    if (span_is(element, "*"))
        return take_symbol(lexer, "*");
    if (span_is(element, "."))
        return peek(lexer).type == TOKEN_END;
    if (span_is(element, "$name"))
        return take_name(lexer, &ret->name);
    if (span_is(element, "$relation"))
        return take_name(lexer, &ret->relation);
    if (span_is(element, "$label"))
        return take_label(lexer, &ret->label);
    const struct token token = peek(lexer);
    if (!match_word(&token, element))
        return false;
    (void)lexer_next_solid(lexer); /* is the token */
    return true;
}

/* What stands in [ ]: taken as a whole or not at all. */
static void take_optional(struct lexer *lexer, struct span inner, struct match *ret)
{
    struct lexer copy = *lexer;
    struct match tried = *ret;
    if (!matches(&copy, inner, &tried))
        return;
    tried.if_exists = tried.if_exists || strncmp(inner.at, "IF ", 3) == 0;
    *lexer = copy;
    *ret = tried;
}

static bool matches(struct lexer *lexer, struct span pattern, struct match *ret)
{
    size_t at = 0;
    while (at < pattern.len) {
        const bool optional = pattern.at[at] == '[';
        const char *end = memchr(pattern.at + at, optional ? ']' : ' ', pattern.len - at);
        const size_t stop = end != NULL ? (size_t)(end - pattern.at) : pattern.len;
        const size_t start = at + (optional ? 1 : 0);
        const struct span element = {pattern.at + start, stop - start};
        if (optional)
            take_optional(lexer, element, ret);
        else if (!take_element(lexer, element, ret))
            return false;
        at = stop;
        while (at < pattern.len && (pattern.at[at] == ' ' || pattern.at[at] == ']'))
            at++;
    }
    return true;
}

bool match_pattern(struct lexer *lexer, const char *pattern, struct match *ret)
{
    return matches(lexer, (struct span){pattern, strlen(pattern)}, ret);
}

enum match_option match_with_option(enum dialect dialect, struct span statement, const char *option)
{
    struct lexer lexer = lexer_init(dialect, statement.at, statement.len);
    const struct span wanted = {option, strlen(option)};
    enum match_option found = OPTION_ABSENT, value;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return found;
        if (token.type == TOKEN_WORD && span_is_nocase(token.span, "with") &&
            take_list(&lexer, wanted, &value))
            found = value;
    }
}
