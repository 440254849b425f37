/* libpg_query in a thread of its own, within limits. */
#include "sql/parser.h"

#include <errno.h>
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <pthread.h>
#include <string.h>

enum { STACK_BYTES = 256 << 20 };

/* Words that the grammar nests one into the next, as it does operators. */
static bool nests(struct span word)
{
    static const char *const words[] = {
        "at",  "between",   "case",     "collate", "except", "ilike",
        "in",  "intersect", "is",       "isnull",  "join",   "like",
        "not", "notnull",   "operator", "similar", "union",  "with",
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (span_is_nocase(word, words[i]))
            return true;
    return false;
}

bool parser_within_limits(struct span statement)
{
    if (statement.len > PARSER_MAX_BYTES)
        return false;
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    size_t depth = 0, operators = 0;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return true;
        if (token.type == TOKEN_UNTERMINATED || token.type == TOKEN_BACKSLASH)
            return false;
        if (token.type == TOKEN_SEMICOLON)
            operators = 0;
        const char symbol = token.type == TOKEN_SYMBOL ? token.span.at[0] : ',';
        if (symbol == '(' || symbol == '[')
            depth++;
        else if ((symbol == ')' || symbol == ']') && depth > 0)
            depth--;
        else if (symbol != ',' || (token.type == TOKEN_WORD && nests(token.span)))
            operators++;
        if (depth > PARSER_MAX_PARENTHESES || operators > PARSER_MAX_OPERATORS)
            return false;
    }
}

struct job {
    void (*work)(void *context);
    void *context;
};

static void *run(void *argument)
{
    const struct job *const job = argument;
    job->work(job->context);
    return NULL;
}

bool parser_run(void (*work)(void *context), void *context, struct err *err)
{
    struct job job = {work, context};
    pthread_attr_t attributes;
    pthread_t thread;
    errno = pthread_attr_init(&attributes);
    if (errno != 0)
        return err_errno(err, ERR_FAILED, "cannot start a thread to read SQL");
    int failure = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (failure == 0)
        failure = pthread_create(&thread, &attributes, run, &job);
    if (failure == 0)
        failure = pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attributes); /* cannot fail on what was made above */
    errno = failure;
    return failure == 0 || err_errno(err, ERR_FAILED, "cannot start a thread to read SQL");
}

struct keeper {
    struct arena *arena;
    bool failed;
};

static void *keep_bytes(void *context, size_t bytes)
{
    struct keeper *const keeper = context;
    void *const kept = arena_alloc(keeper->arena, bytes);
    keeper->failed = keeper->failed || kept == NULL;
    return kept;
}

static void keep_on(void *context, void *kept)
{
    (void)context;
    (void)kept; /* it goes with its arena */
}

static const PgQuery__Node *only_statement(const PgQuery__ParseResult *result)
{
    return result != NULL && result->n_stmts == 1 ? result->stmts[0]->stmt : NULL;
}

bool parser_read_kept(struct arena *arena, struct span statement, const PgQuery__Node **ret,
                      struct err *err)
{
    struct keeper keeper = {arena, false};
    ProtobufCAllocator allocator = {keep_bytes, keep_on, &keeper};
    *ret = NULL;
    if (statement.len == 0 || !parser_within_limits(statement))
        return true;
    char *const text = arena_strndup(arena, statement.at, statement.len);
    if (text == NULL)
        return err_nomem(err);
    PgQueryProtobufParseResult parsed = pg_query_parse_protobuf(text);
    if (parsed.error == NULL)
        *ret = only_statement(pg_query__parse_result__unpack(
            &allocator, parsed.parse_tree.len, (const uint8_t *)parsed.parse_tree.data));
    pg_query_free_protobuf_parse_result(parsed);
    return !keeper.failed || err_nomem(err);
}

/* An arena of its own: a tree is thousands of small pieces. */
bool parser_read_here(struct span statement, struct tree *ret, struct err *err)
{
    *ret = (struct tree){0};
    return parser_read_kept(&ret->memory, statement, &ret->statement, err);
}

struct one {
    struct span statement;
    struct tree *ret;
    struct err *err;
    bool done;
};

static void read_one(void *context)
{
    struct one *const one = context;
    one->done = parser_read_here(one->statement, one->ret, one->err);
}

bool parser_read(struct span statement, struct tree *ret, struct err *err)
{
    *ret = (struct tree){0};
    struct one one = {statement, ret, err, false};
    return parser_run(read_one, &one, err) && one.done;
}

void tree_release(struct tree *tree)
{
    arena_release(&tree->memory);
    *tree = (struct tree){0};
}
