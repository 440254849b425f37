/* The canonical form of a text: one pass over its tokens. The rules are in docs/checksum.md. */
#include "sql/canonical.h"

#include <string.h>

struct writer {
    struct str *out;
    size_t start;   /* where the form begins in out */
    bool space;     /* white space or a comment stands before the next token */
    bool tight;     /* the last token takes no white space after it */
    bool semicolon; /* statements ended here; written when another one follows */
};

/* Optimizers and MySQL's family read these: they are not mere comments. */
static bool hint(const struct token *token)
{
    return token->type == TOKEN_BLOCK_COMMENT && token->span.len > 2 &&
           (token->span.at[2] == '+' || token->span.at[2] == '!');
}

static bool white(const struct token *token)
{
    return token->type == TOKEN_SPACE || token->type == TOKEN_LINE_COMMENT ||
           (token->type == TOKEN_BLOCK_COMMENT && !hint(token));
}

static bool punctuation(const struct token *token)
{
    return token->type == TOKEN_SYMBOL && token->span.len == 1 &&
           strchr("(),", token->span.at[0]) != NULL;
}

/* How many bytes of the token are outside its quotes and so of no case. */
static size_t folded_length(const struct token *token)
{
    if (hint(token))
        return 0;
    if (token->type != TOKEN_STRING && token->type != TOKEN_NAME)
        return token->span.len;
    size_t len = 0;
    while (len < token->span.len &&
           (ascii_letter(token->span.at[len]) || token->span.at[len] == '&'))
        len++;
    return len;
}

static void write_text(struct str *out, const struct token *token)
{
    const size_t folded = folded_length(token);
    const struct span span = token->span;
    for (size_t i = 0; i < folded; i++)
        str_putc(out, ascii_lower(span.at[i]));
    size_t done = folded;
    for (size_t i = folded; i + 1 < span.len; i++) {
        if (span.at[i] == '\r' && span.at[i + 1] == '\n') {
            str_append(out, span.at + done, i - done);
            done = i + 1;
        }
    }
    str_append(out, span.at + done, span.len - done);
}

static void write_token(struct writer *writer, const struct token *token)
{
    const bool punctuated = punctuation(token);
    if (writer->semicolon)
        str_putc(writer->out, ';');
    else if (writer->space && !writer->tight && !punctuated)
        str_putc(writer->out, ' ');
    write_text(writer->out, token);
    writer->semicolon = false;
    writer->space = false;
    writer->tight = punctuated;
}

static bool write_form(enum dialect dialect, const char *text, size_t len, struct writer *writer)
{
    struct lexer lexer = lexer_init(dialect, text, len);
    for (;;) {
        const struct token token = lexer_next(&lexer);
        if (token.type == TOKEN_END)
            return true;
        if (token.type == TOKEN_UNTERMINATED || token.type == TOKEN_BACKSLASH)
            return false;
        if (white(&token))
            writer->space = true;
        else if (token.type == TOKEN_SEMICOLON)
            writer->semicolon = writer->out->len > writer->start;
        else
            write_token(writer, &token);
    }
}

bool sql_canonical(enum dialect dialect, const char *text, size_t len, struct str *out)
{
    size_t bad = 0;
    if (len == 0)
        return true;
    if (memchr(text, '\0', len) != NULL || !utf8_valid(text, len, &bad))
        return false;
    const size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    struct writer writer = {.out = out, .start = out->len, .tight = true};
    if (write_form(dialect, text + mark, len - mark, &writer))
        return true;
    if (!out->failed && out->data != NULL) {
        out->len = writer.start;
        out->data[out->len] = '\0';
    }
    return false;
}
