/* What follows from what a recipe is told: the values of its placeholders. */
#include <string.h>

#include "history/recipe_parts.h"

void recipe_put(struct recipe_reading *reading, const char *name, const char *text)
{
    struct recipe_value *const value = arena_push(reading->arena, &reading->values->list);
    reading->failed = reading->failed || value == NULL || text == NULL;
    if (value != NULL)
        *value = (struct recipe_value){name, text};
}

void recipe_push(struct recipe_reading *reading, struct recipe_names *names, const char *text)
{
    const char **const item = arena_push(reading->arena, names);
    reading->failed = reading->failed || item == NULL || text == NULL;
    if (item != NULL)
        *item = text;
}

void recipe_put_quoted(struct recipe_reading *reading, const char *name, const char *schema,
                       const char *text)
{
    recipe_put(reading, name, text != NULL ? recipe_quote(reading->arena, schema, text) : NULL);
}

void recipe_put_literal(struct recipe_reading *reading, const char *name, const char *schema,
                        const char *text)
{
    const char *const quoted = text != NULL ? recipe_quote(reading->arena, schema, text) : NULL;
    recipe_put(reading, name, quoted != NULL ? recipe_literal(reading->arena, quoted) : NULL);
}

const char *recipe_first(const struct recipe_reading *reading, enum recipe_parameter parameter)
{
    return reading->words->given[parameter].count > 0 ? reading->words->given[parameter].items[0]
                                                      : NULL;
}

/* How a list is made: each part of one column, with what stands between two. */
enum part { PART_NAME, PART_NEW, PART_OLD, PART_GIVEN, PART_ADD, PART_SET, PART_FILL, PART_VALUE };

static const struct list {
    const char *name;
    enum part part;
    const char *between;
} lists[] = {
    {"tos", PART_NAME, ", "},  {"new", PART_NEW, ", "},
    {"old", PART_OLD, ", "},   {"given", PART_GIVEN, " OR "},
    {"add", PART_ADD, ", "},   {"set", PART_SET, ", "},
    {"fill", PART_FILL, "\n"}, {"expressions_new", PART_VALUE, ", "},
};

/* The expression with the columns of NEW. Its text stays as it is, and so means the same as in an
 * UPDATE. A plain column is read from NEW itself. */
static const char *of_new(struct recipe_reading *reading, const char *expression, bool plain)
{
    return plain ? arena_printf(reading->arena, "NEW.%s", expression)
                 : arena_printf(reading->arena, "(SELECT %s FROM (SELECT NEW.*) AS new_row)",
                                expression);
}

static void append_part(struct recipe_reading *reading, enum part part, size_t which,
                        struct str *out)
{
    const char *const to = recipe_quote(reading->arena, NULL, reading->to.items[which]);
    const char *const expression = reading->expressions.items[which];
    const bool plain =
        recipe_first(reading, RECIPE_EXPRESSION) == NULL && reading->recipe->expression == NULL;
    const char *const new_value = of_new(reading, expression, plain);
    if (to == NULL || new_value == NULL)
        out->failed = true;
    else if (part == PART_ADD)
        str_printf(out, "ADD COLUMN %s %s", to, reading->type);
    else if (part == PART_SET)
        str_printf(out, "%s = %s", to, expression);
    else if (part == PART_FILL)
        str_printf(out, "NEW.%s := %s;", to, new_value);
    else if (part == PART_VALUE)
        str_puts(out, new_value);
    else
        str_printf(out, "%s%s%s",
                   part == PART_NAME  ? ""
                   : part == PART_OLD ? "OLD."
                                      : "NEW.",
                   to, part == PART_GIVEN ? " IS NOT NULL" : "");
}

static void put_lists(struct recipe_reading *reading)
{
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        CLEANUP(str_release) struct str out = {0};
        for (size_t k = 0; k < reading->to.count; k++) {
            str_puts(&out, k > 0 ? lists[i].between : "");
            append_part(reading, lists[i].part, k, &out);
        }
        recipe_put(reading, lists[i].name,
                   out.failed ? NULL : arena_strndup(reading->arena, str_text(&out), out.len));
    }
}

static const char *filled(struct recipe_reading *reading, const char *text)
{
    CLEANUP(str_release) struct str out = {0};
    recipe_fill(reading->values, text, &out);
    return out.failed ? NULL : arena_strndup(reading->arena, str_text(&out), out.len);
}

