/* One item after the other, from the last, is moved down as far as it may go. */
#include "deploy/order.h"

#include <string.h>
#include <strings.h>

#include "sql/facts.h"
#include "sql/identifier.h"

/* Names of tables, without their schema: two of one name in two schemas count as one. */
struct tables {
    const char **items;
    size_t count, capacity;
};

static bool add_table(struct arena *arena, enum dialect dialect, const char *written,
                      struct tables *tables, struct err *err)
{
    if (written == NULL)
        return true;
    const char **const slot = arena_push(arena, tables);
    return (slot != NULL && (*slot = identifier_last_part(arena, dialect, written)) != NULL) ||
           err_nomem(err);
}

static bool is_among(const struct tables *tables, const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (strcasecmp(tables->items[i], name) == 0)
            return true;
    return false;
}

/* ---- what a backfill works on ---- */

/* *ret_known: these are all of them. */
static bool tables_of(struct arena *arena, enum dialect dialect, const struct plan_item *item,
                      struct tables *ret, bool *ret_known, struct err *err)
{
    struct facts facts;
    *ret = (struct tables){0};
    *ret_known = true;
    if (!add_table(arena, dialect, item->migration->table, ret, err) ||
        !add_table(arena, dialect, item->script.batch.table, ret, err))
        return false;
    if (dialect != DIALECT_POSTGRES)
        return true;
    if (!facts_read(arena, NULL, item->script.statements.items[0].statement.text, &facts, err))
        return false;
    *ret_known = facts.unknown == NULL;
    for (size_t i = 0; i < facts.locks.count; i++)
        if (!add_table(arena, dialect, facts.locks.items[i].name, ret, err))
            return false;
    return true;
}

/* ---- what another migration touches ---- */

/* Only the catalog knows which relation it is. */
static bool is_elsewhere(enum lock_object object)
{
    return object != LOCKED_RELATION && object != LOCKED_INDEXES && object != LOCKED_INDEX &&
           object != LOCKED_SEQUENCES;
}

/* Only the catalog knows which tables are changed; those that are merely locked beside are not. */
static bool is_changed_elsewhere(enum lock_object object)
{
    return object == LOCKED_TABLE_OF_INDEX || object == LOCKED_TABLE_OF_STATISTICS ||
           object == LOCKED_TABLES_OF_TYPE || object == LOCKED_EXTENSION_MEMBERS ||
           object == LOCKED_VIEWS;
}

typedef bool elsewhere_fn(enum lock_object object);

static bool facts_touch(struct arena *arena, const struct facts *facts, const struct tables *tables,
                        elsewhere_fn *elsewhere, bool *ret, struct err *err)
{
    *ret = facts->unknown != NULL || facts->renames_all;
    for (size_t i = 0; i < facts->locks.count && !*ret; i++) {
        const struct locked *const lock = &facts->locks.items[i];
        const char *const name = identifier_last_part(arena, DIALECT_POSTGRES, lock->name);
        if (name == NULL)
            return err_nomem(err);
        *ret = elsewhere(lock->object) || is_among(tables, name);
    }
    return true;
}

/* SQLite: every word that may be a name. */
static bool words_touch(struct arena *arena, struct span statement, const struct tables *tables,
                        bool *ret, struct err *err)
{
    struct lexer lexer = lexer_init(DIALECT_SQLITE, statement.at, statement.len);
    *ret = false;
    for (struct token t = lexer_next_solid(&lexer); t.type != TOKEN_END && !*ret;
         t = lexer_next_solid(&lexer)) {
        const char *const written = arena_strndup(arena, t.span.at, t.span.len);
        const char *const name =
            written != NULL ? identifier_last_part(arena, DIALECT_SQLITE, written) : NULL;
        if (name == NULL)
            return err_nomem(err);
        *ret = is_among(tables, name);
    }
    return true;
}

static bool touches(struct arena *arena, enum dialect dialect, const struct plan_item *item,
                    const struct tables *tables, elsewhere_fn *elsewhere, bool *ret,
                    struct err *err)
{
    *ret = false;
    for (size_t i = 0; i < item->script.statements.count && !*ret; i++) {
        const struct span text = item->script.statements.items[i].statement.text;
        struct facts facts;
        if (dialect != DIALECT_POSTGRES) {
            if (!words_touch(arena, text, tables, ret, err))
                return false;
        } else if (!facts_read(arena, NULL, text, &facts, err) ||
                   !facts_touch(arena, &facts, tables, elsewhere, ret, err)) {
            return false;
        }
    }
    return true;
}

