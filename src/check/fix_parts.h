/* What fix.c, fix_text.c and fix_name.c share. */
#ifndef PAWL_CHECK_FIX_PARTS_H
#define PAWL_CHECK_FIX_PARTS_H

#include "check/fix.h"
#include "check/rules.h"

/* One pass. */
struct fixing {
    struct arena *arena;   /* for what is recorded */
    struct arena *scratch; /* for this pass alone */
    const struct check_options *options;
    bool dry_run;
    struct set set;
    struct base base;
    struct findings findings;
    struct fixes *done, *left;
    bool sum_changes; /* pawl.sum has to say something else after what was done */
};

/* The finding is an error that this fixer mends. */
bool fix_wants(const struct finding *finding, enum fixer fixer);

/* Why a file of the base is left. */
extern const char fix_of_base[];

/* Both copy what they are given. */
bool fix_done(struct fixing *fixing, const struct fix *fix, struct err *err) MUST_CHECK;
bool fix_leave(struct fixing *fixing, const struct finding *finding, const char *why,
               struct err *err) MUST_CHECK;

/* Edits the texts of files. */
bool fix_texts(struct fixing *fixing, struct err *err) MUST_CHECK;

/* Renames files to what was meant. */
bool fix_names(struct fixing *fixing, struct err *err) MUST_CHECK;

/* Gives what is new and comes too late, or has a version that it cannot have, versions after the
 * newest, and then what is new and comes after it, so that their order stays. */
bool fix_versions(struct fixing *fixing, struct err *err) MUST_CHECK;

#endif
