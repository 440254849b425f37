/* The text of a migration that undoes another: from its down part, or else from its statements. */
#ifndef PAWL_CLI_REVERT_H
#define PAWL_CLI_REVERT_H

#include "cli/workspace.h"
#include "sql/undo.h"

struct revert {
    const struct migration *migration;
    const char *shown_id;  /* as it may be printed */
    struct span down;      /* the down part, as its author wrote it; at NULL: there is none */
    const char *down_path; /* of the file it stands in */
    struct undo_list list; /* without a down part: the statements */
    size_t marked;         /* how many of them need their author */
    bool breaks_code;      /* the new migration is a contract step */
};

/* Finds the migration by its id or file name and works out what undoes it. Errors: ERR_USAGE when
 * the folder does not hold it, and those of sql_undo(). */
bool revert_plan(struct cli *cli, const struct workspace *workspace, const char *id,
                 struct revert *ret, struct err *err) MUST_CHECK;

/* Where it comes from, in a comment above the directives; then the statements. */
void revert_write_head(const struct revert *revert, struct str *out);
void revert_write_body(const struct revert *revert, struct str *out);

/* Adds it to the JSON object. */
void revert_report(struct cli *cli, const struct revert *revert);

#endif
