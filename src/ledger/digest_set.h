/*
 * A growing set of checksums with its digest: SHA-256 over the sorted checksums, one a line,
 * duplicates kept. The lines lie sorted in one buffer, so adding one is a move and hashing one
 * call.
 */
#ifndef PAWL_LEDGER_DIGEST_SET_H
#define PAWL_LEDGER_DIGEST_SET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/hash.h"

struct digest_set {
    char *lines;
    size_t count, capacity;
};

/* Of all these checksums, in any order: many at once, where adding each would move the rest. */
bool digest_set_fill(struct arena *arena, struct digest_set *set, const char *const *checksums,
                     size_t count) MUST_CHECK;
/* False when memory is out. */
bool digest_set_add(struct arena *arena, struct digest_set *set, const char *checksum) MUST_CHECK;
/* Removes one occurrence; nothing when there is none. */
void digest_set_remove(struct digest_set *set, const char *checksum);
/* A set of its own with the same checksums. */
bool digest_set_copy(struct arena *arena, const struct digest_set *set,
                     struct digest_set *ret) MUST_CHECK;
struct hash_hex digest_set_hash(const struct digest_set *set);

#endif
