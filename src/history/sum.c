/* Writing, reading and checking pawl.sum. */
#include "history/sum.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "history/sum_lines.h"

/* The first line and the second one's mark fit. */
enum { HEAD_MAX_BYTES = 256 };

static const char *mark_of(const struct migration *migration)
{
    const bool squashed = migration->replaced_by != NULL;
    if (migration->squash)
        return squashed ? "sq" : "q";
    if (migration->kind == KIND_REPEATABLE)
        return "r";
    if (migration->phase == PHASE_CONTRACT)
        return squashed ? "sc" : "c";
    if (migration->background)
        return squashed ? "sb" : "b";
    return squashed ? "s" : "e";
}

/* The migrations of the set in the order of their lines: repeatables, then the others, a squash
 * below what it replaced. NULL when memory is out; their number is that of both together. */
static const struct migration **in_line_order(struct arena *arena, const struct set *set)
{
    const size_t all = set->count + set->replaced.count;
    const struct migration **const ordered =
        arena_alloc(arena, (all + 1) * sizeof(const struct migration *));
    size_t count = 0;
    for (size_t i = set->versioned; ordered != NULL && i < set->count; i++)
        ordered[count++] = &set->items[i];
    for (size_t i = 0; ordered != NULL && i < set->versioned; i++) {
        for (size_t r = 0; r < set->replaced.count; r++)
            if (set_replaces(&set->items[i], &set->replaced.items[r]))
                ordered[count++] = &set->replaced.items[r];
        ordered[count++] = &set->items[i];
    }
    return ordered;
}

bool sum_write(const struct set *set, struct str *out)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const struct migration **const ordered = in_line_order(&arena, set);
    if (ordered == NULL)
        return false;
    str_printf(out, "%s%s digest=%s\n", sum_format_words, dialect_name(set->dialect),
               set->digest.text);
    for (size_t i = 0; i < set->count + set->replaced.count; i++)
        str_printf(out, "%s %s %s\n", ordered[i]->checksum.text, mark_of(ordered[i]),
                   ordered[i]->id);
    return !out->failed;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* only read */
}

static bool collect_repeatables(struct arena *arena, const char *path, struct sum_head *ret,
                                struct err *err)
{
    struct sum_first first;
    struct sum_lines lines = {0};
    if (!sum_read_lines(arena, path, &first, &lines, err))
        return false;
    struct hash_hex *const items = arena_alloc(arena, lines.count * sizeof *items);
    if (items == NULL)
        return err_nomem(err);
    ret->repeatables = items;
    for (size_t i = 0; i < lines.count; i++)
        if (lines.items[i].mark == 'r')
            items[ret->repeatable_count++] = lines.items[i].checksum;
    return true;
}

bool sum_read_head(struct arena *arena, const char *path, struct sum_head *ret, struct err *err)
{
    char bytes[HEAD_MAX_BYTES];
    struct sum_fault fault;
    struct sum_first first;
    /* O_NONBLOCK: a FIFO that nobody writes must not hang the open. */
    CLEANUP(close_fd) const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (got < 0)
        return err_errno(err, ERR_USAGE, "cannot read %s", path);
    struct span rest = {bytes, (size_t)got}, line;
    if (!sum_take_line(&rest, &line)) {
        (void)sum_fail(&fault, 1, 1, "the first line is not that of a pawl.sum");
        return sum_refuse(path, &fault, err);
    }
    if (!sum_parse_first(line, &first, &fault))
        return sum_refuse(path, &fault, err);
    *ret = (struct sum_head){.dialect = first.dialect, .digest = first.digest};
    return rest.len <= SUM_MARK_AT || rest.at[SUM_MARK_AT] != 'r' ||
           collect_repeatables(arena, path, ret, err);
}

static bool add_line(struct arena *arena, const struct sum_line *line, struct set *set)
{
    struct migration *const item = arena_push(arena, set);
    return item != NULL && sum_line_migration(arena, line, item);
}

