/* The table of formats, and what those for continuous integration share. */
#include "cli/format.h"

#include <string.h>

#include "base/hash.h"
#include "cli/repository.h"

static void format_human(struct cli *cli, bool ok, const struct err *err, int exit_code)
{
    (void)err;
    (void)exit_code;
    output_findings(&cli->output, &cli->findings, cli->command != NULL && cli->command->finds);
    if (ok && cli->summary != NULL)
        output_result(&cli->output, "%s\n", cli->summary);
}

const struct format formats[] = {
    {.name = "human", .print = format_human},
    {.name = "json", .document = true, .tells_error = true, .print = cli_print_report},
    {.name = "sarif", .document = true, .print = format_sarif},
    {.name = "github", .tells_error = true, .print = format_github},
    {.name = "gitlab", .document = true, .print = format_gitlab},
};
const size_t format_count = COUNT_OF(formats);

const struct format *format_find(const char *name)
{
    for (size_t i = 0; i < format_count; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

void format_tell(struct cli *cli)
{
    if (cli->output.quiet)
        return;
    output_findings(&cli->output, &cli->findings, false);
    if (cli->summary != NULL && findings_count(&cli->findings, SEVERITY_ERROR) == 0)
        output_chat(&cli->output, "%s", cli->summary);
}

/* ---- fingerprints ---- */

/* What stands in double quotes in a finding's sentence is its subject: an id, a key, a version. The
 * rest may be a number that changes from day to day. */
static void append_subject(struct str *out, const char *what)
{
    bool quoted = false;
    for (; *what != '\0'; what++) {
        quoted ^= *what == '"';
        if (quoted)
            str_putc(out, *what);
    }
}

static bool mark(struct arena *arena, const struct repository *repository,
                 const struct finding *finding, struct marked_finding *ret)
{
    CLEANUP(str_release) struct str said = {0};
    ret->finding = finding;
    ret->path = finding->file != NULL ? repository_path(arena, repository, finding->file) : ".";
    if (ret->path == NULL)
        return false;
    str_printf(&said, "%s\n%s\n", finding->rule, ret->path);
    append_subject(&said, finding->what);
    ret->fingerprint = hash_bytes(str_text(&said), said.len);
    return !said.failed;
}

static int compare_fingerprints(const void *a, const void *b)
{
    const struct marked_finding *const *const x = a, *const *const y = b;
    const int order = strcmp((*x)->fingerprint.text, (*y)->fingerprint.text);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* Equal ones are counted through in their order. */
static bool tell_apart(struct arena *arena, struct marked_finding *marked, size_t count)
{
    struct marked_finding **const sorted = arena_alloc(arena, (count + 1) * sizeof *sorted);
    if (sorted == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &marked[i];
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, compare_fingerprints);
    struct hash_hex first = {0};
    for (size_t i = 0, same = 0; i < count; i++) {
        char text[HASH_HEX_LEN + 24];
        same = strcmp(first.text, sorted[i]->fingerprint.text) == 0 ? same + 1 : 0;
        if (same == 0)
            first = sorted[i]->fingerprint;
        else {
            const int len = snprintf(text, sizeof text, "%s %zu", first.text, same);
            sorted[i]->fingerprint = hash_bytes(text, (size_t)len);
        }
    }
    return true;
}

const struct marked_finding *format_mark(struct cli *cli)
{
    const struct findings *const findings = &cli->findings;
    struct repository repository;
    struct marked_finding *const marked =
        arena_alloc(&cli->arena, (findings->count + 1) * sizeof *marked);
    if (marked == NULL || findings->failed || !repository_find(&cli->arena, &repository))
        return NULL;
    for (size_t i = 0; i < findings->count; i++)
        if (!mark(&cli->arena, &repository, &findings->items[i], &marked[i]))
            return NULL;
    return tell_apart(&cli->arena, marked, findings->count) ? marked : NULL;
}
