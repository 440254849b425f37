/*
 * What `pawl lint --fix` writes: statements that come to the same end and that nobody waits for.
 *
 * Lint collects what each rule would have written instead (struct lint_options); mend_texts() makes
 * texts of it. What has to be done in a later transaction goes into a sequel: a migration behind
 * the newest one, one for each file.
 */
#ifndef PAWL_CHECK_MEND_H
#define PAWL_CHECK_MEND_H

#include "history/set.h"

struct lint;
struct rule;
struct act;

struct mend {
    const struct rule *rule;
    const struct migration *migration;
    int line;
    const char *left; /* why it stays as it is; NULL: it is mended */
    struct mend_edit {
        size_t at, len; /* these bytes of the migration's text become: */
        const char *text;
    } edits[2];
    size_t edit_count;
    /* Of the sequel; NULL when there is none: what it is about, what it says, what it says behind
     * that of all the others (or NULL). */
    const char *table, *sequel, *last;
};

struct mends {
    struct mend *items;
    size_t count, capacity;
    struct {
        const char **items;
        size_t count, capacity;
    } partitioned; /* tables that the statements which were read make so, and their indexes */
    const struct migration *bound; /* the last one with SET LOCAL or LOCK, so far */
    bool failed;                   /* memory was out */
};

/* A file as it should be. */
struct mended {
    const char *path;
    const char *folder;    /* to make before it, in scheme folder; else NULL */
    const char *old, *new; /* old NULL: there is no such file yet */
};

struct mended_list {
    struct mended *items;
    size_t count, capacity;
};

struct mend_options {
    const struct set_options *files; /* where a sequel goes */
    const char *newest;              /* version of the set, or NULL */
    int64_t now_epoch_s;
};

/* The files as they should be, each followed by its sequel. What cannot be done after all is left,
 * with the reason in the mend. */
bool mend_texts(struct arena *arena, const struct mend_options *options, struct mends *mends,
                struct mended_list *ret, struct err *err) MUST_CHECK;

/* ---- for lint and the rules ---- */

/* Before the rules see the statement at hand. Where it takes away or renames what the sequel of an
 * earlier mend is about, that one is left. */
void mend_look_back(struct lint *lint);

/* Stays as it is; why: a clause that lives as long as the mends. */
void mend_leave(struct lint *lint, const struct rule *rule, const struct act *act, const char *why);

void mend_concurrently(struct lint *lint, const struct rule *rule, const struct act *act);
void mend_not_valid(struct lint *lint, const struct rule *rule, const struct act *act);
void mend_using_index(struct lint *lint, const struct rule *rule, const struct act *act);
void mend_not_null(struct lint *lint, const struct rule *rule, const struct act *act);

#endif
