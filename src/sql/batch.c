/* Reads a statement token by token, no further than it is surely understood. */
#include "sql/batch.h"

#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "sql/identifier.h"
#include "sql/match.h"

struct reader {
    struct arena *arena;
    enum dialect dialect;
    struct lexer lexer;
    struct token token; /* the next one */
    struct batch_statement *out;
    const char *why;
    size_t at;
    bool failed; /* memory is out */
};

static bool refuse(struct reader *r, const char *why)
{
    if (r->why == NULL) {
        r->why = why;
        r->at = r->token.start;
    }
    return false;
}

static void advance(struct reader *r)
{
    r->token = lexer_next_solid(&r->lexer);
}

static bool is_word(const struct token *token, const char *words)
{
    return match_word(token, (struct span){words, strlen(words)});
}

static bool is_symbol(const struct token *token, char symbol)
{
    return token->type == TOKEN_SYMBOL && token->span.at[0] == symbol;
}

static bool is_name(const struct token *token)
{
    return token->type == TOKEN_WORD || token->type == TOKEN_NAME;
}

/* ---- names ---- */

static bool add_name(struct arena *arena, enum dialect dialect, const struct token *token,
                     struct batch_names *names)
{
    const char **const slot = arena_push(arena, names);
    return slot != NULL && (*slot = identifier_plain(arena, dialect, token)) != NULL;
}

bool batch_read_key(struct arena *arena, enum dialect dialect, const char *text,
                    struct batch_names *ret, bool *ret_ok, struct err *err)
{
    struct lexer lexer = lexer_init(dialect, text, strlen(text));
    struct token token;
    *ret = (struct batch_names){0};
    *ret_ok = false;
    do {
        token = lexer_next_solid(&lexer);
        if (!is_name(&token))
            return true;
        if (!add_name(arena, dialect, &token, ret))
            return err_nomem(err);
        token = lexer_next_solid(&lexer);
    } while (is_symbol(&token, ','));
    *ret_ok = token.type == TOKEN_END;
    return true;
}

static bool same_name(enum dialect dialect, const char *a, const char *b)
{
    return dialect == DIALECT_SQLITE ? strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}

bool batch_check_key(enum dialect dialect, const struct batch_statement *statement,
                     const struct batch_names *key, struct err *err)
{
    if (statement->parameters > 0 && statement->parameters != 2 * key->count)
        return err_set(err, ERR_REFUSED, "a key of %zu columns has %zu bounds, not %zu", key->count,
                       2 * key->count, statement->parameters);
    for (size_t i = 0; i < key->count; i++)
        for (size_t k = 0; k < statement->changed.count; k++) {
            CLEANUP(arena_release) struct arena scratch = {0};
            const char *const name = key->items[i];
            if (!same_name(dialect, name, statement->changed.items[k]))
                continue;
            const char *const shown = fs_printable(&scratch, name);
            return err_set(err, ERR_REFUSED,
                           "a backfill must not change the key that it goes by, \"%s\"",
                           shown != NULL ? shown : "?");
        }
    return true;
}

/* ---- the table that is changed ---- */

static const char *text_of(struct reader *r, size_t start, size_t end)
{
    const char *const text = arena_strndup(r->arena, r->out->text.at + start, end - start);
    r->failed = r->failed || text == NULL;
    return text;
}

/* schema.table, as written. */
static bool read_table(struct reader *r)
{
    const size_t start = r->token.start;
    for (;;) {
        if (!is_name(&r->token))
            return refuse(r, "the table that it changes is not written plainly");
        const size_t end = r->token.start + r->token.span.len;
        r->out->qualifier = text_of(r, r->token.start, end);
        r->out->table = text_of(r, start, end);
        advance(r);
        if (!is_symbol(&r->token, '.'))
            return !r->failed;
        advance(r);
    }
}

/* The words that may follow the table tell an alias from them. */
static bool read_alias(struct reader *r, const char *follows)
{
    const bool said = is_word(&r->token, "AS");
    if (said)
        advance(r);
    if (said || (is_name(&r->token) && !is_word(&r->token, follows))) {
        if (!is_name(&r->token))
            return refuse(r, "the alias of its table is not written plainly");
        r->out->qualifier = text_of(r, r->token.start, r->token.start + r->token.span.len);
        advance(r);
    }
    if (r->token.type != TOKEN_END && !is_word(&r->token, follows))
        return refuse(r, "what follows its table is not understood");
    return !r->failed;
}

static bool read_target(struct reader *r)
{
    const bool update = is_word(&r->token, "UPDATE");
    advance(r);
    if (!update) {
        if (!is_word(&r->token, "FROM"))
            return refuse(r, "DELETE is not followed by FROM");
        advance(r);
    }
    if (is_word(&r->token, "ONLY"))
        return refuse(r, "ONLY is not understood");
    return read_table(r) && read_alias(r, update ? "SET" : "USING|WHERE|RETURNING");
}

/* ---- its clauses ---- */

struct clauses {
    int depth;
    bool in_set, target_next; /* a name that gets a value is next */
    bool in_list;             /* in the parentheses of (a, b) = … */
    struct token before;
};

static bool step_nesting(struct reader *r, struct clauses *c)
{
    if (is_symbol(&r->token, '(') || is_symbol(&r->token, '[')) {
        c->in_list = c->in_list || (c->depth == 0 && c->target_next);
        c->depth++;
    } else if (is_symbol(&r->token, ')') || is_symbol(&r->token, ']')) {
        c->depth--;
        c->in_list = false;
    }
    return c->depth >= 0 || refuse(r, "its parentheses do not match");
}

