/* Tokens of PostgreSQL's scan.l and of SQLite's tokenize.c, as far as quoting and words go. */
#include "sql/lexer.h"

#include <string.h>

static const char *const dialect_names[] = {
    [DIALECT_POSTGRES] = "postgres",
    [DIALECT_SQLITE] = "sqlite",
};

bool dialect_parse(const char *name, enum dialect *ret)
{
    for (size_t i = 0; i < COUNT_OF(dialect_names); i++) {
        if (strcmp(name, dialect_names[i]) == 0) {
            *ret = (enum dialect)i;
            return true;
        }
    }
    return false;
}

const char *dialect_name(enum dialect dialect)
{
    return dialect_names[dialect];
}

struct lexer lexer_init(enum dialect dialect, const char *text, size_t len)
{
    return (struct lexer){.text = text, .len = len, .dialect = dialect};
}

/* The byte at an offset, NUL past the end. */
static char at(const struct lexer *lexer, size_t offset)
{
    return offset < lexer->len ? lexer->text[offset] : '\0';
}

static bool word_start(char c)
{
    return ascii_letter(c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool word_part(char c)
{
    return word_start(c) || ascii_digit(c) || c == '$';
}

static bool hex_digit(char c)
{
    return ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* PostgreSQL ends a line comment at either character, SQLite at LF alone. */
static bool line_end(const struct lexer *lexer, char c)
{
    return c == '\n' || (c == '\r' && lexer->dialect == DIALECT_POSTGRES);
}

/* Sets the end of the token and says its type. */
static enum token_type ends_at(struct lexer *lexer, size_t end, enum token_type type)
{
    lexer->pos = end;
    return type;
}

static enum token_type unterminated(struct lexer *lexer)
{
    return ends_at(lexer, lexer->len, TOKEN_UNTERMINATED);
}

static enum token_type line_comment(struct lexer *lexer)
{
    size_t end = lexer->pos;
    while (end < lexer->len && !line_end(lexer, lexer->text[end]))
        end++;
    return ends_at(lexer, end, TOKEN_LINE_COMMENT);
}

static enum token_type block_comment(struct lexer *lexer)
{
    const bool nests = lexer->dialect == DIALECT_POSTGRES;
    size_t depth = 1;
    size_t end = lexer->pos + 2;
    while (end < lexer->len) {
        if (at(lexer, end) == '*' && at(lexer, end + 1) == '/') {
            end += 2;
            if (--depth == 0)
                return ends_at(lexer, end, TOKEN_BLOCK_COMMENT);
        } else if (nests && at(lexer, end) == '/' && at(lexer, end + 1) == '*') {
            end += 2;
            depth++;
        } else {
            end++;
        }
    }
    if (lexer->dialect == DIALECT_SQLITE)
        return ends_at(lexer, lexer->len, TOKEN_BLOCK_COMMENT);
    return unterminated(lexer);
}

enum quote_rule {
    QUOTE_DOUBLED, /* a doubled quote stands for one */
    QUOTE_ESCAPES, /* E'': and a backslash takes the next byte with it */
    QUOTE_PLAIN,   /* the first quote ends it: B'', X'', [] */
};

/* Reads from the opening quote, which is at the offset, to the closing one. */
static enum token_type quoted(struct lexer *lexer, size_t opening, char closing,
                              enum quote_rule rule, enum token_type type)
{
    size_t end = opening + 1;
    while (end < lexer->len) {
        const char c = lexer->text[end];
        if (c == '\\' && rule == QUOTE_ESCAPES)
            end += 2;
        else if (c != closing)
            end++;
        else if (rule != QUOTE_PLAIN && at(lexer, end + 1) == closing)
            end += 2;
        else
            return ends_at(lexer, end + 1, type);
    }
    return unterminated(lexer);
}

/*
 * Two string constants with white space between them that contains a newline are one constant
 * (scan.l: quotecontinue), and the second follows the rules of the first, although it has no E in
 * front. Returns where the second one's quote is, 0 when none follows. Line comments may stand
 * between them, block comments may not.
 */
static size_t continuation(const struct lexer *lexer, size_t end)
{
    bool newline = false;
    for (;;) {
        const char c = at(lexer, end);
        if (end >= lexer->len)
            return 0;
        if (c == '\n' || c == '\r') {
            newline = true;
            end++;
        } else if (ascii_space(c)) {
            end++;
        } else if (c == '-' && at(lexer, end + 1) == '-') {
            while (end < lexer->len && !line_end(lexer, lexer->text[end]))
                end++;
        } else {
            return newline && c == '\'' ? end : 0;
        }
    }
}

static enum token_type escape_string(struct lexer *lexer, size_t opening)
{
    const enum token_type type = quoted(lexer, opening, '\'', QUOTE_ESCAPES, TOKEN_STRING);
    lexer->escapes_at = type == TOKEN_STRING ? continuation(lexer, lexer->pos) : 0;
    return type;
}

/* A letter that makes one constant with the quote that follows it. */
static bool prefixed_quote(struct lexer *lexer, enum token_type *ret)
{
    const size_t pos = lexer->pos;
    const char letter = ascii_lower(at(lexer, pos));
    const char next = at(lexer, pos + 1);
    if (lexer->dialect == DIALECT_SQLITE) {
        if (letter != 'x' || next != '\'')
            return false;
        *ret = quoted(lexer, pos + 1, '\'', QUOTE_PLAIN, TOKEN_STRING);
        return true;
    }
    if (letter == 'u' && next == '&' && at(lexer, pos + 2) == '\'')
        *ret = quoted(lexer, pos + 2, '\'', QUOTE_DOUBLED, TOKEN_STRING);
    else if (letter == 'u' && next == '&' && at(lexer, pos + 2) == '"')
        *ret = quoted(lexer, pos + 2, '"', QUOTE_DOUBLED, TOKEN_NAME);
    else if (next != '\'')
        return false;
    else if (letter == 'e')
        *ret = escape_string(lexer, pos + 1);
    else if (letter == 'b' || letter == 'x')
        *ret = quoted(lexer, pos + 1, '\'', QUOTE_PLAIN, TOKEN_STRING);
    else if (letter == 'n')
        *ret = quoted(lexer, pos + 1, '\'', QUOTE_DOUBLED, TOKEN_STRING);
    else
        return false;
    return true;
}

static enum token_type word(struct lexer *lexer)
{
    enum token_type type;
    if (prefixed_quote(lexer, &type))
        return type;
    size_t end = lexer->pos;
    while (end < lexer->len && word_part(lexer->text[end]))
        end++;
    return ends_at(lexer, end, TOKEN_WORD);
}

/* Digits, with single underscores between them (PostgreSQL 16, SQLite 3.46). */
static size_t digits(const struct lexer *lexer, size_t end, bool (*is_digit)(char))
{
    while (is_digit(at(lexer, end)) || (at(lexer, end) == '_' && is_digit(at(lexer, end + 1))))
        end++;
    return end;
}

static enum token_type number(struct lexer *lexer)
{
    size_t end = lexer->pos;
    const char base = ascii_lower(at(lexer, end + 1));
    if (at(lexer, end) == '0' && (base == 'x' || base == 'o' || base == 'b') &&
        digits(lexer, end + 2, hex_digit) > end + 2)
        return ends_at(lexer, digits(lexer, end + 2, hex_digit), TOKEN_NUMBER);
    end = digits(lexer, end, ascii_digit);
    /* "1..10" is a range: 1, two dots, 10. */
    if (at(lexer, end) == '.' && at(lexer, end + 1) != '.')
        end = digits(lexer, end + 1, ascii_digit);
    if (ascii_lower(at(lexer, end)) == 'e') {
        const char sign = at(lexer, end + 1);
        const size_t exponent = end + (sign == '+' || sign == '-' ? 2 : 1);
        if (ascii_digit(at(lexer, exponent)))
            end = digits(lexer, exponent, ascii_digit);
    }
    return ends_at(lexer, end, TOKEN_NUMBER);
}

/* $1, a dollar quote, or a lone $. A tag has no $ in it and does not start with a digit. */
static enum token_type dollar(struct lexer *lexer)
{
    const size_t start = lexer->pos;
    size_t end = start + 1;
    if (ascii_digit(at(lexer, end))) {
        while (ascii_digit(at(lexer, end)))
            end++;
        return ends_at(lexer, end, TOKEN_PARAMETER);
    }
    while (word_part(at(lexer, end)) && at(lexer, end) != '$')
        end++;
    if (at(lexer, end) != '$')
        return ends_at(lexer, start + 1, TOKEN_SYMBOL);
    end++;
    const size_t tag_len = end - start;
    const char *closing = memmem(lexer->text + end, lexer->len - end, lexer->text + start, tag_len);
    if (closing == NULL)
        return unterminated(lexer);
    return ends_at(lexer, (size_t)(closing - lexer->text) + tag_len, TOKEN_STRING);
}

static enum token_type backslash(struct lexer *lexer)
{
    size_t end = lexer->pos;
    while (end < lexer->len && !line_end(lexer, lexer->text[end]))
        end++;
    return ends_at(lexer, end, TOKEN_BACKSLASH);
}

/* ?1 :name @name $name #name; a lone mark is a symbol. */
static enum token_type sqlite_parameter(struct lexer *lexer)
{
    size_t end = lexer->pos + 1;
    while (end < lexer->len && word_part(lexer->text[end]))
        end++;
    const bool named = end > lexer->pos + 1 || lexer->text[lexer->pos] == '?';
    return ends_at(lexer, end, named ? TOKEN_PARAMETER : TOKEN_SYMBOL);
}

static enum token_type postgres_mark(struct lexer *lexer, char c)
{
    switch (c) {
    case '\'':
        if (lexer->escapes_at == lexer->pos && lexer->pos > 0)
            return escape_string(lexer, lexer->pos);
        return quoted(lexer, lexer->pos, c, QUOTE_DOUBLED, TOKEN_STRING);
    case '$':
        return dollar(lexer);
    case '\\':
        return backslash(lexer);
    default:
        return ends_at(lexer, lexer->pos + 1, TOKEN_SYMBOL);
    }
}

static enum token_type sqlite_mark(struct lexer *lexer, char c)
{
    switch (c) {
    case '\'':
        return quoted(lexer, lexer->pos, c, QUOTE_DOUBLED, TOKEN_STRING);
    case '`':
        return quoted(lexer, lexer->pos, c, QUOTE_DOUBLED, TOKEN_NAME);
    case '[':
        return quoted(lexer, lexer->pos, ']', QUOTE_PLAIN, TOKEN_NAME);
    case '?':
    case ':':
    case '@':
    case '$':
    case '#':
        return sqlite_parameter(lexer);
    default:
        return ends_at(lexer, lexer->pos + 1, TOKEN_SYMBOL);
    }
}

static enum token_type space(struct lexer *lexer)
{
    size_t end = lexer->pos;
    while (end < lexer->len && ascii_space(lexer->text[end]))
        end++;
    return ends_at(lexer, end, TOKEN_SPACE);
}

/* SQLite reads a slash and a star that end the text as two operators. */
static bool block_comment_starts(const struct lexer *lexer)
{
    return at(lexer, lexer->pos) == '/' && at(lexer, lexer->pos + 1) == '*' &&
           (lexer->dialect == DIALECT_POSTGRES || lexer->pos + 2 < lexer->len);
}

static enum token_type read_token(struct lexer *lexer)
{
    const char c = lexer->text[lexer->pos];
    const char next = at(lexer, lexer->pos + 1);
    if (ascii_space(c))
        return space(lexer);
    if (c == '-' && next == '-')
        return line_comment(lexer);
    if (block_comment_starts(lexer))
        return block_comment(lexer);
    if (word_start(c))
        return word(lexer);
    if (ascii_digit(c) || (c == '.' && ascii_digit(next)))
        return number(lexer);
    if (c == ';')
        return ends_at(lexer, lexer->pos + 1, TOKEN_SEMICOLON);
    if (c == '"')
        return quoted(lexer, lexer->pos, c, QUOTE_DOUBLED, TOKEN_NAME);
    return lexer->dialect == DIALECT_SQLITE ? sqlite_mark(lexer, c) : postgres_mark(lexer, c);
}

struct token lexer_next(struct lexer *lexer)
{
    struct token token = {.type = TOKEN_END, .start = lexer->pos};
    if (lexer->pos < lexer->len)
        token.type = read_token(lexer);
    if (lexer->text != NULL)
        token.span.at = lexer->text + token.start;
    token.span.len = lexer->pos - token.start;
    return token;
}

struct token lexer_next_solid(struct lexer *lexer)
{
    for (;;) {
        const struct token token = lexer_next(lexer);
        if (token.type != TOKEN_SPACE && token.type != TOKEN_LINE_COMMENT &&
            token.type != TOKEN_BLOCK_COMMENT)
            return token;
    }
}

/* The length of what stands before the contents: a prefix letter and the quote, or $tag$. */
static size_t opening_length(struct span span)
{
    for (size_t i = 0; i < span.len; i++) {
        const char c = span.at[i];
        if (c == '$') {
            const char *second = memchr(span.at + i + 1, '$', span.len - i - 1);
            return second != NULL ? (size_t)(second - span.at) + 1 : span.len;
        }
        if (c == '\'' || c == '"' || c == '`' || c == '[')
            return i + 1;
    }
    return span.len;
}

void token_unquote(const struct token *token, struct str *out)
{
    const struct span span = token->span;
    const size_t opening = opening_length(span);
    const bool dollars = opening > 0 && span.at[opening - 1] == '$';
    const size_t closing = dollars ? opening : 1;
    if (span.len < opening + closing)
        return;
    const char quote = span.at[opening - 1];
    const bool doubled = !dollars && quote != '[';
    const size_t end = span.len - closing;
    for (size_t i = opening; i < end; i++) {
        str_putc(out, span.at[i]);
        if (doubled && span.at[i] == quote && i + 1 < end && span.at[i + 1] == quote)
            i++;
    }
}
