/* Mending directives: one edit after the other, each looked at before the next. */
#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "check/fix_parts.h"
#include "sql/split.h"

static bool read_draft(struct fixing *fixing, const struct migration *migration, const char *text,
                       size_t len, struct draft *ret, struct err *err)
{
    *ret = (struct draft){.text = text,
                          .len = len,
                          .migration = {.id = migration->id,
                                        .version = migration->version,
                                        .path = migration->path,
                                        .entry = migration->entry}};
    return migration_read(fixing->scratch, fixing->set.dialect, text, len, &ret->migration,
                          &ret->findings, err);
}

/* ---- what to edit ---- */

/* The rule's name in the line that allows it; NULL when it is not written in so plain a way. */
static const char *find_allowed(const struct draft *draft, const struct allow *allow)
{
    static const char key[] = "allow=";
    const size_t len = strlen(allow->rule);
    const char *at = draft->text;
    const char *const end = draft->text + draft->len;
    for (int line = 1; line < allow->line && at != NULL; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at != NULL ? at + 1 : NULL;
    }
    const char *const line_end = at != NULL ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    const size_t line_len = at != NULL ? (size_t)((line_end != NULL ? line_end : end) - at) : 0;
    for (size_t i = 0; i + strlen(key) + len <= line_len; i++) {
        const char *const rule = at + i + strlen(key);
        const size_t rest = line_len - i - strlen(key);
        if (memcmp(at + i, key, strlen(key)) == 0 && memcmp(rule, allow->rule, len) == 0 &&
            (rest == len || ascii_space(rule[len])))
            return rule;
    }
    return NULL;
}

static bool add_allow(struct fixing *fixing, const struct draft *draft, const struct allow *allow,
                      struct edit *ret, struct err *err)
{
    const char **const ids = rule_ids(fixing->scratch);
    if (ids == NULL)
        return err_nomem(err);
    const char *const meant = suggest_sure(allow->rule, ids, rule_count());
    const char *const at = meant != NULL ? find_allowed(draft, allow) : NULL;
    if (at != NULL)
        *ret = (struct edit){.rule = "allow-unknown",
                             .meant = meant,
                             .at = (size_t)(at - draft->text),
                             .len = strlen(allow->rule)};
    return true;
}

/* The edit with this number, from 0; *ret has no rule when there are not so many. */
static bool find_edit(struct fixing *fixing, const struct draft *draft, size_t number,
                      struct edit *ret, struct err *err)
{
    *ret = (struct edit){0};
    for (size_t i = 0; i < draft->findings.count; i++) {
        const struct finding *const finding = &draft->findings.items[i];
        if (!fix_wants(finding, FIXER_TEXT) || finding->meant == NULL || number-- > 0)
            continue;
        *ret = (struct edit){.rule = finding->rule,
                             .meant = finding->meant,
                             .at = finding->meant_at,
                             .len = finding->meant_len,
                             .to_head = strcmp(finding->rule, "directive-late") == 0};
        return true;
    }
    for (size_t i = 0; i < draft->migration.allows.count; i++) {
        const struct allow *const allow = &draft->migration.allows.items[i];
        struct edit edit = {0};
        if (rule_find(allow->rule) == NULL && !add_allow(fixing, draft, allow, &edit, err))
            return false;
        if (edit.rule == NULL || number-- > 0)
            continue;
        *ret = edit;
        return true;
    }
    if (number == 0)
        fix_find_phase(fixing, draft, ret);
    return true;
}

/* ---- editing ---- */

static size_t line_start(const char *text, size_t at)
{
    while (at > 0 && text[at - 1] != '\n')
        at--;
    return at;
}

static bool only_blanks(const char *text, size_t from, size_t to)
{
    while (from < to && (text[from] == ' ' || text[from] == '\t'))
        from++;
    return from == to;
}

size_t fix_head_end(const struct fixing *fixing, const struct draft *draft)
{
    struct lexer lexer = lexer_init(fixing->set.dialect, draft->text, draft->len);
    const size_t at = lexer_next_solid(&lexer).start;
    const size_t start = line_start(draft->text, at);
    return only_blanks(draft->text, start, at) ? start : at;
}

