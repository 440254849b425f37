/* Entries of a log, their statements, and which of them were there before. */
#include "check/captured.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sql/parameters.h"
#include "sql/parser.h"
#include "sql/split.h"

/* The table of shapes doubles where it is three quarters full. The largest one then begins anew
 * with what is kept: shapes that come again are read once more. */
enum { FIRST_SLOTS = 1 << 10, MAX_SLOTS = 1 << 20 };

struct capturing {
    const struct captured_options *options;
    struct captured *captured;
    int fd;
    const char *path;
    struct err *err;
    bool done;
};

bool captured_is_of_a_tool(struct span statement, const char *ledger)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    struct span name = {0};
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return false;
        const bool dot = token.type == TOKEN_SYMBOL && token.span.at[0] == '.';
        if (dot && name.len > 0) {
            const bool quoted = name.at[0] == '"';
            const struct span plain = {name.at + quoted, name.len - 2 * (size_t)quoted};
            if (span_is(plain, ledger) || span_is_nocase(plain, "pg_catalog") ||
                span_is_nocase(plain, "information_schema") ||
                span_is_nocase(plain, "pg_stat_statements"))
                return true;
        }
        const bool is_name = token.type == TOKEN_WORD || token.type == TOKEN_NAME;
        name = is_name ? token.span : (struct span){0};
    }
}

/* ---- shapes that were seen ---- */

static long long *slot_of(const struct captured *captured, long long key)
{
    size_t at = (size_t)key % captured->slots;
    while (captured->seen[at] != 0 && captured->seen[at] != key)
        at = (at + 1) % captured->slots;
    return &captured->seen[at];
}

static bool make_larger(struct captured *captured)
{
    const struct captured old = *captured;
    captured->slots = old.slots > 0 ? 2 * old.slots : FIRST_SLOTS;
    captured->seen = arena_alloc(&captured->arena, captured->slots * sizeof *captured->seen);
    if (captured->seen == NULL)
        return false;
    for (size_t i = 0; i < old.slots; i++)
        if (old.seen[i] != 0)
            *slot_of(captured, old.seen[i]) = old.seen[i];
    return true;
}

static void begin_anew(struct captured *captured)
{
    memset(captured->seen, 0, captured->slots * sizeof *captured->seen);
    captured->seen_count = captured->count;
    for (size_t i = 0; i < captured->count; i++)
        *slot_of(captured, captured->items[i].key) = captured->items[i].key;
}

static bool make_room(struct captured *captured)
{
    if (captured->seen_count < captured->slots / 4 * 3)
        return true;
    if (captured->slots < MAX_SLOTS)
        return make_larger(captured);
    begin_anew(captured);
    return true;
}

/* False in *ret_new for a shape that was there before. */
static bool see(struct captured *captured, struct span statement, long long *ret_key, bool *ret_new,
                struct err *err)
{
    CLEANUP(str_release) struct str shape = {0};
    sql_shape(statement, &shape);
    if (shape.failed || !make_room(captured))
        return err_nomem(err);
    const long long hash = hash_key(str_text(&shape), shape.len);
    *ret_key = hash != 0 ? hash : 1;
    long long *const slot = slot_of(captured, *ret_key);
    *ret_new = *slot == 0;
    captured->seen_count += *ret_new;
    *slot = *ret_key;
    return true;
}

/* ---- entries ---- */

static bool take_statement(struct capturing *capturing, struct span sql, long long key,
                           struct err *err)
{
    struct captured *const captured = capturing->captured;
    const char *text;
    if (!sql_starts_as_query(sql) || captured_is_of_a_tool(sql, capturing->options->ledger))
        return true;
    if (captured->count == CAPTURED_MAX) {
        captured->full = true;
        return true;
    }
    if (!sql_parameterize(&captured->arena, sql, &text, err))
        return false;
    if (text == NULL) {
        captured->unread++;
        return true;
    }
    struct captured_statement *const statement = arena_push(&captured->arena, captured);
    if (statement == NULL)
        return err_nomem(err);
    *statement = (struct captured_statement){text, key};
    return true;
}

static bool take_each(struct capturing *capturing, const struct statements *statements,
                      struct err *err)
{
    for (size_t i = 0; i < statements->count; i++) {
        const struct span sql = statements->items[i].text;
        long long key;
        bool is_new;
        if (!see(capturing->captured, sql, &key, &is_new, err) ||
            (is_new && !take_statement(capturing, sql, key, err)))
            return false;
    }
    return true;
}

/* What came in one message may be several. */
static bool take_message(struct capturing *capturing, struct span sql, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    CLEANUP(err_release) struct err refused = {0};
    struct statements statements = {0};
    long long key;
    bool is_new;
    if (!see(capturing->captured, sql, &key, &is_new, err))
        return false;
    if (!is_new)
        return true;
    if (!sql_split(&scratch, DIALECT_POSTGRES, sql.at, sql.len, &statements, &refused)) {
        capturing->captured->unread += refused.code == ERR_REFUSED && sql_starts_as_query(sql);
        return refused.code == ERR_REFUSED || err_nomem(err);
    }
    if (statements.count == 1)
        return take_statement(capturing, statements.items[0].text, key, err);
    return take_each(capturing, &statements, err);
}

static bool is_of(const char *wanted, struct span span)
{
    return wanted == NULL || span_is(span, wanted);
}

static bool take_entry(void *context, const struct server_log_entry *entry, struct err *err)
{
    struct capturing *const capturing = context;
    const struct captured_options *const options = capturing->options;
    const bool asks = options->user || options->database || options->application;
    struct span sql;
    if (!server_log_statement(entry->message, &sql))
        return true;
    if (asks && !entry->says_who) {
        (void)err_set(err, ERR_USAGE, "%s does not say whose statements these are",
                      capturing->path);
        err_hint(err, "Give --log-line-prefix as the server has it (SHOW log_line_prefix).");
        return false;
    }
    return !is_of(options->user, entry->user) || !is_of(options->database, entry->database) ||
           !is_of(options->application, entry->application) || take_message(capturing, sql, err);
}

static void read_log(void *context)
{
    struct capturing *const capturing = context;
    capturing->done =
        server_log_read(capturing->fd, capturing->path, capturing->options->prefix, take_entry,
                        capturing, &capturing->captured->lines, capturing->err);
}

bool captured_add_log(int fd, const char *path, const struct captured_options *options,
                      struct captured *ret, struct err *err)
{
    struct capturing capturing = {options, ret, fd, path, err, false};
    return parser_run(read_log, &capturing, err) && capturing.done;
}

/* ---- all of them ---- */

static int compare_statements(const void *a, const void *b)
{
    const struct captured_statement *const x = a, *const y = b;
    return strcmp(x->sql, y->sql);
}

void captured_sort(struct captured *captured)
{
    if (captured->count > 1)
        qsort(captured->items, captured->count, sizeof *captured->items, compare_statements);
}

void captured_release(struct captured *captured)
{
    arena_release(&captured->arena);
}