static void put_expressions(struct recipe_reading *reading, const char *column)
{
    const struct recipe *const recipe = reading->recipe;
    const char *const back = recipe_first(reading, RECIPE_BACK);
    const char *plain = recipe_quote(reading->arena, NULL, column);
    if (recipe->expression != NULL)
        plain = filled(reading, recipe->expression);
    for (size_t i = 0; i < reading->to.count; i++)
        recipe_push(reading, &reading->expressions,
                    i < reading->words->given[RECIPE_EXPRESSION].count
                        ? reading->words->given[RECIPE_EXPRESSION].items[i]
                        : plain);
    if (reading->failed || reading->to.count == 0)
        return;
    const char *const first = recipe_quote(reading->arena, NULL, reading->to.items[0]);
    recipe_put(reading, "expression", reading->expressions.items[0]);
    recipe_put(reading, "back", back != NULL ? arena_printf(reading->arena, "(%s)", back) : first);
    recipe_put(reading, "back_new",
               first != NULL ? of_new(reading, back != NULL ? back : first, back == NULL) : NULL);
    put_lists(reading);
}

/* A few letters of it: a file's name is for people. */
static void put_slug(struct recipe_reading *reading, const char *name, const char *text)
{
    enum { SLUG_NAME_BYTES = 24 };
    recipe_put(reading, name, arena_strndup(reading->arena, text, strnlen(text, SLUG_NAME_BYTES)));
}

static void put_table_names(struct recipe_reading *reading)
{
    const struct recipe_name *const table = &reading->table;
    const char *const dropped = recipe_join(reading->arena, table->name, NULL, "dropped");
    recipe_put_quoted(reading, "table", table->schema, table->name);
    recipe_put_literal(reading, "table_text", table->schema, table->name);
    put_slug(reading, "slug_table", table->name);
    recipe_put_quoted(reading, "primary_key", NULL,
                      recipe_join(reading->arena, table->name, NULL, "pkey"));
    recipe_put_quoted(reading, "dropped_name", NULL, dropped);
    recipe_put_quoted(reading, "dropped", table->schema, dropped);
}

static void put_column_names(struct recipe_reading *reading, const char *column)
{
    struct arena *const arena = reading->arena;
    const struct recipe_name *const table = &reading->table;
    const char *const named = arena_printf(arena, "zz_%s", column);
    const char *const sequence = recipe_join(arena, table->name, column, "seq");
    const char *const function = recipe_join(arena, table->name, column, "pawl_sync");
    put_slug(reading, "slug_column", column);
    recipe_put_quoted(reading, "column", NULL, column);
    recipe_put_quoted(reading, "column_old", NULL, recipe_join(arena, column, NULL, "old"));
    recipe_put_quoted(reading, "function", table->schema, function);
    recipe_put_quoted(reading, "trigger", NULL,
                      named != NULL ? recipe_join(arena, named, NULL, "pawl_sync") : NULL);
    recipe_put_quoted(reading, "unique", NULL, recipe_join(arena, table->name, column, "key"));
    recipe_put_quoted(reading, "foreign_key", NULL,
                      recipe_join(arena, table->name, column, "fkey"));
    if (recipe_first(reading, RECIPE_SEQUENCE) == NULL) {
        recipe_put_quoted(reading, "sequence", table->schema, sequence);
        recipe_put_literal(reading, "sequence_text", table->schema, sequence);
    }
}

static void put_columns(struct recipe_reading *reading)
{
    CLEANUP(str_release) struct str list = {0};
    for (size_t i = 0; i < reading->columns.count; i++) {
        const char *const quoted = recipe_quote(reading->arena, NULL, reading->columns.items[i]);
        reading->failed = reading->failed || quoted == NULL;
        str_printf(&list, "%s%s", i > 0 ? ", " : "", quoted != NULL ? quoted : "");
    }
    recipe_put(reading, "columns",
               list.failed ? NULL : arena_strndup(reading->arena, str_text(&list), list.len));
}

static void put_to(struct recipe_reading *reading)
{
    const struct recipe_name *const table = &reading->table;
    if (reading->to.count == 0 && reading->columns.count > 0)
        recipe_push(
            reading, &reading->to,
            reading->recipe->to != NULL
                ? recipe_join(reading->arena, reading->columns.items[0], NULL, reading->recipe->to)
                : reading->columns.items[0]);
    if (reading->failed || reading->to.count == 0)
        return;
    const char *const to = reading->to.items[0];
    put_slug(reading, "slug_to", to);
    recipe_put_quoted(reading, "to", NULL, to);
    recipe_put_quoted(reading, "index", NULL, recipe_join(reading->arena, table->name, to, "idx"));
    recipe_put_quoted(reading, "check", NULL,
                      recipe_join(reading->arena, table->name, to, "is_set"));
    recipe_put_quoted(reading, "renamed", table->schema, to);
    recipe_put_literal(reading, "renamed_text", table->schema, to);
}

void recipe_work_out(struct recipe_reading *reading)
{
    const char *const set = recipe_first(reading, RECIPE_DEFAULT);
    recipe_put(reading, "type", reading->type != NULL ? reading->type : "");
    recipe_put(reading, "default", set != NULL ? set : "");
    put_table_names(reading);
    put_to(reading);
    if (reading->failed || reading->columns.count == 0)
        return;
    put_column_names(reading, reading->columns.items[0]);
    put_columns(reading);
    put_expressions(reading, reading->columns.items[0]);
}
