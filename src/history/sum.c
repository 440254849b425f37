/* Writing, reading and checking pawl.sum. */
#include "history/sum.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

static const char format_words[] = "pawl-sum 1 dialect=";

enum {
    SUM_MAX_BYTES = 64 << 20,
    MARK_AT = HASH_HEX_LEN + 1, /* in a line */
    ID_AT = HASH_HEX_LEN + 3,
    HEAD_MAX_BYTES = 256, /* the first line and the second one's mark fit */
};

static char mark_of(const struct migration *migration)
{
    if (migration->kind == KIND_REPEATABLE)
        return 'r';
    if (migration->phase == PHASE_CONTRACT)
        return 'c';
    return migration->background ? 'b' : 'e';
}

static void write_line(const struct migration *migration, struct str *out)
{
    str_printf(out, "%s %c %s\n", migration->checksum.text, mark_of(migration), migration->id);
}

bool sum_write(const struct set *set, struct str *out)
{
    str_printf(out, "%s%s digest=%s\n", format_words, dialect_name(set->dialect), set->digest.text);
    for (size_t i = set->versioned; i < set->count; i++)
        write_line(&set->items[i], out);
    for (size_t i = 0; i < set->versioned; i++)
        write_line(&set->items[i], out);
    return !out->failed;
}

struct head {
    enum dialect dialect;
    struct hash_hex digest;
};

/* One line of the file, without its line end. */
struct line {
    struct hash_hex checksum;
    char mark;
    const char *id;
    int number;
};

struct lines {
    struct line *items;
    size_t count, capacity;
};

/* Where reading stopped, and why; what is NULL while all is well. */
struct fault {
    int line, column;
    const char *what;
};

static bool fail(struct fault *fault, int line, size_t column, const char *what)
{
    *fault = (struct fault){line, (int)column, what};
    return false;
}

static bool read_hash(struct span text, struct hash_hex *ret)
{
    if (text.len < HASH_HEX_LEN || !hash_hex_valid(text.at, HASH_HEX_LEN))
        return false;
    memcpy(ret->text, text.at, HASH_HEX_LEN);
    ret->text[HASH_HEX_LEN] = '\0';
    return true;
}

static bool parse_head(struct span line, struct head *ret, struct fault *fault)
{
    static const char between[] = " digest=";
    const size_t words = strlen(format_words);
    char dialect[16];
    if (line.len < 9 || memcmp(line.at, "pawl-sum ", 9) != 0)
        return fail(fault, 1, 1, "the file does not start with \"pawl-sum 1\"");
    if (line.len < words || memcmp(line.at, format_words, words) != 0)
        return fail(fault, 1, 10, "the format is not 1: a newer pawl wrote it");
    const char *const name = line.at + words;
    const char *const space = memchr(name, ' ', line.len - words);
    const size_t len = space != NULL ? (size_t)(space - name) : line.len - words;
    if (len >= sizeof dialect)
        return fail(fault, 1, words + 1, "the dialect is not known");
    memcpy(dialect, name, len);
    dialect[len] = '\0';
    if (!dialect_parse(dialect, &ret->dialect))
        return fail(fault, 1, words + 1, "the dialect is not known");
    const struct span rest = {name + len, line.len - words - len};
    const size_t skipped = strlen(between);
    if (rest.len != skipped + HASH_HEX_LEN || memcmp(rest.at, between, skipped) != 0 ||
        !read_hash((struct span){rest.at + skipped, HASH_HEX_LEN}, &ret->digest))
        return fail(fault, 1, words + len + 1,
                    "digest= and 64 small hexadecimal digits are expected here");
    return true;
}

/* Takes a line off the front; a CR before its end goes too. False when no line end follows. */
static bool take_line(struct span *rest, struct span *ret)
{
    const char *const end = memchr(rest->at, '\n', rest->len);
    if (end == NULL)
        return false;
    size_t len = (size_t)(end - rest->at);
    *ret = (struct span){rest->at, len > 0 && end[-1] == '\r' ? len - 1 : len};
    *rest = (struct span){end + 1, rest->len - len - 1};
    return true;
}

static bool parse_line(struct arena *arena, struct span text, int number, struct line *ret,
                       struct fault *fault)
{
    if (!read_hash(text, &ret->checksum))
        return fail(fault, number, 1, "a checksum of 64 small hexadecimal digits is expected here");
    if (text.len < ID_AT || text.at[HASH_HEX_LEN] != ' ' || text.at[MARK_AT + 1] != ' ' ||
        strchr("ecbrs", text.at[MARK_AT]) == NULL || text.at[MARK_AT] == '\0')
        return fail(fault, number, MARK_AT + 1,
                    "a mark is expected here: e, c, b, r or s, between single blanks");
    if (text.len == ID_AT || memchr(text.at + ID_AT, '\0', text.len - ID_AT) != NULL)
        return fail(fault, number, ID_AT + 1, "an id is expected here");
    ret->mark = text.at[MARK_AT];
    ret->number = number;
    ret->id = arena_strndup(arena, text.at + ID_AT, text.len - ID_AT);
    return ret->id != NULL;
}

