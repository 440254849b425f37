/* The end of a statement is a semicolon, except within parentheses, within the body of a BEGIN
 * ATOMIC function (both as psql reads them) and within a trigger of SQLite. */
#include "sql/split.h"

#include <string.h>

/* SQLite's own rule for where a statement ends (sqlite3_complete): a trigger ends at "; END ;". */
enum sqlite_state {
    STATE_START,
    STATE_NORMAL,
    STATE_EXPLAIN,
    STATE_CREATE,
    STATE_TRIGGER,
    STATE_TRIGGER_SEMICOLON,
    STATE_TRIGGER_END,
};

enum sqlite_word {
    WORD_SEMICOLON,
    WORD_OTHER,
    WORD_EXPLAIN,
    WORD_CREATE,
    WORD_TEMP,
    WORD_TRIGGER,
    WORD_END,
    WORD_COUNT
};

static const unsigned char sqlite_next[][WORD_COUNT] = {
    /* clang-format off */
    /*                              ;  other explain create temp trigger end */
    [STATE_START]             = {  0,  1,    2,      3,     1,   1,      1 },
    [STATE_NORMAL]            = {  0,  1,    1,      1,     1,   1,      1 },
    [STATE_EXPLAIN]           = {  0,  2,    1,      3,     1,   1,      1 },
    [STATE_CREATE]            = {  0,  1,    1,      1,     3,   4,      1 },
    [STATE_TRIGGER]           = {  5,  4,    4,      4,     4,   4,      4 },
    [STATE_TRIGGER_SEMICOLON] = {  5,  4,    4,      4,     4,   4,      6 },
    [STATE_TRIGGER_END]       = {  0,  4,    4,      4,     4,   4,      4 },
    /* clang-format on */
};

/* Whether the client is at the other end of a COPY. */
enum copy_state { COPY_NO, COPY_STARTED, COPY_DIRECTION, COPY_STREAM, COPY_FILE };

/* What is known of the statement that is being read. */
struct reading {
    bool open;         /* its first token was read */
    bool hinted;       /* a hint comment stands in front of it, and start is the hint's */
    size_t start, end; /* of its text */
    char heads[5];     /* its first four words, a letter each, '?' for any other word */
    struct span last;  /* the last token */
    size_t parentheses, blocks;
    enum copy_state copy;
    enum sqlite_state sqlite;
};

struct splitter {
    struct arena *arena;
    enum dialect dialect;
    const char *text;
    struct statements *ret;
    struct err *err;
    struct reading now;
    size_t counted; /* lines are counted up to this offset */
    int line, column;
};

/* A UTF-8 byte that does not start a character. */
static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static void count(const char *text, size_t from, size_t to, int *line, int *column)
{
    for (size_t i = from; i < to; i++) {
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (!continues(text[i])) {
            ++*column;
        }
    }
}

