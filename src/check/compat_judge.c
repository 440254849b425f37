/* From what differs to verdicts. */
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "check/compat_parts.h"

static const char BREAKS[] = "compat-breaks", MAY_BREAK[] = "compat-may-break";

struct judging {
    struct arena *arena;
    const struct compat_use *use;
    const struct compat_reading *before, *after;
    struct compat_founds *founds;
    bool failed;
};

/* ---- telling ---- */

static void find(struct judging *judging, const char *rule, enum severity severity,
                 const char *what)
{
    if (what == NULL) {
        judging->failed = true;
        return;
    }
    for (size_t i = 0; i < judging->founds->count; i++)
        if (strcmp(judging->founds->items[i].what, what) == 0)
            return;
    struct compat_found *const found = arena_push(judging->arena, judging->founds);
    if (found != NULL)
        *found = (struct compat_found){.rule = rule, .severity = severity, .what = what};
    judging->failed |= found == NULL;
}

static const char *shown(struct judging *judging, const char *text)
{
    const char *const printable = fs_printable(judging->arena, text);
    judging->failed |= printable == NULL;
    return printable != NULL ? printable : "";
}

/* An identity ends with the name of what it is of. */
static const char *owner_name(const struct judging *judging, compat_owner owner)
{
    const struct compat_trait *trait =
        compat_trait_find(&judging->after->traits, owner, "identity", NULL);
    if (trait == NULL)
        trait = compat_trait_find(&judging->before->traits, owner, "identity", NULL);
    const char *const space = trait != NULL ? strchr(trait->value, ' ') : NULL;
    return space != NULL ? space + 1 : "it";
}

/* {o} the owner, {n} the name, {b} and {a} the values before and after. */
static const char *fill(struct judging *judging, const char *text,
                        const struct compat_change *change)
{
    CLEANUP(str_release) struct str out = {0};
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '{') {
            str_putc(&out, *c);
            continue;
        }
        const char *const value = c[1] == 'o'   ? owner_name(judging, change->owner)
                                  : c[1] == 'n' ? change->name
                                  : c[1] == 'b' ? change->before
                                                : change->after;
        str_puts(&out, shown(judging, value != NULL ? value : ""));
        c += 2;
    }
    return out.failed ? NULL : arena_strdup(judging->arena, str_text(&out));
}

/* ---- what a change means ---- */

static struct compat_matter matter_of(const struct judging *judging,
                                      const struct compat_reached *reached,
                                      const struct compat_change *change)
{
    return (struct compat_matter){&judging->before->traits, &judging->after->traits, judging->use,
                                  reached, change};
}

static void judge_change(struct judging *judging, const struct compat_reached *reached,
                         const struct compat_change *change)
{
    const struct compat_matter matter = matter_of(judging, reached, change);
    const char *text;
    for (size_t next = 0; (text = compat_meaning(&matter, &next)) != NULL;)
        find(judging, MAY_BREAK, SEVERITY_WARNING, fill(judging, text, change));
}

/* A column that has to be filled: a row without it is refused, unless a trigger fills it. */
static void judge_mandatory(struct judging *judging, const struct compat_reached *reached,
                            const struct compat_change *change)
{
    const struct compat_matter matter = matter_of(judging, reached, change);
    const struct compat_target *const target = reached->target;
    if (strcmp(change->kind, "mandatory") != 0 || change->after == NULL ||
        (reached->ops & USE_INSERTS) == 0 || !compat_is_omitted(&matter))
        return;
    const bool is_known = target != NULL && !target->any_columns &&
                          (target->lists_columns ? !compat_names_have(&target->given, change->name)
                                                 : !compat_was_there(&matter));
    const bool is_sure =
        is_known && reached->is_named &&
        compat_trait_find(&judging->after->traits, change->owner, "insert trigger", NULL) == NULL;
    find(judging, is_sure ? BREAKS : MAY_BREAK, is_sure ? SEVERITY_ERROR : SEVERITY_WARNING,
         fill(judging,
              "column \"{n}\" of {o} has to be given a value, and the statement gives none",
              change));
}

/* ---- what the statement comes to ---- */

static void judge_reached(struct judging *judging, const struct compat_reached *reached,
                          const struct compat_changes *changes)
{
    size_t low = 0, high = changes->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (changes->items[middle].owner < reached->owner)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < changes->count && changes->items[low].owner == reached->owner; low++) {
        judge_change(judging, reached, &changes->items[low]);
        judge_mandatory(judging, reached, &changes->items[low]);
    }
}

static bool add_functions(struct arena *arena, const struct judging *judging,
                          const struct compat_traits *traits, struct compat_reach *reach)
{
    for (size_t i = 0; i < traits->traits.count; i++) {
        const struct compat_trait *const trait = &traits->traits.items[i];
        const struct compat_reached from = {.owner = trait->owner, .ops = USE_ALL};
        if (strcmp(trait->kind, "called") == 0 &&
            compat_names_have(&judging->use->functions, trait->name) &&
            !compat_reach_add(arena, &judging->before->traits, &judging->after->traits, &from,
                              reach))
            return false;
    }
    return true;
}

