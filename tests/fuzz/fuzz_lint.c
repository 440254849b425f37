/* check/lint: every rule, in both dialects, on whatever the statements are; findings have a place.
 */
#include <string.h>

#include "check/lint.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct migration migration = {.id = "1_a", .version = "1", .path = "1_a.sql"};
    const struct migration *const set[] = {&migration, &migration};
    if (size == 0)
        return 0;
    struct lint_options options = {.dialect = fuzz_dialect(data[0]), .alone = data[0] & 2};
    char *const text = fuzz_text(&fuzz, data + 1, size - 1);
    if (migration_read(&fuzz.arena, options.dialect, text, size - 1, &migration, &fuzz.findings,
                       &fuzz.err)) {
        HOLDS(lint_run(&fuzz.arena, &options, set, COUNT_OF(set), &fuzz.findings, &fuzz.err));
        fuzz_check_findings(&fuzz.findings, text, size - 1);
        for (size_t i = 0; i < fuzz.findings.count; i++)
            HOLDS(fuzz.findings.items[i].line <= 0 ||
                  rule_find(fuzz.findings.items[i].rule) != NULL);
    }
    fuzz_end(&fuzz);
    return 0;
}
