/* Writing a squash: the files of a range made one. */
#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "history/annotation.h"
#include "history/directive.h"
#include "history/squash.h"

/* ---- the range ---- */

/* By id, or else by version: the first or the last migration that has it. -1: there is none. */
static ptrdiff_t find_end(const struct set *set, const char *text, bool first)
{
    ptrdiff_t found = -1;
    for (size_t i = 0; i < set->versioned; i++)
        if (strcmp(set->items[i].id, text) == 0)
            return (ptrdiff_t)i;
    for (size_t i = 0; i < set->versioned; i++)
        if (strcmp(set->items[i].version, text) == 0 && (found < 0 || !first))
            found = (ptrdiff_t)i;
    return found;
}

static bool refuse_end(struct arena *arena, const struct set *set, const char *text,
                       struct err *err)
{
    const char **const ids = arena_alloc(arena, (set->versioned + 1) * sizeof(const char *));
    const char *const shown = fs_printable(arena, text);
    if (ids == NULL || shown == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < set->versioned; i++)
        ids[i] = set->items[i].id;
    const char *const near = suggest(text, ids, set->versioned);
    (void)err_set(err, ERR_USAGE, "there is no migration \"%s\"", shown);
    err_state(err, "Nothing was changed.");
    if (near != NULL)
        err_hint(err, "Did you mean \"%s\"?", near);
    else
        err_hint(err, "Give the ids or the versions of two files in the migrations folder.");
    return false;
}

bool squash_find(struct arena *arena, const struct set *set, const char *text,
                 struct squash_range *ret, struct err *err)
{
    const char *const dots = strstr(text, "..");
    const char *const first_text =
        dots != NULL ? arena_strndup(arena, text, (size_t)(dots - text)) : NULL;
    if (dots == NULL)
        return err_set(err, ERR_USAGE, "--replaces takes FIRST..LAST, the ids of two migrations");
    if (first_text == NULL)
        return err_nomem(err);
    const ptrdiff_t first = find_end(set, first_text, true), last = find_end(set, dots + 2, false);
    if (first < 0 || last < 0)
        return refuse_end(arena, set, first < 0 ? first_text : dots + 2, err);
    if (last < first) {
        (void)err_set(err, ERR_USAGE, "\"%s\" comes after \"%s\"", set->items[first].id,
                      set->items[last].id);
        err_hint(err, "Give the older one first.");
        return false;
    }
    *ret = (struct squash_range){&set->items[first], (size_t)(last - first) + 1};
    return true;
}

/* ---- the head ---- */

/* A squash among them stands for what it replaced. */
static const char *first_id(const struct set *set, const struct migration *first)
{
    for (size_t i = 0; i < set->replaced.count; i++)
        if (set_replaces(first, &set->replaced.items[i]))
            return set->replaced.items[i].id;
    return first->id;
}

static bool allowed_before(const struct squash_range *range, size_t end, size_t allows,
                           const char *rule)
{
    for (size_t i = 0; i <= end; i++) {
        const struct migration *const item = &range->items[i];
        for (size_t a = 0; a < (i < end ? item->allows.count : allows); a++)
            if (strcmp(item->allows.items[a].rule, rule) == 0)
                return true;
    }
    return false;
}

/* The statements are the same, and so is what lint says of them. */
static void write_allows(const struct squash_range *range, struct str *out)
{
    for (size_t i = 0; i < range->count; i++)
        for (size_t a = 0; a < range->items[i].allows.count; a++) {
            const struct allow *const allow = &range->items[i].allows.items[a];
            /* What was said of the old name is not true of the new one. */
            if (strcmp(allow->rule, "duplicate-version") == 0 ||
                allowed_before(range, i, a, allow->rule))
                continue;
            str_printf(out, "-- pawl: allow=%s reason=\"", allow->rule);
            for (const char *c = allow->reason; *c != '\0'; c++) {
                if (*c == '"' || *c == '\\')
                    str_putc(out, '\\');
                str_putc(out, *c);
            }
            str_puts(out, "\"\n");
        }
}

static void write_head(const struct set *set, const struct squash_range *range, struct str *out)
{
    bool no_transaction = false;
    for (size_t i = 0; i < range->count; i++)
        no_transaction = no_transaction || range->items[i].no_transaction;
    str_printf(out, "-- pawl: replaces=%s..%s\n", first_id(set, &range->items[0]),
               range->items[range->count - 1].id);
    if (no_transaction)
        str_puts(out, "-- pawl: no-transaction\n");
    write_allows(range, out);
    str_puts(out, "-- A database that has all of these runs nothing of this file; one that has "
                  "none runs all of it.\n");
}

/* ---- the body ---- */

/* What a directive or a marker said is in the head, or means nothing any more. */
static bool is_dropped(const struct token *token)
{
    if (token->type == TOKEN_BLOCK_COMMENT)
        return directive_is_meant(token);
    return token->type == TOKEN_LINE_COMMENT &&
           (directive_is_meant(token) || annotation_is_meant(token));
}

static struct span trim(struct span text)
{
    while (text.len > 0 && ascii_space(text.at[0]))
        text = (struct span){text.at + 1, text.len - 1};
    while (text.len > 0 && ascii_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* Behind a comment that was dropped, the rest of its line. */
static struct span skip_line_end(const struct str *kept, struct span space)
{
    const char *const end = memchr(space.at, '\n', space.len);
    if (end == NULL || (kept->len > 0 && kept->data[kept->len - 1] != '\n'))
        return space;
    return (struct span){end + 1, space.len - (size_t)(end + 1 - space.at)};
}

/* The forward part with an end to its last statement. False when memory is out. */
static bool write_part(enum dialect dialect, const struct migration *migration, struct str *out)
{
    CLEANUP(str_release) struct str kept = {0};
    struct lexer lexer =
        lexer_init(dialect, migration->text + migration->forward_offset, migration->forward_len);
    enum token_type solid = TOKEN_SEMICOLON, last = TOKEN_END;
    bool dropped = false;
    for (struct token token; (token = lexer_next(&lexer)).type != TOKEN_END;) {
        if (dropped && token.type == TOKEN_SPACE)
            token.span = skip_line_end(&kept, token.span);
        dropped = is_dropped(&token);
        if (dropped)
            continue;
        str_append(&kept, token.span.at, token.span.len);
        if (token.type == TOKEN_SPACE)
            continue;
        last = token.type;
        if (last != TOKEN_LINE_COMMENT && last != TOKEN_BLOCK_COMMENT)
            solid = last;
    }
    const struct span text = trim((struct span){str_text(&kept), kept.len});
    str_printf(out, "\n-- %s\n", migration->id);
    str_append(out, text.at, text.len);
    if (solid != TOKEN_SEMICOLON)
        str_puts(out, last == TOKEN_LINE_COMMENT ? "\n;" : ";");
    if (text.len > 0)
        str_putc(out, '\n');
    return !kept.failed;
}

bool squash_write(const struct set *set, const struct squash_range *range, struct str *out)
{
    write_head(set, range, out);
    for (size_t i = 0; i < range->count; i++)
        if (!write_part(set->dialect, &range->items[i], out))
            return false;
    return !out->failed;
}
