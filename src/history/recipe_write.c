/* The texts of a recipe, with what was worked out in place of the placeholders. */
#include <string.h>

#include "history/recipe_parts.h"

static const char *value_of(const struct recipe_values *values, const char *name, size_t len)
{
    for (size_t i = 0; i < values->list.count; i++)
        if (strlen(values->list.items[i].name) == len &&
            memcmp(values->list.items[i].name, name, len) == 0)
            return values->list.items[i].text;
    return NULL;
}

/* A text of several lines keeps the indentation of the place that it stands in. */
static void append_value(const char *text, size_t indent, struct str *out)
{
    for (const char *c = text; *c != '\0'; c++) {
        str_putc(out, *c);
        for (size_t i = 0; *c == '\n' && i < indent; i++)
            str_putc(out, ' ');
    }
}

void recipe_fill(const struct recipe_values *values, const char *text, struct str *out)
{
    size_t line = 0;
    for (size_t i = 0; text[i] != '\0';) {
        const size_t len = text[i] == '{' ? strcspn(text + i + 1, "}") : 0;
        const char *const value = len > 0 ? value_of(values, text + i + 1, len) : NULL;
        if (value != NULL) {
            append_value(value, strspn(text + line, " "), out);
            i += len + 2;
            continue;
        }
        if (text[i] == '\n')
            line = i + 1;
        str_putc(out, text[i++]);
    }
}

static bool is_given(const struct recipe_values *values, struct span name)
{
    for (size_t i = 0; i < RECIPE_PARAMETERS; i++)
        if (span_is(name, recipe_parameter_name((enum recipe_parameter)i)))
            return (values->given & RECIPE_BIT(i)) != 0;
    return false;
}

/* A line "?child|..." is there where --child was given. */
static void write_lines(const struct recipe_values *values, const char *text, struct str *out)
{
    CLEANUP(str_release) struct str kept = {0};
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n") + (strchr(text, '\n') != NULL);
        const size_t name = text[0] == '?' ? strcspn(text, "|") : 0;
        if (name == 0)
            str_append(&kept, text, len);
        else if (is_given(values, (struct span){text + 1, name - 1}))
            str_append(&kept, text + name + 1, len - name - 1);
        text += len;
    }
    out->failed = out->failed || kept.failed;
    recipe_fill(values, str_text(&kept), out);
}

bool recipe_makes(const struct recipe_file *file, const struct recipe_values *values)
{
    return file->only_with == 0 || (file->only_with & values->given) != 0;
}

void recipe_write_slug(const struct recipe *recipe, const struct recipe_file *file,
                       const struct recipe_values *values, struct str *out)
{
    recipe_fill(values, recipe->title, out);
    str_printf(out, " %s", file->slug);
}

/* As a directive holds it, in double quotes. */
static void write_quoted(const struct recipe_values *values, const char *text, struct str *out)
{
    CLEANUP(str_release) struct str plain = {0};
    recipe_fill(values, text, &plain);
    out->failed = out->failed || plain.failed;
    str_putc(out, '"');
    for (const char *c = str_text(&plain); *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            str_putc(out, '\\');
        str_putc(out, *c);
    }
    str_putc(out, '"');
}

void recipe_write_file(const struct recipe *recipe, const struct recipe_file *file,
                       const struct recipe_values *values, const char *id, size_t step,
                       size_t steps, struct str *out)
{
    str_printf(out, "-- pawl: recipe=%s:%s:%zu/%zu\n", recipe->name, id, step, steps);
    if (file->verify != NULL) {
        str_puts(out, "-- pawl: kind=backfill table=");
        write_quoted(values, "{table}", out);
        str_puts(out, "\n-- pawl: verify=");
        write_quoted(values, file->verify, out);
        str_putc(out, '\n');
    }
    if (file->contract)
        str_puts(out, "-- pawl: phase=contract\n");
    if (file->no_transaction)
        str_puts(out, "-- pawl: no-transaction\n");
    if (file->head != NULL)
        str_printf(out, "-- pawl: %s\n", file->head);
    write_lines(values, file->text, out);
}
