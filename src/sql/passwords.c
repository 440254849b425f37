/*
 * Passwords out of texts that are kept or shown. It errs towards blanking too much: what looks like
 * a password in a string, in a comment or in a function's body is blanked as well.
 */
#include <string.h>

#include "sql/canonical.h"

/* Dollar quotes within dollar quotes are read this deep. */
enum { MAX_DEPTH = 8 };

static const char blank[] = "***";
static const char key[] = "password";

static bool starts_nocase(struct span rest, const char *text)
{
    const size_t len = strlen(text);
    return rest.len >= len && span_is_nocase((struct span){rest.at, len}, text);
}

static size_t spaces(struct span text, size_t at)
{
    while (at < text.len && ascii_space(text.at[at]))
        at++;
    return at;
}

/* The length of a quote as it is written inside another string: '' or \' or '. */
static size_t inner_quote(struct span text, size_t at)
{
    if (at < text.len && text.at[at] == '\'')
        return at + 1 < text.len && text.at[at + 1] == '\'' ? 2 : 1;
    if (at + 1 < text.len && text.at[at] == '\\' && text.at[at + 1] == '\'')
        return 2;
    return 0;
}

/* The end of a value that opens with such a quote: where the same quote closes it. */
static size_t quoted_end(struct span text, size_t at, size_t quote)
{
    const size_t start = at + quote;
    const char *closing = memmem(text.at + start, text.len - start, text.at + at, quote);
    return closing != NULL ? (size_t)(closing - text.at) : text.len;
}

/* The end of a value without quotes: white space, less the quotes of the string around it. */
static size_t bare_end(struct span text, size_t at)
{
    size_t end = at;
    while (end < text.len && !ascii_space(text.at[end]))
        end += text.at[end] == '\\' && end + 1 < text.len ? 2 : 1;
    while (end > at && (text.at[end - 1] == '\'' || text.at[end - 1] == '"'))
        end--;
    return end;
}

/* "password = value" and "password 'value'". Returns where the value starts, its end in *ret_end;
 * 0 when there is none at this place. */
static size_t find_value(struct span text, size_t at, size_t *ret_end)
{
    if (!starts_nocase((struct span){text.at + at, text.len - at}, key))
        return 0;
    size_t start = spaces(text, at + strlen(key));
    const bool assigned = start < text.len && text.at[start] == '=';
    if (assigned)
        start = spaces(text, start + 1);
    const size_t quote = inner_quote(text, start);
    if (quote > 0) {
        *ret_end = quoted_end(text, start, quote);
        return start + quote;
    }
    *ret_end = bare_end(text, start);
    return assigned ? start : 0;
}

/* "://user:value@", likewise. */
static size_t find_userinfo(struct span text, size_t at, size_t *ret_end)
{
    if (!starts_nocase((struct span){text.at + at, text.len - at}, "://"))
        return 0;
    size_t start = 0;
    for (size_t i = at + 3; i < text.len; i++) {
        const char c = text.at[i];
        if (c == '@') {
            *ret_end = i;
            return start;
        }
        if (c == '/' || c == '\'' || ascii_space(c))
            return 0;
        if (c == ':' && start == 0)
            start = i + 1;
    }
    return 0;
}

/* A string's contents or a comment. */
static void blank_inside(struct span text, struct str *out)
{
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t end = 0;
        size_t start = find_value(text, i, &end);
        if (start == 0)
            start = find_userinfo(text, i, &end);
        if (start == 0 || end <= start)
            continue;
        str_append(out, text.at + done, start - done);
        str_puts(out, blank);
        done = end;
        i = end - 1;
    }
    str_append(out, text.at + done, text.len - done);
}

static void blank_text(enum dialect dialect, struct span text, struct str *out, int depth);

static void blank_string(enum dialect dialect, struct span string, struct str *out, int depth)
{
    if (dialect == DIALECT_POSTGRES && string.at[0] == '$' && depth < MAX_DEPTH) {
        const char *second = memchr(string.at + 1, '$', string.len - 1);
        const size_t tag = second != NULL ? (size_t)(second - string.at) + 1 : 1;
        /* An unterminated one has no second tag. */
        if (string.len >= 2 * tag && memcmp(string.at, string.at + string.len - tag, tag) == 0) {
            str_append(out, string.at, tag);
            blank_text(dialect, (struct span){string.at + tag, string.len - 2 * tag}, out,
                       depth + 1);
            str_append(out, string.at, tag);
            return;
        }
    }
    if (string.len > 0 && string.at[string.len - 1] == '\'') {
        blank_inside((struct span){string.at, string.len - 1}, out);
        str_putc(out, '\'');
        return;
    }
    blank_inside(string, out);
}

static bool says_password(const struct token *token)
{
    if (token->type == TOKEN_NAME && token->span.len > 2)
        return span_is_nocase((struct span){token->span.at + 1, token->span.len - 2}, key);
    return token->type == TOKEN_WORD && span_is_nocase(token->span, key);
}

static void blank_text(enum dialect dialect, struct span text, struct str *out, int depth)
{
    struct lexer lexer = lexer_init(dialect, text.at, text.len);
    bool password = false; /* the next string is one; a string may go on in a second one */
    for (;;) {
        const struct token token = lexer_next(&lexer);
        switch (token.type) {
        case TOKEN_END:
            return;
        case TOKEN_SPACE:
            str_append(out, token.span.at, token.span.len);
            continue;
        case TOKEN_LINE_COMMENT:
        case TOKEN_BLOCK_COMMENT:
            blank_inside(token.span, out);
            continue;
        case TOKEN_STRING:
        case TOKEN_UNTERMINATED:
            if (password)
                str_printf(out, "'%s'", blank);
            else
                blank_string(dialect, token.span, out, depth);
            continue;
        default:
            str_append(out, token.span.at, token.span.len);
            password = says_password(&token);
        }
    }
}

void sql_blank_passwords(enum dialect dialect, const char *text, size_t len, struct str *out)
{
    blank_text(dialect, (struct span){text, len}, out, 0);
}
