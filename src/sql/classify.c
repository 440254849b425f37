/* Rules as data: the words that a statement starts with, and what follows from them. */
#include "sql/classify.h"

#include <stdio.h>
#include <string.h>

#include "sql/classify_tree.h"
#include "sql/identifier.h"
#include "sql/match.h"

/* The first rule whose words match decides; a statement without one is ordinary. */
struct rule {
    const char *when; /* the words that decide (sql/match.h) */
    const char *rest; /* what is read after them as far as it matches; NULL: nothing */
    enum statement_class class;
    enum alone_kind alone;
    const char *verb;
    const char *unless; /* ordinary when one of these options of WITH ( … ) is off */
    const char *why;
};

static const char rolls_back[] =
    "It undoes the statements before it and leaves those after it outside of the transaction; "
    "ROLLBACK TO a savepoint is allowed.";
static const char two_phase[] =
    "It takes a transaction out of this session's hands, so the migration cannot be recorded in "
    "the transaction that makes it.";
static const char chains[] =
    "It opens another transaction that nothing ends; write COMMIT and, where needed, BEGIN.";
static const char unlocks[] =
    "It gives up the lock that keeps a second deploy out while this one runs.";
static const char read_only[] = "The migration's own record is written in the same transaction.";
static const char snapshot[] =
    "The migration is planned for what the database has now, not for an earlier state of it.";
static const char other_file[] =
    "A migration and its record are committed together in one database file only.";

