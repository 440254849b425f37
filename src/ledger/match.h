/*
 * A set held against a ledger: which file is which applied migration, what is pending, what is
 * missing (the identity rule of docs/ledger.md).
 *
 * Ids first. What is left is matched by checksum: exactly one applied migration whose id is gone
 * and exactly one file of the same content, not empty, are one migration renamed, unless the new
 * name sorts after something applied later than it. What a squash replaces is matched as if its
 * files were there, and the squash is what they are. Pure: no database.
 */
#ifndef PAWL_LEDGER_MATCH_H
#define PAWL_LEDGER_MATCH_H

#include "history/set.h"
#include "ledger/state.h"

enum match_kind {
    MATCH_PENDING,
    MATCH_APPLIED,
    MATCH_RENAMED,    /* applied under a name that the set does not have; not yet recorded */
    MATCH_EDITED,     /* its id is applied with another checksum */
    MATCH_DOUBTFUL,   /* same content as something applied, and no rule says which */
    MATCH_CHANGED,    /* a repeatable whose checksum was not the last one applied */
    MATCH_RECOGNISED, /* a squash: all that it replaces is applied; not yet recorded */
    MATCH_SPLIT,      /* a squash: only a part of what it replaces is applied */
};

struct match {
    const struct migration *migration;
    enum match_kind kind;
    const struct applied *applied; /* NULL for MATCH_PENDING */
    bool out_of_order; /* pending, not empty, and older than the newest applied one; a background
                          backfill comes when it comes */
    bool held;         /* pending, and a contract migration that was held once */
    const char *doubt; /* MATCH_DOUBTFUL: why, a sentence without capital or stop */
    struct {
        const struct applied **items; /* MATCH_DOUBTFUL: each that it may be */
        size_t count, capacity;
    } readings;
};

/* A squash of the set, and how each migration that it replaces was matched. */
struct squash_match {
    const struct migration *squash;
    struct match *items;
    size_t count;
};

struct comparison {
    struct match *items; /* one a migration of the set, in the set's order */
    size_t count;
    struct {
        const struct applied *
            *items; /* applied, versioned, not empty, not in the set; by version */
        size_t count, capacity;
    } missing;
    struct {
        struct squash_match *items;
        size_t count, capacity;
    } squashes;
    size_t pending, renamed, edited, doubtful, changed, out_of_order;
    size_t held;                  /* of the pending ones */
    const struct applied *newest; /* by version, of the applied ones that the set has; NULL */
    bool older_code; /* something is missing, and nothing is pending that is not empty */
    bool trimmed;    /* all that is missing is older than the set's first file, and not all of the
                        set is pending */
    bool diverged;   /* something is missing that was not trimmed, and something is pending */
};

/* Takes the set's oddly named files that are applied into the set: such a name, however odd, stops
 * nothing any more. */
bool state_admit_odd(struct arena *arena, const struct state *state, struct set *set,
                     struct findings *findings, struct err *err) MUST_CHECK;

bool match_set(struct arena *arena, const struct set *set, const struct state *state,
               struct comparison *ret, struct err *err) MUST_CHECK;

/* For MATCH_EDITED: the file of the set that is this applied migration under another of its names.
 * Then nothing was edited: a new file has taken an old name. NULL when there is none. */
const struct migration *match_other_file(const struct set *set, const struct match *match);

#endif
