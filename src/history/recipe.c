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

struct names {
    const char **items; /* without quotes */
    size_t count, capacity;
};

struct reading {
    struct arena *arena;
    const struct recipe *recipe;
    const struct recipe_words *words;
    struct recipe_values *values;
    struct err *err;
    bool failed; /* memory is out */
    struct recipe_name table;
    struct names columns, to;
    struct names expressions; /* one for each column that is written, as SQL */
    const char *type;
};

static bool refuse(struct reading *reading, enum recipe_parameter parameter, const char *text)
{
    const char *const shown = fs_printable(reading->arena, text);
    if (shown == NULL || reading->failed)
        return err_nomem(reading->err);
    (void)err_set(reading->err, ERR_USAGE, "--%s takes %s, not \"%s\"", parameters[parameter].name,
                  form_words[parameters[parameter].form], shown);
    return hint_usage(reading->recipe, reading->err);
}

static void put(struct reading *reading, const char *name, const char *text)
{
    struct recipe_value *const value = arena_push(reading->arena, &reading->values->list);
    reading->failed = reading->failed || value == NULL || text == NULL;
    if (value != NULL)
        *value = (struct recipe_value){name, text};
}

static void push(struct reading *reading, struct names *names, const char *text)
{
    const char **const item = arena_push(reading->arena, names);
    reading->failed = reading->failed || item == NULL || text == NULL;
    if (item != NULL)
        *item = text;
}

static void put_quoted(struct reading *reading, const char *name, const char *schema,
                       const char *text)
{
    put(reading, name, text != NULL ? recipe_quote(reading->arena, schema, text) : NULL);
}

/* The same name in quotes, where the server asks for a constant. */
static void put_literal(struct reading *reading, const char *name, const char *schema,
                        const char *text)
{
    const char *const quoted = text != NULL ? recipe_quote(reading->arena, schema, text) : NULL;
    put(reading, name, quoted != NULL ? recipe_literal(reading->arena, quoted) : NULL);
}

static bool read_names(struct reading *reading, enum recipe_parameter parameter,
                       struct names *names)
{
    for (size_t i = 0; i < reading->words->given[parameter].count; i++) {
        const char *const text = reading->words->given[parameter].items[i];
        struct recipe_name name;
        if (!recipe_read_name(reading->arena, text, false, &name, &reading->failed))
            return refuse(reading, parameter, text);
        push(reading, names, name.name);
    }
    return true;
}

static const char *first_of(const struct reading *reading, enum recipe_parameter parameter)
{
    return reading->words->given[parameter].count > 0 ? reading->words->given[parameter].items[0]
                                                      : NULL;
}

static bool check_code(struct reading *reading, enum recipe_parameter parameter)
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

static bool read_objects(struct reading *reading)
{
    struct recipe_name sequence;
    const char *const table = first_of(reading, RECIPE_TABLE);
    const char *const given = first_of(reading, RECIPE_SEQUENCE);
    if (!recipe_read_name(reading->arena, table, true, &reading->table, &reading->failed))
        return refuse(reading, RECIPE_TABLE, table);
    if (given == NULL)
        return true;
    if (!recipe_read_name(reading->arena, given, true, &sequence, &reading->failed))
        return refuse(reading, RECIPE_SEQUENCE, given);
    put_quoted(reading, "sequence", sequence.schema, sequence.name);
    put_literal(reading, "sequence_text", sequence.schema, sequence.name);
    return true;
}

static bool read_references(struct reading *reading)
{
    struct recipe_name table;
    const char *column, *actions;
    const char *const references = first_of(reading, RECIPE_REFERENCES);
    const char *const child = first_of(reading, RECIPE_CHILD);
    struct arena *const arena = reading->arena;
    if (references != NULL) {
        if (!recipe_read_column_of(arena, references, &table, &column, &actions, &reading->failed))
            return refuse(reading, RECIPE_REFERENCES, references);
        const char *const quoted = recipe_quote(arena, table.schema, table.name);
        const char *const inner = recipe_quote(arena, NULL, column);
        put(reading, "references",
            quoted != NULL && inner != NULL
                ? arena_printf(arena, "%s (%s)%s", quoted, inner, actions)
                : NULL);
    }
    if (child == NULL)
        return true;
    if (!recipe_read_column_of(arena, child, &table, &column, &actions, &reading->failed))
        return refuse(reading, RECIPE_CHILD, child);
    put_quoted(reading, "child", table.schema, table.name);
    put_quoted(reading, "child_column", NULL, column);
    put(reading, "child_actions", actions);
    put_quoted(reading, "child_key", NULL, recipe_join(arena, table.name, column, "fkey"));
    put_quoted(reading, "child_new_key", NULL, recipe_join(arena, table.name, column, "new_fkey"));
    return true;
}

/* ---- what follows from it ---- */

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
static const char *of_new(struct reading *reading, const char *expression, bool plain)
{
    return plain ? arena_printf(reading->arena, "NEW.%s", expression)
                 : arena_printf(reading->arena, "(SELECT %s FROM (SELECT NEW.*) AS new_row)",
                                expression);
}

static void append_part(struct reading *reading, enum part part, size_t which, struct str *out)
{
    const char *const to = recipe_quote(reading->arena, NULL, reading->to.items[which]);
    const char *const expression = reading->expressions.items[which];
    const bool plain =
        first_of(reading, RECIPE_EXPRESSION) == NULL && reading->recipe->expression == NULL;
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

static void put_lists(struct reading *reading)
{
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        CLEANUP(str_release) struct str out = {0};
        for (size_t k = 0; k < reading->to.count; k++) {
            str_puts(&out, k > 0 ? lists[i].between : "");
            append_part(reading, lists[i].part, k, &out);
        }
        put(reading, lists[i].name,
            out.failed ? NULL : arena_strndup(reading->arena, str_text(&out), out.len));
    }
}

