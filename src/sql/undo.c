/* Head, tail and what lies between them. */
#include "sql/undo.h"

#include <string.h>

#include "sql/classify.h"
#include "sql/match.h"
#include "sql/undo_parts.h"

const char undo_if_not_exists[] = "with IF NOT EXISTS it may have been there before";
const char undo_or_replace[] = "with OR REPLACE another one may have been there before";
const char undo_dropped[] = "what was dropped is not known from this text";
const char undo_rows[] = "the rows that were there before are not known from this text";
const char undo_value_before[] = "what was there before is not known from this text";
const char undo_not_known[] = "pawl does not know how to undo this statement";
const char undo_unnamed[] = "the constraint has no name here: PostgreSQL chose one";
const char undo_took_back[] = "it took back what stands before it";

const char *undo_outcome_name(enum undo_outcome outcome)
{
    static const char *const names[] = {"derived", "marked", "needless", "kept"};
    return names[outcome];
}

/* ---- steps ---- */

static void add_step(struct undoing *u, const char *why)
{
    struct undo_step *const step = arena_push(u->arena, &u->undo->steps);
    const bool any = u->sql.len > 0;
    char *const sql = any ? arena_strndup(u->arena, str_text(&u->sql), u->sql.len) : NULL;
    u->failed = u->failed || step == NULL || u->sql.failed || (any && sql == NULL);
    if (step != NULL)
        *step = (struct undo_step){.sql = sql, .why = why};
    if (why != NULL)
        u->undo->outcome = UNDO_MARKED;
    else if (u->undo->outcome == UNDO_NEEDLESS)
        u->undo->outcome = UNDO_DERIVED;
    str_clear(&u->sql);
}

void undo_sure(struct undoing *u)
{
    add_step(u, NULL);
}

void undo_mark_always(struct undoing *u, const char *why)
{
    add_step(u, why);
}

void undo_mark(struct undoing *u, const char *why)
{
    if (!u->covered)
        add_step(u, why);
    str_clear(&u->sql);
}

/* ---- what the text made ---- */

void undo_note_made(struct undoing *u, const char *kind, const char *name)
{
    const char **const item = arena_push(u->arena, &u->made);
    const char *const key = item != NULL ? arena_printf(u->arena, "%s %s", kind, name) : NULL;
    u->failed = u->failed || key == NULL;
    if (item != NULL)
        *item = key != NULL ? key : "";
}

bool undo_has_made(const struct undoing *u, const char *kind, const char *name)
{
    const size_t len = strlen(kind);
    for (size_t i = 0; i < u->made.count; i++)
        if (strncmp(u->made.items[i], kind, len) == 0 && u->made.items[i][len] == ' ' &&
            strcmp(u->made.items[i] + len + 1, name) == 0)
            return true;
    return false;
}

bool undo_has_made_any(const struct undoing *u, const char *kind)
{
    const size_t len = strlen(kind);
    for (size_t i = 0; i < u->made.count; i++)
        if (strncmp(u->made.items[i], kind, len) == 0 && u->made.items[i][len] == ' ')
            return true;
    return false;
}

void undo_forget_made(struct undoing *u)
{
    u->made.count = 0;
}

void undo_creation(struct undoing *u, const char *keyword, const char *kind, const char *name,
                   const char *relation, const char *unsure)
{
    str_clear(&u->sql);
    str_printf(&u->sql, "DROP %s %s", keyword, name);
    if (relation != NULL)
        str_printf(&u->sql, " ON %s", relation);
    if (unsure != NULL) {
        undo_mark_always(u, unsure);
        return;
    }
    undo_sure(u);
    undo_note_made(u, kind, name);
}

/* ---- what surrounds the work ---- */

enum role { ROLE_WORK, ROLE_SETTING, ROLE_BEGIN, ROLE_COMMIT };

static bool sets_by_function(enum dialect dialect, struct span statement)
{
    struct lexer lexer = lexer_init(dialect, statement.at, statement.len);
    struct match match = {0};
    return match_pattern(&lexer, "SELECT $name () .", &match) && match.name.count > 0 &&
           span_is_nocase(match.name.parts[match.name.count - 1].span, "set_config");
}

static bool role_of(struct arena *arena, enum dialect dialect, const struct statement *statement,
                    enum role *ret, struct err *err)
{
    struct statement_info info;
    if (!sql_classify(arena, dialect, statement, &info, err))
        return false;
    const bool set = dialect == DIALECT_POSTGRES
                         ? sql_starts_with(dialect, statement->text, "SET|RESET") ||
                               sets_by_function(dialect, statement->text)
                         : info.name != NULL && strcmp(info.name, "foreign_keys") == 0;
    *ret = info.class == STATEMENT_BEGIN          ? ROLE_BEGIN
           : info.class == STATEMENT_COMMIT       ? ROLE_COMMIT
           : set || info.class == STATEMENT_MODES ? ROLE_SETTING
                                                  : ROLE_WORK;
    return true;
}

