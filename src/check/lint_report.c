/* Findings of the rules, at their place in the file. */
#include <stdarg.h>
#include <string.h>

#include "base/fs.h"
#include "check/lint.h"
#include "check/place.h"
#include "sql/identifier.h"

/* The line of the file that the byte is on, "" for one that is not to be shown; NULL when memory is
 * out. */
static const char *line_at(struct arena *arena, const struct lint_spot *spot)
{
    size_t len;
    const char *const line = place_line(spot->migration, spot->statement.text.at + spot->at, &len);
    return arena_strndup(arena, line, len);
}

/* Behind the sentence: the function that does it, and the line of its body. */
static const char *with_function(struct lint *lint, const char *what)
{
    const struct function_place *const by = lint->by;
    if (what == NULL || by == NULL || by->function == NULL)
        return what;
    const struct migration *const migration = by->source;
    if (migration == NULL)
        return arena_printf(lint->scratch, "%s (in function %s)", what, by->function);
    int line, column;
    sql_position(migration->text + migration->forward_offset, by->offset, &line, &column);
    place_in_file(migration, &line, &column);
    const bool here = migration == lint->migration;
    return arena_printf(lint->scratch, "%s (in function %s, line %d%s%s)", what, by->function, line,
                        here ? "" : " of ", here ? "" : migration->path);
}

/* Names in the sentence are those of the file, and may hold any byte. */
static void report(struct lint *lint, const struct rule *rule, const struct place *place,
                   const char *what, const char *fix)
{
    const char *const whole = with_function(lint, what);
    const char *const shown = whole != NULL ? fs_printable(lint->scratch, whole) : NULL;
    if (shown == NULL || fix == NULL || place->excerpt == NULL)
        lint->findings->failed = true;
    else
        finding_add(lint->arena, lint->findings,
                    &(struct finding){
                        .rule = rule->id,
                        .severity = rule->severity,
                        .file = place->file,
                        .line = place->line,
                        .column = place->column,
                        .what = shown,
                        .fix = fix,
                        .excerpt = place->excerpt[0] != '\0' ? place->excerpt : NULL,
                    });
}

/* Where the parser does not know where something stands (-1), its statement does. */
struct lint_spot lint_spot_at(const struct lint *lint, int at)
{
    const int place = lint->inside != NULL ? inner_place_of(*lint->inside, at) : at;
    return (struct lint_spot){lint->migration, *lint->statement, place > 0 ? place : 0};
}

static struct place place_of(struct arena *arena, const struct lint_spot *spot)
{
    struct place place = {.file = spot->migration->path};
    place_of_byte(spot->migration, &spot->statement, (size_t)spot->at, &place.line, &place.column);
    place.excerpt = line_at(arena, spot);
    return place;
}

static struct place place_at(struct arena *arena, const struct lint *lint, int at)
{
    const struct lint_spot spot = lint_spot_at(lint, at);
    return place_of(arena, &spot);
}

struct place lint_place(struct lint *lint, int at)
{
    return place_at(lint->walk.arena, lint, at);
}

void lint_report(struct lint *lint, const struct rule *rule, int at, const char *format, ...)
{
    const struct place place = place_at(lint->scratch, lint, at);
    va_list args;
    va_start(args, format);
    report(lint, rule, &place, arena_vprintf(lint->scratch, format, args), rule->fix);
    va_end(args);
}

void lint_report_act(struct lint *lint, const struct rule *rule, const struct act *act,
                     const char *format, ...)
{
    const struct place place = place_at(lint->scratch, lint, act->at);
    va_list args;
    lint->by = &act->by;
    va_start(args, format);
    report(lint, rule, &place, arena_vprintf(lint->scratch, format, args), rule->fix);
    va_end(args);
    lint->by = NULL;
}

void lint_report_place(struct lint *lint, const struct rule *rule, const struct place *place,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(lint, rule, place, arena_vprintf(lint->scratch, format, args), rule->fix);
    va_end(args);
}

/* The rule's sentence with the name in place of "{}". */
static const char *sentence(struct arena *arena, const char *what, const char *name)
{
    const char *const gap = strstr(what, "{}");
    if (gap == NULL)
        return what;
    return arena_printf(arena, "%.*s%s%s", (int)(gap - what), what, name != NULL ? name : "it",
                        gap + strlen("{}"));
}

void lint_report_name(struct lint *lint, const struct rule *rule, int at, const char *name)
{
    const struct place place = place_at(lint->scratch, lint, at);
    report(lint, rule, &place, sentence(lint->scratch, rule->what, name), rule->fix);
}

/* ---- the recipe in place of it ---- */

/* As one word of a shell. False for a name that is not worth the quoting. */
static bool put_word(struct str *out, const char *name)
{
    bool plain = true;
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '\'' || *at < ' ')
            return false;
        plain = plain && (ascii_letter(*at) || ascii_digit(*at) || *at == '_' || *at == '.');
    }
    str_printf(out, plain ? "%s" : "'%s'", name);
    return true;
}

/* "people" of public.people. SET SCHEMA has no recipe, and what is quoted is not taken apart. */
static bool put_new_table(struct str *out, const struct act *act)
{
    const char *const name = act->new_name;
    if (act->form != form_of(FORM_RENAME_RELATION) || name == NULL || strchr(name, '"') != NULL)
        return false;
    const char *const dot = strrchr(name, '.');
    return put_word(out, dot != NULL ? dot + 1 : name);
}

/* act->name is SQL as it is, what belongs to it a plain name. */
static bool put_name(struct str *out, const struct act *act, struct span gap)
{
    CLEANUP(str_release) struct str name = {0};
    if (span_is(gap, "{table}"))
        return act->name != NULL && put_word(out, act->name);
    if (span_is(gap, "{new}"))
        return put_new_table(out, act);
    const char *const plain = span_is(gap, "{column}") ? act->part : act->new_name;
    if (plain == NULL)
        return false;
    identifier_append(&name, (struct span){plain, strlen(plain)});
    return !name.failed && put_word(out, str_text(&name));
}

static bool put_recipe(struct str *out, const char *recipe, const struct act *act)
{
    while (*recipe != '\0') {
        const size_t text = strcspn(recipe, "{");
        str_append(out, recipe, text);
        recipe += text;
        const struct span gap = {recipe, strcspn(recipe, "}") + (*recipe != '\0')};
        if (gap.len > 0 && !put_name(out, act, gap))
            return false;
        recipe += gap.len;
    }
    return true;
}

/* NULL when memory is out. */
static const char *fix_of(struct lint *lint, const struct rule *rule, const struct act *act)
{
    CLEANUP(str_release) struct str recipe = {0};
    if (rule->recipe == NULL || !put_recipe(&recipe, rule->recipe, act))
        return rule->fix;
    return recipe.failed
               ? NULL
               : arena_printf(lint->scratch, "%s `pawl new --recipe %s` writes these migrations.",
                              rule->fix, str_text(&recipe));
}

void lint_report_form(struct lint *lint, const struct rule *rule, const struct act *act)
{
    const struct place place = place_at(lint->scratch, lint, act->at);
    lint->by = &act->by;
    report(lint, rule, &place, sentence(lint->scratch, rule->what, act->name),
           fix_of(lint, rule, act));
    lint->by = NULL;
}

void lint_report_spot(struct lint *lint, const struct rule *rule, const struct lint_spot *spot,
                      const char *format, ...)
{
    const struct place place = place_of(lint->scratch, spot);
    va_list args;
    va_start(args, format);
    report(lint, rule, &place, arena_vprintf(lint->scratch, format, args), rule->fix);
    va_end(args);
}