const char *fix_newline(const struct draft *draft)
{
    const char *const newline = memchr(draft->text, '\n', draft->len);
    return newline != NULL && newline > draft->text && newline[-1] == '\r' ? "\r\n" : "\n";
}

/* The comment goes with its line when there is nothing else on it. */
static void move_to_head(const struct fixing *fixing, const struct draft *draft,
                         const struct edit *edit, struct str *out)
{
    const size_t head = fix_head_end(fixing, draft);
    const size_t start = line_start(draft->text, edit->at);
    const bool alone = only_blanks(draft->text, start, edit->at);
    size_t from = alone ? start : edit->at, to = edit->at + edit->len, len = edit->len;
    while (!alone && from > 0 && (draft->text[from - 1] == ' ' || draft->text[from - 1] == '\t'))
        from--;
    while (alone && to < draft->len && draft->text[to - 1] != '\n')
        to++;
    while (len > 0 && ascii_space(draft->text[edit->at + len - 1]))
        len--;
    str_append(out, draft->text, head);
    str_append(out, draft->text + edit->at, len);
    str_puts(out, fix_newline(draft));
    str_append(out, draft->text + head, from - head);
    str_append(out, draft->text + to, draft->len - to);
}

static char *apply_edit(struct fixing *fixing, const struct draft *draft, const struct edit *edit,
                        size_t *ret_len, struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    if (edit->to_head) {
        move_to_head(fixing, draft, edit, &out);
    } else {
        str_append(&out, draft->text, edit->at);
        str_puts(&out, edit->meant);
        str_append(&out, draft->text + edit->at + edit->len, draft->len - edit->at - edit->len);
    }
    *ret_len = out.len;
    char *const text = out.failed ? NULL : arena_strndup(fixing->scratch, str_text(&out), out.len);
    if (text == NULL)
        (void)err_nomem(err);
    return text;
}

static bool in_forward_part(const struct draft *draft, const struct edit *edit)
{
    const struct migration *const migration = &draft->migration;
    return edit->at < migration->forward_offset + migration->forward_len;
}

/* Why the edit is not made; NULL: it may be. */
static bool forbid_edit(struct fixing *fixing, const struct draft *before,
                        const struct draft *after, const struct edit *edit, const char **ret_why,
                        struct err *err)
{
    *ret_why = NULL;
    if (edit->line > 0)
        return fix_forbid_phase(fixing, before, after, ret_why, err);
    if (edit->to_head && !in_forward_part(before, edit))
        *ret_why = "it stands in the part that goes back";
    else if (fixing->options->base == NULL &&
             strcmp(before->migration.checksum.text, after->migration.checksum.text) != 0)
        *ret_why = "it changes the checksum: --base REF tells whether the file is new";
    return true;
}

/* ---- a file ---- */

static const char *line_of(struct fixing *fixing, const struct draft *draft, size_t at)
{
    const size_t start = line_start(draft->text, at);
    size_t len = strcspn(draft->text + start, "\n");
    while (len > 0 && ascii_space(draft->text[start + len - 1]))
        len--;
    return arena_strndup(fixing->scratch, draft->text + start, len);
}

static bool record(struct fixing *fixing, const struct draft *before, const struct draft *after,
                   const struct edit *edit, struct err *err)
{
    struct fix fix = {.rule = edit->rule, .file = before->migration.path};
    int column = 0;
    const size_t now_at = edit->to_head ? fix_head_end(fixing, before) : edit->at;
    sql_position(before->text, edit->at, &fix.line, &column);
    sql_position(after->text, now_at, &fix.new_line, &column);
    if (edit->line == 0)
        fix.old = line_of(fixing, before, edit->at);
    fix.new = line_of(fixing, after, now_at);
    if ((edit->line == 0 && fix.old == NULL) || fix.new == NULL)
        return err_nomem(err);
    return fix_done(fixing, &fix, err);
}

static bool leave(struct fixing *fixing, const struct draft *draft, const struct edit *edit,
                  const char *why, struct err *err)
{
    struct finding finding = {
        .rule = edit->rule, .file = draft->migration.path, .line = edit->line};
    if (edit->line == 0)
        sql_position(draft->text, edit->at, &finding.line, &finding.column);
    return fix_leave(fixing, &finding, why, err);
}