/* clang-format off */
static const struct rule postgres_rules[] = {
    {"CREATE [UNIQUE] INDEX CONCURRENTLY", "[IF NOT EXISTS] [$name ON] [ON] [ONLY] $relation",
     STATEMENT_ALONE, ALONE_CREATE_INDEX, "CREATE INDEX CONCURRENTLY", NULL, NULL},
    {"DROP INDEX CONCURRENTLY", "[IF EXISTS] $name",
     STATEMENT_ALONE, ALONE_DROP_INDEX, "DROP INDEX CONCURRENTLY", NULL, NULL},
    {"REINDEX [()] INDEX CONCURRENTLY", "$name",
     STATEMENT_ALONE, ALONE_REINDEX, "REINDEX INDEX CONCURRENTLY", NULL, NULL},
    {"REINDEX (CONCURRENTLY) INDEX", "$name",
     STATEMENT_ALONE, ALONE_REINDEX, "REINDEX INDEX CONCURRENTLY", NULL, NULL},
    {"REINDEX [()] TABLE CONCURRENTLY", "$relation",
     STATEMENT_ALONE, ALONE_REINDEX, "REINDEX TABLE CONCURRENTLY", NULL, NULL},
    {"REINDEX (CONCURRENTLY) TABLE", "$relation",
     STATEMENT_ALONE, ALONE_REINDEX, "REINDEX TABLE CONCURRENTLY", NULL, NULL},
    {"REINDEX [()] SCHEMA", "[CONCURRENTLY] $name",
     STATEMENT_ALONE, ALONE_REINDEX, "REINDEX SCHEMA", NULL, NULL},
    {"REINDEX [()] DATABASE", "[CONCURRENTLY] $name",
     STATEMENT_ALONE, ALONE_REINDEX, "REINDEX DATABASE", NULL, NULL},
    {"REINDEX [()] SYSTEM", "[CONCURRENTLY] $name",
     STATEMENT_ALONE, ALONE_REINDEX, "REINDEX SYSTEM", NULL, NULL},
    {"VACUUM", NULL, STATEMENT_ALONE, ALONE_REPEATABLE, "VACUUM", NULL, NULL},
    {"CLUSTER [()] [VERBOSE] .", NULL,
     STATEMENT_ALONE, ALONE_REPEATABLE, "CLUSTER", NULL, NULL},
    {"ALTER SYSTEM", NULL, STATEMENT_ALONE, ALONE_REPEATABLE, "ALTER SYSTEM", NULL, NULL},
    {"CREATE DATABASE", "$name",
     STATEMENT_ALONE, ALONE_CREATE_DATABASE, "CREATE DATABASE", NULL, NULL},
    {"DROP DATABASE", "[IF EXISTS] $name",
     STATEMENT_ALONE, ALONE_DROP_DATABASE, "DROP DATABASE", NULL, NULL},
    {"ALTER DATABASE $name SET TABLESPACE", NULL,
     STATEMENT_ALONE, ALONE_REPEATABLE, "ALTER DATABASE SET TABLESPACE", NULL, NULL},
    {"CREATE TABLESPACE", "$name",
     STATEMENT_ALONE, ALONE_CREATE_TABLESPACE, "CREATE TABLESPACE", NULL, NULL},
    {"DROP TABLESPACE", "[IF EXISTS] $name",
     STATEMENT_ALONE, ALONE_DROP_TABLESPACE, "DROP TABLESPACE", NULL, NULL},
    {"CREATE SUBSCRIPTION", "$name",
     STATEMENT_ALONE, ALONE_CREATE_SUBSCRIPTION, "CREATE SUBSCRIPTION", "connect create_slot", NULL},
    {"DROP SUBSCRIPTION", "[IF EXISTS] $name",
     STATEMENT_ALONE, ALONE_DROP_SUBSCRIPTION, "DROP SUBSCRIPTION", NULL, NULL},
    {"ALTER SUBSCRIPTION $name REFRESH", NULL,
     STATEMENT_ALONE, ALONE_OTHER, "ALTER SUBSCRIPTION REFRESH PUBLICATION", NULL, NULL},
    {"ALTER SUBSCRIPTION $name SET|ADD|DROP PUBLICATION", NULL,
     STATEMENT_ALONE, ALONE_OTHER, "ALTER SUBSCRIPTION PUBLICATION", "refresh", NULL},
    {"ALTER TABLE [IF EXISTS] [ONLY] $relation [*] DETACH PARTITION $name CONCURRENTLY", NULL,
     STATEMENT_ALONE, ALONE_DETACH_PARTITION, "ALTER TABLE DETACH PARTITION CONCURRENTLY", NULL, NULL},
    {"ALTER TYPE $name ADD VALUE", "[IF NOT EXISTS] $label",
     STATEMENT_ORDINARY, ALONE_ADD_ENUM_VALUE, "ALTER TYPE ADD VALUE", NULL, NULL},
    {"COMMIT PREPARED", NULL,
     STATEMENT_REFUSED, ALONE_OTHER, "COMMIT PREPARED", NULL, two_phase},
    {"ROLLBACK PREPARED", NULL,
     STATEMENT_REFUSED, ALONE_OTHER, "ROLLBACK PREPARED", NULL, two_phase},
    {"PREPARE TRANSACTION", NULL,
     STATEMENT_REFUSED, ALONE_OTHER, "PREPARE TRANSACTION", NULL, two_phase},
    {"COMMIT|END [WORK|TRANSACTION] AND CHAIN", NULL,
     STATEMENT_REFUSED, ALONE_OTHER, "COMMIT AND CHAIN", NULL, chains},
    {"DISCARD ALL", NULL, STATEMENT_REFUSED, ALONE_OTHER, "DISCARD ALL", NULL, unlocks},
    {"START TRANSACTION", NULL, STATEMENT_BEGIN, ALONE_OTHER, "START TRANSACTION", NULL, NULL},
    {"SET [LOCAL] TRANSACTION", NULL, STATEMENT_MODES, ALONE_OTHER, "SET TRANSACTION", NULL, NULL},
    {"CALL", NULL, STATEMENT_ORDINARY, ALONE_BLOCK, "CALL", NULL, NULL},
};

