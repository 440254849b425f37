/* What a change of something means to a statement that comes to it: a table. */
#include <string.h>

#include "check/compat_parts.h"

typedef bool matters_fn(const struct compat_matter *matter);

static bool is_named(const struct compat_matter *m)
{
    return compat_names_have(&m->use->columns, m->change->name) ||
           (m->reached->target != NULL &&
            compat_names_have(&m->reached->target->set, m->change->name));
}

bool compat_was_there(const struct compat_matter *m)
{
    return compat_trait_find(m->before, m->change->owner, "column", m->change->name) != NULL;
}

static bool is_there(const struct compat_matter *m)
{
    return compat_trait_find(m->after, m->change->owner, "column", m->change->name) != NULL;
}

/* Whether an INSERT without a list of columns comes to that one with its values. One that was made
 * since is behind them, or the server would have something to say. */
static bool is_in_place(const struct compat_matter *m, const struct compat_target *target)
{
    const struct compat_traits *const before = m->before;
    const struct compat_trait *const own =
        compat_trait_find(before, m->change->owner, "number", m->change->name);
    size_t place = 1;
    if (own == NULL || target->value_count == 0)
        return own != NULL;
    for (size_t i = 0; i < before->traits.count; i++) {
        const struct compat_trait *const other = &before->traits.items[i];
        place += other->owner == own->owner && strcmp(other->kind, "number") == 0 &&
                 strtol(other->value, NULL, 10) < strtol(own->value, NULL, 10);
    }
    return place <= target->value_count;
}

/* Whether the statement gives the column a value, as far as anybody can tell. */
static bool is_given(const struct compat_matter *m)
{
    const struct compat_target *const target = m->reached->target;
    return target == NULL || target->any_columns ||
           ((m->reached->ops & USE_INSERTS) != 0 && !target->lists_columns &&
            is_in_place(m, target)) ||
           compat_names_have(&target->given, m->change->name) ||
           compat_names_have(&target->set, m->change->name);
}

/* Whether an INSERT leaves the column to its default, likewise. */
bool compat_is_omitted(const struct compat_matter *m)
{
    const struct compat_target *const target = m->reached->target;
    if (target == NULL || target->any_columns || m->use->defaults)
        return true;
    return target->lists_columns ? !compat_names_have(&target->given, m->change->name)
                                 : target->value_count == 0 || !is_in_place(m, target);
}

/* A new column's default is nobody's loss, but a sequence asks for rights. */
static bool is_defaulted(const struct compat_matter *m)
{
    return compat_is_omitted(m) && is_there(m) &&
           (compat_was_there(m) ||
            (m->change->after != NULL && strstr(m->change->after, "nextval(") != NULL));
}

static bool is_changed_identity(const struct compat_matter *m)
{
    return m->reached->in_function != 0 || m->change->owner >> 32 == 'f';
}

/* The text of the function that leads there has that word, or may mean any. */
static bool is_in_function(const struct compat_matter *m)
{
    const compat_owner function = m->reached->in_function;
    return function != 0 &&
           (m->reached->star || compat_trait_find(m->before, function, "word", m->change->name) ||
            compat_trait_find(m->after, function, "word", m->change->name));
}

static bool has_row_of(const struct compat_use *use, const struct compat_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (compat_names_have(&use->rows, names->items[i]))
            return true;
    return false;
}

/* The row as a whole, by the name of its table. */
static bool is_whole_row(const struct compat_use *use)
{
    return use->row_star || has_row_of(use, &use->labels) ||
           (use->star && has_row_of(use, &use->parts));
}

static bool is_new_name(const struct compat_matter *m)
{
    return m->use->natural || compat_names_have(&m->use->columns, m->change->name) ||
           is_whole_row(m->use) || is_in_function(m);
}

static bool is_gone_column(const struct compat_matter *m)
{
    const struct compat_target *const target = m->reached->target;
    const bool by_place =
        (m->reached->ops & USE_INSERTS) != 0 && target != NULL && !target->lists_columns;
    return is_in_function(m) || by_place || m->use->star || m->use->natural || is_named(m) ||
           is_whole_row(m->use);
}

/* "character varying(20)" to "character varying(40)" or to no limit, and to text. */
static bool widens(const char *before, const char *after)
{
    static const char varying[] = "character varying";
    const size_t len = strlen(varying);
    if (strncmp(before, varying, len) != 0 || (before[len] != '(' && before[len] != '\0'))
        return false;
    if (strcmp(after, "text") == 0 || strcmp(after, varying) == 0)
        return true;
    if (before[len] != '(' || strncmp(after, varying, len) != 0 || after[len] != '(')
        return false;
    char *old_end, *new_end; /* behind them is a collation */
    const long old = strtol(before + len + 1, &old_end, 10);
    return strtol(after + len + 1, &new_end, 10) >= old && strcmp(old_end, new_end) == 0;
}

static bool is_other_type(const struct compat_matter *m)
{
    if (m->reached->in_function != 0)
        return is_in_function(m);
    return !widens(m->change->before, m->change->after) &&
           (m->reached->target == NULL || m->use->star || is_named(m) || is_whole_row(m->use) ||
            ((m->reached->ops & USE_CHANGES) != 0 && is_given(m)));
}

