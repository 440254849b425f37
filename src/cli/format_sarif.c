/* Findings as SARIF 2.1.0, the format in which tools of static analysis exchange results. */
#include <string.h>

#include "check/rules.h"
#include "cli/format.h"

/* ---- rules ---- */

/* "text", and then "wrong:" and "right:" with their lines. */
static void put_help(struct str *out, const struct rule *rule, const char *title_format,
                     const char *example_format)
{
    const char *const titles[] = {"Wrong", "Right"};
    const char *const examples[] = {rule->example_bad, rule->example_good};
    str_puts(out, rule->fix);
    for (size_t i = 0; i < COUNT_OF(titles); i++)
        if (examples[i] != NULL) {
            str_puts(out, "\n\n");
            str_puts(out, titles[i]);
            str_puts(out, title_format);
            str_puts(out, example_format);
            str_puts(out, examples[i]);
            str_puts(out, example_format[0] != '\0' ? "\n```" : "");
        }
}

static json_t *json_rule(const struct rule *rule)
{
    CLEANUP(str_release) struct str text = {0}, markdown = {0};
    put_help(&text, rule, ":\n", "");
    put_help(&markdown, rule, ":\n\n", "```\n");
    if (text.failed || markdown.failed)
        return NULL;
    return json_pack("{ss s{ss} s{ss} s{ss ss} s{ss} s{sb}}", "id", rule->id, "shortDescription",
                     "text", rule->title, "fullDescription", "text", rule->why, "help", "text",
                     str_text(&text), "markdown", str_text(&markdown), "defaultConfiguration",
                     "level", severity_name(rule->severity), "properties", "fixable",
                     rule->fixer != FIXER_NONE);
}

/* -1, as SARIF says, for one that is not in the list. */
static int rule_index(const struct rule *rule)
{
    for (size_t i = 0; rule_at(i) != NULL; i++)
        if (rule_at(i) == rule)
            return (int)i;
    return -1;
}

static json_t *json_rules(void)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && rule_at(i) != NULL; i++)
        if (json_array_append_new(array, json_rule(rule_at(i))) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* ---- results ---- */

/* A URI reference: a name may hold any byte. */
static json_t *json_uri(const char *path)
{
    CLEANUP(str_release) struct str uri = {0};
    str_puts(&uri, path[0] == '/' ? "file://" : "");
    for (const char *c = path; *c != '\0'; c++)
        if (ascii_letter(*c) || ascii_digit(*c) || strchr("-._~/", *c) != NULL)
            str_putc(&uri, *c);
        else
            str_printf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
    return uri.failed ? NULL : json_string(str_text(&uri));
}

static json_t *json_location(const struct marked_finding *marked)
{
    const struct finding *const finding = marked->finding;
    json_t *const file =
        marked->path[0] == '/'
            ? json_pack("{so}", "uri", json_uri(marked->path))
            : json_pack("{so ss}", "uri", json_uri(marked->path), "uriBaseId", "%SRCROOT%");
    if (finding->line <= 0)
        return json_pack("{s{so}}", "physicalLocation", "artifactLocation", file);
    json_t *const region = finding->column > 0 ? json_pack("{si si}", "startLine", finding->line,
                                                           "startColumn", finding->column)
                                               : json_pack("{si}", "startLine", finding->line);
    return json_pack("{s{so so}}", "physicalLocation", "artifactLocation", file, "region", region);
}

static json_t *json_result(const struct marked_finding *marked)
{
    const struct finding *const finding = marked->finding;
    const struct rule *const rule = rule_find(finding->rule);
    CLEANUP(str_release) struct str text = {0};
    str_puts(&text, finding->what);
    if (finding->fix != NULL)
        str_printf(&text, "\nfix: %s", finding->fix);
    return json_pack("{ss si ss s{so} s[o] s{ss}}", "ruleId", finding->rule, "ruleIndex",
                     rule_index(rule), "level", severity_name(finding->severity), "message", "text",
                     text.failed ? NULL : cli_json_text(str_text(&text)), "locations",
                     json_location(marked), "partialFingerprints", "pawlFinding/v1",
                     marked->fingerprint.text);
}

static json_t *json_results(struct cli *cli)
{
    const struct marked_finding *const marked = format_mark(cli);
    json_t *array = marked != NULL ? json_array() : NULL;
    for (size_t i = 0; array != NULL && i < cli->findings.count; i++)
        if (json_array_append_new(array, json_result(&marked[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* ---- the run ---- */

/* What kept the check from being made; that it found errors did not. */
static json_t *json_invocation(bool made, const struct err *err, int exit_code)
{
    if (made)
        return json_pack("{sb si}", "executionSuccessful", 1, "exitCode", exit_code);
    return json_pack("{sb si s[{ss s{so}}]}", "executionSuccessful", 0, "exitCode", exit_code,
                     "toolExecutionNotifications", "level", "error", "message", "text",
                     cli_json_text(err->message != NULL ? err->message : err_meaning(err->code)));
}

void format_sarif(struct cli *cli, bool ok, const struct err *err, int exit_code)
{
    const bool made = ok || cli->summary != NULL;
    json_t *const report =
        json_pack("{ss ss s[{s{s{ss ss so}} ss s{s{s{ss}}} s[o] so}]}", "$schema",
                  "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs",
                  "tool", "driver", "name", "pawl", "semanticVersion", PAWL_VERSION, "rules",
                  json_rules(), "columnKind", "unicodeCodePoints", "originalUriBaseIds",
                  "%SRCROOT%", "description", "text", "the root of the repository", "invocations",
                  json_invocation(made, err, exit_code), "results", json_results(cli));
    cli_print_json(cli, report);
    json_decref(report);
    format_tell(cli);
}
