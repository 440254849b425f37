/* What fix.c, fix_text.c, fix_phase.c and fix_name.c share. */
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

/* A file's text on its way, without its BOM, and what it says. */
struct draft {
    const char *text;
    size_t len;
    struct migration migration;
    struct findings findings;
};

/* These bytes become what was meant, or move to the head of the file as they are. */
struct edit {
    const char *rule, *meant;
    size_t at, len;
    bool to_head;
    int line; /* of the finding, where what was meant is a line of its own; else 0 */
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

/* Before the first statement: on a line of its own where that is possible. */
size_t fix_head_end(const struct fixing *fixing, const struct draft *draft);

/* As the draft has them. */
const char *fix_newline(const struct draft *draft);

/* The line that makes a contract step of a migration that breaks older code; no rule when it does
 * not, or is one already. */
void fix_find_phase(const struct fixing *fixing, const struct draft *draft, struct edit *ret);

/* Why that line is not written; *ret_why is NULL when it may be. */
bool fix_forbid_phase(struct fixing *fixing, const struct draft *before, const struct draft *after,
                      const char **ret_why, struct err *err) MUST_CHECK;

/* Renames files to what was meant. */
bool fix_names(struct fixing *fixing, struct err *err) MUST_CHECK;

/* Gives what is new and comes too late, or has a version that it cannot have, versions after the
 * newest, and then what is new and comes after it, so that their order stays. */
bool fix_versions(struct fixing *fixing, struct err *err) MUST_CHECK;

#endif