static bool is_read(const struct compat_matter *m)
{
    return m->reached->target == NULL || m->use->star || is_named(m) || is_whole_row(m->use);
}

/* The statement takes or gives values of that type. */
static bool is_of_type(const struct compat_matter *m)
{
    return m->reached->is_named || (m->reached->in_function != 0 && m->reached->via == 0) ||
           (m->reached->in_function == 0 && is_whole_row(m->use));
}

/* Likewise, or it names a column of such a type: values may be read or made in another form. */
static bool names_type(const struct compat_matter *m)
{
    const struct compat_traits *const sides[] = {m->before, m->after};
    struct compat_change column = *m->change;
    const struct compat_matter of_column = {m->before, m->after, m->use, m->reached, &column};
    if (is_of_type(m))
        return true;
    for (size_t s = 0; s < COUNT_OF(sides); s++)
        for (size_t i = 0; i < sides[s]->traits.count; i++) {
            const struct compat_trait *const trait = &sides[s]->traits.items[i];
            column.name = trait->name;
            if (trait->owner == m->reached->via && strcmp(trait->kind, "typed") == 0 &&
                (is_in_function(&of_column) ||
                 (m->reached->in_function == 0 && is_read(&of_column))))
                return true;
        }
    return false;
}

/* Of a column's type that the statement neither takes nor gives, nobody sees which one it is. */
static bool is_met(const struct compat_matter *m)
{
    return m->change->owner >> 32 != 't' || is_of_type(m);
}

static bool is_conflict(const struct compat_matter *m)
{
    return m->reached->target == NULL || m->reached->target->conflicts;
}

static bool has_action(const struct compat_matter *m)
{
    return strstr(m->change->name, " ON DELETE ") != NULL ||
           strstr(m->change->name, " ON UPDATE ") != NULL;
}

/* A trigger may fill any column, and a generated one follows others. */
static bool may_change(const struct compat_matter *m, const char *column)
{
    const struct compat_traits *const after = m->after;
    return compat_names_have(&m->reached->target->set, column) ||
           compat_trait_find(after, m->change->owner, "update trigger", NULL) != NULL ||
           compat_trait_find(after, m->change->owner, "generated", column) != NULL;
}

/* What an INSERT leaves out and nothing else fills. */
static bool is_null(const struct compat_matter *m, const char *column)
{
    static const char *const fillers[] = {"default", "generated"};
    const struct compat_traits *const after = m->after;
    const struct compat_target *const target = m->reached->target;
    for (size_t i = 0; i < COUNT_OF(fillers); i++)
        if (compat_trait_find(after, m->change->owner, fillers[i], column) != NULL)
            return false;
    return target->lists_columns && !compat_names_have(&target->given, column) &&
           compat_trait_find(after, m->change->owner, "insert trigger", NULL) == NULL;
}

typedef bool of_column_fn(const struct compat_matter *matter, const char *column);

/* Whether it is so for any of a constraint's columns, a line each; memory that is out counts as
 * otherwise. */
static bool any_column(const struct compat_matter *m, of_column_fn *is_so, bool otherwise)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    char *const columns = arena_strdup(&scratch, m->change->after);
    if (columns == NULL)
        return otherwise;
    for (char *column = columns; column != NULL;) {
        char *const end = strchr(column, '\n');
        if (end != NULL)
            *end = '\0';
        if (is_so(m, column))
            return true;
        column = end != NULL ? end + 1 : NULL;
    }
    return false;
}

/* A key with a NULL in it refers to nothing and is equal to none. */
static bool passes_null(const struct compat_change *change)
{
    return strcmp(change->kind, "unique") == 0 ? strstr(change->name, "NULLS NOT DISTINCT") == NULL
                                               : strncmp(change->name, "FOREIGN KEY", 11) == 0 &&
                                                     strstr(change->name, " MATCH FULL") == NULL;
}

/* An UPDATE that leaves the columns of a constraint as they are cannot break it, nor can an INSERT
 * that leaves one of a key's NULL. "*": nobody knows which these are. */
static bool is_touched(const struct compat_matter *m)
{
    const struct compat_target *const target = m->reached->target;
    const unsigned changes = m->reached->ops & USE_CHANGES;
    if (target == NULL || target->any_columns || m->use->defaults ||
        strcmp(m->change->after, "*") == 0)
        return true;
    if (changes == USE_UPDATES)
        return any_column(m, may_change, true);
    return changes != USE_INSERTS || !passes_null(m->change) || !any_column(m, is_null, false);
}

/* What an UPDATE does not set stays as it is. */
static bool is_filled(const struct compat_matter *m)
{
    return (m->reached->ops & USE_INSERTS) != 0 || is_given(m);
}

/* A value of the domain is made: not by an UPDATE of other columns. */
static bool is_made(const struct compat_matter *m)
{
    return (m->reached->ops & USE_INSERTS) != 0 || names_type(m);
}

static bool is_own(const struct compat_matter *m)
{
    return m->reached->is_named;
}

