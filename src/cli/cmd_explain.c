/* `pawl explain`: what a rule means. */
#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "check/rules.h"
#include "cli/commands.h"
#include "cli/table.h"

static const char *engines_text(unsigned engines)
{
    return engines == RULE_POSTGRES ? "postgres" : engines == RULE_SQLITE ? "sqlite" : "any engine";
}

static json_t *json_engines(unsigned engines)
{
    if (engines == RULE_ANY)
        return json_pack("[ss]", engine_name(ENGINE_POSTGRES), engine_name(ENGINE_SQLITE));
    return json_pack("[s]",
                     engine_name(engines == RULE_POSTGRES ? ENGINE_POSTGRES : ENGINE_SQLITE));
}

static json_t *json_rule(const struct rule *rule)
{
    return json_pack(
        "{so so so so so so so so so so sb}", "id", cli_json_text(rule->id), "severity",
        cli_json_text(severity_name(rule->severity)), "engines", json_engines(rule->engines),
        "title", cli_json_text(rule->title), "why", cli_json_text(rule->why), "fix",
        cli_json_text(rule->fix), "fixer", cli_json_text(fixer_text(rule->fixer)), "fixed_by",
        cli_json_text(fixer_command(rule->fixer)), "example_bad", cli_json_text(rule->example_bad),
        "example_good", cli_json_text(rule->example_good), "linted", (int)rule_is_linted(rule));
}

static bool list(struct cli *cli, struct err *err)
{
    static const struct table_column columns[] = {
        {"RULE", false}, {"SEVERITY", false}, {"WHAT", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    json_t *array = json_array();
    for (size_t i = 0; rule_at(i) != NULL; i++) {
        const struct rule *const rule = rule_at(i);
        const char *const cells[] = {rule->id, severity_name(rule->severity), rule->title};
        if (!table_add(&cli->arena, &table, cells, err) ||
            json_array_append_new(array, json_rule(rule)) != 0) {
            json_decref(array);
            return err_nomem(err);
        }
    }
    cli_result(cli, "rules", array);
    return table_print(&cli->arena, &cli->output, &table, err);
}

/* Examples of several lines are indented as a whole. */
static void print_example(struct cli *cli, const char *title, const char *text)
{
    if (text == NULL)
        return;
    output_result(&cli->output, "\n%s\n", title);
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n");
        output_result(&cli->output, "    %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static bool unknown(struct cli *cli, const char *id, struct err *err)
{
    const char **ids = rule_ids(&cli->arena);
    const char *printable = fs_printable(&cli->arena, id);
    if (ids == NULL || printable == NULL)
        return err_nomem(err);
    (void)err_set(err, ERR_USAGE, "unknown rule \"%s\"", printable);
    const char *near = suggest(id, ids, rule_count());
    if (near != NULL)
        err_hint(err, "Did you mean `pawl explain %s`?", near);
    else
        err_hint(err, "`pawl explain --list` lists the rules.");
    return false;
}

static bool run(struct cli *cli, struct err *err)
{
    if (cli_flag(cli, "list") && cli->words.count > 0)
        return err_set(err, ERR_USAGE, "--list takes no rule");
    if (cli_flag(cli, "list"))
        return list(cli, err);
    if (cli->words.count == 0) {
        (void)err_set(err, ERR_USAGE, "`pawl explain` needs a rule");
        err_hint(err, "`pawl explain --list` lists the rules.");
        return false;
    }
    const struct rule *rule = rule_find(cli->words.items[0]);
    if (rule == NULL)
        return unknown(cli, cli->words.items[0], err);
    cli_result(cli, "rule", json_rule(rule));
    output_result(&cli->output, "%s: %s\n%s, %s\n\n%s\n\n%s\n", rule->id, rule->title,
                  severity_name(rule->severity), engines_text(rule->engines), rule->why, rule->fix);
    if (rule->fixer != FIXER_NONE)
        output_result(&cli->output, "\n`pawl %s --fix` %s.\n", fixer_command(rule->fixer),
                      fixer_text(rule->fixer));
    print_example(cli, "wrong", rule->example_bad);
    print_example(cli, "right", rule->example_good);
    return true;
}

static const struct option options[] = {
    {.name = "list", .text = "list all rules"},
};

static const struct example examples[] = {
    {"pawl explain name-precision", "says what the rule is about and how to put it right"},
    {"pawl explain --list", "lists all rules"},
};

const struct command command_explain = {
    .name = "explain",
    .group = GROUP_SEE,
    .summary = "say what a rule means and how to satisfy it",
    .usage = "RULE | --list",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 1,
    .word_offers = OFFER_RULES,
    .run = run,
};