/* False with fault->what NULL: memory was out. */
static bool parse_all(struct arena *arena, struct span text, struct head *ret_head,
                      struct lines *ret_lines, struct fault *fault)
{
    struct span line;
    *fault = (struct fault){0};
    if (!take_line(&text, &line))
        return fail(fault, 1, 1, "the first line has no end");
    if (!parse_head(line, ret_head, fault))
        return false;
    for (int number = 2; text.len > 0; number++) {
        if (!take_line(&text, &line))
            return fail(fault, number, 1, "the file is cut short: its last line has no end");
        struct line *const item = arena_push(arena, ret_lines);
        if (item == NULL || !parse_line(arena, line, number, item, fault))
            return false;
    }
    return true;
}

static bool refuse(const char *path, const struct fault *fault, struct err *err)
{
    if (fault->what == NULL)
        return err_nomem(err);
    (void)err_set(err, ERR_USAGE, "%s", fault->what);
    err_at(err, path, fault->line, fault->column);
    err_hint(err, "Write the file anew with \"pawl sum\".");
    return false;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* only read */
}

static bool add_migration(struct arena *arena, struct set *set, const struct line *line)
{
    /* SHA-256 of nothing. */
    static const char nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct migration *const item = arena_push(arena, set);
    if (item == NULL)
        return false;
    *item = (struct migration){
        .id = line->id,
        .version = name_id_version(arena, line->id),
        .checksum = line->checksum,
        .empty = strcmp(line->checksum.text, nothing) == 0,
        .kind = line->mark == 'r'   ? KIND_REPEATABLE
                : line->mark == 'b' ? KIND_BACKFILL
                                    : KIND_SCHEMA,
        .phase = line->mark == 'c' ? PHASE_CONTRACT : PHASE_EXPAND,
        .background = line->mark == 'b',
        .lock_timeout_ms = -1,
        .batch = -1,
    };
    return item->version != NULL;
}