/* Edits until there is nothing left to edit but what was left on purpose. */
static bool edit_draft(struct fixing *fixing, const struct migration *migration,
                       struct draft *draft, struct err *err)
{
    for (size_t kept = 0;;) {
        struct edit edit;
        struct draft after;
        size_t len = 0;
        const char *why;
        if (!find_edit(fixing, draft, kept, &edit, err))
            return false;
        if (edit.rule == NULL)
            return true;
        const char *const text = apply_edit(fixing, draft, &edit, &len, err);
        if (text == NULL || !read_draft(fixing, migration, text, len, &after, err) ||
            !forbid_edit(fixing, draft, &after, &edit, &why, err))
            return false;
        if (why != NULL) {
            kept++;
            if (!leave(fixing, draft, &edit, why, err))
                return false;
            continue;
        }
        if (!record(fixing, draft, &after, &edit, err))
            return false;
        *draft = after;
    }
}

static bool same_in_sum(const struct migration *a, const struct migration *b)
{
    return strcmp(a->checksum.text, b->checksum.text) == 0 && a->kind == b->kind &&
           a->phase == b->phase && a->background == b->background;
}

static bool write_draft(struct fixing *fixing, const char *bytes, size_t bom_len,
                        const struct draft *draft, struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    str_append(&out, bytes, bom_len);
    str_append(&out, draft->text, draft->len);
    if (out.failed)
        return err_nomem(err);
    return fixing->dry_run || fs_replace(draft->migration.path, str_text(&out), out.len, err);
}

static bool fix_file(struct fixing *fixing, const struct migration *migration, struct err *err)
{
    const size_t done = fixing->done->count;
    struct draft first, draft;
    char *bytes = NULL;
    size_t len = 0;
    if (!fs_read(fixing->scratch, migration->path, MIGRATION_MAX_BYTES, &bytes, &len, err))
        return false;
    const size_t bom_len = len >= migration->text_len ? len - migration->text_len : 0;
    if (len != bom_len + migration->text_len || bom_len > 3 ||
        memcmp(bytes + bom_len, migration->text, migration->text_len) != 0)
        return err_set(err, ERR_USAGE, "\"%s\" was changed by someone else meanwhile",
                       migration->path);
    if (!read_draft(fixing, migration, bytes + bom_len, migration->text_len, &first, err))
        return false;
    if (first.migration.text != first.text)
        return true; /* a second BOM: its places are not those of the file */
    draft = first;
    if (!edit_draft(fixing, migration, &draft, err))
        return false;
    if (fixing->done->count == done)
        return true;
    if (!write_draft(fixing, bytes, bom_len, &draft, err)) {
        fixing->done->count = done;
        return false;
    }
    fixing->sum_changes = fixing->sum_changes || !same_in_sum(&first.migration, &draft.migration);
    return true;
}

static const struct migration *find_file(const struct fixing *fixing, const char *path)
{
    for (size_t i = 0; i < fixing->set.count; i++)
        if (strcmp(fixing->set.items[i].path, path) == 0)
            return &fixing->set.items[i];
    for (size_t i = 0; i < fixing->set.odd.count; i++)
        if (strcmp(fixing->set.odd.items[i].path, path) == 0)
            return &fixing->set.odd.items[i];
    return NULL;
}

bool fix_texts(struct fixing *fixing, struct err *err)
{
    const char *last = "";
    for (size_t i = 0; i < fixing->findings.count; i++) {
        const struct finding *const finding = &fixing->findings.items[i];
        if ((!fix_wants(finding, FIXER_TEXT) && !fix_wants(finding, FIXER_PHASE)) ||
            strcmp(finding->file, last) == 0)
            continue;
        last = finding->file;
        const struct migration *const migration = find_file(fixing, finding->file);
        if (migration == NULL)
            continue;
        const char *const why =
            fixing->options->base != NULL && base_has(&fixing->base, migration->id) ? fix_of_base
            : fs_is_link(finding->file) ? "it is a symbolic link"
                                        : NULL;
        if (why != NULL ? !fix_leave(fixing, finding, why, err) : !fix_file(fixing, migration, err))
            return false;
    }
    return true;
}