static const struct rule sqlite_rules[] = {
    {"VACUUM", NULL, STATEMENT_ALONE, ALONE_REPEATABLE, "VACUUM", NULL, NULL},
    {"ATTACH", NULL, STATEMENT_REFUSED, ALONE_OTHER, "ATTACH", NULL, other_file},
    {"DETACH", NULL, STATEMENT_REFUSED, ALONE_OTHER, "DETACH", NULL, other_file},
};

/* In both dialects, and after the rules of the dialect. */
static const struct rule common_rules[] = {
    {"BEGIN", NULL, STATEMENT_BEGIN, ALONE_OTHER, "BEGIN", NULL, NULL},
    {"COMMIT", NULL, STATEMENT_COMMIT, ALONE_OTHER, "COMMIT", NULL, NULL},
    {"END", NULL, STATEMENT_COMMIT, ALONE_OTHER, "END", NULL, NULL},
    {"ROLLBACK [WORK|TRANSACTION] TO", NULL,
     STATEMENT_ORDINARY, ALONE_OTHER, "ROLLBACK TO", NULL, NULL},
    {"ROLLBACK", NULL, STATEMENT_REFUSED, ALONE_OTHER, "ROLLBACK", NULL, rolls_back},
    {"ABORT", NULL, STATEMENT_REFUSED, ALONE_OTHER, "ABORT", NULL, rolls_back},
};
/* clang-format on */

/* Pragmas of SQLite that do nothing, or fail, in a transaction, or that reach beyond it. */
static const char *const session_pragmas[] = {
    "auto_vacuum", "foreign_keys", "journal_mode",         "locking_mode",   "page_size",
    "synchronous", "temp_store",   "temp_store_directory", "wal_checkpoint",
};

/* How deep DO blocks and quoted SQL are searched. */
enum { MAX_DEPTH = 8 };

struct classifier {
    struct arena *arena;
    enum dialect dialect;
    struct span text;
    struct statement_info *ret;
    struct err *err;
};

static bool keep(struct classifier *classifier, const struct str *text, const char **ret)
{
    *ret = NULL;
    if (text->len == 0 && !text->failed)
        return true;
    if (!text->failed)
        *ret = arena_strndup(classifier->arena, text->data, text->len);
    return *ret != NULL || err_nomem(classifier->err);
}

static bool keep_names(struct classifier *classifier, const struct tree_names *names)
{
    struct statement_info *info = classifier->ret;
    info->if_not_exists = names->if_exists;
    return keep(classifier, &names->name, &info->name) &&
           keep(classifier, &names->relation, &info->relation) &&
           keep(classifier, &names->label, &info->label);
}

static void append_written(struct str *out, const struct written_name *name)
{
    for (size_t i = 0; i < name->count; i++) {
        if (out->len > 0)
            str_putc(out, '.');
        identifier_append_token(out, &name->parts[i]);
    }
}

/* What the tokens alone say. */
static void written_names(const struct match *match, enum alone_kind alone, struct tree_names *ret)
{
    const struct written_name *relation = &match->relation;
    if (alone == ALONE_CREATE_INDEX && match->name.count == 1 && relation->count > 1)
        append_written(&ret->name,
                       &(struct written_name){{relation->parts[relation->count - 2]}, 1});
    append_written(&ret->name, &match->name);
    append_written(&ret->relation, relation);
    if (match->label.type == TOKEN_STRING)
        token_unquote(&match->label, &ret->label);
    ret->if_exists = match->if_exists;
}

/* The names as the parser reads them, or else as they are written. */
static bool read_names(struct classifier *classifier, const struct match *match)
{
    struct tree tree;
    struct tree_names names = {0};
    bool done = parser_read(classifier->text, &tree, classifier->err);
    if (done) {
        classifier->ret->parsed = tree_names(&tree, &names);
        if (!classifier->ret->parsed)
            written_names(match, classifier->ret->alone, &names);
        done = keep_names(classifier, &names);
    }
    tree_release(&tree);
    str_release(&names.name);
    str_release(&names.relation);
    str_release(&names.label);
    return done;
}