static const char *filled(struct reading *reading, const char *text)
{
    CLEANUP(str_release) struct str out = {0};
    recipe_fill(reading->values, text, &out);
    return out.failed ? NULL : arena_strndup(reading->arena, str_text(&out), out.len);
}

static void put_expressions(struct reading *reading, const char *column)
{
    const struct recipe *const recipe = reading->recipe;
    const char *const back = first_of(reading, RECIPE_BACK);
    const char *plain = recipe_quote(reading->arena, NULL, column);
    if (recipe->expression != NULL)
        plain = filled(reading, recipe->expression);
    for (size_t i = 0; i < reading->to.count; i++)
        push(reading, &reading->expressions,
             i < reading->words->given[RECIPE_EXPRESSION].count
                 ? reading->words->given[RECIPE_EXPRESSION].items[i]
                 : plain);
    if (reading->failed || reading->to.count == 0)
        return;
    const char *const first = recipe_quote(reading->arena, NULL, reading->to.items[0]);
    put(reading, "expression", reading->expressions.items[0]);
    put(reading, "back", back != NULL ? arena_printf(reading->arena, "(%s)", back) : first);
    put(reading, "back_new",
        first != NULL ? of_new(reading, back != NULL ? back : first, back == NULL) : NULL);
    put_lists(reading);
}

/* A few letters of it: a file's name is for people. */
static void put_slug(struct reading *reading, const char *name, const char *text)
{
    enum { SLUG_NAME_BYTES = 24 };
    put(reading, name, arena_strndup(reading->arena, text, strnlen(text, SLUG_NAME_BYTES)));
}

static void put_table_names(struct reading *reading)
{
    const struct recipe_name *const table = &reading->table;
    const char *const dropped = recipe_join(reading->arena, table->name, NULL, "dropped");
    put_quoted(reading, "table", table->schema, table->name);
    put_literal(reading, "table_text", table->schema, table->name);
    put_slug(reading, "slug_table", table->name);
    put_quoted(reading, "primary_key", NULL,
               recipe_join(reading->arena, table->name, NULL, "pkey"));
    put_quoted(reading, "dropped_name", NULL, dropped);
    put_quoted(reading, "dropped", table->schema, dropped);
}

static void put_column_names(struct reading *reading, const char *column)
{
    struct arena *const arena = reading->arena;
    const struct recipe_name *const table = &reading->table;
    const char *const named = arena_printf(arena, "zz_%s", column);
    const char *const sequence = recipe_join(arena, table->name, column, "seq");
    const char *const function = recipe_join(arena, table->name, column, "pawl_sync");
    put_slug(reading, "slug_column", column);
    put_quoted(reading, "column", NULL, column);
    put_quoted(reading, "column_old", NULL, recipe_join(arena, column, NULL, "old"));
    put_quoted(reading, "function", table->schema, function);
    put_quoted(reading, "trigger", NULL,
               named != NULL ? recipe_join(arena, named, NULL, "pawl_sync") : NULL);
    put_quoted(reading, "unique", NULL, recipe_join(arena, table->name, column, "key"));
    put_quoted(reading, "foreign_key", NULL, recipe_join(arena, table->name, column, "fkey"));
    if (first_of(reading, RECIPE_SEQUENCE) == NULL) {
        put_quoted(reading, "sequence", table->schema, sequence);
        put_literal(reading, "sequence_text", table->schema, sequence);
    }
}

static void put_columns(struct reading *reading)
{
    CLEANUP(str_release) struct str list = {0};
    for (size_t i = 0; i < reading->columns.count; i++) {
        const char *const quoted = recipe_quote(reading->arena, NULL, reading->columns.items[i]);
        reading->failed = reading->failed || quoted == NULL;
        str_printf(&list, "%s%s", i > 0 ? ", " : "", quoted != NULL ? quoted : "");
    }
    put(reading, "columns",
        list.failed ? NULL : arena_strndup(reading->arena, str_text(&list), list.len));
}

static void put_to(struct reading *reading)
{
    const struct recipe_name *const table = &reading->table;
    if (reading->to.count == 0 && reading->columns.count > 0)
        push(reading, &reading->to,
             reading->recipe->to != NULL
                 ? recipe_join(reading->arena, reading->columns.items[0], NULL, reading->recipe->to)
                 : reading->columns.items[0]);
    if (reading->failed || reading->to.count == 0)
        return;
    const char *const to = reading->to.items[0];
    put_slug(reading, "slug_to", to);
    put_quoted(reading, "to", NULL, to);
    put_quoted(reading, "index", NULL, recipe_join(reading->arena, table->name, to, "idx"));
    put_quoted(reading, "check", NULL, recipe_join(reading->arena, table->name, to, "is_set"));
    put_quoted(reading, "renamed", table->schema, to);
    put_literal(reading, "renamed_text", table->schema, to);
}

/* A column twice, or one that takes its own place. */
static bool check_distinct(struct reading *reading)
{
    const struct names *const to = &reading->to;
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
    struct reading reading = {
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
    const char *const type = first_of(&reading, RECIPE_TYPE);
    const char *const set = first_of(&reading, RECIPE_DEFAULT);
    reading.type = type != NULL ? type : recipe->type;
    put(&reading, "type", reading.type != NULL ? reading.type : "");
    put(&reading, "default", set != NULL ? set : "");
    put_table_names(&reading);
    put_to(&reading);
    if (!reading.failed && reading.columns.count > 0) {
        put_column_names(&reading, reading.columns.items[0]);
        put_columns(&reading);
        put_expressions(&reading, reading.columns.items[0]);
    }
    return !reading.failed || err_nomem(err);
}