/* How many from this end on only set things, or open or close the one transaction. */
static size_t count_frame(const enum role *roles, size_t count, bool from_end, enum role bracket,
                          size_t *ret_brackets)
{
    size_t n = 0;
    *ret_brackets = 0;
    for (; n < count; n++) {
        const enum role role = roles[from_end ? count - 1 - n : n];
        if (role != ROLE_SETTING && role != bracket)
            break;
        *ret_brackets += role == bracket && bracket != ROLE_SETTING;
    }
    return n;
}

/* BEGIN stays in front and COMMIT behind where there is one of each; else they take each other's
 * place, as the order is turned round. */
static void find_frame(const enum role *roles, struct undo_list *list)
{
    size_t begins = 0, commits = 0;
    list->head = count_frame(roles, list->count, false, ROLE_BEGIN, &begins);
    list->tail = count_frame(roles, list->count, true, ROLE_COMMIT, &commits);
    if (begins != 1 || commits != 1) {
        list->head = count_frame(roles, list->count, false, ROLE_SETTING, &begins);
        list->tail = count_frame(roles, list->count, true, ROLE_SETTING, &commits);
    }
    if (list->head + list->tail > list->count)
        list->tail = list->count - list->head;
}

static bool undo_one(struct undoing *u, enum role role, struct err *err)
{
    static const char *const turned[] = {[ROLE_BEGIN] = "COMMIT", [ROLE_COMMIT] = "BEGIN"};
    u->covered = false;
    if (role == ROLE_BEGIN || role == ROLE_COMMIT) {
        str_puts(&u->sql, turned[role]);
        undo_sure(u);
        return true;
    }
    if (role == ROLE_SETTING) {
        undo_mark_always(u, "it holds for the statements behind it, which stand in front of it "
                            "here: put it where it belongs, or leave it out");
        return true;
    }
    if (u->dialect == DIALECT_POSTGRES)
        return undo_postgres(u, err);
    undo_sqlite(u);
    return true;
}

static bool undo_all(struct undoing *u, const enum role *roles, struct undo_list *list,
                     struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        u->undo = &list->items[i];
        u->undo->outcome = UNDO_NEEDLESS;
        if (i < list->head || i >= list->count - list->tail)
            u->undo->outcome = UNDO_KEPT;
        else if (!undo_one(u, roles[i], err))
            return false;
    }
    return !u->failed || err_nomem(err);
}

bool sql_undo(struct arena *arena, enum dialect dialect, const char *text, size_t len,
              struct undo_list *ret, struct err *err)
{
    struct statements statements = {0};
    *ret = (struct undo_list){0};
    if (!sql_split(arena, dialect, text, len, &statements, err))
        return false;
    enum role *const roles = arena_alloc(arena, (statements.count + 1) * sizeof *roles);
    if (roles == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < statements.count; i++) {
        struct undo *const undo = arena_push(arena, ret);
        if (undo == NULL)
            return err_nomem(err);
        undo->statement = statements.items[i];
        if (!role_of(arena, dialect, &statements.items[i], &roles[i], err))
            return false;
    }
    find_frame(roles, ret);
    struct undoing u = {.arena = arena, .dialect = dialect};
    const bool done = undo_all(&u, roles, ret, err);
    str_release(&u.sql);
    return done;
}

/* ---- what breaks code that runs ---- */

/* Words that start such a statement, unless the next word is the one that makes it harmless. */
static const struct breaking {
    const char *words;
    const char *harmless; /* patterns of sql/match.h; NULL: always breaks */
} breaking[] = {
    {"DROP", "DROP INDEX|STATISTICS|CONSTRAINT|DEFAULT|NOT|IDENTITY|EXPRESSION"},
    {"TRUNCATE|DELETE|REVOKE|RENAME|DETACH", NULL},
    {"SET SCHEMA", NULL},
    {"SET NOT NULL", NULL},
    {"NO INHERIT", NULL},
    {"ENABLE ROW", NULL},
    {"FORCE ROW", NULL},
};

static bool breaks_here(struct lexer lexer, const struct breaking *row)
{
    struct match ignored = {0};
    struct lexer copy = lexer;
    if (!match_pattern(&lexer, row->words, &ignored))
        return false;
    return row->harmless == NULL || !match_pattern(&copy, row->harmless, &ignored);
}

bool sql_breaks_code(enum dialect dialect, struct span statement)
{
    struct lexer lexer = lexer_init(dialect, statement.at, statement.len);
    struct lexer here = lexer;
    const bool alters = sql_starts_with(dialect, statement, "ALTER");
    for (struct token token = lexer_next_solid(&lexer); token.type != TOKEN_END;
         token = lexer_next_solid(&lexer)) {
        for (size_t i = 0; i < COUNT_OF(breaking); i++)
            if (breaks_here(here, &breaking[i]))
                return true;
        if (!alters)
            return false; /* the first word decides */
        here = lexer;
    }
    return false;
}
