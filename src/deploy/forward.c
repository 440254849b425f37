/* The table of what leads on, by SQLSTATE. */
#include "deploy/forward.h"

#include <string.h>

static const struct {
    const char *sqlstate; /* all five characters, or the two of a class */
    const char *hint;
} ways[] = {
    {"23", "`pawl probe` shows the rows that are in the way, `pawl probe --write-repair` writes a "
           "migration that mends them and runs before this one; then deploy again."},
    {"22", "`pawl probe` shows the values that are in the way, `pawl probe --write-repair` writes "
           "a migration that mends them and runs before this one; then deploy again."},
    {"2BP01", "Change or drop what depends on it first: `pawl new NAME` makes a migration, `pawl "
              "renumber FILE` puts this one behind it; then deploy again."},
    {"42P07", "It is there already. Where it is as it should be, take it out of the file, which "
              "is not applied yet; where other means have run the whole file, `pawl adopt --as-of "
              "ID` records it."},
    {"42710", "It is there already. Where it is as it should be, take it out of the file, which "
              "is not applied yet; then deploy again."},
    {"42701", "The column is there already. Where it is as it should be, take it out of the "
              "file, which is not applied yet; then deploy again."},
    {"42501", "Give the role of the deploy the right, or have [target] role name one that has "
              "it; then deploy again."},
    {"53100", "Free space on the server's disk; then deploy again."},
    {"42", "The file is not applied yet: correct it, then deploy again. `pawl rehearse` runs it "
           "in a copy of the schema."},
    {"", "Correct the file, which is not applied yet, or mend the cause; then deploy again."},
};

void forward_hint(struct err *err, bool part_way)
{
    if (err->hint != NULL || (err->code != ERR_FAILED && err->code != ERR_PARTIAL))
        return;
    if (part_way) {
        err_hint(err, "Mend the cause, and leave the file as it is: pawl deploy goes on where it "
                      "stopped.");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        if (strncmp(err->sqlstate, ways[i].sqlstate, strlen(ways[i].sqlstate)) == 0) {
            err_hint(err, "%s", ways[i].hint);
            return;
        }
}
