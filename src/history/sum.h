/*
 * pawl.sum: the set's checksums in one file, so that a review sees an edit and a container can ship
 * it alone for the start-up check.
 *
 *   pawl-sum 1 dialect=postgres digest=<hex>
 *   <checksum> <mark> <id>          mark: e expand, c contract, b background, r repeatable, q
 *                                         squash; s, sc, sb, sq: squashed away, what it was before
 *
 * Repeatables stand first, so that the start of the file says all that a start-up check needs. What
 * a squash replaced stands right above it.
 */
#ifndef PAWL_HISTORY_SUM_H
#define PAWL_HISTORY_SUM_H

#include "history/set.h"

#define SUM_FILE_NAME "pawl.sum"

/* The file's text for this set. */
bool sum_write(const struct set *set, struct str *out) MUST_CHECK;

/* What a start-up check needs of the file. */
struct sum_head {
    enum dialect dialect;
    struct hash_hex digest;
    const struct hash_hex *repeatables; /* their checksums */
    size_t repeatable_count;
};

/* Reads the first line, and no more unless repeatables follow. Errors: ERR_USAGE with line and
 * column. */
bool sum_read_head(struct arena *arena, const char *path, struct sum_head *ret,
                   struct err *err) MUST_CHECK;

struct sum_ids {
    const char **items;
    size_t count, capacity;
};

/* The ids of the contract migrations, with those that were squashed away, sorted. A line that is
 * not as it should be is passed over, and nothing is held against the digest: who misses an id here
 * reads all with sum_read(). Errors: ERR_USAGE. */
bool sum_read_contracts(struct arena *arena, const char *path, struct sum_ids *ret,
                        struct err *err) MUST_CHECK;

/* Reads all of it into a set without texts; refuses a digest that does not fit its lines. */
bool sum_read(struct arena *arena, const char *path, struct set *ret, struct err *err) MUST_CHECK;

/* Compares the set with the file at path: findings "sum-missing-line", "sum-extra-line",
 * "sum-checksum", "sum-mark", "sum-digest", "sum-format". No file at all is no finding. */
bool sum_check(struct arena *arena, const struct set *set, const char *path,
               struct findings *findings, struct err *err) MUST_CHECK;

#endif
