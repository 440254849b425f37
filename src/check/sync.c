/* Bodies of trigger functions, and what becomes of their triggers. */
#include "check/sync.h"

#include <string.h>

#include "base/str.h"
#include "check/lint.h"
#include "sql/identifier.h"
#include "sql/tree_name.h"

/* From pg_trigger.h, as the tree has them. */
enum { TIMING_BEFORE = 1 << 1, EVENT_INSERT = 1 << 2, EVENT_UPDATE = 1 << 4 };

/* ---- a body ---- */

struct assignment {
    const char *to, *from; /* columns of NEW; from: NULL where it is not one other column */
};

struct body {
    struct arena *arena;
    struct lexer lexer;
    struct token token; /* at hand */
    struct {
        struct assignment *items;
        size_t count, capacity;
    } assignments;
    bool failed;
};

static void next(struct body *body)
{
    body->token = lexer_next_solid(&body->lexer);
}

static bool is_symbol(const struct token *token, const char *symbol)
{
    return token->type == TOKEN_SYMBOL && span_is(token->span, symbol);
}

static bool is_word(const struct token *token, const char *word)
{
    return token->type == TOKEN_WORD && span_is_nocase(token->span, word);
}

/* As the server has it. */
static const char *plain_name(struct body *body)
{
    const char *const name = identifier_plain(body->arena, DIALECT_POSTGRES, &body->token);
    body->failed = body->failed || name == NULL;
    return name;
}

/* Past NEW.column; NULL, and nothing read but NEW or no token, where there is none. */
static const char *read_column(struct body *body)
{
    if (!is_word(&body->token, "new"))
        return NULL;
    next(body);
    if (!is_symbol(&body->token, "."))
        return NULL;
    next(body);
    if (body->token.type != TOKEN_WORD && body->token.type != TOKEN_NAME)
        return NULL;
    const char *const name = plain_name(body);
    next(body);
    return name;
}

/* What an expression is made of, up to its semicolon. */
static const char *read_source(struct body *body, const char *to)
{
    const char *from = NULL;
    bool one = true;
    while (body->token.type != TOKEN_SEMICOLON && body->token.type != TOKEN_END) {
        const bool is_new = is_word(&body->token, "new");
        const char *const column = read_column(body);
        if (!is_new)
            next(body);
        else if (column == NULL)
            one = false; /* the row as a whole */
        else if (strcmp(column, to) != 0) {
            one = one && (from == NULL || strcmp(from, column) == 0);
            from = column;
        }
    }
    return one ? from : NULL;
}

static void read_assignment(struct body *body)
{
    const char *const to = read_column(body);
    if (to == NULL)
        return;
    if (is_symbol(&body->token, ":"))
        next(body);
    if (!is_symbol(&body->token, "="))
        return;
    next(body);
    const struct assignment read = {to, read_source(body, to)};
    struct assignment *const item = arena_push(body->arena, &body->assignments);
    body->failed = body->failed || item == NULL;
    if (item != NULL)
        *item = read;
}

static bool begins_statement(const struct token *before)
{
    return before->type == TOKEN_SEMICOLON || is_word(before, "begin") || is_word(before, "then") ||
           is_word(before, "else");
}

/* In a statement's place alone "=" assigns. */
static void read_body(struct body *body)
{
    struct token before = {0};
    next(body);
    while (body->token.type != TOKEN_END) {
        if (begins_statement(&before) && is_word(&body->token, "new")) {
            read_assignment(body);
            before = (struct token){0};
            continue;
        }
        before = body->token;
        next(body);
    }
}

static const struct assignment *find_pair(const struct body *body)
{
    for (size_t i = 0; i < body->assignments.count; i++) {
        const struct assignment *const one = &body->assignments.items[i];
        for (size_t k = 0; k < i; k++)
            if (lint_same_name(one->from, body->assignments.items[k].to) &&
                lint_same_name(body->assignments.items[k].from, one->to))
                return &body->assignments.items[k];
    }
    return NULL;
}

/* ---- functions and triggers ---- */

static const char *keep(struct lint *lint, const char *text, size_t len)
{
    const char *const kept = arena_strndup(lint->walk.arena, text, len);
    lint->findings->failed = lint->findings->failed || kept == NULL;
    return kept;
}

static const char *list_name(struct lint *lint, PgQuery__Node *const *parts, size_t count)
{
    CLEANUP(str_release) struct str name = {0};
    tree_append_list(&name, parts, count);
    return keep(lint, str_text(&name), name.len);
}

static const char *body_of(const PgQuery__CreateFunctionStmt *function)
{
    for (size_t i = 0; i < function->n_options; i++) {
        const PgQuery__Node *const node = function->options[i];
        if (node->node_case != PG_QUERY__NODE__NODE_DEF_ELEM ||
            strcmp(node->def_elem->defname, "as") != 0 || node->def_elem->arg == NULL ||
            node->def_elem->arg->node_case != PG_QUERY__NODE__NODE_LIST ||
            node->def_elem->arg->list->n_items != 1 ||
            node->def_elem->arg->list->items[0]->node_case != PG_QUERY__NODE__NODE_STRING)
            continue;
        return node->def_elem->arg->list->items[0]->string->sval;
    }
    return NULL;
}

static struct sync_function *find_function(struct syncs *syncs, const char *name)
{
    for (size_t i = 0; i < syncs->functions.count; i++)
        if (lint_same_name(syncs->functions.items[i].name, name))
            return &syncs->functions.items[i];
    return NULL;
}