/* The length of a byte-order mark, which is not a character of the text. */
static size_t mark_length(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

void sql_position(const char *text, size_t offset, int *ret_line, int *ret_column)
{
    *ret_line = 1;
    *ret_column = 1;
    count(text, mark_length(text, offset), offset, ret_line, ret_column);
}

size_t sql_character_offset(const char *text, size_t len, int character)
{
    size_t offset = 0;
    for (int i = 1; i < character && offset < len; i++) {
        offset++;
        while (offset < len && continues(text[offset]))
            offset++;
    }
    return offset;
}

/* For an error at this offset. Returns false, as the caller does. */
static bool refuse_at(struct splitter *splitter, size_t offset, const char *hint)
{
    int line, column;
    sql_position(splitter->text, offset, &line, &column);
    err_at(splitter->err, NULL, line, column);
    if (hint != NULL)
        err_hint(splitter->err, "%s", hint);
    return false;
}

static bool check_encoding(struct splitter *splitter, size_t len)
{
    size_t bad = 0;
    const char *nul = memchr(splitter->text, '\0', len);
    if (nul != NULL) {
        err_set(splitter->err, ERR_REFUSED, "the text holds a NUL byte");
        return refuse_at(splitter, (size_t)(nul - splitter->text),
                         "Save the file as UTF-8 text; UTF-16 has such bytes.");
    }
    if (!utf8_valid(splitter->text, len, &bad)) {
        err_set(splitter->err, ERR_REFUSED, "the text is not UTF-8: byte 0x%02x",
                (unsigned char)splitter->text[bad]);
        return refuse_at(splitter, bad, "Save the file as UTF-8.");
    }
    return true;
}

static bool refuse_unterminated(struct splitter *splitter, const struct token *token)
{
    const struct span span = token->span;
    const char *what = "string";
    if (span.at[0] == '/')
        what = "comment";
    else if (span.at[0] == '$')
        what = "dollar quote";
    else if (memchr("\"`[", span.at[0], 3) != NULL ||
             (span.len > 2 && span.at[1] == '&' && span.at[2] == '"'))
        what = "quoted name";
    err_set(splitter->err, ERR_REFUSED, "unterminated %s", what);
    return refuse_at(splitter, token->start, NULL);
}

static bool refuse_backslash(struct splitter *splitter, const struct token *token)
{
    size_t len = 1;
    while (len < token->span.len && len < 32 && ascii_letter(token->span.at[len]))
        len++;
    err_set(splitter->err, ERR_REFUSED, "\"%.*s\" is a command of psql, not SQL", (int)len,
            token->span.at);
    return refuse_at(splitter, token->start, "Write SQL statements only.");
}

static bool refuse_copy(struct splitter *splitter)
{
    err_set(splitter->err, ERR_REFUSED, "COPY between the server and the client is not SQL alone");
    return refuse_at(splitter, splitter->now.start,
                     "Write the rows as INSERT statements, or COPY from a file of the server.");
}

/* The statement is complete, if there is one: keeps it and starts anew. */
static bool close_statement(struct splitter *splitter)
{
    const struct reading *now = &splitter->now;
    if (now->open) {
        if (now->copy == COPY_STREAM)
            return refuse_copy(splitter);
        struct statement *statement = arena_push(splitter->arena, splitter->ret);
        if (statement == NULL)
            return err_nomem(splitter->err);
        count(splitter->text, splitter->counted, now->start, &splitter->line, &splitter->column);
        splitter->counted = now->start;
        *statement = (struct statement){
            .text = {splitter->text + now->start, now->end - now->start},
            .offset = now->start,
            .line = splitter->line,
            .column = splitter->column,
        };
    }
    splitter->now = (struct reading){0};
    return true;
}

static void note_head(struct reading *now, struct span word)
{
    static const struct {
        const char *word;
        char letter;
    } meanings[] = {{"create", 'c'},   {"or", 'o'},        {"replace", 'r'},
                    {"function", 'f'}, {"procedure", 'f'}, {"copy", 'y'}};
    const size_t words = strlen(now->heads);
    if (words + 1 >= sizeof now->heads)
        return;
    now->heads[words] = '?';
    for (size_t i = 0; i < COUNT_OF(meanings); i++)
        if (span_is_nocase(word, meanings[i].word))
            now->heads[words] = meanings[i].letter;
}

/*
 * CREATE [OR REPLACE] FUNCTION or PROCEDURE … BEGIN ATOMIC … END, in which CASE … END nests. After
 * a dot or AS any word is a name. psql counts every BEGIN; only BEGIN ATOMIC is one, as "begin" may
 * be the name of a type or a column.
 */
static void note_block(struct reading *now, struct span word)
{
    if (strncmp(now->heads, "cf", 2) != 0 && strncmp(now->heads, "corf", 4) != 0)
        return;
    if (span_is(now->last, ".") || span_is_nocase(now->last, "as"))
        return;
    if (now->blocks == 0) {
        if (span_is_nocase(word, "atomic") && span_is_nocase(now->last, "begin"))
            now->blocks = 1;
    } else if (span_is_nocase(word, "case")) {
        now->blocks++;
    } else if (span_is_nocase(word, "end")) {
        now->blocks--;
    }
}

/* COPY … FROM STDIN and TO STDOUT; PostgreSQL takes either word in either place. */
static void note_copy(struct reading *now, const struct token *token)
{
    if (now->copy == COPY_DIRECTION) {
        const bool stream = token->type == TOKEN_WORD && (span_is_nocase(token->span, "stdin") ||
                                                          span_is_nocase(token->span, "stdout"));
        now->copy = stream ? COPY_STREAM : COPY_FILE;
    } else if (now->copy == COPY_NO && now->heads[0] == 'y') {
        now->copy = COPY_STARTED;
    } else if (now->copy == COPY_STARTED && token->type == TOKEN_WORD && !span_is(now->last, ".") &&
               (span_is_nocase(token->span, "from") || span_is_nocase(token->span, "to"))) {
        now->copy = COPY_DIRECTION;
    }
}

static void note_postgres(struct reading *now, const struct token *token)
{
    if (token->type == TOKEN_SYMBOL && token->span.at[0] == '(')
        now->parentheses++;
    else if (token->type == TOKEN_SYMBOL && token->span.at[0] == ')' && now->parentheses > 0)
        now->parentheses--;
    if (token->type == TOKEN_WORD)
        note_head(now, token->span);
    if (now->parentheses > 0)
        return;
    if (token->type == TOKEN_WORD)
        note_block(now, token->span);
    note_copy(now, token);
}

static enum sqlite_word sqlite_word(const struct token *token)
{
    static const struct {
        const char *word;
        enum sqlite_word meaning;
    } words[] = {{"explain", WORD_EXPLAIN}, {"create", WORD_CREATE},   {"temp", WORD_TEMP},
                 {"temporary", WORD_TEMP},  {"trigger", WORD_TRIGGER}, {"end", WORD_END}};
    if (token->type == TOKEN_SEMICOLON)
        return WORD_SEMICOLON;
    if (token->type == TOKEN_WORD)
        for (size_t i = 0; i < COUNT_OF(words); i++)
            if (span_is_nocase(token->span, words[i].word))
                return words[i].meaning;
    return WORD_OTHER;
}

/* Takes a token into the statement. Returns true when it is the semicolon that ends it. */
static bool note_token(struct splitter *splitter, const struct token *token)
{
    struct reading *now = &splitter->now;
    if (splitter->dialect == DIALECT_SQLITE)
        now->sqlite = sqlite_next[now->sqlite][sqlite_word(token)];
    if (token->type == TOKEN_SEMICOLON) {
        const bool inside = splitter->dialect == DIALECT_SQLITE
                                ? now->sqlite != STATE_START
                                : now->parentheses > 0 || now->blocks > 0;
        if (!inside)
            return true;
    } else if (splitter->dialect == DIALECT_POSTGRES) {
        note_postgres(now, token);
    }
    if (!now->open && !now->hinted)
        now->start = token->start;
    now->open = true;
    now->end = token->start + token->span.len;
    now->last = token->span;
    return false;
}

/* Extensions read a hint in front of a statement, so it goes with the statement. */
static void note_comment(struct reading *now, const struct token *token)
{
    if (now->open || now->hinted || token->span.len < 3 || token->span.at[2] != '+')
        return;
    now->hinted = true;
    now->start = token->start;
}

static bool split_tokens(struct splitter *splitter, size_t start, size_t len)
{
    struct lexer lexer = lexer_init(splitter->dialect, splitter->text, len);
    lexer.pos = start;
    for (;;) {
        const struct token token = lexer_next(&lexer);
        switch (token.type) {
        case TOKEN_END:
            return close_statement(splitter);
        case TOKEN_SPACE:
        case TOKEN_LINE_COMMENT:
            break;
        case TOKEN_BLOCK_COMMENT:
            note_comment(&splitter->now, &token);
            break;
        case TOKEN_BACKSLASH:
            return refuse_backslash(splitter, &token);
        case TOKEN_UNTERMINATED:
            return refuse_unterminated(splitter, &token);
        default:
            if (note_token(splitter, &token) && !close_statement(splitter))
                return false;
        }
    }
}

bool sql_split(struct arena *arena, enum dialect dialect, const char *text, size_t len,
               struct statements *ret, struct err *err)
{
    *ret = (struct statements){0};
    if (len == 0)
        return true;
    struct splitter splitter = {.arena = arena,
                                .dialect = dialect,
                                .text = text,
                                .ret = ret,
                                .err = err,
                                .line = 1,
                                .column = 1};
    if (!check_encoding(&splitter, len))
        return false;
    splitter.counted = mark_length(text, len);
    return split_tokens(&splitter, splitter.counted, len);
}
