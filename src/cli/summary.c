/* The line that people and logs end with, and the refusal. */
#include "cli/summary.h"

/* "2 errors", "1 warning". */
static const char *count_of(struct cli *cli, size_t count, const char *noun)
{
    return arena_printf(&cli->arena, "%zu %s%s", count, noun, count == 1 ? "" : "s");
}

bool summary_tell(struct cli *cli, size_t count, const char *noun, const char *more,
                  struct err *err)
{
    const size_t errors = findings_count(&cli->findings, SEVERITY_ERROR);
    const size_t warnings = findings_count(&cli->findings, SEVERITY_WARNING);
    const char *const files = count_of(cli, count, noun);
    const char *const errors_text = errors > 0 ? count_of(cli, errors, "error") : "no errors";
    const char *const warnings_text = count_of(cli, warnings, "warning");
    if (files == NULL || errors_text == NULL || warnings_text == NULL)
        return err_nomem(err);
    cli->summary =
        cli->findings.count == 0
            ? arena_printf(&cli->arena, "checked %s: no findings", files)
            : arena_printf(&cli->arena, "checked %s: %s, %s", files, errors_text, warnings_text);
    if (cli->summary == NULL)
        return err_nomem(err);
    cli_result(cli, "migrations", json_integer((json_int_t)count));
    cli_result(cli, "errors", json_integer((json_int_t)errors));
    cli_result(cli, "warnings", json_integer((json_int_t)warnings));
    if (errors == 0)
        return true;
    (void)err_set(err, ERR_REFUSED, "%s, %s", errors_text, warnings_text);
    err_hint(err, "`pawl explain RULE` says what a rule is about%s.", more);
    return false;
}
