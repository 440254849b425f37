/* Undoing a migration on paper: nothing here asks a database. */
#include "cli/revert.h"

#include <string.h>

#include "base/fs.h"

/* ---- the migration and its down part ---- */

static const struct migration *find_by_entry(const struct set *set, const char *entry)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].entry, entry) == 0)
            return &set->items[i];
    return NULL;
}

static bool find_migration(struct cli *cli, const struct workspace *workspace, const char *id,
                           const struct migration **ret, struct err *err)
{
    const struct set *const set = &workspace->set;
    *ret = set_find(set, id);
    if (*ret == NULL)
        *ret = set_find_odd(set, id);
    if (*ret == NULL)
        *ret = find_by_entry(set, id);
    if (*ret != NULL)
        return true;
    const char *const printable = fs_printable(&cli->arena, id);
    if (printable == NULL)
        return err_nomem(err);
    (void)err_set(err, ERR_USAGE, "there is no migration \"%s\" in \"%s\"", printable,
                  workspace->options.folder);
    err_state(err, "Nothing was changed.");
    err_hint(err, "It is undone from its file alone, also where a database has applied it: bring "
                  "the file back, or write the steps yourself with `pawl new NAME`.");
    return false;
}

/* True for white space and comments alone. */
static bool says_nothing(enum dialect dialect, struct span text)
{
    struct lexer lexer = lexer_init(dialect, text.at, text.len);
    return lexer_next_solid(&lexer).type == TOKEN_END;
}

static bool read_down_file(struct cli *cli, enum dialect dialect, const char *path,
                           struct revert *revert, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    if (!fs_read(&cli->arena, path, MIGRATION_MAX_BYTES, &text, &len, err))
        return false;
    const size_t skipped = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const struct span down = {text + skipped, len - skipped};
    if (says_nothing(dialect, down))
        return true;
    revert->down = down;
    revert->down_path = path;
    return true;
}

/* NAME.down.sql or Flyway's U…__NAME.sql: whatever has the migration's version and words. */
static bool find_down_entry(struct cli *cli, const struct workspace *workspace,
                            const struct migration *migration, const char **ret, struct err *err)
{
    const enum naming naming = workspace->options.naming;
    const char *const folder = workspace->options.folder;
    struct findings ignored = {0};
    struct fs_names entries;
    struct name name;
    *ret = NULL;
    if (!fs_list(&cli->arena, folder, &entries, err) ||
        !name_read(&cli->arena, naming, migration->entry, false, migration->path, &name, &ignored,
                   err))
        return false;
    for (size_t i = 0; i < entries.count; i++) {
        struct name other;
        if (!name_read(&cli->arena, naming, entries.items[i], false, entries.items[i], &other,
                       &ignored, err))
            return false;
        if (other.role != NAME_DOWN || strcmp(other.version, name.version) != 0 ||
            strcmp(other.slug, name.slug) != 0)
            continue;
        *ret = fs_join(&cli->arena, folder, entries.items[i]);
        return *ret != NULL || err_nomem(err);
    }
    return true;
}

static bool find_down_file(struct cli *cli, const struct workspace *workspace,
                           const struct migration *migration, const char **ret, struct err *err)
{
    if (workspace->options.naming != NAMING_FOLDER)
        return find_down_entry(cli, workspace, migration, ret, err);
    const char *const folder = fs_join(&cli->arena, workspace->options.folder, migration->entry);
    const char *const path = folder != NULL ? fs_join(&cli->arena, folder, "down.sql") : NULL;
    *ret = path != NULL && fs_exists(path) ? path : NULL;
    return path != NULL || err_nomem(err);
}

static bool find_down(struct cli *cli, const struct workspace *workspace, struct revert *revert,
                      struct err *err)
{
    const struct migration *const migration = revert->migration;
    const enum dialect dialect = workspace->options.dialect;
    const struct span part = {migration->text + migration->down_offset, migration->down_len};
    const char *path = NULL;
    if (migration->down_offset > 0 && !says_nothing(dialect, part)) {
        revert->down = part;
        revert->down_path = migration->path;
        return true;
    }
    return find_down_file(cli, workspace, migration, &path, err) &&
           (path == NULL || read_down_file(cli, dialect, path, revert, err));
}

/* ---- planning ---- */

static bool breaks_code(enum dialect dialect, const char *sql)
{
    return sql != NULL && sql_breaks_code(dialect, (struct span){sql, strlen(sql)});
}

static bool plan_statements(struct cli *cli, enum dialect dialect, struct revert *revert,
                            struct err *err)
{
    const struct migration *const migration = revert->migration;
    int line = 0, column = 0;
    sql_position(migration->text, migration->forward_offset, &line, &column);
    if (!sql_undo(&cli->arena, dialect, migration->text + migration->forward_offset,
                  migration->forward_len, &revert->list, err)) {
        if (err->code == ERR_REFUSED)
            err_at(err, migration->path, err->line > 0 ? err->line + line - 1 : 0, err->column);
        return false;
    }
    for (size_t i = 0; i < revert->list.count; i++) {
        struct undo *const undo = &revert->list.items[i];
        undo->statement.line += line - 1;
        revert->marked += undo->outcome == UNDO_MARKED;
        for (size_t k = 0; k < undo->steps.count; k++)
            revert->breaks_code =
                revert->breaks_code || breaks_code(dialect, undo->steps.items[k].sql);
    }
    return true;
}