/* ---- two of them ---- */

/* The word behind which SQLite, or a renaming, names a table. */
static bool names_table(const struct token *token, bool renames_only)
{
    static const char *const words[] = {"TO",   "TABLE", "INTO", "UPDATE",
                                        "FROM", "JOIN",  "ON",   "VIEW"};
    for (size_t i = 0; i < (renames_only ? 1 : COUNT_OF(words)); i++)
        if (token->span.len == strlen(words[i]) &&
            strncasecmp(token->span.at, words[i], token->span.len) == 0)
            return true;
    return false;
}

static bool is_filler(const struct token *token)
{
    static const char *const words[] = {"IF", "NOT", "EXISTS"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (token->span.len == strlen(words[i]) &&
            strncasecmp(token->span.at, words[i], token->span.len) == 0)
            return true;
    return false;
}

static bool add_named(struct arena *arena, enum dialect dialect, struct span statement,
                      bool renames_only, struct tables *tables, struct err *err)
{
    struct lexer lexer = lexer_init(dialect, statement.at, statement.len);
    bool next = false;
    for (struct token t = lexer_next_solid(&lexer); t.type != TOKEN_END;
         t = lexer_next_solid(&lexer)) {
        if (next && is_filler(&t))
            continue;
        const char *const written = next ? arena_strndup(arena, t.span.at, t.span.len) : NULL;
        if (next && (written == NULL || !add_table(arena, dialect, written, tables, err)))
            return written != NULL || err_nomem(err);
        next = names_table(&t, renames_only);
    }
    return true;
}

/* Every table that any of its statements touches. *ret_known: these are all of them. */
static bool all_tables_of(struct arena *arena, enum dialect dialect, const struct plan_item *item,
                          struct tables *ret, bool *ret_known, struct err *err)
{
    *ret = (struct tables){0};
    *ret_known = true;
    for (size_t i = 0; i < item->script.statements.count; i++) {
        const struct span text = item->script.statements.items[i].statement.text;
        struct facts facts;
        if (!add_named(arena, dialect, text, dialect == DIALECT_POSTGRES, ret, err))
            return false;
        if (dialect != DIALECT_POSTGRES)
            continue;
        if (!facts_read(arena, NULL, text, &facts, err))
            return false;
        *ret_known = *ret_known && facts.unknown == NULL && !facts.renames_all;
        for (size_t f = 0; f < facts.locks.count; f++) {
            *ret_known = *ret_known && !is_changed_elsewhere(facts.locks.items[f].object);
            if (!add_table(arena, dialect, facts.locks.items[f].name, ret, err))
                return false;
        }
    }
    return true;
}

bool plan_items_touch(struct arena *arena, enum dialect dialect, const struct plan_item *one,
                      const struct plan_item *other, bool *ret, struct err *err)
{
    struct tables tables;
    bool known;
    *ret = false;
    if (other->script.statements.count == 0 || one->script.statements.count == 0)
        return true;
    if (!all_tables_of(arena, dialect, one, &tables, &known, err) ||
        !touches(arena, dialect, other, &tables, is_changed_elsewhere, ret, err))
        return false;
    *ret = *ret || !known || tables.count == 0;
    return true;
}

/* ---- moving ---- */

static bool move_down(struct arena *arena, enum dialect dialect, struct plan *plan, size_t at,
                      struct err *err)
{
    struct tables tables;
    bool known, stays;
    if (!tables_of(arena, dialect, &plan->items.items[at], &tables, &known, err))
        return false;
    for (; known && at + 1 < plan->items.count; at++) {
        struct plan_item *const item = &plan->items.items[at], *const next = item + 1;
        if (next->migration->background || next->migration->phase == PHASE_CONTRACT)
            return true;
        if (!touches(arena, dialect, next, &tables, is_elsewhere, &stays, err))
            return false;
        if (stays)
            return true;
        const struct plan_item moved = *item;
        *item = *next;
        *next = moved;
    }
    return true;
}

bool plan_order(enum dialect dialect, struct plan *plan, struct err *err)
{
    for (size_t i = plan->items.count; i > 0; i--) {
        CLEANUP(arena_release) struct arena scratch = {0};
        const struct plan_item *const item = &plan->items.items[i - 1];
        if (item->migration->background && item->script.statements.count > 0 &&
            !move_down(&scratch, dialect, plan, i - 1, err))
            return false;
    }
    return true;
}
