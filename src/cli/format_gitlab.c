/* Findings as a code quality report of GitLab. */
#include "cli/format.h"

/* A line is demanded: the first stands for the whole file. */
static json_t *json_finding(const struct marked_finding *marked)
{
    static const char *const severities[] = {"info", "minor", "major"};
    const struct finding *const finding = marked->finding;
    CLEANUP(str_release) struct str text = {0};
    str_puts(&text, finding->what);
    if (finding->fix != NULL)
        str_printf(&text, " (fix: %s)", finding->fix);
    return json_pack("{so ss ss ss s{so s{si}}}", "description",
                     text.failed ? NULL : cli_json_text(str_text(&text)), "check_name",
                     finding->rule, "fingerprint", marked->fingerprint.text, "severity",
                     severities[finding->severity], "location", "path", cli_json_text(marked->path),
                     "lines", "begin", finding->line > 0 ? finding->line : 1);
}

void format_gitlab(struct cli *cli, bool ok, const struct err *err, int exit_code)
{
    const struct marked_finding *const marked = format_mark(cli);
    json_t *const report = json_array();
    bool complete = marked != NULL && report != NULL;
    (void)ok;
    (void)err;
    (void)exit_code;
    for (size_t i = 0; complete && i < cli->findings.count; i++)
        complete = json_array_append_new(report, json_finding(&marked[i])) == 0;
    cli_print_json(cli, complete ? report : NULL);
    json_decref(report);
    format_tell(cli);
}
