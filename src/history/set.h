/*
 * The migrations that a checkout carries, in version order.
 */
#ifndef PAWL_HISTORY_SET_H
#define PAWL_HISTORY_SET_H

#include "history/migration.h"

struct set {
    struct migration *items; /* versioned ones in version order, then repeatables by id */
    size_t count, capacity;
    size_t versioned; /* how many of them are versioned */
    enum naming naming;
    enum dialect dialect;
    const char *folder;
    struct hash_hex digest; /* over migration_in_digest() */
};

struct set_options {
    const char *folder;
    enum naming naming;
    enum dialect dialect;
};

/* A file of more bytes than this is refused. */
enum { MIGRATION_MAX_BYTES = 256 << 20 };

/*
 * Reads the folder. Only an unreadable folder or file is an error (ERR_USAGE); what is wrong with a
 * name or a text is a finding, "duplicate-version" and "version-spelling" among them. A bad name
 * is left out of the set, and no finding means a set without doubt.
 */
bool set_load(struct arena *arena, const struct set_options *options, struct set *ret,
              struct findings *findings, struct err *err) MUST_CHECK;

/* The migration with this id, NULL when there is none. Ids are found by a sorted index in
 * logarithmic time. */
const struct migration *set_find(const struct set *set, const char *id);

/* SHA-256 over the checksums, sorted, one a line, duplicates kept. Sorts the array in place. */
struct hash_hex digest_of(struct arena *arena, const struct hash_hex **checksums, size_t count);

/* One finding "future-version" for each migration whose version lies more than 24 hours after
 * now. */
bool set_check_future(struct arena *arena, const struct set *set, int64_t now_epoch_s,
                      struct findings *findings, struct err *err) MUST_CHECK;

#endif