static void note_function(struct lint *lint, const PgQuery__CreateFunctionStmt *function)
{
    const char *const text = body_of(function);
    const char *const name = list_name(lint, function->funcname, function->n_funcname);
    struct body body = {.arena = lint->scratch};
    if (text == NULL || function->n_parameters > 0)
        return;
    body.lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    read_body(&body);
    lint->findings->failed = lint->findings->failed || body.failed;
    const struct assignment *const pair = find_pair(&body);
    struct sync_function *item = find_function(&lint->syncs, name);
    if (item == NULL && pair != NULL) {
        item = arena_push(lint->walk.arena, &lint->syncs.functions);
        lint->findings->failed = lint->findings->failed || item == NULL;
    }
    if (item != NULL)
        *item = (struct sync_function){
            .name = name,
            .column = pair != NULL ? keep(lint, pair->to, strlen(pair->to)) : NULL,
            .other = pair != NULL ? keep(lint, pair->from, strlen(pair->from)) : NULL,
        };
}

static void note_trigger(struct lint *lint, const struct act *act,
                         const PgQuery__CreateTrigStmt *trigger)
{
    const int both = EVENT_INSERT | EVENT_UPDATE;
    if (!trigger->row || trigger->timing != TIMING_BEFORE || (trigger->events & both) != both ||
        act->name == NULL || act->part == NULL)
        return;
    struct sync_trigger *const item = arena_push(lint->walk.arena, &lint->syncs.triggers);
    lint->findings->failed = lint->findings->failed || item == NULL;
    if (item != NULL)
        *item = (struct sync_trigger){
            .table = keep(lint, act->name, strlen(act->name)),
            .name = keep(lint, act->part, strlen(act->part)),
            .function = list_name(lint, trigger->funcname, trigger->n_funcname),
            .migration = lint->index,
            .place = lint_place(lint, act->at),
        };
}

/* ---- what becomes of them ---- */

static void drop_triggers(struct lint *lint, const char *table, const char *name)
{
    for (size_t i = 0; i < lint->syncs.triggers.count; i++) {
        struct sync_trigger *const item = &lint->syncs.triggers.items[i];
        if (lint_same_name(item->table, table) &&
            (name == NULL || lint_same_name(item->name, name)))
            item->is_gone = true;
    }
}

/* Trigger functions have no arguments. */
static void drop_function(struct lint *lint, const char *name)
{
    const size_t len = strcspn(name, "(");
    if (name[len] != '\0' && strcmp(name + len, "()") != 0)
        return;
    for (size_t i = 0; i < lint->syncs.functions.count; i++) {
        struct sync_function *const item = &lint->syncs.functions.items[i];
        if (item->name != NULL && strlen(item->name) == len && strncmp(item->name, name, len) == 0)
            item->column = item->other = NULL;
    }
}

/* Writes fail from then on: that is another matter. */
static void drop_column(struct lint *lint, const char *table, const char *column)
{
    for (size_t i = 0; i < lint->syncs.triggers.count; i++) {
        struct sync_trigger *const item = &lint->syncs.triggers.items[i];
        const struct sync_function *const function = sync_of(&lint->syncs, item);
        if (function != NULL && lint_same_name(item->table, table) &&
            (lint_same_name(function->column, column) || lint_same_name(function->other, column)))
            item->is_gone = true;
    }
}

static void rename_table(struct lint *lint, const char *from, const char *to)
{
    const char *const name = keep(lint, to, strlen(to));
    for (size_t i = 0; i < lint->syncs.triggers.count; i++)
        if (lint_same_name(lint->syncs.triggers.items[i].table, from))
            lint->syncs.triggers.items[i].table = name;
}

static void note_act(struct lint *lint, const struct act *act)
{
    if (act->name == NULL)
        return;
    if (act->form == form_of(FORM_DROP_TABLE))
        drop_triggers(lint, act->name, NULL);
    else if (act->form == form_of(FORM_DROP_TRIGGER) && act->part != NULL)
        drop_triggers(lint, act->name, act->part);
    else if (act->form == form_of(FORM_DROP_FUNCTION))
        drop_function(lint, act->name);
    else if (act->form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn))
        drop_column(lint, act->name, act->part);
    else if (act->form == form_of(FORM_RENAME_RELATION) && act->new_name != NULL)
        rename_table(lint, act->name, act->new_name);
    else if (act->form == form_of(FORM_CREATE_TRIGGER) && act->node != NULL) {
        if (act->node->create_trig_stmt->replace && act->part != NULL)
            drop_triggers(lint, act->name, act->part);
        note_trigger(lint, act, act->node->create_trig_stmt);
    }
}

void sync_note(struct lint *lint)
{
    if (lint->tree != NULL && lint->tree->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT)
        note_function(lint, lint->tree->create_function_stmt);
    for (size_t i = 0; i < lint->facts.acts.count; i++)
        note_act(lint, &lint->facts.acts.items[i]);
}

const struct sync_function *sync_of(const struct syncs *syncs, const struct sync_trigger *trigger)
{
    for (size_t i = 0; !trigger->is_gone && i < syncs->functions.count; i++)
        if (lint_same_name(syncs->functions.items[i].name, trigger->function) &&
            syncs->functions.items[i].column != NULL)
            return &syncs->functions.items[i];
    return NULL;
}
