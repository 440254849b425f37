/* The texts, one a kind of migration. */
#include "history/template.h"

#include <string.h>

static const struct template templates[] = {
    [KIND_SCHEMA] = {NULL, "-- Say why, then the statements. They run in one transaction."},
    [KIND_DATA] = {"kind=data", "-- INSERT, UPDATE and DELETE, in one transaction. For many rows "
                                "take kind=backfill."},
    [KIND_BACKFILL] = {"kind=backfill table=TABLE key=id batch=5000",
                       "-- Put the table and its key above, and one UPDATE or DELETE below. It "
                       "runs batch by\n-- batch, so it must be right to run it twice."},
    [KIND_REPEATABLE] = {"kind=repeatable", "-- A view or a function, written so that it can run "
                                            "again: CREATE OR REPLACE. It runs whenever\n-- this "
                                            "file changes."},
};

const struct template *template_of(enum migration_kind kind)
{
    return &templates[kind];
}

bool template_stands(const char *text, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        /* The first line: an editor may have given the second one another end of line. */
        const size_t line = strcspn(templates[i].comment, "\n");
        if (memmem(text, len, templates[i].comment, line) != NULL)
            return true;
    }
    return false;
}