/* What stands above a squash was replaced by it. */
static bool add_replaced(struct arena *arena, const struct sum_line *first,
                         const struct sum_line *squash, struct set *set)
{
    for (const struct sum_line *line = first; line < squash; line++) {
        struct migration *const item = arena_push(arena, &set->replaced);
        if (item == NULL || !sum_line_migration(arena, line, item))
            return false;
        item->replaced_by = squash->id;
    }
    return true;
}

/* The migrations of the lines that are repeatables, or that are not. What was squashed away counts
 * with its squash; where that is gone too, the line is a record only. */
static bool add_lines(struct arena *arena, const struct sum_lines *lines, bool repeatables,
                      struct set *set, struct err *err)
{
    size_t squashed = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const struct sum_line *const line = &lines->items[i];
        if (line->squashed) {
            squashed++;
            continue;
        }
        if ((line->mark == 'r') == repeatables && !add_line(arena, line, set))
            return err_nomem(err);
        if (line->mark == 'q' && !repeatables && !add_replaced(arena, line - squashed, line, set))
            return err_nomem(err);
        squashed = 0;
    }
    return true;
}

bool sum_read(struct arena *arena, const char *path, struct set *ret, struct err *err)
{
    struct sum_first first;
    struct sum_lines lines = {0};
    struct sum_fault fault;
    if (!sum_read_lines(arena, path, &first, &lines, err))
        return false;
    struct set set = {.dialect = first.dialect};
    if (!add_lines(arena, &lines, false, &set, err))
        return false;
    set.versioned = set.count;
    if (!add_lines(arena, &lines, true, &set, err) || !set_seal(arena, &set, err))
        return false;
    if (strcmp(set.digest.text, first.digest.text) != 0) {
        (void)sum_fail(&fault, 1, 1, "the digest does not fit the lines below it");
        return sum_refuse(path, &fault, err);
    }
    *ret = set;
    return true;
}

static const char fix_sum[] = "run \"pawl sum\"";

/* Where a finding about pawl.sum goes. */
struct check {
    struct arena *arena;
    const char *path;
    struct findings *findings;
};

static void add(const struct check *check, const char *rule, int line, int column,
                const char *format, ...) PRINTF_LIKE(5, 6);

static void add(const struct check *check, const char *rule, int line, int column,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *const what = arena_vprintf(check->arena, format, args);
    va_end(args);
    if (what == NULL)
        check->findings->failed = true;
    else
        finding_add(check->arena, check->findings,
                    &(struct finding){.rule = rule,
                                      .severity = SEVERITY_ERROR,
                                      .file = check->path,
                                      .line = line,
                                      .column = column,
                                      .what = what,
                                      .fix = fix_sum});
}

static const char *shown(const struct check *check, const char *id)
{
    const char *const text = fs_printable(check->arena, id);
    if (text == NULL)
        check->findings->failed = true;
    return text != NULL ? text : "";
}

static const char *mark_of_line(const struct sum_line *line)
{
    static const char marks[] = "ecbrq", *const alone[] = {"e", "c", "b", "r", "q"},
                      *const squashed[] = {"s", "sc", "sb", "s", "sq"};
    const size_t row = (size_t)(strchr(marks, line->mark) - marks);
    return line->squashed ? squashed[row] : alone[row];
}

static void check_mark(const struct check *check, const struct migration *migration,
                       const struct sum_line *line)
{
    const char *const mark = mark_of(migration), *const found = mark_of_line(line);
    if (strcmp(mark, found) != 0)
        add(check, "sum-mark", line->number, SUM_MARK_AT + 1, "\"%s\" has the mark %s, not %s",
            shown(check, migration->id), mark, found);
}

static void check_pair(const struct check *check, const struct migration *migration,
                       const struct sum_line *line)
{
    if (strcmp(migration->checksum.text, line->checksum.text) != 0)
        add(check, "sum-checksum", line->number, 1, "\"%s\" has the checksum %s, not %s",
            shown(check, migration->id), migration->checksum.text, line->checksum.text);
    check_mark(check, migration, line);
}