enum { CAME = 1, WENT = 2, CHANGED = 4, ANY_WAY = CAME | WENT | CHANGED };

#define OTHER_TRIGGER "trigger \"{n}\" of {o} is new, gone or another one"
#define OTHER_RULE    "rule \"{n}\" of {o} is new, gone or another one"

static const struct meaning {
    const char *kind;
    unsigned how, ops;
    matters_fn *matters; /* NULL: always */
    const char *text;
} meanings[] = {
    {"identity", CAME, USE_ALL, is_met,
     "it comes to {o}, which was not there or has been made anew"},
    {"identity", WENT, USE_ALL, is_met, "it comes to {o}, which is gone"},
    {"identity", CHANGED, USE_ALL, is_changed_identity,
     "it comes to {o}, which does something else or has another name now"},
    {"column", CAME, USE_ALL, is_new_name,
     "column \"{n}\" of {o} is new, and the statement may take it for another, or its rows have "
     "it"},
    {"column", WENT, USE_ALL, is_gone_column, "column \"{n}\" of {o} is gone"},
    {"column", CHANGED, USE_ALL, is_other_type,
     "column \"{n}\" of {o} is {a} now, it was {b}: values may not fit or not mean the same"},
    {"number", CHANGED, USE_ALL, is_gone_column,
     "column \"{n}\" of {o} has been made anew, behind the others and without its values"},
    {"not null", CAME, USE_INSERTS | USE_UPDATES, is_given,
     "column \"{n}\" of {o} takes no NULL any more"},
    {"not null", WENT, USE_READS, is_read, "column \"{n}\" of {o} may be NULL now"},
    {"default", ANY_WAY, USE_INSERTS, is_defaulted,
     "column \"{n}\" of {o} has another default now: \"{a}\""},
    {"generated", ANY_WAY, USE_INSERTS | USE_UPDATES, is_filled,
     "how column \"{n}\" of {o} is generated has changed: \"{a}\""},
    {"constraint", CAME, USE_INSERTS | USE_UPDATES, is_touched,
     "{o} may refuse what was allowed: {n}"},
    {"bound", CAME | CHANGED, USE_INSERTS | USE_UPDATES, is_own,
     "{o} may refuse what was allowed, as a partition: {a}"},
    {"referenced", CAME, USE_UPDATES | USE_DELETES, NULL, "rows of {o} are referred to now: {n}"},
    {"referenced", WENT, USE_UPDATES | USE_DELETES, has_action,
     "what changes with rows of {o} has changed: {n} is gone"},
    {"unique", CAME, USE_INSERTS | USE_UPDATES, is_touched,
     "{o} may refuse what was allowed: unique {n}"},
    {"unique", WENT, USE_INSERTS, is_conflict,
     "what conflicts in {o} has changed: unique {n} is gone"},
    {"insert trigger", ANY_WAY, USE_INSERTS, NULL, OTHER_TRIGGER},
    {"update trigger", ANY_WAY, USE_UPDATES, NULL, OTHER_TRIGGER},
    {"delete trigger", ANY_WAY, USE_DELETES, NULL, OTHER_TRIGGER},
    {"policy", ANY_WAY, USE_ALL, NULL,
     "policy \"{n}\" of {o} is new, gone or another one: rows may be hidden or refused"},
    {"row security", ANY_WAY, USE_ALL, NULL,
     "row level security of {o} has changed: rows may be hidden or refused"},
    {"insert rule", ANY_WAY, USE_INSERTS, NULL, OTHER_RULE},
    {"update rule", ANY_WAY, USE_UPDATES, NULL, OTHER_RULE},
    {"delete rule", ANY_WAY, USE_DELETES, NULL, OTHER_RULE},
    {"view", ANY_WAY, USE_ALL, NULL, "view {o} asks for something else than before"},
    {"label", WENT, USE_ALL, names_type, "enum {o} has no \"{n}\" any more"},
    {"label", CAME, USE_READS, is_of_type, "enum {o} has a new value \"{n}\", which may be read"},
    {"attribute", ANY_WAY, USE_ALL, names_type, "\"{n}\" of type {o} is new, gone or another one"},
    {"domain", CAME, USE_INSERTS | USE_UPDATES, is_made,
     "domain {o} may refuse what was allowed: {n}"},
    {"partition", WENT, USE_ALL, NULL, "a partition of {o} is gone: {n}"},
    {"right", WENT, USE_ALL, NULL, "a right to {o} is gone: {n}"},
};

const char *compat_meaning(const struct compat_matter *matter, size_t *next)
{
    const struct compat_change *const change = matter->change;
    const unsigned how = change->before == NULL ? CAME : change->after == NULL ? WENT : CHANGED;
    while (*next < COUNT_OF(meanings)) {
        const struct meaning *const meaning = &meanings[(*next)++];
        if ((meaning->how & how) != 0 && (meaning->ops & matter->reached->ops) != 0 &&
            strcmp(meaning->kind, change->kind) == 0 &&
            (meaning->matters == NULL || meaning->matters(matter)))
            return meaning->text;
    }
    return NULL;
}
