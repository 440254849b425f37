/* `pawl config`: every setting with its value and where the value comes from. */
#include "check/shadow_place.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "conf/value.h"

struct listing {
    struct cli *cli;
    struct table *table;
    json_t *array;
    struct err *err;
};

/* "pawl.conf:3", "environment PAWL_NAMING", "flag --naming", "default". */
static const char *origin_text(struct cli *cli, const struct value *value)
{
    if (value->origin == ORIGIN_FILE)
        return arena_printf(&cli->arena, "%s:%d", cli->config.path, value->line);
    if (value->source != NULL)
        return arena_printf(&cli->arena, "%s %s", origin_name(value->origin), value->source);
    return origin_name(value->origin);
}

/* What may be shown of a URL; *ret_problem is why it cannot be used, else NULL. */
static bool show_url(struct cli *cli, const struct value *value, const char **ret_shown,
                     const char **ret_problem, struct err *err)
{
    struct url url;
    const bool pointer = url_is_pointer(value->text);
    CLEANUP(err_release) struct err problem = {0};
    *ret_problem = NULL;
    if (url_parse(&cli->arena, value->text, config_folder_of(&cli->config, value), &url,
                  &problem)) {
        *ret_shown =
            pointer ? arena_printf(&cli->arena, "%s (%s)", value->text, url.display) : url.display;
        return *ret_shown != NULL || err_nomem(err);
    }
    if (problem.code == ERR_NOMEM || problem.message == NULL)
        return err_nomem(err);
    *ret_problem = arena_strdup(&cli->arena, problem.message);
    *ret_shown = pointer ? value->text : "(not usable)";
    return *ret_problem != NULL || err_nomem(err);
}

/* A row of the table, and the object of the JSON array. */
static bool list_value(const struct listing *listing, size_t i, const char *section,
                       const struct value *value)
{
    struct cli *cli = listing->cli;
    const char *shown = value->text, *problem = NULL;
    const bool is_url = i == SETTING_URL || (i == SETTING_SHADOW && shadow_is_url(value->text));
    if (is_url && !show_url(cli, value, &shown, &problem, listing->err))
        return false;
    const char *origin = origin_text(cli, value);
    const char *name = arena_printf(&cli->arena, "[%s] %s", section, settings[i].name);
    const char *text =
        problem != NULL ? arena_printf(&cli->arena, "%s: %s", shown, problem) : shown;
    if (origin == NULL || name == NULL || text == NULL)
        return err_nomem(listing->err);
    const char *const cells[] = {name, text, origin};
    json_t *object =
        json_pack("{so so so so so so so so}", "section", cli_json_text(section), "name",
                  cli_json_text(settings[i].name), "value", cli_json_text(shown), "problem",
                  cli_json_text(problem), "origin", cli_json_text(origin_name(value->origin)),
                  "source", cli_json_text(value->source), "line",
                  value->line > 0 ? json_integer(value->line) : json_null(), "text",
                  cli_json_text(settings[i].text));
    if (json_array_append_new(listing->array, object) != 0)
        return err_nomem(listing->err);
    return table_add(&cli->arena, listing->table, cells, listing->err);
}

static bool list_target(const struct listing *listing, const struct target *target)
{
    const char *section = arena_printf(&listing->cli->arena, "target.%s", target->name);
    if (section == NULL)
        return err_nomem(listing->err);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (setting_of_target(&settings[i]) && !list_value(listing, i, section, &target->values[i]))
            return false;
    return true;
}

/* The target chosen by a flag alone; else all that are configured, and one from the environment. */
static bool list_targets(const struct listing *listing)
{
    struct cli *cli = listing->cli;
    struct target target;
    const char *name = cli_option(cli, "target"), *url = cli_option(cli, "url");
    CLEANUP(err_release) struct err none = {0};
    if (name != NULL || url != NULL)
        return config_target(&cli->arena, &cli->config, name, url, &target, listing->err) &&
               list_target(listing, &target);
    for (size_t i = 0; i < cli->config.targets.count; i++)
        if (!list_target(listing, &cli->config.targets.items[i]))
            return false;
    if (!config_target(&cli->arena, &cli->config, NULL, NULL, &target, &none) ||
        target.values[SETTING_URL].origin != ORIGIN_ENVIRONMENT)
        return true;
    return list_target(listing, &target);
}

static bool run(struct cli *cli, struct err *err)
{
    static const struct table_column columns[] = {
        {"SETTING", false}, {"VALUE", false}, {"ORIGIN", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    json_t *array = json_array();
    const struct listing listing = {.cli = cli, .table = &table, .array = array, .err = err};
    bool ok = array != NULL || err_nomem(err);
    for (size_t i = 0; ok && i < SETTING_COUNT; i++)
        if (!setting_of_target(&settings[i]))
            ok = list_value(&listing, i, settings[i].section, &cli->config.values[i]);
    ok = ok && list_targets(&listing);
    if (!ok) {
        json_decref(array);
        return false;
    }
    cli_result(cli, "file", cli_json_text(cli->config.path));
    cli_result(cli, "settings", array);
    return table_print(&cli->arena, &cli->output, &table, err);
}

static const struct example examples[] = {
    {"pawl config", "lists every setting with its value and origin"},
    {"pawl config --target main --json", "those of one target, for a script"},
};

const struct command command_config = {
    .name = "config",
    .group = GROUP_SEE,
    .summary = "show every setting, its value and where it comes from",
    .usage = "",
    .about = "Values rank: default, pawl.conf, environment, flag. Passwords are not shown.",
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_CONFIG,
    .run = run,
};