/* True when one of the options, which are separated by blanks, is turned off. */
static bool turned_off(const struct classifier *classifier, const char *options)
{
    char option[32];
    int used = 0;
    while (options != NULL && sscanf(options, "%31s%n", option, &used) == 1) {
        if (match_with_option(classifier->dialect, classifier->text, option) == OPTION_OFF)
            return true;
        options += used;
    }
    return false;
}

/* How a transaction is to run: what follows BEGIN or SET TRANSACTION. */
static void read_modes(struct statement_info *info, struct lexer lexer)
{
    struct span before = {0};
    for (struct token token = lexer_next_solid(&lexer); token.type != TOKEN_END;
         token = lexer_next_solid(&lexer)) {
        const bool level = span_is_nocase(before, "level");
        if (level && span_is_nocase(token.span, "serializable"))
            info->isolation = "SERIALIZABLE";
        else if (level && span_is_nocase(token.span, "repeatable"))
            info->isolation = "REPEATABLE READ";
        else if (span_is_nocase(before, "read") && span_is_nocase(token.span, "only"))
            *info = (struct statement_info){
                .class = STATEMENT_REFUSED, .verb = "READ ONLY", .why = read_only};
        else if (span_is_nocase(token.span, "snapshot"))
            *info = (struct statement_info){
                .class = STATEMENT_REFUSED, .verb = "SET TRANSACTION SNAPSHOT", .why = snapshot};
        before = token.span;
    }
}

static bool apply_rule(struct classifier *classifier, const struct rule *rule, struct lexer *lexer,
                       struct match *match)
{
    if (turned_off(classifier, rule->unless))
        return true;
    *classifier->ret = (struct statement_info){
        .class = rule->class, .alone = rule->alone, .verb = rule->verb, .why = rule->why};
    if (rule->class == STATEMENT_BEGIN || rule->class == STATEMENT_MODES)
        read_modes(classifier->ret, *lexer);
    if (rule->alone == ALONE_OTHER || rule->alone == ALONE_REPEATABLE || rule->alone == ALONE_BLOCK)
        return true;
    if (rule->rest != NULL)
        (void)match_pattern(lexer, rule->rest, match); /* what matched is there */
    return read_names(classifier, match);
}

/* False when a statement that starts with this token surely does not match: a pattern starts with a
 * word. */
static bool may_match(const struct token *first, const char *pattern)
{
    const struct span word = {pattern, strcspn(pattern, " ")};
    return match_word(first, word);
}

/* Tries the rules in turn; *ret_found says whether one of them matched. */
static bool try_rules(struct classifier *classifier, const struct rule *rules, size_t count,
                      bool *ret_found)
{
    struct lexer start = lexer_init(classifier->dialect, classifier->text.at, classifier->text.len);
    const struct token first = lexer_next_solid(&start);
    *ret_found = false;
    for (size_t i = 0; i < count; i++) {
        if (!may_match(&first, rules[i].when))
            continue;
        struct lexer lexer =
            lexer_init(classifier->dialect, classifier->text.at, classifier->text.len);
        struct match match = {0};
        *ret_found = match_pattern(&lexer, rules[i].when, &match);
        if (*ret_found)
            return apply_rule(classifier, &rules[i], &lexer, &match);
    }
    return true;
}

/* What a pragma is set to: "= value" or "(value)", without quotes. */
static bool keep_value(struct classifier *classifier, struct lexer lexer)
{
    struct token token = lexer_next_solid(&lexer);
    const bool list = span_is(token.span, "(");
    if (!list && !span_is(token.span, "="))
        return true;
    struct str value = {0};
    for (token = lexer_next_solid(&lexer); token.type != TOKEN_END;
         token = lexer_next_solid(&lexer)) {
        if (list && span_is(token.span, ")"))
            break;
        if (token.type == TOKEN_STRING || token.type == TOKEN_NAME)
            token_unquote(&token, &value);
        else
            str_append(&value, token.span.at, token.span.len);
    }
    const bool kept = keep(classifier, &value, &classifier->ret->label);
    str_release(&value);
    return kept;
}

