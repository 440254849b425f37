/* From what a recipe is told to the texts of its files. */
#include "history/recipe.h"

#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "history/recipe_parts.h"

/* ---- the parameters ---- */

enum form { FORM_TABLE, FORM_NAME, FORM_TYPE, FORM_EXPRESSION, FORM_COLUMN_OF, FORM_FLAG };

static const struct parameter {
    const char *name;
    enum form form;
    const char *example;
} parameters[] = {
    [RECIPE_TABLE] = {"table", FORM_TABLE, "public.orders"},
    [RECIPE_COLUMN] = {"column", FORM_NAME, "customer"},
    [RECIPE_TO] = {"to", FORM_NAME, "client"},
    [RECIPE_TYPE] = {"type", FORM_TYPE, "bigint"},
    [RECIPE_EXPRESSION] = {"expression", FORM_EXPRESSION, "'lower(customer)'"},
    [RECIPE_BACK] = {"back", FORM_EXPRESSION, "'upper(client)'"},
    [RECIPE_REFERENCES] = {"references", FORM_COLUMN_OF, "'customers(id)'"},
    [RECIPE_CHILD] = {"child", FORM_COLUMN_OF, "'items(order_id)'"},
    [RECIPE_SEQUENCE] = {"sequence", FORM_TABLE, "public.orders_id_seq"},
    [RECIPE_DEFAULT] = {"default", FORM_EXPRESSION, "0"},
    [RECIPE_NOT_NULL] = {"not-null", FORM_FLAG, NULL},
};

static const char *const form_words[] = {
    [FORM_TABLE] = "a name as in SQL, with its schema or without",
    [FORM_NAME] = "a name as in SQL",
    [FORM_TYPE] = "a type, on one line",
    [FORM_EXPRESSION] = "an expression, on one line",
    [FORM_COLUMN_OF] = "a column of a table, such as customers(id)",
};

const char *recipe_parameter_name(enum recipe_parameter parameter)
{
    return parameters[parameter].name;
}

const struct recipe *recipe_find(struct arena *arena, const char *name, struct err *err)
{
    CLEANUP(str_release) struct str names = {0};
    for (size_t i = 0; i < recipe_count; i++) {
        if (strcmp(recipes[i].name, name) == 0)
            return &recipes[i];
        str_printf(&names, "%s%s", i > 0 ? ", " : "", recipes[i].name);
    }
    const char *const shown = fs_printable(arena, name);
    if (shown == NULL || names.failed) {
        (void)err_nomem(err);
        return NULL;
    }
    (void)err_set(err, ERR_USAGE, "there is no recipe \"%s\"", shown);
    err_hint(err, "There are %s.", str_text(&names));
    return NULL;
}

/* `pawl new --recipe rename-column --table public.orders --column customer ...` */
static bool hint_usage(const struct recipe *recipe, struct err *err)
{
    CLEANUP(str_release) struct str usage = {0};
    for (size_t i = 0; i < RECIPE_PARAMETERS; i++) {
        if (((recipe->needs | recipe->takes) & RECIPE_BIT(i)) == 0)
            continue;
        const bool needed = (recipe->needs & RECIPE_BIT(i)) != 0;
        str_printf(&usage, " %s--%s%s%s%s", needed ? "" : "[", parameters[i].name,
                   parameters[i].example != NULL ? " " : "",
                   parameters[i].example != NULL ? parameters[i].example : "", needed ? "" : "]");
    }
    if (usage.failed)
        return err_nomem(err);
    err_hint(err, "It is `pawl new --recipe %s%s`.", recipe->name, str_text(&usage));
    return false;
}

static bool check_given(const struct recipe *recipe, const struct recipe_words *words,
                        struct err *err)
{
    const char *problem = NULL;
    size_t which = 0;
    for (size_t i = 0; problem == NULL && i < RECIPE_PARAMETERS; i++) {
        const size_t count = words->given[i].count;
        which = i;
        if (count == 0 && (recipe->needs & RECIPE_BIT(i)) != 0)
            problem = "needs";
        else if (count > 0 && ((recipe->needs | recipe->takes) & RECIPE_BIT(i)) == 0)
            problem = "does not take";
        else if (count > 1 && (recipe->several & RECIPE_BIT(i)) == 0)
            problem = "takes only one";
    }
    if (problem != NULL) {
        (void)err_set(err, ERR_USAGE, "recipe %s %s --%s", recipe->name, problem,
                      parameters[which].name);
        return hint_usage(recipe, err);
    }
    const unsigned pair = RECIPE_BIT(RECIPE_TO) | RECIPE_BIT(RECIPE_EXPRESSION);
    if ((recipe->several & pair) != pair ||
        words->given[RECIPE_TO].count == words->given[RECIPE_EXPRESSION].count)
        return true;
    (void)err_set(err, ERR_USAGE, "recipe %s needs an --expression for each --to, in their order",
                  recipe->name);
    return hint_usage(recipe, err);
}

/* ---- reading ---- */

static bool refuse(struct recipe_reading *reading, enum recipe_parameter parameter,
                   const char *text)
{
    const char *const shown = fs_printable(reading->arena, text);
    if (shown == NULL || reading->failed)
        return err_nomem(reading->err);
    (void)err_set(reading->err, ERR_USAGE, "--%s takes %s, not \"%s\"", parameters[parameter].name,
                  form_words[parameters[parameter].form], shown);
    return hint_usage(reading->recipe, reading->err);
}

