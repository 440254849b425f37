/* Readings before and after each pending migration, and what came between them. */
#include "check/compat.h"

#include <string.h>

#include "base/fs.h"
#include "check/compat_parts.h"
#include "sql/lexer.h"

static const char UNREAD[] = "compat-unread";
static const char SYNTAX_ERROR[] = "42601";

struct comparing {
    struct arena *arena;
    struct shadow *shadow;
    const struct compat_queries *queries;
    const struct compat_options *options;
    struct compat_use *uses;
    bool *skip;                    /* not to be asked about: no query, or fails already */
    struct compat_founds *founds;  /* of each statement, as after the last migration */
    struct compat_founds *passing; /* what broke in between and is well again */
    struct compat *result;
};

static bool add_verdict(struct comparing *comparing, size_t query, const char *rule,
                        enum severity severity, const char *what, const struct migration *migration,
                        struct err *err)
{
    struct compat_verdict *const verdict =
        arena_push(comparing->arena, &comparing->result->verdicts);
    if (verdict == NULL || what == NULL)
        return err_nomem(err);
    *verdict =
        (struct compat_verdict){&comparing->queries->items[query], rule, severity, what, migration};
    return true;
}

/* ---- today ---- */

/* Placeholders as some drivers have them, in place of $1: "?" or ":name". */
static bool has_placeholder(const char *sql)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, sql, strlen(sql));
    bool colon = false;
    for (;;) {
        const struct token token = lexer_next(&lexer);
        if (token.type == TOKEN_END)
            return false;
        const char c = token.type == TOKEN_SYMBOL ? token.span.at[0] : '\0';
        if (c == '?' || (colon && token.type == TOKEN_WORD))
            return true;
        colon = c == ':' && !(token.start > 0 && sql[token.start - 1] == ':');
    }
}

static bool unread(struct comparing *comparing, size_t query, enum severity severity,
                   const char *what, struct err *err)
{
    comparing->skip[query] = true;
    return add_verdict(comparing, query, UNREAD, severity, what, NULL, err);
}

static bool refuse_placeholder(const struct compat_query *query, struct err *err)
{
    (void)err_set(err, ERR_USAGE, "parameters of statements are $1, $2, not ? or :name");
    err_at(err, query->path, query->line, query->column);
    err_hint(err, "Write the statement as the driver sends it to the server.");
    return false;
}

static bool judge_today(struct comparing *comparing, const struct compat_reading *today,
                        struct err *err)
{
    for (size_t i = 0; i < comparing->queries->count; i++) {
        const struct compat_query *const query = &comparing->queries->items[i];
        const struct compat_said *const said = &today->said[i];
        if (comparing->skip[i])
            continue;
        if (said->fails && strcmp(said->sqlstate, SYNTAX_ERROR) == 0 && has_placeholder(query->sql))
            return refuse_placeholder(query, err);
        if (said->fails) {
            const char *const message = fs_printable(comparing->arena, said->message);
            if (!unread(comparing, i, SEVERITY_WARNING,
                        message != NULL
                            ? arena_printf(comparing->arena,
                                           "it fails with today's schema already: %s (SQLSTATE %s)",
                                           message, said->sqlstate)
                            : NULL,
                        err))
                return false;
            continue;
        }
        comparing->result->judged++;
        if (!comparing->uses[i].is_read &&
            !add_verdict(comparing, i, UNREAD, SEVERITY_NOTE,
                         "what it reads and writes could not be made out: only what the server "
                         "says of it is compared",
                         NULL, err))
            return false;
    }
    return true;
}

static bool read_uses(struct comparing *comparing, struct err *err)
{
    const size_t count = comparing->queries->count;
    comparing->uses = arena_alloc(comparing->arena, count * sizeof *comparing->uses);
    comparing->skip = arena_alloc(comparing->arena, count * sizeof *comparing->skip);
    comparing->founds = arena_alloc(comparing->arena, count * sizeof *comparing->founds);
    comparing->passing = arena_alloc(comparing->arena, count * sizeof *comparing->passing);
    if (comparing->uses == NULL || comparing->skip == NULL || comparing->founds == NULL ||
        comparing->passing == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        if (!compat_use_read(comparing->arena, comparing->queries->items[i].sql,
                             &comparing->uses[i], err))
            return false;
        if (!comparing->uses[i].is_query &&
            !unread(comparing, i, SEVERITY_NOTE,
                    "it is no SELECT, INSERT, UPDATE, DELETE or MERGE: it was not looked at", err))
            return false;
    }
    return true;
}

/* ---- after each migration ---- */

static const struct compat_found *same_found(const struct compat_founds *founds, const char *what)
{
    for (size_t i = 0; i < founds->count; i++)
        if (strcmp(founds->items[i].what, what) == 0)
            return &founds->items[i];
    return NULL;
}

/* What was so before stays with the migration that it came with; what broke and is well again is
 * broken for as long as the deploy is there. */
