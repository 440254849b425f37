/*
 * What a folder held in a commit, asked of git.
 */
#ifndef PAWL_CHECK_GIT_H
#define PAWL_CHECK_GIT_H

#include "history/set.h"

/* The files that a migrations folder can need, sorted by path; only regular files have texts. */
struct git_files {
    struct set_file *items;
    size_t count, capacity;
};

struct git_base {
    const char *tip, *fork; /* full object ids: of the ref, and of its merge-base with HEAD */
    struct git_files tip_files, fork_files;
};

/*
 * Reads the folder as it was at ref and at the merge-base of ref and HEAD. ref is never an option,
 * whatever it starts with. Errors, all ERR_USAGE: no git, no repository around the folder, no such
 * commit, no common ancestor (a shallow clone, for one).
 */
bool git_read_base(struct arena *arena, const char *folder, const char *ref, struct git_base *ret,
                   struct err *err) MUST_CHECK;

#endif
