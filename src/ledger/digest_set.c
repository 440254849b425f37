/* Sorted lines in one buffer. */
#include "ledger/digest_set.h"

#include <string.h>

enum { LINE_BYTES = HASH_HEX_LEN + 1 };

/* Where the checksum stands or would stand. */
static size_t position(const struct digest_set *set, const char *checksum)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (memcmp(set->lines + middle * LINE_BYTES, checksum, HASH_HEX_LEN) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool digest_set_add(struct arena *arena, struct digest_set *set, const char *checksum)
{
    if (set->count == set->capacity) {
        const size_t capacity = set->capacity != 0 ? set->capacity * 2 : 64;
        char *lines = arena_alloc(arena, capacity * LINE_BYTES);
        if (lines == NULL)
            return false;
        if (set->count > 0)
            memcpy(lines, set->lines, set->count * LINE_BYTES);
        set->lines = lines;
        set->capacity = capacity;
    }
    const size_t at = position(set, checksum);
    char *const line = set->lines + at * LINE_BYTES;
    memmove(line + LINE_BYTES, line, (set->count - at) * LINE_BYTES);
    memcpy(line, checksum, HASH_HEX_LEN);
    line[HASH_HEX_LEN] = '\n';
    set->count++;
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    return memcmp(a, b, HASH_HEX_LEN);
}

bool digest_set_fill(struct arena *arena, struct digest_set *set, const char *const *checksums,
                     size_t count)
{
    *set = (struct digest_set){.count = count, .capacity = count};
    if (count == 0)
        return true;
    set->lines = arena_alloc(arena, count * LINE_BYTES);
    if (set->lines == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        memcpy(set->lines + i * LINE_BYTES, checksums[i], HASH_HEX_LEN);
        set->lines[i * LINE_BYTES + HASH_HEX_LEN] = '\n';
    }
    qsort(set->lines, count, LINE_BYTES, compare_lines);
    return true;
}

void digest_set_remove(struct digest_set *set, const char *checksum)
{
    const size_t at = position(set, checksum);
    char *const line = set->lines + at * LINE_BYTES;
    if (at == set->count || memcmp(line, checksum, HASH_HEX_LEN) != 0)
        return;
    memmove(line, line + LINE_BYTES, (set->count - at - 1) * LINE_BYTES);
    set->count--;
}

bool digest_set_copy(struct arena *arena, const struct digest_set *set, struct digest_set *ret)
{
    *ret = (struct digest_set){.count = set->count, .capacity = set->count};
    if (set->count == 0)
        return true;
    ret->lines = arena_alloc(arena, set->count * LINE_BYTES);
    if (ret->lines == NULL)
        return false;
    memcpy(ret->lines, set->lines, set->count * LINE_BYTES);
    return true;
}

struct hash_hex digest_set_hash(const struct digest_set *set)
{
    return hash_bytes(set->count > 0 ? set->lines : "", set->count * LINE_BYTES);
}