/* The name in our table, NULL for a pragma that works in a transaction. */
static const char *session_pragma(const struct token *name)
{
    struct span span = name->span;
    if (name->type == TOKEN_NAME && span.len >= 2)
        span = (struct span){span.at + 1, span.len - 2};
    for (size_t i = 0; i < COUNT_OF(session_pragmas); i++)
        if (span_is_nocase(span, session_pragmas[i]))
            return session_pragmas[i];
    return NULL;
}

static bool classify_pragma(struct classifier *classifier, bool *ret_found)
{
    struct lexer lexer = lexer_init(classifier->dialect, classifier->text.at, classifier->text.len);
    struct match match = {0};
    *ret_found = match_pattern(&lexer, "PRAGMA $name", &match);
    if (!*ret_found)
        return true;
    classifier->ret->verb = "PRAGMA";
    const char *pragma = session_pragma(&match.name.parts[match.name.count - 1]);
    if (pragma == NULL)
        return true;
    classifier->ret->class = STATEMENT_SESSION;
    classifier->ret->name = pragma;
    return keep_value(classifier, lexer);
}

/* The contents of a dollar quote; nothing for any other token. */
static struct span dollar_contents(const struct token *token)
{
    if (token->type != TOKEN_STRING || token->span.at[0] != '$')
        return (struct span){0};
    const char *second = memchr(token->span.at + 1, '$', token->span.len - 1);
    const size_t tag = (size_t)(second - token->span.at) + 1;
    return (struct span){token->span.at + tag, token->span.len - 2 * tag};
}

/* A call outside of quotes, or in the body of a DO block. */
static bool unlocks_all(struct span text, int depth)
{
    static const char function[] = "pg_advisory_unlock_all";
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    struct token token = lexer_next_solid(&lexer);
    const bool block = token.type == TOKEN_WORD && span_is_nocase(token.span, "do");
    bool named = false;
    for (; token.type != TOKEN_END; token = lexer_next_solid(&lexer)) {
        if (named && span_is(token.span, "("))
            return true;
        named = (token.type == TOKEN_WORD && span_is_nocase(token.span, function)) ||
                (token.type == TOKEN_NAME && span_is(token.span, "\"pg_advisory_unlock_all\""));
        const struct span body = dollar_contents(&token);
        if (block && body.len > 0 && depth < MAX_DEPTH && unlocks_all(body, depth + 1))
            return true;
    }
    return false;
}

/* Where a statement of PL/pgSQL may start. */
static bool starts_statement(const struct token *before)
{
    static const char *const words[] = {"begin", "then", "else", "loop"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (before->type == TOKEN_WORD && span_is_nocase(before->span, words[i]))
            return true;
    return before->type == TOKEN_SEMICOLON || span_is(before->span, ">");
}

/* A body that says COMMIT or ROLLBACK where a statement of its own starts. */
static bool body_commits(const struct token *body)
{
    struct span text = dollar_contents(body);
    struct token before = {0};
    bool commits = false, word = false;
    if (text.len == 0 && body->span.len > 2)
        text = (struct span){body->span.at + 1, body->span.len - 2};
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    for (struct token token = lexer_next_solid(&lexer); token.type != TOKEN_END && !commits;
         token = lexer_next_solid(&lexer)) {
        commits = word && (token.type == TOKEN_SEMICOLON || span_is_nocase(token.span, "and"));
        word = starts_statement(&before) &&
               (span_is_nocase(token.span, "commit") || span_is_nocase(token.span, "rollback"));
        before = token;
    }
    return commits;
}

/* DO with a body that commits by itself. */
static bool commits_within(struct span text)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    struct token token = lexer_next_solid(&lexer);
    if (token.type != TOKEN_WORD || !span_is_nocase(token.span, "do"))
        return false;
    for (; token.type != TOKEN_END; token = lexer_next_solid(&lexer))
        if (token.type == TOKEN_STRING && body_commits(&token))
            return true;
    return false;
}