/* What SET gives a value: of "a", of "a.field", of "(a, b)". */
static void note_changed(struct reader *r, struct clauses *c)
{
    const bool first = c->depth == 0 && c->target_next;
    const bool listed =
        c->in_list && c->depth == 1 && (is_symbol(&c->before, '(') || is_symbol(&c->before, ','));
    if (!c->in_set || !is_name(&r->token) || (!first && !listed))
        return;
    r->failed = r->failed || !add_name(r->arena, r->dialect, &r->token, &r->out->changed);
}

static bool read_where(struct reader *r)
{
    struct lexer ahead = r->lexer;
    const struct token next = lexer_next_solid(&ahead), after = lexer_next_solid(&ahead);
    if (r->out->where > 0)
        return refuse(r, "it has more than one WHERE");
    if (is_word(&next, "CURRENT") && is_word(&after, "OF"))
        return refuse(r, "WHERE CURRENT OF has no condition");
    r->out->where = r->token.start + r->token.span.len;
    return true;
}

/* True while there may be more. */
static bool read_word(struct reader *r, struct clauses *c)
{
    /* Behind a dot or AS any word is a name. */
    if (c->depth != 0 || is_symbol(&c->before, '.') || is_word(&c->before, "AS"))
        return true;
    if (is_word(&r->token, "SET")) {
        c->in_set = c->target_next = true;
        c->before = r->token;
    } else if (is_word(&r->token, "FROM") && !is_word(&c->before, "DISTINCT")) {
        c->in_set = false;
    } else if (is_word(&r->token, "ORDER|LIMIT")) {
        return refuse(r, "ORDER BY and LIMIT are not understood");
    } else if (is_word(&r->token, "RETURNING")) {
        r->out->end = r->token.start;
        return false;
    } else if (is_word(&r->token, "WHERE")) {
        c->in_set = false;
        return read_where(r);
    }
    return true;
}

static bool read_clauses(struct reader *r)
{
    struct clauses c = {0};
    r->out->end = r->out->text.len;
    for (; r->token.type != TOKEN_END; advance(r)) {
        if (r->token.type == TOKEN_UNTERMINATED)
            return refuse(r, "a quote or comment in it has no end");
        if (!step_nesting(r, &c))
            return false;
        const bool starts_set = c.depth == 0 && is_word(&r->token, "SET") && !c.in_set;
        if (!starts_set)
            note_changed(r, &c);
        if (!read_word(r, &c))
            break;
        c.target_next = starts_set || (c.in_set && c.depth == 0 && is_symbol(&r->token, ','));
        c.before = r->token;
    }
    if (r->why == NULL && c.depth != 0)
        return refuse(r, "its parentheses do not match");
    return r->why == NULL && !r->failed;
}

/* ---- parameters ---- */

size_t batch_parameter(const struct token *token)
{
    size_t number = 0;
    if (token->span.at[0] != '$' || token->span.len < 2 || token->span.len > 3)
        return 0;
    for (size_t i = 1; i < token->span.len; i++) {
        if (!ascii_digit(token->span.at[i]))
            return 0;
        number = number * 10 + (size_t)(token->span.at[i] - '0');
    }
    return number;
}

static bool says_null(const struct reader *r)
{
    struct lexer ahead = r->lexer;
    const struct token is = lexer_next_solid(&ahead), null = lexer_next_solid(&ahead);
    return batch_parameter(&r->token) == 1 && is_word(&is, "IS") && is_word(&null, "NULL");
}

static bool read_parameters(struct reader *r, bool *ret_null_said)
{
    *ret_null_said = false;
    for (; r->token.type != TOKEN_END; advance(r)) {
        if (r->token.type != TOKEN_PARAMETER)
            continue;
        const size_t number = batch_parameter(&r->token);
        if (number == 0)
            return refuse(r, "its parameters are not $1 and $2");
        *ret_null_said = *ret_null_said || says_null(r);
        r->out->parameters = number > r->out->parameters ? number : r->out->parameters;
    }
    if (r->out->parameters % 2 != 0)
        return refuse(r, "its parameters are not pairs of bounds: $1 and $2");
    if (r->out->parameters > 0 && !*ret_null_said)
        return refuse(r, "it does not say what the first batch is, where $1 is NULL: write "
                         "($1 IS NULL OR key > $1) AND key <= $2");
    return true;
}

static void rewind_reader(struct reader *r)
{
    r->lexer = lexer_init(r->dialect, r->out->text.at, r->out->text.len);
    advance(r);
}

static bool read_statement(struct reader *r)
{
    bool null_said;
    rewind_reader(r);
    if (!is_word(&r->token, "INSERT|UPDATE|DELETE|MERGE|WITH|REPLACE"))
        return refuse(r, "it is no INSERT, UPDATE, DELETE, MERGE or WITH");
    if (!read_parameters(r, &null_said))
        return false;
    rewind_reader(r);
    const bool plain = is_word(&r->token, "UPDATE|DELETE");
    if (r->out->parameters > 0) {
        /* The server is the judge of it; only the table is of use. */
        if (plain && !read_target(r)) {
            r->out->table = r->out->qualifier = NULL;
            r->why = NULL;
        }
        return !r->failed;
    }
    if (!plain)
        return refuse(r,
                      "where its batch goes is not known: only UPDATE and DELETE without WITH get "
                      "it by themselves");
    return read_target(r) && read_clauses(r);
}

bool batch_read(struct arena *arena, enum dialect dialect, struct span statement,
                struct batch_statement *ret, const char **ret_why, size_t *ret_at, struct err *err)
{
    *ret = (struct batch_statement){.text = statement};
    struct reader r = {.arena = arena, .dialect = dialect, .out = ret};
    (void)read_statement(&r);
    *ret_why = r.why;
    *ret_at = r.at;
    return !r.failed || err_nomem(err);
}
