/* From the bytes of pawl.sum to its lines. */
#include "history/sum_lines.h"

#include <string.h>

#include "base/fs.h"

const char sum_format_words[] = "pawl-sum 1 dialect=";

bool sum_fail(struct sum_fault *fault, int line, size_t column, const char *what)
{
    *fault = (struct sum_fault){line, (int)column, what};
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

bool sum_parse_first(struct span line, struct sum_first *ret, struct sum_fault *fault)
{
    static const char between[] = " digest=";
    const size_t words = strlen(sum_format_words);
    char dialect[16];
    if (line.len < 9 || memcmp(line.at, "pawl-sum ", 9) != 0)
        return sum_fail(fault, 1, 1, "the file does not start with \"pawl-sum 1\"");
    if (line.len < words || memcmp(line.at, sum_format_words, words) != 0)
        return sum_fail(fault, 1, 10, "the format is not 1: a newer pawl wrote it");
    const char *const name = line.at + words;
    const char *const space = memchr(name, ' ', line.len - words);
    const size_t len = space != NULL ? (size_t)(space - name) : line.len - words;
    if (len >= sizeof dialect)
        return sum_fail(fault, 1, words + 1, "the dialect is not known");
    memcpy(dialect, name, len);
    dialect[len] = '\0';
    if (!dialect_parse(dialect, &ret->dialect))
        return sum_fail(fault, 1, words + 1, "the dialect is not known");
    const struct span rest = {name + len, line.len - words - len};
    const size_t skipped = strlen(between);
    if (rest.len != skipped + HASH_HEX_LEN || memcmp(rest.at, between, skipped) != 0 ||
        !read_hash((struct span){rest.at + skipped, HASH_HEX_LEN}, &ret->digest))
        return sum_fail(fault, 1, words + len + 1,
                        "digest= and 64 small hexadecimal digits are expected here");
    return true;
}

bool sum_take_line(struct span *rest, struct span *ret)
{
    const char *const end = memchr(rest->at, '\n', rest->len);
    if (end == NULL)
        return false;
    size_t len = (size_t)(end - rest->at);
    *ret = (struct span){rest->at, len > 0 && end[-1] == '\r' ? len - 1 : len};
    *rest = (struct span){end + 1, rest->len - len - 1};
    return true;
}

/* Takes the mark and the blank behind it off the front. An expanding migration that was squashed
 * away has "s" alone. */
static bool take_mark(struct span *text, struct sum_line *ret)
{
    const char *const blank = memchr(text->at, ' ', text->len);
    const size_t len = blank != NULL ? (size_t)(blank - text->at) : 0;
    if (len < 1 || len > 2)
        return false;
    ret->squashed = text->at[0] == 's';
    ret->mark = ret->squashed && len == 1 ? 'e' : text->at[len - 1];
    if (len == 2 && (!ret->squashed || strchr("cbq", ret->mark) == NULL))
        return false;
    *text = (struct span){blank + 1, text->len - len - 1};
    return ret->mark != '\0' && strchr("ecbrq", ret->mark) != NULL;
}

static bool parse_line(struct arena *arena, struct span text, int number, struct sum_line *ret,
                       struct sum_fault *fault)
{
    const size_t columns = text.len;
    *ret = (struct sum_line){.number = number};
    if (!read_hash(text, &ret->checksum))
        return sum_fail(fault, number, 1,
                        "a checksum of 64 small hexadecimal digits is expected here");
    const bool blank = text.len > SUM_MARK_AT && text.at[HASH_HEX_LEN] == ' ';
    text = blank ? (struct span){text.at + SUM_MARK_AT, text.len - SUM_MARK_AT}
                 : (struct span){text.at, 0};
    if (!blank || !take_mark(&text, ret))
        return sum_fail(fault, number, SUM_MARK_AT + 1,
                        "a mark is expected here: e, c, b, r, q or s, between single blanks");
    ret->id_column = (int)(columns - text.len) + 1;
    if (text.len == 0 || memchr(text.at, '\0', text.len) != NULL)
        return sum_fail(fault, number, (size_t)ret->id_column, "an id is expected here");
    ret->id = arena_strndup(arena, text.at, text.len);
    return ret->id != NULL;
}

bool sum_parse(struct arena *arena, struct span text, struct sum_first *ret_first,
               struct sum_lines *ret_lines, struct sum_fault *fault)
{
    struct span line;
    *fault = (struct sum_fault){0};
    if (!sum_take_line(&text, &line))
        return sum_fail(fault, 1, 1, "the first line has no end");
    if (!sum_parse_first(line, ret_first, fault))
        return false;
    for (int number = 2; text.len > 0; number++) {
        if (!sum_take_line(&text, &line))
            return sum_fail(fault, number, 1, "the file is cut short: its last line has no end");
        struct sum_line *const item = arena_push(arena, ret_lines);
        if (item == NULL || !parse_line(arena, line, number, item, fault))
            return false;
    }
    return true;
}

bool sum_refuse(const char *path, const struct sum_fault *fault, struct err *err)
{
    if (fault->what == NULL)
        return err_nomem(err);
    (void)err_set(err, ERR_USAGE, "%s", fault->what);
    err_at(err, path, fault->line, fault->column);
    err_hint(err, "Write the file anew with \"pawl sum\".");
    return false;
}

static int compare_ids(const void *a, const void *b)
{
    const struct sum_line *const *const x = a, *const *const y = b;
    const int order = strcmp((*x)->id, (*y)->id);
    return order != 0 ? order : ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

const struct sum_line **sum_sorted_by_id(struct arena *arena, const struct sum_lines *lines)
{
    const struct sum_line **const sorted =
        arena_alloc(arena, (lines->count + 1) * sizeof(const struct sum_line *));
    for (size_t i = 0; sorted != NULL && i < lines->count; i++)
        sorted[i] = &lines->items[i];
    if (sorted != NULL && lines->count > 1)
        qsort(sorted, lines->count, sizeof *sorted, compare_ids);
    return sorted;
}

static bool check_lines(struct arena *arena, const struct sum_lines *lines, struct sum_fault *fault)
{
    const struct sum_line **const sorted = sum_sorted_by_id(arena, lines);
    *fault = (struct sum_fault){0};
    if (sorted == NULL)
        return false;
    for (size_t i = 1; i < lines->count; i++)
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
            return sum_fail(fault, sorted[i]->number, (size_t)sorted[i]->id_column,
                            "an earlier line has this id");
    for (size_t i = 1; i < lines->count; i++)
        if (lines->items[i - 1].mark != 'r' && lines->items[i].mark == 'r')
            return sum_fail(fault, lines->items[i].number, SUM_MARK_AT + 1,
                            "repeatables stand first, but another line stands above this one");
    return true;
}

bool sum_read_lines(struct arena *arena, const char *path, struct sum_first *ret_first,
                    struct sum_lines *ret_lines, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    struct sum_fault fault;
    if (!fs_read(arena, path, SUM_MAX_BYTES, &text, &len, err))
        return false;
    return (sum_parse(arena, (struct span){text, len}, ret_first, ret_lines, &fault) &&
            check_lines(arena, ret_lines, &fault)) ||
           sum_refuse(path, &fault, err);
}

bool sum_line_migration(struct arena *arena, const struct sum_line *line, struct migration *ret)
{
    /* SHA-256 of nothing. */
    static const char nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    *ret = (struct migration){
        .id = line->id,
        .version = name_id_version(arena, line->id),
        .checksum = line->checksum,
        .empty = strcmp(line->checksum.text, nothing) == 0,
        .kind = line->mark == 'r'   ? KIND_REPEATABLE
                : line->mark == 'b' ? KIND_BACKFILL
                                    : KIND_SCHEMA,
        .phase = line->mark == 'c' ? PHASE_CONTRACT : PHASE_EXPAND,
        .background = line->mark == 'b',
        .squash = line->mark == 'q',
        .lock_timeout_ms = -1,
        .batch = -1,
    };
    return ret->version != NULL;
}