static bool classify_postgres(struct classifier *classifier, bool *ret_found)
{
    *ret_found = true;
    if (unlocks_all(classifier->text, 0))
        *classifier->ret = (struct statement_info){
            .class = STATEMENT_REFUSED, .verb = "pg_advisory_unlock_all()", .why = unlocks};
    else if (commits_within(classifier->text))
        *classifier->ret = (struct statement_info){
            .class = STATEMENT_ALONE, .alone = ALONE_BLOCK, .verb = "DO with COMMIT"};
    else
        return try_rules(classifier, postgres_rules, COUNT_OF(postgres_rules), ret_found);
    return true;
}

static bool classify_sqlite(struct classifier *classifier, bool *ret_found)
{
    return classify_pragma(classifier, ret_found) &&
           (*ret_found || try_rules(classifier, sqlite_rules, COUNT_OF(sqlite_rules), ret_found));
}

bool sql_classify(struct arena *arena, enum dialect dialect, const struct statement *statement,
                  struct statement_info *ret, struct err *err)
{
    struct classifier classifier = {arena, dialect, statement->text, ret, err};
    bool found = false;
    *ret = (struct statement_info){.class = STATEMENT_ORDINARY, .verb = "statement"};
    const bool done = dialect == DIALECT_SQLITE ? classify_sqlite(&classifier, &found)
                                                : classify_postgres(&classifier, &found);
    if (!done || found)
        return done;
    return try_rules(&classifier, common_rules, COUNT_OF(common_rules), &found);
}

bool sql_starts_with(enum dialect dialect, struct span statement, const char *words)
{
    struct lexer lexer = lexer_init(dialect, statement.at, statement.len);
    return match_pattern(&lexer, words, &(struct match){0});
}

/* True when the text says the label as a whole word: an element of an array or row constant. */
static bool has_element(struct span text, const char *label)
{
    const size_t len = strlen(label);
    const char *const end = text.at + text.len;
    for (const char *at = text.at; len > 0 && (size_t)(end - at) >= len; at++) {
        at = memmem(at, (size_t)(end - at), label, len);
        if (at == NULL)
            return false;
        const bool starts = at > text.at && strchr("{(,\" ", at[-1]) != NULL;
        if (starts && at + len < end && strchr("}),\" ", at[len]) != NULL)
            return true;
    }
    return false;
}

static bool text_uses(enum dialect dialect, struct span text, const char *label, int depth);

/* The constant itself, an array or row of constants, or SQL within the string. */
static bool string_uses(enum dialect dialect, const struct token *token, const char *label,
                        int depth)
{
    struct str value = {0};
    token_unquote(token, &value);
    const struct span text = {str_text(&value), value.len};
    bool used = value.failed || span_is(text, label);
    if (!used && text.len > 0 && strchr("{(", text.at[0]) != NULL)
        used = has_element(text, label);
    if (!used && depth < MAX_DEPTH &&
        (memchr(text.at, '\'', text.len) != NULL || memchr(text.at, '$', text.len) != NULL))
        used = text_uses(dialect, text, label, depth + 1);
    str_release(&value);
    return used;
}

static bool text_uses(enum dialect dialect, struct span text, const char *label, int depth)
{
    struct lexer lexer = lexer_init(dialect, text.at, text.len);
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return false;
        if (token.type == TOKEN_STRING && string_uses(dialect, &token, label, depth))
            return true;
    }
}

bool sql_label_used(enum dialect dialect, const struct statements *statements, size_t after,
                    const char *label)
{
    for (size_t i = after + 1; i < statements->count; i++)
        if (text_uses(dialect, statements->items[i].text, label, 0))
            return true;
    return false;
}