/* A line whose id the set does not have. */
static void check_other(const struct check *check, const struct set *set,
                        const struct sum_line *line)
{
    const struct migration *const replaced = set_find_replaced(set, line->id);
    if (replaced != NULL)
        check_mark(check, replaced, line);
    else if (!line->squashed)
        add(check, "sum-extra-line", line->number, 1, "there is no migration \"%s\"",
            shown(check, line->id));
}

/* Both sides sorted by id: one walk. */
static bool check_lines_with_set(const struct check *check, const struct set *set,
                                 const struct sum_lines *lines)
{
    const struct sum_line **const sorted = sum_sorted_by_id(check->arena, lines);
    if (sorted == NULL)
        return false;
    size_t i = 0, k = 0;
    while (i < set->count || k < lines->count) {
        const struct migration *const migration = i < set->count ? set->by_id[i] : NULL;
        const struct sum_line *const line = k < lines->count ? sorted[k] : NULL;
        const int order = migration == NULL ? 1
                          : line == NULL    ? -1
                                            : strcmp(migration->id, line->id);
        if (order < 0)
            add(check, "sum-missing-line", 0, 0, "\"%s\" has no line", shown(check, migration->id));
        else if (order == 0)
            check_pair(check, migration, line);
        else
            check_other(check, set, line);
        i += order <= 0;
        k += order >= 0;
    }
    return true;
}

/* The lines must stand as sum_write() puts them. False when memory is out. */
static bool check_order(const struct check *check, const struct set *set,
                        const struct sum_lines *lines)
{
    const struct migration **const ordered = in_line_order(check->arena, set);
    const size_t all = set->count + set->replaced.count;
    size_t i = 0;
    for (size_t k = 0; ordered != NULL && k < lines->count && i < all; k++) {
        const struct sum_line *const line = &lines->items[k];
        if (line->squashed && set_find_replaced(set, line->id) == NULL)
            continue;
        if (strcmp(line->id, ordered[i]->id) != 0) {
            add(check, "sum-format", line->number, line->id_column,
                "the lines are not in the order of the migrations: \"%s\" is expected here",
                shown(check, ordered[i]->id));
            break;
        }
        i++;
    }
    return ordered != NULL;
}

bool sum_check(struct arena *arena, const struct set *set, const char *path,
               struct findings *findings, struct err *err)
{
    const struct check check = {arena, path, findings};
    const size_t before = findings->count;
    char *text = NULL;
    size_t len = 0;
    struct sum_first first;
    struct sum_lines lines = {0};
    struct sum_fault fault;
    if (!fs_exists(path))
        return true;
    if (!fs_read(arena, path, SUM_MAX_BYTES, &text, &len, err))
        return false;
    if (!sum_parse(arena, (struct span){text, len}, &first, &lines, &fault)) {
        if (fault.what == NULL)
            return err_nomem(err);
        add(&check, "sum-format", fault.line, fault.column, "%s", fault.what);
        return !findings->failed || err_nomem(err);
    }
    if (first.dialect != set->dialect)
        add(&check, "sum-format", 1, (int)strlen(sum_format_words) + 1,
            "the dialect is %s, and that of the migrations %s", dialect_name(first.dialect),
            dialect_name(set->dialect));
    if (!check_lines_with_set(&check, set, &lines))
        return err_nomem(err);
    /* The rest follows from what is found already. */
    if (findings->count == before && !check_order(&check, set, &lines))
        return err_nomem(err);
    if (findings->count == before && strcmp(first.digest.text, set->digest.text) != 0)
        add(&check, "sum-digest", 1, 1, "the digest is %s, and that of the migrations %s",
            first.digest.text, set->digest.text);
    return !findings->failed || err_nomem(err);
}
