/* A migration's new name, and what goes along with it: its down part and its companion. */
#ifndef PAWL_HISTORY_RENAMING_H
#define PAWL_HISTORY_RENAMING_H

#include "base/fs.h"
#include "history/name.h"

struct renaming {
    const char *from, *to; /* directory entries */
};

struct renamings {
    struct renaming *items;
    size_t count, capacity;
};

/*
 * What to rename among these entries of the migrations folder so that the migration is called
 * new_entry. The migration itself comes last: when something fails before, it still has its old
 * name. In scheme folder all of it lies inside.
 */
bool renaming_plan(struct arena *arena, enum naming naming, const struct fs_names *entries,
                   const char *entry, const char *new_entry, struct renamings *ret,
                   struct err *err) MUST_CHECK;

/* Renames them all, in the folder. On failure err's state says what has its new name already. */
bool renaming_apply(struct arena *arena, const char *folder, const struct renamings *renamings,
                    struct err *err) MUST_CHECK;

#endif
