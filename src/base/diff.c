/* Longest common subsequence over lines, after what is equal at both ends is set aside. */
#include "base/diff.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"

enum { CONTEXT = 3, MAX_CELLS = 4 << 20 };

struct lines {
    struct span *items;
    size_t count, capacity;
};

struct sides {
    struct lines before, after;
    bool *kept_before, *kept_after; /* by line: it is in both */
};

static bool split(struct arena *arena, const char *text, struct lines *ret)
{
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n");
        struct span *const line = arena_push(arena, ret);
        if (line == NULL)
            return false;
        *line = (struct span){text, len};
        text += len + (text[len] == '\n');
    }
    return true;
}

static bool same(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* Marks the lines of a longest common subsequence of the two middles. */
static bool mark_common(struct arena *arena, const struct sides *sides, size_t from, size_t rows,
                        size_t columns)
{
    const size_t width = columns + 1;
    if (rows == 0 || columns == 0 || rows > MAX_CELLS / width)
        return true;
    uint32_t *const longest = arena_alloc(arena, (rows + 1) * width * sizeof *longest);
    if (longest == NULL)
        return false;
    const struct span *const a = sides->before.items + from, *const b = sides->after.items + from;
    for (size_t i = rows; i-- > 0;)
        for (size_t k = columns; k-- > 0;) {
            const uint32_t down = longest[(i + 1) * width + k], right = longest[i * width + k + 1];
            longest[i * width + k] = same(a[i], b[k]) ? longest[(i + 1) * width + k + 1] + 1
                                     : down > right   ? down
                                                      : right;
        }
    for (size_t i = 0, k = 0; i < rows && k < columns;) {
        if (same(a[i], b[k]))
            sides->kept_before[from + i++] = sides->kept_after[from + k++] = true;
        else if (longest[(i + 1) * width + k] >= longest[i * width + k + 1])
            i++;
        else
            k++;
    }
    return true;
}

static bool compare(struct arena *arena, const struct sides *sides)
{
    size_t rows = sides->before.count, columns = sides->after.count, from = 0;
    while (from < rows && from < columns &&
           same(sides->before.items[from], sides->after.items[from])) {
        sides->kept_before[from] = sides->kept_after[from] = true;
        from++;
    }
    while (rows > from && columns > from &&
           same(sides->before.items[rows - 1], sides->after.items[columns - 1]))
        sides->kept_before[--rows] = sides->kept_after[--columns] = true;
    return mark_common(arena, sides, from, rows - from, columns - from);
}

static void put_line(struct str *out, char mark, struct span line)
{
    str_putc(out, mark);
    str_append(out, line.at, line.len);
    str_putc(out, '\n');
}

/* How far a hunk reaches that starts here: until more lines than two contexts are equal. */
static void measure(const struct sides *sides, size_t i, size_t k, size_t *ret_i, size_t *ret_k)
{
    size_t equal = 0;
    *ret_i = i;
    *ret_k = k;
    while ((i < sides->before.count || k < sides->after.count) && equal <= 2 * (size_t)CONTEXT) {
        if (i < sides->before.count && !sides->kept_before[i]) {
            i++;
            equal = 0;
        } else if (k < sides->after.count && !sides->kept_after[k]) {
            k++;
            equal = 0;
        } else {
            i++;
            k++;
            equal++;
        }
        if (equal <= CONTEXT) {
            *ret_i = i;
            *ret_k = k;
        }
    }
}

static void put_hunk(const struct sides *sides, size_t i, size_t k, size_t end_i, size_t end_k,
                     struct str *out)
{
    str_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", i + (end_i > i), end_i - i, k + (end_k > k),
               end_k - k);
    while (i < end_i || k < end_k) {
        if (i < end_i && !sides->kept_before[i])
            put_line(out, '-', sides->before.items[i++]);
        else if (k < end_k && !sides->kept_after[k])
            put_line(out, '+', sides->after.items[k++]);
        else {
            put_line(out, ' ', sides->before.items[i++]);
            k++;
        }
    }
}

static void put_hunks(const struct sides *sides, struct str *out)
{
    for (size_t i = 0, k = 0; i < sides->before.count || k < sides->after.count;) {
        if (i < sides->before.count && k < sides->after.count && sides->kept_before[i] &&
            sides->kept_after[k]) {
            i++;
            k++;
            continue;
        }
        size_t context = 0, end_i, end_k;
        while (context < CONTEXT && context < i && context < k &&
               sides->kept_before[i - context - 1] && sides->kept_after[k - context - 1])
            context++;
        measure(sides, i, k, &end_i, &end_k);
        put_hunk(sides, i - context, k - context, end_i, end_k, out);
        i = end_i;
        k = end_k;
    }
}

void diff_lines(const char *old_text, const char *new_text, struct str *out)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct sides sides = {0};
    if (!split(&arena, old_text, &sides.before) || !split(&arena, new_text, &sides.after)) {
        out->failed = true;
        return;
    }
    sides.kept_before = arena_alloc(&arena, sides.before.count + 1);
    sides.kept_after = arena_alloc(&arena, sides.after.count + 1);
    if (sides.kept_before == NULL || sides.kept_after == NULL) {
        out->failed = true;
        return;
    }
    if (compare(&arena, &sides))
        put_hunks(&sides, out);
    else
        out->failed = true;
}