/* One that cannot be taken apart is taken for the worse; `pawl check` says what is wrong. */
static void weigh_down(struct cli *cli, enum dialect dialect, struct revert *revert)
{
    CLEANUP(err_release) struct err ignored = {0};
    struct statements statements = {0};
    revert->breaks_code =
        !sql_split(&cli->arena, dialect, revert->down.at, revert->down.len, &statements, &ignored);
    for (size_t i = 0; i < statements.count; i++)
        revert->breaks_code =
            revert->breaks_code || sql_breaks_code(dialect, statements.items[i].text);
}

bool revert_plan(struct cli *cli, const struct workspace *workspace, const char *id,
                 struct revert *ret, struct err *err)
{
    const enum dialect dialect = workspace->options.dialect;
    *ret = (struct revert){0};
    if (!find_migration(cli, workspace, id, &ret->migration, err) ||
        !find_down(cli, workspace, ret, err))
        return false;
    ret->shown_id = fs_printable(&cli->arena, ret->migration->id);
    if (ret->shown_id == NULL)
        return err_nomem(err);
    if (ret->down.at == NULL)
        return plan_statements(cli, dialect, ret, err);
    weigh_down(cli, dialect, ret);
    return true;
}

/* ---- text ---- */

void revert_write_head(const struct revert *revert, struct str *out)
{
    str_printf(out, "-- Undoes %s", revert->shown_id);
    if (revert->down.at != NULL)
        str_puts(out, " by its own down part, as its author wrote it: pawl has not checked it.\n");
    else
        str_puts(out, ", the last statement first.\n");
    if (revert->migration->no_transaction)
        str_puts(out, "-- pawl: no-transaction\n");
}

/* Every line as a comment that nobody takes for a directive or a marker. A lone carriage return
 * ends a comment too. */
static void write_comment(struct str *out, const char *first, struct span text)
{
    str_printf(out, "-- | %s", first);
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        const bool pair = c == '\r' && i + 1 < text.len && text.at[i + 1] == '\n';
        if (pair)
            continue;
        if (c == '\n' || c == '\r')
            str_puts(out, "\n-- | ");
        else
            str_putc(out, c);
    }
    str_putc(out, '\n');
}

static void write_mark(struct str *out, const struct undo *undo, const struct undo_step *step)
{
    str_printf(out, "-- pawl: unfinished=\"%s\"\n", step->why);
    write_comment(out, "", undo->statement.text);
    if (step->sql != NULL)
        write_comment(out, "perhaps: ", (struct span){step->sql, strlen(step->sql)});
    str_putc(out, '\n');
}

static void write_undo(struct str *out, const struct undo *undo)
{
    for (size_t i = undo->steps.count; i > 0; i--) {
        const struct undo_step *const step = &undo->steps.items[i - 1];
        if (step->why != NULL)
            write_mark(out, undo, step);
        else
            str_printf(out, "%s;\n", step->sql);
    }
}

static void write_kept(struct str *out, const struct undo *undo)
{
    str_append(out, undo->statement.text.at, undo->statement.text.len);
    str_puts(out, ";\n");
}

void revert_write_body(const struct revert *revert, struct str *out)
{
    const struct undo_list *const list = &revert->list;
    const size_t tail = list->count - list->tail;
    str_putc(out, '\n');
    if (revert->down.at != NULL) {
        str_append(out, revert->down.at, revert->down.len);
        if (revert->down.len > 0 && revert->down.at[revert->down.len - 1] != '\n')
            str_putc(out, '\n');
        return;
    }
    for (size_t i = 0; i < list->head; i++)
        write_kept(out, &list->items[i]);
    for (size_t i = tail; i > list->head; i--)
        write_undo(out, &list->items[i - 1]);
    for (size_t i = tail; i < list->count; i++)
        write_kept(out, &list->items[i]);
}

/* ---- report ---- */

static json_t *steps_json(const struct undo *undo)
{
    json_t *const steps = json_array();
    for (size_t i = 0; i < undo->steps.count; i++) {
        const struct undo_step *const step = &undo->steps.items[i];
        if (json_array_append_new(steps, json_pack("{so so}", "sql", cli_json_text(step->sql),
                                                   "why", cli_json_text(step->why))) != 0) {
            json_decref(steps);
            return NULL;
        }
    }
    return steps;
}

static json_t *statement_json(struct cli *cli, const struct undo *undo)
{
    const char *const text =
        arena_strndup(&cli->arena, undo->statement.text.at, undo->statement.text.len);
    return text == NULL ? NULL
                        : json_pack("{si so ss so}", "line", undo->statement.line, "text",
                                    cli_json_text(text), "outcome",
                                    undo_outcome_name(undo->outcome), "steps", steps_json(undo));
}

void revert_report(struct cli *cli, const struct revert *revert)
{
    json_t *const statements = json_array();
    for (size_t i = 0; i < revert->list.count; i++)
        if (json_array_append_new(statements, statement_json(cli, &revert->list.items[i])) != 0)
            cli->result_failed = true;
    cli_result(cli, "reverts", cli_json_text(revert->migration->id));
    cli_result(cli, "down", cli_json_text(revert->down_path));
    cli_result(cli, "statements", statements);
    cli_result(cli, "marked", json_integer((json_int_t)revert->marked));
    if (revert->down.at != NULL)
        output_chat(&cli->output, "the text is the down part in %s; pawl has not checked it",
                    revert->down_path);
    if (revert->marked > 0)
        output_chat(&cli->output,
                    "%zu of %zu statements could not be undone with certainty: each is marked "
                    "\"unfinished\", and check and deploy refuse the file until you have decided",
                    revert->marked, revert->list.count);
}