static int compare_line_ids(const void *a, const void *b)
{
    const struct line *const *const x = a, *const *const y = b;
    const int order = strcmp((*x)->id, (*y)->id);
    return order != 0 ? order : ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

/* NULL when memory is out. */
static const struct line **sorted_by_id(struct arena *arena, const struct lines *lines)
{
    const struct line **const sorted =
        arena_alloc(arena, (lines->count + 1) * sizeof(const struct line *));
    for (size_t i = 0; sorted != NULL && i < lines->count; i++)
        sorted[i] = &lines->items[i];
    if (sorted != NULL && lines->count > 1)
        qsort(sorted, lines->count, sizeof *sorted, compare_line_ids);
    return sorted;
}

/* No id twice, and the repeatables first, where sum_read_head() looks for them. */
static bool check_lines(struct arena *arena, const struct lines *lines, struct fault *fault)
{
    const struct line **const sorted = sorted_by_id(arena, lines);
    *fault = (struct fault){0};
    if (sorted == NULL)
        return false;
    for (size_t i = 1; i < lines->count; i++)
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
            return fail(fault, sorted[i]->number, ID_AT + 1, "an earlier line has this id");
    for (size_t i = 1; i < lines->count; i++)
        if (lines->items[i - 1].mark != 'r' && lines->items[i].mark == 'r')
            return fail(fault, lines->items[i].number, MARK_AT + 1,
                        "repeatables stand first, but another line stands above this one");
    return true;
}

static bool read_file(struct arena *arena, const char *path, struct head *ret_head,
                      struct lines *ret_lines, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    struct fault fault;
    if (!fs_read(arena, path, SUM_MAX_BYTES, &text, &len, err))
        return false;
    return (parse_all(arena, (struct span){text, len}, ret_head, ret_lines, &fault) &&
            check_lines(arena, ret_lines, &fault)) ||
           refuse(path, &fault, err);
}

static bool collect_repeatables(struct arena *arena, const char *path, struct sum_head *ret,
                                struct err *err)
{
    struct head head;
    struct lines lines = {0};
    if (!read_file(arena, path, &head, &lines, err))
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
    struct fault fault;
    struct head head;
    /* O_NONBLOCK: a FIFO that nobody writes must not hang the open. */
    CLEANUP(close_fd) const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (got < 0)
        return err_errno(err, ERR_USAGE, "cannot read %s", path);
    struct span rest = {bytes, (size_t)got}, line;
    if (!take_line(&rest, &line)) {
        (void)fail(&fault, 1, 1, "the first line is not that of a pawl.sum");
        return refuse(path, &fault, err);
    }
    if (!parse_head(line, &head, &fault))
        return refuse(path, &fault, err);
    *ret = (struct sum_head){.dialect = head.dialect, .digest = head.digest};
    return rest.len <= MARK_AT || rest.at[MARK_AT] != 'r' ||
           collect_repeatables(arena, path, ret, err);
}

/* The migrations of the lines that are repeatables, or that are not. What was squashed away is not
 * carried any more. */
static bool add_lines(struct arena *arena, const struct lines *lines, bool repeatables,
                      struct set *set, struct err *err)
{
    for (size_t i = 0; i < lines->count; i++) {
        const char mark = lines->items[i].mark;
        if (mark != 's' && (mark == 'r') == repeatables &&
            !add_migration(arena, set, &lines->items[i]))
            return err_nomem(err);
    }
    return true;
}

bool sum_read(struct arena *arena, const char *path, struct set *ret, struct err *err)
{
    struct head head;
    struct lines lines = {0};
    struct fault fault;
    if (!read_file(arena, path, &head, &lines, err))
        return false;
    struct set set = {.dialect = head.dialect};
    if (!add_lines(arena, &lines, false, &set, err))
        return false;
    set.versioned = set.count;
    if (!add_lines(arena, &lines, true, &set, err) || !set_seal(arena, &set, err))
        return false;
    if (strcmp(set.digest.text, head.digest.text) != 0) {
        (void)fail(&fault, 1, 1, "the digest does not fit the lines below it");
        return refuse(path, &fault, err);
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

static void check_pair(const struct check *check, const struct migration *migration,
                       const struct line *line)
{
    if (strcmp(migration->checksum.text, line->checksum.text) != 0)
        add(check, "sum-checksum", line->number, 1, "\"%s\" has the checksum %s, not %s",
            shown(check, migration->id), migration->checksum.text, line->checksum.text);
    if (mark_of(migration) != line->mark)
        add(check, "sum-mark", line->number, HASH_HEX_LEN + 2, "\"%s\" has the mark %c, not %c",
            shown(check, migration->id), mark_of(migration), line->mark);
}

/* Both sides sorted by id: one walk. */
static bool check_lines_with_set(const struct check *check, const struct set *set,
                                 const struct lines *lines)
{
    const struct line **const sorted = sorted_by_id(check->arena, lines);
    if (sorted == NULL)
        return false;
    size_t i = 0, k = 0;
    while (i < set->count || k < lines->count) {
        const struct migration *const migration = i < set->count ? set->by_id[i] : NULL;
        const struct line *const line = k < lines->count ? sorted[k] : NULL;
        const int order = migration == NULL ? 1
                          : line == NULL    ? -1
                                            : strcmp(migration->id, line->id);
        if (order < 0)
            add(check, "sum-missing-line", 0, 0, "\"%s\" has no line", shown(check, migration->id));
        else if (order == 0)
            check_pair(check, migration, line);
        else if (line->mark != 's')
            add(check, "sum-extra-line", line->number, 1, "there is no migration \"%s\"",
                shown(check, line->id));
        i += order <= 0;
        k += order >= 0;
    }
    return true;
}

/* The lines must stand as sum_write() puts them: repeatables, then the others, in set order. */
static void check_order(const struct check *check, const struct set *set, const struct lines *lines)
{
    size_t i = 0;
    for (size_t k = 0; k < lines->count && i < set->count; k++) {
        const size_t repeatables = set->count - set->versioned;
        const size_t item = i < repeatables ? set->versioned + i : i - repeatables;
        if (lines->items[k].mark == 's')
            continue;
        if (strcmp(lines->items[k].id, set->items[item].id) != 0) {
            add(check, "sum-format", lines->items[k].number, ID_AT + 1,
                "the lines are not in the order of the migrations: \"%s\" is expected here",
                shown(check, set->items[item].id));
            return;
        }
        i++;
    }
}

bool sum_check(struct arena *arena, const struct set *set, const char *path,
               struct findings *findings, struct err *err)
{
    const struct check check = {arena, path, findings};
    const size_t before = findings->count;
    char *text = NULL;
    size_t len = 0;
    struct head head;
    struct lines lines = {0};
    struct fault fault;
    if (!fs_exists(path))
        return true;
    if (!fs_read(arena, path, SUM_MAX_BYTES, &text, &len, err))
        return false;
    if (!parse_all(arena, (struct span){text, len}, &head, &lines, &fault)) {
        if (fault.what == NULL)
            return err_nomem(err);
        add(&check, "sum-format", fault.line, fault.column, "%s", fault.what);
        return !findings->failed || err_nomem(err);
    }
    if (head.dialect != set->dialect)
        add(&check, "sum-format", 1, (int)strlen(format_words) + 1,
            "the dialect is %s, and that of the migrations %s", dialect_name(head.dialect),
            dialect_name(set->dialect));
    if (!check_lines_with_set(&check, set, &lines))
        return err_nomem(err);
    /* The rest follows from what is found already. */
    if (findings->count == before)
        check_order(&check, set, &lines);
    if (findings->count == before && strcmp(head.digest.text, set->digest.text) != 0)
        add(&check, "sum-digest", 1, 1, "the digest is %s, and that of the migrations %s",
            head.digest.text, set->digest.text);
    return !findings->failed || err_nomem(err);
}