static bool read_names(struct recipe_reading *reading, enum recipe_parameter parameter,
                       struct recipe_names *names)
{
    for (size_t i = 0; i < reading->words->given[parameter].count; i++) {
        const char *const text = reading->words->given[parameter].items[i];
        struct recipe_name name;
        if (!recipe_read_name(reading->arena, text, false, &name, &reading->failed))
            return refuse(reading, parameter, text);
        recipe_push(reading, names, name.name);
    }
    return true;
}

static bool check_code(struct recipe_reading *reading, enum recipe_parameter parameter)
{
    for (size_t i = 0; i < reading->words->given[parameter].count; i++) {
        const char *const text = reading->words->given[parameter].items[i];
        const bool ok = parameters[parameter].form == FORM_TYPE
                            ? recipe_is_type(reading->arena, text, &reading->failed)
                            : recipe_is_expression(reading->arena, text, &reading->failed);
        if (!ok)
            return refuse(reading, parameter, text);
    }
    return true;
}

static bool read_objects(struct recipe_reading *reading)
{
    struct recipe_name sequence;
    const char *const table = recipe_first(reading, RECIPE_TABLE);
    const char *const given = recipe_first(reading, RECIPE_SEQUENCE);
    if (!recipe_read_name(reading->arena, table, true, &reading->table, &reading->failed))
        return refuse(reading, RECIPE_TABLE, table);
    if (given == NULL)
        return true;
    if (!recipe_read_name(reading->arena, given, true, &sequence, &reading->failed))
        return refuse(reading, RECIPE_SEQUENCE, given);
    recipe_put_quoted(reading, "sequence", sequence.schema, sequence.name);
    recipe_put_literal(reading, "sequence_text", sequence.schema, sequence.name);
    return true;
}

static bool read_references(struct recipe_reading *reading)
{
    struct recipe_name table;
    const char *column, *actions;
    const char *const references = recipe_first(reading, RECIPE_REFERENCES);
    const char *const child = recipe_first(reading, RECIPE_CHILD);
    struct arena *const arena = reading->arena;
    if (references != NULL) {
        if (!recipe_read_column_of(arena, references, &table, &column, &actions, &reading->failed))
            return refuse(reading, RECIPE_REFERENCES, references);
        const char *const quoted = recipe_quote(arena, table.schema, table.name);
        const char *const inner = recipe_quote(arena, NULL, column);
        recipe_put(reading, "references",
                   quoted != NULL && inner != NULL
                       ? arena_printf(arena, "%s (%s)%s", quoted, inner, actions)
                       : NULL);
    }
    if (child == NULL)
        return true;
    if (!recipe_read_column_of(arena, child, &table, &column, &actions, &reading->failed))
        return refuse(reading, RECIPE_CHILD, child);
    recipe_put_quoted(reading, "child", table.schema, table.name);
    recipe_put_quoted(reading, "child_column", NULL, column);
    recipe_put(reading, "child_actions", actions);
    recipe_put_quoted(reading, "child_key", NULL, recipe_join(arena, table.name, column, "fkey"));
    recipe_put_quoted(reading, "child_new_key", NULL,
                      recipe_join(arena, table.name, column, "new_fkey"));
    return true;
}

/* A column twice, or one that takes its own place. */
static bool check_distinct(struct recipe_reading *reading)
{
    const struct recipe_names *const to = &reading->to;
    const char *same = NULL;
    for (size_t i = 0; i < to->count; i++) {
        for (size_t k = 0; k < i; k++)
            same = strcmp(to->items[i], to->items[k]) == 0 ? to->items[i] : same;
        for (size_t k = 0; k < reading->columns.count; k++)
            same = strcmp(to->items[i], reading->columns.items[k]) == 0 ? to->items[i] : same;
        if (reading->columns.count == 0 && strcmp(to->items[i], reading->table.name) == 0)
            same = to->items[i];
    }
    if (same == NULL)
        return true;
    const char *const shown = fs_printable(reading->arena, same);
    return shown == NULL ? err_nomem(reading->err)
                         : err_set(reading->err, ERR_USAGE,
                                   "\"%s\" is given twice: --to takes another name", shown);
}

bool recipe_read(struct arena *arena, const struct recipe *recipe, const struct recipe_words *words,
                 struct recipe_values *ret, struct err *err)
{
    struct recipe_reading reading = {
        .arena = arena, .recipe = recipe, .words = words, .values = ret, .err = err};
    *ret = (struct recipe_values){0};
    if (!check_given(recipe, words, err))
        return false;
    for (size_t i = 0; i < RECIPE_PARAMETERS; i++)
        ret->given |= words->given[i].count > 0 ? RECIPE_BIT(i) : 0;
    if (!read_objects(&reading) || !read_names(&reading, RECIPE_COLUMN, &reading.columns) ||
        !read_names(&reading, RECIPE_TO, &reading.to) || !check_distinct(&reading) ||
        !check_code(&reading, RECIPE_TYPE) || !check_code(&reading, RECIPE_EXPRESSION) ||
        !check_code(&reading, RECIPE_BACK) || !check_code(&reading, RECIPE_DEFAULT) ||
        !read_references(&reading))
        return false;
    const char *const type = recipe_first(&reading, RECIPE_TYPE);
    reading.type = type != NULL ? type : recipe->type;
    recipe_work_out(&reading);
    return !reading.failed || err_nomem(err);
}