static bool add_said(struct arena *arena, const struct judging *judging,
                     const struct compat_said *said, struct compat_reach *reach)
{
    const struct compat_traits *const before = &judging->before->traits;
    const struct compat_traits *const after = &judging->after->traits;
    for (size_t i = 0; i < judging->use->targets.count; i++) {
        const struct compat_target *const target = &judging->use->targets.items[i];
        const struct compat_reached from = {
            .owner = said->targets[i], .ops = target->ops, .target = target, .is_named = true};
        if (from.owner != 0 && !compat_reach_add(arena, before, after, &from, reach))
            return false;
    }
    for (size_t i = 0; i < said->parameter_count + said->column_count; i++) {
        const struct compat_reached from = {.owner = said->types[i],
                                            .ops =
                                                i < said->parameter_count ? USE_CHANGES : USE_READS,
                                            .is_named = true};
        if (!compat_reach_add(arena, before, after, &from, reach))
            return false;
    }
    return true;
}

static bool judge_traits(struct judging *judging, const struct compat_said *before,
                         const struct compat_said *after, const struct compat_changes *changes)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct compat_reach reach = {0};
    if (!add_said(&scratch, judging, before, &reach) ||
        !add_said(&scratch, judging, after, &reach) ||
        !add_functions(&scratch, judging, &judging->before->traits, &reach) ||
        !add_functions(&scratch, judging, &judging->after->traits, &reach))
        return false;
    for (size_t i = 0; i < reach.count; i++)
        judge_reached(judging, &reach.items[i], changes);
    return true;
}

/* ---- what the server says ---- */

static void judge_parameters(struct judging *judging, const struct compat_said *before,
                             const struct compat_said *after)
{
    for (size_t i = 0; i < before->parameter_count && i < after->parameter_count; i++)
        if (strcmp(before->parameters[i], after->parameters[i]) != 0)
            find(judging, MAY_BREAK, SEVERITY_WARNING,
                 arena_printf(judging->arena, "parameter $%zu is %s now, it was %s", i + 1,
                              shown(judging, after->parameters[i]),
                              shown(judging, before->parameters[i])));
}

static void judge_column(struct judging *judging, size_t number, const struct compat_column *before,
                         const struct compat_column *after)
{
    if (strcmp(before->name, after->name) != 0)
        find(judging, BREAKS, SEVERITY_ERROR,
             arena_printf(judging->arena, "column %zu of its result is \"%s\" now, it was \"%s\"",
                          number, shown(judging, after->name), shown(judging, before->name)));
    else if (strcmp(before->bare, after->bare) != 0)
        find(judging, MAY_BREAK, SEVERITY_WARNING,
             arena_printf(judging->arena, "column \"%s\" of its result is %s now, it was %s",
                          shown(judging, after->name), shown(judging, after->type),
                          shown(judging, before->type)));
}

static bool same_columns(const struct compat_said *before, const struct compat_said *after)
{
    bool same = before->column_count == after->column_count;
    for (size_t i = 0; same && i < before->column_count; i++)
        same = strcmp(before->columns[i].name, after->columns[i].name) == 0 &&
               strcmp(before->columns[i].type, after->columns[i].type) == 0;
    return same;
}

static void judge_columns(struct judging *judging, const struct compat_said *before,
                          const struct compat_said *after)
{
    for (size_t i = 0; i < before->column_count && i < after->column_count; i++)
        judge_column(judging, i + 1, &before->columns[i], &after->columns[i]);
    if (after->column_count < before->column_count)
        find(judging, BREAKS, SEVERITY_ERROR,
             arena_printf(judging->arena, "its result has %zu columns now, it had %zu",
                          after->column_count, before->column_count));
    if (after->column_count > before->column_count)
        find(judging, MAY_BREAK, SEVERITY_WARNING,
             arena_printf(judging->arena, "its result has %zu more columns",
                          after->column_count - before->column_count));
    if (!same_columns(before, after))
        find(judging, MAY_BREAK, SEVERITY_WARNING,
             arena_strdup(judging->arena,
                          "its result is another: connections that have it prepared get \"cached "
                          "plan must not change result type\" until they are made anew"));
}

bool compat_judge(struct arena *arena, const struct compat_use *use,
                  const struct compat_reading *before, const struct compat_reading *after,
                  const struct compat_changes *changes, size_t query, struct compat_founds *ret,
                  struct err *err)
{
    struct judging judging = {
        .arena = arena, .use = use, .before = before, .after = after, .founds = ret};
    const struct compat_said *const was = &before->said[query], *const is = &after->said[query];
    if (is->fails) {
        find(&judging, BREAKS, SEVERITY_ERROR,
             arena_printf(arena, "it fails: %s (SQLSTATE %s)", shown(&judging, is->message),
                          is->sqlstate));
        return !judging.failed || err_nomem(err);
    }
    judge_columns(&judging, was, is);
    judge_parameters(&judging, was, is);
    if (!judge_traits(&judging, was, is, changes) || judging.failed)
        return err_nomem(err);
    return true;
}
