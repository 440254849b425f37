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
    struct hash_hex digest;                  /* over migration_in_digest(), of replaced too */
    const struct migration **by_id;          /* count of them, sorted, for set_find() */
    const struct migration **replaced_by_id; /* the same of replaced */
    /* Files whose names were refused, read all the same: one of them may be applied or adopted, and
     * then it belongs to the set (set_admit()). */
    struct {
        struct migration *items;
        size_t count, capacity;
    } odd;
    /* What the set's squashes stand for, by the lines of pawl.sum: in version order. */
    struct {
        struct migration *items;
        size_t count, capacity;
    } replaced;
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
 * name or a text is a finding, "duplicate-version", "duplicate-id", "version-spelling" (a note) and
 * those of squash_load() among them. A bad name is left out of the set (see odd) unless the file's
 * head allows it with a reason, and no finding means a set without doubt. When most files fit
 * another scheme, one finding "naming-scheme" stands for all of their names.
 */
bool set_load(struct arena *arena, const struct set_options *options, struct set *ret,
              struct findings *findings, struct err *err) MUST_CHECK;

/* A file at or below the migrations folder that is not on disk: another commit's, for one. */
struct set_file {
    const char *path; /* relative to the folder: "x.sql", "x/up.sql" */
    const char *text; /* followed by a NUL; NULL when it is not known, as with a symbolic link */
    size_t len;
};

/* As set_load(), from files that are sorted bytewise by path and stay for as long as the set. One
 * whose text is not known has "" for its checksum. */
bool set_load_files(struct arena *arena, const struct set_options *options,
                    const struct set_file *files, size_t count, struct set *ret,
                    struct findings *findings, struct err *err) MUST_CHECK;

/* The migration with this id, NULL when there is none. Ids are found by a sorted index in
 * logarithmic time. */
const struct migration *set_find(const struct set *set, const char *id);

/* The same among the odd ones. */
const struct migration *set_find_odd(const struct set *set, const char *id);

/* The same among those that were squashed away. */
const struct migration *set_find_replaced(const struct set *set, const char *id);

/* True for a squash and one of those that it replaces. */
bool set_replaces(const struct migration *squash, const struct migration *replaced);

/* False for an odd name without any version, which says nothing of being a migration; the set gives
 * it the version "0". */
bool set_odd_has_version(const struct migration *odd);

/* False, ERR_USAGE, when set_load() has found that the names are of another scheme than the
 * configured one: then the set is no answer to anything. */
bool set_demand_scheme(const struct findings *findings, struct err *err) MUST_CHECK;

/* Takes the odd migration with this id into the set, as it turned out to be applied: its name's
 * findings become notes. An id that is not among the odd ones changes nothing. Pointers into
 * set->items are no longer valid. */
bool set_admit(struct arena *arena, struct set *set, const char *id, struct findings *findings,
               struct err *err) MUST_CHECK;

/* Computes by_id, replaced_by_id and digest; items are in their order already. */
bool set_seal(struct arena *arena, struct set *set, struct err *err) MUST_CHECK;

/* SHA-256 over the checksums, sorted, one a line (each with its line end), duplicates kept. Sorts
 * the array in place. An empty text when memory is out. */
struct hash_hex digest_of(struct arena *arena, const struct hash_hex **checksums, size_t count);

/* One finding "future-version" for each migration whose version lies more than 24 hours after
 * now; a note where the file allows it. */
bool set_check_future(struct arena *arena, const struct set *set, int64_t now_epoch_s,
                      struct findings *findings, struct err *err) MUST_CHECK;

#endif