static bool take_founds(struct comparing *comparing, size_t query, struct compat_founds *now,
                        const struct migration *migration, struct err *err)
{
    struct compat_founds *const then = &comparing->founds[query];
    bool breaks = false;
    for (size_t i = 0; i < now->count; i++) {
        const struct compat_found *const former = same_found(then, now->items[i].what);
        now->items[i].since = former != NULL ? former->since : migration;
        breaks |= now->items[i].severity == SEVERITY_ERROR;
    }
    for (size_t i = 0; i < then->count; i++) {
        if (breaks || then->items[i].severity != SEVERITY_ERROR)
            continue;
        struct compat_found *const passing =
            arena_push(comparing->arena, &comparing->passing[query]);
        if (passing == NULL)
            return err_nomem(err);
        *passing = then->items[i];
    }
    *then = *now;
    return true;
}

static bool judge_all(struct comparing *comparing, const struct compat_reading *today,
                      const struct compat_reading *reading, const struct migration *migration,
                      struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct compat_changes changes;
    if (!compat_changes_read(&scratch, &today->traits, &reading->traits, &changes))
        return err_nomem(err);
    for (size_t i = 0; i < comparing->queries->count; i++) {
        struct compat_founds now = {0};
        if (!comparing->skip[i] && (!compat_judge(comparing->arena, &comparing->uses[i], today,
                                                  reading, &changes, i, &now, err) ||
                                    !take_founds(comparing, i, &now, migration, err)))
            return false;
    }
    return true;
}

static bool run_one(struct comparing *comparing, const struct migration *migration, size_t number,
                    struct err *err)
{
    struct xray *const xray = arena_alloc(comparing->arena, sizeof *xray);
    struct xray_rehearsal rehearsal = comparing->options->rehearsal;
    if (xray == NULL)
        return err_nomem(err);
    if (rehearsal.first_units != NULL)
        rehearsal.first_units += number;
    if (rehearsal.tell != NULL)
        rehearsal.tell(rehearsal.context, migration, number + 1);
    rehearsal.tell = NULL; /* it would count from 1 each time */
    if (!xray_rehearse(comparing->arena, comparing->shadow, &migration, 1, &rehearsal, xray, err))
        return false;
    for (size_t i = 0; i < xray->statements.count; i++)
        if (xray->statements.items[i].failure.sqlstate[0] != '\0')
            comparing->result->failure = &xray->statements.items[i].failure;
    for (size_t i = 0; i < xray->units.count; i++)
        if (xray->units.items[i].failure.sqlstate[0] != '\0')
            comparing->result->failure = &xray->units.items[i].failure;
    if (comparing->result->failure != NULL)
        comparing->result->failed = migration;
    return true;
}

static bool look_after(struct comparing *comparing, const struct compat_reading *today,
                       const struct migration *migration, struct err *err)
{
    CLEANUP(compat_reading_release) struct compat_reading reading = {0};
    return compat_reading_take(comparing->shadow, comparing->queries, comparing->uses,
                               comparing->skip, comparing->options->app_role, &reading, err) &&
           judge_all(comparing, today, &reading, migration, err);
}

/* ---- the outcome ---- */

static bool tell_founds(struct comparing *comparing, struct err *err)
{
    for (size_t i = 0; i < comparing->queries->count; i++) {
        const struct compat_founds *const founds = &comparing->founds[i];
        const struct compat_founds *const passing = &comparing->passing[i];
        for (size_t f = 0; f < founds->count; f++)
            if (!add_verdict(comparing, i, founds->items[f].rule, founds->items[f].severity,
                             founds->items[f].what, founds->items[f].since, err))
                return false;
        for (size_t f = 0; f < passing->count; f++)
            if (same_found(founds, passing->items[f].what) == NULL &&
                !add_verdict(comparing, i, "compat-may-break", SEVERITY_WARNING,
                             arena_printf(comparing->arena, "until a later migration has run, %s",
                                          passing->items[f].what),
                             passing->items[f].since, err))
                return false;
    }
    return true;
}

bool compat_run(struct arena *arena, struct shadow *shadow, const struct compat_queries *queries,
                const struct migration *const *migrations, size_t count,
                const struct compat_options *options, struct compat *ret, struct err *err)
{
    CLEANUP(compat_reading_release) struct compat_reading today = {0};
    struct comparing comparing = {
        .arena = arena, .shadow = shadow, .queries = queries, .options = options, .result = ret};
    *ret = (struct compat){0};
    if (!read_uses(&comparing, err) ||
        !compat_reading_take(shadow, queries, comparing.uses, comparing.skip, options->app_role,
                             &today, err) ||
        !judge_today(&comparing, &today, err))
        return false;
    ret->lacks_role = today.lacks_role;
    for (size_t i = 0; i < count && ret->failed == NULL; i++)
        if (!run_one(&comparing, migrations[i], i, err) ||
            (ret->failed == NULL && !look_after(&comparing, &today, migrations[i], err)))
            return false;
    return tell_founds(&comparing, err);
}
